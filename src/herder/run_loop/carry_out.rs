//! Carrying out the steps of a plan.

use std::sync::Arc;
use std::time::Duration;

use longshore_api::{ConnectError, Plugin, Props};
use tokio::time::Instant;

use super::RunLoop;
use crate::config::Mode;
use crate::herder::live::{Body, LiveInstance, LiveTask, Part, Restart, Run, Waiting};
use crate::herder::messages::{Message, Report};
use crate::herder::plan::{Action, Generation, InstanceState};
use crate::herder::task_configs::{self, Failure};
use crate::herder::types::HerderErrorKind;
use crate::herder::views::Shown;
use crate::store::{Status, StatusKey};
use crate::task::restart::is_transient;
use crate::task::{Control, State, TargetState, TaskHandle, TaskId, TaskSpec, TaskStatus};

/// How much longer than its deadline a task may take until that is worth a warning.
const OVERDUE: Duration = Duration::from_secs(1);

impl RunLoop {
    pub(super) fn carry_out(&mut self, connector: &Arc<str>, action: Action) {
        match action {
            Action::StartInstance | Action::SetInstanceTarget(TargetState::Started) => self.start_instance(connector),
            Action::RestartInstance => self.restart_instance(connector),
            Action::SetInstanceTarget(target) => self.rest_instance(connector, target),
            Action::StopInstance => self.stop_instance(connector),
            Action::GenerateTasks => self.generate_tasks(connector),
            Action::StopTasks(tasks) => self.stop_tasks(connector, &tasks),
            Action::StartTasks(tasks) => tasks.into_iter().for_each(|task| self.start_task(connector, task)),
            Action::SetTaskTarget(task, target) => self.set_task_target(connector, task, target),
            Action::Forget => self.forget(connector),
        }
    }

    /// Brings the instance into the state in which it is wanted.
    fn start_instance(&mut self, connector: &Arc<str>) {
        let run = self.next_number();
        let plugin = self.plugin(connector);
        let Some(live) = self.live.get_mut(connector) else { return };
        let before = live.instance.take();
        live.instance = Some(LiveInstance {
            run,
            config: live.config,
            state: InstanceState::Starting,
            plugin: plugin.as_ref().ok().cloned(),
            shown: before.and_then(|instance| instance.shown),
            generation: Generation::Done,
            failures: 0,
            failure: None,
            restart: None,
        });
        match (self.target(connector), plugin) {
            (TargetState::Started, Ok(plugin)) => self.call_start(connector, run, plugin),
            (TargetState::Started, Err(text)) => self.fail_instance(connector, &ConnectError::fatal(text)),
            (target, _) => self.rest_instance(connector, target),
        }
    }

    fn call_start(&self, connector: &Arc<str>, run: Run, plugin: Plugin) {
        let connector = connector.clone();
        let config = self.stored_config(&connector);
        let resolver = self.environment.worker.providers.clone();
        self.beside(async move {
            let called = plugin.clone();
            let start = move || called.connector().start(&resolver.resolve(&config)?);
            let outcome = tokio::task::spawn_blocking(start)
                .await
                .unwrap_or_else(|failure| Err(task_configs::call_failed(&plugin, failure)));
            Report::InstanceStarted { connector, run, outcome }
        });
    }

    pub(super) fn stored_config(&self, connector: &str) -> Props {
        self.config.state().connector(connector).cloned().unwrap_or_default()
    }

    fn restart_instance(&mut self, connector: &Arc<str>) {
        let restart = self.live.get(connector).and_then(|live| live.instance.as_ref()).and_then(|it| it.restart);
        self.tell_instance(connector, State::Unassigned, None);
        if restart == Some(Restart::Announced) {
            self.tell_instance(connector, State::Restarting, None);
        }
        self.start_instance(connector);
    }

    /// Paused and stopped connectors are just not started.
    fn rest_instance(&mut self, connector: &Arc<str>, target: TargetState) {
        let (state, shown) = match target {
            TargetState::Stopped => (InstanceState::Stopped, State::Stopped),
            _ => (InstanceState::Paused, State::Paused),
        };
        if let Some(instance) = self.live.get_mut(connector).and_then(|live| live.instance.as_mut()) {
            instance.state = state;
            // Task configurations that are being made are not stored any more; a start makes them anew.
            instance.generation = Generation::Done;
        }
        self.tell_instance(connector, shown, None);
    }

    pub(super) fn fail_instance(&mut self, connector: &Arc<str>, error: &ConnectError) {
        tracing::error!(%connector, "connector {connector} has failed: {error}");
        if let Some(instance) = self.live.get_mut(connector).and_then(|live| live.instance.as_mut()) {
            instance.state = InstanceState::Failed;
            instance.generation = Generation::Done;
            instance.failure = Some(error.to_string());
        }
        self.tell_instance(connector, State::Failed, Some(error.trace().into()));
        self.consider_restart(connector, Part::Instance, is_transient(error));
    }

