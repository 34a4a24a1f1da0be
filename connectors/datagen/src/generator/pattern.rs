//! Regular expressions, read the other way round: texts that they match.

use rand::Rng;
use rand::rngs::SmallRng;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest expression, in bytes.
const MAX_PATTERN: usize = 1000;
/// How deep groups may stand in each other.
const MAX_NEST: u32 = 32;
/// The longest text that an expression may give.
const MAX_OUTPUT: u64 = 100_000;
/// How often something without an upper bound is repeated at most, beyond its lower bound.
const MORE: u32 = 8;
/// How many characters of a class are kept that has no printable ASCII in it.
const MAX_CLASS: usize = 1000;

/// A regular expression, ready to give texts.
#[derive(Debug)]
pub(super) enum Pattern {
    /// These characters.
    Text(String),
    /// One of these.
    OneOf(Vec<char>),
    /// Something so many times, both ends included.
    Repeat(Box<Pattern>, u32, u32),
    /// One after another.
    Sequence(Vec<Pattern>),
    /// Any of these.
    Either(Vec<Pattern>),
}

impl Pattern {
    /// Reads an expression. What may be repeated without end gives up to `reach` repetitions.
    ///
    /// # Errors
    /// The expression cannot be read, matches nothing, or gives texts without a sensible bound.
    pub(super) fn new(expression: &str, reach: u32) -> Result<Self, String> {
        if expression.len() > MAX_PATTERN {
            return Err(format!("it is longer than {MAX_PATTERN} bytes"));
        }
        let hir = regex_syntax::ParserBuilder::new()
            .nest_limit(MAX_NEST)
            .build()
            .parse(expression)
            // The expression is shown by what surrounds the error; the parser's drawing of it spans lines.
            .map_err(|error| match error {
                regex_syntax::Error::Parse(error) => error.kind().to_string(),
                regex_syntax::Error::Translate(error) => error.kind().to_string(),
                _ => "it cannot be read".to_owned(),
            })?;
        let pattern = Self::of(&hir, reach)?;
        if pattern.longest() > MAX_OUTPUT {
            return Err(format!("it gives texts of more than {MAX_OUTPUT} characters"));
        }
        Ok(pattern)
    }

    fn of(hir: &Hir, reach: u32) -> Result<Self, String> {
        Ok(match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Pattern::Text(String::new()),
            HirKind::Literal(literal) => Pattern::Text(String::from_utf8_lossy(&literal.0).into_owned()),
            HirKind::Class(class) => {
                let chars = chars_of(class);
                if chars.is_empty() {
                    return Err("a class in it has no characters".to_owned());
                }
                Pattern::OneOf(chars)
            }
            HirKind::Repetition(repetition) => {
                let most = repetition.max.unwrap_or_else(|| repetition.min.max(reach).saturating_add(MORE));
                Pattern::Repeat(Box::new(Self::of(&repetition.sub, reach)?), repetition.min, most)
            }
            HirKind::Capture(capture) => Self::of(&capture.sub, reach)?,
            HirKind::Concat(parts) => Pattern::Sequence(Self::all(parts, reach)?),
            HirKind::Alternation(parts) => Pattern::Either(Self::all(parts, reach)?),
        })
    }

    fn all(parts: &[Hir], reach: u32) -> Result<Vec<Self>, String> {
        parts.iter().map(|part| Self::of(part, reach)).collect()
    }

    /// The length of the longest text.
    pub(super) fn longest(&self) -> u64 {
        match self {
            Pattern::Text(text) => text.len() as u64,
            Pattern::OneOf(_) => 1,
            // An empty part that is repeated takes its time too.
            Pattern::Repeat(part, _, most) => part.longest().max(1).saturating_mul(u64::from(*most)),
            Pattern::Sequence(parts) => parts.iter().fold(0, |sum, part| part.longest().saturating_add(sum)),
            Pattern::Either(parts) => parts.iter().map(Pattern::longest).max().unwrap_or(0),
        }
    }

    /// Adds a text that the expression matches.
    pub(super) fn write(&self, out: &mut String, rng: &mut SmallRng) {
        match self {
            Pattern::Text(text) => out.push_str(text),
            Pattern::OneOf(chars) => out.push(chars[rng.random_range(0..chars.len())]),
            Pattern::Repeat(part, least, most) => {
                let count = if least == most { *least } else { rng.random_range(*least..=*most) };
                for _ in 0..count {
                    part.write(out, rng);
                }
            }
            Pattern::Sequence(parts) => parts.iter().for_each(|part| part.write(out, rng)),
            Pattern::Either(parts) => parts[rng.random_range(0..parts.len())].write(out, rng),
        }
    }
}

/// The printable ASCII characters of a class; others only if there are none.
fn chars_of(class: &Class) -> Vec<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let ascii: Vec<char> =
        (' '..='~').filter(|char| ranges.iter().any(|(start, end)| (start..=end).contains(&char))).collect();
    if ascii.is_empty() {
        ranges.into_iter().flat_map(|(start, end)| start..=end).take(MAX_CLASS).collect()
    } else {
        ascii
    }
}
