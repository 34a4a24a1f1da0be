//! What a sink is.
//!
//! The key words MUST, SHOULD and MAY are those of RFC 2119.
//!
//! A task lives on one async task of the worker. Its calls come one at a time, in this order:
//! `start`, then any number of `open`, `put`, `flush` and `close`, then `stop`.
//!
//! * `put` MUST either take records (and later account for each of them: written, or reported as bad) or not take
//!   them. It MAY return before what it took is durable.
//! * `flush` MUST return only positions before which every record that it took is durable or reported.
//! * An error of kind [`Retriable`](crate::ErrorKind::Retriable) means that nothing of the call happened that calling
//!   again would harm; the worker waits and calls again with what was not taken.
//! * Any other error ends the task; what was not delivered is read again after a restart.
//! * Every call MUST end in bounded time without progress of the target system; long waits watch
//!   [`TaskContext::cancelled`].

use std::sync::Arc;

use async_trait::async_trait;

use crate::batch::Batch;
use crate::connector::{Connector, TaskContext};
use crate::error::{ConnectError, Result};
use crate::position::{Delivered, Positions, TopicPartition};

/// A sink connector: its contract, and its tasks.
pub trait SinkConnector: Connector {
    /// A task, not yet started.
    fn new_task(&self) -> Box<dyn SinkTask>;

    /// A check of offsets that a user wants stored, `None` to remove one; whether the connector knows that nothing
    /// else has to be altered.
    ///
    /// # Errors
    /// The first offset that cannot be, in the words of the answer.
    fn alter_offsets(&self, config: &crate::config::Props, offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        let _ = (config, offsets);
        Ok(false)
    }
}

/// A part of a record, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Part {
    Key,
    Value,
}

/// Where a bad record went wrong, which decides the stage under which it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the sink itself: stage TASK_PUT.
    Sink,
    /// The bytes are not what the converter promises: stage KEY_CONVERTER or VALUE_CONVERTER. Reported by tasks that
    /// check JSON as they read it.
    Converter(Part),
}

/// A record that a sink could not write though it can write others.
#[derive(Debug)]
pub struct BadRecord {
    /// The batch in which the record came.
    pub batch: Arc<Batch>,
    /// Its index in that batch.
    pub index: usize,
    /// Where it went wrong.
    pub origin: Origin,
    /// Why.
    pub error: ConnectError,
}

/// What became of a `put`.
#[derive(Debug, Default)]
pub struct PutOutcome {
    /// How many records were taken, from the one at `from` on. Bad ones count as taken.
    pub taken: usize,
    /// Records that cannot be written, of this batch or of an earlier one.
    pub bad: Vec<BadRecord>,
    /// Why not all were taken; kind Retriable. The worker waits before it calls with the rest.
    pub retry: Option<ConnectError>,
}

impl PutOutcome {
    /// All `count` records were taken, none is bad.
    pub fn all(count: usize) -> Self {
        Self { taken: count, ..Self::default() }
    }
}

/// A running sink; see the [module](self) for the rules.
#[async_trait]
pub trait SinkTask: Send {
    /// Whether the task reads JSON payloads itself and reports malformed ones with [`Origin::Converter`]; then the
    /// converter leaves them unchecked, which saves a pass over every record.
    fn checks_json(&self) -> bool {
        false
    }

    /// Whether the task looks at [`Record::headers`](crate::Record::headers) or
    /// [`raw_headers`](crate::Record::raw_headers); otherwise headers are neither read nor converted, and a header that
    /// its converter cannot read goes unnoticed.
    fn reads_headers(&self) -> bool {
        false
    }

    /// Whether the task wants to be called with an empty batch now and then while nothing comes in. Asked again before
    /// each such call: a task that has nothing left to do says no, and costs nothing while it waits.
    fn wants_idle_puts(&self) -> bool {
        true
    }

    /// Reads the configuration, connects.
    async fn start(&mut self, context: TaskContext, config: &crate::config::Props) -> Result<()>;

    /// Partitions come to this task. Never called with none.
    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let _ = partitions;
        Ok(())
    }

    /// Takes the batch's records from index `from` on, all or some. Called with an empty batch when nothing comes in,
    /// so that a task can act on time ([`wants_idle_puts`](Self::wants_idle_puts)).
    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome>;

    /// Makes durable what was taken, and says up to where. `taken` are the positions after all that was taken or
    /// dropped; a task whose records are all durable returns just these.
    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome>;

    /// Partitions go, after a flush (unless they were lost). State kept for them is dropped.
    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let _ = partitions;
        Ok(())
    }

    /// The end; releases what the task holds.
    async fn stop(&mut self) {}
}

/// What became of a `flush`.
#[derive(Debug, Default)]
pub struct FlushOutcome {
    /// Up to where every record is accounted for.
    pub delivered: Delivered,
    /// Records found to be unwritable since the last call.
    pub bad: Vec<BadRecord>,
}

impl FlushOutcome {
    /// All that was taken is durable.
    pub fn all(taken: &Positions) -> Self {
        Self { delivered: Delivered::up_to(taken.clone()), bad: Vec::new() }
    }
}
