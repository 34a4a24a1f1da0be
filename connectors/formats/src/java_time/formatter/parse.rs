//! From text to fields.

use super::fields::{Field, Fields};
use super::{DateTimeFormatter, Item, Number, Sign};
use crate::java_time::zone::match_zone_name;
use crate::java_time::{DAYS, MONTHS, offset, parse_zone};

/// What a whole text says.
pub(super) fn parse(formatter: &DateTimeFormatter, text: &str) -> Option<Fields> {
    let mut state = State { text, at: 0, fields: Fields::default(), formatter };
    state.items(&formatter.items)?;
    (state.at == text.len()).then_some(state.fields)
}

#[derive(Clone)]
struct State<'a> {
    text: &'a str,
    at: usize,
    fields: Fields,
    formatter: &'a DateTimeFormatter,
}

impl<'a> State<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn items(&mut self, items: &[Item]) -> Option<()> {
        for item in items {
            match item {
                Item::Literal(text) => {
                    self.rest().starts_with(text.as_str()).then_some(())?;
                    self.at += text.len();
                }
                Item::Number(number) => self.number(number)?,
                Item::Text { letter, count } => self.text(*letter, *count)?,
                Item::Optional(inner) => {
                    let before = self.clone();
                    if self.items(inner).is_none() {
                        *self = before;
                    }
                }
            }
        }
        Some(())
    }

    fn number(&mut self, number: &Number) -> Option<()> {
        let bytes = self.rest().as_bytes();
        let sign = bytes.first().filter(|sign| [b'+', b'-'].contains(sign)).copied();
        match (sign, number.sign) {
            (None, _) | (_, Sign::ExceedsPad) | (Some(b'-'), Sign::Normal) => {}
            _ => return None,
        }
        let start = usize::from(sign.is_some());
        let run = bytes[start..].iter().take(number.most + number.reserved).take_while(|byte| byte.is_ascii_digit());
        let mut width = run.count();
        if number.reserved > 0 {
            width = number.least.max(width.saturating_sub(number.reserved));
        }
        let digits = self.rest().get(start..start + width)?;
        if width < number.least || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let value: i64 = digits.parse().ok()?;
        let is_wrong = match (sign, number.sign) {
            (Some(b'-'), _) => value == 0,
            (Some(_), Sign::ExceedsPad) => width <= number.least,
            (None, Sign::ExceedsPad) => width > number.least,
            _ => false,
        };
        if is_wrong {
            return None;
        }
        self.at += start + width;
        let value = if sign == Some(b'-') { -value } else { value };
        self.set_number(number, value)
    }

    fn set_number(&mut self, number: &Number, value: i64) -> Option<()> {
        let field = match number.letter {
            b'u' => Field::Year,
            b'y' => Field::YearOfEra,
            b'Y' => Field::WeekYear,
            b'w' => Field::Week,
            b'e' | b'c' => Field::LocalDayOfWeek,
            b'M' | b'L' => Field::Month,
            b'Q' | b'q' => Field::Quarter,
            b'd' => Field::Day,
            b'D' => Field::DayOfYear,
            b'h' => Field::ClockHourOfHalf,
            b'K' => Field::HourOfHalf,
            b'k' => Field::ClockHour,
            b'H' => Field::Hour,
            b'm' => Field::Minute,
            b's' => Field::Second,
            b'A' => Field::MilliOfDay,
            b'N' => Field::NanoOfDay,
            _ => Field::Nano,
        };
        let value = match number.letter {
            b'S' => value * 10_i64.pow(9 - number.least as u32),
            _ if number.is_reduced => 2000 + value,
            _ => value,
        };
        self.fields.set(field, value)
    }

    fn text(&mut self, letter: u8, count: usize) -> Option<()> {
        let is_long = count == 4 && self.formatter.has_long_names;
        match letter {
            b'G' => {
                let long = self.formatter.has_long_names;
                let names = match count {
                    5 => ["B", "A"],
                    4 if long => ["Before Christ", "Anno Domini"],
                    4 => ["BCE", "CE"],
                    _ => ["BC", "AD"],
                };
                self.name(names.into_iter().zip(0..), Field::Era)
            }
            b'M' | b'L' if count < 5 => {
                self.name(MONTHS.iter().map(|name| if is_long { *name } else { &name[..3] }).zip(1..), Field::Month)
            }
            b'E' if count < 5 => {
                self.name(DAYS.iter().map(|name| if is_long { *name } else { &name[..3] }).zip(0..), Field::DayOfWeek)
            }
            b'Q' | b'q' if !is_long => self.name(["Q1", "Q2", "Q3", "Q4"].into_iter().zip(1..), Field::Quarter),
            b'a' => self.name(["AM", "PM"].into_iter().zip(0..), Field::Half),
            b'V' => self.zone_id(),
            b'z' => match match_zone_name(self.rest()) {
                Some((length, offset)) => self.offset(length, offset),
                None => self.zone_id(),
            },
            b'X' | b'x' | b'Z' | b'O' => self.offset_text(letter, count),
            // Narrow names stand for several things.
            _ => None,
        }
    }

    fn name<'n>(&mut self, names: impl Iterator<Item = (&'n str, i64)>, field: Field) -> Option<()> {
        let rest = self.rest();
        let (name, value) = names.filter(|(name, _)| rest.starts_with(name)).max_by_key(|(name, _)| name.len())?;
        self.at += name.len();
        self.fields.set(field, value)
    }

    fn offset(&mut self, length: usize, millis: i64) -> Option<()> {
        self.at += length;
        self.fields.set(Field::Offset, millis)
    }

    fn zone_id(&mut self) -> Option<()> {
        let is_part = |one: char| one.is_ascii_alphanumeric() || "/_+-:.~".contains(one);
        let end = self.rest().find(|one| !is_part(one)).unwrap_or(self.rest().len());
        // The longest that is a zone: a bracket or a literal may follow.
        let length = (1..=end).rev().find(|end| parse_zone(&self.rest()[..*end]).is_ok())?;
        self.fields.zone = parse_zone(&self.rest()[..length]).ok();
        self.at += length;
        Some(())
    }

    fn offset_text(&mut self, letter: u8, count: usize) -> Option<()> {
        let rest = self.rest();
        if letter == b'O' || letter == b'Z' && count == 4 {
            let behind = rest.strip_prefix("GMT")?;
            return match localized(behind, count == 4) {
                Some((length, millis)) => self.offset(3 + length, millis),
                None => self.offset(3, 0),
            };
        }
        if rest.starts_with('Z') && (letter == b'X' || letter == b'Z' && count == 5) {
            return self.offset(1, 0);
        }
        let (colon, minutes) = match letter {
            b'Z' => (count == 5, true),
            _ => (count == 3 || count == 5, count > 1),
        };
        let (length, millis) = offset::read(rest, colon, minutes)?;
        self.offset(length, millis)
    }
}

/// `+1`, `+1:30`, or in full `+01:00`.
fn localized(text: &str, full: bool) -> Option<(usize, i64)> {
    if full {
        return offset::read(text, true, true);
    }
    let digits = text.strip_prefix(['+', '-'])?;
    let hours = digits.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let mut total = digits[..hours].parse::<i64>().ok()? * 60;
    let mut length = 1 + hours;
    let minutes = digits[hours..].strip_prefix(':').and_then(|rest| rest.get(..2)?.parse::<i64>().ok());
    if let Some(minutes) = minutes {
        total += minutes;
        length += 3;
    }
    Some((length, if text.starts_with('-') { -total } else { total } * 60_000))
}
