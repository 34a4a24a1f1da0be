//! The internal topics are Kafka Connect's own: what Longshore writes is what Connect writes, and either takes over
//! from the other. `tests/golden/internal-topics` is what Connect wrote in a short life of eight connectors.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod connect;
mod form;
mod life;
mod topics;
#[path = "../end_to_end/worker.rs"]
mod worker;

use std::collections::{BTreeMap, BTreeSet};

use connect::KafkaConnect;
use form::{form, normalised};
use life::Life;
use longshore_test_servers::{Kind, Server, mongodb};
use serde_json::Value as Json;
use topics::{Record, Topics};
use worker::{Worker, wait_for};

/// A record that Longshore does not write: workers that sign no requests need no key.
const NOT_WRITTEN: &str = "session-key";

/// Kafka Connect's defaults, where the tests' workers have others.
const DEFAULTS: [(&str, &str); 2] =
    [("CONNECT_OFFSET_STORAGE_PARTITIONS", "25"), ("CONNECT_OFFSET_FLUSH_INTERVAL_MS", "60000")];

/// The values that each key got, one after the other.
fn histories(records: &[Record]) -> BTreeMap<String, Vec<String>> {
    let mut histories = BTreeMap::<String, Vec<String>>::new();
    for record in records.iter().filter(|record| record.key != NOT_WRITTEN) {
        histories.entry(record.key.clone()).or_default().push(form(record.value.as_deref()));
    }
    histories
}

/// The partition and the last value of each key.
fn latest(records: &[Record]) -> BTreeMap<String, (i32, String)> {
    records.iter().map(|record| (record.key.clone(), (record.partition, form(record.value.as_deref())))).collect()
}

/// Waits until both are equal; says where they are not.
fn wait_until_equal<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    worker: &Worker,
    expected: &BTreeMap<K, V>,
    mut look: impl FnMut() -> BTreeMap<K, V>,
) {
    let mut found = look();
    if wait_for(|| {
        found = look();
        found == *expected
    }) {
        return;
    }
    let keys: BTreeSet<&K> = expected.keys().chain(found.keys()).collect();
    let different: Vec<String> = keys
        .into_iter()
        .filter(|key| expected.get(key) != found.get(key))
        .map(|key| format!("{key:?}\n  expected {:?}\n  got      {:?}", expected.get(key), found.get(key)))
        .collect();
    panic!("{}\nThe worker said:\n{}", different.join("\n"), worker.log());
}

/// What `GET /connectors` shows of each connector.
fn shown(answer: Json) -> BTreeMap<String, Json> {
    let Json::Object(connectors) = answer else { panic!("no connectors: {answer}") };
    connectors.into_iter().map(|(name, connector)| (name, normalised(connector))).collect()
}

fn shown_by(worker: &Worker) -> BTreeMap<String, Json> {
    shown(worker.request("GET", "/connectors?expand=status&expand=info").body)
}

#[test]
fn a_life_of_connectors_leaves_the_records_that_kafka_connect_leaves() {
    let broker = Server::start(Kind::Kafka);
    let topics = Topics::of(&broker.address());
    let worker = Worker::start_with(&broker.address(), &DEFAULTS);
    let life = Life::golden(worker.folder(), mongodb());
    life.live(&worker, &topics);

    let written = |topic: &str| topics.read(&format!("{}-{topic}", worker.name));
    wait_until_equal(&worker, &latest(&life.records("pub-status")), || latest(&written("status")));
    wait_until_equal(&worker, &histories(&life.records("pub-configs")), || histories(&written("configs")));
    // The partition follows from the key, and that from this run's folder.
    wait_until_equal(&worker, &histories(&life.records("pub-offsets")), || histories(&written("offsets")));
}

#[test]
fn the_topics_of_a_kafka_connect_cluster_are_taken_over() {
    let broker = Server::start(Kind::Kafka);
    let topics = Topics::of(&broker.address());
    let folder = tempfile::tempdir().unwrap();
    let life = Life::golden(folder.path(), mongodb());
    life.prepare(&topics);
    for (topic, partitions) in [("pub-configs", 1), ("pub-offsets", 25), ("pub-status", 5)] {
        topics.create(topic, partitions, true);
        topics.write(topic, &life.records(topic));
    }
    topics.commit("connect-file-sink", &[("pub-lines", 3), ("pub-lines2", 2)]);

    let worker = Worker::start_with(
        &broker.address(),
        &[
            ("CONNECT_CONFIG_STORAGE_TOPIC", "pub-configs"),
            ("CONNECT_OFFSET_STORAGE_TOPIC", "pub-offsets"),
            ("CONNECT_STATUS_STORAGE_TOPIC", "pub-status"),
        ],
    );
    wait_until_equal(&worker, &shown(life.expanded()), || shown_by(&worker));
    for (connector, offsets) in life.offsets() {
        let path = format!("/connectors/{connector}/offsets");
        let found = || BTreeMap::from([(connector.clone(), worker.request("GET", &path).body)]);
        wait_until_equal(&worker, &BTreeMap::from([(connector.clone(), offsets)]), found);
    }
}

#[test]
fn kafka_connect_takes_over_and_gives_back() {
    let broker = Server::start(Kind::Kafka);
    let topics = Topics::of(&broker.address());
    let mut worker = Worker::start_with(&broker.address(), &DEFAULTS);
    let life = Life::golden(worker.folder(), mongodb());
    life.live(&worker, &topics);
    wait_until_equal(&worker, &shown(life.expanded()), || shown_by(&worker));
    assert_eq!(worker.terminate(), Some(0));
    let configs = format!("{}-configs", worker.name);
    let before = topics.read(&configs).len();

    let connect = KafkaConnect::start(&broker.address(), &worker.name);
    // What it shows at first is what Longshore wrote; it has taken over when it says everything itself.
    let statuses = life.expanded().to_string().matches("worker_id").count();
    assert!(wait_for(|| connect.own_words() == statuses), "{}", connect.connectors());
    wait_until_equal(&worker, &shown(life.expanded()), || shown(connect.connectors()));
    let new: Vec<String> = topics.read(&configs).split_off(before).into_iter().map(|record| record.key).collect();
    assert_eq!(new, ["session-key"], "all else was as Kafka Connect would have written it");
    drop(connect);

    worker.start_again();
    wait_until_equal(&worker, &shown(life.expanded()), || shown_by(&worker));
}
