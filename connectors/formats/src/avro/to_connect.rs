//! From an Avro schema to Connect's, and to the plan with which its records are read.
//!
//! The rules are those of Confluent's `AvroData`. A type that is used within itself has, where it is used again, a
//! schema without fields, of the same name; its values carry the full one.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::schema::{Field, Type, logical};
use longshore_api::{ConnectError, Result, Schema, Value};
use serde_json::Value as Json;

use super::Rules;
use super::decode::{Node, Plan, RecordPlan};
use super::defaults;
use super::names::*;
use super::schema::{Avro, AvroType, EnumType, Kind, RecordType, TypeId};

/// How deep types may stand in each other, and how many parts a schema may have when it is written out.
const MAX_DEPTH: usize = 100;
const MAX_PARTS: usize = 1_000_000;

/// The plan for reading records of a schema.
///
/// # Errors
/// Kind BadRecord, where the schema has no form in Connect.
pub(super) fn plan(avro: &Avro, version: Option<i32>, rules: Rules) -> Result<Plan> {
    if is_anything(avro, avro.root) {
        return Ok(Plan { schema: None, root: Node::Anything, records: Vec::new() });
    }
    let mut compiler = Compiler {
        avro,
        rules,
        records: Vec::new(),
        known: HashMap::new(),
        plain: HashMap::new(),
        unions: 0,
        parts: 0,
    };
    let (schema, root) = compiler.any(avro.root, Wish { version, ..Wish::default() }, 0)?;
    let records = compiler.records.into_iter().flatten().collect();
    Ok(Plan { schema: Some(schema), root, records })
}

/// The names of the fields of the record that holds schemaless data, in order.
pub(super) const ANYTHING_FIELDS: [&str; 9] =
    ["boolean", "bytes", "double", "float", "int", "long", "string", "array", "map"];

fn is_anything(avro: &Avro, id: TypeId) -> bool {
    match &avro.get(id).kind {
        Kind::Record(record) if record.name == ANYTHING => {
            record.fields.iter().map(|field| field.name.as_str()).eq(ANYTHING_FIELDS)
        }
        _ => false,
    }
}

/// What the place where a type stands says of it.
#[derive(Clone, Copy, Default)]
struct Wish<'a> {
    optional: bool,
    default: Option<&'a Json>,
    doc: Option<&'a str>,
    version: Option<i32>,
}

impl Wish<'_> {
    fn is_plain(&self) -> bool {
        self.default.is_none() && self.doc.is_none() && self.version.is_none()
    }
}

const OPTIONAL: Wish<'static> = Wish { optional: true, default: None, doc: None, version: None };
const REQUIRED: Wish<'static> = Wish { optional: false, ..OPTIONAL };

/// What is known of a record type.
#[derive(Clone)]
enum Known {
    /// It is being worked on: whoever needs it now stands within it.
    Open(usize),
    /// The index of its plan, and its schema before the place where it stands adds to it.
    Done(usize, Arc<Schema>),
}

struct Compiler<'a> {
    avro: &'a Avro,
    rules: Rules,
    records: Vec<Option<RecordPlan>>,
    known: HashMap<TypeId, Known>,
    /// Schemas of records that their place adds nothing to, by whether they are optional.
    plain: HashMap<(TypeId, bool), Arc<Schema>>,
    unions: usize,
    parts: usize,
}

