//! Dates of the proleptic Gregorian calendar, to and from milliseconds since the epoch.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since the epoch.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Days from 1970-01-01 to a date.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the leap day is the last one, and month lengths follow one line.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Parses ISO 8601: a date, then perhaps `T` or a space, a time (seconds and fraction may be missing) and a zone
/// (`Z`, `+01`, `+01:00`, `+0100`). No zone means UTC. Digits below a millisecond are dropped.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    let mut scan = Scan(text.as_bytes());
    let negative = scan.take(b'-');
    let year = scan.number(4)?;
    scan.expect(b'-')?;
    let month = scan.number(2).filter(|month| (1..=12).contains(month))?;
    scan.expect(b'-')?;
    let year = if negative { -year } else { year };
    let day = scan.number(2).filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    let mut millis = days_from_epoch(year, month, day) * 86_400_000;
    if scan.take(b'T') || scan.take(b't') || scan.take(b' ') {
        millis += time_of_day(&mut scan)?;
        millis -= offset(&mut scan)?;
    }
    scan.0.is_empty().then_some(millis)
}

fn time_of_day(scan: &mut Scan<'_>) -> Option<i64> {
    let hour = scan.number(2).filter(|hour| *hour < 24)?;
    scan.expect(b':')?;
    let minute = scan.number(2).filter(|minute| *minute < 60)?;
    let mut millis = (hour * 60 + minute) * 60_000;
    if scan.take(b':') {
        millis += scan.number(2).filter(|second| *second < 60)? * 1000;
        if scan.take(b'.') {
            millis += scan.fraction()?;
        }
    }
    Some(millis)
}

fn offset(scan: &mut Scan<'_>) -> Option<i64> {
    if scan.0.is_empty() || scan.take(b'Z') || scan.take(b'z') {
        return Some(0);
    }
    let sign = if scan.take(b'+') { 1 } else { scan.expect(b'-').map(|()| -1)? };
    let hours = scan.number(2).filter(|hours| *hours <= 18)?;
    let minutes = if scan.0.is_empty() {
        0
    } else {
        scan.take(b':');
        scan.number(2).filter(|minutes| *minutes < 60)?
    };
    Some(sign * (hours * 60 + minutes) * 60_000)
}

struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn take(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn digit(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| first.is_ascii_digit())?;
        self.0 = rest;
        Some(i64::from(first - b'0'))
    }

    fn number(&mut self, digits: u32) -> Option<i64> {
        (0..digits).try_fold(0, |number, _| Some(number * 10 + self.digit()?))
    }

    /// One to nine digits after the point, in milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        let (mut millis, mut weight) = (self.digit()? * 100, 10);
        for _ in 1..9 {
            let Some(digit) = self.digit() else { break };
            millis += digit * weight;
            weight /= 10;
        }
        Some(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::parse_iso;

    #[test]
    fn dates_are_read_in_every_form_that_the_driver_writes() {
        for (text, millis) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2020-02-29T12:34:56.789Z", Some(1_582_979_696_789)),
            ("2020-02-29 12:34:56.789123456+01:30", Some(1_582_974_296_789)),
            ("2020-02-29T12:34-0100", Some(1_582_983_240_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2021-02-29", None),
            ("2020-13-01", None),
            ("2020-01-01T24:00:00Z", None),
            ("2020-01-01T00:00:00Zx", None),
            ("", None),
        ] {
            assert_eq!(parse_iso(text), millis, "{text}");
        }
    }
}
