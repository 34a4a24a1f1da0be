//! Worker configurations as people write them: each starts, or says what it cannot take.

use std::collections::BTreeMap;

use longshore::config::{Mode, WorkerConfig, environment};
use longshore_api::{Props, Result};
use longshore_test_recorded as recorded;
use serde_json::Value as Json;

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// What cannot run here, or nowhere: the keys that its message has to name.
fn refusals() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        // A config provider of an operator that reads Kubernetes' API: secrets would stay variables.
        ("worker-strimzi-013", ["config.providers.secrets.class"].as_slice()),
        // A template that was never filled in; Kafka Connect refuses it as well.
        (
            "worker-properties-026",
            [
                "config.storage.replication.factor",
                "offset.storage.replication.factor",
                "status.storage.replication.factor",
            ]
            .as_slice(),
        ),
        // A Confluent extension that decides who may call the API.
        ("worker-env-145", ["rest.extension.classes", "key.converter", "group.id"].as_slice()),
    ])
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn properties(line: &Json) -> Props {
    let config = line["config"].as_object().unwrap();
    let mut pairs: Props = config.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    if line["kind"] == "env" {
        pairs = environment::read(pairs).props;
    }
    if line["kind"] == "strimzi" {
        // The operator fills these in.
        pairs.insert("bootstrap.servers".to_owned(), text(&line["bootstrapServers"]));
        for key in ["key.converter", "value.converter"] {
            pairs.entry(key.to_owned()).or_insert_with(|| JSON.to_owned());
        }
    }
    pairs
}

fn load(pairs: Props) -> Result<WorkerConfig> {
    let standalone = pairs.contains_key("offset.storage.file.filename");
    WorkerConfig::load(if standalone { Mode::Standalone } else { Mode::Distributed }, pairs, [])
}

#[test]
fn real_workers_start_or_say_what_they_cannot_take() {
    let mut refusals = refusals();
    let mut started = 0;
    for line in recorded::lines("real-workers.jsonl") {
        let id = line["id"].as_str().unwrap();
        match (load(properties(&line)), refusals.remove(id)) {
            (Ok(_), None) => started += 1,
            (Ok(_), Some(_)) => panic!("{id} starts, though it should not"),
            (Err(error), None) if recorded::is_kept() => panic!("{id} is refused: {error}"),
            (Err(error), None) => says_which_key(id, &error.to_string()),
            (Err(error), Some(named)) => {
                for key in named {
                    assert!(error.to_string().contains(key), "{id}: {key} is not named: {error}");
                }
            }
        }
    }
    assert!(started > 0);
    assert!(refusals.is_empty() || !recorded::is_kept(), "no such workers: {refusals:?}");
}

/// Each line of a refusal names a configuration.
fn says_which_key(id: &str, refusal: &str) {
    println!("{id} cannot start: {refusal}");
    for line in refusal.lines() {
        assert!(line.contains("onfiguration") || line.contains('.'), "{id}: {line}");
    }
}
