//! JsonConverter: JSON with its schema beside it, or without any.
//!
//! With `schemas.enable` a record is `{"schema":…,"payload":…}`. The schema of a record is looked up by its text, so
//! records that bring the same schema (all of a topic, as a rule) have it parsed once.
//!
//! Differs from Apache Connect: objects without a schema keep the order of their members.

pub(crate) mod base64_text;
mod cache;
pub(crate) mod logical;
mod read;
mod schema;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, Validator, Width};
use longshore_api::{Batch, ConnectError, Data, ErrorKind, Part, Props, Result, Schema, Slot, Span, Value};

use crate::converter::{Column, Converter, JsonNeed, ReadOptions};
use crate::json::{self, Failure, Form, Keys, Node, Reader};
use cache::{ReadCache, WriteCache};

/// How Decimal values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalFormat {
    /// Base64 of the unscaled value.
    Base64,
    /// A number.
    Numeric,
}

/// What conversions in both directions look at.
#[derive(Debug, Clone, Copy)]
struct Rules {
    decimal_format: DecimalFormat,
    replace_null_with_default: bool,
}

/// A schema as JSON, as the converter's envelopes have it.
///
/// # Errors
/// Kind BadRecord: a default that is no value of its schema.
pub fn json_schema(schema: &Schema) -> Result<Vec<u8>> {
    let rules = Rules { decimal_format: DecimalFormat::Base64, replace_null_with_default: false };
    schema::written(schema, rules)
}

/// Reads and writes JSON.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.json.JsonConverter")]
pub struct JsonConverter {
    schemas_enable: bool,
    rules: Rules,
    /// The schema of all records, from `schema.content`.
    fixed_schema: Option<Arc<Schema>>,
    read_cache: ReadCache,
    write_cache: WriteCache,
}

/// The keys of the converter, `converter.type` not among them.
pub(crate) fn keys() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("schemas.enable", ConfigType::Boolean, Importance::High)
            .default("true")
            .doc("Whether every key and value carries its schema.")
            .shown("Schemas", 0, Width::Medium, "Enable Schemas"),
        ConfigKey::new("schemas.cache.size", ConfigType::Int, Importance::High)
            .default("1000")
            .doc("How many schemas are kept after they were read or written.")
            .shown("Schemas", 1, Width::Medium, "Schema Cache Size"),
        ConfigKey::new("schema.content", ConfigType::String, Importance::High)
            .default_null()
            .doc("The schema of all records that are read; then they carry none. Needs schemas.enable.")
            .shown("Schemas", 2, Width::Medium, "Schema Content"),
        ConfigKey::new("decimal.format", ConfigType::String, Importance::Low)
            .default("BASE64")
            .validator(Validator::OneOfIgnoreCase(&["NUMERIC", "BASE64"]))
            .doc("How decimals are written: BASE64 (the bytes of the unscaled value) or NUMERIC (a number).")
            .shown("Serialization", 0, Width::Medium, "Decimal Format"),
        ConfigKey::new("replace.null.with.default", ConfigType::Boolean, Importance::Low)
            .default("true")
            .doc("Whether the default of a field stands for its null.")
            .shown("Serialization", 1, Width::Medium, "Replace null with default"),
    ]
}

impl JsonConverter {
    /// Java class name.
    pub const CLASS: &'static str = "org.apache.kafka.connect.json.JsonConverter";

    /// A converter with these settings.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse.
    pub fn new(props: &Props) -> Result<Self> {
        let config = ConfigDef::new(keys()).parse(props)?;
        let schemas_enable = config.boolean("schemas.enable");
        let numeric = config.string("decimal.format").eq_ignore_ascii_case("NUMERIC");
        let rules = Rules {
            decimal_format: if numeric { DecimalFormat::Numeric } else { DecimalFormat::Base64 },
            replace_null_with_default: config.boolean("replace.null.with.default"),
        };
        let fixed_schema = match config.string("schema.content") {
            "" => None,
            content => Some(schema_content(content, rules)?),
        };
        let cache_size = usize::try_from(config.integer("schemas.cache.size")).unwrap_or(0);
        Ok(Self {
            schemas_enable,
            rules,
            fixed_schema: fixed_schema.filter(|_| schemas_enable),
            read_cache: ReadCache::new(cache_size),
            write_cache: WriteCache::new(cache_size),
        })
    }

    fn read(&self, bytes: &[u8], keys: &mut Keys) -> Result<Data> {
        if !self.schemas_enable {
            return json::decode(bytes, keys).map(Data::schemaless);
        }
        match &self.fixed_schema {
            Some(schema) => json::with_text(bytes, |text| {
                let mut reader = Reader::new(text);
                let node = if reader.is_at_end() { Node::Null } else { Node::read(&mut reader)? };
                Ok(Data::new(Arc::clone(schema), read::value(schema, &node, self.rules)?))
            }),
            None => json::with_text(bytes, |text| self.read_envelope(text, keys)),
        }
    }

    fn read_envelope(&self, text: &str, keys: &mut Keys) -> Result<Data, Failure> {
        let mut reader = Reader::new(text);
        let envelope = Envelope::read(&mut reader, &self.read_cache)?;
        let (Some(schema), Some((payload, payload_text))) = (envelope.schema, envelope.payload) else {
            return Err(no_envelope().into());
        };
        let schema = match schema {
            SchemaPart::Text("null") => return Ok(Data::schemaless(json::decode_text(payload_text, keys)?)),
            SchemaPart::Text(text) => self.schema(text)?,
            SchemaPart::Known(schema) => schema,
        };
        let value = read::value(&schema, &payload, self.rules)?;
        Ok(Data::new(schema, value))
    }

