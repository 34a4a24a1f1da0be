//! Dates and times.

use longshore_api::{Schema, Value};
use longshore_formats::java_time::{DateTimeFormatter, Zone};

use super::Wrong;
use super::value::is_timestamp;
use crate::types::Type;

const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// Days of Date32: 1900-01-01 to 2299-12-31. The server takes others in binary formats, and shows something else.
const DAYS: std::ops::RangeInclusive<i64> = -25_567..=120_529;
/// Seconds of DateTime64, from the first of these days to the end of the last.
const SECONDS: std::ops::Range<i128> = -25_567 * 86_400..120_530 * 86_400;

/// Appends a value of a date or time column.
pub(super) fn write(
    kind: &Type,
    value: &Value,
    schema: Option<&Schema>,
    format: Option<&DateTimeFormatter>,
    out: &mut Vec<u8>,
) -> Result<(), Wrong> {
    let bytes = units(kind, value, schema, format)?.to_le_bytes();
    let width = match kind {
        Type::Date => 2,
        Type::Date32 | Type::DateTime => 4,
        _ => 8,
    };
    out.extend_from_slice(&bytes[..width]);
    Ok(())
}

/// A value in the unit of a date or time column, days, seconds or ticks since the epoch: of a date or moment; a plain
/// number, which is in that unit; for columns of times also a text.
pub(crate) fn units(
    kind: &Type,
    value: &Value,
    schema: Option<&Schema>,
    format: Option<&DateTimeFormatter>,
) -> Result<i64, Wrong> {
    let does_not_fit = || Wrong::because("the value does not fit");
    match kind {
        Type::Date | Type::Date32 => {
            let days = match value {
                Value::Int32(days) => i64::from(*days),
                Value::Date(millis) if !is_timestamp(schema) => millis.div_euclid(MILLIS_PER_DAY),
                _ => return Err(unknown(value, schema, kind)),
            };
            let fits = if *kind == Type::Date { u16::try_from(days).is_ok() } else { DAYS.contains(&days) };
            fits.then_some(days).ok_or_else(does_not_fit)
        }
        Type::DateTime => {
            let seconds = match value {
                Value::Int32(seconds) => i128::from(*seconds),
                Value::Int64(number) => match nanos(*number, schema) {
                    Some(nanos) => nanos.div_euclid(NANOS_PER_SECOND),
                    None => i128::from(*number),
                },
                Value::Date(millis) => i128::from(millis.div_euclid(1000)),
                Value::String(text) => moment(text, format, schema, kind)?.div_euclid(NANOS_PER_SECOND),
                _ => return Err(unknown(value, schema, kind)),
            };
            u32::try_from(seconds).map(i64::from).map_err(|_| does_not_fit())
        }
        Type::DateTime64(precision) => {
            let ticks = match value {
                Value::Int64(number) => match nanos(*number, schema) {
                    Some(nanos) => ticks(nanos, *precision),
                    None => i128::from(*number),
                },
                Value::Date(millis) => ticks(i128::from(*millis) * NANOS_PER_MILLI, *precision),
                Value::String(text) => ticks(moment(text, format, schema, kind)?, *precision),
                _ => return Err(unknown(value, schema, kind)),
            };
            let seconds = ticks.div_euclid(10i128.pow(*precision));
            i64::try_from(ticks).ok().filter(|_| SECONDS.contains(&seconds)).ok_or_else(does_not_fit)
        }
        _ => Err(Wrong::Type),
    }
}

/// Whether a value is a moment by its schema, and so not in the unit of a column.
pub(crate) fn is_moment(value: &Value, schema: &Schema) -> bool {
    match value {
        Value::Date(_) => true,
        Value::Int64(number) => nanos(*number, Some(schema)).is_some(),
        _ => false,
    }
}

/// Ticks of which a second has ten to the power of `precision`, at most nine.
fn ticks(nanos: i128, precision: u32) -> i128 {
    nanos.div_euclid(10i128.pow(9u32.saturating_sub(precision)))
}

/// The moment of a number that one of Debezium's types says the unit of; others are in the column's own.
fn nanos(number: i64, schema: Option<&Schema>) -> Option<i128> {
    let unit = match schema?.name.as_deref()? {
        "io.debezium.time.Timestamp" => NANOS_PER_MILLI,
        "io.debezium.time.MicroTimestamp" => 1000,
        "io.debezium.time.NanoTimestamp" => 1,
        _ => return None,
    };
    Some(i128::from(number) * unit)
}

/// The moment that a text says, in nanoseconds since the epoch: by the column's pattern, else in ISO form with a zone.
fn moment(text: &str, format: Option<&DateTimeFormatter>, schema: Option<&Schema>, kind: &Type) -> Result<i128, Wrong> {
    let nanos = match format {
        Some(format) => format.parse_nanos(text, &Zone::utc()),
        None => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_nanosecond),
    };
    nanos.ok_or_else(|| unknown(&Value::Null, schema, kind))
}

/// The Java connector's words.
fn unknown(value: &Value, schema: Option<&Schema>, kind: &Type) -> Wrong {
    let from = schema.map(|schema| schema.kind).or_else(|| value.kind()).map_or("STRING", longshore_api::Type::name);
    let to = match kind {
        Type::Date => "Date",
        Type::Date32 => "Date32",
        Type::DateTime => "DateTime",
        _ => "DateTime64",
    };
    Wrong::because(format!("(Potentially) Not implemented conversion from {from} to {to}"))
}
