//! MaskField: fields' values hidden by the type's empty value, or by a fixed one.

use bigdecimal::BigDecimal;
use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Map, Parts, Result, Transform, Value, Verdict};
use longshore_formats::{java_number, java_text};

use crate::part::{Side, map, of_field, structure, take};
use crate::plugin::{Configure, NAMES, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{SchemaCache, fields, or_default, put};

const PURPOSE: &str = "mask fields";

/// Masks fields.
#[derive(Debug)]
pub(super) struct MaskField {
    side: Side,
    fields: Vec<String>,
    replacement: Option<String>,
    replace_null: bool,
    /// For each field whether it is masked.
    schemas: SchemaCache<Vec<bool>>,
}

impl Configure for MaskField {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("fields", ConfigType::List, Importance::High).validator(NAMES).doc("Names of fields to mask."),
            required("replacement", ConfigType::String, Importance::Low)
                .default_null()
                .validator(Validator::NonEmptyString)
                .doc(
                    "Custom value replacement, that will be applied to all 'fields' values (numeric or non-empty \
                     string values only).",
                ),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            fields: config.list("fields").to_vec(),
            replacement: config.text("replacement").map(str::to_owned),
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for MaskField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        let value = take(&mut data.value);
        let replacement = self.replacement.as_deref();
        data.value = match &data.schema {
            None => {
                let mut map = map(value, PURPOSE)?;
                for field in &self.fields {
                    match map.get_mut(field) {
                        Some(value) => *value = masked(value, replacement).map_err(|error| of_field(error, field))?,
                        // A field that is not there is there afterwards, as null.
                        None => map.push_new(Value::string(field.as_str()), Value::Null),
                    }
                }
                Value::Map(map)
            }
            Some(schema) => {
                let mut structure = structure(value, PURPOSE)?;
                let plan = self.schemas.get_or_make(schema, || {
                    let is_masked = |name: &str| self.fields.iter().any(|field| field == name);
                    Ok(fields(schema)?.iter().map(|field| is_masked(&field.name)).collect())
                })?;
                for ((field, value), is_masked) in schema.fields.iter().zip(&mut structure.values).zip(plan) {
                    let old = or_default(take(value), &field.schema, self.replace_null);
                    let new = if *is_masked { masked(&old, replacement) } else { Ok(old) };
                    *value = put(field, new.map_err(|error| of_field(error, &field.name))?)?;
                }
                Value::Struct(structure)
            }
        };
        Ok(Verdict::Keep)
    }
}

/// What stands in a value's place; null stays.
fn masked(value: &Value, replacement: Option<&str>) -> Result<Value> {
    match (value, replacement) {
        (Value::Null, _) => Ok(Value::Null),
        (value, None) => empty(value),
        (value, Some(replacement)) => replaced(value, replacement),
    }
}

fn empty(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Null => Value::Null,
        Value::Boolean(_) => Value::Boolean(false),
        Value::Int8(_) => Value::Int8(0),
        Value::Int16(_) => Value::Int16(0),
        Value::Int32(_) => Value::Int32(0),
        Value::Int64(_) => Value::Int64(0),
        Value::Float32(_) => Value::Float32(0.0),
        Value::Float64(_) => Value::Float64(0.0),
        Value::String(_) => Value::string(""),
        Value::Decimal(_) => Value::Decimal(BigDecimal::from(0)),
        Value::Date(_) => Value::Date(0),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Map(_) => Value::Map(Map::new()),
        Value::Bytes(_) | Value::Struct(_) => {
            let class = value.java_class();
            return Err(ConnectError::data(format!("Cannot mask value of type: class {class}")));
        }
    })
}

fn replaced(value: &Value, replacement: &str) -> Result<Value> {
    let failed =
        |what: &str| ConnectError::data(format!("Unable to convert {replacement} (class java.lang.String) to {what}"));
    let decimal = |what| java_number::decimal(replacement).ok_or_else(|| failed(what));
    let long = || Ok::<i64, ConnectError>(java_number::low_bits(&decimal("a number")?));
    let double = || {
        let text = java_text::decimal(&decimal("a number")?);
        java_number::double(&text).ok_or_else(|| failed("a number"))
    };
    Ok(match value {
        Value::Int8(_) => Value::Int8(long()? as i8),
        Value::Int16(_) => Value::Int16(long()? as i16),
        Value::Int32(_) => Value::Int32(long()? as i32),
        Value::Int64(_) => Value::Int64(long()?),
        Value::Float32(_) => Value::Float32(double()? as f32),
        Value::Float64(_) => Value::Float64(double()?),
        Value::Decimal(_) => Value::Decimal(decimal("number")?),
        Value::String(_) => Value::string(replacement),
        value => {
            let class = value.java_class();
            let message = format!("Cannot mask value of type class {class} with custom replacement.");
            return Err(ConnectError::data(message));
        }
    })
}
