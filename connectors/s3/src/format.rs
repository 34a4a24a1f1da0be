//! How records become the bytes of an object.

mod avro;
mod bytes;
mod json;
mod output;
mod parquet;

use std::borrow::Cow;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::schema::types::TypePtr;
use longshore_api::config::{ParsedConfig, ParsedValue, invalid_value};
use longshore_api::{ConnectError, Data, Payload, Props, Record, Result};
use longshore_formats::{AvroOptions, HeaderConverter, SimpleHeaderConverter};

pub(crate) use avro::{AvroEncoder, Codec};
pub(crate) use bytes::BytesEncoder;
pub(crate) use json::JsonEncoder;
pub(crate) use output::{Envelope, Output, OutputKind, Part, TextEncoder};
pub(crate) use parquet::{Documents, ParquetEncoder, ParquetOptions, parse_schema};

use crate::config::{BUFFER_MEMORY, PARQUET_SCHEMA};
pub(crate) use crate::packing::Packing;

/// Class of the Avro format, which keys and headers have by default.
pub(crate) const AVRO: &str = "io.confluent.connect.s3.format.avro.AvroFormat";

/// The formats by class name.
pub(crate) const CLASSES: &[(&str, Kind)] = &[
    ("io.confluent.connect.s3.format.json.JsonFormat", Kind::Json),
    (AVRO, Kind::Avro),
    ("io.confluent.connect.s3.format.parquet.ParquetFormat", Kind::Parquet),
    ("io.confluent.connect.s3.format.bytearray.ByteArrayFormat", Kind::Bytes),
];

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Kind {
    Json,
    Avro,
    Parquet,
    Bytes,
}

/// The format of a class name.
pub(crate) fn kind(class: &str) -> Option<Kind> {
    CLASSES.iter().find(|(known, _)| *known == class).map(|(_, kind)| *kind)
}

/// Whether a class name is that of a format.
pub(crate) fn check_class(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(class) if kind(class).is_none() => {
            Err(invalid_value(name, Some(class), &format!("Class {class} could not be found.")))
        }
        _ => Ok(()),
    }
}

/// What an encoder writes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// The value.
    Value,
    /// The key, which must be there.
    Key,
    /// The headers, of which there must be one.
    Headers,
}

/// Where a record that was encoded belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// In the object.
    Here,
    /// In a file of its own or of those after it: the object's schema cannot hold it. The first record of an object
    /// always fits.
    NextFile,
}

impl Column {
    /// What it is called in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::Value => "value",
            Column::Key => "key",
            Column::Headers => "headers",
        }
    }

    /// What stands before the extension in the names of its objects.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Column::Value => "",
            Column::Key => ".keys",
            Column::Headers => ".headers",
        }
    }
}

/// Writes records to one object, one after the other.
pub(crate) trait Encoder: Send + Sync {
    /// Encodes a record into `scratch`. Nothing of it is in the object before [`append`](Self::append): a record is
    /// written to all its objects or to none.
    ///
    /// # Errors
    /// Kind BadRecord: the record cannot be written in this format.
    fn encode(&mut self, item: Item<'_>, scratch: &mut Vec<u8>) -> Result<Fit>;

    /// Adds the record that was encoded last to the object; says how many bytes of memory that takes, about.
    ///
    /// # Errors
    /// Kind Fatal.
    fn append(&mut self, encoded: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        out.extend_from_slice(encoded);
        Ok(encoded.len())
    }

    /// Appends what stands at the end of the object.
    ///
    /// # Errors
    /// Kind Fatal.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Bytes of memory that the encoder takes beside what it has written.
    fn held(&self) -> usize {
        0
    }

    /// Gives memory back: writes what it holds to `out`, or puts it elsewhere.
    ///
    /// # Errors
    /// Kind Fatal.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

/// A record on its way into the rows of a file with a schema.
pub(crate) enum Row<'a> {
    /// Of its schema.
    Struct(Cow<'a, Data>),
    /// An object of JSON, without a schema.
    Document(Cow<'a, [u8]>),
}

/// A record with its value as it is to be written: projected to the schema of its file, if need be.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) value: Payload<'a>,
}

impl<'a> Item<'a> {
    fn topic(&self) -> &'a str {
        self.record.topic()
    }

    /// The part that a column holds; headers are no payload.
    fn payload(&self, column: Column) -> Result<Payload<'a>> {
        match column {
            Column::Key if self.record.key().is_null() => {
                Err(ConnectError::data(format!("Key cannot be null for SinkRecord: {}", place(self.record))))
            }
            Column::Key => Ok(self.record.key()),
            _ => Ok(self.value),
        }
    }
}

