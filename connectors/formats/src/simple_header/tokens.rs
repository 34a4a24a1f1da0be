//! Text cut at delimiters that are not escaped.

use super::trim;

/// Walks over tokens. A token that was looked at is kept until it is taken; a blank one that was looked at while
/// blanks do not matter is gone for good, as in Connect, even inside of quotes.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    looked_at: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, looked_at: None }
    }

    /// The whole text.
    pub(super) fn original(&self) -> &'a str {
        self.text
    }

    pub(super) fn has_next(&self) -> bool {
        self.looked_at.is_some() || self.at < self.text.len()
    }

    /// A place to go [back](Self::rewind) to.
    pub(super) fn mark(&self) -> usize {
        self.at - self.looked_at.map_or(0, str::len)
    }

    pub(super) fn rewind(&mut self, mark: usize) {
        self.at = mark;
        self.looked_at = None;
    }

    pub(super) fn next(&mut self) -> &'a str {
        match self.looked_at.take() {
            Some(token) => token,
            None => self.cut(),
        }
    }

    /// The text of the next tokens, if there are so many.
    pub(super) fn next_tokens(&mut self, count: usize) -> Option<&'a str> {
        let start = self.mark();
        for _ in 0..count {
            if !self.has_next() {
                return None;
            }
            self.next();
        }
        self.text.get(start..self.at)
    }

    /// Takes the next token if, but for blanks, it is the expected one.
    pub(super) fn take(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let mut token = self.next();
        while trim(token).is_empty() && self.at < self.text.len() {
            token = self.cut();
        }
        let found = trim(token) == expected;
        self.looked_at = (!found).then_some(token);
        found
    }

    fn cut(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = !escaped && matches!(byte, b':' | b',' | b'{' | b'}' | b'[' | b']' | b'"');
            escaped = !escaped && byte == b'\\';
            ends
        });
        // A delimiter is a token of its own.
        let (token, _) = rest.split_at(end.map_or(rest.len(), |end| end.max(1)));
        self.at += token.len();
        token
    }
}
