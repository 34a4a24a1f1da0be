//! Tables that are made for the records, and rows out of change events.

use std::sync::Arc;

use longshore_api::{ErrorKind, Field, Schema, Struct, Type, Value};

use crate::support::{Lab, json, mixed_structs, structs, texts};

const CREATE: (&str, &str) = ("longshore.table.create", "true");

fn types(lab: &Lab) -> String {
    lab.ask(
        "SELECT arrayStringConcat(groupArray(name || ' ' || type), ', ') FROM \
         (SELECT * FROM system.columns WHERE database = currentDatabase() AND table = 't' ORDER BY position)",
    )
}

#[tokio::test]
async fn a_table_is_made_for_what_is_sampled_of_json() {
    let lab = Lab::new("sampled").await;
    let mut sink = lab.start(&[CREATE, ("longshore.table.order.by", "user,at")]).await;
    let batch = json(
        0,
        &[
            r#"{"user": "ada", "at": 1, "score": 1, "tags": ["a"], "event_params": {"song": "x", "n": [1]}, "ok": true}"#,
            r#"{"user": "bob", "at": 2, "score": 1.5, "tags": [], "event_params": null, "note": null}"#,
        ],
    );
    sink.put(&batch).await;
    sink.put(&json(2, &[r#"{"user": "eve", "at": 3, "note": 5, "unseen": 1}"#])).await;
    assert_eq!(
        types(&lab),
        "user String, at Int64, score Nullable(Float64), tags Array(Nullable(String)), event_params Nullable(String), \
         ok Nullable(Bool), note Nullable(String)"
    );
    assert_eq!(
        lab.ask("SELECT * FROM t ORDER BY at"),
        "ada\t1\t1\t['a']\t{\"song\": \"x\", \"n\": [1]}\ttrue\t\\N\nbob\t2\t1.5\t[]\t\\N\t\\N\t\\N\neve\t3\t\\N\t[]\t\\N\t\\N\t5"
    );
    assert_eq!(lab.ask("SELECT sorting_key FROM system.tables WHERE database = currentDatabase()"), "user, at");
    assert_eq!(sink.delivered(3).await, 3);
}

#[tokio::test]
async fn a_table_is_made_for_a_schema_and_knows_its_inserts_with_exactly_once() {
    let lab = Lab::new("schema").await;
    let path = format!("/{}", lab.database);
    let settings = [CREATE, ("exactlyOnce", "true"), ("zkPath", path.as_str()), ("longshore.table.order.by", "n")];
    let point = Arc::new(Schema::structure(vec![
        Field::new("x", Schema::new(Type::Int32)),
        Field::new("label", Schema::optional(Type::String)),
    ]));
    let nullable_point = Arc::new(Schema { optional: true, ..(*point).clone() });
    let schema = Arc::new(Schema::structure(vec![
        Field::new("n", Schema::optional(Type::Int64)),
        Field::new("s", Schema::new(Type::String)),
        Field::new("at", Schema::optional(Type::Int64).named(longshore_api::schema::logical::TIMESTAMP)),
        Field::new("point", Arc::clone(&nullable_point)),
        Field::new("path", Schema::array(Arc::clone(&point))),
    ]));
    let a_point = |label| Value::Struct(Struct { schema: Arc::clone(&point), values: vec![Value::Int32(7), label] });
    let rows = vec![
        vec![Value::Int64(1), Value::string("a"), Value::Date(1500), a_point(Value::Null), Value::Array(vec![])],
        vec![
            Value::Int64(2),
            Value::string("b"),
            Value::Null,
            Value::Null,
            Value::Array(vec![a_point(Value::string("l"))]),
        ],
    ];
    lab.start(&settings).await.put(&structs(0, &schema, rows.clone())).await;
    assert_eq!(
        types(&lab),
        "n Int64, s String, at Nullable(DateTime64(3)), point Tuple(x Nullable(Int32), label Nullable(String)), \
         path Array(Tuple(x Int32, label Nullable(String)))"
    );
    let expected = "1\ta\t1970-01-01 00:00:01.500\t(7,NULL)\t[]\n2\tb\t\\N\t(NULL,NULL)\t[(7,'l')]";
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), expected);
    // The insert comes again, its announcement with it: the table knows its name.
    lab.run("INSERT INTO connect_state VALUES ('t-0', 0, 1, 'BEFORE_PROCESSING')");
    lab.start(&settings).await.put(&structs(0, &schema, rows)).await;
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), expected);
}

