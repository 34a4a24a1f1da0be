//! Files of Avro (its object container files), as far as finding the records' numbers needs them read.

use anyhow::{Context, Result, ensure};

use crate::quote::AVRO_SCHEMA;

/// The numbers of the records in a file without compression.
pub(super) fn numbers(file: &[u8]) -> Result<Vec<u64>> {
    let mut reader = Reader(file);
    ensure!(reader.take(4)? == b"Obj\x01", "it is no file of Avro");
    reader.pass_metadata()?;
    let marker = reader.take(16)?;
    let fields = fields()?;
    let mut numbers = Vec::new();
    while !reader.0.is_empty() {
        let (count, bytes) = (reader.length()?, reader.length()?);
        let mut block = Reader(reader.take(bytes)?);
        for _ in 0..count {
            numbers.push(block.record(&fields)?);
        }
        ensure!(block.0.is_empty() && reader.take(16)? == marker, "a block does not end where it says");
    }
    Ok(numbers)
}

/// The types of a record's fields.
fn fields() -> Result<Vec<String>> {
    let schema: serde_json::Value = serde_json::from_str(AVRO_SCHEMA)?;
    let fields = schema["fields"].as_array().context("a record has fields")?;
    Ok(fields.iter().filter_map(|field| field["type"].as_str().map(str::to_owned)).collect())
}

/// What is yet to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes).context("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64> {
        let mut bits = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().context("it ends too early")?;
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        anyhow::bail!("a number is too long")
    }

    fn length(&mut self) -> Result<usize> {
        Ok(usize::try_from(self.long()?)?)
    }

    fn pass_metadata(&mut self) -> Result<()> {
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                let _bytes = self.long()?;
                count = -count;
            }
            for _ in 0..count {
                let (_name, _value) = (self.take_text()?, self.take_text()?);
            }
        }
    }

    fn take_text(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// The record's number, which is its first field.
    fn record(&mut self, fields: &[String]) -> Result<u64> {
        let mut number = None;
        for field in fields {
            match field.as_str() {
                "long" | "int" => {
                    let value = self.long()?;
                    number = number.or(Some(value));
                }
                "double" => drop(self.take(8)?),
                _ => drop(self.take_text()?),
            }
        }
        Ok(u64::try_from(number.context("a record has a number")?)?)
    }
}
