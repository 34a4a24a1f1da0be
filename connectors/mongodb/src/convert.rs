//! Record keys and values to BSON documents.
//!
//! | payload | becomes |
//! |---|---|
//! | JSON text (schemaless JsonConverter) | a document; integers are int64, fractions double |
//! | text (StringConverter) | the document that its extended JSON says; integers are int32 if they fit |
//! | bytes (ByteArrayConverter) | the one BSON document that they are |
//! | a struct, a map | a document |
//! | anything else | an error |

pub(crate) mod builder;
mod copy;
mod data;
pub(crate) mod elements;
pub(crate) mod extended_json;
pub(crate) mod json;
pub(crate) mod kind;
#[cfg(test)]
mod tests;

use longshore_api::{ConnectError, Origin, Part, Payload, Value};
use longshore_formats::json as formats;

use builder::Builder;

/// The most characters of a record's text that an error shows.
const SHOWN_CHARS: usize = 500;

/// A record that cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadPayload {
    /// Whether the converter would have refused it or the sink does.
    pub(crate) origin: Origin,
    /// Why.
    pub(crate) error: ConnectError,
}

/// Converts a key or a value into `out`; false if it is null.
///
/// # Errors
/// If it is no document.
pub(crate) fn document(payload: Payload<'_>, part: Part, out: &mut Builder) -> Result<bool, BadPayload> {
    match payload {
        Payload::Null => Ok(false),
        Payload::Json(bytes) if json::schemaless(bytes, out).is_ok() => Ok(true),
        Payload::Json(bytes) => {
            let value = formats::decode(bytes, &mut formats::Keys::default());
            let value = value.map_err(|error| BadPayload { origin: Origin::Converter(part), error })?;
            decoded(&value, part, out, &|| shown(&String::from_utf8_lossy(bytes)))
        }
        Payload::Text(text) => self::text(text, part, out).map(|()| true),
        Payload::Bytes(bytes) => self::bytes(bytes, part, out).map(|()| true),
        Payload::Data(data) => decoded(&data.value, part, out, &|| shown(&format!("{:?}", data.value))),
    }
}

/// Checks a payload that nobody reads.
///
/// # Errors
/// If its converter would refuse it.
pub(crate) fn check(payload: Payload<'_>, part: Part) -> Result<(), BadPayload> {
    match payload {
        Payload::Json(bytes) => {
            formats::check(bytes).map_err(|error| BadPayload { origin: Origin::Converter(part), error })
        }
        _ => Ok(()),
    }
}

fn text(text: &str, part: Part, out: &mut Builder) -> Result<(), BadPayload> {
    if json::plain_text(text, out).is_ok() {
        return Ok(());
    }
    extended_json::document(text, out)
        .map_err(|error| could_not_convert(part, &shown(text), "java.lang.String", error.to_string()))
}

fn bytes(bytes: &[u8], part: Part, out: &mut Builder) -> Result<(), BadPayload> {
    copy::document(bytes, out)
        .map_err(|error| could_not_convert(part, &format!("{} bytes", bytes.len()), "[B", error.to_string()))
}

fn decoded(value: &Value, part: Part, out: &mut Builder, shown: &dyn Fn() -> String) -> Result<bool, BadPayload> {
    let written = match value {
        Value::Null => return Ok(false),
        Value::Struct(value) => data::structure(value, out).map_err(|error| error.to_string()),
        Value::Map(value) => data::map(value, out).map_err(|error| error.to_string()),
        Value::String(value) => return text(value, part, out).map(|()| true),
        Value::Bytes(value) => return bytes(value, part, out).map(|()| true),
        other => Err(format!("No converter present due to unexpected object type: {}", other.java_class())),
    };
    written.map(|()| true).map_err(|why| could_not_convert(part, &shown(), value.java_class(), why))
}

fn could_not_convert(part: Part, shown: &str, class: &str, why: String) -> BadPayload {
    let name = match part {
        Part::Key => "key",
        Part::Value => "value",
    };
    let error = ConnectError::data(format!("Could not convert {name} '{shown}' ({class}) into a BsonDocument."));
    BadPayload { origin: Origin::Sink, error: error.caused_by(ConnectError::data(why)) }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
