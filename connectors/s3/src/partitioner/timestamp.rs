//! The time of a record, as time based paths take it.

use longshore_api::{ConnectError, Data, Payload, Record, Result, Value};
use longshore_formats::json::Node;

use super::{find, json_node, walk};

/// Where the time comes from.
#[derive(Debug, Clone)]
pub(crate) enum Extractor {
    /// The clock of this machine.
    Wallclock,
    /// The timestamp of the record in Kafka.
    Record,
    /// A field of the value.
    Field { name: String, steps: Vec<String> },
}

impl Extractor {
    /// The extractor of a name or of a class name.
    pub(crate) fn new(class: &str, field: &str) -> Option<Self> {
        let outer = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$";
        let name = class.strip_prefix(outer).and_then(|name| name.strip_suffix("TimestampExtractor")).unwrap_or(class);
        match name.to_ascii_lowercase().as_str() {
            "wallclock" => Some(Self::Wallclock),
            "record" => Some(Self::Record),
            "recordfield" => {
                Some(Self::Field { name: field.to_owned(), steps: field.split('.').map(str::to_owned).collect() })
            }
            _ => None,
        }
    }

    /// The time of a record in milliseconds since the epoch.
    ///
    /// # Errors
    /// Kind BadRecord: the record has none.
    pub(crate) fn extract(&self, record: Record<'_>, now: i64) -> Result<i64> {
        match self {
            Extractor::Wallclock => Ok(now),
            Extractor::Record => record.timestamp().ok_or_else(|| {
                ConnectError::data(
                    "Unable to determine timestamp using timestamp.extractor Record: the record has none",
                )
                .with_class("io.confluent.connect.storage.errors.PartitionException")
            }),
            Extractor::Field { name, steps } => field_time(record.value(), name, steps),
        }
    }
}

fn field_time(payload: Payload<'_>, name: &str, steps: &[String]) -> Result<i64> {
    let wrong = |why: &str| {
        ConnectError::data(format!("Error extracting timestamp from record field: {name}"))
            .with_class("io.confluent.connect.storage.errors.PartitionException")
            .caused_by(ConnectError::data(why))
    };
    let absent = || ConnectError::data(format!("The field named '{name}' does not exist."));
    let of_text = |text: &str| parse(text).ok_or_else(|| wrong("it is neither milliseconds nor an ISO 8601 time"));
    let of_value = |value: &Value| match value {
        Value::Int32(millis) => Ok(i64::from(*millis)),
        Value::Int64(millis) | Value::Date(millis) => Ok(*millis),
        Value::String(text) => of_text(text),
        Value::Null => Err(wrong("it is null")),
        other => Err(wrong(&format!("it is a {}", other.java_class()))),
    };
    match payload {
        Payload::Data(Data { schema: Some(_), value }) => of_value(walk(value, steps, name)?),
        Payload::Data(Data { schema: None, value }) => of_value(find(value, steps).ok_or_else(absent)?),
        Payload::Json(text) => match json_node(text, steps).ok_or_else(absent)? {
            Node::Number(number) => number.as_i64().ok_or_else(|| wrong("it is no 64 bit integer")),
            Node::String(text) => of_text(&text),
            _ => Err(wrong("it is neither a number nor text")),
        },
        Payload::Text(_) | Payload::Bytes(_) | Payload::Null => Err(wrong("the value is no Struct and no object")),
    }
}

/// Reads digits as milliseconds since the epoch, and anything else as Joda's `ISODateTimeFormat.dateTimeParser` does,
/// in UTC where the text has no offset.
fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    if text.is_empty() {
        return None;
    }
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], offset(&time[at..])?),
        None => (time, 0),
    };
    let days = if date.is_empty() { 0 } else { days(date)? };
    Some(days * 86_400_000 + time_of_day(time)? - offset)
}

/// `2026-08-07`, `2026-08`, `2026-W32-5`, `2026-219`, as days since the epoch.
fn days(date: &str) -> Option<i64> {
    // A year may have a sign.
    let dash = date.char_indices().skip(1).find(|(_, character)| *character == '-');
    let (year, rest) = dash.map_or((date, ""), |(at, _)| (&date[..at], &date[at + 1..]));
    let year: i16 = year.parse().ok()?;
    let number = |text: &str| text.parse::<i8>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let day = if let Some(week) = rest.strip_prefix('W') {
        let (week, day) = week.split_once('-').unwrap_or((week, "1"));
        let weekday = jiff::civil::Weekday::from_monday_one_offset(number(day)?).ok()?;
        jiff::civil::ISOWeekDate::new(year, number(week)?, weekday).ok()?.date()
    } else if rest.len() == 3 && !rest.contains('-') {
        let first = jiff::civil::date(year, 1, 1);
        first.with().day_of_year(rest.parse().ok()?).build().ok()?
    } else {
        let (month, day) = rest.split_once('-').unwrap_or((rest, "1"));
        let month = if month.is_empty() { 1 } else { number(month)? };
        jiff::civil::Date::new(year, month, number(day)?).ok()?
    };
    let epoch = jiff::civil::date(1970, 1, 1);
    Some(i64::from((day - epoch).get_days()))
}

/// `15`, `15:04`, `15:04:05`, each with a fraction, as milliseconds.
fn time_of_day(time: &str) -> Option<i64> {
    if time.is_empty() {
        return Some(0);
    }
    let (whole, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let mut millis = 0;
    let mut unit = 3_600_000;
    for (index, part) in whole.split(':').enumerate() {
        let value: i64 = part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        let most = if index == 0 { 24 } else { 60 };
        if value >= most || index > 2 {
            return None;
        }
        unit = [3_600_000, 60_000, 1_000][index];
        millis += value * unit;
    }
    if !fraction.is_empty() {
        let digits = fraction.get(..fraction.len().min(9)).filter(|_| fraction.bytes().all(|b| b.is_ascii_digit()))?;
        millis += digits.parse::<i64>().ok()? * unit / 10_i64.pow(digits.len() as u32);
    }
    Some(millis)
}

/// `Z`, `+02`, `+0200`, `+02:00`, as milliseconds.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let digits: String = text[1..].chars().filter(|character| *character != ':').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |part| part.parse::<i64>().ok());
    if !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let millis = (number(0..2)? * 60 + number(2..4)?) * 60_000;
    Some(if text.starts_with('-') { -millis } else { millis })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_read_as_joda_reads_them() {
        for (text, millis) in [
            ("1700000000123", 1_700_000_000_123),
            ("-5", -5),
            ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
            ("2023-11-14T22:13:20,123456Z", 1_700_000_000_123),
            ("2023-11-14T23:13:20.123+01:00", 1_700_000_000_123),
            ("2023-11-14T17:13:20.123-0500", 1_700_000_000_123),
            ("2023-11-14T22:13:20", 1_700_000_000_000),
            ("2023-11-14T22:13", 1_699_999_980_000),
            ("2023-11-14T22.5", 1_700_001_000_000),
            ("2023-11-14", 1_699_920_000_000),
            ("2023-11", 1_698_796_800_000),
            ("2023-W46-2", 1_699_920_000_000),
            ("2023-318", 1_699_920_000_000),
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
        for text in ["", "x", "2023-13-01", "2023-11-14T25:00", "2023-11-14 22:13:20", "2023-11-14T22:13:20+1", "--1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-0-9TWZ:.,+é]{0,24}") {
            parse(&text);
        }
    }
}
