//! Watches over a task's calls into its connector: one that does not come back is told of, and let go at a stop.
//!
//! A call may hold its thread, so that nothing inside the task can look at the clock. What the task does is therefore
//! noted where [`supervise`](super::supervise) sees it: once a call, which is once a batch.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longshore_api::{Batch, TopicPartition};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::TaskId;

/// What a task does right now, as others see it.
#[derive(Default)]
pub(super) struct Activity(Mutex<Now>);

#[derive(Default)]
struct Now {
    call: Option<Call>,
    /// Leaves the consumer group, whatever the task does.
    leave: Option<Box<dyn Fn() + Send>>,
}

struct Call {
    what: &'static str,
    batch: Option<Arc<Batch>>,
    since: Instant,
    /// For how long it had run when that was told.
    told: Option<Duration>,
}

/// A call that has run for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stuck {
    what: &'static str,
    since: Duration,
    partitions: BTreeSet<TopicPartition>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} ms", self.what, self.since.as_millis())?;
        for (number, partition) in self.partitions.iter().enumerate() {
            f.write_str(if number == 0 { ", with records of " } else { ", " })?;
            partition.fmt(f)?;
        }
        Ok(())
    }
}

/// A call under way; it is over when this is dropped.
pub(super) struct Busy<'a>(&'a Activity);

impl Activity {
    /// A call begins; `batch` is what it works on.
    pub(super) fn begin(&self, what: &'static str, batch: Option<&Arc<Batch>>) -> Busy<'_> {
        let call = Call { what, batch: batch.cloned(), since: Instant::now(), told: None };
        self.now().call = Some(call);
        Busy(self)
    }

    /// How the task leaves its consumer group when it cannot do so itself.
    pub(super) fn leave_by(&self, leave: impl Fn() + Send + 'static) {
        self.now().leave = Some(Box::new(leave));
    }

    /// The call under way, if it has run for `threshold` or, once that was told, for twice as long as then.
    fn overdue(&self, threshold: Duration, now: Instant) -> Option<Stuck> {
        let mut state = self.now();
        let call = state.call.as_mut()?;
        let since = now.saturating_duration_since(call.since);
        if since < call.told.map_or(threshold, |told| told.saturating_mul(2)) {
            return None;
        }
        call.told = Some(since);
        Some(call.stuck(since))
    }

    /// The task is given up: its partitions go to whoever takes its place. Says what it does instead of stopping.
    pub(super) fn abandon(&self) -> Option<Stuck> {
        let state = self.now();
        if let Some(leave) = &state.leave {
            leave();
        }
        state.call.as_ref().map(|call| call.stuck(call.since.elapsed()))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Each change is one assignment, so a panic elsewhere cannot have broken it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    fn stuck(&self, since: Duration) -> Stuck {
        let rows = self.batch.iter().flat_map(|batch| batch.rows().iter().map(move |row| (batch, row)));
        let partitions = rows.map(|(batch, row)| TopicPartition {
            topic: Arc::clone(&batch.topics()[usize::from(row.topic)]),
            partition: row.partition,
        });
        Stuck { what: self.what, since, partitions: partitions.collect() }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let call = self.0.now().call.take();
        if let Some(call) = call.filter(|call| call.told.is_some()) {
            info!("{} has come back after {} ms", call.what, call.since.elapsed().as_millis());
        }
    }
}

/// Tells of calls that run for longer than `threshold`, again each time that has doubled. Never ends.
pub(super) async fn watch(id: &TaskId, activity: &Activity, threshold: Duration) {
    if threshold.is_zero() {
        return std::future::pending().await;
    }
    let mut ticks = interval(threshold / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(stuck) = activity.overdue(threshold, Instant::now()) {
            warn!("task {id} is in {stuck}");
        }
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::{BatchBuilder, RowParts};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn batch(rows: &[(&str, i32)]) -> Arc<Batch> {
        let mut builder = BatchBuilder::default();
        for (topic, partition) in rows {
            let topic = builder.topic_index(&Arc::from(*topic));
            builder.push(topic, RowParts { partition: *partition, ..RowParts::default() });
        }
        Arc::new(builder.finish())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_told_of_when_it_is_too_long_and_whenever_that_has_doubled() {
        let (activity, start) = (Activity::default(), Instant::now());
        let batch = batch(&[("t", 1), ("t", 0), ("u", 0), ("t", 1)]);
        let busy = activity.begin("put", Some(&batch));
        let told: Vec<u64> = (0..70)
            .filter_map(|second| activity.overdue(10 * SECOND, start + SECOND * (second + 1)))
            .map(|stuck| stuck.since.as_secs())
            .collect();
        assert_eq!(told, [10, 20, 40]);
        let said = activity.abandon().unwrap().to_string();
        assert!(said.starts_with("put for ") && said.ends_with(" ms, with records of t-0, t-1, u-0"), "{said}");
        drop(busy);
        assert_eq!(activity.abandon(), None);
        assert_eq!(Arc::strong_count(&batch), 1, "the batch is its owner's again");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_come_back_are_not_told_of() {
        let (activity, start) = (Activity::default(), Instant::now());
        for _ in 0..3 {
            let _busy = activity.begin("flush", None);
            assert_eq!(activity.overdue(10 * SECOND, start + 5 * SECOND), None);
        }
        assert_eq!(activity.overdue(10 * SECOND, start + 100 * SECOND), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_given_up_leaves_its_group() {
        let activity = Activity::default();
        let (left, was_left) = std::sync::mpsc::channel();
        activity.leave_by(move || left.send(()).unwrap());
        assert_eq!(activity.abandon(), None, "it does nothing");
        was_left.recv().unwrap();
        let id = TaskId { connector: "c".into(), task: 0 };
        let never = tokio::time::timeout(100 * SECOND, watch(&id, &activity, Duration::ZERO)).await;
        assert!(never.is_err(), "a threshold of zero watches nothing");
    }
}
