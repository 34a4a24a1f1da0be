//! Aiven's connector on a real server.

use std::io::Read;

use bytes::Bytes;
use longshore_api::{Props, Slot};
use longshore_s3::AivenS3SinkConnector;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Bucket, Sink, json, records, structs};

async fn start(bucket: &Bucket, more: &[(&str, &str)]) -> Sink {
    let mut props: Props = [
        ("aws.s3.bucket.name", bucket.name.as_str()),
        ("aws.s3.region", "us-east-1"),
        ("aws.s3.endpoint", &bucket.url),
        ("aws.access.key.id", "lab"),
        ("aws.secret.access.key", "labpass"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    props.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Sink::of(&AivenS3SinkConnector, &props).await.unwrap()
}

fn named(objects: &[(String, String)]) -> Vec<(&str, &str)> {
    objects.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect()
}

#[tokio::test]
async fn everything_since_the_last_flush_is_an_object_a_partition() {
    let bucket = Bucket::new().await;
    let mut sink = start(&bucket, &[("format.output.fields", "key,value,offset,timestamp")]).await;
    sink.put(&records(1200, &[(Some("k"), Some("v")), (None, Some("w"))], Slot::Bytes)).await;
    sink.wait_for(1202).await;
    sink.put(&records(1202, &[(None, None)], Slot::Bytes)).await;
    sink.wait_for(1203).await;
    let expected = [
        ("orders-3-1200.gz", "aw==,dg==,1200,1700001200000\n,dw==,1201,1700001201000"),
        ("orders-3-1202.gz", ",,1202,1700001202000"),
    ];
    assert_eq!(named(&bucket.texts().await), expected);
    let outcome = sink.put(&json(1203, &["{}"])).await;
    assert!(outcome.bad[0].error.to_string().contains("ByteArrayConverter"));
}

#[tokio::test]
async fn json_has_the_chosen_fields_in_the_order_of_a_hash_map() {
    for (kind, compression, expected) in [
        (
            "jsonl",
            "none",
            "{\"offset\":0,\"value\":{\"n\":1},\"key\":null,\"timestamp\":\"2023-11-14T22:13:20Z\"}\n\
             {\"offset\":1,\"value\":{\"n\":2},\"key\":null,\"timestamp\":\"2023-11-14T22:13:21Z\"}",
        ),
        (
            "json",
            "gzip",
            "[\n{\"offset\":0,\"value\":{\"n\":1},\"key\":null,\"timestamp\":\"2023-11-14T22:13:20Z\"},\n\
             {\"offset\":1,\"value\":{\"n\":2},\"key\":null,\"timestamp\":\"2023-11-14T22:13:21Z\"}\n]",
        ),
    ] {
        let bucket = Bucket::new().await;
        let more = [
            ("format.output.type", kind),
            ("file.compression.type", compression),
            ("format.output.fields", "timestamp,key,value,offset"),
        ];
        let mut sink = start(&bucket, &more).await;
        sink.put(&json(0, &[r#"{"n":1}"#, r#"{"n":2}"#])).await;
        sink.wait_for(2).await;
        let texts = bucket.texts().await;
        assert_eq!(texts[0].1, expected);
        assert_eq!(texts[0].0, if compression == "none" { "orders-3-0" } else { "orders-3-0.gz" });
    }
}

#[tokio::test]
async fn templates_spread_records_over_objects() {
    let bucket = Bucket::new().await;
    let more = [
        ("file.name.template", "{{topic}}/{{timestamp:unit=HH}}/{{partition}}-{{start_offset:padding=true}}"),
        ("file.name.timestamp.source", "event"),
        ("file.max.records", "2"),
        ("file.compression.type", "none"),
        ("format.output.type", "jsonl"),
        ("format.output.envelope", "false"),
        ("format.output.fields", "value"),
    ];
    let mut sink = start(&bucket, &more).await;
    sink.put(&json(0, &["0", "1", "2"])).await;
    sink.put(&json(5000, &["5000"])).await;
    sink.wait_for(5001).await;
    let expected = [
        ("orders/22/3-00000000000000000000", "0\n1"),
        ("orders/22/3-00000000000000000002", "2"),
        ("orders/23/3-00000000000000000002", "5000"),
    ];
    assert_eq!(named(&bucket.texts().await), expected);

    let bucket = Bucket::new().await;
    let more = [("aws_s3_prefix", "p/{{topic}}/"), ("output_compression", "none"), ("output_fields", "value")];
    let mut sink = start(&bucket, &more).await;
    sink.put(&records(7, &[(None, Some("v"))], Slot::Bytes)).await;
    sink.wait_for(8).await;
    assert_eq!(named(&bucket.texts().await), [("p/orders/orders-3-00000000000000000007", "dg==")]);
}

#[tokio::test]
async fn an_object_of_a_key_holds_its_last_record() {
    let bucket = Bucket::new().await;
    let more = [
        ("file.name.template", "keys/{{key}}"),
        ("file.compression.type", "none"),
        ("format.output.fields.value.encoding", "none"),
    ];
    let mut sink = start(&bucket, &more).await;
    for round in 0..10 {
        let values = [format!("a{round}"), format!("b{round}"), format!("a{round}'")];
        let keyed = [(Some("a"), Some(&*values[0])), (Some("b"), Some(&*values[1])), (Some("a"), Some(&*values[2]))];
        sink.put(&records(round * 3, &keyed, Slot::Text)).await;
        if round % 3 == 0 {
            sink.delivered().await;
        }
    }
    sink.wait_for(30).await;
    assert_eq!(named(&bucket.texts().await), [("keys/a", "a9'"), ("keys/b", "b9")]);
}

#[tokio::test]
async fn parquet_and_avro_hold_envelopes() {
    let bucket = Bucket::new().await;
    let more = [
        ("format.output.type", "parquet"),
        ("format.output.fields", "key,value,offset"),
        ("file.compression.type", "zstd"),
        ("file.name.template", "{{topic}}-{{partition}}-{{start_offset}}.parquet"),
    ];
    let mut sink = start(&bucket, &more).await;
    sink.put(&structs(0, &[(1, "a"), (2, "b")])).await;
    sink.wait_for(2).await;
    sink.put(&json(2, &[r#"{"x":true}"#])).await;
    sink.wait_for(3).await;
    let mut rows = Vec::new();
    for (_, file) in bucket.objects().await {
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        rows.extend(reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()));
    }
    let expected = [
        "{key: null, value: {n: 1, s: \"a\"}, offset: 0}",
        "{key: null, value: {n: 2, s: \"b\"}, offset: 1}",
        "{key: null, value: {x: true}, offset: 2}",
    ];
    assert_eq!(rows, expected);

    let bucket = Bucket::new().await;
    let more = [("format.output.type", "avro"), ("file.compression.type", "none")];
    let mut sink = start(&bucket, &more).await;
    sink.put(&structs(0, &[(1, "a")])).await;
    sink.wait_for(1).await;
    let objects = bucket.objects().await;
    let text = String::from_utf8_lossy(&objects["orders-3-0.avro"]).into_owned();
    assert!(text.starts_with("Obj\u{1}") && text.contains("connector_records"), "{text}");
}

#[tokio::test]
async fn what_is_not_written_at_the_end_of_a_task_is_written_by_its_last_flush() {
    let bucket = Bucket::new().await;
    let more = [("file.compression.type", "snappy"), ("format.output.fields.value.encoding", "none")];
    let mut sink = start(&bucket, &more).await;
    sink.put(&records(0, &[(None, Some("v"))], Slot::Bytes)).await;
    sink.cancel();
    sink.wait_for(1).await;
    let objects = bucket.objects().await;
    let mut rest = &objects["orders-3-0.snappy"][16..];
    let mut length = [0; 4];
    rest.read_exact(&mut length).unwrap();
    assert_eq!(u32::from_be_bytes(length) as usize, rest.len());
    assert_eq!(snap::raw::Decoder::new().decompress_vec(rest).unwrap(), b"v");
}
