//! A log in memory: for workers that need not remember, and for tests.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use longshore_api::Result;
use tokio::sync::Notify;

use super::{Log, LogEntry, LogRecord, LogWriter};

/// A log that holds what was written until its one reader has read it.
#[derive(Debug, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    unread: Mutex<Unread>,
    written: Notify,
}

#[derive(Debug, Default)]
struct Unread {
    next_offset: i64,
    records: VecDeque<LogRecord>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log in which these entries were written before.
    pub fn with(entries: impl IntoIterator<Item = LogEntry>) -> Self {
        let log = Self::new();
        log.shared.push(entries);
        log
    }
}

impl Shared {
    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entries: impl IntoIterator<Item = LogEntry>) {
        let mut unread = self.unread();
        for (key, value) in entries {
            let offset = unread.next_offset;
            unread.next_offset += 1;
            unread.records.push_back(LogRecord { offset, key, value });
        }
        drop(unread);
        self.written.notify_one();
    }

    fn take(&self) -> Vec<LogRecord> {
        self.unread().records.drain(..).collect()
    }
}

#[async_trait]
impl LogWriter for Shared {
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        self.push(entries);
        Ok(())
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn writer(&self) -> Arc<dyn LogWriter> {
        self.shared.clone()
    }

    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>> {
        Ok(self.shared.take())
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        loop {
            let mut written = pin!(self.shared.written.notified());
            written.as_mut().enable();
            let records = self.shared.take();
            if !records.is_empty() {
                return Ok(records);
            }
            written.await;
        }
    }
}
