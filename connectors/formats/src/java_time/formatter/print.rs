//! From a moment to text.

use super::{DateTimeFormatter, Item, Number, Sign};
use crate::java_text::calendar::{self, DateTime};
use crate::java_time::week::day_of_week;
use crate::java_time::zone::Zone;
use crate::java_time::{DAYS, MONTHS, offset, pad};

struct Moment<'a> {
    millis: i64,
    time: DateTime,
    zone: &'a Zone,
    offset: i64,
}

pub(super) fn print(formatter: &DateTimeFormatter, millis: i64, zone: &Zone) -> String {
    let offset = zone.offset(millis);
    let time = DateTime::iso_from_millis(millis.saturating_add(offset));
    let mut out = String::with_capacity(32);
    items(formatter, &formatter.items, &Moment { millis, time, zone, offset }, &mut out);
    out
}

fn items(formatter: &DateTimeFormatter, parts: &[Item], moment: &Moment<'_>, out: &mut String) {
    for item in parts {
        match item {
            Item::Literal(text) => out.push_str(text),
            Item::Number(field) => number(field, value(formatter, field, &moment.time), out),
            Item::Text { letter, count } => text(formatter, *letter, *count, moment, out),
            Item::Optional(inner) => items(formatter, inner, moment, out),
        }
    }
}

fn value(formatter: &DateTimeFormatter, field: &Number, time: &DateTime) -> i64 {
    let days = time.days_since_epoch;
    let of_day = ((time.hour * 60 + time.minute) * 60 + time.second) * 1000 + time.milli;
    match field.letter {
        b'u' => time.year,
        b'y' => time.year_of_era(),
        b'Y' => formatter.weeks.iso_week_of_year(days, time.year).0,
        b'w' => formatter.weeks.iso_week_of_year(days, time.year).1,
        b'e' | b'c' => formatter.weeks.day_of_week(days),
        b'M' | b'L' => time.month,
        b'Q' | b'q' => (time.month + 2) / 3,
        b'd' => time.day,
        b'D' => days - calendar::iso_days(time.year, 1, 1) + 1,
        b'h' => (time.hour + 11) % 12 + 1,
        b'K' => time.hour % 12,
        b'k' => (time.hour + 23) % 24 + 1,
        b'H' => time.hour,
        b'm' => time.minute,
        b's' => time.second,
        b'S' => time.milli * 1_000_000 / 10_i64.pow(9 - field.least as u32),
        b'A' => of_day,
        b'n' => time.milli * 1_000_000,
        _ => of_day * 1_000_000,
    }
}

fn number(field: &Number, value: i64, out: &mut String) {
    if field.is_reduced {
        return pad(out, value.abs() % 100, 2);
    }
    let exceeds = 10_i64.checked_pow(field.least as u32).is_some_and(|limit| value >= limit);
    if field.sign == Sign::ExceedsPad && exceeds {
        out.push('+');
    }
    pad(out, value, field.least);
}

fn text(formatter: &DateTimeFormatter, letter: u8, count: usize, moment: &Moment<'_>, out: &mut String) {
    let time = &moment.time;
    let long = count == 4 && formatter.has_long_names;
    let name = |name: &'static str| if long { name } else { &name[..3] };
    match letter {
        b'G' => out.push_str(match (time.year > 0, count) {
            (true, 5) => "A",
            (false, 5) => "B",
            (true, 4) => {
                if formatter.has_long_names {
                    "Anno Domini"
                } else {
                    "CE"
                }
            }
            (false, 4) => {
                if formatter.has_long_names {
                    "Before Christ"
                } else {
                    "BCE"
                }
            }
            (true, _) => "AD",
            (false, _) => "BC",
        }),
        b'M' | b'L' if count == 5 && !formatter.has_long_names => pad(out, time.month, 1),
        b'M' | b'L' if count == 5 => out.push_str(&MONTHS[time.month as usize - 1][..1]),
        b'M' | b'L' => out.push_str(name(MONTHS[time.month as usize - 1])),
        b'E' if count == 5 => out.push_str(&DAYS[day_of_week(time.days_since_epoch) as usize][..1]),
        b'E' => out.push_str(name(DAYS[day_of_week(time.days_since_epoch) as usize])),
        b'Q' | b'q' => quarter(out, (time.month + 2) / 3, count, long),
        b'a' => out.push_str(if time.hour < 12 { "AM" } else { "PM" }),
        b'V' => out.push_str(moment.zone.id()),
        b'z' => zone_name(moment, count, out),
        b'O' => localized(out, moment.offset, count == 4),
        b'X' if moment.offset == 0 => out.push('Z'),
        b'Z' if count == 4 => localized(out, moment.offset, true),
        b'Z' if count == 5 && moment.offset == 0 => out.push('Z'),
        b'Z' => offset::push(out, moment.offset, count == 5, true),
        _ => offset::push(out, moment.offset, count == 3 || count == 5, count > 1),
    }
}

fn quarter(out: &mut String, quarter: i64, count: usize, long: bool) {
    const LONG: [&str; 4] = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];
    match (count, long) {
        (5, _) => pad(out, quarter, 1),
        (_, true) => out.push_str(LONG[quarter as usize - 1]),
        _ => {
            out.push('Q');
            pad(out, quarter, 1);
        }
    }
}

/// `GMT`, `GMT+1`, or in full `GMT+01:00`.
fn localized(out: &mut String, offset: i64, full: bool) {
    out.push_str("GMT");
    if offset == 0 {
        return;
    }
    let minutes = offset.abs() / 60_000;
    out.push(if offset < 0 { '-' } else { '+' });
    pad(out, minutes / 60, if full { 2 } else { 1 });
    if full || minutes % 60 != 0 {
        out.push(':');
        pad(out, minutes % 60, 2);
    }
}

fn zone_name(moment: &Moment<'_>, count: usize, out: &mut String) {
    if count == 4 && moment.zone.id() == "UTC" {
        return out.push_str("Coordinated Universal Time");
    }
    let at = moment.zone.at(moment.millis);
    let is_name = at.abbreviation.bytes().all(|byte| byte.is_ascii_alphabetic());
    out.push_str(if is_name && count < 4 { &at.abbreviation } else { moment.zone.id() });
}
