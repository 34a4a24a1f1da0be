//! The only room that knows rdkafka, and the only one where `unsafe` may stand.
//!
//! Everything here takes Java's client settings ([`Props`](longshore_api::Props)) and translates them in one table
//! (`settings`). A sink reads by [`SinkConsumer`], sources and dead letters are written by [`Producer`], the worker's
//! own state lies in [`TopicLog`]s, and [`Admin`] asks and changes what clusters know. [`MockBroker`] is a broker
//! inside this process that forgets everything when it ends.

mod admin;
mod batch_queue;
mod client;
mod consumer;
mod context;
mod ends;
mod errors;
mod event_queue;
mod group_offsets;
mod log_reader;
mod mock;
mod oauth;
mod producer;
mod sasl;
mod settings;
mod sink_group;
mod sink_thread;
mod subscription;
mod tls;
mod topic_log;
mod waker;

#[cfg(test)]
mod tests;

pub use admin::{Admin, Creation, TopicDescription};
pub use client::{Role, client_config};
pub use consumer::{ConsumerEvents, ConsumerSettings, NO_OFFSET, SinkConsumer};
pub use mock::MockBroker;
pub use producer::{Completion, Completions, Delivery, Producer, ProducerRecord};
pub use topic_log::{LogPurpose, TopicLog, TopicLogs};

use longshore_api::{Batch, ConnectError, Positions, TopicPartition};
use tokio::sync::oneshot;

/// Which topics a sink reads.
#[derive(Debug, Clone)]
pub enum Subscription {
    /// These.
    Topics(Vec<String>),
    /// All whose whole name matches (Java's rule), now and later.
    Pattern(regex::Regex),
}

/// How much one batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Records a batch.
    pub records: usize,
    /// Bytes a batch; a single larger record still comes, alone.
    pub bytes: usize,
}

/// What a sink's consumer tells its task, in order.
#[derive(Debug)]
pub enum ConsumerEvent {
    /// Partitions came; where reading starts. The position is [`NO_OFFSET`] where nothing is committed: reading
    /// starts where `auto.offset.reset` says. There may be none at all: the group has more members than partitions.
    Assigned(Positions),
    /// Records came.
    Batch(Batch),
    /// What [`SinkConsumer::seek`] asked for is done. Records of these partitions that came before this are from
    /// before the seek and are to be dropped; those that come after it start at these positions.
    Rewound(Positions),
    /// Partitions go as soon as `done` is answered or dropped, or the consumer's patience ends. Nothing of them comes
    /// any more. Commits are served in the meantime.
    Revoked {
        /// The partitions.
        partitions: Vec<TopicPartition>,
        /// They are lost already: nothing can be committed for them.
        lost: bool,
        /// Answered when everything worth committing is committed.
        done: oneshot::Sender<()>,
    },
    /// The consumer cannot go on; it still wants to be closed.
    Failed(ConnectError),
}
