//! What the work costs without a worker: no worker can do it for less.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use longshore::kafka::{BatchLimits, ConsumerEvent, ConsumerSettings, SinkConsumer, Subscription};
use longshore_test_servers::unique;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde::Serialize;

use crate::lab::Lab;
use crate::pipeline::Pipeline;
use crate::process::Process;
use crate::quote::JSON_BYTES;
use crate::topic::Topic;

const PATIENCE: Duration = Duration::from_secs(60);

/// A way to do without a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Raw {
    /// Records are read by rust-rdkafka, a poll a record, and counted.
    OneByOne,
    /// Records are read as Longshore's sinks do, and counted.
    InBatches,
    /// Records are read by rust-rdkafka, a poll a record, and the same bytes are written as lines in the plainest way
    /// that the destination has.
    Write,
}

/// What one measurement of a way gave.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limit {
    pub(crate) pipeline: &'static Pipeline,
    pub(crate) raw: Raw,
    /// Counted from 1.
    pub(crate) run: u32,
    pub(crate) records_per_second: f64,
    pub(crate) records_per_cpu_second: f64,
}

impl Raw {
    /// What is done, as it stands in a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::OneByOne => "rust-rdkafka reads, a poll a record",
            Self::InBatches => "Longshore's reader, in batches",
            Self::Write => "rust-rdkafka reads, the same bytes are written",
        }
    }
}

/// Measures a way to carry the records of a pipeline's topic.
pub(crate) fn measure(lab: &Lab, pipeline: &'static Pipeline, topic: &Topic, raw: Raw, run: u32) -> Result<Limit> {
    let destination = pipeline.target.open(lab)?;
    let this = Process(std::process::id());
    let (start, cpu) = (Instant::now(), this.cpu_seconds()?);
    let bytes = match raw {
        Raw::OneByOne => read_one_by_one(lab, topic, |_record| ())?,
        Raw::InBatches => lab.runtime().block_on(read_batches(lab, topic))?,
        Raw::Write => {
            let mut lines = Vec::new();
            let bytes = read_one_by_one(lab, topic, |record| {
                lines.extend(record);
                lines.push(b'\n');
            })?;
            destination.write(topic, lines)?;
            bytes
        }
    };
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), this.cpu_seconds()? - cpu);
    let records = topic.records;
    ensure!(bytes == records * JSON_BYTES as u64, "{} saw {bytes} bytes of {records} records", raw.title());
    if raw == Raw::Write {
        destination.check(records)?;
        destination.clear()?;
    }
    let count = records as f64;
    Ok(Limit { pipeline, raw, run, records_per_second: count / seconds, records_per_cpu_second: count / cpu_seconds })
}

/// The bytes of all records.
fn read_one_by_one(lab: &Lab, topic: &Topic, mut take: impl FnMut(&[u8])) -> Result<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", lab.bootstrap())
        .set("group.id", unique("limit"))
        .set("enable.auto.commit", "false")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..topic.partitions {
        partitions.add_partition_offset(&topic.name, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    let (mut records, mut bytes, end) = (0, 0, Instant::now() + PATIENCE);
    while records < topic.records {
        match consumer.poll(Duration::from_millis(100)) {
            Some(message) => {
                let message = message?;
                let record = message.payload().unwrap_or_default();
                bytes += record.len() as u64;
                records += 1;
                take(record);
            }
            None => ensure!(Instant::now() < end, "only {records} records were read in {PATIENCE:?}"),
        }
    }
    Ok(bytes)
}

/// The same as a sink reads.
async fn read_batches(lab: &Lab, topic: &Topic) -> Result<u64> {
    let props = [
        ("bootstrap.servers", lab.bootstrap()),
        ("group.id", unique("limit")),
        ("auto.offset.reset", "earliest".to_owned()),
    ];
    let settings = ConsumerSettings {
        props: props.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        subscription: Subscription::Topics(vec![topic.name.clone()]),
        limits: BatchLimits { records: 10_000, bytes: 4 << 20 },
        headers: false,
    };
    let (consumer, mut events) = SinkConsumer::start(settings)?;
    let (mut records, mut bytes) = (0, 0);
    while records < topic.records {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await;
        let event = event.with_context(|| format!("only {records} records were read"))?;
        match event.context("the reader ended")? {
            ConsumerEvent::Batch(batch) => {
                records += batch.row_count() as u64;
                bytes += batch.byte_count() as u64;
                consumer.recycle(batch);
            }
            ConsumerEvent::Failed(error) => bail!("the reader failed: {error}"),
            ConsumerEvent::Assigned(_) | ConsumerEvent::Rewound(_) | ConsumerEvent::Revoked { .. } => {}
        }
    }
    Ok(bytes)
}
