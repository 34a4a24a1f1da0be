//! `exactlyOnce`.

use longshore_api::{SinkConnector as _, TopicPartition};
use longshore_clickhouse::ClickHouseSinkConnector;
use longshore_test_servers::unique;

use crate::support::{Lab, Sink, json, numbers};

struct Once {
    lab: Lab,
    path: String,
}

impl Once {
    /// A table that knows the names of its inserts.
    async fn new(name: &str) -> Self {
        let lab = Lab::new(name).await;
        lab.run(
            "CREATE TABLE t (n Int64) ENGINE=MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window=100",
        );
        Self { lab, path: format!("/{}", unique(name)) }
    }

    async fn start(&self, more: &[(&str, &str)]) -> Sink {
        let all: Vec<_> = [("exactlyOnce", "true"), ("zkPath", &self.path)].iter().chain(more).copied().collect();
        self.lab.start(&all).await
    }

    fn state(&self) -> String {
        self.lab.ask("SELECT * FROM connect_state ORDER BY key")
    }

    /// Stores a state, as a task does that ends in between.
    fn set_state(&self, min: i64, max: i64, state: &str) {
        self.lab.run(&format!("INSERT INTO connect_state VALUES ('t-0', {min}, {max}, '{state}')"));
    }

    fn rows(&self) -> String {
        self.lab.ask("SELECT groupArray(n) FROM (SELECT n FROM t ORDER BY n)")
    }
}

#[tokio::test]
async fn the_range_that_was_inserted_is_stored_as_the_java_connector_stores_it() {
    let once = Once::new("once").await;
    let mut sink = once.start(&[]).await;
    sink.put(&numbers(1..4)).await;
    assert_eq!(once.state(), "t-0\t1\t3\tAFTER_PROCESSING");
    assert_eq!(sink.delivered(4).await, 4);
    let create = once.lab.ask("SHOW CREATE TABLE connect_state FORMAT TSVRaw");
    for part in [
        "`key` String",
        "`minOffset` Int64",
        "`maxOffset` Int64",
        "`state` String",
        "ENGINE = KeeperMap",
        "PRIMARY KEY key",
    ] {
        assert!(create.contains(part), "{create}");
    }
    assert!(create.contains(&once.path), "{create}");
}

#[tokio::test]
async fn what_comes_again_in_other_batches_is_written_once() {
    let once = Once::new("again").await;
    once.start(&[]).await.put(&numbers(1..11)).await;
    // Offsets were not committed. From before the range, within it, and beyond it:
    let mut sink = once.start(&[]).await;
    sink.put(&numbers(1..4)).await;
    sink.put(&numbers(4..13)).await;
    sink.put(&numbers(13..14)).await;
    assert_eq!(once.rows(), "[1,2,3,4,5,6,7,8,9,10,11,12,13]");
    assert_eq!(once.state(), "t-0\t13\t13\tAFTER_PROCESSING");
    assert_eq!(sink.delivered(14).await, 14);
}

#[tokio::test]
async fn an_announced_range_is_put_together_again_before_it_is_inserted() {
    let once = Once::new("announced").await;
    let mut first = once.start(&[]).await;
    first.put(&numbers(1..11)).await;
    // It had been inserted, but its task ended before it could say so.
    once.set_state(1, 10, "BEFORE_PROCESSING");
    let mut sink = once.start(&[]).await;
    sink.put(&numbers(1..4)).await;
    assert_eq!((once.rows(), sink.delivered(4).await), ("[1,2,3,4,5,6,7,8,9,10]".to_owned(), 1), "the rest is awaited");
    assert_eq!(once.state(), "t-0\t1\t10\tBEFORE_PROCESSING");
    sink.put(&numbers(4..15)).await;
    assert_eq!(once.rows(), "[1,2,3,4,5,6,7,8,9,10,11,12,13,14]", "under its old name it is there once");
    assert_eq!((once.state(), sink.delivered(15).await), ("t-0\t11\t14\tAFTER_PROCESSING".to_owned(), 15));

    // The same with a range that had not been inserted.
    once.set_state(15, 20, "BEFORE_PROCESSING");
    once.start(&[]).await.put(&numbers(15..21)).await;
    assert_eq!(once.lab.count("t"), 20);
    assert_eq!(once.state(), "t-0\t15\t20\tAFTER_PROCESSING");
}

