//! Which of the fields that were read make the date: the rules of `java.util.GregorianCalendar`.

use crate::java_text::calendar;
use crate::java_time::week::{Weeks, on_or_before};
use crate::java_time::zone::Zone;

/// A field of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Year,
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// 1 is Sunday.
    DayOfWeek,
    DayOfWeekInMonth,
    AmPm,
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    /// In milliseconds.
    ZoneOffset,
    WeekYear,
}

const COUNT: usize = Field::WeekYear as usize + 1;

/// The fields that were read. Where two say different things, the later one holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    /// A value and its place in the order, from 1; 0 is not set.
    slots: [(i64, u32); COUNT],
    next: u32,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: i64) {
        self.next += 1;
        self.slots[field as usize] = (value, self.next);
    }

    pub(super) fn add_years(&mut self, years: i64) {
        for field in [Field::Year, Field::WeekYear] {
            self.slots[field as usize].0 += years;
        }
    }

    fn stamp(&self, field: Field) -> u32 {
        self.slots[field as usize].1
    }

    fn get(&self, field: Field) -> Option<i64> {
        let (value, stamp) = self.slots[field as usize];
        (stamp > 0).then_some(value)
    }

    fn or(&self, field: Field, default: i64) -> i64 {
        self.get(field).unwrap_or(default)
    }

    /// When both of two fields were there.
    fn both(&self, one: Field, other: Field) -> u32 {
        let (one, other) = (self.stamp(one), self.stamp(other));
        if one == 0 || other == 0 { 0 } else { one.max(other) }
    }

    /// The moment in milliseconds since the epoch; years that are too many for 64 bits wrap around, as in Java.
    pub(super) fn millis(&self, zone: &Zone) -> i64 {
        let is_week_date = self.stamp(Field::WeekYear) > self.stamp(Field::Year);
        let days = if is_week_date { self.week_date() } else { self.date() };
        let local = days.wrapping_mul(calendar::MILLIS_PER_DAY).wrapping_add(self.time_of_day());
        match self.get(Field::ZoneOffset) {
            Some(offset) => local.wrapping_sub(offset),
            None => zone.to_moment(local),
        }
    }

    fn week_date(&self) -> i64 {
        let mut week = self.or(Field::WeekOfYear, 1);
        let mut day = self.or(Field::DayOfWeek, 1);
        if !(1..=7).contains(&day) {
            // It was counted from Monday, and is no other day for that as long as it is out of range.
            week += (day - 1).div_euclid(7);
            day = ((day - 1).rem_euclid(7) + 1) % 7 + 1;
        }
        Weeks::US.start_of_year(self.or(Field::WeekYear, 1970)) + (week - 1) * 7 + day - 1
    }

    fn date(&self) -> i64 {
        let year = self.or(Field::Year, 1970);
        let year = if self.get(Field::Era) == Some(0) { 1 - year } else { year };
        let (day_of_month, day_of_year) = (self.stamp(Field::DayOfMonth), self.stamp(Field::DayOfYear));
        let day_of_week = self.stamp(Field::DayOfWeek);
        let week_of_month = self.both(Field::WeekOfMonth, Field::DayOfWeek);
        let in_month = self.both(Field::DayOfWeekInMonth, Field::DayOfWeek);
        let week_of_year = self.both(Field::WeekOfYear, Field::DayOfWeek);
        let best = day_of_month.max(week_of_month).max(in_month).max(day_of_year).max(week_of_year);
        if best > 0 {
            return match best {
                _ if best == day_of_month => self.day_of_month(year),
                _ if best == day_of_year => calendar::days(year, 1, 1) + self.or(Field::DayOfYear, 1) - 1,
                _ if best == week_of_year && self.is_week_of_year_last() => self.week_of_year(year),
                _ if week_of_month == in_month => {
                    let weeks = self.stamp(Field::WeekOfMonth) >= self.stamp(Field::DayOfWeekInMonth);
                    if weeks { self.week_of_month(year) } else { self.day_of_week_in_month(year) }
                }
                _ if best == week_of_month => self.week_of_month(year),
                _ => self.day_of_week_in_month(year),
            };
        }
        // No pair is complete: a week alone, a day of the week alone, or nothing but a month.
        let week_of_month = self.stamp(Field::WeekOfMonth);
        let in_month = self.stamp(Field::DayOfWeekInMonth).max(day_of_week);
        let week_of_year = self.stamp(Field::WeekOfYear);
        match week_of_month.max(in_month).max(week_of_year) {
            0 => self.day_of_month(year),
            best if best == week_of_year && best != week_of_month => self.week_of_year(year),
            best if best == week_of_month => self.week_of_month(year),
            _ => self.day_of_week_in_month(year),
        }
    }

    /// Where weeks of the month and of the year came with one day of the week, the later week holds.
    fn is_week_of_year_last(&self) -> bool {
        let week = self.stamp(Field::WeekOfYear);
        let other = |field| self.stamp(field) < week || self.both(field, Field::DayOfWeek) == 0;
        other(Field::WeekOfMonth) && other(Field::DayOfWeekInMonth)
    }

    fn month_start(&self, year: i64) -> i64 {
        calendar::days(year, self.or(Field::Month, 0).saturating_add(1), 1)
    }

    fn day_of_month(&self, year: i64) -> i64 {
        // The first and a number of days: where the calendar leaves days out, they are not counted.
        self.month_start(year) + self.or(Field::DayOfMonth, 1) - 1
    }

    /// `start` is the first day of a year or month.
    fn week(&self, start: i64, week: i64) -> i64 {
        // As the first week has to have one day only, it begins on the Sunday at or before.
        let sunday = on_or_before(start, 0);
        let day = self.get(Field::DayOfWeek).map_or(sunday, |day| on_or_before(sunday + 6, (day - 1).rem_euclid(7)));
        day + 7 * (week - 1)
    }

    fn week_of_month(&self, year: i64) -> i64 {
        self.week(self.month_start(year), self.or(Field::WeekOfMonth, 1))
    }

    fn week_of_year(&self, year: i64) -> i64 {
        self.week(calendar::days(year, 1, 1), self.or(Field::WeekOfYear, 1))
    }

    fn day_of_week_in_month(&self, year: i64) -> i64 {
        let start = self.month_start(year);
        let day = (self.or(Field::DayOfWeek, 1) - 1).rem_euclid(7);
        let nth = self.or(Field::DayOfWeekInMonth, 1);
        if nth >= 0 {
            return on_or_before(start + 7 * nth - 1, day);
        }
        let next = calendar::days(year, self.or(Field::Month, 0).saturating_add(2), 1);
        on_or_before(next + 7 * (nth + 1) - 1, day)
    }

    fn time_of_day(&self) -> i64 {
        let (of_day, halves) = (self.stamp(Field::HourOfDay), self.both(Field::Hour, Field::AmPm));
        let uses_halves = match of_day.max(halves) {
            0 => true,
            best => best != of_day,
        };
        let hours = if uses_halves {
            self.or(Field::Hour, 0) + 12 * self.or(Field::AmPm, 0)
        } else {
            self.or(Field::HourOfDay, 0)
        };
        ((hours * 60 + self.or(Field::Minute, 0)) * 60 + self.or(Field::Second, 0)) * 1000
            + self.or(Field::Millisecond, 0)
    }
}
