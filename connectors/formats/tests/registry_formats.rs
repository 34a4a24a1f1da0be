//! The converters of Protobuf and JSON Schema and a real schema registry.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::Arc;

use longshore_api::{Data, ErrorKind, Field, Props, Result, Schema, Struct, Type, Value};
use longshore_formats::{Converter, plugin};
use longshore_test_servers::{registry, unique};
use serde_json::{Value as Json, json};

const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";
const JSON_SCHEMA: &str = "io.confluent.connect.json.JsonSchemaConverter";

fn converter(class: &str, settings: &[(&str, &str)]) -> Arc<dyn Converter> {
    let settings = [&[("schema.registry.url", registry())], settings].concat();
    let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    plugin(class).unwrap().new_converter(&props, false).unwrap().unwrap()
}

/// Converts as a task does: what lacks is supplied, then it is tried again.
async fn supplied<T>(converter: &dyn Converter, convert: impl Fn() -> Result<T>) -> Result<T> {
    loop {
        match convert() {
            Err(error) if error.kind == ErrorKind::Retriable => assert!(converter.supply().await?, "{error}"),
            outcome => return outcome,
        }
    }
}

async fn read(converter: &dyn Converter, topic: &str, bytes: &[u8]) -> Result<Data> {
    supplied(converter, || converter.to_connect(topic, Some(bytes))).await
}

async fn write(converter: &dyn Converter, topic: &str, data: &Data) -> Result<Vec<u8>> {
    supplied(converter, || {
        let mut bytes = Vec::new();
        converter.from_connect(topic, data, &mut bytes)?;
        Ok(bytes)
    })
    .await
}

/// Registers a schema as another client would, and gives its id.
fn register(subject: &str, kind: &str, schema: &str, references: &Json) -> i32 {
    let body = json!({ "schema": schema, "schemaType": kind, "references": references });
    let mut answer = ureq::post(format!("{}/subjects/{subject}/versions", registry()))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send(body.to_string())
        .unwrap();
    let answer: Json = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    i32::try_from(answer["id"].as_i64().unwrap()).unwrap()
}

fn quote(fields: Vec<(Field, Value)>) -> Data {
    let (fields, values) = fields.into_iter().unzip();
    let schema = Arc::new(Schema::structure(fields).named("a.Quote"));
    Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values }))
}

fn values(data: Data) -> Vec<Value> {
    match data.value {
        Value::Struct(fields) => fields.values,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_registered_and_read_by_another_converter() {
    for (class, kind) in [(PROTOBUF, "PROTOBUF"), (JSON_SCHEMA, "JSON")] {
        let topic = unique("quotes");
        let data = quote(vec![
            (Field::new("n", Schema::new(Type::Int32)), Value::Int32(5)),
            (Field::new("symbol", Schema::new(Type::String)), Value::string("KAFK")),
            (Field::new("small", Schema::new(Type::Int8)), Value::Int8(-1)),
        ]);
        let bytes = write(&*converter(class, &[]), &topic, &data).await.unwrap();
        let found = ureq::get(format!("{}/subjects/{topic}-value/versions/latest", registry())).call().unwrap();
        let found: Json = serde_json::from_str(&found.into_body().read_to_string().unwrap()).unwrap();
        assert_eq!(found["schemaType"], kind);
        assert_eq!(bytes[..5], [&[0][..], &(found["id"].as_i64().unwrap() as i32).to_be_bytes()].concat());
        let back = read(&*converter(class, &[]), &topic, &bytes).await.unwrap();
        let schema = back.schema.clone().unwrap();
        assert_eq!(schema.version, Some(1));
        assert_eq!(schema.fields[2].schema.kind, Type::Int8);
        assert_eq!(values(back), values(data));
    }
}

#[tokio::test]
async fn schemas_of_other_subjects_are_found() {
    let (topic, other) = (unique("orders"), unique("address"));
    let address = "syntax = \"proto3\"; package p; message Address { string zip = 1; }";
    register(&other, "PROTOBUF", address, &json!([]));
    let order = "syntax = \"proto3\"; import \"address.proto\"; message Order { p.Address to = 1; }";
    let references = json!([{ "name": "address.proto", "subject": other, "version": 1 }]);
    let id = register(&format!("{topic}-value"), "PROTOBUF", order, &references);
    let bytes = [&[0][..], &id.to_be_bytes(), &[0, 0x0A, 6, 0x0A, 4], b"8001"].concat();
    let data = read(&*converter(PROTOBUF, &[]), &topic, &bytes).await.unwrap();
    assert!(matches!(&values(data)[0], Value::Struct(to) if to.get("zip") == Some(&Value::string("8001"))));

    let (topic, other) = (unique("orders"), unique("address"));
    register(&other, "JSON", r#"{"type":"object","properties":{"zip":{"type":"string"}}}"#, &json!([]));
    let order = r#"{"type":"object","properties":{"to":{"$ref":"address.json"}}}"#;
    let references = json!([{ "name": "address.json", "subject": other, "version": 1 }]);
    let id = register(&format!("{topic}-value"), "JSON", order, &references);
    let bytes = [&[0][..], &id.to_be_bytes(), br#"{"to":{"zip":"8001"}}"#].concat();
    let strict = converter(JSON_SCHEMA, &[("json.fail.invalid.schema", "true")]);
    let data = read(&*strict, &topic, &bytes).await.unwrap();
    assert!(matches!(&values(data)[0], Value::Struct(to) if to.get("zip") == Some(&Value::string("8001"))));
}

#[tokio::test]
async fn the_latest_schema_is_written_with_where_it_fits() {
    let settings = [("auto.register.schemas", "false"), ("use.latest.version", "true")];
    let proto = "syntax = \"proto3\"; package a; message Other {} message Quote { int32 n = 1; string note = 2; }";
    let topic = unique("quotes");
    let id = register(&format!("{topic}-value"), "PROTOBUF", proto, &json!([]));
    let data = quote(vec![(Field::new("n", Schema::new(Type::Int32)), Value::Int32(5))]);
    let bytes = write(&*converter(PROTOBUF, &settings), &topic, &data).await.unwrap();
    // The second message of the registered file.
    assert_eq!(bytes, [&[0][..], &id.to_be_bytes(), &[2, 2, 8, 5]].concat());
    let wrong = quote(vec![(Field::new("n", Schema::new(Type::String)), Value::string("5"))]);
    let error = write(&*converter(PROTOBUF, &settings), &topic, &wrong).await.unwrap_err().to_string();
    assert!(error.contains("Incompatible schema") && error.contains("latest.compatibility.strict=false"), "{error}");
}

#[tokio::test]
async fn unknown_schemas_are_the_trouble_of_their_records() {
    for class in [PROTOBUF, JSON_SCHEMA] {
        let bytes = [0, 0x7F, 0xFF, 0xFF, 0xFF, 0];
        let error = read(&*converter(class, &[]), "t", &bytes).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRecord);
        assert!(error.to_string().contains("schema for id 2147483647"), "{error}");
    }
}
