//! Reads raw BSON, element by element, without trusting its lengths.

use super::kind;

/// A value as it stands in a document: its type and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawValue<'a> {
    /// The type byte.
    pub(crate) kind: u8,
    /// The value without type and key.
    pub(crate) bytes: &'a [u8],
}

impl<'a> RawValue<'a> {
    /// The text of a string.
    pub(crate) fn as_str(self) -> Option<&'a str> {
        if self.kind != kind::STRING {
            return None;
        }
        let text = self.bytes.get(4..self.bytes.len().checked_sub(1)?)?;
        std::str::from_utf8(text).ok()
    }

    /// The bytes of a document.
    pub(crate) fn as_document(self) -> Option<&'a [u8]> {
        (self.kind == kind::DOCUMENT).then_some(self.bytes)
    }
}

/// An element of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// The key's bytes.
    pub(crate) key: &'a [u8],
    /// The value.
    pub(crate) value: RawValue<'a>,
    /// Type, key and value together.
    pub(crate) bytes: &'a [u8],
    /// Where the element starts, counted from the start of the document.
    pub(crate) at: usize,
}

/// The elements of a document in order. Ends early where bytes make no sense, and
/// is then not [at the end](Elements::at_end).
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    document: &'a [u8],
    at: usize,
    broken: bool,
}

/// The elements of a whole document.
pub(crate) fn elements(document: &[u8]) -> Elements<'_> {
    Elements { document, at: 4, broken: false }
}

/// The elements of a document from the one on that starts at `at`.
pub(crate) fn elements_from(document: &[u8], at: usize) -> Elements<'_> {
    Elements { document, at, broken: false }
}

impl Elements<'_> {
    /// Whether the iteration stopped exactly before the document's closing zero.
    pub(crate) fn at_end(&self) -> bool {
        !self.broken && self.at + 1 == self.document.len()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let start = self.at;
        let &kind = self.document.get(start)?;
        if kind == 0 || self.broken {
            return None;
        }
        let element = element_at(self.document, start, kind);
        match element {
            Some(element) => self.at = start + element.bytes.len(),
            None => self.broken = true,
        }
        element
    }
}

fn element_at(document: &[u8], start: usize, kind: u8) -> Option<Element<'_>> {
    let after_kind = document.get(start + 1..)?;
    let key = after_kind.get(..cstring_len(after_kind)?)?;
    let value_at = start + 1 + key.len() + 1;
    let rest = document.get(value_at..)?;
    let bytes = rest.get(..value_len(kind, rest)?)?;
    let whole = document.get(start..value_at + bytes.len())?;
    Some(Element { key, value: RawValue { kind, bytes }, bytes: whole, at: start })
}

fn cstring_len(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == 0)
}

/// Length of the value of a type that stands at the start of `bytes`; `None` if it is no such value.
fn value_len(kind: u8, bytes: &[u8]) -> Option<usize> {
    Some(match kind {
        kind::UNDEFINED | kind::NULL | kind::MIN_KEY | kind::MAX_KEY => 0,
        kind::BOOLEAN => 1,
        kind::INT32 => 4,
        kind::DOUBLE | kind::DATE | kind::TIMESTAMP | kind::INT64 => 8,
        kind::OBJECT_ID => 12,
        kind::DECIMAL128 => 16,
        kind::STRING | kind::CODE | kind::SYMBOL => 4 + length_prefix(bytes, 1)?,
        kind::DB_POINTER => 4 + length_prefix(bytes, 1)? + 12,
        kind::BINARY => 4 + 1 + length_prefix(bytes, 0)?,
        kind::DOCUMENT | kind::ARRAY | kind::CODE_WITH_SCOPE => length_prefix(bytes, 5)?,
        kind::REGEX => {
            let pattern = cstring_len(bytes)? + 1;
            pattern + cstring_len(bytes.get(pattern..)?)? + 1
        }
        _ => return None,
    })
}

fn length_prefix(bytes: &[u8], least: usize) -> Option<usize> {
    let (prefix, _) = bytes.split_first_chunk::<4>()?;
    usize::try_from(i32::from_le_bytes(*prefix)).ok().filter(|length| *length >= least)
}

/// The value of a document's field.
pub(crate) fn field<'a>(document: &'a [u8], name: &str) -> Option<RawValue<'a>> {
    elements(document).find(|element| element.key == name.as_bytes()).map(|element| element.value)
}
