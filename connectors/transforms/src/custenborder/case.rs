//! ChangeTopicCase and ChangeCase: names as another convention writes them.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectRecord, Field, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};

use super::unsupported;
use crate::part::{Side, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, or_default};

/// Writes topics as another convention has them.
#[derive(Debug)]
pub(super) struct ChangeTopicCase {
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

fn cases(what: &str) -> Vec<ConfigKey> {
    let case = |name| required(name, ConfigType::String, Importance::High).validator(Validator::OneOf(CASES));
    vec![
        case("from").doc(format!("How {what} are written: LOWER_CAMEL, LOWER_HYPHEN, LOWER_UNDERSCORE and so on.")),
        case("to").doc("How they are to be written."),
    ]
}

impl Configure for ChangeTopicCase {
    fn keys() -> Vec<ConfigKey> {
        cases("topics")
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

/// Writes the names of fields as another convention has them, in inner structs and arrays of them too.
#[derive(Debug)]
pub(super) struct ChangeCase {
    side: Side,
    from: Case,
    to: Case,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for ChangeCase {
    fn keys() -> Vec<ConfigKey> {
        cases("fields")
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let (from, to) = (Case::read(config.string("from")), Case::read(config.string("to")));
        Ok(Self { side, from, to, schemas: SchemaCache::default() })
    }
}

impl Transform for ChangeCase {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Self { side, from, to, schemas } = self;
        let renamed = |name: &str| if from == to { name.to_owned() } else { to.join(&from.words(name)) };
        let data = side.of(record);
        match take(&mut data.value) {
            Value::Null => {}
            Value::Struct(old) => {
                let schema = schemas.get_or_make(&old.schema, || converted(&old.schema, &renamed))?;
                data.value = fitted(Value::Struct(old), schema);
                data.schema = Some(Arc::clone(schema));
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}

fn converted(old: &Arc<Schema>, renamed: &dyn Fn(&str) -> String) -> Result<Arc<Schema>> {
    let bare = |kind| Schema { optional: old.optional, ..Schema::new(kind) };
    Ok(match (old.kind, &old.value_schema) {
        (Type::Array, Some(element)) => {
            Arc::new(Schema { value_schema: Some(converted(element, renamed)?), ..bare(Type::Array) })
        }
        (Type::Struct, _) => {
            let mut schema = Schema { name: old.name.clone(), ..bare(Type::Struct) };
            for Field { name, schema: of_field } in &old.fields {
                add_field(&mut schema, &renamed(name).into(), converted(of_field, renamed)?)?;
            }
            Arc::new(schema)
        }
        _ => Arc::clone(old),
    })
}

/// The same value of the new schema.
fn fitted(value: Value, schema: &Arc<Schema>) -> Value {
    match (value, &schema.value_schema) {
        (Value::Struct(old), _) => {
            let values = old.values.into_iter().zip(&old.schema.fields).zip(&schema.fields);
            let value = |((value, was), is): ((Value, &Field), &Field)| {
                fitted(or_default(value, &was.schema, true), &is.schema)
            };
            Value::Struct(Struct { schema: Arc::clone(schema), values: values.map(value).collect() })
        }
        (Value::Array(elements), Some(element)) => {
            Value::Array(elements.into_iter().map(|value| fitted(value, element)).collect())
        }
        (value, _) => value,
    }
}
