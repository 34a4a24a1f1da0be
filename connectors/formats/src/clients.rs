//! Records of Confluent's own client, and ours read by it.
//!
//! `tests/clients/written.json` holds what the Python client of Confluent wrote, with the schemas that it registered;
//! `longshore.json` what Longshore writes, `read.json` what that client read of it. `tests/clients/record.py` made the
//! first and the last with a real registry. `LONGSHORE_RECORD=1` writes `longshore.json` anew.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::schema::logical;
use longshore_api::{Data, ErrorKind, Field, Map, Props, Result, Schema, Struct, Type, Value};
use serde_json::{Value as Json, json};

use crate::java_text::calendar::DateTime;
use crate::registry::tests::fake::{Asked, Fake};
use crate::{Converter, JsonSchemaConverter, ProtobufConverter};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn recorded(name: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn converter(format: &str, url: &str, more: &[(&str, &str)]) -> Box<dyn Converter> {
    let mut props = Props::from_iter([("schema.registry.url".to_owned(), url.to_owned())]);
    props.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    match format {
        "json" => Box::new(JsonSchemaConverter::new(&props, false).unwrap()),
        _ => Box::new(ProtobufConverter::new(&props, false).unwrap()),
    }
}

/// Converts, and again once the converter was supplied with what it lacked.
async fn supplied<T>(converter: &dyn Converter, mut convert: impl FnMut() -> Result<T>) -> Result<T> {
    match convert() {
        Err(error) if error.kind == ErrorKind::Retriable => {
            assert!(converter.supply().await?);
            convert()
        }
        other => other,
    }
}

/// A registry that holds what was recorded.
fn registry(cases: &Json) -> Fake {
    let cases = cases.clone();
    let mut ids = HashMap::new();
    for case in cases["cases"].as_array().unwrap() {
        let bytes = STANDARD.decode(case["bytes"].as_str().unwrap()).unwrap();
        ids.insert(i32::from_be_bytes(bytes[1..5].try_into().unwrap()), case["schema"].clone());
    }
    Fake::start(move |asked: &Asked| {
        let path = asked.line.split(' ').nth(1).unwrap().split('?').next().unwrap();
        let parts: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(|part| percent_encoding::percent_decode_str(part).decode_utf8().unwrap().into_owned())
            .collect();
        let found = match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["schemas", "ids", id] => ids.get(&id.parse().unwrap()).cloned(),
            ["subjects", subject, "versions", version] => {
                Some(cases["subjects"][format!("{subject}/{version}")].clone())
            }
            ["subjects", _] => Some(json!({ "id": 1, "version": 3 })),
            _ => None,
        };
        match found {
            Some(found) => (200, found.to_string()),
            None => (404, json!({ "error_code": 40403, "message": "Schema not found" }).to_string()),
        }
    })
}

/// A value as the client's JSON shows it, nulls left out.
fn shown(schema: &Schema, value: &Value) -> Json {
    let name = schema.name.as_deref().unwrap_or_default();
    match value {
        Value::Struct(fields) if name == "StringValue" => shown(&fields.schema.fields[0].schema, &fields.values[0]),
        Value::Struct(fields) => {
            let mut shown = serde_json::Map::new();
            for (field, value) in fields.schema.fields.iter().zip(&fields.values).filter(|(_, value)| !value.is_null())
            {
                let one = self::shown(&field.schema, value);
                let is_union = field
                    .schema
                    .name
                    .as_deref()
                    .is_some_and(|name| name.contains(".Union.") || name.ends_with(".OneOf"));
                match one {
                    Json::Object(members) if is_union && field.name.starts_with("payment") => shown.extend(members),
                    Json::Object(members) if is_union => {
                        shown.extend(members.into_iter().map(|(_, value)| (field.name.to_string(), value)));
                    }
                    one => drop(shown.insert(field.name.to_string(), one)),
                }
            }
            Json::Object(shown)
        }
        Value::Array(elements) => {
            let element = schema.value_schema.as_ref().unwrap();
            elements.iter().map(|value| self::shown(element, value)).collect()
        }
        Value::Map(entries) => {
            let part = schema.value_schema.as_ref().unwrap();
            let entries =
                entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), self::shown(part, value)));
            Json::Object(entries.collect())
        }
        Value::Date(millis) => date(name, DateTime::from_millis(*millis)),
        Value::Decimal(decimal) => {
            let (unscaled, scale) = decimal.as_bigint_and_exponent();
            let precision = unscaled.magnitude().to_string().len();
            json!({ "value": STANDARD.encode(unscaled.to_signed_bytes_be()), "precision": precision, "scale": scale })
        }
        Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
        Value::String(text) => json!(&**text),
        Value::Boolean(value) => json!(value),
        Value::Float32(number) => json!(number),
        Value::Float64(number) => json!(number),
        Value::Int8(number) => json!(number),
        Value::Int16(number) => json!(number),
        Value::Int32(number) => json!(number),
        Value::Int64(number) => json!(number),
        Value::Null => Json::Null,
    }
}

