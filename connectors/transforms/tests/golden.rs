//! What Kafka Connect 4.3.1's transforms and predicates answered, replayed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

#[path = "../../formats/tests/typed/mod.rs"]
mod typed;

use std::sync::Arc;

use longshore_api::transform::Make;
use longshore_api::{ConnectError, ConnectRecord, ErrorKind, Header, Props, RecordOrigin, TimestampType, Verdict};
use longshore_test_recorded as recorded;
use longshore_transforms::{plugin, plugins};
use serde_json::{Value as Json, json};

#[test]
fn every_recorded_case_gives_the_recorded_answer() {
    let (mut failing, mut count) = (0, 0);
    for case in recorded::lines("transforms.jsonl") {
        if !can_be_here(&case["record"]) {
            continue;
        }
        count += 1;
        let (expected, actual) = (expected(&case), typed::sorted(&run(&case)));
        if expected != actual {
            println!("{}\n  expected {expected}\n  got      {actual}", case["id"]);
            failing += 1;
        }
    }
    assert!(count > 1200 || count > 0 && !recorded::is_kept(), "only {count} cases were read");
    assert_eq!(failing, 0);
}

/// Whether a record can come from any converter: a value of a class outside of Connect's data model cannot.
fn can_be_here(record: &Json) -> bool {
    !record.to_string().contains("\"biginteger\"")
}

/// The recorded answer, where it says nothing of the recorder's own Java objects.
fn expected(case: &Json) -> Json {
    let mut answer = json!({});
    for part in ["output", "test", "error"] {
        if let Some(value) = case.get(part) {
            answer[part] = value.clone();
        }
    }
    if let Some(message) = case["error"]["message"].as_str() {
        answer["error"]["message"] = json!(recorded_message(message, case));
    }
    typed::sorted(&answer)
}

/// The recorder made its maps and lists of other classes than converters do; and a hash changes from run to run.
fn recorded_message(message: &str, case: &Json) -> String {
    let field = case["config"]["static.field"].as_str().unwrap_or_default();
    message
        .replace("java.util.LinkedHashMap", "java.util.HashMap")
        .replace("java.util.Arrays$ArrayList", "java.util.ArrayList")
        .replace("org.apache.kafka.connect.transforms.InsertField$InsertionSpec@HASH", field)
        .replace("[B@HASH", "(bytes)")
        // Entries of maps are written down sorted, so which of two bad ones was met first is not known.
        .replace(
            "was passed a value of type class java.math.BigDecimal",
            "was passed a value of type class java.util.Date",
        )
}

fn run(case: &Json) -> Json {
    let plugin = plugin(case["class"].as_str().unwrap()).expect("a built-in class");
    let config = case["config"].as_object().unwrap();
    let props: Props = config.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
    let mut record = read_record(&case["record"]);
    let applied = match plugin.make {
        Make::Transform(make) => match make(&props) {
            Ok(mut transform) => transform.apply(&mut record).map(|verdict| match verdict {
                Verdict::Keep => json!({ "output": shown(&record) }),
                Verdict::Drop => json!({ "output": null }),
            }),
            Err(error) => return error_of("configure", &error),
        },
        Make::Predicate(make) => match make(&props) {
            Ok(predicate) => predicate.test(&record).map(|answer| json!({ "test": answer })),
            Err(error) => return error_of("configure", &error),
        },
    };
    applied.unwrap_or_else(|error| error_of("apply", &error))
}

fn error_of(phase: &str, error: &ConnectError) -> Json {
    let kind = if phase == "configure" { ErrorKind::Config } else { ErrorKind::BadRecord };
    assert_eq!(error.kind, kind, "{error}");
    let message = error.message.as_deref().map(|message| {
        // Bytes are printed as a buffer of them.
        let mut parts = message.split("java.nio.HeapByteBuffer[");
        let first = parts.next().unwrap().to_owned();
        let message = parts.fold(first, |text, part| text + "(bytes)" + part.split_once(']').unwrap().1);
        recorded_message(&message, &Json::Null)
    });
    json!({ "error": { "phase": phase, "class": error.class, "message": message } })
}

fn read_record(json: &Json) -> ConnectRecord {
    let header =
        |header: &Json| Header { name: header["key"].as_str().unwrap().into(), value: typed::read_data(header) };
    ConnectRecord {
        topic: Arc::from(json["topic"].as_str().unwrap()),
        partition: json["partition"].as_i64().map(|partition| partition as i32),
        key: typed::read_data(&json["key"]),
        value: typed::read_data(&json["value"]),
        timestamp: json["timestamp"].as_i64(),
        headers: json["headers"].as_array().unwrap().iter().map(header).collect(),
        origin: match json["kind"].as_str().unwrap() {
            "source" => RecordOrigin::Source,
            _ => RecordOrigin::Sink {
                offset: json["offset"].as_i64().unwrap(),
                timestamp_type: match json["timestamp_type"].as_str() {
                    Some("CREATE_TIME") => TimestampType::CreateTime,
                    Some("LOG_APPEND_TIME") => TimestampType::LogAppendTime,
                    _ => TimestampType::None,
                },
            },
        },
    }
}

fn shown(record: &ConnectRecord) -> Json {
    let header = |header: &Header| {
        let mut data = typed::data(&header.value);
        data["key"] = json!(&*header.name);
        data
    };
    let mut json = json!({
        "kind": "source",
        "topic": &*record.topic,
        "partition": record.partition,
        "key": typed::data(&record.key),
        "value": typed::data(&record.value),
        "timestamp": record.timestamp,
        "headers": record.headers.iter().map(header).collect::<Vec<_>>(),
    });
    if let RecordOrigin::Sink { offset, timestamp_type } = record.origin {
        json["kind"] = json!("sink");
        json["offset"] = json!(offset);
        json["timestamp_type"] = json!(match timestamp_type {
            TimestampType::None => "NO_TIMESTAMP_TYPE",
            TimestampType::CreateTime => "CREATE_TIME",
            TimestampType::LogAppendTime => "LOG_APPEND_TIME",
        });
    }
    json
}

#[test]
fn the_keys_of_the_plugins_are_those_of_connect() {
    let mut count = 0;
    for expected in recorded::files("plugin-config") {
        let class = expected["class"].as_str().unwrap();
        let Some(plugin) = plugin(class) else { continue };
        let keys: Vec<Json> = plugin.config.keys().map(typed::config_key).collect();
        assert_eq!(Json::Array(keys), expected["body"], "{}", plugin.class);
        let kind = if matches!(plugin.make, Make::Predicate(_)) { "predicate" } else { "transformation" };
        assert_eq!(expected["types"], json!([kind]), "{}", plugin.class);
        count += 1;
    }
    assert!(count >= 25 || count > 0 && !recorded::is_kept(), "only {count} plugins were read");
}

#[test]
fn classes_are_there_once_and_every_key_says_what_it_does() {
    for pair in plugins().windows(2) {
        assert!(pair[0].class < pair[1].class, "{}", pair[1].class);
    }
    for plugin in plugins() {
        for key in plugin.config.keys() {
            assert!(!key.doc.is_empty(), "{} {}", plugin.class, key.name);
        }
    }
}
