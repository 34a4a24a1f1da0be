//! Under which name a schema stands in the registry.

use longshore_api::{ConnectError, Result};

use super::error::serialization;

/// How a topic and a record's schema give a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io.confluent.kafka.serializers.subject.strategy.SubjectNameStrategy")]
pub enum SubjectStrategy {
    /// `<topic>-key`, `<topic>-value`.
    TopicName,
    /// The record's full name.
    RecordName,
    /// `<topic>-<record's full name>`.
    TopicRecordName,
}

impl SubjectStrategy {
    const PACKAGE: &'static str = "io.confluent.kafka.serializers.subject.";

    /// The strategy of a Java class name.
    ///
    /// # Errors
    /// Kind Config, for a class that is not one of Confluent's three.
    pub fn of_class(key: &str, class: &str) -> Result<Self> {
        match class.strip_prefix(Self::PACKAGE) {
            Some("TopicNameStrategy") => Ok(Self::TopicName),
            Some("RecordNameStrategy") => Ok(Self::RecordName),
            Some("TopicRecordNameStrategy") => Ok(Self::TopicRecordName),
            _ => Err(ConnectError::config(format!(
                "Invalid value {class} for configuration {key}: must be TopicNameStrategy, RecordNameStrategy or \
                 TopicRecordNameStrategy of the package io.confluent.kafka.serializers.subject"
            ))),
        }
    }

    /// The subject; `record` is the full name of the schema's record, if it is a record.
    ///
    /// # Errors
    /// Kind BadRecord, for a strategy that needs a record where there is none.
    pub fn subject(self, topic: &str, is_key: bool, record: Option<&str>) -> Result<String> {
        let part = if is_key { "key" } else { "value" };
        match (self, record) {
            (Self::TopicName, _) => Ok(format!("{topic}-{part}")),
            (Self::RecordName, Some(record)) => Ok(record.to_owned()),
            (Self::TopicRecordName, Some(record)) => Ok(format!("{topic}-{record}")),
            (_, None) => Err(serialization(format!(
                "In configuration {part}.subject.name.strategy = {}{self:?}Strategy, the message {part} must only be \
                 a record schema",
                Self::PACKAGE
            ))),
        }
    }
}
