//! One native queue that several partitions deliver to, read many messages at a time.
//!
//! The safe bindings hand messages over one by one, at three to six times the cost. What is `unsafe` about the batch
//! call is kept in this file: the queue, the messages taken from it, and their parts.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use longshore_api::{BatchBuilder, RowParts, TimestampType};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr, RDKafkaTopic};

use super::BatchLimits;

/// How many messages are asked for in one call; more does not make it cheaper.
const CHUNK: usize = 64;

/// A queue of its own beside the consumer's.
pub(super) struct DataQueue<C: ConsumerContext + 'static> {
    queue: NonNull<RDKafkaQueue>,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's queues may be used from any thread at the same time; the pointer is owned by this value alone
// and the client that it belongs to is kept alive by `consumer`.
unsafe impl<C: ConsumerContext + 'static> Send for DataQueue<C> {}
// SAFETY: as above.
unsafe impl<C: ConsumerContext + 'static> Sync for DataQueue<C> {}

impl<C: ConsumerContext + 'static> Drop for DataQueue<C> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_queue_new`, is destroyed once, and its client still lives.
        unsafe { native::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

impl<C: ConsumerContext + 'static> DataQueue<C> {
    /// A new queue of a consumer; `None` if there is no memory for it.
    pub(super) fn new(consumer: &Arc<BaseConsumer<C>>) -> Option<Self> {
        // SAFETY: the client pointer is valid while `consumer` lives.
        let queue = unsafe { native::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, consumer: Arc::clone(consumer) })
    }

    /// Lets a partition deliver to this queue. To be called before each assignment of the partition: giving a
    /// partition up ends it. May be repeated. False if there is no such partition to forward.
    pub(super) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else { return false };
        // SAFETY: the client and the name live through the call; the returned reference is ours to destroy, which
        // does not end the forwarding.
        unsafe {
            let source =
                native::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), topic.as_ptr(), partition);
            if source.is_null() {
                return false;
            }
            native::rd_kafka_queue_forward(source, self.queue.as_ptr());
            native::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Starts to read a partition into this queue, outside of any group. Ends when the answer is dropped.
    pub(super) fn start(&self, topic: &str, partition: i32, offset: i64) -> Result<Reading<C>, RDKafkaErrorCode> {
        let name = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
        // SAFETY: client, name and queue are valid through the calls; a null configuration means the client's own.
        // The topic's reference is destroyed here on failure and by `Reading` otherwise.
        unsafe {
            let handle =
                native::rd_kafka_topic_new(self.consumer.client().native_ptr(), name.as_ptr(), ptr::null_mut());
            let Some(topic) = NonNull::new(handle) else { return Err(native::rd_kafka_last_error().into()) };
            if native::rd_kafka_consume_start_queue(handle, partition, offset, self.queue.as_ptr()) == -1 {
                let code = native::rd_kafka_last_error();
                native::rd_kafka_topic_destroy(handle);
                return Err(code.into());
            }
            Ok(Reading { topic, partition, _consumer: Arc::clone(&self.consumer) })
        }
    }

    /// Where a partition ends, as the latest fetch said; `None` before there was one.
    pub(super) fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client, name and the two places to write to are valid through the call, which asks no broker.
        let known = unsafe {
            let client = self.consumer.client().native_ptr();
            native::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
        };
        (known == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Lets a call that waits in [`Messages::fill`] return, or the next one if none does.
    pub(super) fn wake(&self) {
        // SAFETY: the queue is valid; the call only sets a flag under the queue's lock.
        unsafe { native::rd_kafka_queue_yield(self.queue.as_ptr()) }
    }
}

/// Starts to commit positions; the outcome is told to the consumer's context as it is polled.
///
/// The safe bindings' asynchronous commit tells its outcome to nobody (they set no native callback, and without one
/// librdkafka drops it), so the consumer's own queue is named as the place for the answer.
pub(super) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    positions: &TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    let client = consumer.client().native_ptr();
    // SAFETY: client and list are valid through the calls; the call copies the list and takes its own reference on
    // the queue, so that ours can be given back. No callback is named, so none can outlive anything.
    let code = unsafe {
        let queue = native::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return Err(RDKafkaErrorCode::UnknownGroup);
        }
        let code = native::rd_kafka_commit_queue(client, positions.ptr(), queue, None, ptr::null_mut());
        native::rd_kafka_queue_destroy(queue);
        code
    };
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(code.into()),
    }
}

/// A partition that is being read outside of any group, until this is dropped.
pub(super) struct Reading<C: ConsumerContext + 'static> {
    topic: NonNull<RDKafkaTopic>,
    partition: i32,
    _consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: topic handles may be used from any thread, and this value alone owns its reference.
unsafe impl<C: ConsumerContext + 'static> Send for Reading<C> {}

