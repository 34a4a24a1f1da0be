//! Bad records and bad configurations get a clear answer, and other connectors do not notice.

use longshore_test_servers::{Kind, Server, kafka, mongodb, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, committed, create_topic, header, read, text};
use super::mongo::Documents;
use super::simplelink::{quote, simplelink};
use super::worker::Worker;

const POISON: &str = r#"{"n": 1, "symbol": "#;

/// Sends quote 0, something that is not JSON, and quote 2.
fn send_with_poison(topic: &str) {
    let writer = Writer::new();
    for value in [&quote(0), POISON, &quote(2)] {
        writer.send(topic, Some("k"), Some(value));
    }
    writer.flush();
}

#[test]
fn a_poison_record_fails_its_task_with_its_place_and_nothing_else() {
    let (topic, other, database) = (unique("api-data"), unique("other"), unique("mydb"));
    let worker = Worker::start(kafka());
    worker.create("healthy", &simplelink(&other, &database, mongodb()));
    worker.create("poisoned", &simplelink(&topic, &unique("mydb"), mongodb()));
    send_with_poison(&topic);
    worker.wait_for_state("poisoned", "RUNNING", "FAILED");
    let status = worker.status("poisoned");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    let first = trace.lines().next().unwrap();
    assert!(first.contains(&format!("{topic}-0@1")) && first.contains("VALUE_CONVERTER"), "{trace}");
    assert!(trace.contains("Caused by: org.apache.kafka.connect.errors.DataException"), "{trace}");
    let writer = Writer::new();
    writer.send(&other, None, Some(&quote(7)));
    writer.flush();
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("the other connector's document", || documents.count() == 1);
    // A restart reads the record again and fails again; it is not skipped.
    assert_eq!(committed(kafka(), &worker.group("poisoned"), &topic), 1);
    let failures = || worker.log().matches(&format!("{topic}-0@1 of poisoned-0 failed")).count();
    let before = failures();
    assert_eq!(worker.request("POST", "/connectors/poisoned/tasks/0/restart").status, 204);
    worker.wait_until("a second failure", || failures() > before);
    worker.wait_for_state("poisoned", "RUNNING", "FAILED");
}

#[test]
fn a_tolerated_record_goes_to_the_dead_letter_queue_with_its_context() {
    let (topic, dead, database) = (unique("api-data"), unique("dead"), unique("mydb"));
    let worker = Worker::start(kafka());
    let mut config = simplelink(&topic, &database, mongodb());
    config["errors.tolerance"] = json!("all");
    config["errors.log.enable"] = json!(true);
    config["errors.deadletterqueue.topic.name"] = json!(dead);
    config["errors.deadletterqueue.topic.replication.factor"] = json!(1);
    config["errors.deadletterqueue.context.headers.enable"] = json!("true");
    worker.create("tolerant", &config);
    send_with_poison(&topic);
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("both good documents", || documents.count() == 2);
    let letters = read(&dead, 1);
    assert_eq!(text(&letters[0]), POISON);
    let context = |name: &str| header(&letters[0], &format!("__connect.errors.{name}")).unwrap_or_default();
    assert_eq!(context("topic"), topic);
    assert_eq!(context("partition"), "0");
    assert_eq!(context("offset"), "1");
    assert_eq!(context("connector.name"), "tolerant");
    assert_eq!(context("task.id"), "0");
    assert_eq!(context("stage"), "VALUE_CONVERTER");
    assert_eq!(context("class.name"), "org.apache.kafka.connect.json.JsonConverter");
    assert_eq!(context("exception.class.name"), "org.apache.kafka.connect.errors.DataException");
    assert!(context("exception.message").contains("serialization error"), "{}", context("exception.message"));
    worker.wait_for_state("tolerant", "RUNNING", "RUNNING");
    worker.wait_until("the record in the log", || worker.log().contains("Executing stage 'VALUE_CONVERTER'"));
}

