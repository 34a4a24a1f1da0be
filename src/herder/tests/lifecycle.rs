use super::harness::{TestWorker, message};
use crate::herder::{Herder, HerderErrorKind};
use crate::task::TargetState::{Paused, Started, Stopped};

#[tokio::test(start_paused = true)]
async fn a_created_connector_runs_with_its_tasks() {
    let worker = TestWorker::new().await;
    let info = worker.try_create("a", &[("tasks.max", "2")], None).await.unwrap();
    assert_eq!(info.tasks, [], "a distributed worker answers before tasks are made");
    assert_eq!(info.kind, "sink");
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    assert_eq!(worker.tasks.started_sorted(), ["a-0", "a-1"]);
    assert_eq!(worker.configs.keys(), ["connector-a", "task-a-0", "task-a-1", "commit-a"]);

    let info = worker.herder.connector("a").await.unwrap();
    assert_eq!(info.tasks.len(), 2);
    let tasks = worker.herder.tasks("a").await.unwrap();
    assert_eq!(tasks[1].config["task.class"], "test.Task");
    assert_eq!(tasks[1].config["tasks.max"], "2");
    let status = worker.herder.status("a").await.unwrap();
    assert_eq!(status.tasks[0].version.as_deref(), Some("7"));
    assert_eq!(status.tasks[0].worker_id, "worker:8083");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_given_once() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    let refusal = worker.try_create("a", &[], None).await.unwrap_err();
    assert_eq!(refusal.kind, HerderErrorKind::Conflict);
    assert_eq!(refusal.message, "Connector a already exists");
}

#[tokio::test(start_paused = true)]
async fn pause_and_resume_reach_every_task() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.herder.set_target("a", Paused).await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED 1:PAUSED]").await;
    worker.herder.set_target("a", Started).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    assert_eq!(worker.tasks.started().len(), 2, "the tasks lived on");
}

#[tokio::test(start_paused = true)]
async fn stop_ends_the_tasks_and_resume_makes_them_again() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("a", Stopped).await.unwrap();
    worker.wait("a", "STOPPED []").await;
    assert_eq!(worker.herder.tasks("a").await.unwrap(), []);
    assert_eq!(
        worker.configs.entries()[3..],
        [
            ("commit-a".to_owned(), Some("{\"tasks\":0}".to_owned())),
            ("target-state-a".to_owned(), Some("{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}".to_owned())),
        ]
    );
    worker.herder.set_target("a", Stopped).await.unwrap();
    worker.herder.set_target("a", Paused).await.unwrap();
    worker.wait("a", "PAUSED []").await;
    worker.herder.set_target("a", Started).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_can_begin_paused_or_stopped() {
    let worker = TestWorker::new().await;
    worker.try_create("p", &[], Some(Paused)).await.unwrap();
    worker.try_create("s", &[], Some(Stopped)).await.unwrap();
    worker.wait("p", "PAUSED []").await;
    worker.wait("s", "STOPPED []").await;
    assert_eq!(worker.configs.keys(), ["target-state-p", "connector-p", "target-state-s", "connector-s"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_restarts_the_tasks_with_it() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "3")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING 2:RUNNING]").await;
    let stored = worker.put("a", &[("tasks.max", "1"), ("key", "new")]).await.unwrap();
    assert!(!stored.created);
    assert_eq!(stored.info.tasks.len(), 3, "the answer shows the tasks that there were");
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let started = worker.tasks.started.lock().unwrap();
    assert_eq!(started.last().unwrap().task_config["key"], "new");
    assert_eq!(started.last().unwrap().connector_config["key"], "new");
}

#[tokio::test(start_paused = true)]
async fn the_same_configuration_leaves_the_tasks_alone() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.put("a", &[]).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.restart_connector("a").await.unwrap();
    assert_eq!(worker.tasks.started(), ["a-0"]);
    assert_eq!(worker.configs.keys(), ["connector-a", "task-a-0", "commit-a", "connector-a"]);
}

