//! The life of a sink task: batches come from the consumer, are converted and put; offsets follow what is delivered.
//!
//! Everything that happens comes through one loop, so nothing here needs a lock. While a put is being tried again the
//! loop goes on listening: a stop, a pause or a revoke is answered at once, also when the target system is away.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_api::batch::Row;
use longshore_api::{BadRecord, Batch, ConnectError, ErrorKind, Origin, Positions, Result, SinkTask, TopicPartition};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tracing::warn;

use super::convert::{ConversionError, RecordPath};
use super::errors::{Backoff, ErrorHandler, Failure, Stage};
use super::orders::{Heard, Orders};
use super::positions::{self, Progress};
use super::watchdog::Activity;
use super::{TargetState, TaskId, TopicTracker};
use crate::kafka::ConsumerEvent;
use crate::metrics::TaskMetrics;

/// What a sink task needs of its consumer.
#[async_trait]
pub(super) trait Consumer: Send {
    /// The next event; `None` when there will be no more. Cancel-safe.
    async fn next(&mut self) -> Option<ConsumerEvent>;
    /// Commits positions; returns when the broker has them.
    async fn commit(&self, positions: Positions) -> Result<()>;
    /// Stops fetching, for all partitions, also those to come.
    fn pause(&self);
    /// Goes on fetching.
    fn resume(&self);
    /// Gives a batch's memory back.
    fn recycle(&self, batch: Batch);
    /// Leaves the group.
    async fn close(self: Box<Self>);
}

/// A sink task at work.
pub(super) struct SinkRun {
    /// Which task.
    pub(super) id: TaskId,
    /// What it runs; started.
    pub(super) task: Box<dyn SinkTask>,
    /// The converters.
    pub(super) path: RecordPath,
    /// What happens to bad records.
    pub(super) errors: ErrorHandler,
    /// Where the records come from.
    pub(super) consumer: Box<dyn Consumer>,
    /// Where the calls into the task are noted.
    pub(super) activity: Arc<Activity>,
    /// Where the task counts.
    pub(super) metrics: Arc<TaskMetrics>,
    /// What the worker says.
    pub(super) orders: Orders,
    /// Told which topics the task reads.
    pub(super) topics: Arc<dyn TopicTracker>,
    /// `offset.flush.interval.ms`.
    pub(super) commit_interval: Duration,
    /// `offset.flush.timeout.ms`.
    pub(super) commit_timeout: Duration,
}

/// How often a task without records gets an empty put.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// How many batches may wait behind the one in work before the task stops fetching; as many again may be on their way.
const MOST_WAITING: usize = 2;

#[derive(Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Stop,
}

struct Loop {
    run: SinkRun,
    progress: Progress,
    /// Batches that came and are not begun.
    waiting: VecDeque<Batch>,
    /// Nothing is fetched until what is here is worked off.
    held: bool,
    known_topics: Vec<Arc<str>>,
    next_commit: Instant,
    /// Commits so far, which numbers them.
    commits: u64,
}

/// A batch of which some records are taken.
struct Current {
    batch: Arc<Batch>,
    from: usize,
}

impl SinkRun {
    /// Runs until the worker says stop.
    ///
    /// # Errors
    /// Why the task cannot go on. What was delivered until then is committed.
    pub(super) async fn run(self) -> Result<()> {
        let mut this = Loop {
            next_commit: Instant::now() + self.commit_interval,
            run: self,
            progress: Progress::default(),
            waiting: VecDeque::new(),
            held: false,
            known_topics: Vec::new(),
            commits: 0,
        };
        let outcome = this.work().await;
        let closed = this.close().await;
        outcome.and(closed)
    }
}

impl Loop {
    async fn work(&mut self) -> Result<()> {
        let mut idle = interval_at(Instant::now() + IDLE_INTERVAL, IDLE_INTERVAL);
        idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first = self.run.orders.heed();
        if self.obey(first) == Flow::Stop {
            return Ok(());
        }
        loop {
            if let Some(batch) = self.waiting.pop_front() {
                if self.batch(batch).await? == Flow::Stop {
                    return Ok(());
                }
                continue;
            }
            self.release();
            tokio::select! {
                biased;
                heard = self.run.orders.changed() => {
                    if self.obey(heard) == Flow::Stop {
                        return Ok(());
                    }
                }
                () = sleep_until(self.next_commit) => self.commit().await?,
                event = self.run.consumer.next() => {
                    idle.reset();
                    self.event(event, None).await?;
                }
                _ = idle.tick(), if self.run.task.wants_idle_puts() => self.put_nothing().await?,
            }
        }
    }

