//! Compares answers about plugins and configurations.

use std::sync::Arc;

use longshore::config::WorkerConfig;
use longshore::herder::RequestConfig;
use longshore::herder::validation::Validation;
use longshore::plugins::Plugins;
use longshore_test_recorded as recorded;
use serde_json::Value as Json;

/// A distributed worker's configuration as the recorded one's, with these settings.
pub(crate) fn worker(settings: &[(&str, &str)]) -> WorkerConfig {
    WorkerConfig::distributed(recorded::worker(settings).into_iter().collect()).unwrap()
}

/// The validation of that worker.
pub(crate) fn validation(settings: &[(&str, &str)]) -> Validation {
    Validation::new(Arc::new(Plugins::builtin()), Arc::new(worker(settings)))
}

/// A configuration as a request's body holds it.
pub(crate) fn request(body: &Json) -> RequestConfig {
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    body.as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// An answer without what differs from worker to worker: documentation, versions, plugins that not everybody has.
pub(crate) fn normalised(answer: Json) -> Json {
    match answer {
        Json::Array(items) => items.into_iter().map(normalised).collect(),
        Json::Object(members) => {
            let members = members.into_iter().filter(|(key, _)| key != "documentation");
            Json::Object(members.map(|(key, value)| (key.clone(), normalised_member(&key, value))).collect())
        }
        other => other,
    }
}

fn normalised_member(key: &str, value: Json) -> Json {
    match (key, value) {
        ("groups" | "dependents" | "recommended_values", Json::Array(mut items)) => {
            let of_others = |class: &str| class.starts_with("io.confluent.") || class.starts_with("io.apicurio.");
            items.retain(|item| !item.as_str().is_some_and(of_others));
            items.sort_by_key(Json::to_string);
            Json::Array(items)
        }
        (_, value) => normalised(value),
    }
}

/// Where two answers differ; entries of a validation are matched by name.
pub(crate) fn differences(expected: &Json, found: &Json) -> Vec<String> {
    let mut all = Vec::new();
    compare(expected, found, "", &mut all);
    all
}

fn compare(expected: &Json, found: &Json, path: &str, all: &mut Vec<String>) {
    match (expected, found) {
        (Json::Object(left), Json::Object(right)) => {
            for (key, value) in left {
                let path = format!("{path}.{key}");
                match right.get(key) {
                    Some(other) => compare(value, other, &path, all),
                    None => all.push(format!("{path}: missing, expected {value}")),
                }
            }
            for key in right.keys().filter(|key| !left.contains_key(*key)) {
                all.push(format!("{path}.{key}: unexpected"));
            }
        }
        (Json::Array(left), Json::Array(right)) if path.ends_with(".configs") => {
            let name = |item: &Json| item["value"]["name"].as_str().unwrap_or_default().to_owned();
            let mut rest: Vec<&Json> = right.iter().collect();
            for item in left {
                let path = format!("{path}[{}]", name(item));
                match rest.iter().position(|other| name(other) == name(item)) {
                    Some(index) => compare(item, rest.swap_remove(index), &path, all),
                    None => all.push(format!("{path}: missing")),
                }
            }
            all.extend(rest.into_iter().map(|item| format!("{path}[{}]: unexpected", name(item))));
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (index, (one, other)) in left.iter().zip(right).enumerate() {
                compare(one, other, &format!("{path}[{index}]"), all);
            }
        }
        _ if expected != found => all.push(format!("{path}: expected {expected}, found {found}")),
        _ => {}
    }
}
