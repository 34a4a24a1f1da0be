//! The sink against a real ClickHouse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod exactly_once;
mod faults;
mod load;
mod proxies;
mod secure;
mod support;
mod tables;
mod way;

use std::sync::Arc;
use std::time::Duration;

use longshore_api::schema::logical;
use longshore_api::{Batch, ErrorKind, Field, Map, Schema, Struct, Type, Value};

use support::{Lab, json, numbers, structs, texts};

#[tokio::test]
async fn schemaless_json_is_rows_of_the_topics_table() {
    let lab = Lab::new("json").await;
    lab.run("CREATE TABLE t (id Int64, name Nullable(String), tags Array(String), d String DEFAULT 'x') ENGINE=MergeTree ORDER BY id");
    let mut sink = lab.start(&[]).await;
    let batch = json(
        0,
        &[
            r#"{"id": 1, "name": "ä\n", "tags": ["a", "b"], "more": {"deep": 1}}"#,
            "null",
            r#" {"id": 2} "#,
            r#"{"id": 007, "name": "\ud83d\ude00"}"#,
            "{not json",
            "[1]",
        ],
    );
    // The last two are bad whatever is tolerated: the first is the converter's, so that the worker decides.
    let error = sink.try_put(&json(0, &["[1]"])).await.unwrap_err();
    assert!(error.to_string().contains("t-0@0"), "{error}");
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    let bad = sink.put(&batch).await;
    assert_eq!(bad.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [4, 5]);
    assert!(bad[1].1.contains("unexpected object type java.util.ArrayList"), "{bad:?}");
    assert_eq!(
        lab.ask("SELECT * FROM t ORDER BY id FORMAT CSV"),
        "1,\"ä\n\",\"['a','b']\",\"x\"\n2,\\N,\"[]\",\"x\"\n7,\"😀\",\"[]\",\"x\""
    );
    assert_eq!(sink.delivered(6).await, 6);
    sink.put(&json(6, &[r#"{"id": 8, "id": 9}"#])).await;
    assert_eq!(lab.ask("SELECT max(id), countIf(id = 8) FROM t"), "9\t0", "the last of the two, as in Connect");
}

#[tokio::test]
async fn members_without_a_column_are_cleaned_where_the_server_would_refuse_them() {
    let lab = Lab::new("cleanup").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let strict = ("clickhouseSettings", "input_format_skip_unknown_fields=0");
    let more = json(0, &[r#"{"n": 1, "x": 2}"#]);
    lab.start(&[strict]).await.put(&more).await;
    assert_eq!(lab.count("t"), 1);
    let error = lab.start(&[strict, ("bypassFieldCleanup", "true")]).await.try_put(&more).await.unwrap_err();
    assert!(error.to_string().contains("Unknown field found while parsing JSONEachRow format: x"), "{error}");
}

#[tokio::test]
async fn texts_are_rows_in_the_format_that_is_said() {
    let lab = Lab::new("texts").await;
    lab.run("CREATE TABLE t (n Int64, s String) ENGINE=MergeTree ORDER BY n");
    lab.start(&[]).await.put(&texts(0, &[r#"{"n": 1, "s": "json"}"#, "  "])).await;
    lab.start(&[("insertFormat", "csv")]).await.put(&texts(2, &["2,\"c,s\"", "3,v\n4,two rows\n"])).await;
    lab.start(&[("insertFormat", "TSV")]).await.put(&texts(4, &["5\tt"])).await;
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), "1\tjson\n2\tc,s\n3\tv\n4\ttwo rows\n5\tt");
    let error = lab.start(&[("insertFormat", "none")]).await.try_put(&texts(5, &["x"])).await.unwrap_err();
    assert!(error.to_string().contains("using org.apache.kafka.connect.storage.StringConverter"), "{error}");
}

/// Columns, a field for each, and its value.
fn everything() -> Vec<(&'static str, Schema, Value, &'static str)> {
    let named = |kind, name| Schema::new(kind).named(name);
    let point = Arc::new(Schema::structure(vec![
        Field::new("x", Schema::new(Type::Int32)),
        Field::new("label", Schema::optional(Type::String)),
    ]));
    let a_point = Value::Struct(Struct { schema: Arc::clone(&point), values: vec![Value::Int32(7), Value::Null] });
    let union = Arc::new(Schema::structure(vec![
        Field::new("s", Schema::optional(Type::String)),
        Field::new("i", Schema::optional(Type::Int64)),
    ]));
    let a_union = Value::Struct(Struct { schema: Arc::clone(&union), values: vec![Value::Null, Value::Int64(5)] });
    let text = || Schema::new(Type::String);
    let strings = Arc::new(text());
    vec![
        ("i8 Int8", Schema::new(Type::Int8), Value::Int8(-8), "-8"),
        ("i16 Int16", Schema::new(Type::Int16), Value::Int16(-16), "-16"),
        ("i32 Int32", Schema::new(Type::Int32), Value::Int32(-32), "-32"),
        ("i64 Int64", Schema::new(Type::Int64), Value::Int64(-64), "-64"),
        ("i128 Int128", Schema::new(Type::Int64), Value::Int64(-128), "-128"),
        ("i256 Int256", text(), Value::string("-256"), "-256"),
        ("u16 UInt16", Schema::new(Type::Int32), Value::Int32(65_535), "65535"),
        ("u64 UInt64", Schema::new(Type::Int64), Value::Int64(-1), "18446744073709551615"),
        ("f32 Float32", Schema::new(Type::Float32), Value::Float32(1.5), "1.5"),
        ("f64 Float64", Schema::new(Type::Float64), Value::Float64(-2.25), "-2.25"),
        ("b Bool", Schema::new(Type::Boolean), Value::Boolean(true), "true"),
        ("s LowCardinality(String)", text(), Value::string("ä"), "ä"),
        ("raw String", Schema::new(Type::Bytes), Value::Bytes(vec![b'x', b'y'].into()), "xy"),
        ("fs FixedString(3)", text(), Value::string("abc"), "abc"),
        (
            "id UUID",
            text(),
            Value::string("00112233-4455-6677-8899-aabbccddeeff"),
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        ("ip4 IPv4", text(), Value::string("1.2.3.4"), "1.2.3.4"),
        ("ip6 IPv6", text(), Value::string("2001:db8::1"), "2001:db8::1"),
        ("e8 Enum8('a' = 1, 'b' = -2)", text(), Value::string("b"), "b"),
        ("e16 Enum16('c' = 300)", text(), Value::string("c"), "c"),
        ("d Date", named(Type::Int32, logical::DATE), Value::Date(86_400_000 * 365), "1971-01-01"),
        ("d32 Date32", named(Type::Int32, logical::DATE), Value::Date(-86_400_000), "1969-12-31"),
        ("dt DateTime('UTC')", Schema::new(Type::Int64), Value::Int64(1_700_000_000), "2023-11-14 22:13:20"),
        (
            "dt3 DateTime64(3, 'UTC')",
            named(Type::Int64, logical::TIMESTAMP),
            Value::Date(1_700_000_000_123),
            "2023-11-14 22:13:20.123",
        ),
        (
            "dt9 DateTime64(9, 'UTC')",
            text(),
            Value::string("2023-11-14T23:13:20.000000009+01:00"),
            "2023-11-14 22:13:20.000000009",
        ),
        ("dec Decimal(38, 4)", named(Type::Bytes, logical::DECIMAL), Value::Decimal("-1.5".parse().unwrap()), "-1.5"),
        ("dec256 Decimal256(2)", text(), Value::string("1e40"), "10000000000000000000000000000000000000000"),
        ("nn Nullable(Int32)", Schema::optional(Type::Int32), Value::Null, "\\N"),
        ("nv Nullable(String)", Schema::optional(Type::String), Value::string("v"), "v"),
        (
            "arr Array(Array(String))",
            Schema::array(Arc::new(Schema::array(Arc::clone(&strings)))),
            Value::Array(vec![Value::Array(vec![Value::string("a")]), Value::Array(vec![])]),
            "[['a'],[]]",
        ),
        (
            "m Map(String, Nullable(Int64))",
            Schema::map(Arc::clone(&strings), Arc::new(Schema::optional(Type::Int64))),
            Value::Map(Map::from_distinct(vec![
                (Value::string("a"), Value::Int64(1)),
                (Value::string("b"), Value::Null),
            ])),
            "{'a':1,'b':NULL}",
        ),
        ("p Tuple(x Int32, label Nullable(String))", (*point).clone(), a_point.clone(), "(7,NULL)"),
        ("v Variant(String, Int64)", (*union).clone(), a_union, "5"),
        ("j JSON", (*point).clone(), a_point.clone(), r#"{"x":"7"}"#),
        ("n Nested(x Int32, label Nullable(String))", Schema::array(point), Value::Array(vec![a_point]), "[7]\t[NULL]"),
        ("agg SimpleAggregateFunction(sum, Int64)", Schema::new(Type::Int64), Value::Int64(9), "9"),
        ("def Int64 DEFAULT 42", Schema::optional(Type::Int64), Value::Null, "42"),
    ]
}

#[tokio::test]
async fn every_type_is_read_back_as_what_was_written() {
    let lab = Lab::new("types").await;
    let all = everything();
    let columns: Vec<&str> = all.iter().map(|(column, ..)| *column).collect();
    lab.run(&format!(
        "CREATE TABLE t ({}, absent Int8 DEFAULT 1, m2 Int64 MATERIALIZED i64 * 2, none Nullable(Int8)) ENGINE=MergeTree ORDER BY i64",
        columns.join(", ")
    ));
    let field = |(column, schema): (&str, &Schema)| Field::new(column.split(' ').next().unwrap(), schema.clone());
    let mut fields: Vec<Field> = all.iter().map(|(column, schema, ..)| field((column, schema))).collect();
    fields.push(Field::new("unknown", Schema::new(Type::Int8)));
    fields.reverse(); // a record has an order of its own
    let schema = Arc::new(Schema::structure(fields));
    let mut row: Vec<Value> = all.iter().map(|(_, _, value, _)| value.clone()).collect();
    row.push(Value::Int8(1));
    row.reverse();
    let settings = ("clickhouseSettings", "input_format_binary_read_json_as_string=1");
    let batch = structs(0, &schema, vec![row.clone(), row]);
    let bad = lab.start(&[settings]).await.put(&batch).await;
    assert_eq!(bad, []);
    let expected: Vec<&str> = all.iter().map(|(.., text)| *text).collect();
    let found = lab.ask("SELECT * FROM t LIMIT 1");
    assert_eq!(found, format!("{}\t1\t\\N", expected.join("\t")));
    assert_eq!((lab.count("t"), lab.ask("SELECT any(m2) FROM t")), (2, "-128".to_owned()));
}

#[tokio::test]
async fn schemas_may_change_and_go_as_json() {
    let lab = Lab::new("schemas").await;
    lab.run("CREATE TABLE t (n Int64, s String DEFAULT 'd') ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("bypassRowBinary", "false")]).await;
    let one = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int64))]));
    let two = Arc::new(Schema::structure(vec![
        Field::new("s", Schema::optional(Type::String)),
        Field::new("n", Schema::new(Type::Int64)),
    ]));
    sink.put(&structs(0, &one, vec![vec![Value::Int64(1)]])).await;
    let rows = vec![vec![Value::string("x"), Value::Int64(2)], vec![Value::Null, Value::Int64(3)]];
    sink.put(&structs(1, &two, rows)).await;
    lab.start(&[("bypassRowBinary", "true")])
        .await
        .put(&structs(3, &two, vec![vec![Value::string("j"), Value::Int64(4)]]))
        .await;
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), "1\td\n2\tx\n3\td\n4\tj");
}

#[tokio::test]
async fn topics_find_their_tables() {
    let lab = Lab::new("tables").await;
    lab.run("CREATE TABLE `other-table` (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("topic2TableMap", "t=other-table")]).await;
    sink.put(&numbers(0..3)).await;
    assert_eq!(lab.count("`other-table`"), 3);

    let mut sink = lab.start(&[]).await;
    let error = sink.try_put(&numbers(0..3)).await.unwrap_err();
    assert!(error.to_string().contains(&format!("Table `{}`.`t` does not exist", lab.database)), "{error}");
    lab.start(&[("suppressTableExistenceException", "true")]).await.put(&numbers(0..3)).await;
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    assert_eq!(sink.put(&numbers(0..3)).await.len(), 3);
    // A table that is made later is found.
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    sink.put(&numbers(0..3)).await;
    assert_eq!(lab.count("t"), 3);
}

#[tokio::test]
async fn records_are_collected_up_to_a_number_or_an_age() {
    let lab = Lab::new("buffer").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("bufferCount", "10")]).await;
    sink.put(&numbers(0..4)).await;
    sink.put(&numbers(4..8)).await;
    assert_eq!((lab.count("t"), sink.delivered(8).await), (0, 0), "offsets wait for the insert");
    sink.put(&numbers(8..12)).await;
    assert_eq!((lab.count("t"), sink.delivered(12).await), (12, 12));
    let parts =
        lab.ask("SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 't' AND level = 0");
    assert_eq!(parts, "1", "one insert");

    let mut sink = lab.start(&[("bufferCount", "1000"), ("bufferFlushTime", "50")]).await;
    sink.put(&numbers(12..14)).await;
    sink.idle_until(|| lab.count("t") == 14).await;
    assert_eq!(sink.delivered(14).await, 14);
    assert!(!sink.task.wants_idle_puts());

    let mut sink = lab.start(&[("bufferCount", "1000"), ("bufferFlushTime", "3600000")]).await;
    sink.put(&numbers(14..15)).await;
    assert!(sink.task.wants_idle_puts() && lab.count("t") == 14);

    let mut sink = lab.start(&[("bufferBytes", "20")]).await;
    sink.put(&numbers(14..15)).await;
    assert_eq!(lab.count("t"), 14);
    sink.put(&numbers(15..17)).await;
    assert_eq!(lab.count("t"), 17);
}

#[tokio::test]
async fn an_insert_that_comes_again_is_dropped_by_a_table_that_deduplicates() {
    let lab = Lab::new("tokens").await;
    lab.run("CREATE TABLE t (n Int64, at DateTime64(6) DEFAULT now64(6)) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=100");
    lab.start(&[]).await.put(&numbers(0..5)).await;
    lab.start(&[]).await.put(&numbers(0..5)).await;
    assert_eq!(lab.count("t"), 5, "by its name: the rows differ");
    lab.start(&[("ignorePartitionsWhenBatching", "true")]).await.put(&numbers(0..5)).await;
    assert_eq!(lab.count("t"), 10, "such inserts have no name");
}

#[tokio::test]
async fn a_login_that_is_refused_is_the_configurations_fault() {
    let lab = Lab::new("login").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let wrong = [("username", "lab"), ("password", "not-the-password"), ("errors.tolerance", "all")];
    let error = lab.try_start(&wrong).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("refuses the user"), "{error}");
    assert!(!format!("{error:?}").contains("not-the-password"), "{error:?}");
    lab.start(&[("username", "lab"), ("password", "labpass")]).await.put(&numbers(0..1)).await;
    assert_eq!(lab.count("t"), 1);
}