fn date(name: &str, time: DateTime) -> Json {
    match name {
        logical::DATE => json!({ "year": time.year, "month": time.month, "day": time.day }),
        logical::TIME => {
            json!({ "hours": time.hour, "minutes": time.minute, "seconds": time.second, "nanos": time.milli * 1_000_000 })
        }
        _ => {
            let DateTime { year, month, day, hour, minute, second, milli, .. } = time;
            json!(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"))
        }
    }
}

/// What the client shows alike: numbers as texts, nothing that is a default, members by name.
fn normal(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            let mut kept: Vec<_> = members.iter().map(|(name, value)| (name.clone(), normal(value))).collect();
            kept.retain(|(_, value)| {
                !["", "0", "0.0", "false", "NEW", "[]", "{}", "null"].contains(&text(value).as_str())
            });
            kept.sort_by(|one, other| one.0.cmp(&other.0));
            Json::Object(kept.into_iter().collect())
        }
        Json::Array(elements) => elements.iter().map(normal).collect(),
        other => json!(text(other)),
    }
}

fn text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

#[tokio::test]
async fn what_confluents_client_wrote_is_read() {
    let recorded = recorded("written.json");
    let registry = registry(&recorded);
    // As in Connect, a member of an inner object may only be missing where it is optional.
    let optional = [("use.optional.for.nonrequired", "true")];
    let converters = ["json", "protobuf"].map(|format| (format, converter(format, &registry.url, &optional)));
    for case in recorded["cases"].as_array().unwrap() {
        let (_, converter) = converters.iter().find(|(format, _)| case["format"] == *format).unwrap();
        let (topic, bytes) =
            (case["topic"].as_str().unwrap(), STANDARD.decode(case["bytes"].as_str().unwrap()).unwrap());
        let data = supplied(&**converter, || converter.to_connect(topic, Some(&bytes))).await.unwrap();
        let schema = data.schema.unwrap();
        assert_eq!(normal(&shown(&schema, &data.value)), normal(&case["value"]), "{}", case["name"]);
        assert_eq!(schema.version, Some(3));
    }
}

#[tokio::test]
async fn what_is_there_and_empty_differs_from_what_is_missing() {
    let recorded = recorded("written.json");
    let registry = registry(&recorded);
    let converter = converter("protobuf", &registry.url, &[]);
    let mut notes = Vec::new();
    for case in &recorded["cases"].as_array().unwrap()[..3] {
        let bytes = STANDARD.decode(case["bytes"].as_str().unwrap()).unwrap();
        let data = supplied(&*converter, || converter.to_connect("protobuf-order", Some(&bytes))).await.unwrap();
        let Value::Struct(order) = data.value else { panic!("no struct") };
        let card = match order.get("payment_0").unwrap() {
            Value::Struct(payment) => payment.get("card").cloned(),
            _ => None,
        };
        notes.push((order.get("note").cloned(), card));
    }
    let empty = Some(Value::string(""));
    let null = Some(Value::Null);
    assert_eq!(notes, [(empty.clone(), null.clone()), (null.clone(), None), (null, empty)]);
}

