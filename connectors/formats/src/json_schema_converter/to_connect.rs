//! From JSON Schemas to Connect's schemas.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use longshore_api::{ConnectError, Field, Result, Schema, Type, Value};

use super::document::{Documents, Place};
use super::names::{self, GENERALIZED_ENUM, GENERALIZED_UNION, NULL_MARKER, UNION_PREFIX};
use super::shape::{Criterion, Described, Part, Shape, describe};
use super::{Rules, read};
use crate::java_text;
use crate::json::Node;
use crate::validate;

/// Deeper schemas are refused, which bounds the recursion of all that follows schemas.
const MAX_DEPTH: usize = 100;
/// References can make a small text a huge schema.
const MAX_SCHEMAS: usize = 100_000;

/// The Connect schema of a JSON Schema. `version` is that of the registry; the schema's own goes before it.
///
/// An object that is used within itself has, where it is used again, a schema without fields; its values carry the
/// full one.
///
/// Differs from Apache Connect: fields keep the order of the document where no `connect.index` gives another, an
/// object within itself need not be a reference to be recognized, a default of null or of an object is left out.
pub(super) fn convert(documents: &Documents<'_>, version: Option<i32>, rules: &Rules) -> Result<Converted> {
    let root = documents.root().ok_or_else(|| ConnectError::data("the JSON schema is empty"))?;
    let mut context = Context {
        documents,
        rules,
        open: Vec::new(),
        structs: Vec::new(),
        ids: HashMap::new(),
        again: HashMap::new(),
        known: HashMap::new(),
        unions: 0,
        schemas: 0,
    };
    let schema = context.place(root, Wanted { version, optional: false })?;
    Ok(Converted { schema, again: context.again })
}

/// The Connect schema of a JSON Schema.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) schema: Arc<Schema>,
    /// The objects that are used within themselves, by the parameter [`names::ID`].
    pub(super) again: read::Again,
}

struct Context<'n> {
    documents: &'n Documents<'n>,
    rules: &'n Rules,
    /// The targets of references that are being converted, by their addresses, and what every level is called.
    open: Vec<*const Node<'n>>,
    /// The objects that are being converted: who needs one of them stands within it.
    structs: Vec<*const Node<'n>>,
    /// Those of them that were needed, and what they are called.
    ids: HashMap<*const Node<'n>, String>,
    again: read::Again,
    /// Targets that were converted before, by address and whether they were wanted optional.
    known: HashMap<(*const Node<'n>, bool), Arc<Schema>>,
    unions: usize,
    schemas: usize,
}

/// What the place of a schema adds to it.
#[derive(Clone, Copy, Default)]
struct Wanted {
    version: Option<i32>,
    optional: bool,
}

const OPTIONAL: Wanted = Wanted { version: None, optional: true };

impl<'n> Context<'n> {
    fn place(&mut self, place: Place<'n>, wanted: Wanted) -> Result<Arc<Schema>> {
        let depth = self.open.len();
        if depth >= MAX_DEPTH {
            return Err(ConnectError::data("a JSON schema of more than 100 levels"));
        }
        self.open.push(place.node);
        let converted = self.described(describe(place), wanted);
        self.open.truncate(depth);
        converted
    }

    fn described(&mut self, described: Described<'n>, wanted: Wanted) -> Result<Arc<Schema>> {
        self.schemas += 1;
        if self.schemas > MAX_SCHEMAS {
            return Err(ConnectError::data("a JSON schema that becomes more than 100000 schemas"));
        }
        let attributes = described.attributes;
        let schema = match described.shape {
            Shape::Reference { target, document } => return self.reference(target, document, wanted),
            Shape::Combined(_, parts) if parts.len() == 1 && self.rules.flatten_singleton_unions => {
                return self.part(&parts[0], Wanted::default());
            }
            Shape::Combined(Criterion::All, parts) => return self.all(&parts, attributes, wanted),
            Shape::Combined(_, parts) => match self.nullable(&parts, wanted)? {
                Nullable::Plain(schema) => return Ok(schema),
                Nullable::Union(schema) => schema,
            },
            Shape::Boolean => Schema::new(Type::Boolean),
            Shape::Number { integer } => Schema::new(number_type(integer, attributes)?),
            Shape::String { .. } => Schema::new(match connect_type(attributes) {
                Some("bytes") => Type::Bytes,
                _ => Type::String,
            }),
            Shape::Const(value) => self.symbols(std::slice::from_ref(value)),
            Shape::Enum(values) => self.symbols(values),
            Shape::Array(place) => self.array(place, attributes)?,
            Shape::Object(place) if connect_type(attributes) == Some("map") => self.map(place)?,
            Shape::Object(place) => {
                let name = text(attributes, "title");
                return self.structure(place.node, name, wanted, |this| {
                    let schema = this.object(place)?;
                    this.finish(schema, attributes, wanted)
                });
            }
            Shape::Empty => return Err(unsupported("EmptySchema, which takes anything")),
            Shape::Null => return Err(unsupported("NullSchema")),
            Shape::Unsupported(class) => return Err(unsupported(class)),
        };
        self.finish(schema, attributes, wanted).map(Arc::new)
    }

