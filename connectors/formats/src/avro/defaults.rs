//! Default values: from the JSON of an Avro schema to Connect's values, and back.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use longshore_api::schema::{Type, logical};
use longshore_api::{ConnectError, Map, Result, Schema, Struct, Value};
use num_bigint::BigInt;
use serde_json::{Map as JsonMap, Value as Json};

use super::encode::{decimal_bytes, logical_number};
use super::names::{UNION, scrub};
use super::schema::{Avro, Kind, TypeId};
use crate::java_text::calendar::MILLIS_PER_DAY;

/// The value that JSON stands for; `None` if it does not fit the type.
pub(super) fn read(avro: &Avro, id: TypeId, schema: &Schema, json: &Json) -> Option<Value> {
    let value = match &avro.get(id).kind {
        Kind::Null => Value::Null,
        // A default is of the first branch.
        Kind::Union(branches) => {
            let first = *branches.first()?;
            if branches.len() == 1 || matches!(avro.get(first).kind, Kind::Null) {
                return if json.is_null() { Some(Value::Null) } else { None };
            }
            if !(schema.kind == Type::Struct && is_union(schema)) {
                return read(avro, first, schema, json);
            }
            let value = read(avro, first, &schema.fields.first()?.schema, json)?;
            let mut values = vec![Value::Null; schema.fields.len()];
            *values.first_mut()? = value;
            Value::Struct(Struct { schema: Arc::new(schema.clone()), values })
        }
        _ if json.is_null() => Value::Null,
        Kind::Boolean => Value::Boolean(json.as_bool()?),
        Kind::Int => int(schema, i32::try_from(json.as_i64()?).ok()?),
        Kind::Long => match schema.logical_name() {
            Some(logical::TIMESTAMP) => Value::Date(json.as_i64()?),
            _ => Value::Int64(json.as_i64()?),
        },
        Kind::Float => Value::Float32(json.as_f64()? as f32),
        Kind::Double => Value::Float64(json.as_f64()?),
        Kind::String | Kind::Enum(_) => Value::string(json.as_str()?),
        Kind::Bytes | Kind::Fixed(_) => bytes(schema, json.as_str()?)?,
        Kind::Array(items) if schema.kind == Type::Array => {
            let element = schema.value_schema.as_deref()?;
            Value::Array(json.as_array()?.iter().map(|json| read(avro, *items, element, json)).collect::<Option<_>>()?)
        }
        // A map as pairs.
        Kind::Array(items) => Value::Map(entries(avro, *items, schema, json)?),
        Kind::Map(values) => {
            let schema = schema.value_schema.as_deref()?;
            let entries = json.as_object()?.iter();
            let entry =
                |(key, json): (&String, &Json)| Some((Value::string(key.as_str()), read(avro, *values, schema, json)?));
            Value::Map(Map::from_distinct(entries.map(entry).collect::<Option<_>>()?))
        }
        Kind::Record(record) => {
            let object = json.as_object()?;
            let mut values = Vec::with_capacity(record.fields.len());
            for (field, of_schema) in record.fields.iter().zip(&schema.fields) {
                let json = object.get(&field.name).unwrap_or(&Json::Null);
                values.push(read(avro, field.kind, &of_schema.schema, json)?);
            }
            Value::Struct(Struct { schema: Arc::new(schema.clone()), values })
        }
    };
    Some(value)
}

/// Whether a struct stands for a union.
pub(super) fn is_union(schema: &Schema) -> bool {
    schema.name.as_deref() == Some(UNION) || schema.parameters.contains_key(super::names::GENERAL_UNION)
}

fn int(schema: &Schema, number: i32) -> Value {
    match (schema.logical_name(), schema.kind) {
        (Some(logical::DATE), _) => Value::Date(i64::from(number) * MILLIS_PER_DAY),
        (Some(logical::TIME), _) => Value::Date(i64::from(number)),
        (_, Type::Int8) => Value::Int8(number as i8),
        (_, Type::Int16) => Value::Int16(number as i16),
        _ => Value::Int32(number),
    }
}

/// Bytes stand as text of ISO 8859-1.
fn bytes(schema: &Schema, text: &str) -> Option<Value> {
    let bytes: Vec<u8> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect::<Option<_>>()?;
    if schema.logical_name() == Some(logical::DECIMAL) {
        let scale: i64 = schema.parameters.get("scale")?.parse().ok()?;
        return Some(Value::Decimal(BigDecimal::new(BigInt::from_signed_bytes_be(&bytes), scale)));
    }
    Some(Value::Bytes(Bytes::from(bytes)))
}