#[tokio::test]
async fn bad_records_are_told_in_confluents_words() {
    let recorded = recorded("written.json");
    let registry = registry(&recorded);
    let case = |index: usize| STANDARD.decode(recorded["cases"][index]["bytes"].as_str().unwrap()).unwrap();
    let (order, document) = (case(0), case(5));
    let with_id = |bytes: &[u8], id: u8| [&[0, 0, 0, 3, id], &bytes[5..]].concat();
    let protobuf = "Failed to deserialize data for topic t to Protobuf: ";
    let json = "Converting byte[] to Kafka Connect data failed due to serialization error of topic t: ";
    let cases = [
        ("protobuf", b"x123456".to_vec(), format!("{protobuf}: Unknown magic byte!")),
        (
            "protobuf",
            order[..20].to_vec(),
            format!("{protobuf}: Error deserializing Protobuf message for id 2: While parsing"),
        ),
        ("protobuf", [&order[..5], &[2, 40][..]].concat(), "Invalid message indexes: [20]".to_owned()),
        ("protobuf", [&order[..5], &[0xFE, 0xFF, 0xFF, 0x7F][..]].concat(), protobuf.to_owned()),
        ("protobuf", document.clone(), "is of the type JSON, not PROTOBUF".to_owned()),
        ("json", b"\0\0\0".to_vec(), json.to_owned()),
        ("json", [&document[..5], b"{\"id\":"].concat(), format!("{json}: Error deserializing JSON message for id")),
        (
            "json",
            [&document[..5], b"{\"id\":null}"].concat(),
            "field \"id\" cannot be read: Invalid null value".to_owned(),
        ),
        ("json", with_id(&document, 77), "Schema not found; error code: 40403".to_owned()),
    ];
    for (format, bytes, expected) in cases {
        let converter = converter(format, &registry.url, &[]);
        let error = supplied(&*converter, || converter.to_connect("t", Some(&bytes))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRecord, "{error}");
        assert!(error.to_string().contains(&expected), "{error}\n{expected}");
    }
    let strict = converter("json", &registry.url, &[("json.fail.invalid.schema", "true")]);
    let wrong = [&document[..5], b"{\"id\":\"secret\"}"].concat();
    let error = supplied(&*strict, || strict.to_connect("t", Some(&wrong))).await.unwrap_err().to_string();
    assert!(error.contains("Validation error in JSON: /id does not fit") && !error.contains("secret"), "{error}");
}

fn part(name: &str, schema: Schema, value: Value) -> (Field, Value) {
    (Field::new(name, schema), value)
}

fn structure(name: &str, parts: Vec<(Field, Value)>) -> (Schema, Vec<Value>) {
    let (fields, values) = parts.into_iter().unzip();
    (Schema::structure(fields).named(name), values)
}

