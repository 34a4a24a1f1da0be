use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Flaky, read_back, record, text};
use crate::store::*;
use crate::task::{State, TaskId, TopicTracker};

fn status(state: State, worker: &str, generation: i32) -> Status {
    Status { state, trace: None, worker_id: worker.into(), generation, version: None }
}

fn task(number: u32) -> TaskId {
    TaskId { connector: "c".into(), task: number }
}

fn told(statuses: &[(StatusKey, Status)]) -> StatusState {
    let mut state = StatusState::default();
    for (key, status) in statuses {
        state.apply(&read_back(status.encode(key)));
    }
    state
}

#[test]
fn a_late_unassigned_does_not_hide_a_running_task() {
    let key = StatusKey::Task(task(0));
    let running = (key.clone(), status(State::Running, "new", 5));
    let late = (key.clone(), status(State::Unassigned, "old", 5));
    assert_eq!(told(&[running.clone(), late]).task(&task(0)), Some(&running.1));
    let later = (key, status(State::Unassigned, "new", 6));
    assert_eq!(told(&[running, later.clone()]).task(&task(0)), Some(&later.1));
}

#[test]
fn a_deleted_connector_takes_its_tasks_along() {
    let connector = StatusKey::Connector("c".into());
    let mut state = told(&[
        (connector.clone(), status(State::Running, "w", 1)),
        (StatusKey::Task(task(0)), status(State::Running, "w", 1)),
    ]);
    assert_eq!(state.connectors().count(), 1);
    state.apply(&read_back(status(State::Destroyed, "w", 1).encode(&connector)));
    assert_eq!((state.connectors().count(), state.tasks("c").count()), (0, 0));
}