#[test]
fn a_document_that_mongodb_refuses_goes_to_the_dead_letter_queue() {
    let (topic, dead, database) = (unique("api-data"), unique("dead"), unique("mydb"));
    Documents::of(mongodb(), &database, "api").require("n");
    let worker = Worker::start(kafka());
    let mut config = simplelink(&topic, &database, mongodb());
    config["errors.tolerance"] = json!("all");
    config["bulk.write.ordered"] = json!("false");
    config["errors.deadletterqueue.topic.name"] = json!(dead);
    config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
    config["errors.deadletterqueue.context.headers.enable"] = json!("true");
    worker.create("validated", &config);
    let writer = Writer::new();
    for value in [&quote(0), r#"{"other": 1}"#, &quote(2)] {
        writer.send(&topic, None, Some(value));
    }
    writer.flush();
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("both good documents", || documents.count() == 2);
    let letters = read(&dead, 1);
    assert_eq!(text(&letters[0]), r#"{"other": 1}"#);
    assert_eq!(header(&letters[0], "__connect.errors.stage").as_deref(), Some("TASK_PUT"));
    let message = header(&letters[0], "__connect.errors.exception.message").unwrap();
    assert!(message.contains("code=121"), "{message}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_every_reason() {
    let worker = Worker::start(kafka());
    let message = |name: &str, config: Value, status: u16| {
        let answer = worker.send("POST", "/connectors", &json!({ "name": name, "config": config }));
        assert_eq!(answer.status, status, "{}", answer.body);
        answer.body["message"].as_str().unwrap_or_default().to_owned()
    };
    let unknown = message("a", json!({ "connector.class": "com.example.NoSuchConnector", "topics": "t" }), 400);
    assert!(unknown.contains("Failed to find any class that implements Connector"), "{unknown}");
    let mut config = simplelink("t", "mydb", mongodb());
    config.as_object_mut().unwrap().remove("database");
    config["tasks.max"] = json!("none");
    config["max.batch.size"] = json!(-1);
    let missing = message("b", config, 400);
    assert!(missing.contains("Missing required configuration \"database\""), "{missing}");
    assert!(missing.contains("Invalid value none for configuration tasks.max"), "{missing}");
    assert!(missing.contains("Invalid value -1 for configuration max.batch.size"), "{missing}");
    let away = "mongodb://127.0.0.1:9/?connectTimeoutMS=300&serverSelectionTimeoutMS=300";
    let unreachable = message("c", simplelink("t", "mydb", away), 400);
    assert!(unreachable.contains("Unable to connect to the server."), "{unreachable}");
    assert_eq!(worker.request("GET", "/connectors").body, json!([]), "nothing of it was stored");
}

#[test]
fn wrong_credentials_are_refused_without_being_shown() {
    let server = Server::start(Kind::MongoWithLogin);
    let worker = Worker::start(kafka());
    let good = server.address();
    let wrong = good.replace("labpass", "s3cr3t-guess");
    let body = json!({ "name": "locked", "config": simplelink("t", "mydb", &wrong) });
    let answer = worker.send("POST", "/connectors", &body);
    assert_eq!(answer.status, 400, "{}", answer.body);
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("authentication failed"), "{message}");
    assert!(!message.contains("s3cr3t-guess") && !worker.log().contains("s3cr3t-guess"));
    worker.create("open", &simplelink(&unique("t"), "mydb", &good));
    worker.wait_for_state("open", "RUNNING", "RUNNING");
    assert!(!worker.log().contains("labpass"));
}

#[test]
fn a_tombstone_fails_the_task_with_connects_words() {
    let topic = unique("api-data");
    create_topic(&topic, 1);
    let worker = Worker::start(kafka());
    worker.create("tombstones", &simplelink(&topic, &unique("mydb"), mongodb()));
    let writer = Writer::new();
    writer.send(&topic, Some(r#"{"id": 1}"#), None);
    writer.flush();
    worker.wait_for_state("tombstones", "RUNNING", "FAILED");
    let status = worker.status("tombstones");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("Could not create write model"), "{trace}");
}
