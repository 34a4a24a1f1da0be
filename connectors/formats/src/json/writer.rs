//! Writes JSON byte for byte as Jackson does.

use std::io::Write;

use longshore_api::Value;

use crate::java_text;

/// Appends a string with its quotes.
///
/// Characters beyond the basic plane are written as two escapes, as Jackson writes them to bytes.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        // Bytes from 0xF0 on begin the four bytes of a character beyond the basic plane.
        if (0x20..0xF0).contains(&byte) && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[done..at]);
        done = at + escape(out, &text[at..]);
    }
    out.extend_from_slice(&text.as_bytes()[done..]);
    out.push(b'"');
}

/// Escapes the first character of a text and gives its length.
fn escape(out: &mut Vec<u8>, text: &str) -> usize {
    let Some(character) = text.chars().next() else { return 0 };
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{c}' => b'f',
        '\r' => b'r',
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                out.extend([12, 8, 4, 0].map(|shift| b"0123456789ABCDEF"[usize::from(*unit >> shift & 15)]));
            }
            return character.len_utf8();
        }
    };
    out.extend_from_slice(&[b'\\', short]);
    1
}

/// Appends an integer.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a double; what is no JSON number becomes a string: `"NaN"`.
pub fn double(out: &mut Vec<u8>, value: f64) {
    quoted_unless(value.is_finite(), out, &java_text::double(value));
}

/// Appends a float; what is no JSON number becomes a string: `"NaN"`.
pub fn float(out: &mut Vec<u8>, value: f32) {
    quoted_unless(value.is_finite(), out, &java_text::float(value));
}

fn quoted_unless(plain: bool, out: &mut Vec<u8>, text: &str) {
    let quote: &[u8] = if plain { b"" } else { b"\"" };
    for part in [quote, text.as_bytes(), quote] {
        out.extend_from_slice(part);
    }
}

/// Appends base64 text with its quotes.
pub fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    use base64::Engine;
    string(out, &base64::engine::general_purpose::STANDARD.encode(bytes));
}

/// Appends a truth value or null.
pub fn literal(out: &mut Vec<u8>, value: &Value) {
    out.extend_from_slice(match value {
        Value::Boolean(true) => b"true",
        Value::Boolean(false) => b"false",
        _ => b"null",
    });
}
