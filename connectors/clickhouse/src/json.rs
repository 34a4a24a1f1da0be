//! Rows of the format JSONEachRow.
//!
//! A record's JSON goes to the server as it came wherever the server reads the same out of it.

use bigdecimal::BigDecimal;
use longshore_api::{ConnectError, Map, Struct, Value};
use longshore_formats::json::{self, Form, Keys, writer};

use crate::table::Table;

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
    let entries = map.iter().filter_map(|(key, value)| Some((key.as_str()?, value)));
    members(entries.filter(|(name, _)| known.is_none_or(|table| table.has_column(name))), out, 0);
    out.push(b'\n');
    true
}

/// Appends the row of a record with a schema.
pub(crate) fn structure(value: &Struct, known: Option<&Table>, out: &mut Vec<u8>) {
    members(fields(value).filter(|(name, _)| known.is_none_or(|table| table.has_column(name))), out, 0);
    out.push(b'\n');
}

/// Appends a struct as a JSON object.
pub(crate) fn struct_value(value: &Struct, out: &mut Vec<u8>) {
    members(fields(value), out, 0);
}

fn fields(value: &Struct) -> impl Iterator<Item = (&str, &Value)> {
    value.schema.fields.iter().map(|field| &*field.name).zip(&value.values)
}

fn members<'a>(entries: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>, depth: usize) {
    out.push(b'{');
    for (index, (name, value)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        writer::string(out, name);
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
        Value::Map(map) => map_members(map, out, depth),
        Value::Struct(value) => members(fields(value), out, depth),
    }
}

/// A map's keys are texts in JSON, whatever they are.
fn map_members(map: &Map, out: &mut Vec<u8>, depth: usize) {
    let names: Vec<String> = map.iter().map(|(key, _)| longshore_formats::java_text::value(key)).collect();
    members(names.iter().map(String::as_str).zip(map.iter().map(|(_, value)| value)), out, depth);
}

fn decimal(number: &BigDecimal) -> String {
    longshore_formats::java_text::decimal(number)
}

#[cfg(test)]
mod tests {
    use longshore_api::{Field, Schema, Type};
    use std::sync::Arc;

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
        Table { full_name: "`d`.`t`".to_owned(), columns: vec![column("a"), column("n.x")] }
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
        let inner = Arc::new(Schema::structure(vec![Field::new("d", Schema::new(Type::Bytes))]));
        let schema = Arc::new(Schema::structure(vec![
            Field::new("a", Arc::clone(&inner)),
            Field::new("m", Schema::new(Type::Map)),
            Field::new("x", Schema::new(Type::Int8)),
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
        structure(&value, None, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":{\"d\":1.50},\"m\":{\"5\":\"NaN\"},\"x\":1}\n");
        let mut out = Vec::new();
        structure(&value, Some(&table()), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":{\"d\":1.50}}\n");
    }
}