    fn stop_instance(&mut self, connector: &Arc<str>) {
        self.tell_instance(connector, State::Unassigned, None);
        if let Some(live) = self.live.get_mut(connector) {
            live.instance = None;
        }
    }

    /// Shows the instance's state and writes it to the status log.
    pub(super) fn tell_instance(&mut self, connector: &Arc<str>, state: State, trace: Option<Arc<str>>) {
        let Some(instance) = self.live.get_mut(connector).and_then(|live| live.instance.as_mut()) else { return };
        let version = instance.plugin.as_ref().map(|plugin| plugin.connector().version().into());
        let version = version.filter(|_| !matches!(state, State::Unassigned | State::Restarting));
        instance.shown = Some(Shown { state, trace: trace.clone(), version: version.clone() });
        tracing::info!(%connector, "connector {connector} is {}", state.name());
        self.tell(StatusKey::Connector(connector.clone()), state, trace, version);
    }

    pub(super) fn tell(&self, key: StatusKey, state: State, trace: Option<Arc<str>>, version: Option<Arc<str>>) {
        let worker_id = self.environment.worker.worker_id.clone();
        let status = Status { state, trace, worker_id, generation: self.membership.generation(), version };
        self.statuses.put(key, &status);
    }

    fn generate_tasks(&mut self, connector: &Arc<str>) {
        let Some(instance) = self.live.get_mut(connector).and_then(|live| live.instance.as_mut()) else { return };
        instance.generation = Generation::UnderWay;
        let (run, Some(plugin)) = (instance.run, instance.plugin.clone()) else { return };
        let connector = connector.clone();
        let config = self.stored_config(&connector);
        let resolver = self.environment.worker.providers.clone();
        self.beside(async move {
            let (name, called) = (connector.clone(), plugin.clone());
            let generate = move || task_configs::generate(&name, &called, &config, &resolver);
            let outcome = tokio::task::spawn_blocking(generate)
                .await
                .unwrap_or_else(|failure| Err(Failure::Other(task_configs::call_failed(&plugin, failure))));
            Report::TasksGenerated { connector, run, outcome }
        });
    }

    fn start_task(&mut self, connector: &Arc<str>, number: u32) {
        let run = self.next_number();
        let target = self.target(connector);
        let task_config = self.config.state().tasks(connector).nth(number as usize).cloned();
        let count = self.config.state().tasks(connector).len();
        let plugin = self.plugin(connector);
        let Some(live) = self.live.get_mut(connector) else { return };
        let task = LiveTask {
            run,
            revision: live.task_set,
            body: Body::Starting,
            target,
            version: plugin.as_ref().ok().map(|plugin| plugin.connector().version().into()),
            stopping: false,
            restart: None,
            told: None,
        };
        live.tasks.insert(number, task);

        let id = TaskId { connector: connector.clone(), task: number };
        let connector_config = self.stored_config(connector);
        let resolver = self.environment.worker.providers.clone();
        let (spawner, services) = (self.environment.spawner.clone(), self.services.clone());
        self.beside(async move {
            let task = id.clone();
            let start = move || -> Result<TaskHandle, ConnectError> {
                let plugin = plugin.map_err(ConnectError::fatal)?;
                let task_config = task_config.ok_or_else(|| ConnectError::fatal("the task has no configuration"))?;
                let connector_config = resolver.resolve(&connector_config)?;
                task_configs::check_count(&id.connector, count, &connector_config)?;
                let task_config = resolver.resolve(&task_config)?;
                let spec = TaskSpec { id, plugin, connector_config, task_config, target };
                Ok(spawner.spawn(spec, &services))
            };
            let lost = |failure: tokio::task::JoinError| {
                let why = failure.try_into_panic().map_or_else(
                    |_| "the start was cancelled".to_owned(),
                    |panic| task_configs::panic_text(panic.as_ref()),
                );
                Err(ConnectError::fatal(format!("the task failed unexpectedly as it was started: {why}")))
            };
            let outcome = tokio::task::spawn_blocking(start).await.unwrap_or_else(lost);
            Report::TaskStarted { task, run, outcome }
        });
    }

    fn set_task_target(&mut self, connector: &Arc<str>, number: u32, target: TargetState) {
        let Some(task) = self.live.get_mut(connector).and_then(|live| live.tasks.get_mut(&number)) else { return };
        task.target = target;
        if let Body::Running(handle) = &task.body {
            // A task that has just ended has nobody listening; its end is reported.
            handle.control.send(Control::Target(target)).ok();
        }
    }

    pub(super) fn stop_tasks(&mut self, connector: &Arc<str>, numbers: &[u32]) {
        let deadline = Instant::now() + self.environment.worker.task_shutdown_timeout;
        let Some(live) = self.live.get_mut(connector) else { return };
        let mut ended = Vec::new();
        for number in numbers {
            let Some(task) = live.tasks.get_mut(number) else { continue };
            task.stopping = true;
            match &task.body {
                Body::Over(_) => ended.push(*number),
                // It is told as soon as it has started.
                Body::Starting => {}
                Body::Running(handle) => {
                    handle.control.send(Control::Stop { deadline }).ok();
                }
            }
            let overdue =
                Report::TaskOverdue { task: TaskId { connector: connector.clone(), task: *number }, run: task.run };
            let reports = self.reports.clone();
            if !matches!(task.body, Body::Over(_)) {
                tokio::spawn(async move {
                    tokio::time::sleep_until(deadline + OVERDUE).await;
                    reports.send(Message::Report(overdue)).await.ok();
                });
            }
        }
        ended.into_iter().for_each(|number| self.remove_task(connector, number));
    }

