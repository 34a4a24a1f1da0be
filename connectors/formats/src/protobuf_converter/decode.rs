//! From bytes to values, along a plan.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use longshore_api::{ConnectError, Data, Map, Result, Schema, Struct, Value};
use num_bigint::BigInt;

use super::descriptor::FieldType;
use super::names::WellKnown;
use super::plan::{Into, Kind, Layout, MapEntry, Message, Place, Plan, Scalar, Shape};
use super::wire::{Reader, WireType, invalid, unexpected_end_group, unzigzag};
use crate::distinct;
use crate::java_text::calendar;

/// Deeper messages are refused, as by Google's library.
const MAX_DEPTH: usize = 100;

/// The record that bytes stand for.
pub(super) fn decode(bytes: &[u8], plan: &Plan) -> Result<Data> {
    let mut reader = Reader::new(bytes);
    let value = match &plan.unwrapped {
        Some(scalar) => wrapped(&mut reader, scalar)?,
        None => {
            let scope = Scope { depth: 0, group: None, again: &plan.again };
            message(&mut reader, &plan.schema, &plan.layout, None, scope)?
        }
    };
    let value = if plan.layout.has_maps { settled(value) } else { value };
    Ok(Data::new(Arc::clone(&plan.schema), value))
}

/// Lets the last of equal keys of every map count. Once a record: a message in many pieces would make it cost its
/// square anywhere else.
fn settled(value: Value) -> Value {
    match value {
        Value::Struct(fields) => {
            let values = fields.values.into_iter().map(settled).collect();
            Value::Struct(Struct { schema: fields.schema, values })
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(settled).collect()),
        Value::Map(entries) => {
            Value::Map(distinct::map(entries.into_iter().map(|(key, value)| (key, settled(value))).collect()))
        }
        other => other,
    }
}

/// Where in the nesting a message stands.
#[derive(Clone, Copy)]
struct Scope<'p> {
    depth: usize,
    /// The number of the group whose end is the message's end.
    group: Option<u32>,
    /// [`Plan::again`].
    again: &'p [Message],
}

impl Scope<'_> {
    fn inner(self, group: Option<u32>) -> Result<Self> {
        if self.depth >= MAX_DEPTH {
            return Err(invalid(
                "Protocol message had too many levels of nesting. May be malicious. Use setRecursionLimit() to increase \
                 the recursion depth limit.",
            ));
        }
        Ok(Self { depth: self.depth + 1, group, ..self })
    }
}

/// Reads a message; `earlier` is what an earlier occurrence of the field left, with which it is merged.
fn message(
    reader: &mut Reader<'_>,
    schema: &Arc<Schema>,
    layout: &Layout,
    earlier: Option<Struct>,
    scope: Scope<'_>,
) -> Result<Value> {
    let mut values = earlier.map_or_else(|| layout.empty.clone(), |earlier| earlier.values);
    let mut seen_required: Vec<u32> = Vec::new();
    let mut guess = 0;
    loop {
        if reader.is_at_end() {
            if scope.group.is_some() {
                return Err(unexpected_end_group());
            }
            break;
        }
        let (number, wire_type) = reader.tag()?;
        if wire_type == WireType::EndGroup && scope.group == Some(number) {
            break;
        }
        let Some(index) = layout.find(number, guess) else {
            reader.skip(number, wire_type)?;
            continue;
        };
        guess = index + 1;
        let entry = &layout.fields[index];
        if layout.required.iter().any(|(_, required)| *required == number) && !seen_required.contains(&number) {
            seen_required.push(number);
        }
        let slot = slot(&mut values, layout, entry.place);
        let Some(slot) = slot else { continue };
        let known = match &entry.shape {
            Shape::One(kind) => one(reader, kind, number, wire_type, slot, scope)?,
            Shape::Repeated(kind) => repeated(reader, kind, number, wire_type, slot, scope)?,
            Shape::Map(entry) => map_entry(reader, entry, wire_type, slot, scope)?,
        };
        if !known {
            // As Google's library: a field that is laid out in another way is a field that nobody knows.
            guess = index;
            reader.skip(number, wire_type)?;
        }
    }
    if let Some((name, _)) = layout.required.iter().find(|(_, number)| !seen_required.contains(number)) {
        return Err(invalid(&format!("Message missing required fields: {name}")));
    }
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}

