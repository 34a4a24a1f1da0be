//! What the real system answered, for tests to replay: the files of `tests/golden`, or those of the folder that
//! `LONGSHORE_GOLDEN` names, which has the same layout and may hold other cases.
#![allow(clippy::panic, reason = "a library for tests alone")]

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// Whether the cases are those that are kept beside the code; only these can be counted on.
pub fn is_kept() -> bool {
    folder_of_the_environment().is_none()
}

fn folder_of_the_environment() -> Option<PathBuf> {
    std::env::var_os("LONGSHORE_GOLDEN").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where a file or a folder of recorded answers is: where the environment says, or else beside the code.
pub fn path(name: &str) -> PathBuf {
    let elsewhere = folder_of_the_environment().map(|folder| folder.join(name)).filter(|path| path.exists());
    elsewhere.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden").join(name))
}

/// The settings of the distributed worker that was recorded, and further ones.
pub fn worker(further: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = [
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
    own.iter().chain(further).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The settings that a request's body holds, as the worker takes them: null for none, and other values by their text.
pub fn request(body: &Json) -> Vec<(String, Option<String>)> {
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let Json::Object(members) = body else { panic!("a configuration is an object, not {body}") };
    members.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// A file's text.
pub fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file's JSON.
pub fn json(name: &str) -> Json {
    parse(name, &text(name))
}

/// A file's JSON, one value a line.
pub fn lines(name: &str) -> Vec<Json> {
    text(name).lines().filter(|line| !line.trim().is_empty()).map(|line| parse(name, line)).collect()
}

fn parse(name: &str, text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A list of the REST recordings (`scenarios`, `distributed`, `standalone`): as lines, or as the recorder writes it.
pub fn rest(list: &str) -> Vec<Json> {
    let whole = format!("rest/{list}.json");
    if !path(&whole).exists() {
        return lines(&format!("rest/{list}.jsonl"));
    }
    match json(&whole) {
        Json::Array(items) => items,
        Json::Object(mut whole) => match whole.remove("cases") {
            Some(Json::Array(cases)) => cases,
            _ => panic!("rest/{list}.json holds no cases"),
        },
        _ => panic!("rest/{list}.json holds no list"),
    }
}

/// The files of a folder, in the order of their names.
pub fn files(folder: &str) -> Vec<Json> {
    let path = path(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    names.iter().map(|name| json(&format!("{folder}/{name}"))).collect()
}
