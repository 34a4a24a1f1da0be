//! Plain JSON objects to BSON in one pass over the text, without a tree in between.
//!
//! This is the fast path. It takes what is certainly well formed and means the same to it as to the readers that
//! decide: JsonConverter's for the schemaless flavor (leading zeros are taken, integers beyond 64 bits keep their
//! low 64 bits, `-0` is an integer, what follows the object is not read), and the
//! [extended JSON](super::extended_json) parser for texts. All else is left to them.

use super::builder::{BuildError, Builder};

/// From these lengths on (bytes) the deciding reader has limits.
const LONG_NAME: usize = 10_000;
const LONG_STRING: usize = 4 << 20;
const LONG_NUMBER: usize = 300;
const LONG_EXPONENT: usize = 6;

/// Which numbers come out, and what is left to the [extended JSON](super::extended_json) parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavor {
    /// JsonConverter: every integer is an int64.
    Schemaless,
    /// StringConverter: an integer is an int32 if it fits.
    Text,
}

/// The text is not what the fast path takes; a slower reader says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPlain;

impl From<BuildError> for NotPlain {
    fn from(_: BuildError) -> Self {
        NotPlain
    }
}

type Result<T> = std::result::Result<T, NotPlain>;

/// Converts an object as the schemaless JsonConverter reads it.
///
/// # Errors
/// If the text does not begin with a well-formed object; JsonConverter's own reader says what it is.
pub(crate) fn schemaless(input: &[u8], out: &mut Builder) -> Result<()> {
    let text = std::str::from_utf8(input).map_err(|_| NotPlain)?;
    Parser::new(text.as_bytes(), Flavor::Schemaless, out).object()
}

/// Converts an object that holds nothing but plain JSON, numbers as StringConverter's users get them.
///
/// # Errors
/// If it is anything else; the extended JSON parser says what it is.
pub(crate) fn plain_text(input: &str, out: &mut Builder) -> Result<()> {
    Parser::new(input.as_bytes(), Flavor::Text, out).object()
}

struct Parser<'a, 'b> {
    input: &'a [u8],
    at: usize,
    flavor: Flavor,
    out: &'b mut Builder,
}

impl<'a, 'b> Parser<'a, 'b> {
    fn new(input: &'a [u8], flavor: Flavor, out: &'b mut Builder) -> Self {
        Self { input, at: 0, flavor, out }
    }

    fn object(&mut self) -> Result<()> {
        if self.token()? != b'{' {
            return Err(NotPlain);
        }
        self.out.begin();
        self.members()
    }

    /// Reads what the document that has begun holds. Does not recurse.
    fn members(&mut self) -> Result<()> {
        let mut opened = true;
        loop {
            let array = self.out.in_array();
            let close = if array { b']' } else { b'}' };
            let mut byte = self.token()?;
            if byte == close {
                self.out.end()?;
                if self.out.depth() == 0 {
                    return Ok(());
                }
                opened = false;
                continue;
            }
            if !opened {
                if byte != b',' {
                    return Err(NotPlain);
                }
                byte = self.token()?;
            }
            if array {
                self.out.next_index();
            } else {
                byte = self.key(byte, opened)?;
            }
            opened = self.value(byte)?;
        }
    }

    /// Whether what was read from `start` on is long enough that the deciding reader may refuse it.
    fn is_long(&self, start: usize, most: usize) -> bool {
        self.at - start > most
    }

    /// Reads a key that begins with `byte`, and the colon; gives the first byte of the value.
    fn key(&mut self, byte: u8, first: bool) -> Result<u8> {
        if byte != b'"' {
            return Err(NotPlain);
        }
        if first && self.flavor == Flavor::Text && self.input.get(self.at) == Some(&b'$') {
            return Err(NotPlain);
        }
        let (start, at) = (self.at, self.out.begin_key());
        self.text()?;
        self.out.key_written(at)?;
        if self.is_long(start, LONG_NAME) {
            return Err(NotPlain);
        }
        if self.token()? != b':' {
            return Err(NotPlain);
        }
        self.token()
    }

    /// Reads a value that begins with `byte`; true if it opened a container.
    fn value(&mut self, byte: u8) -> Result<bool> {
        match byte {
            b'"' => {
                let (start, at) = (self.at, self.out.begin_string());
                self.text()?;
                self.out.end_string(at);
                if self.is_long(start, LONG_STRING) {
                    return Err(NotPlain);
                }
            }
            b'{' => {
                self.out.begin_document()?;
                return Ok(true);
            }
            b'[' => {
                self.out.begin_array()?;
                return Ok(true);
            }
            b'-' | b'0'..=b'9' => self.number(byte)?,
            b't' => {
                self.word(b"rue")?;
                self.out.boolean(true);
            }
            b'f' => {
                self.word(b"alse")?;
                self.out.boolean(false);
            }
            b'n' => {
                self.word(b"ull")?;
                self.out.null();
            }
            _ => return Err(NotPlain),
        }
        Ok(false)
    }

