//! What the herder's task is told: requests from outside, reports of what it started.

use std::sync::Arc;

use longshore_api::{ConnectError, Props};
use tokio::sync::oneshot;

use super::live::{Answer, Part, Run};
use super::task_configs::Failure;
use super::types::{RestartScope, StateInfo, Stored};
use crate::task::{TargetState, TaskHandle, TaskId};

/// Something for the herder's task to act on.
pub(super) enum Message {
    Request(Request),
    Report(Report),
    /// Stop everything and end; answered when it is done.
    Shutdown(oneshot::Sender<()>),
}

/// A request that changes something, or that only the herder's task can answer.
pub(super) enum Request {
    /// Answered as soon as the herder gets to it.
    Ping(Answer<()>),
    Store {
        connector: String,
        config: Props,
        only: Only,
        initial: Option<TargetState>,
        answer: Answer<Stored>,
    },
    Delete {
        connector: String,
        answer: Answer<()>,
    },
    SetTarget {
        connector: String,
        target: TargetState,
        answer: Answer<()>,
    },
    RestartInstance {
        connector: String,
        answer: Answer<()>,
    },
    Restart {
        connector: String,
        scope: RestartScope,
        answer: Answer<StateInfo>,
    },
    RestartTask {
        task: TaskId,
        answer: Answer<()>,
    },
    /// The level of a logger on all workers.
    LoggerLevel {
        logger: String,
        level: String,
        answer: Answer<()>,
    },
    /// Whether a connector's offsets may be modified now; answered with its configuration.
    ModifyOffsets {
        connector: String,
        answer: Answer<Props>,
    },
}

/// When a configuration is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// If there is no such connector.
    New,
    /// If there is one.
    Known,
    /// Always.
    Any,
}

/// What became of something that the herder started.
pub(super) enum Report {
    InstanceStarted {
        connector: Arc<str>,
        run: Run,
        outcome: Result<(), ConnectError>,
    },
    TasksGenerated {
        connector: Arc<str>,
        run: Run,
        outcome: Result<Vec<Props>, Failure>,
    },
    /// The pause before another attempt to make task configurations is over.
    GenerateAgain {
        connector: Arc<str>,
        run: Run,
    },
    TaskStarted {
        task: TaskId,
        run: Run,
        outcome: Result<TaskHandle, ConnectError>,
    },
    /// A task says something new of itself.
    TaskChanged {
        task: TaskId,
        run: Run,
    },
    /// A task's run is over.
    TaskEnded {
        task: TaskId,
        run: Run,
    },
    /// The pause before a restart that nobody asked for is over.
    RestartDue {
        connector: Arc<str>,
        part: Part,
        run: Run,
    },
    /// A task did not stop in time.
    TaskOverdue {
        task: TaskId,
        run: Run,
    },
}
