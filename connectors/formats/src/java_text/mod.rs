//! Values as Java prints them: `toString` of numbers, collections, structs and dates.
//!
//! Numbers are printed as Java 17 does (its doubles are not always the shortest that read back, Java 19's are).
//! Dates are shown in UTC. Differs from Apache Connect, which shows them in the zone of the machine it runs on.

pub mod calendar;
mod floating;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use bigdecimal::BigDecimal;
use longshore_api::{Struct, Value};

pub use floating::{double, float};

/// A value as `toString` shows it; null is `null`.
///
/// Bytes are shown as Java shows a ByteBuffer of them; for an array of bytes Java shows a number that changes from run
/// to run.
pub fn value(value: &Value) -> String {
    let mut text = String::new();
    append(&mut text, value);
    text
}

/// Appends what [`value`] gives.
pub fn append(out: &mut String, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => out.write_str("null"),
        Value::Boolean(value) => write!(out, "{value}"),
        Value::Int8(value) => write!(out, "{value}"),
        Value::Int16(value) => write!(out, "{value}"),
        Value::Int32(value) => write!(out, "{value}"),
        Value::Int64(value) => write!(out, "{value}"),
        Value::Float32(value) => out.write_str(&float(*value)),
        Value::Float64(value) => out.write_str(&double(*value)),
        Value::String(value) => out.write_str(value),
        Value::Bytes(value) => write!(out, "java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", value.len()),
        Value::Decimal(value) => out.write_str(&decimal(value)),
        Value::Date(millis) => out.write_str(&date(*millis)),
        Value::Array(elements) => {
            list(out, ['[', ']'], ", ", elements.iter(), append);
            Ok(())
        }
        Value::Map(entries) => {
            list(out, ['{', '}'], ", ", entries.iter(), |out, (key, value)| {
                append(out, key);
                out.push('=');
                append(out, value);
            });
            Ok(())
        }
        Value::Struct(value) => {
            structure(out, value);
            Ok(())
        }
    };
}

/// `Struct{a=1,b=x}`; fields that are null are left out.
fn structure(out: &mut String, value: &Struct) {
    out.push_str("Struct");
    let fields = value.schema.fields.iter().zip(&value.values).filter(|(_, value)| !value.is_null());
    list(out, ['{', '}'], ",", fields, |out, (field, value)| {
        out.push_str(&field.name);
        out.push('=');
        append(out, value);
    });
}

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    separator: &str,
    items: impl Iterator<Item = T>,
    mut item: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, one) in items.enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        item(out, one);
    }
    out.push(close);
}

/// `BigDecimal.toString`: plain where the scale is not negative and the number not tiny, else `1.5E+7`.
pub fn decimal(value: &BigDecimal) -> String {
    let (unscaled, scale) = value.as_bigint_and_exponent();
    let sign = if unscaled.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let digits = unscaled.magnitude().to_string();
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    if scale > 0 && adjusted >= -6 {
        // The point stands inside the digits, or at most six places before them.
        let width = scale as usize + 1;
        let padded = format!("{digits:0>width$}");
        let (whole, fraction) = padded.split_at(padded.len() - scale as usize);
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}E{adjusted:+}")
}

/// `java.util.Date.toString`: `Tue Nov 14 22:13:20 UTC 2023`.
pub fn date(millis: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let time = calendar::DateTime::from_millis(millis);
    let day = DAYS[time.days_since_epoch.rem_euclid(7) as usize];
    let month = MONTHS[time.month as usize - 1];
    let year = time.year_of_era();
    format!("{day} {month} {:02} {:02}:{:02}:{:02} UTC {year}", time.day, time.hour, time.minute, time.second)
}
