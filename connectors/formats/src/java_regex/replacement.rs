//! The text that replaces a match: `$1`, `${name}`, `\` before a character that stands for itself.

use longshore_api::{ConnectError, ErrorKind, error::class};

use super::{JavaRegex, Match};

/// A compiled replacement.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// Compiles the replacement for a pattern's matches.
    ///
    /// # Errors
    /// Kind BadRecord, since Java finds out with the first match: a group that the pattern does not have, or a `$`
    /// or `\` with nothing behind it.
    pub fn new(text: &str, regex: &JavaRegex) -> Result<Self, ConnectError> {
        let mut parts = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    push(&mut parts, characters.next().ok_or_else(|| illegal("character to be escaped is missing"))?)
                }
                '$' => parts.push(Part::Group(group(&mut characters, regex)?)),
                _ => push(&mut parts, character),
            }
        }
        Ok(Self { parts })
    }

    pub(super) fn append(&self, found: &Match<'_>, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(index) => out.push_str(found.group(*index).unwrap_or_default()),
            }
        }
    }
}

fn push(parts: &mut Vec<Part>, character: char) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(character),
        _ => parts.push(Part::Text(character.to_string())),
    }
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn group(characters: &mut Characters<'_>, regex: &JavaRegex) -> Result<usize, ConnectError> {
    match characters.peek() {
        None => Err(illegal("Illegal group reference: group index is missing")),
        Some('{') => {
            characters.next();
            named(characters, regex)
        }
        Some(first) => {
            let Some(first) = first.to_digit(10) else { return Err(illegal("Illegal group reference")) };
            characters.next();
            let mut index = first as usize;
            if index > regex.group_count() {
                let message = format!("No group {index}");
                return Err(illegal(&message).with_class(class::INDEX_OUT_OF_BOUNDS));
            }
            // As many digits as there are groups for.
            while let Some(digit) = characters.peek().and_then(|digit| digit.to_digit(10)) {
                let longer = index * 10 + digit as usize;
                if longer > regex.group_count() {
                    break;
                }
                index = longer;
                characters.next();
            }
            Ok(index)
        }
    }
}

fn named(characters: &mut Characters<'_>, regex: &JavaRegex) -> Result<usize, ConnectError> {
    let mut name = String::new();
    while let Some(character) = characters.next_if(char::is_ascii_alphanumeric) {
        name.push(character);
    }
    if name.is_empty() {
        return Err(illegal("named capturing group has 0 length name"));
    }
    if characters.next() != Some('}') {
        return Err(illegal("named capturing group is missing trailing '}'"));
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(illegal(&format!("capturing group name {{{name}}} starts with digit character")));
    }
    regex.group_index(&name).ok_or_else(|| illegal(&format!("No group with name {{{name}}}")))
}

fn illegal(message: &str) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, class::ILLEGAL_ARGUMENT, message)
}
