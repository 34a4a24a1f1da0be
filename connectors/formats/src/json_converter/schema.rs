//! Schemas as JSON.

use std::collections::HashSet;
use std::sync::Arc;

use longshore_api::{ConnectError, ErrorKind, Field, Result, Schema, Type, Value, error};

use super::{Rules, read, write};
use crate::json::{Node, writer};
use crate::validate;

/// Deeper schemas are refused, which bounds the recursion of all that follows schemas.
const MAX_DEPTH: usize = 100;

/// The schema that a node describes.
///
/// Differs from Apache Connect: a schema of more than 100 levels is an error.
pub(super) fn read(node: &Node<'_>, rules: Rules) -> Result<Schema> {
    read_level(node, rules, 1)
}

fn read_level(node: &Node<'_>, rules: Rules, depth: usize) -> Result<Schema> {
    if depth > MAX_DEPTH {
        return Err(ConnectError::data("a schema of more than 100 levels"));
    }
    let kind = node
        .get("type")
        .and_then(Node::as_str)
        .ok_or_else(|| ConnectError::data("Schema must contain 'type' field"))?;
    let part = |member: &str, message: &str| match node.get(member) {
        None | Some(Node::Null) => Err(ConnectError::data(message)),
        Some(node) => read_level(node, rules, depth + 1).map(Arc::new),
    };
    let mut schema = match kind {
        "array" => Schema::array(part("items", "Array schema did not specify the element type")?),
        "map" => Schema::map(
            part("keys", "Map schema did not specify the key type")?,
            part("values", "Map schema did not specify the value type")?,
        ),
        "struct" => Schema::structure(fields(node, rules, depth)?),
        _ => {
            let known = PRIMITIVES.iter().find(|(name, _)| *name == kind);
            let (_, kind) = known.ok_or_else(|| ConnectError::data(format!("Unknown schema type: {kind}")))?;
            Schema::new(*kind)
        }
    };
    attributes(&mut schema, node)?;
    default(schema, node, rules)
}

const PRIMITIVES: [(&str, Type); 9] = [
    ("boolean", Type::Boolean),
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("float", Type::Float32),
    ("double", Type::Float64),
    ("bytes", Type::Bytes),
    ("string", Type::String),
];

fn fields(node: &Node<'_>, rules: Rules, depth: usize) -> Result<Vec<Field>> {
    let Some(Node::Array(nodes)) = node.get("fields") else {
        return Err(ConnectError::data("Struct schema's \"fields\" argument is not an array."));
    };
    let mut fields = Vec::with_capacity(nodes.len());
    let mut names = HashSet::new();
    for node in nodes {
        let name = node
            .get("field")
            .and_then(Node::as_str)
            .ok_or_else(|| ConnectError::data("Struct schema's field name not specified properly"))?;
        let schema = read_level(node, rules, depth + 1)?;
        if name.is_empty() {
            return Err(builder_error("fieldName cannot be null."));
        }
        if !names.insert(name) {
            return Err(builder_error(&format!("Cannot create field because of field name duplication {name}")));
        }
        fields.push(Field::new(name, schema));
    }
    Ok(fields)
}

/// What every schema may have. Members of a wrong kind are ignored, as in Connect, save parameters.
fn attributes(schema: &mut Schema, node: &Node<'_>) -> Result<()> {
    let text = |member: &str| node.get(member).and_then(Node::as_str).map(Arc::from);
    schema.optional = node.get("optional") == Some(&Node::Boolean(true));
    schema.name = text("name");
    schema.doc = text("doc");
    if let Some(Node::Number(version)) = node.get("version")
        && version.is_integral()
    {
        schema.version = Some(version.to_i64() as i32);
    }
    if let Some(Node::Object(parameters)) = node.get("parameters") {
        for (name, value) in parameters {
            let value =
                value.as_str().ok_or_else(|| ConnectError::data("Schema parameters must have string values."))?;
            schema.parameters.insert(name.clone().into_owned(), value.to_owned());
        }
    }
    Ok(())
}

fn default(schema: Schema, node: &Node<'_>, rules: Rules) -> Result<Schema> {
    let Some(node) = node.get("default") else { return Ok(schema) };
    let schema = Arc::new(schema);
    let value = read::value(&schema, node, rules)?;
    // Connect compares the schema of a struct with a builder, and so never takes a default of a struct.
    let valid = match value {
        Value::Struct(_) => Err(ConnectError::data("Struct schemas do not match.")),
        _ => validate::value(&schema, &value),
    };
    valid.map_err(|cause| builder_error("Invalid default value").caused_by(cause))?;
    let mut schema = Arc::unwrap_or_clone(schema);
    schema.default = Some(value).filter(|value| !value.is_null());
    Ok(schema)
}

fn builder_error(message: &str) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, error::class::SCHEMA_BUILDER, message)
}

/// The JSON text of a schema.
pub(super) fn written(schema: &Schema, rules: Rules) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    append(&mut out, schema, None, rules)?;
    Ok(out)
}

fn append(out: &mut Vec<u8>, schema: &Schema, field: Option<&str>, rules: Rules) -> Result<()> {
    out.extend_from_slice(b"{\"type\":");
    writer::string(out, type_name(schema.kind));
    let values = if schema.kind == Type::Array { "items" } else { "values" };
    for (name, part) in [("keys", &schema.key_schema), (values, &schema.value_schema)] {
        if let Some(part) = part {
            member(out, name);
            append(out, part, None, rules)?;
        }
    }
    if schema.kind == Type::Struct {
        append_fields(out, schema, rules)?;
    }
    member(out, "optional");
    out.extend_from_slice(if schema.optional { b"true" } else { b"false" });
    if let Some(name) = &schema.name {
        member(out, "name");
        writer::string(out, name);
    }
    if let Some(version) = schema.version {
        member(out, "version");
        writer::integer(out, i64::from(version));
    }
    if let Some(doc) = &schema.doc {
        member(out, "doc");
        writer::string(out, doc);
    }
    append_parameters(out, schema);
    if let Some(default) = &schema.default {
        member(out, "default");
        write::value(out, Some(schema), default, rules)?;
    }
    if let Some(field) = field {
        member(out, "field");
        writer::string(out, field);
    }
    out.push(b'}');
    Ok(())
}

fn append_fields(out: &mut Vec<u8>, schema: &Schema, rules: Rules) -> Result<()> {
    member(out, "fields");
    out.push(b'[');
    for (index, field) in schema.fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        append(out, &field.schema, Some(&field.name), rules)?;
    }
    out.push(b']');
    Ok(())
}

fn append_parameters(out: &mut Vec<u8>, schema: &Schema) {
    if schema.parameters.is_empty() {
        return;
    }
    member(out, "parameters");
    for (index, (name, value)) in schema.parameters.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        writer::string(out, name);
        out.push(b':');
        writer::string(out, value);
    }
    out.push(b'}');
}

/// Begins a further member.
fn member(out: &mut Vec<u8>, name: &str) {
    out.push(b',');
    writer::string(out, name);
    out.push(b':');
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Array => "array",
        Type::Map => "map",
        Type::Struct => "struct",
        _ => PRIMITIVES.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name),
    }
}
