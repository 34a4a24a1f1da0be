//! The functions that expressions call.

use longshore_api::{Type, Value};
use longshore_formats::java_time::{Zone, parse_zone};
use longshore_formats::{java_number, java_text};

use super::eval::Val;
use super::number::{self, Number};
use super::steps::Steps;
use super::time::{self, Part};

/// A function; its first argument is what it is called on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Function {
    Size,
    Itself,
    ToInteger,
    ToFloat,
    ToDecimal,
    ToText,
    ToBytes,
    ToBoolean,
    ToMoment,
    FromMillis,
    Millis,
    ToDuration,
    TimePart(Part, Box<Zone>),
    Contains,
    StartsWith,
    EndsWith,
    Equals {
        ignores_case: bool,
    },
    Lower {
        ascii: bool,
    },
    Upper {
        ascii: bool,
    },
    Trim,
    Replace {
        all: bool,
    },
    Split,
    Join,
    Substring,
    IndexOf {
        last: bool,
    },
    CharacterAt,
    IsEmpty,
    /// What a text in the schema of Connect says: `name`, `version`, `doc`, `type`.
    SchemaPart(String),
    /// The schema of a field.
    SchemaField,
    /// Null of null, else what another function gives.
    OfNullable(Box<Function>),
}

/// CEL's names: the function, whether it is called on something, and how many arguments it takes beside that.
const CEL: &[(&str, bool, std::ops::RangeInclusive<usize>, Function)] = &[
    ("size", false, 1..=1, Function::Size),
    ("size", true, 0..=0, Function::Size),
    ("dyn", false, 1..=1, Function::Itself),
    ("int", false, 1..=1, Function::ToInteger),
    ("double", false, 1..=1, Function::ToFloat),
    ("decimal", false, 1..=1, Function::ToDecimal),
    ("string", false, 1..=1, Function::ToText),
    ("bytes", false, 1..=1, Function::ToBytes),
    ("bool", false, 1..=1, Function::ToBoolean),
    ("timestamp", false, 1..=1, Function::ToMoment),
    ("fromMillis", false, 1..=1, Function::FromMillis),
    ("toMillis", true, 0..=0, Function::Millis),
    ("duration", false, 1..=1, Function::ToDuration),
    ("contains", true, 1..=1, Function::Contains),
    ("startsWith", true, 1..=1, Function::StartsWith),
    ("endsWith", true, 1..=1, Function::EndsWith),
    ("lowerAscii", true, 0..=0, Function::Lower { ascii: true }),
    ("upperAscii", true, 0..=0, Function::Upper { ascii: true }),
    ("trim", true, 0..=0, Function::Trim),
    ("replace", true, 2..=2, Function::Replace { all: true }),
    ("split", true, 1..=1, Function::Split),
    ("join", true, 0..=1, Function::Join),
    ("substring", true, 1..=2, Function::Substring),
    ("indexOf", true, 1..=1, Function::IndexOf { last: false }),
    ("lastIndexOf", true, 1..=1, Function::IndexOf { last: true }),
    ("charAt", true, 1..=1, Function::CharacterAt),
];

const TIME_PARTS: &[(&str, Part)] = &[
    ("getFullYear", Part::Year),
    ("getMonth", Part::Month),
    ("getDate", Part::DayOfMonth),
    ("getDayOfMonth", Part::DayOfMonthFromZero),
    ("getDayOfWeek", Part::DayOfWeek),
    ("getDayOfYear", Part::DayOfYear),
    ("getHours", Part::Hours),
    ("getMinutes", Part::Minutes),
    ("getSeconds", Part::Seconds),
    ("getMilliseconds", Part::Milliseconds),
];

/// CEL's function of a name; `count` is how many arguments it is given beside what it is called on.
///
/// # Errors
/// There is none, or it takes another number of arguments.
pub(super) fn cel(name: &str, on_something: bool, count: usize) -> Result<Function, String> {
    let named = || CEL.iter().filter(|(known, on, ..)| *known == name && *on == on_something);
    if let Some((.., function)) = named().find(|(_, _, counts, _)| counts.contains(&count)) {
        return Ok(function.clone());
    }
    if named().next().is_some() {
        return Err(format!("{name} does not take {count} arguments"));
    }
    let form = if on_something { "a method" } else { "a function" };
    Err(format!("{name} is not {form} here"))
}

