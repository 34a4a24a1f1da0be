//! The rows of several objects in one, on this machine's disk. Memory holds a row and a row group.

mod exact;
mod join;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;

use longshore_api::{Batch, BatchBuilder, ConnectError, ErrorKind, Payload, Result, RowParts, Slot, Slots, Value};
use longshore_formats::AvroOptions;
use parquet::basic::Compression;
use parquet::schema::types::TypePtr;

use super::compact::Target;
use super::csv;
use super::fields::{self, Kinds};
use super::name::{Format, Side};
use super::rows::{Rows, corrupt};
use super::spool::{Slice, Spool, temporary};
use super::{inspect, name::Name};
use crate::format::{Column, Documents, Encoder, Fit, Item, ParquetEncoder, ParquetOptions};
use exact::Lossy;

/// Bytes of records in a row group.
const ROW_GROUP: usize = 64 << 20;

/// An object, copied to this machine.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) key: String,
    pub(super) copy: Slice,
    pub(super) name: Name,
}

/// What was made of the first of several objects.
pub(super) struct Made {
    pub(super) file: Slice,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// The rows of each object that is in it: of all, or of those before one with a schema that does not go with theirs.
    pub(super) rows: Vec<u64>,
}

/// Why an object cannot be read, and which.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) object: String,
    pub(super) error: ConnectError,
}

impl From<ConnectError> for Failed {
    fn from(error: ConnectError) -> Self {
        Self { object: String::new(), error }
    }
}

type Outcome<T> = std::result::Result<T, Failed>;

impl Source {
    fn format(&self) -> Format {
        self.name.format.map_or(Format::Json, |(format, _)| format)
    }

    fn rows(&self) -> Result<Rows> {
        let (format, is_gzip) = self.name.format.unwrap_or((Format::Json, false));
        Rows::open(&self.copy, format, is_gzip, self.name.is_compacted)
    }

    /// Calls `visit` for each row as a JSON object; says how many there are.
    fn each(&self, mut visit: impl FnMut(&[u8]) -> Result<()>) -> Outcome<u64> {
        let (mut row, mut count) = (Vec::new(), 0);
        let mut read = || {
            let mut rows = self.rows()?;
            while rows.next(&mut row)? {
                visit(&self.object(&row))?;
                count += 1;
            }
            Ok(())
        };
        match read() {
            Ok(()) => Ok(count),
            Err(error) => Err(self.failed()(at_row(count, error))),
        }
    }

    /// A row as an object, which those of keys and plain values are not.
    fn object<'a>(&self, row: &'a [u8]) -> Cow<'a, [u8]> {
        let member = match self.name.side {
            Side::Value => "value",
            Side::Keys => "key",
            Side::Headers => "headers",
        };
        match row.trim_ascii_start().first() {
            Some(b'{') => row.into(),
            _ => [b"{\"", member.as_bytes(), b"\":", row, b"}"].concat().into(),
        }
    }

    fn failed(&self) -> impl Fn(ConnectError) -> Failed + '_ {
        |error| Failed { object: self.key.clone(), error }
    }

    /// Whether Avro's records are structs, whose schema becomes that of a file.
    fn has_structs(&self) -> Outcome<bool> {
        let first = self.rows().and_then(|mut rows| rows.next_data()).map_err(self.failed())?;
        Ok(first.is_some_and(|data| matches!(data.value, Value::Struct(_))))
    }
}

/// The error of the row that comes after so many.
fn at_row(before: u64, error: ConnectError) -> ConnectError {
    match error.kind {
        ErrorKind::BadRecord => corrupt(format!("row {}: {error}", before + 1)),
        _ => error,
    }
}

