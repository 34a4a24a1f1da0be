//! Parquet files on a real server, read again.

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Bucket, PACKAGE, PARTITIONER, Sink, json, structs};

/// The rows of a file, as Parquet's reader prints them, and the number of its row groups.
fn rows(file: Vec<u8>) -> (Vec<String>, usize) {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let groups = reader.num_row_groups();
    (reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect(), groups)
}

#[tokio::test]
async fn structs_become_parquet_files_of_each_compression() {
    let bucket = Bucket::new().await;
    for (codec, extension) in [
        ("none", ""),
        ("snappy", ".snappy"),
        ("gzip", ".gz"),
        ("zstd", ".zstd"),
        ("lz4", ".lz4hadoop"),
        ("lz4_raw", ".lz4raw"),
    ] {
        let class = format!("{PACKAGE}parquet.ParquetFormat");
        let more =
            [("format.class", class.as_str()), ("parquet.codec", codec), ("topics.dir", codec), ("flush.size", "2")];
        let mut sink = Sink::start(&bucket, &more).await;
        sink.put(&structs(0, &[(1, "one"), (2, "two")])).await;
        sink.wait_for(2).await;
        let mut objects = bucket.objects().await;
        let key = format!("{codec}/orders/partition=3/orders+3+0000000000{extension}.parquet");
        assert_eq!(objects.keys().filter(|key| key.starts_with(&format!("{codec}/"))).collect::<Vec<_>>(), [&key]);
        let (rows, _) = rows(objects.remove(&key).unwrap());
        assert_eq!(rows, ["{n: 1, s: \"one\"}", "{n: 2, s: \"two\"}"]);
    }
}

#[tokio::test]
async fn keys_stand_in_files_of_their_own_and_a_changed_schema_begins_others() {
    let bucket = Bucket::new().await;
    let class = format!("{PACKAGE}parquet.ParquetFormat");
    let more = [
        ("format.class", class.as_str()),
        ("keys.format.class", &class),
        ("store.kafka.keys", "true"),
        ("parquet.codec", "none"),
        ("flush.size", "3"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    let keyed = |first, key: &'static str| {
        crate::support::records(first, &[(Some(key), Some(r#"{"a":1}"#))], longshore_api::Slot::Text)
    };
    let outcome = sink.put(&keyed(0, "k")).await;
    assert!(outcome.bad[0].error.to_string().contains("orders-3@0"), "a text is no row");
    let keyed =
        |first, value: &str| crate::support::records(first, &[(Some("\"k\""), Some(value))], longshore_api::Slot::Json);
    for (offset, value) in (1..).zip([r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]) {
        sink.put(&keyed(offset, value)).await;
    }
    sink.wait_for(4).await;
    let objects = bucket.objects().await;
    let keys: Vec<_> = objects.keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "topics/orders/partition=3/orders+3+0000000001.keys.parquet",
            "topics/orders/partition=3/orders+3+0000000001.parquet"
        ]
    );
    assert_eq!(rows(objects[&keys[0]].clone()).0, ["{key: \"k\"}", "{key: \"k\"}", "{key: \"k\"}"]);
    assert_eq!(rows(objects[&keys[1]].clone()).0, ["{a: 1}", "{a: 2}", "{a: 3}"]);
}

#[tokio::test]
async fn hundreds_of_parquet_files_are_open_within_the_budget() {
    let bucket = Bucket::new().await;
    let field = format!("{PARTITIONER}FieldPartitioner");
    let class = format!("{PACKAGE}parquet.ParquetFormat");
    let more = [
        ("format.class", class.as_str()),
        ("partitioner.class", &field),
        ("partition.field.name", "p"),
        ("flush.size", "3000"),
        ("longshore.buffer.memory", "16777216"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    let filler = "y".repeat(10_000);
    // 30 MB over 300 paths: what does not fit waits in temporary files, and a file has one row group all the same.
    for round in 0..10 {
        let values: Vec<String> =
            (0..300).map(|path| format!(r#"{{"p":{path},"r":{round},"f":"{filler}"}}"#)).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        sink.put(&json(round * 300, &values)).await;
    }
    sink.wait_for(3000).await;
    let objects = bucket.objects().await;
    assert_eq!(objects.len(), 300);
    for (key, file) in objects {
        let path: i64 = key.split(['=', '/']).nth(3).unwrap().parse().unwrap();
        assert_eq!(key, format!("topics/orders/p={path}/orders+3+{path:010}.snappy.parquet"));
        let (rows, groups) = rows(file);
        let expected: Vec<String> =
            (0..10).map(|round| format!("{{p: {path}, r: {round}, f: \"{filler}\"}}")).collect();
        assert!(rows == expected && groups == 1, "{key}: {} rows, {groups} row groups", rows.len());
    }
}

#[tokio::test]
async fn large_files_go_in_row_groups_and_parts() {
    let bucket = Bucket::new().await;
    let class = format!("{PACKAGE}parquet.ParquetFormat");
    let more = [
        ("format.class", class.as_str()),
        ("parquet.codec", "none"),
        ("flush.size", "24"),
        ("s3.part.size", "5242880"),
        ("longshore.buffer.memory", "16777216"),
        ("longshore.parquet.schema", "message big { required int64 n; required binary text (STRING); }"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    let text = |n: i64| format!("{n}{}", "x".repeat(1 << 20));
    for n in 0..24 {
        sink.put(&json(n, &[&format!(r#"{{"text":"{}","n":{n}}}"#, text(n))])).await;
    }
    sink.wait_for(24).await;
    let mut objects = bucket.objects().await;
    let (_, file) = objects.pop_first().unwrap();
    let (rows, groups) = rows(file);
    assert!(objects.is_empty() && groups == 6, "{groups} row groups");
    assert!(rows.iter().zip(0..).all(|(row, n)| *row == format!("{{n: {n}, text: \"{}\"}}", text(n))));
    assert_eq!(rows.len(), 24);
}
