use longshore_api::{Field, Map, Struct};
use proptest::prelude::*;

use super::*;

fn written(value: Value) -> String {
    let mut out = Vec::new();
    assert!(SimpleHeaderConverter.from_connect_header("t", "h", &Data::schemaless(value), &mut out).unwrap());
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> Data {
    SimpleHeaderConverter.to_connect_header("t", "h", Some(text.as_bytes())).unwrap()
}

#[test]
fn dates_are_written_as_times_dates_or_timestamps() {
    for (millis, text) in [
        (0, "00:00:00.000Z"),
        (86_399_999, "23:59:59.999Z"),
        (86_400_000, "1970-01-02"),
        (172_800_001, "1970-01-03T00:00:00.001Z"),
        (-86_400_000, "00:00:00.000Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
        (253_402_300_800_000, "10000-01-01"),
        (i64::MAX, "292278994-08-17T07:12:55.807Z"),
        (i64::MIN, "16:47:04.192Z"),
    ] {
        assert_eq!(written(Value::Date(millis)), text);
    }
}

#[test]
fn strings_are_quoted_inside_of_containers_only() {
    let text = Value::string("a\"b\\");
    assert_eq!(written(text.clone()), "a\"b\\");
    let elements = vec![text, Value::Int32(1), Value::Null, Value::Boolean(true), Value::Bytes(vec![1, 2].into())];
    assert_eq!(written(Value::Array(elements)), r#"["a\"b\\",1,null,true,"AQI="]"#);
    assert_eq!(written(Value::Map(Map::from_iter([(Value::Int8(1), Value::string("x"))]))), r#"{1:"x"}"#);
}

#[test]
fn a_structs_missing_fields_are_written_with_their_defaults() {
    let with_default = Schema { default: Some(Value::Int32(7)), ..Schema::optional(Type::Int32) };
    let fields = vec![Field::new("a", with_default), Field::new("b", Schema::optional(Type::String))];
    let schema = Arc::new(Schema::structure(fields));
    let value = Value::Struct(Struct { schema, values: vec![Value::Null, Value::Null] });
    assert_eq!(written(value), r#"{"a":7,"b":null}"#);
}

#[test]
fn null_bytes_and_null_are_each_other() {
    assert_eq!(SimpleHeaderConverter.to_connect_header("t", "h", None).unwrap(), Data::NULL);
    let mut out = Vec::new();
    assert!(!SimpleHeaderConverter.from_connect_header("t", "h", &Data::NULL, &mut out).unwrap());
    assert_eq!(read("null"), Data::NULL);
}

#[test]
fn what_is_too_deep_or_too_long_stays_text() {
    for text in
        ["[".repeat(100_000), "{\"a\":".repeat(5000), "1".repeat(20_000), "1e-".to_owned() + &"9".repeat(20_000)]
    {
        assert_eq!(read(&text).value, Value::string(text));
    }
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(matches!(read(&nested(500)).value, Value::Array(_)));
    assert!(matches!(read(&nested(501)).value, Value::String(_)));
}

proptest! {
    #[test]
    fn integers_come_back_in_the_smallest_type(value in any::<i64>(), shift in 0..64_u32) {
        let value = value >> shift;
        let data = read(&written(Value::Int64(value)));
        let integer = match data.value {
            Value::Int8(value) => value.into(),
            Value::Int16(value) => value.into(),
            Value::Int32(value) => value.into(),
            Value::Int64(value) => value,
            _ => return Err(TestCaseError::fail("no integer")),
        };
        prop_assert_eq!(integer, value);
    }

    #[test]
    fn no_text_makes_the_parser_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "[", "]", "{", "}", ",", ":", "\"", "\\", "1", "-", "+", ".", "e9", "2020-01-02", "T", "03:04:05.678Z", "null", "true",
        " ", "a", "é", "99999999999",
    ]), 0..16)) {
        let data = read(&pieces.concat());
        let _ = SimpleHeaderConverter.from_connect_header("t", "h", &data, &mut Vec::new());
    }
}
