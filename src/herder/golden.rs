//! Recorded answers of Kafka Connect, for tests to replay.

use std::path::{Path, PathBuf};

use longshore_api::Props;
use serde_json::Value as Json;

use crate::config::WorkerConfig;

/// A recorded request with its answer.
pub(super) struct RestCase {
    pub(super) id: String,
    pub(super) body: Json,
    pub(super) status: u64,
    pub(super) answer: Json,
}

/// Where a file of recorded answers is.
pub(super) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// All lines of a file of recorded answers.
pub(super) fn lines(file: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(path(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The REST cases of a distributed worker whose ids begin so, as far as they carry JSON both ways.
pub(super) fn rest_cases(prefix: &str) -> Vec<RestCase> {
    let case = |line: Json| {
        Some(RestCase {
            id: line["id"].as_str()?.to_owned(),
            body: line["request"].get("json")?.clone(),
            status: line["response"]["status"].as_u64()?,
            answer: line["response"]["body"].get("json")?.clone(),
        })
    };
    lines("rest/distributed.jsonl").into_iter().filter_map(case).filter(|case| case.id.starts_with(prefix)).collect()
}

/// A distributed worker's configuration with these settings.
pub(crate) fn worker(settings: &[(&str, &str)]) -> WorkerConfig {
    let base = [
        ("bootstrap.servers", "localhost:9092"),
        ("group.id", "workers"),
        ("config.storage.topic", "configs"),
        ("offset.storage.topic", "offsets"),
        ("status.storage.topic", "statuses"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("rest.advertised.host.name", "worker"),
        ("rest.advertised.port", "8083"),
    ];
    let props: Props =
        base.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    WorkerConfig::distributed(props).unwrap()
}

/// An answer without what differs from worker to worker: documentation, versions, plugins that not everybody has.
pub(super) fn normalised(answer: Json) -> Json {
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
pub(super) fn differences(expected: &Json, found: &Json) -> Vec<String> {
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
