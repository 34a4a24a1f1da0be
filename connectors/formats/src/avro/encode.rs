//! From Connect's values to Avro's binary form, by a plan that was made once for the Connect schema and the Avro
//! schema that it is written with.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::error::class;
use longshore_api::schema::{Field, Type, logical};
use longshore_api::{ConnectError, ErrorKind, Result, Schema, Struct, Value};
use serde_json::Value as Json;

use super::Rules;
use super::defaults::is_union;
use super::names::*;
use super::schema::{Avro, Kind, TypeId};
use super::to_connect::ANYTHING_FIELDS;
use crate::java_text::calendar::MILLIS_PER_DAY;

/// How data of a Connect schema is written.
#[derive(Debug)]
pub struct WritePlan {
    root: Write,
    records: Vec<RecordWriter>,
    /// Bytes that stand by themselves are written without their length.
    is_raw: bool,
}

/// How the fields of a record are written.
#[derive(Debug)]
struct RecordWriter {
    /// Connect's fields, which the values must be of.
    of: Vec<Field>,
    fields: Vec<FieldWriter>,
}

#[derive(Debug)]
enum FieldWriter {
    /// The value of the field at an index; `default` stands for its null.
    Value { index: usize, default: Option<Value>, write: Write },
    /// Connect has no such field: what the Avro schema says instead.
    Constant(Vec<u8>),
}

/// How a value is written. Indices are those of [`WritePlan::records`].
#[derive(Debug)]
#[allow(missing_docs)]
enum Write {
    /// A whole number, of a Connect type.
    Number(Type),
    Float(Type),
    Double(Type),
    Boolean,
    String,
    Bytes,
    Fixed(usize),
    Decimal {
        schema: Arc<Schema>,
        fixed: Option<usize>,
    },
    /// A logical type of a number.
    Logical(&'static str),
    Enum(HashMap<String, i64>),
    Array(Box<Write>),
    Map(Box<Write>),
    Entries {
        parts: Box<[Write; 2]>,
        key_first: bool,
    },
    Record(usize),
    /// A union of which one branch is for the value, and one may be for null.
    Branch {
        null: Option<i64>,
        index: i64,
        inner: Box<Write>,
    },
    /// A struct that stands for a union: its fields' branches.
    Union {
        null: Option<i64>,
        fields: Vec<(i64, Write)>,
    },
    Anything,
}

/// How deep values may stand in each other.
const MAX_DEPTH: usize = 100;

impl WritePlan {
    /// A plan.
    ///
    /// # Errors
    /// Kind BadRecord, where data of the schema does not fit the Avro schema.
    pub(super) fn new(schema: Option<&Arc<Schema>>, avro: &Avro, rules: Rules) -> Result<Self> {
        let mut compiler = Compiler { avro, rules, records: Vec::new(), known: HashMap::new() };
        let root = match schema {
            Some(schema) => compiler.any(schema, avro.root, 0)?,
            None if avro.full_name(avro.root) == Some(ANYTHING) => Write::Anything,
            None => return Err(ConnectError::data("schemaless data cannot be written with a schema of one's own")),
        };
        let records = compiler.records.into_iter().flatten().collect();
        Ok(Self { root, records, is_raw: matches!(avro.get(avro.root).kind, Kind::Bytes) })
    }

    /// Appends a value.
    ///
    /// # Errors
    /// Kind BadRecord, for a value that is not of its schema.
    pub(super) fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        match (&self.root, value) {
            (Write::Bytes, Value::Bytes(bytes)) if self.is_raw => out.extend_from_slice(bytes),
            (Write::Decimal { schema, .. }, _) if self.is_raw => out.extend_from_slice(&decimal_bytes(schema, value)?),
            (root, _) => self.any(root, value, out, 0)?,
        }
        Ok(())
    }

