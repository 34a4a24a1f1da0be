//! A value's bytes.

use longshore_api::schema::logical;
use longshore_api::{Schema, Struct, Type as Kind, Value};
use longshore_formats::java_time::DateTimeFormatter;

use super::{Wrong, number, time};
use crate::evolve::is_union;
use crate::json;
use crate::types::Type;

/// Writes values of one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    /// The pattern of its texts.
    pub(super) format: Option<&'a DateTimeFormatter>,
    /// Whether JSON is written as a string.
    pub(super) json_as_string: bool,
}

/// The discriminator of null in a Variant.
const NO_VARIANT: u8 = 255;

impl Writer<'_> {
    /// Appends a value as one of a type; after an error `out` may hold a part of it.
    pub(super) fn write(
        &self,
        kind: &Type,
        value: &Value,
        schema: Option<&Schema>,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        match (kind, value) {
            (Type::Nullable(_), Value::Null) => out.push(1),
            (Type::Nullable(inner), _) => {
                out.push(0);
                self.write(inner, value, schema, out)?;
            }
            (Type::Variant(_), Value::Null) => out.push(NO_VARIANT),
            // A Tuple has no null, and is null where all that it is made of is.
            (Type::Tuple(elements), Value::Null) if elements.iter().all(|(_, kind)| can_be_empty(kind)) => {
                elements.iter().try_for_each(|(_, kind)| self.empty(kind, out))?;
            }
            (_, Value::Null) => return Err(Wrong::Null),
            (Type::Variant(alternatives), _) => self.variant(alternatives, value, schema, out)?,
            (Type::Array(inner), Value::Array(values)) => {
                length(values.len(), out);
                let element = schema.and_then(|schema| schema.value_schema.as_deref());
                values.iter().try_for_each(|value| self.write(inner, value, element, out))?;
            }
            (Type::Map(key, inner), Value::Map(map)) => {
                length(map.len(), out);
                let keys = schema.and_then(|schema| schema.key_schema.as_deref());
                let values = schema.and_then(|schema| schema.value_schema.as_deref());
                for (name, value) in map.iter() {
                    self.write(key, name, keys, out)?;
                    self.write(inner, value, values, out)?;
                }
            }
            (Type::Tuple(elements), Value::Struct(value)) => self.tuple(elements, value, out)?,
            (Type::Unknown(text), _) => {
                return Err(Wrong::because(format!("Cannot serialize unsupported type {text}")));
            }
            _ => self.scalar(kind, value, schema, out)?,
        }
        Ok(())
    }

    fn scalar(&self, kind: &Type, value: &Value, schema: Option<&Schema>, out: &mut Vec<u8>) -> Result<(), Wrong> {
        match (kind, value) {
            (Type::Int { bytes, signed }, _) => number::integer(*bytes, *signed, value, out),
            (Type::Decimal { bytes, precision, scale }, _) => number::decimal(*bytes, *precision, *scale, value, out),
            (Type::Float32, Value::Float32(number)) => {
                out.extend(number.to_le_bytes());
                Ok(())
            }
            (Type::Float64, Value::Float64(number)) => {
                out.extend(number.to_le_bytes());
                Ok(())
            }
            (Type::Bool, _) => {
                out.push(u8::from(truth(value)?));
                Ok(())
            }
            (Type::String, _) => {
                let bytes = bytes(value).ok_or(Wrong::Type)?;
                length(bytes.len(), out);
                out.extend_from_slice(bytes);
                Ok(())
            }
            (Type::FixedString(size), Value::String(_) | Value::Bytes(_)) => {
                let bytes = bytes(value).ok_or(Wrong::Type)?;
                let missing = size.checked_sub(bytes.len());
                let missing = missing.ok_or_else(|| Wrong::because(format!("it has {} bytes", bytes.len())))?;
                out.extend_from_slice(bytes);
                out.extend(std::iter::repeat_n(0, missing));
                Ok(())
            }
            (Type::Uuid, Value::String(text)) => {
                let id = uuid::Uuid::try_parse(text).map_err(|_| Wrong::because("it is no UUID"))?;
                let (high, low) = id.as_u64_pair();
                out.extend(high.to_le_bytes());
                out.extend(low.to_le_bytes());
                Ok(())
            }
            (Type::Ipv4, Value::String(text)) => {
                let address: std::net::Ipv4Addr = text.parse().map_err(|_| Wrong::because("it is no IPv4 address"))?;
                out.extend(u32::from(address).to_le_bytes());
                Ok(())
            }
            (Type::Ipv6, Value::String(text)) => {
                let address: std::net::IpAddr = text.parse().map_err(|_| Wrong::because("it is no IPv6 address"))?;
                out.extend(match address {
                    std::net::IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    std::net::IpAddr::V6(address) => address.octets(),
                });
                Ok(())
            }
            (Type::Enum { bytes, numbers }, Value::String(text)) => {
                let number = numbers.get(&**text).ok_or_else(|| Wrong::because("the column has no such name"))?;
                out.extend(&number.to_le_bytes()[..*bytes]);
                Ok(())
            }
            (Type::Date | Type::Date32 | Type::DateTime | Type::DateTime64(_), _) => {
                time::write(kind, value, schema, self.format, out)
            }
            (Type::Json, _) => self.json(value, out),
            _ => Err(Wrong::Type),
        }
    }

    fn tuple(&self, elements: &[(String, Type)], value: &Struct, out: &mut Vec<u8>) -> Result<(), Wrong> {
        for (name, kind) in elements {
            let field = value.schema.field_index(name);
            let schema = field.and_then(|field| value.schema.fields.get(field)).map(|field| &*field.schema);
            let found = field.and_then(|field| value.values.get(field));
            let missing = || Wrong::because(format!("there is no field for its element {name}"));
            match (found, kind) {
                (Some(Value::Null), _) => self.empty(kind, out).map_err(|wrong| within(name, wrong))?,
                (Some(found), _) => self.write(kind, found, schema, out).map_err(|wrong| within(name, wrong))?,
                (None, Type::Nullable(_) | Type::Variant(_)) => self.write(kind, &Value::Null, schema, out)?,
                (None, _) => return Err(missing()),
            }
        }
        Ok(())
    }

    /// Null, as an element of a Tuple has it: arrays and maps have nothing in them.
    fn empty(&self, kind: &Type, out: &mut Vec<u8>) -> Result<(), Wrong> {
        match kind {
            Type::Array(_) | Type::Map(..) => {
                length(0, out);
                Ok(())
            }
            _ => self.write(kind, &Value::Null, None, out),
        }
    }

    /// The first branch of a union that is not null, or the value itself, as the first alternative that takes it; one
    /// of the branch's own name first.
    fn variant(
        &self,
        alternatives: &[(String, Type)],
        value: &Value,
        schema: Option<&Schema>,
        out: &mut Vec<u8>,
    ) -> Result<(), Wrong> {
        let (value, schema) = match value {
            Value::Struct(union) if may_be_union(union) => match union.values.iter().position(|value| !value.is_null())
            {
                None => {
                    out.push(NO_VARIANT);
                    return Ok(());
                }
                Some(branch) => (&union.values[branch], union.schema.fields.get(branch).map(|field| &*field.schema)),
            },
            other => (other, schema),
        };
        let wanted = schema.map(|schema| schema.kind).or_else(|| value.kind()).map_or("", connect_name);
        let is_timed = |kind: &Type| matches!(kind, Type::Date | Type::Date32 | Type::DateTime | Type::DateTime64(_));
        let named = |(_, (name, kind)): &(usize, &(String, Type))| match value {
            Value::Date(_) => is_timed(kind),
            Value::Decimal(_) => matches!(kind, Type::Decimal { .. }),
            _ => name.eq_ignore_ascii_case(wanted),
        };
        let all = || alternatives.iter().enumerate();
        let start = out.len();
        for (number, (_, kind)) in all().filter(named).chain(all().filter(|one| !named(one))) {
            out.push(u8::try_from(number).unwrap_or(NO_VARIANT));
            if self.write(kind, value, schema, out).is_ok() {
                return Ok(());
            }
            out.truncate(start);
        }
        Err(Wrong::Type)
    }

    fn json(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), Wrong> {
        if !self.json_as_string {
            return Err(Wrong::because(
                "Writing JSON in binary is not supported yet. Use `input_format_binary_read_json_as_string=1` in \
                 clickhouse settings to allow writing as string",
            ));
        }
        let mut text = Vec::new();
        match value {
            Value::String(json) => text.extend_from_slice(json.as_bytes()),
            Value::Struct(value) => json::struct_value(value, &mut text),
            _ => return Err(Wrong::Type),
        }
        length(text.len(), out);
        out.extend_from_slice(&text);
        Ok(())
    }
}

