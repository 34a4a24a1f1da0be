//! The thread that reads the topics of a worker's logs: all partitions from the beginning, outside of any group.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longshore_api::{Batch, BatchBuilder, ConnectError, Props, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::sync::{Notify, oneshot};

use super::batch_queue::{DataQueue, MessageError, Messages, Observer, Reading};
use super::client::{ClientLog, LOGIN_TRIES, Role, client_config};
use super::oauth::{self, Session};
use super::waker::Waker;
use super::{BatchLimits, errors};
use crate::store::LogRecord;

/// How long the thread waits for records. It is woken for everything else; this only guards against a wake-up that was
/// missed.
const REST: Duration = Duration::from_secs(30);
/// How long one question for a topic's partitions may hold the thread up.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
const LIMITS: BatchLimits = BatchLimits { records: 1_000, bytes: 4 << 20 };
/// What is read ahead of whoever takes it.
const AHEAD_BYTES: usize = 32 << 20;
/// Where a log begins. Should its topic begin later, reading goes on from there (`auto.offset.reset`); the native name
/// of the beginning would cost a question first.
const BEGINNING: i64 = 0;

/// What a log's native consumer calls back.
pub(super) struct LogContext {
    log: ClientLog,
    refused: Mutex<Option<ConnectError>>,
    failed_logins: AtomicU32,
}

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.native(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code().unwrap_or(Code::Fail) {
            Code::PartitionEOF => {}
            // A broker that is stopping may cut a login short.
            code @ (Code::Authentication | Code::SaslAuthenticationFailed)
                if self.failed_logins.fetch_add(1, Ordering::Relaxed) + 1 < LOGIN_TRIES =>
            {
                self.log.transient(code, reason);
            }
            code @ (Code::Authentication | Code::SaslAuthenticationFailed | Code::TopicAuthorizationFailed) => {
                *lock(&self.refused) = Some(errors::with_reason("the worker's topic cannot be read", code, reason));
            }
            code => self.log.transient(code, reason),
        }
    }
}

impl ConsumerContext for LogContext {}

/// What was read of one log and not yet taken.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    more: Notify,
    stopped: AtomicBool,
}

#[derive(Default)]
struct State {
    records: Vec<LogRecord>,
    bytes: usize,
    /// For each partition the offset of the next record.
    positions: Vec<i64>,
    failed: Option<ConnectError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Waits until something changed since the last call.
    pub(super) async fn changed(&self) {
        self.more.notified().await;
    }

    /// Takes what was read, and says whether every partition was read up to these ends.
    pub(super) fn take(&self, into: &mut Vec<LogRecord>, ends: &[i64]) -> Result<bool> {
        let mut state = lock(&self.state);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        into.append(&mut state.records);
        state.bytes = 0;
        Ok(ends.iter().zip(&state.positions).all(|(end, position)| position >= end))
    }

    /// Takes in those rows of a batch that are of this log's topic.
    fn add(&self, batch: &Batch, topic: u16) {
        let mut state = lock(&self.state);
        for row in batch.rows().iter().filter(|row| row.topic == topic) {
            advance(&mut state.positions, row.partition, row.offset + 1);
            let Some(key) = row.key else { continue };
            let value = row.value.map(|span| batch.bytes(span).to_vec());
            state.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            state.records.push(LogRecord { offset: row.offset, key: batch.bytes(key).to_vec(), value });
        }
        drop(state);
        self.more.notify_one();
    }

    /// A partition's end is at `offset`, though no record may stand right before it.
    fn reached_end(&self, partition: i32, offset: i64) {
        advance(&mut lock(&self.state).positions, partition, offset);
        self.more.notify_one();
    }

    /// Nobody wants more of this log.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn fail(&self, error: ConnectError) {
        lock(&self.state).failed.get_or_insert(error);
        self.more.notify_one();
    }

    fn is_full(&self) -> bool {
        lock(&self.state).bytes >= AHEAD_BYTES
    }
}

fn advance(positions: &mut [i64], partition: i32, offset: i64) {
    if let Some(position) = usize::try_from(partition).ok().and_then(|index| positions.get_mut(index)) {
        *position = offset.max(*position);
    }
}

