//! What the fields that were read say together: the rules of `java.time`'s resolver in its SMART style.

use crate::java_text::calendar::{DateTime, MILLIS_PER_DAY, iso_days};
use crate::java_time::week::{Weeks, day_of_week};
use crate::java_time::zone::Zone;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Year,
    YearOfEra,
    Quarter,
    Month,
    Day,
    DayOfYear,
    WeekYear,
    Week,
    /// From 1, by the locale's first day of the week.
    LocalDayOfWeek,
    /// 0 is Sunday.
    DayOfWeek,
    Half,
    HourOfHalf,
    ClockHourOfHalf,
    Hour,
    ClockHour,
    Minute,
    Second,
    Nano,
    MilliOfDay,
    NanoOfDay,
    /// In milliseconds.
    Offset,
}

const COUNT: usize = Field::Offset as usize + 1;
/// Moments of later years have no place in 64 bits of milliseconds.
const MOST_YEARS: i64 = 200_000_000;
const NANOS_PER_DAY: i64 = MILLIS_PER_DAY * 1_000_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    values: [Option<i64>; COUNT],
    pub(super) zone: Option<Zone>,
}

impl Fields {
    /// Sets a field; `None` if it was set to something else before, or cannot have the value.
    pub(super) fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let known = self.values[field as usize].replace(value);
        known.is_none_or(|known| known == value).then_some(())
    }

    fn get(&self, field: Field) -> Option<i64> {
        self.values[field as usize]
    }

    /// A field within its bounds; `Err` if it lies outside.
    fn within(&self, field: Field, least: i64, most: i64) -> Result<Option<i64>, ()> {
        match self.get(field) {
            Some(value) if !(least..=most).contains(&value) => Err(()),
            value => Ok(value),
        }
    }

    /// The moment in milliseconds since the epoch.
    pub(super) fn millis(&self, weeks: Weeks, default: &Zone) -> Option<i64> {
        let days = self.date(weeks).ok()??;
        let time = self.time().ok()?;
        let (nanos, extra_days) = time.unwrap_or((0, 0));
        let local = (days + extra_days).checked_mul(MILLIS_PER_DAY)?.checked_add(nanos / 1_000_000)?;
        // A zone says nothing of a date alone.
        match (time, self.get(Field::Offset), &self.zone) {
            (Some(_), Some(offset), _) => local.checked_sub(offset),
            (Some(_), None, Some(zone)) => Some(zone.to_earlier_moment(local)),
            _ => Some(default.to_earlier_moment(local)),
        }
    }

    /// What the time has beyond its milliseconds, in nanoseconds.
    pub(super) fn nanos_of_milli(&self) -> i64 {
        self.time().ok().flatten().map_or(0, |(nanos, _)| nanos % 1_000_000)
    }

    fn year(&self) -> Result<Option<i64>, ()> {
        let of_era = self.within(Field::YearOfEra, 1, MOST_YEARS)?.map(|year| match self.get(Field::Era) {
            Some(0) => 1 - year,
            _ => year,
        });
        match (self.within(Field::Year, -MOST_YEARS, MOST_YEARS)?, of_era) {
            (Some(year), Some(of_era)) if year != of_era => Err(()),
            (year, of_era) => Ok(year.or(of_era)),
        }
    }

    fn date(&self, weeks: Weeks) -> Result<Option<i64>, ()> {
        let year = self.year()?;
        let month = self.within(Field::Month, 1, 12)?;
        let day = self.within(Field::Day, 1, 31)?;
        let of_year = self.within(Field::DayOfYear, 1, 366)?;
        let day_of_week = self.day_of_week(weeks)?;
        let days = match (year, month, day, of_year) {
            (Some(year), Some(month), Some(day), _) => {
                // A day that the month does not have is its last one.
                let last = iso_days(year, month + 1, 1) - iso_days(year, month, 1);
                iso_days(year, month, day.min(last))
            }
            (Some(year), _, _, Some(day)) => {
                let days = iso_days(year, 1, day);
                if days >= iso_days(year + 1, 1, 1) {
                    return Err(());
                }
                days
            }
            _ => match (
                self.within(Field::WeekYear, -MOST_YEARS, MOST_YEARS)?,
                self.within(Field::Week, 1, 53)?,
                day_of_week,
            ) {
                (Some(year), Some(week), Some(day)) => {
                    weeks.iso_start_of_year(year) + (week - 1) * 7 + weeks.place(day)
                }
                _ => return Ok(None),
            },
        };
        self.agrees(days, weeks, day_of_week).map(|()| Some(days))
    }

    /// The day of the week, 0 being Sunday.
    fn day_of_week(&self, weeks: Weeks) -> Result<Option<i64>, ()> {
        let local = self.within(Field::LocalDayOfWeek, 1, 7)?.map(|day| weeks.weekday(day));
        match (self.get(Field::DayOfWeek), local) {
            (Some(day), Some(local)) if day != local => Err(()),
            (day, local) => Ok(day.or(local)),
        }
    }

    /// Whether the other fields of the date say the same.
    fn agrees(&self, days: i64, weeks: Weeks, weekday: Option<i64>) -> Result<(), ()> {
        let time = DateTime::iso_from_millis(days * MILLIS_PER_DAY);
        let (week_year, week) = weeks.iso_week_of_year(days, time.year);
        let same = |field, value| self.get(field).is_none_or(|known| known == value);
        let agree = weekday.is_none_or(|weekday| weekday == day_of_week(days))
            && same(Field::Quarter, (time.month + 2) / 3)
            && same(Field::Month, time.month)
            && same(Field::DayOfYear, days - iso_days(time.year, 1, 1) + 1)
            && same(Field::WeekYear, week_year)
            && same(Field::Week, week);
        if agree { Ok(()) } else { Err(()) }
    }

    /// Nanoseconds of the day, and a day more for 24:00.
    fn time(&self) -> Result<Option<(i64, i64)>, ()> {
        let half = self.get(Field::Half);
        let clock_of_half = self.within(Field::ClockHourOfHalf, 1, 12)?.map(|hour| hour % 12);
        let of_half = self.within(Field::HourOfHalf, 0, 11)?.or(clock_of_half);
        let halves = half.zip(of_half).map(|(half, hour)| half * 12 + hour);
        let clock = self.within(Field::ClockHour, 1, 24)?.map(|hour| hour % 24);
        let hours: Vec<i64> = [self.within(Field::Hour, 0, 24)?, clock, halves].into_iter().flatten().collect();
        let minute = self.within(Field::Minute, 0, 59)?;
        let second = self.within(Field::Second, 0, 59)?;
        let nano = self.within(Field::Nano, 0, 999_999_999)?;
        if hours.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(());
        }
        let Some(hour) = hours.first().copied() else {
            let milli = self.within(Field::MilliOfDay, 0, MILLIS_PER_DAY - 1)?.map(|milli| milli * 1_000_000);
            return Ok(self.within(Field::NanoOfDay, 0, NANOS_PER_DAY - 1)?.or(milli).map(|nanos| (nanos, 0)));
        };
        if minute.is_none() && (second.is_some() || nano.is_some()) || second.is_none() && nano.is_some() {
            return Ok(None);
        }
        let rest = (minute.unwrap_or(0) * 60 + second.unwrap_or(0)) * 1_000_000_000 + nano.unwrap_or(0);
        if hour == 24 {
            return if rest == 0 { Ok(Some((0, 1))) } else { Err(()) };
        }
        Ok(Some((hour * 3_600_000_000_000 + rest, 0)))
    }
}
