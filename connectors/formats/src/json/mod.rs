//! JSON as Connect's JsonConverter reads and writes it.
//!
//! Connect reads with Jackson, which takes more than RFC 8259 allows and sets limits of its own. What is taken here is
//! exactly that:
//!
//! * Only the first value is read. What follows it is not looked at, save that a number or a literal must end where
//!   it seems to end (`1 x` is 1, `1x` is malformed).
//! * Numbers may have leading zeros. Comments, `NaN`, single quotes and trailing commas are malformed.
//! * Half of a surrogate pair in an escape is taken; it reads as `?`, which is what Java writes for it.
//! * A byte order mark is skipped, UTF-16 and UTF-32 are recognised.
//! * Of a member that comes twice the last value counts, in the first one's place.
//! * Limits: 1,000 levels, 1,000 digits a number, 50,000 bytes a name, 20,000,000 characters a string.
//!
//! The reader never recurses deeper than those levels and never panics on any input.

mod number;
mod printer;
mod reader;
mod tree;
mod unicode;
pub mod writer;

#[cfg(test)]
mod tests;

use longshore_api::{ConnectError, ErrorKind, Value, error};

pub use number::Number;
pub use printer::Printer;
pub use reader::{Kind, Reader};
pub use tree::{Keys, Node};

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong: `expected a value`.
    pub what: &'static str,
    /// Offset of the byte at which it shows.
    pub at: usize,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed JSON at byte {}: {}", self.at, self.what)
    }
}

/// Connect's own error: a DataException caused by the SerializationException that names what is wrong.
impl From<Malformed> for ConnectError {
    fn from(malformed: Malformed) -> Self {
        ConnectError::data("Converting byte[] to Kafka Connect data failed due to serialization error: ")
            .caused_by(ConnectError::new(ErrorKind::BadRecord, error::class::SERIALIZATION, malformed.to_string()))
    }
}

/// What a JSON text that Connect takes looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing, or blanks only. Connect reads it as null.
    Blank,
    /// One null.
    Null,
    /// One value and nothing else, well formed by RFC 8259, in which every number means the same to any parser that
    /// knows 64 bit integers and doubles.
    Plain,
    /// Taken by Connect, but another parser may refuse it or read something else; [`decode`] reads it.
    Lenient,
}

/// Checks a text as Connect's JsonConverter does, in one pass and without allocating (unless it is not UTF-8).
///
/// Members that come twice are not looked for: a reader of [`Form::Plain`] text has to let the last one count.
///
/// # Errors
/// [`Malformed`] where Connect fails; it turns into Connect's own error.
pub fn form(bytes: &[u8]) -> Result<Form, Malformed> {
    let text = unicode::text(bytes);
    let mut reader = Reader::new(&text.text);
    let form = reader.form().map_err(|malformed| text.explain(malformed))?;
    Ok(if text.is_exact() || form == Form::Blank { form } else { Form::Lenient })
}

/// Checks that Connect's JsonConverter would take a text.
///
/// # Errors
/// DataException `Converting byte[] to Kafka Connect data failed due to serialization error: `, of kind BadRecord; its
/// cause names what is wrong and the offset of the byte.
pub fn check(bytes: &[u8]) -> Result<(), ConnectError> {
    form(bytes)?;
    Ok(())
}

/// Reads a text into schemaless data: integers as INT64 (of larger ones the low 64 bits, as Java does), other numbers
/// as FLOAT64. A blank text is null.
///
/// # Errors
/// As [`check`].
pub fn decode(bytes: &[u8], keys: &mut Keys) -> Result<Value, ConnectError> {
    with_text(bytes, |text| Ok(decode_text(text, keys)?))
}

/// As [`decode`], of a text.
pub(crate) fn decode_text(text: &str, keys: &mut Keys) -> Result<Value, Malformed> {
    tree::read(text, &mut tree::Values { keys }).map(|value| value.unwrap_or(Value::Null))
}

/// Hands the text of a document to `read`, which may borrow from it.
///
/// # Errors
/// Those of `read`.
pub(crate) fn with_text<T>(bytes: &[u8], read: impl FnOnce(&str) -> Result<T, Failure>) -> Result<T, ConnectError> {
    let text = unicode::text(bytes);
    read(&text.text).map_err(|failure| match failure {
        Failure::Json(malformed) => text.explain(malformed).into(),
        Failure::Data(error) => error,
    })
}

/// Why a document could not be converted: it is no JSON, or it is not what the schema asks for.
#[derive(Debug)]
pub(crate) enum Failure {
    Json(Malformed),
    Data(ConnectError),
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Failure::Json(malformed)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Failure::Data(error)
    }
}
