//! The Avro converter and a real schema registry: records of Confluent's client are read as what they are, and
//! written again byte by byte as it wrote them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod registry;

use std::sync::Arc;

use longshore_api::{ConnectError, Data, ErrorKind, Field, Schema, Struct, Type, Value};
use longshore_formats::Converter;
use longshore_test_servers::{registry, unique};
use serde_json::{Value as Json, json};

use registry::{converter, framed, read, register, with_registry, write};

const CLASS: &str = "io.confluent.connect.avro.AvroConverter";

fn avro(settings: &[(&str, &str)]) -> Arc<dyn Converter> {
    with_registry(CLASS, settings)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn as_json(data: &Data) -> Json {
    let settings = [("schemas.enable", "false"), ("decimal.format", "NUMERIC")];
    let json = converter("org.apache.kafka.connect.json.JsonConverter", &settings);
    let mut text = Vec::new();
    json.from_connect("", data, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn records_of_confluents_client_are_read_and_written_again_as_they_were() {
    let reader = avro(&[]);
    for line in include_str!("golden/confluent-avro.jsonl").lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let topic = unique("avro");
        let mut references = Vec::new();
        for used in case["references"].as_array().unwrap() {
            let (name, subject) = (used["name"].as_str().unwrap(), unique("used"));
            register(&subject, "AVRO", used["schema"].as_str().unwrap(), &json!([]));
            references.push(json!({ "name": name, "subject": subject, "version": 1 }));
        }
        let id = register(&format!("{topic}-value"), "AVRO", case["schema"].as_str().unwrap(), &Json::from(references));
        let bytes = framed(id, &unhex(case["data"].as_str().unwrap()));
        let data = read(reader.as_ref(), &topic, &bytes).await.unwrap();
        assert_eq!(as_json(&data), case["connect"], "{}", case["name"]);
        let version = data.schema.as_ref().unwrap().version;
        // As in Confluent's converter, the version does not reach the type within a union.
        let is_union = case["schema"].as_str().unwrap().starts_with('[');
        assert_eq!(version, (!is_union).then_some(1), "{}: the registry's version", case["name"]);
        let id = id.to_string();
        let settings =
            [("auto.register.schemas", "false"), ("use.schema.id", &*id), ("id.compatibility.strict", "false")];
        let written = write(avro(&settings).as_ref(), &topic, &data).await.unwrap();
        assert_eq!(written, bytes, "{}", case["name"]);
    }
}

fn quote(schema: &Arc<Schema>, symbol: &str, price: f64) -> Data {
    let values = vec![Value::string(symbol), Value::Float64(price), Value::Null];
    Data::new(Arc::clone(schema), Value::Struct(Struct { schema: Arc::clone(schema), values }))
}

fn quotes() -> Arc<Schema> {
    let note = Schema { doc: Some("why".into()), ..Schema::optional(Type::String) };
    let fields = [("symbol", Schema::new(Type::String)), ("price", Schema::new(Type::Float64)), ("note", note)];
    let fields = fields.map(|(name, schema)| Field::new(name, schema)).to_vec();
    Arc::new(Schema { version: Some(3), ..Schema::structure(fields).named("a.Quote") })
}

#[tokio::test]
async fn what_is_registered_on_the_way_out_is_read_by_others() {
    let topic = unique("quotes");
    let data = quote(&quotes(), "KAFK", 7.5);
    let strategy = ("value.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy");
    for settings in [&[][..], &[strategy], &[("normalize.schemas", "true")]] {
        let bytes = write(avro(settings).as_ref(), &topic, &data).await.unwrap();
        let back = read(avro(&[]).as_ref(), &topic, &bytes).await.unwrap();
        assert_eq!(back, data);
    }
    let url = registry().replace("/apis/ccompat/v7", "/apis/registry/v3");
    let settings = [("apicurio.registry.url", url.as_str()), ("apicurio.registry.auto-register", "true")];
    let apicurio = converter("io.apicurio.registry.utils.converter.AvroConverter", &settings);
    let bytes = write(apicurio.as_ref(), &topic, &data).await.unwrap();
    assert_eq!(read(apicurio.as_ref(), &topic, &bytes).await.unwrap(), data);
}

#[tokio::test]
async fn a_schema_that_must_be_there_is_looked_up_or_is_the_latest() {
    let topic = unique("quotes");
    let lookup = avro(&[("auto.register.schemas", "false")]);
    let data = quote(&quotes(), "KAFK", 7.5);
    let missing = write(lookup.as_ref(), &topic, &data).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::BadRecord);
    assert!(missing.to_string().starts_with(&format!("Failed to serialize Avro data from topic {topic} :")));
    assert!(missing.root_cause().to_string().ends_with("error code: 40401"), "{missing}");
    let bytes = write(avro(&[]).as_ref(), &topic, &data).await.unwrap();
    assert_eq!(write(lookup.as_ref(), &topic, &data).await.unwrap(), bytes);
    let wider = r#"{"type":"record","name":"Quote","namespace":"a","fields":[{"name":"symbol","type":"string"},
        {"name":"price","type":"double"},{"name":"note","type":["null","string"],"default":null},
        {"name":"venue","type":"string","default":"XSWX"}]}"#;
    let id = register(&format!("{topic}-value"), "AVRO", wider, &json!([]));
    let latest = avro(&[("auto.register.schemas", "false"), ("use.latest.version", "true")]);
    let bytes = write(latest.as_ref(), &topic, &data).await.unwrap();
    assert_eq!(bytes[1..5], id.to_be_bytes());
    let back = read(avro(&[]).as_ref(), &topic, &bytes).await.unwrap();
    assert_eq!(as_json(&back)["venue"], "XSWX");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_confluents_words() {
    let (topic, reader) = (unique("quotes"), avro(&[]));
    let causes = |error: ConnectError| -> Vec<String> { error.trace().lines().map(str::to_owned).collect() };
    let unknown = causes(read(reader.as_ref(), &topic, &framed(1_000_000, &[])).await.unwrap_err());
    let data_exception = "org.apache.kafka.connect.errors.DataException: Failed to deserialize data for topic";
    assert_eq!(unknown[0], format!("{data_exception} {topic} to Avro: "));
    let serialization = "Caused by: org.apache.kafka.common.errors.SerializationException:";
    assert_eq!(unknown[1], format!("{serialization} Error retrieving Avro value schema for id 1000000"));
    assert!(unknown[2].ends_with("; error code: 40403"), "{}", unknown[2]);
    let id = register(&format!("{topic}-value"), "AVRO", r#"{"type":"array","items":"double"}"#, &json!([]));
    let cut = causes(read(reader.as_ref(), &topic, &framed(id, &[2, 0])).await.unwrap_err());
    assert_eq!(cut[1], format!("{serialization} Error deserializing Avro message for id {id}"));
    assert_eq!(cut[2], "Caused by: java.io.EOFException: the data ends: 8 bytes are wanted at byte 1 of 2");
    let magic = causes(read(reader.as_ref(), &topic, b"{}").await.unwrap_err());
    assert_eq!(magic[1], format!("{serialization} Unknown magic byte!"));
}
