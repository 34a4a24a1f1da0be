//! A file of lines.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use longshore_test_servers::unique;
use serde_json::{Value, json};

use super::{Arrival, Destination, PATIENCE};
use crate::lab::Lab;
use crate::quote::{Roll, number_of};
use crate::topic::Topic;
use crate::worker::Side;

/// The file; a line is a record.
#[derive(Debug)]
pub(super) struct Lines(PathBuf);

impl Lines {
    /// A file that is not there yet.
    pub(super) fn new(lab: &Lab) -> Self {
        Self(lab.folder().join(unique("quotes")))
    }

    fn size(&self) -> Result<u64> {
        match fs::metadata(&self.0) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error).context("the file cannot be looked at"),
        }
    }
}

impl Destination for Lines {
    fn connector_config(&self, _: Side, _: &Topic) -> Value {
        json!({ "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "file": self.0 })
    }

    /// The file is asked for its size, and read only when it stops growing.
    fn wait_for(&self, records: u64) -> Result<Arrival> {
        /// A file that has not grown for so long may be complete.
        const STILL: Duration = Duration::from_millis(25);
        let end = Instant::now() + PATIENCE;
        let (mut first, mut size, mut grown) = (None, 0, Instant::now());
        let mut lines = LineCount::default();
        loop {
            let now = Instant::now();
            let size_now = self.size()?;
            if size_now > size {
                first = first.or(Some(now));
                (size, grown) = (size_now, now);
            } else if let Some(first) = first.filter(|_| now - grown >= STILL) {
                if lines.bytes < size {
                    lines.read_on(&self.0)?;
                }
                // More may have come while the lines were read: then the last one is yet to be seen.
                if lines.count >= records && lines.bytes == size {
                    return Ok(Arrival { first, last: grown });
                }
            }
            ensure!(now < end, "only {} of {records} lines arrived in {PATIENCE:?}", lines.count);
            sleep(Duration::from_millis(1));
        }
    }

    fn check(&self, records: u64) -> Result<()> {
        let mut roll = Roll::of(records)?;
        let (mut reader, mut line) = (BufReader::with_capacity(1 << 20, File::open(&self.0)?), Vec::new());
        while reader.read_until(b'\n', &mut line)? > 0 {
            let number = number_of(&line);
            roll.note(number.with_context(|| format!("an odd line: {}", String::from_utf8_lossy(&line)))?)?;
            line.clear();
        }
        roll.close()
    }

    fn clear(&self) -> Result<()> {
        fs::remove_file(&self.0).context("the file cannot be removed")
    }
}

/// The lines of a file that grows, each read once.
#[derive(Debug, Default)]
struct LineCount {
    bytes: u64,
    count: u64,
}

impl LineCount {
    fn read_on(&mut self, path: &Path) -> Result<()> {
        let mut file = File::open(path)?;
        let _position = file.seek(SeekFrom::Start(self.bytes))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.bytes += read as u64;
            self.count += buffer.iter().take(read).filter(|byte| **byte == b'\n').count() as u64;
        }
    }
}
