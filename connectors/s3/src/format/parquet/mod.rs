//! `ParquetFormat`: columns in row groups, as of the Parquet format 2.
//!
//! A struct's schema becomes that of its file as parquet-avro makes it for Confluent's connector ([`schema`]). JSON
//! without a schema, which that connector refuses, is written by the schema of `longshore.parquet.schema` or by one that
//! is found in the documents ([`infer`]). Records are cut into columns as they come ([`values`], [`documents`],
//! [`columns`]); a row group is written when these have reached a size that depends on the records alone.

mod columns;
mod documents;
mod infer;
mod leaf;
mod plan;
mod schema;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use longshore_api::{ConnectError, Data, Field, Payload, Props, Result, Schema, Struct, Type as Connect, Value};
use longshore_formats::json::{self, Keys, Malformed, Reader};
use longshore_formats::{AvroOptions, AvroWriter, Converter, JsonConverter};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use super::{Column, Encoder, Envelope, Fit, Item, Row, place};
use crate::spill::Spill;
use columns::Columns;
use infer::Shape;
use leaf::Unfit;
use plan::{Group, MAX_COLUMNS};

/// The size of pages, as in Confluent's connector.
const PAGE: usize = 64 * 1024;
/// What the account of a column in a row group takes, about: it stays in memory until the end of the file.
const COLUMN_METADATA: usize = 1024;

/// How Parquet files are written.
#[derive(Debug, Clone)]
pub(crate) struct ParquetOptions {
    pub(crate) avro: AvroOptions,
    pub(crate) compression: Compression,
    /// Bytes of records, before their encoding, after which a row group ends.
    pub(crate) row_group: usize,
    /// The schema of values that have none of their own.
    pub(crate) schema: Option<TypePtr>,
    /// `json.decimal.format`, of schemaless data that transforms have made.
    pub(crate) decimal_format: String,
}

/// The compression of a name, and what it adds to the names of objects; `None` for those that Longshore does not have.
pub(crate) fn compression(name: &str) -> Option<(Compression, &'static str)> {
    Some(match name {
        "none" => (Compression::UNCOMPRESSED, ""),
        "snappy" => (Compression::SNAPPY, ".snappy"),
        "gzip" => (Compression::GZIP(GzipLevel::default()), ".gz"),
        "lz4" => (Compression::LZ4, ".lz4hadoop"),
        "lz4_raw" => (Compression::LZ4_RAW, ".lz4raw"),
        // The level of Java's writer.
        "zstd" => (Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()), ".zstd"),
        _ => return None,
    })
}

/// Reads a schema in Parquet's own notation.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse_schema(text: &str) -> Result<TypePtr, String> {
    // Parquet's parser calls itself for each level.
    let deepest = text.chars().scan(0_usize, |depth, character| {
        *depth = if character == '{' { *depth + 1 } else { depth.saturating_sub(usize::from(character == '}')) };
        Some(*depth)
    });
    if deepest.max().unwrap_or(0) > plan::MAX_DEPTH {
        return Err(format!("it is nested deeper than {} types", plan::MAX_DEPTH));
    }
    let message = parse_message_type(text).map_err(|error| error.to_string())?;
    Group::new(&message).map_err(|error| error.to_string())?;
    Ok(Arc::new(message))
}

/// Writes Parquet files.
pub(crate) struct ParquetEncoder {
    column: Column,
    envelope: Option<Envelope>,
    options: Arc<ParquetOptions>,
    json: JsonConverter,
    /// The schema of keys that came last, and that of the struct around them.
    key_schema: Option<(Arc<Schema>, Arc<Schema>)>,
    state: State,
}

/// The schema of many documents, found by looking at all of them.
pub(crate) struct Documents(Gathered);

impl Default for Documents {
    fn default() -> Self {
        Self(Gathered::new())
    }
}

impl Documents {
    /// Looks at a document.
    ///
    /// # Errors
    /// Kind BadRecord: it is no JSON object, or has more members than there may be columns.
    pub(crate) fn add(&mut self, text: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(text).map_err(|_| ConnectError::data("the document is not UTF-8"))?;
        self.0.look_at(text)?;
        self.0.widen();
        Ok(())
    }

    /// The schema of all of them.
    ///
    /// # Errors
    /// Kind Fatal: Parquet has no name for a member.
    pub(crate) fn schema(&self) -> Result<TypePtr> {
        Ok(Arc::new(self.0.shape.message().map_err(failed)?))
    }
}

enum State {
    New,
    Gathering(Gathered),
    Writing(Box<Writing>),
}

/// Documents whose schema is not settled yet.
struct Gathered {
    shape: Shape,
    /// The shape with that of the document that was encoded last.
    wider: Option<Shape>,
    /// The documents, each after its length.
    texts: Vec<u8>,
    spill: Spill,
}

