//! Dates, times and timestamps, told by the length of their text.

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{Data, Schema, Type, Value};

use crate::java_text::calendar::{self, MILLIS_PER_DAY};

/// The date, time or timestamp that a text is; it may go on behind the last number of a date.
///
/// Fields may be out of range, as in Java's lenient calendar: the 32nd of a month is in the next one.
pub(super) fn parse(text: &str) -> Option<Data> {
    let text = text.replace("\\:", ":");
    let mut fields = Fields { rest: &text };
    let (kind, name, millis) = match text.encode_utf16().count() {
        10 => (Type::Int32, logical::DATE, fields.date()?),
        13 => (Type::Int32, logical::TIME, fields.time()?),
        24 => {
            let date = fields.date()?;
            fields.literal('T')?;
            (Type::Int64, logical::TIMESTAMP, date.checked_add(fields.time()?)?)
        }
        _ => return None,
    };
    let mut schema = Schema::new(kind).named(name);
    schema.version = Some(1);
    Some(Data::new(Arc::new(schema), Value::Date(millis)))
}

struct Fields<'a> {
    rest: &'a str,
}

impl Fields<'_> {
    /// `yyyy-MM-dd` in milliseconds.
    fn date(&mut self) -> Option<i64> {
        let year = self.number()?;
        self.literal('-')?;
        let month = self.number()?;
        self.literal('-')?;
        let day = self.number()?;
        calendar::days(year, month, day).checked_mul(MILLIS_PER_DAY)
    }

    /// `HH:mm:ss.SSS'Z'` in milliseconds.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number()?;
        self.literal(':')?;
        let minute = self.number()?;
        self.literal(':')?;
        let second = self.number()?;
        self.literal('.')?;
        let milli = self.number()?;
        self.literal('Z')?;
        Some(((hour * 60 + minute) * 60 + second) * 1000 + milli)
    }

    /// A number of at most ten digits; blanks may stand before it.
    fn number(&mut self) -> Option<i64> {
        let text = self.rest.trim_start_matches([' ', '\t']);
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 10 {
            return None;
        }
        let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
        self.rest = rest;
        number.parse().ok()
    }

    fn literal(&mut self, literal: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }
}
