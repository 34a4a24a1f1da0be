//! What goes wrong.

use std::sync::Arc;

use longshore_api::{Batch, ErrorKind, Field, Schema, Type, Value};
use longshore_test_servers::{Kind, Server};

use crate::support::{Lab, bad, json, json_of, numbers, structs};
use crate::way::Way;

#[tokio::test]
async fn a_row_that_the_server_refuses_is_named_with_its_place() {
    let lab = Lab::new("refused").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let batch = json(10, &[r#"{"n": 1}"#, r#"{"n": "many"}"#, r#"{"n": 3}"#]);
    let mut sink = lab.start(&[]).await;
    let error = sink.try_put(&batch).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
    let text = error.to_string();
    for part in
        ["Topic: [t], Partition: [0], MinOffset: [10], MaxOffset: [12], (QueryId: [", "row of t-0@11", "Code: 27"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(lab.count("t"), 0);

    let refused = lab.start(&[("errors.tolerance", "all")]).await.put(&batch).await;
    assert_eq!(refused.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [10, 11, 12], "the whole insert");
    let apart = [("errors.tolerance", "all"), ("bisectFailedBatches", "true")];
    let refused = lab.start(&apart).await.put(&batch).await;
    assert_eq!(refused.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [11]);
    assert_eq!(lab.ask("SELECT groupArray(n) FROM (SELECT n FROM t ORDER BY n)"), "[1,3]");
}

#[tokio::test]
async fn bad_rows_are_found_where_the_server_names_none() {
    let lab = Lab::new("constraint").await;
    lab.run("CREATE TABLE t (n Int64, CONSTRAINT c CHECK n % 7 != 3) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("errors.tolerance", "all"), ("bisectFailedBatches", "true")]).await;
    let refused = sink.put(&numbers(0..50)).await;
    assert_eq!(refused.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [3, 10, 17, 24, 31, 38, 45]);
    assert_eq!(lab.count("t"), 43);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_a_bad_record_alone() {
    let lab = Lab::new("fits").await;
    lab.run("CREATE TABLE t (n Int64, small UInt8) ENGINE=MergeTree ORDER BY n");
    let field = |name: &str, kind| Field::new(name, Schema::new(kind));
    let schema = Arc::new(Schema::structure(vec![field("n", Type::Int64), field("small", Type::Int8)]));
    let row = |n: i64, small: i8| vec![Value::Int64(n), Value::Int8(small)];
    let batch = structs(0, &schema, vec![row(0, 1), row(1, -1), row(2, 2)]);
    let error = lab.start(&[]).await.try_put(&batch).await.unwrap_err().to_string();
    assert!(
        error.contains("t-0@1") && error.contains("column `small` of type UInt8: the value does not fit"),
        "{error}"
    );
    assert!(!error.contains("-1;") && lab.count("t") == 0, "{error}");
    let refused = lab.start(&[("errors.tolerance", "all"), ("showOffendingValues", "true")]).await.put(&batch).await;
    assert_eq!(refused.len(), 1);
    assert!(refused[0].0 == 1 && refused[0].1.ends_with("the value is -1"), "{refused:?}");
    assert_eq!(lab.count("t"), 2);
}

#[tokio::test]
async fn a_column_that_the_records_lack_is_named() {
    let lab = Lab::new("lacks").await;
    lab.run("CREATE TABLE t (n Int64, must String) ENGINE=MergeTree ORDER BY n");
    let schema = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int64))]));
    let batch = structs(0, &schema, vec![vec![Value::Int64(1)]]);
    let error = lab.start(&[]).await.try_put(&batch).await.unwrap_err().to_string();
    assert!(error.contains("Data schema validation failed"), "{error}");
    assert!(error.ends_with("Table column name [must] was not found."), "{error}");
}

#[tokio::test]
async fn a_table_that_changes_is_described_again() {
    let lab = Lab::new("altered").await;
    lab.run("CREATE TABLE t (n Int64, gone Int64) ENGINE=MergeTree ORDER BY n");
    let field = |name: &str| Field::new(name, Schema::new(Type::Int64));
    let schema = Arc::new(Schema::structure(vec![field("n"), field("gone"), field("new")]));
    let batch = |n: i64| structs(n, &schema, vec![vec![Value::Int64(n), Value::Int64(n), Value::Int64(n)]]);
    let mut sink = lab.start(&[]).await;
    sink.put(&batch(0)).await;
    lab.run("ALTER TABLE t DROP COLUMN gone");
    sink.put(&batch(1)).await;
    lab.run("ALTER TABLE t ADD COLUMN must String FIRST");
    sink.put(&batch(2)).await;
    assert_eq!(lab.count("t"), 3, "columns are named, so that a new one has its default");
    lab.run("DROP TABLE t SYNC");
    let error = sink.try_put(&batch(3)).await.unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");

    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("tableRefreshInterval", "1")]).await;
    sink.put(&batch(4)).await;
    lab.run("ALTER TABLE t ADD COLUMN new Int64");
    let mut n = 5;
    while lab.ask("SELECT count() FROM t WHERE new > 0") == "0" {
        assert!(n < 1000, "a column that was added is never found");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        sink.put(&batch(n)).await;
        n += 1;
    }
}

