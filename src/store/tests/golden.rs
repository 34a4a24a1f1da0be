//! The topics of a real Connect cluster after a short life. What its REST API answered then is replayed in
//! `tests/golden_replays`.

use serde_json::Value as Json;

use super::{read_back, text};
use crate::store::config_records::Secret;
use crate::store::*;
use crate::task::{TargetState, TaskId};

fn records(topic: &str) -> Vec<LogRecord> {
    let lines = include_str!("../../../tests/golden/internal-topics/topics.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let bytes = |value: &Json| value.as_str().map(|text| text.as_bytes().to_vec());
    lines
        .filter(|line| line["topic"] == topic)
        .map(|line| LogRecord {
            offset: line["offset"].as_i64().unwrap(),
            key: bytes(&line["key"]).unwrap(),
            value: bytes(&line["value"]),
        })
        .collect()
}

fn configs() -> (ConfigState, Vec<ConfigChange>) {
    let mut state = ConfigState::default();
    let changes = records("pub-configs").iter().filter_map(|record| state.apply(record)).collect();
    (state, changes)
}

#[test]
fn what_rest_does_not_show_is_read_too() {
    let (state, _) = configs();
    assert!(state.connectors().all(|name| !state.is_inconsistent(name)));
    assert_eq!(state.connector("deleted"), None);
    assert_eq!(state.offset(), 33);
    assert_eq!(state.session_key().unwrap().created, 1_795_246_323_198);
}

#[test]
fn target_states_are_those_that_people_asked_for() {
    let (state, _) = configs();
    for (name, target) in [
        ("file-source", TargetState::Started),
        ("file-sink", TargetState::Paused),
        ("born-paused", TargetState::Paused),
        ("born-stopped", TargetState::Stopped),
        ("file-source-2", TargetState::Stopped),
    ] {
        assert_eq!(state.target(name), Some(target), "{name}");
    }
    assert_eq!(state.target("deleted"), None);
}

#[test]
fn changes_tell_what_happened() {
    let (_, changes) = configs();
    let restart = RestartRequest { connector: "simplelink".to_owned(), include_tasks: true, only_failed: false };
    for change in [
        ConfigChange::Restart(restart),
        ConfigChange::Removed { connector: "deleted".to_owned() },
        ConfigChange::Target { connector: "file-sink".to_owned() },
        ConfigChange::Tasks { connector: "file-source-2".to_owned() },
        ConfigChange::Logger { namespace: "org.apache.kafka.connect.runtime".to_owned(), level: "DEBUG".to_owned() },
    ] {
        assert!(changes.contains(&change), "{change:?}");
    }
    let early = ConfigChange::Target { connector: "born-stopped".to_owned() };
    assert!(!changes.contains(&early), "the state came before the connector");
}

/// Records are the same if the values are; the order of a properties map is an accident in Java.
fn assert_same(written: &LogEntry, golden: &LogRecord) {
    assert_eq!(text(&written.0), text(&golden.key));
    let has_map = |value: &Option<Vec<u8>>| value.as_deref().is_some_and(|value| text(value).starts_with("{\"prop"));
    if has_map(&golden.value) {
        let json = |value: &Option<Vec<u8>>| serde_json::from_slice::<Json>(value.as_deref().unwrap()).unwrap();
        assert_eq!(json(&written.1), json(&golden.value));
    } else {
        assert_eq!(written.1.as_deref().map(text), golden.value.as_deref().map(text));
    }
}

#[test]
fn config_records_are_written_as_kafka_connect_writes_them() {
    for record in records("pub-configs") {
        assert_same(&ConfigRecord::decode(&record).unwrap().encode(), &record);
    }
}

#[tokio::test]
async fn the_same_requests_write_the_same_records() {
    let mut log = MemoryLog::new();
    let mut store = ConfigStore::open(Box::new(MemoryLog::new())).await.unwrap();
    let writer = log.writer();
    store.put_connector("c", super::props(&[("name", "c")]), Some(TargetState::Stopped)).await.unwrap();
    store.put_tasks("c", vec![super::props(&[("task.class", "T")]); 2]).await.unwrap();
    store.remove_connector("c").await.unwrap();
    assert_eq!(store.state().offset(), 7);
    // The order of the records of each request is Connect's.
    for record in [
        ConfigRecord::Target { connector: "c".to_owned(), state: Some(TargetState::Stopped) },
        ConfigRecord::Connector { connector: "c".to_owned(), config: Some(Secret(super::props(&[("name", "c")]))) },
    ] {
        writer.append(vec![record.encode()]).await.unwrap();
    }
    let keys: Vec<_> = log.read_to_end().await.unwrap().into_iter().map(|record| record.key).collect();
    assert_eq!(keys.iter().map(|key| text(key)).collect::<Vec<_>>(), ["target-state-c", "connector-c"]);
}

#[test]
fn topics_are_those_that_connectors_used() {
    let mut state = StatusState::default();
    records("pub-status").iter().for_each(|record| state.apply(record));
    let topics = |name: &str| state.topics(name).map(|used| used.topic.to_string()).collect::<Vec<_>>();
    assert_eq!(topics("file-sink"), ["pub-lines", "pub-lines2"]);
    assert_eq!(topics("deleted"), [""; 0]);
}

#[test]
fn status_records_are_written_as_kafka_connect_writes_them() {
    for record in records("pub-status") {
        let key = StatusKey::decode(&record.key).unwrap();
        assert_eq!(text(&key.encode()), text(&record.key));
        let mut state = StatusState::default();
        state.apply(&record);
        let written = match &key {
            StatusKey::Connector(name) => state.connector(name).map(|status| status.encode(&key)),
            StatusKey::Task(id) => state.task(id).map(|status| status.encode(&key)),
            StatusKey::Topic { connector, .. } => state.topics(connector).next().map(TopicUse::encode),
        };
        assert_same(&written.unwrap_or((key.encode(), None)), &record);
    }
}

#[test]
fn offset_records_are_written_as_kafka_connect_writes_them() {
    let mut state = OffsetState::default();
    let records = records("pub-offsets");
    records.iter().for_each(|record| state.apply(record));
    let last = records.last().unwrap();
    let (partition, offset) = state.list("file-source-2").next().unwrap();
    let (partition, offset) = (to_source_map(partition), to_source_map(offset));
    let fresh = OffsetState::default().entries("file-source-2", [(&partition, Some(&offset))]).unwrap();
    assert_same(&fresh[0], last);
    assert_eq!(read_back(fresh[0].clone()).value, last.value);
}

#[test]
fn a_task_is_told_by_connector_and_number() {
    let key = StatusKey::decode(b"status-task-a-b-12").unwrap();
    assert_eq!(key, StatusKey::Task(TaskId { connector: "a-b".into(), task: 12 }));
    for wrong in ["status-task-a", "status-task-a-+1", "status-topic-t", "status-topic-t:x", "x"] {
        assert_eq!(StatusKey::decode(wrong.as_bytes()), None, "{wrong}");
    }
}
