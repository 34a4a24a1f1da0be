//! What verification has found.

use serde::Serialize;

use super::ranges::{Missing, Overlap};

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Where: `s3://bucket/prefix`.
    pub location: String,
    /// Objects that hold records.
    pub objects: usize,
    /// Their bytes, as they are stored.
    pub bytes: u64,
    /// Records: values, and keys of tombstones, which have no value.
    pub rows: u64,
    /// Objects with a manifest.
    pub manifests: usize,
    /// Objects that no sink has named, and those whose format cannot be looked into.
    pub others: usize,
    /// What is there of each partition of Kafka.
    pub partitions: Vec<Partition>,
    /// How many rows are below each path.
    pub paths: Vec<Path>,
    /// The schemas that objects carry.
    pub schemas: Vec<Schemas>,
    /// Rows to look at.
    pub samples: Vec<Samples>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// What is there of a partition of Kafka.
#[derive(Debug, Clone, Serialize)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Objects of records.
    pub objects: usize,
    /// Records.
    pub rows: u64,
    /// The offset at which the first object begins.
    pub first_offset: i64,
    /// The offset of the last record, if nothing is missing in the last objects.
    pub last_offset: i64,
    /// Offsets that are in no object.
    pub missing: Vec<Missing>,
    /// Objects that share offsets.
    pub overlaps: Vec<Overlap>,
}

/// Rows below a path.
#[derive(Debug, Clone, Serialize)]
pub struct Path {
    /// The path, as far as the names of objects.
    pub path: String,
    /// Objects of records.
    pub objects: usize,
    /// Their records.
    pub rows: u64,
}

/// Objects of one schema.
#[derive(Debug, Clone, Serialize)]
pub struct Schemas {
    /// The topic.
    pub topic: String,
    /// The format: json, csv, avro or parquet.
    pub format: &'static str,
    /// The schema as the objects carry it: Avro's JSON, or a message type of Parquet.
    pub schema: String,
    /// How many carry it.
    pub objects: usize,
}

/// Rows of an object.
#[derive(Debug, Clone, Serialize)]
pub struct Samples {
    /// The object.
    pub object: String,
    /// Its first rows, as JSON text.
    pub rows: Vec<String>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// `corrupt`, `count`, `manifest`, `compaction`, `schema`, `missing`, `overlap` or `empty`.
    pub kind: &'static str,
    /// The object, or the partition of Kafka.
    pub subject: String,
    /// What is wrong.
    pub message: String,
}
