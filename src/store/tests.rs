mod config;
mod file;
mod golden;
mod offsets;
mod statuses;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use longshore_api::{ConnectError, Props, Result};

use super::{Log, LogEntry, LogRecord, LogWriter, MemoryLog};

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn record(offset: i64, key: &str, value: Option<&str>) -> LogRecord {
    LogRecord { offset, key: key.as_bytes().to_vec(), value: value.map(|value| value.as_bytes().to_vec()) }
}

fn read_back(entry: LogEntry) -> LogRecord {
    LogRecord { offset: 0, key: entry.0, value: entry.1 }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A log whose first writes fail, and which remembers what was written.
struct Flaky {
    log: MemoryLog,
    writer: Arc<FlakyWriter>,
}

struct FlakyWriter {
    inner: Arc<dyn LogWriter>,
    failures: AtomicUsize,
    written: std::sync::Mutex<Vec<LogEntry>>,
}

impl Flaky {
    fn new(failures: usize) -> Self {
        let log = MemoryLog::new();
        let writer = FlakyWriter { inner: log.writer(), failures: failures.into(), written: Default::default() };
        Self { log, writer: Arc::new(writer) }
    }
}

#[async_trait]
impl LogWriter for FlakyWriter {
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(ConnectError::retriable("the broker is away"));
        }
        self.written.lock().unwrap().extend(entries.clone());
        self.inner.append(entries).await
    }
}

#[async_trait]
impl Log for Flaky {
    fn writer(&self) -> Arc<dyn LogWriter> {
        self.writer.clone()
    }

    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>> {
        self.log.read_to_end().await
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        self.log.next().await
    }
}
