//! PatternFilter and PatternRename: records and fields by regular expressions.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};
use longshore_formats::java_regex::{JavaRegex, Replacement};

use super::unsupported;
use crate::part::{Side, take, text_key};
use crate::plugin::{Configure, REGEX, regex, required};
use crate::schemas::{SchemaCache, add_field, basics, or_default};

/// Drops records of which a field has a text that matches.
#[derive(Debug)]
pub(super) struct PatternFilter {
    side: Side,
    pattern: JavaRegex,
    fields: Vec<String>,
}

impl Configure for PatternFilter {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("pattern", ConfigType::String, Importance::High)
                .validator(REGEX)
                .doc("The regular expression that a whole text has to match for its record to be dropped."),
            required("fields", ConfigType::List, Importance::High)
                .default("")
                .doc("The fields that are looked at; those that are no texts do not match."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, pattern: regex(config, "pattern")?, fields: config.list("fields").to_vec() })
    }
}

impl Transform for PatternFilter {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        for name in &self.fields {
            let found = match value {
                Value::Struct(structure) => structure.get(name),
                Value::Map(map) => map.get(name),
                _ => None,
            };
            let Some(text) = found.and_then(Value::as_str) else { continue };
            if self.pattern.matches(text).map_err(|error| ConnectError::data(error.0))? {
                return Ok(Verdict::Drop);
            }
        }
        Ok(Verdict::Keep)
    }
}

/// Renames the fields whose names a pattern is found in.
#[derive(Debug)]
pub(super) struct PatternRename {
    side: Side,
    pattern: JavaRegex,
    replacement: Replacement,
    schemas: SchemaCache<Arc<Schema>>,
}

const PATTERN: &str = "field.pattern";
const FLAGS: &str = "field.pattern.flags";

/// Java's flags, and how they are written within a pattern.
const FLAG_LETTERS: [(&str, &str); 7] = [
    ("UNICODE_CHARACTER_CLASS", "U"),
    ("UNICODE_CASE", "u"),
    ("DOTALL", "s"),
    ("MULTILINE", "m"),
    ("COMMENTS", "x"),
    ("CASE_INSENSITIVE", "i"),
    ("UNIX_LINES", "d"),
];
const LITERAL: &str = "LITERAL";

/// A pattern with its flags.
fn flagged(pattern: &str, flags: &[String]) -> Result<String, String> {
    let mut letters = String::new();
    for flag in flags.iter().filter(|flag| *flag != LITERAL) {
        match FLAG_LETTERS.iter().find(|(name, _)| name == flag) {
            Some((_, letter)) => letters.push_str(letter),
            None => return Err(format!("{flag} is not supported")),
        }
    }
    let pattern = match flags.iter().any(|flag| flag == LITERAL) {
        true => format!("\\Q{}\\E", pattern.replace("\\E", "\\E\\\\E\\Q")),
        false => pattern.to_owned(),
    };
    Ok(if letters.is_empty() { pattern } else { format!("(?{letters}){pattern}") })
}

const FLAG_NAMES: Validator = Validator::Check(|name, value| match value {
    ParsedValue::List(flags) => {
        flagged("", flags).map(|_| ()).map_err(|why| invalid_value(name, Some(&flags.join(",")), &why))
    }
    _ => Ok(()),
});

impl Configure for PatternRename {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required(PATTERN, ConfigType::String, Importance::High)
                .doc("The regular expression; every place of a field's name where it is found is replaced."),
            required(FLAGS, ConfigType::List, Importance::Low)
                .default("CASE_INSENSITIVE")
                .validator(FLAG_NAMES)
                .doc("Java's flags of the expression: CASE_INSENSITIVE, DOTALL, LITERAL and so on, but for CANON_EQ."),
            required("field.replacement", ConfigType::String, Importance::High)
                .doc("What takes its place; $1 is the first group."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let text = config.string(PATTERN);
        let pattern = flagged(text, config.list(FLAGS)).and_then(|text| JavaRegex::new(&text).map_err(|error| error.0));
        let pattern = pattern.map_err(|why| ConnectError::config(invalid_value(PATTERN, Some(text), &why)))?;
        let replacement = Replacement::new(config.string("field.replacement"), &pattern);
        let replacement = replacement.map_err(|why| ConnectError::config(format!("field.replacement: {why}")))?;
        Ok(Self { side, pattern, replacement, schemas: SchemaCache::default() })
    }
}

impl Transform for PatternRename {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Self { side, pattern, replacement, schemas } = self;
        let data = side.of(record);
        let renamed = |name: &str| pattern.replace_all(name, replacement).map_err(|error| ConnectError::data(error.0));
        match take(&mut data.value) {
            Value::Null => {}
            Value::Map(map) => {
                let mut new = Map::new();
                for (key, value) in map {
                    new.insert(Value::string(renamed(text_key(&key)?)?), value);
                }
                (data.schema, data.value) = (None, Value::Map(new));
            }
            Value::Struct(old) => {
                let schema = schemas.get_or_make(&old.schema, || {
                    let mut schema =
                        Schema { optional: old.schema.optional, version: None, ..basics(&old.schema, Type::Struct) };
                    for field in &old.schema.fields {
                        add_field(&mut schema, &renamed(&field.name)?.into(), Arc::clone(&field.schema))?;
                    }
                    Ok(Arc::new(schema))
                })?;
                let values = old.values.into_iter().zip(&old.schema.fields);
                let values = values.map(|(value, field)| or_default(value, &field.schema, true)).collect();
                data.schema = Some(Arc::clone(schema));
                data.value = Value::Struct(Struct { schema: Arc::clone(schema), values });
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}
