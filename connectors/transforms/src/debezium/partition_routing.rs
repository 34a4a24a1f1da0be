//! PartitionRouting: the partition by fields of a change event.

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Struct, Transform, Value, Verdict};
use longshore_formats::java_order;

use super::envelope::is_envelope;
use super::murmur;
use crate::part::{Side, not_a_struct};
use crate::plugin::{Configure, NAMES};
use crate::schemas::or_default;

/// Chooses the partition by what fields hold.
#[derive(Debug)]
pub(super) struct PartitionRouting {
    /// The way to each field.
    fields: Vec<Vec<String>>,
    partitions: u32,
    hash: fn(&Value) -> Result<i32>,
}

impl Configure for PartitionRouting {
    fn keys() -> Vec<ConfigKey> {
        use Importance::{High, Low};
        let shown = |key: ConfigKey, order, display: &'static str| {
            key.shown("partitions", order, longshore_api::config::Width::None, display)
        };
        let fields = ConfigKey::new("partition.payload.fields", ConfigType::List, High).validator(NAMES);
        let number = ConfigKey::new("partition.topic.num", ConfigType::Int, High)
            .validator(Validator::Between(1, i32::MAX.into()));
        let hash = ConfigKey::new("partition.hash.function", ConfigType::String, Low).default("java");
        vec![
            shown(fields, 1, "List of payload fields to use for compute partition.").doc(
                "Fields of the event, as after.name or source.table; change.name is that of after, or of before in a \
                 deletion. Fields that an event has not do not count.",
            ),
            shown(number, 2, "Number of partition configured for topic").doc("How many partitions the topic has."),
            shown(hash, 3, "Hash function").doc("How values are hashed: java or murmur."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let way = |field: &String| field.split('.').map(|part| part.trim().to_owned()).collect();
        Ok(Self {
            fields: config.list("partition.payload.fields").iter().map(way).collect(),
            partitions: u32::try_from(config.integer("partition.topic.num")).unwrap_or(1).max(1),
            // As in Debezium, any other word means java.
            hash: match config.string("partition.hash.function").trim() {
                name if name.eq_ignore_ascii_case("murmur") => murmured,
                _ => hash,
            },
        })
    }
}

impl Transform for PartitionRouting {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() || !record.value.schema.as_deref().is_some_and(is_envelope) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &record.value.value else {
            return Err(not_a_struct(&record.value.value, "partition routing"));
        };
        let operation = event.get("op").and_then(Value::as_str);
        // A truncation and a message of the database itself have no rows.
        if matches!(operation, Some("t" | "m")) {
            return Ok(Verdict::Keep);
        }
        let row = if operation == Some("d") { "before" } else { "after" };
        let found: Vec<Value> = self.fields.iter().filter_map(|way| find(event, way, row)).collect();
        if found.is_empty() {
            return Ok(Verdict::Keep);
        }
        let mut total = 0_i32;
        for value in &found {
            total = total.wrapping_add((self.hash)(value)?);
        }
        let total = (total & i32::MAX) as u32;
        let total = if total == i32::MAX as u32 { 0 } else { total };
        record.partition = i32::try_from(total % self.partitions).ok();
        Ok(Verdict::Keep)
    }
}

fn find(event: &Struct, way: &[String], row: &str) -> Option<Value> {
    let (last, before) = way.split_last()?;
    let mut at = event;
    for name in before {
        match at.get(if name == "change" { row } else { name })? {
            Value::Struct(inner) => at = inner,
            _ => return None,
        }
    }
    let index = at.schema.field_index(last)?;
    let value = or_default(at.values.get(index)?.clone(), &at.schema.fields[index].schema, true);
    (!value.is_null()).then_some(value)
}

/// MurmurHash3 of a text, or of what else `hashCode` gives.
fn murmured(value: &Value) -> Result<i32> {
    match value {
        Value::String(text) => Ok(murmur::hash(text.as_bytes())),
        other => Ok(murmur::hash(&hash(other)?.to_le_bytes())),
    }
}

/// `Object.hashCode` of what has one that depends on its content alone.
fn hash(value: &Value) -> Result<i32> {
    let of_long = |value: i64| (value ^ ((value as u64) >> 32) as i64) as i32;
    Ok(match value {
        Value::Boolean(value) => {
            if *value {
                1231
            } else {
                1237
            }
        }
        Value::Int8(value) => i32::from(*value),
        Value::Int16(value) => i32::from(*value),
        Value::Int32(value) => *value,
        Value::Int64(value) | Value::Date(value) => of_long(*value),
        // All kinds of NaN are one.
        Value::Float32(value) => {
            if value.is_nan() {
                0x7fc0_0000
            } else {
                value.to_bits() as i32
            }
        }
        Value::Float64(value) => of_long(if value.is_nan() { 0x7ff8 << 48 } else { value.to_bits() as i64 }),
        Value::String(text) => java_order::string_hash(text) as i32,
        other => {
            let class = other.java_class();
            return Err(ConnectError::data(format!(
                "partition.payload.fields: a value of {class} has no hash that stays"
            )));
        }
    })
}
