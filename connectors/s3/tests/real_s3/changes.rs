//! What comes in the middle of a stream: other schemas, late records, tombstones, records that lack what their path is
//! made of.

use std::sync::Arc;

use longshore_api::{Batch, Data, Field, PutOutcome, Schema, Slot, Struct, Type, Value};

use super::support::{Bucket, PACKAGE, PARTITIONER, Sink, json, records};

/// Version 1 of a schema, version 2, which adds an optional text, and the two without their versions.
#[derive(Clone, Copy)]
enum Order {
    First,
    Second,
    /// Of version 1, with a text for a number.
    Other,
    Unversioned,
    SecondUnversioned,
}

fn schema(order: Order) -> Arc<Schema> {
    let has_text = matches!(order, Order::Second | Order::SecondUnversioned);
    let number = if matches!(order, Order::Other) { Type::String } else { Type::Int32 };
    let mut fields = vec![Field::new("n", Schema::new(number))];
    if has_text {
        fields.push(Field::new("s", Schema::optional(Type::String)));
    }
    let version = match order {
        Order::First | Order::Other => Some(1),
        Order::Second => Some(2),
        Order::Unversioned | Order::SecondUnversioned => None,
    };
    Arc::new(Schema { version, ..Schema::structure(fields).named("orders.Order") })
}

/// Records of these schemas, numbered by their offsets.
fn orders(first: i64, all: &[Order]) -> Arc<Batch> {
    let texts: Vec<_> = all.iter().map(|_| (None, Some("x"))).collect();
    let mut batch = Arc::unwrap_or_clone(records(first, &texts, Slot::Json));
    let mut slots = batch.take_slots();
    for ((slots, order), n) in slots.iter_mut().zip(all).zip(first..) {
        let schema = schema(*order);
        let number = match order {
            Order::Other => Value::string(n.to_string()),
            _ => Value::Int32(n as i32),
        };
        let mut values = vec![number];
        if schema.fields.len() > 1 {
            values.push(Value::string(format!("s{n}")));
        }
        let value = Value::Struct(Struct { schema: Arc::clone(&schema), values });
        slots.value = batch.add_data(Data::new(schema, value));
    }
    batch.set_slots(slots);
    Arc::new(batch)
}

/// Puts a batch, and commits what is open once it idles; the objects by the last part of their keys.
async fn written(bucket: &Bucket, batch: &Arc<Batch>, more: &[(&str, &str)]) -> (PutOutcome, Vec<(String, String)>) {
    let idle = [("flush.size", "1000"), ("longshore.rotate.idle.ms", "1")];
    let mut sink = Sink::start(bucket, &[&idle[..], more].concat()).await;
    let outcome = sink.put(batch).await;
    let end = batch.len() as i64;
    while sink.delivered().await != Some(end) {
        sink.put(&json(end, &[])).await;
    }
    let objects = bucket.texts().await.into_iter();
    let last = |key: &str| key.trim_start_matches("topics/orders/").to_owned();
    (outcome, objects.map(|(key, text)| (last(&key), text)).collect())
}

#[tokio::test]
async fn each_mode_of_compatibility_has_its_own_files() {
    use Order::{First, Other, Second};
    let stream = [First, First, Second, Second, First, Second];
    let (plain, null) = (|n: i64| format!("{{\"n\":{n}}}\n"), |n: i64| format!("{{\"n\":{n},\"s\":null}}\n"));
    let full = |n: i64| format!("{{\"n\":{n},\"s\":\"s{n}\"}}\n");
    let each = vec![(0, plain(0) + &plain(1)), (2, full(2) + &full(3)), (4, plain(4)), (5, full(5))];
    let newest = vec![(0, plain(0) + &plain(1)), (2, full(2) + &full(3) + &null(4) + &full(5))];
    let oldest = vec![(0, (0..6).map(plain).collect::<String>())];
    let cases = [
        ("NONE", &each),
        ("BACKWARD", &newest),
        ("FULL", &newest),
        ("FORWARD", &oldest),
        // Names that the connector does not know stand for NONE.
        ("BACKWARD_TRANSITIVE", &each),
        ("FORWARD_TRANSITIVE", &each),
        ("FULL_TRANSITIVE", &each),
    ];
    for (mode, expected) in cases {
        let bucket = Bucket::new().await;
        let (outcome, objects) = written(&bucket, &orders(0, &stream), &[("schema.compatibility", mode)]).await;
        let key = |first: &i64| format!("partition=3/orders+3+{first:010}.json");
        let expected: Vec<_> = expected.iter().map(|(first, text)| (key(first), text.clone())).collect();
        assert!(outcome.bad.is_empty() && objects == expected, "{mode}: {objects:?}");
    }
    // A schema that cannot be projected closes the files whatever its version, and an older one does with FORWARD.
    for (mode, stream) in [("BACKWARD", [Second, Other]), ("FULL", [Second, Other]), ("FORWARD", [Second, First])] {
        let bucket = Bucket::new().await;
        let (_, objects) = written(&bucket, &orders(0, &stream), &[("schema.compatibility", mode)]).await;
        assert_eq!(objects.len(), 2, "{mode}: {objects:?}");
    }
}

#[tokio::test]
async fn modes_that_compare_versions_need_them() {
    for (mode, named) in [("BACKWARD", "BACKWARD"), ("FULL", "BACKWARD"), ("FORWARD", "FORWARD")] {
        let bucket = Bucket::new().await;
        let stream = orders(0, &[Order::Unversioned, Order::SecondUnversioned]);
        let (outcome, objects) = written(&bucket, &stream, &[("schema.compatibility", mode)]).await;
        let bad: Vec<_> = outcome.bad.iter().map(|bad| (bad.index, bad.error.to_string())).collect();
        assert_eq!(bad, [(1, format!("Schema version required for {named} compatibility"))]);
        assert_eq!(objects, [("partition=3/orders+3+0000000000.json".to_owned(), "{\"n\":0}\n".to_owned())]);
    }
}

