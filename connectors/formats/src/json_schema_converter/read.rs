//! From a JSON tree to values, as a schema asks for.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use longshore_api::{ConnectError, Map, Result, Schema, Struct, Type, Value};

use super::names;
use crate::distinct;
use crate::json::Node;
use crate::json_converter::{base64_text, logical};
use crate::validate;

/// The objects that are used within themselves, by the parameter [`names::ID`].
pub(super) type Again = HashMap<String, Arc<Schema>>;

/// The schema with all its fields, where the one given stands for it.
fn whole<'a>(schema: &'a Arc<Schema>, again: &'a Again) -> &'a Arc<Schema> {
    let stands_for_another = schema.fields.is_empty() && !schema.parameters.is_empty() && !again.is_empty();
    let id = schema.parameters.get(names::ID).filter(|_| stands_for_another);
    id.and_then(|id| again.get(id)).unwrap_or(schema)
}

/// The value that a node stands for; `None` for a member that is missing.
///
/// As in Connect, a scalar of the wrong kind is no error: it reads as zero, false or null.
pub(super) fn value(schema: &Arc<Schema>, node: Option<&Node<'_>>, again: &Again) -> Result<Value> {
    let node = match node {
        None | Some(Node::Null) => {
            return match &schema.default {
                Some(default) => Ok(default.clone()),
                None if node.is_none() || schema.optional => Ok(Value::Null),
                None => {
                    Err(ConnectError::data(format!("Invalid null value for required {} field", schema.kind.name())))
                }
            };
        }
        Some(node) => node,
    };
    if let Some(name) = schema.logical_name() {
        return logical::read(name, schema, node);
    }
    let integer = || if let Node::Number(number) = node { number.to_i64() } else { 0 };
    Ok(match schema.kind {
        Type::Boolean => Value::Boolean(*node == Node::Boolean(true)),
        Type::Int8 => Value::Int8(integer() as i8),
        Type::Int16 => Value::Int16(integer() as i16),
        Type::Int32 => Value::Int32(integer() as i32),
        Type::Int64 => Value::Int64(integer()),
        Type::Float32 => Value::Float32(if let Node::Number(number) = node { number.to_f32() } else { 0.0 }),
        Type::Float64 => Value::Float64(if let Node::Number(number) = node { number.to_f64() } else { 0.0 }),
        Type::String => node.as_str().map_or(Value::Null, Value::string),
        Type::Bytes => match node.as_str().map(base64_text::decode) {
            Some(Ok(bytes)) => Value::Bytes(Bytes::from(bytes)),
            Some(Err(why)) => return Err(ConnectError::data("Invalid bytes field").caused_by(ConnectError::data(why))),
            None => return Err(wrong_kind("Invalid bytes field: bytes are encoded as base64 text", node)),
        },
        Type::Array => array(schema, node, again)?,
        Type::Map => map(schema, node, again)?,
        Type::Struct if names::is_union(schema) => union(schema, node, again)?,
        Type::Struct => structure(whole(schema, again), node, again)?,
    })
}

fn wrong_kind(message: &str, node: &Node<'_>) -> ConnectError {
    ConnectError::data(format!("{message}, but found {}", node.kind_name()))
}

/// The schema of the parts of a container. Every schema that was made from a JSON Schema has it.
fn part(schema: &Option<Arc<Schema>>) -> Result<&Arc<Schema>> {
    schema.as_ref().ok_or_else(|| ConnectError::data("the schema of an array or a map has no schema for its parts"))
}

fn array(schema: &Schema, node: &Node<'_>, again: &Again) -> Result<Value> {
    let element = part(&schema.value_schema)?;
    // Jackson's scalars have no elements, and an object's are the values of its members.
    let elements: Result<Vec<Value>> = match node {
        Node::Array(elements) => elements.iter().map(|node| value(element, Some(node), again)).collect(),
        Node::Object(members) => members.iter().map(|(_, node)| value(element, Some(node), again)).collect(),
        _ => Ok(Vec::new()),
    };
    elements.map(Value::Array)
}

