//! The topics that the pipelines read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::quote::{AVRO_SCHEMA, Quote};

const PATIENCE: Duration = Duration::from_secs(60);

/// How many objects a sink of objects makes of a partition; all of one size.
pub(crate) const OBJECTS_A_PARTITION: u64 = 4;

/// What the records of a topic are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    /// With its schema in the registry.
    Avro,
}

/// A topic that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) content: Content,
    pub(crate) records: u64,
}

impl Topic {
    /// The records of an object, where a sink lets them be counted.
    pub(crate) fn records_an_object(&self) -> u64 {
        self.records / (OBJECTS_A_PARTITION * u64::from(self.partitions.unsigned_abs()))
    }

    /// Creates a topic, writes its records, evenly over the partitions, and sees that the broker has them all.
    pub(crate) fn fill(lab: &Lab, content: Content, partitions: i32, records: u64) -> Result<Self> {
        let kind = match content {
            Content::Json => "json",
            Content::Avro => "avro",
        };
        let name = format!("quotes-{kind}-{records}");
        eprintln!("writing {records} records to {name}");
        create(lab, &name, partitions)?;
        let schema = match content {
            Content::Json => 0,
            Content::Avro => register(lab.registry(), &name)?,
        };
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", lab.bootstrap())
            .set("linger.ms", "20")
            .set("batch.size", "500000")
            .set("queue.buffering.max.kbytes", "65536")
            .create()?;
        let mut bytes = Vec::new();
        for (quote, partition) in Quote::all(records).zip((0..partitions).cycle()) {
            match content {
                Content::Json => quote.write_json(&mut bytes)?,
                Content::Avro => quote.write_avro(schema, &mut bytes)?,
            }
            send(&producer, BaseRecord::<[u8], [u8]>::to(&name).partition(partition).payload(&bytes))?;
        }
        producer.flush(PATIENCE).context("the topic cannot be filled")?;
        let stored = count(&lab.bootstrap(), &name, partitions)?;
        ensure!(stored == records, "{name} has {stored} records, not the {records} that were written");
        Ok(Self { name, partitions, content, records })
    }
}

/// Creates a topic.
pub(crate) fn create(lab: &Lab, topic: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", lab.bootstrap()).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let created = lab.runtime().block_on(admin.create_topics([&new], &AdminOptions::new()))?;
    for outcome in created {
        outcome.map_err(|(topic, code)| anyhow::anyhow!("topic {topic} cannot be created: {code}"))?;
    }
    Ok(())
}

/// Registers the schema of a topic's values as a producer would, and gives its id.
fn register(registry: String, topic: &str) -> Result<i32> {
    let mut answer = ureq::post(format!("{registry}/subjects/{topic}-value/versions"))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send(json!({ "schema": AVRO_SCHEMA }).to_string())
        .context("the registry refuses the schema")?;
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    let id = answer["id"].as_i64().with_context(|| format!("no id in the registry's answer {answer}"))?;
    Ok(i32::try_from(id)?)
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while let Err((error, again)) = producer.send(record) {
        if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) || Instant::now() > end {
            bail!("a record cannot be written: {error}");
        }
        record = again;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn count(bootstrap: &str, topic: &str, partitions: i32) -> Result<u64> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let mut records = 0;
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        records += u64::try_from(high - low)?;
    }
    Ok(records)
}
