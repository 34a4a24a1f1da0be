//! Acting on what became of things that were started.

use std::sync::Arc;
use std::time::Duration;

use longshore_api::{ConnectError, Props};
use tokio::time::Instant;

use super::{RunLoop, error};
use crate::herder::live::{Body, LiveInstance, LiveTask, Part, Run, Waiting};
use crate::herder::messages::{Message, Report};
use crate::herder::plan::{Generation, InstanceState};
use crate::herder::task_configs::{self, Failure};
use crate::herder::types::{HerderErrorKind, Stored};
use crate::task::{Control, State, TaskHandle, TaskId, TaskStatus};

/// Pauses between attempts to make task configurations: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

impl RunLoop {
    pub(super) async fn take_report(&mut self, report: Report) {
        match report {
            Report::InstanceStarted { connector, run, outcome } => self.instance_started(&connector, run, outcome),
            Report::TasksGenerated { connector, run, outcome } => self.tasks_generated(&connector, run, outcome).await,
            Report::GenerateAgain { connector, run } => {
                if let Some(instance) = self.instance(&connector, run) {
                    instance.generation = Generation::Due;
                    self.dirty.insert(connector);
                }
            }
            Report::TaskStarted { task, run, outcome } => self.task_started(&task, run, outcome),
            Report::TaskChanged { task, run } => {
                if self.task(&task, run).is_some() {
                    self.tell_task(&task);
                }
            }
            Report::TaskEnded { task, run } => self.task_ended(&task, run),
            Report::TaskOverdue { task, run } => self.task_overdue(&task, run),
            Report::RestartDue { connector, part, run } => self.restart_due(&connector, part, run),
        }
    }

    pub(super) fn instance(&mut self, connector: &str, run: Run) -> Option<&mut LiveInstance> {
        let instance = self.live.get_mut(connector)?.instance.as_mut()?;
        (instance.run == run).then_some(instance)
    }

    pub(super) fn task(&mut self, id: &TaskId, run: Run) -> Option<&mut LiveTask> {
        let task = self.live.get_mut(&id.connector)?.tasks.get_mut(&id.task)?;
        (task.run == run).then_some(task)
    }

    fn instance_started(&mut self, connector: &Arc<str>, run: Run, outcome: Result<(), ConnectError>) {
        self.environment.metrics.connector_startup(outcome.is_ok());
        let Some(instance) = self.instance(connector, run) else { return };
        match outcome {
            Ok(()) => {
                instance.state = InstanceState::Started;
                instance.generation = Generation::Due;
                self.tell_instance(connector, State::Running, None);
                self.note_running(connector, Part::Instance);
            }
            Err(error) => self.fail_instance(connector, &error),
        }
        self.dirty.insert(connector.clone());
    }

    async fn tasks_generated(&mut self, connector: &Arc<str>, run: Run, outcome: Result<Vec<Props>, Failure>) {
        // A newer start makes them anew, a stopped connector has none.
        let is_current = |instance: &mut LiveInstance| instance.state == InstanceState::Started;
        if !self.ending.is_empty() || !self.instance(connector, run).is_some_and(is_current) {
            return;
        }
        self.dirty.insert(connector.clone());
        let outcome = match outcome {
            Ok(tasks) => self.store_tasks(connector, tasks).await,
            Err(Failure::TooMany(error)) => return self.fail_instance(connector, &error),
            Err(Failure::Other(error)) => Err(error),
        };
        let Some(instance) = self.instance(connector, run) else { return };
        match outcome {
            Ok(()) => {
                instance.generation = Generation::Done;
                instance.failures = 0;
                instance.failure = None;
            }
            Err(error) => {
                instance.failures = instance.failures.saturating_add(1);
                instance.failure = Some(error.to_string());
                let pause = PAUSES.1.min(PAUSES.0.saturating_mul(1 << instance.failures.min(16).saturating_sub(1)));
                tracing::error!(connector = %connector, %error, ?pause, "no task configurations; it is tried again");
                let connector = connector.clone();
                self.beside(async move {
                    tokio::time::sleep(pause).await;
                    Report::GenerateAgain { connector, run }
                });
            }
        }
    }

    /// Stores task configurations if they are others than those that are stored.
    async fn store_tasks(&mut self, connector: &Arc<str>, tasks: Vec<Props>) -> Result<(), ConnectError> {
        let state = self.config.state();
        let Some(config) = state.connector(connector) else { return Ok(()) };
        let applied = state.applied_config(connector).filter(|_| !state.is_inconsistent(connector));
        if !task_configs::have_changed(state.tasks(connector), &tasks, applied, config) {
            return Ok(());
        }
        self.shared.stage.begin(format!("writing task configs for connector {connector} to the config topic"));
        let written = self.config.put_tasks(connector, tasks).await;
        self.shared.stage.complete();
        self.apply(written?);
        Ok(())
    }

