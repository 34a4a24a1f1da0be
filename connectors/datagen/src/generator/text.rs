//! Texts.

use std::sync::Arc;

use longshore_api::Value;
use rand::Rng;
use rand::rngs::SmallRng;

use super::pattern::Pattern;
use super::rules::Length;

/// What texts without a rule are made of.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// How many characters are spent at most on trying a pattern for a text of the right length: when the rule is read,
/// and when a value is made.
const EFFORT: (usize, usize) = (1_000_000, 10_000);

/// How a text is made.
pub(super) struct Text {
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) body: Body,
}

/// What stands between prefix and suffix.
pub(super) enum Body {
    /// Letters and digits.
    Letters(Length),
    /// What a pattern matches.
    Pattern(Pattern),
    /// What a pattern matches, of the right length; and a text known to be that.
    Measured { pattern: Pattern, length: Length, known: String },
    /// A random UUID.
    Uuid,
    /// One of these.
    Options(Vec<Arc<str>>),
}

impl Body {
    /// A pattern with a length.
    ///
    /// # Errors
    /// Nothing that the pattern matches has the length.
    pub(super) fn measured(pattern: Pattern, length: Length, rng: &mut SmallRng) -> Result<Self, String> {
        match attempt(&pattern, &length, EFFORT.0, rng) {
            Some(known) => Ok(Body::Measured { pattern, length, known }),
            None => Err("the regex was not seen to give a text of the length".to_owned()),
        }
    }
}

impl Body {
    /// The length of the longest text.
    pub(super) fn longest(&self) -> usize {
        match self {
            Body::Letters(length) => length.most(),
            Body::Pattern(pattern) | Body::Measured { pattern, .. } => pattern.longest() as usize,
            Body::Uuid => 36,
            Body::Options(_) => 8,
        }
    }
}

impl Text {
    pub(super) fn make(&self, rng: &mut SmallRng) -> Value {
        if let (Body::Options(options), "", "") = (&self.body, self.prefix.as_str(), self.suffix.as_str()) {
            return Value::String(Arc::clone(&options[rng.random_range(0..options.len())]));
        }
        let mut out = self.prefix.clone();
        match &self.body {
            Body::Letters(length) => {
                let count = length.pick(rng);
                out.extend((0..count).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])));
            }
            Body::Pattern(pattern) => pattern.write(&mut out, rng),
            Body::Measured { pattern, length, known } => {
                out.push_str(&attempt(pattern, length, EFFORT.1, rng).unwrap_or_else(|| known.clone()));
            }
            Body::Uuid => write_uuid(&mut out, rng.random()),
            Body::Options(options) => out.push_str(&options[rng.random_range(0..options.len())]),
        }
        out.push_str(&self.suffix);
        Value::string(out)
    }
}

fn attempt(pattern: &Pattern, length: &Length, effort: usize, rng: &mut SmallRng) -> Option<String> {
    let (mut text, mut spent) = (String::new(), 0);
    while spent < effort {
        text.clear();
        pattern.write(&mut text, rng);
        if length.holds(text.chars().count()) {
            return Some(text);
        }
        spent += text.len() + 10;
    }
    None
}

/// A UUID of version 4.
fn write_uuid(out: &mut String, random: u128) {
    let id = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{id:032x}");
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
}
