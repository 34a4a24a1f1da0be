//! Topics of a broker, written and read beside the worker.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::worker::PATIENCE;

/// A record of an internal topic.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub partition: i32,
    pub key: String,
    /// `None` deletes the key.
    pub value: Option<String>,
}

/// The topics of a broker.
pub(crate) struct Topics {
    client: ClientConfig,
}

impl Topics {
    pub(crate) fn of(bootstrap: &str) -> Self {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap).set("enable.auto.commit", "false").set("group.id", "reader");
        Self { client }
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32, compacted: bool) {
        let admin: AdminClient<_> = self.client.create().unwrap();
        let policy = if compacted { "compact" } else { "delete" };
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("cleanup.policy", policy);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let created = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }

    /// Writes records to the partitions that they name.
    pub(crate) fn write(&self, topic: &str, records: &[Record]) {
        let producer: BaseProducer = self.client.create().unwrap();
        for record in records {
            let mut entry = BaseRecord::<str, str>::to(topic).key(&record.key).partition(record.partition);
            entry.payload = record.value.as_deref();
            producer.send(entry).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Commits offsets of a group, each of a topic's first partition.
    pub(crate) fn commit(&self, group: &str, offsets: &[(&str, i64)]) {
        let consumer: BaseConsumer = self.client.clone().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        for (topic, offset) in offsets {
            list.add_partition_offset(topic, 0, Offset::Offset(*offset)).unwrap();
        }
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    /// All records of a topic; those of one partition in order.
    pub(crate) fn read(&self, topic: &str) -> Vec<Record> {
        let consumer: BaseConsumer = self.client.create().unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len()) as i32;
        let mut list = TopicPartitionList::new();
        let mut missing = 0;
        for partition in 0..count {
            let (start, end) = consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap();
            missing += end - start;
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut records, patience) = (Vec::new(), Instant::now() + PATIENCE);
        while missing > 0 {
            assert!(Instant::now() < patience, "{missing} records of {topic} cannot be read");
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            missing -= 1;
            records.push(Record {
                partition: message.partition(),
                key: message.key().map(text).unwrap_or_default(),
                value: message.payload().map(text),
            });
        }
        records
    }
}
