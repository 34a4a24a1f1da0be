//! From values to bytes, along a plan that was made with the schema.

use std::collections::HashMap;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use longshore_api::{ConnectError, Map, Result, Schema, Struct, Type, Value};

use super::decode::wire_type;
use super::descriptor::FieldType;
use super::names::WellKnown;
use super::wire::{WireType, put_bytes, put_nested, put_tag, put_varint, zigzag};
use crate::java_text::calendar::{DateTime, MILLIS_PER_DAY};

/// How a record is written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: Root,
    /// The structs that are used within themselves.
    pub(super) again: Vec<Target>,
}

/// What a record is.
#[derive(Debug)]
pub(super) enum Root {
    /// A struct is a message.
    Message(Arc<Schema>, Arc<Layout>),
    /// Anything else is what a wrapper holds.
    Wrapped(Kind),
}

/// A struct and its message.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) schema: Arc<Schema>,
    pub(super) layout: Arc<Layout>,
}

/// The fields of a message, by number.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) fields: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) source: Source,
    pub(super) shape: Shape,
    /// A value that is its type's default is written nevertheless.
    pub(super) has_presence: bool,
    /// What stands for null.
    pub(super) default: Option<Value>,
    /// The field's name, for messages.
    pub(super) name: Arc<str>,
}

/// Where a field's value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// In the struct.
    Field(usize),
    /// In a struct that stands for a `oneof`: the struct's field and the member.
    Union(usize, usize),
}

#[derive(Debug)]
pub(super) enum Shape {
    One(Kind),
    Repeated(Kind),
    /// The key's and the value's field.
    Map(Box<[Entry; 2]>),
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar(FieldType),
    /// An enum's numbers by symbol.
    Symbols(Arc<HashMap<String, i32>>),
    Wrapper(FieldType),
    WellKnown(WellKnown),
    Message(Arc<Schema>, Arc<Layout>),
    /// A struct within itself: an index in [`Plan::again`].
    Again(usize),
}

/// Appends a record.
pub(super) fn encode(out: &mut Vec<u8>, plan: &Plan, value: &Value) -> Result<()> {
    match &plan.root {
        Root::Message(schema, layout) => message(out, &plan.again, schema, layout, value),
        Root::Wrapped(kind) => field(out, &plan.again, 1, kind, false, value),
    }
}

fn message(out: &mut Vec<u8>, again: &[Target], schema: &Schema, layout: &Layout, value: &Value) -> Result<()> {
    let Value::Struct(fields) = value else { return Err(wrong_class(Type::Struct, value)) };
    // Comparing schemas field by field is only needed where they are not the very same one.
    if !std::ptr::eq(schema, &*fields.schema) && *schema != *fields.schema {
        return Err(mismatching());
    }
    write_fields(out, again, layout, fields)
}

#[cold]
fn mismatching() -> ConnectError {
    ConnectError::data("Mismatching struct schema")
}

/// Appends a struct that stands within one of the same schema, whose place may say other things of it.
fn within_itself(out: &mut Vec<u8>, again: &[Target], target: &Target, value: &Value) -> Result<()> {
    let Value::Struct(fields) = value else { return Err(wrong_class(Type::Struct, value)) };
    if !target.schema.same_fields(&fields.schema) {
        return Err(mismatching());
    }
    write_fields(out, again, &target.layout, fields)
}

fn write_fields(out: &mut Vec<u8>, again: &[Target], layout: &Layout, fields: &Struct) -> Result<()> {
    for entry in &layout.fields {
        self::entry(out, again, entry, find(entry, fields)).map_err(|error| in_field(&entry.name, error))?;
    }
    Ok(())
}

#[cold]
fn in_field(name: &str, error: ConnectError) -> ConnectError {
    ConnectError::data(format!("field \"{name}\" cannot be written")).caused_by(error)
}

/// A field's value; of a `oneof` only the first member that is set has one.
fn find<'v>(entry: &'v Entry, fields: &'v Struct) -> &'v Value {
    let value = match entry.source {
        Source::Field(index) => fields.values.get(index),
        Source::Union(index, member) => match fields.values.get(index) {
            Some(Value::Struct(union)) if union.values.iter().take(member).all(Value::is_null) => {
                union.values.get(member)
            }
            _ => return &Value::Null,
        },
    };
    match (value, &entry.default) {
        (Some(Value::Null) | None, Some(default)) => default,
        (Some(value), _) => value,
        (None, None) => &Value::Null,
    }
}

