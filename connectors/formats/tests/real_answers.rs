//! More of what Kafka Connect 4.3.1 answered: how it guesses the types of headers, what it takes for JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, Data, Props, Schema, Type, Value};
use longshore_formats::{java_text, json, plugin};

fn columns(line: &str) -> Vec<&str> {
    line.split('\t').collect()
}

/// Control characters and backslashes are written `\u001f`.
fn unescape(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(4);
        plain.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}

fn escape(text: &str) -> String {
    let escape = |one: char| match one {
        '\\' | '\0'..='\x1f' => format!("\\u{:04x}", u32::from(one)),
        _ => one.to_string(),
    };
    text.chars().map(escape).collect()
}

fn schema(of: Option<&Schema>) -> String {
    let Some(schema) = of else { return "-".to_owned() };
    let mut text = schema.kind.name().to_owned();
    if schema.optional {
        text.push('?');
    }
    if let Some(name) = &schema.name {
        let scale = schema.parameters.get("scale").map(|scale| format!(" {scale}")).unwrap_or_default();
        text.push_str(&format!("({}{scale})", name.rsplit('.').next().unwrap()));
    }
    let (keys, values) = (schema.key_schema.as_deref(), schema.value_schema.as_deref());
    match schema.kind {
        Type::Array => text.push_str(&format!("<{}>", self::schema(values))),
        Type::Map => text.push_str(&format!("<{},{}>", self::schema(keys), self::schema(values))),
        Type::Struct => {
            let fields = schema.fields.iter();
            let fields = fields.map(|field| format!("{} {};", field.name, self::schema(Some(&field.schema))));
            text.push_str(&format!("<{}>", fields.collect::<String>()));
        }
        _ => {}
    }
    text
}

fn value(of: &Value) -> String {
    match of {
        Value::Null => "null".to_owned(),
        Value::Date(millis) => format!("Date:{millis}"),
        Value::Bytes(bytes) => format!("Bytes:{}", STANDARD.encode(bytes)),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(|one| value(one) + ";").collect::<String>())
        }
        Value::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, one)| format!("{}={};", value(key), value(one))).collect();
            entries.sort();
            format!("{{{}}}", entries.concat())
        }
        Value::Struct(inner) => {
            let fields = inner.schema.fields.iter().zip(&inner.values);
            let fields = fields.map(|(field, one)| format!("{}={};", field.name, value(one)));
            format!("Struct{{{}}}", fields.collect::<String>())
        }
        _ => {
            let class = of.java_class().rsplit('.').next().unwrap();
            format!("{class}:{}", escape(&java_text::value(of)))
        }
    }
}

fn shown(data: Result<Data, ConnectError>) -> [String; 2] {
    match data {
        Ok(data) => [schema(data.schema.as_deref()), value(&data.value)],
        Err(error) => [format!("!{}", error.class), error.message.unwrap_or_default()],
    }
}

#[track_caller]
fn report(failing: &[String]) {
    assert!(failing.is_empty(), "{} differ:\n{}", failing.len(), failing.join("\n"));
}

#[test]
fn headers_get_the_types_that_connect_guesses() {
    let plugin = plugin("org.apache.kafka.connect.storage.SimpleHeaderConverter").unwrap();
    let converter = plugin.new_header_converter(&Props::new()).unwrap();
    let mut failing = Vec::new();
    for line in include_str!("golden/simple-header.tsv").lines() {
        let [input, expected @ ..] = &columns(line)[..] else { panic!("{line}") };
        // Differs from Connect on purpose: only ASCII digits are digits.
        if input.contains('\u{661}') || input.contains('\u{660}') {
            continue;
        }
        let got = shown(converter.to_connect_header("t", "h", Some(unescape(input).as_bytes())));
        if got != expected {
            failing.push(format!("{input}: expected {expected:?}, got {got:?}"));
        }
    }
    report(&failing);
}

#[test]
fn json_is_taken_and_read_as_connect_does() {
    let mut failing = Vec::new();
    for line in include_str!("golden/json.tsv").lines() {
        let [schemas, input, expected @ ..] = &columns(line)[..] else { panic!("{line}") };
        let props = Props::from_iter([("schemas.enable".to_owned(), (*schemas).to_owned())]);
        let plugin = plugin("org.apache.kafka.connect.json.JsonConverter").unwrap();
        let converter = plugin.new_converter(&props, false).unwrap().unwrap();
        let bytes = STANDARD.decode(input).unwrap();
        let got = shown(converter.to_connect("t", Some(&bytes)));
        let text: String = String::from_utf8_lossy(&bytes).chars().take(120).collect();
        if got != expected {
            failing.push(format!("{text}: expected {expected:?}, got {got:?}"));
        }
        if *schemas == "false" && json::check(&bytes).is_err() != expected[0].starts_with('!') {
            failing.push(format!("{text}: the check does not agree with {expected:?}"));
        }
    }
    report(&failing);
}
