//! Reads Avro schemas, with the rules that stand in them. What comes in is bounded in size and depth.

mod names;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub(crate) use names::branch_name;
pub(crate) use parse::parse;

/// The largest description, in bytes. The largest in use, with long lists of options, have a tenth of it.
pub(crate) const MAX_TEXT: usize = 4 * 1024 * 1024;

/// How deep types may stand in each other.
pub(crate) const MAX_DEPTH: usize = 32;

/// How many types one may be made of. Names let a short text describe a type of any size.
pub(crate) const MAX_SIZE: usize = 20_000;

/// An Avro type.
#[derive(Debug)]
pub(crate) struct Avro {
    /// What it is.
    pub(crate) kind: Kind,
    /// Full name of a record, an enumeration or a fixed.
    pub(crate) name: Option<String>,
    /// Documentation.
    pub(crate) doc: Option<String>,
    /// The `logicalType`.
    pub(crate) logical: Option<Logical>,
    /// `connect.name`, which gives the Connect schema another name.
    pub(crate) connect_name: Option<String>,
    /// `connect.version`.
    pub(crate) connect_version: Option<i32>,
    /// The rules: `arg.properties`.
    pub(crate) rules: Map<String, Json>,
    /// How many types stand in each other here.
    pub(crate) depth: usize,
    /// How many types this one is made of, each use of a name counted.
    pub(crate) size: usize,
}

/// What an Avro type is.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// Its size in bytes.
    Fixed(usize),
    /// Its symbols.
    Enum(Vec<Arc<str>>),
    Array(Arc<Avro>),
    Map(Arc<Avro>),
    Record(Vec<AvroField>),
    Union(Vec<Arc<Avro>>),
}

/// A record's field.
#[derive(Debug)]
pub(crate) struct AvroField {
    /// Name of the field.
    pub(crate) name: Arc<str>,
    /// What it holds.
    pub(crate) avro: Arc<Avro>,
    /// Documentation.
    pub(crate) doc: Option<String>,
    /// The default, as it stands in the schema.
    pub(crate) default: Option<Json>,
    /// Rules that stand beside the type: the only place for those of a union.
    pub(crate) rules: Map<String, Json>,
}

/// The logical types that Connect's data model knows, and those of microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Logical {
    Decimal { precision: u32, scale: u32 },
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    Uuid,
}
