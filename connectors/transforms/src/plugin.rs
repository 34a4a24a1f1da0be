//! From a type to its rows in the table of plugins.

use longshore_api::config::{
    ConfigDef, ConfigKey, ConfigType, ConfigValue, Importance, ParsedConfig, ParsedValue, Validator, invalid_value,
};
use longshore_api::transform::Make;
use longshore_api::{ConnectError, Predicate, Props, Result, Transform, TransformPlugin};
use longshore_formats::java_regex::JavaRegex;

use crate::part::Side;

/// The Kafka release whose transforms these are.
pub(crate) const KAFKA: &str = "4.3.1";

/// What a transform or predicate is made of.
pub(crate) trait Configure: Sized {
    /// Its keys.
    fn keys() -> Vec<ConfigKey>;

    /// Keys of earlier releases: heeded where somebody gives them, but not in the table any more.
    fn former_keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    /// Makes one. `side` is what the class name says; a class without `$Key` and `$Value` does not look at it.
    ///
    /// # Errors
    /// Kind Config, in Connect's words.
    fn new(config: &ParsedConfig, side: Side) -> Result<Self>;
}

/// A row for a transform that has one class.
pub(crate) fn transform<T: Configure + Transform + 'static>(
    class: &'static str,
    version: &'static str,
) -> TransformPlugin {
    TransformPlugin { class, version, config: ConfigDef::new(T::keys()), make: Make::Transform(make::<T, false>) }
}

/// A row for the `$Key` class of a transform.
pub(crate) fn key_transform<T: Configure + Transform + 'static>(
    class: &'static str,
    version: &'static str,
) -> TransformPlugin {
    TransformPlugin { class, version, config: ConfigDef::new(T::keys()), make: Make::Transform(make::<T, true>) }
}

/// A row for a predicate.
pub(crate) fn predicate<T: Configure + Predicate + 'static>(
    class: &'static str,
    version: &'static str,
) -> TransformPlugin {
    let make = Make::Predicate(|props| Ok(Box::new(configure::<T>(props, Side::Value)?)));
    TransformPlugin { class, version, config: ConfigDef::new(T::keys()), make }
}

/// The rows of the `$Key` and `$Value` classes of a transform.
macro_rules! sided {
    ($class:literal, $transform:ty, $version:expr) => {
        [
            $crate::plugin::key_transform::<$transform>(concat!($class, "$Key"), $version),
            $crate::plugin::transform::<$transform>(concat!($class, "$Value"), $version),
        ]
    };
}
pub(crate) use sided;

fn make<T: Configure + Transform + 'static, const KEY: bool>(props: &Props) -> Result<Box<dyn Transform>> {
    Ok(Box::new(configure::<T>(props, if KEY { Side::Key } else { Side::Value })?))
}

/// Makes one of its properties.
///
/// # Errors
/// Kind Config.
pub(crate) fn configure<T: Configure>(props: &Props, side: Side) -> Result<T> {
    let config = ConfigDef::new(T::keys().into_iter().chain(T::former_keys())).parse(props).map_err(first_error)?;
    T::new(&config, side)
}

/// Java's parser stops at the first error; the validation before it has told them all.
fn first_error(wrong: Vec<ConfigValue>) -> ConnectError {
    ConnectError::config(wrong.into_iter().flat_map(|value| value.errors).next().unwrap_or_default())
}

/// A required key.
pub(crate) fn required(name: &'static str, kind: ConfigType, importance: Importance) -> ConfigKey {
    ConfigKey::new(name, kind, importance)
}

/// Whether a default stands for null in the structs that a transform makes (KIP-1040).
pub(crate) fn replace_null_key() -> ConfigKey {
    ConfigKey::new(REPLACE_NULL, ConfigType::Boolean, Importance::Medium)
        .default("true")
        .doc("Whether to replace fields that have a default value and that are null to the default value.")
}

/// Name of the key that [`replace_null_key`] gives.
pub(crate) const REPLACE_NULL: &str = "replace.null.with.default";

/// A list of at least one name, none of them empty. Names that are there twice count once.
pub(crate) const NAMES: Validator = Validator::Check(|name, value| match value {
    ParsedValue::List(items) if items.is_empty() => {
        Err(format!("Configuration '{name}' must not be empty. Valid values include: any non-empty value"))
    }
    value => no_empty_name(name, value),
});

/// A list of names, none of them empty.
pub(crate) const NAMES_OR_NONE: Validator = Validator::Check(no_empty_name);

fn no_empty_name(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Null => Err(format!("Configuration '{name}' values must not be null.")),
        ParsedValue::List(items) if items.iter().any(String::is_empty) => {
            Err(format!("Configuration '{name}' values must not be empty."))
        }
        _ => Ok(()),
    }
}

/// A regular expression of Java.
pub(crate) const REGEX: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => match JavaRegex::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_value(name, Some(text), &format!("Invalid regex: {error}"))),
    },
    // A missing pattern comes this far in Java too.
    ParsedValue::Null => {
        let why = "Invalid regex: Cannot invoke \"String.isEmpty()\" because \"this.pattern\" is null";
        Err(invalid_value(name, None, why))
    }
    _ => Ok(()),
});

/// The same where there may be none.
pub(crate) const REGEX_OR_NONE: Validator = Validator::Check(|name, value| match (value, REGEX) {
    (ParsedValue::Text(_), Validator::Check(check)) => check(name, value),
    _ => Ok(()),
});

/// The pattern of a key that [`REGEX`] has checked.
pub(crate) fn regex(config: &ParsedConfig, name: &str) -> Result<JavaRegex> {
    let text = config.string(name);
    JavaRegex::new(text)
        .map_err(|error| ConnectError::config(invalid_value(name, Some(text), &format!("Invalid regex: {error}"))))
}

/// Java's `String.split` at a colon: empty pieces at the end are left out.
pub(crate) fn split_pair(text: &str) -> Vec<&str> {
    let mut pieces: Vec<&str> = text.split(':').collect();
    while pieces.len() > 1 && pieces.last().is_some_and(|piece| piece.is_empty()) {
        pieces.pop();
    }
    if pieces == [""] && !text.is_empty() { Vec::new() } else { pieces }
}

/// A list as Java prints it.
pub(crate) fn list_text(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}
