use std::sync::Arc;

use longshore_test_recorded as recorded;
use serde_json::{Value as Json, json};

use super::harness::{TestLog, TestWorker};
use crate::herder::{CreateRequest, Herder, golden};
use crate::plugins::Plugins;
use crate::task::TargetState::{Paused, Stopped};

#[tokio::test(start_paused = true)]
async fn a_worker_that_starts_again_brings_everything_back() {
    let worker = TestWorker::new().await;
    worker.create("runs", &[("tasks.max", "2")]).await;
    worker.create("paused", &[]).await;
    worker.create("stopped", &[]).await;
    worker.create("deleted", &[]).await;
    for name in ["paused", "stopped", "deleted"] {
        worker.wait(name, "RUNNING [0:RUNNING]").await;
    }
    worker.wait("runs", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.herder.set_target("paused", Paused).await.unwrap();
    worker.herder.set_target("stopped", Stopped).await.unwrap();
    worker.herder.delete("deleted").await.unwrap();
    worker.wait("stopped", "STOPPED []").await;
    let written = worker.configs.entries();

    let worker = worker.restarted().await;
    worker.wait("runs", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.wait("paused", "PAUSED [0:PAUSED]").await;
    worker.wait("stopped", "STOPPED []").await;
    assert_eq!(worker.herder.connectors().await.unwrap(), ["paused", "runs", "stopped"]);
    // The statuses of the worker before look the same.
    let all = ["paused-0", "runs-0", "runs-1"];
    worker.until("all tasks are started", |worker| worker.tasks.started_sorted() == all).await;
    worker.herder.restart_connector("runs").await.unwrap();
    assert_eq!(worker.configs.entries(), written, "nothing has changed, so nothing is written");
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_before_the_logs_are_read_waits_and_is_told_of_everything() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let used = json!({"topic": {"name": "t", "connector": "a", "task": 0, "discoverTimestamp": 1}});
    worker.statuses.write("status-topic-t:connector-a", &used.to_string());
    let status = ["status".to_owned()];

    let worker = worker.restarted().await;
    assert_eq!(worker.herder.connectors().await.unwrap(), ["a"]);
    let worker = worker.restarted().await;
    assert_eq!(worker.herder.expanded(&status).await.unwrap().len(), 1);
    let worker = worker.restarted().await;
    assert!(worker.herder.status("a").await.is_ok());
    let worker = worker.restarted().await;
    assert!(worker.herder.task_status("a", 0).await.is_ok());
    let worker = worker.restarted().await;
    assert_eq!(worker.herder.topics("a").await.unwrap(), ["t"]);
    let worker = worker.restarted().await;
    worker.herder.reset_topics("a").await.unwrap();
    let reset = |worker: &TestWorker| worker.statuses.entries().iter().any(|(_, value)| value.is_none());
    worker.until("the topic is forgotten", reset).await;
}

#[tokio::test(start_paused = true)]
async fn statuses_of_what_is_gone_are_removed_at_the_start() {
    let status =
        "{\"state\":\"RUNNING\",\"trace\":null,\"worker_id\":\"other:8083\",\"generation\":9,\"version\":\"1\"}";
    let entry = |key: &str| (key.as_bytes().to_vec(), Some(status.as_bytes().to_vec()));
    let statuses = TestLog::with([entry("status-connector-gone"), entry("status-task-gone-0")]);
    let worker = TestWorker::start(golden::worker(&[]), [TestLog::default(), TestLog::default(), statuses]);
    let tombstones =
        |worker: &TestWorker| worker.statuses.entries().iter().filter(|(_, value)| value.is_none()).count();
    worker.until("both are removed", |worker| tombstones(worker) == 2).await;
    worker.wait("gone", "No status found for connector gone").await;
}

fn golden_log(topic: &str) -> TestLog {
    let records = recorded::lines("internal-topics/topics.jsonl").into_iter().filter(|record| record["topic"] == topic);
    let bytes = |value: &Json| value.as_str().map(|text| text.as_bytes().to_vec());
    TestLog::with(records.map(|record| (bytes(&record["key"]).unwrap(), bytes(&record["value"]))))
}

fn golden_logs() -> [TestLog; 3] {
    ["pub-configs", "pub-offsets", "pub-status"].map(golden_log)
}

fn golden_worker() -> TestWorker {
    TestWorker::start(golden::worker(&[]), golden_logs())
}

#[tokio::test(start_paused = true)]
async fn the_topics_of_a_connect_cluster_are_taken_over() {
    let worker = golden_worker();
    worker.is_ready().await;
    let expected = recorded::json("internal-topics/expand.json");
    let expected = expected.as_object().unwrap();
    let mut names: Vec<&str> = expected.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(worker.herder.connectors().await.unwrap(), names);
    for (name, connector) in expected {
        let info = worker.herder.connector(name).await.unwrap();
        assert_eq!(json!(info.config), connector["info"]["config"], "{name}");
        assert_eq!(json!(info.tasks), connector["info"]["tasks"], "{name}");
    }
    // Integers and members come back as they were stored.
    let stored = json!({"partition": {"filename": "/tmp/longshore-golden/in2.txt"}, "offset": {"position": 2}});
    let found = TestWorker::with_plugins(golden::worker(&[]), Plugins::builtin(), golden_logs());
    assert_eq!(found.herder.offsets("file-source-2").await.unwrap(), json!({ "offsets": [stored] }));
}

#[tokio::test(start_paused = true)]
async fn the_same_requests_write_the_same_records_as_in_connect() {
    let worker = TestWorker::with_plugins(golden::worker(&[]), Plugins::builtin(), Default::default());
    let golden = golden_log("pub-configs").entries();
    let create = async |name: &str, initial_state, status: &str| {
        let key = format!("connector-{name}");
        let record = golden.iter().find(|(known, _)| *known == key).and_then(|(_, value)| value.as_deref()).unwrap();
        let record: Json = serde_json::from_str(record).unwrap();
        let config = serde_json::from_value(record["properties"].clone()).unwrap();
        worker.herder.create(CreateRequest { name: name.to_owned(), config, initial_state }).await.unwrap();
        worker.wait(name, status).await;
    };
    create("file-source", None, "RUNNING [0:RUNNING]").await;
    create("file-source-2", None, "RUNNING [0:RUNNING]").await;
    create("file-sink", None, "RUNNING [0:RUNNING 1:RUNNING 2:RUNNING]").await;
    create("born-stopped", Some(Stopped), "STOPPED []").await;
    create("born-paused", Some(Paused), "PAUSED []").await;
    create("failing", None, "RUNNING [0:RUNNING]").await;
    create("deleted", None, "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("file-sink", Paused).await.unwrap();
    worker.herder.set_target("file-source-2", Stopped).await.unwrap();
    worker.herder.delete("deleted").await.unwrap();

    // What is not a connector's, or the connector's class is not built into this test.
    let others = ["session-key", "logger-cluster-"];
    let ours = |(key, _): &&(String, Option<String>)| {
        !others.iter().any(|other| key.starts_with(other)) && !key.contains("simplelink")
    };
    let parsed = |(key, value): &(String, Option<String>)| {
        (key.clone(), value.as_deref().map(|value| serde_json::from_str::<Json>(value).unwrap()))
    };
    let sorted = |log: Vec<(String, Option<String>)>| {
        // The records of different connectors come in any order; a sort by key keeps that of each key.
        let mut records: Vec<_> = log.iter().filter(ours).map(parsed).collect();
        records.sort_by(|left, right| left.0.cmp(&right.0));
        records
    };
    assert_eq!(sorted(worker.configs.entries()), sorted(golden.clone()));
}

#[tokio::test(start_paused = true)]
async fn a_taken_over_connector_is_in_the_state_in_which_it_is_wanted() {
    // The classes of that cluster are not those of these tests, so that instances fail; tasks and targets do not
    // depend on it.
    let worker = golden_worker();
    worker.wait("born-paused", "PAUSED []").await;
    worker.wait("born-stopped", "STOPPED []").await;
    worker.wait("file-source-2", "STOPPED []").await;
    worker.wait("file-source", "FAILED [0:FAILED]").await;
    assert_eq!(worker.herder.topics("file-source-2").await.unwrap(), ["pub-lines2"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_another_worker_wrote_is_acted_on() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let log: Arc<dyn crate::store::LogWriter> = crate::store::Log::writer(&worker.configs);
    let paused = br#"{"state":"PAUSED","state.v2":"PAUSED"}"#.to_vec();
    log.append(vec![(b"target-state-a".to_vec(), Some(paused))]).await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED]").await;
    log.append(vec![(b"connector-a".to_vec(), None)]).await.unwrap();
    worker.wait("a", "No status found for connector a").await;
}
