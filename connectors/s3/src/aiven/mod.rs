//! Aiven's S3 sink: `io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector`, on the same writer.
//!
//! Its files end when the worker asks for the state of things before it commits offsets, so every
//! `offset.flush.interval.ms` and at the end. Names come from a template ([`template`]), and what is written of a record
//! is a choice of its fields.

mod settings;
mod table;
mod template;

use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::config::{ConfigDef, ConfigValue, Props};
use longshore_api::{ConnectError, Connector, Data, Payload, Record, Result, SinkConnector, SinkTask, Value};
use longshore_formats::java_text;
use longshore_formats::java_time::Zone;
use longshore_formats::json::{self, Keys};

pub(crate) use template::Grouping;
use template::{Names, Template};

use crate::format::place;
use crate::task::S3SinkTask;
use crate::writer::Writer;

/// The longest name that S3 takes, in bytes.
const MAX_NAME: usize = 1024;

/// Aiven's S3 sink.
#[derive(Debug, Default, Clone, Copy)]
#[doc(alias = "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector")]
pub struct AivenS3SinkConnector;

#[async_trait]
impl Connector for AivenS3SinkConnector {
    fn class(&self) -> &'static str {
        "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"
    }

    fn task_class(&self) -> &'static str {
        "io.aiven.kafka.connect.s3.S3SinkTask"
    }

    fn version(&self) -> &'static str {
        "3.4.2"
    }

    fn config_def(&self) -> &ConfigDef {
        &table::TABLE
    }

    fn validate(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        settings::validate(config, values);
    }
}

impl SinkConnector for AivenS3SinkConnector {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(S3SinkTask::new(settings::settings))
    }
}

/// Names objects by a template.
#[derive(Debug)]
pub(crate) struct Namer {
    template: Template,
    grouping: Grouping,
    zone: Zone,
    is_event_time: bool,
    /// The most records of an object.
    max_records: u64,
}

impl Namer {
    /// Whether an object holds the last record of a key, and no other.
    pub(crate) fn keeps_the_last(&self) -> bool {
        self.grouping == Grouping::Key
    }

    /// What the names of all objects of a topic begin with.
    pub(crate) fn beginning(&self, topic: &str) -> String {
        self.template.beginning(topic)
    }

    /// Whether a name is that of a partition's object, and cannot be that of another's.
    pub(crate) fn is_of(&self, name: &str, topic: &str, partition: i32) -> bool {
        self.template.is_of(name, topic, partition)
    }

    /// The name of a record's object. The offset in it is that of the first record since the writer's last commit, or
    /// since an object of its had all records that it may have.
    ///
    /// # Errors
    /// Kind BadRecord: the record has no time that a name can have, or a key that makes no name of an object.
    pub(crate) fn name(&self, record: Record<'_>, now: i64, writer: &mut Writer) -> Result<Arc<str>> {
        let key: Arc<str> = match self.grouping {
            Grouping::Partition => "".into(),
            Grouping::PartitionAndKey | Grouping::Key => key_text(record.key())?.into(),
        };
        let no_time = || ConnectError::data(format!("{} has no timestamp", place(record)));
        let time = if self.is_event_time { record.timestamp().ok_or_else(no_time)? } else { now };
        let render = |start_offset| {
            let (topic, partition) = (&**record.topic(), record.partition());
            self.template.render(&Names { topic, partition, start_offset, key: &key, time, now }, &self.zone)
        };
        let mut name = render(writer.head(&key, record.offset()))?;
        if self.grouping != Grouping::Key && writer.records_of(&name) >= self.max_records {
            writer.set_head(&key, record.offset());
            name = render(record.offset())?;
        }
        match refused(&name) {
            None => Ok(name.into()),
            Some(why) => Err(ConnectError::data(format!("the name of the object of {} {why}", place(record)))),
        }
    }
}

/// What is wrong with the name of an object, if something is.
fn refused(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > MAX_NAME {
        Some(format!("has {} bytes, more than S3 takes", name.len()))
    } else if name.contains('\0') {
        Some("has a NUL character".to_owned())
    } else if name.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some(format!("has a segment that is '.' or '..', which clients take out of paths: {name}"))
    } else {
        None
    }
}

/// A key as Java's `toString` shows it. Bytes, of which Java shows an address, are shown as the text that they are.
fn key_text(key: Payload<'_>) -> Result<String> {
    Ok(match key {
        Payload::Null => "null".to_owned(),
        Payload::Text(text) => text.to_owned(),
        Payload::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Payload::Json(text) => java_text::value(&json::decode(text, &mut Keys::default())?),
        Payload::Data(Data { value: Value::Bytes(bytes), .. }) => String::from_utf8_lossy(bytes).into_owned(),
        Payload::Data(data) => java_text::value(&data.value),
    })
}
