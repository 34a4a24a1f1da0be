//! What the worker remembers: configs, offsets and statuses, in Connect's own formats.
//!
//! Each store is a pure state that log records are applied to, and a [`Log`] that keeps them: on a Kafka topic, in a
//! file, or in memory. A state holds what was read from its log and nothing else, so that a worker sees its own
//! writes and those of others in one order.

mod config_log;
mod config_records;
mod config_store;
mod file;
mod java_map;
mod json;
mod memory;
mod offset_log;
mod offset_store;
mod status_log;
mod status_store;
mod tail;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{ConnectError, Result};

use crate::config::{Mode, TopicSpec, WorkerConfig};

pub use config_log::{ConfigChange, ConfigState};
pub use config_records::{ConfigRecord, RestartRequest, SessionKey};
pub use config_store::ConfigStore;
pub use file::FileLog;
pub use memory::MemoryLog;
pub use offset_log::{OffsetState, to_source_map};
pub use offset_store::OffsetStore;
pub use status_log::{Status, StatusKey, StatusState, TopicUse};
pub use status_store::StatusStore;

/// A record of a log, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Offset in its partition.
    pub offset: i64,
    /// The key; records without one are skipped by every store.
    pub key: Vec<u8>,
    /// The value; `None` for a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A key and its new value, to be written.
pub type LogEntry = (Vec<u8>, Option<Vec<u8>>);

/// A compacted log of keys and values.
///
/// Both reading calls are cancel-safe: records that a dropped call had read come with the next one.
#[async_trait]
pub trait Log: Send {
    /// What writes to this log; cheap to clone, usable beside a reader.
    fn writer(&self) -> Arc<dyn LogWriter>;

    /// Reads everything up to the end that the log has when the call starts; the first call reads from the beginning.
    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>>;

    /// Waits for records beyond those that were read.
    async fn next(&mut self) -> Result<Vec<LogRecord>>;
}

/// Writes to a log.
#[async_trait]
pub trait LogWriter: Send + Sync {
    /// Appends entries in order; returns when they are durable.
    ///
    /// # Errors
    /// Retriable when the log cannot be reached in time. Some entries may have been written then.
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()>;
}

/// Which of the worker's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InternalTopic {
    /// `config.storage.topic`.
    Config,
    /// `offset.storage.topic`.
    Offset,
    /// `status.storage.topic`.
    Status,
}

/// The three stores of a worker.
pub struct Stores {
    /// Connector and task configurations; owned by the herder.
    pub config: ConfigStore,
    /// Source offsets.
    pub offsets: Arc<OffsetStore>,
    /// Statuses and used topics.
    pub statuses: Arc<StatusStore>,
}

impl Stores {
    /// Stores that forget everything when the process ends.
    ///
    /// # Errors
    /// None; the signature is that of the stores that read something first.
    pub async fn open_memory() -> Result<Self> {
        let memory = || Box::new(MemoryLog::new());
        Self::from_logs(memory(), memory(), memory(), true).await
    }

    /// The stores that a worker's configuration asks for. `open_log` opens a topic; a standalone worker has none. Topics
    /// are opened side by side.
    ///
    /// # Errors
    /// A log that cannot be opened or read.
    pub async fn open<F, O>(worker: &WorkerConfig, open_log: F) -> Result<Self>
    where
        F: Fn(InternalTopic, TopicSpec) -> O,
        O: Future<Output = Result<Box<dyn Log>>>,
    {
        let memory = || Box::new(MemoryLog::new());
        let track = worker.topic_tracking;
        match (worker.mode, &worker.topics, &worker.offsets_file) {
            (Mode::Distributed, Some(topics), _) => {
                let (config, offsets, statuses) = tokio::try_join!(
                    open_log(InternalTopic::Config, topics.config.clone()),
                    open_log(InternalTopic::Offset, topics.offset.clone()),
                    open_log(InternalTopic::Status, topics.status.clone()),
                )?;
                Self::from_logs(config, offsets, statuses, track).await
            }
            (Mode::Standalone, _, Some(path)) => {
                let offsets = FileLog::open(path).await?;
                Self::from_logs(memory(), Box::new(offsets), memory(), track).await
            }
            _ => Err(ConnectError::config("the worker has neither internal topics nor an offsets file")),
        }
    }

    /// Stores on these logs; `track` says whether the topics that connectors use are recorded.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub async fn from_logs(
        config: Box<dyn Log>,
        offsets: Box<dyn Log>,
        statuses: Box<dyn Log>,
        track: bool,
    ) -> Result<Self> {
        let (config, offsets, statuses) = tokio::try_join!(
            ConfigStore::open(config),
            OffsetStore::open(offsets),
            StatusStore::open(statuses, track),
        )?;
        Ok(Self { config, offsets: Arc::new(offsets), statuses: Arc::new(statuses) })
    }
}
