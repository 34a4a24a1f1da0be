//! Times that carry their zone, as text.

use std::time::{SystemTime, UNIX_EPOCH};

use longshore_formats::java_text::calendar::{DateTime, MILLIS_PER_DAY};
use longshore_formats::java_time::Zone;

use crate::expression::{parse_moment, parse_offset};

/// Hours, minutes, seconds and fraction of a time, and its offset in minutes.
struct Read<'t> {
    clock: String,
    fraction: &'t str,
    offset: i64,
}

/// `10:15`, `10:15:30`, `10:15:30.123456789`, each with an offset behind it.
fn read(text: &str) -> Option<Read<'_>> {
    let (clock, offset) = text.split_at(text.find(['Z', 'z', '+', '-'])?);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    Some(Read { clock, fraction: fraction.trim_end_matches('0'), offset: parse_offset(offset)? })
}

/// The same moment in a zone. As in Java, its rules are asked for the time that the text shows.
pub(super) fn timestamp(text: &str, zone: &Zone) -> Option<String> {
    let (date, time) = text.split_at_checked(10)?;
    let time = read(time.strip_prefix(['T', 't'])?)?;
    let shown = parse_moment(&format!("{date}T{}Z", time.clock))?;
    let offset = shown - zone.to_earlier_moment(shown);
    let local = DateTime::iso_from_millis(shown - time.offset * 60_000 + offset);
    let DateTime { year, month, day, .. } = local;
    Some(format!("{year:04}-{month:02}-{day:02}T{}", clock(local, time.fraction, offset)))
}

/// The same time of day in a zone, at the offset that it has now.
pub(super) fn time(text: &str, zone: &Zone) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as i64);
    time_at(text, zone, now)
}

fn time_at(text: &str, zone: &Zone, now: i64) -> Option<String> {
    let time = read(text)?;
    let shown = parse_moment(&format!("1970-01-01T{}Z", time.clock))?;
    let offset = zone.offset(now);
    let local = (shown - time.offset * 60_000 + offset).rem_euclid(MILLIS_PER_DAY);
    Some(clock(DateTime::iso_from_millis(local), time.fraction, offset))
}

fn clock(local: DateTime, fraction: &str, offset: i64) -> String {
    let DateTime { hour, minute, second, .. } = local;
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{hour:02}:{minute:02}:{second:02}{point}{fraction}{}", offset_text(offset / 1000))
}

/// `Z`, or `+HH:MM`, with seconds where there are any.
fn offset_text(seconds: i64) -> String {
    if seconds == 0 {
        return "Z".to_owned();
    }
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match rest {
        0 => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use longshore_formats::java_time::parse_zone;

    use super::*;

    #[test]
    fn times_of_day_are_converted_at_the_offset_of_the_moment() {
        let berlin = parse_zone("Europe/Berlin").unwrap();
        let (winter, summer) = (1_700_000_000_000, 1_690_000_000_000);
        for (text, now, expected) in [
            ("23:30:05.120Z", winter, "00:30:05.12+01:00"),
            ("23:30Z", summer, "01:30:00+02:00"),
            ("00:10:00-00:30", winter, "01:40:00+01:00"),
        ] {
            assert_eq!(time_at(text, &berlin, now).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(time_at("12:00:00+05:30", &Zone::utc(), winter).as_deref(), Some("06:30:00Z"));
        for bad in ["", "12", "12:00", "25:00:00Z", "12:00:00.1234567890Z", "12:00:00.xZ", "12:00:00+99:00", "é2:00Z"]
        {
            assert_eq!(time_at(bad, &berlin, winter), None, "{bad}");
        }
    }

    #[test]
    fn timestamps_keep_their_moment_and_their_digits() {
        let new_york = parse_zone("America/New_York").unwrap();
        for (text, expected) in [
            ("2020-01-01T11:55:30Z", "2020-01-01T06:55:30-05:00"),
            ("2020-06-01T11:55:30.123456789Z", "2020-06-01T07:55:30.123456789-04:00"),
            ("2020-06-01T11:55:30.10+02:00", "2020-06-01T05:55:30.1-04:00"),
            ("2020-01-01T02:00Z", "2019-12-31T21:00:00-05:00"),
        ] {
            assert_eq!(timestamp(text, &new_york).as_deref(), Some(expected), "{text}");
        }
        for bad in ["2020-01-01", "2020-01-01 11:55:30Z", "2020-13-01T11:55:30Z", "2020-01-01T11:55:30", "ééééééééé"]
        {
            assert_eq!(timestamp(bad, &new_york), None, "{bad}");
        }
    }
}
