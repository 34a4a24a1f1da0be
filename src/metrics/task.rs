//! What a task counts of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use longshore_api::{Positions, TopicPartition};

use super::Startups;
use super::stats::{Clock, Meter, Reading, Shares, Windowed};
use crate::task::State;

/// The numbers of one run of a task. Every method may be called from anywhere and never waits; call them once a batch,
/// not once a record.
#[derive(Debug)]
pub struct TaskMetrics {
    pub(super) shares: Shares,
    /// The worker's count of starts, and whether this one stands in it.
    startups: Arc<Startups>,
    started: AtomicBool,
    pub(super) batch_size: Windowed,
    pub(super) commit_time: Windowed,
    /// 1 for a commit that succeeded, 0 for one that failed.
    pub(super) commit_success: Windowed,
    pub(super) sink: SinkNumbers,
    pub(super) source: SourceNumbers,
    pub(super) errors: ErrorNumbers,
}

#[derive(Debug)]
pub(super) struct SinkNumbers {
    pub(super) read: Meter,
    pub(super) sent: Meter,
    pub(super) put_time: Windowed,
    pub(super) active_seen: Windowed,
    pub(super) commits: Meter,
    pub(super) commits_skipped: Meter,
    pub(super) commit_sequence: AtomicU64,
    /// The partitions that are assigned. Written when partitions come or go, otherwise only read.
    partitions: RwLock<BTreeMap<TopicPartition, Arc<Reading>>>,
    ends: Ends,
}

/// Says where a partition ends, if the task's consumer knows it.
#[derive(Default)]
struct Ends(OnceLock<Box<AskForEnd>>);

type AskForEnd = dyn Fn(&TopicPartition) -> Option<i64> + Send + Sync;

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ends")
    }
}

impl SinkNumbers {
    /// The partitions that the task reads, each with the records that are still to be read if that is known.
    pub(super) fn lags(&self) -> Vec<(TopicPartition, Option<i64>)> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone();
        let end = |partition: &TopicPartition| self.ends.0.get().and_then(|end| end(partition));
        let lag = |(partition, reading): (TopicPartition, Arc<Reading>)| {
            let lag = reading.lag(end(&partition));
            (partition, lag)
        };
        partitions.into_iter().map(lag).collect()
    }

    /// Records that were read and are not committed.
    pub(super) fn active(&self) -> u64 {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.values().map(|reading| reading.active()).sum()
    }
}

#[derive(Debug)]
pub(super) struct SourceNumbers {
    pub(super) polled: Meter,
    pub(super) written: Meter,
    pub(super) poll_time: Windowed,
    pub(super) active: AtomicU64,
    pub(super) active_seen: Windowed,
    pub(super) transaction_size: Windowed,
}

#[derive(Debug, Default)]
pub(super) struct ErrorNumbers {
    pub(super) failures: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) logged: AtomicU64,
    pub(super) dead_letters: AtomicU64,
    pub(super) dead_letters_failed: AtomicU64,
    pub(super) last: AtomicI64,
}

impl TaskMetrics {
    pub(super) fn new(clock: Clock, startups: Arc<Startups>) -> Self {
        let windowed = || Windowed::new(&clock);
        let meter = || Meter::new(&clock);
        Self {
            shares: Shares::new(&clock),
            startups,
            started: AtomicBool::new(false),
            batch_size: windowed(),
            commit_time: windowed(),
            commit_success: windowed(),
            sink: SinkNumbers {
                read: meter(),
                sent: meter(),
                put_time: windowed(),
                active_seen: windowed(),
                commits: meter(),
                commits_skipped: meter(),
                commit_sequence: AtomicU64::new(0),
                partitions: RwLock::default(),
                ends: Ends::default(),
            },
            source: SourceNumbers {
                polled: meter(),
                written: meter(),
                poll_time: windowed(),
                active: AtomicU64::new(0),
                active_seen: windowed(),
                transaction_size: windowed(),
            },
            errors: ErrorNumbers::default(),
        }
    }

    /// The task is in this state from now on (`running-ratio`, `pause-ratio`). The first time that it runs, or fails
    /// without having run, its start is counted (`task-startup-*`).
    pub fn state(&self, state: State) {
        self.shares.enter(state == State::Running, state == State::Paused);
        if matches!(state, State::Running | State::Failed) && !self.started.swap(true, Relaxed) {
            self.startups.add(state == State::Running);
        }
    }

    /// Offsets were committed, or could not be, within this time (`offset-commit-*`).
    pub fn commit(&self, time: Duration, succeeded: bool) {
        self.commit_success.record(u64::from(succeeded));
        if succeeded {
            self.commit_time.record_time(time);
            self.sink.commits.add(1);
        }
    }

    /// A sink began a commit; they are numbered (`offset-commit-seq-no`).
    pub fn commit_begun(&self, sequence: u64) {
        self.sink.commit_sequence.store(sequence, Relaxed);
    }

