//! What needs no more than the record as a whole: SetNull, TimestampNow, LowerCaseTopic, SchemaNameToTopic.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Data, Parts, Result, Transform, Verdict};

use crate::part::Side;
use crate::plugin::Configure;

/// Makes the key or the value null.
#[derive(Debug)]
pub(super) struct SetNull(Side);

/// Gives records the time at which they passed.
#[derive(Debug)]
pub(super) struct TimestampNow;

/// Writes topics in small letters.
#[derive(Debug)]
pub(super) struct LowerCaseTopic;

/// Takes the name of the key's or the value's schema for the topic.
#[derive(Debug)]
pub(super) struct SchemaNameToTopic(Side);

macro_rules! without_keys {
    ($transform:ty, $new:expr) => {
        impl Configure for $transform {
            fn keys() -> Vec<ConfigKey> {
                Vec::new()
            }

            fn new(_config: &ParsedConfig, side: Side) -> Result<Self> {
                let new: fn(Side) -> Self = $new;
                Ok(new(side))
            }
        }
    };
}

without_keys!(SetNull, SetNull);
without_keys!(TimestampNow, |_| TimestampNow);
without_keys!(LowerCaseTopic, |_| LowerCaseTopic);
without_keys!(SchemaNameToTopic, SchemaNameToTopic);

impl Transform for SetNull {
    fn parts(&self) -> Parts {
        self.0.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        *self.0.of(record) = Data::NULL;
        Ok(Verdict::Keep)
    }
}

impl Transform for TimestampNow {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.timestamp = Some(now());
        Ok(Verdict::Keep)
    }
}

/// Milliseconds since the epoch.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as i64)
}

impl Transform for LowerCaseTopic {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.topic.chars().any(char::is_uppercase) {
            record.topic = record.topic.to_lowercase().into();
        }
        Ok(Verdict::Keep)
    }
}

impl Transform for SchemaNameToTopic {
    fn parts(&self) -> Parts {
        self.0.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let name = self.0.of(record).schema.as_ref().and_then(|schema| schema.name.clone());
        let side = self.0.name();
        let missing = || ConnectError::data(format!("the {side} has no schema with a name, which is to be the topic"));
        record.topic = Arc::clone(&name.ok_or_else(missing)?);
        Ok(Verdict::Keep)
    }
}
