//! From Connect's schemas to Avro's, as the JSON that Confluent's `AvroData` and Avro's library make of them.

use std::collections::HashMap;

use longshore_api::error::class;
use longshore_api::schema::{Type, logical};
use longshore_api::{ConnectError, ErrorKind, Field, Result, Schema};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::Rules;
use super::defaults::{self, is_union};
use super::names::*;
use super::to_connect::ANYTHING_FIELDS;

type Object = JsonMap<String, Json>;

/// How deep schemas may stand in each other: as deep as Avro's can be read again.
const MAX_DEPTH: usize = 60;

/// The Avro schema for data of a Connect schema; `None` is schemaless data.
///
/// # Errors
/// Kind BadRecord, for names that Avro does not allow and for two types of one name.
pub(super) fn schema(schema: Option<&Schema>, rules: Rules) -> Result<Json> {
    match schema {
        None => Ok(anything()),
        Some(schema) => Writer { rules, ..Writer::default() }.any(schema, false, None, 0),
    }
}

/// The full name of a schema's record, if it is one.
pub(super) fn record_name(avro: &Json) -> Option<String> {
    let name = avro.get("name")?.as_str().filter(|_| avro["type"] == "record")?;
    Some(match avro["namespace"].as_str() {
        Some(namespace) if !namespace.is_empty() => format!("{namespace}.{name}"),
        _ => name.to_owned(),
    })
}

/// The record for schemaless data: a field for each type, and itself in arrays and maps.
fn anything() -> Json {
    let entry = json!({"type": "record", "name": MAP_ENTRY,
        "fields": [{"name": KEY, "type": "Anything"}, {"name": VALUE, "type": "Anything"}]});
    let field = |name: &str| {
        let kind = match name {
            "array" => json!({"type": "array", "items": "Anything"}),
            "map" => json!({"type": "array", "items": entry}),
            _ => Json::from(name),
        };
        json!({"name": name, "type": ["null", kind], "default": null})
    };
    let fields: Vec<Json> = ANYTHING_FIELDS.iter().map(|name| field(name)).collect();
    json!({"type": "record", "name": "Anything", "namespace": NAMESPACE, "fields": fields})
}

#[derive(Default)]
struct Writer {
    rules: Rules,
    /// The named types so far, with the fields of records.
    named: HashMap<String, Vec<Field>>,
}

