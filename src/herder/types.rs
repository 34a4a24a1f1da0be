//! What the herder is asked and what it answers. Serialised members stand in the order in which Connect writes them.

use indexmap::IndexMap;
use longshore_api::Props;
use serde::Serialize;

use crate::task::TargetState;

/// A request that the herder refused or could not carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HerderError {
    /// What is wrong, as far as the caller must act on it.
    pub kind: HerderErrorKind,
    /// Connect's words for it.
    pub message: String,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HerderErrorKind {
    /// The request cannot be carried out as it is: invalid configuration, wrong state.
    BadRequest,
    /// No such connector, task, plugin or logger.
    NotFound,
    /// The name is taken, or a change is under way.
    Conflict,
    /// It is switched off.
    Forbidden,
    /// The worker is not ready.
    Unavailable,
    /// It failed.
    Internal,
}

impl HerderError {
    /// An error.
    pub fn new(kind: HerderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Answer of the calls that show a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorInfo {
    /// Name of the connector.
    pub name: String,
    /// Its configuration as stored, variables unresolved.
    pub config: Props,
    /// Its tasks.
    pub tasks: Vec<TaskRef>,
    /// `sink`, `source` or `unknown`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A task by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRef {
    /// Name of the connector.
    pub connector: String,
    /// Number of the task.
    pub task: u32,
}

/// A task with its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskInfo {
    /// Which task.
    pub id: TaskRef,
    /// Its configuration as stored.
    pub config: Props,
}

/// Status of a connector and its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateInfo {
    /// Name of the connector.
    pub name: String,
    /// The connector's own state.
    pub connector: ConnectorState,
    /// Its tasks' states, by number.
    pub tasks: Vec<TaskState>,
    /// `sink`, `source` or `unknown`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// State of a connector instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorState {
    /// `RUNNING`, `FAILED`, …
    pub state: &'static str,
    /// The worker on which it runs or ran.
    pub worker_id: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Version of the plugin (KIP-891).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Restarts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_restart: Option<AutoRestart>,
}

/// Restarts of a failed connector or task that its configuration asks for (`errors.restart.enable`). Longshore's own
/// member of a status: it is there only while there is something to say, and never for those who do not ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AutoRestart {
    /// How many there were in a row.
    pub attempts: u32,
    /// When the next one is due, in ISO 8601; missing while it runs, and when there will be no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// State of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskState {
    /// Number of the task.
    pub id: u32,
    /// `RUNNING`, `FAILED`, …
    pub state: &'static str,
    /// The worker on which it runs or ran.
    pub worker_id: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Version of the plugin (KIP-891).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Restarts by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_restart: Option<AutoRestart>,
}

/// A connector in the expanded list: what was asked for, in that order.
pub type ExpandedConnector = IndexMap<&'static str, serde_json::Value>;

/// What a create or update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whether the connector is new.
    pub created: bool,
    /// The connector as stored.
    pub info: ConnectorInfo,
}

/// A configuration as it came in a request: null values are there to be reported, or to remove keys.
pub type RequestConfig = IndexMap<String, Option<String>>;

/// A request to create a connector.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// Name of the connector.
    pub name: String,
    /// Its configuration; `name` is in it.
    pub config: RequestConfig,
    /// The state to begin in (KIP-980).
    pub initial_state: Option<TargetState>,
}

/// A plugin of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginInfo {
    /// Java class name.
    pub class: &'static str,
    /// `sink`, `source`, `transformation`, `predicate`, `converter` or `header_converter`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Version.
    pub version: &'static str,
}

/// Answer of a validation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigInfos {
    /// The connector class as given.
    pub name: String,
    /// How many errors there are.
    pub error_count: usize,
    /// The groups, in order.
    pub groups: Vec<String>,
    /// An entry for each key.
    pub configs: Vec<ConfigInfo>,
}

/// A key's table row and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigInfo {
    /// The table row; `None` for a key that nobody declares.
    pub definition: Option<ConfigKeyInfo>,
    /// The value with its errors.
    pub value: ConfigValueInfo,
}

/// A key's row of a config table, as REST shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ConfigKeyInfo {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub required: bool,
    pub default_value: Option<String>,
    pub importance: &'static str,
    pub documentation: String,
    pub group: Option<String>,
    pub width: &'static str,
    pub display_name: String,
    pub dependents: Vec<String>,
    /// Serialised as `order_in_group` by plugin configs and `order` by validation in old versions; 4.3 writes
    /// `order_in_group` in both.
    pub order_in_group: i32,
}

/// A key's value as a validation shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ConfigValueInfo {
    pub name: String,
    pub value: Option<String>,
    pub recommended_values: Vec<String>,
    pub errors: Vec<String>,
    pub visible: bool,
}

/// What a restart covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartScope {
    /// `includeTasks`.
    pub include_tasks: bool,
    /// `onlyFailed`.
    pub only_failed: bool,
}

/// How the worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the first start is complete.
    pub ready: bool,
    /// Connect's words for what the worker does now.
    pub stage: String,
}
