//! `JsonFormat`: one record a line.

use longshore_api::{Payload, Props, Result};
use longshore_formats::json::writer;
use longshore_formats::{Converter, JsonConverter};

use super::{Column, Encoder, Fit, Item};

/// Writes JSON lines.
pub(crate) struct JsonEncoder {
    column: Column,
    converter: JsonConverter,
}

impl JsonEncoder {
    /// An encoder; `decimal_format` is BASE64 or NUMERIC.
    pub(crate) fn new(column: Column, decimal_format: &str) -> Result<Self> {
        let props: Props = [("schemas.enable", "false"), ("decimal.format", decimal_format)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Ok(Self { column, converter: JsonConverter::new(&props)? })
    }

    fn headers(item: Item<'_>, out: &mut Vec<u8>) -> Result<()> {
        let headers = super::headers(item)?;
        out.extend_from_slice(b"{\"headers\":[");
        for (index, (name, value)) in headers.iter().enumerate() {
            out.extend_from_slice(if index > 0 { &b",{\"key\":"[..] } else { b"{\"key\":" });
            writer::string(out, name);
            out.extend_from_slice(b",\"value\":");
            writer::string(out, value);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, item: Item<'_>, out: &mut Vec<u8>) -> Result<Fit> {
        if self.column == Column::Headers {
            Self::headers(item, out)?;
        } else {
            match item.payload(self.column)? {
                Payload::Null => out.extend_from_slice(b"null"),
                Payload::Text(text) => writer::string(out, text),
                Payload::Bytes(bytes) => writer::base64(out, bytes),
                Payload::Json(text) => one_line(text, out),
                Payload::Data(data) if data.value.is_null() => out.extend_from_slice(b"null"),
                Payload::Data(data) => {
                    self.converter.from_connect(item.topic(), data, out)?;
                }
            }
        }
        out.push(b'\n');
        Ok(Fit::Here)
    }
}

/// Appends JSON text as it is, but for its line ends: they can only stand between tokens, and a line is a record.
pub(super) fn one_line(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text.trim_ascii());
    if out[start..].contains(&b'\n') || out[start..].contains(&b'\r') {
        out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
}
