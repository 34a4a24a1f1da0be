//! Aiven's transforms.

mod case;
mod concat;
mod field;
mod filter;
mod hash;
mod key_to_value;
mod schema_name;

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Data, Parts, Result, Transform, TransformPlugin, Value, Verdict};
use longshore_formats::java_text;

use crate::part::{Side, without_tombstones};
use crate::plugin::{Configure, required, sided, transform};

/// The release whose transforms these are.
const VERSION: &str = "1.7.0";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![
        transform::<MakeTombstone>("io.aiven.kafka.connect.transforms.MakeTombstone", VERSION),
        transform::<key_to_value::KeyToValue>("io.aiven.kafka.connect.transforms.KeyToValue", VERSION),
        transform::<TombstoneHandler>("io.aiven.kafka.connect.transforms.TombstoneHandler", VERSION),
        transform::<schema_name::ExtractTopicFromSchemaName>(
            "io.aiven.kafka.connect.transforms.ExtractTopicFromSchemaName$Value",
            VERSION,
        ),
        // Its name up to release 1.5.
        transform::<schema_name::ExtractTopicFromSchemaName>(
            "io.aiven.kafka.connect.transforms.ExtractTopicFromValueSchema$Name",
            VERSION,
        ),
    ];
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.ExtractTimestamp", ExtractTimestamp, VERSION));
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.ExtractTopic", ExtractTopic, VERSION));
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.CaseTransform", case::CaseTransform, VERSION));
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.ConcatFields", concat::ConcatFields, VERSION));
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.FilterByFieldValue", filter::FilterByFieldValue, VERSION));
    plugins.extend(sided!("io.aiven.kafka.connect.transforms.Hash", hash::Hash, VERSION));
    plugins
}

/// Makes tombstones of records.
#[derive(Debug)]
struct MakeTombstone;

impl Configure for MakeTombstone {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self)
    }
}

impl Transform for MakeTombstone {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.value = Data::NULL;
        Ok(Verdict::Keep)
    }
}

/// Drops tombstones, or refuses them.
#[derive(Debug)]
struct TombstoneHandler {
    fails: bool,
}

impl Configure for TombstoneHandler {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("behavior", ConfigType::String, Importance::High)
                .validator(Validator::OneOfIgnoreCase(&["drop_silent", "drop_warn", "fail"]))
                .doc("Whether tombstones are dropped or are errors (fail)."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { fails: config.string("behavior").eq_ignore_ascii_case("fail") })
    }
}

impl Transform for TombstoneHandler {
    fn parts(&self) -> Parts {
        Parts::PRESENCE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let failure = "Tombstone record encountered, failing due to configured 'fail' behavior";
        without_tombstones(record, self.fails.then_some(failure))
    }
}

/// Makes a field the record's timestamp.
#[derive(Debug)]
struct ExtractTimestamp {
    side: Side,
    field: String,
    in_seconds: bool,
}

impl Configure for ExtractTimestamp {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.name", ConfigType::String, Importance::High)
                .validator(Validator::NonEmptyString)
                .doc("The field that holds the timestamp: an INT64 or a Timestamp."),
            required("timestamp.resolution", ConfigType::String, Importance::Low)
                .default("milliseconds")
                .validator(Validator::OneOf(&["milliseconds", "seconds"]))
                .doc("Whether a number in the field counts milliseconds or seconds."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            field: config.string("field.name").to_owned(),
            in_seconds: config.string("timestamp.resolution") == "seconds",
        })
    }
}

impl Transform for ExtractTimestamp {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let name = &self.field;
        let found = member(&self.side.of(record).value, name, "timestamp")?;
        let factor = if self.in_seconds { 1000 } else { 1 };
        record.timestamp = Some(match found {
            Some(Value::Date(millis)) => *millis,
            Some(Value::Int64(number)) => number
                .checked_mul(factor)
                .ok_or_else(|| ConnectError::data(format!("{name} field holds {number}, which is no timestamp")))?,
            None | Some(Value::Null) => {
                return Err(ConnectError::data(format!("{name} field must be present and its value can't be null")));
            }
            Some(other) => {
                let class = other.java_class();
                return Err(ConnectError::data(format!(
                    "{name} field must be INT64 or org.apache.kafka.connect.data.Timestamp, found: {class}"
                )));
            }
        });
        Ok(Verdict::Keep)
    }
}

/// Takes the topic from the key or the value.
#[derive(Debug)]
pub(crate) struct ExtractTopic {
    side: Side,
    /// `None` where the whole is the topic.
    field: Option<String>,
    skips_missing: bool,
}

impl Configure for ExtractTopic {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.name", ConfigType::String, Importance::High)
                .default_null()
                .doc("The field that holds the topic; empty if the whole key or value is the topic."),
            required("skip.missing.or.null", ConfigType::Boolean, Importance::Low)
                .default("false")
                .doc("Whether records without a topic to extract keep theirs; otherwise they are errors."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            field: config.text("field.name").filter(|name| !name.is_empty()).map(str::to_owned),
            skips_missing: config.boolean("skip.missing.or.null"),
        })
    }
}

impl Transform for ExtractTopic {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        let place = self.field.as_deref().unwrap_or("the whole key or value");
        let found = match &self.field {
            None => Some(value),
            Some(_) if value.is_null() => None,
            Some(name) => member(value, name, "topic")?,
        };
        let topic: Arc<str> = match found {
            Some(Value::String(topic)) => Arc::clone(topic),
            Some(
                scalar @ (Value::Boolean(_)
                | Value::Int8(_)
                | Value::Int16(_)
                | Value::Int32(_)
                | Value::Int64(_)
                | Value::Float32(_)
                | Value::Float64(_)),
            ) => java_text::value(scalar).into(),
            None | Some(Value::Null) if self.skips_missing => return Ok(Verdict::Keep),
            None | Some(Value::Null) => return Err(ConnectError::data(format!("{place} can't be null"))),
            Some(other) => {
                let class = other.java_class();
                return Err(ConnectError::data(format!("{place} must be text, a number or a boolean, found: {class}")));
            }
        };
        match (topic.is_empty(), self.skips_missing) {
            (false, _) => record.topic = topic,
            (true, true) => {}
            (true, false) => return Err(ConnectError::data(format!("{place} can't be empty"))),
        }
        Ok(Verdict::Keep)
    }
}

/// A field of a struct or map.
fn member<'v>(value: &'v Value, name: &str, what: &str) -> Result<Option<&'v Value>> {
    match value {
        Value::Map(map) => Ok(map.get(name)),
        Value::Struct(structure) => Ok(structure.get(name)),
        other => {
            let class = other.java_class();
            Err(ConnectError::data(format!("A {what} can be extracted from a struct or map only, found: {class}")))
        }
    }
}
