//! A producer and a reader of topics, beside the worker.

use std::time::{Duration, Instant};

use longshore_test_servers::kafka as broker;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::worker::PATIENCE;

/// Writes to a broker.
pub(crate) struct Writer {
    producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext>,
}

impl Writer {
    /// A writer to the broker that tests share.
    pub(crate) fn new() -> Self {
        Self::to(broker())
    }

    /// A writer to a broker.
    pub(crate) fn to(bootstrap: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "2")
            .set("message.max.bytes", "20000000")
            .create()
            .unwrap();
        Self { producer }
    }

    /// Sends a record; waits while the queue is full.
    pub(crate) fn send(&self, topic: &str, key: Option<&str>, value: Option<&str>) {
        self.send_bytes(topic, key, value.map(str::as_bytes));
    }

    /// The same with a value that is no text.
    pub(crate) fn send_bytes(&self, topic: &str, key: Option<&str>, value: Option<&[u8]>) {
        let mut record = BaseRecord::<str, [u8]>::to(topic);
        record.key = key;
        record.payload = value;
        self.send_record(record);
    }

    /// The same with headers.
    pub(crate) fn send_with(&self, topic: &str, key: Option<&str>, value: &[u8], headers: &[(&str, &str)]) {
        let mut record = BaseRecord::<str, [u8]>::to(topic).payload(value);
        record.key = key;
        let add = |all: OwnedHeaders, (key, value): &(&str, &str)| all.insert(Header { key, value: Some(*value) });
        record.headers = Some(headers.iter().fold(OwnedHeaders::new(), add));
        self.send_record(record);
    }

    fn send_record(&self, mut record: BaseRecord<'_, str, [u8]>) {
        while let Err((_full, again)) = self.producer.send(record) {
            record = again;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the broker has everything.
    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// Creates a topic on the broker that tests share.
pub(crate) fn create_topic(topic: &str, partitions: i32) {
    create_topic_on(broker(), topic, partitions);
}

/// Creates a topic on a broker.
pub(crate) fn create_topic_on(bootstrap: &str, topic: &str, partitions: i32) {
    create_topic_of(bootstrap, &NewTopic::new(topic, partitions, TopicReplication::Fixed(1)));
}

/// Creates a topic with settings on the broker that tests share.
pub(crate) fn create_topic_with(topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    create_topic_of(broker(), &settings.iter().fold(new, |new, (key, value)| new.set(key, value)));
}

fn create_topic_of(bootstrap: &str, new: &NewTopic<'_>) {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let created = runtime.block_on(admin.create_topics([new], &AdminOptions::new())).unwrap();
    assert!(created.iter().all(Result::is_ok), "{created:?}");
}

/// The topics of the broker that tests share.
pub(crate) fn topics() -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", broker()).create().unwrap();
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    metadata.topics().iter().map(|topic| topic.name().to_owned()).collect()
}

/// Reads a topic's first partition from the beginning until `count` records came.
pub(crate) fn read(topic: &str, count: usize) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker())
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&partitions).unwrap();
    let (mut messages, end) = (Vec::new(), Instant::now() + PATIENCE);
    while messages.len() < count {
        assert!(Instant::now() < end, "{topic} has only {} records of {count}", messages.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            messages.push(BorrowedMessage::detach(&message));
        }
    }
    messages
}

/// The offset that a group has committed for partition 0 of a topic; 0 for none.
pub(crate) fn committed(bootstrap: &str, group: &str, topic: &str) -> i64 {
    committed_of(bootstrap, group, topic, 0)
}

/// The same for another partition.
pub(crate) fn committed_of(bootstrap: &str, group: &str, topic: &str, partition: i32) -> i64 {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).set("group.id", group).create().unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition(topic, partition);
    let committed = consumer.committed_offsets(partitions, PATIENCE).unwrap();
    committed.elements()[0].offset().to_raw().unwrap_or(0).max(0)
}

/// The text of a header; `None` if it is not there.
pub(crate) fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    use rdkafka::message::Headers;
    let headers = message.headers()?;
    let value = headers.iter().find(|header| header.key == name)?.value?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The value as text.
pub(crate) fn text(message: &OwnedMessage) -> &str {
    message.payload().map_or("", |bytes| std::str::from_utf8(bytes).unwrap())
}