    fn any(&self, write: &Write, value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("values are nested deeper than {MAX_DEPTH}")));
        }
        match (write, value) {
            (Write::Branch { null: Some(null), .. } | Write::Union { null: Some(null), .. }, Value::Null) => {
                long(*null, out);
            }
            (Write::Anything, _) => return anything(value, out, depth),
            (_, Value::Null) => return Err(ConnectError::data("Found null value for non-optional schema")),
            (Write::Branch { index, inner, .. }, _) => {
                long(*index, out);
                return self.any(inner, value, out, depth);
            }
            (Write::Union { fields, .. }, Value::Struct(union)) => return self.union(fields, union, out, depth),
            (Write::Number(kind), _) => long(whole(*kind, value).ok_or_else(|| wrong(*kind, value))?, out),
            (Write::Float(kind), _) => {
                let number = floating(*kind, value).ok_or_else(|| wrong(*kind, value))?;
                out.extend_from_slice(&(number as f32).to_le_bytes());
            }
            (Write::Double(kind), _) => {
                let number = floating(*kind, value).ok_or_else(|| wrong(*kind, value))?;
                out.extend_from_slice(&number.to_le_bytes());
            }
            (Write::Boolean, Value::Boolean(value)) => out.push(u8::from(*value)),
            (Write::String, Value::String(text)) => counted(text.as_bytes(), out),
            (Write::Bytes, Value::Bytes(bytes)) => counted(bytes, out),
            (Write::Fixed(size), Value::Bytes(bytes)) if bytes.len() == *size => out.extend_from_slice(bytes),
            (Write::Fixed(size), Value::Bytes(bytes)) => {
                let message = format!("{} bytes do not fit a fixed of {size}", bytes.len());
                return Err(ConnectError::data(message));
            }
            (Write::Decimal { schema, fixed: None }, _) => counted(&decimal_bytes(schema, value)?, out),
            (Write::Decimal { schema, fixed: Some(size) }, _) => {
                fixed_decimal(&decimal_bytes(schema, value)?, *size, out)?;
            }
            (Write::Logical(name), _) => long(logical_number(name, value)?, out),
            (Write::Enum(symbols), Value::String(text)) => {
                let index = symbols.get(&**text);
                long(*index.ok_or_else(|| ConnectError::data(format!("{text:?} is no symbol of the enum")))?, out);
            }
            (Write::Array(write), Value::Array(elements)) => {
                begin_block(elements.len(), out);
                elements.iter().try_for_each(|element| self.any(write, element, out, depth + 1))?;
                end_blocks(out);
            }
            (Write::Map(write), Value::Map(entries)) => {
                begin_block(entries.len(), out);
                for (key, value) in entries.iter() {
                    let key = key.as_str().ok_or_else(|| wrong(Type::String, key))?;
                    counted(key.as_bytes(), out);
                    self.any(write, value, out, depth + 1)?;
                }
                end_blocks(out);
            }
            (Write::Entries { parts: parts_of, key_first }, Value::Map(entries)) => {
                let [write_key, write_value] = parts_of.as_ref();
                begin_block(entries.len(), out);
                for (key, value) in entries.iter() {
                    let parts = [(write_key, key), (write_value, value)];
                    let parts = if *key_first { parts } else { [parts[1], parts[0]] };
                    parts.into_iter().try_for_each(|(write, part)| self.any(write, part, out, depth + 1))?;
                }
                end_blocks(out);
            }
            (Write::Record(plan), Value::Struct(record)) => return self.record(*plan, record, out, depth),
            (write, value) => return Err(wrong(write.kind(), value)),
        }
        Ok(())
    }

    fn record(&self, plan: usize, record: &Struct, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        let writer = &self.records[plan];
        // A record within its own type has a schema without fields; its values have the full one.
        if writer.of.as_ptr() != record.schema.fields.as_ptr() && writer.of != record.schema.fields {
            return Err(ConnectError::data("Mismatching struct schema"));
        }
        for field in &writer.fields {
            match field {
                FieldWriter::Constant(bytes) => out.extend_from_slice(bytes),
                FieldWriter::Value { index, default, write } => {
                    let value = record.values.get(*index).unwrap_or(&Value::Null);
                    let value = default.as_ref().filter(|_| value.is_null()).unwrap_or(value);
                    self.any(write, value, out, depth + 1).map_err(|error| in_field(error, &writer.of[*index].name))?;
                }
            }
        }
        Ok(())
    }

    fn union(&self, fields: &[(i64, Write)], union: &Struct, out: &mut Vec<u8>, depth: usize) -> Result<()> {
        let found = fields.iter().zip(&union.values).find(|(_, value)| !value.is_null());
        let Some(((index, write), value)) = found else {
            return Err(ConnectError::data("Found null value for non-optional schema"));
        };
        long(*index, out);
        self.any(write, value, out, depth + 1)
    }
}

