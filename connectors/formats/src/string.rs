//! StringConverter: text in an encoding of the user's choice.

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use longshore_api::{Batch, ConnectError, Data, ErrorKind, Part, Props, Result, Schema, Slot, Type, Value, error};

use crate::charset::{self, Charset};
use crate::converter::{Column, Converter, ReadOptions};
use crate::java_text;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::String)));

/// Reads and writes text; any value is written as Java's `toString` shows it.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.storage.StringConverter")]
pub struct StringConverter {
    charset: Charset,
}

impl StringConverter {
    /// Java class name.
    pub const CLASS: &'static str = "org.apache.kafka.connect.storage.StringConverter";

    /// A converter with the encoding that `converter.encoding` names.
    ///
    /// # Errors
    /// Kind Config if there is no such encoding.
    pub fn new(props: &Props) -> Result<Self> {
        let name = props.get("converter.encoding").map_or("UTF-8", |name| name.trim());
        let charset = Charset::by_name(name).ok_or_else(|| {
            let message = format!("Unsupported encoding {name}");
            ConnectError::new(ErrorKind::Config, error::class::SERIALIZATION, message)
        })?;
        Ok(Self { charset })
    }

    fn decode(&self, bytes: &[u8]) -> Data {
        Data::new(Arc::clone(&SCHEMA), Value::string(self.charset.decode(bytes)))
    }
}

impl Converter for StringConverter {
    fn class(&self) -> &'static str {
        Self::CLASS
    }

    fn reads_headers(&self) -> bool {
        false
    }

    fn read_column(&self, batch: &mut Batch, part: Part, _options: ReadOptions, column: &mut Column) {
        column.fill(batch, part, |batch, span| {
            let bytes = batch.bytes(span);
            if self.charset.is_utf8(bytes) {
                return Ok(Slot::Text(span));
            }
            let data = self.decode(bytes);
            Ok(batch.add_data(data))
        });
    }

    fn to_connect(&self, _topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        Ok(match bytes {
            Some(bytes) => self.decode(bytes),
            None => Data::new(Arc::clone(&SCHEMA), Value::Null),
        })
    }

    fn from_connect(&self, _topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        match &data.value {
            Value::Null => return Ok(false),
            Value::String(text) => charset::encode(self.charset, text, out),
            value => charset::encode(self.charset, &java_text::value(value), out),
        }
        Ok(true)
    }
}