impl Writer {
    /// The JSON of a schema within the namespace `space`. `required` leaves out that it is optional.
    fn any(&mut self, schema: &Schema, required: bool, space: Option<&str>, depth: usize) -> Result<Json> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("the schema is nested deeper than {MAX_DEPTH} types")));
        }
        if schema.kind == Type::Struct {
            return self.structure(schema, required, space, depth);
        }
        let mut object = self.base(schema, space, depth)?;
        self.annotate(&mut object, schema)?;
        let base = simplest(object);
        Ok(match (schema.optional && !required, &schema.default) {
            (false, _) => base,
            (true, None) => json!(["null", base]),
            (true, Some(_)) => json!([base, "null"]),
        })
    }

    /// The type alone, without annotations.
    fn base(&mut self, schema: &Schema, space: Option<&str>, depth: usize) -> Result<Object> {
        let mut object = Object::new();
        let kind = match schema.kind {
            Type::Int8 | Type::Int16 | Type::Int32 => "int",
            Type::Int64 => "long",
            Type::Float32 => "float",
            Type::Float64 => "double",
            Type::Boolean => "boolean",
            Type::String if self.rules.keeps_enum(schema) => return self.symbols(schema, space),
            Type::String => "string",
            Type::Bytes => return self.bytes(schema, space),
            Type::Array => {
                object.insert("type".into(), "array".into());
                let items = self.any(part(&schema.value_schema)?, false, space, depth + 1)?;
                object.insert("items".into(), items);
                return Ok(object);
            }
            Type::Map => return self.map(schema, space, depth),
            Type::Struct => return Err(ConnectError::data("a struct within its own type")),
        };
        object.insert("type".into(), kind.into());
        Ok(object)
    }

    fn bytes(&mut self, schema: &Schema, space: Option<&str>) -> Result<Object> {
        let mut object = Object::new();
        match (schema.parameters.get(FIXED_SIZE), &schema.name) {
            (Some(size), Some(name)) => {
                let size: u64 = number(FIXED_SIZE, size)?;
                let name = self.rules.name(name);
                if self.is_known(&name, &[])? {
                    object.insert("type".into(), reference(&name, space).into());
                    return Ok(object);
                }
                begin(&mut object, "fixed", &name, space);
                object.insert("size".into(), size.into());
            }
            _ => {
                object.insert("type".into(), "bytes".into());
            }
        }
        if schema.logical_name() == Some(logical::DECIMAL) {
            let (precision, scale) = decimal(schema)?;
            object.insert("scale".into(), scale.into());
            object.insert("precision".into(), precision.into());
        }
        Ok(object)
    }

    fn symbols(&mut self, schema: &Schema, space: Option<&str>) -> Result<Object> {
        let parameter = self.rules.enum_parameter();
        let full = self.rules.name(schema.parameters.get(parameter).map_or("", String::as_str));
        let mut object = Object::new();
        if self.is_known(&full, &[])? {
            object.insert("type".into(), reference(&full, space).into());
            return Ok(object);
        }
        let own = schema.name.as_deref().map_or("", |name| split(name).1);
        begin(&mut object, "enum", &full, space);
        let of = |prefix: &str| schema.parameters.get(&format!("{prefix}{own}"));
        let discards = self.rules.discard_docs;
        let doc = if discards { schema.parameters.get(DISCARDED_ENUM_DOC) } else { of(ENUM_DOC) };
        if let Some(doc) = doc {
            object.insert("doc".into(), doc.as_str().into());
        }
        let symbol = |name: &String| name.strip_prefix(parameter)?.strip_prefix('.').map(Json::from);
        object.insert("symbols".into(), schema.parameters.keys().filter_map(symbol).collect());
        if let (Some(default), false) = (of(ENUM_DEFAULT), discards) {
            object.insert("default".into(), default.as_str().into());
        }
        Ok(object)
    }

    fn map(&mut self, schema: &Schema, space: Option<&str>, depth: usize) -> Result<Object> {
        let mut object = Object::new();
        if self.rules.is_plain_map(schema) {
            object.insert("type".into(), "map".into());
            let values = self.any(part(&schema.value_schema)?, false, space, depth + 1)?;
            object.insert("values".into(), values);
            return Ok(object);
        }
        let plain = format!("{NAMESPACE}.{MAP_ENTRY}");
        let name = schema.name.as_deref().map_or_else(|| plain.clone(), |name| self.rules.name(name));
        let (key, value) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
        let fields = [Field::new(KEY, key.clone()), Field::new(VALUE, value.clone())];
        // Two maps of one schema may have no name, and differ.
        let name = if name == plain { self.unused(&plain, &fields) } else { name };
        object.insert("type".into(), "array".into());
        if self.is_known(&name, &fields)? {
            object.insert("items".into(), reference(&name, space).into());
            return Ok(object);
        }
        let mut entry = Object::new();
        begin(&mut entry, "record", &name, space);
        let inner = split(&name).0;
        let fields = [self.field(KEY, key, None, inner, depth)?, self.field(VALUE, value, None, inner, depth)?];
        entry.insert("fields".into(), Json::Array(fields.to_vec()));
        if name != plain {
            entry.insert(CONNECT_INTERNAL_TYPE.into(), MAP_ENTRY.into());
        }
        object.insert("items".into(), Json::Object(entry));
        Ok(object)
    }

    fn structure(&mut self, schema: &Schema, required: bool, space: Option<&str>, depth: usize) -> Result<Json> {
        let optional = schema.optional && !required;
        if is_union(schema) {
            let mut branches = if schema.optional { vec![Json::from("null")] } else { vec![] };
            for field in &schema.fields {
                branches.push(self.any(&field.schema, true, space, depth + 1)?);
            }
            return Ok(Json::Array(branches));
        }
        let name = match &schema.name {
            Some(name) => self.rules.name(name),
            None => self.unused(DEFAULT_RECORD, &schema.fields),
        };
        let record = if self.is_known(&name, &schema.fields)? {
            reference(&name, space).into()
        } else {
            Json::Object(self.record(schema, &name, space, depth)?)
        };
        Ok(if optional { json!(["null", record]) } else { record })
    }

    fn record(&mut self, schema: &Schema, name: &str, space: Option<&str>, depth: usize) -> Result<Object> {
        let discards = self.rules.discard_docs;
        let mut object = Object::new();
        begin(&mut object, "record", name, space);
        if let Some(doc) = schema.parameters.get(if discards { DISCARDED_RECORD_DOC } else { RECORD_DOC }) {
            object.insert("doc".into(), doc.as_str().into());
        }
        let inner = split(name).0;
        let mut fields: Vec<Json> = Vec::with_capacity(schema.fields.len());
        for field in &schema.fields {
            let of_struct = schema.parameters.get(&format!("{FIELD_DOC}{}", field.name)).map(String::as_str);
            let doc = if discards { field.schema.doc.as_deref() } else { of_struct };
            let json = self.field(&field.name, &field.schema, doc, inner, depth)?;
            if fields.iter().any(|known| known["name"] == json["name"]) {
                return Err(no_schema(format!("Duplicate field {} in record {name}", json["name"])));
            }
            fields.push(json);
        }
        object.insert("fields".into(), Json::Array(fields));
        self.annotate(&mut object, schema)?;
        Ok(object)
    }

    fn field(
        &mut self,
        name: &str,
        schema: &Schema,
        doc: Option<&str>,
        space: Option<&str>,
        depth: usize,
    ) -> Result<Json> {
        let name = if self.rules.scrub { scrub(name).into_owned() } else { name.to_owned() };
        checked(&name)?;
        let mut field = Object::new();
        field.insert("name".into(), name.into());
        field.insert("type".into(), self.any(schema, false, space, depth + 1)?);
        if let Some(doc) = doc {
            field.insert("doc".into(), doc.into());
        }
        let default = match &schema.default {
            Some(default) => Some(defaults::write(schema, default, self.rules)?),
            None => schema.optional.then_some(Json::Null),
        };
        // A default is of a union's first branch, and of a map as pairs there is none; one that does not fit is left out.
        let null_first = schema.optional && schema.kind == Type::Struct;
        let is_pairs = schema.kind == Type::Map && !self.rules.is_plain_map(schema);
        let fits = |default: &Json| default.is_null() || !(null_first || is_pairs);
        if let Some(default) = default.filter(fits) {
            field.insert("default".into(), default);
        }
        Ok(Json::Object(field))
    }

    /// Adds what Avro has no place for, and the logical type.
    fn annotate(&self, object: &mut Object, schema: &Schema) -> Result<()> {
        if is_reference(object) {
            return Ok(());
        }
        if self.rules.connect_meta_data {
            self.annotate_meta_data(object, schema)?;
        }
        let name = match schema.logical_name() {
            Some(logical::DECIMAL) => "decimal",
            Some(logical::DATE) => "date",
            Some(logical::TIME) => "time-millis",
            Some(_) => "timestamp-millis",
            None => "",
        };
        if !name.is_empty() {
            object.insert(LOGICAL_TYPE.into(), name.into());
        }
        for (name, value) in schema.parameters.iter().filter(|(name, _)| name.starts_with("avro")) {
            object.insert(name.clone(), value.as_str().into());
        }
        Ok(())
    }

    fn annotate_meta_data(&self, object: &mut Object, schema: &Schema) -> Result<()> {
        if let Some(doc) = &schema.doc {
            object.insert(CONNECT_DOC.into(), (&**doc).into());
        }
        if let Some(version) = schema.version {
            object.insert(CONNECT_VERSION.into(), version.into());
        }
        let discards = self.rules.discard_docs;
        let kept = schema.parameters.iter().filter(|(name, _)| discards || *name != FIELD_DEFAULT);
        let parameters: Object = kept.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        if !parameters.is_empty() {
            object.insert(CONNECT_PARAMETERS.into(), Json::Object(parameters));
        }
        let of_field = !discards && schema.parameters.contains_key(FIELD_DEFAULT);
        if let Some(default) = schema.default.as_ref().filter(|_| !of_field) {
            object.insert(CONNECT_DEFAULT.into(), defaults::write(schema, default, self.rules)?);
        }
        if let Some(name) = &schema.name {
            object.insert(CONNECT_NAME.into(), (&**name).into());
        }
        match schema.kind {
            Type::Int8 => object.insert(CONNECT_TYPE.into(), "int8".into()),
            Type::Int16 => object.insert(CONNECT_TYPE.into(), "int16".into()),
            _ => None,
        };
        Ok(())
    }

    /// Whether a named type is there already; if not, it is from now on. A record within itself has no fields.
    fn is_known(&mut self, name: &str, fields: &[Field]) -> Result<bool> {
        match self.named.get(name) {
            Some(known) if fields.is_empty() || known == fields => Ok(true),
            Some(_) => Err(no_schema(format!("Can't redefine: {name}"))),
            None => {
                name.split('.').try_for_each(checked)?;
                self.named.insert(name.to_owned(), fields.to_vec());
                Ok(false)
            }
        }
    }

    /// A name that is free or stands for the same fields: the one given, or it and a number.
    fn unused(&self, name: &str, fields: &[Field]) -> String {
        let mut numbered = name.to_owned();
        let mut number = 1;
        while self.named.get(&numbered).is_some_and(|known| known != fields) {
            number += 1;
            numbered = format!("{name}{number}");
        }
        numbered
    }
}

