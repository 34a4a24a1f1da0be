//! The stores on the topics of a real broker: what is written outlives the worker, and other workers see it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use longshore::config::{Mode, TopicSpec, WorkerConfig, clients};
use longshore::kafka::{LogPurpose, TopicLogs};
use longshore::store::{ConfigChange, InternalTopic, Log, Status, StatusKey, Stores};
use longshore::task::{SourceOffsets, State, TargetState};
use longshore_api::{Props, SourceMap, Value};
use longshore_test_servers as servers;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn worker() -> WorkerConfig {
    let group = servers::unique("stores");
    let worker = props(&[
        ("bootstrap.servers", servers::kafka()),
        ("group.id", &group),
        ("config.storage.topic", &format!("{group}-configs")),
        ("offset.storage.topic", &format!("{group}-offsets")),
        ("status.storage.topic", &format!("{group}-statuses")),
        ("config.storage.replication.factor", "1"),
        ("offset.storage.replication.factor", "1"),
        ("status.storage.replication.factor", "1"),
        ("key.converter", "K"),
        ("value.converter", "V"),
    ]);
    WorkerConfig::load(Mode::Distributed, worker, []).unwrap()
}

async fn open(worker: &WorkerConfig) -> Stores {
    let logs = TopicLogs::new(&clients::internal_props(worker, "logs")).unwrap();
    let open_log = async |topic: InternalTopic, spec: TopicSpec| {
        let purpose = match topic {
            InternalTopic::Config => LogPurpose::Configs,
            InternalTopic::Offset => LogPurpose::Offsets,
            InternalTopic::Status => LogPurpose::Statuses,
        };
        Ok(Box::new(logs.open(&spec, purpose).await?) as Box<dyn Log>)
    };
    Stores::open(worker, open_log).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_outlives_the_worker_and_is_seen_by_others() {
    let worker = worker();
    let (mut one, mut two) = (open(&worker).await, open(&worker).await);
    let partition: SourceMap = [("file".to_owned(), Value::string("a"))].into_iter().collect();
    let offset: SourceMap = [("position".to_owned(), Value::Int64(7))].into_iter().collect();
    let status = Status { state: State::Running, trace: None, worker_id: "w".into(), generation: 1, version: None };

    one.config.put_connector("c", props(&[("name", "c")]), Some(TargetState::Paused)).await.unwrap();
    one.config.put_tasks("c", vec![props(&[("n", "0")]), props(&[("n", "1")])]).await.unwrap();
    one.offsets.put("c", vec![(partition.clone().into(), offset.clone())]).await.unwrap();
    one.statuses.put(StatusKey::Connector("c".into()), &status);
    timeout(SOON, one.statuses.flush()).await.unwrap().unwrap();

    let mut changes = Vec::new();
    while two.config.state().tasks("c").len() < 2 {
        changes.extend(timeout(SOON, two.config.next()).await.unwrap().unwrap());
    }
    let connector = "c".to_owned();
    assert_eq!(changes, [ConfigChange::Connector { connector: connector.clone() }, ConfigChange::Tasks { connector }]);
    assert_eq!(two.offsets.get("c", &partition).await.unwrap(), Some(offset.clone()));
    timeout(SOON, two.statuses.flush()).await.unwrap().unwrap();
    assert_eq!(two.statuses.state().connector("c"), Some(&status));

    drop((one, two));
    let again = open(&worker).await;
    assert_eq!(again.config.state().target("c"), Some(TargetState::Paused));
    assert_eq!(again.config.state().tasks("c").len(), 2);
    assert_eq!(again.offsets.list("c").await.unwrap(), [(partition, offset)]);
    assert_eq!(again.statuses.state().connector("c"), Some(&status));
}
