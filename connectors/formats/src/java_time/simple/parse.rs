//! From text to fields.

use super::fields::{Field, Fields};
use super::{Item, SimpleDateFormat};
use crate::java_text::calendar::DateTime;
use crate::java_time::zone::match_zone_name;
use crate::java_time::{DAYS, MONTHS, match_name};

impl SimpleDateFormat {
    /// The moment that the head of a text says, in milliseconds since the epoch; what follows is not looked at.
    /// `None` if the text does not have the pattern's form.
    pub fn parse(&self, text: &str) -> Option<i64> {
        let mut parser = Parser { text, at: 0, fields: Fields::default(), is_ambiguous: false, format: self };
        for (index, item) in self.items.iter().enumerate() {
            match item {
                Item::Literal(literal) => parser.literal(literal)?,
                Item::Field { letter, count } => {
                    let touches = self.items.get(index + 1).is_some_and(counts_digits);
                    parser.field(*letter, *count, touches)?;
                }
            }
        }
        let millis = parser.fields.millis(&self.zone);
        if parser.is_ambiguous && millis < self.century_start {
            parser.fields.add_years(100);
            return Some(parser.fields.millis(&self.zone));
        }
        Some(millis)
    }
}

/// Whether digits follow directly, so that the field before them has to keep to its width.
fn counts_digits(next: &Item) -> bool {
    match next {
        Item::Literal(_) => false,
        Item::Field { letter: b'M' | b'L', count } => *count <= 2,
        Item::Field { letter, .. } => b"ydkHmsSDFwWhKYu".contains(letter),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    fields: Fields,
    /// A two-digit year was that of the century's start.
    is_ambiguous: bool,
    format: &'a SimpleDateFormat,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest().starts_with(literal).then(|| self.at += literal.len())
    }

    fn field(&mut self, letter: u8, count: usize, touches: bool) -> Option<()> {
        let start = self.at;
        let blanks = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        if start + blanks >= self.text.len() {
            return None;
        }
        let name = |names: &'static [&'static str]| {
            let both = |(index, name): (usize, &&'static str)| [(*name, index), (&name[..3], index)];
            match_name(&self.text[start..], names.iter().enumerate().flat_map(both))
        };
        let (length, field, value) = match letter {
            b'G' => {
                let (length, value) = match_name(self.rest(), [("BC", 0), ("AD", 1)].into_iter())?;
                (length, Field::Era, value)
            }
            b'a' => {
                let (length, value) = match_name(self.rest(), [("AM", 0), ("PM", 1)].into_iter())?;
                (length, Field::AmPm, value)
            }
            b'M' | b'L' if count >= 3 => {
                let (length, index) = name(&MONTHS)?;
                (length, Field::Month, index as i64)
            }
            b'E' => {
                let (length, index) = name(&DAYS)?;
                (length, Field::DayOfWeek, index as i64 + 1)
            }
            b'z' | b'Z' => {
                self.at += blanks;
                return self.zone(start);
            }
            b'X' => {
                self.at += blanks;
                return self.iso_zone(count);
            }
            _ => {
                self.at += blanks;
                let (length, value) = self.number(touches.then(|| count.saturating_sub(blanks)))?;
                let (field, value) = self.numeric(letter, count, length, value);
                (length, field, value)
            }
        };
        self.at += length;
        self.fields.set(field, value);
        Some(())
    }

    /// A number of at most `width` characters: its length in bytes, and its value as Java's `intValue` has it.
    fn number(&self, width: Option<usize>) -> Option<(usize, i64)> {
        let mut rest = self.rest();
        if let Some(width) = width {
            let end = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(width)?;
            rest = &rest[..end];
        }
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let length = rest.len() - unsigned.len() + digits;
        let value = match rest[..length].parse::<i64>() {
            Ok(value) => value as i32,
            Err(_) if rest.starts_with('-') => i32::MIN,
            Err(_) => i32::MAX,
        };
        Some((length, i64::from(value)))
    }

    fn numeric(&mut self, letter: u8, count: usize, length: usize, value: i64) -> (Field, i64) {
        match letter {
            b'y' | b'Y' => {
                let is_short =
                    count <= 2 && length == 2 && self.rest().bytes().take(2).all(|byte| byte.is_ascii_digit());
                let value = if is_short { self.two_digit_year(value) } else { value };
                (if letter == b'y' { Field::Year } else { Field::WeekYear }, value)
            }
            b'M' | b'L' => (Field::Month, value - 1),
            b'k' => (Field::HourOfDay, if value == 24 { 0 } else { value }),
            b'h' => (Field::Hour, if value == 12 { 0 } else { value }),
            b'u' if (1..=7).contains(&value) => (Field::DayOfWeek, value % 7 + 1),
            b'u' => (Field::DayOfWeek, value),
            b'd' => (Field::DayOfMonth, value),
            b'H' => (Field::HourOfDay, value),
            b'm' => (Field::Minute, value),
            b's' => (Field::Second, value),
            b'S' => (Field::Millisecond, value),
            b'D' => (Field::DayOfYear, value),
            b'F' => (Field::DayOfWeekInMonth, value),
            b'w' => (Field::WeekOfYear, value),
            b'W' => (Field::WeekOfMonth, value),
            _ => (Field::Hour, value),
        }
    }

    fn two_digit_year(&mut self, value: i64) -> i64 {
        let start = DateTime::from_millis(self.format.century_start).year;
        let ambiguous = start % 100;
        self.is_ambiguous = value == ambiguous;
        value + start / 100 * 100 + if value < ambiguous { 100 } else { 0 }
    }

    /// `+0100`, `GMT+1:00`, `GMT`, or a name. `start` is where the blanks before it began.
    fn zone(&mut self, start: usize) -> Option<()> {
        let sign = |text: &str| match text.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => 0,
        };
        let ahead = sign(self.rest());
        if ahead != 0 {
            self.at += 1;
            return self.offset(ahead, 0, false);
        }
        let is_gmt = self.text.get(start..start + 3).is_some_and(|head| head.eq_ignore_ascii_case("GMT"));
        if is_gmt {
            self.at = start + 3;
            let ahead = sign(self.rest());
            if ahead == 0 {
                self.fields.set(Field::ZoneOffset, 0);
                return Some(());
            }
            self.at += 1;
            return self.offset(ahead, 0, true);
        }
        let (length, offset) = match_zone_name(self.rest())?;
        self.at += length;
        self.fields.set(Field::ZoneOffset, offset);
        Some(())
    }

    fn iso_zone(&mut self, count: usize) -> Option<()> {
        let sign = match self.rest().bytes().next()? {
            b'Z' => {
                self.at += 1;
                self.fields.set(Field::ZoneOffset, 0);
                return Some(());
            }
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.at += 1;
        self.offset(sign, count, count == 3)
    }

    /// `hh`, `hhmm` or `hh:mm`; `count` is that of the letter X, 0 for the other letters. `GMT` may have one digit.
    fn offset(&mut self, sign: i64, count: usize, colon: bool) -> Option<()> {
        let bytes = self.rest().as_bytes();
        let digit = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
        let mut hours = digit(0)?;
        let mut at = 1;
        match digit(1) {
            Some(second) => {
                hours = hours * 10 + second;
                at = 2;
            }
            None if count > 0 || !colon => return None,
            None => {}
        }
        if hours > 23 {
            return None;
        }
        let mut minutes = 0;
        if count != 1 {
            if colon {
                (bytes.get(at) == Some(&b':')).then_some(())?;
                at += 1;
            }
            minutes = digit(at)? * 10 + digit(at + 1)?;
            at += 2;
            if minutes > 59 {
                return None;
            }
        }
        self.at += at;
        self.fields.set(Field::ZoneOffset, sign * (hours * 60 + minutes) * 60_000);
        Some(())
    }
}
