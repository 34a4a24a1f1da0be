//! The worker's own state on a compacted topic.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_api::{ConnectError, ErrorKind, Props, Result};
use rdkafka::error::RDKafkaErrorCode as Code;
use tokio::time::Instant;

use super::admin::{Admin, Creation};
use super::errors;
use super::log_reader::{LogReader, Shared};
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
/// When a topic that is not known yet is looked for again; then after twice as long, up to [`TRY_AGAIN`].
const FIRST_LOOK: Duration = Duration::from_millis(10);
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

/// Opens a worker's logs, which share a client that reads and one that writes. What creates topics goes with this value.
pub struct TopicLogs {
    admin: Admin,
    clients: Arc<Clients>,
    timeout: Duration,
}

/// The clients of a worker's logs.
struct Clients {
    reader: LogReader,
    /// Also asks for the ends. The reader cannot: its question would wait behind a fetch that waits for records.
    producer: Producer,
}

impl TopicLogs {
    /// `props` are the worker's own settings (Connect uses them for its internal clients), with `client.id` as these
    /// clients should have it. The brokers need not be there yet.
    ///
    /// # Errors
    /// Configuration errors that name the key.
    pub fn new(props: &Props) -> Result<Self> {
        let timeout = props.get("default.api.timeout.ms").and_then(|value| value.trim().parse().ok());
        Ok(Self {
            admin: Admin::new(props)?,
            clients: Arc::new(Clients {
                reader: LogReader::start(props)?,
                producer: Producer::new(&writer_props(props))?,
            }),
            timeout: timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis),
        })
    }

    /// Opens a log. A missing topic is created. Reading begins with the first call that reads: logs that are opened
    /// first and then read side by side are read in the same requests.
    ///
    /// # Errors
    /// Configuration errors in Connect's words when an existing topic is not compacted, or has several partitions
    /// where one is required; retriable when the brokers do not answer within `default.api.timeout.ms`.
    pub async fn open(&self, topic: &TopicSpec, purpose: LogPurpose) -> Result<TopicLog> {
        let partitions = self.prepare(topic, purpose).await?;
        let writer = TopicWriter { clients: Arc::clone(&self.clients), topic: topic.name.clone() };
        Ok(TopicLog { read: None, writer: Arc::new(writer), partitions, timeout: self.timeout, taken: Vec::new() })
    }

    /// Creates the topic if it is missing and checks it if it is there; its number of partitions.
    async fn prepare(&self, topic: &TopicSpec, purpose: LogPurpose) -> Result<usize> {
        let deadline = Instant::now() + self.timeout;
        let mut wanted = topic.clone();
        wanted.settings.insert("cleanup.policy".to_owned(), "compact".to_owned());
        if purpose == LogPurpose::Configs {
            wanted.partitions = 1;
        }
        let creation = create(&self.admin, &wanted, deadline).await?;
        if creation != Creation::Created {
            check_policy(&self.admin, &topic.name, purpose).await?;
        }
        let partitions = self.partitions(&topic.name, deadline).await?;
        if purpose == LogPurpose::Configs && partitions != 1 {
            return Err(ConnectError::config(format!(
                "Topic '{}' supplied via the '{}' property is required to have a single partition in order to \
                 guarantee consistency of connector configurations, but found {partitions} partitions.",
                topic.name,
                purpose.key()
            )));
        }
        Ok(partitions)
    }

    /// A topic that has only just been created is not known to every broker at once.
    async fn partitions(&self, topic: &str, deadline: Instant) -> Result<usize> {
        let mut pause = FIRST_LOOK;
        loop {
            let doing = format!("topic {topic} cannot be used");
            let why = match self.clients.reader.partitions(topic).await {
                Ok(Some(partitions)) if partitions > 0 => return Ok(partitions),
                Ok(_) => Code::UnknownTopicOrPartition,
                Err(code) if errors::is_transient(code) => code,
                Err(code) => return Err(errors::from_code(&doing, code)),
            };
            if Instant::now() + pause >= deadline {
                return Err(errors::from_code(&doing, why));
            }
            tokio::time::sleep(pause).await;
            pause = TRY_AGAIN.min(pause * 2);
        }
    }
}

/// A log on a compacted Kafka topic: read from the beginning, outside of any group; written with `acks=all` and
/// Java's partitioning.
pub struct TopicLog {
    /// What was read, once reading has begun.
    read: Option<Arc<Shared>>,
    writer: Arc<TopicWriter>,
    partitions: usize,
    timeout: Duration,
    /// Read, but not handed over yet: a call that is cancelled loses nothing.
    taken: Vec<LogRecord>,
}

impl Drop for TopicLog {
    fn drop(&mut self) {
        if let Some(read) = &self.read {
            read.stop();
        }
    }
}

impl TopicLog {
    /// How many partitions the topic has.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    fn topic(&self) -> &str {
        &self.writer.topic
    }

    /// What is read; reading begins if it has not.
    async fn reading(&mut self) -> Result<Arc<Shared>> {
        if let Some(read) = &self.read {
            return Ok(Arc::clone(read));
        }
        let read = self.writer.clients.reader.read(self.topic(), self.partitions).await?;
        self.read = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Where each partition ends now.
    async fn ends(&self) -> Result<Vec<i64>> {
        let doing = format!("the end of topic {} cannot be found", self.topic());
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.writer.clients.producer.ends(self.topic(), self.partitions, ENDS_TIMEOUT).await {
                Ok(ends) => return Ok(ends),
                Err(code) if errors::is_transient(code) && Instant::now() < deadline => {
                    tracing::debug!(topic = self.topic(), %code, "asking again for the ends of the topic");
                }
                Err(code) => return Err(errors::from_code(&doing, code)),
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
        let read = self.reading().await?;
        let ends = self.ends().await?;
        while !read.take(&mut self.taken, &ends)? {
            // However long it is: something must come in time.
            let waited = tokio::time::timeout(self.timeout, read.changed()).await;
            if waited.is_err() {
                return Err(errors::timed_out(&format!("topic {} cannot be read to its end", self.topic())));
            }
        }
        Ok(std::mem::take(&mut self.taken))
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        let read = self.reading().await?;
        loop {
            read.take(&mut self.taken, &[])?;
            if !self.taken.is_empty() {
                return Ok(std::mem::take(&mut self.taken));
            }
            read.changed().await;
        }
    }
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
    clients: Arc<Clients>,
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
            deliveries.push(self.clients.producer.send(record).await?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
        Ok(())
    }
}