#[tokio::test]
async fn too_many_parts_are_waited_out() {
    let lab = Lab::new("parts").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n SETTINGS parts_to_delay_insert=1, parts_to_throw_insert=1, max_delay_to_insert=0, min_delay_to_insert_ms=0");
    lab.run("SYSTEM STOP MERGES t");
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    sink.put(&numbers(0..3)).await;
    sink.put(&numbers(3..6)).await; // taken, and not written
    assert_eq!((lab.count("t"), sink.delivered(6).await), (3, 3));
    let outcome = sink.try_put(&numbers(6..9)).await.unwrap();
    assert_eq!((outcome.taken, bad(&outcome.bad)), (0, vec![]), "nothing more is taken");
    let why = outcome.retry.unwrap().to_string();
    assert!(why.contains("TOO_MANY_PARTS"), "{why}");
    lab.run("ALTER TABLE t MODIFY SETTING parts_to_throw_insert=1000");
    assert!(sink.task.wants_idle_puts());
    sink.idle_until(|| lab.count("t") == 6).await;
    sink.put(&numbers(6..9)).await;
    assert_eq!((lab.count("t"), sink.delivered(9).await), (9, 9));
}

#[tokio::test]
async fn a_user_who_may_only_read_is_waited_for() {
    let lab = Lab::new("reader").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let settings = [("username", "lab"), ("password", "labpass"), ("clickhouseSettings", "readonly=1")];
    let mut sink = lab.start(&settings).await;
    sink.put(&numbers(0..2)).await;
    let outcome = sink.try_put(&Arc::new(Batch::default())).await;
    let why = outcome.unwrap_err();
    assert_eq!(why.kind, ErrorKind::Retriable);
    assert!(why.to_string().contains("READONLY"), "{why}");
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_gets_every_record_once() {
    let mut server = tokio::task::spawn_blocking(|| Server::start(Kind::ClickHouse)).await.unwrap();
    let lab = Lab::on(&server.address(), "away");
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=100");
    let mut sink = lab.start(&[("retryCount", "3")]).await;
    sink.put(&numbers(0..10)).await;
    server.kill();
    let outcome = sink.try_put(&numbers(10..20)).await.unwrap();
    assert_eq!((outcome.taken, bad(&outcome.bad), sink.delivered(20).await), (10, vec![], 10));
    let outcome = sink.try_put(&numbers(20..30)).await.unwrap();
    assert_eq!(outcome.taken, 0);
    let why = outcome.retry.unwrap();
    assert!(why.to_string().contains("cannot be used now"), "{why}");
    // A task that starts now waits, too.
    let mut late = lab.start(&[]).await;
    assert!(late.try_put(&numbers(50..60)).await.unwrap().retry.is_some());
    let mut server = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    })
    .await
    .unwrap();
    sink.idle_until(|| lab.count("t") == 20).await;
    sink.put(&numbers(20..30)).await;
    late.put(&numbers(50..60)).await;
    assert_eq!((lab.count("t"), sink.delivered(30).await), (40, 30));
    server.kill();
}

