//! Filter and ContentBasedRouter: what Debezium leaves to a script, as far as it is one expression.

use std::sync::Arc;

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};
use longshore_formats::java_regex::JavaRegex;

use super::key;
use crate::expression::{Expression, Language};
use crate::nulls::Nulls;
use crate::part::Side;
use crate::plugin::{Configure, REGEX_OR_NONE, regex};

const LANGUAGE: &str = "language";
const CONDITION: &str = "condition";
const TOPIC: &str = "topic.expression";

/// What both have.
#[derive(Debug)]
struct Script {
    topic: Option<JavaRegex>,
    expression: Expression,
    nulls: Nulls,
}

/// The language of an engine's name.
fn language(name: &str) -> Result<Language, &'static str> {
    let Some(engine) = name.strip_prefix("jsr223.") else {
        return Err("Value must begin with 'jsr223.', e.g. 'jsr223.groovy'; modules of wasm are not run here");
    };
    match engine.to_lowercase().as_str() {
        "groovy" => Ok(Language::Groovy),
        "graal.js" | "js" | "javascript" | "ecmascript" | "nashorn" => Ok(Language::JavaScript),
        _ => Err("Only 'jsr223.groovy' and 'jsr223.graal.js' are read here"),
    }
}

const LANGUAGES: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => language(text).map(|_| ()).map_err(|why| invalid_value(name, Some(text), why)),
    _ => Ok(()),
});

fn keys(expression: &'static str, display: &'static str, doc: &'static str) -> Vec<ConfigKey> {
    use ConfigType::String;
    use Importance::{High, Low};
    vec![
        key("topic.regex", String, Low, Width::Long, "Topic regex")
            .default_null()
            .validator(REGEX_OR_NONE)
            .doc("A regular expression for the topics of the records to look at; others pass."),
        key(LANGUAGE, String, High, Width::Medium, "Expression language")
            .validator(LANGUAGES)
            .doc("The language of the expression: jsr223.groovy or jsr223.graal.js."),
        key(expression, String, High, Width::Medium, display).doc(doc),
        Nulls::key(key(Nulls::KEY, String, Low, Width::Short, "Handle null records"))
            .doc("What becomes of records without a value: keep, drop, or evaluate the expression for them too."),
    ]
}

impl Script {
    fn new(config: &ParsedConfig, name: &str) -> Result<Self> {
        let wrong = |name: &str, why: &str| ConnectError::config(invalid_value(name, config.text(name), why));
        let language = language(config.string(LANGUAGE)).map_err(|why| wrong(LANGUAGE, why))?;
        let compiled = Expression::compile(config.string(name), language);
        let given = config.text("topic.regex").is_some_and(|text| !text.is_empty());
        Ok(Self {
            topic: given.then(|| regex(config, "topic.regex")).transpose()?,
            expression: compiled.map_err(|error| wrong(name, &format!("Failed to parse expression: {error}")))?,
            nulls: Nulls::read(config),
        })
    }

    fn parts(&self) -> Parts {
        self.expression.parts().and(Parts::VALUE)
    }

    /// What becomes of a record without a look at the expression, if anything does.
    fn settled(&self, record: &ConnectRecord) -> Result<Option<Verdict>> {
        if let Some(topic) = &self.topic
            && !topic.matches(&record.topic).map_err(|error| ConnectError::data(error.0))?
        {
            return Ok(Some(Verdict::Keep));
        }
        Ok(self.nulls.settled(record))
    }
}

/// Keeps the records for which a condition holds.
#[derive(Debug)]
pub(super) struct Filter(Script);

impl Configure for Filter {
    fn keys() -> Vec<ConfigKey> {
        keys(CONDITION, "Filtering condition", "An expression; records for which it is false are dropped.")
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Script::new(config, CONDITION).map(Self)
    }
}

impl Transform for Filter {
    fn parts(&self) -> Parts {
        self.0.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if let Some(verdict) = self.0.settled(record)? {
            return Ok(verdict);
        }
        let holds = self.0.expression.holds(record, CONDITION)?;
        Ok(if holds { Verdict::Keep } else { Verdict::Drop })
    }
}

/// Routes by an expression.
#[derive(Debug)]
pub(super) struct ContentBasedRouter(Script);

impl Configure for ContentBasedRouter {
    fn keys() -> Vec<ConfigKey> {
        keys(TOPIC, "Topic name expression", "An expression that gives the topic; null leaves the record's own.")
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Script::new(config, TOPIC).map(Self)
    }
}

impl Transform for ContentBasedRouter {
    fn parts(&self) -> Parts {
        self.0.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if let Some(verdict) = self.0.settled(record)? {
            return Ok(verdict);
        }
        match self.0.expression.value(record, TOPIC)? {
            Value::Null => {}
            Value::String(topic) if !topic.is_empty() => record.topic = Arc::clone(&topic),
            other => {
                let class = other.java_class();
                return Err(ConnectError::data(format!("{TOPIC}: expected the name of a topic, found {class}")));
            }
        }
        Ok(Verdict::Keep)
    }
}
