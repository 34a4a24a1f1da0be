//! The encodings that StringConverter knows, with Java's names and Java's ways with what cannot be encoded.

use std::borrow::Cow;

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Ascii,
    Latin1,
    /// With a byte order mark when written; read as the mark says, big-endian without one.
    Utf16,
    Utf16Be,
    Utf16Le,
}

impl Charset {
    /// The encoding that Java knows by a name, in any case.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Charset::Utf8,
            "us-ascii" | "ascii" | "ascii7" | "iso646-us" | "646" | "us" | "default" | "cp367" | "ibm367"
            | "iso-ir-6" | "csascii" | "ansi_x3.4-1968" | "ansi_x3.4-1986" | "iso_646.irv:1983"
            | "iso_646.irv:1991" => Charset::Ascii,
            "iso-8859-1" | "iso8859-1" | "iso8859_1" | "iso_8859-1" | "iso_8859_1" | "8859_1" | "latin1" | "l1"
            | "819" | "cp819" | "ibm819" | "ibm-819" | "iso-ir-100" | "csisolatin1" | "iso_8859-1:1987" => {
                Charset::Latin1
            }
            "utf-16" | "utf16" | "utf_16" | "unicode" | "unicodebig" => Charset::Utf16,
            "utf-16be" | "utf_16be" | "x-utf-16be" | "iso-10646-ucs-2" | "unicodebigunmarked" => Charset::Utf16Be,
            "utf-16le" | "utf_16le" | "x-utf-16le" | "unicodelittleunmarked" => Charset::Utf16Le,
            _ => return None,
        })
    }

    /// Whether bytes of this encoding are, as they stand, UTF-8.
    pub(crate) fn is_utf8(self, bytes: &[u8]) -> bool {
        match self {
            Charset::Utf8 => std::str::from_utf8(bytes).is_ok(),
            Charset::Ascii | Charset::Latin1 => bytes.is_ascii(),
            Charset::Utf16 | Charset::Utf16Be | Charset::Utf16Le => bytes.is_empty(),
        }
    }

    /// The text of bytes; what cannot be decoded becomes U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Charset::Utf8 => decode_utf8(bytes),
            Charset::Ascii => {
                bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '\u{FFFD}' }).collect()
            }
            Charset::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
            Charset::Utf16 => match bytes {
                [0xFF, 0xFE, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
                [0xFE, 0xFF, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
                _ => decode_utf16(bytes, u16::from_be_bytes),
            },
            Charset::Utf16Be => decode_utf16(bytes, u16::from_be_bytes),
            Charset::Utf16Le => decode_utf16(bytes, u16::from_le_bytes),
        }
    }
}

/// Appends a text's bytes; what cannot be encoded becomes `?`.
pub(crate) fn encode(charset: Charset, text: &str, out: &mut Vec<u8>) {
    let narrow = |limit: char| text.chars().map(move |one| if one < limit { one as u8 } else { b'?' });
    match charset {
        Charset::Utf8 => out.extend_from_slice(text.as_bytes()),
        Charset::Ascii => out.extend(narrow('\u{80}')),
        Charset::Latin1 => out.extend(narrow('\u{100}')),
        Charset::Utf16 => {
            if !text.is_empty() {
                out.extend_from_slice(&[0xFE, 0xFF]);
            }
            out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        }
        Charset::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
        Charset::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, str> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text: String =
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).map(|one| one.unwrap_or('\u{FFFD}')).collect();
    if !rest.is_empty() {
        text.push('\u{FFFD}');
    }
    Cow::Owned(text)
}

/// As [`String::from_utf8_lossy`], but an encoded surrogate is one replacement, as in Java.
pub(crate) fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.push_str(chunk.valid());
        rest = rest.get(chunk.valid().len()..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        text.push('\u{FFFD}');
        let broken = match rest {
            [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..] => 3,
            [0xED, 0xA0..=0xBF] => 2,
            _ => chunk.invalid().len().max(1),
        };
        rest = rest.get(broken..).unwrap_or_default();
    }
    Cow::Owned(text)
}