#[tokio::test]
async fn named_tuples_are_written_to_tables_without_defaults() {
    let lab = Lab::new("tuples").await;
    lab.run("CREATE TABLE t (n Int64, p Tuple(x Int32, deep Tuple(y Nullable(Int8))), total Int64 MATERIALIZED n * 2) ORDER BY n");
    let deep = Arc::new(Schema::structure(vec![Field::new("y", Schema::optional(Type::Int8))]));
    let optional_deep = Arc::new(Schema { optional: true, ..(*deep).clone() });
    let point =
        Arc::new(Schema::structure(vec![Field::new("x", Schema::new(Type::Int32)), Field::new("deep", optional_deep)]));
    let schema = Arc::new(Schema::structure(vec![
        Field::new("n", Schema::new(Type::Int64)),
        Field::new("p", Arc::clone(&point)),
        Field::new("total", Schema::new(Type::Int64)),
    ]));
    let deep = Value::Struct(Struct { schema: deep, values: vec![Value::Int8(3)] });
    let row = |number, deep| {
        let point = Struct { schema: Arc::clone(&point), values: vec![Value::Int32(7), deep] };
        vec![Value::Int64(number), Value::Struct(point), Value::Int64(0)]
    };
    // A column that the server computes is there, and cannot be written: nothing is to be added for its field.
    let mut sink = lab.start(&[("auto.evolve", "true")]).await;
    sink.put(&structs(0, &schema, vec![row(1, deep), row(2, Value::Null)])).await;
    assert_eq!(lab.ask("SELECT *, total FROM t ORDER BY n"), "1\t(7,(3))\t2\n2\t(7,(NULL))\t4");
    assert_eq!(sink.delivered(2).await, 2);
}

#[tokio::test]
async fn a_record_for_which_no_column_can_be_added_goes_alone() {
    let lab = Lab::new("culprit").await;
    lab.run("CREATE TABLE t (n Int64) ORDER BY n");
    let plain = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int64))]));
    let inner = Arc::new(Schema::structure(vec![Field::new("x", Schema::new(Type::Int32))]));
    let nested = Arc::new(Schema::structure(vec![
        Field::new("n", Schema::new(Type::Int64)),
        Field::new("inner", Arc::clone(&inner)),
    ]));
    let value = Value::Struct(Struct { schema: inner, values: vec![Value::Int32(1)] });
    let rows =
        [(&plain, vec![Value::Int64(1)]), (&nested, vec![Value::Int64(2), value]), (&plain, vec![Value::Int64(3)])];
    let batch = mixed_structs(0, rows.into());
    let mut sink = lab.start(&[("auto.evolve", "true"), ("errors.tolerance", "all")]).await;
    let outcome = sink.try_put(&batch).await.unwrap();
    let bad: Vec<usize> = outcome.bad.iter().map(|bad| bad.index).collect();
    assert_eq!((outcome.taken, bad), (3, vec![1]), "{:?}", outcome.bad);
    assert_eq!(lab.ask("SELECT n FROM t ORDER BY n"), "1\n3");
    let error = lab.start(&[("auto.evolve", "true")]).await.try_put(&batch).await.unwrap_err();
    assert!(error.to_string().contains("t-0@1"), "{error}");
}

