//! Writing to topics.
//!
//! Two ways to learn what became of a record: [`Producer::send`] gives a future for each, which is convenient for
//! dead letters and logs; [`Producer::send_tracked`] takes a number and returns it among [`Completions`], many at a
//! time, which costs a source next to nothing a record.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use longshore_api::{ConnectError, Props, Result};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio::sync::{Notify, oneshot};

use super::client::{ClientLog, Role, client_config};
use super::event_queue::EventQueue;
use super::oauth::{self, Session};
use super::{ends, errors};

/// How long to wait before trying again when the queue is full and nothing leaves it.
const FULL_QUEUE_RETRY: Duration = Duration::from_millis(100);

/// How many reports are handed out before other tasks of the runtime get their turn; one may tell of many records.
const REPORTS_A_TURN: usize = 64;

/// A record to be written.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProducerRecord<'a> {
    /// Name of the topic.
    pub topic: &'a str,
    /// Kafka partition; `None` leaves it to the partitioner.
    pub partition: Option<i32>,
    /// The key's bytes; `None` for a null key.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Names and values, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
    /// Milliseconds since the epoch; `None` for now. Zero means now too: the native client cannot write that moment.
    pub timestamp: Option<i64>,
}

/// What became of a record: its partition and offset. Dropping it loses the news, not the record.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Outcome>);

impl Future for Delivery {
    type Output = Result<(i32, i64)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| match outcome {
            Ok(outcome) => outcome.map_err(delivery_error),
            Err(_) => Err(ConnectError::retriable("the producer was closed before the record was acknowledged")),
        })
    }
}

/// What became of a record that was sent with a number.
#[derive(Debug)]
pub struct Completion {
    /// The number.
    pub tag: u64,
    /// Partition and offset, or why the record is not written.
    pub result: Result<(i32, i64)>,
}

/// Where a producer's tracked records are reported. Bounded by the records that are under way.
#[derive(Clone)]
pub struct Completions(Arc<Reports>);

impl Completions {
    /// Waits for completions and takes all there are, in the order in which they became known. Cancel-safe.
    pub async fn next(&self) -> Vec<Completion> {
        loop {
            let completed = self.take();
            if !completed.is_empty() {
                return completed;
            }
            self.0.completed_more.notified().await;
        }
    }

    /// Takes the completions there are.
    pub fn take(&self) -> Vec<Completion> {
        std::mem::take(&mut *lock(&self.0.completed))
            .into_iter()
            .map(|(tag, outcome)| Completion { tag, result: outcome.map_err(delivery_error) })
            .collect()
    }
}

type Outcome = std::result::Result<(i32, i64), Code>;

/// What the native client's reports are turned into.
#[derive(Default)]
struct Reports {
    completed: Mutex<Vec<(u64, Outcome)>>,
    completed_more: Notify,
    waiting: Mutex<Waiting>,
    /// Somebody waits for room.
    full: AtomicBool,
    room: Notify,
}

/// Who waits for single records.
#[derive(Default)]
struct Waiting {
    next: u64,
    senders: HashMap<u64, oneshot::Sender<Outcome>>,
}

impl Waiting {
    fn add(&mut self, sender: oneshot::Sender<Outcome>) -> u64 {
        let key = self.next;
        // Fits beside the bit that tells a key from a tag.
        self.next = (self.next + 1) & (u64::MAX >> 2);
        self.senders.insert(key, sender);
        key
    }
}

