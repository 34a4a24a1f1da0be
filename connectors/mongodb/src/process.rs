//! What is done to a record's documents before they are written: `post.processor.chain`.

pub(crate) mod rename;
pub(crate) mod time;

use longshore_api::{ConnectError, Record, TimestampType};

use crate::config::Settings;
use crate::convert::builder::{BuildError, Builder};
use crate::convert::elements::elements;
use crate::convert::kind;
use crate::id::Id;
use crate::projection::{self, Projection};
use rename::Rename;
use time::TimeField;

/// The package of the post processors.
pub(crate) const PACKAGE: &str = "com.mongodb.kafka.connect.sink.processor";

/// A class that can stand in `post.processor.chain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Class {
    DocumentIdAdder,
    AllowListKey,
    AllowListValue,
    BlockListKey,
    BlockListValue,
    KafkaMetaAdder,
    NullFieldValueRemover,
    RenameByMapping,
    RenameByRegExp,
}

/// Every post processor and its class, without the [package](PACKAGE); the last four are old names.
pub(crate) const CLASSES: &[(&str, Class)] = &[
    ("DocumentIdAdder", Class::DocumentIdAdder),
    ("AllowListKeyProjector", Class::AllowListKey),
    ("AllowListValueProjector", Class::AllowListValue),
    ("BlockListKeyProjector", Class::BlockListKey),
    ("BlockListValueProjector", Class::BlockListValue),
    ("KafkaMetaAdder", Class::KafkaMetaAdder),
    ("NullFieldValueRemover", Class::NullFieldValueRemover),
    ("field.renaming.RenameByMapping", Class::RenameByMapping),
    ("field.renaming.RenameByRegExp", Class::RenameByRegExp),
    ("WhitelistKeyProjector", Class::AllowListKey),
    ("WhitelistValueProjector", Class::AllowListValue),
    ("BlacklistKeyProjector", Class::BlockListKey),
    ("BlacklistValueProjector", Class::BlockListValue),
];

/// A post processor with what it needs.
#[derive(Debug, Clone)]
pub(crate) enum Processor {
    /// Gives the value its `_id`.
    AddId,
    /// Removes fields of the key.
    ProjectKey(Projection),
    /// Removes fields of the value.
    ProjectValue(Projection),
    /// Adds topic, partition, offset and timestamp to the value.
    AddKafkaMeta,
    /// Removes the value's fields that are null.
    RemoveNulls,
    /// Renames fields of key and value.
    Rename(Rename),
    /// Makes the value's time field a date.
    TimeToDate(TimeField),
}

impl Processor {
    /// Whether the key document is read or changed.
    pub(crate) fn reads_key(&self) -> bool {
        matches!(self, Processor::ProjectKey(_) | Processor::Rename(_))
    }
}

/// The documents of a record, as the processors leave them.
pub(crate) struct Documents<'a> {
    pub(crate) key: &'a mut Builder,
    pub(crate) value: &'a mut Builder,
    /// Memory for a document's next form.
    pub(crate) spare: &'a mut Builder,
    pub(crate) id: &'a mut Id,
    pub(crate) has_key: bool,
    pub(crate) has_value: bool,
    /// Whether the value's `_id` is the key's document. Java has one object for both: what changes the one changes
    /// the other.
    shares_key: bool,
}