impl<C: ConsumerContext + 'static> Drop for Reading<C> {
    fn drop(&mut self) {
        // SAFETY: reading was started with this handle, whose reference is ours and is given back once; the client
        // still lives.
        unsafe {
            native::rd_kafka_consume_stop(self.topic.as_ptr(), self.partition);
            native::rd_kafka_topic_destroy(self.topic.as_ptr());
        }
    }
}

/// An error that came in the place of a message.
#[derive(Debug)]
pub(super) struct MessageError {
    pub(super) code: RDKafkaErrorCode,
    pub(super) topic: Option<Arc<str>>,
    pub(super) partition: i32,
    /// Where it happened; for the end of a partition the offset of the next message.
    pub(super) offset: i64,
    pub(super) reason: String,
}

/// What is told of the messages while they are copied.
pub(super) trait Observer {
    /// Messages of this partition follow. Called once a run of messages of one partition.
    fn partition(&mut self, topic: &Arc<str>, partition: i32);
    /// An error came in the place of a message.
    fn error(&mut self, error: MessageError);
}

/// Messages taken from a queue and not yet copied.
pub(super) struct Messages {
    /// Whether headers are copied. The native client parses them when it is asked for them, and also to find that there
    /// are none, which takes a quarter of what reading a small record costs.
    headers: bool,
    taken: Vec<NonNull<RDKafkaMessage>>,
    copied: usize,
    topics: Vec<Arc<str>>,
}

// SAFETY: messages may be read and destroyed on any thread; each pointer is owned by this value alone.
unsafe impl Send for Messages {}

impl Drop for Messages {
    fn drop(&mut self) {
        self.destroy_all();
    }
}

impl Messages {
    /// No messages yet; `headers` says whether those to come are copied with their headers.
    pub(super) fn new(headers: bool) -> Self {
        Self { headers, taken: Vec::new(), copied: 0, topics: Vec::new() }
    }

    /// Copies messages into a batch until a limit is reached or the queue is empty; waits for the first one.
    ///
    /// The messages must all be gone ([`destroy_all`](Self::destroy_all)) before the queue's client is.
    pub(super) fn read<C: ConsumerContext + 'static>(
        &mut self,
        queue: &DataQueue<C>,
        wait: Duration,
        limits: BatchLimits,
        batch: &mut BatchBuilder,
        observer: &mut impl Observer,
    ) {
        // The native call waits its whole time unless it gets all that it was asked for: wait for one, then take
        // what is there.
        if self.copied == self.taken.len() && !self.take(queue, wait, 1) {
            return;
        }
        while self.copy(limits, batch, observer) {
            let room = limits.records.saturating_sub(batch.len()).min(CHUNK);
            if room == 0 || !self.take(queue, Duration::ZERO, room) {
                return;
            }
        }
    }

    /// Forgets those messages not yet copied whose partition is not wanted any more.
    pub(super) fn discard(&mut self, unwanted: impl Fn(&str, i32) -> bool) {
        let waiting = self.taken.split_off(self.copied);
        self.destroy_all();
        for pointer in waiting {
            // SAFETY: the message is not destroyed yet.
            let message = unsafe { pointer.as_ref() };
            // SAFETY: as above; the topic lives as long as the message.
            let name = unsafe { topic_name(message) };
            if name.is_some_and(|name| unwanted(name, message.partition)) {
                // SAFETY: taken out of the list, so destroyed once.
                unsafe { native::rd_kafka_message_destroy(pointer.as_ptr()) }
            } else {
                self.taken.push(pointer);
            }
        }
    }

    /// Destroys everything that was taken.
    pub(super) fn destroy_all(&mut self) {
        self.copied = 0;
        for message in self.taken.drain(..) {
            // SAFETY: each pointer came from the batch call, is ours, and leaves the list here.
            unsafe { native::rd_kafka_message_destroy(message.as_ptr()) }
        }
    }

    /// Takes up to `most` messages; whether any came. Everything taken before must have been copied.
    fn take<C: ConsumerContext + 'static>(&mut self, queue: &DataQueue<C>, wait: Duration, most: usize) -> bool {
        self.destroy_all();
        let mut pointers = [ptr::null_mut::<RDKafkaMessage>(); CHUNK];
        let most = most.min(CHUNK);
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the array has room for `most` pointers and the queue is valid. The consumer's own queue is never
        // read this way, so no rebalance can be answered behind our back.
        let count =
            unsafe { native::rd_kafka_consume_batch_queue(queue.queue.as_ptr(), wait, pointers.as_mut_ptr(), most) };
        let count = usize::try_from(count).unwrap_or(0).min(most);
        self.taken.extend(pointers[..count].iter().filter_map(|pointer| NonNull::new(*pointer)));
        !self.taken.is_empty()
    }

    /// Copies what was taken. False when a limit was reached first.
    fn copy(&mut self, limits: BatchLimits, batch: &mut BatchBuilder, observer: &mut impl Observer) -> bool {
        // A topic handle is the same topic only while messages of this round hold on to it.
        let mut run: Option<(*const c_void, i32, u16)> = None;
        while let Some(pointer) = self.taken.get(self.copied).copied() {
            // SAFETY: not destroyed before the end of the round.
            let message = unsafe { pointer.as_ref() };
            if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                let error = self.error(message);
                observer.error(error);
                self.copied += 1;
                continue;
            }
            let bytes = message.len + message.key_len;
            if !batch.is_empty() && (batch.len() >= limits.records || batch.byte_count() + bytes > limits.bytes) {
                return false;
            }
            let handle: *const c_void = message.rkt.cast();
            let topic = match run {
                Some((known, partition, topic)) if known == handle && partition == message.partition => topic,
                _ => {
                    let name = self.topic(message).unwrap_or_default();
                    observer.partition(&name, message.partition);
                    let topic = batch.topic_index(&name);
                    run = Some((handle, message.partition, topic));
                    topic
                }
            };
            // SAFETY: `pointer` is a whole message without error.
            unsafe {
                push(pointer.as_ptr(), topic, batch);
                if self.headers {
                    push_headers_of(pointer.as_ptr(), batch);
                }
            }
            self.copied += 1;
        }
        true
    }

    fn error(&mut self, message: &RDKafkaMessage) -> MessageError {
        // SAFETY: the text belongs to the message and is copied at once.
        let reason = unsafe { CStr::from_ptr(native::rd_kafka_message_errstr(message)) };
        MessageError {
            code: message.err.into(),
            topic: self.topic(message),
            partition: message.partition,
            offset: message.offset,
            reason: reason.to_string_lossy().into_owned(),
        }
    }

    /// The name of a message's topic, shared with all its other messages.
    fn topic(&mut self, message: &RDKafkaMessage) -> Option<Arc<str>> {
        // SAFETY: the topic lives as long as the message.
        let name = unsafe { topic_name(message) }?;
        if let Some(known) = self.topics.iter().find(|known| &***known == name) {
            return Some(Arc::clone(known));
        }
        let name: Arc<str> = Arc::from(name);
        self.topics.push(Arc::clone(&name));
        Some(name)
    }
}

