//! Protobuf and JSON Schema with a registry, from end to end.

use std::fs;

use longshore_test_servers::{kafka, mongodb, registry, unique};
use serde_json::{Value, json};

use super::kafka::{committed, header, read};
use super::mongo::Documents;
use super::registry::{file_sink, latest, register, send, with_converter};
use super::simplelink::simplelink;
use super::worker::Worker;

const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";
const JSON_SCHEMA: &str = "io.confluent.connect.json.JsonSchemaConverter";
const PROTO: &str = "syntax = \"proto3\"; message Quote { int32 n = 1; string symbol = 2; optional string note = 3; }";
const SCHEMA: &str = r#"{"type":"object","title":"Quote","properties":{"n":{"type":"integer","connect.type":"int32","connect.index":0},"symbol":{"type":"string","connect.index":1},"note":{"oneOf":[{"type":"null"},{"type":"string"}],"connect.index":2}}}"#;

/// A quote as Confluent's serializers write it; n is below 128.
fn protobuf(id: i32, n: u8) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), &[0, 8, n, 0x12, 4], b"KAFK"].concat()
}

fn document(id: i32, n: u8) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), json!({ "n": n, "symbol": "KAFK" }).to_string().as_bytes()].concat()
}

fn with(converter: &str, config: Value) -> Value {
    with_converter(converter, registry(), config)
}

#[test]
fn records_reach_mongodb_as_documents_and_a_file_as_text() {
    let worker = Worker::start(kafka());
    for (converter, kind, schema) in [(PROTOBUF, "PROTOBUF", PROTO), (JSON_SCHEMA, "JSON", SCHEMA)] {
        let (topic, database) = (unique("quotes"), unique("mydb"));
        let id = register(registry(), &topic, kind, schema);
        let quote = if kind == "JSON" { document } else { protobuf };
        send(&topic, &[quote(id, 1), quote(id, 2)]);
        worker.create(&format!("documents-{kind}"), &with(converter, simplelink(&topic, &database, mongodb())));
        let file = worker.folder().join(format!("{kind}.txt"));
        worker.create(&format!("lines-{kind}"), &with(converter, file_sink(&topic, &file)));
        let documents = Documents::of(mongodb(), &database, "api");
        worker.wait_until("both documents", || documents.count() == 2);
        let text = || fs::read_to_string(&file).unwrap_or_default();
        worker.wait_until("both lines", || text().lines().count() == 2);
        assert_eq!(text(), "Struct{n=1,symbol=KAFK}\nStruct{n=2,symbol=KAFK}\n");
    }
}

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const AVSC: &str = r#"{"type":"record","name":"Quote","fields":[{"name":"n","type":"int"},{"name":"symbol","type":"string"},
    {"name":"note","type":["null","string"],"default":null}]}"#;

fn avro(id: i32, n: u8) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), &[n * 2, 8], b"KAFK", &[0]].concat()
}

/// A converter, its kind of schemas, a schema, a record of it, and what is said of one that is cut off.
type Format = (&'static str, &'static str, &'static str, fn(i32, u8) -> Vec<u8>, &'static str);

const FORMATS: [Format; 3] = [
    (AVRO, "AVRO", AVSC, avro, "the data ends: 4 bytes are wanted at byte 2 of 5"),
    (PROTOBUF, "PROTOBUF", PROTO, protobuf, "the input ended unexpectedly in the middle of a field"),
    (JSON_SCHEMA, "JSON", SCHEMA, document, "malformed JSON at byte 21: unexpected end of a string"),
];

