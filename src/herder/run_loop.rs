//! The herder's task: it owns all state, hears messages and the config log, and carries out what
//! [`plan`](super::plan::plan) finds to do.
//!
//! Only writes to the config log are waited for here, as in Connect, where they say in which order things happened.
//! Everything else that may take time runs beside the loop and reports back.

mod auto_restarts;
mod carry_out;
mod reports;
mod requests;
mod restarts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longshore_api::Plugin;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::live::{Answer, LiveConnector, Run};
use super::messages::{Message, Report};
use super::plan::{Desired, DesiredTasks, plan};
use super::services::Environment;
use super::stage::Stage;
use super::types::{ConnectorInfo, HerderError, HerderErrorKind, TaskRef};
use super::views::{View, Views};
use crate::cluster::Membership;
use crate::config::Mode;
use crate::store::{ConfigChange, ConfigStore, StatusKey, StatusStore, Stores};
use crate::task::{TargetState, TaskId, TaskServices};

/// Pause after the config log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// How long the last statuses may take to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// Plans that one event may lead to for one connector; a plan that never ends would be a mistake in it.
const MOST_PLANS: usize = 16;

/// What the loop shares with its handle.
pub(super) struct Shared {
    pub(super) views: Views,
    pub(super) stage: Stage,
    pub(super) ready: AtomicBool,
}

/// The herder's task.
pub(super) struct RunLoop {
    environment: Arc<Environment>,
    shared: Arc<Shared>,
    config: ConfigStore,
    statuses: Arc<StatusStore>,
    services: TaskServices,
    membership: Membership,
    live: BTreeMap<Arc<str>, LiveConnector>,
    /// Connectors that something happened to since they were looked at.
    dirty: BTreeSet<Arc<str>>,
    task_restarts: HashMap<TaskId, Vec<Answer<()>>>,
    /// Counts runs and revisions.
    counter: u64,
    messages: mpsc::Receiver<Message>,
    reports: mpsc::Sender<Message>,
    /// Nothing of the config log is read before.
    read_from: Instant,
    /// Who waits for the end; not empty as soon as it is near.
    ending: Vec<oneshot::Sender<()>>,
}

impl RunLoop {
    pub(super) fn new(
        environment: Arc<Environment>,
        shared: Arc<Shared>,
        stores: Stores,
        (reports, messages): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    ) -> Self {
        let membership = Membership::alone(environment.worker.mode);
        let services = TaskServices {
            plugins: environment.plugins.clone(),
            worker: environment.worker.clone(),
            offsets: stores.offsets.clone(),
            topics: stores.statuses.clone(),
            metrics: environment.metrics.clone(),
        };
        Self {
            environment,
            shared,
            config: stores.config,
            statuses: stores.statuses,
            services,
            membership,
            live: BTreeMap::new(),
            dirty: BTreeSet::new(),
            task_restarts: HashMap::new(),
            counter: 0,
            messages,
            reports,
            read_from: Instant::now(),
            ending: Vec::new(),
        }
    }