#[tokio::test]
async fn members_of_json_that_appear_later_get_columns() {
    let lab = Lab::new("grows").await;
    let mut sink = lab.start(&[CREATE, ("auto.evolve", "true")]).await;
    sink.put(&json(0, &[r#"{"a": 1}"#])).await;
    sink.put(&json(1, &[r#"{"a": 2, "late": null}"#, r#"{"b`": [1.5], "late": true, "a": 3}"#, "null"])).await;
    sink.put(&json(4, &[r#"{"a": 4}"#])).await;
    assert_eq!(types(&lab), "a Nullable(Int64), late Nullable(Bool), b` Array(Nullable(Float64))");
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY a"), "1\t\\N\t[]\n2\t\\N\t[]\n3\ttrue\t[1.5]\n4\t\\N\t[]");
    assert_eq!(sink.delivered(5).await, 5);
}

#[tokio::test]
async fn a_table_that_cannot_be_made_is_told_with_its_reason() {
    let lab = Lab::new("unmade").await;
    let refused = async |settings: &[(&str, &str)], batch| {
        let all: Vec<_> = [CREATE].iter().chain(settings).copied().collect();
        lab.start(&all).await.try_put(&batch).await.unwrap_err()
    };
    let row = || json(0, &[r#"{"n": 1}"#]);
    let error = refused(&[("longshore.table.engine", "NoEngine"), ("errors.tolerance", "all")], row()).await;
    assert!(error.kind == ErrorKind::Config && error.to_string().contains("UNKNOWN_STORAGE"), "{error}");
    let error = refused(&[("longshore.table.order.by", "when")], row()).await;
    assert!(error.to_string().contains("no field when to order"), "{error}");
    let error = refused(&[], texts(0, &[r#"{"n": 1}"#])).await;
    assert!(error.to_string().contains("records that are strings do not tell"), "{error}");
    let error = refused(&[], json(0, &["{}"])).await;
    assert!(error.to_string().contains("does not exist"), "{error}");
}

/// A change event of a table with an id, a name and the microsecond of its change.
fn change(
    schemas: &(Arc<Schema>, Arc<Schema>),
    op: &str,
    lsn: i64,
    before: Option<i64>,
    after: Option<(i64, &str)>,
) -> Vec<Value> {
    let (row, source) = schemas;
    let state = |id, name: &str| {
        let at = 1_700_000_000_123_456i64 + lsn;
        let values = vec![Value::Int64(id), Value::string(name), Value::Bytes(vec![1, 254].into()), Value::Int64(at)];
        Value::Struct(Struct { schema: Arc::clone(row), values })
    };
    vec![
        before.map_or(Value::Null, |id| state(id, "gone")),
        after.map_or(Value::Null, |(id, name)| state(id, name)),
        Value::Struct(Struct { schema: Arc::clone(source), values: vec![Value::Int64(lsn)] }),
        Value::string(op),
    ]
}

#[tokio::test]
async fn change_events_become_versions_of_rows() {
    let lab = Lab::new("changes").await;
    let row = Arc::new(Schema {
        optional: true,
        ..Schema::structure(vec![
            Field::new("id", Schema::new(Type::Int64)),
            Field::new("name", Schema::new(Type::String)),
            Field::new("raw", Schema::optional(Type::Bytes)),
            Field::new("at", Schema::new(Type::Int64).named("io.debezium.time.MicroTimestamp")),
        ])
    });
    let source = Arc::new(Schema::structure(vec![Field::new("lsn", Schema::optional(Type::Int64))]));
    let schema = Schema::structure(vec![
        Field::new("before", Arc::clone(&row)),
        Field::new("after", Arc::clone(&row)),
        Field::new("source", Arc::clone(&source)),
        Field::new("op", Schema::new(Type::String)),
    ]);
    let schema = Arc::new(schema.named("server.db.people.Envelope"));
    let schemas = (row, source);
    let events = vec![
        change(&schemas, "c", 10, None, Some((1, "ada"))),
        change(&schemas, "c", 11, None, Some((2, "bob"))),
        change(&schemas, "u", 12, Some(1), Some((1, "ada l"))),
        change(&schemas, "t", 13, None, None),
        change(&schemas, "d", 14, Some(2), None),
    ];
    let columns = "(id Int64, name String, raw String, at DateTime64(3, 'UTC'), _version UInt64, is_deleted UInt8)";
    lab.run(&format!("CREATE TABLE t {columns} ENGINE=ReplacingMergeTree(_version, is_deleted) ORDER BY id"));
    let mut sink = lab.start(&[("debeziumCDCEnabled", "true")]).await;
    sink.put(&structs(0, &schema, events.clone())).await;
    assert_eq!(lab.ask("SELECT * FROM t FINAL"), "1\tada l\t01fe\t2023-11-14 22:13:20.123\t12\t0");
    assert_eq!(sink.delivered(5).await, 5, "of a truncated table nothing is written");

    // The same into a table that is made for them, and with columns that are added.
    let settings = [
        CREATE,
        ("debeziumCDCEnabled", "true"),
        ("auto.evolve", "true"),
        ("topic2TableMap", "t=made"),
        ("longshore.table.engine", "ReplacingMergeTree(_version)"),
        ("longshore.table.order.by", "id"),
    ];
    lab.start(&settings).await.put(&structs(0, &schema, events.clone())).await;
    assert_eq!(
        lab.ask("SELECT id, name, _version, is_deleted FROM made FINAL ORDER BY id"),
        "1\tada l\t12\t0\n2\tgone\t14\t1"
    );
    lab.run("ALTER TABLE made DROP COLUMN raw");
    lab.start(&settings).await.put(&structs(5, &schema, events)).await;
    assert_eq!(lab.ask("SELECT groupUniqArray(raw) FROM made FINAL"), "['01fe']");
}

#[tokio::test]
async fn tables_may_have_thousands_of_columns() {
    let lab = Lab::new("wide").await;
    // Beyond what fits into a URL, and beyond what a server reads of a statement unasked.
    for (width, default) in [(30, ""), (30, " DEFAULT 7"), (150, "")] {
        lab.run("DROP TABLE IF EXISTS t SYNC");
        let names: Vec<String> = (0..2000).map(|n| format!("column {n:0>width$}")).collect();
        let column = |name: &String| format!("`{name}` Int64{default}");
        let columns: Vec<String> = names.iter().map(column).collect();
        lab.run(&format!("CREATE TABLE t ({}) ENGINE=MergeTree ORDER BY tuple()", columns.join(", ")));
        let field = |name: &String| Field::new(name.as_str(), Schema::new(Type::Int64));
        let schema = Arc::new(Schema::structure(names.iter().map(field).collect()));
        let row = |n: i64| (0..2000).map(|column| Value::Int64(n + column)).collect();
        for (first, compression) in [(0, "none"), (3, "lz4")] {
            let mut sink = lab.start(&[("insertCompression", compression)]).await;
            sink.put(&structs(first, &schema, (first..first + 3).map(row).collect())).await;
        }
        let last = &names[1999];
        let sums = format!("SELECT count(), sum(`{}`), sum(`{last}`) FROM t", names[0]);
        assert_eq!(lab.ask(&sums), format!("6\t15\t{}", 15 + 6 * 1999));
    }
}
