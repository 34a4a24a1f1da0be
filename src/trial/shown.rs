//! Records as JSON that people read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectRecord, Data, Props, Result};
use longshore_formats::{Converter, HeaderConverter, JsonConverter, java_text};
use serde::Serialize;
use serde_json::value::RawValue;

/// A record between two steps.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The topic.
    pub topic: String,
    /// The partition, if it is settled.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// The headers, in order.
    pub headers: Vec<ShownHeader>,
    /// The key: `{"schema":…,"payload":…}` as JsonConverter writes it, or null.
    pub key: Option<Box<RawValue>>,
    /// The value, likewise.
    pub value: Option<Box<RawValue>>,
}

/// A header between two steps.
#[derive(Debug, Serialize)]
pub struct ShownHeader {
    /// Its name.
    pub name: String,
    /// Its value, as keys and values are shown.
    pub value: Option<Box<RawValue>>,
}

impl Shown {
    /// A record as it is now.
    pub(super) fn of(record: &ConnectRecord) -> Self {
        let header =
            |header: &longshore_api::Header| ShownHeader { name: header.name.to_string(), value: json(&header.value) };
        Self {
            topic: record.topic.to_string(),
            partition: record.partition,
            timestamp: record.timestamp,
            headers: record.headers.iter().map(header).collect(),
            key: json(&record.key),
            value: json(&record.value),
        }
    }
}

/// Schema and value; `None` for neither. A value that JSON has no form for is shown as Java's text.
fn json(data: &Data) -> Option<Box<RawValue>> {
    if data.schema.is_none() && data.value.is_null() {
        return None;
    }
    let mut bytes = Vec::new();
    let written = JsonConverter::new(&Props::new()).and_then(|writer| writer.from_connect("", data, &mut bytes));
    let text = written.ok().and_then(|_| String::from_utf8(bytes).ok());
    text.and_then(|text| RawValue::from_string(text).ok()).or_else(|| {
        let text = serde_json::json!({"schema": null, "payload": java_text::value(&data.value)});
        serde_json::value::to_raw_value(&text).ok()
    })
}

/// A record as Kafka would hold it.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The topic.
    pub topic: String,
    /// The partition; null leaves it to the producer.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; null leaves it to the producer.
    pub timestamp: Option<i64>,
    /// The headers, in order.
    pub headers: Vec<WrittenHeader>,
    /// The key's bytes.
    #[serde(flatten)]
    pub key: Key,
    /// The value's bytes.
    #[serde(flatten)]
    pub value: Value,
}

/// Bytes of a key: `key` where they are text, else `key_base64`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Text, or null.
    Key(Option<String>),
    /// Other bytes.
    KeyBase64(String),
}

/// Bytes of a value: `value` where they are text, else `value_base64`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Text, or null.
    Value(Option<String>),
    /// Other bytes.
    ValueBase64(String),
}

/// A header as Kafka would hold it.
#[derive(Debug, Serialize)]
pub struct WrittenHeader {
    /// Its name.
    pub name: String,
    /// Its bytes.
    #[serde(flatten)]
    pub value: Value,
}

impl Written {
    /// A record of these bytes.
    pub(super) fn new(
        record: &ConnectRecord,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Vec<WrittenHeader>,
    ) -> Self {
        let key = text(key).map_or_else(Key::KeyBase64, Key::Key);
        let value = text(value).map_or_else(Value::ValueBase64, Value::Value);
        let (topic, partition, timestamp) = (record.topic.to_string(), record.partition, record.timestamp);
        Self { topic, partition, timestamp, headers, key, value }
    }

    /// The headers of a record, written.
    ///
    /// # Errors
    /// Those of the converter.
    pub(super) fn headers(record: &ConnectRecord, converter: &dyn HeaderConverter) -> Result<Vec<WrittenHeader>> {
        let header = |header: &longshore_api::Header| {
            let mut bytes = Vec::new();
            let written = converter.from_connect_header(&record.topic, &header.name, &header.value, &mut bytes)?;
            let value = text(written.then_some(bytes)).map_or_else(Value::ValueBase64, Value::Value);
            Ok(WrittenHeader { name: header.name.to_string(), value })
        };
        record.headers.iter().map(header).collect()
    }
}

/// Bytes as text, or else in base64.
fn text(bytes: Option<Vec<u8>>) -> std::result::Result<Option<String>, String> {
    match bytes.map(String::from_utf8) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(error)) => Err(STANDARD.encode(error.into_bytes())),
    }
}
