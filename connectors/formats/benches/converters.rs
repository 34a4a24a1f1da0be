//! What a converter costs a record: time, and allocations.
//!
//! Every sample converts one batch of 1,000 records; a time of 250 µs is 250 ns a record, 1,000 allocations are one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use longshore_api::{Batch, BatchBuilder, Data, ErrorKind, Part, Props, Result, RowParts, Schema, Type, Value};
use longshore_formats::{Column, Converter, HeaderConverter, JsonNeed, ReadOptions, java_text, json, plugin};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const RECORDS: usize = 1000;

fn main() {
    divan::main();
}

/// 198 bytes, flat.
const FLAT: &str = "{\"order_id\":100000000,\"customer\":\"customer-0004711\",\"city\":\"Zürich\",\"amount\":129.95,\
                    \"currency\":\"CHF\",\"paid\":true,\"created_at\":1700000000123,\
                    \"note\":\"please leave it at the door, thank you, so much\"}";

/// 445 bytes, nested.
const NESTED: &str = "{\"order_id\":100000000,\"customer\":{\"id\":4711,\"name\":\"Ada Lovelace\",\"email\":\
                      \"ada@example.com\",\"vip\":true},\"shipping\":{\"street\":\"Bahnhofstrasse 1\",\"zip\":\"8001\",\
                      \"city\":\"Zürich\",\"geo\":{\"lat\":47.3769,\"lon\":8.5417}},\"items\":[{\"sku\":\"A-1001\",\
                      \"qty\":2,\"price\":19.99},{\"sku\":\"B-2002\",\"qty\":1,\"price\":89.97},{\"sku\":\"C-3003\",\
                      \"qty\":5,\"price\":3.5}],\"tags\":[\"new\",\"gift\",\"express\"],\"created_at\":1700000000123,\
                      \"via\":\"web\",\"coupon\":null,\"total\":147.45,\"note\":\"\"}";

/// The schemas of the two.
const FLAT_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"int64","optional":false,"field":"order_id"},{"type":"string","optional":false,"field":"customer"},{"type":"string","optional":true,"field":"city"},{"type":"double","optional":false,"field":"amount"},{"type":"string","optional":false,"field":"currency"},{"type":"boolean","optional":false,"field":"paid"},{"type":"int64","optional":false,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"created_at"},{"type":"string","optional":true,"field":"note"}],"optional":false,"name":"order"}"#;
const NESTED_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"int64","optional":false,"field":"order_id"},{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},{"type":"string","optional":false,"field":"name"},{"type":"string","optional":true,"field":"email"},{"type":"boolean","optional":false,"field":"vip"}],"optional":false,"field":"customer"},{"type":"struct","fields":[{"type":"string","optional":false,"field":"street"},{"type":"string","optional":false,"field":"zip"},{"type":"string","optional":false,"field":"city"},{"type":"struct","fields":[{"type":"double","optional":false,"field":"lat"},{"type":"double","optional":false,"field":"lon"}],"optional":true,"field":"geo"}],"optional":false,"field":"shipping"},{"type":"array","items":{"type":"struct","fields":[{"type":"string","optional":false,"field":"sku"},{"type":"int32","optional":false,"field":"qty"},{"type":"double","optional":false,"field":"price"}],"optional":false},"optional":false,"field":"items"},{"type":"array","items":{"type":"string","optional":false},"optional":false,"field":"tags"},{"type":"int64","optional":false,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"created_at"},{"type":"string","optional":false,"field":"via"},{"type":"string","optional":true,"field":"coupon"},{"type":"double","optional":false,"field":"total"},{"type":"string","optional":true,"field":"note"}],"optional":false,"name":"order"}"#;

const SIZES: [&str; 2] = ["198 bytes", "445 bytes"];

fn text(size: &str) -> &'static str {
    let text = if size == SIZES[0] { FLAT } else { NESTED };
    assert_eq!(format!("{} bytes", text.len()), size);
    text
}

fn with_schema(size: &str) -> String {
    let schema = if size == SIZES[0] { FLAT_SCHEMA } else { NESTED_SCHEMA };
    format!("{{\"schema\":{schema},\"payload\":{}}}", text(size))
}

fn converter(class: &str, schemas: &str) -> Arc<dyn Converter> {
    let props = Props::from_iter([("schemas.enable".to_owned(), schemas.to_owned())]);
    plugin(class).unwrap().new_converter(&props, false).unwrap().unwrap()
}

fn batch(value: &str) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    for number in 0..RECORDS {
        // Every record differs.
        let value = value.replace("100000000", &(100_000_000 + number).to_string());
        builder.push(topic, RowParts { value: Some(value.as_bytes()), ..RowParts::default() });
    }
    builder.finish()
}

