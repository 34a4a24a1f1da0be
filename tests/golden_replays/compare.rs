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
    recorded::request(body).into_iter().collect()
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
        // The recorded one had a connector of somebody's own build.
        ("default_value", Json::String(text)) => text.strip_suffix("-built-here").unwrap_or(&text).into(),
        (_, value) => normalised(value),
    }
}
