//! Aiven's connector on a real server.

use std::io::Read;

use bytes::Bytes;
use longshore_api::{Props, Slot};
use longshore_s3::AivenS3SinkConnector;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::proxy::{Fate, Proxy};
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

#[tokio::test]
async fn what_fits_no_open_file_goes_to_an_object_of_another_name() {
    let bucket = Bucket::new().await;
    let more = [("format.output.type", "avro"), ("file.compression.type", "none"), ("format.output.fields", "value")];
    let mut sink = start(&bucket, &more).await;
    sink.put(&structs(1200, &[(1, "first"), (2, "second")])).await;
    sink.put(&records(1202, &[(None, Some("third"))], Slot::Text)).await;
    sink.put(&structs(1203, &[(3, "fourth")])).await;
    sink.wait_for(1204).await;
    let texts = bucket.objects().await.into_iter();
    let texts = texts.map(|(key, bytes)| (key, String::from_utf8_lossy(&bytes).into_owned())).collect::<Vec<_>>();
    let keys: Vec<&str> = texts.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["orders-3-1200.avro", "orders-3-1202.avro", "orders-3-1203.avro"]);
    for (index, word) in [(0, "first"), (0, "second"), (1, "third"), (2, "fourth")] {
        assert!(texts[index].1.contains(word), "{}", texts[index].1);
    }

    let bucket = Bucket::new().await;
    let more = [("format.output.type", "parquet"), ("format.output.fields", "value,offset")];
    let mut sink = start(&bucket, &more).await;
    sink.put(&json(0, &[r#"{"x":1}"#, r#"{"x":2}"#])).await;
    sink.put(&records(2, &[(None, None)], Slot::Bytes)).await;
    sink.put(&json(3, &[r#"{"x":4}"#])).await;
    sink.wait_for(4).await;
    let objects = bucket.objects().await;
    let rows = objects.into_values().flat_map(|file| {
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect::<Vec<_>>()
    });
    let expected = [
        "{value: {x: 1}, offset: 0}",
        "{value: {x: 2}, offset: 1}",
        "{value: null, offset: 2}",
        "{value: {x: 4}, offset: 3}",
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_last_record_of_a_key_does_not_overtake_the_one_before() {
    let bucket = Bucket::new().await;
    let proxy = Proxy::start(&bucket.url).await;
    let more = [
        ("aws.s3.endpoint", proxy.url.as_str()),
        ("file.name.template", "keys/{{key}}"),
        ("file.compression.type", "none"),
        ("format.output.fields.value.encoding", "none"),
    ];
    let mut sink = start(&bucket, &more).await;
    let is_first = |target: &str| target.split('?').next().is_some_and(|path| path.ends_with("/keys/k0"));
    proxy.plan(move |request| if is_first(request.target) { Fate::Busy } else { Fate::Pass });
    // One key more than there are open files begins a commit, the last of the second round would begin another.
    let keys: Vec<String> = (0..=1000).chain(0..999).map(|number| format!("k{number}")).collect();
    let rounds: Vec<_> =
        keys.iter().zip(0..).map(|(key, at)| (Some(&**key), Some(["old", "new"][at / 1000]))).collect();
    sink.put(&records(0, &rounds, Slot::Text)).await;
    let last = records(2000, &[(Some("k999"), Some("new"))], Slot::Text);
    let outcome = sink.put_once(&last).await.unwrap();
    assert_eq!((outcome.taken, outcome.retry.is_some()), (0, true));
    proxy.plan(|_| Fate::Pass);
    sink.put(&last).await;
    sink.wait_for(2001).await;
    for key in ["keys/k0", "keys/k999"] {
        let object = bucket.client.get_object().bucket(&bucket.name).key(key).send().await.unwrap();
        assert_eq!(object.body.collect().await.unwrap().to_vec(), b"new", "{key}");
    }
}

#[tokio::test]
async fn records_that_make_no_name_or_no_time_are_bad() {
    let bucket = Bucket::new().await;
    let more = [("file.name.template", "{{key}}"), ("file.compression.type", "none")];
    let mut sink = start(&bucket, &more).await;
    let keys = ["", "a", "x/../y", "n\0l", ".", "..."];
    let keyed: Vec<_> = keys.iter().map(|key| (Some(*key), Some("v"))).collect();
    let outcome = sink.put(&records(0, &keyed, Slot::Text)).await;
    let errors: Vec<String> = outcome.bad.iter().map(|bad| bad.error.to_string()).collect();
    for (error, what) in
        errors.iter().zip(["orders-3@0 is empty", "orders-3@2 has", "orders-3@3 has", "orders-3@4 has"])
    {
        assert!(error.contains(what), "{error}");
    }
    assert_eq!(errors.len(), 4);
    sink.wait_for(6).await;
    assert_eq!(bucket.objects().await.into_keys().collect::<Vec<_>>(), ["...", "a"]);

    let by_time = "{{topic}}-{{partition}}-{{start_offset}}-{{timestamp:unit=yyyy}}";
    for more in [
        vec![("format.output.type", "jsonl"), ("format.output.fields", "timestamp")],
        vec![("file.name.timestamp.source", "event"), ("file.name.template", by_time)],
    ] {
        let bucket = Bucket::new().await;
        let mut sink = start(&bucket, &more).await;
        let outcome = sink.put(&records(1_000_000_000_000, &[(None, Some("v"))], Slot::Text)).await;
        let error = outcome.bad[0].error.to_string();
        assert!(error.contains("the timestamp 1001700000000000 "), "{error}");
    }
}

#[tokio::test]
async fn what_a_crash_leaves_behind_is_swept_where_names_say_whose_it_is() {
    let bucket = Bucket::new().await;
    let left = |key: &'static str| bucket.client.create_multipart_upload().bucket(&bucket.name).key(key).send();
    for key in ["orders-3-0.gz", "orders-3-1200.gz", "orders-2-0.gz", "orders-new-3-0.gz"] {
        left(key).await.unwrap();
    }
    start(&bucket, &[]).await;
    assert_eq!(bucket.unfinished().await, 2, "the uploads of other partitions stay");
    start(&bucket, &[("file.name.template", "{{topic}}{{partition}}-{{start_offset}}.gz")]).await;
    assert_eq!(bucket.unfinished().await, 2);
}

#[tokio::test]
async fn blocks_of_avro_are_compressed_as_they_are_asked_to_be() {
    for codec in ["null", "deflate", "snappy"] {
        let bucket = Bucket::new().await;
        let more = [("format.output.type", "avro"), ("file.compression.type", "none"), ("avro.codec", codec)];
        let mut sink = start(&bucket, &more).await;
        let text = "x".repeat(10_000);
        sink.put(&structs(0, &[(1, &text)])).await;
        sink.wait_for(1).await;
        let object = &bucket.objects().await["orders-3-0.avro"];
        let shown = String::from_utf8_lossy(object);
        assert!(shown.contains(&format!("avro.codec{}{codec}", (codec.len() as u8 * 2) as char)), "{shown:.300}");
        assert_eq!(object.len() > 10_000, codec == "null");
    }
    let bucket = Bucket::new().await;
    let props = [("aws.s3.bucket.name", bucket.name.as_str()), ("topics", "orders"), ("avro.codec", "xz")];
    let props: Props = props.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let error = Sink::of(&AivenS3SinkConnector, &props).await.err().unwrap();
    assert!(error.to_string().contains("Invalid value xz for configuration avro.codec"), "{error}");
}
