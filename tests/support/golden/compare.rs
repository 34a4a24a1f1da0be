//! Says in what two answers differ. The order of an object's members means nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

/// Each difference with its place.
pub fn differences(expected: &Json, actual: &Json) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, actual, "", &mut found);
    found
}

fn compare(expected: &Json, actual: &Json, place: &str, found: &mut Vec<String>) {
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => members(expected, actual, place, found),
        (Json::Array(expected), Json::Array(actual)) => items(expected, actual, place, found),
        (Json::Number(one), Json::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if expected == actual => {}
        _ => found.push(format!("{place}: expected {} got {}", short(expected), short(actual))),
    }
}

fn members(expected: &Map<String, Json>, actual: &Map<String, Json>, place: &str, found: &mut Vec<String>) {
    for (key, value) in expected {
        match actual.get(key) {
            Some(other) => compare(value, other, &format!("{place}.{key}"), found),
            None => found.push(format!("{place}.{key}: missing (expected {})", short(value))),
        }
    }
    for (key, value) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        found.push(format!("{place}.{key}: unexpected {}", short(value)));
    }
}

fn items(expected: &[Json], actual: &[Json], place: &str, found: &mut Vec<String>) {
    // Entries of a validation are known by their key's name.
    if place.ends_with(".configs")
        && let (Some(expected), Some(actual)) = (by_name(expected), by_name(actual))
    {
        for (name, entry) in &expected {
            match actual.get(name) {
                Some(other) => compare(entry, other, &format!("{place}[{name}]"), found),
                None => found.push(format!("{place}[{name}]: missing")),
            }
        }
        found.extend(
            actual
                .keys()
                .filter(|name| !expected.contains_key(*name))
                .map(|name| format!("{place}[{name}]: unexpected")),
        );
        return;
    }
    if expected.len() != actual.len() {
        let lists = (short(&expected.into()), short(&actual.into()));
        found.push(format!(
            "{place}: expected {} items got {}: {} and {}",
            expected.len(),
            actual.len(),
            lists.0,
            lists.1
        ));
    }
    for (number, (one, other)) in expected.iter().zip(actual).enumerate() {
        compare(one, other, &format!("{place}[{number}]"), found);
    }
}

/// `None` if not each has a name of its own.
fn by_name(entries: &[Json]) -> Option<BTreeMap<&str, &Json>> {
    let named: Option<BTreeMap<_, _>> =
        entries.iter().map(|entry| Some((entry["value"]["name"].as_str()?, entry))).collect();
    named.filter(|named| named.len() == entries.len())
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
