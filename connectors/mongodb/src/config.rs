//! The sink's configuration: its table of keys, its checks, and what a task reads from it.

mod classes;
mod settings;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod uri;

use std::sync::LazyLock;

use longshore_api::config::{ConfigDef, ConfigValue, ParsedConfig, Props, invalid_value};
use longshore_api::{ConnectError, Result};

use crate::id::IdStrategy;
use crate::write_model::DeleteStrategy;
pub(crate) use settings::{Settings, Tolerance, merged, override_key, topics};

/// The table of keys.
pub(crate) fn def() -> &'static ConfigDef {
    static DEF: LazyLock<ConfigDef> = LazyLock::new(table::config_def);
    &DEF
}

/// The checks that look at several keys. Like Java's, they are made only if every key by itself is right.
pub(crate) fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    if values.iter().any(|value| !value.errors.is_empty()) {
        return;
    }
    if let Some(error) = wrong_topics(props) {
        return classes::report(props, None, "topics", error, values);
    }
    for obsolete in ["max.num.retries", "retries.defer.timeout"] {
        if props.contains_key(obsolete) {
            tracing::warn!("{obsolete} has no effect: what can be tried again is tried again");
        }
    }
    classes::warn_of_idle_keys(props);
    check_topic(props, None, values);
    for topic in topics(props) {
        check_topic(props, Some(&topic), values);
        show_overrides(props, &topic, values);
    }
}

/// Answers with the topic's overrides too, as Java does: keys that no table declares.
fn show_overrides(props: &Props, topic: &str, values: &mut Vec<ConfigValue>) {
    for value in def().validate(&merged(props, topic)) {
        let name = override_key(topic, &value.name);
        let ignored = settings::NOT_OVERRIDDEN.contains(&value.name.as_str());
        if props.contains_key(&name) && !ignored && values.iter().all(|known| known.name != name) {
            values.push(ConfigValue { name, errors: Vec::new(), ..value });
        }
    }
}

fn wrong_topics(props: &Props) -> Option<String> {
    let set = |key: &str| props.get(key).is_some_and(|value| !value.trim().is_empty());
    match (set("topics"), set("topics.regex")) {
        (true, true) => Some("topics and topics.regex are mutually exclusive options, but both are set."),
        (false, false) => Some("Must configure one of topics or topics.regex"),
        _ => None,
    }
    .map(str::to_owned)
}

/// Checks the configuration that holds for a topic, or (`None`) for those without overrides.
fn check_topic(props: &Props, topic: Option<&str>, values: &mut Vec<ConfigValue>) {
    let merged = merged(props, topic.unwrap_or_default());
    let mut found = |key: &str, error: String| classes::report(props, topic, key, error, values);
    let parsed = match def().parse(&merged) {
        Ok(parsed) => parsed,
        Err(wrong) => {
            for entry in wrong {
                entry.errors.into_iter().for_each(|error| found(&entry.name, error));
            }
            return;
        }
    };
    classes::check(&merged, &mut found);
    classes::refuse(&merged, &mut found);
    match Settings::new(&parsed, &merged) {
        Ok(settings) => check_ids(&settings, &parsed, &mut found),
        Err(wrong) => wrong.into_iter().for_each(|(key, error)| found(key, error)),
    }
    if !parsed.string("timeseries.timefield").is_empty() {
        return;
    }
    for key in ["timeseries.metafield", "timeseries.granularity"] {
        if !parsed.string(key).is_empty() {
            found(key, "Missing timeseries configuration: `timeseries.timefield`".to_owned());
        }
    }
    if parsed.integer("timeseries.expire.after.seconds") > 0 {
        let key = "timeseries.expire.after.seconds";
        found(key, "Missing timeseries configuration: `timeseries.timefield`".to_owned());
    }
}

fn check_ids(settings: &Settings, parsed: &ParsedConfig, found: &mut dyn FnMut(&str, String)) {
    let id = settings.id_strategy;
    if id.is_partial() && settings.id_projection.is_none() {
        let part = if id == IdStrategy::PartialKey { "key" } else { "value" };
        // Java names the post processor chain, in which its check comes up.
        let shown = format!("[{}]", parsed.list("post.processor.chain").join(", "));
        let why = format!("Invalid {part}.projection.type value. It should be set to either BLOCKLIST or ALLOWLIST");
        found("document.id.strategy", invalid_value("document.id.strategy", Some(&shown), &why));
    }
    let reads_key = matches!(id, IdStrategy::FullKey | IdStrategy::PartialKey | IdStrategy::ProvidedInKey);
    match settings.delete {
        Some(DeleteStrategy::Default) if !reads_key => {
            let key = "delete.on.null.values";
            let why = "DeleteOneDefaultStrategy can only be applied when the configured IdStrategy is an instance of: \
                       FullKeyStrategy or PartialKeyStrategy or ProvidedInKeyStrategy";
            found(key, invalid_value(key, Some("true"), why));
        }
        Some(DeleteStrategy::TombstoneBusinessKey) if id != IdStrategy::PartialKey => {
            let key = "delete.writemodel.strategy";
            let why = "DeleteOneTombstoneBusinessKeyStrategy can only be applied when the configured IdStrategy is an \
                       instance of: PartialKeyStrategy";
            found(key, invalid_value(key, Some(parsed.string(key)), why));
        }
        _ => {}
    }
}

/// Everything that a task needs, read and checked.
///
/// # Errors
/// All that is wrong with the configuration.
pub(crate) fn check_all(props: &Props) -> Result<()> {
    let mut values = def().validate(props);
    validate(props, &mut values);
    let wrong: Vec<ConfigValue> = values.into_iter().filter(|value| !value.errors.is_empty()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(ConnectError::from(wrong)) }
}

/// The settings of a topic.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn settings(props: &Props, topic: &str) -> Result<Settings> {
    let merged = merged(props, topic);
    let mut values = Vec::new();
    check_topic(props, Some(topic), &mut values);
    if !values.is_empty() {
        return Err(ConnectError::from(values));
    }
    let wrong = |wrong: Vec<settings::Wrong>| {
        ConnectError::config(wrong.into_iter().map(|(_, error)| error).collect::<Vec<_>>().join("; "))
    };
    Settings::new(&def().parse(&merged).map_err(ConnectError::from)?, &merged).map_err(wrong)
}