/// The function of a part of a moment, in a zone if one is given.
///
/// # Errors
/// The zone is unknown.
pub(super) fn time_part(name: &str, zone: Option<&str>) -> Option<Result<Function, String>> {
    let (_, part) = TIME_PARTS.iter().find(|(known, _)| *known == name)?;
    let zone = zone.map_or(Ok(Zone::utc()), |zone| parse_zone(zone).map_err(|error| error.0));
    Some(zone.map(|zone| Function::TimePart(*part, Box::new(zone))))
}

impl Function {
    /// The type of its result where that does not depend on what it is given.
    pub(super) fn result(&self) -> Option<Type> {
        Some(match self {
            Function::Size
            | Function::ToInteger
            | Function::Millis
            | Function::TimePart(..)
            | Function::IndexOf { .. } => Type::Int64,
            Function::ToFloat => Type::Float64,
            Function::ToText
            | Function::Lower { .. }
            | Function::Upper { .. }
            | Function::Trim
            | Function::Replace { .. }
            | Function::Join
            | Function::Substring
            | Function::CharacterAt => Type::String,
            Function::ToBytes => Type::Bytes,
            Function::ToBoolean
            | Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Equals { .. }
            | Function::IsEmpty => Type::Boolean,
            _ => return None,
        })
    }

    /// What messages call it.
    fn name(&self) -> String {
        match CEL.iter().find(|(.., function)| function == self) {
            Some((name, ..)) => (*name).to_owned(),
            None => format!("{self:?}").split([' ', '(']).next().unwrap_or_default().to_lowercase(),
        }
    }

