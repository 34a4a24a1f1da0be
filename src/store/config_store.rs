//! The config log with its state: writes, and reads back what it wrote.

use std::sync::Arc;
use std::time::Duration;

use longshore_api::error::class;
use longshore_api::{ConnectError, ErrorKind, Props, Result};
use tokio::time::timeout;

use super::config_log::{ConfigChange, ConfigState};
use super::config_records::{ConfigRecord, RestartRequest, Secret, SessionKey};
use super::{Log, LogRecord, LogWriter};
use crate::task::TargetState;

/// How long a sequence of writes may take.
const BUDGET: Duration = Duration::from_secs(30);

/// Connector and task configurations, and what else workers tell each other.
///
/// Each write returns when it has been read back, with everything that changed up to then: what was written, and
/// what others wrote meanwhile. If a write fails, changes that were read come with [`next`](Self::next).
pub struct ConfigStore {
    state: ConfigState,
    log: Box<dyn Log>,
    writer: Arc<dyn LogWriter>,
    unseen: Vec<ConfigChange>,
}

impl ConfigStore {
    /// Reads the log from its beginning. Restarts and log levels that were asked for before are not for this worker.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn open(mut log: Box<dyn Log>) -> Result<Self> {
        let mut state = ConfigState::default();
        for record in log.read_to_end().await? {
            state.apply(&record);
        }
        Ok(Self { state, writer: log.writer(), log, unseen: Vec::new() })
    }

    /// What is known.
    pub fn state(&self) -> &ConfigState {
        &self.state
    }

    /// Waits for changes that others made. Cancel-safe.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn next(&mut self) -> Result<Vec<ConfigChange>> {
        while self.unseen.is_empty() {
            let records = self.log.next().await?;
            self.apply(&records);
        }
        Ok(std::mem::take(&mut self.unseen))
    }

    /// Reads to the end of the log.
    ///
    /// # Errors
    /// The log cannot be read in time.
    pub async fn refresh(&mut self) -> Result<Vec<ConfigChange>> {
        self.write("Error reading to end of config log", vec![vec![]]).await
    }

    /// Creates a connector or replaces its configuration; `initial` is the state in which a new one begins (KIP-980).
    ///
    /// # Errors
    /// `Error writing connector configuration to Kafka`.
    pub async fn put_connector(
        &mut self,
        connector: &str,
        config: Props,
        initial: Option<TargetState>,
    ) -> Result<Vec<ConfigChange>> {
        let connector = connector.to_owned();
        let target = initial.map(|state| ConfigRecord::Target { connector: connector.clone(), state: Some(state) });
        let config = ConfigRecord::Connector { connector, config: Some(Secret(config)) };
        let records = target.into_iter().chain([config]).collect();
        self.write("Error writing connector configuration to Kafka", vec![records]).await
    }

    /// Deletes a connector.
    ///
    /// # Errors
    /// `Error removing connector configuration from Kafka`.
    pub async fn remove_connector(&mut self, connector: &str) -> Result<Vec<ConfigChange>> {
        let records = vec![
            ConfigRecord::Connector { connector: connector.to_owned(), config: None },
            ConfigRecord::Target { connector: connector.to_owned(), state: None },
        ];
        self.write("Error removing connector configuration from Kafka", vec![records]).await
    }

    /// Replaces a connector's tasks.
    ///
    /// # Errors
    /// `Error writing task configurations to Kafka`. The former set stays until a whole new one is written.
    pub async fn put_tasks(&mut self, connector: &str, tasks: Vec<Props>) -> Result<Vec<ConfigChange>> {
        let commit = ConfigRecord::Commit { connector: connector.to_owned(), tasks: tasks.len() as u32 };
        let records = (0..).zip(tasks).map(|(task, config)| ConfigRecord::Task {
            connector: connector.to_owned(),
            task,
            config: Secret(config),
        });
        // What others wrote is read first, so that the commit belongs to these records and no others.
        let steps = vec![vec![], records.collect(), vec![commit]];
        self.write("Error writing task configurations to Kafka", steps).await
    }

    /// Wants a connector in a state.
    ///
    /// # Errors
    /// `Error writing target state to Kafka`.
    pub async fn put_target(&mut self, connector: &str, state: TargetState) -> Result<Vec<ConfigChange>> {
        let record = ConfigRecord::Target { connector: connector.to_owned(), state: Some(state) };
        self.write("Error writing target state to Kafka", vec![vec![record]]).await
    }

    /// Tells all workers how to sign their requests.
    ///
    /// # Errors
    /// `Error writing session key to Kafka`.
    pub async fn put_session_key(&mut self, key: SessionKey) -> Result<Vec<ConfigChange>> {
        self.write("Error writing session key to Kafka", vec![vec![ConfigRecord::SessionKey(key)]]).await
    }

    /// Tells all workers to restart a connector.
    ///
    /// # Errors
    /// `Error writing restart request to Kafka`.
    pub async fn put_restart(&mut self, request: RestartRequest) -> Result<Vec<ConfigChange>> {
        self.write("Error writing restart request to Kafka", vec![vec![ConfigRecord::Restart(request)]]).await
    }

    /// Tells all workers the level of a logger.
    ///
    /// # Errors
    /// `Error writing logger level to Kafka`.
    pub async fn put_logger_level(&mut self, namespace: &str, level: &str) -> Result<Vec<ConfigChange>> {
        let record = ConfigRecord::Logger { namespace: namespace.to_owned(), level: level.to_owned() };
        self.write("Error writing logger level to Kafka", vec![vec![record]]).await
    }

    /// Writes the steps one after the other, and reads to the end after each.
    async fn write(&mut self, failure: &'static str, steps: Vec<Vec<ConfigRecord>>) -> Result<Vec<ConfigChange>> {
        let too_late = |_| {
            let why = format!("not done within {} seconds", BUDGET.as_secs());
            ConnectError::new(ErrorKind::Retriable, "java.util.concurrent.TimeoutException", why)
        };
        let written = timeout(BUDGET, self.write_steps(steps)).await.map_err(too_late).and_then(|written| written);
        match written {
            Ok(()) => Ok(std::mem::take(&mut self.unseen)),
            Err(cause) => Err(ConnectError::new(cause.kind, class::CONNECT, failure).caused_by(cause)),
        }
    }

    async fn write_steps(&mut self, steps: Vec<Vec<ConfigRecord>>) -> Result<()> {
        for step in steps {
            if !step.is_empty() {
                self.writer.append(step.iter().map(ConfigRecord::encode).collect()).await?;
            }
            let records = self.log.read_to_end().await?;
            self.apply(&records);
        }
        Ok(())
    }

    fn apply(&mut self, records: &[LogRecord]) {
        for record in records {
            self.unseen.extend(self.state.apply(record));
        }
    }
}
