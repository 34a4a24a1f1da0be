//! Transforms of Debezium, Confluent and others, as their documentation says they work; and Longshore's own.

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

const EXPRESSION: &str = "longshore.transforms.Expression";

#[test]
fn an_expression_filters() {
    let mut filter = make(EXPRESSION, &[("filter.condition", "value.qty > 5 && value.name.startsWith('a')")]);
    let order = |qty: i64, name: &str| {
        record(Data::schemaless(map(&[("qty", Value::Int64(qty)), ("name", Value::string(name))])))
    };
    assert_eq!(filter.apply(&mut order(6, "apple")), Ok(Verdict::Keep));
    assert_eq!(filter.apply(&mut order(5, "apple")), Ok(Verdict::Drop));
    assert_eq!(filter.apply(&mut order(6, "pear")), Ok(Verdict::Drop));
    assert_eq!(filter.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    let mut by_row = make(EXPRESSION, &[("filter.condition", "value.op == 'c' && value.after.id == 1")]);
    assert_eq!(by_row.apply(&mut event(None, Some(1), "c")), Ok(Verdict::Keep));
    assert_eq!(by_row.apply(&mut event(None, Some(2), "c")), Ok(Verdict::Drop));

    let error = filter.apply(&mut record(Data::schemaless(map(&[])))).unwrap_err();
    assert_eq!(error.to_string(), "filter.condition: there is no qty at character 7");
    let error = make(EXPRESSION, &[("filter.condition", "value.name")]).apply(&mut order(1, "x")).unwrap_err();
    assert_eq!(error.to_string(), "filter.condition: expected true or false, found a text");
    for (mode, verdict) in [("drop", Some(Verdict::Drop)), ("evaluate", None)] {
        let config = [("filter.condition", "value.a == 1"), ("null.handling.mode", mode)];
        assert_eq!(make(EXPRESSION, &config).apply(&mut record(Data::NULL)).ok(), verdict);
    }
}

#[test]
fn an_expression_derives_fields_of_schemaless_data() {
    let set = "total = value.price * value.qty; at: timestamp = timestamp(value.when); `odd name` = value.tags.map(t, t + '!')";
    let mut derive = make(EXPRESSION, &[("value.set", set), ("value.remove", "when,price")]);
    let mut order = record(Data::schemaless(map(&[
        ("price", Value::Float64(1.5)),
        ("qty", Value::Int64(4)),
        ("when", Value::string("1970-01-01T00:00:01.5Z")),
        ("tags", Value::Array(vec![Value::string("a")])),
    ])));
    derive.apply(&mut order).unwrap();
    assert_eq!(
        shown(&order.value.value),
        "{qty=4, tags=[a], total=6.0, at=1970-01-01T00:00:01.500Z, odd name=[a!]}"
            .replace("1970-01-01T00:00:01.500Z", &longshore_formats::java_text::value(&Value::Date(1500)))
    );
}

#[test]
fn an_expression_derives_fields_with_their_schemas() {
    let row = |name: Value| {
        let (schema, value) = structure(
            "orders.Value",
            true,
            vec![
                ("id", Schema::new(Type::Int32), Value::Int32(7)),
                ("name", Schema::optional(Type::String), name),
                ("gone", Schema::optional(Type::String), Value::Null),
            ],
        );
        record(Data::new(Arc::new(schema), value))
    };
    let set = "copy = value.id; id: int64 = value.id * 2; big = size(value.name) > 3; note = has(value.name) ? value.name : null";
    let mut derive = make(EXPRESSION, &[("value.set", set), ("value.remove", "gone")]);
    let mut first = row(Value::string("long name"));
    derive.apply(&mut first).unwrap();
    assert_eq!(shown(&first.value.value), "Struct{id=14,name=long name,copy=7,big=true,note=long name}");
    let schema = first.value.schema.unwrap();
    let kinds: Vec<_> = schema.fields.iter().map(|field| (field.schema.kind, field.schema.optional)).collect();
    let expected = [Type::Int64, Type::String, Type::Int32, Type::Boolean, Type::String];
    assert_eq!(kinds, expected.map(|kind| (kind, true)));
    assert_eq!((schema.name.as_deref(), schema.optional), (Some("orders.Value"), true));
    // The schema stays one and the same, also where a field is null.
    let mut second = row(Value::string("x"));
    derive.apply(&mut second).unwrap();
    assert!(Arc::ptr_eq(second.value.schema.as_ref().unwrap(), &schema));

    let error = make(EXPRESSION, &[("value.set", "a = null")]).apply(&mut row(Value::Null)).unwrap_err();
    assert!(error.to_string().contains("value.set: the type of field a is not known"), "{error}");
    let error = make(EXPRESSION, &[("value.set", "a: int8 = 300")]).apply(&mut row(Value::Null)).unwrap_err();
    assert!(error.to_string().contains("300 (java.lang.Long) does not fit field a of type INT8"), "{error}");
}

#[test]
fn an_expression_routes_and_sets_key_and_headers() {
    let mut route = make(
        EXPRESSION,
        &[
            ("topic.expression", "topic + '-' + string(timestamp.getFullYear()) + '-' + headers.region"),
            ("key.expression", "value.after.id"),
            ("partition.expression", "value.after.id % 4"),
            ("timestamp.expression", "fromMillis(value.source.ts_ms)"),
            ("headers.set", "op = value.op; region = 'all'"),
            ("headers.remove", "secret"),
        ],
    );
    let mut record = event(None, Some(6), "c");
    for (name, value) in [("region", "eu"), ("secret", "x")] {
        record.headers.push(Header { name: name.into(), value: Data::schemaless(Value::string(value)) });
    }
    route.apply(&mut record).unwrap();
    assert_eq!(&*record.topic, "server1.public.orders-2023-eu");
    assert_eq!((record.partition, record.timestamp), (Some(2), Some(5)));
    assert_eq!(record.key.value, Value::Int32(6));
    assert_eq!(record.key.schema.unwrap().kind, Type::Int32);
    let headers: Vec<_> = record.headers.iter().map(|one| (&*one.name, shown(&one.value.value))).collect();
    assert_eq!(headers, [("op", "c".to_owned()), ("region", "all".to_owned())]);
    let error = make(EXPRESSION, &[("topic.expression", "1")]).apply(&mut event(None, None, "c")).unwrap_err();
    assert!(error.to_string().starts_with("topic.expression: expected a text that is not empty"), "{error}");
}

#[test]
fn an_expression_that_is_none_is_refused_with_key_and_place() {
    for (key, text, wrong) in [
        ("filter.condition", "value.a >", "expected a value, found the end, at character 10"),
        ("topic.expression", "tropic", "tropic is unknown; there are key, value"),
        ("topic.expression", "topic.upper()", "upper is not a method here, at character 7"),
        ("value.set", "a = 1; a = 2", "a is set twice"),
        ("value.set", "a: number = 1", "number is not a type of a field"),
        ("value.set", "a == 1", "expected =, found =="),
        ("key.expression", "value.a.matches('(')", "invalid pattern"),
        ("key.expression", "timestamp.getHours('Mars/Olympus')", "unknown time zone"),
    ] {
        let error = try_make(EXPRESSION, &[(key, text)]).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        let message = error.to_string();
        assert!(message.contains(key) && message.contains(wrong), "{message}");
    }
    assert!(try_make(EXPRESSION, &[("filter.condition", &"(".repeat(5000))]).is_err());
    assert!(try_make(EXPRESSION, &[("filter.condition", &["1"; 5000].join("+"))]).is_err());
    let endless = format!("{}1{}", "[0,1,2,3,4,5,6,7,8,9].map(x, ".repeat(9), ")".repeat(9));
    let error = make(EXPRESSION, &[("key.expression", &endless)]).apply(&mut record(Data::NULL)).unwrap_err();
    assert!(error.to_string().contains("more work than an expression may make of one record"), "{error}");
}

const OUTBOX: &str = "io.debezium.transforms.outbox.EventRouter";

/// An event of an outbox, whose row has these columns beside the usual ones.
fn outbox_event(op: &str, payload: Value, more: Vec<(&'static str, Schema, Value)>) -> ConnectRecord {
    let text = || Schema::new(Type::String);
    let mut columns = vec![
        ("id", text(), Value::string("e1")),
        ("aggregatetype", text(), Value::string("User")),
        ("aggregateid", text(), Value::string("10711fa5")),
        ("type", text(), Value::string("UserCreated")),
        ("payload", Schema::optional(Type::String), payload),
    ];
    columns.extend(more);
    let (schema, row) = structure("server1.inventory.outbox.Value", true, columns);
    let (envelope, value) = structure(
        "server1.inventory.outbox.Envelope",
        false,
        vec![
            ("after", schema, if op == "d" { Value::Null } else { row }),
            ("op", text(), Value::string(op)),
            ("ts_ms", Schema::optional(Type::Int64), Value::Int64(777)),
        ],
    );
    record(Data::new(Arc::new(envelope), value))
}

#[test]
fn an_outbox_event_goes_to_the_topic_of_its_kind() {
    let mut router = make(OUTBOX, &[]);
    let mut created = outbox_event("c", Value::string("{}"), vec![]);
    assert_eq!(router.apply(&mut created), Ok(Verdict::Keep));
    assert_eq!(&*created.topic, "outbox.event.User");
    assert_eq!(created.key.value, Value::string("10711fa5"));
    assert_eq!(created.value.value, Value::string("{}"));
    assert_eq!(created.timestamp, Some(777));
    assert_eq!((&*created.headers[0].name, &created.headers[0].value.value), ("id", &Value::string("e1")));
    for op in ["u", "d"] {
        assert_eq!(router.apply(&mut outbox_event(op, Value::Null, vec![])), Ok(Verdict::Drop), "{op}");
    }
    assert_eq!(router.apply(&mut record(Data::NULL)), Ok(Verdict::Drop), "a tombstone");
    let mut other = record(Data::schemaless(map(&[("a", Value::Int32(1))])));
    assert_eq!(router.apply(&mut other), Ok(Verdict::Keep));

    let mut empty = outbox_event("c", Value::string(" "), vec![]);
    make(OUTBOX, &[("route.tombstone.on.empty.payload", "true")]).apply(&mut empty).unwrap();
    assert_eq!(empty.value, Data::NULL);
    let fatal =
        make(OUTBOX, &[("table.op.invalid.behavior", "fatal")]).apply(&mut outbox_event("u", Value::Null, vec![]));
    assert!(fatal.unwrap_err().to_string().starts_with("Unexpected update message received"));
}

#[test]
fn columns_of_an_outbox_go_beside_the_payload() {
    let columns = || {
        let micro = Schema::new(Type::Int64).named("io.debezium.time.MicroTimestamp");
        vec![
            ("version", Schema::new(Type::Int32), Value::Int32(3)),
            ("part", Schema::new(Type::Int32), Value::Int32(5)),
            ("at", micro, Value::Int64(1_500_000)),
        ]
    };
    let config = [
        ("table.fields.additional.placement", "type:header:eventType,part:partition,type:envelope,version:envelope:v"),
        ("table.field.event.schema.version", "version"),
        ("table.field.event.timestamp", "at"),
        ("route.topic.replacement", "events.${routedByValue}"),
    ];
    let mut created = outbox_event("c", Value::string("x"), columns());
    make(OUTBOX, &config).apply(&mut created).unwrap();
    assert_eq!(shown(&created.value.value), "Struct{payload=x,type=UserCreated,v=3}");
    let schema = created.value.schema.unwrap();
    assert_eq!((schema.name.as_deref(), schema.version), (Some("server1.inventory.outbox.User.Value"), Some(3)));
    assert_eq!((created.timestamp, &*created.topic), (Some(1500), "events.User"));
    assert_eq!(created.partition, Some(5));
    let names: Vec<_> = created.headers.iter().map(|header| &*header.name).collect();
    assert_eq!(names, ["id", "eventType"]);

    let missing = [("table.fields.additional.placement", "none:envelope,none:header")];
    let error = make(OUTBOX, &missing).apply(&mut outbox_event("c", Value::Null, vec![])).unwrap_err();
    assert_eq!(error.to_string(), "none is not a valid field name");
    let ignored = [missing[0], ("table.fields.additional.error.on.missing", "false")];
    let mut created = outbox_event("c", Value::string("x"), vec![]);
    make(OUTBOX, &ignored).apply(&mut created).unwrap();
    assert_eq!(shown(&created.value.value), "Struct{payload=x}");
    for wrong in ["a", "a:b:c:d", "a:body"] {
        let error = try_make(OUTBOX, &[("table.fields.additional.placement", wrong)]).err().unwrap();
        assert!(error.to_string().contains("table.fields.additional.placement"), "{error}");
    }
    let error = make(OUTBOX, &[("table.field.event.payload", "p")]).apply(&mut outbox_event("c", Value::Null, vec![]));
    assert_eq!(error.unwrap_err().to_string(), "Unable to find payload field p in event");
}

#[test]
fn the_json_payload_of_an_outbox_is_expanded() {
    let expand = |config: &[(&str, &str)], payload: &str| {
        let mut created = outbox_event("c", Value::string(payload), vec![]);
        make(OUTBOX, &[&[("table.expand.json.payload", "true")], config].concat()).apply(&mut created).unwrap();
        created.value
    };
    let payload = r#"{"a":1,"b":3000000000,"c":1.5,"d":null,"e":[],"f":{"g":["x"]},"h":[{"i":1},{"j":null,"k":true}]}"#;
    let expanded = expand(&[], payload);
    assert_eq!(
        shown(&expanded.value),
        "Struct{a=1,b=3000000000,c=1.5,f=Struct{g=[x]},h=[Struct{i=1}, Struct{k=true}]}"
    );
    let schema = expanded.schema.unwrap();
    assert_eq!(schema.name.as_deref(), Some("payload"));
    assert_eq!(schema.fields[3].schema.name.as_deref(), Some("payload.f"));
    let kinds: Vec<_> = schema.fields.iter().map(|field| field.schema.kind).collect();
    assert_eq!(kinds, [Type::Int32, Type::Int64, Type::Float64, Type::Struct, Type::Array]);
    let nulls = [("table.json.payload.null.behavior", "optional_bytes")];
    let schema = expand(&nulls, r#"{"d":null,"e":[]}"#).schema.unwrap();
    assert_eq!(schema.fields.iter().map(|field| field.schema.kind).collect::<Vec<_>>(), [Type::Bytes]);
    for unchanged in
        ["{", "text", "[1,\"a\"]", "{\"a\":[1,2.5]}", "{\"a\":123456789012345678901234567890}", "{\"a\":[null]}"]
    {
        assert_eq!(expand(&[], unchanged).value, Value::string(unchanged));
    }
}

#[test]
fn conditions_of_groovy_and_javascript_filter_and_route() {
    let filter = "io.debezium.transforms.Filter";
    for (language, condition) in [
        ("jsr223.groovy", "value.op == 'c' && value.after.name.startsWith('oth') && topic ==~ /.*orders/"),
        ("jsr223.graal.js", "value.op === 'c' && value.after.name.length > 3"),
        (
            "jsr223.groovy",
            "valueSchema.name().endsWith('.Envelope') && valueSchema.field('before') != null && value.before == null",
        ),
        ("jsr223.graal.js", "value.source.table == 'orders' && !value.before"),
    ] {
        let mut made = make(filter, &[("language", language), ("condition", condition)]);
        assert_eq!(made.apply(&mut event(None, Some(1), "c")), Ok(Verdict::Keep), "{condition}");
        assert_eq!(made.apply(&mut event(Some(1), Some(2), "u")), Ok(Verdict::Drop), "{condition}");
        assert_eq!(made.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    }
    let config = [("language", "jsr223.groovy"), ("condition", "value.op == 'c'")];
    let mut drops = make(filter, &[&config[..], &[("null.handling.mode", "drop")]].concat());
    assert_eq!(drops.apply(&mut record(Data::NULL)), Ok(Verdict::Drop));
    let mut elsewhere = make(filter, &[&config[..], &[("topic.regex", "other.*")]].concat());
    assert_eq!(elsewhere.apply(&mut event(None, None, "d")), Ok(Verdict::Keep));
    let error =
        make(filter, &[config[0], ("condition", "value.nothing")]).apply(&mut event(None, None, "d")).unwrap_err();
    assert_eq!(error.to_string(), "condition: there is no nothing at character 7");

    let router = "io.debezium.transforms.ContentBasedRouter";
    let config = [("language", "jsr223.groovy"), ("topic.expression", "value.op == 'u' ? 'updates' : null")];
    let mut routed = event(Some(1), Some(1), "u");
    make(router, &config).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "updates");
    let mut other = event(None, Some(1), "c");
    make(router, &config).apply(&mut other).unwrap();
    assert_eq!(&*other.topic, "server1.public.orders");

    for (config, wrong) in [
        ([("language", "jsr223.groovy"), ("condition", "value.a.each { it }")], "condition"),
        ([("language", "jsr223.groovy"), ("condition", "new Date()")], "longshore.transforms.Expression"),
        ([("language", "wasm.chicory"), ("condition", "x.wasm")], "language"),
        ([("language", "groovy"), ("condition", "true")], "language"),
        ([("language", "jsr223.python"), ("condition", "True")], "language"),
    ] {
        let error = try_make(filter, &config).err().unwrap();
        assert!(error.kind == ErrorKind::Config && error.to_string().contains(wrong), "{error}");
    }
}

const DOCUMENTS: &str = "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState";

/// An event of Debezium's connector for MongoDB.
fn document_event(
    op: &str,
    before: Option<&str>,
    after: Option<&str>,
    updated: Option<(&str, &[&str])>,
) -> ConnectRecord {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::string);
    let optional = || Schema::optional(Type::String);
    let names = Schema { optional: true, ..Schema::array(Arc::new(Schema::new(Type::String))) };
    let removed =
        updated.map_or(Value::Null, |(_, names)| Value::Array(names.iter().map(|name| Value::string(*name)).collect()));
    let (description_schema, description) = structure(
        "io.debezium.connector.mongodb.changestream.updatedescription",
        true,
        vec![("removedFields", names, removed), ("updatedFields", optional(), text(updated.map(|(fields, _)| fields)))],
    );
    let (source_schema, source) =
        structure("source", false, vec![("collection", Schema::new(Type::String), Value::string("c"))]);
    let (envelope, value) = structure(
        "server1.db.c.Envelope",
        false,
        vec![
            ("before", optional(), text(before)),
            ("after", optional(), text(after)),
            ("updateDescription", description_schema, if updated.is_some() { description } else { Value::Null }),
            ("source", source_schema, source),
            ("op", optional(), Value::string(op)),
        ],
    );
    let (key_schema, key) = structure(
        "server1.db.c.Key",
        false,
        vec![("id", Schema::new(Type::String), Value::string(r#"{"$oid":"5f"}"#))],
    );
    let mut event = record(Data::new(Arc::new(envelope), value));
    event.key = Data::new(Arc::new(key_schema), key);
    event
}

#[test]
fn a_change_event_of_mongodb_gives_its_document() {
    let after = r#"{"_id":{"$oid":"5f"},"n":1,"l":{"$numberLong":"2"},"d":2.5,"m":{"$numberDecimal":"1.10"},
        "t":{"$date":1500},"b":{"$binary":"AQI=","$type":"00"},"o":{"x":"y","e":{}},"a":[1,2],"docs":[{"p":1},{"q":"r"}],
        "none":null,"empty":[],"re":{"$regex":"^a","$options":"i"},"min":{"$minKey":1}}"#;
    let mut created = document_event("c", None, Some(after), None);
    make(DOCUMENTS, &[("add.fields", "op,source.collection")]).apply(&mut created).unwrap();
    assert_eq!(shown(&created.key.value), "Struct{id=5f}");
    let Value::Struct(document) = &created.value.value else { panic!("no struct") };
    assert_eq!(document.schema.name.as_deref(), Some("server1.db.c"));
    let kinds: Vec<_> = document.schema.fields.iter().map(|field| (&*field.name, field.schema.kind)).collect();
    let expected = [
        ("_id", Type::String),
        ("n", Type::Int32),
        ("l", Type::Int64),
        ("d", Type::Float64),
        ("m", Type::String),
        ("t", Type::Int64),
        ("b", Type::Bytes),
        ("o", Type::Struct),
        ("a", Type::Array),
        ("docs", Type::Array),
        ("none", Type::String),
        ("empty", Type::Array),
        ("re", Type::Struct),
        ("__op", Type::String),
        ("__source_collection", Type::String),
    ];
    assert_eq!(kinds, expected);
    assert!(document.schema.fields.iter().all(|field| field.schema.optional));
    assert_eq!(document.schema.fields[7].schema.name.as_deref(), Some("server1.db.c.o"));
    assert_eq!(document.get("t"), Some(&Value::Date(1500)));
    assert_eq!(document.get("b"), Some(&Value::Bytes(vec![1, 2].into())));
    assert_eq!(shown(document.get("docs").unwrap()), "[Struct{p=1}, Struct{q=r}]");
    assert_eq!(shown(document.get("__source_collection").unwrap()), "c");

    let mixed = r#"{"a":[1,"x"]}"#;
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some(mixed), None)).unwrap_err();
    assert!(error.to_string().contains("different Bson types are not supported: server1.db.c.a"), "{error}");
    let with_regex = r#"{"a":[{"$regex":"x","$options":""},{"b":1}]}"#;
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some(with_regex), None)).unwrap_err();
    assert!(error.to_string().contains("different Bson types"), "{error}");
    let mut as_document = document_event("c", None, Some(mixed), None);
    make(DOCUMENTS, &[("array.encoding", "document")]).apply(&mut as_document).unwrap();
    assert_eq!(shown(&as_document.value.value), "Struct{a=Struct{_0=1,_1=x}}");
    let mut flat = document_event("c", None, Some(r#"{"a":{"b":{"c":1}}}"#), None);
    make(DOCUMENTS, &[("flatten.struct", "true")]).apply(&mut flat).unwrap();
    assert_eq!(shown(&flat.value.value), "Struct{a_b_c=1}");
    let error = make(DOCUMENTS, &[]).apply(&mut document_event("c", None, Some("[1]"), None)).unwrap_err();
    assert!(error.to_string().starts_with("after is no document of MongoDB"), "{error}");
    // What has another key is none of its events.
    let mut other = event(None, Some(1), "c");
    let unchanged = other.clone();
    assert_eq!(make(DOCUMENTS, &[]).apply(&mut other), Ok(Verdict::Keep));
    assert_eq!(other, unchanged);
}

#[test]
fn updates_and_deletions_of_mongodb_are_handled() {
    let outcome = |config: &[(&str, &str)], mut event: ConnectRecord| match make(DOCUMENTS, config).apply(&mut event) {
        Ok(Verdict::Keep) => Some(shown(&event.value.value)),
        Ok(Verdict::Drop) => None,
        Err(error) => Some(error.to_string()),
    };
    let update = || document_event("u", None, None, Some((r#"{"a":1,"b.c":2}"#, &["a"])));
    assert_eq!(outcome(&[], update()).as_deref(), Some("Struct{b.c=2,_id=5f}"));
    assert_eq!(outcome(&[("flatten.struct", "true")], update()).as_deref(), Some("Struct{b_c=2,_id=5f}"));
    let deletion = || document_event("d", Some(r#"{"a":1}"#), None, None);
    let tombstone = || {
        let mut event = deletion();
        event.value = Data::NULL;
        event
    };
    for (config, deleted, kept) in [
        (&[][..], Some("null"), None),
        (&[("delete.tombstone.handling.mode", "drop")], None, None),
        (&[("delete.tombstone.handling.mode", "rewrite")], Some("Struct{a=1,__deleted=true}"), None),
        (
            &[
                ("delete.tombstone.handling.mode", "rewrite-with-tombstone"),
                ("delete.tombstone.handling.mode.rewrite-with-id", "true"),
            ],
            Some("Struct{a=1,__deleted=true,_id=5f}"),
            Some("null"),
        ),
        (&[("delete.handling.mode", "none"), ("drop.tombstones", "false")], Some("null"), Some("null")),
    ] {
        assert_eq!(outcome(config, deletion()).as_deref(), deleted, "{config:?}");
        assert_eq!(outcome(config, tombstone()).as_deref(), kept, "{config:?}");
    }
    let mut headed = tombstone();
    let config = [("operation.header", "true"), ("drop.tombstones", "false")];
    make(DOCUMENTS, &config).apply(&mut headed).unwrap();
    assert_eq!((&*headed.headers[0].name, &headed.headers[0].value.value), ("__op", &Value::string("d")));
    assert!(try_make(DOCUMENTS, &[("array.encoding", "list")]).is_err());
}

#[test]
fn aivens_transforms_work() {
    let aiven = |name: &str| format!("io.aiven.kafka.connect.transforms.{name}");
    let value =
        map(&[("at", Value::Int64(42)), ("n", Value::Int32(7)), ("none", Value::Null), ("list", Value::Array(vec![]))]);
    let plain = || record(Data::schemaless(value.clone()));

    let mut timed = plain();
    let config = [("field.name", "at"), ("timestamp.resolution", "seconds")];
    make(&aiven("ExtractTimestamp$Value"), &config).apply(&mut timed).unwrap();
    assert_eq!(timed.timestamp, Some(42_000));
    let error = make(&aiven("ExtractTimestamp$Value"), &[("field.name", "n")]).apply(&mut plain()).unwrap_err();
    assert!(error.to_string().contains("n field must be INT64"), "{error}");
    assert!(try_make(&aiven("ExtractTimestamp$Value"), &[("field.name", "")]).is_err());

    let topic = |config: &[(&str, &str)]| {
        let mut routed = plain();
        make(&aiven("ExtractTopic$Value"), config).apply(&mut routed).map(|_| routed.topic.to_string())
    };
    assert_eq!(topic(&[("field.name", "n")]).unwrap(), "7");
    assert_eq!(topic(&[("field.name", "none"), ("skip.missing.or.null", "true")]).unwrap(), "server1.public.orders");
    assert_eq!(topic(&[("field.name", "none")]).unwrap_err().to_string(), "none can't be null");
    assert!(topic(&[("field.name", "list")]).unwrap_err().to_string().contains("java.util.ArrayList"));

    let mut emptied = event(None, Some(1), "c");
    make(&aiven("MakeTombstone"), &[]).apply(&mut emptied).unwrap();
    assert_eq!(emptied.value, Data::NULL);
    let drops = make(&aiven("TombstoneHandler"), &[("behavior", "drop_warn")]).apply(&mut record(Data::NULL));
    assert_eq!(drops, Ok(Verdict::Drop));
    assert!(make(&aiven("TombstoneHandler"), &[("behavior", "fail")]).apply(&mut record(Data::NULL)).is_err());
    assert!(try_make(&aiven("TombstoneHandler"), &[]).is_err());
}

#[test]
fn fields_of_an_event_choose_the_partition() {
    let class = "io.debezium.transforms.partitions.PartitionRouting";
    let partition = |fields: &str, mut event: ConnectRecord| {
        let config = [("partition.payload.fields", fields), ("partition.topic.num", "10")];
        make(class, &config).apply(&mut event).map(|_| event.partition)
    };
    // "orders".hashCode() is -1008770331 in Java.
    let expected = (-1_008_770_331_i32 & i32::MAX) % 10;
    assert_eq!(partition("source.table", event(None, Some(1), "c")), Ok(Some(expected)));
    assert_eq!(partition("change.id", event(None, Some(13), "c")), Ok(Some(3)));
    assert_eq!(partition("change.id,after.id", event(Some(14), None, "d")), Ok(Some(4)));
    assert_eq!(partition("after.id,source.ts_ms", event(None, Some(13), "c")), Ok(Some(8)));
    assert_eq!(partition("nothing,after.nothing", event(None, Some(13), "c")), Ok(Some(0)), "left as it is");
    assert!(partition("after", event(None, Some(13), "c")).is_err());
    let murmur =
        [("partition.payload.fields", "a"), ("partition.topic.num", "3"), ("partition.hash.function", "murmur")];
    assert!(try_make(class, &murmur).err().unwrap().to_string().contains("partition.hash.function"));
    assert!(try_make(class, &[("partition.payload.fields", "a"), ("partition.topic.num", "0")]).is_err());
}

#[test]
fn clickhouses_transforms_work() {
    let class = |name: &str| format!("com.clickhouse.kafka.connect.transforms.{name}");
    let keyed = |value: Data| {
        let mut record = record(value);
        record.key = Data::new(Arc::new(Schema::new(Type::String)), Value::string("k"));
        record
    };
    let mut schemaless = keyed(Data::schemaless(map(&[("n", Value::Int32(7))])));
    make(&class("KeyToValue"), &[]).apply(&mut schemaless).unwrap();
    assert_eq!(schemaless.value.value, map(&[("n", Value::Int32(7)), ("_key", Value::string("k"))]));

    let schema = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int32))]));
    let row = || {
        let value = Struct { schema: Arc::clone(&schema), values: vec![Value::Int32(7)] };
        Data::new(Arc::clone(&schema), Value::Struct(value))
    };
    let mut transform = make(&class("KeyToValue"), &[("field", "id")]);
    let mut with_schema = keyed(row());
    transform.apply(&mut with_schema).unwrap();
    let Value::Struct(value) = &with_schema.value.value else { panic!("a struct") };
    assert_eq!((value.get("n"), value.get("id")), (Some(&Value::Int32(7)), Some(&Value::string("k"))));
    assert_eq!(with_schema.value.schema.as_deref(), Some(&*value.schema));
    let mut other_key = keyed(row());
    other_key.key = Data::new(Arc::new(Schema::new(Type::Int64)), Value::Int64(5));
    transform.apply(&mut other_key).unwrap();
    let Value::Struct(value) = &other_key.value.value else { panic!("a struct") };
    assert_eq!((value.get("id"), value.schema.fields[1].schema.kind), (Some(&Value::Int64(5)), Type::Int64));
    let mut null = keyed(row());
    null.key.value = Value::Null;
    assert!(transform.apply(&mut null).is_err(), "the key's schema has no null");
    let mut untyped = keyed(row());
    untyped.key = Data::schemaless(Value::Int64(5));
    assert!(transform.apply(&mut untyped).is_err(), "a key without a schema has to be a string");
    let error = make(&class("KeyToValue"), &[]).apply(&mut keyed(Data::schemaless(Value::Int32(1)))).unwrap_err();
    assert!(error.to_string().contains("must be a Map"), "{error}");

    let mut routed = keyed(row());
    make(&class("ExtractTopic$Key"), &[]).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "k");
}