#[tokio::test]
async fn a_database_without_tables_is_refused_at_the_start() {
    let lab = Lab::new("empty").await;
    let error = lab.try_start(&[]).await.err().unwrap();
    assert!(
        error.to_string().starts_with("Connection to ClickHouse is not active.: Did not find any tables"),
        "{error}"
    );
}

#[tokio::test]
async fn an_empty_call_has_nothing_to_do() {
    let lab = Lab::new("idle").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[]).await;
    assert!(!sink.task.wants_idle_puts());
    assert_eq!(sink.try_put(&Arc::new(Batch::default())).await.unwrap().taken, 0);
    tokio::time::timeout(Duration::from_secs(60), sink.task.stop()).await.unwrap();
}

#[tokio::test]
async fn columns_are_added_for_fields_that_have_none() {
    let lab = Lab::new("evolve").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("auto.evolve", "true")]).await;
    let tags = Arc::new(Schema::array(Arc::new(Schema::new(Type::String))));
    let old = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int64))]));
    let new = Arc::new(Schema::structure(vec![
        Field::new("a`b", Schema::optional(Type::Int32)),
        Field::new("n", Schema::new(Type::Int64)),
        Field::new("tags", Arc::clone(&tags)),
    ]));
    sink.put(&structs(0, &old, vec![vec![Value::Int64(1)]])).await;
    let array = Value::Array(vec![Value::string("x")]);
    sink.put(&structs(1, &new, vec![vec![Value::Int32(5), Value::Int64(2), array]])).await;
    sink.put(&structs(2, &old, vec![vec![Value::Int64(3)]])).await;
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), "1\t\\N\t[]\n2\t5\t['x']\n3\t\\N\t[]");
    let types =
        lab.ask("SELECT groupArray(type) FROM system.columns WHERE database = currentDatabase() AND table = 't'");
    assert_eq!(types, "['Int64','Nullable(Int32)','Array(Nullable(String))']");
    let error = sink.try_put(&json(3, &[r#"{"n": 1}"#])).await.unwrap_err().to_string();
    assert!(error.contains("auto.evolve requires a Connect schema"), "{error}");
}
