//! CSV, as of RFC 4180: fields between commas, in quotation marks where they need them.

use std::io::{BufRead, Read};

use longshore_api::Result;
use longshore_formats::json::writer;

use super::rows::{MAX_PIECE, corrupt};

/// Reads the records of a text.
pub(crate) struct Reader<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// The fields of the next record; `None` after the last.
    ///
    /// # Errors
    /// Kind BadRecord: a quotation mark that is not closed, text after one that is, bytes that are no UTF-8, a record
    /// of more than [`MAX_PIECE`] bytes.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<String>>> {
        if !self.read_record(MAX_PIECE)? {
            return Ok(None);
        }
        let line = std::str::from_utf8(&self.line).map_err(corrupt)?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        fields(line.strip_suffix('\r').unwrap_or(line)).map(Some)
    }

    /// Reads the lines of a record of at most so many bytes; false after the last.
    fn read_record(&mut self, most: u64) -> Result<bool> {
        self.line.clear();
        let mut is_open = false;
        loop {
            let start = self.line.len();
            // One byte more shows that it is too long.
            let left = (most + 1).saturating_sub(start as u64);
            let read = self.input.by_ref().take(left).read_until(b'\n', &mut self.line).map_err(corrupt)?;
            if self.line.len() as u64 > most {
                return Err(corrupt(format!("a record has more than {most} bytes")));
            }
            is_open ^= self.line[start..].iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            match (read, is_open) {
                (0, true) => return Err(corrupt("a quotation mark is not closed")),
                (_, true) => {}
                (_, false) => return Ok(!self.line.is_empty()),
            }
        }
    }
}

fn fields(mut rest: &str) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut field = String::new();
                let mut quoted = quoted;
                loop {
                    let (text, after) =
                        quoted.split_once('"').ok_or_else(|| corrupt("a quotation mark is not closed"))?;
                    field.push_str(text);
                    match after.strip_prefix('"') {
                        Some(more) => {
                            field.push('"');
                            quoted = more;
                        }
                        None => break (field, after),
                    }
                }
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(fields),
            None => return Err(corrupt("text stands after a closing quotation mark")),
        }
    }
}

/// Appends a record as a JSON object of texts; columns without a name have their number, from 1.
///
/// # Errors
/// Kind BadRecord: more or fewer fields than columns.
pub(crate) fn write_json(fields: &[String], header: Option<&[String]>, out: &mut Vec<u8>) -> Result<()> {
    if let Some(header) = header.filter(|header| header.len() != fields.len()) {
        return Err(corrupt(format!("a record has {} fields, its header {}", fields.len(), header.len())));
    }
    out.push(b'{');
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match header {
            Some(header) => writer::string(out, &header[index]),
            None => writer::string(out, &(index + 1).to_string()),
        }
        out.push(b':');
        writer::string(out, field);
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_stand_in_quotation_marks_and_over_lines() {
        let mut reader = Reader::new(&b"a,\"b \"\"c\"\"\",,\"\"\r\n\"1\n2\",\n"[..]);
        assert_eq!(reader.next().unwrap().unwrap(), ["a", "b \"c\"", "", ""]);
        assert_eq!(reader.next().unwrap().unwrap(), ["1\n2", ""]);
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn records_are_bounded() {
        let mut reader = Reader::new(&b"abc\n\"a\n\"\nabcd\n"[..]);
        assert!(reader.read_record(5).unwrap() && reader.line == b"abc\n");
        assert!(reader.read_record(5).unwrap() && reader.line == b"\"a\n\"\n");
        let error = reader.read_record(4).unwrap_err();
        assert_eq!(error.to_string(), "a record has more than 4 bytes");
        assert!(Reader::new(&b"\"a\nb\nc\""[..]).read_record(6).is_err());
    }

    #[test]
    fn what_is_no_csv_is_told() {
        for text in ["\"a", "\"a\"b,c", "\"a\nb"] {
            assert!(Reader::new(text.as_bytes()).next().is_err(), "{text}");
        }
    }
}
