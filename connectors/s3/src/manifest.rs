//! Manifests: what an object holds, as a small JSON object beside it.
//!
//! A manifest is a function of its object: where an object that is written again after a crash has the same bytes, so
//! has its manifest. Objects of Avro and compressed ones have the same records, but where their blocks end may depend on
//! when memory was short; then length and checksum differ.

use longshore_api::{ConnectError, Result, Schema, TopicPartition};
use longshore_formats::json_schema;
use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::object::Summary;

/// The form that this module writes.
const VERSION: u32 = 1;
/// How the names of manifests end.
pub(crate) const EXTENSION: &str = ".manifest";

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) version: u32,
    /// The key of the object.
    pub(crate) object: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    #[serde(flatten)]
    pub(crate) contents: Contents,
    pub(crate) bytes: u64,
    /// Of the object as it is stored, in hexadecimal digits.
    pub(crate) sha256: String,
    /// The Connect schema of the records, as JsonConverter writes schemas; null for records without one.
    pub(crate) schema: Option<serde_json::Value>,
    /// The objects of which compaction has made this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) inputs: Vec<Input>,
    /// The offsets of an object that compaction has made, as far as the objects that it has read tell them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ranges: Vec<Range>,
    /// The objects of values, keys and headers that compaction has made of the same records: all of them or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) together: Vec<String>,
}

/// Records that follow each other in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) first_offset: i64,
    /// The offset of the last record; it is not known of objects without a manifest, where offsets may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_offset: Option<i64>,
    pub(crate) records: u64,
}

impl Range {
    /// The least offset that can come after all of its records.
    pub(crate) fn end(&self) -> i64 {
        let counted = self.first_offset.saturating_add_unsigned(self.records);
        self.last_offset.map_or(counted, |last| counted.max(last.saturating_add(1)))
    }
}

/// An object that compaction has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) object: String,
    /// The entity tag that it had.
    pub(crate) etag: String,
    pub(crate) records: u64,
}

/// Records, as far as a manifest counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) first_offset: i64,
    /// The offset of the last record. Compaction may know only the least that it can be.
    pub(crate) last_offset: i64,
    pub(crate) records: u64,
    /// The least timestamp of a record, in milliseconds since the epoch.
    pub(crate) first_timestamp: Option<i64>,
    /// The greatest.
    pub(crate) last_timestamp: Option<i64>,
}

impl Contents {
    /// Counts a record that comes after the others.
    pub(crate) fn add(&mut self, offset: i64, timestamp: Option<i64>) {
        if self.records == 0 {
            self.first_offset = offset;
        }
        self.last_offset = offset;
        self.records += 1;
        if let Some(time) = timestamp {
            self.first_timestamp = Some(self.first_timestamp.map_or(time, |first| first.min(time)));
            self.last_timestamp = Some(self.last_timestamp.map_or(time, |last| last.max(time)));
        }
    }
}

impl Contents {
    /// These records and others. What is not known of either is not known.
    pub(crate) fn and(&self, others: &Contents) -> Self {
        let both = |one: Option<i64>, other: Option<i64>, choose: fn(i64, i64) -> i64| Some(choose(one?, other?));
        Self {
            first_offset: self.first_offset.min(others.first_offset),
            last_offset: self.last_offset.max(others.last_offset),
            records: self.records + others.records,
            first_timestamp: both(self.first_timestamp, others.first_timestamp, i64::min),
            last_timestamp: both(self.last_timestamp, others.last_timestamp, i64::max),
        }
    }
}

impl Manifest {
    /// The manifest of an object.
    ///
    /// # Errors
    /// Kind Fatal: the schema has no form in JSON.
    pub(crate) fn new(
        key: &str,
        partition: &TopicPartition,
        contents: &Contents,
        schema: Option<&Schema>,
        summary: &Summary,
    ) -> Result<Self> {
        let schema = match schema {
            Some(schema) => {
                let text = json_schema(schema).map_err(|error| fatal(key, &error))?;
                Some(serde_json::from_slice(&text).map_err(|error| fatal(key, &error))?)
            }
            None => None,
        };
        let digest = summary.digest.clone().map(|digest| digest.finalize());
        Ok(Self {
            bytes: summary.bytes,
            sha256: digest.iter().flat_map(|digest| digest.iter()).map(|byte| format!("{byte:02x}")).collect(),
            schema,
            ..Self::of(key, &partition.topic, partition.partition, *contents)
        })
    }

    /// The manifest of an object of which no more than its records is known.
    pub(crate) fn of(key: &str, topic: &str, partition: i32, contents: Contents) -> Self {
        Self {
            version: VERSION,
            object: key.to_owned(),
            topic: topic.to_owned(),
            partition,
            contents,
            bytes: 0,
            sha256: String::new(),
            schema: None,
            inputs: Vec::new(),
            ranges: Vec::new(),
            together: Vec::new(),
        }
    }

    /// The bytes of the manifest.
    ///
    /// # Errors
    /// Kind Fatal; not expected.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| fatal(&self.object, &error))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn fatal(key: &str, why: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::fatal(format!("the manifest of {key} cannot be written: {why}"))
}

/// The key of the object that a manifest of this key describes; `None` for a key that is none of a manifest.
pub(crate) fn object(manifest: &str, delimiter: &str) -> Option<String> {
    let (folder, name) = match manifest.rfind(delimiter).filter(|_| !delimiter.is_empty()) {
        Some(at) => manifest.split_at(at + delimiter.len()),
        None => ("", manifest),
    };
    let name = name.strip_prefix('_')?.strip_suffix(EXTENSION)?;
    Some(format!("{folder}{name}"))
}

/// The key of an object's manifest.
pub(crate) fn key(object: &str, delimiter: &str) -> String {
    match object.rsplit_once(delimiter).filter(|_| !delimiter.is_empty()) {
        Some((folder, name)) => format!("{folder}{delimiter}_{name}{EXTENSION}"),
        None => format!("_{object}{EXTENSION}"),
    }
}
