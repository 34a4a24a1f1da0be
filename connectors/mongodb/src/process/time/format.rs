//! Patterns of `java.time.format.DateTimeFormatter`, for reading.
//!
//! Letters, quoted texts and optional sections in brackets, resolved as Java's smart resolver does: a day that its month
//! does not have is the month's last. What has no zone is UTC, what has no time begins its day. Names of months and
//! days are English.

use longshore_formats::java_time::{Zone, parse_zone};

use crate::date::{days_from_epoch, days_in_month};

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DateFormat {
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Text(String),
    /// A number of so many digits at least and at most.
    Number(Field, usize, usize),
    /// A year of two digits, from 2000 on.
    ShortYear,
    /// Digits after the point.
    Fraction(usize),
    /// A name of a list, shortened to three letters or not.
    Name(Names, bool),
    /// An offset: `X` (with `Z` for zero) or `x`, and its form.
    Offset(OffsetForm),
    /// A zone by its name or offset.
    Zone,
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    /// 1 to 12.
    HalfDayHour,
    Minute,
    Second,
    Nano,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Months,
    Days,
    HalfDays,
}

/// How an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OffsetForm {
    /// Whether `Z` stands for zero.
    zulu: bool,
    colon: bool,
    minutes: Minutes,
    seconds: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Minutes {
    IfThere,
    Always,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HALF_DAYS: [&str; 2] = ["AM", "PM"];

/// Letters that Java knows and that are not read here.
const OTHER_LETTERS: &str = "GDLgqQYwWecBkKANvOp";

impl DateFormat {
    /// Compiles a pattern for a language tag; the empty one is that of no language.
    ///
    /// # Errors
    /// In Java's words where the pattern is none, else what cannot be read.
    pub(crate) fn new(pattern: &str, language: &str) -> Result<Self, String> {
        let mut chars = pattern.chars().peekable();
        let mut open: Vec<Vec<Item>> = vec![Vec::new()];
        while let Some(next) = chars.next() {
            let item = match next {
                '[' => {
                    open.push(Vec::new());
                    continue;
                }
                ']' => {
                    let inner = open.pop().filter(|_| !open.is_empty());
                    Item::Optional(inner.ok_or("Pattern invalid as it contains ] without previous [")?)
                }
                '\'' => Item::Text(quoted(&mut chars, pattern)?),
                '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{next}'")),
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while chars.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    field(letter, count)?
                }
                other => Item::Text(other.to_string()),
            };
            if matches!(item, Item::Name(..)) && !(language.is_empty() || language.starts_with("en")) {
                return Err(format!("names of months and days are read in English only, not in {language}"));
            }
            if let Some(items) = open.last_mut() {
                items.push(item);
            }
        }
        // Brackets that are not closed end with the pattern.
        let items = open.into_iter().rev().reduce(|inner, mut outer| {
            outer.push(Item::Optional(inner));
            outer
        });
        Ok(Self { items: items.unwrap_or_default() })
    }

    /// Reads a date, in milliseconds since the epoch; `None` if the text is none of the pattern.
    pub(crate) fn parse(&self, text: &str) -> Option<i64> {
        let mut parsed = Parsed::default();
        let rest = read_all(&self.items, text, &mut parsed)?;
        if rest.is_empty() { parsed.resolve() } else { None }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// A text between quotes; two of them are one quote.
fn quoted(chars: &mut Chars<'_>, pattern: &str) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            Some('\'') if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            Some('\'') => return Ok(if text.is_empty() { "'".to_owned() } else { text }),
            Some(other) => text.push(other),
            None => return Err(format!("Pattern ends with an incomplete string literal: {pattern}")),
        }
    }
}

fn field(letter: char, count: usize) -> Result<Item, String> {
    let too_many = || Err(format!("Too many pattern letters: {letter}"));
    let number = |field| match count {
        1 => Ok(Item::Number(field, 1, 19)),
        2 => Ok(Item::Number(field, 2, 2)),
        _ => too_many(),
    };
    match (letter, count) {
        ('y' | 'u', 2) => Ok(Item::ShortYear),
        ('y' | 'u', 1..=19) => Ok(Item::Number(Field::Year, count, 19)),
        ('M', 3) => Ok(Item::Name(Names::Months, true)),
        ('M', 4) => Ok(Item::Name(Names::Months, false)),
        ('M', _) => number(Field::Month),
        ('d', _) => number(Field::Day),
        ('H', _) => number(Field::Hour),
        ('h', _) => number(Field::HalfDayHour),
        ('m', _) => number(Field::Minute),
        ('s', _) => number(Field::Second),
        ('S', 1..=9) => Ok(Item::Fraction(count)),
        ('n', 1..=19) => Ok(Item::Number(Field::Nano, count, 19)),
        ('E', 1..=3) => Ok(Item::Name(Names::Days, true)),
        ('E', 4) => Ok(Item::Name(Names::Days, false)),
        ('a', 1) => Ok(Item::Name(Names::HalfDays, false)),
        ('V', 2) => Ok(Item::Zone),
        ('V', _) => Err("Pattern letter count must be 2: V".to_owned()),
        ('z', 1..=4) => Ok(Item::Zone),
        ('X' | 'x' | 'Z', 1..=5) => Ok(Item::Offset(offset(letter, count))),
        (known, _) if "yuSnEazXxZ".contains(known) => too_many(),
        (known, _) if OTHER_LETTERS.contains(known) => Err(format!("the pattern letter {known} is not supported")),
        (unknown, _) => Err(format!("Unknown pattern letter: {unknown}")),
    }
}

