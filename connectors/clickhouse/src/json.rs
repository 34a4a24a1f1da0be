//! Rows of the format JSONEachRow.
//!
//! A record's JSON goes to the server as it came wherever the server reads the same out of it.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use longshore_api::{ConnectError, Field, Map, Struct, Value};
use longshore_formats::java_text;
use longshore_formats::json::{self, Form, Keys, writer};

use crate::binary::{self, Rules, time};
use crate::table::Table;
use crate::types::Type;

/// How deep a value may nest; the server refuses deeper JSON, too.
const MAX_DEPTH: usize = 1000;

/// Appends the row of a schemaless record's JSON; false for null, of which there is no row. `known` is the table whose
/// columns alone may be named; without one the text is passed on, unless it is to be `rebuilt`.
///
/// # Errors
/// If it is no JSON. `Ok(Err(…))` if it is JSON but no object.
pub(crate) fn text(
    bytes: &[u8],
    known: Option<&Table>,
    rebuilt: bool,
    out: &mut Vec<u8>,
) -> Result<Result<bool, ConnectError>, ConnectError> {
    match json::form(bytes)? {
        Form::Blank | Form::Null => Ok(Ok(false)),
        Form::Plain if known.is_none() && !rebuilt && is_object(bytes) => {
            out.extend_from_slice(bytes.trim_ascii());
            out.push(b'\n');
            Ok(Ok(true))
        }
        _ => match json::decode(bytes, &mut Keys::default())? {
            Value::Map(map) => Ok(Ok(object(&map, known, out))),
            other => Ok(Err(unexpected(&other))),
        },
    }
}

fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}

/// The Java connector's error for a value that is no row.
pub(crate) fn unexpected(value: &Value) -> ConnectError {
    ConnectError::data(format!("No converter was found due to unexpected object type {}", value.java_class()))
}

/// Appends the row of a schemaless record.
pub(crate) fn object(map: &Map, known: Option<&Table>, out: &mut Vec<u8>) -> bool {
    members(named(map).filter(|(name, _)| known.is_none_or(|table| table.has_column(name))), out, 0);
    out.push(b'\n');
    true
}

/// Appends the row of a record with a schema. Moments are written in the units of their columns, as which the server
/// reads numbers.
///
/// # Errors
/// A moment that does not fit its column.
pub(crate) fn structure(
    value: &Struct,
    table: &Table,
    known: Option<&Table>,
    rules: &Rules<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ConnectError> {
    let mut row: Cow<'_, Struct> = Cow::Borrowed(value);
    for (at, (field, found)) in value.schema.fields.iter().zip(&value.values).enumerate() {
        if time::is_moment(found, &field.schema)
            && let Some(in_units) = moment(found, field, table, rules)?
        {
            row.to_mut().values[at] = in_units;
        }
    }
    members(fields(&row).filter(|(name, _)| known.is_none_or(|table| table.has_column(name))), out, 0);
    out.push(b'\n');
    Ok(())
}

/// A moment as JSON for the column of its field; `None` if that is none of dates or times.
fn moment(value: &Value, field: &Field, table: &Table, rules: &Rules<'_>) -> Result<Option<Value>, ConnectError> {
    let Some(column) = table.columns.iter().find(|column| column.name == *field.name) else { return Ok(None) };
    let kind = match &column.kind {
        Type::Nullable(inner) => inner,
        kind => kind,
    };
    if !matches!(kind, Type::Date | Type::Date32 | Type::DateTime | Type::DateTime64(_)) {
        return Ok(None);
    }
    let number = time::units(kind, value, Some(&field.schema), None)
        .map_err(|wrong| binary::explain(column, value, Some(&field.schema), wrong, rules))?;
    // Of dates the server reads texts alone.
    let date = || jiff::Timestamp::from_second(number * 86_400).ok().map(|day| day.strftime("%Y-%m-%d").to_string());
    Ok(match kind {
        Type::Date | Type::Date32 => date().map(Value::string),
        _ => Some(Value::Int64(number)),
    })
}

/// Appends a struct as a JSON object.
pub(crate) fn struct_value(value: &Struct, out: &mut Vec<u8>) {
    members(fields(value), out, 0);
}

fn fields(value: &Struct) -> impl Iterator<Item = (&str, &Value)> {
    value.schema.fields.iter().map(|field| &*field.name).zip(&value.values)
}

fn members<'a>(entries: impl Iterator<Item = (impl AsRef<str>, &'a Value)>, out: &mut Vec<u8>, depth: usize) {
    out.push(b'{');
    for (index, (name, value)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        writer::string(out, name.as_ref());
        out.push(b':');
        write(value, out, depth + 1);
    }
    out.push(b'}');
}

