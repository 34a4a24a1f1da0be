//! Connect's values.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use bytes::Bytes;

use crate::schema::{Schema, Type};

/// A value of Connect's data model, with or without a schema beside it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Float32(f32),
    Float64(f64),
    String(Arc<str>),
    Bytes(Bytes),
    /// `java.math.BigDecimal`, of the logical type Decimal.
    Decimal(BigDecimal),
    /// `java.util.Date` in milliseconds since the epoch, of the logical types Date, Time and Timestamp.
    Date(i64),
    Array(Vec<Value>),
    Map(Map),
    Struct(Struct),
}

/// A map in the order in which its entries came.
///
/// Differs from Apache Connect: its JsonConverter reads objects into a hash map and so loses the order of the fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    entries: Vec<(Value, Value)>,
}

/// A value with a struct schema; `values[i]` belongs to `schema.fields[i]`.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.data.Struct")]
pub struct Struct {
    /// The struct's schema.
    pub schema: Arc<Schema>,
    /// A value a field; [`Value::Null`] where the field is missing.
    pub values: Vec<Value>,
}

/// A value with its schema; no schema means schemaless data.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.data.SchemaAndValue")]
pub struct Data {
    /// What the value is; `None` for schemaless data.
    pub schema: Option<Arc<Schema>>,
    /// The value.
    pub value: Value,
}

impl Data {
    /// Neither schema nor value: a tombstone, or a missing key.
    pub const NULL: Data = Data { schema: None, value: Value::Null };

    /// A value with a schema.
    pub fn new(schema: Arc<Schema>, value: Value) -> Self {
        Self { schema: Some(schema), value }
    }

    /// A value without a schema.
    pub fn schemaless(value: Value) -> Self {
        Self { schema: None, value }
    }
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The name of the Java class that holds such a value in Apache Connect, as it stands in messages.
    pub fn java_class(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "java.lang.Boolean",
            Value::Int8(_) => "java.lang.Byte",
            Value::Int16(_) => "java.lang.Short",
            Value::Int32(_) => "java.lang.Integer",
            Value::Int64(_) => "java.lang.Long",
            Value::Float32(_) => "java.lang.Float",
            Value::Float64(_) => "java.lang.Double",
            Value::String(_) => "java.lang.String",
            Value::Bytes(_) => "[B",
            Value::Decimal(_) => "java.math.BigDecimal",
            Value::Date(_) => "java.util.Date",
            Value::Array(_) => "java.util.ArrayList",
            Value::Map(_) => "java.util.HashMap",
            Value::Struct(_) => "org.apache.kafka.connect.data.Struct",
        }
    }

    /// The type whose values look like this one; `None` for null.
    pub fn kind(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => Type::Boolean,
            Value::Int8(_) => Type::Int8,
            Value::Int16(_) => Type::Int16,
            Value::Int32(_) => Type::Int32,
            Value::Int64(_) | Value::Date(_) => Type::Int64,
            Value::Float32(_) => Type::Float32,
            Value::Float64(_) => Type::Float64,
            Value::String(_) => Type::String,
            Value::Bytes(_) | Value::Decimal(_) => Type::Bytes,
            Value::Array(_) => Type::Array,
            Value::Map(_) => Type::Map,
            Value::Struct(_) => Type::Struct,
        })
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map of entries whose keys are known to differ.
    pub fn from_distinct(entries: Vec<(Value, Value)>) -> Self {
        Self { entries }
    }

    /// Sets an entry; a key that is there keeps its place and gets the new value.
    pub fn insert(&mut self, key: Value, value: Value) {
        let known = match key.as_str() {
            Some(key) => self.get_mut(key),
            None => self.entries.iter_mut().find(|(known, _)| *known == key).map(|(_, value)| value),
        };
        match known {
            Some(known) => *known = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Keeps the entries for which `keep` says so, in their order. It may change them; no key may come twice for it.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut Value, &mut Value) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }

    /// Adds an entry whose key is known to be new; what a parser calls that has looked for duplicates itself.
    pub fn push_new(&mut self, key: Value, value: Value) {
        self.entries.push((key, value));
    }

    /// The value of a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The value of a string key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(known, _)| known.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Takes the entry of a string key out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let index = self.entries.iter().position(|(known, _)| known.as_str() == Some(key))?;
        Some(self.entries.remove(index).1)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Self {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl Struct {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.schema.field_index(field).and_then(|index| self.values.get(index))
    }
}
