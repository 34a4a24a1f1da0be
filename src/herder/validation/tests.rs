//! Replays what Kafka Connect 4.3.1 answered.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::*;
use crate::herder::golden;

fn validation(settings: &[(&str, &str)]) -> Validation {
    let worker = golden::worker(settings);
    Validation::new(Arc::new(Plugins::builtin()), Arc::new(worker))
}

fn request(body: &Json) -> RequestConfig {
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    body.as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

async fn validate(validation: &Validation, body: &Json) -> Reply<ConfigInfos> {
    validation.run(&request(body)).await
}

fn errors_of(infos: &ConfigInfos) -> Vec<(String, Vec<String>)> {
    let wrong = infos.configs.iter().filter(|config| !config.value.errors.is_empty());
    wrong.map(|config| (config.value.name.clone(), config.value.errors.clone())).collect()
}

#[tokio::test]
async fn validation_answers_are_those_of_connect() {
    let validation = validation(&[]);
    let mut replayed = 0;
    for case in golden::rest_cases("validate-").into_iter().filter(|case| case.status == 200) {
        let infos = validate(&validation, &case.body).await.unwrap_or_else(|error| panic!("{}: {error}", case.id));
        let answer = golden::normalised(serde_json::to_value(infos).unwrap());
        let expected = golden::normalised(case.answer);
        let differences = golden::differences(&expected, &answer);
        assert!(differences.is_empty(), "{}:\n{}", case.id, differences.join("\n"));
        replayed += 1;
    }
    assert!(replayed > 40, "only {replayed} cases were replayed");
}

#[test]
fn plugin_tables_are_those_of_connect() {
    let validation = validation(&[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/plugin-config");
    let mut replayed = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let golden: Json = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let class = golden["class"].as_str().unwrap();
        let Ok(table) = validation.table(class) else { continue };
        let answer = golden::normalised(serde_json::to_value(table).unwrap());
        let expected = golden::normalised(golden["body"].clone());
        let differences = golden::differences(&expected, &answer);
        assert!(differences.is_empty(), "{class}:\n{}", differences.join("\n"));
        replayed += 1;
    }
    assert!(replayed >= 27, "only {replayed} tables were compared");
}

#[test]
fn a_plugin_that_is_not_there_has_no_table() {
    let error = validation(&[]).table("NoSuchPlugin").unwrap_err();
    assert_eq!(error, HerderError::new(HerderErrorKind::NotFound, "Unknown plugin NoSuchPlugin."));
}

#[test]
fn configurations_from_the_field_get_the_errors_that_connect_gives() {
    let validation = validation(&[("plugin.path", "/plugins")]);
    let configs = golden::lines("real-configs.jsonl");
    let mut replayed = 0;
    for golden in golden::lines("real-configs-validate.jsonl") {
        let class = golden["class"].as_str().unwrap();
        let case = configs.iter().find(|config| config["id"] == golden["id"]).unwrap();
        let mut config = case["config"].clone();
        config.as_object_mut().unwrap().entry("name").or_insert_with(|| case["name"].clone());
        // What is not built in yet is refused here and taken there.
        let missing = |key: &str| {
            config[key]
                .as_str()
                .is_some_and(|class| validation.plugins.converter(class, ConverterKind::Record).is_none())
        };
        if validation.plugins.connector(class).is_err() || missing("key.converter") || missing("value.converter") {
            continue;
        }
        if config["name"].is_null() {
            config["name"] = json!("a-name");
        }
        let infos = validation.offline(&request(&config)).unwrap().infos;
        let expected: std::collections::BTreeMap<String, Vec<String>> =
            serde_json::from_value(golden["static_errors"].clone()).unwrap();
        // Settings that Longshore does not have yet are refused on purpose, in a text that says so.
        let refused = ["not supported yet by Longshore", "is not supported by Longshore: "];
        let on_purpose = |errors: &[String]| errors.iter().all(|error| refused.iter().any(|text| error.contains(text)));
        let found: std::collections::BTreeMap<_, _> =
            errors_of(&infos).into_iter().filter(|(_, errors)| !on_purpose(errors)).collect();
        assert_eq!(found, expected, "{}", golden["id"]);
        // The order of a converter's groups is that of a Java hash map.
        let mut groups: [Vec<String>; 2] = [infos.groups, serde_json::from_value(golden["groups"].clone()).unwrap()];
        groups.iter_mut().for_each(|groups| groups.sort());
        assert_eq!(groups[0], groups[1], "{}", golden["id"]);
        assert_eq!(json!(infos.configs.len()), golden["config_count"], "{}", golden["id"]);
        replayed += 1;
    }
    assert!(replayed >= 18, "only {replayed} configurations were replayed");
}

#[tokio::test]
async fn transforms_and_predicates_are_judged_as_connect_judges_them() {
    let validation = validation(&[]);
    for golden in golden::lines("transform-validation.jsonl") {
        let mut config = json!({"connector.class": "FileStreamSink", "name": "a", "topics": "t", "file": "/tmp/x"});
        config.as_object_mut().unwrap().extend(golden["config"].as_object().unwrap().clone());
        let infos = validate(&validation, &config).await.unwrap();
        let of_chain = |name: &str| ["transforms", "predicates"].contains(&name.split('.').next().unwrap_or_default());
        let mut answer = serde_json::to_value(&infos).unwrap();
        let mut configs: Vec<Json> = answer["configs"].as_array().unwrap().clone();
        configs.retain(|config| of_chain(config["value"]["name"].as_str().unwrap()));
        for config in &mut configs {
            if config["value"]["name"].as_str().unwrap().ends_with(".type") {
                config["value"].as_object_mut().unwrap().remove("recommended_values"); // those that are built in
            }
        }
        let names = |configs: &[Json]| configs.iter().map(|one| one["value"]["name"].clone()).collect::<Vec<_>>();
        let id = &golden["id"];
        assert_eq!(names(&configs), names(golden["configs"].as_array().unwrap()), "{id}: order of keys");
        answer["configs"] = Json::Array(configs);
        let found = golden::normalised(json!({"error_count": answer["error_count"], "configs": answer["configs"]}));
        let expected = golden::normalised(json!({"error_count": golden["error_count"], "configs": golden["configs"]}));
        let differences = golden::differences(&expected, &found);
        assert!(differences.is_empty(), "{id}:\n{}", differences.join("\n"));
        for group in golden["groups"].as_array().unwrap() {
            assert!(infos.groups.iter().any(|known| group == known), "{id}: {group}");
        }
    }
}

#[tokio::test]
async fn a_configuration_without_a_known_class_is_refused() {
    let validation = validation(&[]);
    let error = validate(&validation, &json!({"name": "a", "file": null})).await.unwrap_err();
    assert_eq!(error, bad_request("Connector config {name=a, file=null} contains no connector type".to_owned()));
    let error = validate(&validation, &json!({"connector.class": "NoSuch"})).await.unwrap_err();
    let start = "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements Connector \
                 and which name matches NoSuch, available connectors are: ";
    assert!(error.message.starts_with(start), "{error}");
    assert_eq!(error.kind, HerderErrorKind::BadRequest);
}

#[tokio::test]
async fn a_refusal_lists_every_error() {
    let config = json!({"connector.class": "FileStreamSink", "name": "a", "tasks.max": "x", "k": null});
    let infos = validate(&validation(&[]), &config).await.unwrap();
    assert_eq!(
        refusal(&infos).unwrap().message,
        "Connector configuration is invalid and contains the following 5 error(s):\n\
         Null value can not be supplied as the configuration value.\n\
         Invalid value x for configuration tasks.max: Not a number of type INT\n\
         Invalid value null for configuration tasks.max: Value must be non-null\n\
         Must configure one of topics or topics.regex\n\
         Must configure one of topics or topics.regex\n\
         You can also find the above list of errors at the endpoint \
         `/connector-plugins/{connectorType}/config/validate`"
    );
}

fn file_sink(more: &[(&str, &str)]) -> Json {
    let mut config = json!({"connector.class": "FileStreamSink", "name": "a", "topics": "t"});
    for (key, value) in more {
        config[*key] = json!(value);
    }
    config
}

#[tokio::test]
async fn a_sink_may_not_read_in_the_group_of_the_workers() {
    let validation = validation(&[("group.id", "connect-a")]);
    let infos = validate(&validation, &file_sink(&[])).await.unwrap();
    let text = "Consumer group for sink connector named a conflicts with Connect worker group connect-a";
    assert_eq!(errors_of(&infos), [("name".to_owned(), vec![text.to_owned()])]);

    let infos = validate(&validation, &file_sink(&[("consumer.override.group.id", "connect-a")])).await.unwrap();
    let text = "Consumer group connect-a conflicts with Connect worker group connect-a";
    assert_eq!(errors_of(&infos), [("consumer.override.group.id".to_owned(), vec![text.to_owned()])]);

    let infos = validate(&validation, &file_sink(&[("consumer.override.group.id", "mine")])).await.unwrap();
    assert_eq!(infos.error_count, 0);
}

#[tokio::test]
async fn the_override_policy_decides_which_client_settings_a_connector_has() {
    let config = file_sink(&[
        ("consumer.override.max.poll.records", "1"),
        ("consumer.override.security.protocol", "SSL"),
        ("producer.override.acks", "1"),
        ("errors.deadletterqueue.topic.name", "dead"),
    ]);
    let refused = |policy: &'static str, keys: &[(&str, &str)]| {
        let text = |name: &str| {
            format!("The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration.")
        };
        keys.iter().map(|(prefix, name)| (format!("{prefix}{name}"), vec![text(name)])).collect::<Vec<_>>()
    };
    let (producer, consumer) = ("producer.override.", "consumer.override.");
    let with = |policy: &'static str| validation(&[("connector.client.config.override.policy", policy)]);

    let infos = validate(&with("None"), &config).await.unwrap();
    let all = [(producer, "acks"), (consumer, "max.poll.records"), (consumer, "security.protocol")];
    assert_eq!(errors_of(&infos), refused("None", &all));
    assert_eq!(infos.error_count, 3);

    let infos = validate(&with("Principal"), &config).await.unwrap();
    assert_eq!(errors_of(&infos), refused("Principal", &[(producer, "acks"), (consumer, "max.poll.records")]));

    let infos = validate(&with("All"), &config).await.unwrap();
    assert_eq!(infos.error_count, 0);
}

#[tokio::test]
async fn secrets_of_overridden_clients_are_not_shown() {
    let config = file_sink(&[
        ("consumer.override.sasl.jaas.config", "user=u password=hunter2"),
        ("consumer.override.some.plugin.password", "hunter2"),
    ]);
    let infos = validate(&validation(&[]), &config).await.unwrap();
    assert!(!serde_json::to_string(&infos).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn classes_that_are_not_built_in_are_named_with_their_key() {
    let config = file_sink(&[("key.converter", "no.Such"), ("transforms", "a"), ("transforms.a.type", "no.Transform")]);
    let infos = validate(&validation(&[]), &config).await.unwrap();
    let text = |key: &str, class: &str| {
        let text = format!("Invalid value {class} for configuration {key}: Class {class} could not be found.");
        (key.to_owned(), vec![text])
    };
    assert_eq!(errors_of(&infos), [text("key.converter", "no.Such"), text("transforms.a.type", "no.Transform")]);
    assert!(infos.groups.contains(&"Transforms: a".to_owned()));
}

#[test]
fn version_ranges_are_read_as_maven_writes_them() {
    let range = |text: &str| versions::Range::parse(text).unwrap();
    assert_eq!(range("99").to_string(), "[99,99]");
    assert!(range("4.3.1").contains("4.3.1") && range("[4.3.1]").contains("4.3.1"));
    assert!(range("[4.0,5.0)").contains("4.3.1") && !range("[4.0,4.3.1)").contains("4.3.1"));
    assert!(range("(,4.10]").contains("4.9") && !range("(4.3.1,]").contains("4.3.1"));
    assert!(range("4.3").contains("4.3.0"));
    for wrong in ["", "[1", "(1)", "[1,2", "a b", "[", "["] {
        assert!(versions::Range::parse(wrong).is_none(), "{wrong}");
    }
}
