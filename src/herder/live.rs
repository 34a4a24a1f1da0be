//! What runs on this worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use longshore_api::Plugin;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::api::Reply;
use super::plan::{Actual, Generation, Instance, InstanceState, Revision, Slot, SlotState};
use super::types::{AutoRestart, Stored};
use super::views::{LiveView, Shown};
use crate::task::restart::RestartHistory;
use crate::task::{State, TargetState, TaskHandle, TaskStatus};

/// Where the answer of a request goes.
pub(super) type Answer<T> = oneshot::Sender<Reply<T>>;

/// Tells one run of an instance or task from the next, so that late reports are known as such.
pub(super) type Run = u64;

/// How a restart is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    /// Stopped, then running.
    Quiet,
    /// `RESTARTING` in between.
    Announced,
}

/// A connector, as far as it runs here.
#[derive(Debug, Default)]
pub(super) struct LiveConnector {
    /// Which version of the configuration is the latest.
    pub(super) config: Revision,
    /// Which version of the task set is the latest.
    pub(super) task_set: Revision,
    /// The most tasks that it had in this worker's life.
    pub(super) most_tasks: u32,
    pub(super) instance: Option<LiveInstance>,
    pub(super) tasks: BTreeMap<u32, LiveTask>,
    /// Tasks that ended here and of which no later run has said anything: in which state that left them. The status
    /// log says so only some time later.
    pub(super) ended: BTreeMap<u32, State>,
    /// Who waits until the instance has got where it should.
    pub(super) waiting: Vec<Waiting>,
    /// Restarts that nobody asked for.
    pub(super) auto_restarts: BTreeMap<Part, AutoRestarts>,
}

/// What of a connector is started again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Instance,
    Task(u32),
}

/// The restarts of one part that nobody asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AutoRestarts {
    pub(super) history: RestartHistory,
    /// When the next one is due.
    pub(super) next: Option<Timestamp>,
}

impl AutoRestarts {
    /// What a status says of them; `None` if there is nothing to say.
    pub(super) fn shown(&self) -> Option<AutoRestart> {
        let attempts = self.history.attempts(Instant::now());
        (attempts > 0).then(|| AutoRestart { attempts, next: self.next.map(|next| next.to_string()) })
    }
}

/// Somebody who waits for an instance.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A restart is answered when the instance has been started.
    Restarted(Answer<()>),
    /// A standalone worker answers a new configuration when the tasks are there, too.
    Created { created: bool, answer: Answer<Stored> },
}

/// An instance.
#[derive(Debug)]
pub(super) struct LiveInstance {
    pub(super) run: Run,
    pub(super) config: Revision,
    pub(super) state: InstanceState,
    /// The plugin; `None` if its class is not built in.
    pub(super) plugin: Option<Plugin>,
    /// What is shown and was told; `None` before the first start.
    pub(super) shown: Option<Shown>,
    pub(super) generation: Generation,
    /// How often in a row the task configurations could not be made or stored, and why.
    pub(super) failures: u32,
    pub(super) failure: Option<String>,
    pub(super) restart: Option<Restart>,
}

/// A task.
#[derive(Debug)]
pub(super) struct LiveTask {
    pub(super) run: Run,
    pub(super) revision: Revision,
    pub(super) body: Body,
    /// The target that it was told last.
    pub(super) target: TargetState,
    pub(super) version: Option<Arc<str>>,
    pub(super) stopping: bool,
    pub(super) restart: Option<Restart>,
    /// What was last written to the status log.
    pub(super) told: Option<TaskStatus>,
}

/// What there is of a task.
pub(super) enum Body {
    /// Its configuration is being resolved.
    Starting,
    Running(TaskHandle),
    /// It failed or ended; what it said last.
    Over(TaskStatus),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Body::Starting => "Starting",
            Body::Running(_) => "Running",
            Body::Over(_) => "Over",
        })
    }
}

impl LiveConnector {
    /// What [`plan`](super::plan::plan) looks at.
    pub(super) fn actual(&self) -> Actual {
        let instance = self.instance.as_ref().map(|instance| Instance {
            config: instance.config,
            state: instance.state,
            generation: instance.generation,
            restart: instance.restart.is_some(),
        });
        let slot = |task: &LiveTask| Slot {
            revision: task.revision,
            state: match task.body {
                _ if task.stopping => SlotState::Stopping,
                Body::Over(_) => SlotState::Over,
                Body::Starting | Body::Running(_) => SlotState::Live(task.target),
            },
            restart: task.restart.is_some(),
        };
        Actual { instance, tasks: self.tasks.iter().map(|(number, task)| (*number, slot(task))).collect() }
    }

    /// The pictures of the tasks.
    pub(super) fn task_views(&self) -> BTreeMap<u32, LiveView> {
        let left = |state: &State| Shown { state: *state, trace: None, version: None };
        let view = |number: &u32, task: &LiveTask| match &task.body {
            Body::Starting => None,
            Body::Running(handle) => {
                let before = self.ended.get(number).map(left);
                Some(LiveView::Task(handle.status.clone(), task.version.clone(), before))
            }
            Body::Over(status) => Some(LiveView::Fixed(Shown {
                state: status.state,
                trace: status.trace.clone(),
                version: task.version.clone(),
            })),
        };
        let ended = self.ended.iter().map(|(number, state)| (*number, LiveView::Fixed(left(state))));
        let live = self.tasks.iter().filter_map(|(number, task)| Some((*number, view(number, task)?)));
        ended.chain(live).collect()
    }
}

impl LiveTask {
    /// What the task says of itself now.
    pub(super) fn status(&self) -> Option<TaskStatus> {
        match &self.body {
            Body::Starting => None,
            Body::Running(handle) => Some(handle.status.borrow().clone()),
            Body::Over(status) => Some(status.clone()),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.status().is_some_and(|status| status.state == State::Failed)
    }
}
