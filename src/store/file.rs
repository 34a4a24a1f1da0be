//! A standalone worker's offsets file, as a log.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use longshore_api::{ConnectError, Result};
use tokio::sync::Mutex;

use super::memory::MemoryLog;
use super::{Log, LogEntry, LogRecord, LogWriter, java_map};

/// More than any worker's offsets need; keeps a wrong path from filling the memory.
const MAX_BYTES: u64 = 1 << 30;

/// A log whose newest entries stand in a file, in the format of `FileOffsetBackingStore`. The file is replaced as a
/// whole at every write, so that a crash leaves the former or the new one.
pub struct FileLog {
    memory: MemoryLog,
    writer: Arc<FileWriter>,
}

struct FileWriter {
    path: PathBuf,
    entries: Arc<Mutex<Entries>>,
    memory: Arc<dyn LogWriter>,
}

type Entries = IndexMap<Vec<u8>, Vec<u8>>;

impl FileLog {
    /// Reads the file; one that is missing or empty holds nothing.
    ///
    /// # Errors
    /// A file that cannot be read, or is something else.
    pub async fn open(path: &Path) -> Result<Self> {
        let entries = load(path)?;
        let written = entries.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        let memory = MemoryLog::with(written);
        let (path, entries) = (path.to_owned(), Arc::new(Mutex::new(entries)));
        let writer = Arc::new(FileWriter { path, entries, memory: memory.writer() });
        Ok(Self { memory, writer })
    }
}

fn load(path: &Path) -> Result<Entries> {
    let failed = |why: String| ConnectError::fatal(format!("offsets file {}: {why}", path.display()));
    let mut bytes = Vec::new();
    match fs::File::open(path) {
        Ok(file) => file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(failed(error.to_string())),
    };
    if bytes.is_empty() {
        return Ok(Entries::new());
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(format!("larger than {MAX_BYTES} bytes")));
    }
    let entries = java_map::read(&bytes).map_err(failed)?;
    // Java keeps deleted offsets as nulls.
    Ok(entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}

/// Writes a new file beside the old one and puts it in its place.
fn save(path: &Path, entries: &Entries) -> io::Result<()> {
    let pairs = entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
    let bytes = java_map::write(pairs).map_err(io::Error::other)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let mut file = fs::File::create(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[async_trait]
impl LogWriter for FileWriter {
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| {
            ConnectError::retriable(format!("offsets file {} not written: {why}", self.path.display()))
        };
        let mut known = self.entries.clone().lock_owned().await;
        let path = self.path.clone();
        // The write owns the lock: it comes to its end even if nobody waits for it any more.
        let saved = tokio::task::spawn_blocking(move || {
            let mut new = known.clone();
            for (key, value) in &entries {
                match value {
                    Some(value) => _ = new.insert(key.clone(), value.clone()),
                    None => _ = new.swap_remove(key),
                }
            }
            save(&path, &new).map(|()| {
                *known = new;
                entries
            })
        });
        let entries = saved.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        self.memory.append(entries).await
    }
}

#[async_trait]
impl Log for FileLog {
    fn writer(&self) -> Arc<dyn LogWriter> {
        self.writer.clone()
    }

    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>> {
        self.memory.read_to_end().await
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        self.memory.next().await
    }
}
