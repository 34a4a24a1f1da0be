//! The time field of a time series made a date: `timeseries.timefield.auto.convert`.

use bson::Decimal128;
use longshore_formats::java_time::{DateTimeFormatter, Zone};

use crate::convert::builder::{BuildError, Builder};
use crate::convert::elements::{Element, RawValue, elements};
use crate::convert::kind;

/// How texts in the time field are read; the default of `timeseries.timefield.auto.convert.date.format`.
pub(crate) const DEFAULT_FORMAT: &str = "yyyy-MM-dd[['T'][ ]][HH:mm:ss[[.][SSSSSS][SSS]][ ]VV[ ]'['VV']']\
     [HH:mm:ss[[.][SSSSSS][SSS]][ ]X][HH:mm:ss[[.][SSSSSS][SSS]]]";

/// The time field. Numbers are milliseconds since the epoch, a fraction of one is dropped; texts are dates of the
/// format. What cannot be read stays as it is, and the server refuses it.
#[derive(Debug, Clone)]
pub(crate) struct TimeField {
    /// The field's name.
    pub(crate) name: String,
    /// How texts are read.
    pub(crate) format: DateTimeFormatter,
}

impl TimeField {
    /// Writes a document with its time field a date.
    ///
    /// # Errors
    /// As the builder's.
    pub(crate) fn apply(&self, document: &[u8], out: &mut Builder) -> Result<(), BuildError> {
        out.begin();
        for element in elements(document) {
            match self.date(&element) {
                Some(millis) => {
                    out.key(element.key)?;
                    out.date(millis);
                }
                None => crate::projection::copy(&element, out)?,
            }
        }
        out.end()
    }

    fn date(&self, element: &Element<'_>) -> Option<i64> {
        if element.key != self.name.as_bytes() {
            return None;
        }
        let millis = self.millis(element.value);
        if millis.is_none() && element.value.as_str().is_some() {
            tracing::info!("field {} is no date of the format and stays as it is", self.name);
        }
        millis
    }

    fn millis(&self, value: RawValue<'_>) -> Option<i64> {
        match (value.kind, value.bytes) {
            (kind::INT32, bytes) => bytes.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes))),
            (kind::INT64, bytes) => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
            // Java's conversion: towards zero, to the nearest that there is.
            (kind::DOUBLE, bytes) => bytes.first_chunk().map(|bytes| f64::from_le_bytes(*bytes) as i64),
            (kind::DECIMAL128, bytes) => {
                let text = Decimal128::from_bytes(*bytes.first_chunk()?).to_string();
                text.parse::<f64>().ok().map(|value| value as i64)
            }
            _ => value.as_str().and_then(|text| self.format.parse(text, &Zone::utc())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_are_milliseconds() {
        let field = TimeField { name: "at".to_owned(), format: DateTimeFormatter::new(DEFAULT_FORMAT, "").unwrap() };
        for (text, expected) in [
            (r#"{"at": 5}"#, Some(5)),
            (r#"{"at": {"$numberLong": "1609459200000"}}"#, Some(1_609_459_200_000)),
            (r#"{"at": -5.9}"#, Some(-5)),
            (r#"{"at": {"$numberDecimal": "7.5"}}"#, Some(7)),
            (r#"{"at": true}"#, None),
            (r#"{"other": 5}"#, None),
        ] {
            let (mut document, mut out) = (Builder::default(), Builder::default());
            crate::convert::extended_json::document(text, &mut document).unwrap();
            field.apply(document.document(), &mut out).unwrap();
            let found = bson::Document::from_reader(out.document()).unwrap();
            let date = found.get_datetime("at").ok().map(|date| date.timestamp_millis());
            assert_eq!(date, expected, "{text}");
        }
    }

    #[test]
    fn texts_are_read_as_the_java_connector_reads_them() {
        let cases = include_str!("../../tests/golden/dates.jsonl");
        let mut wrong = Vec::new();
        for line in cases.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| case[key].as_str().unwrap();
            let pattern = if text("pattern").is_empty() { DEFAULT_FORMAT } else { text("pattern") };
            let format = DateTimeFormatter::new(pattern, "en").unwrap();
            if format.parse(text("text"), &Zone::utc()) != case["millis"].as_i64() {
                wrong.push(format!("{line}: {:?}", format.parse(text("text"), &Zone::utc())));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
