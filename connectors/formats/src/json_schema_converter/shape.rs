//! What kind of schema a JSON Schema is.
//!
//! A JSON Schema is a set of keywords; Connect needs one type. Confluent's converter leaves the sorting to the library
//! `org.everit.json.schema`, whose rules these are: every group of keywords is a schema of its own, and where there
//! are several groups the whole is all of them ([`Criterion::All`]).

use super::document::Place;
use crate::json::Node;

/// A schema with what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct Described<'n> {
    pub(super) shape: Shape<'n>,
    /// The node with title, default and Connect's own keywords. A part of several groups has none: they belong to
    /// the whole.
    pub(super) attributes: Option<&'n Node<'n>>,
}

#[derive(Debug, Clone)]
pub(super) enum Shape<'n> {
    /// Takes anything.
    Empty,
    Boolean,
    Null,
    Number {
        integer: bool,
    },
    String {
        has_format: bool,
    },
    Const(&'n Node<'n>),
    Enum(&'n [Node<'n>]),
    Array(Place<'n>),
    Object(Place<'n>),
    Reference {
        target: &'n str,
        document: usize,
    },
    Combined(Criterion, Vec<Part<'n>>),
    /// A schema that Connect has no type for, by the name that Confluent's messages give it.
    Unsupported(&'static str),
}

/// A part of a combined schema.
#[derive(Debug, Clone)]
pub(super) enum Part<'n> {
    /// A schema with a node of its own.
    Schema(Place<'n>),
    /// A group of keywords of the whole's node.
    Group(Shape<'n>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

impl<'n> Part<'n> {
    pub(super) fn describe(&self) -> Described<'n> {
        match self {
            Part::Schema(place) => describe(*place),
            Part::Group(shape) => Described { shape: shape.clone(), attributes: None },
        }
    }
}

const ARRAY_KEYWORDS: &[&str] =
    &["items", "additionalItems", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"];
const OBJECT_KEYWORDS: &[&str] = &[
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
];
const NUMBER_KEYWORDS: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const STRING_KEYWORDS: &[&str] = &["minLength", "maxLength", "pattern", "format"];
const CONDITIONAL_KEYWORDS: &[&str] = &["if", "then", "else"];

/// Sorts the schema at a place.
pub(super) fn describe(place: Place<'_>) -> Described<'_> {
    let node = place.node;
    let shape = match node {
        Node::Boolean(false) => Shape::Unsupported("FalseSchema"),
        Node::Object(_) => match node.get("$ref").and_then(Node::as_str) {
            Some(target) => Shape::Reference { target, document: place.document },
            None => groups(place),
        },
        _ => Shape::Empty,
    };
    Described { shape, attributes: Some(node) }
}

fn groups(place: Place<'_>) -> Shape<'_> {
    let mut shapes = Vec::new();
    let node = place.node;
    if let Some(Node::Array(values)) = node.get("enum") {
        shapes.push(Shape::Enum(values));
    }
    // In the order of the hash map in which the library holds the three.
    for (keyword, criterion) in [("allOf", Criterion::All), ("oneOf", Criterion::One), ("anyOf", Criterion::Any)] {
        if let Some(Node::Array(nodes)) = node.get(keyword) {
            let parts = nodes.iter().map(|node| Part::Schema(Place { node, ..place })).collect();
            shapes.push(Shape::Combined(criterion, parts));
        }
    }
    if node.get("not").is_some() {
        shapes.push(Shape::Unsupported("NotSchema"));
    }
    if let Some(value) = node.get("const") {
        shapes.push(Shape::Const(value));
    }
    let mut used: Vec<&str> = Vec::new();
    match node.get("type") {
        Some(Node::String(name)) => shapes.push(typed(place, name, &mut used)),
        Some(Node::Array(names)) => {
            let names = names.iter().filter_map(Node::as_str);
            let parts = names.map(|name| Part::Group(typed(place, name, &mut used))).collect();
            shapes.push(Shape::Combined(Criterion::Any, parts));
        }
        _ => {}
    }
    sniff(place, &used, &mut shapes);
    match shapes.len() {
        0 => Shape::Empty,
        1 => shapes.swap_remove(0),
        _ => Shape::Combined(Criterion::All, shapes.into_iter().map(Part::Group).collect()),
    }
}

/// The shape of a type's name; the keywords that go with it are used up.
fn typed<'n>(place: Place<'n>, name: &str, used: &mut Vec<&'static str>) -> Shape<'n> {
    match name {
        "string" => {
            used.extend(STRING_KEYWORDS);
            Shape::String { has_format: place.node.get("format").is_some() }
        }
        "integer" | "number" => {
            used.extend(NUMBER_KEYWORDS);
            Shape::Number { integer: name == "integer" }
        }
        "boolean" => Shape::Boolean,
        "null" => Shape::Null,
        "array" => {
            used.extend(ARRAY_KEYWORDS);
            Shape::Array(place)
        }
        "object" => {
            used.extend(OBJECT_KEYWORDS);
            Shape::Object(place)
        }
        _ => Shape::Unsupported("unknown type"),
    }
}

/// Guesses types from keywords that no type has used.
fn sniff<'n>(place: Place<'n>, used: &[&str], shapes: &mut Vec<Shape<'n>>) {
    let has =
        |keywords: &[&str]| keywords.iter().any(|keyword| !used.contains(keyword) && place.node.get(keyword).is_some());
    if has(ARRAY_KEYWORDS) {
        shapes.push(Shape::Array(place));
    }
    if has(OBJECT_KEYWORDS) {
        shapes.push(Shape::Object(place));
    }
    if has(NUMBER_KEYWORDS) {
        shapes.push(Shape::Number { integer: false });
    }
    if has(STRING_KEYWORDS) {
        shapes.push(Shape::String { has_format: place.node.get("format").is_some() });
    }
    if has(CONDITIONAL_KEYWORDS) {
        shapes.push(Shape::Unsupported("ConditionalSchema"));
    }
}