/// Whether an element of a Tuple can be without a value.
fn can_be_empty(kind: &Type) -> bool {
    match kind {
        Type::Nullable(_) | Type::Variant(_) | Type::Array(_) | Type::Map(..) => true,
        Type::Tuple(elements) => elements.iter().all(|(_, kind)| can_be_empty(kind)),
        _ => false,
    }
}

/// An error of an element, with its name.
fn within(name: &str, wrong: Wrong) -> Wrong {
    match wrong {
        Wrong::Because(why) => Wrong::Because(format!("{name}: {why}")),
        Wrong::Null => Wrong::Because(format!("{name}: An attempt to write null into not nullable column")),
        Wrong::Type => Wrong::Because(format!("{name}: the value is of another type")),
    }
}

/// The ClickHouse type of a Connect type's name.
fn connect_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "Bool",
        Kind::Bytes => "String",
        other => other.name(),
    }
}

fn truth(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Boolean(value) => Ok(*value),
        _ => number::small(value).map(|number| number != 0).ok_or(Wrong::Type),
    }
}

/// Whether nothing is lost if a struct is taken for the one of its fields that is there, as is done with unions.
fn may_be_union(value: &Struct) -> bool {
    is_union(&value.schema) || value.values.iter().filter(|value| !value.is_null()).count() <= 1
}

/// The bytes of a text, of bytes, or of a union of the two.
fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        Value::Struct(union) => {
            let is_text = |field: &longshore_api::Field| matches!(field.schema.kind, Kind::String | Kind::Bytes);
            let is_text = may_be_union(union) && union.schema.fields.iter().all(is_text);
            union.values.iter().find(|value| !value.is_null()).filter(|_| is_text).and_then(bytes)
        }
        _ => None,
    }
}

/// Appends a length: seven bits a byte, the lowest first.
pub(super) fn length(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Whether a schema is of Connect's logical type.
pub(super) fn is_logical(schema: Option<&Schema>, name: &str) -> bool {
    schema.and_then(Schema::logical_name) == Some(name)
}

/// Whether a moment is one of Connect's Timestamp, for which no date column is meant.
pub(super) fn is_timestamp(schema: Option<&Schema>) -> bool {
    is_logical(schema, logical::TIMESTAMP)
}
