use std::collections::BTreeMap;

use longshore_api::{Props, Result};
use serde_json::Value as Json;

use crate::config::{Listener, Mode, OverridePolicy, WorkerConfig, environment, keys};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn distributed(more: &[(&str, &str)]) -> Result<WorkerConfig> {
    let mut all = props(&[
        ("group.id", "g"),
        ("config.storage.topic", "c"),
        ("offset.storage.topic", "o"),
        ("status.storage.topic", "s"),
        ("key.converter", JSON),
        ("value.converter", JSON),
    ]);
    all.extend(props(more));
    WorkerConfig::load(Mode::Distributed, all, [("HOST".to_owned(), "resolved".to_owned())])
}

#[track_caller]
fn refused(more: &[(&str, &str)], why: &str) {
    let error = distributed(more).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn defaults_are_those_of_kafka_connect() {
    let worker = distributed(&[("rest.advertised.host.name", "me")]).unwrap();
    assert_eq!(worker.bootstrap_servers, "localhost:9092");
    assert_eq!((worker.offset_flush_interval.as_millis(), worker.offset_flush_timeout.as_millis()), (60_000, 5_000));
    assert_eq!(worker.task_shutdown_timeout.as_millis(), 5_000);
    assert_eq!(worker.listeners, [Listener { scheme: "http".to_owned(), host: String::new(), port: 8083 }]);
    assert_eq!(&*worker.worker_id, "me:8083");
    assert_eq!(worker.override_policy, OverridePolicy::All);
    assert!(worker.topic_creation && worker.topic_tracking && worker.topic_tracking_reset);
    let topics = worker.topics.unwrap();
    assert_eq!((topics.config.partitions, topics.config.replication_factor), (1, 3));
    assert_eq!((topics.offset.partitions, topics.status.partitions), (25, 5));
    assert_eq!(topics.config.settings, props(&[("cleanup.policy", "compact")]));
}

#[test]
fn every_mistake_is_named_at_once() {
    let error = WorkerConfig::load(
        Mode::Distributed,
        props(&[
            ("offset.flush.interval.ms", "soon"),
            ("config.storage.replication.factor", "0"),
            ("offset.storage.topic", "x"),
            ("rest.extension.classes", "com.example.Guard"),
        ]),
        [],
    )
    .unwrap_err()
    .to_string();
    for key in [
        "group.id",
        "key.converter",
        "value.converter",
        "config.storage.topic",
        "status.storage.topic",
        "offset.flush.interval.ms",
        "config.storage.replication.factor",
        "rest.extension.classes",
    ] {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn what_would_be_unsafe_without_effect_is_refused() {
    let guard = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
    refused(&[("rest.extension.classes", guard)], "rest.extension.classes");
    refused(&[("listeners", "http://:8083,https://:8443")], "https listeners are not available");
    refused(&[("admin.listeners", "http://localhost:9090")], "admin.listeners");
    refused(&[("admin.listeners", "")], "admin.listeners");
    refused(&[("exactly.once.source.support", "enabled")], "exactly.once.source.support");
    refused(&[("connector.client.config.override.policy", "com.example.Strict")], "override.policy");
    assert!(distributed(&[("exactly.once.source.support", "disabled"), ("rest.extension.classes", "")]).is_ok());
}

#[test]
fn three_topics_have_three_names() {
    refused(&[("status.storage.topic", "c")], "must be three different topics");
}

#[test]
fn topics_get_their_further_settings() {
    let worker = distributed(&[
        ("offset.storage.partitions", "-1"),
        ("offset.storage.replication.factor", "1"),
        ("offset.storage.min.insync.replicas", "2"),
        ("offset.storage.cleanup.policy", "delete"),
        ("config.storage.partitions", "9"),
    ])
    .unwrap();
    let topics = worker.topics.as_ref().unwrap();
    assert_eq!(topics.offset.settings, props(&[("min.insync.replicas", "2"), ("cleanup.policy", "compact")]));
    assert_eq!((topics.offset.partitions, topics.offset.replication_factor), (-1, 1));
    assert_eq!(topics.config.partitions, 1);
    let ignored: Vec<_> = worker.warnings.iter().filter(|warning| warning.contains("is ignored")).collect();
    assert_eq!(ignored.len(), 2, "{ignored:?}");
}

#[test]
fn the_worker_is_known_by_its_advertised_address() {
    let id = |more: &[(&str, &str)]| distributed(more).unwrap().worker_id.to_string();
    assert_eq!(id(&[("listeners", "http://inside:1")]), "inside:1");
    assert_eq!(id(&[("listeners", "HTTP://[::1]:1")]), "[::1]:1");
    let advertised = [("rest.advertised.host.name", "out"), ("rest.advertised.port", "2")];
    assert_eq!(id(&[("listeners", "http://inside:1"), advertised[0], advertised[1]]), "out:2");
    let worker = distributed(&[("listeners", "http://here:0")]).unwrap().bound_to(4711);
    assert_eq!((&*worker.worker_id, worker.listeners[0].port), ("here:4711", 4711));
    assert_ne!(id(&[]), ":8083", "a host is found");
}

#[test]
fn listeners_that_are_none_are_refused_in_connects_words() {
    refused(&[("listeners", "localhost:8083")], "Listener doesn't have the right format (protocol://hostname:port).");
    refused(&[("listeners", "ftp://localhost:8083")], "Listener protocol must be either \"http\" or \"https\".");
    refused(&[("listeners", "http://localhost:99999")], "listeners");
    refused(&[("listeners", "")], "Empty list");
    refused(&[("connect.protocol", "gossip")], "Invalid Connect protocol compatibility");
}

#[test]
fn variables_are_resolved_and_secrets_stay_out_of_sight() {
    let worker = distributed(&[
        ("config.providers", "env"),
        ("config.providers.env.class", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"),
        ("bootstrap.servers", "${env:HOST}:9092"),
        ("value.converter.basic.auth.user.info", "user:hunter2"),
        ("plugin.path", "${env:HOST}"),
    ])
    .unwrap();
    assert_eq!(worker.bootstrap_servers, "resolved:9092");
    assert_eq!(worker.value_converter.props, props(&[("basic.auth.user.info", "user:hunter2")]));
    assert_eq!(worker.props["plugin.path"], "${env:HOST}");
    assert!(!format!("{worker:?} {:?}", worker.value_converter).contains("hunter2"));
}

#[test]
fn keys_without_effect_are_told() {
    let worker = distributed(&[("internal.key.converter", JSON), ("rest.port", "1"), ("zookeeper.connect", "z")]);
    let warnings = worker.unwrap().warnings.join("\n");
    for key in ["internal.key.converter", "rest.port", "zookeeper.connect"] {
        assert!(warnings.contains(key), "{warnings}");
    }
}

#[test]
fn a_standalone_worker_needs_a_file() {
    let alone = |more: &[(&str, &str)]| {
        let mut all = props(&[("key.converter", JSON), ("value.converter", JSON)]);
        all.extend(props(more));
        WorkerConfig::load(Mode::Standalone, all, [])
    };
    assert!(alone(&[]).unwrap_err().to_string().contains("offset.storage.file.filename"));
    let worker = alone(&[("offset.storage.file.filename", "/tmp/x")]).unwrap();
    assert!(worker.topics.is_none() && worker.group_id.is_empty());
    assert_eq!(worker.offsets_file.unwrap().to_str(), Some("/tmp/x"));
}

#[test]
fn every_key_stands_once_and_says_what_it_does() {
    let mut all = keys::common();
    all.extend(keys::distributed());
    all.extend(keys::standalone());
    let mut seen = std::collections::BTreeSet::new();
    for row in &all {
        assert!(seen.insert(row.key.name.clone()), "{} stands twice", row.key.name);
        assert!(row.key.doc.ends_with('.'), "{}", row.key.name);
    }
    // Every default must be a value that its own row takes.
    for entry in keys::def(&all).validate(&Props::new()) {
        let missing = entry.errors.iter().all(|error| error.starts_with("Missing required"));
        assert!(missing, "{:?}", entry.errors);
    }
}

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

fn real_worker(line: &Json) -> Result<WorkerConfig> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
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
    let standalone = pairs.contains_key("offset.storage.file.filename");
    let mode = if standalone { Mode::Standalone } else { Mode::Distributed };
    WorkerConfig::load(mode, pairs, [])
}

#[test]
fn real_workers_start_or_say_what_they_cannot_take() {
    let mut refusals = refusals();
    let lines = include_str!("real-workers.jsonl").lines();
    for line in lines.map(|line| serde_json::from_str::<Json>(line).unwrap()) {
        let id = line["id"].as_str().unwrap();
        match (real_worker(&line), refusals.remove(id)) {
            (Ok(_), None) => {}
            (Ok(_), Some(_)) => panic!("{id} starts, though it should not"),
            (Err(error), None) => panic!("{id} is refused: {error}"),
            (Err(error), Some(named)) => {
                for key in named {
                    assert!(error.to_string().contains(key), "{id}: {key} is not named: {error}");
                }
            }
        }
    }
    assert!(refusals.is_empty(), "no such workers: {refusals:?}");
}
