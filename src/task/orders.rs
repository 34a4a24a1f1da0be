//! What the worker tells a running task, and the state that the task shows for it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::supervise::Frame;
use super::{Control, State, TargetState, TaskId, TaskStatus};
use crate::metrics::TaskMetrics;

/// A task's ear for the worker, and its voice.
pub(super) struct Orders {
    id: TaskId,
    control: watch::Receiver<Control>,
    status: watch::Sender<TaskStatus>,
    metrics: Arc<TaskMetrics>,
    cancelled: CancellationToken,
    target: TargetState,
}

/// What an order means for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing changes.
    Nothing,
    /// The task runs or rests from now on.
    Target(TargetState),
    /// The task ends.
    Stop,
}

impl Orders {
    /// The orders of a task that is about to run.
    pub(super) fn new(id: TaskId, frame: Frame) -> Self {
        let Frame { control, status, metrics, cancelled, .. } = frame;
        Self { id, control, status, metrics, cancelled, target: TargetState::Started }
    }

    /// Whether the task is to move records.
    pub(super) fn runs(&self) -> bool {
        self.target == TargetState::Started
    }

    /// Whether the task is to end.
    pub(super) fn says_stop(&self) -> bool {
        self.cancelled.is_cancelled() || matches!(*self.control.borrow(), Control::Stop { .. })
    }

    /// Waits for a new order; ends at once, and for good, when nobody is left to give one. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Heard {
        match self.control.changed().await {
            Ok(()) => self.heed(),
            Err(_) => Heard::Stop,
        }
    }

    /// Takes the present order, and shows the state that it asks for.
    pub(super) fn heed(&mut self) -> Heard {
        let told = *self.control.borrow_and_update();
        let heard = match told {
            Control::Stop { .. } => return Heard::Stop,
            Control::Target(target) if target == self.target => Heard::Nothing,
            Control::Target(target) => {
                self.target = target;
                Heard::Target(target)
            }
        };
        let state = if self.runs() { State::Running } else { State::Paused };
        let changed = self.status.send_if_modified(|status| {
            let changed = status.state != state;
            *status = TaskStatus::of(state);
            changed
        });
        if changed {
            self.metrics.state(state);
            info!("task {} is {}", self.id, state.name());
        }
        heard
    }
}
