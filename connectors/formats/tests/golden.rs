//! What Kafka Connect 4.3.1 answered, replayed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

mod typed;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, Data, ErrorKind, Props, Result};
use longshore_formats::{Converter, HeaderConverter, plugin, plugins};
use longshore_test_recorded as recorded;
use serde_json::{Value as Json, json};

/// Cases whose recorded input is not what the real converter was given.
const RECORDED_WRONGLY: [(&str, &str); 3] = [
    (
        "SimpleHeaderConverter/hfrom/{}/bytebuf",
        "the buffer was written down after it had been read: two bytes went in, none are in the record",
    ),
    (
        "StringConverter/hfrom/{converter.type=header}/bytebuf",
        "the buffer was written down after it had been read: two bytes went in, none are in the record",
    ),
    (
        "ByteArrayConverter/from/{}/nls-intmap",
        "the recorder made the map with a helper whose class the message names; maps of converters are hash maps",
    ),
];

#[test]
fn every_recorded_case_gives_the_recorded_answer() {
    let mut failing = BTreeSet::new();
    let mut count = 0;
    for case in recorded::lines("converters.jsonl") {
        let id = case["id"].as_str().unwrap().to_owned();
        let expected = typed::sorted(&expected(&case));
        let actual = typed::sorted(&run(&case));
        count += 1;
        if expected != actual {
            println!("{id}\n  expected {expected}\n  got      {actual}");
            failing.insert(id);
        }
    }
    let known: BTreeSet<String> = RECORDED_WRONGLY.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert!(count > 0 && failing.is_subset(&known), "{failing:?} of {count}");
    if recorded::is_kept() {
        assert_eq!((count, failing), (810, known));
    }
}

fn expected(case: &Json) -> Json {
    let mut answer = json!({});
    for part in ["output", "error", "roundtrip"] {
        if let Some(value) = case.get(part) {
            answer[part] = value.clone();
        }
    }
    if let Some(bytes) = answer["output"].get("base64").cloned() {
        answer["output"] = bytes;
    }
    answer
}

fn run(case: &Json) -> Json {
    let plugin = plugin(case["class"].as_str().unwrap()).expect("a built-in class");
    let props: Props = case["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let is_header = case["op"].as_str().unwrap().ends_with("Header");
    if is_header {
        return match plugin.new_header_converter(&props) {
            Ok(converter) => run_header(case, &*converter),
            Err(error) => json!({ "error": error_of("configure", &error) }),
        };
    }
    match plugin.new_converter(&props, case["is_key"] == true).expect("a converter of records") {
        Ok(converter) => run_record(case, &*converter),
        Err(error) => json!({ "error": error_of("configure", &error) }),
    }
}

fn run_header(case: &Json, converter: &dyn HeaderConverter) -> Json {
    let mut bytes = Vec::new();
    match case["op"].as_str().unwrap() {
        "toConnectHeader" => {
            answer(converter.to_connect_header("t", "h", input_bytes(case).as_deref()).map(|data| typed::data(&data)))
        }
        _ => answer(
            converter
                .from_connect_header("t", "h", &typed::read_data(&case["input"]), &mut bytes)
                .map(|is_some| if is_some { json!(STANDARD.encode(&bytes)) } else { Json::Null }),
        ),
    }
}

fn run_record(case: &Json, converter: &dyn Converter) -> Json {
    let mut bytes = Vec::new();
    match case["op"].as_str().unwrap() {
        "toConnectData" => {
            answer(converter.to_connect("t", input_bytes(case).as_deref()).map(|data| typed::data(&data)))
        }
        _ => match converter.from_connect("t", &typed::read_data(&case["input"]), &mut bytes) {
            Ok(false) => json!({ "output": null }),
            Ok(true) => {
                let mut answer = json!({ "output": STANDARD.encode(&bytes) });
                if case.get("roundtrip").is_some() {
                    let data: Data = converter.to_connect("t", Some(&bytes)).unwrap();
                    answer["roundtrip"] = typed::data(&data);
                }
                answer
            }
            Err(error) => json!({ "error": error_of("apply", &error) }),
        },
    }
}

fn input_bytes(case: &Json) -> Option<Vec<u8>> {
    case["input"]["base64"].as_str().map(|text| {
        // The recorder did not care for bits that the padding leaves over.
        let lenient = base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(text).unwrap()
    })
}

fn answer(output: Result<Json>) -> Json {
    match output {
        Ok(output) => json!({ "output": output }),
        Err(error) => json!({ "error": error_of("apply", &error) }),
    }
}

fn error_of(phase: &str, error: &ConnectError) -> Json {
    let kind = if phase == "configure" { ErrorKind::Config } else { ErrorKind::BadRecord };
    assert_eq!(error.kind, kind, "{error}");
    json!({ "phase": phase, "class": error.class, "message": error.message })
}

#[test]
fn the_keys_of_the_converters_are_those_of_connect() {
    let mut compared = 0;
    for expected in recorded::files("plugin-config") {
        let class = expected["class"].as_str().unwrap();
        let of_kafka = class.starts_with("org.apache.kafka.");
        let Some(plugin) = plugin(class).filter(|_| of_kafka) else { continue };
        let keys: Vec<Json> = plugin.config_def().keys().map(typed::config_key).collect();
        assert_eq!(Json::Array(keys), expected["body"], "{}", plugin.class());
        let is_converter = expected["types"].as_array().unwrap().contains(&json!("converter"));
        assert_eq!(plugin.is_converter(), is_converter, "{}", plugin.class());
        compared += 1;
    }
    assert!(compared > 0);
}

#[test]
fn every_plugin_makes_converters_of_its_class() {
    assert_eq!(plugins().len(), 14);
    let props = Props::from_iter([("schema.registry.url".to_owned(), "http://127.0.0.1:1".to_owned())]);
    for plugin in plugins() {
        if plugin.is_header_converter() {
            assert_eq!(plugin.new_header_converter(&props).unwrap().class(), plugin.class());
        }
        if let Some(converter) = plugin.new_converter(&props, true) {
            assert_eq!(converter.unwrap().class(), plugin.class());
        }
    }
}
