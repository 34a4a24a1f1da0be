//! A schema registry, as producers and connectors use it.

use longshore_test_servers::registry;
use serde_json::{Value, json};

use super::kafka::Writer;

/// Registers the schema of a topic's values in a registry as a producer would, and gives its id.
pub(crate) fn register(url: &str, topic: &str, kind: &str, schema: &str) -> i32 {
    let mut answer = ureq::post(format!("{url}/subjects/{topic}-value/versions"))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send(json!({ "schema": schema, "schemaType": kind }).to_string())
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    i32::try_from(answer["id"].as_i64().unwrap()).unwrap()
}

/// The latest schema of a topic's values.
pub(crate) fn latest(topic: &str) -> Value {
    let found = ureq::get(format!("{}/subjects/{topic}-value/versions/latest", registry())).call().unwrap();
    serde_json::from_str(&found.into_body().read_to_string().unwrap()).unwrap()
}

/// Sends values.
pub(crate) fn send(topic: &str, values: &[Vec<u8>]) {
    let writer = Writer::new();
    values.iter().for_each(|value| writer.send_bytes(topic, None, Some(value)));
    writer.flush();
}

/// A connector whose values are converted with the schemas of a registry.
pub(crate) fn with_converter(converter: &str, url: &str, mut config: Value) -> Value {
    config["value.converter"] = json!(converter);
    config["value.converter.schema.registry.url"] = json!(url);
    config
}

/// A sink that writes a topic to a file.
pub(crate) fn file_sink(topic: &str, file: &std::path::Path) -> Value {
    json!({ "connector.class": "FileStreamSink", "topics": topic, "file": file, "tasks.max": "1" })
}