impl<'a> Documents<'a> {
    /// The documents of a record.
    pub(crate) fn new(
        (key, has_key): (&'a mut Builder, bool),
        (value, has_value): (&'a mut Builder, bool),
        spare: &'a mut Builder,
        id: &'a mut Id,
    ) -> Self {
        Self { key, value, spare, id, has_key, has_value, shares_key: false }
    }

    /// Runs the processors in their order.
    ///
    /// # Errors
    /// If the id strategy finds no `_id`.
    pub(crate) fn run(
        &mut self,
        chain: &[Processor],
        settings: &Settings,
        record: &Record<'_>,
    ) -> Result<(), ConnectError> {
        for processor in chain {
            match processor {
                Processor::AddId => self.add_id(settings, record)?,
                Processor::ProjectKey(projection) => {
                    self.change_key(|document, out| projection.project(document, out).map_err(failed))?;
                }
                Processor::ProjectValue(projection) => {
                    self.change_value(|document, out| projection.project(document, out).map_err(failed))?;
                }
                Processor::AddKafkaMeta => {
                    self.change_value(|document, out| kafka_meta(document, record, out).map_err(failed))?;
                }
                Processor::RemoveNulls => {
                    self.change_value(|document, out| without_nulls(document, out).map_err(failed))?;
                }
                Processor::Rename(rename) => {
                    self.change_key(|document, out| rename.apply("key", document, out).map_err(failed))?;
                    self.change_value(|document, out| rename.apply("value", document, out).map_err(failed))?;
                }
                Processor::TimeToDate(time) => {
                    self.change_value(|document, out| time.apply(document, out).map_err(failed))?;
                }
            }
        }
        Ok(())
    }

    fn add_id(&mut self, settings: &Settings, record: &Record<'_>) -> Result<(), ConnectError> {
        if !self.has_value || (self.value.id_element().is_some() && !settings.overwrite_id) {
            return Ok(());
        }
        let key = self.has_key.then(|| self.key.document());
        self.id.generate(settings, record, key, Some(self.value.document()))?;
        let id = self.id.value();
        put(self.value.document(), &[(b"_id", id.kind, id.bytes)], self.spare).map_err(failed)?;
        std::mem::swap(self.value, self.spare);
        self.shares_key = settings.id_strategy.is_key() && self.has_key;
        Ok(())
    }

    fn change_key(
        &mut self,
        change: impl FnOnce(&[u8], &mut Builder) -> Result<(), ConnectError>,
    ) -> Result<(), ConnectError> {
        if !self.has_key {
            return Ok(());
        }
        change(self.key.document(), self.spare)?;
        std::mem::swap(self.key, self.spare);
        if self.shares_key {
            put(self.value.document(), &[(b"_id", kind::DOCUMENT, self.key.document())], self.spare).map_err(failed)?;
            std::mem::swap(self.value, self.spare);
        }
        Ok(())
    }

    fn change_value(
        &mut self,
        change: impl FnOnce(&[u8], &mut Builder) -> Result<(), ConnectError>,
    ) -> Result<(), ConnectError> {
        if !self.has_value {
            return Ok(());
        }
        change(self.value.document(), self.spare)?;
        std::mem::swap(self.value, self.spare);
        if self.shares_key {
            match self.value.id_element().and_then(|id| id.value.as_document()) {
                Some(id) => copy_all(id, self.key).map_err(failed)?,
                None => self.shares_key = false,
            }
        }
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> ConnectError {
    ConnectError::data(error.to_string())
}

fn copy_all(document: &[u8], out: &mut Builder) -> Result<(), BuildError> {
    out.begin();
    for element in elements(document) {
        projection::copy(&element, out)?;
    }
    out.end()
}

/// Writes a document with some fields set: in their place if they are there, else at the end.
fn put(document: &[u8], fields: &[(&[u8], u8, &[u8])], out: &mut Builder) -> Result<(), BuildError> {
    out.begin();
    for element in elements(document) {
        match fields.iter().find(|(name, ..)| *name == element.key) {
            Some((name, kind, bytes)) => {
                out.key(name)?;
                out.value(*kind, bytes);
            }
            None => projection::copy(&element, out)?,
        }
    }
    for (name, kind, bytes) in fields {
        if !elements(document).any(|element| element.key == *name) {
            out.key(name)?;
            out.value(*kind, bytes);
        }
    }
    out.end()
}

/// Writes a document with where its record stood in Kafka.
fn kafka_meta(document: &[u8], record: &Record<'_>, out: &mut Builder) -> Result<(), BuildError> {
    let place = format!("{}-{}-{}", record.topic(), record.partition(), record.offset());
    // Topic names are short.
    let mut text = (place.len() as u32 + 1).to_le_bytes().to_vec();
    text.extend_from_slice(place.as_bytes());
    text.push(0);
    let place: (&[u8], u8, &[u8]) = (b"topic-partition-offset", kind::STRING, &text);
    let Some(timestamp) = record.timestamp() else { return put(document, &[place], out) };
    let name: &[u8] = match record.timestamp_type() {
        TimestampType::None => b"NO_TIMESTAMP_TYPE",
        TimestampType::CreateTime => b"CREATE_TIME",
        TimestampType::LogAppendTime => b"LOG_APPEND_TIME",
    };
    put(document, &[place, (name, kind::INT64, &timestamp.to_le_bytes())], out)
}

/// Writes a document without its fields that are null, those of its documents and of the documents in its arrays too.
/// Nulls in arrays stay.
///
/// # Errors
/// As the builder's.
pub(crate) fn without_nulls(document: &[u8], out: &mut Builder) -> Result<(), BuildError> {
    fn fields(document: &[u8], out: &mut Builder) -> Result<(), BuildError> {
        for element in elements(document).filter(|element| element.value.kind != kind::NULL) {
            projection::descend(&element, out, &mut fields)?;
        }
        Ok(())
    }
    out.begin();
    fields(document, out)?;
    out.end()
}
