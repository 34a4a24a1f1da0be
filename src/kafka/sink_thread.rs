//! The thread of a sink's consumer.
//!
//! It reads when the task has room for a batch, and serves commands and rebalances always. Giving partitions up is a
//! conversation: the task is told, commits what it wants to commit, and answers; until then the native client waits
//! and nothing is read. Everything the task is told goes through one outbox, so that it comes in order.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use longshore_api::{Batch, BatchBuilder, ConnectError, Positions, Props, Result, TopicPartition};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Message};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use super::batch_queue::{DataQueue, MessageError, Messages, Observer};
use super::client::{LOGIN_TRIES, Role, client_config};
use super::consumer::{Command, ConsumerSettings};
use super::context::{SinkContext, Told};
use super::oauth::{self, Session};
use super::sink_group::Leaving;
use super::subscription::Subscriber;
use super::waker::Waker;
use super::{BatchLimits, ConsumerEvent, errors};

/// How long the thread rests when nothing wakes it. It is woken for everything; this only guards against a wake-up
/// that was missed, and keeps the group's poll interval, of which it is a third where that is less.
const REST: Duration = Duration::from_secs(30);
/// How long it rests while it waits for the task's answer, which wakes nobody by itself.
const REST_FOR_ANSWER: Duration = Duration::from_millis(20);
/// How often partitions from which nothing came are forwarded again.
const FORWARD_AGAIN: Duration = Duration::from_secs(5);
/// How long commits that are still under way may hold closing up.
const LAST_COMMITS: Duration = Duration::from_secs(10);
/// A batch never gets larger, whatever its limits: its spans are 32 bits wide, and one more record has to fit.
const LARGEST_BATCH: usize = 1 << 30;
const DEFAULT_MAX_POLL_INTERVAL_MS: u64 = 300_000;

/// The thread's ends of the channels.
pub(super) struct Ends {
    pub(super) commands: Receiver<Command>,
    pub(super) recycled: Receiver<Batch>,
    pub(super) events: mpsc::Sender<ConsumerEvent>,
    pub(super) waker: Arc<Waker<SinkContext>>,
    pub(super) finish: watch::Sender<bool>,
}

/// Starts the thread, once the settings are known to be good.
pub(super) fn spawn(settings: ConsumerSettings, ends: Ends) -> Result<()> {
    let config = client_config(&settings.props, Role::Consumer)?;
    if config.get("group.id").is_none_or(str::is_empty) {
        return Err(ConnectError::config("Missing required configuration \"group.id\" which has no default value."));
    }
    let subscriber = Subscriber::new(settings.subscription, &settings.props)?;
    let context = SinkContext::new(&settings.props);
    let mut consumer = BaseConsumer::from_config_and_context(&config, context)
        .map_err(|error| errors::creation("Failed to construct kafka consumer", &error))?;
    let waker = Arc::clone(&ends.waker);
    consumer.set_nonempty_callback(move || waker.wake());
    let consumer = Arc::new(consumer);
    let queue = DataQueue::new(&consumer)
        .map(Arc::new)
        .ok_or_else(|| ConnectError::retriable("there is no memory for a consumer's queue"))?;
    let name = format!("sink-{}", settings.props.get("client.id").map_or("", String::as_str));
    let Ends { commands, recycled, events, waker, finish } = ends;
    let worker = Worker {
        messages: Messages::new(settings.headers),
        _session: oauth::session(&settings.props, consumer.client())?,
        queue: Arc::clone(&queue),
        consumer,
        subscriber,
        limits: BatchLimits {
            records: settings.limits.records.max(1),
            bytes: settings.limits.bytes.min(LARGEST_BATCH),
        },
        patience: patience(&settings.props),
        commands,
        recycled,
        spare: None,
        outbox: Outbox { events, waiting: VecDeque::new() },
        assigned: BTreeMap::new(),
        leaving: None,
        commits: VecDeque::new(),
        committing: None,
        paused: false,
        failed: false,
        closing: None,
        failed_logins: 0,
        next_forward: Instant::now() + FORWARD_AGAIN,
    };
    // What this thread says belongs to the task that started it.
    let span = tracing::Span::current();
    let body = move || {
        let _entered = span.enter();
        waker.attach(queue);
        live(worker, &waker);
        // Nobody may be waiting.
        let _ = finish.send(true);
    };
    std::thread::Builder::new()
        .name(name)
        .spawn(body)
        .map(drop)
        .map_err(|error| ConnectError::retriable(format!("a thread for the consumer cannot be started: {error}")))
}

