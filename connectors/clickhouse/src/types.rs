//! ClickHouse's data types, read from the text in which the server describes a column.
//!
//! Source: <https://clickhouse.com/docs/sql-reference/data-types> (24.10).

use std::collections::HashMap;
use std::sync::Arc;

/// A column's type, as far as its values can be written.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub(crate) enum Type {
    /// `Int8` to `Int256`, `UInt8` to `UInt256`.
    Int {
        bytes: usize,
        signed: bool,
    },
    Float32,
    Float64,
    Bool,
    String,
    FixedString(usize),
    Uuid,
    Ipv4,
    Ipv6,
    /// `Enum8` and `Enum16`: the numbers of the names.
    Enum {
        bytes: usize,
        numbers: Arc<HashMap<String, i16>>,
    },
    Date,
    Date32,
    DateTime,
    /// Ticks since the epoch, of which a second has ten to the power of this.
    DateTime64(u32),
    Decimal {
        bytes: usize,
        precision: u32,
        scale: u32,
    },
    Json,
    Nullable(Box<Type>),
    Array(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// The elements with their names; an element without one has its number.
    Tuple(Vec<(String, Type)>),
    /// The alternatives under the names by which the server orders them.
    Variant(Vec<(String, Type)>),
    /// One that this sink cannot write: its text.
    Unknown(String),
}

impl Type {
    /// Reads a type's text. `LowCardinality(T)` and `SimpleAggregateFunction(f, T)` are T, whose bytes they have;
    /// `Nested(…)` is an array of tuples. What is not known is [`Type::Unknown`].
    pub(crate) fn parse(text: &str) -> Self {
        parse(text.trim(), 0).unwrap_or_else(|| Type::Unknown(text.trim().to_owned()))
    }
}

/// Deeper than any table; the text comes from outside.
const MAX_DEPTH: usize = 64;

fn parse(text: &str, depth: usize) -> Option<Type> {
    if depth > MAX_DEPTH {
        return None;
    }
    let inner = |text: &str| parse(text, depth + 1).unwrap_or_else(|| Type::Unknown(text.to_owned()));
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), split(rest.strip_suffix(')')?)),
        None => (text, Vec::new()),
    };
    let first = arguments.first().copied();
    let number = |index: usize| arguments.get(index).and_then(|text: &&str| text.parse::<u32>().ok());
    Some(match name {
        "Float32" => Type::Float32,
        "Float64" => Type::Float64,
        "Bool" => Type::Bool,
        "String" => Type::String,
        "FixedString" => Type::FixedString(number(0)? as usize),
        "UUID" => Type::Uuid,
        "IPv4" => Type::Ipv4,
        "IPv6" => Type::Ipv6,
        "Enum8" => Type::Enum { bytes: 1, numbers: enumerators(&arguments)? },
        "Enum16" => Type::Enum { bytes: 2, numbers: enumerators(&arguments)? },
        "Date" => Type::Date,
        "Date32" => Type::Date32,
        "DateTime" => Type::DateTime,
        "DateTime64" => Type::DateTime64(number(0).filter(|precision| *precision <= 9)?),
        "Decimal" => decimal(number(0)?, number(1).unwrap_or(0))?,
        "Decimal32" => decimal(9, number(0)?)?,
        "Decimal64" => decimal(18, number(0)?)?,
        "Decimal128" => decimal(38, number(0)?)?,
        "Decimal256" => decimal(76, number(0)?)?,
        "JSON" => Type::Json,
        "Object" => Type::Json,
        "Nullable" => Type::Nullable(Box::new(inner(first?))),
        "LowCardinality" => inner(first?),
        "SimpleAggregateFunction" => inner(arguments.get(1)?),
        "Array" => Type::Array(Box::new(inner(first?))),
        "Map" => Type::Map(Box::new(inner(first?)), Box::new(inner(arguments.get(1)?))),
        "Tuple" => Type::Tuple(elements(&arguments, depth)),
        "Nested" => Type::Array(Box::new(Type::Tuple(elements(&arguments, depth)))),
        "Variant" => {
            let mut alternatives: Vec<_> = arguments.iter().map(|text| ((*text).to_owned(), inner(text))).collect();
            alternatives.sort_by(|one, other| one.0.cmp(&other.0));
            Type::Variant(alternatives)
        }
        _ => integer(name)?,
    })
}

fn integer(name: &str) -> Option<Type> {
    let (signed, bits) = match name.strip_prefix('U') {
        Some(rest) => (false, rest.strip_prefix("Int")?),
        None => (true, name.strip_prefix("Int")?),
    };
    let bits: usize = bits.parse().ok()?;
    [8, 16, 32, 64, 128, 256].contains(&bits).then_some(Type::Int { bytes: bits / 8, signed })
}

fn decimal(precision: u32, scale: u32) -> Option<Type> {
    let bytes = match precision {
        1..=9 => 4,
        10..=18 => 8,
        19..=38 => 16,
        39..=76 => 32,
        _ => return None,
    };
    (scale <= precision).then_some(Type::Decimal { bytes, precision, scale })
}

/// `'name' = number` items.
fn enumerators(arguments: &[&str]) -> Option<Arc<HashMap<String, i16>>> {
    let pairs = arguments.iter().map(|item| {
        let (name, number) = item.rsplit_once('=')?;
        Some((unquoted(name.trim(), '\'')?, number.trim().parse().ok()?))
    });
    pairs.collect::<Option<HashMap<_, _>>>().map(Arc::new)
}

