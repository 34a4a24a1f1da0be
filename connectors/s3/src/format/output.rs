//! The formats of Aiven's connector: chosen parts of each record, as CSV, JSON, Avro or Parquet.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use longshore_api::{ConnectError, Data, Field, Header, Map, Payload, Props, Result, Schema, Struct, Type, Value};
use longshore_formats::json::writer;
use longshore_formats::{Converter, HeaderConverter, JsonConverter, SimpleHeaderConverter};

use super::{Encoder, Fit, Item, Row};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum OutputKind {
    Csv,
    /// One array of all records.
    Json,
    JsonLines,
    Avro,
    Parquet,
}

impl OutputKind {
    /// The format of a name, in any case.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "csv" => Self::Csv,
            "json" => Self::Json,
            "jsonl" => Self::JsonLines,
            "avro" => Self::Avro,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }
}

/// A part of a record. JSON has them in this order, which is that of the hash map that Aiven's connector fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) enum Part {
    Headers,
    Offset,
    Value,
    Key,
    Timestamp,
}

impl Part {
    /// The part of a name, in any case.
    pub(crate) fn new(name: &str) -> Option<Self> {
        [Part::Headers, Part::Offset, Part::Value, Part::Key, Part::Timestamp]
            .into_iter()
            .find(|part| part.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Part::Headers => "headers",
            Part::Offset => "offset",
            Part::Value => "value",
            Part::Key => "key",
            Part::Timestamp => "timestamp",
        }
    }
}

/// What is written of a record, and how.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) kind: OutputKind,
    pub(crate) parts: Vec<Part>,
    /// Whether a single part stands in an object of its own.
    pub(crate) has_envelope: bool,
    /// Whether CSV has values in base64.
    pub(crate) is_base64: bool,
}

/// Writes the text formats.
pub(crate) struct TextEncoder {
    output: Output,
    json: JsonConverter,
    is_empty: bool,
}

impl TextEncoder {
    pub(crate) fn new(mut output: Output) -> Result<Self> {
        if output.kind != OutputKind::Csv {
            output.parts.sort();
            output.parts.dedup();
        }
        Ok(Self { output, json: plain_json()?, is_empty: true })
    }
}

impl Encoder for TextEncoder {
    fn encode(&mut self, item: Item<'_>, out: &mut Vec<u8>) -> Result<Fit> {
        match self.output.kind {
            OutputKind::Csv => csv(item, &self.output, out)?,
            _ => document(item, &self.output, &self.json, out)?,
        }
        Ok(Fit::Here)
    }

    fn append(&mut self, encoded: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        let is_array = self.output.kind == OutputKind::Json;
        out.extend_from_slice(match (is_array, self.is_empty) {
            (true, true) => b"[\n",
            (true, false) => b",\n",
            (false, true) => b"",
            (false, false) => b"\n",
        });
        self.is_empty = false;
        out.extend_from_slice(encoded);
        Ok(encoded.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.output.kind == OutputKind::Json {
            out.extend_from_slice(b"\n]");
        }
        Ok(())
    }
}

/// A converter to JSON without schemas.
pub(super) fn plain_json() -> Result<JsonConverter> {
    let props: Props = [("schemas.enable".to_owned(), "false".to_owned())].into();
    JsonConverter::new(&props)
}

/// Parts with commas between them; none of their texts can have one, but for values that are not encoded.
fn csv(item: Item<'_>, output: &Output, out: &mut Vec<u8>) -> Result<()> {
    for (index, part) in output.parts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match part {
            Part::Offset => writer::integer(out, item.record.offset()),
            Part::Timestamp => {
                if let Some(millis) = item.record.timestamp() {
                    writer::integer(out, millis);
                }
            }
            Part::Key => encode_base64(out, bytes(item.record.key(), "key")?),
            Part::Value if output.is_base64 => encode_base64(out, bytes(item.value, "value")?),
            Part::Value => out.extend_from_slice(bytes(item.value, "value")?),
            Part::Headers => {
                for header in item.record.headers() {
                    encode_base64(out, header.name.as_bytes());
                    out.push(b':');
                    encode_base64(out, &header_bytes(item, header)?);
                    out.push(b';');
                }
            }
        }
    }
    Ok(())
}

fn encode_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