    /// Brings everything back that the config log says, then serves until the end.
    pub(super) async fn run(mut self) {
        let in_group = self.environment.worker.mode == Mode::Distributed;
        if in_group {
            self.environment.metrics.rebalance_begun();
        }
        self.take_over();
        self.settle();
        if in_group {
            self.environment.metrics.rebalance_completed(self.membership.generation());
        }
        self.shared.ready.store(true, Ordering::Release);
        self.shared.stage.complete();
        while self.ending.is_empty() || self.has_tasks() {
            let read_from = self.read_from;
            tokio::select! {
                Some(message) = self.messages.recv() => self.hear(message).await,
                changes = async { tokio::time::sleep_until(read_from).await; self.config.next().await } => match changes {
                    Ok(changes) => self.apply(changes),
                    Err(error) => {
                        tracing::warn!(%error, "the config log could not be read; it is tried again");
                        self.read_from = Instant::now() + READ_PAUSE;
                    }
                },
            }
            self.settle();
        }
        if tokio::time::timeout(FLUSH_LIMIT, self.statuses.flush()).await.is_err() {
            tracing::warn!("the last statuses could not be written in time");
        }
        self.messages.close();
        for done in self.ending {
            // The caller may have stopped waiting.
            done.send(()).ok();
        }
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Report(report) => self.take_report(report).await,
            Message::Request(request) if self.ending.is_empty() => {
                self.serve(request).await;
                self.shared.stage.complete();
            }
            // Dropping a request answers it: the worker is shutting down.
            Message::Request(_) => {}
            Message::Shutdown(done) => {
                if self.ending.is_empty() {
                    self.shared.stage.begin("shutting down");
                    self.stop_everything();
                }
                self.ending.push(done);
            }
        }
    }

    /// What is known from the logs: every connector has to be looked at, and statuses of what is gone are removed.
    fn take_over(&mut self) {
        let connectors: Vec<Arc<str>> = self.config.state().connectors().map(Arc::from).collect();
        for connector in connectors {
            let (config, task_set) = (self.next_number(), self.next_number());
            let most_tasks = self.config.state().announced_tasks(&connector);
            let live = LiveConnector { config, task_set, most_tasks, ..LiveConnector::default() };
            self.live.insert(connector.clone(), live);
            self.dirty.insert(connector);
        }
        if self.membership.is_leader() {
            self.clean_statuses();
        }
    }

    fn clean_statuses(&self) {
        let state = self.config.state();
        let mut gone_connectors = Vec::new();
        let mut gone_tasks = Vec::new();
        let statuses = self.statuses.state();
        for connector in statuses.connectors() {
            if state.connector(connector).is_none() {
                gone_connectors.push(connector.clone());
                continue;
            }
            let count = state.tasks(connector).len();
            let gone = statuses.tasks(connector).map(|(task, _)| task).filter(|task| *task as usize >= count);
            gone_tasks.extend(gone.map(|task| TaskId { connector: connector.clone(), task }));
        }
        drop(statuses);
        gone_connectors.iter().for_each(|connector| self.statuses.remove_connector(connector));
        gone_tasks.into_iter().for_each(|task| self.statuses.remove(StatusKey::Task(task)));
    }

    /// Takes in what the config log says.
    fn apply(&mut self, changes: Vec<ConfigChange>) {
        for change in changes {
            match change {
                ConfigChange::Connector { connector } => {
                    let number = self.next_number();
                    let live = self.touch(&connector);
                    live.config = number;
                    live.auto_restarts.clear();
                }
                ConfigChange::Tasks { connector } => {
                    let number = self.next_number();
                    let count = self.config.state().announced_tasks(&connector);
                    let live = self.touch(&connector);
                    live.task_set = number;
                    live.most_tasks = live.most_tasks.max(count);
                }
                ConfigChange::Target { connector } | ConfigChange::Removed { connector } => {
                    self.touch(&connector).auto_restarts.clear();
                }
                ConfigChange::Restart(request) => self.restart(&request),
                ConfigChange::Logger { namespace, level } => (self.environment.set_log_level)(&namespace, &level),
                // One worker signs no requests.
                ConfigChange::SessionKey => {}
            }
        }
    }

    /// The connector's entry; it will be looked at.
    fn touch(&mut self, connector: &str) -> &mut LiveConnector {
        let name: Arc<str> = match self.live.get_key_value(connector) {
            Some((name, _)) => name.clone(),
            None => connector.into(),
        };
        self.dirty.insert(name.clone());
        self.live.entry(name).or_default()
    }

    /// Carries out what there is to do until nothing is left that can be done now.
    fn settle(&mut self) {
        while let Some(connector) = self.dirty.pop_first() {
            for _ in 0..MOST_PLANS {
                let Some(live) = self.live.get(&connector) else { break };
                let desired = if self.ending.is_empty() { self.desired(&connector, live) } else { break };
                let actions = plan(desired.as_ref(), &live.actual());
                if actions.is_empty() {
                    break;
                }
                for action in actions {
                    self.carry_out(&connector, action);
                }
            }
            self.answer_waiting(&connector);
            self.show(&connector);
        }
    }

    fn desired(&self, connector: &Arc<str>, live: &LiveConnector) -> Option<Desired> {
        let state = self.config.state();
        state.connector(connector)?;
        let complete = state.task_generation(connector).is_some() && !state.is_inconsistent(connector);
        let tasks = complete.then(|| {
            let ids = (0..state.tasks(connector).len() as u32)
                .filter(|task| self.membership.runs_task(&TaskId { connector: connector.clone(), task: *task }));
            DesiredTasks { revision: live.task_set, assigned: ids.collect() }
        });
        Some(Desired {
            instance: self.membership.runs_connector(connector),
            config: live.config,
            target: self.target(connector),
            tasks,
        })
    }

    fn target(&self, connector: &str) -> TargetState {
        self.config.state().target(connector).unwrap_or(TargetState::Started)
    }

    /// Renews the picture of a connector.
    fn show(&self, connector: &Arc<str>) {
        let view = self.info(connector).map(|info| {
            let live = self.live.get(connector);
            View {
                info,
                tasks: self.config.state().tasks(connector).cloned().collect(),
                instance: live.and_then(|live| live.instance.as_ref()).and_then(|instance| instance.shown.clone()),
                live: live.map(LiveConnector::task_views).unwrap_or_default(),
                auto_restarts: live.map(|live| live.auto_restarts.clone()).unwrap_or_default(),
            }
        });
        self.shared.views.set(connector, view);
    }

    fn info(&self, connector: &str) -> Option<ConnectorInfo> {
        let state = self.config.state();
        let config = state.connector(connector)?.clone();
        let tasks = (0..state.tasks(connector).len() as u32)
            .map(|task| TaskRef { connector: connector.to_owned(), task })
            .collect();
        let kind = self.plugin(connector).map_or("unknown", |plugin| crate::plugins::kind_of(&plugin));
        Some(ConnectorInfo { name: connector.to_owned(), config, tasks, kind })
    }

    fn plugin(&self, connector: &str) -> Result<Plugin, String> {
        let config = self.config.state().connector(connector);
        let class = config.and_then(|config| config.get("connector.class")).map_or("", String::as_str);
        self.environment.plugins.connector(class).cloned()
    }

    fn next_number(&mut self) -> Run {
        self.counter += 1;
        self.counter
    }

    fn has_tasks(&self) -> bool {
        self.live.values().any(|live| !live.tasks.is_empty())
    }

    /// Runs something beside the loop that reports when it is done.
    fn beside(&self, job: impl Future<Output = Report> + Send + 'static) {
        let reports = self.reports.clone();
        tokio::spawn(async move {
            // Nobody listens any more after the end.
            reports.send(Message::Report(job.await)).await.ok();
        });
    }
}

fn error(kind: HerderErrorKind, message: impl Into<String>) -> HerderError {
    HerderError::new(kind, message)
}