/// A file whose schema is settled.
struct Writing {
    plan: Group,
    source: Source,
    columns: Columns,
    file: SerializedFileWriter<Vec<u8>>,
}

/// Where the schema of a file comes from.
enum Source {
    Struct(Arc<Schema>),
    Given,
    Documents,
}

impl ParquetEncoder {
    pub(crate) fn new(column: Column, options: Arc<ParquetOptions>) -> Result<Self> {
        let props: Props = [("schemas.enable", "false"), ("decimal.format", &options.decimal_format)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Ok(Self {
            column,
            envelope: None,
            options,
            json: JsonConverter::new(&props)?,
            key_schema: None,
            state: State::New,
        })
    }

    /// An encoder of rows of an envelope.
    pub(crate) fn of_rows(envelope: Envelope, options: Arc<ParquetOptions>) -> Result<Self> {
        Ok(Self { envelope: Some(envelope), ..Self::new(Column::Value, options)? })
    }

    fn row<'a>(&mut self, item: Item<'a>) -> Result<Row<'a>> {
        if let Some(envelope) = &mut self.envelope {
            return envelope.row(item);
        }
        match self.column {
            Column::Value => match item.payload(Column::Value)? {
                Payload::Data(data) if data.schema.is_some() => Ok(Row::Struct(Cow::Borrowed(data))),
                Payload::Data(data) => Ok(Row::Document(self.text(item, data)?.into())),
                Payload::Json(text) => Ok(Row::Document(text.into())),
                Payload::Text(_) | Payload::Bytes(_) | Payload::Null => Err(documents::no_object()),
            },
            Column::Key => self.key(item),
            Column::Headers => headers(item).map(|data| Row::Struct(Cow::Owned(data))),
        }
    }

    /// Schemaless data as JSON.
    fn text(&self, item: Item<'_>, data: &Data) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        self.json.from_connect(item.topic(), data, &mut text)?;
        Ok(text)
    }

    /// The key, in a struct of one field.
    fn key<'a>(&mut self, item: Item<'a>) -> Result<Row<'a>> {
        let document = |text: &[u8]| Row::Document([b"{\"key\":", text, b"}"].concat().into());
        let (schema, value) = match item.payload(Column::Key)? {
            Payload::Null => return Ok(document(b"null")),
            Payload::Json(text) => return Ok(document(text)),
            Payload::Text(text) => (Arc::clone(&TEXT), Value::string(text)),
            Payload::Bytes(bytes) => (Arc::clone(&BYTES), Value::Bytes(Bytes::copy_from_slice(bytes))),
            Payload::Data(data) => match &data.schema {
                Some(schema) => (Arc::clone(schema), data.value.clone()),
                None => return Ok(document(&self.text(item, data)?)),
            },
        };
        let wrapped = match self.key_schema.take() {
            Some((known, wrapped)) if Arc::ptr_eq(&known, &schema) || known == schema => wrapped,
            _ => Arc::new(Schema::structure(vec![Field::new("key", Arc::clone(&schema))]).named("RecordKey")),
        };
        self.key_schema = Some((schema, Arc::clone(&wrapped)));
        let value = Value::Struct(Struct { schema: Arc::clone(&wrapped), values: vec![value] });
        Ok(Row::Struct(Cow::Owned(Data::new(wrapped, value))))
    }

    fn encode_struct(&mut self, data: &Data) -> Result<Fit> {
        let (Some(schema), Value::Struct(record)) = (&data.schema, &data.value) else {
            return Err(documents::no_object());
        };
        if let State::New = self.state {
            self.state = State::Writing(Box::new(Writing::of_struct(schema, &self.options)?));
        }
        match &mut self.state {
            State::Writing(writing) if writing.is_of(schema) => {
                writing.columns.drop_pending();
                values::add(record, &writing.plan, &mut writing.columns)?;
                Ok(Fit::Here)
            }
            _ => Ok(Fit::NextFile),
        }
    }

    fn encode_document(&mut self, text: &[u8], scratch: &mut Vec<u8>) -> Result<Fit> {
        let text = std::str::from_utf8(text).map_err(|_| ConnectError::data("the document is not UTF-8"))?;
        if let State::New = self.state {
            self.state = match &self.options.schema {
                Some(message) => State::Writing(Box::new(Writing::of_message(message, &self.options)?)),
                None => State::Gathering(Gathered::new()),
            };
        }
        match &mut self.state {
            State::Gathering(gathered) => {
                gathered.look_at(text)?;
                scratch.extend_from_slice(text.as_bytes());
                Ok(Fit::Here)
            }
            State::Writing(writing) => writing.add_document(text, &self.json),
            State::New => Ok(Fit::NextFile),
        }
    }

    /// Settles the schema of the documents so far and writes them.
    fn settle(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let State::Gathering(gathered) = &mut self.state else { return Ok(()) };
        let message = Arc::new(gathered.shape.message().map_err(failed)?);
        let writing = Writing::new(message, Source::Documents, Vec::new(), &self.options);
        let mut writing = writing.map_err(|error| ConnectError::fatal(error.to_string()))?;
        for text in [gathered.take_spilled()?, std::mem::take(&mut gathered.texts)] {
            let mut rest = &text[..];
            while let Some((length, texts)) = rest.split_first_chunk() {
                let (text, after) =
                    texts.split_at_checked(u32::from_le_bytes(*length) as usize).unwrap_or((texts, &[]));
                let fit = writing.add_document(&String::from_utf8_lossy(text), &self.json)?;
                if fit != Fit::Here {
                    return Err(ConnectError::fatal("a document does not fit the schema that was made for it"));
                }
                writing.keep(self.options.row_group, out)?;
                rest = after;
            }
        }
        self.state = State::Writing(Box::new(writing));
        Ok(())
    }
}