#[tokio::test]
async fn late_records_go_to_the_path_of_their_time() {
    let hourly = format!("{PARTITIONER}HourlyPartitioner");
    let times = ["10:00", "10:20", "09:30", "10:40", "11:00", "09:59"];
    let values = times.map(|time| format!(r#"{{"at":"2026-08-07T{time}:00Z"}}"#));
    let batch = json(0, &values.each_ref().map(String::as_str));
    let lines = |all: &[usize]| all.iter().map(|n| format!("{}\n", values[*n])).collect::<String>();
    let object = |hour: &str, first: usize, all: &[usize]| {
        (format!("year=2026/month=08/day=07/hour={hour}/orders+3+{first:010}.json"), lines(all))
    };
    let by_field = [
        ("partitioner.class", hourly.as_str()),
        ("locale", "en"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "RecordField"),
        ("timestamp.field", "at"),
    ];
    let cases = [
        // Without a rotation by time, each path has its file.
        (vec![], vec![object("09", 2, &[2, 5]), object("10", 0, &[0, 1, 3]), object("11", 4, &[4])]),
        // An hour after the first record, that one goes to further files, and so does what is late then.
        (
            vec![("rotate.interval.ms", "3600000"), ("rotate.file.on.partition.change", "false")],
            vec![object("09", 2, &[2]), object("09", 5, &[5]), object("10", 0, &[0, 1, 3]), object("11", 4, &[4])],
        ),
        // Every change of path closes all files.
        (
            vec![("rotate.interval.ms", "3600000")],
            vec![
                object("09", 2, &[2]),
                object("09", 5, &[5]),
                object("10", 0, &[0, 1]),
                object("10", 3, &[3]),
                object("11", 4, &[4]),
            ],
        ),
    ];
    for (more, expected) in cases {
        let bucket = Bucket::new().await;
        let (_, objects) = written(&bucket, &batch, &[&by_field[..], &more].concat()).await;
        assert_eq!(objects, expected, "{more:?}");
    }
}

#[tokio::test]
async fn tombstones_are_passed_over_reported_or_written() {
    let (a, b) = (Some("a"), Some("b"));
    let batch =
        records(0, &[(a, Some("1")), (a, None), (b, Some("2")), (b, None), (None, None), (a, Some("3"))], Slot::Text);
    let value = |first: usize, text: &str| (format!("partition=3/orders+3+{first:010}.json"), text.to_owned());
    let bad =
        |outcome: &PutOutcome| outcome.bad.iter().map(|bad| (bad.index, bad.error.to_string())).collect::<Vec<_>>();
    for report in ["true", "false"] {
        let bucket = Bucket::new().await;
        let more = [("behavior.on.null.values", "ignore"), ("report.null.values.to.dlq", report)];
        let (outcome, objects) = written(&bucket, &batch, &more).await;
        let told = |index| (index, "Skipping null value record.".to_owned());
        assert_eq!(bad(&outcome), if report == "true" { vec![told(1), told(3), told(4)] } else { vec![] });
        assert_eq!(objects, [value(0, "\"1\"\n\"2\"\n\"3\"\n")]);
    }
    // Written, they have a path of their own, which is open beside the others; one without a key is no record.
    let (bucket, json) = (Bucket::new().await, format!("{PACKAGE}json.JsonFormat"));
    let more = [
        ("behavior.on.null.values", "write"),
        ("store.kafka.keys", "true"),
        ("keys.format.class", json.as_str()),
        ("tombstone.encoded.partition", "gone"),
    ];
    let (outcome, objects) = written(&bucket, &batch, &more).await;
    assert_eq!(bad(&outcome), [(4, "Key cannot be null for SinkRecord: orders-3@4".to_owned())]);
    let key =
        |path: &str, first: usize, text: &str| (format!("{path}/orders+3+{first:010}.keys.json"), text.to_owned());
    let expected = [
        key("gone", 1, "\"a\"\n\"b\"\n"),
        value(0, "\"1\"\n\"2\"\n\"3\"\n"),
        key("partition=3", 0, "\"a\"\n\"b\"\n\"a\"\n"),
    ];
    assert_eq!(objects, expected);
}

#[tokio::test]
async fn a_record_that_lacks_its_path_is_named_with_the_field() {
    let class = |name: &str| format!("{PARTITIONER}{name}Partitioner");
    let (field, hourly) = (class("Field"), class("Hourly"));
    let by_field = vec![("partitioner.class", field.as_str()), ("partition.field.name", "n,missing")];
    let by_time = vec![
        ("partitioner.class", hourly.as_str()),
        ("locale", "en"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "RecordField"),
        ("timestamp.field", "missing"),
    ];
    let schemaless = json(0, &[r#"{"n":0}"#]);
    let structs = orders(0, &[Order::First]);
    let absent = "Field 'missing' is not present in the schema.";
    let cases = [
        (&by_field, &schemaless, absent),
        (&by_field, &structs, absent),
        (&by_time, &schemaless, "The field named 'missing' does not exist."),
        (&by_time, &structs, absent),
    ];
    for (more, batch, why) in cases {
        let bucket = Bucket::new().await;
        let mut sink = Sink::start(&bucket, more).await;
        let outcome = sink.put(batch).await;
        let told: Vec<String> = outcome.bad.iter().map(|bad| bad.error.to_string()).collect();
        assert_eq!(told, [format!("the path of orders-3@0 cannot be made: {why}")]);
        assert!(bucket.objects().await.is_empty());
    }
}
