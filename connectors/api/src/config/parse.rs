//! From text to values.

use std::collections::BTreeMap;

use super::table::{ConfigKey, ConfigType, Default, Validator};
use super::{ConfigValue, HIDDEN, invalid_value};
use crate::error::ConnectError;

/// A parsed value.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Boolean(bool),
    /// INT, SHORT and LONG.
    Integer(i64),
    Double(f64),
    /// STRING and CLASS.
    Text(String),
    List(Vec<String>),
    Password(String),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shown().as_deref().unwrap_or("null"))
    }
}

impl Value {
    /// The value as REST answers and messages show it.
    pub fn shown(&self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Double(value) => format!("{value:?}"),
            Value::Text(value) => value.clone(),
            Value::List(values) => values.join(","),
            Value::Password(_) => HIDDEN.to_owned(),
        })
    }
}

/// Parses and checks the value of a key: what it is, and its entry for a validation.
pub(super) fn check(key: &ConfigKey, raw: Option<&str>) -> (Value, ConfigValue) {
    let mut errors = Vec::new();
    let value = match (raw, &key.default) {
        (Some(text), _) => parse(key, text).unwrap_or_else(|error| {
            errors.push(error);
            Value::Null
        }),
        (None, Default::Text(text)) => parse(key, text).unwrap_or(Value::Null),
        (None, Default::Null) => Value::Null,
        (None, Default::Required) => {
            errors.push(format!("Missing required configuration \"{}\" which has no default value.", key.name));
            Value::Null
        }
    };
    // As in Kafka, the validator sees the null of a value that did not parse: one bad value can give two messages.
    if let Err(error) = validate(key, &value) {
        errors.push(error);
    }
    let entry = ConfigValue {
        name: key.name.clone().into_owned(),
        value: value.shown(),
        recommended: key.recommended.clone(),
        errors,
        visible: key.visible,
    };
    (value, entry)
}

fn parse(key: &ConfigKey, text: &str) -> Result<Value, String> {
    let text = text.trim();
    let number = |least: i64, most: i64| match text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(Value::Integer(value)),
        _ => Err(wrong(key, text, &format!("Not a number of type {}", key.kind.name()))),
    };
    match key.kind {
        ConfigType::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
        ConfigType::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
        ConfigType::Boolean => Err(wrong(key, text, "Expected value to be either true or false")),
        ConfigType::Int => number(i64::from(i32::MIN), i64::from(i32::MAX)),
        ConfigType::Short => number(i64::from(i16::MIN), i64::from(i16::MAX)),
        ConfigType::Long => number(i64::MIN, i64::MAX),
        ConfigType::Double => {
            text.parse().map(Value::Double).map_err(|_| wrong(key, text, "Not a number of type DOUBLE"))
        }
        ConfigType::List if text.is_empty() => Ok(Value::List(Vec::new())),
        ConfigType::List => Ok(Value::List(text.split(',').map(|item| item.trim().to_owned()).collect())),
        ConfigType::String | ConfigType::Class => Ok(Value::Text(text.to_owned())),
        ConfigType::Password => Ok(Value::Password(text.to_owned())),
    }
}

fn wrong(key: &ConfigKey, text: &str, why: &str) -> String {
    invalid_value(&key.name, Some(text), why)
}

fn validate(key: &ConfigKey, value: &Value) -> Result<(), String> {
    let (name, shown) = (&key.name[key.prefix..], value.shown());
    let wrong = |why: &str| Err(invalid_value(name, shown.as_deref(), why));
    let at_least = |least: i64| match value {
        Value::Null => wrong("Value must be non-null"),
        Value::Integer(number) if *number < least => wrong(&format!("Value must be at least {least}")),
        Value::Double(number) if *number < least as f64 => wrong(&format!("Value must be at least {least}")),
        _ => Ok(()),
    };
    match key.validator {
        Validator::Any => Ok(()),
        Validator::AtLeast(least) => at_least(least),
        Validator::Between(least, most) => at_least(least).and_then(|()| match value {
            Value::Integer(number) if *number > most => wrong(&format!("Value must be no more than {most}")),
            _ => Ok(()),
        }),
        Validator::OneOf(known) => match value {
            Value::Text(text) if known.contains(&text.as_str()) => Ok(()),
            _ => wrong(&format!("String must be one of: {}", known.join(", "))),
        },
        Validator::OneOfIgnoreCase(known) => match value {
            Value::Text(text) if known.iter().any(|one| one.eq_ignore_ascii_case(text)) => Ok(()),
            _ => wrong(&format!("String must be one of (case insensitive): {}", known.join(", "))),
        },
        Validator::NonEmptyString => match value {
            Value::Text(text) if text.is_empty() => wrong("String must be non-empty"),
            _ => Ok(()),
        },
        Validator::NonEmptyList => match value {
            Value::List(items) if items.is_empty() => Err(invalid_value(&key.name, Some("[]"), "Empty list")),
            _ => Ok(()),
        },
        Validator::Check(check) => check(name, value),
    }
}

/// A configuration whose every key is parsed and valid.
///
/// The getters are for keys of the table, asked for by the type that the table gives them; a mismatch is a mistake
/// in the program and reads as the type's empty value.
#[derive(Debug, Clone, std::default::Default)]
pub struct ParsedConfig {
    values: BTreeMap<String, Value>,
}

impl ParsedConfig {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    fn value(&self, name: &str) -> &Value {
        let value = self.values.get(name);
        debug_assert!(value.is_some(), "no key {name} in the table");
        value.unwrap_or(&Value::Null)
    }

    /// A text, a class name or a password; `None` for null.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Value::Text(text) | Value::Password(text) => Some(text),
            _ => None,
        }
    }

    /// A text, a class name or a password; empty for null.
    pub fn string(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A number.
    pub fn integer(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Integer(number) => *number,
            _ => 0,
        }
    }

    /// A number that may be null.
    pub fn optional_integer(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// A switch.
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Boolean(true))
    }

    /// A switch that may be null.
    pub fn optional_boolean(&self, name: &str) -> Option<bool> {
        match self.value(name) {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> &[String] {
        match self.value(name) {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

/// All errors of the entries as one error, the first of them first.
impl From<Vec<ConfigValue>> for ConnectError {
    fn from(wrong: Vec<ConfigValue>) -> Self {
        let errors: Vec<String> = wrong.into_iter().flat_map(|value| value.errors).collect();
        ConnectError::config(errors.join("; "))
    }
}