impl Encoder for ParquetEncoder {
    fn encode(&mut self, item: Item<'_>, scratch: &mut Vec<u8>) -> Result<Fit> {
        let fit = match self.row(item) {
            Ok(Row::Struct(data)) => self.encode_struct(&data),
            Ok(Row::Document(text)) => self.encode_document(&text, scratch),
            Err(error) => Err(error),
        };
        fit.map_err(|error| {
            let (what, place) = (self.column.name(), place(item.record));
            ConnectError::data(format!("the {what} of {place} cannot be written to a Parquet file")).caused_by(error)
        })
    }

    fn append(&mut self, encoded: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        match &mut self.state {
            State::Writing(writing) => writing.keep(self.options.row_group, out),
            State::Gathering(gathered) => {
                gathered.keep(encoded);
                if gathered.byte_count() >= self.options.row_group {
                    self.settle(out)?;
                }
                Ok(encoded.len())
            }
            State::New => Ok(0),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.settle(out)?;
        if let State::Writing(writing) = &mut self.state {
            writing.end_row_group(out)?;
            writing.file.finish().map_err(failed)?;
            out.append(writing.file.inner_mut());
        }
        Ok(())
    }

    fn held(&self) -> usize {
        match &self.state {
            State::New => 0,
            State::Gathering(gathered) => gathered.texts.capacity(),
            State::Writing(writing) => {
                let columns = writing.file.schema_descr().num_columns();
                writing.columns.held() + writing.file.flushed_row_groups().len() * columns * COLUMN_METADATA
            }
        }
    }

    fn release(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        match &mut self.state {
            State::New => Ok(()),
            State::Gathering(gathered) => gathered.release(),
            State::Writing(writing) => writing.columns.spill(),
        }
    }
}

impl Writing {
    fn new(message: TypePtr, source: Source, metadata: Vec<KeyValue>, options: &ParquetOptions) -> Result<Self> {
        let plan = Group::new(&message)?;
        let properties = WriterProperties::builder()
            .set_compression(options.compression)
            .set_data_page_size_limit(PAGE)
            .set_key_value_metadata(Some(metadata).filter(|metadata| !metadata.is_empty()))
            .build();
        let file = SerializedFileWriter::new(Vec::new(), message, Arc::new(properties)).map_err(failed)?;
        Ok(Self { plan, source, columns: Columns::new(file.schema_descr()), file })
    }

    fn of_struct(schema: &Arc<Schema>, options: &ParquetOptions) -> Result<Self> {
        let message = Arc::new(schema::message(schema, options.avro)?);
        // A file has rows of a record, which cannot be null. What Avro has no name for goes without its schema.
        let required = Arc::new(Schema { optional: false, ..(**schema).clone() });
        let metadata = AvroWriter::new(Some(&required), options.avro).map(|avro| {
            vec![
                KeyValue::new("parquet.avro.schema".to_owned(), avro.schema().to_owned()),
                KeyValue::new("writer.model.name".to_owned(), "avro".to_owned()),
            ]
        });
        Self::new(message, Source::Struct(Arc::clone(schema)), metadata.unwrap_or_default(), options)
    }

    fn of_message(message: &TypePtr, options: &ParquetOptions) -> Result<Self> {
        Self::new(Arc::clone(message), Source::Given, Vec::new(), options)
    }

    fn is_of(&self, schema: &Arc<Schema>) -> bool {
        matches!(&self.source, Source::Struct(known) if Arc::ptr_eq(known, schema) || known == schema)
    }

