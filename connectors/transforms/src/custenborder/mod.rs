//! Transforms of `jcustenborder/kafka-connect-transform-common` that configurations name.

mod timestamp_now;

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::schema::logical;
use longshore_api::{
    ConnectError, ConnectRecord, Parts, Result, Schema, Transform, TransformPlugin, Type, Value, Verdict,
};

use crate::part::Side;
use crate::plugin::{Configure, required, sided, transform};

const VERSION: &str = "0.1.0.58";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![transform::<ChangeTopicCase>(
        "com.github.jcustenborder.kafka.connect.transform.common.ChangeTopicCase",
        VERSION,
    )];
    plugins.extend(sided!(
        "com.github.jcustenborder.kafka.connect.transform.common.TimestampNowField",
        timestamp_now::TimestampNowField,
        VERSION
    ));
    plugins.extend(sided!(
        "com.github.jcustenborder.kafka.connect.transform.common.ExtractTimestamp",
        ExtractTimestamp,
        VERSION
    ));
    plugins
}

/// Writes topics as another convention has them.
#[derive(Debug)]
struct ChangeTopicCase {
    from: Case,
    to: Case,
}

/// How the words of a name are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    LowerCamel,
    LowerHyphen,
    LowerUnderscore,
    UpperCamel,
    UpperUnderscore,
}

const CASES: &[&str] = &["LOWER_HYPHEN", "LOWER_UNDERSCORE", "LOWER_CAMEL", "UPPER_CAMEL", "UPPER_UNDERSCORE"];

impl Case {
    fn read(name: &str) -> Self {
        match name {
            "LOWER_HYPHEN" => Case::LowerHyphen,
            "LOWER_UNDERSCORE" => Case::LowerUnderscore,
            "LOWER_CAMEL" => Case::LowerCamel,
            "UPPER_CAMEL" => Case::UpperCamel,
            _ => Case::UpperUnderscore,
        }
    }

    fn words(self, text: &str) -> Vec<String> {
        match self {
            Case::LowerHyphen => text.split('-').map(str::to_owned).collect(),
            Case::LowerUnderscore | Case::UpperUnderscore => text.split('_').map(str::to_owned).collect(),
            Case::LowerCamel | Case::UpperCamel => {
                let mut words: Vec<String> = vec![String::new()];
                for (index, character) in text.chars().enumerate() {
                    match words.last_mut() {
                        Some(word) if index == 0 || !character.is_ascii_uppercase() => word.push(character),
                        _ => words.push(character.to_string()),
                    }
                }
                words
            }
        }
    }

    fn join(self, words: &[String]) -> String {
        let capital = |word: &String| {
            let mut characters = word.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters.map(|one| one.to_ascii_lowercase())).collect::<String>()
        };
        let lower = |word: &String| word.to_ascii_lowercase();
        let upper = |word: &String| word.to_ascii_uppercase();
        match self {
            Case::LowerHyphen => words.iter().map(lower).collect::<Vec<_>>().join("-"),
            Case::LowerUnderscore => words.iter().map(lower).collect::<Vec<_>>().join("_"),
            Case::UpperUnderscore => words.iter().map(upper).collect::<Vec<_>>().join("_"),
            Case::UpperCamel => words.iter().map(capital).collect(),
            Case::LowerCamel => {
                let (first, rest) = words.split_at(1.min(words.len()));
                first.iter().map(lower).chain(rest.iter().map(capital)).collect()
            }
        }
    }
}

impl Configure for ChangeTopicCase {
    fn keys() -> Vec<ConfigKey> {
        let case = |name| required(name, ConfigType::String, Importance::High).validator(Validator::OneOf(CASES));
        vec![
            case("from").doc("How topics are written: LOWER_CAMEL, LOWER_HYPHEN, LOWER_UNDERSCORE and so on."),
            case("to").doc("How they are to be written."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { from: Case::read(config.string("from")), to: Case::read(config.string("to")) })
    }
}

impl Transform for ChangeTopicCase {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if self.from != self.to {
            record.topic = self.to.join(&self.from.words(&record.topic)).into();
        }
        Ok(Verdict::Keep)
    }
}

/// Makes a field the record's timestamp.
#[derive(Debug)]
struct ExtractTimestamp {
    side: Side,
    field: String,
}

impl Configure for ExtractTimestamp {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.name", ConfigType::String, Importance::High)
                .doc("The field to pull the timestamp from. This must be an int64 or a timestamp."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, field: config.string("field.name").to_owned() })
    }
}

impl Transform for ExtractTimestamp {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        let name = &self.field;
        let found = match value {
            Value::Map(map) => map.get(name),
            Value::Struct(structure) => {
                let index = structure.schema.field_index(name);
                let missing = || ConnectError::data(format!("Schema does not have field '{name}'"));
                let index = index.ok_or_else(missing)?;
                check(name, &structure.schema.fields[index].schema)?;
                structure.values.get(index)
            }
            other => {
                let class = other.java_class();
                let message = format!("A timestamp can be extracted from a Map or a Struct only, found: {class}");
                return Err(ConnectError::data(message).with_class("java.lang.UnsupportedOperationException"));
            }
        };
        record.timestamp = Some(match found {
            Some(Value::Date(millis) | Value::Int64(millis)) => *millis,
            None | Some(Value::Null) => {
                return Err(ConnectError::data(format!("Field '{name}' cannot be null.")));
            }
            Some(other) => {
                return Err(ConnectError::data(format!("Cannot convert {} to timestamp.", other.java_class())));
            }
        });
        Ok(Verdict::Keep)
    }
}

fn check(name: &str, schema: &Arc<Schema>) -> Result<()> {
    match (schema.kind, schema.logical_name()) {
        (Type::Int64, None | Some(logical::TIMESTAMP)) => Ok(()),
        _ => {
            let text = crate::schemas::text(schema);
            Err(ConnectError::data(format!("Schema '{text}' of field '{name}' is not supported.")))
        }
    }
}
