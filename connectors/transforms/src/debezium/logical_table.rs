//! ByLogicalTableRouter: the events of many tables, shards for instance, to one topic.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Width, invalid_value};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::java_regex::{JavaRegex, Replacement};

use super::envelope::is_envelope;
use super::key;
use crate::part::{Side, structure, take};
use crate::plugin::{Configure, REGEX, REGEX_OR_NONE, regex};
use crate::schemas::{SchemaCache, add_field};

const PURPOSE: &str = "Updating schema";

/// Routes by a regular expression, and tells the tables apart in the key.
#[derive(Debug)]
pub(super) struct ByLogicalTableRouter {
    topic: Rewrite,
    key_field: Option<(Arc<str>, Option<Rewrite>)>,
    /// Schemas of keys and of events; each belongs to one topic.
    keys: SchemaCache<(Arc<str>, Arc<Schema>)>,
    events: SchemaCache<(Arc<str>, Event)>,
}

/// A name of which a pattern makes another.
#[derive(Debug)]
struct Rewrite {
    regex: JavaRegex,
    replacement: Result<Replacement>,
}

/// An event's new schema, and the places and schemas of its rows.
#[derive(Debug)]
struct Event {
    schema: Arc<Schema>,
    rows: Vec<(usize, Arc<Schema>)>,
}

impl Rewrite {
    fn read(config: &ParsedConfig, pattern: &str, replacement: &str) -> Result<Self> {
        let regex = regex(config, pattern)?;
        let replacement = Replacement::new(config.string(replacement), &regex);
        Ok(Self { regex, replacement })
    }

    fn apply(&self, text: &str) -> Result<Option<String>> {
        let failed = |error: longshore_formats::java_regex::RegexError| ConnectError::data(error.0);
        if !self.regex.matches(text).map_err(failed)? {
            return Ok(None);
        }
        let replacement = self.replacement.as_ref().map_err(Clone::clone)?;
        self.regex.replace_first(text, replacement).map_err(failed)
    }
}

impl Configure for ByLogicalTableRouter {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{Boolean, String};
        use Importance::Low;
        vec![
            key("topic.regex", String, Low, Width::Long, "Topic regex")
                .validator(REGEX)
                .doc("The regular expression that finds the name of the logical table in the topic."),
            key("topic.replacement", String, Low, Width::Long, "Topic replacement")
                .doc("What makes the new topic of it."),
            key("key.enforce.uniqueness", Boolean, Low, Width::Short, "Add source topic name into key")
                .default("true")
                .doc("Whether a field of the key says from which table an event came."),
            key("key.field.regex", String, Low, Width::Long, "Key field regex")
                .default_null()
                .validator(REGEX_OR_NONE)
                .doc("The regular expression that finds the physical table in the topic."),
            key("key.field.name", String, Low, Width::Long, "Key field name")
                .default("__dbz__physicalTableIdentifier")
                .doc("The name of that field."),
            key("key.field.replacement", String, Low, Width::Long, "Key field replacement")
                .default_null()
                .doc("What makes the field's value of what key.field.regex found."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let given = |name| config.text(name).is_some_and(|text| !text.is_empty());
        let identifier = match given("key.field.regex") {
            true if !given("key.field.replacement") => {
                let why = "key.field.replacement must be non-empty if key.field.regex is set.";
                return Err(ConnectError::config(invalid_value("key.field.replacement", None, why)));
            }
            true => Some(Rewrite::read(config, "key.field.regex", "key.field.replacement")?),
            false => None,
        };
        let is_unique = config.boolean("key.enforce.uniqueness");
        Ok(Self {
            topic: Rewrite::read(config, "topic.regex", "topic.replacement")?,
            key_field: is_unique.then(|| (config.string("key.field.name").into(), identifier)),
            keys: SchemaCache::default(),
            events: SchemaCache::default(),
        })
    }
}

impl Transform for ByLogicalTableRouter {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Some(topic) = self.topic.apply(&record.topic)?.filter(|topic| !topic.is_empty()) else {
            return Ok(Verdict::Keep);
        };
        let topic: Arc<str> = topic.into();
        let from = std::mem::replace(&mut record.topic, Arc::clone(&topic));
        self.key(&mut record.key, &from, &topic)?;
        self.event(&mut record.value, &topic)?;
        Ok(Verdict::Keep)
    }
}