/// A record that is about to be sent; forgotten unless it is, for instance because nobody waited for room.
struct Expected<'a> {
    reports: &'a Reports,
    key: u64,
    sent: bool,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        if !self.sent {
            lock(&self.reports.waiting).senders.remove(&self.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ReportContext {
    log: ClientLog,
    reports: Arc<Reports>,
}

impl ClientContext for ReportContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.native(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.transient(error.rdkafka_error_code().unwrap_or(Code::Fail), reason);
    }
}

/// The number that goes with a record through the native client: a tag with its lowest bit set, or the key of a
/// sender that waits.
type Opaque = usize;

impl ProducerContext for ReportContext {
    type DeliveryOpaque = Opaque;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Opaque) {
        let outcome = match result {
            Ok(message) => {
                self.log.works();
                Ok((message.partition(), message.offset()))
            }
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(Code::Fail)),
        };
        let number = (opaque >> 1) as u64;
        if opaque & 1 == 1 {
            let mut completed = lock(&self.reports.completed);
            completed.push((number, outcome));
            if completed.len() == 1 {
                self.reports.completed_more.notify_one();
            }
        } else if let Some(sender) = lock(&self.reports.waiting).senders.remove(&number) {
            // Whoever asked may have stopped waiting.
            let _ = sender.send(outcome);
        }
        if self.reports.full.load(Ordering::Relaxed) && self.reports.full.swap(false, Ordering::Relaxed) {
            self.reports.room.notify_waiters();
        }
    }
}

/// A producer. Cheap to clone; all clones are one producer. What is not sent when the last clone is dropped is lost:
/// [`flush`](Self::flush) first.
#[derive(Clone)]
pub struct Producer(Arc<Inner>);

struct Inner {
    reports: Arc<Reports>,
    native: Arc<Native>,
}

/// A native client with the queue in which it reports.
struct Native {
    /// `None` only while it is dropped. The login and the queue go first.
    parts: Option<(Option<Session>, EventQueue, BaseProducer<ReportContext>)>,
    /// Told when there are reports, and at the end.
    reported: Arc<Notify>,
}

impl Native {
    fn get(&self) -> Result<&BaseProducer<ReportContext>, KafkaError> {
        // It is there until the last owner is gone.
        self.parts.as_ref().map(|(.., native)| native).ok_or(KafkaError::Canceled)
    }

    /// Hands out some of the reports; whether more may be left.
    fn report(&self) -> bool {
        let Some((_, queue, native)) = &self.parts else { return false };
        !(0..REPORTS_A_TURN).any(|_| {
            native.poll(Duration::ZERO);
            queue.is_empty()
        })
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // Waits for the native client's threads, which must not hold an async worker up. Without a thread the closure
        // is dropped here, and the client with it.
        if let Some(parts) = self.parts.take() {
            let _ = std::thread::Builder::new().name("producer-close".to_owned()).spawn(move || drop(parts));
        }
        self.reported.notify_one();
    }
}

/// Hands out a producer's reports until it is dropped.
async fn hand_out(native: Weak<Native>, reported: Arc<Notify>) {
    loop {
        reported.notified().await;
        while native.upgrade().is_some_and(|native| native.report()) {
            tokio::task::yield_now().await;
        }
        if native.strong_count() == 0 {
            return;
        }
    }
}

impl Producer {
    /// A producer with Java's settings, prefixes taken off. The brokers need not be there yet. To be called within a
    /// runtime, which hands out what the native client reports.
    ///
    /// # Errors
    /// Configuration errors that name the key.
    pub fn new(props: &Props) -> Result<Self> {
        let config = client_config(props, Role::Producer)?;
        let reports = Arc::new(Reports::default());
        let context = ReportContext { log: ClientLog::new(props), reports: Arc::clone(&reports) };
        let native = BaseProducer::from_config_and_context(&config, context)
            .map_err(|error| errors::creation("Failed to construct kafka producer", &error))?;
        let reported = Arc::new(Notify::new());
        let queue = EventQueue::of(native.client(), Arc::clone(&reported))
            .ok_or_else(|| ConnectError::retriable("there is no memory for a producer's queue"))?;
        let session = oauth::session(props, native.client())?;
        let native = Arc::new(Native { parts: Some((session, queue, native)), reported: Arc::clone(&reported) });
        tokio::spawn(hand_out(Arc::downgrade(&native), reported));
        Ok(Self(Arc::new(Inner { reports, native })))
    }

