//! What sinks and sources have in common.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigDef, ConfigValue, Props};
use crate::error::Result;
use crate::sink::SinkConnector;
use crate::source::SourceConnector;

/// A connector that is built in.
#[derive(Clone)]
#[allow(missing_docs)]
pub enum Plugin {
    Sink(Arc<dyn SinkConnector>),
    Source(Arc<dyn SourceConnector>),
}

impl Plugin {
    /// What both kinds have.
    pub fn connector(&self) -> &dyn Connector {
        match self {
            Plugin::Sink(sink) => sink.as_ref(),
            Plugin::Source(source) => source.as_ref(),
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.connector().class()).finish()
    }
}

/// A connector's contract. One value stands for the plugin, not for a running connector: it holds no state.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Java class name under which it is configured.
    fn class(&self) -> &'static str;

    /// Further Java class names that mean the same connector.
    fn other_classes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Java class name of its tasks, as task configurations hold it.
    fn task_class(&self) -> &'static str;

    /// Version of the connector whose behaviour this one has.
    fn version(&self) -> &'static str;

    /// The connector's own keys; those that every connector has are the worker's.
    fn config_def(&self) -> &ConfigDef;

    /// Checks that look at several keys at once, offline. Adds its findings to `values`, which hold one entry for
    /// each key of [`config_def`](Self::config_def).
    fn validate(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        let _ = (config, values);
    }

    /// Checks that reach out to the target. Called only when nothing else is wrong.
    async fn validate_target(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        let _ = (config, values);
    }

    /// A check when the connector starts; a failure makes the connector FAILED.
    fn start(&self, config: &Props) -> Result<()> {
        let _ = config;
        Ok(())
    }

    /// A configuration for each task, at most `max_tasks`. The worker adds `task.class`, `topics` and the rest.
    fn task_configs(&self, config: &Props, max_tasks: usize) -> Result<Vec<Props>> {
        Ok(vec![config.clone(); max_tasks])
    }
}

/// What a task may know and use of its worker.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// Name of the connector.
    pub connector: Arc<str>,
    /// Number of the task, from 0.
    pub task: u32,
    /// Fires when the task has to come to its end; long waits watch it.
    pub cancelled: CancellationToken,
}
