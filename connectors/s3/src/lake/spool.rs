//! Objects on this machine's disk: one in a temporary file, or many of them one after the other, so that a thousand small
//! objects take one file descriptor.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use longshore_api::{ConnectError, Result};
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};

/// The error of a temporary file.
pub(super) fn temporary(error: io::Error) -> ConnectError {
    ConnectError::fatal(format!("a temporary file failed: {error}"))
}

/// A temporary file to which objects are added.
pub(super) struct Spool {
    file: Arc<File>,
    length: u64,
}

impl Spool {
    /// An empty one.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile().map_err(temporary)?), length: 0 })
    }

    /// Adds what `write` writes.
    ///
    /// # Errors
    /// Kind Fatal, or that of `write`.
    pub(super) fn add<E: From<ConnectError>>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Slice, E> {
        let start = self.length;
        let mut end = io::BufWriter::with_capacity(256 << 10, End { file: &self.file, at: start });
        write(&mut end)?;
        let end = end.into_inner().map_err(|error| temporary(error.into_error()))?.at;
        self.length = end;
        Ok(Slice { file: Arc::clone(&self.file), start, length: end - start })
    }
}

/// Writes at the end of a spool.
struct End<'a> {
    file: &'a File,
    at: u64,
}

impl Write for End<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An object in a temporary file.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl Slice {
    /// All of a file.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(super) fn whole(file: File) -> Result<Self> {
        let length = file.metadata().map_err(temporary)?.len();
        Ok(Self { file: Arc::new(file), start: 0, length })
    }

    /// Some of its bytes.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(super) fn bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.get_bytes(start, length).map_err(|error| temporary(io::Error::other(error)))
    }

    /// Reads it from its beginning.
    pub(super) fn reader(&self) -> SliceReader {
        SliceReader { slice: self.clone(), at: 0 }
    }
}

impl Length for Slice {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Slice {
    type T = BufReader<SliceReader>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(SliceReader { slice: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut bytes = Vec::new();
        SliceReader { slice: self.clone(), at: start }.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes.into())
    }
}

/// Reads an object from somewhere on.
pub(crate) struct SliceReader {
    slice: Slice,
    at: u64,
}

impl Read for SliceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.slice.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.slice.file.read_at(&mut buffer[..wanted], self.slice.start + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_in_one_file_are_read_apart() {
        let mut spool = Spool::new().unwrap();
        let mut add =
            |text: &'static [u8]| spool.add::<ConnectError>(|out| out.write_all(text).map_err(temporary)).unwrap();
        let slices = [add(b"one"), add(b""), add(b"three")];
        let texts = slices.each_ref().map(|slice| io::read_to_string(slice.reader()).unwrap());
        assert_eq!(texts, ["one", "", "three"]);
        assert_eq!(slices[2].get_bytes(1, 3).unwrap(), &b"hre"[..]);
        assert!(slices[0].get_bytes(1, 3).is_err());
    }
}
