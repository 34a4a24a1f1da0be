//! Entries of a request to alter offsets, from and to JSON.

use longshore_api::source::AlterableOffset;
use longshore_api::{SourceMap, TopicPartition, Value};
use serde_json::{Map, Value as Json};

use crate::herder::api::Reply;
use crate::herder::types::{HerderError, HerderErrorKind};
use crate::store::to_source_map;

type Object = Map<String, Json>;

/// The entries for a sink. Numbers may be texts; of two entries for one partition the later counts.
pub(super) fn sink_entries(offsets: &[(Json, Json)]) -> Reply<Vec<(TopicPartition, Option<i64>)>> {
    let mut entries: Vec<(TopicPartition, Option<i64>)> = Vec::new();
    for (partition, offset) in offsets {
        let partition = sink_partition(partition)?;
        let offset = sink_offset(offset)?;
        entries.retain(|(known, _)| *known != partition);
        entries.push((partition, offset));
    }
    Ok(entries)
}

fn sink_partition(partition: &Json) -> Reply<TopicPartition> {
    let Json::Object(partition) = partition else {
        return bad_request("The partition for a sink connector offset cannot be null or missing");
    };
    let (Some(topic), Some(number)) = (partition.get("kafka_topic"), partition.get("kafka_partition")) else {
        return bad_request(
            "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
        );
    };
    let topic = match topic {
        Json::Null => return bad_request("Kafka topic names must be valid strings and may not be null"),
        Json::String(topic) => topic.clone(),
        other => other.to_string(),
    };
    if number.is_null() {
        return bad_request("Kafka partitions must be valid numbers and may not be null");
    }
    let number = shown(number);
    match number.parse() {
        Ok(number) => Ok(TopicPartition::new(topic, number)),
        Err(_) => bad_request(format!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{number}'. Partition \
             values for sink connectors need to be integers."
        )),
    }
}

fn sink_offset(offset: &Json) -> Reply<Option<i64>> {
    if offset.is_null() {
        return Ok(None);
    }
    let Some(value) = offset.get("kafka_offset") else {
        return bad_request("The offset for a sink connector should either be null or contain the key 'kafka_offset'");
    };
    let value = shown(value);
    match value.parse() {
        Ok(offset) => Ok(Some(offset)),
        Err(_) => bad_request(format!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{value}'. Offset values for \
             sink connectors need to be integers."
        )),
    }
}

/// A value as Java's `String.valueOf` shows it.
fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The entries for a source, with values as they are read back later: integers of 64 bits.
pub(super) fn source_entries(offsets: &[(Json, Json)]) -> Reply<Vec<AlterableOffset>> {
    let map = |value: &Json| match value {
        Json::Object(object) => source_map(object).map(Some),
        _ => Ok(None),
    };
    offsets.iter().map(|(partition, offset)| Ok((map(partition)?, map(offset)?))).collect()
}

fn source_map(object: &Object) -> Reply<SourceMap> {
    let nested = object.iter().find_map(|(field, value)| match value {
        Json::Array(_) => Some((field, "ARRAY")),
        Json::Object(_) => Some((field, "MAP")),
        _ => None,
    });
    match nested {
        None => Ok(to_source_map(object)),
        Some((field, kind)) => Err(HerderError::new(
            HerderErrorKind::Internal,
            format!("Offsets may only contain primitive types as values, but field {field} contains {kind}"),
        )),
    }
}

/// A partition or an offset as REST shows it. Stored ones hold nothing but JSON's primitives.
pub(super) fn source_map_json(map: &SourceMap) -> Json {
    let value = |value: &Value| match value {
        Value::Boolean(value) => Json::from(*value),
        Value::Int8(value) => Json::from(*value),
        Value::Int16(value) => Json::from(*value),
        Value::Int32(value) => Json::from(*value),
        Value::Int64(value) => Json::from(*value),
        Value::Float32(value) => Json::from(*value),
        Value::Float64(value) => Json::from(*value),
        Value::String(text) => Json::from(text.to_string()),
        _ => Json::Null,
    };
    Json::Object(map.iter().map(|(name, member)| (name.clone(), value(member))).collect())
}

fn bad_request<T>(message: impl Into<String>) -> Reply<T> {
    Err(HerderError::new(HerderErrorKind::BadRequest, message))
}
