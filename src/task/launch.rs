//! From a specification to a running task: clients, converters, error handling, and the start of the plugin.

use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{
    Batch, ConnectError, ErrorKind, OffsetReader, Plugin, Positions, Props, Result, SinkConnector, SinkTask,
    SourceConnector, SourceMap, TaskContext,
};
use longshore_formats::JsonNeed;
use tokio::time::timeout;
use tracing::{info, warn};

use super::convert::{Converters, RecordPath};
use super::dead_letters::DeadLetters;
use super::errors::{Backoff, ErrorHandler, ErrorPolicy, Retries, RetryPolicy};
use super::orders::Orders;
use super::sink::{Consumer, SinkRun};
use super::source::{RecordSink, SourceRun, TopicPreparer};
use super::supervise::Frame;
use super::transform::Transforms;
use super::{Control, SourceOffsets, State, TargetState, TaskId, TaskServices, TaskSpec, TaskStatus};
use crate::chain::Chain;
use crate::config::connector::{DeadLetterSettings, ErrorSettings, SinkSettings, Topics};
use crate::config::{ConnectorConfig, ConnectorKind, MemoryLimit, TopicCreation, TopicSpec, clients};
use crate::kafka::{
    Admin, BatchLimits, Completions, ConsumerEvent, ConsumerEvents, ConsumerSettings, Creation, Producer,
    ProducerRecord, Role, SinkConsumer, Subscription, client_config,
};

/// Records of one batch where `max.poll.records` is not set. Connect's 500 would leave a sink that writes a batch a
/// round trip waiting most of the time.
const BATCH_RECORDS: usize = 5000;

/// The most records that a batch may be asked to hold: it counts topics in 16 bits, and a transform may give every
/// record a topic of its own.
const MOST_BATCH_RECORDS: usize = 30_000;

/// Runs a task from its start to its end.
///
/// # Errors
/// Why the task failed.
pub(super) async fn run(spec: TaskSpec, services: TaskServices, frame: Frame) -> Result<()> {
    let mut launch = Launch { spec, services, frame };
    if !launch.wait_for_start().await {
        return Ok(());
    }
    let kind = ConnectorKind::from(&launch.spec.plugin);
    let config = ConnectorConfig::parse(&launch.services.worker, kind, &launch.spec.connector_config)?;
    match launch.spec.plugin.clone() {
        Plugin::Sink(sink) => launch.sink(sink.as_ref(), &config).await,
        Plugin::Source(source) => launch.source(source.as_ref(), &config).await,
    }
}

struct Launch {
    spec: TaskSpec,
    services: TaskServices,
    frame: Frame,
}

impl Launch {
    /// A task that is created while its connector is paused does not start until it is resumed. False to stop.
    async fn wait_for_start(&mut self) -> bool {
        loop {
            let told = *self.frame.control.borrow_and_update();
            match told {
                Control::Stop { .. } => return false,
                Control::Target(TargetState::Started) => return true,
                Control::Target(_) => {}
            }
            self.frame.status.send_replace(TaskStatus::of(State::Paused));
            self.frame.metrics.state(State::Paused);
            if self.frame.control.changed().await.is_err() {
                return false;
            }
        }
    }

    fn id(&self) -> &TaskId {
        &self.spec.id
    }

    async fn sink(self, connector: &dyn SinkConnector, config: &ConnectorConfig) -> Result<()> {
        let Some(settings) = config.sink() else { return Err(not_of_this_kind(self.id())) };
        let task = connector.new_task();
        let converters = Converters::new(&self.services.plugins, config)?;
        let json = if task.checks_json() { JsonNeed::Unchecked } else { JsonNeed::Checked };
        let (policy, reads_headers, transforms) =
            (policy(&config.errors), task.reads_headers(), self.transforms(config)?);
        let headers = reads_headers
            || transforms.parts().headers
            || [&converters.key, &converters.value].iter().any(|converter| converter.reads_headers())
            || settings.dead_letters.is_some();
        let dead_letters = match &settings.dead_letters {
            Some(settings) => Some(self.dead_letters(settings, config.memory).await?),
            None => None,
        };
        let Some(task) = self.start_sink(task).await? else { return Ok(()) };
        let run = SinkRun {
            id: self.spec.id.clone(),
            task,
            path: RecordPath::new(converters, json, reads_headers, transforms),
            errors: ErrorHandler::new(self.spec.id.clone(), policy, dead_letters, Arc::clone(&self.frame.metrics)),
            consumer: Box::new(self.consumer(settings, config.memory, headers)?),
            activity: Arc::clone(&self.frame.activity),
            metrics: Arc::clone(&self.frame.metrics),
            orders: Orders::new(self.spec.id, self.frame),
            topics: self.services.topics,
            commit_interval: self.services.worker.offset_flush_interval,
            commit_timeout: self.services.worker.offset_flush_timeout,
        };
        run.run().await
    }

