//! Against the native client's mock cluster; what only a real broker can show is in `tests/kafka_room.rs`.

mod consume;
mod log;
mod produce;
mod translate;

use std::time::Duration;

use longshore_api::Props;

use super::{MockBroker, Producer, ProducerRecord};
use crate::config::TopicSpec;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn topic(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, replication_factor: 1, settings: Props::new() }
}

/// A broker with a topic of so many partitions.
fn broker_with(name: &str, partitions: i32) -> MockBroker {
    let broker = MockBroker::start().unwrap();
    broker.create_topic(&topic(name, partitions)).unwrap();
    broker
}

fn producer(broker: &MockBroker) -> Producer {
    Producer::new(&props(&[("bootstrap.servers", &broker.bootstrap_servers())])).unwrap()
}

/// Writes numbered records, round the partitions.
async fn fill(broker: &MockBroker, topic: &str, partitions: i32, numbers: std::ops::Range<usize>) {
    let producer = producer(broker);
    for number in numbers {
        let value = number.to_string();
        let record = ProducerRecord {
            topic,
            partition: Some(number as i32 % partitions),
            value: Some(value.as_bytes()),
            ..ProducerRecord::default()
        };
        drop(producer.send(record).await.unwrap());
    }
    producer.flush(PATIENCE).await.unwrap();
}