/// Connect's text, and the field, which it leaves out.
fn in_field(error: ConnectError, field: &str) -> ConnectError {
    match &error.message {
        Some(message) if error.class == class::DATA && !message.contains("(field ") => {
            let message = format!("{message} (field \"{field}\")");
            ConnectError { message: Some(message), ..error }
        }
        _ => error,
    }
}

impl Write {
    /// The Connect type, for messages.
    fn kind(&self) -> Type {
        match self {
            Write::Number(kind) | Write::Float(kind) | Write::Double(kind) => *kind,
            Write::Boolean => Type::Boolean,
            Write::String | Write::Enum(_) => Type::String,
            Write::Bytes | Write::Fixed(_) | Write::Decimal { .. } => Type::Bytes,
            Write::Logical(name) if *name == logical::TIMESTAMP => Type::Int64,
            Write::Logical(_) => Type::Int32,
            Write::Array(_) => Type::Array,
            Write::Map(_) | Write::Entries { .. } => Type::Map,
            Write::Branch { inner, .. } => inner.kind(),
            Write::Record(_) | Write::Union { .. } | Write::Anything => Type::Struct,
        }
    }
}

struct Compiler<'a> {
    avro: &'a Avro,
    rules: Rules,
    records: Vec<Option<RecordWriter>>,
    /// Plans by Avro record and by the fields of the Connect struct, whose address is that of their list.
    known: HashMap<TypeId, Vec<(Vec<Field>, usize)>>,
}

