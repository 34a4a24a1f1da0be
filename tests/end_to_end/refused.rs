//! Records that a transform refuses, for each way in which it can: what the task, the log and the dead letter say of them.

use std::fs;

use longshore_test_servers::{kafka, unique};
use serde_json::{Value, json};

use super::kafka::{Writer, committed, create_topic, header, read, text};
use super::registry::file_sink;
use super::transforms::{Link, full_name, with_chain};
use super::worker::{STRINGS, Worker};

/// A transform, a value that it takes, and one that it does not.
struct Case {
    link: Link<'static>,
    good: Value,
    bad: Value,
    /// Class and message of the exception, as Connect's transform has them.
    class: &'static str,
    message: &'static str,
    /// What the first line of the trace ends with: the innermost cause, which names the field.
    cause: &'static str,
}

const DATA: &str = "org.apache.kafka.connect.errors.DataException";

/// A struct of texts, as JsonConverter writes one with its schema.
fn structure(fields: &[(&str, &str)]) -> Value {
    let schemas = fields.iter().map(|(name, _)| json!({ "field": name, "type": "string", "optional": true }));
    let schemas: Vec<Value> = schemas.collect();
    let payload: Value = fields.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    json!({ "schema": { "type": "struct", "name": "q", "optional": false, "fields": schemas }, "payload": payload })
}

fn plain(value: Value) -> Value {
    json!({ "schema": null, "payload": value })
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            link: ("cast", "Cast$Value", &[("spec", "volume:int32")]),
            good: structure(&[("volume", "5")]),
            bad: structure(&[("volume", "many")]),
            class: DATA,
            message: "Value (many) was out of range for requested data type",
            cause: "field volume: For input string: \"many\"",
        },
        Case {
            link: ("lists", "Cast$Value", &[("spec", "tags:string")]),
            good: plain(json!({ "tags": 1 })),
            bad: plain(json!({ "tags": [1] })),
            class: DATA,
            message: "Cast transformation does not support casting from ARRAY; supported types are [INT8, INT16, INT32, \
                      INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]",
            cause: "field tags: Cast transformation does not support casting from ARRAY; supported types are [INT8, \
                    INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]",
        },
        Case {
            link: ("key", "ValueToKey", &[("fields", "symbol")]),
            good: structure(&[("symbol", "ZVV")]),
            bad: structure(&[("ticker", "ZVV")]),
            class: DATA,
            message: "Field does not exist: symbol",
            cause: "Field does not exist: symbol",
        },
        Case {
            link: ("price", "ExtractField$Value", &[("field", "price")]),
            good: structure(&[("price", "5")]),
            bad: structure(&[("cost", "5")]),
            class: "java.lang.IllegalArgumentException",
            message: "Unknown field: price",
            cause: "Unknown field: price",
        },
        Case {
            link: (
                "when",
                "TimestampConverter$Value",
                &[("field", "at"), ("target.type", "unix"), ("format", "yyyy-MM-dd")],
            ),
            good: plain(json!({ "at": "2026-01-02" })),
            bad: plain(json!({ "at": "soon" })),
            class: DATA,
            message: "Could not parse timestamp: value (soon) does not match pattern (yyyy-MM-dd)",
            cause: "field at: Unparseable date: \"soon\"",
        },
        Case {
            link: ("tenant", "HeaderFrom$Value", &[("fields", "tenant"), ("headers", "tenant"), ("operation", "copy")]),
            good: structure(&[("tenant", "a")]),
            bad: structure(&[("customer", "a")]),
            class: "java.lang.NullPointerException",
            message: "Cannot invoke \"org.apache.kafka.connect.data.Field.schema()\" because the return value of \
                      \"org.apache.kafka.connect.data.Schema.field(String)\" is null",
            cause: "field tenant: Cannot invoke \"org.apache.kafka.connect.data.Field.schema()\" because the return \
                    value of \"org.apache.kafka.connect.data.Schema.field(String)\" is null",
        },
        Case {
            link: (
                "secret",
                "io.aiven.kafka.connect.transforms.Hash$Value",
                &[("field.name", "email"), ("function", "sha256")],
            ),
            good: structure(&[("email", "a@b")]),
            bad: structure(&[("mail", "a@b")]),
            class: DATA,
            message: "email in value schema can't be missing",
            cause: "email in value schema can't be missing",
        },
    ]
}

