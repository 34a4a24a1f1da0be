//! Transforms of Debezium, Confluent and others, as their documentation says they work.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::sync::Arc;

use longshore_api::transform::Make;
use longshore_api::{
    ConnectRecord, Data, ErrorKind, Field, Header, Map, Props, RecordOrigin, Result, Schema, Struct, TimestampType,
    Transform, Type, Value, Verdict,
};
use longshore_transforms::plugin;

const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

fn try_make(class: &str, config: &[(&str, &str)]) -> Result<Box<dyn Transform>> {
    let props: Props = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    match plugin(class).expect("a built-in class").make {
        Make::Transform(make) => make(&props),
        Make::Predicate(_) => panic!("{class} is a predicate"),
    }
}

fn make(class: &str, config: &[(&str, &str)]) -> Box<dyn Transform> {
    try_make(class, config).unwrap()
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

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (Value::string(*name), value.clone())).collect::<Map>())
}

/// A struct with its schema, of fields and values.
fn structure(name: &str, optional: bool, fields: Vec<(&str, Schema, Value)>) -> (Schema, Value) {
    let mut schema = Schema { optional, ..Schema::new(Type::Struct).named(name) };
    let mut values = Vec::new();
    for (name, field, value) in fields {
        schema.fields.push(Field::new(name, field));
        values.push(value);
    }
    let value = Value::Struct(Struct { schema: Arc::new(schema.clone()), values });
    (schema, value)
}

fn row(id: i32, name: &str) -> (Schema, Value) {
    structure(
        "server1.public.orders.Value",
        true,
        vec![
            ("id", Schema::new(Type::Int32), Value::Int32(id)),
            ("name", Schema::optional(Type::String), Value::string(name)),
        ],
    )
}

fn event(before: Option<i32>, after: Option<i32>, op: &str) -> ConnectRecord {
    let schema = row(0, "").0;
    let one = |id: Option<i32>| id.map_or(Value::Null, |id| row(id, "other").1);
    let (source_schema, source) = structure(
        "source",
        false,
        vec![
            ("table", Schema::new(Type::String), Value::string("orders")),
            ("ts_ms", Schema::new(Type::Int64), Value::Int64(5)),
        ],
    );
    let (envelope, value) = structure(
        "server1.public.orders.Envelope",
        false,
        vec![
            ("before", schema.clone(), one(before)),
            ("after", schema, one(after)),
            ("source", source_schema, source),
            ("op", Schema::new(Type::String), Value::string(op)),
        ],
    );
    record(Data::new(Arc::new(envelope), value))
}

/// The fields of a struct as text.
fn shown(value: &Value) -> String {
    longshore_formats::java_text::value(value)
}

#[test]
fn a_change_event_gives_its_row() {
    let mut unwrap = make(UNWRAP, &[]);
    let mut created = event(None, Some(1), "c");
    assert_eq!(unwrap.apply(&mut created), Ok(Verdict::Keep));
    assert_eq!(shown(&created.value.value), "Struct{id=1,name=other}");
    assert!(created.value.schema.unwrap().optional);

    let mut deleted = event(Some(1), None, "d");
    assert_eq!(unwrap.apply(&mut deleted), Ok(Verdict::Keep));
    assert!(deleted.value.value.is_null() && deleted.value.schema.is_some());
    assert_eq!(unwrap.apply(&mut record(Data::NULL)), Ok(Verdict::Drop), "a tombstone");
    assert_eq!(unwrap.apply(&mut event(None, None, "t")), Ok(Verdict::Drop), "a truncation");

    // What is no event passes, and without a schema nothing is one.
    let mut other = record(Data::schemaless(map(&[("after", Value::Int32(1))])));
    let unchanged = other.clone();
    assert_eq!(unwrap.apply(&mut other), Ok(Verdict::Keep));
    assert_eq!(other, unchanged);
}

#[test]
fn deletions_are_handled_as_the_mode_says() {
    for (config, deletion, tombstone) in [
        (&[("delete.tombstone.handling.mode", "drop")][..], None, None),
        (&[("delete.tombstone.handling.mode", "rewrite")], Some("Struct{id=1,name=other,__deleted=true}"), None),
        (
            &[("delete.tombstone.handling.mode", "rewrite-with-tombstone")],
            Some("Struct{id=1,name=other,__deleted=true}"),
            Some("null"),
        ),
        (&[("delete.tombstone.handling.mode", "delete-to-tombstone")], Some("null"), None),
        (&[("drop.tombstones", "false")], None, Some("null")),
        (&[("drop.tombstones", "false"), ("delete.handling.mode", "none")], Some("null"), Some("null")),
        (&[("delete.handling.mode", "rewrite")], Some("Struct{id=1,name=other,__deleted=true}"), None),
    ] {
        let mut unwrap = make(UNWRAP, config);
        let mut outcome = |mut record: ConnectRecord| match unwrap.apply(&mut record).unwrap() {
            Verdict::Keep => Some(shown(&record.value.value)),
            Verdict::Drop => None,
        };
        assert_eq!(outcome(event(Some(1), None, "d")).as_deref(), deletion, "{config:?}");
        assert_eq!(outcome(record(Data::NULL)).as_deref(), tombstone, "{config:?}");
    }
    for config in [&[("delete.handling.mode", "some")][..], &[("add.fields", "a:b:c")]] {
        assert_eq!(try_make(UNWRAP, config).err().unwrap().kind, ErrorKind::Config);
    }
}