    /// Hands a record over and gives a future of what becomes of it. Waits while the producer's buffer is full.
    /// Records of one partition are written in the order of these calls.
    ///
    /// # Errors
    /// What can be known before sending: a topic that cannot be, a record that is too large, a negative timestamp.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery> {
        let (sender, receiver) = oneshot::channel();
        let key = lock(&self.0.reports.waiting).add(sender);
        let mut expected = Expected { reports: &self.0.reports, key, sent: false };
        self.enqueue(record, (key << 1) as Opaque).await?;
        expected.sent = true;
        Ok(Delivery(receiver))
    }

    /// Hands a record over; what becomes of it is reported to [`completions`](Self::completions) with `tag`, which
    /// must be below 2^63. Waits while the producer's buffer is full.
    ///
    /// # Errors
    /// As for [`send`](Self::send); then there is no completion.
    pub async fn send_tracked(&self, record: ProducerRecord<'_>, tag: u64) -> Result<()> {
        self.enqueue(record, ((tag << 1) | 1) as Opaque).await
    }

    /// Where tracked records are reported.
    pub fn completions(&self) -> Completions {
        Completions(Arc::clone(&self.0.reports))
    }

    /// Sends everything that was handed over and waits until it is acknowledged or has failed.
    ///
    /// # Errors
    /// Retriable when that took longer than `timeout`.
    pub async fn flush(&self, timeout: Duration) -> Result<()> {
        let native = Arc::clone(&self.0.native);
        let flushed = tokio::task::spawn_blocking(move || native.get()?.flush(timeout)).await;
        match flushed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(errors::from_kafka("records could not be flushed", &error)),
            Err(_) => Err(ConnectError::retriable("records could not be flushed: the worker is stopping")),
        }
    }

    /// Where a topic's partitions end. Waits behind records that are being written, and nothing else.
    ///
    /// # Errors
    /// The broker's.
    pub(super) async fn ends(&self, topic: &str, partitions: usize, timeout: Duration) -> Result<Vec<i64>, Code> {
        let (native, topic) = (Arc::clone(&self.0.native), topic.to_owned());
        let ask = move || {
            let native = native.get().map_err(|_| Code::BrokerDestroy)?;
            ends::ends(native.client(), &topic, partitions, timeout)
        };
        tokio::task::spawn_blocking(ask).await.unwrap_or(Err(Code::BrokerDestroy))
    }

    /// How many records are not acknowledged and reported yet; a little too high while reports are handed out.
    pub fn in_flight(&self) -> usize {
        self.0.native.get().map_or(0, |native| usize::try_from(native.in_flight_count()).unwrap_or(0))
    }

    async fn enqueue(&self, record: ProducerRecord<'_>, opaque: Opaque) -> Result<()> {
        if let Some(timestamp) = record.timestamp.filter(|timestamp| *timestamp < 0) {
            return Err(ConnectError::fatal(format!(
                "Invalid timestamp: {timestamp}. Timestamp should always be non-negative or null."
            ))
            .with_class("java.lang.IllegalArgumentException"));
        }
        let cannot_be_sent =
            |error| errors::from_kafka(&format!("a record for {} cannot be sent", record.topic), &error);
        let native = self.0.native.get().map_err(cannot_be_sent)?;
        loop {
            let room = self.0.reports.room.notified();
            match native.send(base_record(&record, opaque)) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) => {
                    self.0.reports.full.store(true, Ordering::Relaxed);
                    // Room comes with a report; the time-out guards against the last one having come just before.
                    let _ = tokio::time::timeout(FULL_QUEUE_RETRY, room).await;
                }
                Err((error, _)) => return Err(cannot_be_sent(error)),
            }
        }
    }
}

fn base_record<'a>(record: &ProducerRecord<'a>, opaque: Opaque) -> BaseRecord<'a, [u8], [u8], Opaque> {
    let headers = (!record.headers.is_empty()).then(|| {
        record.headers.iter().fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref().map(|value| *value) })
        })
    });
    BaseRecord {
        topic: record.topic,
        partition: record.partition,
        payload: record.value,
        key: record.key,
        timestamp: record.timestamp,
        headers,
        delivery_opaque: opaque,
    }
}

fn delivery_error(code: Code) -> ConnectError {
    errors::from_code("the record was not acknowledged", code)
}
