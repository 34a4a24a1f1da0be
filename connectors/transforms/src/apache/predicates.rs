//! What looks at a record without changing it: the predicates, and Filter, which drops what a predicate let through.

use std::cell::RefCell;
use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Parts, Predicate, Result, Transform, Verdict};
use longshore_formats::java_regex::JavaRegex;

use crate::part::Side;
use crate::plugin::{Configure, regex, required};

/// Drops every record that comes.
#[derive(Debug)]
pub(super) struct Filter;

impl Configure for Filter {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self)
    }
}

impl Transform for Filter {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, _record: &mut ConnectRecord) -> Result<Verdict> {
        Ok(Verdict::Drop)
    }
}

/// True for records whose value is null.
#[derive(Debug)]
pub(super) struct RecordIsTombstone;

impl Configure for RecordIsTombstone {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self)
    }
}

impl Predicate for RecordIsTombstone {
    fn parts(&self) -> Parts {
        Parts::PRESENCE
    }

    fn test(&self, record: &ConnectRecord) -> Result<bool> {
        Ok(record.value.value.is_null())
    }
}

/// True for records with a header of a name.
#[derive(Debug)]
pub(super) struct HasHeaderKey {
    name: String,
}

impl Configure for HasHeaderKey {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("name", ConfigType::String, Importance::Medium)
                .validator(Validator::NonEmptyString)
                .doc("The header name."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { name: config.string("name").to_owned() })
    }
}

impl Predicate for HasHeaderKey {
    fn parts(&self) -> Parts {
        Parts::HEADERS
    }

    fn test(&self, record: &ConnectRecord) -> Result<bool> {
        Ok(record.headers.iter().any(|header| *header.name == *self.name))
    }
}

/// True for records whose topic a pattern matches as a whole.
#[derive(Debug)]
pub(super) struct TopicNameMatches {
    pattern: JavaRegex,
    /// The answer for the topic that came last.
    last: RefCell<Option<(Arc<str>, bool)>>,
}

/// Not empty, and a regular expression.
const PATTERN: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) if text.is_empty() => Err(invalid_value(name, Some(text), "String must be non-empty")),
    ParsedValue::Text(text) => match JavaRegex::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_value(name, Some(text), &format!("Invalid regex: {error}"))),
    },
    _ => Ok(()),
});

impl Configure for TopicNameMatches {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("pattern", ConfigType::String, Importance::Medium)
                .validator(PATTERN)
                .doc("A Java regular expression for matching against the name of a record's topic."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { pattern: regex(config, "pattern")?, last: RefCell::new(None) })
    }
}

impl Predicate for TopicNameMatches {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn test(&self, record: &ConnectRecord) -> Result<bool> {
        let mut last = self.last.borrow_mut();
        if let Some((topic, answer)) = &*last
            && *topic == record.topic
        {
            return Ok(*answer);
        }
        let answer = self.pattern.matches(&record.topic).map_err(|error| ConnectError::data(error.0))?;
        *last = Some((Arc::clone(&record.topic), answer));
        Ok(answer)
    }
}
