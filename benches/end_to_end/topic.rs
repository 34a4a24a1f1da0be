//! The topics: stock quotes as JSON, all of one length, each with its number.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::lab::Lab;

/// The number of a topic's first record. All numbers have ten digits, so that all records have one length.
pub(crate) const FIRST_NUMBER: u64 = 1_000_000_000;

/// Bytes of a record.
pub(crate) const RECORD_BYTES: usize = 198;

const PATIENCE: Duration = Duration::from_secs(60);

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

/// Writes the records, evenly over the partitions, and sees that the broker has them all.
pub(crate) fn fill(bootstrap: &str, topic: &str, partitions: i32, records: u64) -> Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", "20")
        .set("batch.size", "500000")
        .set("queue.buffering.max.kbytes", "65536")
        .create()?;
    let (mut random, mut text) = (SmallRng::seed_from_u64(1), Vec::with_capacity(RECORD_BYTES));
    for (number, partition) in (FIRST_NUMBER..FIRST_NUMBER + records).zip((0..partitions).cycle()) {
        quote(number, &mut random, &mut text)?;
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(&text);
        send(&producer, record)?;
    }
    producer.flush(PATIENCE).context("the topic cannot be filled")?;
    let stored = count(bootstrap, topic, partitions)?;
    ensure!(stored == records, "{topic} has {stored} records, not the {records} that were written");
    Ok(())
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

/// One quote. No price ends in a zero, which printing would drop.
fn quote(number: u64, random: &mut SmallRng, text: &mut Vec<u8>) -> Result<()> {
    let mut price = || f64::from(random.random_range(1_000..9_999) * 10 + random.random_range(1..10)) / 100.0;
    let (price, bid, ask) = (price(), price(), price());
    let symbol = ["ACME", "GLOB", "INIT", "UMBR"].choose(random).unwrap_or(&"ACME");
    let side = if random.random() { "B" } else { "S" };
    let quantity = random.random_range(1_000..10_000);
    let time = 1_767_225_600_000 + number % 1_000_000;
    let account = random.random_range(10_000..100_000);
    text.clear();
    write!(text, r#"{{"sequence":{number},"symbol":"{symbol}","exchange":"XNAS","side":"{side}","price":{price},"#,)?;
    write!(
        text,
        r#""quantity":{quantity},"bid":{bid},"ask":{ask},"time":{time},"account":"A{account}","broker":"NWSC","#,
    )?;
    write!(text, r#""currency":"USD"}}"#)?;
    ensure!(text.len() == RECORD_BYTES, "a record has {} bytes: {}", text.len(), String::from_utf8_lossy(text));
    Ok(())
}
