//! ReadToInsertEvent: rows of a snapshot as rows that were inserted.

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{ConnectRecord, Parts, Result, Transform, Value, Verdict};

use super::envelope::is_envelope;
use crate::part::{Side, not_a_struct};
use crate::plugin::Configure;

/// Makes `r` of an event's operation `c`.
#[derive(Debug)]
pub(super) struct ReadToInsertEvent;

impl Configure for ReadToInsertEvent {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self)
    }
}

impl Transform for ReadToInsertEvent {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() || !record.value.schema.as_deref().is_some_and(is_envelope) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &mut record.value.value else {
            return Err(not_a_struct(&record.value.value, "Record value should be struct."));
        };
        let operation = event.schema.field_index("op").and_then(|index| event.values.get_mut(index));
        if let Some(operation) = operation.filter(|operation| operation.as_str() == Some("r")) {
            *operation = Value::string("c");
        }
        Ok(Verdict::Keep)
    }
}
