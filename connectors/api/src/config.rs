//! A configuration is a table of keys: parsing, validation, the REST answers and the reference pages come from it.
//!
//! Rules and messages are those of `org.apache.kafka.common.config.ConfigDef` (Kafka 4.3).

mod parse;
mod table;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

pub use parse::{ParsedConfig, Value as ParsedValue};
pub use table::{ConfigDef, ConfigKey, ConfigType, Default, Importance, Validator, Width};

/// A configuration as a user wrote it, in order.
pub type Props = IndexMap<String, String>;

/// The outcome for one key: its value as text, and all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// Name of the key.
    pub name: String,
    /// The parsed value as text, or the default; `None` for null. Never a password: it reads `[hidden]`.
    pub value: Option<String>,
    /// Values that a form would offer.
    pub recommended: Vec<String>,
    /// Everything that is wrong, in Connect's words.
    pub errors: Vec<String>,
    /// Whether a form would show the key.
    pub visible: bool,
}

impl ConfigValue {
    /// An entry for a key that no table declares, made to carry an error.
    pub fn undeclared(name: impl Into<String>, value: Option<String>, error: impl Into<String>) -> Self {
        Self { name: name.into(), value, recommended: Vec::new(), errors: vec![error.into()], visible: true }
    }
}

/// The text that stands for a password wherever a configuration is shown.
pub const HIDDEN: &str = "[hidden]";

/// The message for a value that cannot be, as `org.apache.kafka.common.config.ConfigException` words it.
pub fn invalid_value(name: &str, value: Option<&str>, why: &str) -> String {
    let frame = format!("Invalid value {} for configuration {name}", value.unwrap_or("null"));
    if why.is_empty() { frame } else { format!("{frame}: {why}") }
}

/// Adds an error to a key's entry; the entry is made if it is not there.
pub fn add_error(values: &mut Vec<ConfigValue>, name: &str, error: impl Into<String>) {
    match values.iter_mut().find(|value| value.name == name) {
        Some(value) => value.errors.push(error.into()),
        None => values.push(ConfigValue::undeclared(name, None, error)),
    }
}
