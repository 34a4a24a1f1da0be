//! From text to values.

use longshore_api::{Data, Map, Type, Value};

use super::merge::Merger;
use super::tokens::Tokens;
use super::{number, temporal, trim, typed};

/// Java's stack ends somewhere beyond; what it does then, nobody relies on.
const MAX_DEPTH: usize = 500;

/// Why a text is no list or map: it stays text as a whole.
struct NotEmbeddable;

type Embedded = Result<Option<Data>, NotEmbeddable>;

/// The value that a header's text stands for.
pub(super) fn text(text: &str) -> Data {
    if text.is_empty() {
        return typed(Type::String, Value::string(text));
    }
    let mut tokens = Tokens::new(text);
    if single(&mut tokens, "null") {
        return Data::NULL;
    }
    let parsed = boolean(&mut tokens).or_else(|| container(&mut tokens, 0)).or_else(|| scalar(&mut tokens));
    parsed.unwrap_or_else(|| typed(Type::String, Value::string(tokens.original())))
}

/// Whether a word is all there is.
fn single(tokens: &mut Tokens<'_>, word: &str) -> bool {
    let mark = tokens.mark();
    let found = tokens.take(word) && !tokens.has_next();
    if !found {
        tokens.rewind(mark);
    }
    found
}

fn boolean(tokens: &mut Tokens<'_>) -> Option<Data> {
    let value = ["true", "false"].into_iter().find(|word| single(tokens, word))?;
    Some(typed(Type::Boolean, Value::Boolean(value == "true")))
}

/// A list or a map, what follows it not looked at. `None` leaves the tokens where they were.
fn container(tokens: &mut Tokens<'_>, depth: usize) -> Option<Data> {
    let mark = tokens.mark();
    let parsed = match depth {
        MAX_DEPTH.. => None,
        _ if tokens.take("[") => list(tokens, depth + 1).ok(),
        _ if tokens.take("{") => map(tokens, depth + 1).ok(),
        _ => None,
    };
    if parsed.is_none() {
        tokens.rewind(mark);
    }
    parsed
}

/// A date, a time or a number at the head of the text, or blanks.
fn scalar(tokens: &mut Tokens<'_>) -> Option<Data> {
    let token = tokens.next();
    let trimmed = trim(token);
    let Some(first) = trimmed.bytes().next() else {
        return Some(typed(Type::String, Value::string(token)));
    };
    if first.is_ascii_digit() {
        // Colons cut a time into pieces; what stands around its first digits was no piece of it.
        let mark = tokens.mark();
        let whole = tokens.next_tokens(4).and_then(|rest| temporal::parse(&[trimmed, rest].concat()));
        if whole.is_some() {
            return whole;
        }
        tokens.rewind(mark);
        if let Some(date) = temporal::parse(trimmed) {
            return Some(date);
        }
    }
    if first.is_ascii_digit() || matches!(first, b'+' | b'-') { number::parse(trimmed) } else { None }
}

/// A value inside of a list or a map; `None` is null.
fn embedded(tokens: &mut Tokens<'_>, depth: usize) -> Embedded {
    if !tokens.has_next() {
        return Ok(None);
    }
    if tokens.take("\"") {
        return Ok(Some(quoted(tokens)));
    }
    if tokens.take("null") {
        return Ok(None);
    }
    for (word, value) in [("true", true), ("false", false)] {
        if tokens.take(word) {
            return Ok(Some(typed(Type::Boolean, Value::Boolean(value))));
        }
    }
    match container(tokens, depth).or_else(|| scalar(tokens)) {
        Some(data) => Ok(Some(data)),
        None => Err(NotEmbeddable),
    }
}

/// The rest of a quoted text. Escapes stay as they are.
fn quoted(tokens: &mut Tokens<'_>) -> Data {
    let mut content = String::new();
    while tokens.has_next() && !tokens.take("\"") {
        content.push_str(tokens.next());
    }
    temporal::parse(&content).unwrap_or_else(|| typed(Type::String, Value::string(content)))
}

fn list(tokens: &mut Tokens<'_>, depth: usize) -> Result<Data, NotEmbeddable> {
    let (mut elements, mut merger) = (Vec::new(), Merger::default());
    while tokens.has_next() {
        if tokens.take("]") {
            return merger.list(elements).ok_or(NotEmbeddable);
        }
        if tokens.take(",") {
            return Err(NotEmbeddable);
        }
        let element = embedded(tokens, depth)?;
        merger.merge(element.as_ref());
        elements.push(element.map_or(Value::Null, |element| element.value));
        let mark = tokens.mark();
        if tokens.take("]") {
            tokens.rewind(mark);
        } else if !tokens.take(",") {
            return Err(NotEmbeddable);
        }
    }
    Err(NotEmbeddable)
}

fn map(tokens: &mut Tokens<'_>, depth: usize) -> Result<Data, NotEmbeddable> {
    let (mut entries, mut keys, mut values) = (Vec::new(), Merger::default(), Merger::default());
    while tokens.has_next() {
        if tokens.take("}") {
            return keys.map(values, Map::from_iter(entries)).ok_or(NotEmbeddable);
        }
        if tokens.take(",") {
            return Err(NotEmbeddable);
        }
        let Some(key) = embedded(tokens, depth)? else { return Err(NotEmbeddable) };
        if !tokens.take(":") {
            return Err(NotEmbeddable);
        }
        let value = embedded(tokens, depth)?;
        // A comma between entries may be missing.
        tokens.take(",");
        keys.merge(Some(&key));
        values.merge(value.as_ref());
        entries.push((key.value, value.map_or(Value::Null, |value| value.value)));
    }
    Err(NotEmbeddable)
}
