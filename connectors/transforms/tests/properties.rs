//! No record makes a transform or predicate panic, and what it gives fits its schema if what it got did.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod configurations;

use std::cell::RefCell;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use configurations::configurations;
use longshore_api::schema::logical;
use longshore_api::transform::Make;
use longshore_api::{
    ConnectRecord, Data, ErrorKind, Field, Header, Map, Predicate, RecordOrigin, Schema, Struct, TimestampType,
    Transform, Type, Value, Verdict,
};
use longshore_formats::validate;
use longshore_transforms::plugins;
use proptest::prelude::*;

/// Names of fields that configurations and records share.
const NAMES: [&str; 8] = ["a", "b", "id", "ts", "before", "after", "op", "source"];

fn scalar() -> impl Strategy<Value = (Schema, Value)> {
    let named = |kind, name: &str| Schema { version: Some(1), ..Schema::new(kind).named(name) };
    prop_oneof![
        any::<i8>().prop_map(|value| (Schema::new(Type::Int8), Value::Int8(value))),
        any::<i16>().prop_map(|value| (Schema::new(Type::Int16), Value::Int16(value))),
        any::<i32>().prop_map(|value| (Schema::new(Type::Int32), Value::Int32(value))),
        any::<i64>().prop_map(|value| (Schema::new(Type::Int64), Value::Int64(value))),
        any::<f32>().prop_map(|value| (Schema::new(Type::Float32), Value::Float32(value))),
        any::<f64>().prop_map(|value| (Schema::new(Type::Float64), Value::Float64(value))),
        any::<bool>().prop_map(|value| (Schema::new(Type::Boolean), Value::Boolean(value))),
        "[ -~é]{0,6}".prop_map(|value| (Schema::new(Type::String), Value::string(value))),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".prop_map(|value| (Schema::new(Type::String), Value::string(value))),
        any::<Vec<u8>>().prop_map(|value| (Schema::new(Type::Bytes), Value::Bytes(value.into()))),
        (any::<i64>(), -3_i64..40).prop_map(move |(unscaled, scale)| {
            let mut schema = named(Type::Bytes, logical::DECIMAL);
            schema.parameters.insert("scale".into(), scale.to_string());
            (schema, Value::Decimal(BigDecimal::new(unscaled.into(), scale)))
        }),
        any::<i64>().prop_map(move |millis| (named(Type::Int64, logical::TIMESTAMP), Value::Date(millis))),
        any::<i32>()
            .prop_map(move |days| (named(Type::Int32, logical::DATE), Value::Date(i64::from(days) * 86_400_000))),
        (0..86_400_000_i64).prop_map(move |millis| (named(Type::Int32, logical::TIME), Value::Date(millis))),
    ]
}

/// A schema and a value that fits it, up to three levels deep.
fn data() -> impl Strategy<Value = (Schema, Value)> {
    let any_value = (scalar(), any::<bool>(), any::<bool>()).prop_map(optional);
    any_value.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec((proptest::sample::select(&NAMES[..]), inner.clone()), 0..6).prop_map(record),
            (inner.clone(), 0..3_usize).prop_map(|((schema, value), count)| {
                let elements = if value.is_null() { vec![] } else { vec![value; count] };
                (Schema::array(Arc::new(schema)), Value::Array(elements))
            }),
            inner.prop_map(|(schema, value)| {
                let entries = if value.is_null() { vec![] } else { vec![(Value::string("k"), value)] };
                let schema = Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(schema));
                (schema, Value::Map(Map::from_distinct(entries)))
            }),
        ]
    })
}

/// Optional now and then; then null now and then, with the value as the default.
fn optional(((mut schema, value), is_optional, is_null): ((Schema, Value), bool, bool)) -> (Schema, Value) {
    schema.optional = is_optional;
    if !(is_optional && is_null) {
        return (schema, value);
    }
    if matches!(value, Value::Boolean(_) | Value::Int32(_) | Value::String(_)) {
        schema.default = Some(value);
    }
    (schema, Value::Null)
}

