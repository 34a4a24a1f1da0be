//! A running sink.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use longshore_api::config::Props;
use longshore_api::{
    BadRecord, Batch, ConnectError, Delivered, FlushOutcome, Positions, PutOutcome, Result, SinkTask, TaskContext,
    TopicPartition,
};

use crate::buffer::Buffer;
use crate::client::Client;
use crate::config::{self, Mode};
use crate::errors::Failure;
use crate::state::store::Store;
use crate::writer::{self, Stop, Writer};

/// A task of the sink.
#[derive(Default)]
pub(crate) struct ClickHouseSinkTask {
    running: Option<Running>,
}

struct Running {
    context: TaskContext,
    writer: Writer,
    buffer: Buffer,
    /// Whether the server has been found to be one that can be written to.
    is_ready: bool,
    /// Why the task cannot go on, where there were bad records to report first.
    failed: Option<ConnectError>,
}

/// What came of a lane's work: the bad records, and why it stopped early.
type Ended = (Vec<BadRecord>, Result<(), Stop>);

#[async_trait]
impl SinkTask for ClickHouseSinkTask {
    fn checks_json(&self) -> bool {
        true
    }

    fn wants_idle_puts(&self) -> bool {
        self.running.as_ref().is_some_and(Running::has_work)
    }

    async fn start(&mut self, context: TaskContext, props: &Props) -> Result<()> {
        let settings = Arc::new(config::check_all(props)?);
        let client = Client::new(props, context.cancelled.clone())?;
        let buffering = settings.buffering;
        let chunk_size = if settings.mode == Mode::ExactlyOnce { buffering.count } else { 0 };
        let buffer = Buffer::new(chunk_size, settings.mode == Mode::AcrossPartitions);
        let mut running =
            Running { context, writer: Writer::new(client, settings), buffer, is_ready: false, failed: None };
        match running.make_ready().await {
            Ok(()) => {}
            Err(Failure::Passing(error)) => {
                tracing::warn!(connector = %running.context.connector, task = running.context.task, "{error}");
            }
            Err(other) => return Err(other.into_error()),
        }
        self.running = Some(running);
        Ok(())
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let running = self.running.as_mut().ok_or_else(|| ConnectError::fatal("the task has not been started"))?;
        running.put(batch, from).await
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        // Collected records stay until their insert is due; their offsets wait.
        let positions = match &self.running {
            Some(running) => running.buffer.delivered(taken),
            None => Positions::new(),
        };
        Ok(FlushOutcome { delivered: Delivered::up_to(positions), bad: Vec::new() })
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        if let Some(running) = &mut self.running {
            running.buffer.forget(partitions);
            running.writer.forget(partitions);
        }
        Ok(())
    }

    async fn stop(&mut self) {
        self.running = None;
    }
}

impl Running {
    /// Finds out what the server is, and makes the table of the state.
    async fn make_ready(&mut self) -> Result<(), Failure> {
        let Writer { client, settings, .. } = &self.writer;
        writer::probe(client, settings).await?;
        if settings.mode == Mode::ExactlyOnce {
            self.writer.store = Some(Store::open(client, settings).await?);
        }
        self.is_ready = true;
        Ok(())
    }

    /// Whether time alone makes something due.
    fn has_work(&self) -> bool {
        self.failed.is_some()
            || self.buffer.is_behind()
            || (self.buffer.count() > 0 && !self.writer.settings.buffering.age.is_zero())
    }

    /// Whether the collected records are to be inserted now.
    fn is_due(&self) -> bool {
        let buffering = self.writer.settings.buffering;
        let is_full = |size: usize, limit: usize| limit > 0 && size >= limit;
        let is_old =
            || !buffering.age.is_zero() && self.buffer.since().is_some_and(|since| since.elapsed() >= buffering.age);
        self.buffer.count() > 0
            && (!buffering.is_on()
                || self.buffer.chunk_size() > 0
                || self.buffer.is_behind()
                || is_full(self.buffer.count(), buffering.count)
                || is_full(self.buffer.bytes(), buffering.bytes)
                || is_old())
    }

    /// Inserts what is due, then takes the batch, then inserts what is due by that. What could not be inserted stays
    /// in the buffer, and nothing more is taken until it has been.
    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut outcome = PutOutcome::default();
        if !self.is_ready {
            match self.make_ready().await {
                Ok(()) => {}
                Err(Failure::Passing(error)) => return Ok(PutOutcome { retry: Some(error), ..outcome }),
                Err(other) => return Err(other.into_error()),
            }
        }
        let is_over = from >= batch.len();
        if (self.buffer.is_behind() || (is_over && self.is_due()))
            && let Some(error) = self.write(&mut outcome.bad).await?
        {
            // Without records to hold back, and without bad ones to report, the error is all there is to say.
            let says_all = is_over && outcome.bad.is_empty();
            return if says_all { Err(error) } else { Ok(PutOutcome { retry: Some(error), ..outcome }) };
        }
        let now = Instant::now();
        for (index, record) in batch.records().enumerate().skip(from) {
            if record.value().is_null() {
                tracing::debug!("{}-{}@{} has no value", record.topic(), record.partition(), record.offset());
            } else {
                self.buffer.add(batch, index, now);
            }
        }
        outcome.taken = batch.len().saturating_sub(from);
        if outcome.taken > 0
            && self.is_due()
            && let Some(error) = self.write(&mut outcome.bad).await?
        {
            tracing::warn!(connector = %self.context.connector, task = self.context.task, "{error}");
        }
        Ok(outcome)
    }

    /// Inserts the buffer's chunks, several lanes at once. Gives the reason why some have to wait.
    async fn write(&mut self, bad: &mut Vec<BadRecord>) -> Result<Option<ConnectError>> {
        let (writer, size, most) = (&self.writer, self.buffer.chunk_size(), self.writer.settings.in_flight);
        let mut works: Vec<BoxFuture<'_, Ended>> = Vec::new();
        for lane in self.buffer.lanes() {
            if !lane.chunks.is_empty() {
                works.push(Box::pin(async move {
                    let mut bad = Vec::new();
                    let ended = writer.work_off(lane, size, &mut bad).await;
                    lane.stalled = matches!(ended, Err(Stop::Later(_)));
                    (bad, ended)
                }));
            }
        }
        let ended: Vec<_> = futures_util::stream::iter(works).buffer_unordered(most).collect().await;
        let (mut later, mut fatal) = (None, None);
        for (found, ended) in ended {
            bad.extend(found);
            match ended {
                Ok(()) => {}
                Err(Stop::Later(error)) => later = Some(error),
                Err(Stop::Fatal(error)) => fatal = Some(error),
            }
        }
        self.buffer.settle();
        match fatal {
            // First comes the account of the bad ones; the next call tells of this.
            Some(error) if !bad.is_empty() => {
                let text = format!("the task is about to fail: {error}");
                self.failed = Some(error);
                Ok(Some(ConnectError::retriable(text)))
            }
            Some(error) => Err(error),
            None => Ok(later),
        }
    }
}
