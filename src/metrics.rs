//! What the worker counts, and how it shows it: Kafka Connect's metrics, in Prometheus' text format.
//!
//! Kafka Connect has its numbers in MBeans such as `kafka.connect:type=sink-task-metrics,connector="c",task="0"`; the
//! rules with which people export them to Prometheus make `kafka_connect_sink_task_put_batch_avg_time_ms` of that, with
//! the labels `connector` and `task`. `GET /metrics` answers with those names, so that dashboards and alerts stay.
//!
//! A task counts for itself, by its [`TaskMetrics`]: atomics alone, a few a batch and none a record. States are never
//! counted: they are read from the live connectors and tasks when somebody asks.

mod rebalances;
mod report;
mod stats;
mod task;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use report::{ConnectorState, Snapshot};
pub use task::TaskMetrics;

use crate::task::TaskId;
use rebalances::Rebalances;
use stats::Clock;

/// All numbers of a worker.
pub struct Metrics {
    clock: Clock,
    tasks: Mutex<BTreeMap<TaskId, Arc<TaskMetrics>>>,
    connector_startups: Startups,
    task_startups: Arc<Startups>,
    rebalances: Rebalances,
}

/// How starts ended.
#[derive(Debug, Default)]
struct Startups {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Startups {
    fn add(&self, succeeded: bool) {
        let counter = if succeeded { &self.succeeded } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Metrics {
    /// With Kafka's defaults: two windows of 30 s.
    fn default() -> Self {
        Self::new(Duration::from_secs(30), 2)
    }
}

impl Metrics {
    /// No numbers yet. Averages, maxima and rates look back over `samples` windows (`metrics.num.samples`) of the
    /// length `window` (`metrics.sample.window.ms`).
    pub fn new(window: Duration, samples: usize) -> Self {
        let clock = Clock::new(window, samples);
        Self {
            rebalances: Rebalances::new(&clock),
            clock,
            tasks: Mutex::default(),
            connector_startups: Startups::default(),
            task_startups: Arc::default(),
        }
    }

    /// The numbers of a task that starts now, all zero. They are shown until the task starts again or its connector
    /// is gone; those of a failed task stay.
    pub fn start_task(&self, id: &TaskId) -> Arc<TaskMetrics> {
        let metrics = Arc::new(TaskMetrics::new(self.clock.clone(), Arc::clone(&self.task_startups)));
        self.lock().insert(id.clone(), Arc::clone(&metrics));
        metrics
    }

    /// A connector was started, or failed to.
    pub fn connector_startup(&self, succeeded: bool) {
        self.connector_startups.add(succeeded);
    }

    /// A task could not even be started. One that was started counts by its own numbers.
    pub fn task_startup_failed(&self) {
        self.task_startups.add(false);
    }

    /// The worker begins to find out with its group who runs what.
    pub fn rebalance_begun(&self) {
        self.rebalances.begin();
    }

    /// The worker knows what it runs in this generation of its group.
    pub fn rebalance_completed(&self, generation: i32) {
        self.rebalances.complete(generation);
    }

    /// The numbers of a task of this worker.
    pub fn task(&self, id: &TaskId) -> Option<Arc<TaskMetrics>> {
        self.lock().get(id).cloned()
    }

    /// Forgets the tasks that are not here any more.
    fn retain(&self, here: &BTreeSet<TaskId>) {
        self.lock().retain(|id, metrics| here.contains(id) || Arc::strong_count(metrics) > 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Arc<TaskMetrics>>> {
        // The map is whole after each step, so a panic elsewhere cannot have broken it.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
