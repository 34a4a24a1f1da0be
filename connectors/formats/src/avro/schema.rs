//! Avro schemas: from JSON to types.
//!
//! Types stand in one table and name each other by their index, so that a recursive schema needs no references that
//! own each other.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::names::{is_name, split};
use crate::registry::RegisteredSchema;

/// Index of a type in its schema.
pub(super) type TypeId = usize;
/// Properties of a type or field that are not Avro's own.
pub(super) type Properties = Map<String, Json>;

/// A schema.
#[derive(Debug)]
pub(super) struct Avro {
    types: Vec<AvroType>,
    /// The type of the whole.
    pub(super) root: TypeId,
}

/// A type.
#[derive(Debug)]
pub(super) struct AvroType {
    /// What it is.
    pub(super) kind: Kind,
    /// What else stands beside it: logical types, annotations.
    pub(super) properties: Properties,
}

#[derive(Debug)]
#[allow(missing_docs)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(RecordType),
    Enum(EnumType),
    Fixed(FixedType),
}

#[derive(Debug)]
#[allow(missing_docs)]
pub(super) struct RecordType {
    /// Full name.
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) fields: Vec<FieldType>,
}

#[derive(Debug)]
#[allow(missing_docs)]
pub(super) struct FieldType {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) default: Option<Json>,
    pub(super) kind: TypeId,
}

#[derive(Debug)]
#[allow(missing_docs)]
pub(super) struct EnumType {
    /// Full name.
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) symbols: Vec<String>,
    pub(super) default: Option<String>,
}

#[derive(Debug)]
#[allow(missing_docs)]
pub(super) struct FixedType {
    /// Full name.
    pub(super) name: String,
    pub(super) size: usize,
}

/// The largest `fixed`, in bytes.
const MAX_FIXED: u64 = 16 << 20;

impl Avro {
    /// Parses a schema of the registry, with those that it uses.
    ///
    /// # Errors
    /// What is wrong, and where in the schema.
    pub(super) fn of_registry(schema: &RegisteredSchema) -> Result<Self, String> {
        let mut parser = Parser::default();
        for used in &schema.references {
            let json = serde_json::from_str(&used.text).map_err(|error| error.to_string())?;
            let place = Place { namespace: "", path: &used.reference.name };
            parser.any(&json, place)?;
        }
        parser.finish(&schema.schema.text)
    }

    /// Parses a schema.
    ///
    /// # Errors
    /// As [`of_registry`](Self::of_registry).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Parser::default().finish(text)
    }

    /// A type of the schema.
    pub(super) fn get(&self, id: TypeId) -> &AvroType {
        &self.types[id]
    }

    /// The full name of a type that has one.
    pub(super) fn full_name(&self, id: TypeId) -> Option<&str> {
        match &self.types[id].kind {
            Kind::Record(record) => Some(&record.name),
            Kind::Enum(symbols) => Some(&symbols.name),
            Kind::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }
}

impl AvroType {
    /// A property that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Json::as_str)
    }
}

impl Kind {
    /// Avro's name of the kind.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Union(_) => "union",
            Kind::Record(_) => "record",
            Kind::Enum(_) => "enum",
            Kind::Fixed(_) => "fixed",
        }
    }

    fn primitive(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "int" => Kind::Int,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            _ => return None,
        })
    }
}

/// Where in the schema the parser stands. The depth of the JSON is bounded by its reader.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: &'a str,
    /// The field or type that encloses this one.
    path: &'a str,
}

impl Place<'_> {
    fn error(self, what: impl std::fmt::Display) -> String {
        if self.path.is_empty() { what.to_string() } else { format!("{}: {what}", self.path) }
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<AvroType>,
    names: HashMap<String, TypeId>,
}