    fn obey(&mut self, heard: Heard) -> Flow {
        match heard {
            Heard::Stop => return Flow::Stop,
            Heard::Target(TargetState::Started) if !self.held => self.run.consumer.resume(),
            Heard::Target(TargetState::Started) | Heard::Nothing => {}
            Heard::Target(_) => self.run.consumer.pause(),
        }
        Flow::GoOn
    }

    /// Stops fetching until nothing is in hand any more: what comes meanwhile would only fill memory.
    fn hold(&mut self) {
        if !std::mem::replace(&mut self.held, true) {
            self.run.consumer.pause();
        }
    }

    /// Goes on fetching, if the task is to run at all.
    fn release(&mut self) {
        if std::mem::take(&mut self.held) && self.run.orders.runs() {
            self.run.consumer.resume();
        }
    }

    /// Handles what the consumer says. `current` is the batch that is being put, if any.
    async fn event(&mut self, event: Option<ConsumerEvent>, current: Option<&mut Current>) -> Result<()> {
        match event {
            None => return Err(ConnectError::fatal("the consumer ended without a word")),
            Some(ConsumerEvent::Failed(error)) => return Err(error),
            Some(ConsumerEvent::Batch(batch)) => {
                self.run.metrics.read(batch.row_count());
                self.waiting.push_back(batch);
                if self.waiting.len() >= MOST_WAITING {
                    self.hold();
                }
            }
            Some(ConsumerEvent::Assigned(start)) => {
                let partitions: Vec<TopicPartition> = start.keys().cloned().collect();
                self.progress.assign(&start);
                self.run.metrics.assigned(self.progress.partitions());
                self.run.metrics.committed(&start);
                if !partitions.is_empty() {
                    self.run.task.open(&partitions).await?;
                }
            }
            // Nothing here asks for a seek.
            Some(ConsumerEvent::Rewound(_)) => {}
            Some(ConsumerEvent::Revoked { partitions, lost, done }) => {
                self.drop_records_of(&partitions, current);
                if !lost {
                    self.commit().await?;
                }
                self.run.task.close(&partitions).await?;
                self.progress.revoke(&partitions);
                self.run.metrics.assigned(self.progress.partitions());
                // Nobody listens any more if the consumer's patience ended; then the partitions are gone already.
                let _gone = done.send(());
            }
        }
        Ok(())
    }

    /// Forgets what waits of partitions that go: whoever gets them reads it again. It must not be counted later
    /// either: should the partition come back, it starts again at what was committed.
    fn drop_records_of(&mut self, partitions: &[TopicPartition], current: Option<&mut Current>) {
        for batch in &mut self.waiting {
            remove_rows_of(batch, partitions);
        }
        if let Some(current) = current {
            self.account_for(current);
            let before = current.batch.records().take(current.from);
            let gone = before.filter(|record| is_of(&current.batch, record.row(), partitions)).count();
            current.from -= gone;
            let mut batch = Arc::unwrap_or_clone(std::mem::take(&mut current.batch));
            remove_rows_of(&mut batch, partitions);
            current.batch = Arc::new(batch);
        }
    }

    async fn batch(&mut self, batch: Batch) -> Result<Flow> {
        self.note_topics(&batch);
        let Some(mut batch) = self.read(batch).await? else { return Ok(Flow::Stop) };
        let failed = self.run.path.convert(&mut batch).await;
        if !failed.is_empty() && self.run.orders.says_stop() {
            return Ok(Flow::Stop); // they may be good records that had to wait; they are read again
        }
        self.report_conversions(&batch, failed).await?;
        self.run.metrics.reached(positions::ranges(&batch, batch.rows()));
        let mut current = Current { batch: Arc::new(batch), from: 0 };
        let outcome = self.put(&mut current).await;
        self.account_for(&current);
        if let Ok(mut batch) = Arc::try_unwrap(current.batch) {
            // By the thread that made the values: another one would give each piece of memory back under a lock.
            batch.forget_data();
            self.run.consumer.recycle(batch);
        }
        outcome
    }