/// A sink that writes to a file what the case's transform leaves, after one that changes nothing.
fn sink(case: &Case, topic: &str, file: &std::path::Path) -> Value {
    let first: Link<'static> = ("first", "RegexRouter", &[("regex", "x"), ("replacement", "y")]);
    let mut config = with_chain(file_sink(topic, file), &[first, case.link]);
    config["key.converter"] = json!(STRINGS);
    config["value.converter"] = json!("org.apache.kafka.connect.json.JsonConverter");
    config["value.converter.schemas.enable"] = json!("true");
    config
}

/// Sends a good value, the bad one, and the good one again to a topic of the case's own.
fn send(case: &Case) -> String {
    let topic = unique(case.link.0);
    create_topic(&topic, 1);
    let writer = Writer::new();
    for value in [&case.good, &case.bad, &case.good] {
        writer.send(&topic, Some("k"), Some(&value.to_string()));
    }
    writer.flush();
    topic
}

#[test]
fn a_refused_record_fails_its_task_and_is_told_with_transform_place_and_field() {
    let worker = Worker::start(kafka());
    let cases = cases();
    let topics: Vec<String> = cases.iter().map(send).collect();
    for (case, topic) in cases.iter().zip(&topics) {
        let alias = case.link.0;
        worker.create(alias, &sink(case, topic, &worker.folder().join(alias)));
    }
    for (case, topic) in cases.iter().zip(&topics) {
        let alias = case.link.0;
        worker.wait_for_state(alias, "RUNNING", "FAILED");
        let status = worker.status(alias);
        let trace = status["tasks"][0]["trace"].as_str().unwrap();
        let told = format!(
            "Tolerance exceeded in error handler: {topic}-0@1 of {alias}-0 failed in stage TRANSFORMATION, transform \
             {alias}: {}",
            case.cause
        );
        assert!(trace.lines().next().unwrap().ends_with(&told), "{trace}");
        assert!(trace.contains(&format!("\nCaused by: {}: {}\n", case.class, case.message)), "{trace}");
        assert!(worker.log().contains(&told), "{}", worker.log());
        assert!(committed(kafka(), &worker.group(alias), topic) <= 1, "{alias}: never past it");
    }
}

#[test]
fn a_refused_record_that_is_tolerated_is_in_the_log_and_the_dead_letter_queue() {
    let worker = Worker::start(kafka());
    let cases = cases();
    let topics: Vec<String> = cases.iter().map(send).collect();
    for (case, topic) in cases.iter().zip(&topics) {
        let alias = case.link.0;
        let mut config = sink(case, topic, &worker.folder().join(alias));
        config["errors.tolerance"] = json!("all");
        config["errors.log.enable"] = json!("true");
        config["errors.log.include.messages"] = json!("true");
        config["errors.deadletterqueue.topic.name"] = json!(format!("{topic}-dead"));
        config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
        config["errors.deadletterqueue.context.headers.enable"] = json!("true");
        worker.create(alias, &config);
    }
    for (case, topic) in cases.iter().zip(&topics) {
        let (alias, class, _) = case.link;
        let file = worker.folder().join(alias);
        let lines = || fs::read_to_string(&file).unwrap_or_default().lines().count();
        worker.wait_until(&format!("both good records of {alias}"), || lines() == 2);
        let letter = &read(&format!("{topic}-dead"), 1)[0];
        assert_eq!(text(letter), case.bad.to_string(), "{alias}: as Kafka held it");
        let told = |name: &str| header(letter, &format!("__connect.errors.{name}")).unwrap_or_default();
        for (name, expected) in [
            ("topic", topic.as_str()),
            ("partition", "0"),
            ("offset", "1"),
            ("connector.name", alias),
            ("task.id", "0"),
            ("stage", "TRANSFORMATION"),
            ("class.name", &full_name(class)),
            ("exception.class.name", case.class),
            ("exception.message", case.message),
        ] {
            assert_eq!(told(name), expected, "{alias}: {name}");
        }
        let trace = told("exception.stacktrace");
        assert!(trace.starts_with(&format!("{}: {}\n", case.class, case.message)), "{trace}");
        assert!(trace.contains(case.cause), "{trace}");
        worker.wait_for_state(alias, "RUNNING", "RUNNING");
        let group = worker.group(alias);
        worker.wait_until("the commit past it", || committed(kafka(), &group, topic) == 3);
        let logged = format!(
            "Executing stage 'TRANSFORMATION' with class '{}', where consumed record is {{topic='{topic}', partition=0, \
             offset=1, ",
            full_name(class)
        );
        assert!(worker.log().contains(&logged) && worker.log().contains(&trace), "{}", worker.log());
    }
}
