//! The tables of plugins, and what validation says of small configurations.

use longshore_test_recorded as recorded;
use serde_json::Value as Json;

use crate::compare::{normalised, request, validation};
use crate::support::golden::differences;

#[test]
fn tables_are_those_of_connect() {
    let validation = validation(&[]);
    let mut compared = 0;
    for golden in recorded::files("plugin-config") {
        let class = golden["class"].as_str().unwrap();
        let Ok(table) = validation.table(class) else { continue };
        // One connector's package has a version that Connect cannot read: about that one it says nothing.
        if golden["status"] == 500 {
            continue;
        }
        let found = normalised(serde_json::to_value(table).unwrap());
        let differences = differences(&normalised(golden["body"].clone()), &found);
        assert!(differences.is_empty(), "{class}:\n{}", differences.join("\n"));
        compared += 1;
    }
    assert!(compared > 0 && (compared >= 27 || !recorded::is_kept()), "only {compared} tables were compared");
}

#[tokio::test]
async fn validation_answers_are_those_of_connect() {
    let validation = validation(&[]);
    let mut replayed = 0;
    for case in recorded::rest("distributed") {
        let id = case["id"].as_str().unwrap();
        let (Some(body), Some(expected)) = (case["request"].get("json"), case["response"]["body"].get("json")) else {
            continue;
        };
        if !id.starts_with("validate-") || case["response"]["status"] != 200 {
            continue;
        }
        let infos = validation.run(&request(body)).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        let found: Json = normalised(serde_json::to_value(infos).unwrap());
        let differences = differences(&normalised(expected.clone()), &found);
        assert!(differences.is_empty(), "{id}:\n{}", differences.join("\n"));
        replayed += 1;
    }
    assert!(replayed > 0 && (replayed > 40 || !recorded::is_kept()), "only {replayed} cases were replayed");
}
