//! What the herder uses of the rest of the worker, as narrow as it needs it.

use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::{Positions, Props, Result, TopicPartition};
use tokio::sync::SetOnce;

use crate::config::WorkerConfig;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::task::{TaskHandle, TaskServices, TaskSpec};

/// Starts tasks.
pub trait TaskSpawner: Send + Sync {
    /// Starts a task and returns at once; what becomes of it stands in the handle's status.
    fn spawn(&self, spec: TaskSpec, services: &TaskServices) -> TaskHandle;
}

impl<F: Fn(TaskSpec, &TaskServices) -> TaskHandle + Send + Sync> TaskSpawner for F {
    fn spawn(&self, spec: TaskSpec, services: &TaskServices) -> TaskHandle {
        self(spec, services)
    }
}

/// The offsets that the consumer groups of sinks have committed. `overrides` are the client settings that the
/// connector overrides for its admin client, by Java's names.
#[async_trait]
pub trait GroupOffsets: Send + Sync {
    /// All committed offsets; none if there is no such group.
    async fn committed(&self, group: &str, overrides: &Props) -> Result<Positions>;

    /// Commits these offsets.
    ///
    /// # Errors
    /// Of a class that says so (`GroupNotEmptyException`, …) if the group still has members.
    async fn commit(&self, group: &str, offsets: Positions, overrides: &Props) -> Result<()>;

    /// Removes the committed offsets of these partitions.
    ///
    /// # Errors
    /// Of a class that says so (`GroupNotEmptyException`, …) if the group still has members.
    async fn remove(&self, group: &str, partitions: Vec<TopicPartition>, overrides: &Props) -> Result<()>;

    /// Removes the group with all its offsets; a group that is not there is no error.
    ///
    /// # Errors
    /// Of a class that says so (`GroupNotEmptyException`, …) if the group still has members.
    async fn delete(&self, group: &str, overrides: &Props) -> Result<()>;
}

/// Sets the level of a logger on this worker: its name, and a level by log4j's name.
pub type SetLogLevel = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What the herder works with.
pub struct Environment {
    /// The worker's configuration.
    pub worker: Arc<WorkerConfig>,
    /// What is built in.
    pub plugins: Arc<Plugins>,
    /// Starts tasks.
    pub spawner: Arc<dyn TaskSpawner>,
    /// The consumer groups of sinks.
    pub groups: Arc<dyn GroupOffsets>,
    /// Sets log levels that are meant for all workers.
    pub set_log_level: SetLogLevel,
    /// What the worker counts.
    pub metrics: Arc<Metrics>,
    /// Id of the Kafka cluster, as soon as it is known.
    pub cluster_id: Arc<SetOnce<String>>,
}