/// Where a field's value goes; of a `oneof` only the latest member stays.
fn slot<'v>(values: &'v mut [Value], layout: &Layout, place: Place) -> Option<&'v mut Value> {
    match place {
        Place::Field(field) => values.get_mut(field),
        Place::Flattened(union, field) => {
            for other in layout.flattened.get(union)? {
                if *other != field {
                    *values.get_mut(*other)? = Value::Null;
                }
            }
            values.get_mut(field)
        }
        Place::Union(union, member) => {
            let (field, schema) = layout.unions.get(union)?;
            let slot = values.get_mut(*field)?;
            let is_same =
                matches!(slot, Value::Struct(one) if one.values.get(member).is_some_and(|value| !value.is_null()));
            if !is_same {
                let values = vec![Value::Null; schema.fields.len()];
                *slot = Value::Struct(Struct { schema: Arc::clone(schema), values });
            }
            match slot {
                Value::Struct(one) => one.values.get_mut(member),
                _ => None,
            }
        }
    }
}

/// Reads a field that holds one value; `false`, and nothing read, if it is laid out in another way.
fn one(
    reader: &mut Reader<'_>,
    kind: &Kind,
    number: u32,
    wire_type: WireType,
    slot: &mut Value,
    scope: Scope<'_>,
) -> Result<bool> {
    if wire_type != layout_of(kind) {
        return Ok(false);
    }
    let earlier = match slot {
        Value::Struct(_) => match std::mem::replace(slot, Value::Null) {
            Value::Struct(earlier) => Some(earlier),
            _ => None,
        },
        _ => None,
    };
    if let Some(value) = value(reader, kind, number, earlier, scope)? {
        *slot = value;
    }
    Ok(true)
}

fn repeated(
    reader: &mut Reader<'_>,
    kind: &Kind,
    number: u32,
    wire_type: WireType,
    slot: &mut Value,
    scope: Scope<'_>,
) -> Result<bool> {
    if !matches!(slot, Value::Array(_)) {
        *slot = Value::Array(Vec::new());
    }
    let Value::Array(elements) = slot else { return Ok(false) };
    let natural = layout_of(kind);
    if wire_type == natural {
        elements.extend(value(reader, kind, number, None, scope)?);
        return Ok(true);
    }
    let Kind::Scalar(scalar) = kind else { return Ok(false) };
    if wire_type != WireType::Length {
        return Ok(false);
    }
    let mut packed = Reader::new(reader.bytes()?);
    // Every number takes a byte at least, and those of a fixed size four or eight.
    let size = match natural {
        WireType::Fixed64 => 8,
        WireType::Fixed32 => 4,
        _ => 1,
    };
    elements.reserve(packed.left() / size);
    while !packed.is_at_end() {
        elements.extend(self::scalar(&mut packed, scalar)?);
    }
    Ok(true)
}

fn map_entry(
    reader: &mut Reader<'_>,
    plan: &MapEntry,
    wire_type: WireType,
    slot: &mut Value,
    scope: Scope<'_>,
) -> Result<bool> {
    if wire_type != WireType::Length {
        return Ok(false);
    }
    let mut entry = Reader::new(reader.bytes()?);
    let scope = scope.inner(None)?;
    let (mut key, mut value) = (None, None);
    while !entry.is_at_end() {
        let (number, wire_type) = entry.tag()?;
        match number {
            1 if wire_type == scalar_layout(&plan.key) => key = scalar(&mut entry, &plan.key)?,
            2 if wire_type == layout_of(&plan.value) => {
                value = self::value(&mut entry, &plan.value, number, None, scope)?;
            }
            _ => entry.skip(number, wire_type)?,
        }
    }
    if !matches!(slot, Value::Map(_)) {
        *slot = Value::Map(Map::new());
    }
    if let Value::Map(map) = slot {
        let key = key.unwrap_or_else(|| zero(&plan.key));
        // Keys that come twice are looked for when the record is read.
        map.push_new(key, value.unwrap_or_else(|| missing(plan, scope)));
    }
    Ok(true)
}

/// What stands for a map's value that is not in the bytes.
fn missing(plan: &MapEntry, scope: Scope<'_>) -> Value {
    match &plan.value {
        Kind::Again { index, .. } => {
            let Message { schema, layout } = &scope.again[*index];
            Value::Struct(Struct { schema: Arc::clone(schema), values: layout.empty.clone() })
        }
        _ => plan.missing.clone(),
    }
}

