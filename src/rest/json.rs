//! Reads JSON one token at a time, and says what is wrong with it in the words that Connect's clients see.
//!
//! Bodies are small; what matters here is that the first error found, its text and its place are those that Connect
//! reports (its parser is Jackson), and that numbers keep the text they were written with.

use std::borrow::Cow;
use std::fmt;

/// Deepest nesting of objects and arrays that is read, as in Jackson.
const MAX_DEPTH: usize = 1000;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// What is wrong with a body, in Connect's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonError {
    message: String,
    /// The way to a value that does not fit, innermost first; `None` where the text is no JSON.
    chain: Option<Vec<String>>,
}

impl JsonError {
    fn syntax(message: String) -> Self {
        Self { message, chain: None }
    }

    /// The error, of a value that stands in `member` of a `class`.
    pub(super) fn within(mut self, class: &str, member: impl fmt::Debug) -> Self {
        if let Some(chain) = &mut self.chain {
            chain.push(format!("{class}[{member:?}]"));
        }
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let members: Vec<&str> = self.chain.iter().flatten().rev().map(String::as_str).collect();
        match members.is_empty() {
            true => Ok(()),
            false => write!(f, " (through reference chain: {})", members.join("->")),
        }
    }
}

/// A piece of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    StartObject,
    EndObject,
    StartArray,
    EndArray,
    Key(String),
    Text(String),
    /// A number as written.
    Integer(&'a str),
    Float(&'a str),
    Bool(bool),
    Null,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A value, anywhere but behind `[`.
    Value,
    /// A value or `]`.
    FirstElement,
    /// A key or `}`.
    FirstKey,
    /// A comma or the end of what is open; at the top, the end of the body.
    Next,
}

struct Open {
    object: bool,
    at: usize,
}

/// A reader of one body.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the last token begins.
    token_at: usize,
    open: Vec<Open>,
    expect: Expect,
}