fn entry(out: &mut Vec<u8>, again: &[Target], entry: &Entry, value: &Value) -> Result<()> {
    if value.is_null() {
        return Ok(());
    }
    match &entry.shape {
        Shape::One(kind) => field(out, again, entry.number, kind, entry.has_presence, value),
        Shape::Repeated(kind) => {
            let Value::Array(elements) = value else { return Err(wrong_class(Type::Array, value)) };
            repeated(out, again, entry.number, kind, elements)
        }
        Shape::Map(fields) => {
            let Value::Map(entries) = value else { return Err(wrong_class(Type::Map, value)) };
            map(out, again, entry.number, fields, entries)
        }
    }
}

fn repeated(out: &mut Vec<u8>, again: &[Target], number: u32, kind: &Kind, elements: &[Value]) -> Result<()> {
    let packed = match kind {
        Kind::Scalar(scalar) => wire_type(*scalar) != WireType::Length,
        Kind::Symbols(_) => true,
        _ => false,
    };
    if !packed || elements.is_empty() {
        return elements.iter().try_for_each(|element| {
            if element.is_null() {
                return Err(ConnectError::data("an array with a null has no form in Protobuf"));
            }
            field(out, again, number, kind, true, element)
        });
    }
    put_tag(out, number, WireType::Length);
    put_nested(out, |out| elements.iter().try_for_each(|element| scalar(out, kind, element)))
}