/// The topic's name; `None` for an error that belongs to no topic.
///
/// # Safety
/// The message must not have been destroyed, and must live as long as the name is used.
unsafe fn topic_name(message: &RDKafkaMessage) -> Option<&str> {
    if message.rkt.is_null() {
        return None;
    }
    // SAFETY: a message holds a reference on its topic, whose name ends with a null and never changes.
    unsafe { CStr::from_ptr(native::rd_kafka_topic_name(message.rkt)) }.to_str().ok()
}

/// Copies one message without its headers.
///
/// # Safety
/// The message must be whole and carry no error.
unsafe fn push(pointer: *mut RDKafkaMessage, topic: u16, batch: &mut BatchBuilder) {
    // SAFETY: by this function's contract; key and payload are null or hold as many bytes as the message says.
    unsafe {
        let message = &*pointer;
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        let timestamp = native::rd_kafka_message_timestamp(pointer, &mut kind);
        batch.push(
            topic,
            RowParts {
                partition: message.partition,
                offset: message.offset,
                timestamp,
                timestamp_type: timestamp_type(kind),
                key: bytes(message.key, message.key_len),
                value: bytes(message.payload, message.len),
            },
        );
    }
}

/// Copies a message's headers to the row that was pushed last.
///
/// # Safety
/// The message must be whole and carry no error.
unsafe fn push_headers_of(pointer: *mut RDKafkaMessage, batch: &mut BatchBuilder) {
    let mut headers = ptr::null_mut();
    // SAFETY: by this function's contract; the headers live as long as the message.
    unsafe {
        if native::rd_kafka_message_headers(pointer, &mut headers) == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            push_headers(headers, batch);
        }
    }
}

/// Copies headers to the row that was pushed last.
///
/// # Safety
/// The headers must belong to a message that lives.
unsafe fn push_headers(headers: *const native::rd_kafka_headers_t, batch: &mut BatchBuilder) {
    let mut name: *const c_char = ptr::null();
    let mut value: *const c_void = ptr::null();
    let mut size = 0;
    for index in 0.. {
        // SAFETY: the three places to write to are valid; what is found lives as long as the headers.
        unsafe {
            let found = native::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            batch.header(CStr::from_ptr(name).to_bytes(), bytes(value, size));
        }
    }
}

/// Bytes that a message holds; null is not the same as none.
///
/// # Safety
/// `start` must be null or the start of `len` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by this function's contract.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

fn timestamp_type(kind: native::rd_kafka_timestamp_type_t) -> TimestampType {
    match kind {
        native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => TimestampType::None,
        native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampType::CreateTime,
        native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimestampType::LogAppendTime,
    }
}
