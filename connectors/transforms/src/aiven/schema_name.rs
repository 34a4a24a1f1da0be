//! ExtractTopicFromSchemaName and ExtractTopicFromValueSchema: the topic out of the name of the value's schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Verdict};
use longshore_formats::java_regex::JavaRegex;

use crate::part::Side;
use crate::plugin::{Configure, REGEX_OR_NONE, regex, required};

const MAP: &str = "schema.name.topic-map";
const REGEX: &str = "schema.name.regex";

/// Routes by the schema.
#[derive(Debug)]
pub(super) struct ExtractTopicFromSchemaName {
    topics: BTreeMap<String, Arc<str>>,
    regex: Option<JavaRegex>,
}

/// `name:topic,name:topic`.
fn topics(text: &str) -> Result<BTreeMap<String, Arc<str>>, &'static str> {
    let invalid = "not valid. Format should be: \"SchemaValue1:NewValue1,SchemaValue2:NewValue2\"";
    let pair = |item: &str| match item.split(':').collect::<Vec<_>>()[..] {
        [name, topic] if !name.is_empty() && !topic.is_empty() => Ok((name.to_owned(), Arc::from(topic))),
        _ => Err(invalid),
    };
    text.split(',').map(pair).collect()
}

const TOPICS: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => topics(text).map(|_| ()).map_err(|why| invalid_value(name, Some(text), why)),
    _ => Ok(()),
});

impl Configure for ExtractTopicFromSchemaName {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required(MAP, ConfigType::String, Importance::Low)
                .default_null()
                .validator(TOPICS)
                .doc("Topics by names of schemas: name1:topic1,name2:topic2."),
            required(REGEX, ConfigType::String, Importance::Low)
                .default_null()
                .validator(REGEX_OR_NONE)
                .doc("A regular expression with one group, which is the topic: (?:[.]|^)([^.]*)$ for instance."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let has_regex = config.text(REGEX).is_some_and(|text| !text.is_empty());
        if config.text(MAP).is_some() && has_regex {
            return Err(ConnectError::config(format!("{MAP} and {REGEX} should not be defined together.")));
        }
        Ok(Self {
            topics: config.text(MAP).map(topics).transpose().map_err(ConnectError::config)?.unwrap_or_default(),
            regex: has_regex.then(|| regex(config, REGEX)).transpose()?,
        })
    }
}

impl Transform for ExtractTopicFromSchemaName {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let name = record.value.schema.as_deref().and_then(|schema| schema.name.clone());
        let name = name.ok_or_else(|| ConnectError::data("value schema name can't be null"))?;
        record.topic = match (self.topics.get(&*name), &self.regex) {
            (Some(topic), _) => Arc::clone(topic),
            (None, Some(regex)) if regex.group_count() == 1 => {
                let found = regex.find(&name).map_err(|error| ConnectError::data(error.0))?;
                let topic = found.as_ref().and_then(|found| found.group(1)).filter(|topic| !topic.is_empty());
                topic.map_or(Arc::clone(&name), Arc::from)
            }
            _ => name,
        };
        Ok(Verdict::Keep)
    }
}
