//! FilterByFieldValue: keeps or drops records by what a field holds.

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};
use longshore_formats::java_regex::JavaRegex;
use longshore_formats::{header_text, parse_string};

use super::field::FieldName;
use crate::part::Side;
use crate::plugin::{Configure, REGEX_OR_NONE, regex, required};

const VALUE: &str = "field.value";
const PATTERN: &str = "field.value.pattern";

/// Looks at a field, or at the whole key or value.
#[derive(Debug)]
pub(super) struct FilterByFieldValue {
    side: Side,
    field: Option<FieldName>,
    expected: Expected,
    /// Whether what is expected stays; otherwise it goes.
    keeps: bool,
}

#[derive(Debug)]
enum Expected {
    /// A value of the very type that its text tells: `5` is an INT8.
    Value(Value),
    /// What is found in the text of the value.
    Pattern(Box<JavaRegex>),
}

impl Configure for FilterByFieldValue {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{Boolean, String};
        use Importance::{High, Medium};
        vec![
            required("field.name", String, High)
                .default_null()
                .doc("The field to look at; empty if it is the whole key or value."),
            required(VALUE, String, High).default_null().doc(
                "The value to expect, whose type its text tells as that of a header does. Either this or a pattern.",
            ),
            required(PATTERN, String, High)
                .default_null()
                .validator(REGEX_OR_NONE)
                .doc("A regular expression to find in the text of the value. Either this or a value."),
            required("field.value.matches", Boolean, Medium)
                .default("true")
                .doc("Whether records that match are kept (true) or dropped."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let has_pattern = config.text(PATTERN).is_some_and(|pattern| !pattern.is_empty());
        let expected = match (config.text(VALUE), has_pattern) {
            (Some(text), false) => match parse_string(text).value {
                Value::Null => return Err(ConnectError::config("field.value must not be null: no value equals it")),
                value => Expected::Value(value),
            },
            (None, true) => Expected::Pattern(Box::new(regex(config, PATTERN)?)),
            _ => {
                let why = "Either field.value or field.value.pattern have to be set to apply filter transform";
                return Err(ConnectError::config(why));
            }
        };
        Ok(Self {
            side,
            field: config.text("field.name").filter(|name| !name.is_empty()).map(FieldName::new),
            expected,
            keeps: config.boolean("field.value.matches"),
        })
    }
}

impl Transform for FilterByFieldValue {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        if value.is_null() {
            return Ok(Verdict::Keep);
        }
        let found = match &self.field {
            None => Some(value),
            Some(_) if !matches!(value, Value::Struct(_) | Value::Map(_)) => {
                let (place, class) = (self.side.name(), value.java_class());
                let message = format!("{place} must be a struct or map if field name is specified, found: {class}");
                return Err(ConnectError::data(message));
            }
            Some(field) => field.find(value),
        };
        let is_expected = match (&self.expected, found) {
            (_, None | Some(Value::Null)) => false,
            (Expected::Value(expected), Some(found)) => expected == found,
            (Expected::Pattern(pattern), Some(found)) => {
                pattern.is_found(&header_text(found)).map_err(|error| ConnectError::data(error.0))?
            }
        };
        Ok(if is_expected == self.keeps { Verdict::Keep } else { Verdict::Drop })
    }
}