    /// Starts a sink; one whose target is away is started again until it is there. `None` to stop.
    async fn start_sink(&self, mut task: Box<dyn SinkTask>) -> Result<Option<Box<dyn SinkTask>>> {
        let mut backoff = Backoff::new();
        loop {
            let busy = self.frame.activity.begin("start", None);
            let started = task.start(self.context(), &self.spec.task_config).await;
            drop(busy);
            match started {
                Ok(()) => return Ok(Some(task)),
                Err(error) if error.kind == ErrorKind::Retriable => {
                    let pause = backoff.next(rand::random());
                    warn!("the task cannot start and tries again in {} ms: {error}", pause.as_millis());
                    if timeout(pause, self.frame.cancelled.cancelled()).await.is_ok() {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn source(self, connector: &dyn SourceConnector, config: &ConnectorConfig) -> Result<()> {
        let Some(settings) = config.source() else { return Err(not_of_this_kind(self.id())) };
        let (worker, props) = (&self.services.worker, &self.spec.connector_config);
        let converters = Converters::new(&self.services.plugins, config)?;
        let transforms = self.transforms(config)?;
        let mut producer = clients::source_producer_props(worker, props, self.id())?;
        config.memory.bound_producer(&mut producer);
        let producer = Producer::new(&producer)?;
        let preparer = match &settings.topic_creation {
            Some(creation) => {
                let admin = clients::source_admin_props(worker, props, self.id())?;
                client_config(&admin, Role::Admin)?;
                Some((admin, creation.clone()))
            }
            None => None,
        };
        let offsets = Arc::new(Offsets {
            connector: Arc::clone(&self.id().connector),
            stored: Arc::clone(&self.services.offsets),
        });
        let mut task = connector.new_task();
        task.start(self.context(), offsets, &self.spec.task_config).await?;
        let run = SourceRun {
            id: self.spec.id.clone(),
            task,
            transforms,
            converters,
            policy: policy(&config.errors),
            producer: Box::new(TrackedProducer { completions: producer.completions(), producer }),
            preparer: Box::new(Preparer(preparer)),
            offsets: self.services.offsets,
            metrics: Arc::clone(&self.frame.metrics),
            orders: Orders::new(self.spec.id, self.frame),
            topics: self.services.topics,
            commit_interval: self.services.worker.offset_flush_interval,
            commit_timeout: self.services.worker.offset_flush_timeout,
        };
        run.run().await
    }

    fn context(&self) -> TaskContext {
        let TaskId { connector, task } = self.id();
        TaskContext { connector: Arc::clone(connector), task: *task, cancelled: self.frame.cancelled.clone() }
    }

    fn transforms(&self, config: &ConnectorConfig) -> Result<Transforms> {
        let retries = Retries { policy: policy(&config.errors).retry, stop: self.frame.cancelled.clone() };
        Ok(Transforms::new(Chain::new(&self.services.plugins, config)?, retries))
    }

    fn consumer(&self, settings: &SinkSettings, memory: MemoryLimit, headers: bool) -> Result<GroupMember> {
        let mut props = clients::sink_consumer_props(&self.services.worker, &self.spec.connector_config, self.id())?;
        memory.bound_consumer(&mut props);
        let records = props.get("max.poll.records").and_then(|records| records.trim().parse().ok());
        let records = records.unwrap_or(BATCH_RECORDS).clamp(1, MOST_BATCH_RECORDS);
        let limits = BatchLimits { records, bytes: memory.batch() };
        let subscription = match &settings.topics {
            Topics::List(topics) => Subscription::Topics(topics.clone()),
            Topics::Pattern(pattern) => Subscription::Pattern(pattern.clone()),
        };
        let (consumer, events) = SinkConsumer::start(ConsumerSettings { props, subscription, limits, headers })?;
        self.frame.activity.leave_by(consumer.leaver());
        self.frame.metrics.ends_by(consumer.ends());
        Ok(GroupMember { consumer, events })
    }

    async fn dead_letters(&self, settings: &DeadLetterSettings, memory: MemoryLimit) -> Result<DeadLetters> {
        let (worker, props) = (&self.services.worker, &self.spec.connector_config);
        let topic = TopicSpec {
            name: settings.topic.clone(),
            partitions: 1,
            replication_factor: settings.replication_factor,
            settings: Props::new(),
        };
        let admin = Admin::new(&clients::dlq_admin_props(worker, props)?)?;
        if let Err(error) = admin.create_topic(&topic).await {
            let message = format!("Could not initialize dead letter queue with topic={}", topic.name);
            return Err(ConnectError::fatal(message).caused_by(error));
        }
        let mut producer = clients::dlq_producer_props(worker, props, self.id())?;
        memory.bound_dead_letters(&mut producer);
        let producer = Producer::new(&producer)?;
        Ok(DeadLetters::new(producer, topic.name, settings.context_headers, self.spec.id.clone()))
    }
}

fn policy(settings: &ErrorSettings) -> ErrorPolicy {
    ErrorPolicy {
        tolerate: settings.tolerate,
        log: settings.log,
        log_messages: settings.log_messages,
        retry: RetryPolicy { timeout: settings.retry_timeout, max_delay: settings.retry_delay_max },
    }
}

fn not_of_this_kind(task: &TaskId) -> ConnectError {
    ConnectError::fatal(format!("the configuration of {task} is of the other kind of connector"))
}

/// A sink's place in its consumer group.
struct GroupMember {
    consumer: SinkConsumer,
    events: ConsumerEvents,
}

#[async_trait]
impl Consumer for GroupMember {
    async fn next(&mut self) -> Option<ConsumerEvent> {
        self.events.recv().await
    }

    async fn commit(&self, positions: Positions) -> Result<()> {
        self.consumer.commit(positions).await
    }

    fn pause(&self) {
        self.consumer.pause();
    }

    fn resume(&self) {
        self.consumer.resume();
    }

    fn recycle(&self, batch: Batch) {
        self.consumer.recycle(batch);
    }

    async fn close(self: Box<Self>) {
        // The consumer may wait for the answer to a revoke; that nobody listens any more is answer enough.
        drop(self.events);
        self.consumer.close().await;
    }
}

/// A producer whose records are told apart by their numbers.
struct TrackedProducer {
    producer: Producer,
    completions: Completions,
}

#[async_trait]
impl RecordSink for TrackedProducer {
    async fn send(&mut self, record: ProducerRecord<'_>, sequence: u64) -> Result<()> {
        self.producer.send_tracked(record, sequence).await
    }

    async fn outcomes(&mut self) -> Vec<(u64, Result<()>)> {
        let completed = self.completions.next().await;
        completed.into_iter().map(|completion| (completion.tag, completion.result.map(|_| ()))).collect()
    }
}

/// Creates topics as `topic.creation.*` says; without such keys it leaves them to the broker. Topics are rare, and a
/// client that waits for them costs four threads and ten wake-ups a second: each gets its own.
struct Preparer(Option<(Props, TopicCreation)>);

#[async_trait]
impl TopicPreparer for Preparer {
    async fn prepare(&mut self, topic: &str) -> Result<()> {
        let Some((props, creation)) = &self.0 else { return Ok(()) };
        let admin = Admin::new(props)?;
        if admin.describe_topic(topic).await?.is_some() {
            return Ok(());
        }
        match admin.create_topic(&creation.topic(topic)).await {
            Ok(Creation::Created) => info!("created topic {topic}"),
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Retriable => return Err(error),
            Err(error) => {
                let message = format!(
                    "Task failed to create new topic {topic}. Ensure that the task is authorized to create topics or \
                     that the topic exists and restart the task"
                );
                return Err(ConnectError::fatal(message).caused_by(error));
            }
        }
        Ok(())
    }
}

/// The stored offsets of one connector.
struct Offsets {
    connector: Arc<str>,
    stored: Arc<dyn SourceOffsets>,
}

#[async_trait]
impl OffsetReader for Offsets {
    async fn offset(&self, partition: &SourceMap) -> Result<Option<SourceMap>> {
        self.stored.get(&self.connector, partition).await
    }
}