#[test]
fn bad_records_fail_their_task_and_are_told_with_place_and_reason() {
    let worker = Worker::start(kafka());
    let mut expected = Vec::new();
    for (index, (converter, kind, schema, quote, cut_off)) in FORMATS.into_iter().enumerate() {
        let (_, of_another, another, _, _) = FORMATS[(index + 1) % FORMATS.len()];
        let other = register(registry(), &unique("other"), of_another, another);
        let id = register(registry(), &unique("quotes"), kind, schema);
        let whole = quote(id, 1);
        let mut cases = vec![
            ("magic", b"{}".to_vec(), "Unknown magic byte!".to_owned()),
            ("id", quote(1_000_000, 1), "No content with ID '1000000' was found.; error code: 40403".to_owned()),
            ("cut", whole[..whole.len() - 2].to_vec(), cut_off.to_owned()),
            ("kind", quote(other, 1), format!("schema {other} is of the type {of_another}, not {kind}")),
        ];
        if kind == "JSON" {
            let wrong = [&whole[..5], br#"{"n": "many", "symbol": "KAFK"}"#].concat();
            cases.push(("type", wrong, "/n does not fit /properties/n/type of the schema".to_owned()));
        }
        for (what, bad, why) in cases {
            let (name, topic) = (format!("{kind}-{what}"), unique("quotes"));
            send(&topic, &[quote(id, 1), bad, quote(id, 2)]);
            let mut config = with(converter, file_sink(&topic, &worker.folder().join(&name)));
            if what == "type" {
                // Without it a text is the number 0, as in Confluent's converter.
                config["value.converter.json.fail.invalid.schema"] = json!("true");
            }
            worker.create(&name, &config);
            expected.push((name, topic, why));
        }
    }
    for (name, topic, why) in expected {
        worker.wait_for_state(&name, "RUNNING", "FAILED");
        let status = worker.status(&name);
        let trace = status["tasks"][0]["trace"].as_str().unwrap();
        let first = trace.lines().next().unwrap();
        let place = format!("{topic}-0@1 of {name}-0 failed in stage VALUE_CONVERTER: ");
        assert!(first.contains(&place) && first.contains(&why), "{name}: {trace}");
        assert!(committed(kafka(), &worker.group(&name), &topic) <= 1, "{name}: never past it");
    }
}

#[test]
fn bad_records_go_to_the_dead_letter_queue() {
    let worker = Worker::start(kafka());
    let cases = [
        (PROTOBUF, "PROTOBUF", PROTO, "Error deserializing Protobuf message for id"),
        (JSON_SCHEMA, "JSON", SCHEMA, "Error deserializing JSON message for id"),
    ];
    for (converter, kind, schema, cut_off) in cases {
        let (topic, dead) = (unique("quotes"), unique("dead"));
        let id = register(registry(), &topic, kind, schema);
        let quote = if kind == "JSON" { document } else { protobuf };
        let whole = quote(id, 1);
        let cut = whole[..whole.len() - 2].to_vec();
        send(&topic, &[quote(id, 1), b"{}".to_vec(), quote(1_000_000, 1), cut, quote(id, 2)]);
        let file = worker.folder().join(format!("{kind}-tolerant.txt"));
        let mut config = with(converter, file_sink(&topic, &file));
        config["errors.tolerance"] = json!("all");
        config["errors.deadletterqueue.topic.name"] = json!(dead);
        config["errors.deadletterqueue.topic.replication.factor"] = json!("1");
        config["errors.deadletterqueue.context.headers.enable"] = json!("true");
        worker.create(&format!("tolerant-{kind}"), &config);
        let text = || fs::read_to_string(&file).unwrap_or_default();
        worker.wait_until("the good lines", || text().lines().count() == 2);
        let letters = read(&dead, 3);
        let traces: Vec<String> = letters
            .iter()
            .map(|letter| header(letter, "__connect.errors.exception.stacktrace").unwrap_or_default())
            .collect();
        assert!(traces[0].contains("Unknown magic byte!"), "{}", traces[0]);
        assert!(traces[1].contains("value schema for id 1000000"), "{}", traces[1]);
        assert!(traces[2].contains(&format!("{cut_off} {id}")), "{}", traces[2]);
    }
}

#[test]
fn a_source_registers_its_schema_and_what_it_writes_is_read_again() {
    let worker = Worker::start(kafka());
    for (converter, kind) in [(PROTOBUF, "PROTOBUF"), (JSON_SCHEMA, "JSON")] {
        let topic = unique("lines");
        let (from, to) =
            (worker.folder().join(format!("{kind}-in.txt")), worker.folder().join(format!("{kind}-out.txt")));
        fs::write(&from, "one\ntwo\n").unwrap();
        // Not every registry takes a JSON schema of a lone string.
        let source = json!({
            "connector.class": "FileStreamSource", "topic": topic, "file": from, "tasks.max": "1", "transforms": "hoist",
            "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
            "transforms.hoist.field": "line",
        });
        worker.create(&format!("reader-{kind}"), &with(converter, source));
        worker.create(&format!("writer-{kind}"), &with(converter, file_sink(&topic, &to)));
        let lines = "Struct{line=one}\nStruct{line=two}\n";
        worker.wait_until("both lines", || fs::read_to_string(&to).unwrap_or_default() == lines);
        let registered = latest(&topic);
        assert_eq!(registered["schemaType"], kind);
        let text = registered["schema"].as_str().unwrap();
        let expected = if kind == "JSON" { r#""line":{"# } else { "string line = 1;" };
        assert!(text.contains(expected), "{text}");
    }
}
