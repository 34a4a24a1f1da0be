//! Flatten: one level in place of many.

use std::sync::Arc;

use indexmap::IndexMap;
use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};

use crate::part::{Side, map, structure, take, text_key};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, put};

const PURPOSE: &str = "flattening";

/// Flattens structs and maps.
#[derive(Debug)]
pub(crate) struct Flatten {
    side: Side,
    delimiter: String,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Flatten {
    /// One for values.
    pub(crate) fn values_joined_by(delimiter: &str) -> Self {
        Self { side: Side::Value, delimiter: delimiter.to_owned(), schemas: SchemaCache::default() }
    }
}

impl Configure for Flatten {
    fn keys() -> Vec<ConfigKey> {
        vec![required("delimiter", ConfigType::String, Importance::Medium).default(".").doc(
            "Delimiter to insert between field names from the input record when generating field names for the \
             output record.",
        )]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, delimiter: config.string("delimiter").to_owned(), schemas: SchemaCache::default() })
    }
}

impl Transform for Flatten {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        if data.value.is_null() {
            return Ok(Verdict::Keep);
        }
        let value = take(&mut data.value);
        let Some(schema) = data.schema.take() else {
            let mut flat = IndexMap::new();
            flatten_map(map(value, PURPOSE)?, "", &self.delimiter, &mut flat)?;
            let entries = flat.into_iter().map(|(name, value)| (Value::string(name), value));
            data.value = Value::Map(Map::from_distinct(entries.collect()));
            return Ok(Verdict::Keep);
        };
        let old = structure(value, PURPOSE)?;
        let flat = self.schemas.get_or_make(&schema, || {
            let mut flat = basics(&schema, Type::Struct);
            let outer = Outer { prefix: "", optional: schema.optional, default: schema.default.as_ref() };
            flatten_schema(&schema, &outer, &self.delimiter, &mut flat)?;
            Ok(Arc::new(flat))
        })?;
        let mut values = Vec::with_capacity(flat.fields.len());
        flatten_struct(Some(old), &schema, flat, &mut values)?;
        data.value = Value::Struct(Struct { schema: Arc::clone(flat), values });
        data.schema = Some(Arc::clone(flat));
        Ok(Verdict::Keep)
    }
}

fn joined(prefix: &str, delimiter: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { [prefix, delimiter, name].concat() }
}

fn flatten_map(map: Map, prefix: &str, delimiter: &str, flat: &mut IndexMap<String, Value>) -> Result<()> {
    for (key, value) in map {
        let name = joined(prefix, delimiter, text_key(&key)?);
        let class = value.java_class();
        match value {
            Value::Map(inner) => flatten_map(inner, &name, delimiter, flat)?,
            Value::Decimal(_) | Value::Date(_) => {
                return Err(ConnectError::data(format!(
                    "Flatten transformation was passed a value of type class {class} which is not supported by \
                     Connect's data API"
                )));
            }
            Value::Struct(_) => {
                return Err(ConnectError::data(format!(
                    "Flatten transformation does not support class {class} for record without schemas (for field \
                     {name})."
                )));
            }
            value => {
                flat.insert(name, value);
            }
        }
    }
    Ok(())
}

/// What a struct hands down to its fields.
struct Outer<'a> {
    prefix: &'a str,
    /// The struct, or one around it, may be null.
    optional: bool,
    /// The struct's own default.
    default: Option<&'a Value>,
}

fn flatten_schema(schema: &Schema, outer: &Outer<'_>, delimiter: &str, flat: &mut Schema) -> Result<()> {
    for (index, field) in fields(schema)?.iter().enumerate() {
        let name = joined(outer.prefix, delimiter, &field.name);
        let optional = outer.optional || field.schema.optional;
        let of_outer = match outer.default {
            Some(Value::Struct(default)) => default.values.get(index).filter(|value| !value.is_null()),
            _ => None,
        };
        let default = field.schema.default.as_ref().or(of_outer);
        match field.schema.kind {
            Type::Struct => {
                let outer = Outer { prefix: &name, optional, default };
                flatten_schema(&field.schema, &outer, delimiter, flat)?;
            }
            Type::Map => {
                return Err(ConnectError::data(format!(
                    "Flatten transformation does not support MAP for record with schemas (for field {name})."
                )));
            }
            kind => {
                let leaf = Schema {
                    optional,
                    default: default.cloned(),
                    value_schema: field.schema.value_schema.clone(),
                    ..basics(&field.schema, kind)
                };
                add_field(flat, &name.into(), Arc::new(leaf))?;
            }
        }
    }
    Ok(())
}

/// Appends the leaves of a struct; those of a struct that is null are null.
fn flatten_struct(old: Option<Struct>, schema: &Schema, flat: &Schema, values: &mut Vec<Value>) -> Result<()> {
    let is_null = old.is_none();
    let mut old = old.map(|old| old.values).unwrap_or_default();
    for (index, field) in schema.fields.iter().enumerate() {
        let value = old.get_mut(index).map(take).unwrap_or(Value::Null);
        match (field.schema.kind, value) {
            (Type::Struct, Value::Struct(inner)) => flatten_struct(Some(inner), &field.schema, flat, values)?,
            (Type::Struct, _) => flatten_struct(None, &field.schema, flat, values)?,
            _ if is_null => values.push(Value::Null),
            (_, value) => {
                let value = or_default(value, &field.schema, true);
                values.push(match flat.fields.get(values.len()) {
                    Some(leaf) => put(leaf, value)?,
                    None => value,
                });
            }
        }
    }
    Ok(())
}