    fn task_started(&mut self, id: &TaskId, run: Run, outcome: Result<TaskHandle, ConnectError>) {
        let answers = self.task_restarts.remove(id).unwrap_or_default();
        for answer in answers {
            let failed = || error(HerderErrorKind::Internal, format!("Failed to start task: {id}"));
            answer.send(outcome.as_ref().map(|_| ()).map_err(|_| failed())).ok();
        }
        self.dirty.insert(id.connector.clone());
        if outcome.is_err() {
            self.environment.metrics.task_startup_failed();
        }
        let deadline = Instant::now() + self.environment.worker.task_shutdown_timeout;
        match (self.task(id, run), outcome) {
            (Some(task), Ok(handle)) => {
                let order = if task.stopping { Control::Stop { deadline } } else { Control::Target(task.target) };
                handle.control.send(order).ok();
                self.watch(&handle, run);
                if let Some(task) = self.task(id, run) {
                    task.body = Body::Running(handle);
                }
                self.tell_task(id);
            }
            (Some(task), Err(error)) => {
                tracing::error!(connector = %id.connector, task = id.task, "task {id} cannot be started: {error}");
                task.body = Body::Over(TaskStatus::failed(&error));
                let stopping = task.stopping;
                self.tell_task(id);
                if stopping {
                    self.remove_task(&id.connector, id.task);
                }
            }
            // It was given up while it started.
            (None, Ok(handle)) => {
                handle.control.send(Control::Stop { deadline }).ok();
            }
            (None, Err(_)) => {}
        }
    }

    /// Reports whenever a task says something new, and when its run is over.
    fn watch(&self, handle: &TaskHandle, run: Run) {
        let (mut status, reports, task) = (handle.status.clone(), self.reports.clone(), handle.id.clone());
        tokio::spawn(async move {
            while status.changed().await.is_ok() {
                let report = Report::TaskChanged { task: task.clone(), run };
                if reports.send(Message::Report(report)).await.is_err() {
                    return;
                }
            }
            reports.send(Message::Report(Report::TaskEnded { task, run })).await.ok();
        });
    }

    /// A task that is aborted and still runs holds its thread. It has left its consumer group and writes no more than
    /// what it holds; waiting for it would stop everybody who needs its place.
    fn task_overdue(&mut self, id: &TaskId, run: Run) {
        if self.task(id, run).is_some() {
            tracing::warn!(connector = %id.connector, task = id.task, "task {id} did not stop in time and is given up");
            self.remove_task(&id.connector, id.task);
        }
    }

    fn task_ended(&mut self, id: &TaskId, run: Run) {
        if self.task(id, run).is_none() {
            return;
        }
        self.tell_task(id);
        let Some(task) = self.task(id, run) else { return };
        let stopping = task.stopping;
        if let Some(status) = task.status() {
            task.body = Body::Over(status);
        }
        self.dirty.insert(id.connector.clone());
        if stopping {
            self.remove_task(&id.connector, id.task);
        }
    }

    /// Answers those who wait for an instance, if it has got where it should.
    pub(super) fn answer_waiting(&mut self, connector: &Arc<str>) {
        let Some(live) = self.live.get_mut(connector) else { return };
        let Some(instance) = live.instance.as_ref().filter(|instance| instance.config == live.config) else { return };
        if live.waiting.is_empty() || instance.restart.is_some() || instance.state == InstanceState::Starting {
            return;
        }
        let failure = instance.failure.clone();
        let complete = instance.generation == Generation::Done || failure.is_some();
        let failed = instance.state == InstanceState::Failed;
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut live.waiting)
            .into_iter()
            .partition(|waiting| complete || matches!(waiting, Waiting::Restarted(_)));
        live.waiting = waiting;
        for waiting in ready {
            match waiting {
                Waiting::Restarted(answer) => {
                    let text = format!("Failed to start connector: {connector}");
                    answer.send(if failed { Err(error(HerderErrorKind::Internal, text)) } else { Ok(()) }).ok();
                }
                Waiting::Created { created, answer } => {
                    let outcome = match (&failure, self.info(connector)) {
                        (Some(failure), _) => Err(error(HerderErrorKind::Internal, failure.clone())),
                        (None, Some(info)) => Ok(Stored { created, info }),
                        (None, None) => {
                            Err(error(HerderErrorKind::NotFound, format!("Connector {connector} not found")))
                        }
                    };
                    answer.send(outcome).ok();
                }
            }
        }
    }
}
