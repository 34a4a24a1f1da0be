//! From values to JSON.

use longshore_api::{ConnectError, Map, Result, Schema, Struct, Type, Value};

use super::{Rules, logical};
use crate::json::writer;

/// Appends a value. Without a schema the value's own class decides.
pub(super) fn value(out: &mut Vec<u8>, schema: Option<&Schema>, value: &Value, rules: Rules) -> Result<()> {
    if value.is_null() {
        return null(out, schema, rules);
    }
    let Some(schema) = schema else { return schemaless(out, value, rules) };
    if let Some(name) = schema.logical_name() {
        return logical::write(out, name, schema, value, rules.decimal_format);
    }
    match (schema.kind, value) {
        (Type::Array, Value::Array(elements)) => array(out, schema.value_schema.as_deref(), elements, rules),
        (Type::Map, Value::Map(entries)) => {
            let keys = schema.key_schema.as_deref();
            let as_object = keys.is_none_or(|keys| keys.kind == Type::String);
            map(out, [keys, schema.value_schema.as_deref()], entries, as_object, rules)
        }
        (Type::Struct, Value::Struct(fields)) => structure(out, schema, fields, rules),
        (kind, Value::Decimal(_) | Value::Date(_)) => Err(wrong_class(kind, value)),
        (kind, _) if value.kind() == Some(kind) => scalar(out, value),
        (kind, _) => Err(wrong_class(kind, value)),
    }
}

#[cold]
fn wrong_class(kind: Type, value: &Value) -> ConnectError {
    let kind = if kind == Type::Bytes { "bytes type" } else { kind.name() };
    ConnectError::data(format!("Invalid type for {kind}: class {}", value.java_class()))
}

fn null(out: &mut Vec<u8>, schema: Option<&Schema>, rules: Rules) -> Result<()> {
    match schema {
        Some(Schema { default: Some(default), .. }) if rules.replace_null_with_default => {
            value(out, schema, default, rules)
        }
        Some(Schema { optional: false, .. }) => {
            Err(ConnectError::data("Conversion error: null value for field that is required and has no default value"))
        }
        _ => {
            writer::literal(out, &Value::Null);
            Ok(())
        }
    }
}

fn schemaless(out: &mut Vec<u8>, value: &Value, rules: Rules) -> Result<()> {
    match value {
        Value::Array(elements) => array(out, None, elements, rules),
        Value::Map(entries) => {
            let as_object = entries.iter().all(|(key, _)| key.as_str().is_some());
            map(out, [None, None], entries, as_object, rules)
        }
        Value::Struct(fields) => structure(out, &fields.schema, fields, rules),
        _ => scalar(out, value),
    }
}

fn scalar(out: &mut Vec<u8>, value: &Value) -> Result<()> {
    match value {
        Value::Int8(number) => writer::integer(out, i64::from(*number)),
        Value::Int16(number) => writer::integer(out, i64::from(*number)),
        Value::Int32(number) => writer::integer(out, i64::from(*number)),
        Value::Int64(number) => writer::integer(out, *number),
        Value::Float32(number) => writer::float(out, *number),
        Value::Float64(number) => writer::double(out, *number),
        Value::String(text) => writer::string(out, text),
        Value::Bytes(bytes) => writer::base64(out, bytes),
        Value::Boolean(_) | Value::Null => writer::literal(out, value),
        _ => {
            let class = value.java_class();
            return Err(ConnectError::data(format!(
                "Java class class {class} does not have corresponding schema type."
            )));
        }
    }
    Ok(())
}

fn array(out: &mut Vec<u8>, schema: Option<&Schema>, elements: &[Value], rules: Rules) -> Result<()> {
    out.push(b'[');
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        value(out, schema, element, rules)?;
    }
    out.push(b']');
    Ok(())
}

/// An object, or an array of pairs where the keys are no strings.
fn map(
    out: &mut Vec<u8>,
    [keys, values]: [Option<&Schema>; 2],
    entries: &Map,
    as_object: bool,
    rules: Rules,
) -> Result<()> {
    let [open, between, close] = if as_object { [b'{', b':', b'}'] } else { [b'[', b',', b']'] };
    out.push(open);
    for (index, (key, one)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if as_object {
            let start = out.len();
            value(out, keys, key, rules)?;
            quote(out, start);
        } else {
            out.push(b'[');
            value(out, keys, key, rules)?;
        }
        out.push(between);
        value(out, values, one, rules)?;
        if !as_object {
            out.push(b']');
        }
    }
    out.push(close);
    Ok(())
}

/// Makes a name of what was written from `start` on: a null among string keys becomes `"null"`.
fn quote(out: &mut Vec<u8>, start: usize) {
    if out.get(start) != Some(&b'"') {
        out.insert(start, b'"');
        out.push(b'"');
    }
}

fn structure(out: &mut Vec<u8>, schema: &Schema, fields: &Struct, rules: Rules) -> Result<()> {
    if !schema.admits(&fields.schema) {
        return Err(ConnectError::data("Mismatching schema."));
    }
    out.push(b'{');
    for (index, (field, one)) in fields.schema.fields.iter().zip(&fields.values).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        writer::string(out, &field.name);
        out.push(b':');
        value(out, Some(&field.schema), one, rules)?;
    }
    out.push(b'}');
    Ok(())
}
