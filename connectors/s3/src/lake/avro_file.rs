//! Avro's object container files, as of the specification of Avro 1.12.

use std::io::{BufRead, Read};

use longshore_api::{Data, Props, Result};
use longshore_formats::{AvroReader, Converter, JsonConverter};

use super::rows::{MAX_PIECE, corrupt};

/// The most records of a block beyond its bytes: those that take no bytes, such as ones without fields.
const MAX_EMPTY: u64 = 100_000;

/// A file whose blocks are read one after the other.
pub(crate) struct AvroFile<R> {
    input: R,
    schema: String,
    codec: String,
    marker: [u8; 16],
    reader: AvroReader,
    json: JsonConverter,
    block: Vec<u8>,
    at: usize,
    left: u64,
}

impl<R: BufRead> AvroFile<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Kind BadRecord: it is none, or of a codec that is not known.
    pub(crate) fn open(mut input: R) -> Result<Self> {
        let mut magic = [0; 4];
        input.read_exact(&mut magic).map_err(corrupt)?;
        if &magic != b"Obj\x01" {
            return Err(corrupt("it does not begin as an Avro file does"));
        }
        let (mut schema, mut codec) = (None, "null".to_owned());
        loop {
            let count = long(&mut input)?;
            if count < 0 {
                // The size of the block, for those who pass over it.
                long(&mut input)?;
            }
            if count == 0 {
                break;
            }
            for _ in 0..count.unsigned_abs() {
                let (name, value) = (bytes(&mut input)?, bytes(&mut input)?);
                match &name[..] {
                    b"avro.schema" => schema = Some(String::from_utf8(value).map_err(corrupt)?),
                    b"avro.codec" => codec = String::from_utf8(value).map_err(corrupt)?,
                    _ => {}
                }
            }
        }
        let mut marker = [0; 16];
        input.read_exact(&mut marker).map_err(corrupt)?;
        let schema = schema.ok_or_else(|| corrupt("its header has no schema"))?;
        let props = [("schemas.enable", "false"), ("decimal.format", "NUMERIC")];
        let props: Props = props.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let (reader, json) = (AvroReader::new(&schema)?, JsonConverter::new(&props)?);
        Ok(Self { input, schema, codec, marker, reader, json, block: Vec::new(), at: 0, left: 0 })
    }

    /// The schema, in Avro's JSON.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// The next value with its Connect schema; `None` after the last.
    ///
    /// # Errors
    /// Kind BadRecord: a block that is cut off or damaged, or a value that is none of the schema.
    pub(crate) fn next(&mut self) -> Result<Option<Data>> {
        while self.left == 0 {
            if self.at < self.block.len() {
                return Err(corrupt("a block is longer than its records"));
            }
            if !self.next_block()? {
                return Ok(None);
            }
        }
        let mut rest = &self.block[self.at..];
        let value = self.reader.read(&mut rest)?;
        self.at = self.block.len() - rest.len();
        self.left -= 1;
        Ok(Some(Data { schema: self.reader.schema().cloned(), value }))
    }

    /// Appends the next value as JSON; false after the last.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub(crate) fn next_json(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        match self.next()? {
            Some(data) if data.value.is_null() => row.extend_from_slice(b"null"),
            Some(data) => {
                self.json.from_connect("", &data, row)?;
            }
            None => return Ok(false),
        }
        Ok(true)
    }

    fn next_block(&mut self) -> Result<bool> {
        if self.input.fill_buf().map_err(corrupt)?.is_empty() {
            return Ok(false);
        }
        self.left = u64::try_from(long(&mut self.input)?).map_err(|_| corrupt("a block of less than no records"))?;
        let packed = bytes(&mut self.input)?;
        let mut marker = [0; 16];
        self.input.read_exact(&mut marker).map_err(corrupt)?;
        if marker != self.marker {
            return Err(corrupt("a block does not end with the marker of the file"));
        }
        self.block = match self.codec.as_str() {
            "null" => packed,
            "deflate" => {
                let mut block = Vec::new();
                let decoder = flate2::read::DeflateDecoder::new(&packed[..]);
                decoder.take(MAX_PIECE).read_to_end(&mut block).map_err(corrupt)?;
                block
            }
            "snappy" => snappy(&packed)?,
            codec => return Err(corrupt(format!("its codec {codec} is not known"))),
        };
        if self.left > self.block.len() as u64 + MAX_EMPTY {
            return Err(corrupt(format!("a block of {} bytes has {} records", self.block.len(), self.left)));
        }
        self.at = 0;
        Ok(true)
    }
}

fn snappy(packed: &[u8]) -> Result<Vec<u8>> {
    let (packed, sum) = packed.split_last_chunk::<4>().ok_or_else(|| corrupt("a block is cut off"))?;
    if snap::raw::decompress_len(packed).map_err(corrupt)? as u64 > MAX_PIECE {
        return Err(corrupt("a block is too large"));
    }
    let block = snap::raw::Decoder::new().decompress_vec(packed).map_err(corrupt)?;
    let mut crc = flate2::Crc::new();
    crc.update(&block);
    if crc.sum().to_be_bytes() != *sum {
        return Err(corrupt("a block does not have its checksum"));
    }
    Ok(block)
}

/// A number of Avro's variable length.
fn long(input: &mut impl Read) -> Result<i64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(corrupt)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
        shift += 7;
        if shift > 63 {
            return Err(corrupt("a number is too long"));
        }
    }
}

/// Bytes after their length; memory is taken as they come.
fn bytes(input: &mut impl Read) -> Result<Vec<u8>> {
    let length = long(input)?;
    let length = u64::try_from(length).ok().filter(|length| *length <= MAX_PIECE);
    let length = length.ok_or_else(|| corrupt("a length that cannot be"))?;
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes).map_err(corrupt)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(corrupt("it is cut off")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_long(value: u64, out: &mut Vec<u8>) {
        let mut rest = value << 1;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    /// A file of records without fields, in one block, which has no bytes.
    fn empty(records: u64) -> Vec<u8> {
        let mut file = b"Obj\x01\x02".to_vec();
        for text in ["avro.schema", r#"{"type":"record","name":"Empty","fields":[]}"#] {
            write_long(text.len() as u64, &mut file);
            file.extend_from_slice(text.as_bytes());
        }
        file.push(0);
        file.extend_from_slice(&[7; 16]);
        write_long(records, &mut file);
        file.push(0);
        file.extend_from_slice(&[7; 16]);
        file
    }

    #[test]
    fn a_block_has_no_more_records_than_it_can() {
        let file = empty(3);
        let mut file = AvroFile::open(&file[..]).unwrap();
        for _ in 0..3 {
            assert!(file.next().unwrap().is_some());
        }
        assert!(file.next().unwrap().is_none());
        let error = AvroFile::open(&empty(1 << 61)[..]).unwrap().next().unwrap_err();
        assert_eq!(error.to_string(), "a block of 0 bytes has 2305843009213693952 records");
    }
}