/// The names and the texts of a record's headers.
fn headers(item: Item<'_>) -> Result<Vec<(String, String)>> {
    let record = item.record;
    if record.headers().is_empty() {
        return Err(ConnectError::data(format!("Headers cannot be null for SinkRecord: {}", place(record))));
    }
    let converter = SimpleHeaderConverter;
    let text = |header: &longshore_api::Header| {
        let mut bytes = Vec::new();
        converter.from_connect_header(item.topic(), &header.name, &header.value, &mut bytes)?;
        Ok((header.name.to_string(), String::from_utf8_lossy(&bytes).into_owned()))
    };
    record.headers().iter().map(text).collect()
}

/// Where a record stands in Kafka: `topic-partition@offset`.
pub(crate) fn place(record: Record<'_>) -> String {
    format!("{}-{}@{}", record.original_topic(), record.original_partition(), record.offset())
}

/// Why a format cannot be had, if it cannot.
pub(crate) fn refused(kind: Kind, config: &ParsedConfig) -> Option<&'static str> {
    match kind {
        Kind::Parquet if parquet::compression(config.string("parquet.codec")).is_none() => {
            Some("Longshore does not have this parquet.codec: take snappy, zstd, gzip, lz4_raw, lz4 or none")
        }
        Kind::Avro if Codec::new(config.string("avro.codec")).is_none() => {
            Some("Longshore does not have this avro.codec: take deflate, snappy or null")
        }
        _ => None,
    }
}

/// What a connector writes of each record, and how.
#[derive(Debug, Clone)]
pub(crate) struct Formats {
    columns: Vec<(Column, Kind)>,
    decimal_format: String,
    extension: String,
    separator: Vec<u8>,
    avro: AvroOptions,
    codec: Codec,
    parquet: Arc<ParquetOptions>,
    parquet_extension: String,
    /// What is written instead of columns.
    output: Option<Output>,
    pub(crate) packing: Packing,
}

/// Row groups are as large as the task's memory allows for several at a time, and no larger than those of Java's
/// writer. What is in one does not depend on how full memory is: the same records give the same row groups.
fn row_group(buffer_memory: i64) -> usize {
    usize::try_from(buffer_memory / 4).unwrap_or(0).clamp(1 << 20, 128 << 20)
}