/// A consumer's whole life on its thread.
fn live(mut worker: Worker, waker: &Waker<SinkContext>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker.run())) {
        worker.report(&*panic);
    }
    worker.let_go();
    // The worker is the last who holds the native client, which leaves the group as it is dropped.
    waker.detach();
}

/// How long a task may take to answer before its partitions go: a little less than the group waits.
fn patience(props: &Props) -> Duration {
    let interval = props.get("max.poll.interval.ms").and_then(|value| value.trim().parse().ok());
    Duration::from_millis(interval.unwrap_or(DEFAULT_MAX_POLL_INTERVAL_MS)).mul_f32(0.9)
}

/// What the task is told, in order, as it has room.
pub(super) struct Outbox {
    events: mpsc::Sender<ConsumerEvent>,
    waiting: VecDeque<ConsumerEvent>,
}

impl Outbox {
    pub(super) fn push(&mut self, event: ConsumerEvent) {
        self.waiting.push_back(event);
        self.flush();
    }

    /// Hands over what there is room for; false if the task is gone.
    fn flush(&mut self) -> bool {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    break;
                }
                Err(TrySendError::Closed(_)) => return false,
            }
        }
        !self.events.is_closed()
    }

    fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.events.capacity() > 0
    }
}

/// What the thread knows. Messages and the login come first: they must be dropped before their client.
pub(super) struct Worker {
    pub(super) messages: Messages,
    _session: Option<Session>,
    pub(super) queue: Arc<DataQueue<SinkContext>>,
    pub(super) consumer: Arc<BaseConsumer<SinkContext>>,
    subscriber: Subscriber,
    limits: BatchLimits,
    pub(super) patience: Duration,
    commands: Receiver<Command>,
    recycled: Receiver<Batch>,
    spare: Option<Batch>,
    pub(super) outbox: Outbox,
    /// Our partitions, and whether anything came from them.
    pub(super) assigned: BTreeMap<TopicPartition, bool>,
    pub(super) leaving: Option<Leaving>,
    pub(super) commits: VecDeque<(Positions, oneshot::Sender<Result<()>>)>,
    /// One commit at a time, so that the native client's answer is known to be for it.
    pub(super) committing: Option<oneshot::Sender<Result<()>>>,
    pub(super) paused: bool,
    pub(super) failed: bool,
    /// When to close whatever commits are still under way.
    closing: Option<Instant>,
    failed_logins: u32,
    next_forward: Instant,
}

/// Notes what came while a batch is filled.
struct Reader<'a> {
    assigned: &'a mut BTreeMap<TopicPartition, bool>,
    errors: Vec<MessageError>,
}

impl Observer for Reader<'_> {
    fn partition(&mut self, topic: &Arc<str>, partition: i32) {
        if let Some(delivered) = self.assigned.get_mut(&TopicPartition { topic: Arc::clone(topic), partition }) {
            *delivered = true;
        }
    }

    fn error(&mut self, error: MessageError) {
        self.errors.push(error);
    }
}

impl Worker {
    fn run(&mut self) {
        loop {
            self.serve_commands();
            self.poll();
            self.act_on_told();
            self.settle_leaving();
            self.act_on_rebalances();
            self.commit_next();
            if !self.outbox.flush() || self.is_closed() {
                return;
            }
            if !self.failed && self.closing.is_none() {
                self.refresh_subscription();
                self.forward_silent();
            }
            if self.may_read() {
                self.read(self.rest());
            } else {
                std::thread::park_timeout(self.rest());
            }
        }
    }

    /// How long the thread may rest until something has to be looked after.
    fn rest(&self) -> Duration {
        if self.leaving.is_some() {
            return REST_FOR_ANSWER;
        }
        let rest = REST.min(self.patience / 3);
        let next = [self.subscriber.next_look(), self.closing].into_iter().flatten().min();
        next.map_or(rest, |next| next.saturating_duration_since(Instant::now()).min(rest))
    }

    fn may_read(&self) -> bool {
        !self.paused && !self.failed && self.leaving.is_none() && self.closing.is_none() && self.outbox.has_room()
    }

    fn is_closed(&self) -> bool {
        let idle = self.commits.is_empty() && self.committing.is_none();
        self.closing.is_some_and(|deadline| idle || deadline <= Instant::now())
    }

