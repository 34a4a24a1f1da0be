//! `AvroFormat`: object container files, as of the specification of Avro 1.12.
//!
//! The marker between blocks is made of the object's name, not by chance: the same records give the same bytes.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use longshore_api::{ConnectError, Data, Field, Payload, Result, Schema, Struct, Type, Value};
use longshore_formats::json::{self, Keys};
use longshore_formats::{AvroOptions, AvroWriter};
use md5::{Digest, Md5};

use super::{Column, Encoder, Envelope, Fit, Item, Row};

/// The most bytes of a block before its compression: the default of Java's writer.
const BLOCK: usize = 64_000;

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Null,
    Deflate,
    Snappy,
}

impl Codec {
    /// The codec of a name; `None` for those that Longshore does not have.
    pub(crate) fn new(name: &str) -> Option<Self> {
        match name {
            "null" => Some(Self::Null),
            "deflate" => Some(Self::Deflate),
            "snappy" => Some(Self::Snappy),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
        }
    }
}

/// Writes Avro files.
pub(crate) struct AvroEncoder {
    column: Column,
    envelope: Option<Envelope>,
    /// That of the first record.
    schema: Option<Arc<Schema>>,
    options: AvroOptions,
    codec: Codec,
    marker: [u8; 16],
    /// Made for the schema of the first record.
    writer: Option<AvroWriter>,
    has_header: bool,
    block: Vec<u8>,
    records: i64,
}

impl AvroEncoder {
    /// An encoder of an object of this name.
    pub(crate) fn new(column: Column, options: AvroOptions, codec: Codec, key: &str) -> Self {
        let marker = Md5::digest(key).into();
        Self {
            column,
            envelope: None,
            schema: None,
            options,
            codec,
            marker,
            writer: None,
            has_header: false,
            block: Vec::new(),
            records: 0,
        }
    }

    /// An encoder of rows of an envelope.
    pub(crate) fn of_rows(envelope: Envelope, options: AvroOptions, codec: Codec, key: &str) -> Self {
        Self { envelope: Some(envelope), ..Self::new(Column::Value, options, codec, key) }
    }

    fn data<'a>(&mut self, item: Item<'a>) -> Result<Cow<'a, Data>> {
        if let Some(envelope) = &mut self.envelope {
            return match envelope.row(item)? {
                Row::Struct(data) => Ok(data),
                Row::Document(_) => Err(ConnectError::data("Record value without schema")),
            };
        }
        if self.column == Column::Headers {
            return headers(item).map(Cow::Owned);
        }
        Ok(match item.payload(self.column)? {
            Payload::Data(data) => Cow::Borrowed(data),
            Payload::Null => Cow::Owned(Data::NULL),
            Payload::Text(text) => Cow::Owned(Data::new(Arc::clone(&TEXT), Value::string(text))),
            Payload::Bytes(bytes) => {
                Cow::Owned(Data::new(Arc::clone(&BYTES), Value::Bytes(Bytes::copy_from_slice(bytes))))
            }
            Payload::Json(text) => Cow::Owned(Data::schemaless(json::decode(text, &mut Keys::default())?)),
        })
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        let schema = self.writer.as_ref().map_or("\"null\"", AvroWriter::schema);
        out.extend_from_slice(b"Obj\x01");
        long(out, 2);
        for (name, value) in [("avro.schema", schema), ("avro.codec", self.codec.name())] {
            for text in [name, value] {
                long(out, text.len() as i64);
                out.extend_from_slice(text.as_bytes());
            }
        }
        long(out, 0);
        out.extend_from_slice(&self.marker);
        self.has_header = true;
    }

    fn end_block(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if !self.has_header {
            self.header(out);
        }
        if self.records == 0 {
            return Ok(());
        }
        let packed = match self.codec {
            Codec::Null => Cow::Borrowed(&self.block[..]),
            Codec::Deflate => Cow::Owned(deflate(&self.block)?),
            Codec::Snappy => Cow::Owned(snappy(&self.block)?),
        };
        long(out, self.records);
        long(out, packed.len() as i64);
        out.extend_from_slice(&packed);
        out.extend_from_slice(&self.marker);
        self.block.clear();
        self.records = 0;
        Ok(())
    }
}

impl Encoder for AvroEncoder {
    fn encode(&mut self, item: Item<'_>, scratch: &mut Vec<u8>) -> Result<Fit> {
        let data = self.data(item)?;
        let writer = match &self.writer {
            Some(_) if data.schema != self.schema => return Ok(Fit::NextFile),
            Some(writer) => writer,
            None => {
                let writer = AvroWriter::new(data.schema.as_ref(), self.options)?;
                self.schema.clone_from(&data.schema);
                self.writer.insert(writer)
            }
        };
        writer.write(&data.value, scratch)?;
        Ok(Fit::Here)
    }

    fn append(&mut self, encoded: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        self.block.extend_from_slice(encoded);
        self.records += 1;
        if self.block.len() >= BLOCK {
            self.end_block(out)?;
        }
        Ok(encoded.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)
    }

    fn held(&self) -> usize {
        self.block.capacity()
    }

    fn release(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.end_block(out)?;
        self.block = Vec::new();
        Ok(())
    }
}

static TEXT: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::String)));
static BYTES: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Type::Bytes)));
static HEADER: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let fields =
        vec![Field::new("key", Schema::new(Type::String)), Field::new("value", Schema::optional(Type::String))];
    Arc::new(Schema::structure(fields).named("RecordHeader"))
});
static HEADERS: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::array(Arc::clone(&HEADER))));

fn headers(item: Item<'_>) -> Result<Data> {
    let header = |(name, value): (String, String)| {
        Value::Struct(Struct { schema: Arc::clone(&HEADER), values: vec![Value::string(name), Value::string(value)] })
    };
    let headers = super::headers(item)?.into_iter().map(header).collect();
    Ok(Data::new(Arc::clone(&HEADERS), Value::Array(headers)))
}

/// Appends a number in Avro's variable length.
fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn deflate(block: &[u8]) -> Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::default(), false);
    // More than the bound of zlib, so that one call is enough.
    let mut out = Vec::with_capacity(block.len() + block.len() / 1000 + 256);
    match compress.compress_vec(block, &mut out, FlushCompress::Finish) {
        Ok(flate2::Status::StreamEnd) => Ok(out),
        Ok(_) => Err(ConnectError::fatal("a block of an Avro file could not be compressed")),
        Err(error) => Err(ConnectError::fatal(format!("a block of an Avro file could not be compressed: {error}"))),
    }
}

/// Snappy's raw form, and the checksum of what is in it, as Avro wants it.
fn snappy(block: &[u8]) -> Result<Vec<u8>> {
    let packed = snap::raw::Encoder::new().compress_vec(block);
    let mut packed = packed.map_err(|error| ConnectError::fatal(format!("a block of an Avro file: {error}")))?;
    let mut crc = flate2::Crc::new();
    crc.update(block);
    packed.extend_from_slice(&crc.sum().to_be_bytes());
    Ok(packed)
}