/// A value of a field, its layout checked; `None` for an enum's number that is no value of it.
fn value(
    reader: &mut Reader<'_>,
    kind: &Kind,
    number: u32,
    earlier: Option<Struct>,
    scope: Scope<'_>,
) -> Result<Option<Value>> {
    Ok(Some(match kind {
        Kind::Scalar(one) => return scalar(reader, one),
        Kind::Message(schema, layout) => {
            let mut nested = Reader::new(reader.bytes()?);
            message(&mut nested, schema, layout, earlier, scope.inner(None)?)?
        }
        Kind::Group(schema, layout) => message(reader, schema, layout, earlier, scope.inner(Some(number))?)?,
        Kind::Again { index, is_group } => {
            let Message { schema, layout } = &scope.again[*index];
            match is_group {
                true => message(reader, schema, layout, earlier, scope.inner(Some(number))?)?,
                false => message(&mut Reader::new(reader.bytes()?), schema, layout, earlier, scope.inner(None)?)?,
            }
        }
        Kind::Wrapper(scalar) => wrapped(&mut Reader::new(reader.bytes()?), scalar)?,
        Kind::WellKnown(known) => well_known(reader.bytes()?, *known)?,
    }))
}

fn wrapped(reader: &mut Reader<'_>, scalar: &Scalar) -> Result<Value> {
    let mut value = zero(scalar);
    while !reader.is_at_end() {
        let (number, wire_type) = reader.tag()?;
        if number == 1 && wire_type == scalar_layout(scalar) {
            value = self::scalar(reader, scalar)?.unwrap_or(value);
        } else {
            reader.skip(number, wire_type)?;
        }
    }
    Ok(value)
}

fn layout_of(kind: &Kind) -> WireType {
    match kind {
        Kind::Scalar(scalar) => scalar_layout(scalar),
        Kind::Group(..) | Kind::Again { is_group: true, .. } => WireType::StartGroup,
        _ => WireType::Length,
    }
}

fn scalar_layout(scalar: &Scalar) -> WireType {
    wire_type(scalar.kind)
}

/// How values of a type are laid out.
pub(super) fn wire_type(kind: FieldType) -> WireType {
    match kind {
        FieldType::Double | FieldType::Fixed64 | FieldType::Sfixed64 => WireType::Fixed64,
        FieldType::Float | FieldType::Fixed32 | FieldType::Sfixed32 => WireType::Fixed32,
        FieldType::String | FieldType::Bytes | FieldType::Message | FieldType::Named => WireType::Length,
        FieldType::Group => WireType::StartGroup,
        _ => WireType::Varint,
    }
}

fn scalar(reader: &mut Reader<'_>, scalar: &Scalar) -> Result<Option<Value>> {
    let small = |number: i32| match &scalar.into {
        Into::Int8 => Value::Int8(number as i8),
        Into::Int16 => Value::Int16(number as i16),
        _ => Value::Int32(number),
    };
    Ok(Some(match scalar.kind {
        FieldType::Int32 => small(reader.varint()? as i32),
        FieldType::Sint32 => small(unzigzag(reader.varint()? & 0xFFFF_FFFF) as i32),
        FieldType::Sfixed32 => small(i32::from_le_bytes(reader.fixed32()?)),
        FieldType::Uint32 => Value::Int64(i64::from(reader.varint()? as u32)),
        FieldType::Fixed32 => Value::Int64(i64::from(u32::from_le_bytes(reader.fixed32()?))),
        FieldType::Int64 | FieldType::Uint64 => Value::Int64(reader.varint()? as i64),
        FieldType::Sint64 => Value::Int64(unzigzag(reader.varint()?)),
        FieldType::Fixed64 | FieldType::Sfixed64 => Value::Int64(i64::from_le_bytes(reader.fixed64()?)),
        FieldType::Float => Value::Float32(f32::from_le_bytes(reader.fixed32()?)),
        FieldType::Double => Value::Float64(f64::from_le_bytes(reader.fixed64()?)),
        FieldType::Bool => Value::Boolean(reader.varint()? != 0),
        FieldType::String => match std::str::from_utf8(reader.bytes()?) {
            Ok(text) => Value::string(text),
            Err(_) => return Err(invalid("Protocol message had invalid UTF-8.")),
        },
        FieldType::Bytes => Value::Bytes(Bytes::copy_from_slice(reader.bytes()?)),
        FieldType::Enum => return Ok(symbol(reader.varint()? as i32, &scalar.into)),
        FieldType::Message | FieldType::Group | FieldType::Named => return Ok(None),
    }))
}

/// The value of an enum's number.
pub(super) fn symbol(number: i32, into: &Into) -> Option<Value> {
    match into {
        Into::Symbols(symbols) => match symbols.get(number) {
            Some(symbol) => Some(Value::String(Arc::clone(symbol))),
            // What Google's library calls a number that has no name.
            None if symbols.is_open => Some(Value::string(format!("UNKNOWN_ENUM_VALUE_{}_{number}", symbols.name))),
            None => None,
        },
        Into::Numbers(symbols) if !symbols.is_open && symbols.get(number).is_none() => None,
        _ => Some(Value::Int32(number)),
    }
}

