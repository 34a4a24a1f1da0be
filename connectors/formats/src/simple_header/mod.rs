//! SimpleHeaderConverter: headers as text from which types are guessed.
//!
//! Differs from Apache Connect: dates are read and written in UTC, whatever the zone of the machine; only ASCII digits
//! are digits; a number of more than 10,000 digits, or nesting deeper than 500 levels, stays text.

mod merge;
mod number;
mod parse;
mod temporal;
mod tokens;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use longshore_api::{Data, Result, Schema, Type, Value};

use crate::charset;
use crate::converter::HeaderConverter;

/// Reads and writes headers as text.
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "org.apache.kafka.connect.storage.SimpleHeaderConverter")]
pub struct SimpleHeaderConverter;

impl SimpleHeaderConverter {
    /// Java class name.
    pub const CLASS: &'static str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
}

impl HeaderConverter for SimpleHeaderConverter {
    fn class(&self) -> &'static str {
        Self::CLASS
    }

    fn to_connect_header(&self, _topic: &str, _name: &str, bytes: Option<&[u8]>) -> Result<Data> {
        Ok(bytes.map_or(Data::NULL, |bytes| parse::text(&charset::decode_utf8(bytes))))
    }

    fn from_connect_header(&self, _topic: &str, _name: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        if data.value.is_null() {
            return Ok(false);
        }
        out.extend_from_slice(header_text(&data.value).as_bytes());
        Ok(true)
    }
}

/// The value that a text stands for, its type guessed: `Values.parseString`.
pub fn parse_string(text: &str) -> Data {
    parse::text(text)
}

/// The text of a value: `Values.convertToString`.
pub fn header_text(value: &Value) -> String {
    let mut text = String::new();
    write::append(&mut text, value, false);
    text
}

pub use write::date as date_text;

/// A value of a required schema of a type, with nothing else set.
fn typed(kind: Type, value: Value) -> Data {
    Data::new(Arc::new(Schema::new(kind)), value)
}

/// What Java's `trim` leaves.
fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}
