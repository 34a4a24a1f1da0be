//! What a sink's native consumer calls back. Nothing is done here: it is noted, and the thread acts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use longshore_api::Props;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::client::ClientLog;

/// A change of our partitions. The native client waits until it is carried out.
pub(super) enum Rebalance {
    /// Partitions are ours once they are assigned.
    Assign(TopicPartitionList),
    /// Partitions must be given up.
    Revoke { partitions: TopicPartitionList, lost: bool },
}

/// Something else that the native consumer told.
pub(super) enum Told {
    /// The commit that was under way has an outcome.
    Committed(Result<(), RDKafkaErrorCode>),
    /// An error that belongs to no record.
    Error(RDKafkaErrorCode, String),
}

/// The callbacks of a sink's consumer.
pub(super) struct SinkContext {
    pub(super) log: ClientLog,
    told: Mutex<VecDeque<Told>>,
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Goes up with each callback: the only way to learn whether a poll found something.
    calls: AtomicU64,
    closing: AtomicBool,
}

impl SinkContext {
    pub(super) fn new(props: &Props) -> Self {
        Self {
            log: ClientLog::new(props),
            told: Mutex::default(),
            rebalances: Mutex::default(),
            calls: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        }
    }

    /// From now on partitions are given up without a conversation.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn next(&self) -> Option<Told> {
        lock(&self.told).pop_front()
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    fn tell(&self, told: Told) {
        self.called();
        lock(&self.told).push_back(told);
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(queue: &Mutex<T>) -> MutexGuard<'_, T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for SinkContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.called();
        self.log.native(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(code) => self.tell(Told::Error(code, reason.to_owned())),
            None => self.called(),
        }
    }
}

impl ConsumerContext for SinkContext {
    /// Only notes the change. The native client waits until the thread assigns or gives up.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.called();
        let assign = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            if let Err(error) = give_up(consumer, list) {
                tracing::debug!(client = self.log.client(), %error, "partitions could not be given up while closing");
            }
            return;
        }
        lock(&self.rebalances).push_back(if assign {
            Rebalance::Assign(list.clone())
        } else {
            Rebalance::Revoke { partitions: list.clone(), lost: consumer.assignment_lost() }
        });
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let refused = offsets.elements().iter().find_map(|element| element.error().err()?.rdkafka_error_code());
        self.tell(Told::Committed(match (result, refused) {
            (_, Some(code)) => Err(code),
            (Err(error), None) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
            (Ok(()), None) => Ok(()),
        }));
    }
}

/// Takes partitions in the way of the group's protocol.
pub(super) fn take(consumer: &BaseConsumer<SinkContext>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        _ => consumer.assign(list),
    }
}

/// Gives partitions up in the way of the group's protocol.
pub(super) fn give_up(consumer: &BaseConsumer<SinkContext>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
        _ => consumer.unassign(),
    }
}

/// A native list of positions.
pub(super) fn native_positions(positions: &longshore_api::Positions) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, offset) in positions {
        list.add_partition_offset(&partition.topic, partition.partition, Offset::from_raw(*offset))?;
    }
    Ok(list)
}

/// The partitions of a native list, with their raw offsets.
pub(super) fn positions(list: &TopicPartitionList) -> longshore_api::Positions {
    list.elements()
        .iter()
        .map(|element| {
            let partition = longshore_api::TopicPartition::new(element.topic(), element.partition());
            (partition, element.offset().to_raw().unwrap_or(super::NO_OFFSET))
        })
        .collect()
}
