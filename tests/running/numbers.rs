//! What live tasks count is what happened.

use std::sync::atomic::Ordering;

use super::harness::{Running, Writer, topic, until};

const ACTIVE: &str = "kafka_connect_sink_task_sink_record_active_count";
const LAG: &str = "kafka_consumer_consumer_fetch_manager_metrics_records_lag";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lag_and_uncommitted_records_follow_a_live_task() {
    let (topic, writer) = (topic(2).await, Writer::new());
    let worker = Running::start();
    worker.create("counted", &topic, 1).await;
    worker.wait_for_tasks("counted", &["RUNNING"]).await;
    let counted = |name: &str| worker.counted("counted", 1, name);
    for partition in [0, 1] {
        (0..10).for_each(|_| writer.send(&topic, partition, "a"));
    }
    writer.flush();
    until("everything to be committed", || worker.told.taken() == 20 && counted(ACTIVE) == 0.0).await;
    until("both partitions' lag to be known", || {
        counted(LAG) == 0.0 && counted("kafka_connect_sink_task_partition_count") == 2.0
    })
    .await;
    assert!(counted("kafka_connect_sink_task_offset_commit_seq_no") >= 1.0);
    assert!(counted("kafka_connect_sink_task_offset_commit_completion_total") >= 1.0);
    assert_eq!(counted("kafka_connect_connector_task_offset_commit_success_percentage"), 1.0);
    assert_eq!(counted("kafka_connect_connector_task_offset_commit_failure_percentage"), 0.0);

    // One record is in the sink's hands and stays there; what comes behind it cannot be read meanwhile, at most fetched.
    worker.told.hold.store(true, Ordering::SeqCst);
    writer.send(&topic, 0, "a");
    writer.flush();
    until("a put that does not come back", || worker.told.held.load(Ordering::SeqCst) == 1).await;
    assert_eq!(counted(ACTIVE), 1.0);
    (0..7).for_each(|_| writer.send(&topic, 0, "a"));
    (0..3).for_each(|_| writer.send(&topic, 1, "a"));
    writer.flush();
    until("the lag of both partitions", || counted(LAG) == 10.0).await;
    assert_eq!(counted(&format!("{LAG}_max")), 7.0);
    assert_eq!(counted("kafka_connect_sink_task_sink_record_lag_max"), 7.0);
    assert_eq!(counted("kafka_consumer_fetch_manager_records_lag"), 10.0);

    worker.told.let_go();
    until("the lag to be worked off", || counted(LAG) == 0.0 && counted(ACTIVE) == 0.0).await;
    assert_eq!(worker.told.taken(), 31);
    assert!(counted(&format!("{ACTIVE}_max")) >= 1.0);
    worker.herder.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn starts_of_tasks_are_counted_by_how_they_ended() {
    let (topic, writer) = (topic(1).await, Writer::new());
    let worker = Running::start();
    worker.create("good", &topic, 1).await;
    worker.wait_for_tasks("good", &["RUNNING"]).await;
    // There can be no such topic for its dead letters: it fails before it runs.
    let bad = [("errors.tolerance", "all"), ("errors.deadletterqueue.topic.name", "not a name")];
    worker.create_with("bad", &topic, 1, &bad).await;
    worker.wait_for_tasks("bad", &["FAILED"]).await;
    let sample = |name: &str| worker.worker_sample(&format!("kafka_connect_worker_task_startup_{name}"));
    until("both starts", || sample("attempts_total") == 2.0).await;
    assert_eq!((sample("success_total"), sample("failure_total")), (1.0, 1.0));
    assert_eq!((sample("success_percentage"), sample("failure_percentage")), (0.5, 0.5));
    // A task that has run and fails later has started all the same.
    writer.send(&topic, 0, "panic");
    writer.flush();
    worker.wait_for_tasks("good", &["FAILED"]).await;
    assert_eq!(sample("failure_total"), 1.0);
    worker.herder.shut_down().await;
}
