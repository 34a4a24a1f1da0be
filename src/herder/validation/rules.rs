//! What must hold between several of the framework's keys.

use longshore_api::config::add_error;
use longshore_api::source::ExactlyOnceSupport;
use longshore_api::{ConfigValue, Props, SourceConnector};

use super::framework_keys::list_text;
use crate::config::{Mode, WorkerConfig};

const TOPICS: &str = "topics";
const TOPICS_REGEX: &str = "topics.regex";

/// Rules of sinks: what is read, where dead letters go, which group reads.
pub(super) fn check_sink(config: &Props, worker: &WorkerConfig, values: &mut Vec<ConfigValue>) {
    check_topics(config, values);
    if worker.mode == Mode::Distributed {
        check_group(config, &worker.group_id, values);
    }
}

fn check_topics(config: &Props, values: &mut Vec<ConfigValue>) {
    let set = |key: &str| config.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (list, regex) = (set(TOPICS), set(TOPICS_REGEX));
    let both = match (list, regex) {
        (Some(_), Some(_)) => Some("topics and topics.regex are mutually exclusive options, but both are set."),
        (None, None) => Some("Must configure one of topics or topics.regex"),
        _ => None,
    };
    if let Some(message) = both {
        add_error(values, TOPICS, message);
        add_error(values, TOPICS_REGEX, message);
    }
    let Some(dead_letters) = set("errors.deadletterqueue.topic.name") else { return };
    if let Some(list) = list {
        let topics: Vec<String> =
            list.split(',').map(|topic| topic.trim().to_owned()).filter(|topic| !topic.is_empty()).collect();
        if topics.iter().any(|topic| topic == dead_letters) {
            let message = format!(
                "The DLQ topic '{dead_letters}' may not be included in the list of topics ('topics={}') consumed by \
                 the connector",
                list_text(&topics)
            );
            add_error(values, TOPICS, message);
        }
    }
    let matches = |pattern: &str| {
        regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(dead_letters))
    };
    if let Some(pattern) = regex.filter(|pattern| matches(pattern)) {
        let message = format!(
            "The DLQ topic '{dead_letters}' may not be matched by the regex for the topics \
             ('topics.regex={pattern}') consumed by the connector"
        );
        add_error(values, TOPICS_REGEX, message);
    }
}

/// A sink in the group of the workers would break that group.
fn check_group(config: &Props, worker_group: &str, values: &mut Vec<ConfigValue>) {
    const OVERRIDE: &str = "consumer.override.group.id";
    if let Some(group) = config.get(OVERRIDE) {
        let conflict = (group == worker_group)
            .then(|| format!("Consumer group {group} conflicts with Connect worker group {worker_group}"));
        values.push(ConfigValue {
            name: OVERRIDE.to_owned(),
            value: Some(group.clone()),
            recommended: Vec::new(),
            errors: conflict.into_iter().collect(),
            visible: true,
        });
    } else if let Some(name) = config.get("name").filter(|name| format!("connect-{name}") == worker_group) {
        let message = format!(
            "Consumer group for sink connector named {name} conflicts with Connect worker group {worker_group}"
        );
        add_error(values, "name", message);
    }
}

/// Rules of sources: exactly-once delivery, which a standalone worker does not look at.
pub(super) fn check_source(source: &dyn SourceConnector, config: &Props, mode: Mode, values: &mut Vec<ConfigValue>) {
    if mode == Mode::Standalone {
        return;
    }
    let is = |key: &str, wanted: &str| config.get(key).is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted));
    if is("exactly.once.support", "required") {
        const KEY: &str = "exactly.once.support";
        add_error(values, KEY, "This worker does not have exactly-once source support enabled.");
        match source.exactly_once_support(config) {
            Some(ExactlyOnceSupport::Supported) => {}
            Some(ExactlyOnceSupport::Unsupported) => {
                add_error(
                    values,
                    KEY,
                    "The connector does not support exactly-once semantics with the provided configuration.",
                );
            }
            None => add_error(
                values,
                KEY,
                "The connector does not implement the API required for preflight validation of exactly-once source \
                 support. Please consult the documentation for the connector to determine whether it supports \
                 exactly-once semantics, and then consider reconfiguring the connector to use the value \"requested\" \
                 for this property (which will disable this preflight check and allow the connector to be created).",
            ),
        }
    }
    if is("transaction.boundary", "connector") {
        add_error(
            values,
            "transaction.boundary",
            "The connector does not support connector-defined transaction boundaries with the given configuration. \
             Please reconfigure it to use a different transaction boundary definition.",
        );
    }
}
