//! What reading alone costs: no worker can carry more records for a CPU second.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use longshore::kafka::{BatchLimits, ConsumerEvent, ConsumerSettings, SinkConsumer, Subscription};
use longshore_test_servers::unique;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Serialize;

use crate::lab::Lab;
use crate::options::Plan;
use crate::process::Process;
use crate::topic::RECORD_BYTES;

const PATIENCE: Duration = Duration::from_secs(60);

/// A reader that counts the records and looks at nothing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limit {
    pub(crate) reader: &'static str,
    pub(crate) records_per_second: f64,
    pub(crate) records_per_cpu_second: f64,
}

/// Reads the topic of the file pipelines, `runs` times each way in turns.
pub(crate) fn measure(lab: &Lab, plan: &Plan) -> Result<Vec<Limit>> {
    eprintln!("limit: readers that only count");
    let mut limits = Vec::new();
    for _ in 0..plan.runs {
        limits.push(time(plan, "rust-rdkafka, a poll a record", || read_one_by_one(lab, plan))?);
        limits.push(time(plan, "Longshore's reader, in batches", || lab.runtime().block_on(read_batches(lab, plan)))?);
    }
    Ok(limits)
}

fn time(plan: &Plan, reader: &'static str, read: impl FnOnce() -> Result<u64>) -> Result<Limit> {
    let this = Process(std::process::id());
    let (start, cpu) = (Instant::now(), this.cpu_seconds()?);
    let bytes = read()?;
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), this.cpu_seconds()? - cpu);
    let records = plan.file_records;
    ensure!(bytes == records * RECORD_BYTES as u64, "{reader} saw {bytes} bytes of {records} records");
    let count = records as f64;
    Ok(Limit { reader, records_per_second: count / seconds, records_per_cpu_second: count / cpu_seconds })
}

fn read_one_by_one(lab: &Lab, plan: &Plan) -> Result<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", lab.bootstrap())
        .set("group.id", unique("limit"))
        .set("enable.auto.commit", "false")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..plan.partitions {
        partitions.add_partition_offset(lab.limit_topic(), partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    let (mut records, mut bytes, end) = (0, 0, Instant::now() + PATIENCE);
    while records < plan.file_records {
        match consumer.poll(Duration::from_millis(100)) {
            Some(message) => {
                bytes += message?.payload_len() as u64;
                records += 1;
            }
            None => ensure!(Instant::now() < end, "only {records} records were read in {PATIENCE:?}"),
        }
    }
    Ok(bytes)
}

async fn read_batches(lab: &Lab, plan: &Plan) -> Result<u64> {
    let props = [
        ("bootstrap.servers", lab.bootstrap()),
        ("group.id", unique("limit")),
        ("auto.offset.reset", "earliest".to_owned()),
    ];
    let settings = ConsumerSettings {
        props: props.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        subscription: Subscription::Topics(vec![lab.limit_topic().to_owned()]),
        limits: BatchLimits { records: 10_000, bytes: 4 << 20 },
        headers: false,
    };
    let (consumer, mut events) = SinkConsumer::start(settings)?;
    let (mut records, mut bytes) = (0, 0);
    while records < plan.file_records {
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
