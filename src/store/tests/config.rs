use proptest::prelude::*;

use super::{Flaky, props, read_back, record};
use crate::store::config_records::{Secret, Unread};
use crate::store::*;
use crate::task::TargetState;

fn state(records: &[(&str, Option<&str>)]) -> ConfigState {
    let mut state = ConfigState::default();
    for (offset, (key, value)) in (0..).zip(records) {
        state.apply(&record(offset, key, *value));
    }
    state
}

const CONNECTOR: (&str, Option<&str>) = ("connector-c", Some(r#"{"properties":{"a":"1"}}"#));
const TASK_0: (&str, Option<&str>) = ("task-c-0", Some(r#"{"properties":{"n":"0","null":null}}"#));
const TASK_1: (&str, Option<&str>) = ("task-c-1", Some(r#"{"properties":{"n":"1"}}"#));
const COMMIT_2: (&str, Option<&str>) = ("commit-c", Some(r#"{"tasks":2}"#));

#[test]
fn tasks_count_from_their_commit_on() {
    let before = state(&[CONNECTOR, TASK_0, TASK_1]);
    assert_eq!((before.tasks("c").len(), before.task_generation("c")), (0, None));
    let after = state(&[CONNECTOR, TASK_0, TASK_1, COMMIT_2]);
    assert_eq!(after.tasks("c").collect::<Vec<_>>(), [&props(&[("n", "0")]), &props(&[("n", "1")])]);
    assert_eq!((after.task_generation("c"), after.applied_config("c")), (Some(0), Some(&props(&[("a", "1")]))));
    assert!(after.is_pending_fencing("c"));
}

#[test]
fn an_incomplete_set_of_tasks_is_no_set() {
    let mut broken = state(&[CONNECTOR, TASK_0, COMMIT_2]);
    assert!(broken.is_inconsistent("c"));
    assert_eq!((broken.tasks("c").len(), broken.announced_tasks("c")), (0, 2));
    // What was left over does not make the next set complete.
    broken.apply(&record(9, TASK_1.0, TASK_1.1));
    broken.apply(&record(10, COMMIT_2.0, COMMIT_2.1));
    assert!(broken.is_inconsistent("c"));
    for (key, value) in [TASK_0, TASK_1, COMMIT_2] {
        broken.apply(&record(11, key, value));
    }
    assert!(!broken.is_inconsistent("c"));
    assert_eq!((broken.tasks("c").len(), broken.task_generation("c")), (2, Some(0)));
}

#[test]
fn records_of_a_larger_set_do_no_harm() {
    let smaller = state(&[CONNECTOR, TASK_0, TASK_1, ("commit-c", Some(r#"{"tasks":1}"#))]);
    assert_eq!(smaller.tasks("c").len(), 1);
    let none = state(&[CONNECTOR, TASK_0, TASK_1, COMMIT_2, ("commit-c", Some(r#"{"tasks":0}"#))]);
    assert_eq!((none.tasks("c").len(), none.is_inconsistent("c"), none.task_generation("c")), (0, false, Some(1)));
}

#[test]
fn an_absurd_number_of_tasks_is_an_incomplete_set() {
    assert!(state(&[CONNECTOR, TASK_0, ("commit-c", Some(r#"{"tasks":2147483647}"#))]).is_inconsistent("c"));
}

#[test]
fn a_deleted_connector_leaves_nothing() {
    let gone = [("connector-c", None), ("target-state-c", None)];
    let deleted =
        state(&[CONNECTOR, TASK_0, TASK_1, COMMIT_2, gone[0], gone[1], TASK_0, ("commit-c", Some(r#"{"tasks":1}"#))]);
    assert_eq!((deleted.connectors().count(), deleted.tasks("c").len(), deleted.target("c")), (0, 0, None));
}

#[test]
fn a_target_state_is_read_from_the_newer_member_first() {
    let target = |value: &str| state(&[CONNECTOR, ("target-state-c", Some(value))]).target("c").unwrap();
    assert_eq!(target(r#"{"state":"PAUSED","state.v2":"STOPPED"}"#), TargetState::Stopped);
    assert_eq!(target(r#"{"state":"PAUSED"}"#), TargetState::Paused);
    assert_eq!(target(r#"{"state":"PAUSED","state.v2":null}"#), TargetState::Paused);
    assert_eq!(target(r#"{"state":"DANCING"}"#), TargetState::Started);
    assert_eq!(target("7"), TargetState::Started);
    let back = state(&[CONNECTOR, ("target-state-c", Some(r#"{"state":"PAUSED"}"#)), ("target-state-c", None)]);
    assert_eq!(back.target("c"), Some(TargetState::Started));
}

#[test]
fn what_cannot_be_read_does_not_move_the_offset() {
    let mut state = ConfigState::default();
    assert_eq!(state.offset(), -1);
    state.apply(&record(4, "connector-c", Some("{")));
    assert_eq!(state.offset(), -1);
    state.apply(&record(5, "nonsense", Some("{}")));
    assert_eq!(state.offset(), 6);
}

#[tokio::test]
async fn each_write_tells_what_changed() {
    let mut store = ConfigStore::open(Box::new(MemoryLog::new())).await.unwrap();
    let name = |name: &str| name.to_owned();
    let changes = store.put_connector("c", props(&[("a", "1")]), Some(TargetState::Paused)).await.unwrap();
    assert_eq!(changes, [ConfigChange::Connector { connector: name("c") }]);
    let changes = store.put_tasks("c", vec![props(&[("n", "0")]), props(&[("n", "1")])]).await.unwrap();
    assert_eq!(changes, [ConfigChange::Tasks { connector: name("c") }]);
    assert_eq!(store.state().tasks("c").len(), 2);
    let changes = store.put_target("c", TargetState::Stopped).await.unwrap();
    assert_eq!(changes, [ConfigChange::Target { connector: name("c") }]);
    assert_eq!(store.put_target("c", TargetState::Stopped).await.unwrap(), []);
    let request = RestartRequest { connector: name("c"), include_tasks: true, only_failed: true };
    assert_eq!(store.put_restart(request.clone()).await.unwrap(), [ConfigChange::Restart(request)]);
    let changes = store.remove_connector("c").await.unwrap();
    assert_eq!(changes, [ConfigChange::Removed { connector: name("c") }]);
}

#[tokio::test]
async fn what_others_write_is_waited_for() {
    let log = MemoryLog::new();
    let writer = log.writer();
    let mut store = ConfigStore::open(Box::new(log)).await.unwrap();
    let record = ConfigRecord::Logger { namespace: "n".to_owned(), level: "INFO".to_owned() };
    let write = async {
        tokio::task::yield_now().await;
        writer.append(vec![record.encode()]).await.unwrap();
    };
    let (changes, ()) = tokio::join!(store.next(), write);
    assert_eq!(changes.unwrap(), [ConfigChange::Logger { namespace: "n".to_owned(), level: "INFO".to_owned() }]);
}

#[tokio::test]
async fn a_write_that_fails_says_so_in_connects_words() {
    let mut store = ConfigStore::open(Box::new(Flaky::new(1))).await.unwrap();
    let error = store.put_connector("c", props(&[]), None).await.unwrap_err();
    assert_eq!(error.message.as_deref(), Some("Error writing connector configuration to Kafka"));
    assert_eq!(error.root_cause().message.as_deref(), Some("the broker is away"));
    assert!(store.state().connector("c").is_none());
    assert!(store.put_connector("c", props(&[]), None).await.is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let config = props(&[("password", "hunter2")]);
    let record = ConfigRecord::Connector { connector: "c".to_owned(), config: Some(Secret(config)) };
    let mut state = ConfigState::default();
    state.apply(&read_back(record.encode()));
    let key = SessionKey { key: "hunter2".to_owned(), algorithm: "a".to_owned(), created: 1 };
    assert!(!format!("{record:?} {state:?} {key:?}").contains("hunter2"));
}

fn configs() -> impl Strategy<Value = Secret<longshore_api::Props>> {
    prop::collection::vec((".*", ".*"), 0..4).prop_map(|pairs| Secret(pairs.into_iter().collect()))
}

fn any_record() -> impl Strategy<Value = ConfigRecord> {
    let count = 0..=i32::MAX as u32;
    let target = prop_oneof![Just(TargetState::Started), Just(TargetState::Paused), Just(TargetState::Stopped)];
    prop_oneof![
        (".*", prop::option::of(target)).prop_map(|(connector, state)| ConfigRecord::Target { connector, state }),
        (".*", prop::option::of(configs()))
            .prop_map(|(connector, config)| ConfigRecord::Connector { connector, config }),
        (".*", count.clone(), configs()).prop_map(|(connector, task, config)| ConfigRecord::Task {
            connector,
            task,
            config
        }),
        (".*", count.clone()).prop_map(|(connector, tasks)| ConfigRecord::Commit { connector, tasks }),
        (".*", count).prop_map(|(connector, tasks)| ConfigRecord::Fencing { connector, tasks }),
        (".*", any::<bool>(), any::<bool>()).prop_map(|(connector, include_tasks, only_failed)| {
            ConfigRecord::Restart(RestartRequest { connector, include_tasks, only_failed })
        }),
        (".*", ".*", any::<i64>()).prop_map(|(key, algorithm, created)| ConfigRecord::SessionKey(SessionKey {
            key,
            algorithm,
            created
        })),
        (".*", ".*").prop_map(|(namespace, level)| ConfigRecord::Logger { namespace, level }),
    ]
}

proptest! {
    #[test]
    fn every_record_is_read_back_as_it_was(record in any_record()) {
        prop_assert_eq!(ConfigRecord::decode(&read_back(record.encode())), Ok(record));
    }

    #[test]
    fn any_bytes_are_applied_without_a_panic(
        prefix in prop::sample::select(vec!["", "task-", "connector-", "commit-", "target-state-", "session-key"]),
        key in prop::collection::vec(any::<u8>(), 0..20),
        value in prop::option::of(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "\\{\"(tasks|state|properties|key)\":[-0-9a-z\"{}]{0,12}\\}".prop_map(String::into_bytes),
        ]),
        offset in any::<i64>(),
    ) {
        let key = [prefix.as_bytes(), &key].concat();
        let record = LogRecord { offset, key, value };
        ConfigState::default().apply(&record);
        StatusState::default().apply(&record);
        OffsetState::default().apply(&record);
        prop_assert_ne!(ConfigRecord::decode(&record).err(), Some(Unread::Ignored("")));
    }
}
