//! Parquet files into one, column by column: values go from one file to the other with their levels, never through rows,
//! so that nothing of them can change. Small row groups become large ones.
//!
//! Files whose schemas differ are joined where every field that they share has one type: a field that some of them lack,
//! or that is optional in some, is optional in what comes out.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use longshore_api::Result;
use parquet::basic::{Compression, LogicalType, Repetition};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::lake::rows::corrupt;
use crate::lake::spool::Slice;

/// Bytes of values, before compression, that a row group has at least, if there are so many.
const ROW_GROUP: i64 = 64 << 20;
/// Rows that are copied at a time.
const BATCH: usize = 8192;

/// A file that is joined with others.
struct Part {
    reader: SerializedFileReader<Slice>,
    /// The leaf columns of each field.
    leaves: IndexMap<String, Range<usize>>,
}

/// Fields of a message that are to be those of several files.
#[derive(Debug, Clone)]
struct Union {
    name: String,
    fields: IndexMap<String, TypePtr>,
}

/// The first of several files whose schemas make one.
pub(super) struct Joined {
    parts: Vec<Part>,
    schema: TypePtr,
}

/// Opens files as far as their schemas make one, the first at least.
///
/// # Errors
/// Which of them is no Parquet file, and why.
pub(super) fn open(files: &[Slice]) -> std::result::Result<Joined, (usize, ParquetError)> {
    let (mut parts, mut union) = (Vec::new(), None::<Union>);
    for (index, file) in files.iter().enumerate() {
        let reader = SerializedFileReader::new(file.clone()).map_err(|error| (index, error))?;
        let message = reader.metadata().file_metadata().schema();
        let wider = match &union {
            Some(union) => union.with(message).map_err(|error| (index, error))?,
            None => Some(Union::of(message)),
        };
        let Some(wider) = wider else { break };
        union = Some(wider);
        let leaves = leaves(message);
        if leaves.len() < message.get_fields().len() {
            return Err((index, ParquetError::General("two columns have one name".to_owned())));
        }
        parts.push(Part { leaves, reader });
    }
    let schema = match union {
        Some(Union { name, fields }) => {
            Type::group_type_builder(&name).with_fields(fields.into_values().collect()).build()
        }
        None => Err(ParquetError::General("there is no file".to_owned())),
    };
    Ok(Joined { parts, schema: Arc::new(schema.map_err(|error| (0, error))?) })
}

impl Joined {
    /// The rows of each file.
    pub(super) fn rows(&self) -> Vec<u64> {
        let rows = |part: &Part| u64::try_from(part.reader.metadata().file_metadata().num_rows()).unwrap_or(0);
        self.parts.iter().map(rows).collect()
    }

