//! Bytes that moved out of memory, to a temporary file without a name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use longshore_api::{ConnectError, Result};

/// A temporary file, which is made when something is first written to it.
#[derive(Default)]
pub(crate) struct Spill {
    file: Option<File>,
    length: usize,
}

impl Spill {
    /// Bytes in the file.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Appends bytes: all of them or, as far as anybody can see, none.
    ///
    /// # Errors
    /// Kind Fatal: the file cannot be made or written.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile().map_err(failed)?),
        };
        // A read, or an append that failed half way, has left the file somewhere else.
        file.seek(SeekFrom::Start(self.length as u64)).and_then(|_| file.write_all(bytes)).map_err(failed)?;
        self.length += bytes.len();
        Ok(())
    }

    /// Appends `length` bytes from `start` on to `out`.
    ///
    /// # Errors
    /// Kind Fatal: they cannot be read.
    pub(crate) fn read(&mut self, start: usize, length: usize, out: &mut Vec<u8>) -> Result<()> {
        let Some(file) = self.file.as_mut().filter(|_| length > 0) else { return Ok(()) };
        let before = out.len();
        out.reserve(length);
        let mut read = || {
            file.seek(SeekFrom::Start(start as u64))?;
            file.take(length as u64).read_to_end(out)
        };
        read().map_err(failed)?;
        if out.len() - before == length { Ok(()) } else { Err(ConnectError::fatal("a temporary file has lost bytes")) }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn failed(error: std::io::Error) -> ConnectError {
    let folder = std::env::temp_dir();
    ConnectError::fatal(format!(
        "a temporary file in {} for what exceeds longshore.buffer.memory failed: {error}",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Spill {
        /// One to whose file nothing can be written.
        pub(crate) fn read_only() -> Self {
            let named = tempfile::NamedTempFile::new().unwrap();
            Self { file: Some(File::open(named.path()).unwrap()), length: 0 }
        }
    }

    #[test]
    fn what_an_append_left_half_written_is_written_over() {
        let mut spill = Spill::default();
        spill.append(b"one").unwrap();
        spill.file.as_mut().unwrap().write_all(b"half of it").unwrap();
        spill.append(b"two").unwrap();
        let mut read = Vec::new();
        spill.read(0, 3, &mut read).unwrap();
        spill.append(b"three").unwrap();
        spill.read(3, spill.len() - 3, &mut read).unwrap();
        assert_eq!(read, b"onetwothree");
    }
}