/// The same value in every record.
fn batch_of(value: &[u8]) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    for _ in 0..RECORDS {
        builder.push(topic, RowParts { value: Some(value), ..RowParts::default() });
    }
    builder.finish()
}

fn read(bencher: Bencher<'_, '_>, converter: &dyn Converter, value: &str, json: JsonNeed) {
    let mut column = Column::default();
    bencher
        .counter(ItemsCount::new(RECORDS))
        .counter(BytesCount::new(RECORDS * value.len()))
        .with_inputs(|| batch(value))
        .bench_local_refs(|batch| {
            converter.read_column(batch, Part::Value, ReadOptions { json }, &mut column);
            assert!(column.errors.is_empty());
        });
}

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

#[divan::bench(args = SIZES)]
fn string(bencher: Bencher<'_, '_>, size: &str) {
    read(bencher, &*converter(STRING, "false"), text(size), JsonNeed::Checked);
}

#[divan::bench(args = SIZES)]
fn json_unchecked(bencher: Bencher<'_, '_>, size: &str) {
    read(bencher, &*converter(JSON, "false"), text(size), JsonNeed::Unchecked);
}

#[divan::bench(args = SIZES)]
fn json_checked(bencher: Bencher<'_, '_>, size: &str) {
    read(bencher, &*converter(JSON, "false"), text(size), JsonNeed::Checked);
}

#[divan::bench(args = SIZES)]
fn json_decoded(bencher: Bencher<'_, '_>, size: &str) {
    read(bencher, &*converter(JSON, "false"), text(size), JsonNeed::Decoded);
}

#[divan::bench(args = SIZES)]
fn json_with_schema(bencher: Bencher<'_, '_>, size: &str) {
    read(bencher, &*converter(JSON, "true"), &with_schema(size), JsonNeed::Checked);
}

/// The text of a file sink: what Java prints of the value.
#[divan::bench(args = SIZES)]
fn json_printed(bencher: Bencher<'_, '_>, size: &str) {
    let (mut printer, mut out) = (json::Printer::default(), Vec::new());
    print(bencher, text(size), || {
        out.clear();
        printer.print(text(size).as_bytes(), &mut out).unwrap();
    });
}

/// The same by way of a tree, as data is printed that a transform has made.
#[divan::bench(args = SIZES)]
fn json_printed_from_tree(bencher: Bencher<'_, '_>, size: &str) {
    let (mut keys, mut out) = (json::Keys::default(), String::new());
    print(bencher, text(size), || {
        out.clear();
        java_text::append(&mut out, &json::decode(text(size).as_bytes(), &mut keys).unwrap());
    });
}

fn print(bencher: Bencher<'_, '_>, text: &str, mut one: impl FnMut()) {
    let bytes = BytesCount::new(RECORDS * text.len());
    bencher.counter(ItemsCount::new(RECORDS)).counter(bytes).bench_local(|| (0..RECORDS).for_each(|_| one()));
}

/// Writes what was read, into one buffer.
fn write(bencher: Bencher<'_, '_>, schemas: &str, value: &str) {
    let converter = converter(JSON, schemas);
    let data = converter.to_connect("t", Some(value.as_bytes())).unwrap();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for _ in 0..RECORDS {
            out.clear();
            converter.from_connect("t", &data, &mut out).unwrap();
        }
    });
}

/// A registry that knows one schema: the one that was registered last.
fn registry() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut schema = String::new();
            for connection in listener.incoming() {
                answer(&connection.unwrap(), &mut schema);
            }
        });
        url
    })
}

fn answer(mut connection: &TcpStream, schema: &mut String) {
    let mut reader = BufReader::new(connection);
    let (mut lines, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(text) = line.to_lowercase().strip_prefix("content-length: ") {
            length = text.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = if lines[0].contains("/versions") {
        *schema = String::from_utf8(body).unwrap();
        "{\"id\":1}"
    } else if lines[0].starts_with("GET") {
        schema
    } else {
        "{\"id\":1,\"version\":1}"
    };
    write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
}

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";

/// Converts until the converter has the schemas that it needs.
fn supplied<T>(converter: &dyn Converter, mut convert: impl FnMut() -> Result<T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    loop {
        match convert() {
            Err(error) if error.kind == ErrorKind::Retriable => assert!(runtime.block_on(converter.supply()).unwrap()),
            outcome => return outcome.unwrap(),
        }
    }
}

/// A converter, and the record of that size as it writes it.
fn avro(size: &str) -> (Arc<dyn Converter>, Data, Vec<u8>) {
    let props = Props::from_iter([("schema.registry.url".to_owned(), registry().to_owned())]);
    let avro = plugin(AVRO).unwrap().new_converter(&props, false).unwrap().unwrap();
    let data = converter(JSON, "true").to_connect("orders", Some(with_schema(size).as_bytes())).unwrap();
    let mut bytes = Vec::new();
    supplied(&*avro, || {
        bytes.clear();
        avro.from_connect("orders", &data, &mut bytes)
    });
    (avro, data, bytes)
}

/// The records of the JSON benchmarks, in Avro: of 198 bytes of JSON 100 are left.
#[divan::bench(args = SIZES)]
fn avro_decoded(bencher: Bencher<'_, '_>, size: &str) {
    let (avro, _, bytes) = avro(size);
    supplied(&*avro, || avro.to_connect("orders", Some(&bytes)));
    let mut column = Column::default();
    bencher
        .counter(ItemsCount::new(RECORDS))
        .counter(BytesCount::new(RECORDS * bytes.len()))
        .with_inputs(|| batch_of(&bytes))
        .bench_local_refs(|batch| {
            avro.read_column(batch, Part::Value, ReadOptions::default(), &mut column);
            assert!(column.errors.is_empty());
        });
}

#[divan::bench(args = SIZES)]
fn write_avro(bencher: Bencher<'_, '_>, size: &str) {
    let (avro, data, mut out) = avro(size);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for _ in 0..RECORDS {
            out.clear();
            avro.from_connect("orders", &data, &mut out).unwrap();
        }
    });
}