fn write(value: &Value, out: &mut Vec<u8>, depth: usize) {
    if depth > MAX_DEPTH {
        return out.extend_from_slice(b"null");
    }
    match value {
        Value::Null | Value::Boolean(_) => writer::literal(out, value),
        Value::Int8(number) => writer::integer(out, i64::from(*number)),
        Value::Int16(number) => writer::integer(out, i64::from(*number)),
        Value::Int32(number) => writer::integer(out, i64::from(*number)),
        Value::Int64(number) | Value::Date(number) => writer::integer(out, *number),
        Value::Float32(number) => writer::float(out, *number),
        Value::Float64(number) => writer::double(out, *number),
        Value::String(text) => writer::string(out, text),
        Value::Bytes(bytes) => writer::base64(out, bytes),
        Value::Decimal(number) => out.extend_from_slice(decimal(number).as_bytes()),
        Value::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(value, out, depth + 1);
            }
            out.push(b']');
        }
        Value::Map(map) => members(named(map), out, depth),
        Value::Struct(value) => members(fields(value), out, depth),
    }
}

/// A map's keys are texts in JSON, whatever they are.
fn named(map: &Map) -> impl Iterator<Item = (Cow<'_, str>, &Value)> {
    let name = |key| Value::as_str(key).map_or_else(|| java_text::value(key).into(), Cow::Borrowed);
    map.iter().map(move |(key, value)| (name(key), value))
}

