//! `task.memory.limit.bytes`: how much a task may hold, and how that is shared out.
//!
//! Longshore's own key, of a worker and, for its tasks alone, of a connector. It is no row of the framework's table:
//! validation shows it only to those who set it, so that its answers are Kafka Connect's for everybody else.

use longshore_api::config::ConfigType::Long;
use longshore_api::config::Importance::Low;
use longshore_api::config::{ConfigDef, ConfigKey, Validator, Width};
use longshore_api::{ConnectError, Props, Result};

use super::WorkerConfig;

/// The key, of workers and of connectors.
pub const KEY: &str = "task.memory.limit.bytes";
/// The smallest limit: a fetch and a batch of it still hold records of some hundred kilobytes.
pub const LEAST: i64 = 8 << 20;

/// Java's defaults of what a client's own settings may say below the limit.
const FETCH_MAX_BYTES: usize = 50 << 20;
const MAX_PARTITION_FETCH_BYTES: usize = 1 << 20;
const BUFFER_MEMORY: usize = 32 << 20;

/// The key, for those who set it; none for others.
pub fn keys(config: &Props) -> Vec<ConfigKey> {
    if !config.contains_key(KEY) {
        return Vec::new();
    }
    let key = ConfigKey::new(KEY, Long, Low)
        .default_null()
        .validator(Validator::AtLeast(LEAST))
        .doc("How much a task of this connector may hold, in bytes. The worker's where it is not set.")
        .shown("Common", 15, Width::Medium, "Task Memory Limit");
    vec![key]
}

/// What one task may hold, in bytes: what is fetched ahead, what waits in batches, what Kafka has not acknowledged.
/// A single record that is larger than its share still comes, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit(usize);

impl MemoryLimit {
    /// The limit of a connector whose variables are resolved: its own, or else the worker's.
    ///
    /// # Errors
    /// A value that is no number or too small, with the key's name.
    pub fn of(worker: &WorkerConfig, connector: &Props) -> Result<Self> {
        let keys = keys(connector);
        if keys.is_empty() {
            return Ok(worker.task_memory);
        }
        let parsed = ConfigDef::new(keys).parse(connector).map_err(ConnectError::from)?;
        Ok(Self::new(parsed.integer(KEY)))
    }

    /// A limit of so many bytes, or the least there may be.
    pub fn new(bytes: i64) -> Self {
        Self(usize::try_from(bytes.max(LEAST)).unwrap_or(usize::MAX))
    }

    /// Bytes of one batch. Two wait, one is in work, one is being filled, and each may be a record larger; half of the
    /// limit is enough for them and for the memory that they keep for the next ones.
    pub fn batch(self) -> usize {
        self.0 / 16
    }

    /// Lowers a sink's consumer to what it may fetch ahead: a quarter of the limit in all (`fetch.max.bytes`) and a
    /// sixteenth of that a partition at once.
    pub fn bound_consumer(self, props: &mut Props) {
        bound(props, "fetch.max.bytes", FETCH_MAX_BYTES, self.0 / 4);
        bound(props, "max.partition.fetch.bytes", MAX_PARTITION_FETCH_BYTES, self.0 / 64);
    }

    /// Lowers a source's producer to what may wait for acknowledgement: half of the limit (`buffer.memory`).
    pub fn bound_producer(self, props: &mut Props) {
        bound(props, "buffer.memory", BUFFER_MEMORY, self.0 / 2);
    }

    /// Lowers the producer of a sink's dead letters to an eighth of the limit.
    pub fn bound_dead_letters(self, props: &mut Props) {
        bound(props, "buffer.memory", BUFFER_MEMORY, self.0 / 8);
    }
}

/// A setting that says more than it may, or nothing, says what it may. One that is no number stays, to be refused.
fn bound(props: &mut Props, key: &str, default: usize, most: usize) {
    let said = match props.get(key).map(|text| text.trim().parse::<i64>()) {
        Some(Ok(bytes)) => usize::try_from(bytes).unwrap_or_default(),
        Some(Err(_)) => return,
        None => default,
    };
    props.insert(key.to_owned(), said.min(most).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::herder::golden;

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_connectors_limit_comes_before_the_workers() {
        let worker = golden::worker(&[]);
        assert_eq!(MemoryLimit::of(&worker, &Props::new()).unwrap(), MemoryLimit(64 << 20));
        let small = golden::worker(&[(KEY, "9000000")]);
        assert_eq!(MemoryLimit::of(&small, &Props::new()).unwrap(), MemoryLimit(9_000_000));
        assert_eq!(MemoryLimit::of(&small, &props(&[(KEY, "10000000")])).unwrap(), MemoryLimit(10_000_000));
        for wrong in ["1000", "64 MB"] {
            let message = MemoryLimit::of(&worker, &props(&[(KEY, wrong)])).unwrap_err().to_string();
            assert!(message.contains(KEY) && message.contains(wrong), "{message}");
        }
        assert!(keys(&props(&[("tasks.max", "1")])).is_empty());
    }

    #[test]
    fn clients_may_hold_less_than_their_share_but_not_more() {
        let limit = MemoryLimit::new(64 << 20);
        let mut consumer = props(&[("max.partition.fetch.bytes", "1000")]);
        limit.bound_consumer(&mut consumer);
        assert_eq!(consumer, props(&[("max.partition.fetch.bytes", "1000"), ("fetch.max.bytes", "16777216")]));
        let mut producer = props(&[("buffer.memory", "999999999")]);
        limit.bound_producer(&mut producer);
        assert_eq!(producer, props(&[("buffer.memory", "33554432")]));
        let mut wrong = props(&[("buffer.memory", "much")]);
        limit.bound_dead_letters(&mut wrong);
        assert_eq!(wrong, props(&[("buffer.memory", "much")]));
    }
}
