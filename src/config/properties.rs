//! Java's `.properties` files.
//!
//! Read as UTF-8; a file that is not UTF-8 is read as ISO-8859-1, Java's own encoding of such files.

use longshore_api::{ConnectError, Props, Result};

/// More than any configuration needs; keeps a wrong path from filling the memory.
pub const MAX_BYTES: usize = 4 << 20;

/// Parses the text of a properties file; a key that comes twice has its last value.
///
/// # Errors
/// A `\u` escape that is none, with its line number; a file of more than [`MAX_BYTES`].
pub fn parse(bytes: &[u8]) -> Result<Props> {
    if bytes.len() > MAX_BYTES {
        return Err(ConnectError::config(format!("properties file is larger than {MAX_BYTES} bytes")));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let mut props = Props::new();
    for (number, line) in logical_lines(&text.replace("\r\n", "\n")) {
        let (key, value) = split(&line);
        let decode =
            |part| unescape(part).map_err(|why| ConnectError::config(format!("properties file, line {number}: {why}")));
        props.insert(decode(key)?, decode(value)?);
    }
    Ok(props)
}

/// Lines with their continuations joined, without blank lines and comments; each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, natural) in text.split(['\n', '\r']).enumerate() {
        let natural = natural.trim_start_matches(is_blank);
        if open.is_none() && (natural.is_empty() || natural.starts_with(['#', '!'])) {
            continue;
        }
        let (number, mut line) = open.take().unwrap_or((index + 1, String::new()));
        match continued(natural) {
            Some(part) => {
                line.push_str(part);
                open = Some((number, line));
            }
            None => {
                line.push_str(natural);
                lines.push((number, line));
            }
        }
    }
    lines.extend(open);
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

/// The line without its last backslash if it goes on in the next one.
fn continued(line: &str) -> Option<&str> {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 1 { line.strip_suffix('\\') } else { None }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Splits at the first separator that is not escaped: blanks, with at most one `=` or `:` among them.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c| {
        let ends = !escaped && (is_blank(c) || matches!(c, '=' | ':'));
        escaped = !escaped && c == '\\';
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> Result<String, &'static str> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    // Escapes are UTF-16 units: two of them make a character beyond the basic plane.
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    let mut buffer = [0; 2];
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('u') => {
                    units.push(unit(&mut chars)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => break,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut buffer));
    }
    String::from_utf16(&units).map_err(|_| "a \\u escape is half of a surrogate pair")
}

fn unit(chars: &mut std::str::Chars<'_>) -> Result<u16, &'static str> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = chars.next().and_then(|c| c.to_digit(16)).ok_or("Malformed \\uxxxx encoding.")?;
        unit = unit * 16 + digit as u16;
    }
    Ok(unit)
}
