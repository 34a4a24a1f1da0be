//! One BSON document that came as bytes, checked through and through while it is copied.

use super::builder::{BuildError, Builder};
use super::elements::{Elements, RawValue, elements};
use super::kind;

/// How deep documents can nest; above the server's own limit of about 180 levels.
const MAX_DEPTH: usize = 250;

/// Why bytes are no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopyError {
    /// The length that a document begins with is not the length that it has.
    #[error("the document says to be {said} bytes long, but has {actual}")]
    Length {
        /// As its first four bytes say.
        said: i64,
        /// What there is.
        actual: usize,
    },
    /// No BSON at some place.
    #[error("the bytes are no BSON after {0} bytes of a document")]
    Broken(usize),
    /// A text or a key that is no UTF-8.
    #[error("a text of field {0:?} is no UTF-8")]
    Utf8(String),
    /// Too many levels.
    #[error("more than {MAX_DEPTH} levels nest")]
    TooDeep,
    /// Cannot be written again.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Copies a document.
///
/// # Errors
/// If the bytes are not exactly one well-formed document.
pub(crate) fn document(bytes: &[u8], out: &mut Builder) -> Result<(), CopyError> {
    out.begin();
    copy_elements(bytes, out, false, 0)?;
    Ok(out.end()?)
}

fn copy_elements(bytes: &[u8], out: &mut Builder, array: bool, depth: usize) -> Result<(), CopyError> {
    check_length(bytes)?;
    if depth > MAX_DEPTH {
        return Err(CopyError::TooDeep);
    }
    let mut all: Elements<'_> = elements(bytes);
    let mut read = 4;
    for element in all.by_ref() {
        read = element.at + element.bytes.len();
        let name = std::str::from_utf8(element.key);
        let name = name.map_err(|_| CopyError::Utf8(String::from_utf8_lossy(element.key).into_owned()))?;
        if array {
            out.next_index();
        } else {
            out.key(name.as_bytes())?;
        }
        copy_value(element.value, name, out, depth)?;
    }
    if all.at_end() { Ok(()) } else { Err(CopyError::Broken(read)) }
}

fn check_length(bytes: &[u8]) -> Result<(), CopyError> {
    let said = bytes.first_chunk::<4>().map_or(0, |prefix| i64::from(i32::from_le_bytes(*prefix)));
    let whole = bytes.len() >= 5 && usize::try_from(said) == Ok(bytes.len()) && bytes.last() == Some(&0);
    if whole { Ok(()) } else { Err(CopyError::Length { said, actual: bytes.len() }) }
}

fn copy_value(value: RawValue<'_>, name: &str, out: &mut Builder, depth: usize) -> Result<(), CopyError> {
    match value.kind {
        kind::DOCUMENT | kind::ARRAY => {
            let array = value.kind == kind::ARRAY;
            if array {
                out.begin_array()?
            } else {
                out.begin_document()?
            }
            copy_elements(value.bytes, out, array, depth + 1)?;
            out.end()?;
        }
        kind::STRING | kind::CODE | kind::SYMBOL | kind::DB_POINTER | kind::REGEX | kind::CODE_WITH_SCOPE => {
            check_texts(value, name, depth)?;
            out.value(value.kind, value.bytes);
        }
        kind::BOOLEAN => out.boolean(value.bytes.first().is_some_and(|byte| *byte != 0)),
        _ => out.value(value.kind, value.bytes),
    }
    Ok(())
}

fn check_texts(value: RawValue<'_>, name: &str, depth: usize) -> Result<(), CopyError> {
    let wrong = || CopyError::Utf8(name.to_owned());
    let texts = match value.kind {
        kind::DB_POINTER => value.bytes.get(..value.bytes.len().saturating_sub(12)).ok_or_else(wrong)?,
        kind::CODE_WITH_SCOPE => {
            // A string and a document, one after the other.
            let code = value.bytes.get(4..).ok_or_else(wrong)?;
            let length = code.first_chunk::<4>().map_or(-1, |prefix| i32::from_le_bytes(*prefix));
            let end = usize::try_from(length).map_err(|_| wrong())?.saturating_add(4);
            let scope = code.get(end..).ok_or_else(wrong)?;
            copy_elements(scope, &mut scratch(), false, depth + 1)?;
            code.get(..end).ok_or_else(wrong)?
        }
        _ => value.bytes,
    };
    let (text, prefixed) =
        if value.kind == kind::REGEX { (texts, false) } else { (texts.get(4..).ok_or_else(wrong)?, true) };
    if prefixed && text.last() != Some(&0) {
        return Err(wrong());
    }
    std::str::from_utf8(text).map(drop).map_err(|_| wrong())
}

fn scratch() -> Builder {
    let mut builder = Builder::default();
    builder.begin();
    builder
}
