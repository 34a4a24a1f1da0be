//! From the numbers, and the states of what runs, to the page that `GET /metrics` answers.
//!
//! Names: `kafka_connect_` and the MBean's type without `-metrics`, the worker's without `connect-`, then the attribute;
//! texts become a label of a sample that is 1. These are the rules of Strimzi's and the JMX exporter's examples.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use super::rebalances::Rebalances;
use super::stats::{Meter, Windowed};
use super::text::{Kind, Page};
use super::{Metrics, Startups, TaskMetrics};
use crate::task::TaskId;

use Kind::{Counter, Gauge};

/// The states of what runs on this worker, as its status answers show them.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// By name.
    pub connectors: BTreeMap<String, ConnectorState>,
    /// The Kafka version whose behaviour the worker has.
    pub version: &'static str,
    /// What the worker was built of.
    pub commit: &'static str,
    /// `host:port` of the worker.
    pub worker_id: String,
}

/// A connector, as far as it runs on this worker.
#[derive(Debug, Default)]
pub struct ConnectorState {
    /// State of the instance, `RUNNING` and so on; `None` if it runs elsewhere.
    pub state: Option<&'static str>,
    /// Class as it is configured.
    pub class: String,
    /// `sink`, `source` or `unknown`.
    pub kind: &'static str,
    /// Version of the plugin.
    pub version: Option<String>,
    /// State of each task that runs here, by number.
    pub tasks: BTreeMap<u32, &'static str>,
}

/// The consumers' MBeans, as the JMX exporter names them without rules.
const FETCH_MANAGER: &str = "kafka_consumer_consumer_fetch_manager_metrics";

/// The states that are counted for each connector.
const COUNTED: [&str; 6] = ["RUNNING", "PAUSED", "FAILED", "UNASSIGNED", "DESTROYED", "RESTARTING"];

impl Metrics {
    /// The page, in Prometheus' text format.
    pub fn page(&self, snapshot: &Snapshot) -> String {
        let mut page = Page::default();
        self.worker(snapshot, &mut page);
        for (name, connector) in &snapshot.connectors {
            connector_samples(name, connector, &mut page);
        }
        let ids = |(name, connector): (&String, &ConnectorState)| {
            let name = name.as_str().into();
            connector
                .tasks
                .keys()
                .map(move |task| TaskId { connector: std::sync::Arc::clone(&name), task: *task })
                .collect::<Vec<_>>()
        };
        self.retain(&snapshot.connectors.iter().flat_map(ids).collect());
        for (name, connector) in &snapshot.connectors {
            for task in connector.tasks.keys() {
                let id = TaskId { connector: name.as_str().into(), task: *task };
                if let Some(metrics) = self.task(&id) {
                    Samples { page: &mut page, id: &id, task: task.to_string() }.all(&metrics, connector.kind);
                }
            }
        }
        page.finish()
    }

    fn worker(&self, snapshot: &Snapshot, page: &mut Page) {
        let info = [("client_id", snapshot.worker_id.as_str())];
        let about = |name| [info[0], name];
        page.add(
            "kafka_connect_version_info",
            "Version of Kafka Connect",
            Gauge,
            &about(("version", snapshot.version)),
            1.0,
        );
        page.add(
            "kafka_connect_commit_id_info",
            "What the worker was built of",
            Gauge,
            &about(("commit_id", snapshot.commit)),
            1.0,
        );
        let connectors = snapshot.connectors.values().filter(|connector| connector.state.is_some()).count();
        let tasks: usize = snapshot.connectors.values().map(|connector| connector.tasks.len()).sum();
        page.add(
            "kafka_connect_worker_connector_count",
            "Connectors that run on this worker",
            Gauge,
            &[],
            connectors as f64,
        );
        page.add("kafka_connect_worker_task_count", "Tasks that run on this worker", Gauge, &[], tasks as f64);
        startups("connector", &self.connector_startups, page);
        startups("task", &self.task_startups, page);
        rebalances(&self.rebalances, page);
    }
}

/// A worker that is in no group has none.
fn rebalances(rebalances: &Rebalances, page: &mut Page) {
    let Some(seen) = rebalances.seen() else { return };
    let mut add = |name: &str, help, kind, value| {
        page.add(&format!("kafka_connect_worker_rebalance_{name}"), help, kind, &[], value);
    };
    add("epoch", "Generation of the group of workers", Gauge, seen.epoch);
    add("completed_rebalances_total", "Rebalances that this worker took part in", Counter, seen.completed);
    add("rebalancing", "Whether the worker takes part in a rebalance right now", Gauge, seen.under_way);
    add("rebalance_max_time_ms", "The longest rebalance", Gauge, seen.max_ms);
    add("rebalance_avg_time_ms", "How long rebalances took", Gauge, seen.average_ms);
    add("time_since_last_rebalance_ms", "Since the latest rebalance", Gauge, seen.since_ms);
}