/// Precision and scale of a Decimal.
///
/// # Errors
/// Kind BadRecord: the parameters are no numbers.
pub(super) fn decimal(schema: &Schema) -> Result<(i32, i32)> {
    let scale = number("scale", schema.parameters.get("scale").map_or("", String::as_str))?;
    let precision = match schema.parameters.get(DECIMAL_PRECISION) {
        Some(precision) => number(DECIMAL_PRECISION, precision)?,
        None => DEFAULT_PRECISION,
    };
    Ok((precision, scale))
}

fn begin(object: &mut Object, kind: &str, name: &str, space: Option<&str>) {
    let (namespace, simple) = split(name);
    object.insert("type".into(), kind.into());
    object.insert("name".into(), simple.into());
    if namespace != space {
        object.insert("namespace".into(), namespace.unwrap_or_default().into());
    }
}

/// How a named type is named where it is used again.
fn reference<'a>(name: &'a str, space: Option<&str>) -> &'a str {
    let (namespace, simple) = split(name);
    if namespace == space { simple } else { name }
}

fn is_reference(object: &Object) -> bool {
    const KINDS: [&str; 12] =
        ["boolean", "int", "long", "float", "double", "bytes", "string", "array", "map", "record", "enum", "fixed"];
    !object.get("type").and_then(Json::as_str).is_some_and(|kind| KINDS.contains(&kind))
}

