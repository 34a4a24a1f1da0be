//! Worker properties, `CONNECT_*` environment, config providers, and the keys that every connector has.

pub mod clients;
pub mod connector;
pub mod connector_keys;
pub mod environment;
pub mod jaas;
pub mod keys;
mod listener;
pub mod memory;
pub mod properties;
pub mod providers;
pub mod rest;
pub mod restart;
#[cfg(test)]
mod tests;
pub mod topic_creation;
pub mod versions;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use longshore_api::Props;

pub use connector::{ConnectorConfig, ConnectorKind};
pub use environment::Environment;
pub use memory::MemoryLimit;
pub use providers::Resolver;
pub use rest::RestSettings;
pub use topic_creation::TopicCreation;

/// Whether the worker is a member of a group, or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Configs, offsets and statuses on Kafka topics.
    Distributed,
    /// Source offsets in a file, everything else in memory.
    Standalone,
}

/// A worker's configuration, parsed and checked.
///
/// Made by [`WorkerConfig::distributed`] and [`WorkerConfig::standalone`].
#[derive(Clone)]
pub struct WorkerConfig {
    /// Whether the worker is a member of a group.
    pub mode: Mode,
    /// Everything the user set, by Java's names, with variables resolved. Clients take their settings from here.
    pub props: Props,
    /// `bootstrap.servers`.
    pub bootstrap_servers: String,
    /// `group.id`; empty in standalone mode.
    pub group_id: String,
    /// The topics in which the worker keeps its state; `None` in standalone mode.
    pub topics: Option<InternalTopics>,
    /// `offset.storage.file.filename`, standalone mode.
    pub offsets_file: Option<std::path::PathBuf>,
    /// `key.converter` with its `key.converter.*` settings (prefix taken off).
    pub key_converter: PluginConfig,
    /// `value.converter` with its settings.
    pub value_converter: PluginConfig,
    /// `header.converter` with its settings.
    pub header_converter: PluginConfig,
    /// `offset.flush.interval.ms`.
    pub offset_flush_interval: Duration,
    /// `offset.flush.timeout.ms`.
    pub offset_flush_timeout: Duration,
    /// `task.shutdown.graceful.timeout.ms`, for all tasks that stop together.
    pub task_shutdown_timeout: Duration,
    /// `task.stuck.threshold.ms`.
    pub stuck_threshold: Duration,
    /// `task.memory.limit.bytes`.
    pub task_memory: MemoryLimit,
    /// `listeners`.
    pub listeners: Vec<Listener>,
    /// `http` or `https`, by which others reach this worker.
    pub advertised_scheme: String,
    /// `host:port` by which others know this worker (`worker_id` of statuses).
    pub worker_id: Arc<str>,
    /// `topic.creation.enable`.
    pub topic_creation: bool,
    /// `topic.tracking.enable`.
    pub topic_tracking: bool,
    /// `topic.tracking.allow.reset`.
    pub topic_tracking_reset: bool,
    /// `connector.client.config.override.policy`.
    pub override_policy: OverridePolicy,
    /// How the REST API is guarded and answered with.
    pub rest: RestSettings,
    /// `metrics.sample.window.ms`.
    pub metrics_window: Duration,
    /// `metrics.num.samples`.
    pub metrics_samples: usize,
    /// Resolves the variables of connector and task configurations.
    pub providers: Arc<Resolver>,
    /// Keys that were set and do nothing, in sentences for the log.
    pub warnings: Vec<String>,
}

/// A plugin's class as the user wrote it, and its settings with the prefix taken off.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PluginConfig {
    /// Class name or alias.
    pub class: String,
    /// Its settings.
    pub props: Props,
}

/// The three topics and how they are created when they are missing.
#[derive(Debug, Clone)]
pub struct InternalTopics {
    /// `config.storage.topic`: one partition, always.
    pub config: TopicSpec,
    /// `offset.storage.topic`.
    pub offset: TopicSpec,
    /// `status.storage.topic`.
    pub status: TopicSpec,
}

/// A topic to be created if it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name of the topic.
    pub name: String,
    /// Number of partitions; -1 leaves it to the broker.
    pub partitions: i32,
    /// Replication factor; -1 leaves it to the broker.
    pub replication_factor: i32,
    /// Further settings of the topic, by Kafka's names.
    pub settings: Props,
}

/// Where the REST API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `http` or `https`.
    pub scheme: String,
    /// Host; empty for all interfaces.
    pub host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
}

/// Which client settings a connector may override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverridePolicy {
    /// All.
    All,
    /// None.
    None,
    /// `security.protocol`, `sasl.jaas.config` and `sasl.mechanism`.
    Principal,
}