impl Compiler<'_> {
    fn any(&mut self, id: TypeId, wish: Wish<'_>, depth: usize) -> Result<(Arc<Schema>, Node)> {
        self.count(1)?;
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("the Avro schema is nested deeper than {MAX_DEPTH} types")));
        }
        let avro = self.avro;
        let avro_type = avro.get(id);
        let (base, node) = match &avro_type.kind {
            Kind::Null => {
                return Err(ConnectError::data("Standalone null schemas are not supported by this converter"));
            }
            Kind::Union(branches) => return self.union(id, branches, wish, depth),
            Kind::Record(record) => return self.record(id, record, wish, depth),
            Kind::Boolean => (Schema::new(Type::Boolean), Node::Boolean),
            Kind::Float => (Schema::new(Type::Float32), Node::Float32),
            Kind::Double => (Schema::new(Type::Float64), Node::Float64),
            Kind::String => (Schema::new(Type::String), Node::String),
            Kind::Bytes => bytes(avro_type, None)?,
            Kind::Fixed(fixed) => bytes(avro_type, Some(fixed.size))?,
            Kind::Int => int(avro_type)?,
            Kind::Long => long(avro_type),
            Kind::Enum(symbols) => self.symbols(symbols),
            Kind::Array(items) => self.array(*items, depth)?,
            Kind::Map(values) => {
                let (schema, node) = self.any(*values, REQUIRED, depth + 1)?;
                (Schema::map(Arc::new(Schema::new(Type::String)), schema), Node::Map(Box::new(node)))
            }
        };
        Ok((Arc::new(self.finish(base, id, wish)?), node))
    }

    fn count(&mut self, parts: usize) -> Result<()> {
        self.parts += parts;
        if self.parts > MAX_PARTS {
            return Err(ConnectError::data(format!("the Avro schema has more than {MAX_PARTS} parts")));
        }
        Ok(())
    }

    fn symbols(&self, symbols: &EnumType) -> (Schema, Node) {
        let mut schema = Schema::new(Type::String);
        let simple = split(&symbols.name).1;
        if self.rules.connect_meta_data {
            if let Some(doc) = &symbols.doc {
                let name =
                    if self.rules.discard_docs { DISCARDED_ENUM_DOC.to_owned() } else { format!("{ENUM_DOC}{simple}") };
                schema.parameters.insert(name, doc.clone());
            }
            if let (Some(default), false) = (&symbols.default, self.rules.discard_docs) {
                schema.parameters.insert(format!("{ENUM_DEFAULT}{simple}"), default.clone());
            }
        }
        let general = self.rules.general_sums;
        let parameter = if general { GENERAL_ENUM } else { ENUM };
        schema.parameters.insert(parameter.to_owned(), symbols.name.clone());
        for (index, symbol) in symbols.symbols.iter().enumerate() {
            let value = if general { index.to_string() } else { symbol.clone() };
            schema.parameters.insert(format!("{parameter}.{symbol}"), value);
        }
        let texts = symbols.symbols.iter().map(|symbol| Arc::from(symbol.as_str())).collect();
        (schema, Node::Enum(texts))
    }

    fn array(&mut self, items: TypeId, depth: usize) -> Result<(Schema, Node)> {
        let avro_type = self.avro.get(items);
        let entry = match &avro_type.kind {
            Kind::Record(record) if is_map_entry(avro_type, record) => record,
            _ => {
                let (schema, node) = self.any(items, REQUIRED, depth + 1)?;
                return Ok((Schema::array(schema), Node::Array(Box::new(node))));
            }
        };
        let (key, value) = match entry.fields.as_slice() {
            [key, value] if key.name == KEY && value.name == VALUE => (key, value),
            [value, key] if key.name == KEY && value.name == VALUE => (key, value),
            _ => {
                return Err(ConnectError::data(
                    "Found map encoded as array of key-value pairs, but array elements do not match the expected \
                     format.",
                ));
            }
        };
        let key_first = entry.fields[0].name == KEY;
        let (key_schema, key) = self.any(key.kind, REQUIRED, depth + 1)?;
        let (value_schema, value) = self.any(value.kind, REQUIRED, depth + 1)?;
        Ok((Schema::map(key_schema, value_schema), Node::Entries { parts: Box::new([key, value]), key_first }))
    }

    fn record(&mut self, id: TypeId, record: &RecordType, wish: Wish<'_>, depth: usize) -> Result<(Arc<Schema>, Node)> {
        let (plan, base) = match self.known.get(&id).cloned() {
            Some(Known::Open(plan)) => {
                let mut again = Schema::new(Type::Struct);
                again.optional = wish.optional;
                again.name = self.record_name(id)?;
                return Ok((Arc::new(again), Node::Again { plan, optional: wish.optional }));
            }
            Some(Known::Done(plan, base)) => (plan, base),
            None => self.fields(id, record, depth)?,
        };
        if let Some(schema) = self.plain.get(&(id, wish.optional)).filter(|_| wish.is_plain()) {
            return Ok((Arc::clone(schema), Node::Record { plan, schema: Arc::clone(schema) }));
        }
        self.count(base.fields.len())?;
        let schema = Arc::new(self.finish(Schema::clone(&base), id, wish)?);
        if wish.is_plain() {
            self.plain.insert((id, wish.optional), Arc::clone(&schema));
        }
        Ok((Arc::clone(&schema), Node::Record { plan, schema }))
    }

    /// The plan of a record's fields, and its schema before the place where it stands adds to it.
    fn fields(&mut self, id: TypeId, record: &RecordType, depth: usize) -> Result<(usize, Arc<Schema>)> {
        let plan = self.records.len();
        self.records.push(None);
        self.known.insert(id, Known::Open(plan));
        let mut base = Schema::new(Type::Struct);
        let keeps_docs = self.rules.connect_meta_data && !self.rules.discard_docs;
        if let (Some(doc), true) = (&record.doc, keeps_docs) {
            base.parameters.insert(RECORD_DOC.to_owned(), doc.clone());
        }
        let mut nodes = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            if let (Some(doc), true) = (&field.doc, keeps_docs) {
                base.parameters.insert(format!("{FIELD_DOC}{}", field.name), doc.clone());
            }
            let doc = field.doc.as_deref().filter(|_| self.rules.discard_docs);
            let wish = Wish { default: field.default.as_ref(), doc, ..REQUIRED };
            let (schema, node) = self.any(field.kind, wish, depth + 1)?;
            base.fields.push(Field::new(field.name.as_str(), schema));
            nodes.push(node);
        }
        let base = Arc::new(base);
        self.known.insert(id, Known::Done(plan, Arc::clone(&base)));
        let required = Arc::new(self.finish(Schema::clone(&base), id, REQUIRED)?);
        let optional = Arc::new(self.finish(Schema::clone(&base), id, OPTIONAL)?);
        self.records[plan] = Some(RecordPlan { fields: nodes, required, optional });
        Ok((plan, base))
    }

    fn union(&mut self, id: TypeId, branches: &[TypeId], wish: Wish<'_>, depth: usize) -> Result<(Arc<Schema>, Node)> {
        let is_null = |id: &TypeId| matches!(self.avro.get(*id).kind, Kind::Null);
        match branches {
            [only] if self.rules.flatten_singletons => {
                let (schema, node) = self.any(*only, Wish { default: None, ..wish }, depth + 1)?;
                return Ok((schema, Node::Only(Box::new(node))));
            }
            [first, second] if is_null(first) != is_null(second) => {
                let null_first = is_null(first);
                let inner = if null_first { *second } else { *first };
                let wish = Wish { optional: true, doc: wish.doc, ..REQUIRED };
                let (schema, node) = self.any(inner, wish, depth + 1)?;
                return Ok((schema, Node::Optional { null_first, inner: Box::new(node) }));
            }
            _ => {}
        }
        let mut schema = Schema::new(Type::Struct);
        if self.rules.general_sums {
            let name = format!("{GENERAL_UNION_NAME}{}", self.unions);
            self.unions += 1;
            schema.parameters.insert(GENERAL_UNION.to_owned(), name.clone());
            schema = schema.named(name);
        } else {
            schema = schema.named(UNION);
        }
        let mut nodes = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            if is_null(branch) {
                schema.optional = true;
                nodes.push(None);
                continue;
            }
            let name = self.branch_name(*branch, index);
            if schema.field_index(&name).is_some() {
                return Err(ConnectError::data("Multiple union schemas map to the Connect union field name"));
            }
            let (branch, node) = self.any(*branch, OPTIONAL, depth + 1)?;
            nodes.push(Some((schema.fields.len(), node)));
            schema.fields.push(Field::new(name, branch));
        }
        let schema = Arc::new(self.finish(schema, id, wish)?);
        Ok((Arc::clone(&schema), Node::Union { schema, branches: nodes }))
    }

    fn branch_name(&self, id: TypeId, index: usize) -> String {
        match self.avro.full_name(id) {
            _ if self.rules.general_sums => format!("{GENERAL_UNION_FIELD}{index}"),
            Some(name) if self.rules.enhanced => name.to_owned(),
            Some(name) => split(name).1.to_owned(),
            None => self.avro.get(id).kind.name().to_owned(),
        }
    }

    /// Adds what annotations and the place say.
    fn finish(&self, mut schema: Schema, id: TypeId, wish: Wish<'_>) -> Result<Schema> {
        let avro_type = self.avro.get(id);
        let meta_data = self.rules.connect_meta_data;
        let own_doc = match &avro_type.kind {
            Kind::Record(record) => record.doc.as_deref(),
            Kind::Enum(symbols) => symbols.doc.as_deref(),
            _ => None,
        };
        if self.rules.discard_docs {
            schema.doc = wish.doc.or(own_doc).or_else(|| avro_type.text(CONNECT_DOC)).map(Arc::from);
            if let (Some(doc), true) = (own_doc, meta_data) {
                schema.parameters.insert(DISCARDED_RECORD_DOC.to_owned(), doc.to_owned());
            }
        } else if meta_data {
            schema.doc = avro_type.text(CONNECT_DOC).map(Arc::from);
        }
        set_version(&mut schema, avro_type, wish.version)?;
        add_parameters(&mut schema, avro_type, meta_data)?;
        self.set_default(&mut schema, id, wish.default);
        if let Some(name) = self.record_name(id)? {
            match &schema.name {
                Some(known) if *known != name && avro_type.properties.contains_key(CONNECT_NAME) => {
                    return Err(ConnectError::data(format!(
                        "Mismatched names: name already added to SchemaBuilder ({known}) differs from name in source \
                         schema ({name})"
                    )));
                }
                // A decimal in a fixed stays a decimal.
                Some(_) => {}
                None => schema.name = Some(name),
            }
        }
        schema.optional |= wish.optional;
        Ok(schema)
    }

    /// A default that does not fit its type is passed over, as Confluent's converter does.
    fn set_default(&self, schema: &mut Schema, id: TypeId, of_field: Option<&Json>) {
        let annotated = self.avro.get(id).properties.get(CONNECT_DEFAULT);
        if of_field.is_some() && annotated.is_none() && self.rules.connect_meta_data && !self.rules.discard_docs {
            schema.parameters.insert(FIELD_DEFAULT.to_owned(), "true".to_owned());
        }
        let Some(json) = of_field.or(annotated) else { return };
        match defaults::read(self.avro, id, schema, json) {
            Some(Value::Null) | None => {}
            default => schema.default = default,
        }
    }

    /// The name that a type gives its schema.
    fn record_name(&self, id: TypeId) -> Result<Option<Arc<str>>> {
        let name = match self.avro.get(id).properties.get(CONNECT_NAME) {
            Some(Json::String(name)) => Some(name.as_str()),
            Some(other) => return Err(ConnectError::data(format!("Invalid schema name: {other}"))),
            None => self.avro.full_name(id),
        };
        Ok(name.filter(|name| !name.starts_with(DEFAULT_RECORD)).map(Arc::from))
    }
}

