//! What the offset topic says: how far each source partition has been read.
//!
//! A key is `["connector",{partition}]`, a value `{offset}`. Java compares the bytes of keys; here they are compared as
//! JSON values, and what is written under a partition that is known keeps the bytes that stand in the topic.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use indexmap::IndexMap;
use longshore_api::error::class;
use longshore_api::{ConnectError, ErrorKind, Result, SourceMap, Value};
use serde_json::Value as Json;

use super::json::{self, Object};
use super::{LogEntry, LogRecord};

/// What the offset topic says.
#[derive(Debug, Clone, Default)]
pub struct OffsetState {
    connectors: HashMap<String, IndexMap<String, Partition>>,
}

#[derive(Debug, Clone)]
struct Partition {
    /// `None` for the null partition, which is kept and not listed.
    partition: Option<Object>,
    /// The same partition may stand under several texts of its key; the last written comes last.
    stored: Vec<Stored>,
}

#[derive(Debug, Clone)]
struct Stored {
    key: Vec<u8>,
    offset: Object,
}

impl OffsetState {
    /// The offset of a connector's partition.
    ///
    /// # Errors
    /// A partition that cannot be a key.
    pub fn get(&self, connector: &str, partition: &SourceMap) -> Result<Option<SourceMap>> {
        let name = canonical(&encode_map(partition, "Partitions")?);
        let stored = self.partition(connector, &name).and_then(|partition| partition.stored.last());
        Ok(stored.map(|stored| to_source_map(&stored.offset)))
    }

    fn partition(&self, connector: &str, name: &str) -> Option<&Partition> {
        self.connectors.get(connector).and_then(|partitions| partitions.get(name))
    }

    /// Partitions and offsets of a connector.
    pub fn list(&self, connector: &str) -> impl Iterator<Item = (&Object, &Object)> {
        self.connectors
            .get(connector)
            .into_iter()
            .flat_map(IndexMap::values)
            .filter_map(|partition| Some((partition.partition.as_ref()?, &partition.stored.last()?.offset)))
    }

    /// The entries that store offsets of a connector; `None` deletes a partition's. Of two for one partition the
    /// later counts.
    ///
    /// # Errors
    /// A partition or offset that cannot be stored; the message names the field.
    pub fn entries<'a>(
        &self,
        connector: &str,
        offsets: impl IntoIterator<Item = (&'a SourceMap, Option<&'a SourceMap>)>,
    ) -> Result<Vec<LogEntry>> {
        let mut latest: IndexMap<String, Vec<LogEntry>> = IndexMap::new();
        for (partition, offset) in offsets {
            let partition = encode_map(partition, "Partitions")?;
            let offset = offset.map(|offset| encode_map(offset, "Offsets")).transpose()?;
            let name = canonical(&partition);
            let entries = self.entries_of(connector, &name, &partition, offset);
            latest.insert(name, entries);
        }
        Ok(latest.into_values().flatten().collect())
    }

    /// The entries that delete all offsets of a connector.
    pub fn tombstones(&self, connector: &str) -> Vec<LogEntry> {
        let partitions = self.connectors.get(connector).into_iter().flat_map(IndexMap::values);
        partitions.flat_map(|partition| &partition.stored).map(|stored| (stored.key.clone(), None)).collect()
    }

    fn entries_of(&self, connector: &str, name: &str, partition: &str, offset: Option<String>) -> Vec<LogEntry> {
        let known = self.partition(connector, name).map_or(&[][..], |partition| &partition.stored);
        let offset = offset.map(String::into_bytes);
        match (known.last(), offset) {
            (None, offset) => vec![(key(connector, partition), offset)],
            (Some(last), Some(offset)) => vec![(last.key.clone(), Some(offset))],
            (Some(_), None) => known.iter().map(|stored| (stored.key.clone(), None)).collect(),
        }
    }

    /// Applies a record; what is none of Connect's is logged and passed over.
    pub fn apply(&mut self, record: &LogRecord) {
        let Some((connector, partition)) = decode_key(&record.key) else {
            tracing::warn!(offset = record.offset, "a record of the offset topic has an unknown key");
            return;
        };
        let offset = match record.value.as_deref().map(serde_json::from_slice::<Json>) {
            None | Some(Ok(Json::Null)) => None,
            Some(Ok(Json::Object(offset))) => Some(offset),
            Some(_) => {
                tracing::warn!(connector, offset = record.offset, "a record of the offset topic is no offset");
                return;
            }
        };
        self.store(connector, partition, record.key.clone(), offset);
    }

    fn store(&mut self, connector: String, partition: Option<Object>, key: Vec<u8>, offset: Option<Object>) {
        let name = match &partition {
            Some(partition) => json::canonical(&Json::Object(partition.clone())),
            None => "null".to_owned(),
        };
        let partitions = self.connectors.entry(connector.clone()).or_default();
        let entry = partitions.entry(name.clone()).or_insert_with(|| Partition { partition, stored: Vec::new() });
        entry.stored.retain(|stored| stored.key != key);
        entry.stored.extend(offset.map(|offset| Stored { key, offset }));
        if entry.stored.is_empty() {
            partitions.swap_remove(&name);
        }
        if partitions.is_empty() {
            self.connectors.remove(&connector);
        }
    }
}