/// Converters of numbers and bytes, with a value.
const PRIMITIVES: [&str; 7] = ["Short", "Integer", "Long", "Float", "Double", "Boolean", "ByteArray"];

fn primitive(name: &str) -> (Arc<dyn Converter>, Data, Vec<u8>) {
    let converter = converter(&format!("org.apache.kafka.connect.converters.{name}Converter"), "false");
    let (kind, value) = match name {
        "Short" => (Type::Int16, Value::Int16(-4711)),
        "Integer" => (Type::Int32, Value::Int32(100_000_000)),
        "Long" => (Type::Int64, Value::Int64(1_700_000_000_123)),
        "Float" => (Type::Float32, Value::Float32(47.3769)),
        "Double" => (Type::Float64, Value::Float64(129.95)),
        "Boolean" => (Type::Boolean, Value::Boolean(true)),
        _ => (Type::Bytes, Value::Bytes(FLAT.as_bytes().into())),
    };
    let data = Data::new(Arc::new(Schema::optional(kind)), value);
    let mut bytes = Vec::new();
    assert!(converter.from_connect("orders", &data, &mut bytes).unwrap());
    (converter, data, bytes)
}

#[divan::bench(args = PRIMITIVES)]
fn primitive_decoded(bencher: Bencher<'_, '_>, name: &str) {
    let (converter, _, bytes) = primitive(name);
    let mut column = Column::default();
    bencher
        .counter(ItemsCount::new(RECORDS))
        .counter(BytesCount::new(RECORDS * bytes.len()))
        .with_inputs(|| batch_of(&bytes))
        .bench_local_refs(|batch| {
            converter.read_column(batch, Part::Value, ReadOptions::default(), &mut column);
            assert!(column.errors.is_empty());
        });
}

#[divan::bench(args = PRIMITIVES)]
fn write_primitive(bencher: Bencher<'_, '_>, name: &str) {
    let (converter, data, mut out) = primitive(name);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for _ in 0..RECORDS {
            out.clear();
            converter.from_connect("orders", &data, &mut out).unwrap();
        }
    });
}

/// Texts of headers, of which each has a type of its own.
const HEADERS: [&str; 7] = [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "4711",
    "129.95",
    "true",
    "2026-01-02T03:04:05.678Z",
    "[\"new\",\"gift\",\"express\"]",
    "{\"id\":4711,\"vip\":1}",
];

fn headers() -> Arc<dyn HeaderConverter> {
    let class = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    plugin(class).unwrap().new_header_converter(&Props::new()).unwrap()
}

#[divan::bench(args = HEADERS)]
fn header_decoded(bencher: Bencher<'_, '_>, text: &str) {
    let converter = headers();
    print(bencher, text, || {
        black_box(converter.to_connect_header("orders", "h", Some(text.as_bytes())).unwrap());
    });
}

#[divan::bench(args = HEADERS)]
fn write_header(bencher: Bencher<'_, '_>, text: &str) {
    let converter = headers();
    let data = converter.to_connect_header("orders", "h", Some(text.as_bytes())).unwrap();
    let mut out = Vec::new();
    print(bencher, text, || {
        out.clear();
        assert!(converter.from_connect_header("orders", "h", &data, &mut out).unwrap());
    });
}

#[divan::bench(args = SIZES)]
fn write_json(bencher: Bencher<'_, '_>, size: &str) {
    write(bencher, "false", text(size));
}

#[divan::bench(args = SIZES)]
fn write_json_with_schema(bencher: Bencher<'_, '_>, size: &str) {
    write(bencher, "true", &with_schema(size));
}