    /// A task that was told to stop has ended, or the worker ends without it.
    pub(super) fn remove_task(&mut self, connector: &Arc<str>, number: u32) {
        let Some(task) = self.live.get_mut(connector).and_then(|live| live.tasks.remove(&number)) else { return };
        self.dirty.insert(connector.clone());
        let id = TaskId { connector: connector.clone(), task: number };
        let key = StatusKey::Task(id.clone());
        let mut left = if task.has_failed() { State::Failed } else { State::Unassigned };
        if left == State::Unassigned {
            self.tell(key.clone(), left, None, None);
        }
        if self.ending.is_empty() && !self.is_wanted(&id) {
            left = State::Destroyed;
            self.statuses.remove(key);
            self.refuse_restarts(&id);
        } else if self.ending.is_empty() && task.restart == Some(Restart::Announced) {
            left = State::Restarting;
            self.tell(key, left, None, None);
        }
        // What failed stays as it was told, with its trace.
        if let Some(live) = self.live.get_mut(connector).filter(|_| left != State::Failed) {
            live.ended.insert(number, left);
        }
    }

    pub(super) fn is_wanted(&self, id: &TaskId) -> bool {
        self.target(&id.connector) != TargetState::Stopped
            && (id.task as usize) < self.config.state().tasks(&id.connector).len()
    }

    /// Answers those who wait for a restart of a task that will not come.
    pub(super) fn refuse_restarts(&mut self, id: &TaskId) {
        for answer in self.task_restarts.remove(id).unwrap_or_default() {
            answer.send(Err(super::error(HerderErrorKind::NotFound, format!("Unknown task: {id}")))).ok();
        }
    }

    /// Writes what a task says of itself, if it is new.
    pub(super) fn tell_task(&mut self, id: &TaskId) {
        let Some(live) = self.live.get_mut(&id.connector) else { return };
        let Some(task) = live.tasks.get_mut(&id.task) else { return };
        let Some(status) = task.status() else { return };
        // A task begins as nobody's; that is no news.
        if status.state == State::Unassigned || task.told.as_ref() == Some(&status) {
            return;
        }
        live.ended.remove(&id.task);
        task.told = Some(status.clone());
        let version = task.version.clone();
        let TaskStatus { state, trace, transient } = status;
        self.tell(StatusKey::Task(id.clone()), state, trace, version);
        match state {
            State::Running => self.note_running(&id.connector, Part::Task(id.task)),
            State::Failed => self.consider_restart(&id.connector, Part::Task(id.task), transient),
            _ => {}
        }
    }

    fn forget(&mut self, connector: &Arc<str>) {
        let Some(live) = self.live.remove(connector) else { return };
        let of_connector: Vec<TaskId> =
            self.task_restarts.keys().filter(|task| task.connector == *connector).cloned().collect();
        for answer in of_connector.iter().filter_map(|task| self.task_restarts.remove(task)).flatten() {
            answer.send(Err(super::error(HerderErrorKind::NotFound, format!("Unknown connector: {connector}")))).ok();
        }
        for waiting in live.waiting {
            let gone = super::error(HerderErrorKind::NotFound, format!("Unknown connector: {connector}"));
            match waiting {
                Waiting::Restarted(answer) => answer.send(Err(gone)).ok(),
                Waiting::Created { answer, .. } => answer.send(Err(gone)).map_err(drop).ok(),
            };
        }
        match self.environment.worker.mode {
            Mode::Distributed => self.statuses.remove_connector(connector),
            // A standalone worker remembers the topics of a deleted connector, as Connect's does.
            Mode::Standalone => {
                for task in 0..live.most_tasks {
                    self.statuses.remove(StatusKey::Task(TaskId { connector: connector.clone(), task }));
                }
                self.statuses.remove(StatusKey::Connector(connector.clone()));
            }
        }
    }

    /// The end: every instance and task is told, with one deadline for all.
    pub(super) fn stop_everything(&mut self) {
        self.task_restarts.clear();
        let connectors: Vec<Arc<str>> = self.live.keys().cloned().collect();
        // From here on nothing is started any more, so that the order does not matter.
        for connector in &connectors {
            self.stop_instance(connector);
            let Some(live) = self.live.get_mut(connector) else { continue };
            live.waiting.clear();
            // Those that are stopping already, too: the worker does not wait longer for them than for the others.
            let tasks: Vec<u32> = live.tasks.keys().copied().collect();
            self.stop_tasks(connector, &tasks);
        }
    }
}
