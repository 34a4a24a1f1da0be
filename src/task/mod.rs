//! Runs tasks: batches from Kafka to a sink, records from a source to Kafka.

mod acks;
mod convert;
mod dead_letters;
mod errors;
mod launch;
mod orders;
mod positions;
pub mod restart;
mod sink;
mod source;
mod supervise;
mod transform;
mod watchdog;

use std::fmt;
use std::sync::Arc;

use longshore_api::{Plugin, Props};
use tokio::sync::watch;

pub use convert::Converters;
pub use supervise::spawn;

/// Which task of which connector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Name of the connector.
    pub connector: Arc<str>,
    /// Number of the task, from 0.
    pub task: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

/// The state that people want a connector and its tasks to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// Running.
    Started,
    /// Tasks keep what they hold and do nothing.
    Paused,
    /// No tasks.
    Stopped,
}

/// The state in which a connector or task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Unassigned,
    Running,
    Paused,
    /// Connectors only.
    Stopped,
    Failed,
    Restarting,
    /// Deleted; stored as a tombstone, never shown.
    Destroyed,
}

impl State {
    /// The name in statuses.
    pub fn name(self) -> &'static str {
        match self {
            State::Unassigned => "UNASSIGNED",
            State::Running => "RUNNING",
            State::Paused => "PAUSED",
            State::Stopped => "STOPPED",
            State::Failed => "FAILED",
            State::Restarting => "RESTARTING",
            State::Destroyed => "DESTROYED",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        use State::{Destroyed, Failed, Paused, Restarting, Running, Stopped, Unassigned};
        [Unassigned, Running, Paused, Stopped, Failed, Restarting, Destroyed]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// What a live task says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its state.
    pub state: State,
    /// Why it failed, as a trace.
    pub trace: Option<Arc<str>>,
    /// Whether a failure may go away by itself, so that a restart may help.
    pub transient: bool,
}

impl TaskStatus {
    /// A state without a failure.
    pub fn of(state: State) -> Self {
        Self { state, trace: None, transient: false }
    }

    /// FAILED, for this reason.
    pub fn failed(error: &longshore_api::ConnectError) -> Self {
        let transient = restart::is_transient(error);
        Self { state: State::Failed, trace: Some(error.trace().into()), transient }
    }
}

/// All that a task needs to start. Not shown by `Debug`: its configurations hold secrets.
#[derive(Clone)]
pub struct TaskSpec {
    /// Which task.
    pub id: TaskId,
    /// What it runs.
    pub plugin: Plugin,
    /// The connector's configuration, variables resolved: converters, error handling, client overrides.
    pub connector_config: Props,
    /// The task's own configuration, variables resolved.
    pub task_config: Props,
    /// The state to start in; Started or Paused.
    pub target: TargetState,
}

/// What a task uses of its worker.
#[derive(Clone)]
pub struct TaskServices {
    /// What is built in.
    pub plugins: Arc<crate::plugins::Plugins>,
    /// The worker's configuration.
    pub worker: Arc<crate::config::WorkerConfig>,
    /// Where source offsets are kept.
    pub offsets: Arc<dyn SourceOffsets>,
    /// Told of each topic that a task uses for the first time (KIP-558).
    pub topics: Arc<dyn TopicTracker>,
    /// Where tasks count.
    pub metrics: Arc<crate::metrics::Metrics>,
}

/// Where source tasks keep their offsets.
#[async_trait::async_trait]
pub trait SourceOffsets: Send + Sync {
    /// The offset stored for a connector's partition.
    async fn get(
        &self,
        connector: &str,
        partition: &longshore_api::SourceMap,
    ) -> longshore_api::Result<Option<longshore_api::SourceMap>>;

    /// Stores offsets durably; the later of two for one partition wins.
    async fn put(
        &self,
        connector: &str,
        offsets: Vec<(Arc<longshore_api::SourceMap>, longshore_api::SourceMap)>,
    ) -> longshore_api::Result<()>;
}

/// Learns which topics a connector uses. Must not block.
pub trait TopicTracker: Send + Sync {
    /// A task uses a topic. Called once a task and topic, not a record.
    fn active(&self, task: &TaskId, topic: &str);
}

/// A running task; dropping it does not stop it.
pub struct TaskHandle {
    /// Which task.
    pub id: TaskId,
    /// What the live task says of itself; closes when the task's run is over.
    pub status: watch::Receiver<TaskStatus>,
    /// Tells the task what to do.
    pub control: watch::Sender<Control>,
}

/// What a task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Run, or rest.
    Target(TargetState),
    /// Flush, commit, stop; give up when the deadline has passed.
    Stop {
        /// When to give up.
        deadline: tokio::time::Instant,
    },
}