/// A type of which there is nothing more to say is its name.
fn simplest(mut object: Object) -> Json {
    match object.shift_remove("type") {
        Some(kind) if object.is_empty() => kind,
        Some(kind) => {
            object.shift_insert(0, "type".into(), kind);
            Json::Object(object)
        }
        None => Json::Object(object),
    }
}

fn part(schema: &Option<std::sync::Arc<Schema>>) -> Result<&Schema> {
    schema.as_deref().ok_or_else(|| ConnectError::data("an array or a map without the schema of its parts"))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| ConnectError::data(format!("the schema's parameter {name} is no number: {text:?}")))
}

fn checked(name: &str) -> Result<()> {
    match name.chars().next() {
        None => Err(no_schema("Empty name".to_owned())),
        Some(first) if !(first.is_ascii_alphabetic() || first == '_') => {
            Err(no_schema(format!("Illegal initial character: {name}")))
        }
        Some(_) if !is_name(name) => Err(no_schema(format!("Illegal character in: {name}"))),
        Some(_) => Ok(()),
    }
}

fn no_schema(message: String) -> ConnectError {
    let cause = ConnectError::new(ErrorKind::BadRecord, "org.apache.avro.SchemaParseException", message);
    ConnectError::new(ErrorKind::BadRecord, class::DATA, "the Connect schema has no form in Avro").caused_by(cause)
}
