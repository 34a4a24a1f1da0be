//! Connect data, with and without a schema, to BSON.

use bson::Decimal128;
use longshore_api::value::Struct;
use longshore_api::{Map, Value};

use super::builder::{BuildError, Builder};
use super::kind;

/// How deep values can nest; above the server's own limit of about 180 levels.
const MAX_DEPTH: usize = 250;

/// Why data cannot be BSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DataError {
    /// A field of a struct; the cause follows.
    #[error("error while processing field {0}: {1}")]
    Field(String, Box<DataError>),
    /// A key of a map that is no string.
    #[error("a map's key must be a string, not {0}")]
    Key(&'static str),
    /// A decimal of more than 34 digits, or out of range.
    #[error("{0} cannot be a Decimal128 without rounding")]
    Decimal(String),
    /// Too many levels.
    #[error("more than {MAX_DEPTH} levels nest")]
    TooDeep,
    /// BSON cannot hold it.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Writes a struct as a document, its fields in the schema's order. A missing field is its default, or null.
///
/// # Errors
/// If a value in it cannot be BSON.
pub(crate) fn structure(value: &Struct, out: &mut Builder) -> Result<(), DataError> {
    out.begin();
    fields(value, out, 0)?;
    Ok(out.end()?)
}

/// Writes a map as a document.
///
/// # Errors
/// If a value in it cannot be BSON, or a key is no string.
pub(crate) fn map(value: &Map, out: &mut Builder) -> Result<(), DataError> {
    out.begin();
    entries(value, out, 0)?;
    Ok(out.end()?)
}

fn fields(value: &Struct, out: &mut Builder, depth: usize) -> Result<(), DataError> {
    for (field, value) in value.schema.fields.iter().zip(&value.values) {
        let value = match (value, &field.schema.default) {
            (Value::Null, Some(default)) => default,
            _ => value,
        };
        let written = out.key(field.name.as_bytes()).map_err(DataError::from).and_then(|()| write(value, out, depth));
        written.map_err(|error| DataError::Field(field.name.to_string(), Box::new(error)))?;
    }
    Ok(())
}

fn entries(value: &Map, out: &mut Builder, depth: usize) -> Result<(), DataError> {
    for (key, value) in value.iter() {
        let name = key.as_str().ok_or(DataError::Key(key.java_class()))?;
        out.key(name.as_bytes())?;
        write(value, out, depth)?;
    }
    Ok(())
}

fn write(value: &Value, out: &mut Builder, depth: usize) -> Result<(), DataError> {
    if depth > MAX_DEPTH {
        return Err(DataError::TooDeep);
    }
    match value {
        Value::Null => out.null(),
        Value::Boolean(value) => out.boolean(*value),
        Value::Int8(value) => out.int32(i32::from(*value)),
        Value::Int16(value) => out.int32(i32::from(*value)),
        Value::Int32(value) => out.int32(*value),
        Value::Int64(value) => out.int64(*value),
        Value::Float32(value) => out.double(f64::from(*value)),
        Value::Float64(value) => out.double(*value),
        Value::String(text) => out.string(text.as_bytes()),
        Value::Bytes(bytes) => out.binary(kind::SUBTYPE_GENERIC, bytes)?,
        Value::Decimal(decimal) => {
            let (unscaled, scale) = decimal.as_bigint_and_exponent();
            let text = format!("{unscaled}E{}", -i128::from(scale));
            let value: Decimal128 = text.parse().map_err(|_| DataError::Decimal(decimal.to_string()))?;
            out.value(kind::DECIMAL128, &value.bytes());
        }
        Value::Date(millis) => out.date(*millis),
        Value::Array(items) => {
            out.begin_array()?;
            for item in items {
                out.next_index();
                write(item, out, depth + 1)?;
            }
            out.end()?;
        }
        Value::Map(map) => {
            out.begin_document()?;
            entries(map, out, depth + 1)?;
            out.end()?;
        }
        Value::Struct(structure) => {
            out.begin_document()?;
            fields(structure, out, depth + 1)?;
            out.end()?;
        }
    }
    Ok(())
}
