//! Moments and lengths of time, in milliseconds as Connect has them.

use longshore_formats::java_text::calendar::{DateTime, MILLIS_PER_DAY, iso_days};
use longshore_formats::java_time::Zone;

/// A part of a moment, by CEL's counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    /// From 0.
    Month,
    /// From 1.
    DayOfMonth,
    /// From 0.
    DayOfMonthFromZero,
    /// 0 is Sunday.
    DayOfWeek,
    /// From 0.
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    /// The part of a moment in a zone.
    pub(super) fn of(self, millis: i64, zone: &Zone) -> i64 {
        let time = DateTime::iso_from_millis(millis.saturating_add(zone.offset(millis)));
        match self {
            Part::Year => time.year,
            Part::Month => time.month - 1,
            Part::DayOfMonth => time.day,
            Part::DayOfMonthFromZero => time.day - 1,
            Part::DayOfWeek => (time.days_since_epoch + 4).rem_euclid(7),
            Part::DayOfYear => time.days_since_epoch - iso_days(time.year, 1, 1),
            Part::Hours => time.hour,
            Part::Minutes => time.minute,
            Part::Seconds => time.second,
            Part::Milliseconds => time.milli,
        }
    }

    /// How often the part is in a length of time.
    pub(super) fn of_duration(self, millis: i64) -> Option<i64> {
        Some(match self {
            Part::Hours => millis / 3_600_000,
            Part::Minutes => millis / 60_000,
            Part::Seconds => millis / 1000,
            Part::Milliseconds => millis % 1000,
            _ => return None,
        })
    }
}

/// A moment as RFC 3339 has it: `2026-11-21T16:05:00.25+01:00`; a date alone is its midnight in UTC.
pub(crate) fn parse_moment(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let sign = |at: usize, signs: &[u8]| text.as_bytes().get(at).filter(|byte| signs.contains(byte)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    sign(4, b"-").and_then(|()| sign(7, b"-"))?;
    let last = DateTime::iso_from_millis((iso_days(year, month.clamp(1, 12) + 1, 1) - 1) * MILLIS_PER_DAY).day;
    if !(1..=12).contains(&month) || !(1..=last).contains(&day) {
        return None;
    }
    let midnight = iso_days(year, month, day) * MILLIS_PER_DAY;
    if text.len() == 10 {
        return Some(midnight);
    }
    sign(10, b"Tt ").and_then(|()| sign(13, b":")).and_then(|()| sign(16, b":"))?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|one: char| !one.is_ascii_digit()).unwrap_or(fraction.len());
        if end == 0 {
            return None;
        }
        millis = format!("{:0<3}", &fraction[..end]).get(..3)?.parse().ok()?;
        rest = &fraction[end..];
    }
    let offset = parse_offset(rest)?;
    Some(midnight + hour * 3_600_000 + (minute - offset) * 60_000 + second * 1000 + millis)
}

/// How far a zone is ahead of UTC, in minutes: `Z`, or hours below 24 and minutes below 60 as `+HH:MM`.
pub(crate) fn parse_offset(text: &str) -> Option<i64> {
    let (ahead, hours, minutes) = match text.as_bytes() {
        b"Z" | b"z" => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (*sign == b'+', [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let number = |digits: [u8; 2]| {
        let are_digits = digits.iter().all(u8::is_ascii_digit);
        are_digits.then(|| i64::from(digits[0] - b'0') * 10 + i64::from(digits[1] - b'0'))
    };
    let hours = number(hours).filter(|hours| *hours < 24)?;
    let minutes = hours * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
    Some(if ahead { minutes } else { -minutes })
}

/// A moment as RFC 3339 has it, in UTC.
pub(super) fn moment_text(millis: i64) -> String {
    let time = DateTime::iso_from_millis(millis);
    let DateTime { year, month, day, hour, minute, second, milli, .. } = time;
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// A length of time as CEL writes it: `1h30m`, `-1.5s`, `250ms`. Less than a millisecond is left out.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 6] =
        [("ms", 1.0), ("us", 1e-3), ("ns", 1e-6), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0)];
    let (mut rest, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if rest.is_empty() {
        return None;
    }
    let mut millis = 0.0;
    while !rest.is_empty() && rest != "0" {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[end..].starts_with(unit))?;
        millis += number * factor;
        rest = &rest[end + unit.len()..];
    }
    (millis < 9e15).then_some(if negative { -(millis as i64) } else { millis as i64 })
}

/// A length of time as CEL writes it: `5400s`.
pub(super) fn duration_text(millis: i64) -> String {
    let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    let fraction = format!(".{:03}", millis % 1000);
    format!("{sign}{}{}s", millis / 1000, fraction.trim_end_matches('0').trim_end_matches('.'))
}