impl Parser {
    fn finish(mut self, text: &str) -> Result<Avro, String> {
        let json: Json = match serde_json::from_str(text) {
            Ok(json) => json,
            // The registry gives the schema of a primitive type as a bare name, too.
            Err(_) if Kind::primitive(text.trim()).is_some() => Json::String(text.trim().to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let root = self.any(&json, Place { namespace: "", path: "" })?;
        Ok(Avro { types: self.types, root })
    }

    fn add(&mut self, kind: Kind, properties: Properties) -> TypeId {
        self.types.push(AvroType { kind, properties });
        self.types.len() - 1
    }

    fn any(&mut self, json: &Json, place: Place<'_>) -> Result<TypeId, String> {
        match json {
            Json::String(name) => self.by_name(name, place),
            Json::Array(branches) => self.union(branches, place),
            Json::Object(object) => match object.get("type") {
                Some(Json::String(kind)) => self.object(kind, object, place),
                Some(inner) => self.any(inner, place),
                None => Err(place.error("\"type\" is missing")),
            },
            _ => Err(place.error("a type is a name, an object or an array")),
        }
    }

    fn by_name(&mut self, name: &str, place: Place<'_>) -> Result<TypeId, String> {
        if let Some(kind) = Kind::primitive(name) {
            return Ok(self.add(kind, Properties::new()));
        }
        let known = self.names.get(&full_name(name, place.namespace)).or_else(|| self.names.get(name));
        known.copied().ok_or_else(|| place.error(format!("type {name:?} is not known")))
    }

    fn object(&mut self, kind: &str, object: &Properties, place: Place<'_>) -> Result<TypeId, String> {
        let inner = |key: &str| object.get(key).ok_or_else(|| place.error(format!("{kind} has no {key:?}")));
        match kind {
            "array" => {
                let items = self.any(inner("items")?, place)?;
                Ok(self.add(Kind::Array(items), other(object, &["type", "items"])))
            }
            "map" => {
                let values = self.any(inner("values")?, place)?;
                Ok(self.add(Kind::Map(values), other(object, &["type", "values"])))
            }
            "record" | "error" => self.record(object, place),
            "enum" => self.symbols(object, place),
            "fixed" => self.fixed(object, place),
            _ => match Kind::primitive(kind) {
                Some(kind) => Ok(self.add(kind, other(object, &["type"]))),
                None => self.by_name(kind, place),
            },
        }
    }

    fn union(&mut self, branches: &[Json], place: Place<'_>) -> Result<TypeId, String> {
        let mut ids = Vec::with_capacity(branches.len());
        for branch in branches {
            let id = self.any(branch, place)?;
            if matches!(self.types[id].kind, Kind::Union(_)) {
                return Err(place.error("a union stands directly within a union"));
            }
            ids.push(id);
        }
        Ok(self.add(Kind::Union(ids), Properties::new()))
    }

    /// Keeps a place for a named type, so that it can be used within itself.
    fn define(&mut self, object: &Properties, place: Place<'_>) -> Result<(TypeId, String), String> {
        let name = text(object, "name").ok_or_else(|| place.error("a named type has no \"name\""))?;
        let name = match text(object, "namespace") {
            Some(namespace) if !name.contains('.') => full_name(name, namespace),
            _ => full_name(name, place.namespace),
        };
        if !name.split('.').all(is_name) {
            return Err(place.error(format!("{name:?} is no name")));
        }
        let id = self.add(Kind::Null, Properties::new());
        match self.names.insert(name.clone(), id) {
            None => Ok((id, name)),
            Some(_) => Err(place.error(format!("Can't redefine: {name}"))),
        }
    }

    fn record(&mut self, object: &Properties, place: Place<'_>) -> Result<TypeId, String> {
        let (id, name) = self.define(object, place)?;
        let namespace = split(&name).0.unwrap_or_default();
        let fields = object.get("fields").and_then(Json::as_array);
        let fields = fields.ok_or_else(|| place.error(format!("record {name} has no \"fields\"")))?;
        let mut parsed: Vec<FieldType> = Vec::with_capacity(fields.len());
        for field in fields {
            let field =
                field.as_object().ok_or_else(|| place.error(format!("{name} has a field that is no object")))?;
            let field_name =
                text(field, "name").ok_or_else(|| place.error(format!("{name} has a field without name")))?;
            let path = format!("{name}.{field_name}");
            let place = Place { namespace, path: &path };
            if !is_name(field_name) {
                return Err(place.error(format!("{field_name:?} is no name")));
            }
            if parsed.iter().any(|known| known.name == field_name) {
                return Err(place.error("the field stands twice"));
            }
            let kind = self.any(field.get("type").ok_or_else(|| place.error("\"type\" is missing"))?, place)?;
            parsed.push(FieldType {
                name: field_name.to_owned(),
                doc: text(field, "doc").map(str::to_owned),
                default: field.get("default").cloned(),
                kind,
            });
        }
        let kind = Kind::Record(RecordType { name, doc: text(object, "doc").map(str::to_owned), fields: parsed });
        let properties = other(object, &["type", "name", "namespace", "doc", "aliases", "fields"]);
        self.types[id] = AvroType { kind, properties };
        Ok(id)
    }

    fn symbols(&mut self, object: &Properties, place: Place<'_>) -> Result<TypeId, String> {
        let (id, name) = self.define(object, place)?;
        let symbols = object.get("symbols").and_then(Json::as_array);
        let symbols = symbols.ok_or_else(|| place.error(format!("enum {name} has no \"symbols\"")))?;
        let symbols = symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        let symbols = symbols.ok_or_else(|| place.error(format!("enum {name} has a symbol that is no text")))?;
        let (doc, default) = (text(object, "doc").map(str::to_owned), text(object, "default").map(str::to_owned));
        let kind = Kind::Enum(EnumType { name, doc, symbols, default });
        let properties = other(object, &["type", "name", "namespace", "doc", "aliases", "symbols", "default"]);
        self.types[id] = AvroType { kind, properties };
        Ok(id)
    }

    fn fixed(&mut self, object: &Properties, place: Place<'_>) -> Result<TypeId, String> {
        let (id, name) = self.define(object, place)?;
        let size = object.get("size").and_then(Json::as_u64).filter(|size| *size <= MAX_FIXED);
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| place.error(format!("fixed {name} has no \"size\" of 0 to {MAX_FIXED}")))?;
        let properties = other(object, &["type", "name", "namespace", "doc", "aliases", "size"]);
        self.types[id] = AvroType { kind: Kind::Fixed(FixedType { name, size }), properties };
        Ok(id)
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn text<'a>(object: &'a Properties, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Json::as_str)
}

/// The properties that are not Avro's own.
fn other(object: &Properties, known: &[&str]) -> Properties {
    let others = object.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}