fn startups(what: &str, startups: &Startups, page: &mut Page) {
    let (succeeded, failed) = (startups.succeeded.load(Relaxed) as f64, startups.failed.load(Relaxed) as f64);
    let all = succeeded + failed;
    let share = |part: f64| if all == 0.0 { 0.0 } else { part / all };
    for (name, help, kind, value) in [
        ("attempts_total", "Starts that were tried", Counter, all),
        ("success_total", "Starts that succeeded", Counter, succeeded),
        ("failure_total", "Starts that failed", Counter, failed),
        ("success_percentage", "Share of the starts that succeeded, 0 to 1", Gauge, share(succeeded)),
        ("failure_percentage", "Share of the starts that failed, 0 to 1", Gauge, share(failed)),
    ] {
        page.add(&format!("kafka_connect_worker_{what}_startup_{name}"), help, kind, &[], value);
    }
}

fn connector_samples(name: &str, connector: &ConnectorState, page: &mut Page) {
    let mut info = |metric: &str, help, label, text: &str| {
        page.add(&format!("kafka_connect_connector_{metric}"), help, Gauge, &[("connector", name), (label, text)], 1.0);
    };
    if let Some(state) = connector.state {
        info("status", "State of the connector", "status", &state.to_lowercase());
        info("connector_class", "Class of the connector", "connector_class", &connector.class);
        info("connector_type", "Sink or source", "connector_type", connector.kind);
        if let Some(version) = &connector.version {
            info("connector_version", "Version of the connector's plugin", "connector_version", version);
        }
    }
    let here = [("connector", name)];
    let total = connector.tasks.len() as f64;
    page.add(
        "kafka_connect_worker_connector_total_task_count",
        "The connector's tasks on this worker",
        Gauge,
        &here,
        total,
    );
    for state in COUNTED {
        let count = connector.tasks.values().filter(|its| **its == state).count();
        let metric = format!("kafka_connect_worker_connector_{}_task_count", state.to_lowercase());
        page.add(&metric, "The connector's tasks in this state on this worker", Gauge, &here, count as f64);
    }
    for (task, state) in &connector.tasks {
        let labels = [("connector", name), ("task", &task.to_string()), ("status", &state.to_lowercase())];
        page.add("kafka_connect_connector_task_status", "State of the task", Gauge, &labels, 1.0);
    }
}

/// Writes the samples of one task.
struct Samples<'a> {
    page: &'a mut Page,
    id: &'a TaskId,
    task: String,
}

