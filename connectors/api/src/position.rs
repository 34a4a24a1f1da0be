//! Where a sink stands in Kafka.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Number of the partition.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// For each partition the offset of the next record: everything before it is accounted for.
pub type Positions = BTreeMap<TopicPartition, i64>;

/// Positions before which every record is durably written, reported or dropped on purpose.
///
/// Only a sink makes one, from what it knows to be written. There is no other way to move a committed offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered(Positions);

impl Delivered {
    /// What a sink says that has everything before these positions durably written.
    pub fn up_to(positions: Positions) -> Self {
        Self(positions)
    }

    /// The positions.
    pub fn positions(&self) -> &Positions {
        &self.0
    }
}
