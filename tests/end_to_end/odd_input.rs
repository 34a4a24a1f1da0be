//! Records, topics and names that lie beyond what is usual: each gets a clear answer, a connector beside does not
//! notice, and nothing is lost.

use std::fs;

use longshore_test_servers::{kafka, mongodb, unique};
use rdkafka::Message;
use serde_json::{Value, json};

use super::kafka::{Writer, committed, create_topic, create_topic_with, read, topics};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::{Ended, STRINGS, Worker};

/// What MongoDB does not take in one document, with some room for what surrounds it.
const TOO_LARGE: usize = 17 << 20;
/// What a topic must take for that.
const LARGE_RECORDS: (&str, &str) = ("max.message.bytes", "20000000");

/// A healthy connector beside the one that is tried.
struct Neighbour {
    topic: String,
    documents: Documents,
}

impl Neighbour {
    fn beside(worker: &Worker) -> Self {
        let (topic, database) = (unique("neighbour"), unique("mydb"));
        create_topic(&topic, 1);
        worker.create("neighbour", &simplelink(&topic, &database, mongodb()));
        Self { topic, documents: Documents::of(mongodb(), &database, "api") }
    }

    /// It is asked to move one more record, and does.
    fn goes_on(&self, worker: &Worker) {
        let before = self.documents.count();
        let writer = Writer::new();
        writer.send(&self.topic, None, Some(&quote(1)));
        writer.flush();
        worker.wait_until("the neighbour's document", || self.documents.count() == before + 1);
        worker.wait_for_state("neighbour", "RUNNING", "RUNNING");
    }
}

