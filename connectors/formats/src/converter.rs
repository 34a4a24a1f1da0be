//! What a converter is.

use async_trait::async_trait;
use longshore_api::{Batch, ConnectError, Data, Part, Result, Slot};

/// What the rest of a task's chain needs of schemaless JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JsonNeed {
    /// Nothing: the sink reads the text itself and reports what is malformed
    /// ([`SinkTask::checks_json`](longshore_api::SinkTask::checks_json)).
    Unchecked,
    /// Text that is known to be well formed, see [`json::check`](crate::json::check).
    #[default]
    Checked,
    /// Values: a transform looks inside.
    Decoded,
}

/// How a column is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// What is needed of schemaless JSON; converters of other formats do not look at it.
    pub json: JsonNeed,
}

/// The keys or the values of a batch after conversion.
#[derive(Debug, Default)]
pub struct Column {
    /// One slot a row of the batch; [`Slot::Null`] where the row has an error.
    pub slots: Vec<Slot>,
    /// The rows that could not be converted, in order, and why.
    pub errors: Vec<(u32, ConnectError)>,
}

impl Column {
    /// Fills the column with what `convert` makes of each row's bytes. Null bytes are [`Slot::Null`].
    pub(crate) fn fill(
        &mut self,
        batch: &mut Batch,
        part: Part,
        mut convert: impl FnMut(&mut Batch, longshore_api::Span) -> Result<Slot>,
    ) {
        self.slots.clear();
        self.errors.clear();
        self.slots.reserve(batch.row_count());
        for row in 0..batch.row_count() {
            let span = match part {
                Part::Key => batch.rows()[row].key,
                Part::Value => batch.rows()[row].value,
            };
            let slot = span.map_or(Ok(Slot::Null), |span| convert(batch, span)).unwrap_or_else(|error| {
                self.errors.push((row as u32, error));
                Slot::Null
            });
            self.slots.push(slot);
        }
    }
}

/// Turns bytes into Connect data and back. One value serves the keys or the values of one task.
#[doc(alias = "org.apache.kafka.connect.storage.Converter")]
#[allow(clippy::wrong_self_convention, reason = "the names are Connect's")]
#[async_trait]
pub trait Converter: Send + Sync {
    /// Java class name, as it stands in error reports.
    fn class(&self) -> &'static str;

    /// Whether it looks at the headers of records. They are only read where somebody does: finding that a record has
    /// none costs more than copying the rest of it.
    fn reads_headers(&self) -> bool {
        true
    }

    /// Converts the keys or values of all rows of a batch; what `column` held is forgotten, its memory is used again.
    ///
    /// Differs from Apache Connect: null bytes are [`Slot::Null`], without the optional schema that some converters
    /// set beside the null.
    fn read_column(&self, batch: &mut Batch, part: Part, options: ReadOptions, column: &mut Column) {
        let _ = options;
        column.fill(batch, part, |batch, span| {
            // Topics do not change what the converters here do, so the name is not looked up a record.
            let data = self.to_connect("", Some(batch.bytes(span)))?;
            Ok(batch.add_data(data))
        });
    }

    /// Converts one record's bytes, `None` being null.
    ///
    /// # Errors
    /// Kind BadRecord, in Connect's words, where the bytes are not what the converter reads.
    fn to_connect(&self, topic: &str, bytes: Option<&[u8]>) -> Result<Data>;

    /// Appends the bytes of one record to `out`; `false` stands for null bytes, a tombstone. What an error leaves
    /// in `out` has no meaning.
    ///
    /// # Errors
    /// Kind BadRecord, in Connect's words, where the value has no form in this format.
    fn from_connect(&self, topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool>;

    /// Gets from elsewhere, a schema registry for instance, what conversions lacked that failed with kind Retriable
    /// since the last call; then the whole batch, or the record, is converted again. `false` if they lacked nothing.
    /// Conversions themselves never wait.
    ///
    /// # Errors
    /// Kind Retriable while it cannot be had: no record is to blame, so none is given up. Any other kind ends the task.
    async fn supply(&self) -> Result<bool> {
        Ok(false)
    }
}

/// Turns the bytes of headers into Connect data and back.
#[doc(alias = "org.apache.kafka.connect.storage.HeaderConverter")]
#[allow(clippy::wrong_self_convention, reason = "the names are Connect's")]
pub trait HeaderConverter: Send + Sync {
    /// Java class name, as it stands in error reports.
    fn class(&self) -> &'static str;

    /// Converts a header's bytes, `None` being null.
    ///
    /// # Errors
    /// Kind BadRecord, in Connect's words.
    fn to_connect_header(&self, topic: &str, name: &str, bytes: Option<&[u8]>) -> Result<Data>;

    /// Appends a header's bytes to `out`; `false` stands for null bytes.
    ///
    /// # Errors
    /// Kind BadRecord, in Connect's words.
    fn from_connect_header(&self, topic: &str, name: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool>;
}
