//! Values that stand in a description: options and defaults.

use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use longshore_api::{Map, Schema, Struct, Value};
use serde_json::Value as Json;

use super::number::Form;
use crate::avro::{Avro, AvroField, Kind, Logical};

/// The value that JSON stands for, where a type is expected.
///
/// # Errors
/// The JSON does not fit the type. The message says where and not what stands there: it may come from a file.
pub(super) fn value(avro: &Avro, schema: &Arc<Schema>, json: &Json, path: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("{path}: {what} is expected");
    Ok(match (&avro.kind, json) {
        (Kind::Null, Json::Null) => Value::Null,
        (Kind::Boolean, Json::Bool(value)) => Value::Boolean(*value),
        (Kind::Int, _) => {
            let number = whole(json).filter(|number| i32::try_from(*number).is_ok());
            whole_form(avro).whole(number.ok_or_else(|| wrong("an int"))?)
        }
        (Kind::Long, _) => whole_form(avro).whole(whole(json).ok_or_else(|| wrong("a long"))?),
        (Kind::Float, _) => Value::Float32(json.as_f64().ok_or_else(|| wrong("a number"))? as f32),
        (Kind::Double, _) => Value::Float64(json.as_f64().ok_or_else(|| wrong("a number"))?),
        (Kind::Bytes | Kind::Fixed(_), _) if avro.logical.is_some() => {
            decimal(avro, json).ok_or_else(|| wrong("a decimal of the precision and scale"))?
        }
        (Kind::Bytes, Json::String(text)) => bytes(text, None).ok_or_else(|| wrong("a string of bytes"))?,
        (Kind::Fixed(size), Json::String(text)) => {
            bytes(text, Some(*size)).ok_or_else(|| wrong(&format!("a string of {size} bytes")))?
        }
        (Kind::String, Json::String(text)) => Value::string(text.as_str()),
        (Kind::Enum(symbols), Json::String(text)) => {
            let symbol =
                symbols.iter().find(|symbol| ***symbol == **text).ok_or_else(|| wrong("one of the symbols"))?;
            Value::String(Arc::clone(symbol))
        }
        (Kind::Array(item), Json::Array(items)) => array(item, schema, items, path)?,
        (Kind::Map(inner), Json::Object(entries)) => {
            let inner_schema = schema.value_schema.as_ref().ok_or_else(|| wrong("a map"))?;
            let entry = |(key, json): (&String, &Json)| {
                Ok((Value::string(key.as_str()), value(inner, inner_schema, json, &format!("{path}.{key}"))?))
            };
            Value::Map(entries.iter().map(entry).collect::<Result<Map, String>>()?)
        }
        (Kind::Record(fields), Json::Object(entries)) => record(fields, schema, entries, path)?,
        (Kind::Union(branches), _) => union(branches, schema, json, path)?,
        _ => return Err(wrong(crate::avro::branch_name(avro))),
    })
}

/// What the whole numbers of a type become.
pub(super) fn whole_form(avro: &Avro) -> Form {
    match (avro.logical, &avro.kind) {
        (Some(Logical::Date), _) => Form::Date,
        (Some(Logical::TimeMillis | Logical::TimestampMillis), _) => Form::Millis,
        (_, Kind::Int) => Form::Int32,
        _ => Form::Int64,
    }
}

/// A whole number, also one that is written with a point.
pub(super) fn whole(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| {
        let number = json.as_f64().filter(|number| number.fract() == 0.0)?;
        // Up to here every whole number has its own double.
        (number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
    })
}

fn decimal(avro: &Avro, json: &Json) -> Option<Value> {
    let Some(Logical::Decimal { precision, scale }) = avro.logical else { return None };
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    // An exponent could make a short text a number of any size.
    let given = BigDecimal::from_str(&text).ok().filter(|_| text.len() <= 60 && !text.contains(['e', 'E']))?;
    let number = given.with_scale(i64::from(scale));
    (number == given && number.digits() <= u64::from(precision)).then_some(Value::Decimal(number))
}

/// Avro writes bytes as a string of the characters up to 255.
fn bytes(text: &str, size: Option<usize>) -> Option<Value> {
    let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
    bytes.filter(|bytes| size.is_none_or(|size| bytes.len() == size)).map(|bytes| Value::Bytes(bytes.into()))
}

fn array(item: &Avro, schema: &Arc<Schema>, items: &[Json], path: &str) -> Result<Value, String> {
    let Some(inner) = &schema.value_schema else { return Err(format!("{path}: an array is expected")) };
    let items = items.iter().enumerate().map(|(index, json)| value(item, inner, json, &format!("{path}[{index}]")));
    items.collect::<Result<_, _>>().map(Value::Array)
}

fn record(
    fields: &[AvroField],
    schema: &Arc<Schema>,
    entries: &serde_json::Map<String, Json>,
    path: &str,
) -> Result<Value, String> {
    let mut values = Vec::with_capacity(fields.len());
    for (field, built) in fields.iter().zip(&schema.fields) {
        let json = entries.get(&*field.name).or(field.default.as_ref());
        let json = json.ok_or_else(|| format!("{path}: the field {:?} is missing", &*field.name))?;
        values.push(value(&field.avro, &built.schema, json, &format!("{path}.{}", field.name))?);
    }
    if let Some(unknown) = entries.keys().find(|name| schema.field_index(name).is_none()) {
        return Err(format!("{path}: the type has no field {unknown:?}"));
    }
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}

/// The first branch that the JSON fits.
fn union(branches: &[Arc<Avro>], schema: &Arc<Schema>, json: &Json, path: &str) -> Result<Value, String> {
    let typed = || branches.iter().filter(|branch| !matches!(branch.kind, Kind::Null));
    if json.is_null() && typed().count() < branches.len() {
        return Ok(Value::Null);
    }
    if typed().count() == 1 {
        return typed().map(|only| value(only, schema, json, path)).next().unwrap_or(Ok(Value::Null));
    }
    for (index, (branch, field)) in typed().zip(&schema.fields).enumerate() {
        if let Ok(fits) = value(branch, &field.schema, json, path) {
            let mut values = vec![Value::Null; schema.fields.len()];
            values[index] = fits;
            return Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }));
        }
    }
    Err(format!("{path}: no branch of the union fits"))
}