impl Compiler<'_> {
    fn any(&mut self, schema: &Arc<Schema>, id: TypeId, depth: usize) -> Result<Write> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("the schema is nested deeper than {MAX_DEPTH} types")));
        }
        match &self.avro.get(id).kind {
            Kind::Union(branches) if is_union(schema) => self.union(schema, branches, depth),
            Kind::Union(branches) => {
                let is_null = |id: &TypeId| matches!(self.avro.get(*id).kind, Kind::Null);
                let null = branches.iter().position(is_null).map(|index| index as i64);
                let index = self.branch(schema, branches).ok_or_else(|| self.unfit(schema, id))?;
                let inner = Box::new(self.plain(schema, branches[index], depth)?);
                Ok(Write::Branch { null, index: index as i64, inner })
            }
            _ => self.plain(schema, id, depth),
        }
    }

    /// The branch for data of a schema: the only one, or the one of its name, or the first that it fits.
    fn branch(&self, schema: &Schema, branches: &[TypeId]) -> Option<usize> {
        let all = || branches.iter().enumerate().filter(|(_, id)| !matches!(self.avro.get(**id).kind, Kind::Null));
        let name = self.type_name(schema);
        let of_name = || all().find(|(_, id)| name.is_some() && self.avro.full_name(**id) == name.as_deref());
        let of_kind = || all().find(|(_, id)| self.is_kind(schema, **id));
        let only = || all().next().filter(|_| all().count() == 1);
        only().or_else(of_name).or_else(of_kind).map(|(index, _)| index)
    }

    /// The full name of the Avro type that is made of a schema.
    fn type_name(&self, schema: &Schema) -> Option<String> {
        let name = match schema.kind {
            Type::String => schema.parameters.get(self.rules.enum_parameter()).map(String::as_str),
            Type::Struct => Some(schema.name.as_deref().unwrap_or(DEFAULT_RECORD)),
            Type::Bytes if schema.parameters.contains_key(FIXED_SIZE) => schema.name.as_deref(),
            _ => None,
        };
        name.map(|name| self.rules.name(name))
    }

    fn is_kind(&self, schema: &Schema, id: TypeId) -> bool {
        matches!(
            (&self.avro.get(id).kind, schema.kind),
            (Kind::Int, Type::Int8 | Type::Int16 | Type::Int32)
                | (Kind::Long, Type::Int64)
                | (Kind::Float, Type::Float32)
                | (Kind::Double, Type::Float64)
                | (Kind::Boolean, Type::Boolean)
                | (Kind::String, Type::String)
                | (Kind::Bytes, Type::Bytes)
                | (Kind::Array(_), Type::Array)
                | (Kind::Map(_), Type::Map)
        ) || matches!((&self.avro.get(id).kind, schema.kind), (Kind::Array(_), Type::Map))
    }

    fn union(&mut self, schema: &Arc<Schema>, branches: &[TypeId], depth: usize) -> Result<Write> {
        let is_null = |id: &TypeId| matches!(self.avro.get(*id).kind, Kind::Null);
        let null = branches.iter().position(is_null).map(|index| index as i64);
        let mut fields = Vec::with_capacity(schema.fields.len());
        for (place, field) in schema.fields.iter().enumerate() {
            // The branches stand in the order of the fields; another schema is searched for what fits.
            let same_place = branches.iter().enumerate().filter(|(_, id)| !is_null(id)).nth(place);
            let fits = |id: TypeId| match self.type_name(&field.schema) {
                Some(name) if self.avro.full_name(id).is_some() => self.avro.full_name(id) == Some(&*name),
                _ => self.is_kind(&field.schema, id),
            };
            let index = same_place.filter(|(_, id)| fits(**id)).map(|(index, _)| index);
            let index = index.or_else(|| branches.iter().position(|id| fits(*id)));
            let index = index.ok_or_else(|| no_branch(&field.name))?;
            fields.push((index as i64, self.plain(&field.schema, branches[index], depth + 1)?));
        }
        Ok(Write::Union { null, fields })
    }

    fn plain(&mut self, schema: &Arc<Schema>, id: TypeId, depth: usize) -> Result<Write> {
        let avro = self.avro;
        let kind = &avro.get(id).kind;
        Ok(match (kind, schema.kind, schema.logical_name()) {
            (Kind::Bytes, _, Some(logical::DECIMAL)) => Write::Decimal { schema: Arc::clone(schema), fixed: None },
            (Kind::Fixed(fixed), _, Some(logical::DECIMAL)) => {
                Write::Decimal { schema: Arc::clone(schema), fixed: Some(fixed.size) }
            }
            (Kind::Int, Type::Int32, Some(name)) | (Kind::Long, Type::Int32 | Type::Int64, Some(name)) => {
                Write::Logical(name)
            }
            (Kind::Int, kind @ (Type::Int8 | Type::Int16 | Type::Int32), None)
            | (Kind::Long, kind @ (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64), None) => Write::Number(kind),
            (Kind::Float, kind @ Type::Float32, None) => Write::Float(kind),
            (Kind::Float, kind @ (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64), None) => Write::Float(kind),
            (
                Kind::Double,
                kind @ (Type::Float32 | Type::Float64 | Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64),
                None,
            ) => Write::Double(kind),
            (Kind::Boolean, Type::Boolean, None) => Write::Boolean,
            (Kind::String, Type::String, None) => Write::String,
            (Kind::Bytes, Type::Bytes, None) => Write::Bytes,
            (Kind::Fixed(fixed), Type::Bytes, None) => Write::Fixed(fixed.size),
            (Kind::Enum(symbols), Type::String, None) => {
                let indexed = symbols.symbols.iter().enumerate();
                Write::Enum(indexed.map(|(index, symbol)| (symbol.clone(), index as i64)).collect())
            }
            (Kind::Array(items), Type::Array, None) => {
                Write::Array(Box::new(self.any(self.part(&schema.value_schema)?, *items, depth + 1)?))
            }
            (Kind::Map(values), Type::Map, None) => {
                Write::Map(Box::new(self.any(self.part(&schema.value_schema)?, *values, depth + 1)?))
            }
            (Kind::Array(items), Type::Map, None) => self.entries(schema, *items, depth)?,
            (Kind::Record(_), Type::Struct, None) => Write::Record(self.record(schema, id, depth)?),
            _ => return Err(self.unfit(schema, id)),
        })
    }

    fn part<'s>(&self, schema: &'s Option<Arc<Schema>>) -> Result<&'s Arc<Schema>> {
        schema.as_ref().ok_or_else(|| ConnectError::data("an array or a map without the schema of its parts"))
    }

    fn entries(&mut self, schema: &Arc<Schema>, items: TypeId, depth: usize) -> Result<Write> {
        let avro = self.avro;
        let Kind::Record(record) = &avro.get(items).kind else { return Err(self.unfit(schema, items)) };
        let field = |name: &str| record.fields.iter().position(|field| field.name == name);
        let (Some(key), Some(value), 2) = (field(KEY), field(VALUE), record.fields.len()) else {
            return Err(self.unfit(schema, items));
        };
        let write_key = self.any(self.part(&schema.key_schema)?, record.fields[key].kind, depth + 1)?;
        let write_value = self.any(self.part(&schema.value_schema)?, record.fields[value].kind, depth + 1)?;
        Ok(Write::Entries { parts: Box::new([write_key, write_value]), key_first: key == 0 })
    }

    fn record(&mut self, schema: &Arc<Schema>, id: TypeId, depth: usize) -> Result<usize> {
        let avro = self.avro;
        let Kind::Record(record) = &avro.get(id).kind else { return Err(self.unfit(schema, id)) };
        let known = self.known.entry(id).or_default();
        // Within its own type a record has no fields.
        let same = known.iter().rev().find(|(fields, _)| schema.fields.is_empty() || *fields == schema.fields);
        if let Some((_, plan)) = same {
            return Ok(*plan);
        }
        let plan = self.records.len();
        known.push((schema.fields.clone(), plan));
        self.records.push(None);
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let matches =
                |one: &Field| if self.rules.scrub { scrub(&one.name) == field.name } else { *one.name == *field.name };
            fields.push(match schema.fields.iter().position(matches) {
                Some(index) => {
                    let of = &schema.fields[index].schema;
                    let write = self.any(of, field.kind, depth + 1).map_err(|error| in_field(error, &field.name))?;
                    FieldWriter::Value { index, default: of.default.clone(), write }
                }
                None => {
                    let default = field.default.as_ref().and_then(|json| constant(avro, field.kind, json));
                    let missing = || {
                        let (record, field) = (&record.name, &field.name);
                        ConnectError::data(format!("{record} needs the field {field}, which the data does not have"))
                    };
                    FieldWriter::Constant(default.ok_or_else(missing)?)
                }
            });
        }
        self.records[plan] = Some(RecordWriter { of: schema.fields.clone(), fields });
        Ok(plan)
    }

    fn unfit(&self, schema: &Schema, id: TypeId) -> ConnectError {
        let avro = self.avro.full_name(id).unwrap_or_else(|| self.avro.get(id).kind.name());
        let name = schema.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        ConnectError::data(format!("data of type {}{name} does not fit the Avro type {avro}", schema.kind.name()))
    }
}

