//! What of a row group is still to be written: the values of each column with their levels, one buffer a column.
//!
//! A record's values are added one by one and count when the record is [kept](Columns::keep); else they are
//! [dropped](Columns::drop_pending). When memory is short everything moves to a temporary file, from which
//! [`write`](Columns::write) reads it column by column: where a row group ends never depends on memory.

use std::ops::Range;

use bytes::{Buf, Bytes};
use longshore_api::Result;
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::SchemaDescriptor;

use super::failed;
use crate::spill::Spill;

/// Values that are handed to Parquet's writer at a time, but for those of a record, which stay together.
const PIECE: usize = 4096;

/// The values of a row group's columns.
pub(super) struct Columns {
    leaves: Vec<Leaf>,
    /// Records and bytes that are kept, in memory and in the file.
    rows: usize,
    bytes: usize,
    spill: Spill,
    segments: Vec<Segment>,
}

/// A column's values: each definition level and each repetition level a byte, where the column has such levels at
/// all; values as Parquet's plain encoding has them, a byte array after its length.
#[derive(Default)]
struct Leaf {
    has_definitions: bool,
    has_repetitions: bool,
    /// The definition level of a value that is there.
    present: u8,
    parts: [Vec<u8>; 3],
    kept: [usize; 3],
}

const DEFINITIONS: usize = 0;
const REPETITIONS: usize = 1;
const VALUES: usize = 2;

/// What was moved to the file at once: how long the parts of each column are, one after the other.
struct Segment {
    start: usize,
    lengths: Vec<[u32; 3]>,
}

impl Columns {
    /// The columns of a schema, without values.
    pub(super) fn new(schema: &SchemaDescriptor) -> Self {
        let leaf = |column: &parquet::schema::types::ColumnDescPtr| Leaf {
            has_definitions: column.max_def_level() > 0,
            has_repetitions: column.max_rep_level() > 0,
            present: u8::try_from(column.max_def_level()).unwrap_or(u8::MAX),
            ..Leaf::default()
        };
        let leaves = schema.columns().iter().map(leaf).collect();
        Self { leaves, rows: 0, bytes: 0, spill: Spill::default(), segments: Vec::new() }
    }

    /// Adds a null to columns: `definition` says how much of the path to them is there.
    pub(super) fn null(&mut self, columns: Range<usize>, definition: u8, repetition: u8) {
        self.leaves[columns].iter_mut().for_each(|leaf| leaf.levels(definition, repetition));
    }

    /// Adds a value of a fixed width to a column.
    pub(super) fn fixed(&mut self, column: usize, repetition: u8, value: &[u8]) {
        let leaf = &mut self.leaves[column];
        leaf.levels(leaf.present, repetition);
        leaf.parts[VALUES].extend_from_slice(value);
    }

    /// Adds a byte array to a column. Arrays of 4 GiB cannot come: no record is that large.
    pub(super) fn bytes(&mut self, column: usize, repetition: u8, value: &[u8]) {
        let leaf = &mut self.leaves[column];
        leaf.levels(leaf.present, repetition);
        leaf.parts[VALUES].extend_from_slice(&(value.len() as u32).to_le_bytes());
        leaf.parts[VALUES].extend_from_slice(value);
    }

    /// Forgets what was added since the last record that was kept.
    pub(super) fn drop_pending(&mut self) {
        for leaf in &mut self.leaves {
            for (part, kept) in leaf.parts.iter_mut().zip(leaf.kept) {
                part.truncate(kept);
            }
        }
    }

    /// Keeps what was added as a record; says how many bytes it takes.
    pub(super) fn keep(&mut self) -> usize {
        let mut bytes = 0;
        for leaf in &mut self.leaves {
            for (part, kept) in leaf.parts.iter().zip(&mut leaf.kept) {
                bytes += part.len() - *kept;
                *kept = part.len();
            }
        }
        self.rows += 1;
        self.bytes += bytes;
        bytes
    }

    /// Records that are kept.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the records that are kept, wherever they are.
    pub(super) fn byte_count(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that the columns take.
    pub(super) fn held(&self) -> usize {
        let parts = self.leaves.iter().flat_map(|leaf| &leaf.parts).map(Vec::capacity).sum::<usize>();
        parts + self.segments.len() * self.leaves.len() * size_of::<[u32; 3]>()
    }

    /// Moves the records that are kept to the file, and forgets what is not. If that fails, they stay in memory.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(super) fn spill(&mut self) -> Result<()> {
        self.drop_pending();
        if self.leaves.iter().all(|leaf| leaf.parts.iter().all(Vec::is_empty)) {
            return Ok(());
        }
        let mut segment = Segment { start: self.spill.len(), lengths: Vec::with_capacity(self.leaves.len()) };
        for leaf in &self.leaves {
            segment.lengths.push([0, 1, 2].map(|part| leaf.parts[part].len() as u32));
            for part in &leaf.parts {
                self.spill.append(part)?;
            }
        }
        self.leaves.iter_mut().for_each(|leaf| drop(leaf.take()));
        self.segments.push(segment);
        Ok(())
    }