#[tokio::test]
async fn a_bad_record_before_what_fails_the_task_is_reported() {
    let lab = Lab::new("account").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    lab.run("CREATE TABLE secret (n Int64) ENGINE=MergeTree ORDER BY n");
    let user = format!("u_{}", lab.database);
    lab.run(&format!("CREATE USER {user} IDENTIFIED BY 'labpass'"));
    lab.run(&format!("GRANT SELECT, INSERT ON {}.t TO {user}", lab.database));
    let settings =
        [("username", user.as_str()), ("password", "labpass"), ("errors.tolerance", "all"), ("bufferCount", "4")];
    let mut sink = lab.start(&settings).await;
    assert_eq!(sink.put(&json(0, &[r#"{"n": 0}"#, "{no json", r#"{"n": 2}"#])).await, []);
    // The table of the other topic is refused to the user, which no tolerance helps.
    let refused = json_of("secret", 0, &[r#"{"n": 1}"#]);
    let outcome = sink.try_put(&refused).await.unwrap();
    assert_eq!((outcome.taken, bad(&outcome.bad).len(), outcome.bad[0].index), (1, 1, 1));
    assert_eq!((lab.count("t"), sink.delivered(3).await), (2, 3));
    assert!(sink.task.wants_idle_puts());
    let error = sink.try_put(&Arc::new(Batch::default())).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.to_string().contains("Not enough privileges"), "{error}");
}

#[tokio::test]
async fn an_insert_of_which_the_server_tells_much_progress_is_taken_once() {
    let lab = Lab::new("progress").await;
    lab.run("CREATE TABLE t (n Int64, CONSTRAINT slow CHECK sleepEachRow(0.002) = 0) ENGINE=MergeTree ORDER BY n");
    let settings = "send_progress_in_http_headers=1,http_headers_progress_interval_ms=1,max_insert_block_size=1,\
                    min_insert_block_size_rows=1,min_insert_block_size_bytes=1,input_format_parallel_parsing=0";
    let mut sink = lab.start(&[("clickhouseSettings", settings)]).await;
    sink.put(&numbers(0..300)).await;
    assert_eq!((lab.count("t"), sink.delivered(300).await), (300, 300));
}

#[tokio::test]
async fn two_inserts_of_one_range_have_names_of_their_own() {
    let lab = Lab::new("names").await;
    lab.run("CREATE TABLE t (n Int64, s String DEFAULT 'd') ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=100");
    let field = |name: &str, kind| Field::new(name, Schema::new(kind));
    let narrow = Arc::new(Schema::structure(vec![field("n", Type::Int64)]));
    let wide = Arc::new(Schema::structure(vec![field("n", Type::Int64), field("s", Type::String)]));
    let mut sink = lab.start(&[("bufferCount", "3")]).await;
    sink.put(&structs(0, &narrow, vec![vec![Value::Int64(0)]])).await;
    sink.put(&structs(1, &wide, vec![vec![Value::Int64(1), Value::string("x")]])).await;
    sink.put(&structs(2, &narrow, vec![vec![Value::Int64(2)]])).await;
    assert_eq!(lab.count("t"), 3);
    // They come again, and are one insert: that of a part is not taken for it.
    let rows = (0..3).map(|n| vec![Value::Int64(n)]).collect();
    lab.start(&[]).await.put(&structs(0, &narrow, rows)).await;
    assert_eq!(lab.ask("SELECT groupUniqArray(n) FROM (SELECT n FROM t WHERE n = 1 AND s = 'd')"), "[1]");
}

#[tokio::test]
async fn inserts_may_be_compressed() {
    let lab = Lab::new("lz4").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let mut sink = lab.start(&[("insertCompression", "LZ4")]).await;
    sink.put(&numbers(0..1000)).await;
    assert_eq!(lab.ask("SELECT count(), sum(n) FROM t"), "1000\t499500");
    let error = sink.try_put(&json(1000, &[r#"{"n": "many"}"#])).await.unwrap_err().to_string();
    assert!(error.contains("row of t-0@1000") && error.contains("Code: 27"), "{error}");
}

#[tokio::test]
async fn rows_for_a_column_that_has_another_type_by_now_are_written_anew() {
    let lab = Lab::new("retyped").await;
    lab.run("CREATE TABLE t (n Int64, a Int64, b Int64) ENGINE=MergeTree ORDER BY n");
    let field = |name: &str| Field::new(name, Schema::new(Type::Int64));
    let schema = Arc::new(Schema::structure(vec![field("n"), field("a"), field("b")]));
    let batch = |n: i64| structs(n, &schema, vec![vec![Value::Int64(n), Value::Int64(1), Value::Int64(2)]]);
    let mut sink = lab.start(&[]).await;
    sink.put(&batch(0)).await;
    // As wide as before: the bytes of the rows alone would be taken for other values.
    lab.run("ALTER TABLE t MODIFY COLUMN a DateTime64(3, 'UTC'), MODIFY COLUMN b UInt64");
    sink.put(&batch(1)).await;
    lab.run("ALTER TABLE t MODIFY COLUMN b Nullable(UInt64)");
    sink.put(&batch(2)).await;
    assert_eq!(
        lab.ask("SELECT * FROM t ORDER BY n"),
        "0\t1970-01-01 00:00:01.000\t2\n1\t1970-01-01 00:00:00.001\t2\n2\t1970-01-01 00:00:00.001\t2"
    );
}

#[tokio::test]
async fn a_value_for_a_column_with_a_default_that_has_another_type_by_now_is_not_taken_for_one() {
    let lab = Lab::new("defaults").await;
    lab.run("CREATE TABLE t (n Int64, a Int64 DEFAULT 7) ENGINE=MergeTree ORDER BY n");
    let field = |name: &str| Field::new(name, Schema::new(Type::Int64));
    let schema = Arc::new(Schema::structure(vec![field("n"), field("a")]));
    let optional = Field::new("a", Schema::optional(Type::Int64));
    let optional = Arc::new(Schema::structure(vec![field("n"), optional]));
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    sink.put(&structs(0, &schema, vec![vec![Value::Int64(0), Value::Int64(1)]])).await;
    sink.put(&structs(1, &optional, vec![vec![Value::Int64(1), Value::Null]])).await;
    assert_eq!(lab.ask("SELECT * FROM t ORDER BY n"), "0\t1\n1\t7");
    // As wide as before, and no number of Connect's is both.
    lab.run("ALTER TABLE t MODIFY COLUMN a Float64 DEFAULT 7");
    let bad = sink.put(&structs(2, &schema, vec![vec![Value::Int64(2), Value::Int64(1)]])).await;
    assert_eq!((bad.len(), lab.count("t")), (1, 2), "{}", lab.ask("SELECT * FROM t ORDER BY n"));
    assert!(bad[0].1.contains("INT64") && bad[0].1.contains("Float64"), "{bad:?}");
}

#[tokio::test]
async fn an_insert_for_which_the_server_lacks_memory_is_cut_in_parts() {
    let lab = Lab::new("parts").await;
    lab.run("CREATE TABLE t (n Int64, s String) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=10000");
    let user = format!("p_{}", lab.database);
    let limit = "max_untracked_memory = 1, max_memory_usage = 20000000";
    lab.run(&format!("CREATE USER {user} IDENTIFIED BY 'labpass' SETTINGS {limit}"));
    lab.run(&format!("GRANT ALL ON {}.* TO {user}", lab.database));
    lab.run(&format!("GRANT TABLE ENGINE ON * TO {user}"));
    let schema = Arc::new(Schema::structure(vec![
        Field::new("n", Schema::new(Type::Int64)),
        Field::new("s", Schema::new(Type::String)),
    ]));
    let row = |n: i64| vec![Value::Int64(n), Value::string(format!("{n:0>10000}"))];
    let batch = structs(0, &schema, (0..4000).map(row).collect());
    let login = [("username", user.as_str()), ("password", "labpass")];
    let mut sink = lab.start(&login).await;
    sink.put(&batch).await;
    assert_eq!(lab.ask("SELECT count(), uniqExact(n), sum(length(s)) FROM t"), "4000\t4000\t40000000");
    assert_eq!(sink.delivered(4000).await, 4000);

    // Exactly once the whole has one name, and waits.
    lab.run("TRUNCATE TABLE t SYNC");
    let path = format!("/{}", lab.database);
    let mut sink = lab.start(&[&login[..], &[("exactlyOnce", "true"), ("zkPath", &path)]].concat()).await;
    sink.put(&batch).await; // taken, and not written
    let outcome = sink.try_put(&numbers(4000..4001)).await.unwrap();
    assert!(outcome.taken == 0 && outcome.retry.unwrap().to_string().contains("MEMORY_LIMIT_EXCEEDED"));
    assert_eq!((lab.count("t"), sink.delivered(4000).await), (0, 0));
    lab.run(&format!("ALTER USER {user} SETTINGS max_memory_usage = 0"));
    sink.idle_until(|| lab.count("t") == 4000).await;
    assert_eq!(sink.delivered(4000).await, 4000);
}

#[tokio::test]
async fn a_value_for_a_column_that_was_altered_is_no_bad_one() {
    let lab = Lab::new("retyped").await;
    lab.run("CREATE TABLE t (n Int32) ENGINE=MergeTree ORDER BY tuple()");
    let of = |kind| Arc::new(Schema::structure(vec![Field::new("n", Schema::new(kind))]));
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    sink.put(&structs(0, &of(Type::Int32), vec![vec![Value::Int32(1)]])).await;
    lab.run("ALTER TABLE t MODIFY COLUMN n Int64");
    let bad = sink.put(&structs(1, &of(Type::Int64), vec![vec![Value::Int64(2)]])).await;
    assert_eq!((bad, lab.ask("SELECT groupArray(n) FROM (SELECT n FROM t ORDER BY n)")), (vec![], "[1,2]".to_owned()));
    let bad = sink.put(&structs(2, &of(Type::Int32), vec![vec![Value::Int32(3)]])).await;
    assert_eq!(bad.len(), 1, "it is bad for the table as it is now, too");
}

#[tokio::test]
async fn an_answer_that_is_not_the_servers_is_no_acknowledgement() {
    let lab = Lab::new("strange").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let balancer = Way::balancer(&lab.url).await;
    let mut sink = lab.start(&[("port", balancer.port.as_str())]).await;
    sink.put(&numbers(0..10)).await;
    balancer.is_away(true);
    sink.put(&numbers(10..20)).await; // taken, and not written
    let outcome = sink.try_put(&numbers(20..30)).await.unwrap();
    let why = outcome.retry.unwrap().to_string();
    assert!(why.contains("does not answer as ClickHouse does") && why.contains("We are back soon"), "{why}");
    assert_eq!((outcome.taken, lab.count("t"), sink.delivered(20).await), (0, 10, 10));
    balancer.is_away(false);
    sink.idle_until(|| lab.count("t") == 20).await;
}

#[tokio::test]
async fn an_insert_is_durable_before_it_is_done_whatever_the_settings_say() {
    let lab = Lab::new("durable").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let lazily = "async_insert=1,wait_for_async_insert=0,async_insert_use_adaptive_busy_timeout=0,\
                  async_insert_busy_timeout_max_ms=2000,async_insert_busy_timeout_ms=2000";
    let properties = [
        ("jdbcConnectionProperties", format!("?custom_http_params={lazily}")),
        ("jdbcConnectionProperties", format!("?custom_settings={lazily}")),
        ("clickhouseSettings", lazily.to_owned()),
    ];
    for (round, (key, value)) in (0..).zip(&properties) {
        lab.start(&[(key, value)]).await.put(&numbers(round * 10..round * 10 + 10)).await;
        assert_eq!(lab.count("t"), round as u64 * 10 + 10, "{key}={value}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_are_no_records_fault() {
    let lab = Lab::new("settings").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    for settings in ["insert_quorum=many", "insert_deduplicate=maybe", "no_such_thing=1"] {
        let settings = [("clickhouseSettings", settings), ("errors.tolerance", "all")];
        let error = lab.try_start(&settings).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.to_string().contains("refuses the settings"), "{error}");
    }
    // What a profile lets nobody change shows when it is tried.
    let user = format!("c_{}", lab.database);
    lab.run(&format!("CREATE USER {user} IDENTIFIED BY 'labpass' SETTINGS max_insert_threads = 1 MAX 2"));
    lab.run(&format!("GRANT ALL ON {}.* TO {user}", lab.database));
    let settings = [("username", user.as_str()), ("password", "labpass"), ("errors.tolerance", "all")];
    let error = lab.try_start(&[&settings[..], &[("clickhouseSettings", "max_insert_threads=3")]].concat()).await;
    assert_eq!(error.err().unwrap().kind, ErrorKind::Config);
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_waited_out() {
    let lab = Lab::new("quota").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let user = format!("q_{}", lab.database);
    lab.run(&format!("CREATE USER {user} IDENTIFIED BY 'labpass'"));
    lab.run(&format!("GRANT ALL ON {}.* TO {user}", lab.database));
    let settings = [("username", user.as_str()), ("password", "labpass"), ("errors.tolerance", "all")];
    let mut sink = lab.start(&settings).await;
    sink.put(&numbers(0..10)).await;
    lab.run(&format!("CREATE QUOTA {user} FOR INTERVAL 1 year MAX query_inserts = 1 TO {user}"));
    sink.put(&numbers(10..20)).await;
    sink.put(&numbers(20..30)).await; // taken, and not written
    let outcome = sink.try_put(&numbers(30..40)).await.unwrap();
    let why = outcome.retry.unwrap().to_string();
    assert!(why.contains("QUOTA_EXCEEDED"), "{why}");
    assert_eq!((outcome.taken, outcome.bad.len(), lab.count("t"), sink.delivered(30).await), (0, 0, 20, 20));
    lab.run(&format!("DROP QUOTA {user}"));
    sink.idle_until(|| lab.count("t") == 30).await;
}

#[tokio::test]
async fn an_insert_into_more_partitions_than_the_server_takes_at_once_is_cut_in_parts() {
    let lab = Lab::new("partitions").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree PARTITION BY n % 150 ORDER BY n");
    let mut sink = lab.start(&[("errors.tolerance", "all")]).await;
    assert_eq!(sink.put(&numbers(0..450)).await, []);
    assert_eq!(lab.ask("SELECT count(), uniqExact(n) FROM t"), "450\t450");
    assert_eq!(sink.delivered(450).await, 450);
}
