//! Runs the sink against a real server with S3's API.
//!
//! `LONGSHORE_TEST_S3` may name it, say `http://127.0.0.1:9000`; else one is started.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod aiven;
mod changes;
mod faults;
mod parquet;
mod proxy;
mod support;

use std::io::Read;

use longshore_api::{ErrorKind, Slot};
use longshore_test_servers::{Kind, Server};
use sha2::Digest;
use support::{Bucket, PACKAGE, PARTITIONER, Sink, json, records, structs};

fn named(objects: &[(String, String)]) -> Vec<(&str, &str)> {
    objects.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect()
}

#[tokio::test]
async fn so_many_records_make_an_object_and_move_the_offset() {
    let bucket = Bucket::new().await;
    let mut sink = Sink::start(&bucket, &[]).await;
    sink.put(&json(1200, &[r#"{"n":1}"#, r#"{"n":2}"#])).await;
    assert_eq!(sink.delivered().await, None);
    sink.put(&json(
        1202,
        &[
            r#" {"n": 3,
        "s":"a\nb"} "#,
            r#"{"n":4}"#,
        ],
    ))
    .await;
    sink.wait_for(1203).await;
    let expected = [(
        "topics/orders/partition=3/orders+3+0000001200.json",
        "{\"n\":1}\n{\"n\":2}\n{\"n\": 3,         \"s\":\"a\\nb\"}\n",
    )];
    assert_eq!(named(&bucket.texts().await), expected);
    // What is open is not written at the end: it is read again.
    sink.stop().await;
    assert_eq!(bucket.objects().await.len(), 1);
}

#[tokio::test]
async fn formats_of_text_and_bytes_are_written() {
    let bucket = Bucket::new().await;
    let more = [("s3.compression.type", "gzip"), ("topics.dir", ""), ("file.delim", "-"), ("flush.size", "2")];
    let mut sink = Sink::start(&bucket, &more).await;
    sink.put(&records(0, &[(None, Some("a \"b\"")), (None, Some("c"))], Slot::Text)).await;
    sink.wait_for(2).await;
    let objects = bucket.texts().await;
    assert_eq!(named(&objects), [("orders/partition=3/orders-3-0000000000.json.gz", "\"a \\\"b\\\"\"\n\"c\"\n")]);

    let bucket = Bucket::new().await;
    let class = format!("{PACKAGE}bytearray.ByteArrayFormat");
    let more = [("format.class", class.as_str()), ("format.bytearray.separator", "|\n"), ("flush.size", "2")];
    let mut sink = Sink::start(&bucket, &more).await;
    sink.put(&records(0, &[(None, Some("a")), (None, Some("b"))], Slot::Bytes)).await;
    sink.wait_for(2).await;
    let objects = bucket.texts().await;
    assert_eq!(named(&objects), [("topics/orders/partition=3/orders+3+0000000000.bin", "a|\nb|\n")]);
    let outcome = sink.put(&json(2, &["{}"])).await;
    assert!(outcome.bad[0].error.to_string().contains("ByteArrayConverter"));
}

#[tokio::test]
async fn avro_files_carry_their_schema() {
    for codec in ["null", "deflate", "snappy"] {
        let bucket = Bucket::new().await;
        let class = format!("{PACKAGE}avro.AvroFormat");
        let more = [("format.class", class.as_str()), ("avro.codec", codec), ("flush.size", "2")];
        let mut sink = Sink::start(&bucket, &more).await;
        sink.put(&structs(0, &[(1, "one"), (2, "two")])).await;
        sink.wait_for(2).await;
        let objects = bucket.objects().await;
        let file = &objects["topics/orders/partition=3/orders+3+0000000000.avro"];
        assert_eq!(&file[..4], b"Obj\x01");
        let text = String::from_utf8_lossy(file);
        assert!(text.contains(r#""type":"record""#) && text.contains(codec), "{text}");
        let marker = &file[file.len() - 16..];
        let header = file.windows(16).position(|window| window == marker).unwrap();
        // Count and length of the one block stand between the markers.
        let block = &file[header + 18..file.len() - 16];
        assert_eq!((file[header + 16], usize::from(file[header + 17])), (4, block.len() * 2));
        let unpacked = match codec {
            "null" => block.to_vec(),
            "deflate" => {
                let mut unpacked = Vec::new();
                flate2::read::DeflateDecoder::new(block).read_to_end(&mut unpacked).unwrap();
                unpacked
            }
            _ => snap::raw::Decoder::new().decompress_vec(&block[..block.len() - 4]).unwrap(),
        };
        assert_eq!(unpacked, b"\x02\x06one\x04\x06two");
    }
}

#[tokio::test]
async fn paths_are_made_of_fields_and_times() {
    let hourly = format!("{PARTITIONER}HourlyPartitioner");
    let field = format!("{PARTITIONER}FieldPartitioner");
    let time = format!("{PARTITIONER}TimeBasedPartitioner");
    let at = r#"{"country":"NL","addr":{"city":"Delft"},"at":"2026-08-07T15:30:00Z"}"#;
    let zone = [("locale", "en-US"), ("timezone", "UTC"), ("flush.size", "1")];
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("partitioner.class", &field), ("partition.field.name", "country,addr.city")], "country=NL/addr.city=Delft"),
        (
            &[("partitioner.class", &hourly), ("timestamp.extractor", "RecordField"), ("timestamp.field", "at")],
            "year=2026/month=08/day=07/hour=15",
        ),
        (&[("partitioner.class", &hourly), ("timestamp.extractor", "Record")], "year=2023/month=11/day=14/hour=22"),
        (
            &[
                ("partitioner.class", &time),
                ("partition.duration.ms", "3600000"),
                ("path.format", "'dt'=YYYY-MM-dd/'hr'=HH"),
                ("timestamp.extractor", "RecordField"),
                ("timestamp.field", "at"),
            ],
            "dt=2026-08-07/hr=15",
        ),
    ];
    for (more, path) in cases {
        let bucket = Bucket::new().await;
        let mut sink = Sink::start(&bucket, &[&zone[..], more].concat()).await;
        sink.put(&json(0, &[at])).await;
        sink.wait_for(1).await;
        let keys: Vec<String> = bucket.objects().await.into_keys().collect();
        assert_eq!(keys, [format!("topics/orders/{path}/orders+3+0000000000.json")]);
    }
}

#[tokio::test]
async fn a_record_that_lacks_its_path_is_bad_and_the_others_are_written() {
    let bucket = Bucket::new().await;
    let field = format!("{PARTITIONER}FieldPartitioner");
    let more = [("partitioner.class", field.as_str()), ("partition.field.name", "c"), ("flush.size", "2")];
    let mut sink = Sink::start(&bucket, &more).await;
    let outcome = sink.put(&json(0, &[r#"{"c":"x"}"#, "{}", r#"{"c":[1]}"#, r#"{"c":2}"#])).await;
    let bad: Vec<_> = outcome.bad.iter().map(|bad| (bad.index, bad.error.to_string())).collect();
    let told = |place: &str, why: &str| format!("the path of {place} cannot be made: {why}");
    assert_eq!(bad[0], (1, told("orders-3@1", "Field 'c' is not present in the schema.")));
    let why = "Error encoding partition.: field c is neither text, integer nor boolean";
    assert_eq!(bad[1], (2, told("orders-3@2", why)));
    sink.wait_for(4).await;
    let keys: Vec<String> = bucket.objects().await.into_keys().collect();
    assert_eq!(keys, ["topics/orders/c=2/orders+3+0000000003.json", "topics/orders/c=x/orders+3+0000000000.json"]);
}

#[tokio::test]
async fn record_time_rotates_and_the_tail_is_committed_when_it_idles() {
    let bucket = Bucket::new().await;
    let time = format!("{PARTITIONER}TimeBasedPartitioner");
    let more = [
        ("partitioner.class", time.as_str()),
        ("partition.duration.ms", "86400000"),
        ("path.format", "YYYY"),
        ("locale", "en"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "Record"),
        ("flush.size", "1000"),
        ("rotate.interval.ms", "2000"),
        ("longshore.rotate.idle.ms", "1"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    sink.put(&json(0, &["0", "1", "2", "3", "4"])).await;
    while sink.delivered().await != Some(5) {
        sink.put(&json(5, &[])).await;
    }
    let expected = [
        ("topics/orders/2023/orders+3+0000000000.json", "0\n1\n"),
        ("topics/orders/2023/orders+3+0000000002.json", "2\n3\n"),
        ("topics/orders/2023/orders+3+0000000004.json", "4\n"),
    ];
    assert_eq!(named(&bucket.texts().await), expected);
}

#[tokio::test]
async fn a_changed_schema_closes_the_files() {
    let bucket = Bucket::new().await;
    let mut sink = Sink::start(&bucket, &[("flush.size", "100")]).await;
    sink.put(&structs(0, &[(1, "a"), (2, "b")])).await;
    sink.put(&json(2, &["{}", "{}"])).await;
    sink.put(&structs(4, &[(3, "c")])).await;
    sink.wait_for(4).await;
    let expected = [
        ("topics/orders/partition=3/orders+3+0000000000.json", "{\"n\":1,\"s\":\"a\"}\n{\"n\":2,\"s\":\"b\"}\n"),
        ("topics/orders/partition=3/orders+3+0000000002.json", "{}\n{}\n"),
    ];
    assert_eq!(named(&bucket.texts().await), expected);
}

#[tokio::test]
async fn a_bad_record_before_one_that_fails_the_task_is_reported() {
    let bucket = Bucket::new().await;
    let field = format!("{PARTITIONER}FieldPartitioner");
    let more = [("partitioner.class", field.as_str()), ("partition.field.name", "c"), ("flush.size", "1")];
    let mut sink = Sink::start(&bucket, &more).await;
    let batch = records(0, &[(None, Some(r#"{"c":1}"#)), (None, Some("{}")), (None, None)], Slot::Json);
    let outcome = sink.put_once(&batch).await.unwrap();
    assert_eq!((outcome.taken, outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>()), (2, vec![1]));
    assert!(sink.try_put(&batch).await.unwrap_err().to_string().contains("orders-3@2"));
    // Whatever is called next tells it.
    assert_eq!(sink.put_once(&batch).await.unwrap().taken, 2);
    assert!(sink.wait_for_failure().await.to_string().contains("orders-3@2"));
}

#[tokio::test]
async fn null_values_fail_are_reported_or_are_written_as_keys() {
    let bucket = Bucket::new().await;
    let batch = records(0, &[(Some("k0"), Some("v")), (Some("k1"), None), (Some("k2"), None)], Slot::Text);
    let error = Sink::start(&bucket, &[]).await.try_put(&batch).await.unwrap_err();
    assert!(error.kind == ErrorKind::Fatal && error.to_string().contains("orders-3@1"), "{error}");
    let mut sink = Sink::start(&bucket, &[("behavior.on.null.values", "IGNORE")]).await;
    let outcome = sink.put(&batch).await;
    assert_eq!(outcome.bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [1, 2]);
    let json = format!("{PACKAGE}json.JsonFormat");
    let more = [
        ("behavior.on.null.values", "write"),
        ("store.kafka.keys", "true"),
        ("keys.format.class", json.as_str()),
        ("flush.size", "1"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    sink.put(&batch).await;
    sink.wait_for(3).await;
    let expected = [
        ("topics/orders/partition=3/orders+3+0000000000.json", "\"v\"\n"),
        ("topics/orders/partition=3/orders+3+0000000000.keys.json", "\"k0\"\n"),
        ("topics/orders/tombstone/orders+3+0000000001.keys.json", "\"k1\"\n"),
        ("topics/orders/tombstone/orders+3+0000000002.keys.json", "\"k2\"\n"),
    ];
    assert_eq!(named(&bucket.texts().await), expected);
}

#[tokio::test]
async fn large_objects_go_in_parts_and_what_is_given_up_leaves_nothing_behind() {
    let bucket = Bucket::new().await;
    let more = [("flush.size", "40"), ("s3.part.size", "5242880")];
    let mut sink = Sink::start(&bucket, &more).await;
    let value = format!("\"{}\"", "x".repeat(1 << 20));
    for offset in 0..43 {
        sink.put(&json(offset, &[&value])).await;
    }
    sink.wait_for(40).await;
    let objects = bucket.objects().await;
    assert_eq!(objects.len(), 1);
    let object = &objects["topics/orders/partition=3/orders+3+0000000000.json"];
    assert_eq!(object.len(), 40 * (value.len() + 1));
    assert!(object.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).all(|line| line == value.as_bytes()));

    // Six further megabytes are on their way when the task ends.
    for offset in 43..46 {
        sink.put(&json(offset, &[&value])).await;
    }
    sink.stop().await;
    bucket.wait_for_no_unfinished().await;
}

#[tokio::test]
async fn what_a_crash_leaves_behind_is_swept_and_written_again() {
    let bucket = Bucket::new().await;
    let left = |key: &'static str| bucket.client.create_multipart_upload().bucket(&bucket.name).key(key).send();
    left("topics/orders/partition=3/orders+3+0000000000.json").await.unwrap();
    left("topics/orders/partition=2/orders+2+0000000000.json").await.unwrap();
    let mut sink = Sink::start(&bucket, &[]).await;
    assert_eq!(bucket.unfinished().await, 1, "the upload of another task's partition stays");
    sink.put(&json(0, &["0", "1"])).await;
    sink.crash();
    let mut sink = Sink::start(&bucket, &[]).await;
    sink.put(&json(0, &["0", "1", "2"])).await;
    sink.wait_for(3).await;
    assert_eq!(named(&bucket.texts().await), [("topics/orders/partition=3/orders+3+0000000000.json", "0\n1\n2\n")]);
}

#[tokio::test]
async fn hundreds_of_open_paths_stay_within_the_budget() {
    let bucket = Bucket::new().await;
    let field = format!("{PARTITIONER}FieldPartitioner");
    let more = [
        ("partitioner.class", field.as_str()),
        ("partition.field.name", "p"),
        ("flush.size", "5000"),
        ("longshore.buffer.memory", "16777216"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    let filler = "y".repeat(10_000);
    // 50 MB over 500 paths.
    for round in 0..10 {
        let values: Vec<String> =
            (0..500).map(|path| format!(r#"{{"p":{path},"r":{round},"f":"{filler}"}}"#)).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        sink.put(&json(round * 500, &values)).await;
    }
    sink.wait_for(5000).await;
    let objects = bucket.texts().await;
    assert_eq!(objects.len(), 500);
    for (key, text) in objects {
        let path: i64 = key.split(['=', '/']).nth(3).unwrap().parse().unwrap();
        assert_eq!(key, format!("topics/orders/p={path}/orders+3+{path:010}.json"));
        let rounds: Vec<String> =
            (0..10).map(|round| format!(r#"{{"p":{path},"r":{round},"f":"{filler}"}}"#)).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), rounds);
    }
}

#[tokio::test]
async fn a_server_that_is_away_holds_records_up_and_loses_none() {
    let mut server = Server::start(Kind::S3);
    let bucket = Bucket::on(&server.address()).await;
    let mut sink = Sink::start(&bucket, &[("s3.part.retries", "0")]).await;
    sink.put(&json(0, &["0", "1", "2"])).await;
    sink.wait_for(3).await;
    server.kill();
    sink.put(&json(3, &["3", "4", "5"])).await;
    assert_eq!(sink.delivered().await, Some(3), "the commit waits");
    server.start_again();
    sink.wait_for(6).await;
    assert_eq!(bucket.objects().await.len(), 2);
}

#[tokio::test]
async fn what_is_given_up_at_the_end_of_a_task_is_not_delivered() {
    let bucket = Bucket::new().await;
    for attempt in 0..20 {
        let folder = format!("attempt{attempt}");
        let mut sink = Sink::start(&bucket, &[("topics.dir", &folder)]).await;
        sink.put(&json(0, &["0", "1", "2"])).await;
        sink.cancel();
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        // The object may be there or not; only if it is, its records are delivered.
        if sink.delivered().await.is_some() {
            let key = format!("{folder}/orders/partition=3/orders+3+0000000000.json");
            assert!(bucket.objects().await.contains_key(&key), "{key} was given up");
        }
    }
}

#[tokio::test]
async fn a_partition_that_goes_takes_its_uploads_with_it() {
    let mut server = Server::start(Kind::S3);
    let bucket = Bucket::on(&server.address()).await;
    let mut sink = Sink::start(&bucket, &[("s3.part.retries", "0")]).await;
    server.kill();
    sink.put(&json(0, &["0", "1", "2"])).await;
    assert_eq!(sink.delivered().await, None, "the commit waits");
    sink.close().await;
    server.start_again();
    // Whoever has the partition now writes under the same name: what came late would take the place of that.
    let mut other = Sink::start(&bucket, &[("topics.dir", "other"), ("flush.size", "1")]).await;
    for offset in 0..20 {
        other.put(&json(offset, &["0"])).await;
        other.wait_for(offset + 1).await;
    }
    let objects = bucket.objects().await;
    assert!(objects.len() == 20 && objects.keys().all(|key| key.starts_with("other/")), "{:?}", objects.keys());
}

#[tokio::test]
async fn what_will_not_work_is_told_without_secrets() {
    let bucket = Bucket::new().await;
    let error = Sink::try_start(&bucket.props(&[("s3.bucket.name", "no-such-bucket")])).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert!(error.to_string().contains("Non-existent S3 bucket: no-such-bucket"), "{error}");
    for (id, secret) in [("lab", "wrongsecret"), ("nobody", "wrongsecret"), ("reader", "labpass")] {
        let props = bucket.props(&[("aws.access.key.id", id), ("aws.secret.access.key", secret)]);
        let mut sink = Sink::try_start(&props).await.unwrap();
        sink.put(&json(0, &["0", "1", "2"])).await;
        let error = sink.wait_for_failure().await;
        let text = error.to_string();
        assert_eq!(error.kind, ErrorKind::Fatal);
        let key = format!("s3://{}/topics/orders/partition=3/orders+3+0000000000.json", bucket.name);
        assert!(text.contains("403") && text.contains(&key) && !text.contains(secret), "{text}");
        assert_eq!(sink.delivered().await, None);
    }
}

#[tokio::test]
async fn a_manifest_says_what_each_object_holds() {
    let bucket = Bucket::new().await;
    let json_format = format!("{PACKAGE}json.JsonFormat");
    let more = [
        ("longshore.manifest.enable", "true"),
        ("store.kafka.keys", "true"),
        ("keys.format.class", json_format.as_str()),
        ("s3.compression.type", "gzip"),
        ("flush.size", "2"),
    ];
    let mut sink = Sink::start(&bucket, &more).await;
    sink.put(&records(7, &[(Some("k"), Some("a")), (Some("l"), Some("b"))], Slot::Text)).await;
    sink.wait_for(9).await;
    let objects = bucket.objects().await;
    assert_eq!(objects.len(), 4);
    for name in ["orders+3+0000000007.json.gz", "orders+3+0000000007.keys.json.gz"] {
        let key = format!("topics/orders/partition=3/{name}");
        let manifest = &objects[&format!("topics/orders/partition=3/_{name}.manifest")];
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let sha256: String = sha2::Sha256::digest(&objects[&key]).iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = serde_json::json!({
            "version": 1,
            "object": key,
            "topic": "orders",
            "partition": 3,
            "first_offset": 7,
            "last_offset": 8,
            "records": 2,
            "first_timestamp": 1_700_000_007_000_i64,
            "last_timestamp": 1_700_000_008_000_i64,
            "bytes": objects[&key].len(),
            "sha256": sha256,
            "schema": null,
        });
        assert_eq!(manifest, expected);
    }
    let bucket = Bucket::new().await;
    let more = [("longshore.manifest.enable", "true"), ("flush.size", "40"), ("s3.part.size", "5242880")];
    let mut sink = Sink::start(&bucket, &more).await;
    // In parts, and with a schema.
    let text = "x".repeat(1 << 18);
    sink.put(&structs(0, &(0..40).map(|n| (n, text.as_str())).collect::<Vec<_>>())).await;
    sink.wait_for(40).await;
    let objects = bucket.objects().await;
    let object = &objects["topics/orders/partition=3/orders+3+0000000000.json"];
    let manifest = &objects["topics/orders/partition=3/_orders+3+0000000000.json.manifest"];
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let sha256: String = sha2::Sha256::digest(object).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&manifest["sha256"], &manifest["bytes"]), (&sha256.into(), &object.len().into()));
    assert_eq!(manifest["schema"]["name"], "orders.Order");
    assert_eq!(manifest["schema"]["fields"][0]["field"], "n");
}

#[tokio::test]
async fn producers_of_two_schemas_do_not_close_each_others_files() {
    let bucket = Bucket::new().await;
    let more = [("longshore.writer.per.schema", "true"), ("flush.size", "8")];
    let mut sink = Sink::start(&bucket, &more).await;
    for offset in 0..10 {
        let batch = if offset % 2 == 0 { structs(offset, &[(offset as i32, "a")]) } else { json(offset, &["{}"]) };
        sink.put(&batch).await;
    }
    sink.wait_for(8).await;
    let line = |n: i32| format!("{{\"n\":{n},\"s\":\"a\"}}\n");
    let expected = [
        ("topics/orders/partition=3/orders+3+0000000000.json", [0, 2, 4, 6].map(line).concat()),
        ("topics/orders/partition=3/orders+3+0000000001.json", "{}\n".repeat(4)),
    ];
    assert_eq!(bucket.texts().await, expected.map(|(key, text)| (key.to_owned(), text)));
    let wrong = bucket.props(&[("longshore.writer.per.schema", "true"), ("schema.compatibility", "BACKWARD")]);
    let error = Sink::try_start(&wrong).await.err().unwrap();
    assert!(error.kind == ErrorKind::Config && error.to_string().contains("it needs NONE"), "{error}");
}
