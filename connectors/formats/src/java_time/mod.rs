//! Java's dialects of date and time patterns, each compiled once.
//!
//! Names of months, days and eras are English, as in a container without a locale of its own. Zones are those of the
//! IANA database.

pub mod formatter;
mod joda;
mod offset;
pub mod simple;
mod week;
mod zone;

use std::fmt;

pub use formatter::DateTimeFormatter;
pub use joda::JodaFormat;
pub use simple::SimpleDateFormat;
pub use week::Weeks;
pub use zone::{Zone, parse_zone};

/// Full names; the first three letters are the short ones.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Full names from Sunday on; the first three letters are the short ones.
pub(crate) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Why a pattern is none: the message of Java's IllegalArgumentException.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(pub String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

/// The longest of some names that a text begins with, in any case: its length in bytes, and what it stands for.
pub(crate) fn match_name<'a, T: Copy>(text: &str, names: impl Iterator<Item = (&'a str, T)>) -> Option<(usize, T)> {
    names
        .filter(|(name, _)| text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, value)| (name.len(), value))
}

/// Appends a number with at least `width` digits, zeros in front.
pub(crate) fn pad(out: &mut String, value: i64, width: usize) {
    use fmt::Write;
    if value < 0 {
        out.push('-');
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "{:0width$}", value.unsigned_abs());
}