fn offset(letter: char, count: usize) -> OffsetForm {
    let (colon, minutes) = match (letter, count) {
        ('Z', 1..=3) => (false, Minutes::Always),
        ('Z', _) => (true, Minutes::Always),
        (_, 1) => (false, Minutes::IfThere),
        (_, 2 | 4) => (false, Minutes::Always),
        _ => (true, Minutes::Always),
    };
    OffsetForm { zulu: letter == 'X' || (letter == 'Z' && count == 5), colon, minutes, seconds: count >= 4 }
}

/// What a text has said so far.
#[derive(Debug, Clone, Default)]
struct Parsed {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nano: Option<i64>,
    /// From Monday on, 0 to 6.
    week_day: Option<i64>,
    /// In seconds.
    offset: Option<i64>,
    zone: Option<Zone>,
}

fn read_all<'t>(items: &[Item], text: &'t str, parsed: &mut Parsed) -> Option<&'t str> {
    let mut rest = text;
    for (at, item) in items.iter().enumerate() {
        rest = item.read(rest, reserved(items.get(at + 1..).unwrap_or_default()), parsed)?;
    }
    Some(rest)
}

/// How many digits belong to the numbers of fixed width that follow without anything between.
fn reserved(items: &[Item]) -> usize {
    let widths = items.iter().map_while(|item| match item {
        Item::Number(_, least, most) if least == most => Some(*most),
        Item::ShortYear => Some(2),
        Item::Fraction(count) => Some(*count),
        _ => None,
    });
    widths.sum()
}

impl Item {
    fn read<'t>(&self, text: &'t str, reserved: usize, parsed: &mut Parsed) -> Option<&'t str> {
        match self {
            Item::Text(wanted) => text.strip_prefix(wanted.as_str()),
            // A year of four letters has four digits, or a sign and more.
            Item::Number(Field::Year, least @ 4.., _) => {
                let (text, long) = text.strip_prefix('+').map_or((text, false), |rest| (rest, true));
                let length = if long { digits(text).saturating_sub(reserved) } else { *least };
                if length > digits(text) || long != (length > *least) {
                    return None;
                }
                let (number, rest) = text.split_at_checked(length)?;
                parsed.set(Field::Year, number.parse().ok()?)?;
                Some(rest)
            }
            Item::Number(field, least, most) => {
                let found = digits(text);
                let length = if least == most { *most } else { found.saturating_sub(reserved).min(*most) };
                if length < *least || length > found {
                    return None;
                }
                let (number, rest) = text.split_at_checked(length)?;
                parsed.set(*field, number.parse().ok()?)?;
                Some(rest)
            }
            Item::ShortYear => {
                let (number, rest) = text.split_at_checked(2).filter(|_| digits(text) >= 2)?;
                parsed.set(Field::Year, 2000 + number.parse::<i64>().ok()?)?;
                Some(rest)
            }
            Item::Fraction(count) => {
                let (number, rest) = text.split_at_checked(*count).filter(|_| digits(text) >= *count)?;
                let scale = 10_i64.checked_pow(9_u32.checked_sub(u32::try_from(*count).ok()?)?)?;
                parsed.set(Field::Nano, number.parse::<i64>().ok()? * scale)?;
                Some(rest)
            }
            Item::Name(names, short) => read_name(*names, *short, text, parsed),
            Item::Offset(form) => {
                let (offset, rest) = form.read(text)?;
                parsed.offset = Some(offset);
                Some(rest)
            }
            Item::Zone => {
                let end = text.find(|next: char| !next.is_ascii_alphanumeric() && !"/_+-:".contains(next));
                let (name, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
                // An offset that the text has given already holds.
                parsed.zone = Some(parse_zone(name).ok()?);
                Some(rest)
            }
            Item::Optional(items) => {
                let mut inner = parsed.clone();
                match read_all(items, text, &mut inner) {
                    Some(rest) => {
                        *parsed = inner;
                        Some(rest)
                    }
                    None => Some(text),
                }
            }
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn read_name<'t>(names: Names, short: bool, text: &'t str, parsed: &mut Parsed) -> Option<&'t str> {
    let list: &[&str] = match names {
        Names::Months => &MONTHS,
        Names::Days => &DAYS,
        Names::HalfDays => &HALF_DAYS,
    };
    let shown = |name: &'static str| if short { name.get(..3).unwrap_or(name) } else { name };
    let (index, name) = list.iter().map(|name| shown(name)).enumerate().find(|(_, name)| text.starts_with(*name))?;
    let index = i64::try_from(index).ok()?;
    match names {
        Names::Months => parsed.set(Field::Month, index + 1)?,
        Names::Days => parsed.week_day = Some(index),
        Names::HalfDays => parsed.afternoon = Some(index == 1),
    }
    text.strip_prefix(name)
}

