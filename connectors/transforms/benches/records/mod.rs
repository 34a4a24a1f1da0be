//! The records that transforms are measured with.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use longshore_api::schema::logical;
use longshore_api::{
    ConnectRecord, Data, Field, Header, Map, RecordOrigin, Schema, Struct, TimestampType, Type, Value,
};

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

/// A struct of fields with their schemas.
fn structure(name: &str, optional: bool, fields: Vec<(&str, Schema, Value)>) -> (Arc<Schema>, Value) {
    let mut schema = Schema { optional, ..Schema::new(Type::Struct).named(name) };
    let mut values = Vec::new();
    for (name, field, value) in fields {
        schema.fields.push(Field::new(name, field));
        values.push(value);
    }
    let schema = Arc::new(schema);
    (Arc::clone(&schema), Value::Struct(Struct { schema, values }))
}

fn row() -> (Arc<Schema>, Value) {
    let fields: Vec<(String, Type, Value)> = fields().collect();
    let of_row = fields.iter().map(|(name, kind, value)| (name.as_str(), Schema::new(*kind), value.clone()));
    let at = ("at", Schema::optional(Type::Int64).named(logical::TIMESTAMP), Value::Date(1_700_000_000_123));
    structure("row", true, of_row.chain([at]).collect())
}

/// The twelve fields as a struct.
pub(crate) fn with_schema() -> ConnectRecord {
    let schema = Schema::structure(fields().map(|(name, kind, _)| Field::new(name, Schema::new(kind))).collect());
    let schema = Arc::new(schema);
    let values = fields().map(|(_, _, value)| value).collect();
    record(Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values })))
}

/// The same as a map.
pub(crate) fn schemaless() -> ConnectRecord {
    let entries = fields().map(|(name, _, value)| (Value::string(name), value)).collect();
    record(Data::schemaless(Value::Map(Map::from_distinct(entries))))
}

/// A record with a header.
pub(crate) fn with_headers(mut record: ConnectRecord) -> ConnectRecord {
    let value = Data::new(Arc::new(Schema::new(Type::String)), Value::string("4bf92f3577b34da6"));
    record.headers.push(Header { name: "trace".into(), value });
    record
}

fn source() -> (Arc<Schema>, Value) {
    let fields = vec![
        ("table", Schema::new(Type::String), Value::string("orders")),
        ("ts_ms", Schema::new(Type::Int64), Value::Int64(1_700_000_000_000)),
    ];
    structure("io.debezium.connector.mysql.Source", false, fields)
}

fn envelope(fields: Vec<(&str, (Arc<Schema>, Value))>) -> ConnectRecord {
    let mut all: Vec<_> =
        fields.into_iter().map(|(name, (schema, value))| (name, Schema::clone(&schema), value)).collect();
    let (of_source, source) = source();
    all.push(("source", Schema::clone(&of_source), source));
    all.push(("ts_ms", Schema::optional(Type::Int64), Value::Int64(1_700_000_000_123)));
    let (schema, value) = structure("server1.public.orders.Envelope", false, all);
    let (key_schema, key) =
        structure("server1.public.orders.Key", false, vec![("id", Schema::new(Type::String), Value::string("17"))]);
    ConnectRecord { key: Data::new(key_schema, key), ..record(Data::new(schema, value)) }
}

fn text(text: &str) -> (Arc<Schema>, Value) {
    (Arc::new(Schema::optional(Type::String)), Value::string(text))
}

/// A change event of a row of thirteen columns.
pub(crate) fn event() -> ConnectRecord {
    envelope(vec![("before", row()), ("after", row()), ("op", text("u"))])
}

/// An insertion into an outbox table.
pub(crate) fn outbox_event() -> ConnectRecord {
    let columns = ["id", "aggregatetype", "aggregateid", "type", "payload"];
    let values = ["7f3a", "order", "17", "OrderCreated", "{\"id\": 17, \"total\": 99.5}"];
    let fields =
        columns.into_iter().zip(values).map(|(name, value)| (name, Schema::new(Type::String), Value::string(value)));
    let row = structure("server1.public.outbox.Value", true, fields.collect());
    envelope(vec![("after", row), ("op", text("c"))])
}

/// A change event of a document of MongoDB.
pub(crate) fn document_event() -> ConnectRecord {
    let document = "{\"_id\": {\"$oid\": \"596e275826f08b2730779e1f\"}, \"name\": \"Ada\", \"age\": 36, \"address\": \
                    {\"street\": \"Bahnhofstrasse 1\", \"zip\": \"8001\"}, \"tags\": [\"new\", \"gift\"]}";
    envelope(vec![("after", text(document)), ("op", text("c"))])
}

/// 198 bytes of text, packed.
pub(crate) fn gzipped() -> ConnectRecord {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(&b"{\"order_id\":100000000,\"customer\":\"customer-0004711\"}"[..].repeat(4)[..198]).unwrap();
    record(Data::schemaless(Value::Bytes(packer.finish().unwrap().into())))
}