    fn serve_commands(&mut self) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Commit(positions, answer)) => self.commits.push_back((positions, answer)),
                Ok(Command::Pause) => self.pause(true),
                Ok(Command::Resume) => self.pause(false),
                Ok(Command::Seek(positions)) => self.seek(positions),
                Ok(Command::Close) | Err(TryRecvError::Disconnected) => {
                    self.closing.get_or_insert_with(|| Instant::now() + LAST_COMMITS);
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    /// Lets the native client call back until it has nothing more to tell.
    fn poll(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        loop {
            let calls = consumer.context().calls();
            match consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => self.stray(&message),
                // Told to the context too, with its reason.
                Some(Err(_)) => {}
                None if consumer.context().calls() == calls => return,
                None => {}
            }
        }
    }

    /// A message that came by the consumer's own queue: its partition was not forwarded. It is read again, rightly.
    fn stray(&mut self, message: &BorrowedMessage<'_>) {
        let partition = TopicPartition::new(message.topic(), message.partition());
        tracing::debug!(%partition, offset = message.offset(), "a partition has to be forwarded again");
        self.queue.forward(&partition.topic, partition.partition);
        if let Err(error) = self.try_seek(&Positions::from([(partition, message.offset())])) {
            self.fail(error);
        }
    }

    fn act_on_told(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        while let Some(told) = consumer.context().next() {
            match told {
                Told::Committed(result) => self.committed(result),
                Told::Error(code, reason) => self.trouble(code, &reason),
            }
        }
    }

    fn refresh_subscription(&mut self) {
        if let Err(error) = self.subscriber.refresh(&self.consumer) {
            self.fail(errors::from_kafka("the topics cannot be subscribed to", &error));
        }
    }

    fn read(&mut self, wait: Duration) {
        let used = self.spare.take().or_else(|| self.recycled.try_recv().ok());
        let mut batch = used.map(BatchBuilder::reuse).unwrap_or_default();
        let mut reader = Reader { assigned: &mut self.assigned, errors: Vec::new() };
        self.messages.read(&self.queue, wait, self.limits, &mut batch, &mut reader);
        for error in reader.errors {
            let place = match error.topic {
                Some(topic) => format!("{topic}-{}@{}: {}", error.partition, error.offset, error.reason),
                None => error.reason,
            };
            self.trouble(error.code, &place);
        }
        if batch.is_empty() {
            self.spare = Some(batch.finish());
        } else {
            self.consumer.context().log.works();
            self.failed_logins = 0;
            self.outbox.push(ConsumerEvent::Batch(batch.finish()));
        }
    }

    /// An error that belongs to no commit: waited out, or the end.
    fn trouble(&mut self, code: RDKafkaErrorCode, reason: &str) {
        use RDKafkaErrorCode as Code;
        match code {
            // A broker that is stopping may cut a login short.
            Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => {
                self.failed_logins += 1;
                if self.failed_logins >= LOGIN_TRIES {
                    self.fail(errors::with_reason("the consumer cannot log in", code, reason));
                }
            }
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::AutoOffsetReset
            | Code::LogTruncation
            | Code::BadMessage
            | Code::InvalidMessage
            | Code::BadCompression
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion
            | Code::InvalidTopic
            | Code::InvalidGroupId
            | Code::InvalidSessionTimeout
            | Code::InconsistentGroupProtocol
            | Code::GroupMaxSizeReached
            | Code::UnsupportedAssignor
            | Code::UnreleasedInstanceId
            | Code::FencedInstanceId
            | Code::Fatal => self.fail(errors::with_reason("the consumer cannot go on", code, reason)),
            code => self.consumer.context().log.transient(code, reason),
        }
    }

    pub(super) fn fail(&mut self, error: ConnectError) {
        if !self.failed {
            self.failed = true;
            self.outbox.push(ConsumerEvent::Failed(error));
        }
    }

    fn forward_silent(&mut self) {
        if Instant::now() < self.next_forward {
            return;
        }
        self.next_forward = Instant::now() + FORWARD_AGAIN;
        for (partition, _) in self.assigned.iter().filter(|(_, delivered)| !**delivered) {
            self.queue.forward(&partition.topic, partition.partition);
        }
    }

    /// Tells the task of a panic; returns when it knows, or does not listen any more.
    fn report(&mut self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.fail(ConnectError::fatal(format!("the consumer's thread panicked: {}", text.unwrap_or("without a word"))));
        while self.outbox.flush() && !self.outbox.waiting.is_empty() {
            match self.commands.try_recv() {
                Ok(Command::Close) | Err(TryRecvError::Disconnected) => return,
                Ok(_) | Err(TryRecvError::Empty) => std::thread::park_timeout(REST_FOR_ANSWER),
            }
        }
    }
}
