//! From Connect's schemas to the texts of JSON Schemas, byte for byte as Confluent's converter registers them.
//!
//! So that a topic keeps its schema's version when Longshore takes over a connector, the order of members is that of
//! the library `org.everit.json.schema`, part of which is the order of Java's hash maps.

use std::collections::HashSet;
use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Result, Schema, Type};

use super::names::{self, GENERALIZED_ENUM, NAMESPACE, NULL_MARKER};
use super::{Rules, write};
use crate::java_order::{copied_capacity, hash_order};
use crate::java_text;
use crate::json::{Node, Reader, writer};
use crate::json_converter::DecimalFormat;

/// Deeper schemas are refused, which bounds the recursion.
const MAX_DEPTH: usize = 100;

/// The text of a schema.
pub(super) fn text(schema: &Schema, rules: &Rules) -> Result<String> {
    let mut out = Vec::new();
    Writer { out: &mut out, rules, depth: 0, ids: HashSet::new() }.schema(schema, None, schema.optional)?;
    String::from_utf8(out).map_err(|_| ConnectError::data("the JSON schema is no text"))
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    rules: &'a Rules,
    depth: usize,
    /// The objects that were begun and that stand within themselves.
    ids: HashSet<String>,
}

impl Writer<'_> {
    /// `index` is the place in a struct; `optional` that of the schema, unless what is around it takes the null.
    fn schema(&mut self, schema: &Schema, index: Option<usize>, optional: bool) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(ConnectError::data("a schema of more than 100 levels"));
        }
        self.depth += 1;
        if names::is_union(schema) {
            self.union(schema, index, optional)?;
        } else if optional {
            self.begin_one_of(index, true);
            self.required(schema, None)?;
            self.put("]}");
        } else {
            self.required(schema, index)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn union(&mut self, schema: &Schema, index: Option<usize>, optional: bool) -> Result<()> {
        self.begin_one_of(index, optional);
        for (place, field) in schema.fields.iter().enumerate() {
            if place > 0 {
                self.put(",");
            }
            self.schema(&field.schema, Some(place), false)?;
        }
        self.put("]}");
        Ok(())
    }

    /// Begins a `oneOf` up to the first schema that is not null.
    fn begin_one_of(&mut self, index: Option<usize>, nullable: bool) {
        self.put("{");
        if let Some(index) = index {
            self.put(&format!("\"connect.index\":{index},"));
        }
        self.put("\"oneOf\":[");
        if nullable {
            self.put("{\"type\":\"null\"},");
        }
    }

    /// An object within itself is a reference.
    ///
    /// Differs from Confluent's converter, which leaves out that such a property may be null, and knows only those
    /// that stand in arrays and properties.
    fn reference(&mut self, id: &str, index: Option<usize>) {
        self.put("{");
        // What stands beside a reference counts for nothing.
        if let Some(index) = index {
            self.put(&format!("\"connect.index\":{index},"));
        }
        self.put("\"$ref\":");
        writer::string(self.out, id);
        self.put("}");
    }

    fn required(&mut self, schema: &Schema, index: Option<usize>) -> Result<()> {
        let id = schema.parameters.get(names::ID).filter(|_| schema.kind == Type::Struct);
        if let Some(id) = id
            && !self.ids.insert(id.clone())
        {
            self.reference(id, index);
            return Ok(());
        }
        let mut attributes = Attributes { schema, index, connect_type: number_type(schema.kind) };
        self.put("{");
        match schema.kind {
            Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => {
                self.put("\"type\":\"integer\"");
                self.attributes(&attributes, true)?;
            }
            Type::Float32 | Type::Float64 => {
                self.put("\"type\":\"number\"");
                self.attributes(&attributes, true)?;
            }
            Type::Boolean => {
                let any = self.attributes(&attributes, false)?;
                self.put(if any { ",\"type\":\"boolean\"" } else { "\"type\":\"boolean\"" });
            }
            Type::String => {
                self.string(schema);
                self.attributes(&attributes, true)?;
            }
            Type::Bytes => {
                let numeric = schema.logical_name() == Some(logical::DECIMAL)
                    && self.rules.decimal_format == DecimalFormat::Numeric;
                self.put(if numeric { "\"type\":\"number\"" } else { "\"type\":\"string\"" });
                attributes.connect_type = Some("bytes");
                self.attributes(&attributes, true)?;
            }
            Type::Array => {
                self.put("\"type\":\"array\"");
                self.attributes(&attributes, true)?;
                self.put(",\"items\":");
                let element = part(&schema.value_schema)?;
                self.schema(element, None, element.optional)?;
            }
            Type::Map => {
                attributes.connect_type = Some("map");
                self.map(schema, &attributes)?;
            }
            Type::Struct => {
                self.put("\"type\":\"object\"");
                if !self.rules.additional_properties {
                    self.put(",\"additionalProperties\":false");
                }
                self.attributes(&attributes, true)?;
                let fields: Vec<_> =
                    schema.fields.iter().enumerate().map(|(at, field)| (at, &*field.name, &*field.schema)).collect();
                self.properties(fields)?;
            }
        }
        self.put("}");
        Ok(())
    }

    /// A string, or an enum where the parameters have its symbols.
    fn string(&mut self, schema: &Schema) {
        let is_enum = schema.parameters.contains_key(GENERALIZED_ENUM) || schema.parameters.contains_key(names::ENUM);
        if !is_enum {
            self.put("\"type\":\"string\"");
            return;
        }
        let name = if self.rules.generalized_sum_types { GENERALIZED_ENUM } else { names::ENUM };
        let symbols = schema.parameters.keys();
        let symbols = symbols.filter_map(|key| key.strip_prefix(name)?.strip_prefix('.')).collect();
        // The hash of null is 0, as that of the empty string.
        let symbols = hash_order(symbols, 16, |symbol| if *symbol == NULL_MARKER { "" } else { symbol });
        self.put("\"enum\":[");
        for (index, symbol) in symbols.into_iter().enumerate() {
            if index > 0 {
                self.put(",");
            }
            if symbol == NULL_MARKER {
                self.put("null");
            } else {
                writer::string(self.out, symbol);
            }
        }
        self.put("]");
    }

    /// An object of one schema, or an array of entries where the keys are not always strings.
    fn map(&mut self, schema: &Schema, attributes: &Attributes<'_>) -> Result<()> {
        let (keys, values) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
        if keys.kind == Type::String && !keys.optional {
            self.put("\"type\":\"object\"");
            self.attributes(attributes, true)?;
            self.put(",\"additionalProperties\":");
            return self.schema(values, None, values.optional);
        }
        self.put("\"type\":\"array\"");
        self.attributes(attributes, true)?;
        self.put(",\"items\":{\"type\":\"object\"");
        self.properties(vec![(0, "key", keys), (1, "value", values)])?;
        self.put("}");
        Ok(())
    }

    fn properties(&mut self, fields: Vec<(usize, &str, &Schema)>) -> Result<()> {
        if fields.is_empty() {
            return Ok(());
        }
        self.put(",\"properties\":{");
        for (place, (index, name, schema)) in hash_order(fields, 16, |(_, name, _)| name).into_iter().enumerate() {
            if place > 0 {
                self.put(",");
            }
            writer::string(self.out, name);
            self.put(":");
            self.schema(schema, Some(index), schema.optional)?;
        }
        self.put("}");
        Ok(())
    }

    /// What any schema may have; says whether there was anything.
    fn attributes(&mut self, attributes: &Attributes<'_>, mut any: bool) -> Result<bool> {
        let schema = attributes.schema;
        for (name, text) in [("title", &schema.name), ("description", &schema.doc)] {
            if let Some(text) = text {
                self.member(name, &mut any);
                writer::string(self.out, text);
            }
        }
        if let (Some(id), Type::Struct) = (schema.parameters.get(names::ID), schema.kind) {
            self.member("$id", &mut any);
            writer::string(self.out, id);
        }
        if let Some(default) = &schema.default {
            self.member("default", &mut any);
            let mut text = Vec::new();
            write::value(&mut text, schema, default, self.rules)?;
            self.out.extend_from_slice(&trimmed_number(text));
        }
        for name in attributes.unprocessed() {
            self.member(name, &mut any);
            match name {
                "connect.type" => writer::string(self.out, attributes.connect_type.unwrap_or_default()),
                "connect.index" => writer::integer(self.out, attributes.index.unwrap_or_default() as i64),
                "connect.version" => writer::integer(self.out, i64::from(schema.version.unwrap_or_default())),
                _ => self.parameters(attributes.parameters()),
            }
        }
        Ok(any)
    }

    fn parameters(&mut self, parameters: Vec<(&str, &str)>) {
        for (index, (name, value)) in parameters.into_iter().enumerate() {
            self.put(if index == 0 { "{" } else { "," });
            writer::string(self.out, name);
            self.put(":");
            writer::string(self.out, value);
        }
        self.put("}");
    }

    fn member(&mut self, name: &str, any: &mut bool) {
        if *any {
            self.put(",");
        }
        *any = true;
        writer::string(self.out, name);
        self.put(":");
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// What stands beside the type.
struct Attributes<'a> {
    schema: &'a Schema,
    index: Option<usize>,
    connect_type: Option<&'static str>,
}

impl<'a> Attributes<'a> {
    /// The names of Connect's own members, in the order in which the library's copy of a hash map holds them.
    fn unprocessed(&self) -> Vec<&'static str> {
        let members = [
            ("connect.type", self.connect_type.is_some()),
            ("connect.version", self.schema.version.is_some()),
            ("connect.parameters", !self.parameters().is_empty()),
            ("connect.index", self.index.is_some()),
        ];
        let present: Vec<&str> = members.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect();
        let present = hash_order(present, 16, |name| name);
        let capacity = copied_capacity(present.len());
        hash_order(present, capacity, |name| name)
    }

    fn parameters(&self) -> Vec<(&'a str, &'a str)> {
        let parameters = self.schema.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters: Vec<_> = parameters.filter(|(name, _)| !name.starts_with(NAMESPACE)).collect();
        let parameters = hash_order(parameters, 16, |(name, _)| name);
        let capacity = parameters.len();
        hash_order(parameters, capacity, |(name, _)| name)
    }
}

fn number_type(kind: Type) -> Option<&'static str> {
    names::NUMBER_TYPES.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name)
}

fn part(schema: &Option<Arc<Schema>>) -> Result<&Schema> {
    schema.as_deref().ok_or_else(|| ConnectError::data("the schema of an array or a map has no schema for its parts"))
}

/// A default that is a number, as the library prints it: without zeros after the point.
fn trimmed_number(text: Vec<u8>) -> Vec<u8> {
    let Ok(shown) = std::str::from_utf8(&text) else { return text };
    if !shown.starts_with(|first: char| first == '-' || first.is_ascii_digit()) || !shown.contains('.') {
        return text;
    }
    let shown = if shown.contains(['e', 'E']) { shown } else { shown.trim_end_matches('0').trim_end_matches('.') };
    match Node::read(&mut Reader::new(shown)) {
        Ok(Node::Number(number)) => java_text::decimal(&number.to_decimal()).into_bytes(),
        _ => text,
    }
}
