//! Restarts: of an instance, of a task, and those that the config log asks of every worker (KIP-745).

use std::sync::Arc;

use super::requests::failed;
use super::{RunLoop, error};
use crate::config::Mode;
use crate::herder::api::Reply;
use crate::herder::live::{Answer, Part, Restart, Waiting};
use crate::herder::plan::InstanceState;
use crate::herder::types::{HerderErrorKind, RestartScope, StateInfo};
use crate::herder::views::state_info;
use crate::store::RestartRequest;
use crate::task::{State, TargetState, TaskId};
use HerderErrorKind::{Conflict, Internal, NotFound};

impl RunLoop {
    pub(super) fn restart_instance_for(&mut self, connector: &str, answer: Answer<()>) {
        if !self.knows(connector) {
            let refusal = match self.environment.worker.mode {
                Mode::Distributed => error(NotFound, format!("Unknown connector: {connector}")),
                // What clients of a standalone worker get to read.
                Mode::Standalone => {
                    error(Internal, "Cannot invoke \"java.util.Map.get(Object)\" because \"connProps\" is null")
                }
            };
            answer.send(Err(refusal)).ok();
            return;
        }
        let live = self.touch(connector);
        live.auto_restarts.remove(&Part::Instance);
        // An instance that is not there yet is about to be started.
        if let Some(instance) = &mut live.instance {
            instance.restart.get_or_insert(Restart::Quiet);
        }
        live.waiting.push(Waiting::Restarted(answer));
    }

    pub(super) fn restart_task_for(&mut self, id: &TaskId, answer: Answer<()>) {
        if let Err(refusal) = self.check_task(id) {
            answer.send(Err(refusal)).ok();
            return;
        }
        self.task_restarts.entry(id.clone()).or_default().push(answer);
        let live = self.touch(&id.connector);
        live.auto_restarts.remove(&Part::Task(id.task));
        if let Some(task) = live.tasks.get_mut(&id.task) {
            task.restart.get_or_insert(Restart::Quiet);
        }
    }

    fn check_task(&self, id: &TaskId) -> Reply<()> {
        let TaskId { connector, task } = id;
        let standalone = self.environment.worker.mode == Mode::Standalone;
        if !self.knows(connector) {
            return Err(if standalone {
                error(
                    Internal,
                    format!("Failed to start task {id} since it is not a recognizable type (source or sink)"),
                )
            } else {
                error(NotFound, format!("Unknown connector: {connector}"))
            });
        }
        let count = self.config.state().tasks(connector).len();
        if (*task as usize) < count && self.target(connector) != TargetState::Stopped {
            return Ok(());
        }
        let had = self.live.get(connector).is_some_and(|live| *task < live.most_tasks);
        Err(if standalone {
            error(NotFound, format!("Task {id} not found"))
        } else if had {
            // Connect knows the task's old configuration and looks for the worker that runs it.
            error(
                Conflict,
                "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was \
                 underway.",
            )
        } else {
            error(NotFound, format!("Unknown task: {id}"))
        })
    }

    /// Asks all workers to restart what they run of a connector, and says what will be restarted.
    pub(super) async fn restart_for(&mut self, connector: &str, scope: RestartScope) -> Reply<StateInfo> {
        if !self.knows(connector) {
            return Err(error(NotFound, format!("Unknown connector: {connector}")));
        }
        self.shared.stage.begin(format!("writing a restart request for connector {connector} to the config topic"));
        let request = RestartRequest {
            connector: connector.to_owned(),
            include_tasks: scope.include_tasks,
            only_failed: scope.only_failed,
        };
        let changes = self.config.put_restart(request).await.map_err(|failure| failed(&failure))?;
        let view = self.shared.views.get(connector);
        let worker_id = &self.environment.worker.worker_id;
        let info = state_info(connector, view.as_deref(), &self.statuses.state(), worker_id);
        self.apply(changes);
        let mut info = info.ok_or_else(|| error(NotFound, format!("Status for connector {connector} not found")))?;
        // Such an answer is read by Kafka Connect's own workers, too, which do not take members that they do not know.
        info.connector.auto_restart = None;
        info.tasks.iter_mut().for_each(|task| task.auto_restart = None);

        let affected = |state: &str| !scope.only_failed || state == State::Failed.name();
        if affected(info.connector.state) {
            info.connector.state = State::Restarting.name();
        }
        for task in info.tasks.iter_mut().filter(|task| scope.include_tasks && affected(task.state)) {
            task.state = State::Restarting.name();
        }
        Ok(info)
    }

    /// Marks for a restart what runs here and is meant.
    pub(super) fn restart(&mut self, request: &RestartRequest) {
        if !self.knows(&request.connector) {
            return;
        }
        let live = self.touch(&request.connector);
        live.auto_restarts.clear();
        if let Some(instance) = &mut live.instance
            && (!request.only_failed || instance.state == InstanceState::Failed)
        {
            instance.restart = Some(Restart::Announced);
        }
        for task in live.tasks.values_mut().filter(|_| request.include_tasks) {
            if !request.only_failed || task.has_failed() {
                task.restart = Some(Restart::Announced);
            }
        }
        let name: Arc<str> = request.connector.as_str().into();
        tracing::info!(connector = %name, ?request.include_tasks, ?request.only_failed, "a restart is asked for");
    }
}