fn map(schema: &Schema, node: &Node<'_>, again: &Again) -> Result<Value> {
    let (keys, values) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
    if keys.kind == Type::String && !keys.optional {
        let Node::Object(members) = node else {
            return Err(wrong_kind("Maps with string fields should be encoded as JSON objects", node));
        };
        let entry = |(name, node): &(_, Node<'_>)| {
            let name: &std::borrow::Cow<'_, str> = name;
            Ok((Value::string(&**name), value(values, Some(node), again)?))
        };
        let entries: Result<Vec<_>> = members.iter().map(entry).collect();
        return Ok(Value::Map(Map::from_distinct(entries?)));
    }
    let Node::Array(entries) = node else {
        return Err(wrong_kind("Maps with non-string fields should be encoded as JSON array of objects", node));
    };
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let Node::Object(members) = entry else {
            let message = format!("Found invalid map entry instead of object: {}", entry.kind_name());
            return Err(ConnectError::data(message));
        };
        if members.len() != 2 {
            let message = format!("Found invalid map entry, expected length 2 but found :{}", members.len());
            return Err(ConnectError::data(message));
        }
        found.push((value(keys, entry.get("key"), again)?, value(values, entry.get("value"), again)?));
    }
    Ok(Value::Map(distinct::map(found)))
}

fn structure(schema: &Arc<Schema>, node: &Node<'_>, again: &Again) -> Result<Value> {
    let Node::Object(members) = node else {
        return Err(wrong_kind("Structs should be encoded as JSON objects", node));
    };
    let mut values = Vec::with_capacity(schema.fields.len());
    for (place, field) in schema.fields.iter().enumerate() {
        // Members mostly come in the order of the fields.
        let node = match members.get(place) {
            Some((name, node)) if *name == *field.name => Some(node),
            _ => members.iter().find(|(name, _)| *name == *field.name).map(|(_, node)| node),
        };
        let value = value(&field.schema, node, again).map_err(|error| in_field(&field.name, error))?;
        // What a required field lacks is left missing, as in Connect.
        if !value.is_null() {
            validate::field(&field.name, &field.schema, &value)?;
        }
        values.push(value);
    }
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}

#[cold]
fn in_field(name: &str, error: ConnectError) -> ConnectError {
    ConnectError::data(format!("field \"{name}\" cannot be read")).caused_by(error)
}

/// The struct of a union: the first simple branch that fits, or else the struct with the most members in common.
fn union(schema: &Arc<Schema>, node: &Node<'_>, again: &Again) -> Result<Value> {
    let (mut best, mut best_matches) = (None, 0);
    for (index, field) in schema.fields.iter().enumerate() {
        if is_simple_match(&field.schema, node) {
            best = Some(index);
            break;
        }
        let matches = struct_matches(&field.schema, node, again);
        if matches > best_matches {
            (best, best_matches) = (Some(index), matches);
        }
    }
    let matching = best.and_then(|index| Some((index, schema.fields.get(index)?)));
    let Some((index, field)) = matching else {
        return Err(ConnectError::data("Did not find matching oneof field for data"));
    };
    let mut values = vec![Value::Null; schema.fields.len()];
    let value = value(&field.schema, Some(node), again)?;
    validate::field(&field.name, &field.schema, &value)?;
    values[index] = value;
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}

fn is_simple_match(schema: &Schema, node: &Node<'_>) -> bool {
    match (schema.kind, node) {
        (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64, Node::Number(number)) => number.is_integral(),
        (Type::Bytes, Node::Number(number)) => !number.is_integral(),
        (Type::Float32 | Type::Float64, Node::Number(_))
        | (Type::Boolean, Node::Boolean(_))
        | (Type::String, Node::String(_))
        | (Type::Array, Node::Array(_))
        | (Type::Map, Node::Object(_) | Node::Array(_)) => true,
        _ => false,
    }
}

/// How many members an object has in common with a struct, those of inner structs too.
fn struct_matches(schema: &Arc<Schema>, node: &Node<'_>, again: &Again) -> usize {
    if schema.kind != Type::Struct || !matches!(node, Node::Object(_)) {
        return 0;
    }
    let fields = whole(schema, again).fields.iter();
    fields.filter_map(|field| node.get(&field.name).map(|node| 1 + struct_matches(&field.schema, node, again))).sum()
}
