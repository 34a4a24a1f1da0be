//! What the sink writes and what compaction makes of it, read by pyarrow, DuckDB and fastavro
//! (`tests/clients/python_lake`): counts, values and types.

use std::process::Command;

use longshore_test_servers::{kafka, s3, unique};
use serde_json::{Value, json};

use super::super::bucket::Bucket;
use super::super::kafka::{Writer, create_topic};
use super::super::worker::Worker;

const OBJECTS: usize = 4;
const ROWS: usize = 25;
const PACKAGE: &str = "io.confluent.connect.s3.format";

/// A Connect schema with a field of most types.
fn schema() -> Value {
    let logical = |name: &str, kind: &str, field: &str| json!({ "field": field, "type": kind, "name": format!("org.apache.kafka.connect.data.{name}"), "version": 1 });
    let plain = |kind: &str, field: &str| json!({ "field": field, "type": kind });
    let mut price = logical("Decimal", "bytes", "price");
    price["parameters"] = json!({ "scale": "2", "connect.decimal.precision": "9" });
    let text = json!({ "type": "string" });
    json!({ "type": "struct", "name": "lake.Order", "fields": [
        plain("int64", "n"),
        plain("int16", "small"),
        plain("double", "half"),
        plain("boolean", "flag"),
        plain("string", "text"),
        { "field": "maybe", "type": "string", "optional": true },
        plain("bytes", "raw"),
        price,
        logical("Date", "int32", "day"),
        logical("Timestamp", "int64", "at"),
        { "field": "tags", "type": "array", "items": text },
        { "field": "inner", "type": "struct", "name": "lake.Inner", "fields": [
            plain("int32", "a"), { "field": "b", "type": "string", "optional": true },
        ] },
        { "field": "counts", "type": "map", "keys": text, "values": { "type": "int32" } },
    ] })
}

/// A record as JsonConverter has it; the same rule as in `read_back.py`.
fn record(n: i64) -> Value {
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let cents = i32::try_from(n * 25 - 100).unwrap();
    json!({
        "n": n << 40,
        "small": n - 50,
        "half": n as f64 + 0.5,
        "flag": n % 2 == 0,
        "text": format!("Ü {n}, \"{n}\"\nnext"),
        "maybe": (n % 3 != 0).then(|| format!("m{n}")),
        "raw": base64(&[n as u8, 255, 0]),
        "price": base64(&cents.to_be_bytes()),
        // 2026-08-07, and half past three in the afternoon.
        "day": 20_672 + n,
        "at": 1_786_116_600_000_i64 + 1001 * n,
        "tags": [n.to_string(), "x"],
        "inner": { "a": n, "b": (n % 2 == 0).then(|| format!("b{n}")) },
        "counts": { "one": n, "two": -n },
    })
}

fn read_back(bucket: &Bucket, state: &str, topics: &[String]) {
    let endpoint = s3().trim_start_matches("http://");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python_lake/run.sh");
    let output = Command::new(script).args([endpoint, &bucket.name, state]).args(topics).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn other_readers_find_every_record_with_its_values_and_types() {
    let (bucket, worker) = (Bucket::new(), Worker::start(kafka()));
    let (avro, parquet) = (format!("{PACKAGE}.avro.AvroFormat"), format!("{PACKAGE}.parquet.ParquetFormat"));
    let formats: [(&str, &[(&str, &str)]); 3] = [
        ("lines", &[("s3.compression.type", "gzip"), ("json.decimal.format", "NUMERIC")]),
        ("avro", &[("format.class", &avro), ("avro.codec", "deflate")]),
        ("columns", &[("format.class", &parquet), ("parquet.codec", "zstd")]),
    ];
    let (writer, schema) = (Writer::new(), schema());
    let mut topics = Vec::new();
    for (name, more) in formats {
        let topic = unique(name);
        create_topic(&topic, 1);
        for n in 0..(OBJECTS * ROWS) as i64 {
            writer.send(&topic, None, Some(&json!({ "schema": schema, "payload": record(n) }).to_string()));
        }
        writer.flush();
        let more = [&[("value.converter.schemas.enable", "true")], more].concat();
        worker.create(&topic, &bucket.sink(&topic, ROWS, &more));
        topics.push(topic);
    }
    worker.wait_until("the objects", || bucket.keys().len() == formats.len() * OBJECTS);
    read_back(&bucket, "written", &topics);
    for to in ["parquet", "csv"] {
        let copy = Bucket::new();
        bucket.keys().iter().for_each(|key| copy.put(key, bucket.get(key)));
        let (well, text) = copy.run("compact", "lab", &["--to", to, "--older-than", "0"]);
        assert!(well && text.ends_with("3 objects written with 300 rows, 12 objects deleted\n"), "{text}");
        read_back(&copy, to, &topics);
    }
}
