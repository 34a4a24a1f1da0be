use longshore_api::ConnectError;
use serde_json::{Value as Json, json};

use super::harness::{TestWorker, message, sink};
use crate::herder::{CreateRequest, Herder, HerderErrorKind};
use crate::task::TargetState::Stopped;

async fn stopped(class: &str, more: &[(&str, &str)]) -> TestWorker {
    let worker = TestWorker::new().await;
    let mut config = sink("a", more);
    config.insert("connector.class".to_owned(), Some(class.to_owned()));
    worker.herder.create(CreateRequest { name: "a".to_owned(), config, initial_state: None }).await.unwrap();
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.herder.set_target("a", Stopped).await.unwrap();
    worker.wait("a", "STOPPED []").await;
    worker
}

fn entry(partition: Json, offset: Json) -> Vec<(Json, Json)> {
    vec![(partition, offset)]
}

fn sink_entry(number: Json, offset: Json) -> Vec<(Json, Json)> {
    entry(json!({"kafka_topic": "t", "kafka_partition": number}), offset)
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_sink_are_those_of_its_group() {
    let worker = stopped("test.SinkConnector", &[]).await;
    let altered = worker.herder.alter_offsets("a", sink_entry(json!("0"), json!({"kafka_offset": "42"}))).await;
    assert_eq!(altered.unwrap(), "The offsets for this connector have been altered successfully");
    assert!(worker.groups.groups.lock().unwrap().contains_key("connect-a"));
    let listed = worker.herder.offsets("a").await.unwrap();
    let expected = json!({"partition": {"kafka_partition": 0, "kafka_topic": "t"}, "offset": {"kafka_offset": 42}});
    assert_eq!(listed, json!({ "offsets": [expected] }));

    worker.herder.alter_offsets("a", sink_entry(json!(0), Json::Null)).await.unwrap();
    assert_eq!(worker.herder.offsets("a").await.unwrap(), json!({"offsets": []}));
    worker.herder.alter_offsets("a", sink_entry(json!(0), json!({"kafka_offset": 1}))).await.unwrap();
    let reset = worker.herder.reset_offsets("a").await.unwrap();
    assert_eq!(reset, "The offsets for this connector have been reset successfully");
    assert!(worker.groups.groups.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_of_its_own_is_the_one_whose_offsets_count() {
    let worker = stopped("test.SinkConnector", &[("consumer.override.group.id", "mine")]).await;
    worker.herder.alter_offsets("a", sink_entry(json!(0), json!({"kafka_offset": 1}))).await.unwrap();
    assert!(worker.groups.groups.lock().unwrap().contains_key("mine"));
}

#[tokio::test(start_paused = true)]
async fn a_group_with_members_is_left_alone() {
    let worker = stopped("test.SinkConnector", &[]).await;
    let is_in_use = ConnectError::fatal("the group is not empty")
        .with_class("org.apache.kafka.common.errors.GroupNotEmptyException");
    *worker.groups.refusal.lock().unwrap() = Some(is_in_use);
    let refusal = message(worker.herder.alter_offsets("a", sink_entry(json!(0), json!({"kafka_offset": 1}))).await);
    let start = "consumer group offsets for connector a either because its tasks haven't stopped completely yet";
    assert!(refusal.starts_with(&format!("Failed to alter {start}")), "{refusal}");
    let refusal = message(worker.herder.reset_offsets("a").await);
    assert!(refusal.starts_with(&format!("Failed to reset {start}")), "{refusal}");
    // Whatever else goes wrong has nothing to do with tasks.
    *worker.groups.refusal.lock().unwrap() = Some(ConnectError::retriable("no such topic"));
    let refusal = message(worker.herder.alter_offsets("a", sink_entry(json!(0), json!({"kafka_offset": 1}))).await);
    assert_eq!(refusal, "Failed to alter consumer group offsets for connector a");
    let refusal = message(worker.herder.reset_offsets("a").await);
    assert_eq!(refusal, "Failed to reset consumer group offsets for sink connector a");
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_source_are_those_that_it_stored() {
    let worker = stopped("test.SourceConnector", &[]).await;
    let altered = worker.herder.alter_offsets("a", entry(json!({"file": "f"}), json!({"position": 3}))).await.unwrap();
    assert_eq!(
        altered,
        "The Connect framework-managed offsets for this connector have been altered successfully. However, if this \
         connector manages offsets externally, they will need to be manually altered in the system that the connector \
         uses."
    );
    assert_eq!(
        worker.offsets.entries(),
        [("[\"a\",{\"file\":\"f\"}]".to_owned(), Some("{\"position\":3}".to_owned()))]
    );
    let listed = worker.herder.offsets("a").await.unwrap();
    assert_eq!(listed, json!({"offsets": [{"partition": {"file": "f"}, "offset": {"position": 3}}]}));
    worker.herder.reset_offsets("a").await.unwrap();
    assert_eq!(worker.herder.offsets("a").await.unwrap(), json!({"offsets": []}));
    worker.herder.reset_offsets("a").await.unwrap();

    let nested = entry(json!({"file": ["f"]}), json!({"position": 3}));
    let refusal = message(worker.herder.alter_offsets("a", nested).await);
    assert_eq!(refusal, "Offsets may only contain primitive types as values, but field file contains ARRAY");
    worker.herder.alter_offsets("a", entry(Json::Null, Json::Null)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_a_stopped_connector_has_its_offsets_changed() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let refusal = worker.herder.reset_offsets("a").await.unwrap_err();
    assert_eq!(refusal.kind, HerderErrorKind::BadRequest);
    assert_eq!(
        refusal.message,
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
         specified connector by issuing a 'PUT' request to the '/connectors/a/stop' endpoint"
    );
    assert_eq!(message(worker.herder.reset_offsets("b").await), "Connector b not found");
    assert_eq!(message(worker.herder.offsets("b").await), "Connector b not found");
}

#[tokio::test(start_paused = true)]
async fn an_offset_that_a_connector_refuses_is_not_stored() {
    for how in ["fail", "panic"] {
        let worker = stopped("test.SourceConnector", &[("alter", how)]).await;
        let refusal = message(worker.herder.alter_offsets("a", entry(json!({"f": 1}), json!({"p": 1}))).await);
        assert!(refusal.contains(&format!("told to {how} at alter")), "{refusal}");
        assert_eq!(worker.offsets.entries(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_sink_offsets_are_refused_in_connects_words() {
    let worker = stopped("test.SinkConnector", &[]).await;
    let fine = json!({"kafka_offset": 1});
    let cases = [
        (Vec::new(), "Partitions / offsets need to be provided for an alter offsets request"),
        (entry(Json::Null, fine.clone()), "The partition for a sink connector offset cannot be null or missing"),
        (
            entry(json!({"kafka_topic": "t"}), fine.clone()),
            "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
        ),
        (
            entry(json!({"kafka_topic": null, "kafka_partition": 0}), fine.clone()),
            "Kafka topic names must be valid strings and may not be null",
        ),
        (sink_entry(Json::Null, fine.clone()), "Kafka partitions must be valid numbers and may not be null"),
        (
            sink_entry(json!("x"), fine),
            "Failed to parse the following Kafka partition value in the provided offsets: 'x'. Partition values for \
             sink connectors need to be integers.",
        ),
        (
            sink_entry(json!(0), json!({"other": 1})),
            "The offset for a sink connector should either be null or contain the key 'kafka_offset'",
        ),
        (
            sink_entry(json!(0), json!({"kafka_offset": 1.5})),
            "Failed to parse the following Kafka offset value in the provided offsets: '1.5'. Offset values for sink \
             connectors need to be integers.",
        ),
    ];
    for (offsets, expected) in cases {
        assert_eq!(message(worker.herder.alter_offsets("a", offsets).await), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_connectors_are_told_in_the_words_of_each_call() {
    let worker = TestWorker::new().await;
    let herder = &worker.herder;
    assert_eq!(message(herder.set_target("x", Stopped).await), "Unknown connector x");
    assert_eq!(message(herder.tasks("x").await), "Connector x not found");
    assert_eq!(message(herder.config("x").await), "Connector x not found");
    assert_eq!(message(herder.status("x").await), "No status found for connector x");
    assert_eq!(message(herder.task_status("x", -1).await), "No status found for task x--1");
    assert_eq!(herder.topics("x").await.unwrap(), Vec::<String>::new());
    herder.reset_topics("x").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_changes_nothing_and_says_so() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    worker.configs.break_writes(true);
    assert_eq!(message(worker.put("b", &[]).await), "Error writing connector configuration to Kafka");
    assert_eq!(message(worker.herder.delete("a").await), "Error removing connector configuration from Kafka");
    assert_eq!(message(worker.herder.set_target("a", Stopped).await), "Error writing task configurations to Kafka");
    assert_eq!(worker.herder.connectors().await.unwrap(), ["a"]);
    assert_eq!(worker.status("a").await, "RUNNING [0:RUNNING]");
}

#[tokio::test(start_paused = true)]
async fn the_level_of_a_logger_reaches_all_workers_by_the_config_topic() {
    let worker = TestWorker::new().await;
    worker.herder.set_cluster_level("org.apache.kafka", "debug").await.unwrap();
    let record = ("logger-cluster-org.apache.kafka".to_owned(), Some("{\"level\":\"debug\"}".to_owned()));
    assert_eq!(worker.configs.entries(), [record]);
    worker.configs.write("logger-cluster-longshore", "{\"level\":\"WARN\"}");
    let both = [("org.apache.kafka", "debug"), ("longshore", "WARN")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    worker.until("another worker's is heard", |worker| *worker.levels.lock().unwrap() == both).await;
    let worker = worker.restarted().await;
    worker.is_ready().await;
    assert!(worker.levels.lock().unwrap().is_empty(), "levels of the past are not for a worker that starts");
    worker.configs.break_writes(true);
    let refusal = worker.herder.set_cluster_level("a", "INFO").await;
    assert_eq!(message(refusal), "Error writing logger level to Kafka");
}

#[tokio::test(start_paused = true)]
async fn the_expanded_list_has_what_was_asked_for_in_that_order() {
    let worker = TestWorker::new().await;
    worker.create("a", &[]).await;
    worker.wait("a", "RUNNING [0:RUNNING]").await;
    let keys = async |expand: &[&str]| {
        let expand: Vec<String> = expand.iter().map(|part| (*part).to_owned()).collect();
        let expanded = worker.herder.expanded(&expand).await.unwrap();
        expanded["a"].keys().copied().collect::<Vec<_>>()
    };
    assert_eq!(keys(&["status", "info"]).await, ["status", "info"]);
    assert_eq!(keys(&["info", "bogus"]).await, ["info"]);
    assert_eq!(keys(&["bogus"]).await, Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_standalone_worker_answers_when_the_tasks_are_there() {
    let worker = TestWorker::standalone().await;
    let info = worker.try_create("a", &[("tasks.max", "2")], None).await.unwrap();
    assert_eq!(info.tasks.len(), 2);
    let stored = worker.put("a", &[("tasks.max", "1")]).await.unwrap();
    assert_eq!((stored.created, stored.info.tasks.len()), (false, 1));
    let failure = worker.try_create("b", &[("start", "fail")], None).await;
    assert_eq!(message(failure), "told to fail at start");
    assert!(worker.herder.config("b").await.is_ok(), "the configuration stays stored");
    assert_eq!(message(worker.herder.set_target("x", Stopped).await), "No connector `x` configured");
    assert_eq!(message(worker.herder.restart_task("a", 7).await), "Task a-7 not found");
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_healthy_when_it_has_taken_everything_over() {
    let worker = TestWorker::new().await;
    assert!(!worker.herder.health().await.ready, "it says so at once");
    worker.is_ready().await;
    let health = worker.herder.health().await;
    assert!(health.ready);
    assert!(health.stage.starts_with("The "), "{}", health.stage);
}

#[tokio::test(start_paused = true)]
async fn a_validation_that_does_not_fit_its_url_is_refused() {
    let worker = TestWorker::new().await;
    let refusal = worker.herder.validate("Other", sink("a", &[])).await.unwrap_err();
    assert_eq!(refusal.kind, HerderErrorKind::BadRequest);
    assert_eq!(refusal.message, "Included connector type test.SinkConnector does not match request type Other");
    let refusal = worker.herder.validate("Sink", Default::default()).await.unwrap_err();
    assert_eq!(refusal.kind, HerderErrorKind::Internal);
    assert_eq!(
        refusal.message,
        "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: Connector config {} contains no connector type"
    );
    assert_eq!(worker.herder.validate("Sink", sink("a", &[])).await.unwrap().error_count, 0);
}