/// Makes one object of several, of the first of them at least.
///
/// # Errors
/// Which of them cannot be read.
pub(super) fn merge(sources: &[Source], to: Target) -> Outcome<Made> {
    let Some(first) = sources.first() else { return Err(ConnectError::fatal("there is nothing to merge").into()) };
    let mut file = tempfile::tempfile().map_err(temporary)?;
    let rows = match (to, first.format()) {
        (Target::Csv, _) => to_csv(sources, &mut file)?,
        (Target::Parquet, Format::Parquet) => join(sources, &mut file)?,
        (Target::Parquet, Format::Avro) if first.has_structs()? => typed(sources, &mut file)?,
        (Target::Parquet, _) => documents(sources, &mut file)?,
    };
    let bytes = file.stream_position().map_err(temporary)?;
    let file = Slice::whole(file)?;
    Ok(Made { bytes, sha256: inspect::checksum(&file)?, file, rows })
}

fn to_csv(sources: &[Source], out: &mut File) -> Outcome<Vec<u64>> {
    let mut kinds = Kinds::default();
    for source in sources {
        source.each(|row| kinds.add(row))?;
    }
    let Some(columns) = kinds.names() else {
        let error = corrupt("its rows have too many members, or members with too long names, to be columns");
        return Err(sources[0].failed()(error));
    };
    let (mut out, mut line) = (BufWriter::new(out), Vec::new());
    csv::write_record(columns.iter().map(|name| Some(*name)), &mut line);
    let mut cells: Vec<Option<Cow<'_, str>>> = vec![None; columns.len()];
    let mut seen = vec![false; columns.len()];
    let mut counts = Vec::with_capacity(sources.len());
    for source in sources {
        counts.push(source.each(|row| {
            cells.fill(None);
            seen.fill(false);
            let mut twice = None;
            fields::visit(row, |name, _, text| {
                if let Some(at) = columns.get_index_of(name) {
                    cells[at] = csv::cell(text).map(|text| text.into_owned().into());
                    twice = twice.take().or(std::mem::replace(&mut seen[at], true).then_some(at));
                }
            })?;
            if let Some(name) = twice.and_then(|at| columns.get_index(at)) {
                return Err(corrupt(format!("field {name}: it comes twice")));
            }
            csv::write_record(cells.iter().map(Option::as_deref), &mut line);
            out.write_all(&line).map_err(temporary)?;
            line.clear();
            Ok(())
        })?);
    }
    // Without a row, the names of the columns are still there.
    out.write_all(&line).and_then(|()| out.flush()).map_err(temporary)?;
    Ok(counts)
}

/// JSON and CSV: a schema is found in all rows, then they are written by it.
fn documents(sources: &[Source], out: &mut File) -> Outcome<Vec<u64>> {
    let (mut shape, mut lossy) = (Documents::default(), Lossy::default());
    for source in sources {
        source.each(|row| {
            lossy.look_at(row, &source.key)?;
            shape.add(row)
        })?;
    }
    let schema = shape.schema().map_err(sources[0].failed())?;
    if let Some((object, why)) = lossy.lost(&schema) {
        return Err(Failed { object: object.to_owned(), error: corrupt(why) });
    }
    let mut sheet = Sheet::new(Some(schema))?;
    let mut out = BufWriter::new(out);
    let mut counts = Vec::with_capacity(sources.len());
    for source in sources {
        counts.push(source.each(|row| sheet.add(Payload::Json(row), &mut out))?);
    }
    sheet.finish(&mut out)?;
    out.flush().map_err(temporary)?;
    Ok(counts)
}

/// Avro's records, with their types: a file for each run of objects with one schema, and these joined.
fn typed(sources: &[Source], out: &mut File) -> Outcome<Vec<u64>> {
    let (mut spool, mut files, mut counts) = (Spool::new()?, Vec::new(), Vec::new());
    let mut rest = sources;
    while let Some(first) = rest.first() {
        let schema = first.rows().map_err(first.failed())?.schema().map(str::to_owned);
        let mut same = 1;
        for source in &rest[1..] {
            if source.rows().map_err(source.failed())?.schema() != schema.as_deref() {
                break;
            }
            same += 1;
        }
        if !first.has_structs()? {
            // Others are no structs: those go to an object of their own.
            break;
        }
        let mut rows = Vec::new();
        files.push(spool.add(|out| {
            let mut sheet = Sheet::new(None)?;
            for source in &rest[..same] {
                rows.push(copy_data(source, &mut sheet, out).map_err(source.failed())?);
            }
            Ok::<_, Failed>(sheet.finish(out)?)
        })?);
        counts.push(rows);
        rest = &rest[same..];
    }
    let blame = |index: usize| {
        let before: usize = counts[..index].iter().map(Vec::len).sum();
        sources[before].key.clone()
    };
    let joined = write_joined(&files, &blame, out)?;
    counts.truncate(joined.len());
    Ok(counts.into_iter().flatten().collect())
}