fn trace(worker: &Worker, connector: &str) -> String {
    worker.status(connector)["tasks"][0]["trace"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_record_that_is_too_large_for_mongodb_is_named_and_kept() {
    let (topic, dead, database) = (unique("api-data"), unique("dead"), unique("mydb"));
    create_topic_with(&topic, 1, &[LARGE_RECORDS]);
    create_topic_with(&dead, 1, &[LARGE_RECORDS]);
    let worker = Worker::start(kafka());
    let neighbour = Neighbour::beside(&worker);
    let mut config = simplelink(&topic, &database, mongodb());
    worker.create("large", &config);
    let large = json!({ "n": 1, "text": "x".repeat(TOO_LARGE) }).to_string();
    let writer = Writer::new();
    for value in [&quote(0), &large, &quote(2)] {
        writer.send(&topic, None, Some(value));
    }
    writer.flush();
    worker.wait_for_state("large", "RUNNING", "FAILED");
    let why = trace(&worker, "large");
    assert!(why.contains(&format!("{topic}-0@1")) && why.contains("object to write is too large"), "{why}");
    assert!(!why.contains("xxxxxxxxxx"), "the record itself is not shown");
    neighbour.goes_on(&worker);
    assert_eq!(committed(kafka(), &worker.group("large"), &topic), 1, "it is not skipped");

    config["consumer.override.group.id"] = json!(worker.group("large"));
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(dead);
    config["errors.deadletterqueue.topic.replication.factor"] = json!(1);
    config["producer.override.max.request.size"] = json!("20000000");
    assert_eq!(worker.send("PUT", "/connectors/large/config", &config).status, 200);
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("the document behind it", || documents.find("n", 2).is_some());
    assert!(read(&dead, 1)[0].payload() == Some(large.as_bytes()), "the dead letter is the whole record");
    worker.wait_for_state("large", "RUNNING", "RUNNING");
    neighbour.goes_on(&worker);
}

#[test]
fn a_topic_that_does_not_exist_holds_nothing_up_and_is_read_once_it_does() {
    let (there, missing, database) = (unique("there"), unique("missing"), unique("mydb"));
    create_topic(&there, 1);
    let worker = Worker::start(kafka());
    let mut config = simplelink(&format!("{there},{missing}"), &database, mongodb());
    config["consumer.override.allow.auto.create.topics"] = json!("false");
    config["consumer.override.metadata.max.age.ms"] = json!("500");
    worker.create("patient", &config);
    let documents = Documents::of(mongodb(), &database, "api");
    let writer = Writer::new();
    writer.send(&there, None, Some(&quote(0)));
    writer.flush();
    worker.wait_until("the document of the topic that is there", || documents.count() == 1);
    worker.wait_for_state("patient", "RUNNING", "RUNNING");
    worker.wait_until("the missing topic in the log", || worker.log().contains(&missing));
    create_topic(&missing, 1);
    writer.send(&missing, None, Some(&quote(1)));
    writer.flush();
    worker.wait_until("the document of the topic that came later", || documents.count() == 2);
}

#[test]
fn a_topic_that_does_not_exist_is_created_where_the_broker_lets_consumers_do_so() {
    let (missing, worker) = (unique("missing"), Worker::start(kafka()));
    let file = worker.folder().join("lines.txt");
    worker.create("creator", &json!({ "connector.class": "FileStreamSink", "topics": missing, "file": file }));
    worker.wait_until("the topic", || topics().contains(&missing));
    let writer = Writer::new();
    writer.send(&missing, None, Some("\"first\""));
    writer.flush();
    worker.wait_until("its record", || fs::read_to_string(&file).is_ok_and(|text| text.contains("first")));
    // Its offsets can be altered, which needs the topic to be there.
    assert_eq!(worker.request("PUT", "/connectors/creator/stop").status, 204);
    let partition = json!({ "kafka_topic": missing, "kafka_partition": 0 });
    let change = json!({ "offsets": [{ "partition": partition, "offset": { "kafka_offset": 0 } }] });
    worker.wait_until("the change of its offsets", || {
        worker.send("PATCH", "/connectors/creator/offsets", &change).status == 200
    });
}

/// JSON with a byte in a string that begins no character.
const NOT_UTF8: &[u8] = b"{\"n\": 1, \"text\": \"a\xFFb\"}";

#[test]
fn a_record_that_is_not_utf8_is_named_by_json_and_mended_by_strings_as_in_java() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let neighbour = Neighbour::beside(&worker);
    let writer = Writer::new();
    writer.send(&topic, None, Some(&quote(0)));
    writer.send_bytes(&topic, None, Some(NOT_UTF8));
    writer.send(&topic, None, Some(&quote(2)));
    writer.flush();
    worker.create("json", &simplelink(&topic, &database, mongodb()));
    worker.wait_for_state("json", "RUNNING", "FAILED");
    let why = trace(&worker, "json");
    assert!(why.lines().next().unwrap().contains(&format!("{topic}-0@1")), "{why}");
    assert!(why.contains("UTF-8"), "{why}");
    assert_eq!(committed(kafka(), &worker.group("json"), &topic), 1, "it is not skipped");

    let file = worker.folder().join("lines.txt");
    let strings = json!({
        "connector.class": "FileStreamSink", "topics": topic, "file": file,
        "value.converter": STRINGS,
    });
    worker.create("strings", &strings);
    let lines = || fs::read_to_string(&file).unwrap_or_default();
    worker.wait_until("three lines", || lines().lines().count() == 3);
    assert_eq!(lines().lines().nth(1), Some("{\"n\": 1, \"text\": \"a\u{FFFD}b\"}"));
    neighbour.goes_on(&worker);
}

#[test]
fn a_config_topic_with_two_partitions_keeps_a_worker_from_starting() {
    let topic = unique("two-configs");
    create_topic_with(&topic, 2, &[("cleanup.policy", "compact")]);
    let variables = [("CONNECT_CONFIG_STORAGE_TOPIC", topic.as_str())];
    let Ended { code, log } = Worker::end_of(kafka(), &variables);
    assert_eq!(code, Some(2), "{log}");
    let expected = format!(
        "Topic '{topic}' supplied via the 'config.storage.topic' property is required to have a single partition in \
         order to guarantee consistency of connector configurations, but found 2 partitions."
    );
    assert!(log.contains(&expected), "{log}");
}

/// A connector's whole life, by its name as it stands in a path.
fn live(worker: &Worker, name: &str, path: &str) {
    let topic = unique("api-data");
    create_topic(&topic, 1);
    let config = simplelink(&topic, &unique("mydb"), mongodb());
    worker.create(name, &config);
    worker.wait_for_state(path, "RUNNING", "RUNNING");
    let at = format!("/connectors/{path}");
    assert_eq!(worker.request("GET", &at).body["name"], name);
    assert_eq!(worker.request("GET", &format!("{at}/config")).body["topics"], topic.as_str());
    assert_eq!(worker.request("PUT", &format!("{at}/pause")).status, 202);
    worker.wait_for_state(path, "PAUSED", "PAUSED");
    assert_eq!(worker.request("PUT", &format!("{at}/resume")).status, 202);
    worker.wait_for_state(path, "RUNNING", "RUNNING");
    assert_eq!(worker.request("POST", &format!("{at}/tasks/0/restart")).status, 204);
    assert_eq!(worker.request("DELETE", &at).status, 204);
    worker.wait_until("it to be gone", || worker.request("GET", &at).status == 404);
}

#[test]
fn connectors_of_unusual_names_are_reached_by_their_encoded_names() {
    let worker = Worker::start(kafka());
    let neighbour = Neighbour::beside(&worker);
    live(&worker, "two words", "two%20words");
    live(&worker, "größer?&#+ê", "gr%C3%B6%C3%9Fer%3F%26%23%2B%C3%AA");

    // Kafka Connect takes such a name too; its HTTP server then refuses every path that has it, and says so.
    let unaddressable = json!({ "connector.class": "FileStreamSink", "topics": "t", "file": "/dev/null" });
    worker.create("sla/sh", &unaddressable);
    for (method, what) in [("GET", ""), ("GET", "/status"), ("DELETE", "")] {
        assert_eq!(worker.request(method, &format!("/connectors/sla%2Fsh{what}")).status, 400, "{method} {what}");
    }
    let names = worker.request("GET", "/connectors").body;
    assert!(names.as_array().unwrap().contains(&Value::from("sla/sh")), "{names}");
    neighbour.goes_on(&worker);
}