fn map(out: &mut Vec<u8>, again: &[Target], number: u32, fields: &[Entry; 2], entries: &Map) -> Result<()> {
    for (key, value) in entries.iter() {
        put_tag(out, number, WireType::Length);
        put_nested(out, |out| {
            for (entry, value) in fields.iter().zip([key, value]) {
                self::entry(out, again, entry, value)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Appends a field; one without presence only where it is not the default of its type.
fn field(
    out: &mut Vec<u8>,
    again: &[Target],
    number: u32,
    kind: &Kind,
    has_presence: bool,
    value: &Value,
) -> Result<()> {
    match kind {
        Kind::Scalar(_) | Kind::Symbols(_) => {
            let start = out.len();
            put_tag(out, number, scalar_wire_type(kind));
            let body = out.len();
            scalar(out, kind, value)?;
            // The default of every scalar is all zeros, and nothing else is: an empty length, false, +0.0.
            if !has_presence && out[body..].iter().all(|byte| *byte == 0) && is_whole_default(kind, &out[body..]) {
                out.truncate(start);
            }
            Ok(())
        }
        Kind::Wrapper(inner) => {
            put_tag(out, number, WireType::Length);
            put_nested(out, |out| field(out, again, 1, &Kind::Scalar(*inner), false, value))
        }
        Kind::WellKnown(known) => {
            put_tag(out, number, WireType::Length);
            put_nested(out, |out| well_known(out, *known, value))
        }
        Kind::Message(schema, layout) => {
            put_tag(out, number, WireType::Length);
            put_nested(out, |out| message(out, again, schema, layout, value))
        }
        Kind::Again(index) => {
            put_tag(out, number, WireType::Length);
            put_nested(out, |out| within_itself(out, again, &again[*index], value))
        }
    }
}

/// Whether zeros are all there is: text and bytes may hold zeros behind their length, which then is not zero.
fn is_whole_default(kind: &Kind, bytes: &[u8]) -> bool {
    scalar_wire_type(kind) != WireType::Length || bytes.len() == 1
}

fn scalar_wire_type(kind: &Kind) -> WireType {
    match kind {
        Kind::Scalar(scalar) => wire_type(*scalar),
        Kind::Symbols(_) => WireType::Varint,
        _ => WireType::Length,
    }
}

/// Appends a scalar without its tag.
fn scalar(out: &mut Vec<u8>, kind: &Kind, value: &Value) -> Result<()> {
    let scalar = match kind {
        Kind::Scalar(scalar) => *scalar,
        Kind::Symbols(symbols) => {
            let number = value.as_str().and_then(|symbol| symbols.get(symbol));
            let number = number.ok_or_else(|| {
                ConnectError::data(format!("{} is no symbol of the enum", value.as_str().unwrap_or(value.java_class())))
            })?;
            put_varint(out, i64::from(*number) as u64);
            return Ok(());
        }
        _ => return Err(ConnectError::data("a message where a scalar is needed")),
    };
    match (scalar, value) {
        (FieldType::String, Value::String(text)) => put_bytes(out, text.as_bytes()),
        (FieldType::Bytes, Value::Bytes(bytes)) => put_bytes(out, bytes),
        (FieldType::Bool, Value::Boolean(value)) => put_varint(out, u64::from(*value)),
        (FieldType::Float, Value::Float32(number)) => out.extend_from_slice(&number.to_le_bytes()),
        (FieldType::Double, Value::Float64(number)) => out.extend_from_slice(&number.to_le_bytes()),
        (FieldType::String | FieldType::Bytes | FieldType::Bool | FieldType::Float | FieldType::Double, _) => {
            return Err(wrong_class(super::to_connect::scalar_type(scalar), value));
        }
        _ => {
            let number = match value {
                Value::Int8(number) => i64::from(*number),
                Value::Int16(number) => i64::from(*number),
                Value::Int32(number) => i64::from(*number),
                Value::Int64(number) => *number,
                _ => return Err(wrong_class(super::to_connect::scalar_type(scalar), value)),
            };
            integer(out, scalar, number);
        }
    }
    Ok(())
}

fn integer(out: &mut Vec<u8>, scalar: FieldType, number: i64) {
    match scalar {
        FieldType::Int32 | FieldType::Enum => put_varint(out, i64::from(number as i32) as u64),
        FieldType::Uint32 => put_varint(out, u64::from(number as u32)),
        FieldType::Sint32 => put_varint(out, zigzag(i64::from(number as i32))),
        FieldType::Sint64 => put_varint(out, zigzag(number)),
        FieldType::Fixed32 | FieldType::Sfixed32 => out.extend_from_slice(&(number as i32).to_le_bytes()),
        FieldType::Fixed64 | FieldType::Sfixed64 => out.extend_from_slice(&number.to_le_bytes()),
        _ => put_varint(out, number as u64),
    }
}

#[cold]
fn wrong_class(kind: Type, value: &Value) -> ConnectError {
    ConnectError::data(format!("Invalid type for {}: class {}", kind.name(), value.java_class()))
}

fn well_known(out: &mut Vec<u8>, known: WellKnown, value: &Value) -> Result<()> {
    let wrong = |kind: &str, needed: &str| {
        let found = value.java_class();
        ConnectError::data(format!("Invalid type for {kind}, expected {needed} but was class {found}"))
    };
    let numbers = match (known, value) {
        (WellKnown::Decimal, Value::Decimal(value)) => return decimal(out, value),
        (WellKnown::Decimal, _) => return Err(wrong("Decimal", "BigDecimal")),
        (WellKnown::Date, Value::Date(millis)) => {
            if millis % MILLIS_PER_DAY != 0 {
                let message = "Kafka Connect Date type should not have any time fields set to non-zero values.";
                return Err(ConnectError::data(message));
            }
            let date = DateTime::from_millis(*millis);
            [date.year_of_era(), date.month, date.day, 0]
        }
        (WellKnown::Time, Value::Date(millis)) => {
            if !(0..=MILLIS_PER_DAY).contains(millis) {
                let message = "Time values must use number of millis greater than 0 and less than 86400000";
                return Err(ConnectError::data(message));
            }
            let time = DateTime::from_millis(*millis);
            [time.hour, time.minute, time.second, time.milli * 1_000_000]
        }
        (WellKnown::Timestamp, Value::Date(millis)) => {
            [millis.div_euclid(1000), millis.rem_euclid(1000) * 1_000_000, 0, 0]
        }
        (WellKnown::Date, _) => return Err(wrong("Date", "Date")),
        (WellKnown::Time, _) => return Err(wrong("Time", "Date")),
        (WellKnown::Timestamp, _) => return Err(wrong("Timestamp", "Date")),
    };
    for (number, value) in (1..).zip(numbers) {
        if value != 0 {
            put_tag(out, number, WireType::Varint);
            put_varint(out, value as u64);
        }
    }
    Ok(())
}

fn decimal(out: &mut Vec<u8>, value: &BigDecimal) -> Result<()> {
    let (unscaled, scale) = value.as_bigint_and_exponent();
    let scale = i32::try_from(scale).map_err(|_| ConnectError::data("a decimal whose scale is out of range"))?;
    put_tag(out, 1, WireType::Length);
    put_bytes(out, &unscaled.to_signed_bytes_be());
    put_tag(out, 2, WireType::Varint);
    put_varint(out, unscaled.magnitude().to_string().len() as u64);
    if scale != 0 {
        put_tag(out, 3, WireType::Varint);
        put_varint(out, i64::from(scale) as u64);
    }
    Ok(())
}
