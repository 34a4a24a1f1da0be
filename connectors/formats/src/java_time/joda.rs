//! `org.joda.time.format.DateTimeFormat.forPattern`, for writing: what the paths of partitions are made with.
//!
//! Differs from Joda: names are English, whatever the locale.

use super::week::{Weeks, day_of_week};
use super::{DAYS, MONTHS, PatternError, Zone, offset, pad};
use crate::java_text::calendar::{self, DateTime};

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.joda.time.format.DateTimeFormatter")]
pub struct JodaFormat {
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Literal(String),
    Field { letter: u8, count: usize },
}

const LETTERS: &[u8] = b"GCYxweEyDMdaKhHkmsSzZ";

/// No field is that wide.
const MAX_COUNT: usize = 255;

impl JodaFormat {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Joda's message for a letter that means nothing, and for a pattern without any letter.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let mut items = Vec::new();
        let mut characters = pattern.chars().peekable();
        let mut is_quoted = false;
        while let Some(character) = characters.next() {
            match character {
                '\'' if characters.next_if_eq(&'\'').is_some() => literal(&mut items, '\''),
                '\'' => is_quoted = !is_quoted,
                _ if is_quoted || !character.is_ascii_alphabetic() => literal(&mut items, character),
                _ => {
                    let mut count = 1;
                    while characters.next_if_eq(&character).is_some() {
                        count += 1;
                    }
                    if !LETTERS.contains(&(character as u8)) || count > MAX_COUNT {
                        return Err(PatternError(format!("Illegal pattern component: {character}")));
                    }
                    items.push(Item::Field { letter: character as u8, count });
                }
            }
        }
        if pattern.is_empty() {
            return Err(PatternError("Invalid pattern specification".to_owned()));
        }
        Ok(Self { items })
    }

    /// The text of a moment in milliseconds since the epoch, in a zone.
    pub fn format(&self, millis: i64, zone: &Zone) -> String {
        let offset = zone.offset(millis);
        let time = DateTime::iso_from_millis(millis.saturating_add(offset));
        let mut out = String::with_capacity(32);
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field { letter, count } => field(&mut out, *letter, *count, &time, (millis, zone, offset)),
            }
        }
        out
    }
}

fn literal(items: &mut Vec<Item>, character: char) {
    match items.last_mut() {
        Some(Item::Literal(text)) => text.push(character),
        _ => items.push(Item::Literal(character.to_string())),
    }
}

fn field(out: &mut String, letter: u8, count: usize, time: &DateTime, (millis, zone, offset): (i64, &Zone, i64)) {
    let days = time.days_since_epoch;
    let name = |name: &'static str| if count >= 4 { name } else { &name[..3] };
    let year = |out: &mut String, year: i64| match count {
        2 => pad(out, year.rem_euclid(100), 2),
        _ => pad(out, year, count),
    };
    let number = match letter {
        b'G' => return out.push_str(if time.year > 0 { "AD" } else { "BC" }),
        b'y' => return year(out, time.year),
        b'Y' => return year(out, time.year_of_era()),
        b'x' => return year(out, Weeks::ISO.iso_week_of_year(days, time.year).0),
        b'C' => time.year_of_era() / 100,
        b'w' => Weeks::ISO.iso_week_of_year(days, time.year).1,
        b'e' => (day_of_week(days) + 6) % 7 + 1,
        b'E' => return out.push_str(name(DAYS[day_of_week(days) as usize])),
        b'D' => days - calendar::iso_days(time.year, 1, 1) + 1,
        b'M' if count >= 3 => return out.push_str(name(MONTHS[time.month as usize - 1])),
        b'M' => time.month,
        b'd' => time.day,
        b'a' => return out.push_str(if time.hour < 12 { "AM" } else { "PM" }),
        b'K' => time.hour % 12,
        b'h' => (time.hour + 11) % 12 + 1,
        b'H' => time.hour,
        b'k' => (time.hour + 23) % 24 + 1,
        b'm' => time.minute,
        b's' => time.second,
        b'S' => return fraction(out, time.milli, count),
        b'z' if count >= 4 && zone.id() == "UTC" => return out.push_str("Coordinated Universal Time"),
        b'z' => return out.push_str(&zone.at(millis).abbreviation),
        _ if count >= 3 => return out.push_str(zone.id()),
        _ => return offset::push(out, offset, count == 2, true),
    };
    pad(out, number, count);
}

/// The digits of the second's fraction; from the fourth on they are zero.
fn fraction(out: &mut String, milli: i64, count: usize) {
    let digits = format!("{milli:03}");
    out.extend(digits.chars().chain(std::iter::repeat('0')).take(count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::java_time::parse_zone;

    #[test]
    fn paths_of_partitions_are_written() {
        for (pattern, zone, text) in [
            ("'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH", "UTC", "year=2023/month=11/day=14/hour=22"),
            ("'dt'=YYYY-MM-dd/'hr'=HH", "Asia/Kolkata", "dt=2023-11-15/hr=03"),
            ("yy C xxxx-'W'ww-e D", "UTC", "23 20 2023-W46-2 318"),
            ("EEE EEEE MMM MMMM a", "America/New_York", "Tue Tuesday Nov November PM"),
            ("h:mm K k ss S SSS SSSSS", "UTC", "10:13 10 22 20 1 123 12300"),
            ("Z ZZ ZZZ z", "Europe/Berlin", "+0100 +01:00 Europe/Berlin CET"),
            ("'it''s' G", "UTC", "it's AD"),
        ] {
            let format = JodaFormat::new(pattern).unwrap();
            assert_eq!(format.format(1_700_000_000_123, &parse_zone(zone).unwrap()), text, "{pattern}");
        }
        // The last day of 2024 is in the first week of 2025.
        assert_eq!(JodaFormat::new("xxxx-ww").unwrap().format(1_735_603_200_000, &Zone::utc()), "2025-01");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(JodaFormat::new("yyyy-b").unwrap_err().0, "Illegal pattern component: b");
        assert!(JodaFormat::new("").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern in "[A-Za-z':/ -]{0,12}", millis: i64) {
            if let Ok(format) = JodaFormat::new(&pattern) {
                format.format(millis, &parse_zone("America/New_York").unwrap());
            }
        }
    }
}
