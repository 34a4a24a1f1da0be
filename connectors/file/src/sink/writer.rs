//! What stands between records and the file: a buffer that remembers what a failed write left behind.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use longshore_api::{ConnectError, Result, TaskContext};

use super::output::{Output, blocking};
use crate::file_error;

/// Gathers lines and writes them in large pieces.
///
/// Invariant: the bytes of `buffer` before `written` are in the file, the others are not; the buffer starts at the
/// start of a line and ends at the end of one.
pub(super) struct Writer<O> {
    output: Arc<O>,
    context: TaskContext,
    buffer: Vec<u8>,
    written: usize,
    unsynced: bool,
    broken: bool,
}

impl<O: Output> Writer<O> {
    pub(super) fn new(output: O, context: TaskContext) -> Self {
        Self { output: Arc::new(output), context, buffer: Vec::new(), written: 0, unsynced: false, broken: false }
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Adds a line: what `write` adds, and a line end. Nothing is added if it fails.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let start = self.buffer.len();
        match write(&mut self.buffer) {
            Ok(()) => self.buffer.push(b'\n'),
            Err(error) => {
                self.buffer.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Hands everything that waits to the operating system.
    ///
    /// # Errors
    /// Retriable for a full disk; the rest goes on waiting. Fatal for all else.
    pub(super) async fn write_out(&mut self) -> Result<()> {
        self.check()?;
        if self.len() == 0 {
            return Ok(());
        }
        let (output, buffer, from) = (Arc::clone(&self.output), std::mem::take(&mut self.buffer), self.written);
        // If the call is given up, what it was writing is no longer known.
        self.broken = true;
        let (buffer, written, result) = blocking(&self.context, self.output.name(), move || {
            let (written, result) = append_all(output.as_ref(), &buffer, from);
            (buffer, written, result)
        })
        .await?;
        self.broken = false;
        self.unsynced |= written > from;
        (self.buffer, self.written) = (buffer, written);
        match result {
            Ok(()) => {
                self.buffer.clear();
                self.written = 0;
                Ok(())
            }
            Err(error) => Err(self.write_failed(&error)),
        }
    }

    /// Has everything that was written brought to the disk.
    ///
    /// # Errors
    /// Fatal: after a failed sync a second one may succeed though data was lost.
    pub(super) async fn sync(&mut self) -> Result<()> {
        self.check()?;
        if !self.unsynced {
            return Ok(());
        }
        let output = Arc::clone(&self.output);
        let synced = blocking(&self.context, self.output.name(), move || output.sync()).await?;
        if let Err(error) = synced {
            self.broken = true;
            return Err(self.failed("could not bring to the disk what was written to", &error));
        }
        self.unsynced = false;
        Ok(())
    }

    /// Cuts off the written part of a line whose end did not get into the file. What was in the buffer is forgotten.
    pub(super) fn cut_torn_line(&mut self) {
        let start = self.buffer[..self.written].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if let Err(error) = self.output.cut(&self.buffer[start..self.written]) {
            tracing::warn!(file = self.output.name(), %error, "could not cut off a line that was written in part");
        }
        self.buffer.clear();
        self.written = 0;
    }

    fn write_failed(&mut self, error: &io::Error) -> ConnectError {
        if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WouldBlock) {
            return ConnectError::retriable(format!("no room to write to file '{}'", self.output.name()))
                .caused_by(file_error(self.output.name(), error));
        }
        self.broken = true;
        let failed = self.failed("could not write to", error);
        self.cut_torn_line();
        failed
    }

    fn failed(&self, what: &str, error: &io::Error) -> ConnectError {
        let name = self.output.name();
        ConnectError::fatal(format!("{what} file '{name}'")).caused_by(file_error(name, error))
    }

    fn check(&self) -> Result<()> {
        if !self.broken {
            return Ok(());
        }
        Err(ConnectError::fatal(format!("an earlier call on file '{}' failed", self.output.name())))
    }
}

/// Appends the buffer from `from` on; says up to where it got.
fn append_all(output: &impl Output, buffer: &[u8], from: usize) -> (usize, io::Result<()>) {
    let mut written = from;
    while written < buffer.len() {
        match output.append(&buffer[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
