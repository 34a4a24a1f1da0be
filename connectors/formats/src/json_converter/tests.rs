use std::sync::Arc;

use bigdecimal::BigDecimal;
use longshore_api::schema::logical;
use longshore_api::{BatchBuilder, Field, Map, RowParts, Struct, Type};
use proptest::prelude::*;

use super::*;
use crate::java_text::calendar::MILLIS_PER_DAY;

fn converter(settings: &[(&str, &str)]) -> JsonConverter {
    JsonConverter::new(&settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()).unwrap()
}

fn batch(values: &[Option<&[u8]>]) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("t"));
    for value in values {
        builder.push(topic, RowParts { value: *value, ..RowParts::default() });
    }
    builder.finish()
}

/// What is read of a column, as a sink sees it, and the rows with errors.
fn read(need: JsonNeed, values: &[Option<&[u8]>]) -> (Vec<String>, Vec<u32>) {
    let mut batch = batch(values);
    let mut column = Column::default();
    let options = ReadOptions { json: need };
    converter(&[("schemas.enable", "false")]).read_column(&mut batch, Part::Value, options, &mut column);
    let rows = column.slots.iter().enumerate();
    let slots =
        rows.map(|(row, slot)| longshore_api::Slots { row: row as u32, topic: 0, key: Slot::Null, value: *slot });
    batch.set_slots(slots.collect());
    let shown = batch.records().map(|record| match record.value() {
        longshore_api::Payload::Json(text) => format!("json {}", String::from_utf8_lossy(text)),
        other => format!("{other:?}"),
    });
    (shown.collect(), column.errors.iter().map(|(row, _)| *row).collect())
}

const VALUES: [Option<&[u8]>; 7] =
    [Some(b"{\"a\":1}"), None, Some(b" null "), Some(b""), Some(b"{\"a\":01}"), Some(b"{bad"), Some(b"[1] x")];

#[test]
fn json_that_nobody_looks_into_stays_text() {
    let (shown, errors) = read(JsonNeed::Unchecked, &VALUES);
    assert_eq!(shown, ["json {\"a\":1}", "Null", "Null", "Null", "json {\"a\":01}", "json {bad", "json [1] x"]);
    assert!(errors.is_empty());
}

#[test]
fn checked_json_is_text_only_if_any_parser_can_read_it() {
    let (shown, errors) = read(JsonNeed::Checked, &VALUES);
    assert_eq!(shown[..4], ["json {\"a\":1}", "Null", "Null", "Null"]);
    assert!(shown[4].contains("Map") && shown[4].contains("Int64(1)"), "{}", shown[4]);
    assert_eq!(shown[5], "Null");
    assert!(shown[6].contains("Array([Int64(1)])"), "{}", shown[6]);
    assert_eq!(errors, [5]);
}

#[test]
fn decoded_json_is_data() {
    let (shown, errors) = read(JsonNeed::Decoded, &VALUES);
    assert!(shown[0].contains("Int64(1)"), "{}", shown[0]);
    assert_eq!(shown[1..4], ["Null", "Null", "Null"]);
    assert_eq!(errors, [5]);
}

#[test]
fn a_column_is_used_again_without_leftovers() {
    let mut column = Column::default();
    let converter = converter(&[("schemas.enable", "false")]);
    converter.read_column(&mut batch(&VALUES), Part::Value, ReadOptions::default(), &mut column);
    converter.read_column(&mut batch(&[Some(b"1")]), Part::Key, ReadOptions::default(), &mut column);
    assert_eq!(column.slots, [Slot::Null]);
    assert!(column.errors.is_empty());
}

#[test]
fn records_with_the_same_schema_text_share_the_schema() {
    let converter = converter(&[]);
    let record = b"{\"schema\":{\"type\":\"int32\"},\"payload\":1}";
    let other = b"{\"schema\":{\"type\":\"int64\"},\"payload\":1}";
    let schema = |bytes: &[u8]| converter.to_connect("t", Some(bytes)).unwrap().schema.unwrap();
    let first = schema(record);
    assert_eq!(schema(other).kind, Type::Int64);
    assert!(Arc::ptr_eq(&first, &schema(record)));
}