fn no_branch(field: &str) -> ConnectError {
    ConnectError::data(format!("the Avro union has no branch for {field:?}"))
}

/// The bytes of an Avro field's default.
fn constant(avro: &Avro, id: TypeId, json: &Json) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match &avro.get(id).kind {
        Kind::Null if json.is_null() => {}
        Kind::Union(branches) => {
            out.push(0);
            out.extend(constant(avro, *branches.first()?, json)?);
        }
        Kind::Boolean => out.push(u8::from(json.as_bool()?)),
        Kind::Int | Kind::Long => long(json.as_i64()?, &mut out),
        Kind::Float => out.extend_from_slice(&(json.as_f64()? as f32).to_le_bytes()),
        Kind::Double => out.extend_from_slice(&json.as_f64()?.to_le_bytes()),
        Kind::String => counted(json.as_str()?.as_bytes(), &mut out),
        Kind::Bytes | Kind::Fixed(_) => {
            let bytes = json.as_str()?.chars().map(|character| u8::try_from(u32::from(character)).ok());
            let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
            if matches!(avro.get(id).kind, Kind::Bytes) { counted(&bytes, &mut out) } else { out.extend(bytes) }
        }
        Kind::Enum(symbols) => {
            let symbol = symbols.symbols.iter().position(|symbol| Some(symbol.as_str()) == json.as_str())?;
            long(symbol as i64, &mut out);
        }
        Kind::Array(items) => {
            let elements = json.as_array()?;
            begin_block(elements.len(), &mut out);
            for element in elements {
                out.extend(constant(avro, *items, element)?);
            }
            end_blocks(&mut out);
        }
        Kind::Map(values) => {
            let entries = json.as_object()?;
            begin_block(entries.len(), &mut out);
            for (key, value) in entries {
                counted(key.as_bytes(), &mut out);
                out.extend(constant(avro, *values, value)?);
            }
            end_blocks(&mut out);
        }
        Kind::Record(record) => {
            let object = json.as_object()?;
            for field in &record.fields {
                out.extend(constant(avro, field.kind, object.get(&field.name)?)?);
            }
        }
        Kind::Null => return None,
    }
    Some(out)
}

