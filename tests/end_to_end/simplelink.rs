//! The run that every user begins with: POST simplelink.json, and records are documents a moment later.

use longshore_test_servers::{kafka, mongodb, unique};
use serde_json::{Value, json};

use super::kafka::Writer;
use super::mongo::Documents;
use super::worker::{STRINGS, Worker};

/// `configs/simplelink.json` with names of the test's own.
pub(crate) fn simplelink(topic: &str, database: &str, uri: &str) -> Value {
    let file = include_str!("../../configs/simplelink.json");
    let mut config = serde_json::from_str::<Value>(file).unwrap()["config"].take();
    config["topics"] = json!(topic);
    config["database"] = json!(database);
    config["connection.uri"] = json!(uri);
    config
}

/// A stock quote as the quickstart makes them.
pub(crate) fn quote(number: usize) -> String {
    json!({
        "n": number,
        "symbol": (["ZVV", "ZBZX", "ZJZZT"][number % 3]),
        "price": 100.25 + number as f64,
        "volume": 1000 + number,
        "halted": number.is_multiple_of(7),
        "venue": { "name": "XNAS", "tags": ["lit", null] }
    })
    .to_string()
}

#[test]
fn stock_quotes_become_documents() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let writer = Writer::new();
    writer.send(&topic, None, Some(&quote(0)));
    writer.flush();
    worker.create("simplelink", &simplelink(&topic, &database, mongodb()));
    let documents = Documents::of(mongodb(), &database, "api");
    for number in 1..1000 {
        writer.send(&topic, Some("key"), Some(&quote(number)));
    }
    writer.flush();
    worker.wait_until("1000 documents", || documents.count() == 1000);
    let found = documents.find("n", 41i64).unwrap();
    assert!(found.get_object_id("_id").is_ok(), "the default id strategy makes ObjectIds");
    assert_eq!(found.get_str("symbol").unwrap(), "ZJZZT");
    assert_eq!(found.get_f64("price").unwrap(), 141.25);
    assert_eq!(found.get_i64("volume").unwrap(), 1041, "JsonConverter's integers are 64 bits wide");
    let venue = found.get_document("venue").unwrap();
    assert_eq!(venue.get_array("tags").unwrap().len(), 2);
    worker.wait_for_state("simplelink", "RUNNING", "RUNNING");
}

#[test]
fn strings_that_hold_json_become_documents_too() {
    let (topic, database) = (unique("api-data"), unique("mydb"));
    let worker = Worker::start(kafka());
    let writer = Writer::new();
    writer.send(&topic, None, Some(r#"{"n": 1, "at": {"$date": "2026-01-02T03:04:05Z"}, "price": 7}"#));
    writer.flush();
    let mut config = simplelink(&topic, &database, mongodb());
    config["value.converter"] = json!(STRINGS);
    worker.create("simplelink", &config);
    let documents = Documents::of(mongodb(), &database, "api");
    worker.wait_until("the document", || documents.count() == 1);
    let found = documents.find("n", 1).unwrap();
    assert_eq!(found.get_i32("price").unwrap(), 7, "extended JSON's integers are as wide as they need to be");
    assert_eq!(found.get_datetime("at").unwrap().timestamp_millis(), 1_767_323_045_000);
}
