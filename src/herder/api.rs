//! What can be asked of a herder; the REST API's only way in.

use async_trait::async_trait;
use longshore_api::Props;
use serde_json::Value as Json;

use super::types::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, CreateRequest, ExpandedConnector, Health, HerderError, PluginInfo,
    RequestConfig, RestartScope, StateInfo, Stored, TaskInfo, TaskState,
};
use crate::task::TargetState;
use crate::trial::{Sample, Trial};
use indexmap::IndexMap;

/// What a herder's calls return.
pub type Reply<T> = Result<T, HerderError>;

/// A herder as its callers see it. Every call's errors carry Connect's own texts. What only reads never waits for
/// the herder's other work, except for the first start: a worker that has not read its logs knows of nothing, which
/// must not look like an empty worker. So callers set a time limit.
#[async_trait]
pub trait Herder: Send + Sync {
    /// The Kafka cluster's id. Waits until it is known, which it may never be.
    async fn kafka_cluster_id(&self) -> String;

    /// Whether the worker has started and its herder answers. Waits for the herder, so callers set a time limit.
    async fn health(&self) -> Health;

    /// What the worker is doing, for callers whose patience ran out:
    /// `The worker is currently …` or `The last operation the worker completed was …`.
    fn stage(&self) -> String;

    /// Names of all connectors.
    async fn connectors(&self) -> Reply<Vec<String>>;

    /// All connectors, each with what was asked for, `info` and `status`, in that order.
    async fn expanded(&self, expand: &[String]) -> Reply<IndexMap<String, ExpandedConnector>>;

    /// Creates a connector. Conflict if the name is taken; BadRequest with all errors of the configuration.
    async fn create(&self, request: CreateRequest) -> Reply<ConnectorInfo>;

    /// Creates a connector or replaces its configuration.
    async fn put_config(&self, name: &str, config: RequestConfig) -> Reply<Stored>;

    /// Changes keys of a stored configuration; null removes a key (KIP-477).
    async fn patch_config(&self, name: &str, patch: RequestConfig) -> Reply<ConnectorInfo>;

    /// A connector.
    async fn connector(&self, name: &str) -> Reply<ConnectorInfo>;

    /// A connector's configuration as stored.
    async fn config(&self, name: &str) -> Reply<Props>;

    /// Deletes a connector.
    async fn delete(&self, name: &str) -> Reply<()>;

    /// Status of a connector and its tasks.
    async fn status(&self, name: &str) -> Reply<StateInfo>;

    /// Status of a task.
    async fn task_status(&self, name: &str, task: i32) -> Reply<TaskState>;

    /// A connector's tasks with their configurations.
    async fn tasks(&self, name: &str) -> Reply<Vec<TaskInfo>>;

    /// Restarts the connector instance alone and waits for it.
    async fn restart_connector(&self, name: &str) -> Reply<()>;

    /// Plans a restart of the connector and its tasks, and says what it will restart.
    async fn restart(&self, name: &str, scope: RestartScope) -> Reply<StateInfo>;

    /// Restarts a task and waits for it.
    async fn restart_task(&self, name: &str, task: i32) -> Reply<()>;

    /// Wants a connector paused, running or stopped.
    async fn set_target(&self, name: &str, target: TargetState) -> Reply<()>;

    /// A connector's offsets: `{"offsets":[…]}` (KIP-875).
    async fn offsets(&self, name: &str) -> Reply<Json>;

    /// Alters offsets; gives the message of the answer. `offsets` is the request's list.
    async fn alter_offsets(&self, name: &str, offsets: Vec<(Json, Json)>) -> Reply<String>;

    /// Resets all offsets; gives the message of the answer.
    async fn reset_offsets(&self, name: &str) -> Reply<String>;

    /// Topics that a connector has used (KIP-558).
    async fn topics(&self, name: &str) -> Reply<Vec<String>>;

    /// Forgets which topics a connector has used.
    async fn reset_topics(&self, name: &str) -> Reply<()>;

    /// Sets the level of a logger on all workers (KIP-976); `level` is by log4j's name, in any case.
    async fn set_cluster_level(&self, logger: &str, level: &str) -> Reply<()>;

    /// The plugins that are built in.
    fn plugins(&self, connectors_only: bool) -> Vec<PluginInfo>;

    /// The config table of a plugin.
    fn plugin_config(&self, plugin: &str) -> Reply<Vec<ConfigKeyInfo>>;

    /// Validates a connector's configuration; `plugin` is the class of the URL.
    async fn validate(&self, plugin: &str, config: RequestConfig) -> Reply<ConfigInfos>;

    /// Sends one record through the converters and transforms of a configuration, and shows it after each step.
    async fn try_record(&self, plugin: &str, config: RequestConfig, record: Sample) -> Reply<Trial>;
}
