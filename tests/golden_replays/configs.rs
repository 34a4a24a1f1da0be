//! Connector configurations as people write them.

use std::collections::BTreeMap;

use longshore::plugins::{ConverterKind, Plugins};

use longshore_test_recorded as recorded;
use serde_json::{Value as Json, json};

use crate::compare::{normalised, request, validation};
use crate::support::golden::differences;

/// Connect shows a value that it refuses also where that holds a password; Longshore does not.
fn without_secret(expected: &str, found: &str) -> String {
    match (found.starts_with("Invalid value [hidden] for "), expected.split_once(" for configuration ")) {
        (true, Some((_, rest))) => format!("Invalid value [hidden] for configuration {rest}"),
        _ => expected.to_owned(),
    }
}

#[test]
fn configurations_from_the_field_get_the_errors_that_connect_gives() {
    let validation = validation(&[("plugin.path", "/plugins")]);
    let plugins = Plugins::builtin();
    let configs = recorded::lines("real-configs.jsonl");
    let mut replayed = 0;
    for golden in recorded::lines("real-configs-validate.jsonl") {
        let class = golden["class"].as_str().unwrap();
        let case = configs.iter().find(|config| config["id"] == golden["id"]).unwrap();
        let mut config = case["config"].clone();
        config.as_object_mut().unwrap().entry("name").or_insert_with(|| case["name"].clone());
        // What is not built in yet is refused here and taken there.
        let missing = |key: &str| {
            config[key].as_str().is_some_and(|class| plugins.converter(class, ConverterKind::Record).is_none())
        };
        if plugins.connector(class).is_err() || missing("key.converter") || missing("value.converter") {
            continue;
        }
        if config["name"].is_null() {
            config["name"] = json!("a-name");
        }
        let infos = validation.run_offline(&request(&config)).unwrap();
        let expected: BTreeMap<String, Vec<String>> = serde_json::from_value(golden["static_errors"].clone()).unwrap();
        // Settings that Longshore does not have yet are refused on purpose, in a text that says so.
        let refused = ["not supported yet by Longshore", "is not supported by Longshore: "];
        let on_purpose = |errors: &[String]| errors.iter().all(|error| refused.iter().any(|text| error.contains(text)));
        let values = infos.configs.iter().map(|config| (config.value.name.clone(), config.value.errors.clone()));
        let found: BTreeMap<_, _> = values.filter(|(_, errors)| !errors.is_empty() && !on_purpose(errors)).collect();
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(key, errors)| {
                let found = found.get(&key).map_or(&[][..], Vec::as_slice);
                let errors: Vec<String> = errors
                    .iter()
                    .enumerate()
                    .map(|(index, error)| without_secret(error, found.get(index).map_or("", String::as_str)))
                    .collect();
                (key, errors)
            })
            .collect();
        assert_eq!(found, expected, "{}", golden["id"]);
        // The order of a converter's groups is that of a Java hash map.
        let mut groups: [Vec<String>; 2] = [infos.groups, serde_json::from_value(golden["groups"].clone()).unwrap()];
        groups.iter_mut().for_each(|groups| groups.sort());
        assert_eq!(groups[0], groups[1], "{}", golden["id"]);
        assert_eq!(json!(infos.configs.len()), golden["config_count"], "{}", golden["id"]);
        replayed += 1;
    }
    assert!(replayed > 0 && (replayed >= 18 || !recorded::is_kept()), "only {replayed} configurations were replayed");
}

#[tokio::test]
async fn transforms_and_predicates_are_judged_as_connect_judges_them() {
    let validation = validation(&[]);
    for golden in recorded::lines("transform-validation.jsonl") {
        let mut config = json!({"connector.class": "FileStreamSink", "name": "a", "topics": "t", "file": "/tmp/x"});
        config.as_object_mut().unwrap().extend(golden["config"].as_object().unwrap().clone());
        let infos = validation.run(&request(&config)).await.unwrap();
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
        let found = normalised(json!({"error_count": answer["error_count"], "configs": answer["configs"]}));
        let expected = normalised(json!({"error_count": golden["error_count"], "configs": golden["configs"]}));
        let differences = differences(&expected, &found);
        assert!(differences.is_empty(), "{id}:\n{}", differences.join("\n"));
        for group in golden["groups"].as_array().unwrap() {
            assert!(infos.groups.iter().any(|known| group == known), "{id}: {group}");
        }
    }
}
