//! Where the bytes come from. Every read is cancel-safe.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::sync::mpsc;

/// Bytes of one read.
const CHUNK: usize = 256 * 1024;

/// A source of bytes.
pub(super) enum Input {
    /// A file on a disk, read at a position, so that a read that was given up can be done again.
    File(Arc<File>),
    /// A pipe, a terminal, the standard input: read by a thread of its own, which may have to wait for ever.
    Stream(mpsc::Receiver<io::Result<Vec<u8>>>),
}

impl Input {
    /// Opens a file; the standard input for `None`.
    pub(super) async fn open(file: Option<String>) -> io::Result<Self> {
        let Some(path) = file else { return Self::stream(|| Ok(io::stdin())) };
        tokio::task::spawn_blocking(move || {
            // Opening a pipe waits for its writer, so that is left to its thread.
            if std::fs::metadata(&path)?.is_file() {
                Ok(Input::File(Arc::new(File::open(path)?)))
            } else {
                Self::stream(move || File::open(path))
            }
        })
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Length of a file in bytes.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Input::File(file) => file.metadata().ok().map(|metadata| metadata.len()),
            Input::Stream(_) => None,
        }
    }

    /// The bytes from a position on, as many as there are at once; none at the end of what there is. A stream has no
    /// positions, it gives what comes next.
    pub(super) async fn read(&mut self, position: u64) -> io::Result<Vec<u8>> {
        match self {
            Input::File(file) => {
                let file = Arc::clone(file);
                tokio::task::spawn_blocking(move || read_at(&file, position))
                    .await
                    .unwrap_or_else(|error| Err(io::Error::other(error)))
            }
            Input::Stream(chunks) => chunks.recv().await.unwrap_or(Ok(Vec::new())),
        }
    }

    fn stream<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(1);
        std::thread::Builder::new().name("file-source".to_owned()).spawn(move || {
            let outcome = open().and_then(|mut reader| pump(&mut reader, &sender));
            if let Err(error) = outcome {
                // Nobody listens any more if the task has ended.
                let _ = sender.blocking_send(Err(error));
            }
        })?;
        Ok(Input::Stream(chunks))
    }
}

fn read_at(file: &File, position: u64) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read_at(&mut chunk, position) {
            Ok(count) => {
                chunk.truncate(count);
                return Ok(chunk);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn pump(reader: &mut impl Read, sender: &mpsc::Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) if sender.blocking_send(Ok(chunk[..count].to_vec())).is_err() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