fn is_map_entry(avro_type: &AvroType, record: &RecordType) -> bool {
    split(&record.name) == (Some(NAMESPACE), MAP_ENTRY) || avro_type.text(CONNECT_INTERNAL_TYPE) == Some(MAP_ENTRY)
}

fn is_logical(avro_type: &AvroType, name: &str) -> bool {
    avro_type.text(LOGICAL_TYPE).is_some_and(|known| known.eq_ignore_ascii_case(name))
}

fn logical_schema(kind: Type, name: &str) -> Schema {
    let mut schema = Schema::new(kind).named(name);
    schema.version = Some(1);
    schema
}

fn bytes(avro_type: &AvroType, fixed: Option<usize>) -> Result<(Schema, Node)> {
    let (mut schema, node) = if is_logical(avro_type, "decimal") {
        let scale =
            avro_type.properties.get("scale").and_then(Json::as_i64).and_then(|scale| i32::try_from(scale).ok());
        let scale = scale.ok_or_else(|| ConnectError::data("scale must be specified and must be a number."))?;
        let mut schema = logical_schema(Type::Bytes, logical::DECIMAL);
        schema.parameters.insert("scale".to_owned(), scale.to_string());
        if let Some(precision) = avro_type.properties.get("precision") {
            let message =
                "precision property must be a JSON Integer. https://avro.apache.org/docs/1.9.1/spec.html#Decimal";
            let precision = precision.as_i64().ok_or_else(|| ConnectError::data(message))?;
            if precision != i64::from(DEFAULT_PRECISION) {
                schema.parameters.insert(DECIMAL_PRECISION.to_owned(), precision.to_string());
            }
        }
        (schema, Node::Decimal { scale, fixed })
    } else {
        (Schema::new(Type::Bytes), fixed.map_or(Node::Bytes, Node::Fixed))
    };
    if let Some(size) = fixed {
        schema.parameters.insert(FIXED_SIZE.to_owned(), size.to_string());
    }
    Ok((schema, node))
}