    /// The next byte that is no white space.
    fn token(&mut self) -> Result<u8> {
        loop {
            match self.input.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(&byte) => {
                    self.at += 1;
                    return Ok(byte);
                }
                None => return Err(NotPlain),
            }
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<()> {
        let end = self.at + rest.len();
        if self.input.get(self.at..end) != Some(rest) {
            return Err(NotPlain);
        }
        if self.input.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return Err(NotPlain);
        }
        self.at = end;
        Ok(())
    }

    /// Copies a string's text up to and without its closing quote.
    fn text(&mut self) -> Result<()> {
        loop {
            let rest = self.input.get(self.at..).unwrap_or_default();
            let run = plain_run(rest);
            self.out.raw(&rest[..run]);
            self.at += run + 1;
            match rest.get(run) {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(NotPlain),
                None => return Err(NotPlain),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let byte = self.input.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(NotPlain),
        };
        self.out.raw(&[plain]);
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<()> {
        let mut code = self.hex4()?;
        if (0xD800..0xDC00).contains(&code) && self.input.get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let low = self.hex4()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(NotPlain);
            }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        let mut utf8 = [0; 4];
        self.out.raw(char::from_u32(code).ok_or(NotPlain)?.encode_utf8(&mut utf8).as_bytes());
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.input.get(self.at..self.at + 4).unwrap_or_default();
        let code = digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?));
        self.at += 4;
        code.filter(|_| digits.len() == 4).ok_or(NotPlain)
    }

    fn digits(&mut self) -> usize {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn number(&mut self, first: u8) -> Result<()> {
        let start = self.at - 1;
        let negative = first == b'-';
        if !negative {
            self.at = start;
        }
        let (from, count) = (self.at, self.digits());
        if count == 0 {
            return Err(NotPlain);
        }
        let mut fraction = false;
        if self.input.get(self.at) == Some(&b'.') {
            self.at += 1;
            fraction = true;
            if self.digits() == 0 {
                return Err(NotPlain);
            }
        }
        if matches!(self.input.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            fraction = true;
            if matches!(self.input.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !(1..LONG_EXPONENT).contains(&self.digits()) {
                return Err(NotPlain);
            }
        }
        if self.is_long(start, LONG_NUMBER) {
            return Err(NotPlain);
        }
        if fraction { self.fraction(start, from) } else { self.integer(from, count, negative) }
    }

    fn integer(&mut self, from: usize, count: usize, negative: bool) -> Result<()> {
        let digits = &self.input[from..self.at];
        if self.flavor == Flavor::Text && (count > 18 || (count > 1 && digits[0] == b'0')) {
            return Err(NotPlain);
        }
        let sum = digits.iter().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        let value = if negative { sum.wrapping_neg() } else { sum } as i64;
        match i32::try_from(value) {
            Ok(small) if self.flavor == Flavor::Text => self.out.int32(small),
            _ => self.out.int64(value),
        }
        Ok(())
    }

    fn fraction(&mut self, start: usize, from: usize) -> Result<()> {
        let leading_zero = self.input.get(from) == Some(&b'0');
        if self.flavor == Flavor::Text && leading_zero && self.input.get(from + 1).is_some_and(u8::is_ascii_digit) {
            return Err(NotPlain);
        }
        let text = std::str::from_utf8(&self.input[start..self.at]).unwrap_or_default();
        let value: f64 = text.parse().map_err(|_| NotPlain)?;
        // JsonConverter reads fractions as java.math.BigDecimal, which knows no negative zero; what is only too small
        // for a double keeps its sign.
        let unsigned = self.flavor == Flavor::Schemaless && value == 0.0 && is_zero(text);
        self.out.double(if unsigned { 0.0 } else { value });
        Ok(())
    }
}

/// How many bytes from the start on are plain text of a string: no quote, no backslash, no control character.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let quote = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            // Borrows can set bits above the lowest one that is set, never below it.
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    chunks.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// Whether a number's digits are all zero, whatever its exponent.
fn is_zero(text: &str) -> bool {
    text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| matches!(byte, b'-' | b'.' | b'0'))
}