/// What the handle asks of the thread.
enum Command {
    /// How many partitions a topic has. Who is asked learns where they are, and starts to read them at once later.
    Describe(String, oneshot::Sender<Result<Option<usize>, Code>>),
    Read(Log, oneshot::Sender<Result<()>>),
    Close,
}

/// A topic and what was read of it.
struct Log {
    topic: Arc<str>,
    partitions: usize,
    shared: Arc<Shared>,
}

/// Reads all logs of a worker with one client, on one thread, which ends when this is dropped.
pub(super) struct LogReader {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker<LogContext>>,
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.send(Command::Close);
    }
}

impl LogReader {
    /// Starts the thread. Its client belongs to no group, whatever the worker's own group is.
    ///
    /// # Errors
    /// Configuration errors that name the key.
    pub(super) fn start(props: &Props) -> Result<Self> {
        let mut consumer = consumer(props)?;
        let waker = Arc::new(Waker::default());
        let woken = Arc::clone(&waker);
        consumer.set_nonempty_callback(move || woken.wake());
        let consumer = Arc::new(consumer);
        let queue = DataQueue::new(&consumer)
            .map(Arc::new)
            .ok_or_else(|| ConnectError::retriable("there is no memory for a queue to read logs"))?;
        let session = oauth::session(props, consumer.client())?;
        let (sender, commands) = mpsc::channel();
        let thread = Thread {
            messages: Messages::new(false),
            reading: Vec::new(),
            _session: session,
            queue: Arc::clone(&queue),
            consumer,
            commands,
            spare: Batch::default(),
        };
        let woken = Arc::clone(&waker);
        let body = move || {
            woken.attach(queue);
            thread.run(&woken);
        };
        std::thread::Builder::new()
            .name("logs".to_owned())
            .spawn(body)
            .map_err(|error| ConnectError::retriable(format!("a thread to read logs cannot be started: {error}")))?;
        Ok(Self { commands: sender, waker })
    }

    /// How many partitions a topic has; `None` if there is none. Asking does not create it.
    ///
    /// # Errors
    /// The broker's.
    pub(super) async fn partitions(&self, topic: &str) -> Result<Option<usize>, Code> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Describe(topic.to_owned(), answer));
        answered.await.unwrap_or(Err(Code::BrokerDestroy))
    }

    /// Starts to read a topic from the beginning.
    ///
    /// # Errors
    /// A configuration error if it is being read already; otherwise what the native client says.
    pub(super) async fn read(&self, topic: &str, partitions: usize) -> Result<Arc<Shared>> {
        let shared = Arc::new(Shared::default());
        lock(&shared.state).positions = vec![0; partitions];
        let (answer, answered) = oneshot::channel();
        let log = Log { topic: topic.into(), partitions, shared: Arc::clone(&shared) };
        self.send(Command::Read(log, answer));
        answered.await.unwrap_or_else(|_| Err(ConnectError::retriable("the worker is stopping")))?;
        Ok(shared)
    }

    fn send(&self, command: Command) {
        // A thread that is gone drops the command, and with it the answer that is waited for.
        let _ = self.commands.send(command);
        self.waker.wake();
    }
}

/// A consumer for the topics of logs.
fn consumer(props: &Props) -> Result<BaseConsumer<LogContext>> {
    let mut props = props.clone();
    for key in ["group.id", "group.instance.id", "group.protocol", "session.timeout.ms", "heartbeat.interval.ms"] {
        props.shift_remove(key);
    }
    let mut config = client_config(&props, Role::Consumer)?;
    config.set("enable.partition.eof", "true");
    config.set("allow.auto.create.topics", "false");
    config.set("auto.offset.reset", "earliest");
    let context =
        LogContext { log: ClientLog::new(&props), refused: Mutex::default(), failed_logins: AtomicU32::new(0) };
    BaseConsumer::from_config_and_context(&config, context)
        .map_err(|error| errors::creation("Failed to construct kafka consumer", &error))
}

/// What the thread knows. It is dropped in this order: messages, then partitions, then the login, the queue and the
/// client that they belong to.
struct Thread {
    messages: Messages,
    reading: Vec<(Log, Vec<Reading<LogContext>>)>,
    _session: Option<Session>,
    queue: Arc<DataQueue<LogContext>>,
    consumer: Arc<BaseConsumer<LogContext>>,
    commands: mpsc::Receiver<Command>,
    spare: Batch,
}

