//! `java.time.format.DateTimeFormatter.ofPattern`.
//!
//! Differs from Java: names are English, whatever the locale (without one their long forms are the short ones, as in
//! Java); of the names of zones the common ones are read, as fixed offsets; the letters `p`, `v`, `B`, `W` and `g` are
//! refused.

mod fields;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use super::week::Weeks;
use super::{PatternError, Zone};

/// A compiled pattern; `format` and `parse` need no lock.
#[derive(Debug, Clone)]
#[doc(alias = "java.time.format.DateTimeFormatter")]
pub struct DateTimeFormatter {
    items: Vec<Item>,
    weeks: Weeks,
    /// The neutral locale has no long names.
    has_long_names: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Literal(String),
    Number(Number),
    /// A name, a zone or an offset.
    Text {
        letter: u8,
        count: usize,
    },
    /// What stands in square brackets.
    Optional(Vec<Item>),
}

/// A field in digits.
#[derive(Debug, Clone, PartialEq)]
struct Number {
    letter: u8,
    least: usize,
    most: usize,
    sign: Sign,
    /// The last two digits of a year from 2000 on.
    is_reduced: bool,
    /// Digits of the fields that follow directly, which this one has to leave.
    reserved: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `-` where it is needed.
    Normal,
    /// `+` too, where there are more digits than the pattern has letters.
    ExceedsPad,
    Never,
}

impl DateTimeFormatter {
    /// Compiles a pattern. `locale` is a language tag such as `en-US`, empty for the neutral one.
    ///
    /// # Errors
    /// Java's message for what is no pattern.
    pub fn new(pattern: &str, locale: &str) -> Result<Self, PatternError> {
        let mut compiler = Compiler { pattern, characters: pattern.chars().peekable(), groups: vec![Vec::new()] };
        compiler.run()?;
        let mut items = Vec::new();
        // A bracket that is not closed is as good as one at the end.
        while let Some(mut group) = compiler.groups.pop() {
            reserve(&mut group);
            items = match compiler.groups.last_mut() {
                Some(outer) => {
                    outer.push(Item::Optional(group));
                    continue;
                }
                None => group,
            };
        }
        Ok(Self { items, weeks: Weeks::of_locale(locale), has_long_names: !locale.is_empty() })
    }

    /// The text of a moment in milliseconds since the epoch, in a zone.
    pub fn format(&self, millis: i64, zone: &Zone) -> String {
        print::print(self, millis, zone)
    }

    /// The moment that a text says, as a whole, in milliseconds since the epoch: a date at least. Without a time it is
    /// the start of the day, without a zone one in `zone`. `None` if the text does not have the pattern's form, or if
    /// there is no such date.
    pub fn parse(&self, text: &str, zone: &Zone) -> Option<i64> {
        parse::parse(self, text)?.millis(self.weeks, zone)
    }

    /// As [`parse`](Self::parse), in nanoseconds since the epoch.
    pub fn parse_nanos(&self, text: &str, zone: &Zone) -> Option<i128> {
        let fields = parse::parse(self, text)?;
        let millis = fields.millis(self.weeks, zone)?;
        Some(i128::from(millis) * 1_000_000 + i128::from(fields.nanos_of_milli()))
    }
}

struct Compiler<'a> {
    pattern: &'a str,
    characters: std::iter::Peekable<std::str::Chars<'a>>,
    /// The items of the brackets that are open, the innermost last.
    groups: Vec<Vec<Item>>,
}

/// Java's stack ends somewhere beyond.
const MAX_DEPTH: usize = 100;

impl Compiler<'_> {
    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(character) = self.characters.next() {
            match character {
                '\'' => self.quoted()?,
                '[' if self.groups.len() < MAX_DEPTH => self.groups.push(Vec::new()),
                '[' => return Err(PatternError("Pattern has brackets nested too deeply".to_owned())),
                ']' => {
                    let group = self.groups.pop().filter(|_| !self.groups.is_empty());
                    let unopened = || PatternError("Pattern invalid as it contains ] without previous [".to_owned());
                    let mut group = group.ok_or_else(unopened)?;
                    reserve(&mut group);
                    self.push(Item::Optional(group));
                }
                '{' | '}' | '#' => {
                    return Err(PatternError(format!("Pattern includes reserved character: '{character}'")));
                }
                _ if character.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while self.characters.next_if_eq(&character).is_some() {
                        count += 1;
                    }
                    let item = field(character as u8, count)?;
                    self.push(item);
                }
                _ => self.literal(character),
            }
        }
        Ok(())
    }

    fn push(&mut self, item: Item) {
        if let Some(group) = self.groups.last_mut() {
            group.push(item);
        }
    }

    fn literal(&mut self, character: char) {
        match self.groups.last_mut().map(|group| (group.last_mut(), ())) {
            Some((Some(Item::Literal(text)), ())) => text.push(character),
            _ => self.push(Item::Literal(character.to_string())),
        }
    }

    fn quoted(&mut self) -> Result<(), PatternError> {
        if self.characters.next_if_eq(&'\'').is_some() {
            self.literal('\'');
            return Ok(());
        }
        loop {
            match self.characters.next() {
                // Two quotes are one.
                Some('\'') if self.characters.next_if_eq(&'\'').is_some() => self.literal('\''),
                Some('\'') => return Ok(()),
                Some(character) => self.literal(character),
                None => {
                    let message = format!("Pattern ends with an incomplete string literal: {}", self.pattern);
                    return Err(PatternError(message));
                }
            }
        }
    }
}

