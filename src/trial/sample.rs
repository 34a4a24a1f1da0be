//! The record to try, as a user writes it down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, ConnectRecord, Data, Header, Props, RecordOrigin, Result};
use longshore_formats::{Converter, JsonConverter};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A record to try.
///
/// For a sink its parts are what Kafka holds: a JSON string stands for its text, any other JSON for itself, and
/// `…_base64` for bytes. For a source they are what the connector made: JSON, with a schema beside it as JsonConverter
/// writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    topic: Option<String>,
    /// Kafka partition; 0 for a sink that is given none.
    pub(super) partition: Option<i32>,
    /// Kafka offset; 0 where none is given.
    pub(super) offset: Option<i64>,
    /// Milliseconds since the epoch.
    pub(super) timestamp: Option<i64>,
    #[serde(default)]
    headers: Vec<SampleHeader>,
    #[serde(default)]
    key: Text,
    #[serde(default)]
    key_base64: Base64,
    key_schema: Option<Box<RawValue>>,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    value_base64: Base64,
    value_schema: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleHeader {
    name: String,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    value_base64: Base64,
    schema: Option<Box<RawValue>>,
}

/// A part: the JSON as it is written, and the bytes for which it stands.
#[derive(Debug, Default)]
struct Text {
    json: Option<Box<RawValue>>,
    bytes: Option<Vec<u8>>,
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(json) = Option::<Box<RawValue>>::deserialize(deserializer)? else { return Ok(Self::default()) };
        let bytes = match serde_json::from_str::<String>(json.get()) {
            Ok(text) => text.into_bytes(),
            Err(_) => json.get().as_bytes().to_vec(),
        };
        Ok(Self { json: Some(json), bytes: Some(bytes) })
    }
}

/// Bytes in base64.
#[derive(Debug, Default)]
struct Base64(Option<Vec<u8>>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(|text| STANDARD.decode(text)).transpose().map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

impl Sample {
    /// Reads a sample.
    ///
    /// # Errors
    /// Kind Config; the message names the member that is wrong.
    pub fn read(json: &[u8]) -> Result<Self> {
        let sample: Self = serde_json::from_slice(json)
            .map_err(|error| ConnectError::config(format!("the record is not what is expected: {error}")))?;
        let twice = |text: &Text, base64: &Base64| text.bytes.is_some() && base64.0.is_some();
        let both =
            [("key", twice(&sample.key, &sample.key_base64)), ("value", twice(&sample.value, &sample.value_base64))];
        match both.into_iter().find(|(_, twice)| *twice) {
            Some((part, _)) => Err(ConnectError::config(format!("the record has both {part} and {part}_base64"))),
            None => Ok(sample),
        }
    }

    /// The topic, if one is given.
    pub(super) fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The key's bytes, `None` for null.
    pub(super) fn key_bytes(&self) -> Option<&[u8]> {
        self.key.bytes.as_deref().or(self.key_base64.0.as_deref())
    }

    /// The value's bytes, `None` for a tombstone.
    pub(super) fn value_bytes(&self) -> Option<&[u8]> {
        self.value.bytes.as_deref().or(self.value_base64.0.as_deref())
    }

    /// The headers, as `convert` reads them.
    ///
    /// # Errors
    /// Those of `convert`.
    pub(super) fn headers(&self, convert: impl Fn(&str, Option<&[u8]>) -> Result<Data>) -> Result<Vec<Header>> {
        let header = |header: &SampleHeader| {
            let bytes = header.value.bytes.as_deref().or(header.value_base64.0.as_deref());
            Ok(Header { name: header.name.as_str().into(), value: convert(&header.name, bytes)? })
        };
        self.headers.iter().map(header).collect()
    }

    /// The record as a source would have made it.
    ///
    /// # Errors
    /// Kind Config, where a part does not fit its schema.
    pub(super) fn into_record(self) -> Result<ConnectRecord> {
        let reader = JsonConverter::new(&Props::new())?;
        let header = |header: SampleHeader| {
            let value = data(&reader, &header.name, header.value, header.value_base64, header.schema)?;
            Ok(Header { name: header.name.into(), value })
        };
        Ok(ConnectRecord {
            topic: self.topic.unwrap_or_else(|| "topic".to_owned()).into(),
            partition: self.partition,
            key: data(&reader, "key", self.key, self.key_base64, self.key_schema)?,
            value: data(&reader, "value", self.value, self.value_base64, self.value_schema)?,
            timestamp: self.timestamp,
            headers: self.headers.into_iter().map(header).collect::<Result<_>>()?,
            origin: RecordOrigin::Source,
        })
    }
}

fn data(reader: &JsonConverter, part: &str, text: Text, base64: Base64, schema: Option<Box<RawValue>>) -> Result<Data> {
    if let Some(bytes) = base64.0 {
        let schema = longshore_api::Schema::optional(longshore_api::Type::Bytes);
        return Ok(Data::new(schema.into(), longshore_api::Value::Bytes(bytes.into())));
    }
    if text.json.is_none() && schema.is_none() {
        return Ok(Data::NULL);
    }
    let json = |part: &Option<Box<RawValue>>| part.as_ref().map_or("null", |json| json.get()).to_owned();
    let envelope = format!("{{\"schema\":{},\"payload\":{}}}", json(&schema), json(&text.json));
    reader.to_connect("", Some(envelope.as_bytes())).map_err(|error| {
        ConnectError::config(format!("{part} of the record cannot be read: {}", error.root_cause())).caused_by(error)
    })
}
