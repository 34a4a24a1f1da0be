//! What the herder shows of itself: a read-only picture of each connector, so that those who only look never wait.
//!
//! The state of a task that runs here comes from the live task itself; of anything else, from the status log.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use longshore_api::Props;
use tokio::sync::watch;

use super::live::{AutoRestarts, Part};
use super::types::{AutoRestart, ConnectorInfo, ConnectorState, StateInfo, TaskState};
use crate::store::{Status, StatusState};
use crate::task::{State, TaskId, TaskStatus};

/// The pictures, by name of the connector.
#[derive(Debug, Default)]
pub(super) struct Views(RwLock<BTreeMap<Arc<str>, Arc<View>>>);

/// The picture of a connector.
#[derive(Debug)]
pub(super) struct View {
    pub(super) info: ConnectorInfo,
    /// The tasks' configurations as stored.
    pub(super) tasks: Vec<Props>,
    /// The state of the instance that runs here.
    pub(super) instance: Option<Shown>,
    /// The tasks that run here.
    pub(super) live: BTreeMap<u32, LiveView>,
    /// What was started again by itself.
    pub(super) auto_restarts: BTreeMap<Part, AutoRestarts>,
}

impl View {
    fn auto_restart(&self, part: Part) -> Option<AutoRestart> {
        self.auto_restarts.get(&part).and_then(AutoRestarts::shown)
    }
}

/// A state with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) state: State,
    pub(super) trace: Option<Arc<str>>,
    pub(super) version: Option<Arc<str>>,
}

/// Where the state of a task that runs here comes from.
#[derive(Debug)]
pub(super) enum LiveView {
    /// The live task, the version of its plugin, and what there was to be shown before the task said anything: the
    /// status log may be behind.
    Task(watch::Receiver<TaskStatus>, Option<Arc<str>>, Option<Shown>),
    /// The task is over, in this state; `Destroyed` if it will not come back.
    Fixed(Shown),
}

impl Views {
    pub(super) fn get(&self, connector: &str) -> Option<Arc<View>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(connector).cloned()
    }

    pub(super) fn all(&self) -> Vec<(Arc<str>, Arc<View>)> {
        let views = self.0.read().unwrap_or_else(PoisonError::into_inner);
        views.iter().map(|(name, view)| (Arc::clone(name), Arc::clone(view))).collect()
    }

    pub(super) fn set(&self, connector: &Arc<str>, view: Option<View>) {
        let mut views = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match view {
            Some(view) => views.insert(Arc::clone(connector), Arc::new(view)),
            None => views.remove(connector),
        };
    }
}

impl LiveView {
    /// The state; `None` as long as the task has not got anywhere.
    fn shown(&self) -> Option<Shown> {
        match self {
            LiveView::Fixed(shown) => Some(shown.clone()),
            LiveView::Task(status, version, before) => {
                let over = status.has_changed().is_err();
                let status = status.borrow();
                if status.state == State::Unassigned && !over {
                    return before.clone();
                }
                Some(Shown { state: status.state, trace: status.trace.clone(), version: version.clone() })
            }
        }
    }
}

impl From<&Status> for Shown {
    fn from(status: &Status) -> Self {
        Self { state: status.state, trace: status.trace.clone(), version: status.version.clone() }
    }
}

/// The status of a connector and its tasks; `None` if nobody has told any of the connector yet.
pub(super) fn state_info(
    connector: &str,
    view: Option<&View>,
    stored: &StatusState,
    worker_id: &Arc<str>,
) -> Option<StateInfo> {
    let here = view.and_then(|view| view.instance.clone()).map(|shown| (Arc::clone(worker_id), shown));
    let there = || stored.connector(connector).map(|status| (Arc::clone(&status.worker_id), Shown::from(status)));
    let (worker, shown) = here.or_else(there)?;

    let mut tasks: BTreeMap<u32, TaskState> =
        stored.tasks(connector).map(|(id, status)| (id, task_state(id, &status.worker_id, status.into()))).collect();
    for (id, live) in view.into_iter().flat_map(|view| &view.live) {
        match live.shown() {
            Some(shown) if shown.state == State::Destroyed => tasks.remove(id),
            Some(shown) => tasks.insert(*id, task_state(*id, worker_id, shown)),
            None => None,
        };
    }
    if let Some(view) = view {
        tasks.iter_mut().for_each(|(id, task)| task.auto_restart = view.auto_restart(Part::Task(*id)));
    }
    Some(StateInfo {
        name: connector.to_owned(),
        connector: ConnectorState {
            state: shown.state.name(),
            worker_id: worker.to_string(),
            trace: text(shown.trace),
            version: text(shown.version),
            auto_restart: view.and_then(|view| view.auto_restart(Part::Instance)),
        },
        tasks: tasks.into_values().collect(),
        kind: view.map_or("unknown", |view| view.info.kind),
    })
}

/// The status of a task; `None` if nobody has told any of it yet.
pub(super) fn task_info(
    task: &TaskId,
    view: Option<&View>,
    stored: &StatusState,
    worker_id: &Arc<str>,
) -> Option<TaskState> {
    let state = match view.and_then(|view| view.live.get(&task.task)).and_then(LiveView::shown) {
        Some(shown) if shown.state == State::Destroyed => return None,
        Some(shown) => task_state(task.task, worker_id, shown),
        None => stored.task(task).map(|status| task_state(task.task, &status.worker_id, status.into()))?,
    };
    Some(TaskState { auto_restart: view.and_then(|view| view.auto_restart(Part::Task(task.task))), ..state })
}

fn task_state(id: u32, worker_id: &Arc<str>, shown: Shown) -> TaskState {
    TaskState {
        id,
        state: shown.state.name(),
        worker_id: worker_id.to_string(),
        trace: text(shown.trace),
        version: text(shown.version),
        auto_restart: None,
    }
}

fn text(text: Option<Arc<str>>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.to_string())
}