impl<'a> Reader<'a> {
    /// A reader of a body, which must be UTF-8.
    pub(super) fn new(body: &'a [u8]) -> Result<Self, JsonError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0, token_at: 0, open: Vec::new(), expect: Expect::Value }),
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or_default();
                let byte = body.get(error.valid_up_to()).copied().unwrap_or_default();
                let before = std::str::from_utf8(valid).unwrap_or_default();
                let place = source(before, before.len());
                Err(JsonError::syntax(format!("Invalid UTF-8 start byte 0x{byte:02x}\n at {place}")))
            }
        }
    }

    /// The next token; `None` at the end of the body.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        self.skip_space();
        let Some(mut c) = self.peek() else { return self.end() };
        if self.expect == Expect::Next && !self.open.is_empty() && !matches!(c, '}' | ']') {
            if c != ',' {
                let kind = if self.in_object() { "Object" } else { "Array" };
                return Err(self.unexpected(c, &format!("was expecting comma to separate {kind} entries")));
            }
            self.at += 1;
            self.skip_space();
            let Some(next) = self.peek() else { return self.end() };
            c = next;
            if self.in_object() {
                return self.key(c).map(Some);
            }
            self.expect = Expect::Value;
        }
        self.token_at = self.at;
        match c {
            '}' | ']' if self.may_close() => self.close(c).map(Some),
            '"' if self.expect == Expect::FirstKey => self.key(c).map(Some),
            _ if self.expect == Expect::FirstKey => {
                Err(self.unexpected(c, "was expecting double-quote to start field name"))
            }
            _ => self.value(c).map(Some),
        }
    }

    /// The token that was read last does not fit.
    pub(super) fn error(&self, message: impl fmt::Display) -> JsonError {
        let message = format!("{message}\n at {}", source(self.text, self.token_at));
        JsonError { message, chain: Some(Vec::new()) }
    }

    fn here(&self, message: impl fmt::Display) -> JsonError {
        JsonError::syntax(format!("{message}\n at {}", source(self.text, self.at)))
    }

    fn unexpected(&self, c: char, expected: &str) -> JsonError {
        let code = c as u32;
        match c {
            c if c < ' ' => self.here(format!(
                "Illegal character ((CTRL-CHAR, code {code})): only regular white space (\\r, \\n, \\t) is allowed between \
                 tokens"
            )),
            '}' | ']' if self.open.is_empty() => {
                let kind = if c == '}' { "Object" } else { "Array" };
                self.here(format!("Unexpected close marker '{c}': no open {kind} to close"))
            }
            c => self.here(format!("Unexpected character ('{c}' (code {code})): {expected}")),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.object)
    }

    fn may_close(&self) -> bool {
        !self.open.is_empty() && self.expect != Expect::Value
    }

    /// The end of the body, which is an error inside an object or array.
    fn end(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        let Some(open) = self.open.last() else { return Ok(None) };
        if open.object && self.expect == Expect::Value {
            return Err(self.here("Unexpected end-of-input within/between Object entries"));
        }
        let (kind, start) = (if open.object { "Object" } else { "Array" }, source(self.text, open.at));
        Err(self.here(format!("Unexpected end-of-input: expected close marker for {kind} (start marker at {start})")))
    }

    fn close(&mut self, c: char) -> Result<Token<'a>, JsonError> {
        let Some(open) = self.open.last() else { return Err(self.unexpected(c, "")) };
        let (right, kind) = if open.object { ('}', "Object") } else { (']', "Array") };
        if c != right {
            let start = source(self.text, open.at);
            return Err(self
                .here(format!("Unexpected close marker '{c}': expected '{right}' (for {kind} starting at {start})")));
        }
        let object = open.object;
        self.open.pop();
        self.at += 1;
        self.expect = Expect::Next;
        Ok(if object { Token::EndObject } else { Token::EndArray })
    }

    /// A key with its colon.
    fn key(&mut self, c: char) -> Result<Token<'a>, JsonError> {
        self.token_at = self.at;
        if c != '"' {
            return Err(self.unexpected(c, "was expecting double-quote to start field name"));
        }
        let key = self.string("in field name")?;
        self.skip_space();
        match self.peek() {
            Some(':') => self.at += 1,
            Some(other) => return Err(self.unexpected(other, "was expecting a colon to separate field name and value")),
            None => return Err(self.here("Unexpected end-of-input within/between Object entries")),
        }
        self.expect = Expect::Value;
        Ok(Token::Key(key))
    }

    fn value(&mut self, c: char) -> Result<Token<'a>, JsonError> {
        let token = match c {
            '{' => return self.start(true),
            '[' => return self.start(false),
            '"' => Token::Text(self.string("in VALUE_STRING")?),
            '-' | '0'..='9' => self.number()?,
            _ if c.is_alphabetic() || matches!(c, '_' | '$') => self.word()?,
            _ => return Err(self.unexpected(c, &format!("expected a valid value {VALUES}"))),
        };
        self.expect = Expect::Next;
        Ok(token)
    }

    fn start(&mut self, object: bool) -> Result<Token<'a>, JsonError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(JsonError::syntax(format!(
                "Document nesting depth ({}) exceeds the maximum allowed ({MAX_DEPTH}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)",
                MAX_DEPTH + 1
            )));
        }
        self.open.push(Open { object, at: self.at });
        self.at += 1;
        self.expect = if object { Expect::FirstKey } else { Expect::FirstElement };
        Ok(if object { Token::StartObject } else { Token::StartArray })
    }

    fn word(&mut self) -> Result<Token<'a>, JsonError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(rest.len());
        let (word, _) = rest.split_at(end);
        let token = match word {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            "null" => Token::Null,
            "NaN" | "Infinity" => {
                return Err(self.here(format!(
                    "Non-standard token '{word}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
                )));
            }
            _ => {
                let shown: String = word.chars().take(256).collect();
                return Err(self.here(format!("Unrecognized token '{shown}': was expecting {VALUES}")));
            }
        };
        self.at += end;
        Ok(token)
    }

    fn number(&mut self) -> Result<Token<'a>, JsonError> {
        let rest = self.rest();
        let minus = "expected digit (0-9) to follow minus sign, for valid numeric value";
        let integer_end = self.digits(rest, usize::from(rest.starts_with('-')), minus)?;
        let integer = rest.get(..integer_end).unwrap_or_default().trim_start_matches('-');
        if integer.len() > 1 && integer.starts_with('0') {
            return Err(self.here("Invalid numeric value: Leading zeroes not allowed"));
        }
        let mut number_end = integer_end;
        if rest.get(number_end..).is_some_and(|rest| rest.starts_with('.')) {
            number_end = self.digits(rest, number_end + 1, "Decimal point not followed by a digit")?;
        }
        if let Some(exponent) = rest.get(number_end..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            number_end = self.digits(rest, number_end + 1 + sign, "Exponent indicator not followed by a digit")?;
        }
        self.at += number_end;
        let text = rest.get(..number_end).unwrap_or_default();
        match rest.get(number_end..).and_then(|rest| rest.chars().next()) {
            Some(c) if self.open.is_empty() && !c.is_ascii_whitespace() => {
                Err(self.unexpected(c, "Expected space separating root-level values"))
            }
            _ if number_end == integer_end => Ok(Token::Integer(text)),
            _ => Ok(Token::Float(text)),
        }
    }

    /// Where the digits end that must begin at `start` of the number.
    fn digits(&self, rest: &str, start: usize, expected: &str) -> Result<usize, JsonError> {
        let text = rest.get(start..).unwrap_or_default();
        let count = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match (count, text.chars().next()) {
            (0, Some(c)) => {
                Err(self.here(format!("Unexpected character ('{c}' (code {})) in numeric value: {expected}", c as u32)))
            }
            (0, None) => Err(self.here("Unexpected end-of-input in numeric value")),
            _ => Ok(start + count),
        }
    }

    /// A string; the reader stands at its first quote and goes behind its last.
    fn string(&mut self, place: &str) -> Result<String, JsonError> {
        self.at += 1;
        let mut decoded = Cow::Borrowed("");
        loop {
            let rest = self.rest();
            let Some(plain) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                self.at = self.text.len();
                return Err(self.here(format!("Unexpected end-of-input {place}")));
            };
            let (before, after) = rest.split_at(plain);
            decoded += before;
            self.at += plain;
            match after.chars().next() {
                Some('"') => {
                    self.at += 1;
                    return Ok(decoded.into_owned());
                }
                Some('\\') => decoded.to_mut().push(self.escape()?),
                other => {
                    let code = other.unwrap_or_default() as u32;
                    return Err(self.here(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {code})): has to be escaped using backslash to be \
                         included in string value"
                    )));
                }
            }
        }
    }

    /// An escaped character. Half of a surrogate pair becomes the replacement character: Rust's text has none.
    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.rest().chars().nth(1);
        let plain = match escaped {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(),
            Some(c) => return Err(self.here(format!("Unrecognized character escape '{c}' (code {})", c as u32))),
            None => return Err(self.here("Unexpected end-of-input in character escape sequence")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.unit()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let behind_first = self.at;
            let second = self.unit()?;
            if let Some(Ok(c)) = char::decode_utf16([first, second]).next() {
                return Ok(c);
            }
            self.at = behind_first;
        }
        Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The UTF-16 unit of `\uXXXX`.
    fn unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.rest().get(2..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) else {
            let wrong = self.rest().chars().skip(2).find(|c| !c.is_ascii_hexdigit());
            let c = wrong.ok_or_else(|| self.here("Unexpected end-of-input in character escape sequence"))?;
            return Err(self.unexpected(c, "expected a hex-digit for character escape sequence"));
        };
        self.at += 6;
        Ok(unit)
    }
}

/// A place in the body, as Jackson writes it.
fn source(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("[Source: request body; line: {line}, column: {column}]")
}

#[cfg(test)]
mod tests;
