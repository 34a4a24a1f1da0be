//! Time zones as Java names and applies them.

use jiff::tz::{AmbiguousOffset, Dst, Offset, TimeZone};
use jiff::{Timestamp, civil};

use super::PatternError;
use crate::java_text::calendar::{DateTime, MILLIS_PER_DAY};

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// As the user wrote it, `UTC` for instance.
    id: String,
    /// `None` for UTC.
    rules: Option<TimeZone>,
}

/// What holds in a zone at a moment.
pub(crate) struct Moment {
    /// East of Greenwich, in milliseconds.
    pub(crate) offset: i64,
    pub(crate) is_daylight: bool,
    pub(crate) abbreviation: String,
}

/// A zone by its IANA name, `UTC`, `Z`, or an offset such as `+01:00`, `GMT+1`, `UTC-05:30`.
///
/// # Errors
/// The message says what is not known.
pub fn parse_zone(id: &str) -> Result<Zone, PatternError> {
    let unknown = || PatternError(format!("unknown time zone {id}"));
    let id = id.trim();
    if ["UTC", "Z", "GMT", "UT", "Etc/UTC"].contains(&id) {
        return Ok(Zone { id: if id == "Z" { "UTC" } else { id }.to_owned(), rules: None });
    }
    let offset = ["GMT", "UTC", "UT"].iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
    if let Some(seconds) = offset_seconds(offset) {
        let offset = Offset::from_seconds(seconds).map_err(|_| unknown())?;
        return Ok(Zone { id: id.to_owned(), rules: Some(TimeZone::fixed(offset)) });
    }
    let rules = TimeZone::get(id).map_err(|_| unknown())?;
    Ok(Zone { id: id.to_owned(), rules: Some(rules) })
}

/// `+1`, `-05`, `+0530`, `-05:30`.
fn offset_seconds(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| text.parse::<i32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some(if text.starts_with('-') { -seconds } else { seconds })
}

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self { id: "UTC".to_owned(), rules: None }
    }

    /// The name under which it was asked for.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What holds at a moment in milliseconds since the epoch.
    pub(crate) fn at(&self, millis: i64) -> Moment {
        let Some(rules) = &self.rules else {
            return Moment { offset: 0, is_daylight: false, abbreviation: self.id.clone() };
        };
        let info = rules.to_offset_info(timestamp(millis));
        Moment {
            offset: i64::from(info.offset().seconds()) * 1000,
            is_daylight: info.dst() == Dst::Yes,
            abbreviation: info.abbreviation().to_owned(),
        }
    }

    /// The offset at a moment, in milliseconds.
    pub fn offset(&self, millis: i64) -> i64 {
        match &self.rules {
            None => 0,
            Some(rules) => i64::from(rules.to_offset(timestamp(millis)).seconds()) * 1000,
        }
    }

    /// The moment of a local time, both in milliseconds. A time that a change of the clock leaves out is moved by
    /// the length of the gap; of a time that comes twice, the first one is meant, as by `java.time`.
    pub fn to_earlier_moment(&self, local: i64) -> i64 {
        let Some(rules) = &self.rules else { return local };
        let Some(civil) = civil(local) else { return local.saturating_sub(self.offset(local)) };
        rules.to_ambiguous_timestamp(civil).compatible().map_or(local, |moment| moment.as_millisecond())
    }

    /// The same, but of a time that comes twice the second one is meant, as by `java.util.Calendar`.
    pub(crate) fn to_moment(&self, local: i64) -> i64 {
        let Some(rules) = &self.rules else { return local };
        let Some(civil) = civil(local) else { return local.saturating_sub(self.offset(local)) };
        let ambiguous = rules.to_ambiguous_timestamp(civil);
        let moment = match ambiguous.offset() {
            AmbiguousOffset::Fold { .. } => ambiguous.later(),
            _ => ambiguous.compatible(),
        };
        moment.map_or(local, |moment| moment.as_millisecond())
    }
}

/// The nearest moment that the zones' rules reach.
fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(
        millis
            .clamp(Timestamp::MIN.as_millisecond() + MILLIS_PER_DAY, Timestamp::MAX.as_millisecond() - MILLIS_PER_DAY),
    )
    .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn civil(local: i64) -> Option<civil::DateTime> {
    let time = DateTime::iso_from_millis(local);
    civil::DateTime::new(
        i16::try_from(time.year).ok()?,
        time.month as i8,
        time.day as i8,
        time.hour as i8,
        time.minute as i8,
        time.second as i8,
        time.milli as i32 * 1_000_000,
    )
    .ok()
}

/// Short and long names of zones that texts carry, with their offsets in minutes.
const NAMES: [(&str, i64); 45] = [
    ("UTC", 0),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("IST", 120),
    ("SGT", 480),
    ("HKT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("BRT", -180),
    ("ART", -180),
    ("AST", -240),
    ("ADT", -180),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("Coordinated Universal Time", 0),
    ("Greenwich Mean Time", 0),
    ("Central European Standard Time", 60),
    ("Central European Summer Time", 120),
    ("Eastern Standard Time", -300),
    ("Eastern Daylight Time", -240),
    ("Central Standard Time", -360),
    ("Central Daylight Time", -300),
    ("Pacific Standard Time", -480),
    ("Pacific Daylight Time", -420),
];

/// The zone name at the head of a text: its length, and the offset in milliseconds.
pub(crate) fn match_zone_name(text: &str) -> Option<(usize, i64)> {
    super::match_name(text, NAMES.iter().copied()).map(|(length, minutes)| (length, minutes * 60_000))
}
