//! Transforms of Debezium, Confluent and others, as their documentation says they work; and Longshore's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod aiven;
mod clickhouse;
mod confluent;
mod custenborder;
mod debezium;
mod debezium_more;
mod expression;
mod geometry;
mod mongodb;
mod outbox;

use std::sync::Arc;

use longshore_api::transform::Make;
use longshore_api::{
    ConnectRecord, Data, ErrorKind, Field, Header, Map, Props, RecordOrigin, Result, Schema, Struct, TimestampType,
    Transform, Type, Value, Verdict,
};
use longshore_transforms::plugin;

const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

fn try_make(class: &str, config: &[(&str, &str)]) -> Result<Box<dyn Transform>> {
    let props: Props = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    match plugin(class).expect("a built-in class").make {
        Make::Transform(make) => make(&props),
        Make::Predicate(_) => panic!("{class} is a predicate"),
    }
}

fn make(class: &str, config: &[(&str, &str)]) -> Box<dyn Transform> {
    try_make(class, config).unwrap()
}

fn record(value: Data) -> ConnectRecord {
    ConnectRecord {
        topic: "server1.public.orders".into(),
        partition: Some(0),
        key: Data::NULL,
        value,
        timestamp: Some(1_700_000_000_123),
        headers: vec![],
        origin: RecordOrigin::Sink { offset: 1, timestamp_type: TimestampType::CreateTime },
    }
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (Value::string(*name), value.clone())).collect::<Map>())
}

/// A struct with its schema, of fields and values.
fn structure(name: &str, optional: bool, fields: Vec<(&str, Schema, Value)>) -> (Schema, Value) {
    let mut schema = Schema { optional, ..Schema::new(Type::Struct).named(name) };
    let mut values = Vec::new();
    for (name, field, value) in fields {
        schema.fields.push(Field::new(name, field));
        values.push(value);
    }
    let value = Value::Struct(Struct { schema: Arc::new(schema.clone()), values });
    (schema, value)
}

fn row(id: i32, name: &str) -> (Schema, Value) {
    structure(
        "server1.public.orders.Value",
        true,
        vec![
            ("id", Schema::new(Type::Int32), Value::Int32(id)),
            ("name", Schema::optional(Type::String), Value::string(name)),
        ],
    )
}

fn event(before: Option<i32>, after: Option<i32>, op: &str) -> ConnectRecord {
    let schema = row(0, "").0;
    let one = |id: Option<i32>| id.map_or(Value::Null, |id| row(id, "other").1);
    let (source_schema, source) = structure(
        "source",
        false,
        vec![
            ("table", Schema::new(Type::String), Value::string("orders")),
            ("ts_ms", Schema::new(Type::Int64), Value::Int64(5)),
        ],
    );
    let (envelope, value) = structure(
        "server1.public.orders.Envelope",
        false,
        vec![
            ("before", schema.clone(), one(before)),
            ("after", schema, one(after)),
            ("source", source_schema, source),
            ("op", Schema::new(Type::String), Value::string(op)),
        ],
    );
    record(Data::new(Arc::new(envelope), value))
}

/// The fields of a struct as text.
fn shown(value: &Value) -> String {
    longshore_formats::java_text::value(value)
}
