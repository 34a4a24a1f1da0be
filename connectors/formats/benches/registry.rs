//! What reading and writing with a registry's schema costs a record: time, and allocations.
//!
//! Every sample converts one batch of 1,000 records; a time of 250 µs is 250 ns a record, 1,000 allocations are one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use longshore_api::{Batch, BatchBuilder, Part, Props, RowParts};
use longshore_formats::{Column, Converter, ReadOptions, plugin};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const RECORDS: usize = 1000;

fn main() {
    divan::main();
}

const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";
const JSON: &str = "io.confluent.connect.json.JsonSchemaConverter";
const FORMATS: [&str; 2] = [PROTOBUF, JSON];

/// The flat order of the other converters' benchmarks.
const FLAT_PROTO: &str = "syntax = \"proto3\"; message Order { int64 order_id = 1; string customer = 2; string city = 3; \
                          double amount = 4; string currency = 5; bool paid = 6; int64 created_at = 7; string note = 8; }";
const FLAT_JSON: &str = r#"{"type":"object","properties":{"order_id":{"type":"integer"},"customer":{"type":"string"},"city":{"type":"string"},"amount":{"type":"number"},"currency":{"type":"string"},"paid":{"type":"boolean"},"created_at":{"type":"integer"},"note":{"type":"string"}}}"#;
const FLAT: &str = "{\"order_id\":100000000,\"customer\":\"customer-0004711\",\"city\":\"Zürich\",\"amount\":129.95,\
                    \"currency\":\"CHF\",\"paid\":true,\"created_at\":1700000000123,\
                    \"note\":\"please leave it at the door, thank you, so much\"}";

/// The nested one.
const NESTED_PROTO: &str = "syntax = \"proto3\"; message Order { int64 order_id = 1; Customer customer = 2; Shipping shipping = 3; \
    repeated Item items = 4; repeated string tags = 5; int64 created_at = 6; string via = 7; optional string coupon = 8; \
    double total = 9; string note = 10; \
    message Customer { int64 id = 1; string name = 2; string email = 3; bool vip = 4; } \
    message Shipping { string street = 1; string zip = 2; string city = 3; Geo geo = 4; } \
    message Geo { double lat = 1; double lon = 2; } message Item { string sku = 1; int32 qty = 2; double price = 3; } }";
const NESTED_JSON: &str = r#"{"type":"object","properties":{"order_id":{"type":"integer"},"customer":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},"email":{"type":"string"},"vip":{"type":"boolean"}}},"shipping":{"type":"object","properties":{"street":{"type":"string"},"zip":{"type":"string"},"city":{"type":"string"},"geo":{"type":"object","properties":{"lat":{"type":"number"},"lon":{"type":"number"}}}}},"items":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string"},"qty":{"type":"integer","connect.type":"int32"},"price":{"type":"number"}}}},"tags":{"type":"array","items":{"type":"string"}},"created_at":{"type":"integer"},"via":{"type":"string"},"coupon":{"type":["null","string"]},"total":{"type":"number"},"note":{"type":"string"}}}"#;
const NESTED: &str = "{\"order_id\":100000000,\"customer\":{\"id\":4711,\"name\":\"Ada Lovelace\",\"email\":\
                      \"ada@example.com\",\"vip\":true},\"shipping\":{\"street\":\"Bahnhofstrasse 1\",\"zip\":\"8001\",\
                      \"city\":\"Zürich\",\"geo\":{\"lat\":47.3769,\"lon\":8.5417}},\"items\":[{\"sku\":\"A-1001\",\
                      \"qty\":2,\"price\":19.99},{\"sku\":\"B-2002\",\"qty\":1,\"price\":89.97},{\"sku\":\"C-3003\",\
                      \"qty\":5,\"price\":3.5}],\"tags\":[\"new\",\"gift\",\"express\"],\"created_at\":1700000000123,\
                      \"via\":\"web\",\"coupon\":null,\"total\":147.45,\"note\":\"\"}";

