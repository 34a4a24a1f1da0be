//! The converters of Protobuf and JSON Schema and a real schema registry.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod registry;

use std::sync::Arc;

use longshore_api::{Data, ErrorKind, Field, Schema, Struct, Type, Value};
use longshore_test_servers::{registry, unique};
use serde_json::{Value as Json, json};

use registry::{read, register, with_registry, write};

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";
const JSON_SCHEMA: &str = "io.confluent.connect.json.JsonSchemaConverter";

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
        let bytes = write(&*with_registry(class, &[]), &topic, &data).await.unwrap();
        let found = ureq::get(format!("{}/subjects/{topic}-value/versions/latest", registry())).call().unwrap();
        let found: Json = serde_json::from_str(&found.into_body().read_to_string().unwrap()).unwrap();
        assert_eq!(found["schemaType"], kind);
        assert_eq!(bytes[..5], [&[0][..], &(found["id"].as_i64().unwrap() as i32).to_be_bytes()].concat());
        let back = read(&*with_registry(class, &[]), &topic, &bytes).await.unwrap();
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
    let data = read(&*with_registry(PROTOBUF, &[]), &topic, &bytes).await.unwrap();
    assert!(matches!(&values(data)[0], Value::Struct(to) if to.get("zip") == Some(&Value::string("8001"))));

    let (topic, other) = (unique("orders"), unique("address"));
    register(&other, "JSON", r#"{"type":"object","properties":{"zip":{"type":"string"}}}"#, &json!([]));
    let order = r#"{"type":"object","properties":{"to":{"$ref":"address.json"}}}"#;
    let references = json!([{ "name": "address.json", "subject": other, "version": 1 }]);
    let id = register(&format!("{topic}-value"), "JSON", order, &references);
    let bytes = [&[0][..], &id.to_be_bytes(), br#"{"to":{"zip":"8001"}}"#].concat();
    let strict = with_registry(JSON_SCHEMA, &[("json.fail.invalid.schema", "true")]);
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
    let bytes = write(&*with_registry(PROTOBUF, &settings), &topic, &data).await.unwrap();
    // The second message of the registered file.
    assert_eq!(bytes, [&[0][..], &id.to_be_bytes(), &[2, 2, 8, 5]].concat());
    let wrong = quote(vec![(Field::new("n", Schema::new(Type::String)), Value::string("5"))]);
    let error = write(&*with_registry(PROTOBUF, &settings), &topic, &wrong).await.unwrap_err().to_string();
    assert!(error.contains("Incompatible schema") && error.contains("latest.compatibility.strict=false"), "{error}");
}

#[tokio::test]
async fn unknown_schemas_are_the_trouble_of_their_records() {
    for class in [PROTOBUF, JSON_SCHEMA] {
        let bytes = [0, 0x7F, 0xFF, 0xFF, 0xFF, 0];
        let error = read(&*with_registry(class, &[]), "t", &bytes).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRecord);
        assert!(error.to_string().contains("schema for id 2147483647"), "{error}");
    }
}

/// The schema that is there has less in it than a converter would put.
const LAX: (&str, &str) = ("latest.compatibility.strict", "false");

#[tokio::test]
async fn a_schema_that_the_registry_refuses_is_told_and_its_record_not_written() {
    let schemas = [
        (AVRO, "AVRO", r#"{"type":"record","name":"Quote","namespace":"a","fields":[{"name":"n","type":"string"}]}"#),
        (PROTOBUF, "PROTOBUF", "syntax = \"proto3\"; package a; message Quote { string n = 1; }"),
        (JSON_SCHEMA, "JSON", r#"{"type":"object","title":"a.Quote","properties":{"n":{"type":"string"}}}"#),
    ];
    for (class, kind, text) in schemas {
        let topic = unique("quotes");
        let subject = format!("{topic}-value");
        register(&subject, kind, text, &json!([]));
        ureq::put(format!("{}/config/{subject}", registry()))
            .header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .send(r#"{"compatibility":"FULL"}"#)
            .unwrap();
        let data = quote(vec![(Field::new("n", Schema::new(Type::Int32)), Value::Int32(5))]);
        let error = write(&*with_registry(class, &[]), &topic, &data).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRecord);
        let told = error.to_string();
        assert!(told.contains(&topic) && told.contains("ncompatible") && told.ends_with("; error code: 409"), "{told}");
        // Nothing is kept of the refusal: a record of the schema that is there is written.
        let data = quote(vec![(Field::new("n", Schema::new(Type::String)), Value::string("5"))]);
        let settings = [("auto.register.schemas", "false"), ("use.latest.version", "true"), LAX];
        let bytes = write(&*with_registry(class, &settings), &topic, &data).await.unwrap();
        assert_eq!(values(read(&*with_registry(class, &[]), &topic, &bytes).await.unwrap()), values(data));
    }
}
