//! Hash: a digest in place of a text.

use std::fmt::Write;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};
use sha2::Digest;

use super::field::FieldName;
use crate::part::Side;
use crate::plugin::{Configure, required};

/// Puts the digest of a text, in hexadecimal digits, in its place.
#[derive(Debug)]
pub(super) struct Hash {
    side: Side,
    /// `None` where the whole key or value is the text.
    field: Option<FieldName>,
    skips_missing: bool,
    function: Function,
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Md5,
    Sha1,
    Sha256,
}

impl Function {
    fn digest(self, text: &str) -> Value {
        let bytes = match self {
            Function::Md5 => md5::Md5::digest(text).to_vec(),
            Function::Sha1 => sha1::Sha1::digest(text).to_vec(),
            Function::Sha256 => sha2::Sha256::digest(text).to_vec(),
        };
        let mut digits = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Value::string(digits)
    }
}

impl Configure for Hash {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.name", ConfigType::String, Importance::High)
                .default_null()
                .doc("The field to hash, a text; empty if the whole key or value is the text."),
            required("skip.missing.or.null", ConfigType::Boolean, Importance::Low)
                .default("false")
                .doc("Whether records without the text pass as they are; otherwise they are errors."),
            required("function", ConfigType::String, Importance::High)
                .validator(Validator::OneOf(&["md5", "sha1", "sha256"]))
                .doc("The hash function: md5, sha1 or sha256."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            field: config.text("field.name").filter(|name| !name.is_empty()).map(FieldName::new),
            skips_missing: config.boolean("skip.missing.or.null"),
            function: match config.string("function") {
                "md5" => Function::Md5,
                "sha1" => Function::Sha1,
                _ => Function::Sha256,
            },
        })
    }
}

impl Transform for Hash {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let place = self.side.name();
        let data = self.side.of(record);
        if data.schema.is_none() {
            return Err(ConnectError::data(format!("{place} schema can't be null")));
        }
        let (found, name) = match &self.field {
            None => (Some(&mut data.value), place.to_owned()),
            Some(_) if !matches!(data.value, Value::Struct(_)) => {
                let class = data.value.java_class();
                let message = format!("{place} must be a struct if field name is specified, found: {class}");
                return Err(ConnectError::data(message));
            }
            Some(field) => (field.find_mut(&mut data.value), format!("{} in {place}", field.text())),
        };
        match found {
            Some(value @ Value::String(_)) => {
                let digest = self.function.digest(value.as_str().unwrap_or_default());
                *value = digest;
            }
            None | Some(Value::Null) if self.skips_missing => {}
            None => return Err(ConnectError::data(format!("{name} schema can't be missing"))),
            Some(Value::Null) => return Err(ConnectError::data(format!("{name} can't be null"))),
            Some(other) => {
                let class = other.java_class();
                return Err(ConnectError::data(format!("{name} must be STRING, found: {class}")));
            }
        }
        Ok(Verdict::Keep)
    }
}