    fn reference(&mut self, target: &str, document: usize, wanted: Wanted) -> Result<Arc<Schema>> {
        let place = self.documents.resolve(target, document)?;
        let address: *const Node<'n> = place.node;
        // An object is found to stand within itself when it comes for the second time.
        if self.open.iter().filter(|open| **open == address).count() > 1 {
            return Err(ConnectError::data(format!(
                "the JSON schema is recursive in a way that Connect's schemas have no form for: {target} leads to \
                 itself with no object between"
            )));
        }
        // The version of the registry goes to the schema itself, so its reference is converted anew.
        let key = (address, wanted.optional);
        if let (None, Some(known)) = (wanted.version, self.known.get(&key)) {
            return Ok(Arc::clone(known));
        }
        let schema = self.place(place, wanted)?;
        if wanted.version.is_none() {
            self.known.insert(key, Arc::clone(&schema));
        }
        Ok(schema)
    }

    /// The schema of an object, which `convert` gives, or what stands for it within itself.
    fn structure(
        &mut self,
        node: &'n Node<'n>,
        name: Option<&str>,
        wanted: Wanted,
        convert: impl FnOnce(&mut Self) -> Result<Schema>,
    ) -> Result<Arc<Schema>> {
        let address: *const Node<'n> = node;
        if self.structs.contains(&address) {
            let next = self.ids.len() + 1;
            let id = self.ids.entry(address).or_insert_with(|| format!("{}{next}", names::ID_PREFIX));
            let mut schema = Schema { optional: wanted.optional, ..Schema::new(Type::Struct) };
            schema.name = name.map(Arc::from);
            schema.parameters.insert(names::ID.to_owned(), id.clone());
            return Ok(Arc::new(schema));
        }
        let depth = self.structs.len();
        self.structs.push(address);
        let converted = convert(self);
        self.structs.truncate(depth);
        let mut schema = converted?;
        let Some(id) = self.ids.get(&address) else { return Ok(Arc::new(schema)) };
        schema.parameters.insert(names::ID.to_owned(), id.clone());
        let schema = Arc::new(schema);
        self.again.insert(id.clone(), Arc::clone(&schema));
        Ok(schema)
    }

    fn part(&mut self, part: &Part<'n>, wanted: Wanted) -> Result<Arc<Schema>> {
        match part {
            Part::Schema(place) => self.place(*place, wanted),
            Part::Group(_) => self.described(part.describe(), wanted),
        }
    }