/// What stands for a scalar that is not in the bytes.
pub(super) fn zero(scalar: &Scalar) -> Value {
    match (scalar.kind, &scalar.into) {
        (FieldType::String, _) => Value::string(""),
        (FieldType::Bytes, _) => Value::Bytes(Bytes::new()),
        (FieldType::Bool, _) => Value::Boolean(false),
        (FieldType::Float, _) => Value::Float32(0.0),
        (FieldType::Double, _) => Value::Float64(0.0),
        (FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32, Into::Int8) => Value::Int8(0),
        (FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32, Into::Int16) => Value::Int16(0),
        (FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32, _) => Value::Int32(0),
        (FieldType::Enum, into) => symbol(0, into).unwrap_or(Value::Null),
        _ => Value::Int64(0),
    }
}

/// The numbers and the bytes of a small message, by field.
fn well_known(bytes: &[u8], known: WellKnown) -> Result<Value> {
    let (mut numbers, mut unscaled) = ([0_u64; 5], None);
    let mut reader = Reader::new(bytes);
    while !reader.is_at_end() {
        let (number, wire_type) = reader.tag()?;
        match (number, wire_type) {
            (1..=4, WireType::Varint) => numbers[number as usize] = reader.varint()?,
            (1, WireType::Length) if known == WellKnown::Decimal => unscaled = Some(reader.bytes()?),
            _ => reader.skip(number, wire_type)?,
        }
    }
    let [_, first, second, third, fourth] = numbers;
    Ok(match known {
        WellKnown::Decimal => Value::Decimal(decimal(unscaled.unwrap_or_default(), second as u32, third as i32)?),
        WellKnown::Date => Value::Date(date(first as i32, second as i32, third as i32)?),
        WellKnown::Time => Value::Date(time(first as i32, second as i32, third as i32, fourth as i32)?),
        WellKnown::Timestamp => {
            let millis = (first as i64).checked_mul(1000);
            let millis = millis.and_then(|millis| millis.checked_add(i64::from(second as i32).div_euclid(1_000_000)));
            Value::Date(millis.ok_or_else(|| ConnectError::data("a Timestamp that is out of range"))?)
        }
    })
}

fn decimal(unscaled: &[u8], precision: u32, scale: i32) -> Result<BigDecimal> {
    if unscaled.is_empty() {
        return Err(ConnectError::data("Zero length BigInteger").with_class("java.lang.NumberFormatException"));
    }
    let decimal = BigDecimal::new(BigInt::from_signed_bytes_be(unscaled), i64::from(scale));
    if precision == 0 || decimal.digits() <= u64::from(precision) {
        return Ok(decimal);
    }
    // As Java's BigDecimal with a MathContext: rounded half up to so many digits.
    Ok(decimal.with_precision_round(
        std::num::NonZeroU64::from(std::num::NonZeroU32::new(precision).unwrap_or(std::num::NonZeroU32::MIN)),
        bigdecimal::RoundingMode::HalfUp,
    ))
}

/// Milliseconds of a date's midnight. The year 0, which Protobuf has for a date without year, is no date of Connect.
fn date(year: i32, month: i32, day: i32) -> Result<i64> {
    let wanted = [year, month, day].map(i64::from);
    let millis = calendar::days(wanted[0], wanted[1], wanted[2]).checked_mul(calendar::MILLIS_PER_DAY);
    let is_wanted = |millis: &i64| {
        let found = calendar::DateTime::from_millis(*millis);
        year >= 1 && [found.year, found.month, found.day] == wanted
    };
    let invalid = || ConnectError::data(format!("{year}-{month}-{day} is no valid google.type.Date"));
    millis.filter(is_wanted).ok_or_else(invalid)
}

fn time(hours: i32, minutes: i32, seconds: i32, nanos: i32) -> Result<i64> {
    let valid = (0..24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0..60).contains(&seconds)
        && (0..1_000_000_000).contains(&nanos);
    if !valid {
        let message = format!("{hours}:{minutes}:{seconds} and {nanos} ns is no valid google.type.TimeOfDay");
        return Err(ConnectError::data(message));
    }
    Ok(((i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds)) * 1000 + i64::from(nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_none_or_that_no_date_can_hold_are_refused() {
        assert_eq!(date(2026, 11, 22), Ok(1_795_305_600_000));
        assert_eq!(date(292_278_993, 12, 31).map(|millis| millis > 0), Ok(true));
        for (year, month, day) in [(0, 1, 1), (2026, 2, 29), (2026, 13, 1), (-1_780_777_610, 1, 1), (i32::MAX, 12, 31)]
        {
            let error = date(year, month, day).unwrap_err();
            assert_eq!(error.message, Some(format!("{year}-{month}-{day} is no valid google.type.Date")));
        }
    }
}
