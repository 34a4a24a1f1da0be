//! Tasks at work on a real broker, with a sink that panics, hangs or takes what comes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod harness;
mod isolation;
mod numbers;
mod rebalance;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{PATIENCE, Running, Writer, topic, until};
use longshore::herder::Herder;
use longshore_test_servers::kafka;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::timeout;

/// The offset that a group has committed for a partition; 0 for none.
fn committed(group: &str, topic: &str, partition: i32) -> i64 {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka()).set("group.id", group).create().unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition(topic, partition);
    let committed = consumer.committed_offsets(partitions, PATIENCE).unwrap();
    match committed.elements()[0].offset() {
        Offset::Offset(offset) => offset,
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_in_a_connector_fails_its_task_and_nothing_else() {
    let (bad, good, writer) = (topic(1).await, topic(1).await, Writer::new());
    let worker = Running::start();
    worker.create("panics", &bad, 1).await;
    worker.create("healthy", &good, 1).await;
    worker.wait_for_tasks("healthy", &["RUNNING"]).await;
    writer.send(&bad, 0, "panic");
    writer.flush();
    worker.wait_for_tasks("panics", &["FAILED"]).await;
    let status = worker.status("panics").await;
    assert_eq!(status.connector.state, "RUNNING");
    let trace = status.tasks[0].trace.as_deref().unwrap();
    assert!(trace.contains("told to panic"), "{trace}");

    writer.send(&good, 0, "a");
    writer.flush();
    until("the other connector's record", || worker.told.taken() == 1).await;
    worker.wait_for_tasks("healthy", &["RUNNING"]).await;
    worker.herder.delete("panics").await.unwrap();
    worker.herder.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_is_stuck_is_given_up_and_its_successor_goes_on() {
    let (topic, writer) = (topic(2).await, Writer::new());
    let worker = Running::start();
    let group = worker.create("stuck", &topic, 1).await;
    worker.wait_for_tasks("stuck", &["RUNNING"]).await;
    worker.told.hold.store(true, Ordering::SeqCst);
    writer.send(&topic, 0, "a");
    writer.send(&topic, 1, "b");
    writer.flush();
    until("a put that does not come back", || worker.told.held.load(Ordering::SeqCst) == 1).await;

    timeout(PATIENCE, worker.herder.restart_task("stuck", 0)).await.unwrap().unwrap();
    until("both records, by the new run", || worker.told.taken() == 2).await;
    until("their offsets", || committed(&group, &topic, 0) == 1 && committed(&group, &topic, 1) == 1).await;
    assert_eq!(worker.told.held.load(Ordering::SeqCst), 1, "the old run is still where it was");
    worker.wait_for_tasks("stuck", &["RUNNING"]).await;

    worker.told.let_go();
    until("the old run to end", || worker.told.held.load(Ordering::SeqCst) == 0).await;
    writer.send(&topic, 0, "c");
    writer.flush();
    until("a further offset", || committed(&group, &topic, 0) == 2).await;
    worker.herder.shut_down().await;
}

/// A member of a group that takes its share and commits nothing.
fn visit(group: &str, topic: &str, end: &AtomicBool) -> usize {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka()).set("group.id", group).set("partition.assignment.strategy", "range");
    config.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    let visitor: BaseConsumer = config.create().unwrap();
    visitor.subscribe(&[topic]).unwrap();
    let mut seen = 0;
    while seen < 50 && !end.load(Ordering::SeqCst) {
        if let Some(Ok(_)) = visitor.poll(Duration::from_millis(100)) {
            seen += 1;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_record_is_taken_once_while_members_come_and_go() {
    const PARTITIONS: i32 = 4;
    let topic = topic(PARTITIONS).await;
    let worker = Running::start();
    let group = worker.create("shared", &topic, 2).await;
    worker.wait_for_tasks("shared", &["RUNNING", "RUNNING"]).await;

    let end = std::sync::Arc::new(AtomicBool::new(false));
    let producing = {
        let (topic, end) = (topic.clone(), end.clone());
        tokio::task::spawn_blocking(move || {
            let (writer, mut sent) = (Writer::new(), 0usize);
            while !end.load(Ordering::SeqCst) {
                for _ in 0..20 {
                    writer.send(&topic, sent as i32 % PARTITIONS, "x");
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            writer.flush();
            sent
        })
    };
    for _ in 0..3 {
        let before = worker.told.taken();
        until("records to flow", || worker.told.taken() > before).await;
        let (group, topic, never) = (group.clone(), topic.clone(), AtomicBool::new(false));
        let seen = timeout(PATIENCE, tokio::task::spawn_blocking(move || visit(&group, &topic, &never)));
        assert_eq!(seen.await.unwrap().unwrap(), 50, "the visitor got its share");
    }
    end.store(true, Ordering::SeqCst);
    let sent = producing.await.unwrap();
    until("every record", || worker.told.taken() == sent).await;
    for counter in ["read", "send"] {
        let name = format!("kafka_connect_sink_task_sink_record_{counter}_total");
        assert!(worker.counted("shared", 2, &name) >= sent as f64, "{name}");
    }
    assert!(worker.counted("shared", 2, "kafka_connect_sink_task_offset_commit_completion_total") > 0.0);
    assert_eq!(worker.told.repeated(), [], "a partition goes only when its records are committed");
    until("every offset", || {
        (0..PARTITIONS).map(|partition| committed(&group, &topic, partition)).sum::<i64>() == sent as i64
    })
    .await;
    worker.wait_for_tasks("shared", &["RUNNING", "RUNNING"]).await;
    worker.herder.shut_down().await;
}