#[test]
fn the_caches_are_bounded_and_may_be_off() {
    for size in ["0", "1", "3"] {
        let converter = converter(&[("schemas.cache.size", size)]);
        for name in (0..10).chain(0..10) {
            let text = format!(
                "{{\"schema\":{{\"type\":\"int32\",\"optional\":false,\"name\":\"n{name}\"}},\"payload\":{name}}}"
            );
            let data = converter.to_connect("t", Some(text.as_bytes())).unwrap();
            assert_eq!(data.value, Value::Int32(name));
            let mut written = Vec::new();
            assert!(converter.from_connect("t", &data, &mut written).unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }
}

#[test]
fn a_malformed_document_is_reported_as_such_before_anything_about_its_schema() {
    let text = b"{\"schema\":{\"type\":\"nope\"},\"payload\":1";
    let error = converter(&[]).to_connect("t", Some(text)).unwrap_err();
    assert!(error.to_string().ends_with("malformed JSON at byte 37: unexpected end"), "{error}");
}

#[test]
fn defaults_stand_for_nulls_only_if_they_shall() {
    let text = br#"{"schema":{"type":"struct","fields":[{"field":"a","type":"int32","optional":true,"default":7}]},"payload":{}}"#;
    for (replace, expected) in [("true", Value::Int32(7)), ("false", Value::Null)] {
        let data = converter(&[("replace.null.with.default", replace)]).to_connect("t", Some(text)).unwrap();
        let Value::Struct(value) = data.value else { panic!() };
        assert_eq!(value.values, [expected]);
    }
}

/// Comparing each key with all before it would take minutes.
#[test]
fn large_maps_whose_keys_are_no_strings_are_read() {
    let entries: Vec<String> = (0..200_000).chain([7]).map(|key| format!("[{key},{}]", key % 3)).collect();
    let schema = r#"{"type":"map","keys":{"type":"int32"},"values":{"type":"int32"}}"#;
    let text = format!(r#"{{"schema":{schema},"payload":[{},[7,-1]]}}"#, entries.join(","));
    let Value::Map(map) = converter(&[]).to_connect("t", Some(text.as_bytes())).unwrap().value else {
        panic!("no map")
    };
    assert_eq!(map.len(), 200_000);
    assert_eq!(map.iter().nth(7), Some((&Value::Int32(7), &Value::Int32(-1))), "the last of equal keys counts");
}

#[test]
fn deep_values_without_a_schema_are_read_and_written() {
    let converter = converter(&[]);
    let payload = "[{\"a\":".repeat(490) + "1" + &"}]".repeat(490);
    let text = format!("{{\"schema\":null,\"payload\":{payload}}}");
    let data = converter.to_connect("t", Some(text.as_bytes())).unwrap();
    let mut written = Vec::new();
    assert!(converter.from_connect("t", &data, &mut written).unwrap());
    assert_eq!(String::from_utf8(written).unwrap(), text);
    assert!(crate::java_text::value(&data.value).starts_with("[{a=[{a="));
}

#[test]
fn schemas_have_a_limited_depth() {
    let converter = converter(&[]);
    let nested = |levels: usize| {
        let schema =
            "{\"type\":\"array\",\"items\":".repeat(levels - 1) + "{\"type\":\"int32\"}" + &"}".repeat(levels - 1);
        let payload = "[".repeat(levels - 1) + "1" + &"]".repeat(levels - 1);
        converter.to_connect("t", Some(format!("{{\"schema\":{schema},\"payload\":{payload}}}").as_bytes()))
    };
    let data = nested(100).unwrap();
    let mut written = Vec::new();
    assert!(converter.from_connect("t", &data, &mut written).unwrap());
    assert_eq!(converter.to_connect("t", Some(&written)).unwrap(), data);
    assert_eq!(nested(101).unwrap_err().to_string(), "a schema of more than 100 levels");
    assert!(nested(400).is_err());
}

/// A schema and a value of it.
fn data() -> impl Strategy<Value = (Arc<Schema>, Value)> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|value| (Schema::new(Type::Boolean), Value::Boolean(value))),
        any::<i8>().prop_map(|value| (Schema::new(Type::Int8), Value::Int8(value))),
        any::<i16>().prop_map(|value| (Schema::new(Type::Int16), Value::Int16(value))),
        any::<i32>().prop_map(|value| (Schema::new(Type::Int32), Value::Int32(value))),
        any::<i64>().prop_map(|value| (Schema::new(Type::Int64), Value::Int64(value))),
        proptest::num::f32::NORMAL.prop_map(|value| (Schema::new(Type::Float32), Value::Float32(value))),
        proptest::num::f64::NORMAL.prop_map(|value| (Schema::new(Type::Float64), Value::Float64(value))),
        any::<String>().prop_map(|value| (Schema::new(Type::String), Value::string(value))),
        any::<Vec<u8>>().prop_map(|value| (Schema::new(Type::Bytes), Value::Bytes(value.into()))),
        (any::<i128>(), 0..40_i64).prop_map(|(digits, scale)| {
            let mut schema = Schema::new(Type::Bytes).named(logical::DECIMAL);
            schema.parameters.insert("scale".to_owned(), scale.to_string());
            (schema, Value::Decimal(BigDecimal::new(digits.into(), scale)))
        }),
        any::<i32>().prop_map(|days| {
            (Schema::new(Type::Int32).named(logical::DATE), Value::Date(i64::from(days) * MILLIS_PER_DAY))
        }),
        (0..MILLIS_PER_DAY).prop_map(|millis| (Schema::new(Type::Int32).named(logical::TIME), Value::Date(millis))),
        any::<i64>().prop_map(|millis| (Schema::new(Type::Int64).named(logical::TIMESTAMP), Value::Date(millis))),
    ];
    let leaf =
        (leaf, any::<bool>(), any::<bool>(), "[a-z]{0,3}").prop_map(|((mut schema, value), optional, null, doc)| {
            schema.optional = optional;
            schema.doc = (!doc.is_empty()).then(|| doc.into());
            let value = if optional && null { Value::Null } else { value };
            (Arc::new(schema), value)
        });
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0..3_usize).prop_map(|((schema, value), count)| {
                (Arc::new(Schema::array(schema)), Value::Array(vec![value; count]))
            }),
            (inner.clone(), "[a-c]", any::<i32>(), any::<bool>()).prop_map(
                |((schema, value), text, number, textual)| {
                    let (kind, key) =
                        if textual { (Type::String, Value::string(text)) } else { (Type::Int32, Value::Int32(number)) };
                    let map = Map::from_distinct(vec![(key, value)]);
                    (Arc::new(Schema::map(Arc::new(Schema::new(kind)), schema)), Value::Map(map))
                }
            ),
            prop::collection::vec(inner, 0..4).prop_map(|parts| {
                let (schemas, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                let fields = schemas.into_iter().enumerate();
                let fields = fields.map(|(place, schema)| Field::new(format!("f\"{place}é"), schema)).collect();
                let schema = Arc::new(Schema { name: Some("s".into()), version: Some(3), ..Schema::structure(fields) });
                (Arc::clone(&schema), Value::Struct(Struct { schema, values }))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_with_its_schema_is_read_as_it_was((schema, value) in data(), numeric in any::<bool>()) {
        let format = if numeric { "numeric" } else { "base64" };
        let converter = converter(&[("decimal.format", format)]);
        let data = Data::new(schema, value);
        let mut written = Vec::new();
        prop_assert!(converter.from_connect("t", &data, &mut written).unwrap());
        let read = converter.to_connect("t", Some(&written)).unwrap();
        prop_assert_eq!(&read.schema, &data.schema);
        prop_assert!(alike(&read.value, &data.value), "{:?} became {:?}", data.value, read.value);
    }

    #[test]
    fn what_is_written_is_json_to_others((schema, value) in data(), schemas in any::<bool>()) {
        let converter = converter(&[("schemas.enable", if schemas { "true" } else { "false" })]);
        let mut written = Vec::new();
        prop_assert!(converter.from_connect("t", &Data::new(schema, value), &mut written).unwrap());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
    }

    #[test]
    fn no_bytes_make_a_converter_panic(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
        for plugin in crate::plugins().iter().filter(|plugin| plugin.is_header_converter()) {
            let header = plugin.new_header_converter(&Props::new()).unwrap();
            if let Ok(data) = header.to_connect_header("t", "h", Some(&bytes)) {
                let _ = header.from_connect_header("t", "h", &data, &mut Vec::new());
            }
        }
    }

    #[test]
    fn no_schema_makes_the_converter_panic(text in nearly_a_schema()) {
        let _ = converter(&[]).to_connect("t", Some(text.as_bytes()));
    }
}

/// Equal, but a decimal that was written as a number may have another scale for the same value.
fn alike(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len() && read.iter().zip(written).all(|(read, written)| alike(read, written))
        }
        (Value::Map(read), Value::Map(written)) => {
            read.len() == written.len()
                && read
                    .iter()
                    .zip(written.iter())
                    .all(|(read, written)| alike(read.0, written.0) && alike(read.1, written.1))
        }
        (Value::Struct(read), Value::Struct(written)) => {
            read.schema == written.schema
                && read.values.iter().zip(&written.values).all(|(read, written)| alike(read, written))
        }
        _ => read == written,
    }
}

