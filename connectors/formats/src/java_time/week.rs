//! Weeks of a year, by the first day of a week and by how many days of the year its first week must have.

use crate::java_text::calendar;

/// A way to count weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weeks {
    /// 0 is Sunday.
    first_day: i64,
    minimal_days: i64,
}

impl Weeks {
    /// As in the United States: weeks begin on Sunday, 1 January is in the first one.
    pub const US: Self = Self { first_day: 0, minimal_days: 1 };
    /// ISO 8601: weeks begin on Monday, the first one has four days at least.
    pub const ISO: Self = Self { first_day: 1, minimal_days: 4 };
    /// Most other countries: weeks begin on Monday, 1 January is in the first one.
    pub const WORLD: Self = Self { first_day: 1, minimal_days: 1 };

    /// The way of a locale: `en-US`, `en_GB`, `de`. Countries that are not known count as [`WORLD`](Self::WORLD), no
    /// locale as the [`US`](Self::US).
    pub fn of_locale(tag: &str) -> Self {
        if tag.is_empty() {
            return Self::US;
        }
        let mut parts = tag.split(['-', '_']);
        let language = parts.next().unwrap_or_default().to_ascii_lowercase();
        let country = parts.find(|part| part.len() == 2).map(str::to_ascii_uppercase);
        // A language alone stands for the country where most speak it.
        let country = country.unwrap_or_else(|| match language.as_str() {
            "en" => "US".to_owned(),
            "cs" => "CZ".to_owned(),
            "da" => "DK".to_owned(),
            "sv" => "SE".to_owned(),
            "nb" | "nn" => "NO".to_owned(),
            "ja" => "JP".to_owned(),
            "ko" => "KR".to_owned(),
            "pt" => "BR".to_owned(),
            "he" => "IL".to_owned(),
            "hi" => "IN".to_owned(),
            language => language.to_ascii_uppercase(),
        });
        const ISO: [&str; 24] = [
            "AT", "BE", "BG", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IT", "LT", "LU", "NL",
            "NO", "PL", "RU", "SE", "SK", "IS",
        ];
        const SUNDAY: [&str; 13] = ["US", "CA", "MX", "BR", "JP", "KR", "TW", "HK", "IL", "IN", "ZA", "PH", "CO"];
        match country.as_str() {
            country if ISO.contains(&country) => Self::ISO,
            country if SUNDAY.contains(&country) => Self::US,
            _ => Self::WORLD,
        }
    }

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

    /// A day's place in its week, from 1.
    pub(crate) fn day_of_week(self, days: i64) -> i64 {
        (day_of_week(days) - self.first_day).rem_euclid(7) + 1
    }

    /// The week-based year and the week, from 1, of a day in a calendar year.
    pub(crate) fn week_of_year(self, days: i64, year: i64) -> (i64, i64) {
        let week_year = (year - 1..=year + 1).rev().find(|year| days >= self.start_of_year(*year)).unwrap_or(year - 1);
        (week_year, (days - self.start_of_year(week_year)).div_euclid(7) + 1)
    }

    /// The same in the ISO calendar.
    pub(crate) fn iso_week_of_year(self, days: i64, year: i64) -> (i64, i64) {
        let start = |year| self.iso_start_of_year(year);
        let week_year = (year - 1..=year + 1).rev().find(|year| days >= start(*year)).unwrap_or(year - 1);
        (week_year, (days - start(week_year)).div_euclid(7) + 1)
    }

    /// Day on which the first week of a year of the ISO calendar begins.
    pub(crate) fn iso_start_of_year(self, year: i64) -> i64 {
        self.start_of_period(calendar::iso_days(year, 1, 1))
    }

    /// The day of the week, 0 being Sunday, at a place in the week from 1.
    pub(crate) fn weekday(self, place: i64) -> i64 {
        (self.first_day + place - 1).rem_euclid(7)
    }

    /// How many days after the week's first one a day of the week comes, 0 being Sunday.
    pub(crate) fn place(self, weekday: i64) -> i64 {
        (weekday - self.first_day).rem_euclid(7)
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