    /// The schema of a text that is known to be JSON.
    fn schema(&self, text: &str) -> Result<Arc<Schema>, Failure> {
        self.read_cache.get(text, || {
            let node = Node::read(&mut Reader::new(text))?;
            Ok(Arc::new(schema::read(&node, self.rules)?))
        })
    }

    fn schemaless_slot(&self, batch: &mut Batch, span: Span, need: JsonNeed, keys: &mut Keys) -> Result<Slot> {
        let bytes = batch.bytes(span);
        let form = match need {
            JsonNeed::Unchecked => quick_form(bytes),
            JsonNeed::Checked => json::form(bytes)?,
            JsonNeed::Decoded => Form::Lenient,
        };
        match form {
            Form::Blank | Form::Null => Ok(Slot::Null),
            Form::Plain => Ok(Slot::Json(span)),
            Form::Lenient => {
                let value = json::decode(bytes, keys)?;
                Ok(batch.add_data(Data::schemaless(value)))
            }
        }
    }
}

/// Finds out about null without reading the text: anything else is left to the sink.
fn quick_form(bytes: &[u8]) -> Form {
    match bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        None => Form::Blank,
        Some(at) if bytes[at..].trim_ascii_end() == b"null" => Form::Null,
        Some(_) => Form::Plain,
    }
}

/// The class of the error is that of Connect, its kind says that a person has to change the configuration.
fn schema_content(content: &str, rules: Rules) -> Result<Arc<Schema>> {
    let read = || {
        let node = Node::read(&mut Reader::new(content)).map_err(|malformed| ConnectError {
            cause: ConnectError::from(malformed).cause,
            ..ConnectError::data("Failed to parse schema in converter config due to serialization error: ")
        })?;
        schema::read(&node, rules)
    };
    read().map(Arc::new).map_err(|error| ConnectError { kind: ErrorKind::Config, ..error })
}

/// The members of a record with a schema; a member is missing if there are others than the two.
#[derive(Default)]
struct Envelope<'a> {
    schema: Option<SchemaPart<'a>>,
    payload: Option<(Node<'a>, &'a str)>,
}

enum SchemaPart<'a> {
    Text(&'a str),
    Known(Arc<Schema>),
}

impl<'a> Envelope<'a> {
    fn read(reader: &mut Reader<'a>, cache: &ReadCache) -> Result<Self, Failure> {
        if reader.is_at_end() {
            return Ok(Self::default());
        }
        if reader.peek()? != json::Kind::Object {
            reader.skip()?;
            return Ok(Self::default());
        }
        reader.enter(json::Kind::Object)?;
        let (mut envelope, mut others, mut first) = (Self::default(), false, true);
        while let Some(name) = reader.next_name(first)? {
            first = false;
            // Leaves the blanks out of the text of the value.
            reader.peek()?;
            let start = reader.position();
            match &*name {
                "schema" => match cache.latest() {
                    Some((known, schema)) if reader.skip_known_object(&known) => {
                        envelope.schema = Some(SchemaPart::Known(schema));
                    }
                    _ => {
                        reader.skip()?;
                        envelope.schema = Some(SchemaPart::Text(reader.since(start)));
                    }
                },
                "payload" => {
                    let node = Node::read(reader)?;
                    envelope.payload = Some((node, reader.since(start)));
                }
                _ => {
                    reader.skip()?;
                    others = true;
                }
            }
        }
        Ok(if others { Self::default() } else { envelope })
    }
}

fn no_envelope() -> ConnectError {
    ConnectError::data(
        "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain additional \
         fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter \
         configuration.",
    )
}

impl Converter for JsonConverter {
    fn class(&self) -> &'static str {
        Self::CLASS
    }

    fn reads_headers(&self) -> bool {
        false
    }

    fn read_column(&self, batch: &mut Batch, part: Part, options: ReadOptions, column: &mut Column) {
        let mut keys = Keys::default();
        if self.schemas_enable {
            column.fill(batch, part, |batch, span| {
                let data = self.read(batch.bytes(span), &mut keys)?;
                Ok(batch.add_data(data))
            });
        } else {
            column.fill(batch, part, |batch, span| self.schemaless_slot(batch, span, options.json, &mut keys));
        }
    }

    fn to_connect(&self, _topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        bytes.map_or(Ok(Data::NULL), |bytes| self.read(bytes, &mut Keys::default()))
    }

    fn from_connect(&self, _topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        if data.schema.is_none() && data.value.is_null() {
            return Ok(false);
        }
        let schema = data.schema.as_deref();
        if self.schemas_enable {
            out.extend_from_slice(b"{\"schema\":");
            match &data.schema {
                Some(schema) => self.write_cache.write(schema, out, |schema| schema::written(schema, self.rules))?,
                None => json::writer::literal(out, &Value::Null),
            }
            out.extend_from_slice(b",\"payload\":");
        }
        write::value(out, schema, &data.value, self.rules)?;
        if self.schemas_enable {
            out.push(b'}');
        }
        Ok(true)
    }
}
