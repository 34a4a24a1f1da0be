//! CSV, as of RFC 4180: fields between commas, in quotation marks where they need them.

use std::borrow::Cow;
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

    /// The fields of the next record, of which empty ones without quotation marks have no text; `None` after the last.
    ///
    /// # Errors
    /// Kind BadRecord: a quotation mark that is not closed, text after one that is, bytes that are no UTF-8, a record
    /// of more than [`MAX_PIECE`] bytes.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Option<String>>>> {
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

fn fields(mut rest: &str) -> Result<Vec<Option<String>>> {
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
                        None => break (Some(field), after),
                    }
                }
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Some(rest[..end].to_owned()).filter(|field| !field.is_empty()), &rest[end..])
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

/// Appends a record as a JSON object of texts and nulls; columns without a name have their number, from 1.
///
/// # Errors
/// Kind BadRecord: more or fewer fields than columns.
pub(crate) fn write_json(fields: &[Option<String>], header: Option<&[String]>, out: &mut Vec<u8>) -> Result<()> {
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
        match field {
            Some(field) => writer::string(out, field),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
    Ok(())
}

/// The text of a member in a field: that of a string, or JSON; none for null.
pub(crate) fn cell(json: &str) -> Option<Cow<'_, str>> {
    match json {
        "null" => None,
        json if json.starts_with('"') => Some(serde_json::from_str(json).map_or(json.into(), Cow::Owned)),
        json => Some(json.into()),
    }
}

/// Appends a record. A field without a text is empty, an empty text stands in quotation marks.
pub(crate) fn write_record<'a>(fields: impl IntoIterator<Item = Option<&'a str>>, out: &mut Vec<u8>) {
    let (start, mut is_first) = (out.len(), true);
    for text in fields {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        match text {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\n', '\r']) => {
                out.push(b'"');
                out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                out.push(b'"');
            }
            Some(text) => out.extend_from_slice(text.as_bytes()),
        }
    }
    if out.len() == start {
        // An empty line is no record to many readers.
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(field: Option<&str>) -> Option<String> {
        field.map(str::to_owned)
    }

    #[test]
    fn fields_may_stand_in_quotation_marks_and_over_lines() {
        let mut reader = Reader::new(&b"a,\"b \"\"c\"\"\",,\"\"\r\n\"1\n2\",\n"[..]);
        assert_eq!(reader.next().unwrap().unwrap(), [Some("a"), Some("b \"c\""), None, Some("")].map(texts));
        assert_eq!(reader.next().unwrap().unwrap(), [Some("1\n2"), None].map(texts));
        assert!(reader.next().unwrap().is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            records in prop::collection::vec(prop::collection::vec(prop::option::of("[a,\" \n\r0é]{0,4}"), 2..5), 0..5),
        ) {
            let mut text = Vec::new();
            records.iter().for_each(|record| write_record(record.iter().map(Option::as_deref), &mut text));
            let mut reader = Reader::new(&text[..]);
            for record in &records {
                prop_assert_eq!(&reader.next().unwrap().unwrap(), record);
            }
            prop_assert!(reader.next().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_missing_is_not_an_empty_text() {
        let mut text = Vec::new();
        write_record([cell("null"), cell("\"\""), cell("[1]")].iter().map(Option::as_deref), &mut text);
        write_record([None], &mut text);
        assert_eq!(text, b",\"\",[1]\n\"\"\n");
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
