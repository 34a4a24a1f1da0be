//! Java's default calendar in UTC: Julian up to 4 October 1582, Gregorian from the next day on, the 15th.

/// Milliseconds of a day.
pub const MILLIS_PER_DAY: i64 = 86_400_000;

/// 15 October 1582, in days since the epoch.
const FIRST_GREGORIAN_DAY: i64 = -141_427;

/// A moment's fields in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DateTime {
    /// Astronomical year: 0 is 1 BC.
    pub year: i64,
    /// From 1.
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub milli: i64,
    pub days_since_epoch: i64,
}

impl DateTime {
    /// The fields of a moment in milliseconds since the epoch.
    pub fn from_millis(millis: i64) -> Self {
        Self::of(millis, civil(millis.div_euclid(MILLIS_PER_DAY)))
    }

    /// The same in the ISO calendar, which is Gregorian at all times.
    pub fn iso_from_millis(millis: i64) -> Self {
        Self::of(millis, gregorian(millis.div_euclid(MILLIS_PER_DAY)))
    }

    fn of(millis: i64, (year, month, day): (i64, i64, i64)) -> Self {
        let days_since_epoch = millis.div_euclid(MILLIS_PER_DAY);
        let of_day = millis.rem_euclid(MILLIS_PER_DAY);
        Self {
            year,
            month,
            day,
            hour: of_day / 3_600_000,
            minute: of_day / 60_000 % 60,
            second: of_day / 1000 % 60,
            milli: of_day % 1000,
            days_since_epoch,
        }
    }

    /// The year as it is printed: 1 BC is 1.
    pub fn year_of_era(&self) -> i64 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }
}

/// Days since the epoch of a date whose month and day may lie outside their range, as a lenient calendar reads it.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let gregorian = iso_days(year, month, day);
    if gregorian >= FIRST_GREGORIAN_DAY {
        return gregorian;
    }
    let (era_year, day_of_year) = shifted(year, month, day);
    julian_days(era_year, day_of_year)
}

/// The same in the ISO calendar, which is Gregorian at all times.
pub fn iso_days(year: i64, month: i64, day: i64) -> i64 {
    let (era_year, day_of_year) = shifted(year, month, day);
    era_year * 365 + era_year.div_euclid(4) - era_year.div_euclid(100) + era_year.div_euclid(400) + day_of_year
        - 719_468
}

/// Counts years from March, so that the day that a leap year adds is the last one.
fn shifted(year: i64, month: i64, day: i64) -> (i64, i64) {
    let year = year.saturating_add((month - 1).div_euclid(12));
    let month = (month - 1).rem_euclid(12) + 1;
    let era_year = if month <= 2 { year - 1 } else { year };
    (era_year, (153 * ((month + 9) % 12) + 2) / 5 + day - 1)
}

fn julian_days(era_year: i64, day_of_year: i64) -> i64 {
    era_year * 365 + era_year.div_euclid(4) + day_of_year - 719_470
}

fn civil(days: i64) -> (i64, i64, i64) {
    if days >= FIRST_GREGORIAN_DAY {
        return gregorian(days);
    }
    let shifted = days + 719_470;
    let (era, day_of_era) = (shifted.div_euclid(1461), shifted.rem_euclid(1461));
    let year = (day_of_era - day_of_era / 1460) / 365;
    from_march(era * 4 + year, day_of_era - 365 * year)
}

fn gregorian(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    from_march(era * 400 + year, day_of_era - (365 * year + year / 4 - year / 100))
}

/// Year, month and day of a year that begins in March, and a day of it from 0.
fn from_march(year: i64, day_of_year: i64) -> (i64, i64, i64) {
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}
