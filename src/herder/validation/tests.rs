//! What a validation says; the replays of recorded answers are in `tests/golden_replays`.

use serde_json::{Value as Json, json};

use super::*;
use crate::herder::golden;

fn validation(settings: &[(&str, &str)]) -> Validation {
    let worker = golden::worker(settings);
    Validation::new(Arc::new(Plugins::builtin()), Arc::new(worker))
}

fn request(body: &Json) -> RequestConfig {
    longshore_test_recorded::request(body).into_iter().collect()
}

async fn validate(validation: &Validation, body: &Json) -> Reply<ConfigInfos> {
    validation.run(&request(body)).await
}

fn errors_of(infos: &ConfigInfos) -> Vec<(String, Vec<String>)> {
    let wrong = infos.configs.iter().filter(|config| !config.value.errors.is_empty());
    wrong.map(|config| (config.value.name.clone(), config.value.errors.clone())).collect()
}

#[test]
fn a_plugin_that_is_not_there_has_no_table() {
    let error = validation(&[]).table("NoSuchPlugin").unwrap_err();
    assert_eq!(error, HerderError::new(HerderErrorKind::NotFound, "Unknown plugin NoSuchPlugin."));
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
