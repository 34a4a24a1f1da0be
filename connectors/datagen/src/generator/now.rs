//! The time of day as a value.

use longshore_api::Value;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What the time becomes.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub(super) enum Now {
    /// Milliseconds since the epoch, of no logical type.
    Long,
    /// Microseconds since the epoch.
    Micros,
    /// The logical type Timestamp.
    Timestamp,
    /// The logical type Date.
    Date,
    /// `2026-02-28T09:30:00.000Z`.
    Text,
}

impl Now {
    pub(super) fn make(self, now: i64) -> Value {
        match self {
            Now::Long => Value::Int64(now),
            Now::Micros => Value::Int64(now.saturating_mul(1000)),
            Now::Timestamp => Value::Date(now),
            Now::Date => Value::Date(now.div_euclid(DAY) * DAY),
            Now::Text => Value::string(iso(now)),
        }
    }
}

/// ISO 8601, in UTC, to the millisecond.
fn iso(now: i64) -> String {
    let (days, time) = (now.div_euclid(DAY), now.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60, time % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a number of days since the epoch. Years are counted from March, so that the leap day is the
/// last of a year; an era has 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
