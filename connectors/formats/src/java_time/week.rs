//! Weeks of a year, by the first day of a week and by how many days of the year its first week must have.

use crate::java_text::calendar;

/// A way to count weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weeks {
    /// 0 is Sunday.
    first_day: i64,
    minimal_days: i64,
}

impl Weeks {
    /// As in the United States: weeks begin on Sunday, 1 January is in the first one.
    pub(crate) const US: Self = Self { first_day: 0, minimal_days: 1 };

    /// Day on which the first week of a year begins, in days since the epoch.
    pub(crate) fn start_of_year(self, year: i64) -> i64 {
        self.start_of_period(calendar::days(year, 1, 1))
    }

    /// Day on which the first week of a year or month begins whose first day is given.
    fn start_of_period(self, first: i64) -> i64 {
        let before = (day_of_week(first) - self.first_day).rem_euclid(7);
        let start = first - before;
        if 7 - before < self.minimal_days { start + 7 } else { start }
    }

    /// The week-based year and the week, from 1, of a day in a calendar year.
    pub(crate) fn week_of_year(self, days: i64, year: i64) -> (i64, i64) {
        let week_year = (year - 1..=year + 1).rev().find(|year| days >= self.start_of_year(*year)).unwrap_or(year - 1);
        (week_year, (days - self.start_of_year(week_year)).div_euclid(7) + 1)
    }

    /// The week of its month, from 1; 0 before the first one.
    pub(crate) fn week_of_month(self, days: i64, day_of_month: i64) -> i64 {
        (days - self.start_of_period(days - day_of_month + 1)).div_euclid(7) + 1
    }
}

/// 0 is Sunday.
pub(crate) fn day_of_week(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// The latest day at or before `days` that is a day of the week, 0 being Sunday.
pub(crate) fn on_or_before(days: i64, day: i64) -> i64 {
    days - (day_of_week(days) - day).rem_euclid(7)
}
