//! What a transform costs a record.
//!
//! usage: cargo bench -p longshore-transforms

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails loudly")]

use std::sync::Arc;

use longshore_api::transform::Make;
use longshore_api::{
    ConnectRecord, Data, Field, Map, Props, RecordOrigin, Schema, Struct, TimestampType, Transform, Type, Value,
};

fn main() {
    divan::main();
}

const APACHE: &str = "org.apache.kafka.connect.transforms";

/// A class without its package, and its configuration.
const CASES: [(&str, &[(&str, &str)]); 8] = [
    ("RegexRouter", &[("regex", "server1\\.public\\.(.*)"), ("replacement", "$1")]),
    ("InsertField$Value", &[("timestamp.field", "at"), ("offset.field", "offset")]),
    ("ReplaceField$Value", &[("exclude", "f3"), ("renames", "f1:first")]),
    ("Cast$Value", &[("spec", "f2:int64,f4:string")]),
    ("MaskField$Value", &[("fields", "f1,f5")]),
    ("TimestampConverter$Value", &[("field", "f1"), ("target.type", "Timestamp"), ("format", "yyyy-MM-dd HH:mm:ss")]),
    ("Flatten$Value", &[]),
    ("ValueToKey", &[("fields", "f0,f1")]),
];

fn make(name: &str, config: &[(&str, &str)]) -> Box<dyn Transform> {
    let plugin = longshore_transforms::plugin(&format!("{APACHE}.{name}")).unwrap();
    let props: Props = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    match plugin.make {
        Make::Transform(make) => make(&props).unwrap(),
        Make::Predicate(_) => panic!("a predicate"),
    }
}

/// Twelve fields: even ones are numbers, odd ones texts that are dates.
fn fields() -> impl Iterator<Item = (String, Type, Value)> {
    (0..12).map(|index| match index % 2 {
        0 => (format!("f{index}"), Type::Int32, Value::Int32(index)),
        _ => (format!("f{index}"), Type::String, Value::string("2023-11-14 22:13:20")),
    })
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

fn with_schema() -> ConnectRecord {
    let schema = Schema::structure(fields().map(|(name, kind, _)| Field::new(name, Schema::new(kind))).collect());
    let schema = Arc::new(schema);
    let values = fields().map(|(_, _, value)| value).collect();
    record(Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values })))
}

fn schemaless() -> ConnectRecord {
    let entries = fields().map(|(name, _, value)| (Value::string(name), value)).collect();
    record(Data::schemaless(Value::Map(Map::from_distinct(entries))))
}

fn run(bencher: divan::Bencher<'_, '_>, case: usize, record: &ConnectRecord) {
    let (name, config) = CASES[case];
    let mut transform = make(name, config);
    bencher.with_inputs(|| record.clone()).bench_local_values(|mut record| {
        transform.apply(&mut record).unwrap();
        record
    });
}

/// The number is that of the case in the table: 0 RegexRouter, 1 InsertField, 2 ReplaceField and so on.
#[divan::bench(args = 0..CASES.len())]
fn structs(bencher: divan::Bencher<'_, '_>, case: usize) {
    run(bencher, case, &with_schema());
}

#[divan::bench(args = 0..CASES.len())]
fn maps(bencher: divan::Bencher<'_, '_>, case: usize) {
    run(bencher, case, &schemaless());
}
