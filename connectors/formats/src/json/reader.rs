//! A pull parser: it knows the grammar and the limits, its caller knows what to make of the values.

use std::borrow::Cow;

use super::number::scale_fits;
use super::{Form, Malformed, Number};

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

/// Reads a text from front to back; see the [module](super) for what it takes.
///
/// A caller asks what comes ([`peek`](Self::peek)) and reads just that. Calls that do not fit what comes give an error.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    plain: bool,
}

type Result<T> = std::result::Result<T, Malformed>;

impl<'a> Reader<'a> {
    /// The most levels of arrays and objects.
    pub const MAX_DEPTH: usize = 1000;
    const MAX_NAME_BYTES: usize = 50_000;
    const MAX_STRING_UNITS: usize = 20_000_000;

    /// A reader at the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, plain: true }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The text from an offset up to the next byte to be read.
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads over an object whose text is known, if it comes next. As the known text is an object, it cannot be the
    /// head of another value.
    pub(crate) fn skip_known_object(&mut self, known: &str) -> bool {
        let found = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(known.as_bytes()));
        if found {
            self.at += known.len();
        }
        found
    }

    /// How many arrays and objects are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether nothing but blanks is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.at == self.text.len()
    }

    /// What kind of value comes next.
    pub fn peek(&mut self) -> Result<Kind> {
        self.skip_blanks();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.wrong("expected a value")),
            None => Err(self.wrong("unexpected end")),
        }
    }

    /// Reads a null.
    pub fn null(&mut self) -> Result<()> {
        self.literal("null")
    }

    /// Reads a truth value.
    pub fn boolean(&mut self) -> Result<bool> {
        self.skip_blanks();
        let value = self.byte() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    /// Reads a number.
    pub fn number(&mut self) -> Result<Number<'a>> {
        self.skip_blanks();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let whole_start = self.at;
        let mut digits = self.digits("expected a digit")?;
        if digits > 1 && self.text.as_bytes()[whole_start] == b'0' {
            let written = &self.text[whole_start..self.at];
            digits = written.trim_start_matches('0').len().max(1);
        }
        let mut integral = true;
        let mut fraction = 0;
        if self.byte() == Some(b'.') {
            self.at += 1;
            integral = false;
            fraction = self.digits("expected a digit after the point")?;
        }
        let mut exponent = "";
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            integral = false;
            let exponent_start = self.at;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            digits += self.digits("expected a digit in the exponent")?;
            exponent = &self.text[exponent_start..self.at];
        }
        if digits + fraction > Number::MAX_DIGITS {
            return Err(Malformed { what: "a number of more than 1000 digits", at: start });
        }
        if !exponent.is_empty() && !scale_fits(fraction, exponent) {
            return Err(Malformed { what: "an exponent out of range", at: start });
        }
        if self.depth == 0 && !matches!(self.byte(), None | Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return Err(self.wrong("expected a blank after the number"));
        }
        let is_decimal = fraction > 0 && exponent.is_empty();
        let number = Number { text: &self.text[start..self.at], integral, fraction: is_decimal.then_some(fraction) };
        self.plain = self.plain && number.is_plain(exponent);
        Ok(number)
    }

    /// Reads a string.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        let (raw, escaped) = self.value_string()?;
        Ok(if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) })
    }

    /// Enters an array or an object.
    pub fn enter(&mut self, kind: Kind) -> Result<()> {
        self.skip_blanks();
        let open = if kind == Kind::Object { b'{' } else { b'[' };
        self.expect(open, "expected an array or an object")?;
        self.depth += 1;
        if self.depth > Self::MAX_DEPTH { Err(self.wrong("more than 1000 levels")) } else { Ok(()) }
    }

    /// Moves to the next element of an array, `first` being whether none was read yet; `false` leaves the array.
    pub fn next_element(&mut self, first: bool) -> Result<bool> {
        self.skip_blanks();
        match self.byte() {
            Some(b']') => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if first => Ok(true),
            _ => self.expect(b',', "expected a comma or a bracket").map(|()| true),
        }
    }

    /// Reads the next name of an object, `first` being whether none was read yet; `None` leaves the object.
    pub fn next_name(&mut self, first: bool) -> Result<Option<Cow<'a, str>>> {
        let name = self.next_raw_name(first)?;
        Ok(name.map(|(raw, escaped)| if escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }))
    }

    /// Reads the next name of an object, `first` being whether none was read yet, if it stands there as `name`, which
    /// is [plain](Self::is_plain_name); otherwise reads nothing.
    pub(super) fn next_name_is(&mut self, name: &str, first: bool) -> bool {
        let start = self.at;
        self.skip_blanks();
        if !first && self.byte() == Some(b',') {
            self.at += 1;
            self.skip_blanks();
        } else if !first {
            self.at = start;
            return false;
        }
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let after = rest.strip_prefix(b"\"").and_then(|rest| rest.strip_prefix(name.as_bytes()));
        let found = after.is_some_and(|after| after.starts_with(b"\":"));
        self.at = if found { self.at + name.len() + 3 } else { start };
        found
    }

    /// Whether a name stands in a text as it is, without escapes.
    pub(super) fn is_plain_name(name: &str) -> bool {
        plain_prefix(name.as_bytes()) == name.len()
    }
}

