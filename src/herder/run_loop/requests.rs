//! Serving requests. The texts are Connect's; they differ from call to call.

use longshore_api::{ConnectError, Props};

use super::{RunLoop, error};
use crate::config::Mode;
use crate::herder::api::Reply;
use crate::herder::live::{Answer, Waiting};
use crate::herder::messages::{Only, Request};
use crate::herder::types::{HerderError, HerderErrorKind, Stored};
use crate::task::TargetState;
use HerderErrorKind::{BadRequest, Conflict, Internal, NotFound};

impl RunLoop {
    pub(super) async fn serve(&mut self, request: Request) {
        // An answer that nobody waits for any more is no failure, hence the `ok`s.
        match request {
            Request::Ping(answer) => {
                answer.send(Ok(())).ok();
            }
            Request::Store { connector, config, only, initial, answer } => {
                self.store(&connector, (config, only, initial), answer).await;
            }
            Request::Delete { connector, answer } => {
                let outcome = self.delete(&connector).await;
                self.settle();
                answer.send(outcome).ok();
            }
            Request::SetTarget { connector, target, answer } => {
                let outcome = self.set_target(&connector, target).await;
                self.settle();
                answer.send(outcome).ok();
            }
            Request::RestartInstance { connector, answer } => self.restart_instance_for(&connector, answer),
            Request::Restart { connector, scope, answer } => {
                answer.send(self.restart_for(&connector, scope).await).ok();
            }
            Request::RestartTask { task, answer } => self.restart_task_for(&task, answer),
            Request::LoggerLevel { logger, level, answer } => {
                answer.send(self.set_level(&logger, &level).await).ok();
            }
            Request::ModifyOffsets { connector, answer } => {
                answer.send(self.modify_offsets(&connector).await).ok();
            }
        }
    }

    pub(super) fn knows(&self, connector: &str) -> bool {
        self.config.state().connector(connector).is_some()
    }

    async fn store(
        &mut self,
        connector: &str,
        (config, only, initial): (Props, Only, Option<TargetState>),
        answer: Answer<Stored>,
    ) {
        let created = !self.knows(connector);
        let refusal = match only {
            Only::New if !created => Some(error(Conflict, format!("Connector {connector} already exists"))),
            Only::Known if created => Some(error(NotFound, format!("Connector {connector} not found"))),
            _ => None,
        };
        if let Some(refusal) = refusal {
            answer.send(Err(refusal)).ok();
            return;
        }
        self.shared.stage.begin(format!("writing a config for connector {connector} to the config topic"));
        match self.config.put_connector(connector, config, initial).await {
            Ok(changes) => self.apply(changes),
            Err(failure) => {
                answer.send(Err(failed(&failure))).ok();
                return;
            }
        }
        match self.environment.worker.mode {
            Mode::Standalone => self.touch(connector).waiting.push(Waiting::Created { created, answer }),
            Mode::Distributed => {
                let info = self.info(connector).map(|info| Stored { created, info });
                self.settle();
                let gone = || error(NotFound, format!("Connector {connector} not found"));
                answer.send(info.ok_or_else(gone)).ok();
            }
        }
    }

    async fn delete(&mut self, connector: &str) -> Reply<()> {
        if !self.knows(connector) {
            return Err(error(NotFound, format!("Connector {connector} not found")));
        }
        self.shared.stage.begin(format!("removing the config for connector {connector} from the config topic"));
        let changes = self.config.remove_connector(connector).await.map_err(|failure| failed(&failure))?;
        self.apply(changes);
        Ok(())
    }

    async fn set_target(&mut self, connector: &str, target: TargetState) -> Reply<()> {
        if !self.knows(connector) {
            return Err(match (self.environment.worker.mode, target) {
                (Mode::Standalone, TargetState::Stopped) => {
                    error(Internal, format!("No connector `{connector}` configured"))
                }
                _ => error(NotFound, format!("Unknown connector {connector}")),
            });
        }
        if target == TargetState::Stopped {
            // A stopped connector has no tasks; that comes first, so that nobody starts them again.
            self.shared
                .stage
                .begin(format!("writing empty task configs for connector {connector} to the config topic"));
            let changes = self.config.put_tasks(connector, Vec::new()).await.map_err(|failure| failed(&failure))?;
            self.apply(changes);
        }
        self.shared.stage.begin(format!("writing the target state of connector {connector} to the config topic"));
        let changes = self.config.put_target(connector, target).await.map_err(|failure| failed(&failure))?;
        self.apply(changes);
        Ok(())
    }

    /// Every worker that reads the record sets the level, this one too.
    async fn set_level(&mut self, logger: &str, level: &str) -> Reply<()> {
        self.shared.stage.begin(format!("writing the level of logger {logger} to the config topic"));
        let changes = self.config.put_logger_level(logger, level).await.map_err(|failure| failed(&failure))?;
        self.apply(changes);
        Ok(())
    }

    async fn modify_offsets(&mut self, connector: &str) -> Reply<Props> {
        self.shared.stage.begin("reading to the end of the config topic");
        let changes =
            self.config.refresh().await.map_err(|_| {
                error(Internal, "Failed to read to end of config topic before modifying connector offsets")
            })?;
        self.apply(changes);
        let state = self.config.state();
        let Some(config) = state.connector(connector) else {
            return Err(error(NotFound, format!("Connector {connector} not found")));
        };
        if self.target(connector) != TargetState::Stopped || state.tasks(connector).len() > 0 {
            return Err(error(
                BadRequest,
                format!(
                    "Connectors must be in the STOPPED state before their offsets can be modified. This can be done \
                     for the specified connector by issuing a 'PUT' request to the '/connectors/{connector}/stop' \
                     endpoint"
                ),
            ));
        }
        Ok(config.clone())
    }
}

/// The answer to a request whose write to the config log failed.
pub(super) fn failed(failure: &ConnectError) -> HerderError {
    tracing::error!(%failure, "a write to the config log has failed");
    error(Internal, failure.message.clone().unwrap_or_else(|| failure.class.to_owned()))
}