/// Schemaless data: the record that has a field for each type, one of them set.
///
/// Differs from Confluent's converter: bytes are written too, the record has a field for them.
fn anything(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(ConnectError::data(format!("values are nested deeper than {MAX_DEPTH}")));
    }
    let place = match value {
        Value::Null => ANYTHING_FIELDS.len(),
        Value::Boolean(_) => 0,
        Value::Bytes(_) => 1,
        Value::Float64(_) => 2,
        Value::Float32(_) => 3,
        Value::Int8(_) | Value::Int16(_) | Value::Int32(_) => 4,
        Value::Int64(_) => 5,
        Value::String(_) => 6,
        Value::Array(_) => 7,
        Value::Map(_) => 8,
        Value::Decimal(_) | Value::Date(_) | Value::Struct(_) => {
            let message = format!("Unknown Java type for schemaless data: class {}", value.java_class());
            return Err(ConnectError::data(message));
        }
    };
    for field in 0..ANYTHING_FIELDS.len() {
        long(i64::from(field == place), out);
        if field == place {
            anything_set(value, out, depth)?;
        }
    }
    Ok(())
}

fn anything_set(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    match value {
        Value::Boolean(value) => out.push(u8::from(*value)),
        Value::Bytes(bytes) => counted(bytes, out),
        Value::Float64(number) => out.extend_from_slice(&number.to_le_bytes()),
        Value::Float32(number) => out.extend_from_slice(&number.to_le_bytes()),
        Value::String(text) => counted(text.as_bytes(), out),
        Value::Array(elements) => {
            begin_block(elements.len(), out);
            elements.iter().try_for_each(|element| anything(element, out, depth + 1))?;
            end_blocks(out);
        }
        Value::Map(entries) => {
            begin_block(entries.len(), out);
            for (key, value) in entries.iter() {
                anything(key, out, depth + 1)?;
                anything(value, out, depth + 1)?;
            }
            end_blocks(out);
        }
        _ => long(number(value).unwrap_or_default(), out),
    }
    Ok(())
}