#[tokio::test]
async fn records_that_may_be_written_are_reported_when_a_part_of_their_range_is_gone() {
    let once = Once::new("gone").await;
    once.start(&[]).await.put(&numbers(1..2)).await;
    once.set_state(2, 10, "BEFORE_PROCESSING");
    let error = once.start(&[]).await.try_put(&numbers(5..13)).await.unwrap_err();
    assert!(error.to_string().contains("it may have been written before (t-0, offsets 5 to 10)"), "{error}");
    let bad = once.start(&[("errors.tolerance", "all")]).await.put(&numbers(5..13)).await;
    assert_eq!(bad.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
    assert_eq!(once.rows(), "[1,11,12]");
}

#[tokio::test]
async fn a_range_with_a_bad_record_is_not_written_before_that_is_tolerated() {
    let once = Once::new("bad").await;
    let batch = || json(1, &[r#"{"n": 1}"#, "{no json", r#"{"n": 3}"#]);
    let error = once.start(&[]).await.try_put(&batch()).await.unwrap_err();
    assert!(error.to_string().contains("t-0@2"), "{error}");
    assert_eq!((once.rows(), once.state()), ("[]".to_owned(), "t-0\t1\t3\tBEFORE_PROCESSING".to_owned()));
    let mut sink = once.start(&[("errors.tolerance", "all")]).await;
    let bad = sink.put(&batch()).await;
    assert_eq!(bad.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [2]);
    assert_eq!((once.rows(), once.state()), ("[1,3]".to_owned(), "t-0\t1\t3\tAFTER_PROCESSING".to_owned()));
    assert_eq!(sink.delivered(4).await, 4);
}

#[tokio::test]
async fn offsets_that_are_set_back_take_the_state_with_them() {
    let once = Once::new("rewind").await;
    once.start(&[]).await.put(&numbers(1..11)).await;
    let alter = |offset: Option<i64>| {
        let props = once.lab.props(&[("exactlyOnce", "true"), ("zkPath", &once.path)]);
        let place = TopicPartition { topic: "t".into(), partition: 0 };
        // As the worker calls it: on a thread that may block.
        tokio::task::spawn_blocking(move || ClickHouseSinkConnector.alter_offsets(&props, &[(place, offset)]))
    };
    assert!(alter(Some(11)).await.unwrap().unwrap());
    assert_eq!(once.state(), "t-0\t1\t10\tAFTER_PROCESSING", "what comes next is not passed over anyway");
    assert!(alter(Some(5)).await.unwrap().unwrap());
    assert_eq!(once.state(), "");
    once.start(&[]).await.put(&numbers(5..11)).await;
    assert_eq!(once.lab.count("t"), 16, "they are written again");
    assert!(alter(None).await.unwrap().unwrap());
    assert_eq!(once.state(), "");
}

#[tokio::test]
async fn going_back_while_the_task_lives_is_a_mismatch() {
    let once = Once::new("back").await;
    let mut sink = once.start(&[]).await;
    sink.put(&numbers(10..20)).await;
    let error = sink.try_put(&numbers(5..8)).await.unwrap_err();
    assert!(error.to_string().contains("State MISMATCH"), "{error}");
    let mut tolerant = once.start(&[("tolerateStateMismatch", "true")]).await;
    tolerant.put(&numbers(5..8)).await;
    assert_eq!(once.lab.count("t"), 10);
}

#[tokio::test]
async fn buffered_ranges_have_exactly_the_size_that_is_said() {
    let once = Once::new("chunks").await;
    let mut sink = once.start(&[("bufferCount", "5")]).await;
    sink.put(&numbers(1..4)).await;
    assert_eq!((once.lab.count("t"), sink.delivered(4).await), (0, 1));
    sink.put(&numbers(4..13)).await;
    assert_eq!((once.lab.count("t"), sink.delivered(13).await), (10, 11));
    assert_eq!(once.state(), "t-0\t6\t10\tAFTER_PROCESSING");
}

#[tokio::test]
async fn a_state_that_cannot_be_kept_lets_nothing_be_taken() {
    let once = Once::new("keeper").await;
    let settings = [("username", "reader"), ("errors.tolerance", "all")];
    let outcome = once.start(&settings).await.try_put(&numbers(1..3)).await.unwrap();
    assert_eq!((outcome.taken, outcome.bad.len()), (0, 0));
    let why = outcome.retry.unwrap().to_string();
    assert!(why.contains("READONLY"), "{why}");
}