/// The bytes of a key or of a value; none of null.
fn bytes<'a>(payload: Payload<'a>, what: &str) -> Result<&'a [u8]> {
    Ok(match payload {
        Payload::Null => b"",
        Payload::Text(text) => text.as_bytes(),
        Payload::Bytes(bytes) => bytes,
        Payload::Data(Data { value: Value::Null, .. }) => b"",
        Payload::Data(Data { value: Value::Bytes(bytes), .. }) => bytes,
        Payload::Data(Data { value: Value::String(text), .. }) => text.as_bytes(),
        Payload::Data(data) => {
            let found = data.value.java_class();
            return Err(ConnectError::data(format!("csv writes bytes and strings, the {what} is a {found}")));
        }
        Payload::Json(_) => {
            return Err(ConnectError::data(format!(
                "csv writes bytes and strings: use ByteArrayConverter for the {what}"
            )));
        }
    })
}

fn header_bytes<'a>(item: Item<'_>, header: &'a Header) -> Result<Cow<'a, [u8]>> {
    Ok(match &header.value.value {
        Value::Null => Cow::Borrowed(b""),
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::String(text) => Cow::Borrowed(text.as_bytes()),
        _ => {
            let mut text = Vec::new();
            SimpleHeaderConverter.from_connect_header(item.topic(), &header.name, &header.value, &mut text)?;
            Cow::Owned(text)
        }
    })
}

/// A record as JSON.
fn document(item: Item<'_>, output: &Output, json: &JsonConverter, out: &mut Vec<u8>) -> Result<()> {
    if !output.has_envelope {
        return output.parts.iter().try_for_each(|part| part_as_json(item, *part, json, out));
    }
    for (index, part) in output.parts.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        writer::string(out, part.name());
        out.push(b':');
        part_as_json(item, *part, json, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn part_as_json(item: Item<'_>, part: Part, json: &JsonConverter, out: &mut Vec<u8>) -> Result<()> {
    match part {
        Part::Key => payload_as_json(item, item.record.key(), json, out)?,
        Part::Value => payload_as_json(item, item.value, json, out)?,
        Part::Offset => writer::integer(out, item.record.offset()),
        Part::Timestamp => match item.record.timestamp() {
            Some(millis) => writer::string(out, &instant(millis)?),
            None => out.extend_from_slice(b"null"),
        },
        Part::Headers => {
            out.push(b'[');
            for (index, header) in item.record.headers().iter().enumerate() {
                out.extend_from_slice(if index == 0 { b"{\"key\":" } else { b",{\"key\":" });
                writer::string(out, &header.name);
                out.extend_from_slice(b",\"value\":");
                data_as_json(item, &header.value, json, out)?;
                out.push(b'}');
            }
            out.push(b']');
        }
    }
    Ok(())
}

fn payload_as_json(item: Item<'_>, payload: Payload<'_>, json: &JsonConverter, out: &mut Vec<u8>) -> Result<()> {
    match payload {
        Payload::Null => out.extend_from_slice(b"null"),
        Payload::Text(text) => writer::string(out, text),
        Payload::Bytes(bytes) => writer::base64(out, bytes),
        Payload::Json(text) => super::json::one_line(text, out),
        Payload::Data(data) => data_as_json(item, data, json, out)?,
    }
    Ok(())
}

fn data_as_json(item: Item<'_>, data: &Data, json: &JsonConverter, out: &mut Vec<u8>) -> Result<()> {
    if data.value.is_null() {
        out.extend_from_slice(b"null");
    } else {
        json.from_connect(item.topic(), data, out)?;
    }
    Ok(())
}

/// `java.time.format.DateTimeFormatter.ISO_INSTANT`: milliseconds only where there are some.
fn instant(millis: i64) -> Result<String> {
    let seconds = jiff::Timestamp::from_second(millis.div_euclid(1000))
        .map_err(|_| ConnectError::data(format!("the timestamp {millis} is in no year of four digits")))?
        .to_string();
    Ok(match millis.rem_euclid(1000) {
        0 => seconds,
        rest => format!("{}.{rest:03}Z", seconds.trim_end_matches('Z')),
    })
}

/// The rows that records become in Avro and Parquet.
pub(crate) struct Envelope {
    output: Output,
    json: JsonConverter,
    /// The schemas of a record's parts, and that of the row that has these.
    known: Option<(Vec<Arc<Schema>>, Arc<Schema>)>,
}

impl Envelope {
    pub(crate) fn new(output: Output) -> Result<Self> {
        Ok(Self { output, json: plain_json()?, known: None })
    }

    /// A record's row: a struct if all its parts have schemas, else a document.
    pub(super) fn row<'a>(&mut self, item: Item<'a>) -> Result<Row<'a>> {
        let parts = self.output.parts.iter().map(|part| part_as_data(item, *part));
        let Some(parts) = parts.collect::<Result<Option<Vec<_>>>>()? else {
            let mut text = Vec::new();
            document(item, &self.output, &self.json, &mut text)?;
            return Ok(Row::Document(text.into()));
        };
        if let ([(_, value @ Value::Struct(_))], false) = (&parts[..], self.output.has_envelope) {
            let schema = Arc::clone(&parts[0].0);
            return Ok(Row::Struct(Cow::Owned(Data::new(schema, value.clone()))));
        }
        let (schemas, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let is_same = |(one, other): (&Arc<Schema>, &Arc<Schema>)| Arc::ptr_eq(one, other) || one == other;
        let schema = match &self.known {
            Some((known, schema)) if known.iter().zip(&schemas).all(is_same) => Arc::clone(schema),
            _ => {
                let fields = self.output.parts.iter().zip(&schemas);
                let fields = fields.map(|(part, schema)| Field::new(part.name(), Arc::clone(schema))).collect();
                let space = if self.output.kind == OutputKind::Avro { "avro" } else { "parquet" };
                let name = format!("io.aiven.{space}.output.schema.connector_records");
                let schema = Arc::new(Schema::structure(fields).named(name));
                self.known = Some((schemas, Arc::clone(&schema)));
                schema
            }
        };
        let record = Value::Struct(Struct { schema: Arc::clone(&schema), values });
        Ok(Row::Struct(Cow::Owned(Data::new(schema, record))))
    }
}

static TEXT: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::String)));
static BYTES: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::Bytes)));
static NUMBER: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::new(Type::Int64)));
static TIME: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::Int64)));

