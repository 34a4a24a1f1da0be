//! The life of a source task: records are polled, transformed, converted and sent; offsets follow what Kafka has acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_api::{
    ConnectError, ConnectRecord, Data, ErrorKind, RecordOrigin, Result, SourceMap, SourceRecord, SourceTask, Verdict,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::warn;

use super::acks::AckTracker;
use super::convert::Converters;
use super::errors::{Backoff, ErrorPolicy, Stage, log_failure, tolerance_exceeded};
use super::orders::{Heard, Orders};
use super::transform::Transforms;
use super::{SourceOffsets, TaskId, TopicTracker};
use crate::chain::LinkName;
use crate::kafka::ProducerRecord;
use crate::metrics::TaskMetrics;

/// What a source task needs of its producer.
#[async_trait]
pub(super) trait RecordSink: Send {
    /// Hands a record over; waits while there is no room. Its outcome comes under its sequence number. Cancel-safe: a
    /// call that is dropped has handed nothing over.
    async fn send(&mut self, record: ProducerRecord<'_>, sequence: u64) -> Result<()>;
    /// Waits for outcomes. Cancel-safe.
    async fn outcomes(&mut self) -> Vec<(u64, Result<()>)>;
}

/// Makes sure that a topic is there before the first record goes to it (KIP-158).
#[async_trait]
pub(super) trait TopicPreparer: Send {
    /// Creates the topic if it is missing and the connector asks for it.
    async fn prepare(&mut self, topic: &str) -> Result<()>;
}

/// A source task at work.
pub(super) struct SourceRun {
    /// Which task.
    pub(super) id: TaskId,
    /// What it runs; started.
    pub(super) task: Box<dyn SourceTask>,
    /// The transforms.
    pub(super) transforms: Transforms,
    /// The converters.
    pub(super) converters: Converters,
    /// What happens to bad records.
    pub(super) policy: ErrorPolicy,
    /// Where the records go.
    pub(super) producer: Box<dyn RecordSink>,
    /// Creates topics.
    pub(super) preparer: Box<dyn TopicPreparer>,
    /// Where offsets are kept.
    pub(super) offsets: Arc<dyn SourceOffsets>,
    /// Where the task counts.
    pub(super) metrics: Arc<TaskMetrics>,
    /// What the worker says.
    pub(super) orders: Orders,
    /// Told which topics the task writes to.
    pub(super) topics: Arc<dyn TopicTracker>,
    /// `offset.flush.interval.ms`.
    pub(super) commit_interval: Duration,
    /// `offset.flush.timeout.ms`.
    pub(super) commit_timeout: Duration,
}

/// Records that may wait for Kafka before polling stops.
const MAX_IN_FLIGHT: usize = 20_000;

/// A pause after a failure that Kafka may get over.
const SEND_RETRY: Duration = Duration::from_millis(100);

/// Where a record was read, and where to go on after it.
struct Place {
    partition: Arc<SourceMap>,
    offset: SourceMap,
}

/// A record that failed, and how.
struct SourceFailure<'a> {
    stage: Stage,
    class: &'a str,
    /// The transform's alias, if it was one.
    transform: Option<&'a str>,
    error: &'a ConnectError,
    /// The record; not known any more where Kafka refused it.
    record: Option<(&'a Place, &'a ConnectRecord)>,
}

/// A record's place, and what goes through the chain.
fn apart(record: SourceRecord) -> (Place, ConnectRecord) {
    let SourceRecord { source_partition, source_offset, topic, partition, key, value, timestamp, headers } = record;
    let place = Place { partition: source_partition, offset: source_offset };
    (place, ConnectRecord { topic, partition, key, value, timestamp, headers, origin: RecordOrigin::Source })
}

struct Loop {
    run: SourceRun,
    acks: AckTracker,
    known_topics: Vec<Arc<str>>,
    buffers: Buffers,
    next_commit: Instant,
}

#[derive(Default)]
struct Buffers {
    key: Vec<u8>,
    key_written: bool,
    value: Vec<u8>,
    value_written: bool,
    headers: Vec<(Arc<str>, Option<Vec<u8>>)>,
}