#[tokio::test(start_paused = true)]
async fn a_patch_changes_some_keys_and_removes_others() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("old", "1"), ("kept", "2")]).await;
    let patch = [("old".to_owned(), None), ("new".to_owned(), Some("3".to_owned()))];
    let info = worker.herder.patch_config("a", patch.into_iter().collect()).await.unwrap();
    assert_eq!((info.config.get("old"), &info.config["kept"], &info.config["new"]), (None, &"2".into(), &"3".into()));
    assert_eq!(message(worker.herder.patch_config("b", Default::default()).await), "Connector b not found");

    let patch = [("tasks.max".to_owned(), Some("0".to_owned()))];
    let refusal = message(worker.herder.patch_config("a", patch.into_iter().collect()).await);
    assert!(refusal.contains("Invalid value 0 for configuration tasks.max: Value must be at least 1"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_connector_leaves_nothing_but_its_offsets() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.herder.delete("a").await.unwrap();
    worker.wait("a", "No status found for connector a").await;
    worker.until("the tasks end", |worker| worker.tasks.live.load(std::sync::atomic::Ordering::SeqCst) == 0).await;
    assert_eq!(worker.herder.connectors().await.unwrap(), Vec::<String>::new());
    assert_eq!(message(worker.herder.connector("a").await), "Connector a not found");
    assert_eq!(message(worker.herder.delete("a").await), "Connector a not found");
    assert_eq!(worker.configs.entries()[4..], [("connector-a".to_owned(), None), ("target-state-a".to_owned(), None)]);

    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_cannot_start_fails_alone() {
    let worker = TestWorker::new().await;
    worker.create("good", &[]).await;
    worker.create("bad", &[("start", "fail")]).await;
    worker.create("worse", &[("start", "panic")]).await;
    worker.wait("good", "RUNNING [0:RUNNING]").await;
    worker.wait("bad", "FAILED []").await;
    worker.wait("worse", "FAILED []").await;
    let trace = async |name| worker.herder.status(name).await.unwrap().connector.trace.unwrap();
    assert_eq!(trace("bad").await, "org.apache.kafka.connect.errors.ConnectException: told to fail at start\n");
    let worse = trace("worse").await;
    assert!(worse.contains("told to panic at start"), "{worse}");

    worker.put("bad", &[]).await.unwrap();
    worker.wait("bad", "RUNNING [0:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_whose_class_is_not_built_in_fails_and_has_no_kind() {
    let worker = TestWorker::new().await;
    let logs = [worker.configs.clone(), worker.offsets.clone(), worker.statuses.clone()];
    worker.herder.shut_down().await;
    logs[0].break_writes(false);
    let foreign = "{\"properties\":{\"name\":\"x\",\"connector.class\":\"no.Such\"}}";
    let configs = super::harness::TestLog::with([(b"connector-x".to_vec(), Some(foreign.into()))]);
    let [_, offsets, statuses] = logs;
    let worker = TestWorker::start(crate::herder::golden::worker(&[]), [configs, offsets, statuses]);
    worker.wait("x", "FAILED []").await;
    let status = worker.herder.status("x").await.unwrap();
    assert_eq!(status.kind, "unknown");
    let trace = status.connector.trace.unwrap();
    let first = "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements Connector";
    assert!(trace.starts_with(first), "{trace}");
}

#[tokio::test(start_paused = true)]
async fn more_tasks_than_allowed_fail_the_connector() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("made", "3"), ("tasks.max", "2")]).await;
    worker.wait("a", "FAILED []").await;
    let trace = worker.herder.status("a").await.unwrap().connector.trace.unwrap();
    let text = "org.apache.kafka.connect.runtime.TooManyTasksException: The connector a has generated 3 tasks, which \
                is greater than 2, the maximum number of tasks it is configured to create.";
    assert!(trace.starts_with(text), "{trace}");
    worker.put("a", &[("made", "3"), ("tasks.max", "2"), ("tasks.max.enforce", "false")]).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING 2:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn stored_tasks_beyond_the_limit_fail_when_they_start_again() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("made", "2"), ("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.put("a", &[("made", "2"), ("tasks.max", "1")]).await.unwrap();
    worker.wait("a", "FAILED [0:RUNNING 1:RUNNING]").await;
    let worker = worker.restarted().await;
    worker.wait("a", "FAILED [0:FAILED 1:FAILED]").await;
    let trace = worker.herder.task_status("a", 1).await.unwrap().trace.unwrap();
    let text = "org.apache.kafka.connect.runtime.TooManyTasksException: The connector a has generated 2 tasks";
    assert!(trace.starts_with(text), "{trace}");
}

#[tokio::test(start_paused = true)]
async fn task_configurations_that_cannot_be_made_or_stored_are_tried_again() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks", "panic")]).await;
    worker.wait("a", "RUNNING []").await;
    worker.put("a", &[]).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;

    worker.create("b", &[]).await;
    worker.configs.break_writes(true);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    worker.configs.break_writes(false);
    worker.wait("b", "RUNNING [0:RUNNING]").await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_is_shown_and_leaves_the_others_alone() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.tasks.fail("a-1");
    worker.wait("a", "RUNNING [0:RUNNING 1:FAILED]").await;
    assert_eq!(worker.herder.task_status("a", 1).await.unwrap().trace.as_deref(), Some("it broke\n"));
    worker.herder.set_target("a", Paused).await.unwrap();
    worker.wait("a", "PAUSED [0:PAUSED 1:FAILED]").await;

    worker.create("b", &[("task", "panic")]).await;
    worker.wait("b", "RUNNING [0:FAILED]").await;
    let trace = worker.herder.task_status("b", 0).await.unwrap().trace.unwrap();
    assert!(trace.contains("told to panic"), "{trace}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_given_up_for_a_successor_and_for_the_end() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("task", "hang")]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.put("a", &[("task", "hang"), ("key", "new")]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(worker.tasks.started(), ["a-0"], "it still has time to stop");
    worker.until("a successor", |worker| worker.tasks.started() == ["a-0", "a-0"]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("a", Stopped).await.unwrap();
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, worker.herder.shut_down()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_new_task_set_starts_when_the_old_one_has_ended() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.put("a", &[("tasks.max", "2"), ("key", "new")]).await.unwrap();
    worker.until("four starts", |worker| worker.tasks.started().len() == 4).await;
    assert_eq!(worker.tasks.most_live.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_everything_and_refuses_requests() {
    let worker = TestWorker::new().await;
    worker.create("a", &[("tasks.max", "2")]).await;
    worker.wait("a", "RUNNING [0:RUNNING 1:RUNNING]").await;
    worker.herder.shut_down().await;
    assert_eq!(worker.tasks.live.load(std::sync::atomic::Ordering::SeqCst), 0);
    let last = |key: &str| {
        let entries = worker.statuses.entries();
        entries.into_iter().rfind(|(known, _)| known == key).and_then(|(_, value)| value).unwrap()
    };
    for key in ["status-connector-a", "status-task-a-0", "status-task-a-1"] {
        assert!(last(key).starts_with("{\"state\":\"UNASSIGNED\",\"trace\":null"), "{}", last(key));
    }
    assert_eq!(message(worker.herder.delete("a").await), "Worker is shutting down");
    assert!(!worker.herder.health().await.ready);
    worker.herder.shut_down().await;
}
