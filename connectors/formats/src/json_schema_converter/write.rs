//! Values as JSON.

use longshore_api::{ConnectError, Map, Result, Schema, Struct, Type, Value};

use super::{Rules, names};
use crate::json::writer;
use crate::json_converter::logical;

/// Appends a value; `false`, and nothing written, for a null that the schema does not allow.
pub(super) fn value(out: &mut Vec<u8>, schema: &Schema, value: &Value, rules: &Rules) -> Result<bool> {
    if value.is_null() {
        return null(out, schema, rules);
    }
    if let Some(name) = schema.logical_name() {
        logical::write(out, name, schema, value, rules.decimal_format)?;
        return Ok(true);
    }
    match (schema.kind, value) {
        (Type::Array, Value::Array(elements)) => array(out, schema, elements, rules)?,
        (Type::Map, Value::Map(entries)) => map(out, schema, entries, rules)?,
        (Type::Struct, Value::Struct(fields)) => return structure(out, schema, fields, rules),
        (Type::Int8, Value::Int8(number)) => writer::integer(out, i64::from(*number)),
        (Type::Int16, Value::Int16(number)) => writer::integer(out, i64::from(*number)),
        (Type::Int32, Value::Int32(number)) => writer::integer(out, i64::from(*number)),
        (Type::Int64, Value::Int64(number)) => writer::integer(out, *number),
        (Type::Float32, Value::Float32(number)) => writer::float(out, *number),
        (Type::Float64, Value::Float64(number)) => writer::double(out, *number),
        (Type::Boolean, Value::Boolean(_)) => writer::literal(out, value),
        (Type::String, Value::String(text)) => writer::string(out, text),
        (Type::Bytes, Value::Bytes(bytes)) => writer::base64(out, bytes),
        (kind, _) => {
            let message = format!("Invalid type for {}: class {}", kind.name(), value.java_class());
            return Err(ConnectError::data(message));
        }
    }
    Ok(true)
}

fn null(out: &mut Vec<u8>, schema: &Schema, rules: &Rules) -> Result<bool> {
    match &schema.default {
        Some(default) if !rules.ignore_default_for_nullables && !default.is_null() => {
            value(out, schema, default, rules)
        }
        _ if schema.optional => {
            writer::literal(out, &Value::Null);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Appends a value in a place that cannot be left out.
fn present(out: &mut Vec<u8>, schema: &Schema, one: &Value, rules: &Rules) -> Result<()> {
    if !value(out, schema, one, rules)? {
        writer::literal(out, &Value::Null);
    }
    Ok(())
}

fn part(schema: &Option<std::sync::Arc<Schema>>) -> Result<&Schema> {
    schema.as_deref().ok_or_else(|| ConnectError::data("the schema of an array or a map has no schema for its parts"))
}

fn array(out: &mut Vec<u8>, schema: &Schema, elements: &[Value], rules: &Rules) -> Result<()> {
    let element = part(&schema.value_schema)?;
    out.push(b'[');
    for (index, one) in elements.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        present(out, element, one, rules)?;
    }
    out.push(b']');
    Ok(())
}

/// An object, or an array of objects with key and value where the keys are not always strings.
fn map(out: &mut Vec<u8>, schema: &Schema, entries: &Map, rules: &Rules) -> Result<()> {
    let (keys, values) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
    let as_object = keys.kind == Type::String && !keys.optional;
    out.push(if as_object { b'{' } else { b'[' });
    for (index, (key, one)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if as_object {
            let Some(name) = key.as_str() else {
                let message = format!("Invalid type for the key of a map: class {}", key.java_class());
                return Err(ConnectError::data(message));
            };
            writer::string(out, name);
            out.push(b':');
            present(out, values, one, rules)?;
        } else {
            out.extend_from_slice(b"{\"key\":");
            present(out, keys, key, rules)?;
            out.extend_from_slice(b",\"value\":");
            present(out, values, one, rules)?;
            out.push(b'}');
        }
    }
    out.push(if as_object { b'}' } else { b']' });
    Ok(())
}

fn structure(out: &mut Vec<u8>, schema: &Schema, fields: &Struct, rules: &Rules) -> Result<bool> {
    // Comparing schemas field by field is only needed where they are not the very same one.
    if !schema.admits(&fields.schema) {
        return Err(ConnectError::data("Mismatching schema."));
    }
    // A struct within itself carries the schema with all its fields.
    let pairs = || fields.schema.fields.iter().zip(&fields.values);
    if names::is_union(schema) {
        for (field, one) in pairs() {
            let has_default = field.schema.default.is_some() && !rules.ignore_default_for_nullables;
            if !one.is_null() || has_default {
                return value(out, &field.schema, one, rules);
            }
        }
        return null(out, schema, rules);
    }
    out.push(b'{');
    let mut first = true;
    for (field, one) in pairs() {
        let start = out.len();
        if !first {
            out.push(b',');
        }
        writer::string(out, &field.name);
        out.push(b':');
        if value(out, &field.schema, one, rules)? {
            first = false;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
    Ok(true)
}
