//! Chains of transforms on real servers: what they change, drop, route and refuse.

use std::fs;

use longshore_test_servers::{kafka, mongodb, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, committed, create_topic, header, read, text};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::{STRINGS, Worker};

const TRANSFORMS: &str = "org.apache.kafka.connect.transforms.";

/// A worker that commits often.
fn worker() -> Worker {
    Worker::start_with(kafka(), &[("CONNECT_OFFSET_FLUSH_INTERVAL_MS", "500")])
}

/// A transform: alias, class name (of Apache Kafka's the simple one), settings.
pub(crate) type Link<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Adds a chain to a configuration.
pub(crate) fn with_chain(mut config: Value, chain: &[Link<'_>]) -> Value {
    let aliases: Vec<&str> = chain.iter().map(|(alias, _, _)| *alias).collect();
    config["transforms"] = json!(aliases.join(","));
    for (alias, class, settings) in chain {
        config[format!("transforms.{alias}.type")] = json!(full_name(class));
        for (key, value) in *settings {
            config[format!("transforms.{alias}.{key}")] = json!(value);
        }
    }
    config
}

/// The full name of a transform's class.
pub(crate) fn full_name(class: &str) -> String {
    if class.contains('.') { class.to_owned() } else { format!("{TRANSFORMS}{class}") }
}

/// Adds a predicate to a configuration.
fn with_predicate(mut config: Value, class: &str, settings: &[(&str, &str)]) -> Value {
    config["predicates"] = json!("p");
    config["predicates.p.type"] = json!(format!("{TRANSFORMS}predicates.{class}"));
    for (key, value) in settings {
        config[format!("predicates.p.{key}")] = json!(value);
    }
    config
}

#[test]
fn a_sink_gets_what_its_chain_leaves_and_dropped_records_are_committed() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    create_topic(&topic, 1);
    let worker = worker();
    let config = with_chain(
        simplelink(&topic, &database, mongodb()),
        &[
            ("drop", "Filter", &[("predicate", "p")]),
            ("where", "InsertField$Value", &[("topic.field", "from"), ("offset.field", "at")]),
            ("names", "ReplaceField$Value", &[("exclude", "venue"), ("renames", "symbol:ticker")]),
        ],
    );
    worker.create("chained", &with_predicate(config, "RecordIsTombstone", &[]));
    let writer = Writer::new();
    for number in 0..20 {
        writer.send(&topic, Some("key"), Some(&quote(number)));
        writer.send(&topic, Some("key"), None);
    }
    writer.flush();
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("20 documents", || documents.count() == 20);
    let document = documents.find("n", 7i64).unwrap();
    assert_eq!(document.get_str("ticker").unwrap(), "ZBZX");
    assert_eq!(document.get_str("from").unwrap(), topic);
    assert_eq!(document.get_i64("at").unwrap(), 14);
    assert!(!document.contains_key("symbol") && !document.contains_key("venue"), "{document:?}");
    // The last record is one that was dropped.
    let group = worker.group("chained");
    worker.wait_until("the commit of all 40", || committed(kafka(), &group, &topic) == 40);
    worker.wait_for_state("chained", "RUNNING", "RUNNING");
}

/// A chain that refuses quotes whose volume is no number.
fn casting(topic: &str, database: &str) -> Value {
    let config = simplelink(topic, database, mongodb());
    with_chain(config, &[("numbers", "Cast$Value", &[("spec", "volume:int32")])])
}

const REFUSED: &str = r#"{"n": 1, "volume": "many"}"#;

fn send_with_refused(topic: &str) {
    let writer = Writer::new();
    for value in [&quote(0), REFUSED, &quote(2)] {
        writer.send(topic, Some("k"), Some(value));
    }
    writer.flush();
}