    /// Calls it.
    ///
    /// # Errors
    /// Says what it cannot do with which types.
    pub(super) fn call<'a>(&self, on: Val<'a>, arguments: &[Val<'a>], steps: &mut Steps) -> Result<Val<'a>, String> {
        let value = match self {
            Function::Itself => return Ok(on),
            Function::OfNullable(_) if on.is_null() => Value::Null,
            Function::OfNullable(function) => return function.call(on, arguments, steps),
            Function::ToDuration => {
                let text = text(&on, self)?;
                return time::parse_duration(text).map(Val::Duration).ok_or(format!("{text:?} is no duration"));
            }
            Function::SchemaPart(_) | Function::SchemaField => return self.of_schema(&on, arguments),
            Function::Size => Value::Int64(size(&on)?),
            Function::IsEmpty => Value::Boolean(size(&on)? == 0),
            Function::Millis => match &on {
                Val::Duration(millis) => Value::Int64(*millis),
                Val::Data(value) if let Value::Date(millis) = **value => Value::Int64(millis),
                other => return Err(unfit("toMillis", other)),
            },
            Function::TimePart(part, zone) => Value::Int64(match &on {
                Val::Duration(millis) => part.of_duration(*millis).ok_or("a duration has no such part")?,
                Val::Data(value) if let Value::Date(millis) = **value => part.of(millis, zone),
                other => return Err(unfit("a part of a time", other)),
            }),
            Function::ToText => match &on {
                Val::Duration(millis) => Value::string(time::duration_text(*millis)),
                _ => Value::string(to_text(&on)?),
            },
            Function::ToInteger
            | Function::ToFloat
            | Function::ToDecimal
            | Function::ToBytes
            | Function::ToBoolean
            | Function::ToMoment
            | Function::FromMillis => self.convert(&on)?,
            _ => self.of_text(&on, arguments, steps)?,
        };
        Ok(Val::owned(value))
    }

    fn convert(&self, on: &Val<'_>) -> Result<Value, String> {
        let wrong = || unfit("a conversion", on);
        let value = on.data().ok_or_else(wrong)?;
        let none = |what: &str| format!("{:?} is no {what}", java_text::value(value));
        Ok(match (self, value) {
            (Function::ToInteger, Value::Date(millis)) => Value::Int64(millis.div_euclid(1000)),
            (Function::ToInteger, Value::String(text)) => {
                Value::Int64(java_number::integer(text).ok_or_else(|| none("integer"))?)
            }
            (Function::ToInteger, value) => Value::Int64(match Number::of(value).ok_or_else(wrong)? {
                Number::Integer(value) => value,
                other => {
                    let float = other.to_float();
                    if !(-9.2e18..=9.2e18).contains(&float) {
                        return Err(none("integer of 64 bits"));
                    }
                    match value {
                        Value::Decimal(decimal) => java_number::low_bits(decimal),
                        _ => float as i64,
                    }
                }
            }),
            (Function::ToFloat, Value::String(text)) => {
                Value::Float64(java_number::double(text).ok_or_else(|| none("number"))?)
            }
            (Function::ToFloat, value) => Value::Float64(Number::of(value).ok_or_else(wrong)?.to_float()),
            (Function::ToDecimal, Value::Decimal(_)) => value.clone(),
            (Function::ToDecimal, Value::String(_)) => {
                decimal(&java_text::value(value)).ok_or_else(|| none("number"))?
            }
            (Function::ToDecimal, value) => {
                Number::of(value).ok_or_else(wrong)?;
                decimal(&java_text::value(value)).ok_or_else(|| none("number"))?
            }
            (Function::ToBytes, Value::String(text)) => Value::Bytes(text.as_bytes().to_vec().into()),
            (Function::ToBytes, Value::Bytes(_)) | (Function::ToBoolean, Value::Boolean(_)) => value.clone(),
            (Function::ToBoolean, Value::String(text)) => Value::Boolean(match &**text {
                "true" | "TRUE" | "True" | "t" | "1" => true,
                "false" | "FALSE" | "False" | "f" | "0" => false,
                _ => return Err(none("boolean")),
            }),
            (Function::ToMoment, Value::Date(_)) => value.clone(),
            (Function::ToMoment, Value::String(text)) => {
                Value::Date(time::parse_moment(text).ok_or_else(|| none("timestamp of RFC 3339"))?)
            }
            (Function::ToMoment | Function::FromMillis, value) => match Number::of(value) {
                Some(Number::Integer(number)) => {
                    let factor = if *self == Function::ToMoment { 1000 } else { 1 };
                    Value::Date(number.checked_mul(factor).ok_or_else(|| none("timestamp in range"))?)
                }
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        })
    }

    fn of_text(&self, on: &Val<'_>, arguments: &[Val<'_>], steps: &mut Steps) -> Result<Value, String> {
        if let (Function::Join, Some(Value::Array(elements))) = (self, on.data()) {
            let separator = arguments.first().map_or(Ok(""), |one| text(one, self))?;
            let texts: Option<Vec<&str>> = elements.iter().map(Value::as_str).collect();
            let texts = texts.ok_or("join takes a list of texts")?;
            steps.take_bytes(texts.iter().map(|text| text.len() + separator.len()).sum());
            return Ok(if steps.are_left() { Value::string(texts.join(separator)) } else { Value::Null });
        }
        if let (Function::Contains, Some(Value::Array(elements)), [wanted]) = (self, on.data(), arguments) {
            let wanted = wanted.data();
            let is_there = wanted.is_some_and(|wanted| elements.iter().any(|one| number::is_equal(one, wanted, steps)));
            return Ok(Value::Boolean(is_there));
        }
        let argument = |index: usize| arguments.get(index).map_or(Ok(""), |one| text(one, self));
        let index = |index: usize| arguments.get(index).map(|one| position(one, self)).transpose();
        if let Function::Equals { ignores_case } = self {
            return Ok(Value::Boolean(equals(on, arguments, *ignores_case, steps)));
        }
        let on = text(on, self)?;
        steps.take_bytes(on.len());
        Ok(match self {
            Function::Contains => Value::Boolean(on.contains(argument(0)?)),
            Function::StartsWith => Value::Boolean(on.starts_with(argument(0)?)),
            Function::EndsWith => Value::Boolean(on.ends_with(argument(0)?)),
            Function::Lower { ascii: true } => Value::string(on.to_ascii_lowercase()),
            Function::Lower { ascii: false } => Value::string(on.to_lowercase()),
            Function::Upper { ascii: true } => Value::string(on.to_ascii_uppercase()),
            Function::Upper { ascii: false } => Value::string(on.to_uppercase()),
            Function::Trim => Value::string(on.trim()),
            Function::Replace { all } => {
                let (old, new, most) = (argument(0)?, argument(1)?, if *all { usize::MAX } else { 1 });
                // Paid before it is made: an empty text is found between all letters.
                steps.take_bytes(on.matches(old).take(most).count().saturating_mul(new.len()));
                if steps.are_left() { Value::string(on.replacen(old, new, most)) } else { Value::Null }
            }
            Function::Split => Value::Array(on.split(argument(0)?).map(Value::string).collect()),
            Function::Substring => {
                let (from, to) = (index(0)?.unwrap_or(0), index(1)?.unwrap_or(usize::MAX));
                Value::string(substring(on, from, to)?)
            }
            Function::CharacterAt => {
                let at = index(0)?.unwrap_or(0);
                Value::string(substring(on, at, at + 1)?)
            }
            Function::IndexOf { last } => {
                let found = if *last { on.rfind(argument(0)?) } else { on.find(argument(0)?) };
                Value::Int64(found.map_or(-1, |at| on[..at].chars().count() as i64))
            }
            _ => return Err(format!("{} cannot be called on a text", self.name())),
        })
    }

    fn of_schema<'a>(&self, on: &Val<'a>, arguments: &[Val<'a>]) -> Result<Val<'a>, String> {
        let Val::Schema(schema) = on else { return Err(unfit("a part of a schema", on)) };
        let schema = schema.ok_or("there is no schema")?;
        let optional = |text: Option<&str>| text.map_or(Value::Null, Value::string);
        Ok(Val::owned(match self {
            Function::SchemaField => {
                let name = arguments.first().map_or(Ok(""), |name| text(name, self))?;
                let field = schema.fields.iter().find(|field| *field.name == *name);
                return Ok(field.map_or(Val::owned(Value::Null), |field| Val::Schema(Some(&field.schema))));
            }
            Function::SchemaPart(part) => match part.as_str() {
                "name" => optional(schema.name.as_deref()),
                "doc" => optional(schema.doc.as_deref()),
                "version" => schema.version.map_or(Value::Null, Value::Int32),
                _ => Value::string(schema.kind.name()),
            },
            _ => Value::Null,
        }))
    }
}

fn decimal(text: &str) -> Option<Value> {
    java_number::decimal(text).map(Value::Decimal)
}

fn equals(on: &Val<'_>, arguments: &[Val<'_>], ignores_case: bool, steps: &mut Steps) -> bool {
    match (on.data(), arguments.first().and_then(Val::data)) {
        (Some(Value::String(one)), Some(Value::String(other))) if ignores_case => {
            steps.take_bytes(one.len() + other.len());
            one.to_lowercase() == other.to_lowercase()
        }
        (Some(one), Some(other)) => number::is_equal(one, other, steps),
        _ => false,
    }
}

fn unfit(what: &str, value: &Val<'_>) -> String {
    format!("{what} cannot be had of {}", value.type_name())
}

fn text<'v>(value: &'v Val<'_>, function: &Function) -> Result<&'v str, String> {
    let wrong = || format!("{} takes text, found {}", function.name(), value.type_name());
    value.data().and_then(Value::as_str).ok_or_else(wrong)
}

fn position(value: &Val<'_>, function: &Function) -> Result<usize, String> {
    match value.data().and_then(Number::of) {
        Some(Number::Integer(number)) => {
            usize::try_from(number).map_err(|_| format!("{} takes no number below 0, found {number}", function.name()))
        }
        _ => Err(format!("{} takes an integer, found {}", function.name(), value.type_name())),
    }
}

/// From a character up to another one.
fn substring(text: &str, from: usize, to: usize) -> Result<&str, String> {
    let byte = |index: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index);
    let end = if to == usize::MAX { Some(text.len()) } else { byte(to) };
    byte(from)
        .zip(end)
        .and_then(|(from, to)| text.get(from..to))
        .ok_or_else(|| format!("a text of {} characters has no such part", text.chars().count()))
}

fn size(on: &Val<'_>) -> Result<i64, String> {
    let size = match on {
        Val::Headers { headers, .. } => headers.len(),
        Val::Data(value) => match &**value {
            Value::String(text) => text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(elements) => elements.len(),
            Value::Map(map) => map.len(),
            Value::Struct(of) => of.values.len(),
            _ => return Err(unfit("a size", on)),
        },
        _ => return Err(unfit("a size", on)),
    };
    Ok(size as i64)
}

/// A value as CEL makes a text of it.
pub(super) fn to_text(value: &Val<'_>) -> Result<String, String> {
    let data = value.data().ok_or_else(|| unfit("a text", value))?;
    Ok(match data {
        Value::Null | Value::Array(_) | Value::Map(_) | Value::Struct(_) => return Err(unfit("a text", value)),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).map_err(|_| "bytes that are not UTF-8".to_owned())?,
        Value::Date(millis) => time::moment_text(*millis),
        other => java_text::value(other),
    })
}
