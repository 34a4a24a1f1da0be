//! `api-spec.yaml` describes the API that the router has, and the answers that Kafka Connect gave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod support;

use std::collections::BTreeSet;

use longshore::rest::endpoints;
use serde_json::{Value as Json, json};
use support::golden::{Case, Mode, cases};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn spec() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/api-spec.yaml");
    serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Method and path template of every operation.
fn operations(spec: &Json) -> BTreeSet<(String, String)> {
    let paths = spec["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter(|method| item.get(**method).is_some()).map(|method| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

#[test]
fn the_router_and_the_description_have_the_same_operations() {
    let routed: BTreeSet<(String, String)> =
        endpoints().into_iter().map(|(method, path)| (method.to_string(), path.to_owned())).collect();
    assert_eq!(routed.len(), endpoints().len(), "an operation is routed twice");
    assert_eq!(routed, operations(&spec()));
}

/// The template of a path, as long as the description has it.
fn template(spec: &Json, path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or_default();
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == segments.len()
            && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    spec["paths"].as_object()?.keys().find(fits).cloned()
}

/// Follows a `$ref` inside the description.
fn resolved<'a>(spec: &'a Json, value: &'a Json) -> &'a Json {
    match value["$ref"].as_str() {
        Some(reference) => spec.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}")),
        None => value,
    }
}

/// What is wrong with a recorded answer in the eyes of the description. Answers to what it does not describe, such as
/// 404 for a path and 405 for a method that are not there, are said for all operations in its introduction.
fn objections(spec: &Json, case: &Case) -> Vec<String> {
    let method = case.request["method"].as_str().unwrap().to_lowercase();
    let (status, body) = (case.response["status"].as_u64().unwrap(), &case.response["body"]);
    let operation = template(spec, case.request["path"].as_str().unwrap()).map(|path| &spec["paths"][path][&method]);
    let error = json!({"$ref": "#/components/schemas/ErrorMessage"});
    let Some(operation) = operation.filter(|operation| operation.is_object()) else {
        return match (status, body["kind"].as_str()) {
            (404 | 405, Some("json")) => invalid(spec, &error, &body["json"]),
            (404 | 405, Some("empty")) | (200, Some("empty")) | (400, _) => Vec::new(),
            other => vec![format!("{other:?} for an operation that is not described")],
        };
    };
    let Some(response) = operation["responses"].get(status.to_string()) else {
        return match status {
            // Said for all operations.
            406 | 415 | 500 => invalid(spec, &error, &body["json"]),
            _ => vec![format!("status {status} is not described")],
        };
    };
    let content = &resolved(spec, response)["content"];
    match body["kind"].as_str() {
        Some("json") => match content["application/json"].get("schema") {
            Some(schema) => invalid(spec, schema, &body["json"]),
            None => vec![format!("status {status} is described without JSON")],
        },
        Some("html") if content.get("text/html").is_none() => {
            vec![format!("status {status} is described without HTML")]
        }
        _ => Vec::new(),
    }
}

fn invalid(spec: &Json, schema: &Json, instance: &Json) -> Vec<String> {
    // Times were replaced by a placeholder when they were recorded.
    let instance: Json = serde_json::from_str(&instance.to_string().replace("\"${TIMESTAMP}\"", "0")).unwrap();
    // The schema refers to others by its place in the description.
    let root = json!({"components": spec["components"], "allOf": [schema]});
    let validator = jsonschema::validator_for(&root).unwrap();
    validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn recorded_answers_are_as_described() {
    let spec = spec();
    for mode in [Mode::Distributed, Mode::Standalone] {
        let cases = cases(mode);
        let found: Vec<String> = cases
            .values()
            .flat_map(|case| objections(&spec, case).into_iter().map(|objection| format!("{}: {objection}", case.id)))
            .collect();
        assert!(found.is_empty(), "{} of {} answers:\n{}", found.len(), cases.len(), found.join("\n"));
    }
}

#[test]
fn an_answer_that_is_not_as_described_is_found() {
    let spec = spec();
    let mut case = cases(Mode::Distributed)["root/get-"].clone();
    assert_eq!(objections(&spec, &case), Vec::<String>::new());
    case.response["body"]["json"]["version"] = json!(4);
    assert_eq!(objections(&spec, &case).len(), 1);
    case.response["status"] = json!(201);
    assert_eq!(objections(&spec, &case), ["status 201 is not described"]);
}