/// A part with its schema; `None` if it has none.
fn part_as_data(item: Item<'_>, part: Part) -> Result<Option<(Arc<Schema>, Value)>> {
    Ok(match part {
        Part::Key => payload_as_data(item.record.key()),
        Part::Value => payload_as_data(item.value),
        Part::Offset => Some((Arc::clone(&NUMBER), Value::Int64(item.record.offset()))),
        Part::Timestamp => Some((Arc::clone(&TIME), item.record.timestamp().map_or(Value::Null, Value::Int64))),
        Part::Headers => Some(headers(item)?),
    })
}

fn payload_as_data(payload: Payload<'_>) -> Option<(Arc<Schema>, Value)> {
    match payload {
        Payload::Null => Some((Arc::clone(&TEXT), Value::Null)),
        Payload::Text(text) => Some((Arc::clone(&TEXT), Value::string(text))),
        Payload::Bytes(bytes) => Some((Arc::clone(&BYTES), Value::Bytes(Bytes::copy_from_slice(bytes)))),
        Payload::Json(_) => None,
        Payload::Data(data) => Some((Arc::clone(data.schema.as_ref()?), data.value.clone())),
    }
}

/// The headers, as a map of the first one's type.
fn headers(item: Item<'_>) -> Result<(Arc<Schema>, Value)> {
    let headers = item.record.headers();
    let first = headers.first().and_then(|header| header.value.schema.as_ref());
    let schema = first.map_or_else(|| Arc::clone(&TEXT), Arc::clone);
    let entry = |header: &Header| match &header.value.schema {
        Some(own) if own.kind != schema.kind => Err(ConnectError::data(format!(
            "Header schema {} for '{}' is not the same as the already defined map type: {}. To force the same type, \
             consider using StringConverter or similar.",
            own.kind.name(),
            header.name,
            schema.kind.name()
        ))),
        _ => Ok((Value::string(Arc::clone(&header.name)), header.value.value.clone())),
    };
    let entries = headers.iter().map(entry).collect::<Result<Map>>()?;
    Ok((Arc::new(Schema::map(Arc::new(Schema::new(Type::String)), schema)), Value::Map(entries)))
}
