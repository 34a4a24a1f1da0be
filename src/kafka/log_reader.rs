//! The thread that reads a log's topic: all partitions from the beginning, outside of any group.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longshore_api::{Batch, BatchBuilder, ConnectError, Props, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::sync::Notify;

use super::batch_queue::{DataQueue, MessageError, Messages, Observer};
use super::client::{ClientLog, LOGIN_TRIES, Role, client_config};
use super::{BatchLimits, errors};
use crate::store::LogRecord;

/// How long the thread waits for records before it looks whether it is still wanted.
const REST: Duration = Duration::from_millis(500);
const LIMITS: BatchLimits = BatchLimits { records: 1_000, bytes: 4 << 20 };
/// What is read ahead of whoever takes it.
const AHEAD_BYTES: usize = 32 << 20;
const FROM_BEGINNING: i64 = -2;

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

/// What was read and not yet taken.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    more: Notify,
    stop: AtomicBool,
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
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

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

    fn add(&self, batch: &Batch) {
        let mut state = lock(&self.state);
        for row in batch.rows() {
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

/// A consumer for a log's topic; it belongs to no group, whatever the worker's own group is.
pub(super) fn consumer(props: &Props) -> Result<Arc<BaseConsumer<LogContext>>> {
    let mut props = props.clone();
    for key in ["group.id", "group.instance.id", "group.protocol", "session.timeout.ms", "heartbeat.interval.ms"] {
        props.shift_remove(key);
    }
    let mut config = client_config(&props, Role::Consumer)?;
    config.set("enable.partition.eof", "true");
    config.set("allow.auto.create.topics", "false");
    let context =
        LogContext { log: ClientLog::new(&props), refused: Mutex::default(), failed_logins: AtomicU32::new(0) };
    BaseConsumer::from_config_and_context(&config, context)
        .map(Arc::new)
        .map_err(|error| errors::creation("Failed to construct kafka consumer", &error))
}

/// Starts to read a topic from the beginning.
pub(super) fn spawn(consumer: Arc<BaseConsumer<LogContext>>, topic: &str, partitions: usize) -> Result<Arc<Shared>> {
    let shared = Arc::new(Shared::default());
    lock(&shared.state).positions = vec![0; partitions];
    let queue =
        DataQueue::new(&consumer).ok_or_else(|| ConnectError::retriable("there is no memory for a log's queue"))?;
    let readings: Vec<_> = (0..i32::try_from(partitions).unwrap_or(i32::MAX))
        .map(|partition| queue.start(topic, partition, FROM_BEGINNING))
        .collect::<Result<_, Code>>()
        .map_err(|code| errors::from_code(&format!("topic {topic} cannot be read"), code))?;
    let reader = Arc::clone(&shared);
    let body = move || {
        // Dropped in this order: messages, then partitions, then the queue and the client that they belong to.
        let (queue, readings, mut messages) = (queue, readings, Messages::default());
        let mut spare = Batch::default();
        while !reader.stop.load(Ordering::Relaxed) {
            spare = turn(&consumer, &queue, &mut messages, &reader, spare);
        }
        drop(messages);
        drop(readings);
    };
    std::thread::Builder::new()
        .name(format!("log-{topic}"))
        .spawn(body)
        .map_err(|error| ConnectError::retriable(format!("a thread to read {topic} cannot be started: {error}")))?;
    Ok(shared)
}

/// Reads what is there, at most a batch; gives the batch back to be filled again.
fn turn(
    consumer: &BaseConsumer<LogContext>,
    queue: &DataQueue<LogContext>,
    messages: &mut Messages,
    shared: &Shared,
    spare: Batch,
) -> Batch {
    // Logs and errors; what it returns was told to the context.
    while consumer.poll(Duration::ZERO).is_some() {}
    if let Some(error) = lock(&consumer.context().refused).take() {
        shared.fail(error);
    }
    if shared.is_full() {
        std::thread::sleep(Duration::from_millis(10));
        return spare;
    }
    let mut batch = BatchBuilder::reuse(spare);
    let mut watcher = Watcher { ends: Vec::new(), errors: Vec::new() };
    messages.read(queue, REST, LIMITS, &mut batch, &mut watcher);
    let batch = batch.finish();
    if batch.row_count() > 0 {
        consumer.context().log.works();
        consumer.context().failed_logins.store(0, Ordering::Relaxed);
        shared.add(&batch);
    }
    for (partition, offset) in watcher.ends {
        shared.reached_end(partition, offset);
    }
    for error in watcher.errors {
        if errors::is_transient(error.code) {
            consumer.context().log.transient(error.code, &error.reason);
        } else {
            shared.fail(errors::with_reason("the worker's topic cannot be read", error.code, &error.reason));
        }
    }
    batch
}

#[derive(Default)]
struct Watcher {
    ends: Vec<(i32, i64)>,
    errors: Vec<MessageError>,
}

impl Observer for Watcher {
    fn partition(&mut self, _: &Arc<str>, _: i32) {}

    fn error(&mut self, error: MessageError) {
        match error.code {
            Code::PartitionEOF => self.ends.push((error.partition, error.offset)),
            _ => self.errors.push(error),
        }
    }
}