    /// One or any of several: a nullable schema, or a struct with a field for each.
    fn nullable(&mut self, parts: &[Part<'n>], wanted: Wanted) -> Result<Nullable> {
        let union = self.unions;
        self.unions += usize::from(self.rules.generalized_sum_types);
        let is_null = |part: &Part<'n>| matches!(part.describe().shape, Shape::Null);
        if let [first, second] = parts
            && let Some(other) = [(first, second), (second, first)].iter().find(|(one, _)| is_null(one))
        {
            return self.part(other.1, Wanted { optional: true, ..wanted }).map(Nullable::Plain);
        }
        let mut schema = Schema::new(Type::Struct);
        let field_prefix = names::union_field_prefix(self.rules.generalized_sum_types);
        if self.rules.generalized_sum_types {
            let name = format!("{UNION_PREFIX}{union}");
            schema.parameters.insert(GENERALIZED_UNION.to_owned(), name.clone());
            schema.name = Some(name.into());
        } else {
            schema.name = Some(names::ONE_OF.into());
        }
        for part in parts {
            if is_null(part) {
                schema.optional = true;
                continue;
            }
            let field = self.part(part, OPTIONAL)?;
            schema.fields.push(Field::new(format!("{field_prefix}{}", schema.fields.len()), field));
        }
        Ok(Nullable::Union(schema))
    }

    /// All of several: a struct of their properties, or the one of them that says most about the type.
    fn all(&mut self, parts: &[Part<'n>], node: Option<&'n Node<'n>>, wanted: Wanted) -> Result<Arc<Schema>> {
        let mut properties = IndexMap::new();
        for part in parts {
            self.collect(part.describe(), &mut properties, &mut Vec::new())?;
        }
        if let (false, Some(node)) = (properties.is_empty(), node) {
            return self.structure(node, None, wanted, |this| {
                let mut schema = Schema::new(Type::Struct);
                for (name, property) in properties {
                    let optional = this.rules.optional_for_nonrequired && !property.required;
                    let field = this.place(property.place, Wanted { optional, ..Wanted::default() })?;
                    schema.fields.push(Field::new(name, field));
                }
                schema.optional = wanted.optional;
                Ok(schema)
            });
        }
        let find = |is_wanted: fn(&Shape<'n>) -> bool| {
            parts.iter().map(Part::describe).rfind(|described| is_wanted(&described.shape))
        };
        let number = || find(|shape| matches!(shape, Shape::Number { .. }));
        let string = || find(|shape| matches!(shape, Shape::String { .. }));
        let chosen = if let Some(combined) = find(|shape| matches!(shape, Shape::Combined(..))) {
            Some(combined)
        } else if find(|shape| matches!(shape, Shape::Const(_))).is_some() {
            string().or_else(number)
        } else if let Some(symbols) = find(|shape| matches!(shape, Shape::Enum(_))) {
            if string().is_some() { Some(symbols) } else { number() }
        } else if find(|shape| matches!(shape, Shape::String { has_format: true })).is_some() {
            number().or_else(string)
        } else {
            find(|shape| matches!(shape, Shape::Reference { .. }))
        };
        match chosen {
            Some(described) => self.described(described, wanted),
            None => Err(ConnectError::data("Unsupported criterion allOf: no part of the JSON schema gives a type")),
        }
    }

    fn collect(
        &self,
        described: Described<'n>,
        properties: &mut IndexMap<&'n str, Property<'n>>,
        visited: &mut Vec<*const Node<'n>>,
    ) -> Result<()> {
        match described.shape {
            Shape::Combined(Criterion::All, parts) => {
                parts.iter().try_for_each(|part| self.collect(part.describe(), properties, visited))
            }
            Shape::Object(place) => {
                for (name, node) in members(place.node, "properties") {
                    let property = Property { place: Place { node, ..place }, required: is_required(place.node, name) };
                    properties.insert(name, property);
                }
                Ok(())
            }
            Shape::Reference { target, document } => {
                let place = self.documents.resolve(target, document)?;
                let address: *const Node<'n> = place.node;
                if visited.contains(&address) || visited.len() >= MAX_DEPTH {
                    return Ok(());
                }
                visited.push(address);
                self.collect(describe(place), properties, visited)
            }
            _ => Ok(()),
        }
    }

    fn symbols(&self, values: &[Node<'_>]) -> Schema {
        let mut schema = Schema::new(Type::String);
        let generalized = self.rules.generalized_sum_types;
        let name = if generalized { GENERALIZED_ENUM } else { names::ENUM };
        schema.parameters.insert(name.to_owned(), String::new());
        for (index, value) in values.iter().enumerate() {
            let symbol = symbol(value);
            let shown = if generalized { index.to_string() } else { symbol.clone() };
            schema.parameters.insert(format!("{name}.{symbol}"), shown);
        }
        schema
    }

    fn array(&mut self, place: Place<'n>, attributes: Option<&'n Node<'n>>) -> Result<Schema> {
        let items = match place.node.get("items") {
            Some(node @ (Node::Object(_) | Node::Boolean(_))) => Place { node, ..place },
            _ => return Err(ConnectError::data("Array schema did not specify the items type")),
        };
        if connect_type(attributes) == Some("map")
            && let Shape::Object(entry) = describe(items).shape
        {
            let mut part = |name: &str| {
                let node = entry.node.get("properties").and_then(|properties| properties.get(name));
                let node = node.ok_or_else(|| ConnectError::data(format!("a map of the JSON schema has no {name}")))?;
                self.place(Place { node, ..entry }, Wanted::default())
            };
            return Ok(Schema::map(part("key")?, part("value")?));
        }
        Ok(Schema::array(self.place(items, Wanted::default())?))
    }

    fn map(&mut self, place: Place<'n>) -> Result<Schema> {
        let node = match place.node.get("additionalProperties") {
            Some(node @ Node::Object(_)) => node,
            _ => return Err(ConnectError::data("a map of the JSON schema has no schema of its values")),
        };
        let values = self.place(Place { node, ..place }, Wanted::default())?;
        Ok(Schema::map(Arc::new(Schema::new(Type::String)), values))
    }

    fn object(&mut self, place: Place<'n>) -> Result<Schema> {
        // Several properties can claim one index; none is lost.
        let mut ordered: BTreeMap<i64, Vec<(&str, &Node<'_>)>> = BTreeMap::new();
        for (count, (name, node)) in members(place.node, "properties").iter().enumerate() {
            let index = match node.get("connect.index") {
                Some(Node::Number(index)) => index.to_i64(),
                _ => count as i64,
            };
            ordered.entry(index).or_default().push((name, node));
        }
        let mut schema = Schema::new(Type::Struct);
        for (name, node) in ordered.into_values().flatten() {
            let optional = self.rules.optional_for_nonrequired && !is_required(place.node, name);
            let field = self.place(Place { node, ..place }, Wanted { optional, ..Wanted::default() });
            let field = field.map_err(|cause| {
                ConnectError::data(format!("property \"{name}\" of the JSON schema cannot be converted"))
                    .caused_by(cause)
            })?;
            schema.fields.push(Field::new(name, field));
        }
        Ok(schema)
    }

    /// Adds what the attributes and the place say.
    fn finish(&self, mut schema: Schema, attributes: Option<&Node<'_>>, wanted: Wanted) -> Result<Schema> {
        if schema.name.is_none() {
            schema.name = text(attributes, "title").map(Arc::from);
        }
        schema.version = match attributes.and_then(|node| node.get("connect.version")) {
            Some(Node::Number(version)) => version.as_i32(),
            _ => wanted.version,
        };
        schema.doc = text(attributes, "description").map(Arc::from);
        if let Some(Node::Object(parameters)) = attributes.and_then(|node| node.get("connect.parameters")) {
            for (name, value) in parameters {
                schema.parameters.insert(name.clone().into_owned(), symbol(value));
            }
        }
        if let Some(node) = attributes.and_then(|node| node.get("default")) {
            schema = self.default(schema, node)?;
        }
        schema.optional |= wanted.optional;
        Ok(schema)
    }

    fn default(&self, schema: Schema, node: &Node<'_>) -> Result<Schema> {
        if schema.kind == Type::Struct || *node == Node::Null {
            return Ok(schema);
        }
        let schema = Arc::new(schema);
        let wrong = |cause| {
            ConnectError::data("Invalid default value")
                .with_class(longshore_api::error::class::SCHEMA_BUILDER)
                .caused_by(cause)
        };
        let value = read::value(&schema, Some(node), &self.again).map_err(wrong)?;
        validate::value(&schema, &value).map_err(wrong)?;
        let mut schema = Arc::unwrap_or_clone(schema);
        schema.default = Some(value).filter(|value| *value != Value::Null);
        Ok(schema)
    }
}

enum Nullable {
    Plain(Arc<Schema>),
    Union(Schema),
}

struct Property<'n> {
    place: Place<'n>,
    required: bool,
}

fn members<'n>(node: &'n Node<'n>, name: &str) -> &'n [(std::borrow::Cow<'n, str>, Node<'n>)] {
    match node.get(name) {
        Some(Node::Object(members)) => members,
        _ => &[],
    }
}

fn is_required(node: &Node<'_>, name: &str) -> bool {
    match node.get("required") {
        Some(Node::Array(names)) => names.iter().any(|one| one.as_str() == Some(name)),
        _ => false,
    }
}

fn connect_type<'a>(attributes: Option<&'a Node<'_>>) -> Option<&'a str> {
    attributes?.get("connect.type")?.as_str()
}

fn text<'a>(attributes: Option<&'a Node<'_>>, name: &str) -> Option<&'a str> {
    attributes?.get(name)?.as_str()
}

fn number_type(integer: bool, attributes: Option<&Node<'_>>) -> Result<Type> {
    let Some(name) = connect_type(attributes) else {
        return Ok(if integer { Type::Int64 } else { Type::Float64 });
    };
    names::NUMBER_TYPES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
        .ok_or_else(|| ConnectError::data(format!("Unsupported type {name}")))
}

fn unsupported(class: &str) -> ConnectError {
    ConnectError::data(format!("Unsupported schema type org.everit.json.schema.{class}"))
}

/// A value as the name of a symbol: Java's text of it.
fn symbol(node: &Node<'_>) -> String {
    match node {
        Node::Null => NULL_MARKER.to_owned(),
        Node::Boolean(value) => value.to_string(),
        Node::Number(number) if number.is_integral() => number.text().to_owned(),
        Node::Number(number) => java_text::decimal(&number.to_decimal()),
        Node::String(text) => text.clone().into_owned(),
        Node::Array(elements) => format!("[{}]", elements.iter().map(symbol).collect::<Vec<_>>().join(", ")),
        Node::Object(members) => {
            let members: Vec<String> = members.iter().map(|(name, node)| format!("{name}={}", symbol(node))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
