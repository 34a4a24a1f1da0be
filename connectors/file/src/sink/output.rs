//! The file behind the sink.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use longshore_api::{ConnectError, Result, TaskContext};

use crate::file_error;

/// How long a call on a file may go on after the task was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What the writer needs of a file. Calls may block.
pub(super) trait Output: Send + Sync + 'static {
    /// What messages call it.
    fn name(&self) -> &str;

    /// Appends some of the bytes and says how many.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Has everything written to the disk.
    fn sync(&self) -> io::Result<()>;

    /// Cuts these bytes off the end, if they are what is there.
    fn cut(&self, tail: &[u8]) -> io::Result<()>;
}

/// A file that is appended to, or the standard output.
#[derive(Debug)]
pub(super) struct FileOutput {
    name: String,
    file: File,
    /// Whether it is a file on a disk; a pipe or a terminal can neither be synced nor cut.
    regular: bool,
}

impl FileOutput {
    /// Opens the file for appending, made if it is not there; the standard output for `None`.
    ///
    /// If the file ends within a line, as after a crash, the line is ended, so that the first record does not become
    /// the end of it.
    pub(super) async fn open(file: Option<String>, context: &TaskContext) -> Result<Self> {
        let name = file.clone().unwrap_or_else(|| "stdout".to_owned());
        let shown = name.clone();
        blocking(context, &name, move || Self::open_now(file, shown)).await?.map_err(|error| {
            ConnectError::fatal(format!("Couldn't find or create file '{name}' for FileStreamSinkTask"))
                .caused_by(file_error(&name, &error))
        })
    }

    fn open_now(file: Option<String>, name: String) -> io::Result<Self> {
        let file = match file {
            // Its own descriptor: the standard library's handle would look at every line.
            None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            Some(path) => open_for_append(&path)?,
        };
        let regular = file.metadata()?.is_file();
        let output = Self { name, file, regular };
        output.end_last_line();
        Ok(output)
    }

    fn end_last_line(&self) {
        if self.regular && self.read_tail(1).is_ok_and(|tail| tail != b"\n") && self.length().is_ok_and(|len| len > 0) {
            tracing::warn!(file = %self.name, "the file ends within a line; the line is ended before records are added");
            if let Err(error) = (&self.file).write_all(b"\n") {
                tracing::warn!(file = %self.name, %error, "could not end the file's last line");
            }
        }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_tail(&self, count: usize) -> io::Result<Vec<u8>> {
        let start = self.length()?.saturating_sub(count as u64);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::with_capacity(count);
        file.take(count as u64).read_to_end(&mut tail)?;
        Ok(tail)
    }
}

/// Readable too if that is allowed, so that the end of the file can be looked at.
fn open_for_append(path: &str) -> io::Result<File> {
    let special = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if !special {
        match OpenOptions::new().create(true).append(true).read(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            opened => return opened,
        }
    }
    OpenOptions::new().create(true).append(true).open(path)
}

impl Output for FileOutput {
    fn name(&self) -> &str {
        &self.name
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if self.regular { self.file.sync_data() } else { Ok(()) }
    }

    fn cut(&self, tail: &[u8]) -> io::Result<()> {
        if !self.regular || tail.is_empty() {
            return Ok(());
        }
        // Another task may have appended to the same file meanwhile; then nothing is cut.
        if self.read_tail(tail.len())? == tail {
            self.file.set_len(self.length()? - tail.len() as u64)?;
        }
        Ok(())
    }
}

/// Runs a call that may block on another thread; gives up on it some time after the task was told to stop.
pub(super) async fn blocking<T: Send + 'static>(
    context: &TaskContext,
    name: &str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let told_to_stop = async {
        context.cancelled.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        ended = tokio::task::spawn_blocking(call) => {
            ended.map_err(|error| ConnectError::fatal(format!("a call on '{name}' broke off: {error}")))
        }
        () = told_to_stop => Err(ConnectError::fatal(format!("a call on '{name}' did not end in time"))),
    }
}
