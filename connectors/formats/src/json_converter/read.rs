//! From a JSON tree to values, as a schema asks for.

use std::sync::Arc;

use bytes::Bytes;
use longshore_api::{ConnectError, Map, Result, Schema, Struct, Type, Value};

use super::{Rules, base64_text, logical};
use crate::distinct;
use crate::json::{Node, Number};
use crate::validate;

/// The value that a node stands for.
///
/// As in Connect, a scalar of the wrong kind is no error: it reads as zero, false or null.
pub(super) fn value(schema: &Arc<Schema>, node: &Node<'_>, rules: Rules) -> Result<Value> {
    if *node == Node::Null {
        return match &schema.default {
            Some(default) if rules.replace_null_with_default => Ok(default.clone()),
            _ if schema.optional => Ok(Value::Null),
            _ => Err(ConnectError::data(format!("Invalid null value for required {} field", schema.kind.name()))),
        };
    }
    if let Some(name) = schema.logical_name() {
        return logical::read(name, schema, node);
    }
    Ok(match schema.kind {
        Type::Boolean => Value::Boolean(*node == Node::Boolean(true)),
        Type::Int8 => Value::Int8(integer(node) as i8),
        Type::Int16 => Value::Int16(integer(node) as i16),
        Type::Int32 => Value::Int32(integer(node) as i32),
        Type::Int64 => Value::Int64(integer(node)),
        Type::Float32 => Value::Float32(number(node).map_or(0.0, |number| number.to_f32())),
        Type::Float64 => Value::Float64(number(node).map_or(0.0, |number| number.to_f64())),
        Type::String => node.as_str().map_or(Value::Null, Value::string),
        Type::Bytes => match node.as_str().map(base64_text::decode).transpose() {
            Ok(bytes) => bytes.map_or(Value::Null, |bytes| Value::Bytes(Bytes::from(bytes))),
            Err(why) => return Err(ConnectError::data("Invalid bytes field").caused_by(ConnectError::data(why))),
        },
        Type::Array => array(schema, node, rules)?,
        Type::Map => map(schema, node, rules)?,
        Type::Struct => structure(schema, node, rules)?,
    })
}

fn number<'a>(node: &Node<'a>) -> Option<Number<'a>> {
    match node {
        Node::Number(number) => Some(*number),
        _ => None,
    }
}

fn integer(node: &Node<'_>) -> i64 {
    number(node).map_or(0, |number| number.to_i64())
}

/// The schema of the parts of a container. Every schema that was read from JSON has it.
fn part(schema: &Option<Arc<Schema>>) -> Result<&Arc<Schema>> {
    schema.as_ref().ok_or_else(|| ConnectError::data("the schema of an array or a map has no schema for its parts"))
}

fn array(schema: &Schema, node: &Node<'_>, rules: Rules) -> Result<Value> {
    let element = part(&schema.value_schema)?;
    // Jackson's scalars have no elements, and an object's are the values of its members.
    let elements: Result<Vec<Value>> = match node {
        Node::Array(elements) => elements.iter().map(|node| value(element, node, rules)).collect(),
        Node::Object(members) => members.iter().map(|(_, node)| value(element, node, rules)).collect(),
        _ => Ok(Vec::new()),
    };
    elements.map(Value::Array)
}

fn map(schema: &Schema, node: &Node<'_>, rules: Rules) -> Result<Value> {
    let (keys, values) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
    let wrong = |message: &str| ConnectError::data(format!("{message}, but found {}", node.kind_name()));
    if keys.kind == Type::String {
        let Node::Object(members) = node else {
            return Err(wrong("Maps with string fields should be encoded as JSON objects"));
        };
        let entries: Result<Vec<_>> =
            members.iter().map(|(name, node)| Ok((Value::string(&**name), value(values, node, rules)?))).collect();
        return Ok(Value::Map(Map::from_distinct(entries?)));
    }
    let Node::Array(entries) = node else {
        return Err(wrong("Maps with non-string fields should be encoded as JSON array of tuples"));
    };
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry {
            Node::Array(pair) => match pair.as_slice() {
                [key, one] => found.push((value(keys, key, rules)?, value(values, one, rules)?)),
                _ => {
                    let message = format!("Found invalid map entry, expected length 2 but found :{}", pair.len());
                    return Err(ConnectError::data(message));
                }
            },
            _ => {
                let message = format!("Found invalid map entry instead of array tuple: {}", entry.kind_name());
                return Err(ConnectError::data(message));
            }
        }
    }
    Ok(Value::Map(distinct::map(found)))
}

fn structure(schema: &Arc<Schema>, node: &Node<'_>, rules: Rules) -> Result<Value> {
    let Node::Object(members) = node else {
        let message = format!("Structs should be encoded as JSON objects, but found {}", node.kind_name());
        return Err(ConnectError::data(message));
    };
    let mut values = Vec::with_capacity(schema.fields.len());
    for (place, field) in schema.fields.iter().enumerate() {
        // Members mostly come in the order of the fields.
        let node = match members.get(place) {
            Some((name, node)) if *name == *field.name => node,
            _ => members.iter().find(|(name, _)| *name == *field.name).map_or(&Node::Null, |(_, node)| node),
        };
        let value = value(&field.schema, node, rules)?;
        validate::field(&field.name, &field.schema, &value)?;
        values.push(value);
    }
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}
