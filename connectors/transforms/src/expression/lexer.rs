//! From characters to tokens.

use super::Language;

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Integer(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Operators and brackets, also those that no expression has, to be named in errors. Of signs with one beginning the
/// longest comes first.
const SIGNS: &[&str] = &[
    "===", "!==", "==~", "<=>", "...", "**", "..", "->", "=>", "++", "--", "<<", ">>", "+=", "-=", "?.", "?:", "?[",
    "??", "&&", "||", "==", "!=", "<=", ">=", "=~", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(",
    ")", "[", "]", "{", "}", "=", ";", "&", "|", "^", "~", "@",
];

/// A problem of a text: what, and at which byte.
pub(super) type Problem = (usize, String);

/// Reads tokens one by one.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) language: Language,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// The next token, and the byte where it begins.
    pub(super) fn next(&mut self) -> Result<(usize, Token), Problem> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok((start, Token::End)) };
        if let Some((skip, raw, bytes)) = self.quote() {
            self.at += skip;
            return Ok((start, self.text(raw, bytes)?));
        }
        let fraction = first == '.' && self.rest()[1..].starts_with(|one: char| one.is_ascii_digit());
        if first.is_ascii_digit() || fraction {
            return Ok((start, self.number()?));
        }
        if first.is_alphabetic() || first == '_' || first == '$' && self.language != Language::Cel {
            let more = |one: char| one.is_alphanumeric() || one == '_' || one == '$' && self.language != Language::Cel;
            let end = self.rest().find(|one| !more(one)).unwrap_or(self.rest().len());
            let name = self.rest()[..end].to_owned();
            self.at += end;
            return Ok((start, Token::Name(name)));
        }
        let mut signs = SIGNS.iter().copied().filter(|sign| self.knows(sign));
        let Some(sign) = signs.find(|sign| self.rest().starts_with(sign)) else {
            return Err((start, format!("unexpected {first}")));
        };
        self.at += sign.len();
        Ok((start, Token::Sign(sign)))
    }

    /// Whether a sign is one in this language: CEL reads `a?.b` and `1--1` otherwise.
    fn knows(&self, sign: &str) -> bool {
        match self.language {
            Language::Cel => sign.len() == 1 || ["&&", "||", "==", "!=", "<=", ">="].contains(&sign),
            Language::Groovy => sign != "=>",
            Language::JavaScript => !["==~", "=~", "?:", "<=>", ".."].contains(&sign),
        }
    }

    /// A quote ahead: how long what stands before it is, whether escapes count for nothing, whether bytes are meant.
    fn quote(&self) -> Option<(usize, bool, bool)> {
        let head: String = self.rest().chars().take(3).collect();
        let prefix = head.find(['\'', '"', '`'])?;
        let marks = head[..prefix].to_ascii_lowercase();
        match (self.language, marks.as_str()) {
            (_, "") => Some((0, false, false)),
            (Language::Cel, "r") => Some((1, true, false)),
            (Language::Cel, "b") => Some((1, false, true)),
            (Language::Cel, "br" | "rb") => Some((2, true, true)),
            _ => None,
        }
    }

    /// A text; its quote is ahead.
    fn text(&mut self, raw: bool, is_bytes: bool) -> Result<Token, Problem> {
        let start = self.at;
        let quote = self.rest().chars().next().unwrap_or('\'');
        if quote == '`' && self.language == Language::Groovy {
            return Err((start, "unexpected `".into()));
        }
        let triple = quote.to_string().repeat(3);
        let has_triple = self.language != Language::JavaScript && quote != '`' && self.rest().starts_with(&triple);
        let end = if has_triple { triple.as_str() } else { &triple[..1] };
        self.at += end.len();
        let interpolates = match self.language {
            Language::Cel => false,
            Language::Groovy => quote == '"',
            Language::JavaScript => quote == '`',
        };
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(end) {
                self.at += end.len();
                break;
            }
            let Some(one) = rest.chars().next() else { return Err((start, "a text that does not end".into())) };
            let after = rest[one.len_utf8()..].chars().next();
            let begins = |after: char| after == '{' || self.language == Language::Groovy && after.is_alphabetic();
            if interpolates && one == '$' && after.is_some_and(begins) {
                return Err((self.at, "a text with ${…} in it is not supported; use +".into()));
            }
            if one == '\n' && end.len() == 1 && quote != '`' {
                return Err((start, "a text that does not end on its line".into()));
            }
            if one == '\\' && !raw {
                self.at += 1;
                self.escape(is_bytes, &mut bytes)?;
                continue;
            }
            self.at += one.len_utf8();
            bytes.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if is_bytes {
            return Ok(Token::Bytes(bytes));
        }
        // A backquoted name in CEL: a field whose name is no identifier.
        let text = String::from_utf8(bytes).map_err(|_| (start, "a text that is not UTF-8".into()))?;
        Ok(if quote == '`' && self.language == Language::Cel { Token::Name(text) } else { Token::Text(text) })
    }

    fn escape(&mut self, is_bytes: bool, out: &mut Vec<u8>) -> Result<(), Problem> {
        let start = self.at;
        let wrong = || (start, "an escape that is none".to_owned());
        let one = self.rest().chars().next().ok_or_else(wrong)?;
        self.at += one.len_utf8();
        let digits = |lexer: &mut Self, count: usize, radix: u32| {
            let text = lexer.rest().get(..count).filter(|text| text.chars().all(|one| one.is_digit(radix)));
            let number = text.and_then(|text| u32::from_str_radix(text, radix).ok()).ok_or_else(wrong)?;
            lexer.at += count;
            Ok::<u32, Problem>(number)
        };
        let simple = match one {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '`' | '?' | '/' | '$' => one,
            'x' | 'X' | 'u' | 'U' | '0'..='3' => {
                let code = match one {
                    'x' | 'X' => digits(self, 2, 16)?,
                    'u' => digits(self, 4, 16)?,
                    'U' => digits(self, 8, 16)?,
                    _ => {
                        self.at -= 1;
                        digits(self, 3, 8)?
                    }
                };
                if is_bytes && !matches!(one, 'u' | 'U') {
                    out.push(u8::try_from(code).map_err(|_| wrong())?);
                    return Ok(());
                }
                char::from_u32(code).ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        out.extend_from_slice(simple.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn number(&mut self) -> Result<Token, Problem> {
        let start = self.at;
        let rest = self.rest();
        let wrong = |what: &str| (start, what.to_owned());
        if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let end = hex.find(|one: char| !one.is_ascii_hexdigit()).unwrap_or(hex.len());
            self.at += 2 + end;
            return i64::from_str_radix(&hex[..end], 16).map(Token::Integer).map_err(|_| wrong("a number too large"));
        }
        let digits =
            |from: usize| rest[from..].find(|one: char| !one.is_ascii_digit()).map_or(rest.len(), |n| from + n);
        let mut end = digits(0);
        let mut is_float = false;
        if rest[end..].starts_with('.') && rest[end + 1..].starts_with(|one: char| one.is_ascii_digit()) {
            (is_float, end) = (true, digits(end + 1));
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let last = digits(end + 1 + sign);
            if last > end + 1 + sign {
                (is_float, end) = (true, last);
            }
        }
        self.at += end;
        let token = match is_float {
            true => rest[..end].parse().map(Token::Float).map_err(|_| wrong("a number that is none"))?,
            false => rest[..end].parse().map(Token::Integer).map_err(|_| wrong("a number too large"))?,
        };
        match self.rest().chars().next() {
            Some('u' | 'U') if self.language == Language::Cel => Err(wrong("unsigned numbers are not supported")),
            Some('l' | 'L' | 'i' | 'I' | 'd' | 'D' | 'f' | 'F' | 'g' | 'G') if self.language == Language::Groovy => {
                self.at += 1;
                Ok(token)
            }
            _ => Ok(token),
        }
    }

    /// The flags right behind a pattern.
    pub(super) fn flags(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|one: char| !one.is_alphanumeric() && !"_$".contains(one)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The text between two slashes of which the first is ahead: a pattern.
    pub(super) fn slashes(&mut self) -> Result<String, Problem> {
        let start = self.at;
        self.at += 1;
        let mut pattern = String::new();
        let mut in_class = false;
        loop {
            let Some(one) = self.rest().chars().next() else {
                return Err((start, "a pattern that does not end".into()));
            };
            self.at += one.len_utf8();
            match one {
                '/' if !in_class || self.language == Language::Groovy => return Ok(pattern),
                '\\' if self.rest().starts_with('/') => {
                    self.at += 1;
                    pattern.push('/');
                }
                '\\' => {
                    pattern.push('\\');
                    if let Some(next) = self.rest().chars().next() {
                        self.at += next.len_utf8();
                        pattern.push(next);
                    }
                }
                _ => {
                    in_class = one == '[' || in_class && one != ']';
                    pattern.push(one);
                }
            }
        }
    }
}
