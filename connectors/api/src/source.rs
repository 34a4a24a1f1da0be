//! What a source is.
//!
//! The calls of a task come one at a time: `start`, then any number of `poll` and `committed`, then `stop`.
//! `poll` MUST be cancel-safe: when its future is dropped, no record that it would have returned may be lost.

use std::sync::Arc;

use async_trait::async_trait;

use crate::config::Props;
use crate::connector::{Connector, TaskContext};
use crate::error::Result;
use crate::value::Data;

/// A source partition or a source offset: string keys, primitive values, as stored on the offset topic.
pub type SourceMap = indexmap::IndexMap<String, crate::value::Value>;

/// A source partition and the offset that a user wants stored for it; `None` where the request says null. An offset
/// of `None` removes what is stored.
pub type AlterableOffset = (Option<SourceMap>, Option<SourceMap>);

/// Whether a source can take part in exactly-once delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "org.apache.kafka.connect.source.ExactlyOnceSupport")]
pub enum ExactlyOnceSupport {
    /// Its offsets say exactly where to go on.
    Supported,
    /// It may read something twice or not at all.
    Unsupported,
}

/// A source connector: its contract, and its tasks.
pub trait SourceConnector: Connector {
    /// A task, not yet started.
    fn new_task(&self) -> Box<dyn SourceTask>;

    /// Whether the connector, configured so, can deliver exactly once; `None` if it does not say.
    fn exactly_once_support(&self, config: &Props) -> Option<ExactlyOnceSupport> {
        let _ = config;
        None
    }

    /// A check of offsets that a user wants stored; whether the connector knows that nothing else has to be altered.
    ///
    /// # Errors
    /// The first offset that cannot be, in the words of the answer.
    fn alter_offsets(&self, config: &Props, offsets: &[AlterableOffset]) -> Result<bool> {
        let _ = (config, offsets);
        Ok(false)
    }
}

/// A header of a record that a source made.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Name of the header.
    pub name: Arc<str>,
    /// What it holds.
    pub value: Data,
}

/// A record on its way to Kafka.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.source.SourceRecord")]
pub struct SourceRecord {
    /// What the record was read from.
    pub source_partition: Arc<SourceMap>,
    /// Where to go on after this record.
    pub source_offset: SourceMap,
    /// The topic to which it goes.
    pub topic: Arc<str>,
    /// The Kafka partition; `None` leaves it to the producer.
    pub partition: Option<i32>,
    /// The key.
    pub key: Data,
    /// The value.
    pub value: Data,
    /// Milliseconds since the epoch; `None` leaves it to the producer.
    pub timestamp: Option<i64>,
    /// Headers, in order.
    pub headers: Vec<Header>,
}

/// Reads the offsets that earlier runs of a connector stored.
#[async_trait]
pub trait OffsetReader: Send + Sync {
    /// The offset stored for a partition.
    ///
    /// # Errors
    /// Retriable if the store cannot be read now.
    async fn offset(&self, partition: &SourceMap) -> Result<Option<SourceMap>>;
}

/// A running source; see the [module](self) for the rules.
#[async_trait]
pub trait SourceTask: Send {
    /// Reads the configuration, finds its place.
    async fn start(&mut self, context: TaskContext, offsets: Arc<dyn OffsetReader>, config: &Props) -> Result<()>;

    /// The next records; waits for some, and may return none after a while.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>>;

    /// All records up to the latest stored offsets are in Kafka, and the offsets are stored.
    async fn committed(&mut self) -> Result<()> {
        Ok(())
    }

    /// The end; releases what the task holds.
    async fn stop(&mut self) {}
}