fn record(fields: Vec<(&'static str, (Schema, Value))>) -> (Schema, Value) {
    let mut schema = Schema { name: Some("x.Envelope".into()), version: Some(3), ..Schema::new(Type::Struct) };
    let mut values = Vec::new();
    for (name, (field, value)) in fields {
        if schema.field_index(name).is_none() {
            schema.fields.push(Field::new(name, field));
            values.push(value);
        }
    }
    let value = Struct { schema: Arc::new(schema.clone()), values };
    (schema, Value::Struct(value))
}

/// The same value as schemaless data: structs are maps.
fn plain(value: Value) -> Value {
    match value {
        Value::Struct(structure) => {
            let names = structure.schema.fields.iter().map(|field| Value::String(Arc::clone(&field.name)));
            Value::Map(Map::from_distinct(names.zip(structure.values.into_iter().map(plain)).collect()))
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(plain).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(key, value)| (plain(key), plain(value))).collect()),
        other => other,
    }
}

fn part() -> impl Strategy<Value = Data> {
    (data(), 0..10_u8).prop_map(|((schema, value), kind)| match kind {
        0 => Data::NULL,
        1..=3 => Data::schemaless(plain(value)),
        _ => Data::new(Arc::new(schema), value),
    })
}

fn records() -> impl Strategy<Value = ConnectRecord> {
    let headers = proptest::collection::vec((proptest::sample::select(&NAMES[..]), part()), 0..3);
    (part(), part(), headers, "[a-z.-]{1,8}", any::<Option<i64>>(), any::<Option<i32>>(), any::<bool>()).prop_map(
        |(key, value, headers, topic, timestamp, partition, is_sink)| ConnectRecord {
            topic: topic.into(),
            partition,
            key,
            value,
            timestamp,
            headers: headers.into_iter().map(|(name, value)| Header { name: name.into(), value }).collect(),
            origin: match is_sink {
                true => RecordOrigin::Sink { offset: 7, timestamp_type: TimestampType::CreateTime },
                false => RecordOrigin::Source,
            },
        },
    )
}

/// Whether every struct in a value has as many values as its schema has fields.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Struct(one) => one.values.len() == one.schema.fields.len() && one.values.iter().all(is_whole),
        Value::Array(elements) => elements.iter().all(is_whole),
        Value::Map(map) => map.iter().all(|(_, value)| is_whole(value)),
        _ => true,
    }
}

fn fits(data: &Data) -> bool {
    data.schema.as_deref().is_none_or(|schema| validate::value(schema, &data.value).is_ok())
}

/// MongoDB's Extended JSON.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(
            &[
                "null",
                "true",
                "1.5",
                "-0",
                "1e400",
                r#"{"$oid":"5f"}"#,
                r#"{"$date":1}"#,
                r#"{"$date":{"$numberLong":"9"}}"#,
                r#"{"$numberLong":"7"}"#,
                r#"{"$numberDecimal":"1.10"}"#,
                r#"{"$binary":"AQ==","$type":"00"}"#,
                r#"{"$regex":"a","$options":"i"}"#,
                r#"{"$timestamp":{"t":1,"i":2}}"#,
                r#"{"$minKey":1}"#,
                r#"{"$date":"x"}"#,
                r#"{"$code":"f","$scope":{"a":1}}"#,
                r#"{"$numberLong":"x"}"#,
                r#"{"$uuid":"00"}"#,
                "{",
                "",
            ][..]
        )
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        "\"[a-zé.$]{0,4}\"",
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            members(inner),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    members(json())
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec((proptest::sample::select(&NAMES[..]), value), 0..4).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

enum Made {
    Transform(Box<dyn Transform>),
    Predicate(Box<dyn Predicate>),
}

thread_local! {
    /// Every plugin with each of its configurations, made once: what they remember of schemas is tried too.
    static MADE: RefCell<Vec<(String, Made)>> = RefCell::new(made());
}

fn made() -> Vec<(String, Made)> {
    let mut made = Vec::new();
    for plugin in plugins() {
        for props in configurations(plugin.class) {
            let name = format!("{} {props:?}", plugin.class);
            let one = match plugin.make {
                Make::Predicate(make) => make(&props).map(Made::Predicate),
                Make::Transform(make) => make(&props).map(Made::Transform),
            };
            made.push((name.clone(), one.unwrap_or_else(|error| panic!("{name}: {error}"))));
        }
    }
    made
}

fn check(record: &ConnectRecord) {
    MADE.with_borrow_mut(|made| {
        for (name, one) in made {
            match one {
                Made::Predicate(predicate) => {
                    predicate.test(record).unwrap();
                }
                Made::Transform(transform) => check_transform(name, &mut **transform, record),
            }
        }
    });
}