#[test]
fn fields_of_the_event_are_added_to_row_and_headers() {
    let config = [
        ("delete.tombstone.handling.mode", "rewrite"),
        ("add.fields", "op,table,source.ts_ms,source.table:origin,missing"),
        ("add.headers", "op,source.table"),
        ("add.headers.prefix", "h_"),
    ];
    let mut created = event(None, Some(1), "c");
    make(UNWRAP, &config).apply(&mut created).unwrap();
    let row = "Struct{id=1,name=other,__deleted=false,__op=c,__table=orders,__source_ts_ms=5,__origin=orders}";
    assert_eq!(shown(&created.value.value), row);
    let headers: Vec<_> = created.headers.iter().map(|one| (&*one.name, shown(&one.value.value))).collect();
    assert_eq!(headers, [("h_op", "c".to_owned()), ("h_source_table", "orders".to_owned())]);
}

#[test]
fn a_struct_of_the_event_is_added_as_one_that_may_be_missing() {
    let mut created = event(None, Some(1), "c");
    make(UNWRAP, &[("add.fields", "source")]).apply(&mut created).unwrap();
    let Value::Struct(row) = created.value.value else { panic!("no row") };
    let added = row.schema.field_index("__source").unwrap();
    let Value::Struct(source) = &row.values[added] else { panic!("no source in {row:?}") };
    assert!(source.schema.optional);
    assert_eq!(source.schema, row.schema.fields[added].schema);
}

#[test]
fn a_column_routes_and_a_header_names_what_is_left_out() {
    let mut routed = event(None, Some(1), "c");
    let names = Value::Array(vec![Value::string("name"), Value::string("id")]);
    routed.headers.push(Header { name: "drop".into(), value: Data::schemaless(names) });
    make(UNWRAP, &[("route.by.field", "name"), ("drop.fields.header.name", "drop")]).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "other");
    // `id` is required, so leaving it out would break who reads by the schema.
    assert_eq!(shown(&routed.value.value), "Struct{id=1}");
    let error = make(UNWRAP, &[("route.by.field", "id")]).apply(&mut event(None, Some(1), "c")).unwrap_err();
    assert!(error.to_string().contains("field id"), "{error}");
}

#[test]
fn events_of_many_tables_go_to_one_topic_and_are_told_apart_by_their_keys() {
    let mut router = make(
        "io.debezium.transforms.ByLogicalTableRouter",
        &[
            ("topic.regex", "(.*)\\.public\\.(.*)"),
            ("topic.replacement", "all.$2"),
            ("key.field.name", "shard"),
            ("key.field.regex", "(.*?)\\..*"),
            ("key.field.replacement", "$1"),
        ],
    );
    let mut record = event(None, Some(1), "c");
    let (schema, key) = structure("k", false, vec![("id", Schema::new(Type::Int32), Value::Int32(1))]);
    record.key = Data::new(Arc::new(schema), key);
    router.apply(&mut record).unwrap();
    assert_eq!(&*record.topic, "all.orders");
    assert_eq!(shown(&record.key.value), "Struct{id=1,shard=server1}");
    assert_eq!(record.key.schema.unwrap().name.as_deref(), Some("all.orders.Key"));
    let schema = record.value.schema.unwrap();
    assert_eq!(schema.name.as_deref(), Some("all.orders.Envelope"));
    assert_eq!(schema.fields[1].schema.name.as_deref(), Some("all.orders.Value"));
    let config = [("topic.regex", "a"), ("topic.replacement", "b"), ("key.field.regex", "c")];
    assert!(try_make("io.debezium.transforms.ByLogicalTableRouter", &config).is_err());
}

