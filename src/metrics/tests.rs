use std::time::Duration;

use longshore_api::TopicPartition;
use tokio::time::advance;

use super::*;
use crate::task::State;

fn id(connector: &str, task: u32) -> TaskId {
    TaskId { connector: connector.into(), task }
}

fn snapshot(kind: &'static str, tasks: &[(u32, &'static str)]) -> Snapshot {
    let connector = ConnectorState {
        state: Some("RUNNING"),
        class: "org.example.Sink".into(),
        kind,
        version: Some("1.2".into()),
        tasks: tasks.iter().copied().collect(),
    };
    Snapshot {
        connectors: BTreeMap::from([("c".to_owned(), connector)]),
        version: "4.3.1",
        commit: "abc",
        worker_id: "w:8083".to_owned(),
    }
}

/// The value of a sample; the text before the blank must be all of the line up to there.
fn value(page: &str, sample: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test(start_paused = true)]
async fn a_sinks_numbers_have_the_names_of_connects() {
    let metrics = Metrics::default();
    let task = metrics.start_task(&id("c", 0));
    task.state(State::Running);
    task.read(10);
    task.put(8, Duration::from_millis(4));
    task.read(30);
    task.put(30, Duration::from_millis(8));
    task.commit(Duration::from_micros(1500), true);
    task.commit(Duration::from_secs(9), false);
    task.commit_begun(2);
    let place = |topic: &str, partition| TopicPartition::new(topic, partition);
    task.assigned([place("t", 0), place("t", 1)]);
    task.ends_by(move |partition| (*partition != place("t", 1)).then_some(9));
    task.committed(&[(place("t", 0), 2), (place("t", 1), -1001), (place("other", 1), 0)].into_iter().collect());
    task.reached([(place("t", 0), 2, 5), (place("t", 1), 10, 14), (place("other", 1), 0, 9)]);
    task.record_failed();
    task.records_skipped(1);
    advance(Duration::from_secs(10)).await;

    let page = metrics.page(&snapshot("sink", &[(0, "RUNNING")]));
    for (sample, expected) in [
        ("kafka_connect_worker_connector_count", 1.0),
        ("kafka_connect_worker_task_count", 1.0),
        ("kafka_connect_worker_connector_running_task_count{connector=\"c\"}", 1.0),
        ("kafka_connect_worker_connector_failed_task_count{connector=\"c\"}", 0.0),
        ("kafka_connect_connector_status{connector=\"c\",status=\"running\"}", 1.0),
        ("kafka_connect_connector_task_status{connector=\"c\",task=\"0\",status=\"running\"}", 1.0),
        ("kafka_connect_connector_connector_class{connector=\"c\",connector_class=\"org.example.Sink\"}", 1.0),
        ("kafka_connect_connector_task_running_ratio{connector=\"c\",task=\"0\"}", 1.0),
        ("kafka_connect_connector_task_pause_ratio{connector=\"c\",task=\"0\"}", 0.0),
        ("kafka_connect_connector_task_batch_size_avg{connector=\"c\",task=\"0\"}", 20.0),
        ("kafka_connect_connector_task_batch_size_max{connector=\"c\",task=\"0\"}", 30.0),
        ("kafka_connect_connector_task_offset_commit_avg_time_ms{connector=\"c\",task=\"0\"}", 1.5),
        ("kafka_connect_connector_task_offset_commit_success_percentage{connector=\"c\",task=\"0\"}", 0.5),
        ("kafka_connect_connector_task_offset_commit_failure_percentage{connector=\"c\",task=\"0\"}", 0.5),
        ("kafka_connect_sink_task_sink_record_read_total{connector=\"c\",task=\"0\"}", 40.0),
        // Of two windows of 30 s, one has not been needed yet and counts whole.
        ("kafka_connect_sink_task_sink_record_read_rate{connector=\"c\",task=\"0\"}", 1.0),
        ("kafka_connect_sink_task_sink_record_send_total{connector=\"c\",task=\"0\"}", 38.0),
        ("kafka_connect_sink_task_put_batch_avg_time_ms{connector=\"c\",task=\"0\"}", 6.0),
        ("kafka_connect_sink_task_put_batch_max_time_ms{connector=\"c\",task=\"0\"}", 8.0),
        ("kafka_connect_sink_task_sink_record_active_count{connector=\"c\",task=\"0\"}", 7.0),
        ("kafka_connect_sink_task_offset_commit_seq_no{connector=\"c\",task=\"0\"}", 2.0),
        ("kafka_connect_sink_task_offset_commit_completion_total{connector=\"c\",task=\"0\"}", 1.0),
        ("kafka_connect_sink_task_partition_count{connector=\"c\",task=\"0\"}", 2.0),
        ("kafka_connect_sink_task_sink_record_lag_max{connector=\"c\",task=\"0\"}", 4.0),
        ("kafka_consumer_consumer_fetch_manager_metrics_records_lag_max{client_id=\"connector-consumer-c-0\"}", 4.0),
        (
            "kafka_consumer_fetch_manager_records_lag{clientid=\"connector-consumer-c-0\",topic=\"t\",partition=\"0\"}",
            4.0,
        ),
        ("kafka_connect_task_error_total_record_failures{connector=\"c\",task=\"0\"}", 1.0),
        ("kafka_connect_task_error_total_records_skipped{connector=\"c\",task=\"0\"}", 1.0),
    ] {
        assert_eq!(value(&page, sample), Some(expected), "{sample}\n{page}");
    }
    assert!(!page.contains("source_task"), "{page}");
    assert!(!page.contains("partition=\"1\""), "the end of partition 1 is not known:\n{page}");
    task.committed(&[(place("t", 0), 5), (place("t", 1), 14)].into_iter().collect());
    let page = metrics.page(&snapshot("sink", &[(0, "RUNNING")]));
    let active = "kafka_connect_sink_task_sink_record_active_count";
    assert_eq!(value(&page, &format!("{active}{{connector=\"c\",task=\"0\"}}")), Some(0.0));
    assert_eq!(value(&page, &format!("{active}_max{{connector=\"c\",task=\"0\"}}")), Some(7.0));
}

