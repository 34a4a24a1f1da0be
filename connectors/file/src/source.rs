//! The source: a file's lines as records.

mod input;
mod lines;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use longshore_api::source::{AlterableOffset, ExactlyOnceSupport};
use longshore_api::{
    ConfigDef, ConnectError, Connector, Data, OffsetReader, Props, Result, Schema, SourceConnector, SourceMap,
    SourceRecord, SourceTask, TaskContext, Type, Value,
};

use crate::config::{self, BATCH_SIZE, TOPIC};
use input::Input;
use lines::Lines;

/// Member of a source partition: the file as configured.
const FILENAME: &str = "filename";
/// Member of a source offset: bytes up to the end of the record's line.
const POSITION: &str = "position";

/// How long to wait before looking again for a file that is not there.
const MISSING_WAIT: Duration = Duration::from_secs(1);
/// How long to wait at the end of the file before looking for more.
const END_WAIT: Duration = Duration::from_millis(200);

/// Reads a file's lines, and those that are added to it.
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSourceConnector")]
pub struct FileSource;

#[async_trait]
impl Connector for FileSource {
    fn class(&self) -> &'static str {
        "org.apache.kafka.connect.file.FileStreamSourceConnector"
    }

    fn task_class(&self) -> &'static str {
        "org.apache.kafka.connect.file.FileStreamSourceTask"
    }

    fn version(&self) -> &'static str {
        crate::VERSION
    }

    fn config_def(&self) -> &ConfigDef {
        &config::SOURCE
    }

    /// One task whatever `tasks.max` says: a file has one reader.
    fn task_configs(&self, config: &Props, _max_tasks: usize) -> Result<Vec<Props>> {
        Ok(vec![config.clone()])
    }
}

impl SourceConnector for FileSource {
    fn new_task(&self) -> Box<dyn SourceTask> {
        Box::new(FileSourceTask::default())
    }

    fn exactly_once_support(&self, config: &Props) -> Option<ExactlyOnceSupport> {
        let parsed = config::SOURCE.parse(config).ok()?;
        Some(match config::file(&parsed) {
            Some(_) => ExactlyOnceSupport::Supported,
            None => ExactlyOnceSupport::Unsupported,
        })
    }

    fn alter_offsets(&self, config: &Props, offsets: &[AlterableOffset]) -> Result<bool> {
        let parsed = config::SOURCE.parse(config)?;
        if config::file(&parsed).is_none() {
            return Err(ConnectError::fatal(
                "Offsets cannot be modified if the 'file' configuration is unspecified. \
                 This is because stdin is used for input and offsets are not tracked.",
            ));
        }
        offsets.iter().try_for_each(check_offset)?;
        Ok(true)
    }
}

/// Whether an offset that a user wants stored can be one. Whatever the partition is, its offset may be removed.
fn check_offset((partition, offset): &AlterableOffset) -> Result<()> {
    let Some(offset) = offset else { return Ok(()) };
    match offset.get(POSITION) {
        None => Err(ConnectError::fatal("Offset objects should either be null or contain the key 'position'")),
        Some(Value::Int64(position)) if *position < 0 => {
            Err(ConnectError::fatal("The value for the 'position' key in the offset should be a non-negative value"))
        }
        Some(Value::Int64(_)) => Ok(()),
        Some(_) => {
            Err(ConnectError::fatal("The value for the 'position' key in the offset is expected to be a Long value"))
        }
    }?;
    match partition {
        None => Err(ConnectError::fatal("Partition objects cannot be null")),
        Some(partition) if !partition.contains_key(FILENAME) => {
            Err(ConnectError::fatal("Partition objects should contain the key 'filename'"))
        }
        Some(_) => Ok(()),
    }
}

/// A running [`FileSource`].
#[derive(Default)]
pub struct FileSourceTask {
    reader: Option<Reader>,
}

struct Reader {
    context: TaskContext,
    /// `None` for the standard input.
    file: Option<String>,
    topic: Arc<str>,
    batch_size: usize,
    partition: Arc<SourceMap>,
    schema: Arc<Schema>,
    input: Option<Input>,
    lines: Lines,
    warned: bool,
}

