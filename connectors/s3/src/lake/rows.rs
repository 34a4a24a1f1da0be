//! The rows of an object, whatever its format: each as JSON text, as the JSON format would have written it.

use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use longshore_api::{ConnectError, Data, Result};
use longshore_formats::json;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::TypePtr;

use super::avro_file::AvroFile;
use super::csv;
use super::name::Format;
use super::parquet_json;
use super::spool::Slice;

/// The most bytes of a line, of a block of Avro, of anything that is held in memory at once.
pub(crate) const MAX_PIECE: u64 = 256 << 20;

/// The rows of an object.
pub(crate) struct Rows(Source);

enum Source {
    Json(Box<dyn BufRead + Send>),
    Csv { reader: csv::Reader<Box<dyn BufRead + Send>>, header: Option<Vec<String>> },
    Avro(Box<AvroFile<Box<dyn BufRead + Send>>>),
    Parquet { message: TypePtr, schema: String, rows: RowIter<'static> },
}

/// The error of an object that is not what its name says.
pub(crate) fn corrupt(what: impl std::fmt::Display) -> ConnectError {
    ConnectError::data(what.to_string())
}

impl Rows {
    /// The rows of an object. `has_header` is whether the first line of CSV names the columns.
    ///
    /// # Errors
    /// Kind BadRecord: it does not begin as its format does.
    pub(crate) fn open(object: &Slice, format: Format, is_gzip: bool, has_header: bool) -> Result<Self> {
        if format == Format::Parquet {
            let reader = SerializedFileReader::new(object.clone()).map_err(corrupt)?;
            let message = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
            let schema = parquet_json::schema_text(&message);
            return Ok(Self(Source::Parquet { message, schema, rows: RowIter::from_file_into(Box::new(reader)) }));
        }
        let reader: Box<dyn BufRead + Send> = match is_gzip {
            true => Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(object.reader())))),
            false => Box::new(BufReader::new(object.reader())),
        };
        Ok(Self(match format {
            Format::Csv => {
                let mut reader = csv::Reader::new(reader);
                let names = if has_header { Some(reader.next()?.unwrap_or_default()) } else { None };
                let header = names.map(|names| names.into_iter().map(Option::unwrap_or_default).collect());
                Source::Csv { reader, header }
            }
            Format::Avro => Source::Avro(Box::new(AvroFile::open(reader)?)),
            _ => Source::Json(reader),
        }))
    }

    /// The schema that the object carries: Avro's JSON, or a message type of Parquet.
    pub(crate) fn schema(&self) -> Option<&str> {
        match &self.0 {
            Source::Avro(file) => Some(file.schema()),
            Source::Parquet { schema, .. } => Some(schema),
            _ => None,
        }
    }

    /// The next value of Avro with its Connect schema; `None` after the last, and of objects of other formats.
    ///
    /// # Errors
    /// Kind BadRecord: what is there is no value of the schema.
    pub(crate) fn next_data(&mut self) -> Result<Option<Data>> {
        match &mut self.0 {
            Source::Avro(file) => file.next(),
            _ => Ok(None),
        }
    }

    /// Replaces `row` by the next row; false after the last.
    ///
    /// # Errors
    /// Kind BadRecord: what is there is no row.
    pub(crate) fn next(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        row.clear();
        match &mut self.0 {
            Source::Json(reader) => {
                let read = reader.take(MAX_PIECE).read_until(b'\n', row).map_err(corrupt)?;
                if read == 0 {
                    return Ok(false);
                }
                if row.pop_if(|last| *last == b'\n').is_none() {
                    // All sinks end a line; a line that is not ended was cut off, unless it happens to be whole.
                    let cut = |error: ConnectError| corrupt(format!("the last line is cut off: {error}"));
                    json::check(row).map_err(cut)?;
                } else {
                    json::check(row)?;
                }
            }
            Source::Csv { reader, header } => {
                let Some(fields) = reader.next()? else { return Ok(false) };
                csv::write_json(&fields, header.as_deref(), row)?;
            }
            Source::Avro(file) => return file.next_json(row),
            Source::Parquet { message, rows, .. } => match rows.next() {
                Some(next) => parquet_json::row(&next.map_err(corrupt)?, message, row),
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}