/// A key, its value, and what is wrong with it.
type Wrong = (&'static str, String, String);

fn parquet_schema(config: &ParsedConfig) -> Result<Option<TypePtr>, Wrong> {
    let text = config.string(PARQUET_SCHEMA);
    if text.trim().is_empty() {
        return Ok(None);
    }
    parse_schema(text).map(Some).map_err(|why| (PARQUET_SCHEMA, text.to_owned(), why))
}

/// What is wrong with the schema that is given for Parquet, if something is.
pub(crate) fn wrong_parquet_schema(config: &ParsedConfig) -> Option<String> {
    parquet_schema(config).err().map(|(key, value, why)| invalid_value(key, Some(&value), &why))
}

impl Formats {
    /// The formats of columns, of which the first is that of values.
    ///
    /// # Errors
    /// The key, its value, and what is wrong with it.
    pub(crate) fn new(columns: Vec<(Column, Kind)>, config: &ParsedConfig, props: &Props) -> Result<Self, Wrong> {
        let is_gzip = config.string("s3.compression.type").eq_ignore_ascii_case("gzip");
        let avro = AvroOptions {
            enhanced: config.boolean("enhanced.avro.schema.support"),
            connect_meta_data: config.boolean("connect.meta.data"),
            optional_map_keys: config.boolean("allow.optional.map.keys"),
        };
        let compression = parquet::compression(config.string("parquet.codec"));
        // Those that are not there are refused where the format is used.
        let (compression, added) = compression.unwrap_or((Compression::UNCOMPRESSED, ""));
        let parquet = ParquetOptions {
            avro,
            compression,
            row_group: row_group(config.integer(BUFFER_MEMORY)),
            schema: parquet_schema(config)?,
            decimal_format: config.string("json.decimal.format").to_owned(),
        };
        Ok(Self {
            columns,
            decimal_format: config.string("json.decimal.format").to_owned(),
            extension: config.string("format.bytearray.extension").to_owned(),
            // As it is written: a line end would not survive the trimming of a parsed value.
            separator: props
                .get("format.bytearray.separator")
                .map_or_else(|| b"\n".to_vec(), |text| text.clone().into()),
            avro,
            codec: Codec::new(config.string("avro.codec")).unwrap_or(Codec::Null),
            parquet: Arc::new(parquet),
            parquet_extension: format!("{added}.parquet"),
            output: None,
            packing: match is_gzip {
                true => Packing::Gzip(i32::try_from(config.integer("s3.compression.level")).unwrap_or(-1)),
                false => Packing::None,
            },
        })
    }

    /// An object a file, with chosen parts of its records. Parquet compresses its pages instead of the object.
    /// `codec` is that of blocks within Avro files.
    pub(crate) fn of_output(output: Output, packing: Packing, codec: Codec, buffer_memory: usize) -> Self {
        let avro = AvroOptions { enhanced: false, connect_meta_data: true, optional_map_keys: false };
        let pages = packing.extension().trim_start_matches('.');
        let pages = match pages {
            "gz" => "gzip",
            "zst" => "zstd",
            "" => "none",
            pages => pages,
        };
        let (compression, _) = parquet::compression(pages).unwrap_or((Compression::UNCOMPRESSED, ""));
        let parquet = ParquetOptions {
            avro,
            compression,
            row_group: row_group(i64::try_from(buffer_memory).unwrap_or(i64::MAX)),
            schema: None,
            decimal_format: "BASE64".to_owned(),
        };
        Self {
            columns: vec![(Column::Value, Kind::Json)],
            decimal_format: "BASE64".to_owned(),
            extension: String::new(),
            separator: Vec::new(),
            avro,
            codec,
            parquet: Arc::new(parquet),
            parquet_extension: String::new(),
            packing: if output.kind == OutputKind::Parquet { Packing::None } else { packing },
            output: Some(output),
        }
    }

    fn output_encoder(&self, output: &Output, key: &str) -> Result<Box<dyn Encoder>> {
        let output = output.clone();
        Ok(match output.kind {
            OutputKind::Parquet => {
                Box::new(ParquetEncoder::of_rows(Envelope::new(output)?, Arc::clone(&self.parquet))?)
            }
            OutputKind::Avro => Box::new(AvroEncoder::of_rows(Envelope::new(output)?, self.avro, self.codec, key)),
            OutputKind::Csv | OutputKind::Json | OutputKind::JsonLines => Box::new(TextEncoder::new(output)?),
        })
    }

    /// The columns that are written.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        self.columns.iter().map(|(column, _)| *column)
    }

    /// Whether a column is written.
    pub(crate) fn writes(&self, column: Column) -> bool {
        if let Some(output) = &self.output {
            return column == Column::Headers && output.parts.contains(&Part::Headers);
        }
        self.columns().any(|known| known == column)
    }

    /// An encoder for an object of a column, and the object's key. `base` is the key as far as the extension.
    ///
    /// # Errors
    /// Kind Config.
    pub(crate) fn encoder(&self, column: Column, base: &str) -> Result<(Box<dyn Encoder>, String)> {
        if let Some(output) = &self.output {
            return Ok((self.output_encoder(output, base)?, base.to_owned()));
        }
        let kind = self.columns.iter().find(|(known, _)| *known == column).map(|(_, kind)| *kind);
        let extension = match kind {
            Some(Kind::Avro) => ".avro",
            Some(Kind::Bytes) => &self.extension,
            Some(Kind::Parquet) => &self.parquet_extension,
            _ => ".json",
        };
        let gzip = self.packing.extension();
        let key = format!("{base}{}{extension}{gzip}", column.suffix());
        let encoder: Box<dyn Encoder> = match kind {
            Some(Kind::Json) => Box::new(JsonEncoder::new(column, &self.decimal_format)?),
            Some(Kind::Bytes) => Box::new(BytesEncoder { column, separator: self.separator.clone() }),
            Some(Kind::Avro) => Box::new(AvroEncoder::new(column, self.avro, self.codec, &key)),
            Some(Kind::Parquet) => Box::new(ParquetEncoder::new(column, Arc::clone(&self.parquet))?),
            None => return Err(ConnectError::config("no encoder for this format")),
        };
        Ok((encoder, key))
    }
}