    /// Writes the rows of all of them.
    ///
    /// # Errors
    /// Kind BadRecord: a page that cannot be read.
    pub(super) fn write(&self, out: &mut dyn Write) -> Result<()> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(self.metadata()).filter(|pairs| !pairs.is_empty()))
            .build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::clone(&self.schema), Arc::new(properties)).map_err(corrupt)?;
        let groups = self.groups();
        let mut drain = |writer: &mut SerializedFileWriter<Vec<u8>>| {
            let ready = std::mem::take(writer.inner_mut());
            out.write_all(&ready).map_err(super::temporary)
        };
        for group in groups {
            let next = writer.next_row_group().map_err(corrupt)?;
            self.write_group(&group, next).map_err(corrupt)?;
            drain(&mut writer)?;
        }
        writer.finish().map_err(corrupt)?;
        drain(&mut writer)
    }

    /// Which row groups of which files make a row group.
    fn groups(&self) -> Vec<Vec<(usize, usize)>> {
        let (mut groups, mut bytes) = (Vec::new(), ROW_GROUP);
        for (index, part) in self.parts.iter().enumerate() {
            for (number, group) in part.reader.metadata().row_groups().iter().enumerate() {
                if bytes >= ROW_GROUP {
                    groups.push(Vec::new());
                    bytes = 0;
                }
                bytes += group.total_byte_size().max(0);
                if let Some(last) = groups.last_mut() {
                    last.push((index, number));
                }
            }
        }
        groups
    }

    fn write_group<W: Write + Send>(
        &self,
        group: &[(usize, usize)],
        mut writer: SerializedRowGroupWriter<'_, W>,
    ) -> ParquetResult<()> {
        for field in self.schema.get_fields() {
            for leaf in 0..leaf_count(field) {
                let Some(mut column) = writer.next_column()? else { break };
                for (part, number) in group {
                    let part = &self.parts[*part];
                    let rows = part.reader.get_row_group(*number)?;
                    let count = usize::try_from(rows.metadata().num_rows()).unwrap_or(0);
                    let Some(leaves) = part.leaves.get(field.name()) else {
                        add_nulls(column.untyped(), count)?;
                        continue;
                    };
                    let own = part.reader.metadata().file_metadata().schema_descr();
                    let index = leaves.start + leaf;
                    let levels = column_levels(column.untyped());
                    let added = levels.0 - own.column(index).max_def_level();
                    copy_column(rows.get_column_reader(index)?, column.untyped(), Shift { added, levels })?;
                }
                column.close()?;
            }
        }
        writer.close()?;
        Ok(())
    }

    /// What all files say of themselves alike.
    fn metadata(&self) -> Vec<KeyValue> {
        let pairs = |part: &Part| {
            let metadata: &ParquetMetaData = part.reader.metadata();
            metadata.file_metadata().key_value_metadata().cloned().unwrap_or_default()
        };
        let mut common = self.parts.first().map(pairs).unwrap_or_default();
        for part in self.parts.iter().skip(1) {
            let own = pairs(part);
            common.retain(|pair| own.contains(pair));
        }
        common
    }
}

impl Union {
    fn of(message: &Type) -> Self {
        let fields = message.get_fields().iter().map(|field| (field.name().to_owned(), Arc::clone(field))).collect();
        Self { name: message.name().to_owned(), fields }
    }

    /// The fields of these files and of another one, if each has one type.
    fn with(&self, message: &Type) -> ParquetResult<Option<Self>> {
        let mut union = self.clone();
        let others = Self::of(message).fields;
        for (name, other) in &others {
            let Some(known) = union.fields.get_mut(name) else {
                // The files before it have no such field.
                let Some(field) = optional(other)? else { return Ok(None) };
                union.fields.insert(name.clone(), field);
                continue;
            };
            if known == other {
                continue;
            }
            match (optional(known)?, optional(other)?) {
                (Some(one), Some(other)) if one == other => *known = one,
                _ => return Ok(None),
            }
        }
        for (name, known) in &mut union.fields {
            if !others.contains_key(name) {
                let Some(field) = optional(known)? else { return Ok(None) };
                *known = field;
            }
        }
        Ok(Some(union))
    }
}

/// A field as one that may be null; `None` for a repeated one, which cannot.
fn optional(field: &TypePtr) -> ParquetResult<Option<TypePtr>> {
    let info = field.get_basic_info();
    match info.repetition() {
        Repetition::OPTIONAL => return Ok(Some(Arc::clone(field))),
        Repetition::REPEATED => return Ok(None),
        Repetition::REQUIRED => {}
    }
    let logical: Option<LogicalType> = info.logical_type_ref().cloned();
    let id = info.has_id().then(|| info.id());
    let field = match &**field {
        Type::PrimitiveType { physical_type, type_length, scale, precision, .. } => {
            Type::primitive_type_builder(field.name(), *physical_type)
                .with_repetition(Repetition::OPTIONAL)
                .with_converted_type(info.converted_type())
                .with_logical_type(logical)
                .with_length(*type_length)
                .with_precision(*precision)
                .with_scale(*scale)
                .with_id(id)
                .build()?
        }
        Type::GroupType { fields, .. } => Type::group_type_builder(field.name())
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(info.converted_type())
            .with_logical_type(logical)
            .with_fields(fields.clone())
            .with_id(id)
            .build()?,
    };
    Ok(Some(Arc::new(field)))
}

fn leaf_count(field: &Type) -> usize {
    if field.is_group() { field.get_fields().iter().map(|field| leaf_count(field)).sum() } else { 1 }
}

