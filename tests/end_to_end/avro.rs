//! Records with schemas of a registry, from end to end.

use std::fs;

use longshore_test_servers::{Kind, Server, kafka, mongodb, registry, unique};
use serde_json::{Value, json};

use super::kafka::{header, read};
use super::mongo::Documents;
use super::registry::{file_sink, latest, register, send, with_converter};
use super::simplelink::simplelink;
use super::worker::Worker;

const SCHEMA: &str = r#"{"type":"record","name":"Quote","namespace":"a","fields":[
    {"name":"n","type":"int"},{"name":"symbol","type":"string"},{"name":"note","type":["null","string"],"default":null}]}"#;

/// A quote as Confluent's serializer writes it; n is at most 63.
fn quote(id: i32, n: u8) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), &[n * 2, 8], b"KAFK", &[0]].concat()
}

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";

fn with_avro(config: Value, url: &str) -> Value {
    with_converter(AVRO, url, config)
}

#[test]
fn avro_records_reach_mongodb_as_documents_and_a_file_as_text() {
    let (topic, database) = (unique("quotes"), unique("mydb"));
    let worker = Worker::start(kafka());
    let id = register(registry(), &topic, "AVRO", SCHEMA);
    send(&topic, &[quote(id, 1), quote(id, 2)]);
    worker.create("documents", &with_avro(simplelink(&topic, &database, mongodb()), registry()));
    let file = worker.folder().join("out.txt");
    worker.create("lines", &with_avro(file_sink(&topic, &file), registry()));
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("both documents", || documents.count() == 2);
    let text = || fs::read_to_string(&file).unwrap_or_default();
    worker.wait_until("both lines", || text().lines().count() == 2);
    assert_eq!(text(), "Struct{n=1,symbol=KAFK}\nStruct{n=2,symbol=KAFK}\n");
    let plugins = worker.request("GET", "/connector-plugins?connectorsOnly=false").body;
    let listed = |class: &str| plugins.as_array().unwrap().iter().any(|one| one["class"] == class);
    assert!(listed(AVRO), "{plugins}");
}

#[test]
fn a_registry_that_is_away_holds_records_up_and_loses_none() {
    let topic = unique("quotes");
    let server = Server::start(Kind::Registry);
    let url = server.address();
    let worker = Worker::start(kafka());
    let id = register(&url, &topic, "AVRO", SCHEMA);
    send(&topic, &[quote(id, 1), quote(id, 2)]);
    server.freeze();
    let file = worker.folder().join("out.txt");
    // What is tolerated makes no difference: no record is to blame.
    let mut config = with_avro(file_sink(&topic, &file), &url);
    config["errors.tolerance"] = json!("all");
    config["value.converter.http.connect.timeout.ms"] = json!("2000");
    config["value.converter.http.read.timeout.ms"] = json!("2000");
    worker.create("patient", &config);
    worker.wait_until("a try", || worker.log().contains("records cannot be converted yet and are tried again"));
    worker.wait_for_state("patient", "RUNNING", "RUNNING");
    // A restart is heard while the task waits, and begins with the same records.
    assert_eq!(worker.request("POST", "/connectors/patient/tasks/0/restart").status, 204);
    server.go_on();
    let text = || fs::read_to_string(&file).unwrap_or_default();
    worker.wait_until("both lines", || text().lines().count() >= 2);
    assert_eq!(text(), "Struct{n=1,symbol=KAFK}\nStruct{n=2,symbol=KAFK}\n");
}

#[test]
fn bad_avro_records_are_named_or_go_to_the_dead_letter_queue() {
    let (topic, dead) = (unique("quotes"), unique("dead"));
    let worker = Worker::start(kafka());
    let id = register(registry(), &topic, "AVRO", SCHEMA);
    let cut = quote(id, 1)[..7].to_vec();
    send(&topic, &[quote(id, 1), b"{}".to_vec(), quote(1_000_000, 1), cut, quote(id, 2)]);
    let file = worker.folder().join("strict.txt");
    worker.create("strict", &with_avro(file_sink(&topic, &file), registry()));
    worker.wait_for_state("strict", "RUNNING", "FAILED");
    let status = worker.status("strict");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    let first = trace.lines().next().unwrap();
    assert!(first.contains(&format!("{topic}-0@1")) && first.ends_with("Unknown magic byte!"), "{trace}");
    assert!(trace.contains(&format!("DataException: Failed to deserialize data for topic {topic} to Avro: ")));

    let file = worker.folder().join("tolerant.txt");
    let mut config = with_avro(file_sink(&topic, &file), registry());
    config["errors.tolerance"] = json!("all");
    config["errors.deadletterqueue.topic.name"] = json!(dead);
    config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
    config["errors.deadletterqueue.context.headers.enable"] = json!("true");
    worker.create("tolerant", &config);
    let text = || fs::read_to_string(&file).unwrap_or_default();
    worker.wait_until("the good lines", || text().lines().count() == 2);
    let letters = read(&dead, 3);
    let offsets: Vec<String> =
        letters.iter().map(|letter| header(letter, "__connect.errors.offset").unwrap_or_default()).collect();
    assert_eq!(offsets, ["1", "2", "3"]);
    let trace = header(&letters[1], "__connect.errors.exception.stacktrace").unwrap();
    assert!(trace.contains("Error retrieving Avro value schema for id 1000000"), "{trace}");
    let trace = header(&letters[2], "__connect.errors.exception.stacktrace").unwrap();
    assert!(trace.contains(&format!("Error deserializing Avro message for id {id}")), "{trace}");
}

#[test]
fn a_source_registers_its_schema_and_what_it_writes_is_read_again() {
    let topic = unique("lines");
    let worker = Worker::start(kafka());
    let (from, to) = (worker.folder().join("in.txt"), worker.folder().join("out.txt"));
    fs::write(&from, "one\ntwo\n").unwrap();
    let source = json!({ "connector.class": "FileStreamSource", "topic": topic, "file": from, "tasks.max": "1" });
    worker.create("reader", &with_avro(source, registry()));
    worker.create("writer", &with_avro(file_sink(&topic, &to), registry()));
    worker.wait_until("both lines", || fs::read_to_string(&to).unwrap_or_default() == "one\ntwo\n");
    let registered = latest(&topic);
    assert_eq!(registered["schema"], r#""string""#);
}
