//! The internal topics of a Connect cluster after a short life: their states, and what REST said then.

use longshore::store::{ConfigState, LogRecord, OffsetState, Status, StatusState};
use longshore_api::Props;
use longshore_test_recorded as recorded;
use serde_json::{Value as Json, json};

fn records(topic: &str) -> Vec<LogRecord> {
    let bytes = |value: &Json| value.as_str().map(|text| text.as_bytes().to_vec());
    let lines = recorded::lines("internal-topics/topics.jsonl").into_iter().filter(|line| line["topic"] == topic);
    lines
        .map(|line| LogRecord {
            offset: line["offset"].as_i64().unwrap(),
            key: bytes(&line["key"]).unwrap(),
            value: bytes(&line["value"]),
        })
        .collect()
}

#[test]
fn connectors_and_statuses_are_those_that_rest_showed() {
    let (mut configs, mut statuses) = (ConfigState::default(), StatusState::default());
    for record in records("pub-configs") {
        configs.apply(&record);
    }
    records("pub-status").iter().for_each(|record| statuses.apply(record));
    let expected = recorded::json("internal-topics/expand.json");
    let expected = expected.as_object().unwrap();
    let mut names: Vec<&str> = expected.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(configs.connectors().collect::<Vec<_>>(), names);
    for (name, connector) in expected {
        let config: Props = serde_json::from_value(connector["info"]["config"].clone()).unwrap();
        assert_eq!(configs.connector(name), Some(&config), "{name}");
        assert_eq!(configs.tasks(name).len(), connector["info"]["tasks"].as_array().unwrap().len(), "{name}");
        assert_status(statuses.connector(name).unwrap(), &connector["status"]["connector"]);
        let shown = connector["status"]["tasks"].as_array().unwrap();
        assert_eq!(statuses.tasks(name).count(), shown.len(), "{name}");
        for ((_, status), shown) in statuses.tasks(name).zip(shown) {
            assert_status(status, shown);
        }
    }
}

fn assert_status(status: &Status, shown: &Json) {
    assert_eq!(status.state.name(), shown["state"]);
    assert_eq!(*status.worker_id, *shown["worker_id"].as_str().unwrap());
    assert_eq!(status.trace.as_deref(), shown["trace"].as_str());
    assert_eq!(status.version.as_deref(), shown["version"].as_str());
}

#[test]
fn source_offsets_are_those_that_rest_showed() {
    let mut state = OffsetState::default();
    records("pub-offsets").iter().for_each(|record| state.apply(record));
    let text = recorded::text("internal-topics/offsets.txt");
    // Offsets of sinks stand in consumer groups.
    for line in text.lines().filter(|line| !line.contains("kafka_topic")) {
        let (name, answer) = line.split_once(' ').unwrap();
        let found = state.list(name).map(|(partition, offset)| json!({ "partition": partition, "offset": offset }));
        let found = json!({ "offsets": found.collect::<Vec<_>>() });
        assert_eq!(found, serde_json::from_str::<Json>(answer).unwrap(), "{name}");
    }
}