#[test]
fn what_is_no_status_is_passed_over() {
    let mut state = StatusState::default();
    let generation = |generation: &str| format!(r#"{{"state":"RUNNING","worker_id":"w","generation":{generation}}}"#);
    for value in ["", "{}", "[]", &generation("1.5"), &generation("\"1\""), &generation("99999999999")] {
        state.apply(&record(0, "status-connector-c", Some(value)));
        state.apply(&record(0, "status-topic-t:connector-c", Some(value)));
        assert!(state.connector("c").is_none() && state.topics("c").next().is_none(), "{value}");
    }
    state.apply(&record(0, "status-connector-c", Some(&generation("1"))));
    assert!(state.connector("c").is_some());
}

#[test]
fn a_trace_that_is_too_long_is_cut() {
    let long = Status { trace: Some("é".repeat(1 << 20).into()), ..status(State::Failed, "w", 1) };
    let (_, value) = long.encode(&StatusKey::Connector("c".into()));
    assert!(value.unwrap().len() < 300_000);
}

#[tokio::test]
async fn a_status_is_seen_when_it_is_written_and_read_back() {
    let store = StatusStore::open(Box::new(MemoryLog::new()), true).await.unwrap();
    let key = StatusKey::Task(task(3));
    store.put(key.clone(), &status(State::Running, "w", 1));
    store.flush().await.unwrap();
    assert_eq!(store.state().task(&task(3)).unwrap().state, State::Running);
    store.put(key, &status(State::Destroyed, "w", 1));
    store.flush().await.unwrap();
    assert!(store.state().task(&task(3)).is_none());
}

#[tokio::test]
async fn statuses_are_written_again_until_the_log_takes_them() {
    let log = Flaky::new(2);
    let written = log.writer.clone();
    let store = StatusStore::open(Box::new(log), true).await.unwrap();
    store.put(StatusKey::Connector("a".into()), &status(State::Running, "w", 1));
    store.put(StatusKey::Connector("b".into()), &status(State::Running, "w", 1));
    tokio::time::sleep(Duration::from_millis(100)).await;
    // What is newer replaces what could not be written yet.
    store.put(StatusKey::Connector("a".into()), &status(State::Paused, "w", 1));
    store.flush().await.unwrap();
    assert_eq!(store.state().connector("a").unwrap().state, State::Paused);
    assert_eq!(store.state().connector("b").unwrap().state, State::Running);
    assert_eq!(written.written.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_worker_does_not_speak_over_one_that_took_over() {
    let key = StatusKey::Task(task(0));
    let log = MemoryLog::with([status(State::Running, "other", 7).encode(&key)]);
    let store = StatusStore::open(Box::new(log), true).await.unwrap();
    store.put(key.clone(), &status(State::Failed, "me", 6));
    store.flush().await.unwrap();
    assert_eq!(store.state().task(&task(0)).unwrap().state, State::Running);
    store.put(key, &status(State::Failed, "me", 7));
    store.flush().await.unwrap();
    assert_eq!(store.state().task(&task(0)).unwrap().state, State::Failed);
}

#[tokio::test]
async fn used_topics_are_recorded_once_and_can_be_forgotten() {
    let log = Flaky::new(0);
    let written = log.writer.clone();
    let store = StatusStore::open(Box::new(log), true).await.unwrap();
    for _ in 0..2 {
        store.active(&task(1), "orders");
        store.flush().await.unwrap();
    }
    let used: Vec<_> = store.state().topics("c").cloned().collect();
    assert_eq!((used.len(), &*used[0].topic, used[0].task.task), (1, "orders", 1));
    assert_eq!(written.written.lock().unwrap().len(), 1);
    store.reset_topics("c");
    store.flush().await.unwrap();
    assert_eq!(store.state().topics("c").count(), 0);
    let untracked = StatusStore::open(Box::new(MemoryLog::new()), false).await.unwrap();
    untracked.active(&task(1), "orders");
    untracked.flush().await.unwrap();
    assert_eq!(untracked.state().topics("c").count(), 0);
}

#[tokio::test]
async fn a_connector_is_removed_with_all_that_is_told_of_it() {
    let store = StatusStore::open(Box::new(MemoryLog::new()), true).await.unwrap();
    store.put(StatusKey::Connector("c".into()), &status(State::Running, "w", 1));
    store.put(StatusKey::Task(task(0)), &status(State::Running, "w", 1));
    store.active(&task(0), "t");
    store.flush().await.unwrap();
    store.remove_connector("c");
    store.flush().await.unwrap();
    let state = store.state();
    assert_eq!((state.connectors().count(), state.topics("c").count()), (0, 0));
}

fn statuses() -> impl Strategy<Value = Status> {
    let names = ["UNASSIGNED", "RUNNING", "PAUSED", "STOPPED", "FAILED", "RESTARTING"];
    let state = prop::sample::select(names.to_vec()).prop_map(|name| State::from_name(name).unwrap());
    let text = || prop::option::of(".*".prop_map(Arc::from));
    (state, text(), ".*", any::<i32>(), text()).prop_map(|(state, trace, worker, generation, version)| Status {
        state,
        trace,
        worker_id: worker.into(),
        generation,
        version,
    })
}

proptest! {
    #[test]
    fn every_status_is_read_back_as_it_was(status in statuses(), name in ".*", number in 0..=i32::MAX as u32) {
        let (connector, id) = (StatusKey::Connector(name.as_str().into()), TaskId { connector: name.into(), task: number });
        let state = told(&[(connector, status.clone()), (StatusKey::Task(id.clone()), status.clone())]);
        prop_assert_eq!(state.connector(&id.connector), Some(&status));
        prop_assert_eq!(state.task(&id), Some(&status));
    }

    #[test]
    fn every_used_topic_is_read_back_as_it_was(topic in "[^:]*", name in ".*", number: u32, discovered: i64) {
        let used = TopicUse { topic: topic.into(), task: TaskId { connector: name.into(), task: number }, discovered };
        let mut state = StatusState::default();
        state.apply(&read_back(used.encode()));
        prop_assert_eq!(state.topics(&used.task.connector).next(), Some(&used), "{}", text(&used.encode().0));
    }
}