    /// Writes all records that are kept as a row group, and forgets them.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(super) fn write(&mut self, mut group: SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<()> {
        self.drop_pending();
        let mut offsets: Vec<usize> = self.segments.iter().map(|segment| segment.start).collect();
        for (index, leaf) in self.leaves.iter_mut().enumerate() {
            let Some(mut column) = group.next_column().map_err(failed)? else { break };
            for (segment, offset) in self.segments.iter().zip(&mut offsets) {
                let mut parts = [Vec::new(), Vec::new(), Vec::new()];
                for (part, length) in parts.iter_mut().zip(segment.lengths[index]) {
                    self.spill.read(*offset, length as usize, part)?;
                    *offset += length as usize;
                }
                Run::new(leaf, parts).write(column.untyped())?;
            }
            let parts = leaf.take();
            Run::new(leaf, parts).write(column.untyped())?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.segments.clear();
        self.spill.clear();
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Leaf {
    fn levels(&mut self, definition: u8, repetition: u8) {
        if self.has_definitions {
            self.parts[DEFINITIONS].push(definition);
        }
        if self.has_repetitions {
            self.parts[REPETITIONS].push(repetition);
        }
    }

    fn take(&mut self) -> [Vec<u8>; 3] {
        self.kept = [0; 3];
        std::mem::take(&mut self.parts)
    }
}

/// A column's values on their way to Parquet's writer.
struct Run {
    definitions: Option<Vec<u8>>,
    repetitions: Option<Vec<u8>>,
    values: Bytes,
    present: u8,
}

impl Run {
    fn new(leaf: &Leaf, [definitions, repetitions, values]: [Vec<u8>; 3]) -> Self {
        Self {
            definitions: leaf.has_definitions.then_some(definitions),
            repetitions: leaf.has_repetitions.then_some(repetitions),
            values: values.into(),
            present: leaf.present,
        }
    }

    fn write(self, column: &mut ColumnWriter<'_>) -> Result<()> {
        use ColumnWriter as Writer;
        match column {
            Writer::BoolColumnWriter(writer) => self.pieces(writer, |values| values.array().map(|[byte]| byte != 0)),
            Writer::Int32ColumnWriter(writer) => self.pieces(writer, |values| values.array().map(i32::from_le_bytes)),
            Writer::Int64ColumnWriter(writer) => self.pieces(writer, |values| values.array().map(i64::from_le_bytes)),
            Writer::FloatColumnWriter(writer) => self.pieces(writer, |values| values.array().map(f32::from_le_bytes)),
            Writer::DoubleColumnWriter(writer) => self.pieces(writer, |values| values.array().map(f64::from_le_bytes)),
            Writer::ByteArrayColumnWriter(writer) => self.pieces(writer, |values| {
                let length = values.array().map(u32::from_le_bytes)? as usize;
                values.slice(length).map(ByteArray::from)
            }),
            Writer::FixedLenByteArrayColumnWriter(writer) => {
                let length = usize::try_from(writer.get_descriptor().type_length()).unwrap_or(0);
                self.pieces(writer, |values| values.slice(length).map(ByteArray::from).map(FixedLenByteArray::from))
            }
            // No schema that is taken has such a column.
            Writer::Int96ColumnWriter(_) => Ok(()),
        }
    }

    /// Hands the values over, so many at a time that what they take as Parquet's own types stays small.
    fn pieces<T: DataType>(
        self,
        writer: &mut ColumnWriterImpl<'_, T>,
        next: impl Fn(&mut Values) -> Option<T::T>,
    ) -> Result<()> {
        let mut rest = Values(self.values);
        let mut values = Vec::new();
        let Some(definitions) = &self.definitions else {
            while !rest.0.is_empty() {
                values.clear();
                values.extend(std::iter::from_fn(|| next(&mut rest)).take(PIECE));
                if values.is_empty() {
                    break;
                }
                writer.write_batch(&values, None, None).map_err(failed)?;
            }
            return Ok(());
        };
        let mut start = 0;
        while start < definitions.len() {
            let mut end = definitions.len().min(start + PIECE);
            if let Some(repetitions) = &self.repetitions {
                // The values of a record stay together: each begins at level 0.
                end += repetitions[end..].iter().take_while(|level| **level > 0).count();
            }
            let levels = |levels: &[u8]| levels[start..end].iter().map(|level| i16::from(*level)).collect::<Vec<_>>();
            let present = definitions[start..end].iter().filter(|level| **level == self.present).count();
            values.clear();
            values.extend(std::iter::from_fn(|| next(&mut rest)).take(present));
            let repetitions = self.repetitions.as_deref().map(levels);
            writer.write_batch(&values, Some(&levels(definitions)), repetitions.as_deref()).map_err(failed)?;
            start = end;
        }
        Ok(())
    }
}

/// Values in the form in which [`Leaf`] has them, from front to back.
struct Values(Bytes);

impl Values {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.0.first_chunk::<N>()?;
        self.0.advance(N);
        Some(array)
    }

    fn slice(&mut self, length: usize) -> Option<Bytes> {
        (self.0.len() >= length).then(|| self.0.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn records_that_cannot_be_spilled_stay() {
        let message = parse_message_type("message m { required int32 n; }").unwrap();
        let mut columns = Columns::new(&SchemaDescriptor::new(message.into()));
        columns.fixed(0, 0, &7_i32.to_le_bytes());
        columns.keep();
        columns.spill = Spill::read_only();
        assert!(columns.spill().is_err());
        assert!(columns.segments.is_empty());
        columns.spill = Spill::default();
        columns.spill().unwrap();
        let mut spilled = Vec::new();
        columns.spill.read(0, columns.spill.len(), &mut spilled).unwrap();
        assert_eq!((spilled, columns.segments.len()), (7_i32.to_le_bytes().to_vec(), 1));
        assert!(columns.leaves[0].parts.iter().all(Vec::is_empty));
    }
}
