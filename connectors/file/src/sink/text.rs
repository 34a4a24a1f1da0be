//! Values as `PrintStream.println` prints them.

use std::io::Write;

use longshore_api::{Payload, Result};
use longshore_formats::{java_text, json};

/// Prints values; keeps its memory from one to the next.
#[derive(Default)]
pub(super) struct Printer {
    json: json::Printer,
    scratch: String,
}

impl Printer {
    /// Adds a value's text.
    ///
    /// # Errors
    /// JSON that cannot be read.
    pub(super) fn print(&mut self, out: &mut Vec<u8>, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::Null => out.extend_from_slice(b"null"),
            Payload::Text(text) => out.extend_from_slice(text.as_bytes()),
            Payload::Bytes(bytes) => {
                // Java prints the hash of the array's identity, which says nothing of the bytes; their length stands
                // for it. Writing into a vector does not fail.
                let _ = write!(out, "[B@{:x}", bytes.len());
            }
            Payload::Json(bytes) => self.json.print(bytes, out)?,
            Payload::Data(data) => {
                self.scratch.clear();
                java_text::append(&mut self.scratch, &data.value);
                out.extend_from_slice(self.scratch.as_bytes());
            }
        }
        Ok(())
    }
}