    /// The outcome of a commit came after a later one's (`offset-commit-skip-*`).
    pub fn commit_skipped(&self) {
        self.sink.commits_skipped.add(1);
    }

    /// A sink got a batch of its consumer (`sink-record-read-*`, `batch-size-*`).
    pub fn read(&self, records: usize) {
        self.sink.read.add(records as u64);
        self.batch_size.record(records as u64);
    }

    /// A sink's put took these records within this time (`sink-record-send-*`, `put-batch-*-time-ms`). Records that
    /// converters or transforms dropped are not among them.
    pub fn put(&self, records: usize, time: Duration) {
        self.sink.sent.add(records as u64);
        self.sink.put_time.record_time(time);
    }

    /// A sink has these partitions from now on (`partition-count`, lag).
    pub fn assigned(&self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut known = self.sink.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *known);
        known.extend(partitions.into_iter().map(|partition| {
            let reading = before.get(&partition).cloned().unwrap_or_default();
            (partition, reading)
        }));
    }

    /// How a sink's consumer says where a partition ends (its high watermark). Asked whenever somebody looks.
    pub fn ends_by(&self, ends: impl Fn(&TopicPartition) -> Option<i64> + Send + Sync + 'static) {
        // A task has one consumer.
        self.sink.ends.0.set(Box::new(ends)).ok();
    }

    /// A sink has read the records of each of these partitions from the first offset up to before the next one. Nothing
    /// of a partition that is not assigned is kept.
    pub fn reached(&self, ranges: impl IntoIterator<Item = (TopicPartition, i64, i64)>) {
        for (partition, first, next) in ranges {
            self.of_partition(&partition, |reading| {
                reading.position.fetch_max(next, Relaxed);
                // Where nothing was committed, counting begins with the first record.
                reading.committed.compare_exchange(-1, first, Relaxed, Relaxed).ok();
            });
        }
        self.sink.active_seen.record(self.sink.active());
    }

    /// The broker has these positions for a sink; negative ones say that it has none.
    pub fn committed(&self, positions: &Positions) {
        for (partition, offset) in positions.iter().filter(|(_, offset)| **offset >= 0) {
            self.of_partition(partition, |reading| {
                reading.position.fetch_max(*offset, Relaxed);
                reading.committed.store(*offset, Relaxed);
            });
        }
        self.sink.active_seen.record(self.sink.active());
    }

    fn of_partition(&self, partition: &TopicPartition, note: impl Fn(&Reading)) {
        let known = self.sink.partitions.read().unwrap_or_else(PoisonError::into_inner);
        known.get(partition).into_iter().for_each(|reading| note(reading));
    }

    /// A source's poll gave these records within this time (`source-record-poll-*`, `poll-batch-*-time-ms`,
    /// `batch-size-*`).
    pub fn polled(&self, records: usize, time: Duration) {
        self.source.polled.add(records as u64);
        self.source.poll_time.record_time(time);
        self.batch_size.record(records as u64);
    }

    /// Kafka has acknowledged so many of a source's records (`source-record-write-*`).
    pub fn written(&self, records: usize) {
        self.source.written.add(records as u64);
    }

    /// So many of a source's records were polled and are not acknowledged yet (`source-record-active-count*`).
    pub fn source_active(&self, records: usize) {
        self.source.active.store(records as u64, Relaxed);
        self.source.active_seen.record(records as u64);
    }

    /// A source's transaction of so many records was committed (`transaction-size-*`).
    pub fn transaction(&self, records: usize) {
        self.source.transaction_size.record(records as u64);
    }

    /// An attempt to convert, transform, put or send a record failed (`total-record-failures`).
    pub fn record_failed(&self) {
        self.errors.failures.fetch_add(1, Relaxed);
        self.errors.last.store(jiff::Timestamp::now().as_millisecond(), Relaxed);
    }

    /// Records failed for good (`total-record-errors`).
    pub fn records_lost(&self, records: usize) {
        self.errors.errors.fetch_add(records as u64, Relaxed);
    }

    /// Records were left out because failures are tolerated (`total-records-skipped`).
    pub fn records_skipped(&self, records: usize) {
        self.errors.skipped.fetch_add(records as u64, Relaxed);
    }

    /// Something is tried again (`total-retries`).
    pub fn retried(&self) {
        self.errors.retries.fetch_add(1, Relaxed);
    }

    /// Failures were written to the log (`total-errors-logged`).
    pub fn errors_logged(&self, count: usize) {
        self.errors.logged.fetch_add(count as u64, Relaxed);
    }

    /// Records were handed to the dead letter queue (`deadletterqueue-produce-requests`).
    pub fn dead_letters(&self, records: usize) {
        self.errors.dead_letters.fetch_add(records as u64, Relaxed);
    }

    /// Records could not be written to the dead letter queue (`deadletterqueue-produce-failures`).
    pub fn dead_letters_failed(&self, records: usize) {
        self.errors.dead_letters_failed.fetch_add(records as u64, Relaxed);
    }
}