fn entries(avro: &Avro, items: TypeId, schema: &Schema, json: &Json) -> Option<Map> {
    let Kind::Record(record) = &avro.get(items).kind else { return None };
    let kind = |name: &str| record.fields.iter().find(|field| field.name == name).map(|field| field.kind);
    let (key_kind, value_kind) = (kind(super::names::KEY)?, kind(super::names::VALUE)?);
    let mut map = Map::new();
    for pair in json.as_array()? {
        let [key, value] = pair.as_array()?.as_slice() else { return None };
        let key = read(avro, key_kind, schema.key_schema.as_deref()?, key)?;
        map.insert(key, read(avro, value_kind, schema.value_schema.as_deref()?, value)?);
    }
    Some(map)
}

/// The JSON of a default value.
///
/// # Errors
/// DataException, for a value that is not of its schema.
pub(super) fn write(schema: &Schema, value: &Value, rules: super::Rules) -> Result<Json> {
    let wrong = || {
        let (kind, class) = (schema.kind.name(), value.java_class());
        ConnectError::data(format!("Invalid type used for default value of {kind} field: class {class}"))
    };
    if let Some(name) = schema.logical_name().filter(|_| !value.is_null()) {
        return match name {
            logical::DECIMAL => Ok(latin1(&decimal_bytes(schema, value)?)),
            _ => logical_number(name, value).map(Json::from),
        };
    }
    Ok(match (schema.kind, value) {
        (_, Value::Null) => Json::Null,
        (Type::Int8, Value::Int8(number)) => Json::from(*number),
        (Type::Int16, Value::Int16(number)) => Json::from(*number),
        (Type::Int32, Value::Int32(number)) => Json::from(*number),
        (Type::Int64, Value::Int64(number)) => Json::from(*number),
        // The shortest text of a float is not that of the double of the same value.
        (Type::Float32, Value::Float32(number)) => number.to_string().parse::<f64>().map_err(|_| wrong())?.into(),
        (Type::Float64, Value::Float64(number)) => Json::from(*number),
        (Type::Boolean, Value::Boolean(value)) => Json::from(*value),
        (Type::String, Value::String(text)) => Json::from(&**text),
        (Type::Bytes, Value::Bytes(bytes)) => latin1(bytes),
        (Type::Array, Value::Array(elements)) => {
            let schema = schema.value_schema.as_deref().ok_or_else(wrong)?;
            Json::Array(elements.iter().map(|element| write(schema, element, rules)).collect::<Result<_>>()?)
        }
        (Type::Map, Value::Map(entries)) => write_map(schema, entries, rules)?,
        (Type::Struct, Value::Struct(fields)) => {
            let mut object = JsonMap::new();
            for (field, value) in schema.fields.iter().zip(&fields.values) {
                let json = write(&field.schema, value, rules)?;
                if is_union(schema) {
                    return Ok(json);
                }
                let name = if rules.scrub { scrub(&field.name) } else { (&*field.name).into() };
                object.insert(name.into_owned(), json);
            }
            Json::Object(object)
        }
        _ => return Err(wrong()),
    })
}

fn write_map(schema: &Schema, entries: &Map, rules: super::Rules) -> Result<Json> {
    let missing = || ConnectError::data("a map schema without key and value schema");
    let keys = schema.key_schema.as_deref().ok_or_else(missing)?;
    let values = schema.value_schema.as_deref().ok_or_else(missing)?;
    if rules.is_plain_map(schema) {
        let entry = |(key, value): (&Value, &Value)| {
            let key = key.as_str().ok_or_else(|| ConnectError::data("a map's key that is no string"))?;
            Ok((key.to_owned(), write(values, value, rules)?))
        };
        return Ok(Json::Object(entries.iter().map(entry).collect::<Result<_>>()?));
    }
    let pair =
        |(key, value): (&Value, &Value)| Ok(Json::Array(vec![write(keys, key, rules)?, write(values, value, rules)?]));
    Ok(Json::Array(entries.iter().map(pair).collect::<Result<_>>()?))
}

fn latin1(bytes: &[u8]) -> Json {
    Json::String(bytes.iter().map(|byte| char::from(*byte)).collect())
}
