//! Converters and a real schema registry, as tests use them.
#![allow(dead_code, reason = "shared by several tests, of which each uses a part")]

use std::sync::Arc;

use longshore_api::{Data, ErrorKind, Props, Result};
use longshore_formats::{Converter, plugin};
use longshore_test_servers::registry;
use serde_json::{Value as Json, json};

/// A converter of values.
pub(crate) fn converter(class: &str, settings: &[(&str, &str)]) -> Arc<dyn Converter> {
    let props: Props = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    plugin(class).unwrap().new_converter(&props, false).unwrap().unwrap()
}

/// A converter of values that asks the registry.
pub(crate) fn with_registry(class: &str, settings: &[(&str, &str)]) -> Arc<dyn Converter> {
    converter(class, &[&[("schema.registry.url", registry())], settings].concat())
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

/// Reads as a task does.
pub(crate) async fn read(converter: &dyn Converter, topic: &str, bytes: &[u8]) -> Result<Data> {
    supplied(converter, || converter.to_connect(topic, Some(bytes))).await
}

/// Writes as a task does.
pub(crate) async fn write(converter: &dyn Converter, topic: &str, data: &Data) -> Result<Vec<u8>> {
    supplied(converter, || {
        let mut bytes = Vec::new();
        converter.from_connect(topic, data, &mut bytes)?;
        Ok(bytes)
    })
    .await
}

/// Registers a schema as another client would, and gives its id.
pub(crate) fn register(subject: &str, kind: &str, schema: &str, references: &Json) -> i32 {
    let body = json!({ "schema": schema, "schemaType": kind, "references": references });
    let mut answer = ureq::post(format!("{}/subjects/{subject}/versions", registry()))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send(body.to_string())
        .unwrap();
    let answer: Json = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    i32::try_from(answer["id"].as_i64().unwrap()).unwrap()
}

/// A record: the id and what follows it.
pub(crate) fn framed(id: i32, data: &[u8]) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), data].concat()
}
