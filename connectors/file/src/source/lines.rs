//! Bytes in, lines out. Knows nothing of files.

use std::fmt;

/// The longest line, in bytes. Far more than Kafka takes in a record; it keeps a file without line ends from filling
/// the memory.
pub(super) const MAX_LINE: usize = 64 * 1024 * 1024;

/// Splits bytes into lines that end with `\n`, `\r\n` or `\r`, whatever pieces the bytes come in.
///
/// A line is held back until its end has come, and a `\r` until the byte after it has come.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line starts in the buffer.
    start: usize,
    /// Up to where the buffer is known to hold no line end.
    scanned: usize,
    /// Position of the buffer's `start` in the file.
    position: u64,
    limit: usize,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The line's bytes.
    pub(super) text: &'a [u8],
    /// Position in the file after the line's end.
    pub(super) end: u64,
}

/// A line that is longer than lines may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTooLong {
    position: u64,
    limit: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the line at byte {} is longer than {} bytes", self.position, self.limit)
    }
}

impl Lines {
    /// Lines of a file from a position on.
    pub(super) fn new(position: u64) -> Self {
        Self::with_limit(position, MAX_LINE)
    }

    pub(super) fn with_limit(position: u64, limit: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, scanned: 0, position, limit }
    }

    /// Position in the file of the next byte to push.
    pub(super) fn read_position(&self) -> u64 {
        self.position + (self.buffer.len() - self.start) as u64
    }

    /// Adds the bytes that follow.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line whose end has come.
    ///
    /// # Errors
    /// The line is too long.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, LineTooLong> {
        let found = self.buffer[self.scanned..].iter().position(|&byte| byte == b'\n' || byte == b'\r');
        let end = found.map_or(self.buffer.len(), |at| self.scanned + at);
        self.scanned = end;
        if end - self.start > self.limit {
            return Err(LineTooLong { position: self.position, limit: self.limit });
        }
        let next = match &self.buffer[end..] {
            [b'\n', ..] => end + 1,
            [b'\r', b'\n', ..] => end + 2,
            [b'\r', _, ..] => end + 1,
            _ => return Ok(None),
        };
        let start = std::mem::replace(&mut self.start, next);
        self.scanned = next;
        self.position += (next - start) as u64;
        Ok(Some(Line { text: &self.buffer[start..end], end: self.position }))
    }
}