impl OffsetForm {
    fn read(self, text: &str) -> Option<(i64, &str)> {
        if let Some(rest) = text.strip_prefix('Z').filter(|_| self.zulu) {
            return Some((0, rest));
        }
        let (sign, mut rest) = match text.strip_prefix('+') {
            Some(rest) => (1, rest),
            None => (-1, text.strip_prefix('-')?),
        };
        let hours = two(&mut rest).filter(|hours| *hours <= 18)?;
        let (minutes, rest) = match self.part(rest) {
            Some((minutes, rest)) => (minutes, rest),
            None if self.minutes == Minutes::IfThere => (0, rest),
            None => return None,
        };
        let (seconds, rest) = self.part(rest).filter(|_| self.seconds).unwrap_or((0, rest));
        Some((sign * (hours * 3600 + minutes * 60 + seconds), rest))
    }

    fn part(self, text: &str) -> Option<(i64, &str)> {
        let mut rest = if self.colon { text.strip_prefix(':')? } else { text };
        let part = two(&mut rest).filter(|part| *part < 60)?;
        Some((part, rest))
    }
}

fn two(text: &mut &str) -> Option<i64> {
    let (number, rest) = text.split_at_checked(2).filter(|_| digits(text) >= 2)?;
    *text = rest;
    number.parse().ok()
}

impl Parsed {
    /// Notes a field's value; `None` if it has another one, or there is no such value.
    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let (slot, valid) = match field {
            Field::Year => (&mut self.year, 1..=999_999),
            Field::Month => (&mut self.month, 1..=12),
            Field::Day => (&mut self.day, 1..=31),
            Field::Hour => (&mut self.hour, 0..=24),
            Field::HalfDayHour => (&mut self.half_day_hour, 1..=12),
            Field::Minute => (&mut self.minute, 0..=59),
            Field::Second => (&mut self.second, 0..=59),
            Field::Nano => (&mut self.nano, 0..=999_999_999),
        };
        if !valid.contains(&value) || slot.is_some_and(|known| known != value) {
            return None;
        }
        *slot = Some(value);
        Some(())
    }

    fn resolve(&self) -> Option<i64> {
        let (year, month) = (self.year?, self.month?);
        let days = days_from_epoch(year, month, self.day?.min(days_in_month(year, month)));
        // The first day of the epoch was a Thursday.
        if self.week_day.is_some_and(|day| day != (days + 3).rem_euclid(7)) {
            return None;
        }
        let hour = match (self.hour, self.half_day_hour, self.afternoon) {
            (Some(hour), ..) => Some(hour),
            (None, Some(hour), Some(afternoon)) => Some(hour % 12 + if afternoon { 12 } else { 0 }),
            _ => None,
        };
        let Some(hour) = hour else { return Some(days * 86_400_000) };
        let (minute, second, nano) = (self.minute.unwrap_or(0), self.second.unwrap_or(0), self.nano.unwrap_or(0));
        // The end of the day is the beginning of the next.
        if hour == 24 && (minute, second, nano) != (0, 0, 0) {
            return None;
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        let local = days * 86_400_000 + seconds * 1000 + nano / 1_000_000;
        Some(match (self.offset, &self.zone) {
            (Some(offset), _) => local - offset * 1000,
            (None, Some(zone)) => zone.to_moment(local),
            (None, None) => local,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_FORMAT;
    use super::*;

    #[test]
    fn patterns_read_what_java_reads() {
        let cases = include_str!("../../../tests/golden/dates.jsonl");
        let mut wrong = Vec::new();
        for line in cases.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| case[key].as_str().unwrap();
            let pattern = if text("pattern").is_empty() { DEFAULT_FORMAT } else { text("pattern") };
            let actual = DateFormat::new(pattern, "en").ok().and_then(|format| format.parse(text("text")));
            if actual != case["millis"].as_i64() {
                wrong.push(format!("{line}: {actual:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, language, why) in [
            ("nonsense", "", "Unknown pattern letter: o"),
            ("yyyy{", "", "Pattern includes reserved character: '{'"),
            ("yyyy]", "", "Pattern invalid as it contains ] without previous ["),
            ("'a", "", "Pattern ends with an incomplete string literal: 'a"),
            ("ddd", "", "Too many pattern letters: d"),
            ("YYYY", "", "the pattern letter Y is not supported"),
            ("d MMM", "fr", "names of months and days are read in English only, not in fr"),
        ] {
            assert_eq!(DateFormat::new(pattern, language), Err(why.to_owned()), "{pattern}");
        }
        assert!(DateFormat::new("yyyy-MM-dd", "fr").is_ok());
    }
}
