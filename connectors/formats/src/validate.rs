//! Whether a value fits a schema, in the words of Connect's data model.

use std::fmt;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Result, Schema, Value};

/// Where a value stands, as messages say it.
enum Place<'a> {
    Value,
    Field(&'a str),
    Part(&'static str, &'a Place<'a>),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Value => f.write_str("value"),
            Place::Field(name) => write!(f, "field: \"{name}\""),
            Place::Part(part, whole) => write!(f, "{part} {whole}"),
        }
    }
}

/// Checks a value that stands by itself.
///
/// # Errors
/// DataException that says what does not fit.
pub fn value(schema: &Schema, value: &Value) -> Result<()> {
    check(schema, value, &Place::Value)
}

/// Checks the value of a struct's field.
///
/// # Errors
/// DataException that names the field and says what does not fit.
pub fn field(name: &str, schema: &Schema, value: &Value) -> Result<()> {
    check(schema, value, &Place::Field(name))
}

fn check(schema: &Schema, value: &Value, place: &Place<'_>) -> Result<()> {
    if value.is_null() {
        if schema.optional {
            return Ok(());
        }
        let kind = schema.kind.name();
        let message = format!("Invalid value: null used for required {place}, schema type: {kind}");
        return Err(ConnectError::data(message));
    }
    if !fits(schema, value) {
        let name = schema.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let (kind, class) = (schema.kind.name(), value.java_class());
        let message = format!("Invalid Java object for schema{name} with type {kind}: class {class} for {place}");
        return Err(ConnectError::data(message));
    }
    match value {
        Value::Array(elements) => {
            let place = Place::Part("element of array", place);
            elements.iter().try_for_each(|element| part(schema.value_schema.as_deref(), element, &place))
        }
        Value::Map(entries) => entries.iter().try_for_each(|(key, value)| {
            part(schema.key_schema.as_deref(), key, &Place::Part("key of map", place))?;
            part(schema.value_schema.as_deref(), value, &Place::Part("value of map", place))
        }),
        Value::Struct(inner) => {
            if !schema.admits(&inner.schema) {
                return Err(ConnectError::data("Struct schemas do not match."));
            }
            inner.schema.fields.iter().zip(&inner.values).try_for_each(|(field, value)| {
                // A default stands for what is missing.
                if value.is_null() && field.schema.default.is_some() {
                    return Ok(());
                }
                check(&field.schema, value, &Place::Field(&field.name))
            })
        }
        _ => Ok(()),
    }
}

fn part(schema: Option<&Schema>, value: &Value, place: &Place<'_>) -> Result<()> {
    match schema {
        Some(schema) => check(schema, value, place),
        None => Err(ConnectError::data(format!("No schema defined for {place}"))),
    }
}

fn fits(schema: &Schema, value: &Value) -> bool {
    match schema.logical_name() {
        Some(logical::DECIMAL) => matches!(value, Value::Decimal(_)),
        Some(_) => matches!(value, Value::Date(_)),
        None => match value {
            Value::Decimal(_) | Value::Date(_) => false,
            _ => value.kind() == Some(schema.kind),
        },
    }
}
