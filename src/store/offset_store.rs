//! The offset log with its state; shared by all source tasks.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use longshore_api::{Result, SourceMap};

use super::offset_log::OffsetState;
use super::tail::Tail;
use super::{Log, LogEntry, LogWriter};
use crate::task::SourceOffsets;

/// Source offsets. Reading first catches up with the log, so that a task goes on where another worker's left off.
pub struct OffsetStore {
    state: Arc<RwLock<OffsetState>>,
    tail: Tail,
    writer: Arc<dyn LogWriter>,
}

impl OffsetStore {
    /// Reads the log from its beginning and follows it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn open(log: Box<dyn Log>) -> Result<Self> {
        let state = Arc::<RwLock<OffsetState>>::default();
        let (reader, writer) = (state.clone(), log.writer());
        let tail = Tail::start(log, move |records| {
            let mut state = reader.write().unwrap_or_else(PoisonError::into_inner);
            records.iter().for_each(|record| state.apply(record));
        })
        .await?;
        Ok(Self { state, tail, writer })
    }

    fn state(&self) -> RwLockReadGuard<'_, OffsetState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// All partitions of a connector with their offsets.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn list(&self, connector: &str) -> Result<Vec<(SourceMap, SourceMap)>> {
        self.tail.refresh().await?;
        let to_map = super::offset_log::to_source_map;
        Ok(self.state().list(connector).map(|(partition, offset)| (to_map(partition), to_map(offset))).collect())
    }

    /// Stores offsets; `None` deletes a partition's. Of two for one partition the later counts. Returns when they are
    /// durable.
    ///
    /// # Errors
    /// Something that cannot be stored, or a log that cannot be written.
    pub async fn alter(&self, connector: &str, offsets: &[(SourceMap, Option<SourceMap>)]) -> Result<()> {
        self.tail.refresh().await?;
        let offsets = offsets.iter().map(|(partition, offset)| (partition, offset.as_ref()));
        let entries = self.state().entries(connector, offsets)?;
        self.append(entries).await
    }

    /// Deletes all offsets of a connector.
    ///
    /// # Errors
    /// A log that cannot be read or written.
    pub async fn reset(&self, connector: &str) -> Result<()> {
        self.tail.refresh().await?;
        let entries = self.state().tombstones(connector);
        self.append(entries).await
    }

    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        if entries.is_empty() { Ok(()) } else { self.writer.append(entries).await }
    }
}

#[async_trait]
impl SourceOffsets for OffsetStore {
    async fn get(&self, connector: &str, partition: &SourceMap) -> Result<Option<SourceMap>> {
        self.tail.refresh().await?;
        self.state().get(connector, partition)
    }

    async fn put(&self, connector: &str, offsets: Vec<(Arc<SourceMap>, SourceMap)>) -> Result<()> {
        let entries =
            self.state().entries(connector, offsets.iter().map(|(partition, offset)| (&**partition, Some(offset))))?;
        self.append(entries).await
    }
}