    /// Adds a document. One that does not fit a schema which was found in others goes to a file of its own.
    fn add_document(&mut self, text: &str, json: &JsonConverter) -> Result<Fit> {
        let is_exact = match self.source {
            Source::Struct(_) => return Ok(Fit::NextFile),
            Source::Given => false,
            Source::Documents => true,
        };
        documents::check(text)?;
        self.columns.drop_pending();
        let mut added = documents::add(text, &self.plan, is_exact, &mut self.columns);
        if let Err(Unfit::Twice) = added {
            self.columns.drop_pending();
            let value = json::decode(text.as_bytes(), &mut Keys::default())?;
            let mut plain = Vec::new();
            json.from_connect("", &Data::schemaless(value), &mut plain)?;
            let plain = String::from_utf8_lossy(&plain);
            added = documents::add(&plain, &self.plan, is_exact, &mut self.columns);
        }
        match added {
            Ok(()) => Ok(Fit::Here),
            Err(Unfit::Wrong(_)) if is_exact => Ok(Fit::NextFile),
            Err(Unfit::Wrong(error)) => Err(error),
            Err(Unfit::Malformed(malformed)) => Err(malformed.into()),
            Err(Unfit::Twice) => Err(ConnectError::data("a member comes twice")),
        }
    }

    /// Keeps the record that was added, and writes a row group when there is enough for one.
    fn keep(&mut self, row_group: usize, out: &mut Vec<u8>) -> Result<usize> {
        let bytes = self.columns.keep();
        if self.columns.byte_count() >= row_group {
            self.end_row_group(out)?;
        }
        Ok(bytes)
    }

    fn end_row_group(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.columns.rows() > 0 {
            let group = self.file.next_row_group().map_err(failed)?;
            self.columns.write(group)?;
            out.append(self.file.inner_mut());
        }
        Ok(())
    }
}

impl Gathered {
    fn new() -> Self {
        Self {
            shape: Shape::Object(indexmap::IndexMap::new()),
            wider: None,
            texts: Vec::new(),
            spill: Spill::default(),
        }
    }

    /// Takes note of a document's shape.
    fn look_at(&mut self, text: &str) -> Result<()> {
        self.wider = None;
        if self.shape.covers(&mut Reader::new(text)).map_err(malformed)? {
            return Ok(());
        }
        let Shape::Object(members) = Shape::of(&mut Reader::new(text), 0).map_err(malformed)? else {
            return Err(documents::no_object());
        };
        let wider = self.shape.clone().merged(Shape::Object(members));
        if wider.columns() > MAX_COLUMNS {
            let why = "it would give the file more than";
            return Err(ConnectError::data(format!("{why} {MAX_COLUMNS} columns: set longshore.parquet.schema")));
        }
        self.wider = Some(wider);
        Ok(())
    }

    /// Has what was looked at last in its shape.
    fn widen(&mut self) {
        if let Some(wider) = self.wider.take() {
            self.shape = wider;
        }
    }

    fn keep(&mut self, text: &[u8]) {
        self.widen();
        self.texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.texts.extend_from_slice(text);
    }

    fn byte_count(&self) -> usize {
        self.texts.len() + self.spill.len()
    }

    /// Moves the documents to the file.
    fn release(&mut self) -> Result<()> {
        self.spill.append(&self.texts)?;
        self.texts = Vec::new();
        Ok(())
    }

    fn take_spilled(&mut self) -> Result<Vec<u8>> {
        let mut texts = Vec::new();
        self.spill.read(0, self.spill.len(), &mut texts)?;
        self.spill.clear();
        Ok(texts)
    }
}

static TEXT: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Connect::String)));
static BYTES: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::optional(Connect::Bytes)));
static HEADER: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let field = |name| Field::new(name, Schema::new(Connect::String));
    Arc::new(Schema::structure(vec![field("key"), field("value")]))
});
static HEADERS: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let headers = Field::new("headers", Schema::array(Arc::clone(&HEADER)));
    Arc::new(Schema::structure(vec![headers]).named("RecordHeaders"))
});

fn headers(item: Item<'_>) -> Result<Data> {
    let header = |(name, value): (String, String)| {
        Value::Struct(Struct { schema: Arc::clone(&HEADER), values: vec![Value::string(name), Value::string(value)] })
    };
    let headers = Value::Array(super::headers(item)?.into_iter().map(header).collect());
    let record = Value::Struct(Struct { schema: Arc::clone(&HEADERS), values: vec![headers] });
    Ok(Data::new(Arc::clone(&HEADERS), record))
}

fn malformed(malformed: Malformed) -> ConnectError {
    malformed.into()
}

/// The error of Parquet's writer, which is not expected.
fn failed(error: ParquetError) -> ConnectError {
    ConnectError::fatal(format!("a Parquet file could not be written: {error}"))
}
