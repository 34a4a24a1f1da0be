//! SchemaChangeEventFilter: leaves out events that tell of changes of a database's schema.

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Struct, Transform, Value, Verdict};

use super::key;
use crate::part::{Side, not_a_struct};
use crate::plugin::Configure;

const EXCLUDE: &str = "schema.change.event.exclude.list";
const KINDS: [&str; 5] = ["CREATE", "ALTER", "DROP", "TRUNCATE", "DATABASE"];

/// Leaves out the kinds of events that are listed.
#[derive(Debug)]
pub(super) struct SchemaChangeEventFilter {
    excluded: Vec<&'static str>,
}

/// The kinds in a list that commas separate.
fn kinds(text: &str) -> Result<Vec<&'static str>, String> {
    let one = |name: &str| {
        let name = name.trim();
        KINDS.into_iter().find(|kind| *kind == name).ok_or_else(|| format!("{name} is none of {}", KINDS.join(", ")))
    };
    text.split(',').map(one).collect()
}

const LIST: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => kinds(text).map(|_| ()).map_err(|why| invalid_value(name, Some(text), &why)),
    _ => Err(invalid_value(name, None, "A value is required")),
});

impl Configure for SchemaChangeEventFilter {
    fn keys() -> Vec<ConfigKey> {
        vec![
            key(EXCLUDE, ConfigType::String, Importance::High, Width::Short, "Schema change event exclude list")
                .default_null()
                .validator(LIST)
                .doc("The kinds of events to leave out, of CREATE, ALTER, DROP, TRUNCATE and DATABASE."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { excluded: kinds(config.string(EXCLUDE)).map_err(ConnectError::config)? })
    }
}

impl Transform for SchemaChangeEventFilter {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() || !record.value.schema.as_deref().is_some_and(is_schema_change) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &record.value.value else {
            return Err(not_a_struct(&record.value.value, "Read schema change event to filter"));
        };
        let Some(kind) = kind(event)? else { return Ok(Verdict::Drop) };
        Ok(if self.excluded.contains(&kind) { Verdict::Drop } else { Verdict::Keep })
    }
}

fn is_schema_change(schema: &Schema) -> bool {
    schema.name.as_deref().is_some_and(|name| name.ends_with(".SchemaChangeValue"))
}

/// The kind of an event; `None` of one that changes nothing.
fn kind(event: &Struct) -> Result<Option<&str>> {
    match event.get("tableChanges") {
        Some(Value::Null) => Ok(None),
        Some(Value::Array(changes)) => match changes.first() {
            None => Ok(Some("DATABASE")),
            Some(Value::Struct(change)) => match change.get("type") {
                Some(Value::String(kind)) if KINDS.contains(&&**kind) => Ok(Some(kind)),
                _ => Err(ConnectError::data("type of the first of tableChanges is no kind of a schema change")),
            },
            Some(other) => Err(not_a_struct(other, "Read schema change event to filter")),
        },
        Some(other) => {
            let class = other.java_class();
            Err(ConnectError::data(format!("tableChanges must be an array, found: {class}")))
        }
        None => Err(ConnectError::data("tableChanges is not a valid field name")),
    }
}
