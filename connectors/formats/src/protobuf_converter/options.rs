//! Confluent's options of fields: `(confluent.field_meta)`, of which Connect uses the parameters.

use indexmap::IndexMap;
use longshore_api::Result;

use super::descriptor::{Raw, each_field};

/// What `(confluent.field_meta)` says of a field.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FieldMeta {
    /// Connect's own: `connect.type`, `precision`, `scale`.
    pub(super) params: IndexMap<String, String>,
}

impl FieldMeta {
    /// The number of the extension of `FieldOptions`.
    pub(super) const EXTENSION: u32 = 1088;

    /// Adds an encoded `confluent.Meta`.
    pub(super) fn merge_encoded(&mut self, bytes: &[u8]) -> Result<()> {
        each_field(bytes, |number, value| {
            if number != 2 {
                return Ok(());
            }
            let (mut key, mut text) = (String::new(), String::new());
            each_field(value.bytes()?, |number, value| {
                match number {
                    1 => key = value.text()?,
                    2 => text = value.text()?,
                    _ => {}
                }
                Ok(())
            })?;
            self.params.insert(key, text);
            Ok(())
        })
    }

    /// Adds an encoded `UninterpretedOption`, which is how a parser leaves an option; others than
    /// `(confluent.field_meta)` are not looked at.
    pub(super) fn merge_uninterpreted(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut name, mut text) = (Vec::new(), None);
        each_field(bytes, |number, value| {
            match (number, &value) {
                (2, Raw::Bytes(part)) => {
                    each_field(part, |number, value| {
                        if number == 1 {
                            name.push(value.text()?);
                        }
                        Ok(())
                    })?;
                }
                (8, Raw::Bytes(_)) => text = Some(value.text()?),
                _ => {}
            }
            Ok(())
        })?;
        let mut name = name.iter().map(|part| part.trim_start_matches('.'));
        let Some(text) = text.filter(|_| name.next() == Some("confluent.field_meta")) else { return Ok(()) };
        match (name.next(), name.next()) {
            (None, _) => Params { rest: &text, params: &mut self.params }.meta(),
            (Some("params"), None) => Params { rest: &text, params: &mut self.params }.entry(),
            _ => {}
        }
        Ok(())
    }
}

/// Reads parameters out of Protobuf's text format; what it does not understand it passes over.
struct Params<'t, 'p> {
    rest: &'t str,
    params: &'p mut IndexMap<String, String>,
}

/// Deeper values are not looked at.
const MAX_DEPTH: usize = 20;

impl<'t> Params<'t, '_> {
    /// The members of a `confluent.Meta`.
    fn meta(&mut self) {
        while let Some(name) = self.name() {
            if name != "params" {
                self.value(MAX_DEPTH);
            } else if self.take('[') {
                while !self.take(']') && !self.rest.is_empty() {
                    if !self.braced_entry() {
                        self.value(MAX_DEPTH);
                    }
                    self.take(',');
                }
            } else if !self.braced_entry() {
                self.value(MAX_DEPTH);
            }
            let _ = self.take(',') || self.take(';');
        }
    }

    fn braced_entry(&mut self) -> bool {
        if !self.take('{') && !self.take('<') {
            return false;
        }
        self.entry();
        let _ = self.take('}') || self.take('>');
        true
    }

    /// A key and its value.
    fn entry(&mut self) {
        let (mut key, mut text) = (None, None);
        while let Some(name) = self.name() {
            let value = self.value(MAX_DEPTH);
            match name {
                "key" => key = value,
                "value" => text = value,
                _ => {}
            }
            let _ = self.take(',') || self.take(';');
        }
        if let Some(key) = key {
            self.params.insert(key, text.unwrap_or_default());
        }
    }

    /// A member's name and the colon.
    fn name(&mut self) -> Option<&'t str> {
        self.skip_blanks();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let length = self.rest.bytes().take_while(is_name).count();
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.take(':');
        (!name.is_empty()).then_some(name)
    }

    /// A value; its text, if it is a scalar.
    fn value(&mut self, depth: usize) -> Option<String> {
        self.skip_blanks();
        let close = match self.rest.chars().next()? {
            '"' | '\'' => return Some(self.strings()),
            '{' => '}',
            '<' => '>',
            '[' => ']',
            _ => {
                let end = self.rest.find([',', ';', '}', '>', ']', ' ', '\n', '\t', '\r']).unwrap_or(self.rest.len());
                let (value, rest) = self.rest.split_at(end.max(1).min(self.rest.len()));
                self.rest = rest;
                return Some(value.to_owned());
            }
        };
        self.rest = &self.rest[1..];
        while !self.take(close) && !self.rest.is_empty() && depth > 0 {
            if close != ']' {
                self.name();
            }
            self.value(depth - 1);
            let _ = self.take(',') || self.take(';');
        }
        None
    }

    /// Strings in quotes; those that follow one another are one.
    fn strings(&mut self) -> String {
        let mut text = String::new();
        loop {
            self.skip_blanks();
            let Some(quote @ ('"' | '\'')) = self.rest.chars().next() else { return text };
            let mut characters = self.rest[1..].char_indices();
            let mut end = self.rest.len();
            while let Some((at, character)) = characters.next() {
                match character {
                    '\\' => text.extend(characters.next().map(|(_, escaped)| match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    })),
                    _ if character == quote => {
                        end = at + 2;
                        break;
                    }
                    _ => text.push(character),
                }
            }
            self.rest = &self.rest[end..];
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn params(text: &str) -> Vec<(String, String)> {
        let mut params = IndexMap::new();
        Params { rest: text, params: &mut params }.meta();
        params.into_iter().collect()
    }

    #[test]
    fn parameters_are_read_in_every_spelling() {
        let expected = [("precision".to_owned(), "9".to_owned()), ("scale".to_owned(), "2".to_owned())];
        for text in [
            "params: [{key: \"precision\", value: \"9\"}, {value: \"2\", key: \"scale\"}]",
            "params { key: \"precision\" value: \"9\" } params: < key: 'scale' value: '2' >",
            "doc: \"params: x\", tags: [\"PII\"], rules: [{name: \"a\"}]\nparams: [\n {\n key: \"precision\",\n value: \"9\"\n },\n {\n key: \"scale\"\n value: \"2\"\n }\n]",
        ] {
            assert_eq!(params(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_for_ever(text in "[a-z:{}<>\\[\\]\"'\\\\, ;]{0,60}") {
            params(&text);
        }
    }
}
