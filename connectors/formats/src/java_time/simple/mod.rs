//! `java.text.SimpleDateFormat`, lenient as it is by default.
//!
//! Differs from Java: only ASCII digits are digits; of the names of zones the common ones are read.

mod fields;
mod parse;
#[cfg(test)]
mod tests;

use jiff::{Span, Timestamp};

use super::week::{Weeks, day_of_week};
use super::{DAYS, MONTHS, PatternError, Zone, pad};
use crate::java_text::calendar::DateTime;

/// A compiled pattern; `format` and `parse` need no lock.
#[derive(Debug, Clone)]
#[doc(alias = "java.text.SimpleDateFormat")]
pub struct SimpleDateFormat {
    pattern: String,
    items: Vec<Item>,
    zone: Zone,
    /// Two-digit years are those of the hundred years from here on.
    century_start: i64,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Literal(String),
    Field { letter: u8, count: usize },
}

const LETTERS: &[u8] = b"GyMdkHmsSEDFwWahKzZYuXL";

impl SimpleDateFormat {
    /// Compiles a pattern. Two-digit years are read as of the hundred years that began 80 years ago.
    ///
    /// # Errors
    /// Java's message for a letter that means nothing or a quote that does not end.
    pub fn new(pattern: &str, zone: Zone) -> Result<Self, PatternError> {
        let start = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).checked_sub(Span::new().years(80));
        let century_start = start.map_or(0, |start| start.timestamp().as_millisecond());
        Self::with_century_start(pattern, zone, century_start)
    }

    /// Compiles a pattern; two-digit years are of the hundred years from `century_start` on, a moment in milliseconds.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_century_start(pattern: &str, zone: Zone, century_start: i64) -> Result<Self, PatternError> {
        Ok(Self { pattern: pattern.to_owned(), items: compile(pattern)?, zone, century_start })
    }

    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The text of a moment in milliseconds since the epoch.
    pub fn format(&self, millis: i64) -> String {
        let local = Local { millis, time: DateTime::from_millis(millis.saturating_add(self.zone.offset(millis))) };
        let mut text = String::with_capacity(self.pattern.len() + 8);
        for item in &self.items {
            match item {
                Item::Literal(literal) => text.push_str(literal),
                Item::Field { letter, count } => self.append(&mut text, &local, *letter, *count),
            }
        }
        text
    }

    fn append(&self, out: &mut String, Local { millis, time }: &Local, letter: u8, count: usize) {
        let days = time.days_since_epoch;
        let name = |name: &'static str| if count >= 4 { name } else { &name[..3] };
        let number = match letter {
            b'G' => return out.push_str(if time.year > 0 { "AD" } else { "BC" }),
            b'y' => return year(out, time.year_of_era(), count),
            b'Y' => return year(out, Weeks::US.week_of_year(days, time.year).0, count),
            b'M' | b'L' if count >= 3 => return out.push_str(name(MONTHS[time.month as usize - 1])),
            b'E' => return out.push_str(name(DAYS[day_of_week(days) as usize])),
            b'a' => return out.push_str(if time.hour < 12 { "AM" } else { "PM" }),
            b'z' => return self.zone_name(out, *millis, count),
            b'Z' => return offset(out, self.zone.offset(*millis), OffsetStyle::Rfc822),
            b'X' => return offset(out, self.zone.offset(*millis), OffsetStyle::Iso(count)),
            b'M' | b'L' => time.month,
            b'd' => time.day,
            b'k' => (time.hour + 23) % 24 + 1,
            b'H' => time.hour,
            b'm' => time.minute,
            b's' => time.second,
            b'S' => time.milli,
            b'D' => days - crate::java_text::calendar::days(time.year, 1, 1) + 1,
            b'F' => (time.day - 1) / 7 + 1,
            b'w' => Weeks::US.week_of_year(days, time.year).1,
            b'W' => Weeks::US.week_of_month(days, time.day),
            b'h' => (time.hour + 11) % 12 + 1,
            b'K' => time.hour % 12,
            _ => (day_of_week(days) + 6) % 7 + 1,
        };
        pad(out, number, count);
    }

    fn zone_name(&self, out: &mut String, millis: i64, count: usize) {
        let moment = self.zone.at(millis);
        let is_name = moment.abbreviation.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_name {
            out.push_str("GMT");
            return offset(out, moment.offset, OffsetStyle::Iso(3));
        }
        if count < 4 {
            return out.push_str(&moment.abbreviation);
        }
        let utc = ["UTC", "UT", "Etc/UTC"].contains(&self.zone.id());
        match (utc, self.zone.id()) {
            (true, _) => out.push_str("Coordinated Universal Time"),
            (_, "GMT") => out.push_str("Greenwich Mean Time"),
            // Java knows long names of hundreds of zones in every locale; the identifier says as much.
            (_, id) => {
                out.push_str(id);
                if moment.is_daylight {
                    out.push_str(" (daylight)");
                }
            }
        }
    }
}

struct Local {
    millis: i64,
    time: DateTime,
}

/// Two letters stand for the last two digits.
fn year(out: &mut String, year: i64, count: usize) {
    match count {
        2 => pad(out, year.rem_euclid(100), 2),
        _ => pad(out, year, count),
    }
}

/// How an offset is written.
enum OffsetStyle {
    /// `+0100`.
    Rfc822,
    /// `Z`, or with one letter `+01`, two `+0100`, three `+01:00`.
    Iso(usize),
}

fn offset(out: &mut String, millis: i64, style: OffsetStyle) {
    let minutes = millis.abs() / 60_000;
    let (letters, zero) = match style {
        OffsetStyle::Rfc822 => (2, false),
        OffsetStyle::Iso(count) => (count, millis == 0),
    };
    if zero {
        return out.push('Z');
    }
    out.push(if millis < 0 { '-' } else { '+' });
    pad(out, minutes / 60, 2);
    if letters > 1 {
        out.push_str(if letters > 2 { ":" } else { "" });
        pad(out, minutes % 60, 2);
    }
}

fn compile(pattern: &str) -> Result<Vec<Item>, PatternError> {
    let mut items = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => quoted(&mut items, &mut characters)?,
            _ if character.is_ascii_alphabetic() => {
                let letter = character as u8;
                let mut count = 1;
                while characters.next_if_eq(&character).is_some() {
                    count += 1;
                }
                if !LETTERS.contains(&letter) {
                    return Err(PatternError(format!("Illegal pattern character '{character}'")));
                }
                if letter == b'X' && count > 3 {
                    return Err(PatternError(format!("invalid ISO 8601 format: length={count}")));
                }
                if count > MAX_COUNT {
                    return Err(PatternError(format!("more than {MAX_COUNT} times '{character}' in a pattern")));
                }
                items.push(Item::Field { letter, count });
            }
            _ => literal(&mut items, character),
        }
    }
    Ok(items)
}

/// No field is that wide.
const MAX_COUNT: usize = 255;

fn quoted(
    items: &mut Vec<Item>,
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<(), PatternError> {
    if characters.next_if_eq(&'\'').is_some() {
        literal(items, '\'');
        return Ok(());
    }
    loop {
        match characters.next() {
            // Two quotes are one.
            Some('\'') if characters.next_if_eq(&'\'').is_some() => literal(items, '\''),
            Some('\'') => return Ok(()),
            Some(character) => literal(items, character),
            None => return Err(PatternError("Unterminated quote".to_owned())),
        }
    }
}

fn literal(items: &mut Vec<Item>, character: char) {
    match items.last_mut() {
        Some(Item::Literal(text)) => text.push(character),
        _ => items.push(Item::Literal(character.to_string())),
    }
}
