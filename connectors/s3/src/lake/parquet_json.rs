//! Rows of Parquet as JSON: dates and times in ISO 8601, decimals as numbers, bytes in base64.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use jiff::civil::Time;
use jiff::{Timestamp, ToSpan};
use longshore_formats::json::writer;
use parquet::basic::{ConvertedType, Repetition};
use parquet::data_type::Decimal;
use parquet::record::{Field, Row};
use parquet::schema::printer::print_schema;
use parquet::schema::types::{Type, TypePtr};

/// A schema as the text of a message type.
pub(crate) fn schema_text(schema: &Type) -> String {
    let mut text = Vec::new();
    print_schema(&mut text, schema);
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

/// Appends a row of a message or a group.
pub(crate) fn row(row: &Row, group: &Type, out: &mut Vec<u8>) {
    let types = fields(group);
    let columns: Vec<_> = row.get_column_iter().enumerate().map(|(at, column)| (column, types.get(at))).collect();
    sequence(b"{}", &columns, out, |((name, field), own), out| {
        writer::string(out, name);
        out.push(b':');
        value(field, own.map_or(group, |own| &**own), out);
    });
}

/// Appends a list.
///
/// Parquet's reader gives a list of the older form, in which what is repeated is the element itself, as a list of one
/// list.
fn list(elements: &[Field], own: &Type, out: &mut Vec<u8>) {
    let is_list = own.is_group() && annotation(own) == ConvertedType::LIST;
    let Some(repeated) = fields(own).first().filter(|_| is_list) else {
        return sequence(b"[]", elements, out, |element, out| value(element, own, out));
    };
    if !is_element(repeated) {
        let element_type = fields(repeated).first().unwrap_or(repeated);
        return sequence(b"[]", elements, out, |element, out| value(element, element_type, out));
    }
    let inner = elements.iter().flat_map(|one| match one {
        Field::ListInternal(inner) => inner.elements(),
        other => std::slice::from_ref(other),
    });
    sequence(b"[]", &inner.collect::<Vec<_>>(), out, |element, out| value(element, repeated, out));
}

/// Whether what is repeated in a list is its element, by the rules of that reader, which are Spark's.
fn is_element(repeated: &Type) -> bool {
    let inner = fields(repeated);
    let is_nested = repeated.is_group() && annotation(repeated) == ConvertedType::LIST
        || matches!(inner, [only] if only.get_basic_info().repetition() == Repetition::REPEATED);
    let name = repeated.name();
    !is_nested && (!repeated.is_group() || inner.len() > 1 || name == "array" || name.ends_with("_tuple"))
}

/// The types of a map's keys and values.
fn entry_types(map: &Type) -> [&Type; 2] {
    match fields(map).first().map(|entry| fields(entry)) {
        Some([key, value]) => [key, value],
        _ => [map, map],
    }
}

/// The fields of a group; none of a column.
fn fields(own: &Type) -> &[TypePtr] {
    if own.is_group() { own.get_fields() } else { &[] }
}

fn annotation(own: &Type) -> ConvertedType {
    own.get_basic_info().converted_type()
}

fn value(field: &Field, own: &Type, out: &mut Vec<u8>) {
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
        Field::Group(group) => row(group, own, out),
        Field::ListInternal(elements) => list(elements.elements(), own, out),
        Field::MapInternal(map) if map.entries().iter().all(|(key, _)| matches!(key, Field::Str(_))) => {
            let [key_type, value_type] = entry_types(own);
            sequence(b"{}", map.entries(), out, |(key, element), out| {
                value(key, key_type, out);
                out.push(b':');
                value(element, value_type, out);
            });
        }
        Field::MapInternal(map) => {
            let [key_type, value_type] = entry_types(own);
            sequence(b"[]", map.entries(), out, |(key, element), out| {
                sequence(b"[]", &[(key, key_type), (element, value_type)], out, |(part, own), out| {
                    value(part, own, out)
                });
            });
        }
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
