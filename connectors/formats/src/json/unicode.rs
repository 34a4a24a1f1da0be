//! From a record's bytes to text, as Jackson finds out the encoding.

use std::borrow::Cow;

use super::Malformed;

/// A document's text.
pub(super) struct Text<'a> {
    /// The text up to where the bytes make sense, and [`BROKEN`] if they cease to.
    pub(super) text: Cow<'a, str>,
    /// Where the bytes stop making sense.
    broken: Option<usize>,
}

impl Text<'_> {
    /// Whether the text is the record's bytes, all of them.
    pub(super) fn is_exact(&self) -> bool {
        self.broken.is_none() && matches!(self.text, Cow::Borrowed(_))
    }

    /// The error that a reader of the text met, or what lies behind it.
    pub(super) fn explain(&self, malformed: Malformed) -> Malformed {
        match self.broken {
            Some(at) if malformed.at + 1 >= self.text.len() => Malformed { what: "invalid UTF-8", at },
            _ => malformed,
        }
    }
}

/// The text of a document: UTF-8, or what its first bytes tell it to be.
pub(super) fn text(bytes: &[u8]) -> Text<'_> {
    // No JSON text in UTF-8 begins with these bytes, all others do.
    if matches!(bytes, [0 | 0xEF | 0xFE | 0xFF, ..] | [_, 0, ..]) {
        return other_encoding(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Text { text: Cow::Borrowed(text), broken: None },
        Err(_) => loose_utf8(bytes),
    }
}

fn other_encoding(bytes: &[u8]) -> Text<'_> {
    let wide = |rest: &[u8], unit: fn([u8; 4]) -> u32| {
        let text = rest.as_chunks::<4>().0.iter().map(|quad| char::from_u32(unit(*quad)).unwrap_or('?')).collect();
        Text { text: Cow::Owned(text), broken: None }
    };
    let pairs = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text = char::decode_utf16(units).map(|unit| unit.unwrap_or('?')).collect();
        Text { text: Cow::Owned(text), broken: None }
    };
    match bytes {
        [0, 0, 0xFE, 0xFF, rest @ ..] => wide(rest, u32::from_be_bytes),
        [0xFF, 0xFE, 0, 0, rest @ ..] => wide(rest, u32::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => pairs(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => pairs(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] if !rest.is_empty() => loose_utf8(rest),
        [0, 0, 0, _, ..] => wide(bytes, u32::from_be_bytes),
        [_, 0, 0, 0, ..] => wide(bytes, u32::from_le_bytes),
        [0, _, ..] => pairs(bytes, u16::from_be_bytes),
        [_, 0, ..] => pairs(bytes, u16::from_le_bytes),
        _ => loose_utf8(bytes),
    }
}

/// UTF-8 with what Jackson lets pass: overlong forms, and code points that do not exist.
fn loose_utf8(bytes: &[u8]) -> Text<'static> {
    let (mut text, mut at) = (String::with_capacity(bytes.len()), 0);
    while let Some(&lead) = bytes.get(at) {
        let (length, bits) = match lead {
            0..=0x7F => (1, i32::from(lead)),
            0xC0..=0xDF => (2, i32::from(lead & 0x1F)),
            0xE0..=0xEF => (3, i32::from(lead & 0x0F)),
            0xF0..=0xF7 => (4, i32::from(lead & 0x07)),
            _ => break,
        };
        let Some(tail) = bytes.get(at + 1..at + length) else { break };
        if tail.iter().any(|byte| byte & 0xC0 != 0x80) {
            break;
        }
        let code = tail.iter().fold(bits, |code, byte| code << 6 | i32::from(byte & 0x3F));
        match (length, u8::try_from(code)) {
            (1, Ok(byte)) => text.push(char::from(byte)),
            // What is spelled with more bytes than it needs is never syntax.
            (2..=3, Ok(byte)) => text.push_str(&format!("\\u{byte:04x}")),
            (4, _) => {
                let pair = [0xD800 | (code - 0x1_0000) >> 10, 0xDC00 | (code & 0x3FF)].map(|unit| unit as u16);
                text.extend(char::decode_utf16(pair).map(|unit| unit.unwrap_or('?')));
            }
            _ => match char::from_u32(code as u32) {
                Some(character) => text.push(character),
                None => break,
            },
        }
        at += length;
    }
    let broken = (at < bytes.len()).then_some(at);
    if broken.is_some() {
        text.push(BROKEN);
    }
    Text { text: Cow::Owned(text), broken }
}

/// Stands for bytes that make no sense: no reader takes it anywhere.
const BROKEN: char = '\u{1}';