impl SourceRun {
    /// Runs until the worker says stop.
    ///
    /// # Errors
    /// Why the task cannot go on. The offsets of what Kafka has are stored all the same.
    pub(super) async fn run(self) -> Result<()> {
        let mut this = Loop {
            next_commit: Instant::now() + self.commit_interval,
            run: self,
            acks: AckTracker::default(),
            known_topics: Vec::new(),
            buffers: Buffers::default(),
        };
        let outcome = this.work().await;
        let closed = this.close().await;
        outcome.and(closed)
    }
}

impl Loop {
    async fn work(&mut self) -> Result<()> {
        let mut backoff = Backoff::new();
        self.run.orders.heed();
        while !self.run.orders.says_stop() {
            let polls = self.run.orders.runs() && self.acks.in_flight() < MAX_IN_FLIGHT;
            let began = Instant::now();
            tokio::select! {
                biased;
                heard = self.run.orders.changed() => {
                    if heard == Heard::Stop {
                        break;
                    }
                }
                () = sleep_until(self.next_commit) => self.store_offsets().await,
                outcomes = self.run.producer.outcomes() => self.settle(outcomes)?,
                polled = self.run.task.poll(), if polls => match polled {
                    Ok(records) => {
                        backoff = Backoff::new();
                        self.run.metrics.polled(records.len(), began.elapsed());
                        self.send_all(records).await?;
                        self.run.metrics.source_active(self.acks.in_flight());
                    }
                    Err(error) if error.kind == ErrorKind::Retriable => {
                        let pause = backoff.next(rand::random());
                        warn!(task = %self.run.id, "poll failed and is tried again in {} ms: {error}", pause.as_millis());
                        self.pause_for(pause).await;
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Waits, but no longer than until the worker says something.
    async fn pause_for(&mut self, pause: Duration) {
        let _either = timeout(pause, self.run.orders.changed()).await;
    }

    /// Sends what was polled. A stop ends it early: what is not sent has no offset and is polled again next time.
    async fn send_all(&mut self, records: Vec<SourceRecord>) -> Result<()> {
        for record in records {
            if self.run.orders.says_stop() {
                return Ok(());
            }
            let (place, mut record) = apart(record);
            if !self.transform(&place, &mut record).await? {
                if self.run.orders.says_stop() {
                    return Ok(()); // it may be a good record that had to wait
                }
                self.pass_over(place);
                continue;
            }
            self.prepare_topic(&record.topic).await?;
            if !self.convert(&place, &record).await? {
                if self.run.orders.says_stop() {
                    return Ok(()); // it may be a good record that had to wait
                }
                self.pass_over(place);
                continue;
            }
            if !self.send(&record).await? {
                return Ok(());
            }
            self.acks.sent(&place.partition, place.offset);
        }
        Ok(())
    }

    /// A record that goes nowhere on purpose: its offset counts once Kafka has all before it.
    fn pass_over(&mut self, place: Place) {
        let sequence = self.acks.sent(&place.partition, place.offset);
        self.acks.done(sequence);
    }

    /// Sends a record through the chain; false for one that is dropped, on purpose or because bad ones are tolerated, or
    /// for which there is no time because the task is to stop.
    async fn transform(&mut self, place: &Place, record: &mut ConnectRecord) -> Result<bool> {
        let refusal = match self.run.transforms.apply(record).await {
            Ok(verdict) => return Ok(verdict == Verdict::Keep),
            Err(_) if self.run.orders.says_stop() => return Ok(false),
            Err(refusal) => refusal,
        };
        let LinkName { alias, class } = self.run.transforms.name(refusal.link);
        let failure = SourceFailure {
            stage: Stage::Transformation,
            class,
            transform: Some(alias),
            error: &refusal.error,
            record: Some((place, record)),
        };
        self.failed(&failure).map(|()| false)
    }

    async fn prepare_topic(&mut self, topic: &Arc<str>) -> Result<()> {
        if self.known_topics.contains(topic) {
            return Ok(());
        }
        loop {
            match self.run.preparer.prepare(topic).await {
                Ok(()) => break,
                Err(error) if error.kind == ErrorKind::Retriable => {
                    warn!(task = %self.run.id, "topic {topic} could not be prepared and is tried again: {error}");
                    self.pause_for(SEND_RETRY).await;
                    if self.run.orders.says_stop() {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.known_topics.push(Arc::clone(topic));
        self.run.topics.active(&self.run.id, topic);
        Ok(())
    }

    /// Fills the buffers; false for a record that is not to be sent: it is dropped because bad records are tolerated,
    /// or the task is told to stop. While the converters cannot get what they need, the loop's other duties go on.
    async fn convert(&mut self, place: &Place, record: &ConnectRecord) -> Result<bool> {
        let mut backoff = Backoff::new();
        loop {
            let (stage, class, error) = match self.run.converters.write(record, &mut self.buffers) {
                Ok(()) => return Ok(true),
                Err(failed) => failed,
            };
            if error.kind == ErrorKind::Retriable {
                let supply = self.run.converters.supply();
                match self.wait_for(supply).await? {
                    None => return Ok(false),
                    Some(Ok(true)) => continue,
                    Some(Ok(false)) => {}
                    Some(Err(error)) if error.kind == ErrorKind::Retriable => {
                        let pause = backoff.next(rand::random());
                        let (id, millis) = (&self.run.id, pause.as_millis());
                        warn!(task = %id, "a record cannot be converted yet and is tried again in {millis} ms: {error}");
                        if self.wait_for(sleep(pause)).await?.is_none() {
                            return Ok(false);
                        }
                        continue;
                    }
                    Some(Err(error)) => return Err(error),
                }
            }
            let record = Some((place, record));
            return self
                .failed(&SourceFailure { stage, class, transform: None, error: &error, record })
                .map(|()| false);
        }
    }

    /// Waits for something, and goes on with the loop's other duties. `None` to stop.
    async fn wait_for<T>(&mut self, awaited: impl Future<Output = T>) -> Result<Option<T>> {
        tokio::pin!(awaited);
        loop {
            tokio::select! {
                biased;
                heard = self.run.orders.changed() => {
                    if heard == Heard::Stop {
                        return Ok(None);
                    }
                }
                () = sleep_until(self.next_commit) => self.store_offsets().await,
                outcomes = self.run.producer.outcomes() => self.settle(outcomes)?,
                awaited = &mut awaited => return Ok(Some(awaited)),
            }
        }
    }

    /// Hands what is in the buffers to the producer; false if the task is told to stop while there is no room.
    async fn send(&mut self, record: &ConnectRecord) -> Result<bool> {
        let headers: Vec<(&str, Option<&[u8]>)> =
            self.buffers.headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        let produced = ProducerRecord {
            topic: &record.topic,
            partition: record.partition,
            key: self.buffers.key_written.then_some(&self.buffers.key),
            value: self.buffers.value_written.then_some(&self.buffers.value),
            headers: &headers,
            timestamp: record.timestamp,
        };
        let sequence = self.acks.next_sequence();
        loop {
            tokio::select! {
                biased;
                sent = self.run.producer.send(produced, sequence) => {
                    let unsent = |error| ConnectError::fatal("Unrecoverable exception trying to send").caused_by(error);
                    return sent.map(|()| true).map_err(unsent);
                }
                heard = self.run.orders.changed() => {
                    if heard == Heard::Stop {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn settle(&mut self, outcomes: Vec<(u64, Result<()>)>) -> Result<()> {
        self.run.metrics.written(outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count());
        for (sequence, outcome) in outcomes {
            if let Err(error) = outcome {
                let class = "org.apache.kafka.connect.runtime.WorkerSourceTask";
                let failure =
                    SourceFailure { stage: Stage::KafkaProduce, class, transform: None, error: &error, record: None };
                self.failed(&failure).map_err(|_| {
                    ConnectError::fatal("Unrecoverable exception from producer send callback").caused_by(error)
                })?;
            }
            self.acks.done(sequence);
        }
        self.run.metrics.source_active(self.acks.in_flight());
        Ok(())
    }

    /// Reports a failed record, and says whether the task may go on without it.
    fn failed(&self, failure: &SourceFailure<'_>) -> Result<()> {
        let SourceFailure { stage, class, transform, error, record } = *failure;
        let policy = self.run.policy;
        self.run.metrics.record_failed();
        self.run.metrics.records_lost(1);
        if policy.log {
            self.run.metrics.errors_logged(1);
            let shown = record.filter(|_| policy.log_messages).map(|(place, record)| {
                format!(
                    ", where source record is = SourceRecord{{sourcePartition={:?}, sourceOffset={:?}}} topic='{}'",
                    place.partition, place.offset, record.topic
                )
            });
            log_failure(&self.run.id, stage, class, &shown.unwrap_or_default(), error);
        }
        if policy.tolerate {
            self.run.metrics.records_skipped(1);
            return Ok(());
        }
        let what = match record {
            Some((place, record)) => format!(
                "a record of {} for topic {} (source partition {:?}, offset {:?})",
                self.run.id, record.topic, place.partition, place.offset
            ),
            None => format!("a record of {}", self.run.id),
        };
        Err(tolerance_exceeded(&what, stage, transform, error))
    }

    /// Stores the offsets of what Kafka has. A failure is only logged: they are stored with the next ones.
    async fn store_offsets(&mut self) {
        self.try_store_offsets().await;
        self.next_commit = Instant::now() + self.run.commit_interval;
    }

    async fn try_store_offsets(&mut self) {
        let offsets = self.acks.take_storable();
        if !offsets.is_empty() {
            let stored = self.run.offsets.put(&self.run.id.connector, offsets.clone());
            let began = Instant::now();
            let failed = match timeout(self.run.commit_timeout, stored).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_elapsed) => Some("timed out".to_owned()),
            };
            self.run.metrics.commit(began.elapsed(), failed.is_none());
            if let Some(why) = failed {
                warn!(task = %self.run.id, "Failed to commit offsets: {why}");
                self.acks.give_back(offsets);
                return;
            }
        }
        if let Err(error) = self.run.task.committed().await {
            warn!(task = %self.run.id, "the task could not confirm a commit to its source: {error}");
        }
    }

    /// The end, good or bad: waits for what is on its way, stores its offsets, lets the task go.
    async fn close(mut self) -> Result<()> {
        let end = Instant::now() + self.run.commit_timeout;
        let mut outcome = Ok(());
        while !self.acks.is_settled() && outcome.is_ok() {
            match tokio::time::timeout_at(end, self.run.producer.outcomes()).await {
                Ok(outcomes) => outcome = self.settle(outcomes),
                Err(_elapsed) => {
                    warn!(task = %self.run.id, "stopped with {} records not yet acknowledged", self.acks.in_flight());
                    break;
                }
            }
        }
        self.store_offsets().await;
        self.run.task.stop().await;
        outcome
    }
}

impl Converters {
    /// Writes a record's headers, key and value into the buffers; headers first, as Connect does.
    fn write(&self, record: &ConnectRecord, buffers: &mut Buffers) -> Result<(), (Stage, &'static str, ConnectError)> {
        buffers.headers.clear();
        for header in &record.headers {
            let mut bytes = Vec::new();
            let written = self
                .header
                .from_connect_header(&record.topic, &header.name, &header.value, &mut bytes)
                .map_err(|error| (Stage::HeaderConverter, self.header.class(), error))?;
            buffers.headers.push((Arc::clone(&header.name), written.then_some(bytes)));
        }
        let write = |data: &Data, out: &mut Vec<u8>, converter: &Arc<dyn longshore_formats::Converter>, stage| {
            out.clear();
            let written = converter.from_connect(&record.topic, data, out);
            written.map_err(|error| (stage, converter.class(), error))
        };
        buffers.key_written = write(&record.key, &mut buffers.key, &self.key, Stage::KeyConverter)?;
        buffers.value_written = write(&record.value, &mut buffers.value, &self.value, Stage::ValueConverter)?;
        Ok(())
    }
}