fn copy_data(source: &Source, sheet: &mut Sheet, out: &mut dyn Write) -> Result<u64> {
    let (mut rows, mut count) = (source.rows()?, 0);
    while let Some(data) = rows.next_data().map_err(|error| at_row(count, error))? {
        sheet.add(Payload::Data(&data), out).map_err(|error| at_row(count, error))?;
        count += 1;
    }
    Ok(count)
}

/// Parquet's columns as they are.
fn join(sources: &[Source], out: &mut File) -> Outcome<Vec<u64>> {
    let files: Vec<Slice> = sources.iter().map(|source| source.copy.clone()).collect();
    write_joined(&files, &|index| sources[index].key.clone(), out)
}

/// Joins files; says how many rows each of those that were joined has. `blame` is whose a file is.
fn write_joined(files: &[Slice], blame: &dyn Fn(usize) -> String, out: &mut File) -> Outcome<Vec<u64>> {
    let joined = join::open(files).map_err(|(index, error)| Failed { object: blame(index), error: corrupt(error) })?;
    let mut out = BufWriter::new(out);
    joined.write(&mut out).map_err(|error| Failed { object: blame(0), error })?;
    out.flush().map_err(temporary)?;
    Ok(joined.rows())
}

/// A Parquet file in the making.
struct Sheet {
    encoder: ParquetEncoder,
    /// A record for the encoder to stand in messages.
    batch: Batch,
    scratch: Vec<u8>,
    ready: Vec<u8>,
}

impl Sheet {
    fn new(schema: Option<TypePtr>) -> Result<Self> {
        let options = ParquetOptions {
            avro: AvroOptions { enhanced: true, connect_meta_data: true, optional_map_keys: false },
            compression: Compression::SNAPPY,
            row_group: ROW_GROUP,
            schema,
            decimal_format: "NUMERIC".to_owned(),
        };
        let mut builder = BatchBuilder::default();
        let topic = builder.topic_index(&Arc::from("row"));
        builder.push(topic, RowParts::default());
        let mut batch = builder.finish();
        batch.set_slots(vec![Slots { row: 0, topic, key: Slot::Null, value: Slot::Null }]);
        let encoder = ParquetEncoder::new(Column::Value, Arc::new(options))?;
        Ok(Self { encoder, batch, scratch: Vec::new(), ready: Vec::new() })
    }

    fn add(&mut self, value: Payload<'_>, out: &mut (impl Write + ?Sized)) -> Result<()> {
        self.scratch.clear();
        let record = self.batch.record(0);
        let fit = self.encoder.encode(Item { record, value }, &mut self.scratch);
        // The place of a record in Kafka is none of a row of an object.
        let fit = fit.map_err(|error| error.cause.map_or_else(|| corrupt("it has no form in Parquet"), |cause| *cause));
        if fit? != Fit::Here {
            return Err(corrupt("it is of another schema than those before it"));
        }
        self.encoder.append(&self.scratch, &mut self.ready)?;
        self.write(out)
    }

    fn finish(&mut self, out: &mut (impl Write + ?Sized)) -> Result<()> {
        self.encoder.finish(&mut self.ready)?;
        self.write(out)
    }

    fn write(&mut self, out: &mut (impl Write + ?Sized)) -> Result<()> {
        out.write_all(&self.ready).map_err(temporary)?;
        self.ready.clear();
        Ok(())
    }
}
