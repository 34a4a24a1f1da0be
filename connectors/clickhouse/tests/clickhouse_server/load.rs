//! What goes wrong while records flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use longshore_api::{Batch, Field, Schema, Type, Value};
use longshore_test_servers::{Kind, Server};

use crate::support::{Lab, Sink, numbers, structs};

/// Rounds of what is done to the table or the server.
const ROUNDS: usize = 15;

/// Puts a batch as the worker does, until it is taken.
async fn deliver(sink: &mut Sink, batch: &Arc<Batch>) -> Result<(), longshore_api::ConnectError> {
    loop {
        let outcome = sink.try_put(batch).await?;
        assert_eq!(outcome.bad.len(), 0, "no record is at fault");
        if outcome.taken == batch.len() {
            return Ok(());
        }
        assert_eq!(outcome.taken, 0);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Does something again and again on another thread; gives the thread, and whether it is at it still.
fn again_and_again(mut what: impl FnMut(usize) + Send + 'static) -> (Arc<AtomicBool>, tokio::task::JoinHandle<()>) {
    let goes_on = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&goes_on);
    let thread = tokio::task::spawn_blocking(move || {
        (0..ROUNDS).for_each(&mut what);
        flag.store(false, Ordering::SeqCst);
    });
    (goes_on, thread)
}

#[tokio::test]
async fn a_table_may_be_altered_while_rows_come() {
    let lab = Lab::new("altering").await;
    lab.run("CREATE TABLE t (n Int64, s String) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=10000");
    let altered = lab.clone();
    let (goes_on, thread) = again_and_again(move |round| {
        // Nobody waits for parts to be written anew: with rows coming that may take as long as it likes.
        altered.run(&format!("ALTER TABLE t ADD COLUMN new{round} Nullable(Int64) FIRST SETTINGS alter_sync=0"));
        altered.run("ALTER TABLE t MODIFY COLUMN s DEFAULT '' SETTINGS alter_sync=0");
        altered.run(&format!("ALTER TABLE t DROP COLUMN new{round} SETTINGS alter_sync=0"));
        altered.run("ALTER TABLE t MODIFY COLUMN s REMOVE DEFAULT SETTINGS alter_sync=0");
    });
    let field = |name: &str, kind| Field::new(name, Schema::new(kind));
    let fields = vec![field("new3", Type::Int64), field("n", Type::Int64), field("s", Type::String)];
    let schema = Arc::new(Schema::structure(fields));
    let mut sink = lab.start(&[]).await;
    let mut next = 0;
    while goes_on.load(Ordering::SeqCst) {
        let row = |n: i64| vec![Value::Int64(n), Value::Int64(n), Value::string(format!("{n}"))];
        deliver(&mut sink, &structs(next, &schema, (next..next + 10).map(row).collect())).await.unwrap();
        deliver(&mut sink, &numbers(next + 10..next + 20)).await.unwrap();
        next += 20;
    }
    thread.await.unwrap();
    sink.idle_until(|| lab.count("t") >= next as u64).await;
    let texts = next / 2;
    assert_eq!(
        lab.ask("SELECT count(), uniqExact(n), countIf(s = toString(n)), countIf(s = '') FROM t"),
        format!("{next}\t{next}\t{texts}\t{texts}")
    );
}

#[tokio::test]
async fn a_table_that_is_dropped_while_rows_come_ends_the_task_and_keeps_what_was_not_written() {
    let lab = Lab::new("dropping").await;
    let create =
        "CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=10000";
    lab.run(create);
    // The worker's part: after a failure the task starts again at what was delivered.
    let dropped = lab.clone();
    let (goes_on, thread) = again_and_again(move |_| {
        dropped.run("DROP TABLE t SYNC");
        dropped.run(create);
    });
    // A table beside it: a start finds one in any case.
    lab.run("CREATE TABLE other (n Int64) ENGINE=MergeTree ORDER BY n");
    let (mut sink, mut next) = (lab.start(&[]).await, 0);
    let mut end = None;
    while end.is_none_or(|end| next < end) {
        match deliver(&mut sink, &numbers(next..next + 10)).await {
            Ok(()) => next += 10,
            Err(error) => {
                assert!(error.to_string().contains("does not exist"), "{error}");
                // What was taken and not written is read again.
                next = sink.delivered(next).await;
                sink = lab.start(&[]).await;
            }
        }
        if !goes_on.load(Ordering::SeqCst) {
            end = end.or(Some(next + 50));
        }
    }
    thread.await.unwrap();
    let last = next - 50;
    sink.idle_until(|| lab.ask(&format!("SELECT count() FROM t WHERE n >= {last}")) == "50").await;
    assert_eq!(lab.ask("SELECT count() = uniqExact(n) FROM t"), "1");
}

#[tokio::test]
async fn a_table_that_is_dropped_is_made_again_where_that_is_wanted() {
    let lab = Lab::new("remaking").await;
    let settings = [("longshore.table.create", "true"), ("longshore.table.order.by", "n")];
    let mut sink = lab.start(&settings).await;
    sink.put(&numbers(0..10)).await;
    lab.run("DROP TABLE t SYNC");
    sink.put(&numbers(10..20)).await;
    assert_eq!(lab.ask("SELECT min(n), count() FROM t"), "10\t10");
}

#[tokio::test]
async fn a_server_without_memory_is_waited_for() {
    let lab = Lab::new("memory").await;
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let user = format!("m_{}", lab.database);
    lab.run(&format!("CREATE USER {user} IDENTIFIED BY 'labpass' SETTINGS max_untracked_memory = 1"));
    lab.run(&format!("GRANT ALL ON {}.* TO {user}", lab.database));
    let settings = [("username", user.as_str()), ("password", "labpass"), ("errors.tolerance", "all")];
    let mut sink = lab.start(&settings).await;
    sink.put(&numbers(0..10)).await;
    lab.run(&format!("ALTER USER {user} SETTINGS max_untracked_memory = 1, max_memory_usage = 1"));
    sink.put(&numbers(10..20)).await; // taken, and not written
    let outcome = sink.try_put(&numbers(20..30)).await.unwrap();
    assert_eq!((outcome.taken, outcome.bad.len(), sink.delivered(20).await), (0, 0, 10));
    let why = outcome.retry.unwrap().to_string();
    assert!(why.contains("MEMORY_LIMIT_EXCEEDED"), "{why}");
    lab.run(&format!("ALTER USER {user} SETTINGS max_untracked_memory = 1, max_memory_usage = 0"));
    sink.idle_until(|| lab.count("t") == 20).await;
    sink.put(&numbers(20..30)).await;
    assert_eq!((lab.count("t"), sink.delivered(30).await), (30, 30));
}

#[tokio::test]
async fn a_server_that_ends_and_starts_while_rows_come_loses_none() {
    let server = tokio::task::spawn_blocking(|| Server::start(Kind::ClickHouse)).await.unwrap();
    let lab = Lab::on(&server.address(), "restarts");
    lab.run("CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n");
    let goes_on = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&goes_on);
    let thread = tokio::task::spawn_blocking(move || {
        let mut server = server;
        for _ in 0..3 {
            server.kill();
            server.start_again();
        }
        flag.store(false, Ordering::SeqCst);
        server
    });
    let (mut sink, mut next) = (lab.start(&[]).await, 0);
    while goes_on.load(Ordering::SeqCst) {
        deliver(&mut sink, &numbers(next..next + 100)).await.unwrap();
        next += 100;
    }
    let mut server = thread.await.unwrap();
    deliver(&mut sink, &numbers(next..next + 100)).await.unwrap();
    next += 100;
    sink.idle_until(|| lab.ask("SELECT uniqExact(n) FROM t") == next.to_string()).await;
    assert_eq!(sink.delivered(next).await, next);
    server.kill();
}
