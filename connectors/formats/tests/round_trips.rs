//! What converters write without a schema, they read again. (With a schema: beside each converter.)

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;

use longshore_api::{Data, Map, Props, Value};
use longshore_formats::{Converter, HeaderConverter, plugin};
use proptest::prelude::*;

fn schemaless_json() -> Arc<dyn Converter> {
    let props = Props::from_iter([("schemas.enable".to_owned(), "false".to_owned())]);
    plugin("org.apache.kafka.connect.json.JsonConverter").unwrap().new_converter(&props, false).unwrap().unwrap()
}

/// Values as JSON has them, up to four levels deep.
fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        prop::num::f64::NORMAL.prop_map(Value::Float64),
        any::<String>().prop_map(Value::string),
    ];
    nested(scalar.boxed(), any::<String>().boxed())
}

fn nested(scalar: BoxedStrategy<Value>, key: BoxedStrategy<String>) -> impl Strategy<Value = Value> {
    scalar.prop_recursive(3, 24, 4, move |inner| {
        let entries = prop::collection::btree_map(key.clone(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            entries.prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (Value::string(key), value));
                Value::Map(Map::from_distinct(entries.collect()))
            }),
        ]
    })
}

fn headers() -> Arc<dyn HeaderConverter> {
    let class = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    plugin(class).unwrap().new_header_converter(&Props::new()).unwrap()
}

/// What a header becomes that is written and read: a type that its text does not tell is lost, a value is not.
fn through_header(value: &Value) -> Data {
    let mut bytes = Vec::new();
    let is_there = headers().from_connect_header("t", "h", &Data::schemaless(value.clone()), &mut bytes).unwrap();
    headers().to_connect_header("t", "h", is_there.then_some(&bytes[..])).unwrap()
}

/// Values as a header's text tells them: words that are no numbers, dates or truth values.
fn header() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        prop::num::f32::NORMAL.prop_map(Value::Float32),
        "[g-su-z][a-zA-Zäé ]{0,8}".prop_map(Value::string),
    ];
    nested(scalar.boxed(), "[g-su-z][a-z]{0,6}".boxed())
}

/// Whether a value is the other, as far as a text tells: numbers by their value, lists and maps by what is in them.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let mut pairs = one.iter().zip(other.iter());
            one.len() == other.len() && pairs.all(|(one, other)| alike(one.0, other.0) && alike(one.1, other.1))
        }
        _ => match (integer(one), integer(other)) {
            (Some(one), Some(other)) => one == other,
            // Beside a fraction, in one list or map, an integer becomes a float of 32 bits, in Java too.
            _ => one == other || float(one).is_some() && float(one) == float(other),
        },
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int8(number) => Some((*number).into()),
        Value::Int16(number) => Some((*number).into()),
        Value::Int32(number) => Some((*number).into()),
        Value::Int64(number) => Some(*number),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f32> {
    match value {
        Value::Float32(number) => Some(*number),
        // A whole number beyond 64 bits.
        Value::Decimal(number) => number.to_plain_string().parse().ok(),
        other => integer(other).map(|number| number as f32),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_without_a_schema_is_read_as_it_was(value in json()) {
        let converter = schemaless_json();
        let mut bytes = Vec::new();
        let is_there = converter.from_connect("t", &Data::schemaless(value.clone()), &mut bytes).unwrap();
        prop_assert_eq!(is_there, !value.is_null());
        let back = converter.to_connect("t", is_there.then_some(&bytes[..])).unwrap();
        prop_assert_eq!(back, Data::schemaless(value));
    }

    #[test]
    fn headers_are_read_as_they_were(value in header()) {
        let back = through_header(&value);
        prop_assert!(alike(&back.value, &value), "{:?} became {:?}", value, back.value);
    }

    /// Once read, a header stays what it is.
    #[test]
    fn headers_that_were_read_stay_what_they_are(value in header()) {
        let read = through_header(&value);
        let again = through_header(&read.value);
        prop_assert_eq!(again, read);
    }
}