/// The number of a value of a whole type.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int8(number) => Some(i64::from(*number)),
        Value::Int16(number) => Some(i64::from(*number)),
        Value::Int32(number) => Some(i64::from(*number)),
        Value::Int64(number) => Some(*number),
        _ => None,
    }
}

fn whole(kind: Type, value: &Value) -> Option<i64> {
    number(value).filter(|_| value.kind() == Some(kind))
}

fn floating(kind: Type, value: &Value) -> Option<f64> {
    match (kind, value) {
        (Type::Float32, Value::Float32(number)) => Some(f64::from(*number)),
        (Type::Float64, Value::Float64(number)) => Some(*number),
        (Type::Float32 | Type::Float64, _) => None,
        _ => whole(kind, value).map(|number| number as f64),
    }
}

#[cold]
fn wrong(kind: Type, value: &Value) -> ConnectError {
    ConnectError::data(format!("Invalid type for {}: class {}", kind.name(), value.java_class()))
}

/// The number that stands for a value of a logical type, not Decimal.
///
/// # Errors
/// DataException, in Connect's words.
pub(super) fn logical_number(name: &str, value: &Value) -> Result<i64> {
    let simple = split(name).1;
    let Value::Date(millis) = value else {
        let found = value.java_class();
        return Err(ConnectError::data(format!("Invalid type for {simple}, expected Date but was class {found}")));
    };
    match name {
        logical::DATE if millis % MILLIS_PER_DAY != 0 => {
            Err(ConnectError::data("Kafka Connect Date type should not have any time fields set to non-zero values."))
        }
        logical::DATE => Ok(millis / MILLIS_PER_DAY),
        logical::TIME if !(0..=MILLIS_PER_DAY).contains(millis) => {
            Err(ConnectError::data("Kafka Connect Time type should not have any date fields set to non-zero values."))
        }
        _ => Ok(*millis),
    }
}

/// The unscaled value of a Decimal.
///
/// # Errors
/// DataException, in Connect's words.
pub(super) fn decimal_bytes(schema: &Schema, value: &Value) -> Result<Vec<u8>> {
    let Value::Decimal(value) = value else {
        let found = value.java_class();
        return Err(ConnectError::data(format!("Invalid type for Decimal, expected BigDecimal but was class {found}")));
    };
    let scale = schema.parameters.get("scale").and_then(|scale| scale.parse::<i64>().ok());
    let scale = scale.ok_or_else(|| ConnectError::data("Invalid Decimal schema: scale parameter not found."))?;
    let (digits, found) = value.as_bigint_and_exponent();
    if found != scale {
        return Err(ConnectError::data(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has scale \
             {found}."
        )));
    }
    Ok(digits.to_signed_bytes_be())
}

/// A decimal in a fixed: the sign fills what is left.
fn fixed_decimal(bytes: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    let Some(missing) = size.checked_sub(bytes.len()) else {
        return Err(ConnectError::data(format!("a decimal of {} bytes does not fit a fixed of {size}", bytes.len())));
    };
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    out.extend(std::iter::repeat_n(if is_negative { 0xff } else { 0 }, missing));
    out.extend_from_slice(bytes);
    Ok(())
}

/// Zigzag, then seven bits a byte, the low ones first.
fn long(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn counted(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn begin_block(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        long(count as i64, out);
    }
}

fn end_blocks(out: &mut Vec<u8>) {
    out.push(0);
}

/// An error of Avro's library, for schemas that are none.
pub(super) fn no_avro(message: String) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, "org.apache.avro.SchemaParseException", message)
}
