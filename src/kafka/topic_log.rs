//! The worker's own state on a compacted topic.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_api::{ConnectError, ErrorKind, Props, Result};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::admin::{Admin, Creation};
use super::errors;
use super::log_reader::{self, LogContext, Shared};
use super::producer::{Producer, ProducerRecord};
use crate::config::TopicSpec;
use crate::store::{Log, LogEntry, LogRecord, LogWriter};

/// How long the topic may take to come into being and its ends to become known, where `default.api.timeout.ms` does
/// not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an entry may take to become durable, where `delivery.timeout.ms` does not say: what Connect's config store
/// waits in all.
const APPEND_TIMEOUT_MS: &str = "30000";
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long one question for the ends may hold its thread up.
const ENDS_TIMEOUT: Duration = Duration::from_secs(5);

/// What a log keeps; decides what its topic must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPurpose {
    /// Connectors' and tasks' configurations: one partition, always.
    Configs,
    /// Source connectors' offsets.
    Offsets,
    /// Connectors' and tasks' statuses.
    Statuses,
}

impl LogPurpose {
    /// The worker's key that names the topic.
    pub fn key(self) -> &'static str {
        match self {
            LogPurpose::Configs => "config.storage.topic",
            LogPurpose::Offsets => "offset.storage.topic",
            LogPurpose::Statuses => "status.storage.topic",
        }
    }

    fn content(self) -> &'static str {
        match self {
            LogPurpose::Configs => "connector configurations",
            LogPurpose::Offsets => "source connector offsets",
            LogPurpose::Statuses => "connector and task statuses",
        }
    }
}

/// A log on a compacted Kafka topic: read from the beginning, outside of any group; written with `acks=all` and
/// Java's partitioning.
pub struct TopicLog {
    shared: Arc<Shared>,
    writer: Arc<TopicWriter>,
    /// Asks for the ends. The one that reads cannot: its question would wait behind a fetch that waits for records.
    asker: Option<Arc<BaseConsumer<LogContext>>>,
    topic: String,
    partitions: usize,
    timeout: Duration,
    /// Read, but not handed over yet: a call that is cancelled loses nothing.
    taken: Vec<LogRecord>,
}

impl Drop for TopicLog {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(asker) = self.asker.take() {
            // The end of a client takes a while. Without a thread the closure is dropped here, and the client with it.
            let _ = std::thread::Builder::new().name("log-close".to_owned()).spawn(move || drop(asker));
        }
    }
}

