//! JSON as Java prints the value that it means, in one pass.

use std::io::Write;
use std::ops::Range;

use longshore_api::ConnectError;

use super::{Keys, Kind, Malformed, Number, Reader, decode};
use crate::java_text;

/// The most members of an object that are looked through for a name that comes twice; larger objects are read as a
/// tree, which has an index.
const MOST_MEMBERS: usize = 64;

/// Prints JSON; keeps its memory from one text to the next.
#[derive(Debug, Default)]
pub struct Printer {
    open: Vec<Open>,
    /// Where the names of the members of open objects stand in what was printed.
    names: Vec<Range<usize>>,
    keys: Keys,
}

/// An array or an object that is being printed.
#[derive(Debug)]
struct Open {
    is_object: bool,
    is_empty: bool,
    /// The first of its names.
    names: usize,
    /// A bit for each of its names ([`bit`]): most names are seen to be new without a look at the others.
    bits: u64,
}

/// What became of a text.
enum Printed {
    Whole,
    /// A name came twice, or might: what was printed says nothing.
    NotThisWay,
}

impl Printer {
    /// Adds what [`java_text::append`] makes of what [`decode`] reads.
    ///
    /// # Errors
    /// Those of [`decode`]. What was added until then has no meaning.
    pub fn print(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ConnectError> {
        let start = out.len();
        match super::with_text(bytes, |text| Ok(self.print_text(text, out)?))? {
            Printed::Whole => Ok(()),
            Printed::NotThisWay => {
                out.truncate(start);
                let mut text = String::new();
                java_text::append(&mut text, &decode(bytes, &mut self.keys)?);
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
    }

    fn print_text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<Printed, Malformed> {
        self.open.clear();
        self.names.clear();
        let mut reader = Reader::new(text);
        if reader.is_at_end() {
            out.extend_from_slice(b"null");
            return Ok(Printed::Whole);
        }
        loop {
            match reader.peek()? {
                Kind::Null => {
                    reader.null()?;
                    out.extend_from_slice(b"null");
                }
                Kind::Boolean => out.extend_from_slice(if reader.boolean()? { b"true" } else { b"false" }),
                Kind::Number => number(reader.number()?, out),
                Kind::String => out.extend_from_slice(reader.string()?.as_bytes()),
                kind => {
                    reader.enter(kind)?;
                    let is_object = kind == Kind::Object;
                    out.push(if is_object { b'{' } else { b'[' });
                    self.open.push(Open { is_object, is_empty: true, names: self.names.len(), bits: 0 });
                }
            }
            // Goes on to where the next value is expected, closing what comes to its end.
            loop {
                let Some(open) = self.open.last_mut() else { return Ok(Printed::Whole) };
                let first = std::mem::replace(&mut open.is_empty, false);
                if open.is_object {
                    if let Some(name) = reader.next_name(first)? {
                        let (siblings, bit) = (&self.names[open.names..], bit(name.as_bytes()));
                        let is_known = |known: &Range<usize>| out[known.clone()] == *name.as_bytes();
                        if siblings.len() == MOST_MEMBERS || open.bits & bit != 0 && siblings.iter().any(is_known) {
                            return Ok(Printed::NotThisWay);
                        }
                        open.bits |= bit;
                        separate(first, out);
                        self.names.push(out.len()..out.len() + name.len());
                        out.extend_from_slice(name.as_bytes());
                        out.push(b'=');
                        break;
                    }
                    self.names.truncate(open.names);
                    out.push(b'}');
                } else {
                    if reader.next_element(first)? {
                        separate(first, out);
                        break;
                    }
                    out.push(b']');
                }
                self.open.pop();
            }
        }
    }
}

/// One of 64 bits, by a name's length and some of its bytes.
fn bit(name: &[u8]) -> u64 {
    let byte = |at: usize| name.get(at).copied().map_or(0, u32::from);
    let last = name.len().saturating_sub(1);
    let mixed = byte(0) ^ byte(last) << 1 ^ byte(last / 2) << 3 ^ (name.len() as u32) << 2;
    1 << (mixed % 64)
}

fn separate(first: bool, out: &mut Vec<u8>) {
    if !first {
        out.extend_from_slice(b", ");
    }
}

fn number(number: Number<'_>, out: &mut Vec<u8>) {
    let as_it_is = if number.is_integral() { plain_integer(number.text()) } else { plain_decimal(&number) };
    match as_it_is {
        Some(text) => out.extend_from_slice(text.as_bytes()),
        // Writing into a vector does not fail.
        None if number.is_integral() => drop(write!(out, "{}", number.to_i64())),
        None => out.extend_from_slice(java_text::double(number.to_f64()).as_bytes()),
    }
}

/// An integer that is written as Java prints it: of 64 bits, without zeros in front.
fn plain_integer(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = text == "0" || digits.len() < 19 && !digits.starts_with('0');
    is_plain.then_some(text)
}

/// The part of a decimal that Java prints of the nearest double, if that is a part of it.
///
/// From a thousandth up to ten millions Java writes a double without exponent, and in just as many digits as tell it
/// from its neighbours. Of the decimals of at most 15 digits no two are nearer to each other than neighbouring doubles
/// are, so that those digits are the ones written here.
fn plain_decimal<'a>(number: &Number<'a>) -> Option<&'a str> {
    const MOST_DIGITS: usize = 15;
    let (whole, fraction) = number.text.split_at(number.text.len() - number.fraction?);
    let whole = &whole[..whole.len() - 1];
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let fraction_digits = fraction.trim_end_matches('0').len().max(1);
    let is_in_range = match digits.as_bytes() {
        [b'0'] => fraction.bytes().take(3).any(|digit| digit != b'0'),
        [b'0', ..] => false,
        digits => digits.len() <= 7,
    };
    let is_plain = is_in_range && digits.len() + fraction_digits <= MOST_DIGITS;
    is_plain.then(|| &number.text[..whole.len() + 1 + fraction_digits])
}
