//! `ByteArrayFormat`: the bytes of each record, and a separator after it.

use longshore_api::{ConnectError, Payload, Result, Value};

use super::{Column, Encoder, Fit, Item};

/// Writes raw bytes.
pub(crate) struct BytesEncoder {
    pub(crate) column: Column,
    pub(crate) separator: Vec<u8>,
}

impl Encoder for BytesEncoder {
    fn encode(&mut self, item: Item<'_>, out: &mut Vec<u8>) -> Result<Fit> {
        match item.payload(self.column)? {
            Payload::Null => {}
            Payload::Bytes(bytes) => out.extend_from_slice(bytes),
            Payload::Data(data) => match &data.value {
                Value::Null => {}
                Value::Bytes(bytes) => out.extend_from_slice(bytes),
                other => return Err(no_bytes(other.java_class())),
            },
            Payload::Text(_) => return Err(no_bytes("java.lang.String")),
            Payload::Json(_) => return Err(no_bytes("java.util.HashMap")),
        }
        out.extend_from_slice(&self.separator);
        Ok(Fit::Here)
    }
}

fn no_bytes(class: &str) -> ConnectError {
    ConnectError::data(format!("ByteArrayFormat cannot write a value of {class}: use ByteArrayConverter"))
}