#[test]
fn a_record_that_a_transform_refuses_goes_to_the_dead_letter_queue_with_its_context() {
    let (topic, dead, database) = (unique("api-data"), unique("dead"), unique("mydb"));
    let worker = worker();
    let mut config = casting(&topic, &database);
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(dead);
    config["errors.deadletterqueue.topic.replication.factor"] = json!(1);
    config["errors.deadletterqueue.context.headers.enable"] = json!(true);
    worker.create("casting", &config);
    send_with_refused(&topic);
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("both good documents", || documents.count() == 2);
    assert_eq!(documents.find("n", 2i64).unwrap().get_i32("volume").unwrap(), 1002);
    let letters = read(&dead, 1);
    assert_eq!(text(&letters[0]), REFUSED, "as Kafka held it");
    let context = |name: &str| header(&letters[0], &format!("__connect.errors.{name}")).unwrap_or_default();
    assert_eq!(context("topic"), topic);
    assert_eq!((context("partition"), context("offset")), ("0".to_owned(), "1".to_owned()));
    assert_eq!((context("connector.name"), context("task.id")), ("casting".to_owned(), "0".to_owned()));
    assert_eq!(context("stage"), "TRANSFORMATION");
    assert_eq!(context("class.name"), format!("{TRANSFORMS}Cast$Value"));
    assert_eq!(context("exception.class.name"), "org.apache.kafka.connect.errors.DataException");
    assert!(context("exception.message").contains("out of range"), "{}", context("exception.message"));
    assert!(context("exception.stacktrace").contains("DataException: "), "{}", context("exception.stacktrace"));
    let group = worker.group("casting");
    worker.wait_until("the commit past it", || committed(kafka(), &group, &topic) == 3);
}

#[test]
fn a_record_that_a_transform_refuses_fails_its_task_with_transform_and_place() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = worker();
    worker.create("strict", &casting(&topic, &database));
    send_with_refused(&topic);
    worker.wait_for_state("strict", "RUNNING", "FAILED");
    let status = worker.status("strict");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    let first = trace.lines().next().unwrap();
    let expected = format!("{topic}-0@1 of strict-0 failed in stage TRANSFORMATION, transform numbers: ");
    assert!(first.contains(&expected), "{trace}");
    assert_eq!(committed(kafka(), &worker.group("strict"), &topic).max(1), 1, "never past it");
}

#[test]
fn a_routed_record_goes_to_another_collection_and_its_own_topic_is_committed() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = worker();
    let mut config = simplelink(&topic, &database, mongodb());
    config.as_object_mut().unwrap().remove("collection"); // the topic's name, then
    // With a list, MongoDB's connector takes the topics of the list only, also behind a router.
    config.as_object_mut().unwrap().remove("topics");
    config["topics.regex"] = json!(topic);
    create_topic(&topic, 1); // one that comes later is found after `metadata.max.age.ms`, five minutes
    let route: &[(&str, &str)] = &[("regex", "api-(data).*"), ("replacement", "routed-$1")];
    worker.create("routed", &with_chain(config, &[("route", "RegexRouter", route)]));
    let writer = Writer::new();
    for number in 0..10 {
        writer.send(&topic, None, Some(&quote(number)));
    }
    writer.flush();
    let documents = Documents::of(mongodb(), &database, "routed-data");
    worker.wait_until("10 documents", || documents.count() == 10);
    let group = worker.group("routed");
    worker.wait_until("the commit", || committed(kafka(), &group, &topic) == 10);
    worker.wait_for_topics("routed", &[&topic]); // it reads its own topic only
}

#[test]
fn a_source_sends_what_its_chain_leaves_and_what_it_drops_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (topic, to) = (unique("lines"), unique("routed"));
    let input = folder.path().join("in.txt");
    fs::write(&input, "one\ntwo\n").unwrap();
    let config = json!({
        "connector.class": "FileStreamSource", "file": input, "topic": topic,
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
        "header.converter": STRINGS,
    });
    let chain: &[Link<'_>] = &[
        ("hoist", "HoistField$Value", &[("field", "line")]),
        ("stamp", "InsertHeader", &[("header", "source"), ("value.literal", "a file")]),
        ("route", "RegexRouter", &[("regex", ".*"), ("replacement", &to)]),
    ];
    let worker = worker();
    worker.create("lines", &with_chain(config.clone(), chain));
    let records = read(&to, 2);
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), [r#"{"line":"one"}"#, r#"{"line":"two"}"#]);
    assert_eq!(header(&records[1], "source").as_deref(), Some("a file"));
    worker.wait_for_topics("lines", &[&to]);

    // A second source drops everything: its offset is stored all the same.
    let dropping = with_chain(config, &[("drop", "Filter", &[])]);
    worker.create("dropping", &dropping);
    worker.wait_until("the offset of what was dropped", || {
        worker.request("GET", "/connectors/dropping/offsets").body["offsets"][0]["offset"]["position"] == json!(8)
    });
}