fn leaves(message: &Type) -> IndexMap<String, Range<usize>> {
    let mut next = 0;
    let leaves = message.get_fields().iter().map(|field| {
        let start = next;
        next += leaf_count(field);
        (field.name().to_owned(), start..next)
    });
    leaves.collect()
}

/// How the levels of a column change, and its highest ones in what comes out.
#[derive(Clone, Copy)]
struct Shift {
    /// 1 for a field that is optional now and was not.
    added: i16,
    levels: (i16, i16),
}

/// Calls a function for a column's writer, whatever its type.
macro_rules! with_writer {
    ($column:expr, $writer:ident => $call:expr) => {
        match $column {
            ColumnWriter::BoolColumnWriter($writer) => $call,
            ColumnWriter::Int32ColumnWriter($writer) => $call,
            ColumnWriter::Int64ColumnWriter($writer) => $call,
            ColumnWriter::Int96ColumnWriter($writer) => $call,
            ColumnWriter::FloatColumnWriter($writer) => $call,
            ColumnWriter::DoubleColumnWriter($writer) => $call,
            ColumnWriter::ByteArrayColumnWriter($writer) => $call,
            ColumnWriter::FixedLenByteArrayColumnWriter($writer) => $call,
        }
    };
}

/// The highest definition level and the highest repetition level of a column.
fn column_levels(column: &ColumnWriter<'_>) -> (i16, i16) {
    with_writer!(column, writer => {
        let column = writer.get_descriptor();
        (column.max_def_level(), column.max_rep_level())
    })
}

fn add_nulls(column: &mut ColumnWriter<'_>, rows: usize) -> ParquetResult<()> {
    let zeros = vec![0; rows.min(BATCH)];
    let mut left = rows;
    while left > 0 {
        let levels = &zeros[..left.min(BATCH)];
        let has_repetitions = column_levels(column).1 > 0;
        with_writer!(column, writer => writer.write_batch(&[], Some(levels), has_repetitions.then_some(levels)))?;
        left -= levels.len();
    }
    Ok(())
}

fn copy_column(from: ColumnReader, to: &mut ColumnWriter<'_>, shift: Shift) -> ParquetResult<()> {
    use {ColumnReader as From, ColumnWriter as To};
    match (from, to) {
        (From::BoolColumnReader(from), To::BoolColumnWriter(to)) => copy(from, to, shift),
        (From::Int32ColumnReader(from), To::Int32ColumnWriter(to)) => copy(from, to, shift),
        (From::Int64ColumnReader(from), To::Int64ColumnWriter(to)) => copy(from, to, shift),
        (From::Int96ColumnReader(from), To::Int96ColumnWriter(to)) => copy(from, to, shift),
        (From::FloatColumnReader(from), To::FloatColumnWriter(to)) => copy(from, to, shift),
        (From::DoubleColumnReader(from), To::DoubleColumnWriter(to)) => copy(from, to, shift),
        (From::ByteArrayColumnReader(from), To::ByteArrayColumnWriter(to)) => copy(from, to, shift),
        (From::FixedLenByteArrayColumnReader(from), To::FixedLenByteArrayColumnWriter(to)) => copy(from, to, shift),
        _ => Err(ParquetError::General("a column is of another type than its schema says".to_owned())),
    }
}

fn copy<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    to: &mut ColumnWriterImpl<'_, T>,
    Shift { added, levels }: Shift,
) -> ParquetResult<()> {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        values.clear();
        definitions.clear();
        repetitions.clear();
        let read = from.read_records(BATCH, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
        let (records, _, level_count) = read;
        if records == 0 && level_count == 0 {
            return Ok(());
        }
        // A column without levels has none to be read: every value is there.
        definitions.resize(level_count, 0);
        definitions.iter_mut().for_each(|level| *level += added);
        let definitions = (levels.0 > 0).then_some(&definitions[..]);
        let repetitions = (levels.1 > 0).then_some(&repetitions[..]);
        to.write_batch(&values, definitions, repetitions)?;
    }
}