impl Samples<'_> {
    fn all(&mut self, metrics: &TaskMetrics, kind: &str) {
        self.common(metrics);
        match kind {
            "source" => self.source(metrics),
            _ => self.sink(metrics),
        }
        self.errors(metrics);
    }

    fn add(&mut self, name: &str, help: &'static str, kind: Kind, value: f64) {
        let labels = [("connector", &*self.id.connector), ("task", self.task.as_str())];
        self.page.add(&format!("kafka_connect_{name}"), help, kind, &labels, value);
    }

    fn gauge(&mut self, name: &str, help: &'static str, value: f64) {
        self.add(name, help, Gauge, value);
    }

    fn counter(&mut self, name: &str, help: &'static str, value: u64) {
        self.add(name, help, Counter, value as f64);
    }

    fn meter(&mut self, name: &str, help: &'static str, meter: &Meter) {
        self.counter(&format!("{name}_total"), help, meter.total());
        self.gauge(&format!("{name}_rate"), help, meter.rate());
    }

    /// Times are shown in milliseconds.
    fn times(&mut self, name: &str, help: &'static str, times: &Windowed) {
        let seen = times.seen();
        self.gauge(&format!("{name}_max_time_ms"), help, seen.max() / 1e3);
        self.gauge(&format!("{name}_avg_time_ms"), help, seen.average() / 1e3);
    }

    fn sizes(&mut self, name: &str, help: &'static str, sizes: &Windowed) {
        let seen = sizes.seen();
        self.gauge(&format!("{name}_max"), help, seen.max());
        self.gauge(&format!("{name}_avg"), help, seen.average());
    }

    fn common(&mut self, metrics: &TaskMetrics) {
        self.gauge("connector_task_running_ratio", "Share of the time in which the task ran", metrics.shares.running());
        self.gauge(
            "connector_task_pause_ratio",
            "Share of the time in which the task was paused",
            metrics.shares.paused(),
        );
        self.sizes("connector_task_batch_size", "Records of a batch", &metrics.batch_size);
        self.times("connector_task_offset_commit", "How long commits of offsets took", &metrics.commit_time);
        let commits = metrics.commit_success.seen();
        let share = |part: u64| if commits.count == 0 { 0.0 } else { part as f64 / commits.count as f64 };
        let (good, bad) = (share(commits.sum), share(commits.count - commits.sum.min(commits.count)));
        self.gauge(
            "connector_task_offset_commit_success_percentage",
            "Share of the commits that succeeded, 0 to 1",
            good,
        );
        self.gauge("connector_task_offset_commit_failure_percentage", "Share of the commits that failed, 0 to 1", bad);
    }

    fn sink(&mut self, metrics: &TaskMetrics) {
        let sink = &metrics.sink;
        self.meter("sink_task_sink_record_read", "Records that the task read from Kafka", &sink.read);
        self.meter("sink_task_sink_record_send", "Records that the sink took", &sink.sent);
        self.times("sink_task_put_batch", "How long puts took", &sink.put_time);
        self.gauge("sink_task_sink_record_active_count", "Records read and not committed yet", sink.active() as f64);
        self.sizes("sink_task_sink_record_active_count", "Records read and not committed yet", &sink.active_seen);
        self.meter("sink_task_offset_commit_completion", "Commits that succeeded", &sink.commits);
        self.meter("sink_task_offset_commit_skip", "Outcomes of commits that came too late", &sink.commits_skipped);
        self.gauge(
            "sink_task_offset_commit_seq_no",
            "Number of the latest commit",
            sink.commit_sequence.load(Relaxed) as f64,
        );
        self.lag(metrics);
    }

    /// What a task has still to read: the most of one partition, and each partition's by the name of its consumer.
    fn lag(&mut self, metrics: &TaskMetrics) {
        let lags = metrics.sink.lags();
        self.gauge("sink_task_partition_count", "Partitions that the task reads", lags.len() as f64);
        let most = lags.iter().filter_map(|(_, lag)| *lag).max().map_or(f64::NAN, |lag| lag as f64);
        self.gauge("sink_task_sink_record_lag_max", "Records to be read of the partition that has most", most);
        let client = format!("connector-consumer-{}", self.id);
        let help = "Records that are still to be read, of the partition that has most";
        let name = format!("{FETCH_MANAGER}_records_lag_max");
        self.page.add(&name, help, Gauge, &[("client_id", client.as_str())], most);
        for (partition, lag) in lags {
            let Some(lag) = lag else { continue };
            let number = partition.partition.to_string();
            let labels = |id| [(id, client.as_str()), ("topic", &*partition.topic), ("partition", number.as_str())];
            let help = "Records of the partition that are still to be read";
            // By Strimzi's rules, and as the exporter names it without any.
            let short = "kafka_consumer_fetch_manager_records_lag";
            self.page.add(short, help, Gauge, &labels("clientid"), lag as f64);
            self.page.add(&format!("{FETCH_MANAGER}_records_lag"), help, Gauge, &labels("client_id"), lag as f64);
        }
    }

    fn source(&mut self, metrics: &TaskMetrics) {
        let source = &metrics.source;
        self.meter("source_task_source_record_poll", "Records that the source gave", &source.polled);
        self.meter("source_task_source_record_write", "Records that Kafka acknowledged", &source.written);
        self.times("source_task_poll_batch", "How long polls took", &source.poll_time);
        self.gauge(
            "source_task_source_record_active_count",
            "Records polled and not acknowledged yet",
            source.active.load(Relaxed) as f64,
        );
        self.sizes(
            "source_task_source_record_active_count",
            "Records polled and not acknowledged yet",
            &source.active_seen,
        );
        let sizes = source.transaction_size.seen();
        if sizes.count > 0 {
            self.sizes("source_task_transaction_size", "Records of a transaction", &source.transaction_size);
            self.gauge("source_task_transaction_size_min", "Records of a transaction", sizes.min());
        }
    }

    fn errors(&mut self, metrics: &TaskMetrics) {
        let errors = &metrics.errors;
        for (name, help, count) in [
            ("total_record_failures", "Attempts on records that failed", &errors.failures),
            ("total_record_errors", "Records that failed for good", &errors.errors),
            ("total_records_skipped", "Records left out because failures are tolerated", &errors.skipped),
            ("total_retries", "Operations that were tried again", &errors.retries),
            ("total_errors_logged", "Failures written to the log", &errors.logged),
            ("deadletterqueue_produce_requests", "Records handed to the dead letter queue", &errors.dead_letters),
            (
                "deadletterqueue_produce_failures",
                "Records that could not be written to the dead letter queue",
                &errors.dead_letters_failed,
            ),
        ] {
            self.counter(&format!("task_error_{name}"), help, count.load(Relaxed));
        }
        let last = errors.last.load(Relaxed) as f64;
        self.gauge(
            "task_error_last_error_timestamp",
            "When the last failure was, in ms since the epoch; 0 for never",
            last,
        );
    }
}