fn nearly_a_schema() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        "\"type\":\"struct\"",
        "\"type\":\"array\"",
        "\"type\":\"map\"",
        "\"type\":\"bytes\"",
        "\"type\":\"int32\"",
        "\"fields\":[]",
        "\"fields\":[{\"field\":\"a\",\"type\":\"int8\"}]",
        "\"items\":{\"type\":\"string\"}",
        "\"keys\":{\"type\":\"string\"}",
        "\"values\":{\"type\":\"double\"}",
        "\"default\":null",
        "\"default\":{}",
        "\"default\":\"AQ==\"",
        "\"name\":\"org.apache.kafka.connect.data.Decimal\"",
        "\"name\":\"org.apache.kafka.connect.data.Time\"",
        "\"parameters\":{\"scale\":\"99999999999\"}",
        "\"parameters\":{\"scale\":\"-2147483648\"}",
        "\"version\":1e99",
    ]);
    let payload =
        prop::sample::select(vec!["1", "\"AQ==\"", "[]", "{}", "[[1,2]]", "null", "1e2147483647", "-1e-2147483647"]);
    (prop::collection::vec(member, 0..6), payload)
        .prop_map(|(members, payload)| format!("{{\"schema\":{{{}}},\"payload\":{payload}}}", members.join(",")))
}
