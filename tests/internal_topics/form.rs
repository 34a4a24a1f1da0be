//! The form of a record's value or of an answer, without what differs from run to run.

use serde_json::{Map, Value as Json};

/// A value with the order of its members, except in a map of properties, where it is an accident in Java.
pub(crate) fn form(value: Option<&str>) -> String {
    let Some(value) = value else { return "deleted".to_owned() };
    let value: Json = serde_json::from_str(value).unwrap();
    normalised(value).to_string()
}

/// Without versions, workers, times, generations, and the lines of traces after the first.
pub(crate) fn normalised(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(members.into_iter().map(|(key, value)| member(key, value)).collect()),
        Json::Array(items) => items.into_iter().map(normalised).collect(),
        other => other,
    }
}

fn member(key: String, value: Json) -> (String, Json) {
    let value = match (key.as_str(), value) {
        ("version" | "worker_id", Json::String(_)) => "any".into(),
        ("generation" | "discoverTimestamp", Json::Number(_)) => 0.into(),
        ("trace", Json::String(trace)) => trace.lines().next().unwrap_or_default().into(),
        ("properties", Json::Object(properties)) => sorted(properties),
        // Which of several tasks gets a topic's partition is chance: the group's member ids are.
        ("topic", Json::Object(mut found)) if found.contains_key("task") => {
            found.insert("task".to_owned(), 0.into());
            normalised(Json::Object(found))
        }
        (_, value) => normalised(value),
    };
    (key, value)
}

fn sorted(members: Map<String, Json>) -> Json {
    let mut members: Vec<(String, Json)> = members.into_iter().collect();
    members.sort_by(|left, right| left.0.cmp(&right.0));
    Json::Object(members.into_iter().collect())
}
