//! The tokens of extended JSON.

use std::fmt;

use super::ExtendedJsonError;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// One of `{ } [ ] ( ) : ,`.
    Symbol(char),
    /// A text in double or single quotes.
    String(String),
    /// A number that has no fraction.
    Integer(i64),
    /// A number that has one.
    Double(f64),
    /// `/pattern/options`.
    Regex(String, String),
    /// Anything that begins with a letter, `$` or `_`: a literal, the name of a field or of a type.
    Word(String),
    /// The end of the text.
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Symbol(symbol) => write!(f, "{symbol:?}"),
            Token::String(_) => f.write_str("a string"),
            Token::Integer(_) | Token::Double(_) => f.write_str("a number"),
            Token::Regex(..) => f.write_str("a regular expression"),
            Token::Word(_) => f.write_str("a word"),
            Token::End => f.write_str("the end"),
        }
    }
}

/// Cuts a text into tokens.
pub(super) struct Scanner<'a> {
    input: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, at: 0 }
    }

    /// Where the scanner stands, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn error<T>(&self, what: &str) -> Result<T, ExtendedJsonError> {
        Err(ExtendedJsonError::Syntax { at: self.at, what: what.to_owned() })
    }

    fn skip_space(&mut self) {
        self.at = self.input.len() - self.rest().trim_start().len();
    }

    /// Whether the next token is this symbol.
    pub(super) fn peek_symbol(&mut self, symbol: char) -> bool {
        self.skip_space();
        self.rest().starts_with(symbol)
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token, ExtendedJsonError> {
        self.skip_space();
        let Some(first) = self.rest().chars().next() else { return Ok(Token::End) };
        match first {
            '{' | '}' | '[' | ']' | '(' | ')' | ':' | ',' => {
                self.at += 1;
                Ok(Token::Symbol(first))
            }
            '"' | '\'' => self.string(first),
            '/' => self.regex(),
            '-' | '0'..='9' => self.number(),
            '$' | '_' => Ok(Token::Word(self.take(is_word))),
            _ if first.is_alphabetic() => Ok(Token::Word(self.take(is_word))),
            _ => self.error("unexpected character"),
        }
    }

    fn take(&mut self, wanted: fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|char| !wanted(char)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default().to_owned()
    }

    fn string(&mut self, quote: char) -> Result<Token, ExtendedJsonError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((index, char)) = chars.next() {
            if char == quote {
                self.at += index + 1;
                return Ok(Token::String(text));
            }
            if char != '\\' {
                text.push(char);
                continue;
            }
            match chars.next().map(|(_, escaped)| escaped) {
                Some(plain @ ('"' | '\'' | '\\' | '/')) => text.push(plain),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{C}'),
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('u') => {
                    let rest = chars.clone().map(|(_, char)| char);
                    let Some((decoded, used)) = unicode_escape(rest) else {
                        return self.error("expected four hexadecimal digits in a string");
                    };
                    text.push(decoded);
                    chars.by_ref().take(used).for_each(drop);
                }
                _ => return self.error("unknown escape in a string"),
            }
        }
        self.error("unexpected end of a string")
    }

    fn regex(&mut self) -> Result<Token, ExtendedJsonError> {
        let body = self.rest().get(1..).unwrap_or_default();
        let mut escaped = false;
        for (index, char) in body.char_indices() {
            if char == '/' && !escaped {
                self.at += index + 2;
                let options = self.take(|char| char.is_ascii_alphabetic());
                return Ok(Token::Regex(body.get(..index).unwrap_or_default().to_owned(), options));
            }
            escaped = char == '\\' && !escaped;
        }
        self.error("unexpected end of a regular expression")
    }

    fn number(&mut self) -> Result<Token, ExtendedJsonError> {
        let start = self.at;
        if self.rest().starts_with("-Infinity") {
            self.at += "-Infinity".len();
            return Ok(Token::Double(f64::NEG_INFINITY));
        }
        let text = self.take(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '+' | '.'));
        let parsed = parse_number(&text);
        if parsed.is_none() {
            self.at = start;
        }
        parsed.map_or_else(|| self.error("invalid number"), Ok)
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '$' | '_')
}

/// A number as JSON writes it; an integer has to fit 64 bits.
fn parse_number(text: &str) -> Option<Token> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if is_integer {
        return (!leading_zero).then(|| text.parse().ok().map(Token::Integer)).flatten();
    }
    let leading_zero = leading_zero && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    let framed = digits.starts_with(|char: char| char.is_ascii_digit()) && !text.ends_with('.') && !text.contains(".e");
    (plain && framed && !leading_zero).then(|| text.parse().ok().map(Token::Double)).flatten()
}

/// The character of `\u` escapes (one, or two for a pair of surrogates) and how many characters they take.
fn unicode_escape(mut rest: impl Iterator<Item = char> + Clone) -> Option<(char, usize)> {
    let high = hex4(&mut rest)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((char::from_u32(high).unwrap_or('?'), 4));
    }
    let paired = rest.next() == Some('\\') && rest.next() == Some('u');
    match paired.then(|| hex4(&mut rest)).flatten() {
        Some(low @ 0xDC00..0xE000) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            Some((char::from_u32(code).unwrap_or('?'), 10))
        }
        _ => Some(('?', 4)),
    }
}

fn hex4(rest: &mut impl Iterator<Item = char>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + rest.next()?.to_digit(16)?))
}