fn decimal(number: &BigDecimal) -> String {
    java_text::decimal(number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longshore_api::Schema;
    use longshore_api::schema::logical;

    use super::*;
    use crate::table::Column;

    fn row(json: &str, known: Option<&Table>) -> String {
        let mut out = Vec::new();
        let is_row = text(json.as_bytes(), known, false, &mut out).unwrap().unwrap();
        assert_eq!(is_row, !out.is_empty());
        String::from_utf8(out).unwrap()
    }

    fn table() -> Table {
        let column = |name: &str| Column {
            name: name.to_owned(),
            text: String::new(),
            kind: crate::types::Type::String,
            has_default: false,
        };
        Table { full_name: "`d`.`t`".to_owned(), columns: vec![column("a"), column("n.x")], computed: Vec::new() }
    }

    #[test]
    fn plain_json_is_passed_on_as_it_came() {
        assert_eq!(row(" {\"a\" : 1.50, \"b\":[ ]}\n", None), "{\"a\" : 1.50, \"b\":[ ]}\n");
        assert_eq!(row("null", None), "");
        assert_eq!(row("  ", None), "");
    }

    #[test]
    fn json_that_only_connect_takes_is_written_anew() {
        assert_eq!(row("{\"a\": 007} x", None), "{\"a\":7}\n");
        assert_eq!(row("{\"a\": 1, \"b\": \"\\ud800\", \"c\": 1e2}", None), "{\"a\":1,\"b\":\"?\",\"c\":100.0}\n");
    }

    #[test]
    fn members_without_a_column_are_taken_out_where_the_server_would_refuse_them() {
        let json = r#"{"a": {"deep": 1}, "b": 2, "n": {"x": [1]}}"#;
        assert_eq!(row(json, Some(&table())), "{\"a\":{\"deep\":1},\"n\":{\"x\":[1]}}\n");
    }

    #[test]
    fn of_members_that_come_twice_the_last_counts() {
        let mut out = Vec::new();
        text(br#"{"a": 1, "b": 2, "a": 3}"#, None, true, &mut out).unwrap().unwrap();
        assert_eq!(out, b"{\"a\":3,\"b\":2}\n");
    }

    #[test]
    fn members_have_the_texts_of_their_keys() {
        let map = Map::from_distinct(vec![(Value::Int32(5), Value::Int8(1)), (Value::string("a"), Value::Int8(2))]);
        let mut out = Vec::new();
        object(&map, None, &mut out);
        assert_eq!(out, b"{\"5\":1,\"a\":2}\n");
    }

    #[test]
    fn only_objects_are_rows() {
        let error = text(b"[1]", None, false, &mut Vec::new()).unwrap().unwrap_err();
        assert_eq!(
            error.message.as_deref(),
            Some("No converter was found due to unexpected object type java.util.ArrayList")
        );
        assert!(text(b"{", None, false, &mut Vec::new()).is_err());
    }

    #[test]
    fn structs_are_objects_to_their_depths() {
        let inner = Arc::new(Schema::structure(vec![Field::new("d", Schema::new(longshore_api::Type::Bytes))]));
        let schema = Arc::new(Schema::structure(vec![
            Field::new("a", Arc::clone(&inner)),
            Field::new("m", Schema::new(longshore_api::Type::Map)),
            Field::new("x", Schema::new(longshore_api::Type::Int8)),
        ]));
        let value = Struct {
            schema,
            values: vec![
                Value::Struct(Struct { schema: inner, values: vec![Value::Decimal("1.50".parse().unwrap())] }),
                Value::Map(Map::from_distinct(vec![(Value::Int32(5), Value::Float64(f64::NAN))])),
                Value::Int8(1),
            ],
        };
        let mut out = Vec::new();
        let rules = Rules { formats: &Default::default(), json_as_string: false, shows_values: false };
        structure(&value, &table(), None, &rules, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":{\"d\":1.50},\"m\":{\"5\":\"NaN\"},\"x\":1}\n");
        let mut out = Vec::new();
        structure(&value, &table(), Some(&table()), &rules, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":{\"d\":1.50}}\n");
    }

    #[test]
    fn moments_are_in_the_units_of_their_columns() {
        let columns = [
            ("date", "Nullable(Date32)"),
            ("seconds", "DateTime"),
            ("micros", "DateTime64(6)"),
            ("debezium", "DateTime64(3)"),
            ("plain", "Int64"),
        ];
        let columns = columns.map(|(name, text)| Column {
            name: name.to_owned(),
            text: text.to_owned(),
            kind: Type::parse(text),
            has_default: false,
        });
        let table = Table { full_name: "`d`.`t`".to_owned(), columns: columns.into(), computed: Vec::new() };
        let timestamp = || Schema::new(longshore_api::Type::Int64).named(logical::TIMESTAMP);
        let micros = Schema::new(longshore_api::Type::Int64).named("io.debezium.time.MicroTimestamp");
        let schema = Arc::new(Schema::structure(vec![
            Field::new("date", Schema::new(longshore_api::Type::Int32).named(logical::DATE)),
            Field::new("seconds", timestamp()),
            Field::new("micros", timestamp()),
            Field::new("debezium", micros),
            Field::new("plain", timestamp()),
        ]));
        let moment = Value::Date(1_700_000_000_123);
        let values = vec![
            Value::Date(19_675 * 86_400_000),
            moment.clone(),
            moment.clone(),
            Value::Int64(1_700_000_000_123_456),
            moment,
        ];
        let rules = Rules { formats: &Default::default(), json_as_string: false, shows_values: false };
        let mut out = Vec::new();
        structure(&Struct { schema: Arc::clone(&schema), values: values.clone() }, &table, None, &rules, &mut out)
            .unwrap();
        let expected = "{\"date\":\"2023-11-14\",\"seconds\":1700000000,\"micros\":1700000000123000,\
                        \"debezium\":1700000000123,\"plain\":1700000000123}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);

        let mut values = values;
        values[1] = Value::Date(-1);
        let error = structure(&Struct { schema, values }, &table, None, &rules, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("`seconds` of type DateTime: the value does not fit"), "{error}");
    }
}