/// A registry that has the four schemas under the ids 1 to 4 and calls all that is registered 5.
fn registry() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.unwrap();
            let mut reader = BufReader::new(&connection);
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let (mut header, mut length) = (String::new(), 0);
            while reader.read_line(&mut header).unwrap() > 2 {
                if let Some(text) = header.to_lowercase().strip_prefix("content-length: ") {
                    length = text.trim().parse().unwrap();
                }
                header.clear();
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let body = match line.split(['/', '?', ' ']).find_map(|part| part.parse::<usize>().ok()) {
                Some(id @ 1..=4) if line.starts_with("GET") => {
                    let text = [FLAT_PROTO, NESTED_PROTO, FLAT_JSON, NESTED_JSON][id - 1];
                    let kind = if id <= 2 { "PROTOBUF" } else { "JSON" };
                    serde_json::json!({ "schema": text, "schemaType": kind }).to_string()
                }
                _ => "{\"id\":5,\"version\":1}".to_owned(),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            (&connection).write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

fn converter(format: &str) -> Arc<dyn Converter> {
    let props = Props::from_iter([("schema.registry.url".to_owned(), registry())]);
    plugin(format).unwrap().new_converter(&props, false).unwrap().unwrap()
}

/// The Protobuf bytes of the flat or the nested order; `number` makes records differ.
fn protobuf(nested: bool, number: usize) -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, if nested { 2 } else { 1 }, 0];
    varint(&mut out, 1, 100_000_000 + number as u64);
    if !nested {
        for (field, value) in [(2, "customer-0004711"), (3, "Zürich")] {
            text(&mut out, field, value.as_bytes());
        }
        double(&mut out, 4, 129.95);
        text(&mut out, 5, b"CHF");
        varint(&mut out, 6, 1);
        varint(&mut out, 7, 1_700_000_000_123);
        text(&mut out, 8, b"please leave it at the door, thank you, so much");
        return out;
    }
    let (mut customer, mut shipping, mut geo) = (Vec::new(), Vec::new(), Vec::new());
    varint(&mut customer, 1, 4711);
    text(&mut customer, 2, b"Ada Lovelace");
    text(&mut customer, 3, b"ada@example.com");
    varint(&mut customer, 4, 1);
    text(&mut out, 2, &customer);
    text(&mut shipping, 1, b"Bahnhofstrasse 1");
    text(&mut shipping, 2, b"8001");
    text(&mut shipping, 3, "Zürich".as_bytes());
    double(&mut geo, 1, 47.3769);
    double(&mut geo, 2, 8.5417);
    text(&mut shipping, 4, &geo);
    text(&mut out, 3, &shipping);
    for (sku, quantity, price) in [("A-1001", 2, 19.99), ("B-2002", 1, 89.97), ("C-3003", 5, 3.5)] {
        let mut item = Vec::new();
        text(&mut item, 1, sku.as_bytes());
        varint(&mut item, 2, quantity);
        double(&mut item, 3, price);
        text(&mut out, 4, &item);
    }
    for tag in ["new", "gift", "express"] {
        text(&mut out, 5, tag.as_bytes());
    }
    varint(&mut out, 6, 1_700_000_000_123);
    text(&mut out, 7, b"web");
    double(&mut out, 9, 147.45);
    out
}

fn varint(out: &mut Vec<u8>, field: u8, mut value: u64) {
    out.push(field << 3);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    assert!(bytes.len() < 128);
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

fn double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn record(format: &str, nested: bool, number: usize) -> Vec<u8> {
    if format == PROTOBUF {
        return protobuf(nested, number);
    }
    let (id, document) = if nested { (4, NESTED) } else { (3, FLAT) };
    let document = document.replace("100000000", &(100_000_000 + number).to_string());
    [&[0, 0, 0, 0, id], document.as_bytes()].concat()
}

fn batch(format: &str, nested: bool) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    for number in 0..RECORDS {
        let value = record(format, nested, number);
        builder.push(topic, RowParts { value: Some(&value), ..RowParts::default() });
    }
    builder.finish()
}

/// Has the converter ask for what it lacks.
fn supply(converter: &dyn Converter) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(converter.supply()).unwrap());
}

fn read(bencher: Bencher<'_, '_>, format: &str, nested: bool) {
    let converter = converter(format);
    let mut column = Column::default();
    converter.read_column(&mut batch(format, nested), Part::Value, ReadOptions::default(), &mut column);
    supply(&*converter);
    bencher
        .counter(ItemsCount::new(RECORDS))
        .counter(BytesCount::new(RECORDS * record(format, nested, 0).len()))
        .with_inputs(|| batch(format, nested))
        .bench_local_refs(|batch| {
            converter.read_column(batch, Part::Value, ReadOptions::default(), &mut column);
            assert!(column.errors.is_empty(), "{:?}", column.errors[0]);
        });
}

#[divan::bench(args = FORMATS)]
fn read_flat(bencher: Bencher<'_, '_>, format: &str) {
    read(bencher, format, false);
}

#[divan::bench(args = FORMATS)]
fn read_nested(bencher: Bencher<'_, '_>, format: &str) {
    read(bencher, format, true);
}

/// Writes what was read, into one buffer.
#[divan::bench(args = FORMATS)]
fn write_nested(bencher: Bencher<'_, '_>, format: &str) {
    let converter = converter(format);
    let bytes = record(format, true, 0);
    assert!(converter.to_connect("orders", Some(&bytes)).is_err());
    supply(&*converter);
    let data = converter.to_connect("orders", Some(&bytes)).unwrap();
    let mut out = Vec::new();
    assert!(converter.from_connect("orders", &data, &mut out).is_err());
    supply(&*converter);
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        for _ in 0..RECORDS {
            out.clear();
            converter.from_connect("orders", &data, &mut out).unwrap();
        }
    });
}
