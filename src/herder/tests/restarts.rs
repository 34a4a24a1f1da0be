use super::harness::{TestWorker, message};
use crate::herder::{Herder, HerderErrorKind, RestartScope};
use crate::task::TargetState::{Paused, Stopped};

const ALL: RestartScope = RestartScope { include_tasks: true, only_failed: false };
const FAILED: RestartScope = RestartScope { include_tasks: true, only_failed: true };

/// The states of a key in the status log, in order.
fn told(worker: &TestWorker, key: &str) -> Vec<String> {
    let state = |value: Option<String>| match value {
        Some(value) => serde_json::from_str::<serde_json::Value>(&value).unwrap()["state"].as_str().unwrap().to_owned(),
        None => "-".to_owned(),
    };
    let entries = worker.statuses.entries();
    entries.into_iter().filter(|(known, _)| known == key).map(|(_, value)| state(value)).collect()
}

#[tokio::test(start_paused = true)]
async fn restarting_a_connector_leaves_its_tasks_alone() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.herder.restart_connector("a").await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.restart_connector("a").await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    assert_eq!(worker.tasks.started(), ["a-0"]);
    assert_eq!(message(worker.herder.restart_connector("b").await), "Unknown connector: b");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_is_answered_so() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("start", "fail")]).await;
    worker.wait("a", "FAILED []").await;
    assert_eq!(message(worker.herder.restart_connector("a").await), "Failed to start connector: a");
}

#[tokio::test(start_paused = true)]
async fn restarting_a_task_starts_it_anew() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.tasks.fail("a-1");
    worker.wait("a", "RUNNING [0:RUNNING 1:FAILED]").await;
    worker.herder.restart_task("a", 1).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.herder.restart_task("a", 0).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    assert_eq!(worker.tasks.started()[2..], ["a-1", "a-0"]);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_are_not_there_cannot_be_restarted() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    assert_eq!(message(worker.herder.restart_task("b", 0).await), "Unknown connector: b");
    assert_eq!(message(worker.herder.restart_task("a", 7).await), "Unknown task: a-7");
    worker.herder.set_target("a", Stopped).await.unwrap();
    let refusal = worker.herder.restart_task("a", 0).await.unwrap_err();
    assert_eq!(refusal.kind, HerderErrorKind::Conflict);

    worker.create("p", &[("task", "panic")]).await;
    worker.wait("p", "RUNNING [0:FAILED]").await;
    assert_eq!(message(worker.herder.restart_task("p", 0).await), "Failed to start task: p-0");
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_what_is_deleted_meanwhile_is_answered() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("task", "hang")]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let (restarted, deleted) = tokio::join!(worker.herder.restart_task("a", 0), worker.herder.delete("a"));
    deleted.unwrap();
    assert!(message(restarted).starts_with("Unknown "));
}

#[tokio::test(start_paused = true)]
async fn a_full_restart_says_what_it_will_restart_and_shows_it_on_the_way() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    let info = worker.herder.restart("a", ALL).await.unwrap();
    assert_eq!(info.connector.state, "RESTARTING");
    assert!(info.tasks.iter().all(|task| task.state == "RESTARTING"));
    worker.until("both are new", |worker| worker.tasks.started().len() == 4).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    assert!(worker.configs.keys().contains(&"restart-connector-a".to_owned()));
    worker.until("all is told", |worker| told(worker, "status-connector-a").last().unwrap() == "RUNNING").await;
    assert_eq!(message(worker.herder.restart("b", ALL).await), "Unknown connector: b");
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_what_has_failed_touches_nothing_else() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    let info = worker.herder.restart("a", FAILED).await.unwrap();
    assert_eq!((info.connector.state, info.tasks[0].state, info.tasks[1].state), ("RUNNING", "RUNNING", "RUNNING"));

    worker.tasks.fail("a-0");
    worker.wait("a", "RUNNING [0:FAILED 1:RUNNING]").await;
    let info = worker.herder.restart("a", FAILED).await.unwrap();
    assert_eq!((info.connector.state, info.tasks[0].state, info.tasks[1].state), ("RUNNING", "RESTARTING", "RUNNING"));
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    assert_eq!(worker.tasks.started_sorted(), ["a-0", "a-0", "a-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_paused_comes_back_paused() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("a", Paused).await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED]").await;
    worker.herder.restart("a", ALL).await.unwrap();
    worker.until("a new task", |worker| worker.tasks.started().len() == 2).await;
    worker.wait("a", "PAUSED [0:PAUSED]").await;
    worker.herder.restart_connector("a").await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED]").await;
}
