//! Rows of Parquet as JSON: dates and times in ISO 8601, decimals as numbers, bytes in base64.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use jiff::civil::Time;
use jiff::{Timestamp, ToSpan};
use longshore_formats::json::writer;
use parquet::data_type::Decimal;
use parquet::record::{Field, Row};
use parquet::schema::printer::print_schema;
use parquet::schema::types::Type;

/// A schema as the text of a message type.
pub(crate) fn schema_text(schema: &Type) -> String {
    let mut text = Vec::new();
    print_schema(&mut text, schema);
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

/// Appends a row.
pub(crate) fn row(row: &Row, out: &mut Vec<u8>) {
    let columns: Vec<_> = row.get_column_iter().collect();
    sequence(b"{}", &columns, out, |(name, field), out| {
        writer::string(out, name);
        out.push(b':');
        value(field, out);
    });
}

fn value(field: &Field, out: &mut Vec<u8>) {
    match field {
        Field::Null => out.extend_from_slice(b"null"),
        Field::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Field::Byte(value) => writer::integer(out, i64::from(*value)),
        Field::Short(value) => writer::integer(out, i64::from(*value)),
        Field::Int(value) => writer::integer(out, i64::from(*value)),
        Field::Long(value) => writer::integer(out, *value),
        Field::UByte(value) => writer::integer(out, i64::from(*value)),
        Field::UShort(value) => writer::integer(out, i64::from(*value)),
        Field::UInt(value) => writer::integer(out, i64::from(*value)),
        Field::ULong(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Field::Float16(value) => double(f64::from(value.to_f32()), out),
        Field::Float(value) if value.is_finite() => writer::float(out, *value),
        Field::Float(value) => double(f64::from(*value), out),
        Field::Double(value) => double(*value, out),
        Field::Decimal(value) => out.extend_from_slice(decimal(value).to_plain_string().as_bytes()),
        Field::Str(text) => writer::string(out, text),
        Field::Bytes(bytes) => writer::base64(out, bytes.data()),
        Field::Date(days) => {
            let date = jiff::civil::date(1970, 1, 1).checked_add(i64::from(*days).days());
            or_number(date.ok(), i64::from(*days), out);
        }
        Field::TimeMillis(millis) => or_number(time(i64::from(*millis) * 1_000_000), i64::from(*millis), out),
        Field::TimeMicros(micros) => or_number(time(micros.saturating_mul(1_000)), *micros, out),
        Field::TimestampMillis(millis) => or_number(Timestamp::from_millisecond(*millis).ok(), *millis, out),
        Field::TimestampMicros(micros) => or_number(Timestamp::from_microsecond(*micros).ok(), *micros, out),
        Field::Group(group) => row(group, out),
        Field::ListInternal(list) => sequence(b"[]", list.elements(), out, value),
        Field::MapInternal(map) if map.entries().iter().all(|(key, _)| matches!(key, Field::Str(_))) => {
            sequence(b"{}", map.entries(), out, |(key, element), out| {
                value(key, out);
                out.push(b':');
                value(element, out);
            });
        }
        Field::MapInternal(map) => sequence(b"[]", map.entries(), out, |(key, element), out| {
            sequence(b"[]", &[key, element], out, |part, out| value(part, out));
        }),
    }
}

fn sequence<T>(brackets: &[u8; 2], elements: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(brackets[0]);
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(element, out);
    }
    out.push(brackets[1]);
}

/// Infinities and NaN have no form in JSON but that of texts.
fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() { writer::double(out, value) } else { writer::string(out, &value.to_string()) }
}

fn decimal(value: &Decimal) -> BigDecimal {
    BigDecimal::new(BigInt::from_signed_bytes_be(value.data()), i64::from(value.scale()))
}

fn time(nanos: i64) -> Option<Time> {
    Time::midnight().checked_add(nanos.nanoseconds()).ok().filter(|_| nanos >= 0)
}

fn or_number(text: Option<impl std::fmt::Display>, number: i64, out: &mut Vec<u8>) {
    match text {
        Some(text) => writer::string(out, &text.to_string()),
        None => writer::integer(out, number),
    }
}