/// The grammar below the values, and whole values that nobody wants.
impl<'a> Reader<'a> {
    /// Reads over a value of any kind, checking it. Does not recurse.
    pub fn skip(&mut self) -> Result<()> {
        let outer = self.depth;
        let mut open = Nesting::default();
        loop {
            match self.peek()? {
                Kind::String => drop(self.value_string()?),
                Kind::Number => drop(self.number()?),
                Kind::Boolean => drop(self.boolean()?),
                Kind::Null => self.null()?,
                kind => {
                    self.enter(kind)?;
                    open.set(self.depth, kind == Kind::Object);
                    if self.skip_to_value(&open, true)? {
                        continue;
                    }
                }
            }
            while self.depth > outer && !self.skip_to_value(&open, false)? {}
            if self.depth == outer {
                return Ok(());
            }
        }
    }

    /// Moves to the next value of the innermost array or object; `false` if that came to its end.
    fn skip_to_value(&mut self, open: &Nesting, first: bool) -> Result<bool> {
        if open.is_object(self.depth) { Ok(self.next_raw_name(first)?.is_some()) } else { self.next_element(first) }
    }

    /// Checks the first value and says what the text looks like.
    pub(super) fn form(&mut self) -> Result<Form> {
        if self.is_at_end() {
            return Ok(Form::Blank);
        }
        let is_null = self.peek()? == Kind::Null;
        self.skip()?;
        Ok(match (is_null, self.plain && self.is_at_end()) {
            (true, _) => Form::Null,
            (false, true) => Form::Plain,
            (false, false) => Form::Lenient,
        })
    }

    fn next_raw_name(&mut self, first: bool) -> Result<Option<(&'a str, bool)>> {
        self.skip_blanks();
        match self.byte() {
            Some(b'}') => {
                self.at += 1;
                self.depth -= 1;
                return Ok(None);
            }
            _ if first => {}
            _ => self.expect(b',', "expected a comma or a brace")?,
        }
        self.raw_name().map(Some)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.byte() != Some(byte) {
            return Err(self.wrong(if self.at < self.text.len() { what } else { "unexpected end" }));
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &'static str) -> Result<()> {
        self.skip_blanks();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        // As Jackson, only bytes that could go on with a name make another word of it: `true,` and `true$` are true.
        match rest.strip_prefix(word.as_bytes()) {
            Some([b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x7F.., ..]) | None => {
                Err(self.wrong("expected null, true or false"))
            }
            Some(_) => {
                self.at += word.len();
                Ok(())
            }
        }
    }

    /// Reads digits, at least one, and says how many.
    fn digits(&mut self, what: &'static str) -> Result<usize> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.wrong(if self.at < self.text.len() { what } else { "unexpected end" })),
            count => Ok(count),
        }
    }