impl Thread {
    fn run(mut self, waker: &Waker<LogContext>) {
        while self.serve() {
            // Logs and errors; what it returns was told to the context.
            while self.consumer.poll(Duration::ZERO).is_some() {}
            if let Some(error) = lock(&self.consumer.context().refused).take() {
                self.logs().for_each(|log| log.shared.fail(error.clone()));
            }
            self.reading.retain(|(log, _)| !log.shared.stopped.load(Ordering::Relaxed));
            if self.logs().any(|log| log.shared.is_full()) {
                std::thread::sleep(Duration::from_millis(10));
            } else {
                self.read();
            }
        }
        waker.detach();
    }

    fn logs(&self) -> impl Iterator<Item = &Log> {
        self.reading.iter().map(|(log, _)| log)
    }

    /// Does what it is asked to; false at the end.
    fn serve(&mut self) -> bool {
        loop {
            // Whoever asked may have stopped waiting.
            match self.commands.try_recv() {
                Ok(Command::Describe(topic, answer)) => drop(answer.send(self.partitions(&topic))),
                Ok(Command::Read(log, answer)) => drop(answer.send(self.start(log))),
                Ok(Command::Close) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn partitions(&self, topic: &str) -> Result<Option<usize>, Code> {
        let code = |error: KafkaError| error.rdkafka_error_code().unwrap_or(Code::Fail);
        let metadata = self.consumer.fetch_metadata(Some(topic), METADATA_TIMEOUT).map_err(code)?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
        match found.error().map(Code::from) {
            None => Ok(Some(found.partitions().len())),
            Some(Code::UnknownTopicOrPartition) => Ok(None),
            Some(code) => Err(code),
        }
    }

    fn start(&mut self, log: Log) -> Result<()> {
        let topic = Arc::clone(&log.topic);
        if self.logs().any(|known| known.topic == topic) {
            return Err(ConnectError::config(format!(
                "Topic '{topic}' cannot be two of the worker's topics at a time"
            )));
        }
        let partitions = 0..i32::try_from(log.partitions).unwrap_or(i32::MAX);
        let readings = partitions
            .map(|partition| self.queue.start(&topic, partition, BEGINNING))
            .collect::<Result<_, Code>>()
            .map_err(|code| errors::from_code(&format!("topic {topic} cannot be read"), code))?;
        self.reading.push((log, readings));
        Ok(())
    }

    /// Reads what is there, at most a batch.
    fn read(&mut self) {
        let mut batch = BatchBuilder::reuse(std::mem::take(&mut self.spare));
        let mut watcher = Watcher::default();
        self.messages.read(&self.queue, REST, LIMITS, &mut batch, &mut watcher);
        let batch = batch.finish();
        if batch.row_count() > 0 {
            self.consumer.context().log.works();
            self.consumer.context().failed_logins.store(0, Ordering::Relaxed);
        }
        for (index, topic) in (0..).zip(batch.topics()) {
            self.logs().filter(|log| log.topic == *topic).for_each(|log| log.shared.add(&batch, index));
        }
        for error in watcher.errors {
            self.take_error(&error);
        }
        self.spare = batch;
    }

    /// An error of a topic is that log's, another one everybody's.
    fn take_error(&self, error: &MessageError) {
        let concerned = self.logs().filter(|log| error.topic.as_ref().is_none_or(|topic| log.topic == *topic));
        match error.code {
            Code::PartitionEOF => concerned.for_each(|log| log.shared.reached_end(error.partition, error.offset)),
            code if errors::is_transient(code) => self.consumer.context().log.transient(code, &error.reason),
            code => concerned.for_each(|log| {
                log.shared.fail(errors::with_reason("the worker's topic cannot be read", code, &error.reason));
            }),
        }
    }
}

#[derive(Default)]
struct Watcher {
    errors: Vec<MessageError>,
}

impl Observer for Watcher {
    fn partition(&mut self, _: &Arc<str>, _: i32) {}

    fn error(&mut self, error: MessageError) {
        self.errors.push(error);
    }
}