fn decode_key(key: &[u8]) -> Option<(String, Option<Object>)> {
    let Ok(Json::Array(parts)) = serde_json::from_slice(key) else { return None };
    let Ok([connector, partition]) = <[Json; 2]>::try_from(parts) else { return None };
    let Json::String(connector) = connector else { return None };
    match partition {
        Json::Object(partition) => Some((connector, Some(partition))),
        Json::Null => Some((connector, None)),
        _ => None,
    }
}

fn key(connector: &str, partition: &str) -> Vec<u8> {
    let mut out = String::from("[");
    json::write_text(&mut out, connector);
    out.push(',');
    out.push_str(partition);
    out.push(']');
    out.into_bytes()
}

/// The same text for all texts of one partition.
fn canonical(partition: &str) -> String {
    serde_json::from_str(partition).map_or_else(|_| partition.to_owned(), |value| json::canonical(&value))
}

/// The JSON text of a partition or an offset, as Java writes it.
fn encode_map(map: &SourceMap, what: &str) -> Result<String> {
    let mut out = String::new();
    let mut wrong = None;
    json::write_list(&mut out, '{', '}', map, |out, (name, value)| {
        json::write_text(out, name);
        out.push(':');
        if !write_value(out, value) {
            wrong.get_or_insert_with(|| (name.clone(), value.java_class()));
        }
    });
    match wrong {
        None => Ok(out),
        Some((field, class_of_value)) => Err(ConnectError::new(
            ErrorKind::Fatal,
            class::DATA,
            format!("{what} may only contain primitive types as values, but field {field} contains {class_of_value}"),
        )),
    }
}

/// Writes a primitive value; false for any other.
fn write_value(out: &mut String, value: &Value) -> bool {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int8(value) => out.push_str(&value.to_string()),
        Value::Int16(value) => out.push_str(&value.to_string()),
        Value::Int32(value) => out.push_str(&value.to_string()),
        Value::Int64(value) => out.push_str(&value.to_string()),
        Value::Float32(value) => json::write_f32(out, *value),
        Value::Float64(value) => json::write_f64(out, *value),
        Value::String(text) => json::write_text(out, text),
        Value::Bytes(bytes) => json::write_text(out, &BASE64_STANDARD.encode(bytes)),
        Value::Decimal(_) | Value::Date(_) | Value::Array(_) | Value::Map(_) | Value::Struct(_) => return false,
    }
    true
}

/// A partition or an offset as a task sees it: integers are 64 bits wide, other numbers are doubles, bytes stay the
/// base64 text as which they were stored. Nested values, which Connect never stores, are left out.
pub fn to_source_map(object: &Object) -> SourceMap {
    let member = |(name, value): (&String, &Json)| {
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Boolean(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => Value::Int64(integer),
                // As Java's `longValue`: the lower 64 bits.
                (None, Some(integer)) => Value::Int64(integer as i64),
                (None, None) => Value::Float64(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Value::string(text.as_str()),
            Json::Array(_) | Json::Object(_) => return None,
        };
        Some((name.clone(), value))
    };
    object.iter().filter_map(member).collect()
}