    fn raw_name(&mut self) -> Result<(&'a str, bool)> {
        self.skip_blanks();
        if self.byte().is_some_and(|byte| byte != b'"') {
            return Err(self.wrong("expected a name in double quotes"));
        }
        let (raw, escaped) = self.raw_string()?;
        if raw.len() > Self::MAX_NAME_BYTES {
            return Err(self.wrong("a name of more than 50000 bytes"));
        }
        self.skip_blanks();
        self.expect(b':', "expected a colon after the name")?;
        Ok((raw, escaped))
    }

    fn value_string(&mut self) -> Result<(&'a str, bool)> {
        let (raw, escaped) = self.raw_string()?;
        if raw.len() > Self::MAX_STRING_UNITS && raw.encode_utf16().count() > Self::MAX_STRING_UNITS {
            return Err(self.wrong("a string of more than 20000000 characters"));
        }
        Ok((raw, escaped))
    }

    /// What stands between the quotes, its escapes checked, and whether there are escapes.
    fn raw_string(&mut self) -> Result<(&'a str, bool)> {
        self.skip_blanks();
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_prefix(&self.text.as_bytes()[self.at..]);
            match self.byte() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok((raw, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.wrong("a control character in a string has to be escaped")),
                None => return Err(self.wrong("unexpected end of a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [b'u', hex @ ..] => {
                let Some(unit) = hex_unit(hex) else { return Err(self.wrong("expected four hex digits")) };
                self.at += 6;
                match (unit, hex.get(4..)) {
                    (0xD800..=0xDBFF, Some([b'\\', b'u', low @ ..])) if is_low_surrogate(hex_unit(low)) => self.at += 6,
                    (0xD800..=0xDFFF, _) => self.plain = false,
                    _ => {}
                }
            }
            [] => return Err(self.wrong("unexpected end of a string")),
            _ => return Err(self.wrong("unknown escape")),
        }
        Ok(())
    }
}

/// Which of the open levels are objects.
#[derive(Default)]
struct Nesting([u64; Reader::MAX_DEPTH / 64 + 1]);

impl Nesting {
    fn set(&mut self, depth: usize, object: bool) {
        let bit = 1 << (depth % 64);
        let word = &mut self.0[depth / 64];
        *word = if object { *word | bit } else { *word & !bit };
    }

    fn is_object(&self, depth: usize) -> bool {
        self.0[depth / 64] >> (depth % 64) & 1 == 1
    }
}

/// How many bytes come before the next quote, backslash or control character, eight at a time.
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let zero_bytes = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut passed = 0;
    for chunk in bytes.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*chunk);
        let quote = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            // A borrow can mark bytes after the first one found, never before it.
            return passed + (found.trailing_zeros() / 8) as usize;
        }
        passed += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
    passed + bytes[passed..].iter().position(is_special).unwrap_or(bytes.len() - passed)
}

fn hex_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)? as u16))
}

fn is_low_surrogate(unit: Option<u16>) -> bool {
    matches!(unit, Some(0xDC00..=0xDFFF))
}

/// The text of a raw string. Half a surrogate pair becomes `?`, which is what Java writes for it.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, used) = unescape_units(rest.as_bytes());
                rest = rest.get(used..).unwrap_or_default();
                character
            }
            other => char::from(other),
        });
    }
    text.push_str(rest);
    text
}

/// The character of the hex digits after `\u`, with the pair that may follow, and how many bytes they are.
fn unescape_units(bytes: &[u8]) -> (char, usize) {
    let unit = hex_unit(bytes).unwrap_or(0xD800);
    if let (0xD800..=0xDBFF, Some([b'\\', b'u', low @ ..])) = (unit, bytes.get(4..))
        && let Some(low) = hex_unit(low)
        && let Some(Ok(character)) = char::decode_utf16([unit, low]).next()
    {
        return (character, 10);
    }
    (char::from_u32(u32::from(unit)).unwrap_or('?'), 4)
}
