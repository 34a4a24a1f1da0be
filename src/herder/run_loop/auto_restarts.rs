//! Restarts that nobody asks for: what failed is started again if its connector wants that (`errors.restart.*`).

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use longshore_api::ConnectError;
use tokio::time::Instant;

use super::RunLoop;
use crate::config::restart;
use crate::herder::live::{Part, Restart, Run};
use crate::herder::messages::Report;
use crate::herder::plan::InstanceState;
use crate::task::TaskId;
use crate::task::restart::{RestartPolicy, Verdict};

impl RunLoop {
    /// A part runs: after a while it will count as healthy.
    pub(super) fn note_running(&mut self, connector: &Arc<str>, part: Part) {
        let now = Instant::now();
        let known = self.live.get(connector).is_some_and(|live| live.auto_restarts.contains_key(&part));
        let Some(policy) = known.then(|| self.restart_policy(connector)).flatten() else { return };
        if let Some(restarts) = self.live.get_mut(connector).and_then(|live| live.auto_restarts.get_mut(&part)) {
            restarts.next = None;
            restarts.history.runs(&policy, now);
            self.dirty.insert(connector.clone());
        }
    }

    /// A part has failed: plans its restart, if its connector wants that and it may help.
    pub(super) fn consider_restart(&mut self, connector: &Arc<str>, part: Part, transient: bool) {
        let Some(policy) = self.restart_policy(connector) else { return };
        let (Some(run), true) = (self.run_of(connector, part), self.ending.is_empty()) else { return };
        let name = name(connector, part);
        if !transient {
            tracing::info!("{name} is not started again by itself: what failed would fail again");
            return;
        }
        let Some(live) = self.live.get_mut(connector) else { return };
        let restarts = live.auto_restarts.entry(part).or_default();
        restarts.next = None;
        match restarts.history.failed(&policy, Instant::now(), rand::random()) {
            Verdict::Restart { attempt, pause } => {
                restarts.next = due(pause);
                tracing::warn!("{name} is started again by itself in {} ms, restart {attempt}", pause.as_millis());
                let connector = connector.clone();
                self.beside(async move {
                    tokio::time::sleep(pause).await;
                    Report::RestartDue { connector, part, run }
                });
            }
            Verdict::GiveUp { attempts } => {
                tracing::error!("{name} is not started again by itself: {attempts} restarts in a row did not help");
            }
        }
        self.dirty.insert(connector.clone());
    }

    /// The pause is over. Whatever happened to the part meanwhile comes first.
    pub(super) fn restart_due(&mut self, connector: &Arc<str>, part: Part, run: Run) {
        let due = match part {
            Part::Instance => self.instance(connector, run).filter(|it| it.state == InstanceState::Failed).map(|it| {
                it.restart.get_or_insert(Restart::Announced);
            }),
            Part::Task(task) => {
                let id = TaskId { connector: connector.clone(), task };
                self.task(&id, run).filter(|task| task.has_failed() && !task.stopping).map(|task| {
                    task.restart.get_or_insert(Restart::Announced);
                })
            }
        };
        if due.is_none() {
            return;
        }
        tracing::info!("{} is started again by itself", name(connector, part));
        if let Some(restarts) = self.live.get_mut(connector).and_then(|live| live.auto_restarts.get_mut(&part)) {
            restarts.next = None;
        }
        self.dirty.insert(connector.clone());
    }

    fn run_of(&self, connector: &str, part: Part) -> Option<Run> {
        let live = self.live.get(connector)?;
        match part {
            Part::Instance => live.instance.as_ref().map(|instance| instance.run),
            Part::Task(task) => live.tasks.get(&task).filter(|task| !task.stopping).map(|task| task.run),
        }
    }

    fn restart_policy(&self, connector: &str) -> Option<RestartPolicy> {
        let stored = self.config.state().connector(connector)?;
        let config = self.environment.worker.providers.resolve(stored);
        config.and_then(|config| restart::policy(&config)).unwrap_or_else(|error| {
            let error: ConnectError = error;
            tracing::warn!(connector, %error, "errors.restart.* cannot be read; nothing is started again by itself");
            None
        })
    }
}

fn name(connector: &Arc<str>, part: Part) -> String {
    match part {
        Part::Instance => format!("connector {connector}"),
        Part::Task(task) => format!("task {}", TaskId { connector: connector.clone(), task }),
    }
}

/// When a pause that begins now ends; `None` beyond the end of the calendar.
fn due(pause: Duration) -> Option<Timestamp> {
    Timestamp::now().checked_add(SignedDuration::try_from(pause).ok()?).ok()
}