impl TopicLog {
    /// Opens a log. `props` are the worker's own settings (Connect uses them for its internal clients), with
    /// `client.id` as these clients should have it. A missing topic is created.
    ///
    /// # Errors
    /// Configuration errors in Connect's words when an existing topic is not compacted, or has several partitions
    /// where one is required; retriable when the brokers do not answer within `default.api.timeout.ms`.
    pub async fn open(props: &Props, topic: &TopicSpec, purpose: LogPurpose) -> Result<Self> {
        let timeout = props.get("default.api.timeout.ms").and_then(|value| value.trim().parse().ok());
        let timeout = timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let admin = Admin::new(props)?;
        let partitions = prepare(&admin, topic, purpose, Instant::now() + timeout).await?;
        let consumer = log_reader::consumer(props)?;
        let shared = log_reader::spawn(consumer, &topic.name, partitions)?;
        let producer = Producer::new(&writer_props(props))?;
        Ok(Self {
            shared,
            writer: Arc::new(TopicWriter { producer, topic: topic.name.clone() }),
            asker: Some(log_reader::consumer(props)?),
            topic: topic.name.clone(),
            partitions,
            timeout,
            taken: Vec::new(),
        })
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// Where each partition ends now.
    async fn ends(&self) -> Result<Vec<i64>> {
        let doing = format!("the end of topic {} cannot be found", self.topic);
        let deadline = Instant::now() + self.timeout;
        loop {
            let Some(asker) = self.asker.clone() else { return Err(errors::timed_out(&doing)) };
            let (topic, partitions) = (self.topic.clone(), self.partitions);
            let asked = tokio::task::spawn_blocking(move || ends(&asker, &topic, partitions)).await;
            match asked {
                Ok(Ok(ends)) => return Ok(ends),
                Ok(Err(code)) if errors::is_transient(code) && Instant::now() < deadline => {
                    tracing::debug!(topic = self.topic, %code, "asking again for the ends of the topic");
                }
                Ok(Err(code)) => return Err(errors::from_code(&doing, code)),
                Err(_) => return Err(ConnectError::retriable("the worker is stopping")),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
}

#[async_trait]
impl Log for TopicLog {
    fn writer(&self) -> Arc<dyn LogWriter> {
        Arc::clone(&self.writer) as Arc<dyn LogWriter>
    }

    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>> {
        let ends = self.ends().await?;
        while !self.shared.take(&mut self.taken, &ends)? {
            // However long it is: something must come in time.
            let waited = tokio::time::timeout(self.timeout, self.shared.changed()).await;
            if waited.is_err() {
                return Err(errors::timed_out(&format!("topic {} cannot be read to its end", self.topic)));
            }
        }
        Ok(std::mem::take(&mut self.taken))
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        loop {
            self.shared.take(&mut self.taken, &[])?;
            if !self.taken.is_empty() {
                return Ok(std::mem::take(&mut self.taken));
            }
            self.shared.changed().await;
        }
    }
}

/// Asks each partition's leader for its end, in one request a broker.
fn ends(asker: &BaseConsumer<LogContext>, topic: &str, partitions: usize) -> Result<Vec<i64>, Code> {
    // What it has to tell since the last question would pile up.
    while asker.poll(Duration::ZERO).is_some() {}
    let code = |error: KafkaError| error.rdkafka_error_code().unwrap_or(Code::Fail);
    let mut list = TopicPartitionList::with_capacity(partitions);
    for partition in 0..partitions {
        let partition = i32::try_from(partition).map_err(|_| Code::InvalidPartitions)?;
        // In the place of a time, the end means the end.
        list.add_partition_offset(topic, partition, Offset::End).map_err(code)?;
    }
    let answer = asker.offsets_for_times(list, ENDS_TIMEOUT).map_err(code)?;
    let mut ends = vec![0; partitions];
    for element in answer.elements() {
        element.error().map_err(code)?;
        let index = usize::try_from(element.partition()).map_err(|_| Code::InvalidPartitions)?;
        if let (Some(end), Offset::Offset(offset)) = (ends.get_mut(index), element.offset()) {
            *end = offset;
        }
    }
    Ok(ends)
}

/// Creates the topic if it is missing and checks it if it is there; its number of partitions.
async fn prepare(admin: &Admin, topic: &TopicSpec, purpose: LogPurpose, deadline: Instant) -> Result<usize> {
    let mut wanted = topic.clone();
    wanted.settings.insert("cleanup.policy".to_owned(), "compact".to_owned());
    if purpose == LogPurpose::Configs {
        wanted.partitions = 1;
    }
    let creation = create(admin, &wanted, deadline).await?;
    if creation != Creation::Created {
        check_policy(admin, &topic.name, purpose).await?;
    }
    let partitions = loop {
        if let Some(found) = admin.describe_topic(&topic.name).await?
            && found.partitions > 0
        {
            break found.partitions;
        }
        if Instant::now() >= deadline {
            return Err(errors::from_code(
                &format!("topic {} cannot be used", topic.name),
                Code::UnknownTopicOrPartition,
            ));
        }
        tokio::time::sleep(TRY_AGAIN).await;
    };
    if purpose == LogPurpose::Configs && partitions != 1 {
        return Err(ConnectError::config(format!(
            "Topic '{}' supplied via the '{}' property is required to have a single partition in order to guarantee \
             consistency of connector configurations, but found {partitions} partitions.",
            topic.name,
            purpose.key()
        )));
    }
    Ok(partitions)
}

/// Brokers that are still coming up are waited for.
async fn create(admin: &Admin, topic: &TopicSpec, deadline: Instant) -> Result<Creation> {
    loop {
        match admin.create_topic(topic).await {
            Err(error) if may_come(&error) && Instant::now() + TRY_AGAIN < deadline => {
                tracing::debug!(topic = topic.name, %error, "trying again to create the topic");
                tokio::time::sleep(TRY_AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

/// With fewer brokers up than there should be replicas, the others may still come.
fn may_come(error: &ConnectError) -> bool {
    error.kind == ErrorKind::Retriable || error.class.ends_with("InvalidReplicationFactorException")
}

async fn check_policy(admin: &Admin, topic: &str, purpose: LogPurpose) -> Result<()> {
    let policy = match admin.topic_config(topic).await? {
        Some(config) => config.get("cleanup.policy").cloned(),
        None => None,
    };
    let Some(policy) = policy else {
        tracing::info!(
            topic,
            "the topic's cleanup.policy cannot be read; make sure that it is compact, or {} will be lost",
            purpose.content()
        );
        return Ok(());
    };
    if policy == "compact" {
        return Ok(());
    }
    let (key, content) = (purpose.key(), purpose.content());
    Err(ConnectError::config(format!(
        "Topic '{topic}' supplied via the '{key}' property is required to have 'cleanup.policy=compact' to guarantee \
         consistency and durability of {content}, but found the topic currently has 'cleanup.policy={policy}'. \
         Continuing would likely result in eventually losing {content} and problems restarting this Connect cluster in \
         the future. Change the '{key}' property in the Connect worker configurations to use a topic with \
         'cleanup.policy=compact'."
    )))
}

/// What Connect sets for these producers; only how long a write may take is left to the user.
fn writer_props(props: &Props) -> Props {
    let mut props = props.clone();
    for (key, value) in [
        ("acks", "all"),
        ("enable.idempotence", "false"),
        ("max.in.flight.requests.per.connection", "1"),
        ("linger.ms", "0"),
    ] {
        props.insert(key.to_owned(), value.to_owned());
    }
    props.shift_remove("transactional.id");
    props.entry("delivery.timeout.ms".to_owned()).or_insert_with(|| APPEND_TIMEOUT_MS.to_owned());
    props
}

/// Writes to a log's topic.
struct TopicWriter {
    producer: Producer,
    topic: String,
}

#[async_trait]
impl LogWriter for TopicWriter {
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        let mut deliveries = Vec::with_capacity(entries.len());
        for (key, value) in &entries {
            let record = ProducerRecord {
                topic: &self.topic,
                key: Some(key),
                value: value.as_deref(),
                ..ProducerRecord::default()
            };
            deliveries.push(self.producer.send(record).await?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
        Ok(())
    }
}
