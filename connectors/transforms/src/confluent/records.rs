//! Transforms of whole records: what becomes of tombstones, keys and values dropped, topics by a time in the value.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Transform, Value, Verdict};
use longshore_formats::java_time::{SimpleDateFormat, Zone};

use crate::part::{Side, not_a_map, without_tombstones};
use crate::plugin::{Configure, NAMES, required};
use crate::schemas::SchemaCache;

/// Drops tombstones, or refuses them.
#[derive(Debug)]
pub(super) struct TombstoneHandler {
    fails: bool,
}

impl Configure for TombstoneHandler {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("behavior", ConfigType::String, Importance::Medium)
                .default("warn")
                .validator(Validator::OneOfIgnoreCase(&["ignore", "warn", "fail"]))
                .doc("Whether tombstones are dropped (ignore, warn) or are errors (fail)."),
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
        without_tombstones(record, self.fails.then_some("Tombstone record encountered and behavior is set to fail"))
    }
}

/// Sets the key or value to null.
#[derive(Debug)]
pub(super) struct Drop {
    side: Side,
    behavior: SchemaBehavior,
    schemas: SchemaCache<Arc<Schema>>,
}

/// What becomes of the schema of what is null now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemaBehavior {
    Nullify,
    Retain,
    Validate,
    ForceOptional,
}

impl Configure for Drop {
    fn keys() -> Vec<ConfigKey> {
        let known = &["nullify", "retain", "validate", "force_optional"];
        vec![
            required("schema.behavior", ConfigType::String, Importance::Medium)
                .default("nullify")
                .validator(Validator::OneOfIgnoreCase(known))
                .doc(
                    "What becomes of the schema: nullify removes it, retain keeps it, validate wants it optional, \
                     force_optional makes it so.",
                ),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let behavior = match config.string("schema.behavior").to_lowercase().as_str() {
            "retain" => SchemaBehavior::Retain,
            "validate" => SchemaBehavior::Validate,
            "force_optional" => SchemaBehavior::ForceOptional,
            _ => SchemaBehavior::Nullify,
        };
        Ok(Self { side, behavior, schemas: SchemaCache::default() })
    }
}

impl Transform for Drop {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        data.value = Value::Null;
        let Some(schema) = data.schema.take() else { return Ok(Verdict::Keep) };
        data.schema = match self.behavior {
            SchemaBehavior::Nullify => None,
            SchemaBehavior::Validate if !schema.optional => {
                return Err(ConnectError::data(
                    "The schema is not optional, so what it describes cannot be dropped with schema.behavior=validate",
                ));
            }
            SchemaBehavior::ForceOptional if !schema.optional => {
                let make = || Ok(Arc::new(Schema { optional: true, ..Schema::clone(&schema) }));
                Some(Arc::clone(self.schemas.get_or_make(&schema, make)?))
            }
            _ => Some(schema),
        };
        Ok(Verdict::Keep)
    }
}

/// Makes the topic of its name and a time that the value holds.
#[derive(Debug)]
pub(super) struct MessageTimestampRouter {
    topic_format: String,
    keys: Vec<String>,
    /// `None` where the fields hold milliseconds.
    message_format: Option<SimpleDateFormat>,
    topic_time_format: SimpleDateFormat,
}

const PURPOSE: &str = "routing by a timestamp of the message";

impl Configure for MessageTimestampRouter {
    fn keys() -> Vec<ConfigKey> {
        let text = |name| required(name, ConfigType::String, Importance::High);
        vec![
            text("topic.format")
                .default("${topic}-${timestamp}")
                .doc("The new topic, with ${topic} and ${timestamp} in places of the old one and the time."),
            text("message.timestamp.format")
                .default("")
                .doc("The SimpleDateFormat pattern of texts in the fields; empty for milliseconds since the epoch."),
            text("topic.timestamp.format").default("yyyyMMdd").doc("The SimpleDateFormat pattern of the topic's time."),
            required("message.timestamp.keys", ConfigType::List, Importance::High)
                .validator(NAMES)
                .doc("The fields that may hold the time; the first one that does counts."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let format = |key| {
            let pattern = config.string(key);
            SimpleDateFormat::new(pattern, Zone::utc())
                .map_err(|error| ConnectError::config(invalid_value(key, Some(pattern), &error.0)))
        };
        let has_format = !config.string("message.timestamp.format").is_empty();
        Ok(Self {
            topic_format: config.string("topic.format").to_owned(),
            keys: config.list("message.timestamp.keys").to_vec(),
            message_format: has_format.then(|| format("message.timestamp.format")).transpose()?,
            topic_time_format: format("topic.timestamp.format")?,
        })
    }
}

impl Transform for MessageTimestampRouter {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Value::Map(map) = &record.value.value else { return Err(not_a_map(&record.value.value, PURPOSE)) };
        let found =
            self.keys.iter().find_map(|key| map.get(key).filter(|value| !value.is_null()).map(|value| (key, value)));
        let Some((key, value)) = found else {
            let message = format!("none of the fields {} holds a timestamp", self.keys.join(", "));
            return Err(ConnectError::data(message));
        };
        let millis = self.millis(key, value)?;
        let topic = self.topic_format.replace("${topic}", &record.topic);
        record.topic = topic.replace("${timestamp}", &self.topic_time_format.format(millis)).into();
        Ok(Verdict::Keep)
    }
}

impl MessageTimestampRouter {
    fn millis(&self, key: &str, value: &Value) -> Result<i64> {
        match (value, &self.message_format) {
            (Value::Date(millis) | Value::Int64(millis), _) => Ok(*millis),
            (Value::Int32(millis), _) => Ok(i64::from(*millis)),
            (Value::String(text), Some(format)) => format.parse(text).ok_or_else(|| {
                let pattern = format.pattern();
                ConnectError::data(format!("field '{key}': value ({text}) does not match pattern ({pattern})"))
            }),
            (Value::String(text), None) => text
                .trim()
                .parse()
                .map_err(|_| ConnectError::data(format!("field '{key}': value ({text}) is no number of milliseconds"))),
            (other, _) => {
                let class = other.java_class();
                Err(ConnectError::data(format!("field '{key}' must hold a text or a number, found: {class}")))
            }
        }
    }
}