fn field(letter: u8, count: usize) -> Result<Item, PatternError> {
    let name = char::from(letter);
    let too_many = || Err(PatternError(format!("Too many pattern letters: {name}")));
    let number =
        |least, most, sign| Ok(Item::Number(Number { letter, least, most, sign, is_reduced: false, reserved: 0 }));
    let text = || Ok(Item::Text { letter, count });
    match letter {
        b'u' | b'y' | b'Y' => match count {
            2 => {
                Ok(Item::Number(Number { letter, least: 2, most: 2, sign: Sign::Never, is_reduced: true, reserved: 0 }))
            }
            20.. => Err(PatternError(format!("The minimum width must be from 1 to 19 inclusive but was {count}"))),
            4.. => number(count, 19, Sign::ExceedsPad),
            _ => number(count, 19, Sign::Normal),
        },
        b'M' | b'L' | b'Q' | b'q' | b'E' | b'G' if count > 5 => too_many(),
        b'M' | b'L' | b'Q' | b'q' if count > 2 => text(),
        b'E' | b'G' => text(),
        b'd' | b'h' | b'H' | b'k' | b'K' | b'm' | b's' if count > 2 => too_many(),
        b'M' | b'L' | b'Q' | b'q' | b'd' | b'h' | b'H' | b'k' | b'K' | b'm' | b's' if count == 2 => {
            number(2, 2, Sign::Never)
        }
        b'M' | b'L' | b'Q' | b'q' | b'd' | b'h' | b'H' | b'k' | b'K' | b'm' | b's' => number(1, 19, Sign::Normal),
        b'D' if count > 3 => too_many(),
        b'D' if count == 1 => number(1, 19, Sign::Normal),
        b'D' => number(count, 3, Sign::Never),
        b'S' if count > 9 => Err(PatternError(format!("Minimum width must be from 0 to 9 inclusive but was {count}"))),
        b'S' => number(count, count, Sign::Never),
        b'A' | b'n' | b'N' if count > 19 => too_many(),
        b'A' | b'n' | b'N' => number(count, 19, Sign::Never),
        b'w' if count > 2 => too_many(),
        b'c' if count == 2 => Err(PatternError("Invalid pattern \"cc\"".to_owned())),
        b'e' | b'c' if count > 5 => too_many(),
        b'w' => number(count, 2, Sign::Never),
        b'e' | b'c' if count < 3 => number(count, 2, Sign::Never),
        // From three on, the day's name.
        b'e' | b'c' => Ok(Item::Text { letter: b'E', count }),
        b'a' if count > 1 => too_many(),
        b'V' if count != 2 => Err(PatternError(format!("Pattern letter count must be 2: {name}"))),
        b'O' if count != 1 && count != 4 => Err(PatternError(format!("Pattern letter count must be 1 or 4: {name}"))),
        b'z' if count > 4 => too_many(),
        b'X' | b'x' | b'Z' if count > 5 => too_many(),
        b'a' | b'V' | b'O' | b'z' | b'X' | b'x' | b'Z' => text(),
        b'p' | b'v' | b'B' | b'W' | b'g' => Err(PatternError(format!("pattern letter {name} is not supported"))),
        _ => Err(PatternError(format!("Unknown pattern letter: {name}"))),
    }
}

/// Tells the first of some numbers that stand without anything between them how many digits the others have, where
/// these are fixed.
fn reserve(items: &mut [Item]) {
    let mut first: Option<usize> = None;
    for at in 0..items.len() {
        let (is_fixed, width, is_week) = match &items[at] {
            Item::Number(number) => (
                number.least == number.most && number.sign == Sign::Never,
                number.most,
                b"wec".contains(&number.letter),
            ),
            _ => (false, 0, true),
        };
        if is_week {
            first = None;
            continue;
        }
        match (first, is_fixed) {
            (Some(first), true) => {
                if let Item::Number(number) = &mut items[first] {
                    number.reserved += width;
                }
            }
            _ => first = Some(at),
        }
    }
}