fn check_transform(name: &str, transform: &mut dyn Transform, record: &ConnectRecord) {
    let mut changed = record.clone();
    let first = transform.apply(&mut changed);
    let mut again = record.clone();
    // The second time the schemas are known.
    let second = transform.apply(&mut again);
    let has_clock = name.contains("TimestampNow");
    assert_eq!(first, second, "{name}");
    match first {
        Ok(Verdict::Keep) => {
            assert!(has_clock || format!("{changed:?}") == format!("{again:?}"), "{name}");
            for (before, after) in [(&record.key, &changed.key), (&record.value, &changed.value)] {
                assert!(is_whole(&after.value), "{name} {after:?}");
                // As in Connect: a required field without a value, a logical type's name on what is cast as a whole.
                let is_lax = ["InsertField", "Drop", "\"spec\": \"string\"", "\"spec\": \"int16\""];
                let is_lax = is_lax.iter().any(|what| name.contains(what)) || after.value.is_null();
                assert!(!fits(before) || fits(after) || is_lax, "{name} gives {after:?} for {before:?}");
            }
        }
        Ok(Verdict::Drop) => {}
        Err(error) => assert_eq!(error.kind, ErrorKind::BadRecord, "{name}: {error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_record_makes_a_transform_panic_or_give_what_does_not_fit(record in records()) {
        check(&record);
    }

    #[test]
    fn change_events_neither(
        rows in proptest::collection::vec((proptest::sample::select(&NAMES[..]), (scalar(), any::<bool>(), any::<bool>()).prop_map(optional)), 0..5),
        has_before: bool, has_after: bool, key in part(), op in "[cudr]",
    ) {
        let (row, value) = record(rows);
        let row = Schema { name: Some("x.Value".into()), optional: true, ..row };
        let value = match value {
            Value::Struct(one) => Value::Struct(Struct { schema: Arc::new(row.clone()), ..one }),
            other => other,
        };
        let one = |is_there| if is_there { value.clone() } else { Value::Null };
        let source = record(vec![("a", (Schema::new(Type::Int32), Value::Int32(1)))]);
        let (schema, value) = record(vec![
            ("before", (row.clone(), one(has_before))),
            ("after", (row.clone(), one(has_after))),
            ("source", source),
            ("op", (Schema::new(Type::String), Value::string(op))),
        ]);
        check(&ConnectRecord {
            topic: "t".into(),
            partition: None,
            key,
            value: Data::new(Arc::new(schema), value),
            timestamp: Some(0),
            headers: vec![],
            origin: RecordOrigin::Source,
        });
    }

    #[test]
    fn change_events_of_documents_neither(
        after in proptest::option::of(document()), updated in proptest::option::of(document()), id in json(),
        op in "[cudr]",
    ) {
        let text = |value: Option<String>| (Schema::optional(Type::String), value.map_or(Value::Null, Value::string));
        let (mut description, set) = record(vec![("updatedFields", text(updated.clone()))]);
        description.optional = true;
        let set = match set {
            Value::Struct(set) if updated.is_some() => {
                Value::Struct(Struct { schema: Arc::new(description.clone()), ..set })
            }
            _ => Value::Null,
        };
        let (schema, value) = record(vec![
            ("before", text(after.clone().filter(|_| op == "d"))),
            ("after", text(after.filter(|_| op != "d"))),
            ("updateDescription", (description, set)),
            ("source", record(vec![("a", (Schema::new(Type::Int32), Value::Int32(1)))])),
            ("op", (Schema::new(Type::String), Value::string(op))),
            ("ts_ms", (Schema::optional(Type::Int64), Value::Int64(1))),
        ]);
        let (key_schema, key) = record(vec![("id", (Schema::new(Type::String), Value::string(id)))]);
        let key_schema = Arc::new(key_schema.named("x.Key"));
        let key = match key {
            Value::Struct(key) => Value::Struct(Struct { schema: Arc::clone(&key_schema), ..key }),
            other => other,
        };
        check(&ConnectRecord {
            topic: "t".into(),
            partition: None,
            key: Data::new(key_schema, key),
            value: Data::new(Arc::new(schema), value),
            timestamp: Some(0),
            headers: vec![],
            origin: RecordOrigin::Source,
        });
    }
}
