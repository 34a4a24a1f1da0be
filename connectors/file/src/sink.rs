//! The sink: each value's text and a line end, appended to a file.

mod output;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{
    BadRecord, Batch, ConfigDef, ConnectError, Connector, ErrorKind, FlushOutcome, Origin, Part, Payload, Positions,
    Props, PutOutcome, Record, Result, SinkConnector, SinkTask, TaskContext, TopicPartition,
};
use longshore_formats::json;

use crate::config;
use output::FileOutput;
use text::Printer;
use writer::Writer;

/// The connector's class name.
const CLASS: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";

/// Bytes that are gathered before a write: large enough that the system call's cost is lost in the copy.
const CHUNK: usize = 256 * 1024;

/// Writes a topic's values to a file, a line each.
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSinkConnector")]
pub struct FileSink;

#[async_trait]
impl Connector for FileSink {
    fn class(&self) -> &'static str {
        CLASS
    }

    fn task_class(&self) -> &'static str {
        "org.apache.kafka.connect.file.FileStreamSinkTask"
    }

    fn version(&self) -> &'static str {
        crate::VERSION
    }

    fn config_def(&self) -> &ConfigDef {
        &config::SINK
    }
}

impl SinkConnector for FileSink {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(FileSinkTask::default())
    }

    fn alter_offsets(&self, _config: &Props, _offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        Ok(true)
    }
}

/// A running [`FileSink`].
///
/// * `put` writes what it took to the operating system; `flush` has it written to the disk (`fdatasync`) before it
///   says that it is delivered. Connect commits after the bytes have reached the operating system; after a power cut
///   its offsets may be ahead of the file. One sync a commit interval is what the stronger promise costs.
/// * A full disk (or quota) is retriable: what could not be written waits in memory, is written first when the worker
///   calls again, and goes on exactly where the last write stopped. So no line is lost, torn or written twice.
/// * Any other failed write, and any failed sync, ends the task: after one the system may have dropped pages that it
///   had accepted, so only reading the records again makes sure that they are written. A line of which a part was
///   written is cut off first.
#[derive(Default)]
pub struct FileSinkTask {
    writer: Option<Writer<FileOutput>>,
    printer: Printer,
}

fn not_started() -> ConnectError {
    ConnectError::fatal("the task has not been started")
}

#[async_trait]
impl SinkTask for FileSinkTask {
    fn checks_json(&self) -> bool {
        true
    }

    /// Only what a full disk has kept from being written has to be tried again.
    fn wants_idle_puts(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.len() > 0)
    }

    async fn start(&mut self, context: TaskContext, config: &Props) -> Result<()> {
        let config = config::SINK.parse(config)?;
        let output = FileOutput::open(config::file(&config), &context).await?;
        self.writer = Some(Writer::new(output, context));
        Ok(())
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let writer = self.writer.as_mut().ok_or_else(not_started)?;
        let mut outcome = PutOutcome::default();
        // First what an earlier call left behind.
        let mut written = writer.write_out().await;
        while written.is_ok() && from + outcome.taken < batch.len() {
            outcome.taken += fill(writer, &mut self.printer, batch, from + outcome.taken, &mut outcome.bad);
            written = writer.write_out().await;
        }
        match written {
            Ok(()) => Ok(outcome),
            Err(error) if error.kind == ErrorKind::Retriable => Ok(PutOutcome { retry: Some(error), ..outcome }),
            Err(error) => Err(error),
        }
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        let writer = self.writer.as_mut().ok_or_else(not_started)?;
        writer.write_out().await?;
        writer.sync().await?;
        Ok(FlushOutcome::all(taken))
    }

    async fn stop(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            writer.cut_torn_line();
        }
    }
}

/// Adds the lines of the records from `from` on until the writer holds a chunk; says how many records it took.
fn fill(
    writer: &mut Writer<FileOutput>,
    printer: &mut Printer,
    batch: &Arc<Batch>,
    from: usize,
    bad: &mut Vec<BadRecord>,
) -> usize {
    let mut index = from;
    while index < batch.len() && writer.len() < CHUNK {
        if let Err((part, error)) = line(writer, printer, batch.record(index)) {
            bad.push(BadRecord { batch: Arc::clone(batch), index, origin: Origin::Converter(part), error });
        }
        index += 1;
    }
    index - from
}

/// Adds a record's line. The key is not printed, but has to be one that its converter takes.
fn line(
    writer: &mut Writer<FileOutput>,
    printer: &mut Printer,
    record: Record<'_>,
) -> std::result::Result<(), (Part, ConnectError)> {
    if let Payload::Json(key) = record.key() {
        json::check(key).map_err(|error| (Part::Key, error))?;
    }
    writer.line(|buffer| printer.print(buffer, record.value())).map_err(|error| (Part::Value, error))
}