#[test]
fn confluents_filter_keeps_what_it_finds() {
    let order = |category: &str| record(Data::schemaless(map(&[("category", Value::string(category))])));
    let class = "io.confluent.connect.transforms.Filter$Value";
    let condition = ("filter.condition", "$[?(@.category == 'keep')]");
    for (kind, keep, other) in [("include", Verdict::Keep, Verdict::Drop), ("exclude", Verdict::Drop, Verdict::Keep)] {
        let mut filter = make(class, &[condition, ("filter.type", kind)]);
        assert_eq!(filter.apply(&mut order("keep")), Ok(keep));
        assert_eq!(filter.apply(&mut order("x")), Ok(other));
        assert_eq!(filter.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    }
    let path = ("filter.condition", "$.missing");
    let error = make(class, &[path, ("filter.type", "include")]).apply(&mut order("x")).unwrap_err();
    assert!(error.to_string().contains("`$.missing`"), "{error}");
    for (behavior, verdict) in [("include", Verdict::Keep), ("exclude", Verdict::Drop)] {
        let config = [path, ("filter.type", "include"), ("missing.or.null.behavior", behavior)];
        assert_eq!(make(class, &config).apply(&mut order("x")), Ok(verdict));
    }
    assert!(try_make(class, &[("filter.condition", "$[?("), ("filter.type", "include")]).is_err());
}

#[test]
fn topics_are_extracted() {
    let class = "io.confluent.connect.transforms.ExtractTopic$Value";
    let value =
        map(&[("t", Value::string("there")), ("n", Value::Int32(1)), ("in", map(&[("t", Value::string("deep"))]))]);
    let topic = |config: &[(&str, &str)], value: &Value| {
        let mut record = record(Data::schemaless(value.clone()));
        make(class, config).apply(&mut record).map(|_| record.topic.to_string())
    };
    assert_eq!(topic(&[("field", "t")], &value).unwrap(), "there");
    assert_eq!(topic(&[("field", "$.in.t"), ("field.format", "JSON_PATH")], &value).unwrap(), "deep");
    assert_eq!(topic(&[], &Value::string("whole")).unwrap(), "whole");
    assert_eq!(topic(&[("field", "x"), ("skip.missing.or.null", "true")], &value).unwrap(), "server1.public.orders");
    assert!(topic(&[("field", "x")], &value).unwrap_err().to_string().contains("field 'x'"));
    assert!(topic(&[("field", "n")], &value).unwrap_err().to_string().contains("java.lang.Integer"));
    let mut from_header = record(Data::NULL);
    from_header.headers.push(Header { name: "t".into(), value: Data::schemaless(Value::string("h")) });
    make("io.confluent.connect.transforms.ExtractTopic$Header", &[("field", "t")]).apply(&mut from_header).unwrap();
    assert_eq!(&*from_header.topic, "h");
}

#[test]
fn tombstones_and_dropped_values_are_handled() {
    let class = "io.confluent.connect.transforms.TombstoneHandler";
    assert_eq!(make(class, &[]).apply(&mut record(Data::NULL)), Ok(Verdict::Drop));
    assert!(make(class, &[("behavior", "fail")]).apply(&mut record(Data::NULL)).is_err());
    let drop = |behavior| {
        let mut dropped = event(None, Some(1), "c");
        make("io.confluent.connect.transforms.Drop$Value", &[("schema.behavior", behavior)])
            .apply(&mut dropped)
            .map(|_| dropped.value)
    };
    assert_eq!(drop("nullify").unwrap(), Data::NULL);
    assert!(!drop("retain").unwrap().schema.unwrap().optional);
    assert!(drop("force_optional").unwrap().schema.unwrap().optional);
    assert!(drop("validate").is_err());
}

#[test]
fn a_time_of_the_message_routes() {
    let mut router = make(
        "io.confluent.connect.transforms.MessageTimestampRouter",
        &[
            ("topic.format", "foo-${topic}-${timestamp}"),
            ("message.timestamp.format", "yyyy-MM-dd"),
            ("topic.timestamp.format", "yyyy.MM.dd"),
            ("message.timestamp.keys", "timestamp,time,ts"),
        ],
    );
    let mut routed = record(Data::schemaless(map(&[("time", Value::string("2019-08-06"))])));
    routed.topic = "bar".into();
    router.apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "foo-bar-2019.08.06");
    let mut bad = record(Data::schemaless(map(&[("ts", Value::string("x"))])));
    assert!(router.apply(&mut bad).unwrap_err().to_string().contains("field 'ts'"));
}

#[test]
fn the_common_transforms_work() {
    let common = |name: &str| format!("com.github.jcustenborder.kafka.connect.transform.common.{name}");
    let mut cased = record(Data::NULL);
    cased.topic = "TOPIC_NAME".into();
    make(&common("ChangeTopicCase"), &[("from", "UPPER_UNDERSCORE"), ("to", "LOWER_HYPHEN")])
        .apply(&mut cased)
        .unwrap();
    assert_eq!(&*cased.topic, "topic-name");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_HYPHEN"), ("to", "LOWER_CAMEL")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "topicName");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_CAMEL"), ("to", "UPPER_UNDERSCORE")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "TOPIC_NAME");

    let mut timed = record(Data::schemaless(map(&[("at", Value::Int64(42))])));
    make(&common("ExtractTimestamp$Value"), &[("field.name", "at")]).apply(&mut timed).unwrap();
    assert_eq!(timed.timestamp, Some(42));

    let mut now = event(None, Some(1), "c");
    make(&common("TimestampNowField$Value"), &[("fields", "now"), ("add.amount", "1")]).apply(&mut now).unwrap();
    let Value::Struct(now) = now.value.value else { panic!("a struct") };
    assert!(matches!(now.get("now"), Some(Value::Date(millis)) if *millis > 1_700_000_000_000));
}