fn int(avro_type: &AvroType) -> Result<(Schema, Node)> {
    let logical_type = avro_type.text(LOGICAL_TYPE);
    if is_logical(avro_type, "date") {
        return Ok((logical_schema(Type::Int32, logical::DATE), Node::Date));
    }
    if is_logical(avro_type, "time-millis") {
        return Ok((logical_schema(Type::Int32, logical::TIME), Node::Time));
    }
    match avro_type.text(CONNECT_TYPE) {
        None => Ok((Schema::new(Type::Int32), Node::Int32)),
        Some(_) if logical_type.is_some() => Ok((Schema::new(Type::Int32), Node::Int32)),
        Some("int8") => Ok((Schema::new(Type::Int8), Node::Int8)),
        Some("int16") => Ok((Schema::new(Type::Int16), Node::Int16)),
        Some(_) => Err(ConnectError::data("Connect type annotation for Avro int field is null")),
    }
}

fn long(avro_type: &AvroType) -> (Schema, Node) {
    if is_logical(avro_type, "timestamp-millis") {
        (logical_schema(Type::Int64, logical::TIMESTAMP), Node::Timestamp)
    } else {
        (Schema::new(Type::Int64), Node::Int64)
    }
}

fn set_version(schema: &mut Schema, avro_type: &AvroType, of_registry: Option<i32>) -> Result<()> {
    let annotated = match avro_type.properties.get(CONNECT_VERSION) {
        None => None,
        Some(version) => match version.as_i64().and_then(|version| i32::try_from(version).ok()) {
            Some(version) => Some(version),
            None => return Err(ConnectError::data(format!("Invalid Connect version found: {version}"))),
        },
    };
    match (schema.version, annotated.filter(|version| *version >= 0)) {
        (Some(known), Some(version)) if known != version => {
            return Err(ConnectError::data(format!(
                "Mismatched versions: version already added to SchemaBuilder ({known}) differs from version in source \
                 schema ({version})"
            )));
        }
        (Some(_), _) => {}
        (None, Some(version)) => schema.version = Some(version),
        (None, None) if annotated.is_none() => schema.version = of_registry,
        (None, None) => {}
    }
    Ok(())
}

fn add_parameters(schema: &mut Schema, avro_type: &AvroType, meta_data: bool) -> Result<()> {
    match avro_type.properties.get(CONNECT_PARAMETERS) {
        Some(parameters) if meta_data => {
            let Json::Object(parameters) = parameters else {
                let message = format!("Expected JSON object for schema parameters but found: {parameters}");
                return Err(ConnectError::data(message));
            };
            for (name, value) in parameters {
                let Json::String(value) = value else {
                    let message = format!("Expected schema parameter values to be strings but found: {value}");
                    return Err(ConnectError::data(message));
                };
                schema.parameters.insert(name.clone(), value.clone());
            }
        }
        _ => {}
    }
    for (name, value) in avro_type.properties.iter().filter(|(name, _)| name.starts_with("avro")) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        schema.parameters.insert(name.clone(), value);
    }
    Ok(())
}
