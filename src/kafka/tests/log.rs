use longshore_api::ErrorKind;
use tokio::time::timeout;

use super::*;
use crate::kafka::{LogPurpose, TopicLog, TopicLogs};
use crate::store::{Log, LogRecord};

async fn open(broker: &MockBroker, name: &str, purpose: LogPurpose) -> TopicLog {
    // What is the worker's own, and no client's, does not disturb.
    let props = props(&[
        ("bootstrap.servers", &broker.bootstrap_servers()),
        ("group.id", "connect-cluster"),
        ("session.timeout.ms", "10000"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ]);
    TopicLogs::new(&props).unwrap().open(&topic(name, 1), purpose).await.unwrap()
}

fn entries(range: std::ops::Range<usize>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    range.map(|number| (format!("key{number}").into_bytes(), Some(number.to_string().into_bytes()))).collect()
}

fn keys(records: &[LogRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.key.clone()).unwrap()).collect()
}

#[tokio::test]
async fn a_log_gives_back_what_was_written_from_the_beginning_and_then_what_comes() {
    let broker = broker_with("configs", 1);
    let mut log = open(&broker, "configs", LogPurpose::Configs).await;
    assert_eq!(log.partitions(), 1);
    assert!(timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap().is_empty());

    log.writer().append(entries(0..100)).await.unwrap();
    log.writer().append(vec![(b"key0".to_vec(), None)]).await.unwrap();
    let records = timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap();
    assert_eq!(records.len(), 101);
    assert_eq!(records[7], LogRecord { offset: 7, key: b"key7".to_vec(), value: Some(b"7".to_vec()) });
    assert_eq!(records[100], LogRecord { offset: 100, key: b"key0".to_vec(), value: None });

    // Another worker reads all of it, and then waits for more.
    let mut other = open(&broker, "configs", LogPurpose::Configs).await;
    assert_eq!(timeout(PATIENCE, other.read_to_end()).await.unwrap().unwrap(), records);
    assert!(timeout(Duration::from_millis(300), other.next()).await.is_err());
    log.writer().append(entries(100..101)).await.unwrap();
    assert_eq!(keys(&timeout(PATIENCE, other.next()).await.unwrap().unwrap()), ["key100"]);
    assert!(timeout(PATIENCE, other.read_to_end()).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_log_of_many_partitions_is_read_to_the_end_of_each() {
    let broker = broker_with("offsets", 25);
    let mut log = open(&broker, "offsets", LogPurpose::Offsets).await;
    assert_eq!(log.partitions(), 25);
    log.writer().append(entries(0..500)).await.unwrap();
    let mut read = keys(&timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap());
    let mut written: Vec<String> = (0..500).map(|number| format!("key{number}")).collect();
    read.sort();
    written.sort();
    assert_eq!(read, written);
}

#[tokio::test]
async fn the_logs_of_a_worker_share_a_reader_and_do_not_mix() {
    let broker = broker_with("configs", 1);
    broker.create_topic(&topic("offsets", 3)).unwrap();
    let logs = TopicLogs::new(&props(&[("bootstrap.servers", &broker.bootstrap_servers())])).unwrap();
    let mut configs = logs.open(&topic("configs", 1), LogPurpose::Configs).await.unwrap();
    let mut offsets = logs.open(&topic("offsets", 3), LogPurpose::Offsets).await.unwrap();
    let mut again = logs.open(&topic("configs", 1), LogPurpose::Configs).await.unwrap();
    drop(logs);
    configs.writer().append(entries(0..2)).await.unwrap();
    offsets.writer().append(entries(2..5)).await.unwrap();
    let (read, other) = tokio::join!(configs.read_to_end(), offsets.read_to_end());
    assert_eq!(keys(&read.unwrap()), ["key0", "key1"]);
    let mut other = keys(&other.unwrap());
    other.sort();
    assert_eq!(other, ["key2", "key3", "key4"]);

    // What one log has read is not in the other's way, and the end of one leaves the other alone.
    offsets.writer().append(entries(5..6)).await.unwrap();
    assert!(configs.read_to_end().await.unwrap().is_empty());
    assert_eq!(keys(&timeout(PATIENCE, offsets.next()).await.unwrap().unwrap()), ["key5"]);
    drop(offsets);
    configs.writer().append(entries(6..7)).await.unwrap();
    assert_eq!(keys(&timeout(PATIENCE, configs.next()).await.unwrap().unwrap()), ["key6"]);
    assert_eq!(again.read_to_end().await.unwrap_err().kind, ErrorKind::Config);
}

#[tokio::test]
async fn records_without_a_key_are_passed_over() {
    let broker = broker_with("statuses", 1);
    fill(&broker, "statuses", 1, 0..3).await;
    let mut log = open(&broker, "statuses", LogPurpose::Statuses).await;
    log.writer().append(entries(0..1)).await.unwrap();
    assert_eq!(keys(&timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap()), ["key0"]);
}

#[tokio::test]
async fn a_config_topic_of_several_partitions_is_refused_in_connects_words() {
    let broker = broker_with("configs", 2);
    let props = props(&[("bootstrap.servers", &broker.bootstrap_servers())]);
    let error = TopicLogs::new(&props).unwrap().open(&topic("configs", 1), LogPurpose::Configs).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Config);
    let start =
        "Topic 'configs' supplied via the 'config.storage.topic' property is required to have a single partition";
    assert!(error.to_string().starts_with(start), "{error}");
}

#[tokio::test]
async fn brokers_that_do_not_come_up_are_waited_for_only_so_long() {
    let broker = broker_with("configs", 1);
    broker.set_down(true).unwrap();
    let props = props(&[("bootstrap.servers", &broker.bootstrap_servers()), ("default.api.timeout.ms", "2000")]);
    let logs = TopicLogs::new(&props).unwrap();
    let opened = timeout(PATIENCE, logs.open(&topic("configs", 1), LogPurpose::Configs)).await.unwrap();
    assert_eq!(opened.err().unwrap().kind, ErrorKind::Retriable);
}