#[tokio::test(start_paused = true)]
async fn rebalances_are_timed_and_a_worker_without_a_group_has_none() {
    let metrics = Metrics::default();
    let page = || metrics.page(&Snapshot::default());
    assert!(!page().contains("rebalance"), "{}", page());
    let shown = |name: &str| value(&page(), &format!("kafka_connect_worker_rebalance_{name}"));
    metrics.rebalance_begun();
    advance(Duration::from_millis(30)).await;
    assert_eq!((shown("rebalancing"), shown("completed_rebalances_total")), (Some(1.0), Some(0.0)));
    assert_eq!(shown("time_since_last_rebalance_ms"), Some(f64::INFINITY));
    metrics.rebalance_completed(3);
    advance(Duration::from_millis(70)).await;
    for (name, expected) in [
        ("epoch", 3.0),
        ("completed_rebalances_total", 1.0),
        ("rebalancing", 0.0),
        ("rebalance_max_time_ms", 30.0),
        ("rebalance_avg_time_ms", 30.0),
        ("time_since_last_rebalance_ms", 70.0),
    ] {
        assert_eq!(shown(name), Some(expected), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn averages_forget_what_is_older_than_the_windows() {
    let metrics = Metrics::new(Duration::from_secs(10), 2);
    let task = metrics.start_task(&id("c", 0));
    let average =
        |page: &str| value(page, "kafka_connect_source_task_poll_batch_avg_time_ms{connector=\"c\",task=\"0\"}");
    let page = || metrics.page(&snapshot("source", &[(0, "RUNNING")]));
    assert!(average(&page()).unwrap().is_nan());
    task.polled(1, Duration::from_millis(100));
    advance(Duration::from_secs(11)).await;
    task.polled(1, Duration::from_millis(200));
    assert_eq!(average(&page()), Some(150.0));
    advance(Duration::from_secs(10)).await;
    assert_eq!(average(&page()), Some(200.0));
    advance(Duration::from_secs(10)).await;
    assert!(average(&page()).unwrap().is_nan());
    let total = value(&page(), "kafka_connect_source_task_source_record_poll_total{connector=\"c\",task=\"0\"}");
    assert_eq!(total, Some(2.0), "totals forget nothing");
}

#[tokio::test(start_paused = true)]
async fn time_is_shared_among_the_states() {
    let metrics = Metrics::default();
    let task = metrics.start_task(&id("c", 0));
    advance(Duration::from_secs(1)).await;
    task.state(State::Running);
    advance(Duration::from_secs(2)).await;
    task.state(State::Paused);
    task.state(State::Paused);
    advance(Duration::from_secs(1)).await;
    let page = metrics.page(&snapshot("sink", &[(0, "PAUSED")]));
    let share =
        |name| value(&page, &format!("kafka_connect_connector_task_{name}_ratio{{connector=\"c\",task=\"0\"}}"));
    assert_eq!((share("running"), share("pause")), (Some(0.5), Some(0.25)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_tasks_numbers_stay_and_a_deleted_ones_go() {
    let metrics = Metrics::default();
    metrics.start_task(&id("c", 0)).read(3);
    metrics.start_task(&id("c", 1)).read(3);
    metrics.task(&id("c", 0)).unwrap().state(State::Running);
    metrics.task(&id("c", 0)).unwrap().state(State::Failed);
    metrics.task_startup_failed();
    metrics.task(&id("c", 1)).unwrap().state(State::Unassigned);
    let page = metrics.page(&snapshot("sink", &[(0, "FAILED")]));
    assert_eq!(value(&page, "kafka_connect_sink_task_sink_record_read_total{connector=\"c\",task=\"0\"}"), Some(3.0));
    assert_eq!(value(&page, "kafka_connect_worker_connector_failed_task_count{connector=\"c\"}"), Some(1.0));
    assert_eq!(value(&page, "kafka_connect_worker_task_startup_failure_percentage"), Some(0.5));
    assert!(metrics.task(&id("c", 0)).is_some());
    assert!(metrics.task(&id("c", 1)).is_none(), "nobody shows it any more");
    assert_eq!(metrics.start_task(&id("c", 0)).sink.read.total(), 0, "a new run counts anew");
}

#[test]
fn a_page_groups_samples_and_escapes_labels() {
    let mut page = text::Page::default();
    page.add("a", "First", text::Kind::Counter, &[("l", "x\"y\\z\n")], 1.5);
    page.add("b", "Second", text::Kind::Gauge, &[], f64::NAN);
    page.add("a", "First", text::Kind::Counter, &[("l", "2")], f64::INFINITY);
    assert_eq!(
        page.finish(),
        "# HELP a First\n# TYPE a counter\na{l=\"x\\\"y\\\\z\\n\"} 1.5\na{l=\"2\"} +Inf\n\
         # HELP b Second\n# TYPE b gauge\nb NaN\n"
    );
}
