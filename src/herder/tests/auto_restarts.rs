use std::time::Duration;

use super::harness::TestWorker;
use crate::herder::{AutoRestart, Herder};
use crate::task::TargetState::{Paused, Started};

/// Two restarts in a row, after one and two seconds at most; healthy after a hundred.
const RESTARTS: [(&str, &str); 5] = [
    ("errors.restart.enable", "true"),
    ("errors.restart.max.attempts", "2"),
    ("errors.restart.delay.ms", "1000"),
    ("errors.restart.delay.max.ms", "2000"),
    ("errors.restart.reset.ms", "100000"),
];

async fn shown(worker: &TestWorker) -> Option<AutoRestart> {
    worker.herder.status("a").await.unwrap().tasks.remove(0).auto_restart
}

/// Lets the task fail, and waits until it runs again.
async fn fail_and_come_back(worker: &TestWorker, starts: usize) {
    worker.tasks.fail("a-0");
    worker.wait("a", "RUNNING [0:FAILED]").await;
    worker.until("a new run", |worker| worker.tasks.started().len() == starts).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
}

async fn failed_for_long(worker: &TestWorker, starts: usize) {
    worker.tasks.fail("a-0");
    worker.wait("a", "RUNNING [0:FAILED]").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    worker.wait("a", "RUNNING [0:FAILED]").await;
    assert_eq!(worker.tasks.started().len(), starts);
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_started_again_until_that_does_not_help_any_more() {
    let worker = TestWorker::new().await;
    worker.create("a", &RESTARTS).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    assert_eq!(shown(&worker).await, None);

    worker.tasks.fail("a-0");
    worker.wait("a", "RUNNING [0:FAILED]").await;
    worker.until("the restart is planned", |worker| worker.statuses.entries().len() > 2).await;
    let planned = shown(&worker).await.unwrap();
    assert!(planned.attempts == 1 && planned.next.is_some(), "{planned:?}");
    worker.until("a new run", |worker| worker.tasks.started().len() == 2).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    assert_eq!(shown(&worker).await, Some(AutoRestart { attempts: 1, next: None }));

    fail_and_come_back(&worker, 3).await;
    failed_for_long(&worker, 3).await;
    assert_eq!(shown(&worker).await, Some(AutoRestart { attempts: 2, next: None }));

    worker.herder.restart_task("a", 0).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    assert_eq!(shown(&worker).await, None, "somebody has taken care of it");
    fail_and_come_back(&worker, 5).await;
}

#[tokio::test(start_paused = true)]
async fn restarts_are_forgotten_as_soon_as_the_task_is_healthy() {
    let worker = TestWorker::new().await;
    worker.create("a", &RESTARTS).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    for starts in 2..6 {
        fail_and_come_back(&worker, starts).await;
        tokio::time::sleep(Duration::from_secs(101)).await;
        assert_eq!(shown(&worker).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_ask_gets_no_restarts() {
    let worker = TestWorker::new().await;
    worker.create("a", &RESTARTS[1..]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    failed_for_long(&worker, 1).await;
    assert_eq!(shown(&worker).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_again_is_not_started_again() {
    let worker = TestWorker::new().await;
    let more = [&RESTARTS[..], &[("task", "fail")]].concat();
    worker.create("a", &more).await;
    worker.wait("a", "RUNNING [0:FAILED]").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(worker.tasks.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_people_do_meanwhile_comes_first() {
    let worker = TestWorker::new().await;
    worker.create("a", &RESTARTS).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.tasks.fail("a-0");
    worker.wait("a", "RUNNING [0:FAILED]").await;
    worker.put("a", &[]).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    failed_for_long(&worker, 2).await;

    worker.put("a", &RESTARTS).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("a", Paused).await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED]").await;
    worker.tasks.fail("a-0");
    worker.wait("a", "PAUSED [0:FAILED]").await;
    worker.wait("a", "PAUSED [0:PAUSED]").await;
    worker.herder.set_target("a", Started).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_cannot_start_is_started_again_too() {
    let worker = TestWorker::new().await;
    let more = [&RESTARTS[..], &[("start", "fail")]].concat();
    worker.create("a", &more).await;
    worker.wait("a", "FAILED []").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let failures = |(key, value): &(String, Option<String>)| {
        key == "status-connector-a" && value.as_deref().is_some_and(|value| value.contains("FAILED"))
    };
    worker
        .until("the first start and two more have failed", |worker| {
            worker.statuses.entries().iter().filter(|entry| failures(entry)).count() == 3
        })
        .await;
    let instance = worker.herder.status("a").await.unwrap().connector;
    assert_eq!(instance.auto_restart, Some(AutoRestart { attempts: 2, next: None }));
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_wrong_are_named() {
    let worker = TestWorker::new().await;
    let refusal = worker.try_create("a", &[("errors.restart.max.attempts", "some")], None).await.unwrap_err();
    assert!(refusal.message.contains("errors.restart.max.attempts"), "{}", refusal.message);
}