/// Data of every type, twice: with values, and with as little as it can have.
fn samples() -> [Data; 2] {
    let named = |kind, name: &str| Schema { version: Some(1), ..Schema::optional(kind).named(name) };
    let mut decimal = named(Type::Bytes, logical::DECIMAL);
    decimal.parameters.insert("scale".to_owned(), "2".to_owned());
    let (line, values) = structure(
        "line",
        vec![
            part("sku", Schema::new(Type::String), Value::string("Zoë 😀")),
            part("n", Schema::new(Type::Int8), Value::Int8(-3)),
        ],
    );
    let line = Arc::new(line);
    let line_value = Value::Struct(Struct { schema: Arc::clone(&line), values });
    let tags: Map =
        [(Value::string("a"), Value::Int32(1)), (Value::string("b"), Value::Int32(-1))].into_iter().collect();
    let (schema, values) = structure(
        "shop.order",
        vec![
            part("id", Schema::new(Type::Int64), Value::Int64(-9_007_199_254_740_993)),
            part("small", Schema::new(Type::Int16), Value::Int16(300)),
            part("number", Schema::new(Type::Int32), Value::Int32(7)),
            part("share", Schema::new(Type::Float32), Value::Float32(1.5)),
            part("rate", Schema::new(Type::Float64), Value::Float64(0.1)),
            part("paid", Schema::new(Type::Boolean), Value::Boolean(true)),
            part("note", Schema::optional(Type::String), Value::string("\"x\"")),
            part("raw", Schema::optional(Type::Bytes), Value::Bytes(vec![0, 255].into())),
            part("total", decimal, Value::Decimal("-12.34".parse().unwrap())),
            part("due", named(Type::Int32, logical::DATE), Value::Date(19_782 * 86_400_000)),
            part("time", named(Type::Int32, logical::TIME), Value::Date(86_398_007)),
            part("created", named(Type::Int64, logical::TIMESTAMP), Value::Date(1_700_000_000_123)),
            part(
                "tags",
                Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(Schema::new(Type::Int32))),
                Value::Map(tags),
            ),
            part("lines", Schema::array(Arc::clone(&line)), Value::Array(vec![line_value.clone(), line_value])),
            part(
                "codes",
                Schema::array(Arc::new(Schema::new(Type::Int64))),
                Value::Array(vec![Value::Int64(0), Value::Int64(-1)]),
            ),
        ],
    );
    let schema = Arc::new(schema);
    let least = schema.fields.iter().zip(&values).map(|(field, value)| match value {
        _ if field.schema.optional => Value::Null,
        Value::Map(_) => Value::Map(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        other => other.clone(),
    });
    let least = least.collect();
    [values, least]
        .map(|values| Data::new(Arc::clone(&schema), Value::Struct(Struct { schema: Arc::clone(&schema), values })))
}

#[tokio::test]
async fn what_we_write_is_what_confluents_client_read() {
    let registered = Fake::start(|_| (200, json!({ "id": 1 }).to_string()));
    let mut written = Vec::new();
    let mut expected = Vec::new();
    for format in ["protobuf", "json"] {
        for (index, data) in samples().into_iter().enumerate() {
            let topic = format!("longshore-{format}-{index}");
            let converter = converter(format, &registered.url, &[("decimal.format", "BASE64")]);
            let mut bytes = Vec::new();
            let is_record = supplied(&*converter, || {
                bytes.clear();
                converter.from_connect(&topic, &data, &mut bytes)
            });
            assert!(is_record.await.unwrap());
            let asked = registered.asked().pop().unwrap();
            let body: Json = serde_json::from_str(&asked.body).unwrap();
            written.push(json!({
                "topic": topic, "bytes": STANDARD.encode(&bytes), "schema": body["schema"], "schemaType": body["schemaType"],
                "message": "order",
            }));
            expected.push((format, data));
        }
    }
    let written = Json::Array(written);
    if std::env::var_os("LONGSHORE_RECORD").is_some() {
        std::fs::write(file("longshore.json"), serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
    }
    assert_eq!(written, recorded("longshore.json"));
    for ((format, data), read) in expected.iter().zip(recorded("read.json").as_array().unwrap()) {
        let mut wanted = normal(&shown(data.schema.as_ref().unwrap(), &data.value));
        if *format == "json" && wanted.get("due").is_some() {
            // In JSON these are numbers and base64.
            for (name, value) in
                [("due", "19782"), ("time", "86398007"), ("created", "1700000000123"), ("total", "+y4=")]
            {
                wanted[name] = json!(value);
            }
        }
        if *format == "protobuf" && wanted.get("tags").is_some() {
            // As Confluent's converter writes maps: a message of key and value for each entry.
            wanted["tags"] = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "-1" }]);
        }
        assert_eq!(normal(&read["value"]), wanted, "{}", read["topic"]);
    }
}