#[async_trait]
impl SourceTask for FileSourceTask {
    async fn start(&mut self, context: TaskContext, offsets: Arc<dyn OffsetReader>, config: &Props) -> Result<()> {
        let config = config::SOURCE.parse(config)?;
        let file = config::file(&config);
        let filename = file.as_deref().map_or(Value::Null, Value::string);
        let partition = SourceMap::from_iter([(FILENAME.to_owned(), filename)]);
        let position = match file {
            Some(_) => stored_position(offsets.offset(&partition).await?)?,
            None => 0,
        };
        self.reader = Some(Reader {
            context,
            file,
            topic: config.string(TOPIC).into(),
            batch_size: usize::try_from(config.integer(BATCH_SIZE)).unwrap_or(0).max(1),
            partition: Arc::new(partition),
            schema: Arc::new(Schema::new(Type::String)),
            input: None,
            lines: Lines::new(position),
            warned: false,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        match &mut self.reader {
            Some(reader) => reader.poll().await,
            None => Err(ConnectError::fatal("the task has not been started")),
        }
    }

    async fn stop(&mut self) {
        self.reader = None;
    }
}

/// The position of a stored offset, also of one that Java has stored.
fn stored_position(offset: Option<SourceMap>) -> Result<u64> {
    match offset.as_ref().and_then(|offset| offset.get(POSITION)) {
        None | Some(Value::Null) => Ok(0),
        Some(Value::Int64(position)) => {
            u64::try_from(*position).map_err(|_| ConnectError::fatal(format!("Offset position {position} is negative")))
        }
        Some(_) => Err(ConnectError::fatal("Offset position is the incorrect type")),
    }
}

impl Reader {
    /// Cancel-safe: between taking lines and returning them nothing is waited for.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let records = self.take_lines()?;
        if !records.is_empty() {
            return Ok(records);
        }
        if self.input.is_none() && !self.open().await? {
            return Ok(Vec::new());
        }
        let Some(input) = &mut self.input else { return Ok(Vec::new()) };
        match input.read(self.lines.read_position()).await {
            Ok(chunk) if chunk.is_empty() => {
                if self.file.is_some() && input.length().is_none() {
                    // The pipe's writer has gone; the next one finds a reader again.
                    self.input = None;
                }
                self.wait(END_WAIT).await;
                Ok(Vec::new())
            }
            Ok(chunk) => {
                self.lines.push(&chunk);
                self.take_lines()
            }
            Err(error) => {
                self.input = None;
                let file = self.name();
                Err(ConnectError::retriable(format!("could not read file '{file}'"))
                    .caused_by(crate::file_error(file, &error)))
            }
        }
    }

    /// Opens the input; `false` if the file is not there, after a wait.
    async fn open(&mut self) -> Result<bool> {
        match Input::open(self.file.clone()).await {
            Ok(input) => {
                self.look_at_length(&input);
                tracing::debug!(file = self.name(), position = self.lines.read_position(), "opened for reading");
                self.input = Some(input);
                self.warned = false;
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !std::mem::replace(&mut self.warned, true) {
                    let file = self.name();
                    tracing::warn!(
                        "Couldn't find file {file} for FileStreamSourceTask, sleeping to wait for it to be created"
                    );
                }
                self.wait(MISSING_WAIT).await;
                Ok(false)
            }
            Err(error) => {
                let file = self.name();
                Err(ConnectError::fatal(format!("Error while trying to open file {file}"))
                    .caused_by(crate::file_error(file, &error)))
            }
        }
    }

    fn look_at_length(&self, input: &Input) {
        let position = self.lines.read_position();
        if let Some(length) = input.length().filter(|length| *length < position) {
            tracing::warn!(
                file = self.name(),
                length,
                position,
                "the file is shorter than the stored position; nothing is read until it has grown beyond it"
            );
        }
    }

    fn take_lines(&mut self) -> Result<Vec<SourceRecord>> {
        let mut records = Vec::new();
        let timestamp = now();
        while records.len() < self.batch_size {
            let Some(line) = self.lines.next_line().map_err(|error| {
                ConnectError::fatal(format!("file '{}': {error}", self.file.as_deref().unwrap_or("stdin")))
            })?
            else {
                break;
            };
            let position = if self.file.is_some() { Value::Int64(line.end as i64) } else { Value::Null };
            records.push(SourceRecord {
                source_partition: Arc::clone(&self.partition),
                source_offset: SourceMap::from_iter([(POSITION.to_owned(), position)]),
                topic: Arc::clone(&self.topic),
                partition: None,
                key: Data::NULL,
                value: Data::new(Arc::clone(&self.schema), Value::String(String::from_utf8_lossy(line.text).into())),
                timestamp: Some(timestamp),
                headers: Vec::new(),
            });
        }
        Ok(records)
    }

    async fn wait(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.context.cancelled.cancelled() => {}
        }
    }

    fn name(&self) -> &str {
        self.file.as_deref().unwrap_or("stdin")
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