    /// Has a batch read by the converters. While they cannot get what they need, the loop's other duties go on, and
    /// the batch waits where a revoke finds it. `None` to stop.
    async fn read(&mut self, mut batch: Batch) -> Result<Option<Batch>> {
        let mut backoff = Backoff::new();
        while !self.run.path.read(&mut batch) {
            self.waiting.push_front(batch);
            let supply = self.run.path.converters().supply();
            let Some(supplied) = self.wait_for(supply, None).await? else { return Ok(None) };
            if let Err(error) = &supplied {
                if error.kind != ErrorKind::Retriable {
                    return Err(unrecoverable(error.clone()));
                }
                let pause = backoff.next(rand::random());
                let (id, millis) = (&self.run.id, pause.as_millis());
                warn!(task = %id, "records cannot be converted yet and are tried again in {millis} ms: {error}");
                self.hold();
                if self.wait_for(sleep(pause), None).await?.is_none() {
                    return Ok(None);
                }
            }
            batch = self.waiting.pop_front().unwrap_or_default();
            if matches!(supplied, Ok(false)) {
                break;
            }
        }
        Ok(Some(batch))
    }

    /// Counts what is taken of a batch, and what was dropped before and between.
    fn account_for(&mut self, current: &Current) {
        let taken = rows_before(current);
        self.progress.took(&current.batch, &current.batch.rows()[..taken]);
    }

    /// Puts a batch until all of it is taken. While the sink cannot take it, the loop's other duties go on.
    async fn put(&mut self, current: &mut Current) -> Result<Flow> {
        let mut backoff = Backoff::new();
        while current.from < current.batch.len() {
            let busy = self.run.activity.begin("put", Some(&current.batch));
            let began = Instant::now();
            let put = self.run.task.put(&current.batch, current.from).await;
            drop(busy);
            self.run.metrics.put(put.as_ref().map_or(0, |outcome| outcome.taken), began.elapsed());
            let failed = match put {
                Ok(outcome) => {
                    if outcome.taken > 0 {
                        backoff = Backoff::new();
                    }
                    current.from += outcome.taken;
                    self.report_bad(outcome.bad).await?;
                    outcome.retry
                }
                Err(error) if error.kind == ErrorKind::Retriable => Some(error),
                Err(error) => return Err(unrecoverable(error)),
            };
            if current.from >= current.batch.len() {
                break;
            }
            let pause = backoff.next(rand::random());
            self.run.metrics.retried();
            if let Some(error) = &failed {
                warn!(task = %self.run.id, "put failed and is tried again in {} ms: {error}", pause.as_millis());
            }
            self.hold();
            if self.wait(pause, current).await? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::GoOn)
    }

    /// Waits between two tries of a put, and goes on listening.
    async fn wait(&mut self, pause: Duration, current: &mut Current) -> Result<Flow> {
        let waited = self.wait_for(sleep(pause), Some(current)).await?;
        Ok(waited.map_or(Flow::Stop, |()| Flow::GoOn))
    }

    /// Waits for something, and goes on listening. `current` is the batch that is being put, if any. `None` to stop.
    async fn wait_for<T>(
        &mut self,
        awaited: impl Future<Output = T>,
        mut current: Option<&mut Current>,
    ) -> Result<Option<T>> {
        tokio::pin!(awaited);
        loop {
            tokio::select! {
                biased;
                heard = self.run.orders.changed() => {
                    if self.obey(heard) == Flow::Stop {
                        return Ok(None);
                    }
                }
                () = sleep_until(self.next_commit) => {
                    if let Some(current) = current.as_deref() {
                        self.account_for(current);
                    }
                    self.commit().await?;
                }
                event = self.run.consumer.next() => self.event(event, current.as_deref_mut()).await?,
                awaited = &mut awaited => return Ok(Some(awaited)),
            }
        }
    }

    async fn put_nothing(&mut self) -> Result<()> {
        let busy = self.run.activity.begin("put", None);
        let put = self.run.task.put(&Arc::new(Batch::default()), 0).await;
        drop(busy);
        match put {
            Ok(outcome) => self.report_bad(outcome.bad).await,
            Err(error) if error.kind == ErrorKind::Retriable => {
                warn!(task = %self.run.id, "put failed and will be tried again: {error}");
                Ok(())
            }
            Err(error) => Err(unrecoverable(error)),
        }
    }

    /// Commits what the sink says is delivered. Failures that may go away are only logged: the offsets follow later.
    async fn commit(&mut self) -> Result<()> {
        let committed = self.try_commit().await;
        // From the end on: a commit that takes longer than the interval must not keep events waiting.
        self.next_commit = Instant::now() + self.run.commit_interval;
        committed
    }

