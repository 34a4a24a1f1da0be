//! ExtractTopic: the topic out of the record.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};

use crate::json_path::JsonPath;
use crate::part::Side;
use crate::plugin::{Configure, required};

/// Takes the topic from the key or the value.
#[derive(Debug)]
pub(super) struct ExtractTopic {
    side: Side,
    field: Field,
    skips_missing: bool,
}

#[derive(Debug)]
enum Field {
    /// The key or value is the topic.
    Whole,
    Name(String),
    Path(String, JsonPath),
}

fn skip_key() -> ConfigKey {
    required("skip.missing.or.null", ConfigType::Boolean, Importance::Low)
        .default("false")
        .doc("Whether records without a topic to extract keep theirs; otherwise they are errors.")
}

impl Configure for ExtractTopic {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::Medium)
                .default("")
                .doc("The field that holds the topic; empty if the whole key or value is the topic."),
            required("field.format", ConfigType::String, Importance::Medium)
                .default("PLAIN")
                .validator(Validator::OneOfIgnoreCase(&["PLAIN", "JSON_PATH"]))
                .doc("Whether the field is a name or a JSONPath."),
            skip_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let text = config.string("field");
        let is_path = config.string("field.format").eq_ignore_ascii_case("JSON_PATH");
        let field = match text {
            "" => Field::Whole,
            _ if is_path => {
                let wrong = |error: String| ConnectError::config(invalid_value("field", Some(text), &error));
                Field::Path(text.to_owned(), JsonPath::new(text).map_err(wrong)?)
            }
            _ => Field::Name(text.to_owned()),
        };
        Ok(Self { side, field, skips_missing: config.boolean("skip.missing.or.null") })
    }
}

impl Transform for ExtractTopic {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        let (place, topic) = match &self.field {
            Field::Whole => ("the whole".to_owned(), Some(value)),
            Field::Name(name) => {
                let topic = match value {
                    Value::Map(map) => map.get(name),
                    Value::Struct(structure) => structure.get(name),
                    Value::Null => None,
                    other => return Err(no_fields(other)),
                };
                (format!("field '{name}'"), topic)
            }
            Field::Path(text, path) => {
                (format!("path '{text}'"), path.find(value).ok().and_then(|found| found.first().copied()))
            }
        };
        if let Some(topic) = topic_of(topic, &place, self.skips_missing)? {
            record.topic = topic;
        }
        Ok(Verdict::Keep)
    }
}

fn no_fields(value: &Value) -> ConnectError {
    let class = value.java_class();
    ConnectError::data(format!("Only Map and Struct objects supported for [topic extraction], found: {class}"))
}

/// The topic; `None` where the record keeps its own.
fn topic_of(value: Option<&Value>, place: &str, skips_missing: bool) -> Result<Option<Arc<str>>> {
    match value {
        Some(Value::String(topic)) if !topic.is_empty() => Ok(Some(Arc::clone(topic))),
        Some(Value::String(_)) => Err(ConnectError::data(format!("{place} holds an empty text, which is no topic"))),
        None | Some(Value::Null) if skips_missing => Ok(None),
        None | Some(Value::Null) => {
            Err(ConnectError::data(format!("{place} is missing or null, so there is no topic to extract")))
        }
        Some(other) => {
            let class = other.java_class();
            Err(ConnectError::data(format!("{place} must be a string to be a topic, found: {class}")))
        }
    }
}

/// Takes the topic from a header.
#[derive(Debug)]
pub(super) struct FromHeader {
    name: String,
    skips_missing: bool,
}

const NAME: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) if text.is_empty() => Err(invalid_value(name, Some(text), "String must be non-empty")),
    _ => Ok(()),
});

impl Configure for FromHeader {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::Medium)
                .validator(NAME)
                .doc("The name of the header that holds the topic."),
            skip_key(),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { name: config.string("field").to_owned(), skips_missing: config.boolean("skip.missing.or.null") })
    }
}

impl Transform for FromHeader {
    fn parts(&self) -> Parts {
        Parts::HEADERS
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        // Of headers of one name the last one counts.
        let header = record.headers.iter().rev().find(|header| *header.name == *self.name);
        let place = format!("header '{}'", self.name);
        if let Some(topic) = topic_of(header.map(|header| &header.value.value), &place, self.skips_missing)? {
            record.topic = topic;
        }
        Ok(Verdict::Keep)
    }
}
