//! Where a record says which schema it was written with.
//!
//! Before the data stands a magic byte and the id: `0x00` and four bytes of a number, or, since Confluent Platform 8,
//! `0x01` and sixteen bytes of a GUID. Either may stand in a header of the record instead.

use longshore_api::batch::Row;
use longshore_api::{Batch, Part, Result};

use super::error::serialization;

const MAGIC_ID: u8 = 0;
const MAGIC_GUID: u8 = 1;

/// How a record names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// By the number that the registry gave it.
    Number(i32),
    /// By its GUID.
    Guid([u8; 16]),
}

impl std::fmt::Display for SchemaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaId::Number(id) => write!(f, "{id}"),
            SchemaId::Guid(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// A record's bytes, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    /// The schema.
    pub id: SchemaId,
    /// What follows the id where that stands: before the data, or in the header. Protobuf's message indexes come
    /// first in it.
    pub after_id: &'a [u8],
    /// The data, if the id stands in a header; otherwise the data is in [`after_id`](Self::after_id).
    pub body: Option<&'a [u8]>,
}

impl<'a> Framed<'a> {
    /// Takes apart the bytes of a key or value; `header` is the one of [`header`](Self::header), if the record has it.
    ///
    /// # Errors
    /// Kind BadRecord, in Confluent's words, without saying yet which topic the record is of.
    pub fn read(bytes: &'a [u8], header: Option<&'a [u8]>) -> Result<Self> {
        let (framed, body) = match header {
            Some(header) => (header, Some(bytes)),
            None => (bytes, None),
        };
        let (id, after_id) = match framed.split_first() {
            Some((&MAGIC_ID, rest)) => {
                rest.split_first_chunk().map(|(id, rest)| (SchemaId::Number(i32::from_be_bytes(*id)), rest))
            }
            Some((&MAGIC_GUID, rest)) => rest.split_first_chunk().map(|(guid, rest)| (SchemaId::Guid(*guid), rest)),
            _ => return Err(serialization("Unknown magic byte!")),
        }
        .ok_or_else(|| serialization(format!("the schema id is cut off after {} bytes", framed.len())))?;
        Ok(Self { id, after_id, body })
    }

    /// The header in which a record may name the schema of its key or value; the last one counts.
    pub fn header<'b>(batch: &'b Batch, row: &Row, part: Part) -> Option<&'b [u8]> {
        let name = match part {
            Part::Key => "__key_schema_id",
            Part::Value => "__value_schema_id",
        };
        batch.raw_headers(row).filter(|(known, _)| *known == name).last().and_then(|(_, value)| value)
    }

    /// The data of a format that has nothing between the id and the data.
    pub fn data(&self) -> &'a [u8] {
        self.body.unwrap_or(self.after_id)
    }
}

/// Begins a record: the magic byte and the schema's id.
pub fn write_prefix(id: i32, out: &mut Vec<u8>) {
    out.push(MAGIC_ID);
    out.extend_from_slice(&id.to_be_bytes());
}