/// A tuple's elements: `name Type`, or the type alone.
fn elements(arguments: &[&str], depth: usize) -> Vec<(String, Type)> {
    let element = |(index, text): (usize, &&str)| {
        let (name, kind) = match name_of(text) {
            Some((name, kind)) => (name, kind),
            None => ((index + 1).to_string(), *text),
        };
        (name, parse(kind, depth + 1).unwrap_or_else(|| Type::Unknown(kind.to_owned())))
    };
    arguments.iter().enumerate().map(element).collect()
}

/// The name before an element's type: a quoted one, or a word that a blank ends before any bracket opens.
fn name_of(text: &str) -> Option<(String, &str)> {
    if text.starts_with('`') {
        let end = closing_quote(text, '`')?;
        return Some((unquoted(&text[..end], '`')?, text[end..].trim()));
    }
    let blank = text.find(' ')?;
    let is_name = text[..blank].chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then(|| (text[..blank].to_owned(), text[blank..].trim()))
}

/// The parts of an argument list, at the commas that stand in no bracket and no quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start, mut at) = (Vec::new(), 0usize, 0, 0);
    while let Some(character) = text[at..].chars().next() {
        match character {
            '\'' | '`' => {
                at += closing_quote(&text[at..], character).unwrap_or(text.len() - at);
                continue;
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        at += character.len_utf8();
    }
    let last = text[start..].trim();
    if !last.is_empty() || !parts.is_empty() {
        parts.push(last);
    }
    parts
}

/// Where a quoted text at the start of `text` ends, behind its quote. A backslash or a second quote escapes one.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

fn unquoted(text: &str, quote: char) -> Option<String> {
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let escaped = match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'b' => '\u{8}',
                'f' => '\u{c}',
                other => other,
            },
            doubled if doubled == quote => characters.next()?,
            other => other,
        };
        out.push(escaped);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(bytes: usize) -> Type {
        Type::Int { bytes, signed: true }
    }

    #[test]
    fn plain_types_have_their_widths() {
        assert_eq!(Type::parse("Int8"), int(1));
        assert_eq!(Type::parse("UInt256"), Type::Int { bytes: 32, signed: false });
        assert_eq!(Type::parse("Decimal(10, 2)"), Type::Decimal { bytes: 8, precision: 10, scale: 2 });
        assert_eq!(Type::parse("Decimal32(4)"), Type::Decimal { bytes: 4, precision: 9, scale: 4 });
        assert_eq!(Type::parse("DateTime64(6, 'Europe/Berlin')"), Type::DateTime64(6));
        assert_eq!(Type::parse("DateTime('UTC')"), Type::DateTime);
        assert_eq!(Type::parse("FixedString(3)"), Type::FixedString(3));
    }

    #[test]
    fn wrappers_that_change_no_bytes_are_seen_through() {
        assert_eq!(Type::parse("LowCardinality(Nullable(String))"), Type::Nullable(Box::new(Type::String)));
        assert_eq!(Type::parse("SimpleAggregateFunction(sum, Int64)"), int(8));
        assert_eq!(Type::parse("SimpleAggregateFunction(groupArrayArray, Array(Int8))"), Type::Array(Box::new(int(1))));
    }

    #[test]
    fn enumerators_may_hold_whatever_stands_in_quotes() {
        let Type::Enum { bytes: 1, numbers } = Type::parse(r"Enum8('a' = 1, 'b, (c)' = -2, 'it\'s = 3' = 3)") else {
            panic!("no Enum8")
        };
        assert_eq!(numbers["a"], 1);
        assert_eq!(numbers["b, (c)"], -2);
        assert_eq!(numbers["it's = 3"], 3);
    }

    #[test]
    fn nested_types_are_read_to_their_ends() {
        let tuple = Type::Tuple(vec![
            ("a b".to_owned(), Type::String),
            ("n".to_owned(), Type::Tuple(vec![("1".to_owned(), int(1)), ("2".to_owned(), Type::Float32)])),
        ]);
        assert_eq!(Type::parse("Tuple(`a b` String, n Tuple(Int8, Float32))"), tuple);
        assert_eq!(Type::parse("Nested(`a b` String, n Tuple(Int8, Float32))"), Type::Array(Box::new(tuple)));
        let map = Type::parse("Map(LowCardinality(String), Array(Nullable(Decimal(9, 2))))");
        let Type::Map(key, value) = map else { panic!("no map") };
        assert_eq!(*key, Type::String);
        assert!(matches!(*value, Type::Array(_)));
        assert_eq!(Type::parse("Tuple()"), Type::Tuple(Vec::new()));
    }

    #[test]
    fn alternatives_stand_in_the_servers_order() {
        let Type::Variant(alternatives) = Type::parse("Variant(String, Array(Int8), Int64)") else { panic!() };
        let names: Vec<_> = alternatives.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Array(Int8)", "Int64", "String"]);
    }

    #[test]
    fn what_is_not_known_keeps_its_text() {
        for text in ["AggregateFunction(sum, Int64)", "Point", "Int7", "Decimal(99, 2)", "Enum8(", "", "Array("] {
            assert_eq!(Type::parse(text), Type::Unknown(text.to_owned()), "{text}");
        }
        let deep = format!("{}Int8{}", "Array(".repeat(200), ")".repeat(200));
        let _no_panic = Type::parse(&deep);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9(), '`=\\\\-]{0,40}|\\PC{0,20}") {
            let _any = Type::parse(&text);
        }
    }
}