impl ByLogicalTableRouter {
    fn key(&mut self, key: &mut Data, from: &str, topic: &Arc<str>) -> Result<()> {
        if key.value.is_null() {
            *key = Data::NULL;
            return Ok(());
        }
        let old = structure(take(&mut key.value), PURPOSE)?;
        let field = self.key_field.as_ref();
        let make = || {
            let mut new = renamed(&old.schema, &format!("{topic}.Key"));
            if let Some((name, _)) = field {
                add_field(&mut new, name, Arc::new(Schema::new(Type::String)))?;
            }
            Ok((Arc::clone(topic), Arc::new(new)))
        };
        let schema = made_for(&mut self.keys, &old.schema, topic, make)?;
        let mut values = old.values;
        if let Some((_, identifier)) = field {
            let identified = identifier.as_ref().map(|identifier| identifier.apply(from)).transpose()?.flatten();
            values.push(Value::string(identified.as_deref().unwrap_or(from)));
        }
        *key = Data::new(Arc::clone(schema), Value::Struct(Struct { schema: Arc::clone(schema), values }));
        Ok(())
    }

    fn event(&mut self, value: &mut Data, topic: &Arc<str>) -> Result<()> {
        let Some(schema) = value.schema.clone().filter(|schema| is_envelope(schema) && !value.value.is_null()) else {
            return Ok(());
        };
        let mut event = structure(take(&mut value.value), PURPOSE)?;
        let make = || Ok((Arc::clone(topic), Event::make(&schema, topic)));
        let made = made_for(&mut self.events, &schema, topic, make)?;
        for (index, schema) in &made.rows {
            if let Some(Value::Struct(row)) = event.values.get_mut(*index) {
                row.schema = Arc::clone(schema);
            }
        }
        event.schema = Arc::clone(&made.schema);
        *value = Data::new(Arc::clone(&made.schema), Value::Struct(event));
        Ok(())
    }
}

/// What was made of a schema for a topic. Tables that share a schema but not the topic are rare.
fn made_for<'a, T>(
    cache: &'a mut SchemaCache<(Arc<str>, T)>,
    schema: &Arc<Schema>,
    topic: &Arc<str>,
    make: impl Fn() -> Result<(Arc<str>, T)>,
) -> Result<&'a T> {
    if cache.get_or_make(schema, &make)?.0 != *topic {
        cache.forget_latest();
    }
    Ok(&cache.get_or_make(schema, &make)?.1)
}

impl Event {
    fn make(old: &Schema, topic: &str) -> Self {
        let mut new = renamed(old, &format!("{topic}.Envelope"));
        let mut rows: Vec<(usize, Arc<Schema>)> = Vec::new();
        for (index, field) in new.fields.iter_mut().enumerate() {
            if !["before", "after"].contains(&&*field.name) || field.schema.kind != Type::Struct {
                continue;
            }
            let row = renamed(&field.schema, &format!("{topic}.Value"));
            // Both have one schema.
            let shared = rows.iter().map(|(_, row)| row).find(|shared| ***shared == row).cloned();
            field.schema = shared.unwrap_or_else(|| Arc::new(row));
            rows.push((index, Arc::clone(&field.schema)));
        }
        Self { schema: Arc::new(new), rows }
    }
}

/// The same schema under a name that Avro takes.
fn renamed(schema: &Schema, name: &str) -> Schema {
    let allowed = |one: char| one.is_ascii_alphanumeric() || "_.".contains(one);
    let name: String = name.chars().map(|one| if allowed(one) { one } else { '_' }).collect();
    Schema { name: Some(name.into()), default: None, ..schema.clone() }
}
