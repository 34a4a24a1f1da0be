//! Connect's schemas.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::value::Value;

/// The types that Connect knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "org.apache.kafka.connect.data.Schema.Type")]
#[allow(missing_docs)]
pub enum Type {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
    Bytes,
    Array,
    Map,
    Struct,
}

impl Type {
    /// The name as Java prints the enum constant: `INT8`, `STRUCT`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Int8 => "INT8",
            Type::Int16 => "INT16",
            Type::Int32 => "INT32",
            Type::Int64 => "INT64",
            Type::Float32 => "FLOAT32",
            Type::Float64 => "FLOAT64",
            Type::Boolean => "BOOLEAN",
            Type::String => "STRING",
            Type::Bytes => "BYTES",
            Type::Array => "ARRAY",
            Type::Map => "MAP",
            Type::Struct => "STRUCT",
        }
    }
}

/// Names of the logical types; the schema's `name` holds them.
pub mod logical {
    /// Unscaled big-endian bytes; the `scale` parameter says where the point is.
    pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
    /// INT32, days since the epoch.
    pub const DATE: &str = "org.apache.kafka.connect.data.Date";
    /// INT32, milliseconds since midnight.
    pub const TIME: &str = "org.apache.kafka.connect.data.Time";
    /// INT64, milliseconds since the epoch.
    pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
}

/// A schema: what a value is. Shared by `Arc`, never cloned a record.
///
/// A recursive type has a schema without fields where it is used within itself, see [`Schema::stands_for`]; the values
/// there carry the full one.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.data.Schema")]
pub struct Schema {
    /// The type of the values.
    pub kind: Type,
    /// Whether null is a value.
    pub optional: bool,
    /// The record's or the logical type's name.
    pub name: Option<Arc<str>>,
    /// Version of the schema.
    pub version: Option<i32>,
    /// Documentation.
    pub doc: Option<Arc<str>>,
    /// Further properties of the schema, in order.
    pub parameters: IndexMap<String, String>,
    /// The value that stands for a missing one.
    pub default: Option<Value>,
    /// A struct's fields, in order; empty for the other types.
    pub fields: Vec<Field>,
    /// Schema of a map's keys.
    pub key_schema: Option<Arc<Schema>>,
    /// Schema of a map's values or an array's elements.
    pub value_schema: Option<Arc<Schema>>,
}

/// A struct's field; its index is its place in [`Schema::fields`].
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name of the field.
    pub name: Arc<str>,
    /// What the field holds.
    pub schema: Arc<Schema>,
}

impl Schema {
    /// A required schema of a type, with nothing else set.
    pub fn new(kind: Type) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            parameters: IndexMap::new(),
            default: None,
            fields: Vec::new(),
            key_schema: None,
            value_schema: None,
        }
    }

    /// An optional schema of a type, with nothing else set.
    pub fn optional(kind: Type) -> Self {
        Self { optional: true, ..Self::new(kind) }
    }

    /// A required struct with the fields given.
    pub fn structure(fields: Vec<Field>) -> Self {
        Self { fields, ..Self::new(Type::Struct) }
    }

    /// A required array of the elements given.
    pub fn array(element: Arc<Schema>) -> Self {
        Self { value_schema: Some(element), ..Self::new(Type::Array) }
    }

    /// A required map.
    pub fn map(key: Arc<Schema>, value: Arc<Schema>) -> Self {
        Self { key_schema: Some(key), value_schema: Some(value), ..Self::new(Type::Map) }
    }

    /// The same schema under a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The index of a struct's field.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }

    /// Whether a struct of the schema `actual` may stand where this one is asked for: it is the same, or this one
    /// [stands for](Self::stands_for) it.
    pub fn admits(&self, actual: &Schema) -> bool {
        std::ptr::eq(self, actual) || self == actual || self.stands_for(actual)
    }

    /// Whether this is the schema without fields that a recursive type has where it is used within itself, and
    /// `whole` the full one of that type: both have the same name or, where they have none, `whole` has all
    /// parameters of this one.
    pub fn stands_for(&self, whole: &Schema) -> bool {
        let has = |(name, value): (&String, &String)| whole.parameters.get(name) == Some(value);
        let same_type = || match &self.name {
            Some(_) => self.name == whole.name,
            None => whole.name.is_none() && !self.parameters.is_empty() && self.parameters.iter().all(has),
        };
        self.kind == Type::Struct && self.fields.is_empty() && same_type()
    }

    /// Whether both have the same fields. Schemas that share those of their fields are compared in no time.
    pub fn same_fields(&self, other: &Schema) -> bool {
        let same = |one: &Field, other: &Field| {
            one.name == other.name && (Arc::ptr_eq(&one.schema, &other.schema) || one.schema == other.schema)
        };
        self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|(one, other)| same(one, other))
    }

    /// The logical type's name, where the schema has one that Connect knows.
    pub fn logical_name(&self) -> Option<&'static str> {
        let name = self.name.as_deref()?;
        [logical::DECIMAL, logical::DATE, logical::TIME, logical::TIMESTAMP].into_iter().find(|known| *known == name)
    }
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<Arc<str>>, schema: impl Into<Arc<Schema>>) -> Self {
        Self { name: name.into(), schema: schema.into() }
    }
}