    async fn try_commit(&mut self) -> Result<()> {
        let taken = self.progress.taken();
        if self.progress.to_commit(&longshore_api::Delivered::up_to(taken.clone())).is_empty() {
            return Ok(());
        }
        let busy = self.run.activity.begin("flush", None);
        let flushed = self.run.task.flush(&taken).await;
        drop(busy);
        let outcome = match flushed {
            Ok(outcome) => outcome,
            Err(error) if error.kind == ErrorKind::Retriable => {
                warn!(task = %self.run.id, "flush failed and will be tried again, nothing was committed: {error}");
                return Ok(());
            }
            Err(error) => return Err(unrecoverable(error)),
        };
        self.report_bad(outcome.bad).await?;
        self.run.errors.flush().await?;
        let positions = self.progress.to_commit(&outcome.delivered);
        if positions.is_empty() {
            return Ok(());
        }
        self.commits += 1;
        self.run.metrics.commit_begun(self.commits);
        let began = Instant::now();
        let committed = timeout(self.run.commit_timeout, self.run.consumer.commit(positions.clone())).await;
        self.run.metrics.commit(began.elapsed(), matches!(committed, Ok(Ok(()))));
        match committed {
            Ok(Ok(())) => {
                self.progress.committed(&positions);
                self.run.metrics.committed(&positions);
            }
            Ok(Err(error)) => warn!(task = %self.run.id, "Commit of offsets threw an unexpected exception: {error}"),
            Err(_elapsed) => warn!(task = %self.run.id, "Commit of offsets timed out"),
        }
        Ok(())
    }

    /// The end, good or bad: what is delivered is committed, then the task and the group are left.
    async fn close(mut self) -> Result<()> {
        let committed = self.commit().await;
        let partitions = self.progress.partitions();
        let closed = if partitions.is_empty() { Ok(()) } else { self.run.task.close(&partitions).await };
        self.run.task.stop().await;
        self.run.consumer.close().await;
        committed.and(closed)
    }

    fn note_topics(&mut self, batch: &Batch) {
        for topic in batch.topics() {
            if !self.known_topics.contains(topic) {
                self.known_topics.push(Arc::clone(topic));
                self.run.topics.active(&self.run.id, topic);
            }
        }
    }

    async fn report_conversions(&mut self, batch: &Batch, failed: Vec<ConversionError>) -> Result<()> {
        for failed in failed {
            let row = &batch.rows()[failed.row as usize];
            let ConversionError { stage, class, transform, error, .. } = &failed;
            let transform = transform.as_deref();
            let failure = Failure { batch, row, stage: *stage, class, transform, error };
            self.run.errors.handle(&failure).await?;
        }
        Ok(())
    }

    async fn report_bad(&mut self, bad: Vec<BadRecord>) -> Result<()> {
        let mut bad = bad.into_iter();
        while let Some(first) = bad.next() {
            if let Err(error) = self.report_one(&first).await {
                for unreported in std::iter::once(first).chain(bad) {
                    let row = unreported.batch.record(unreported.index).row();
                    self.progress.stop_at(&unreported.batch, row);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn report_one(&mut self, bad: &BadRecord) -> Result<()> {
        let (stage, class) = match bad.origin {
            Origin::Sink => (Stage::TaskPut, "org.apache.kafka.connect.sink.SinkTask"),
            Origin::Converter(part) => (Stage::converter_of(part), self.run.path.converters().class(part)),
        };
        let row = bad.batch.record(bad.index).row();
        let failure = Failure { batch: &bad.batch, row, stage, class, transform: None, error: &bad.error };
        self.run.errors.handle(&failure).await
    }
}

fn unrecoverable(error: ConnectError) -> ConnectError {
    let message = "Exiting WorkerSinkTask due to unrecoverable exception.";
    ConnectError::fatal(message).caused_by(error)
}

/// How many rows are accounted for when the records before `from` are taken.
fn rows_before(current: &Current) -> usize {
    if current.from < current.batch.len() {
        current.batch.record(current.from).row_index()
    } else {
        current.batch.row_count()
    }
}

fn remove_rows_of(batch: &mut Batch, partitions: &[TopicPartition]) {
    batch.retain_rows(|batch, row| !is_of(batch, row, partitions));
}

fn is_of(batch: &Batch, row: &Row, partitions: &[TopicPartition]) -> bool {
    let topic = &batch.topics()[usize::from(row.topic)];
    partitions.iter().any(|one| one.partition == row.partition && one.topic == *topic)
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
