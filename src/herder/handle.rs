//! How others speak to the herder's task.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use indexmap::IndexMap;
use longshore_api::{ConnectError, Props, Result};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::api::{Herder, Reply};
use super::live::Answer;
use super::messages::{Message, Only, Request};
use super::offsets::ConnectorOffsets;
use super::run_loop::{RunLoop, Shared};
use super::services::Environment;
use super::stage::Stage;
use super::types::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, CreateRequest, ExpandedConnector, Health, HerderError, HerderErrorKind,
    PluginInfo, RequestConfig, RestartScope, StateInfo, Stored, TaskInfo, TaskState,
};
use super::validation::{Validation, refusal};
use super::views::{self, View, Views};
use crate::store::{OffsetStore, StatusStore, Stores};
use crate::task::{TargetState, TaskId};
use crate::trial::{self, Sample, Trial};
use HerderErrorKind::{BadRequest, Forbidden, Internal, NotFound};

/// Requests and reports that may wait for the herder's task; more wait for a place.
const WAITING: usize = 1024;

/// A running herder.
#[derive(Clone)]
pub struct HerderHandle {
    environment: Arc<Environment>,
    shared: Arc<Shared>,
    /// There as soon as the logs have been read.
    logs: Arc<OnceLock<Logs>>,
    validation: Validation,
    messages: mpsc::Sender<Message>,
}

struct Logs {
    statuses: Arc<StatusStore>,
    offsets: Arc<OffsetStore>,
}

impl HerderHandle {
    /// Starts a herder. Requests wait until `stores` are open and everything that they know of is brought back.
    ///
    /// The second part ends when the herder has been shut down, or when the stores cannot be opened.
    pub fn start(
        environment: Environment,
        stores: impl Future<Output = Result<Stores>> + Send + 'static,
    ) -> (Self, JoinHandle<Result<(), ConnectError>>) {
        let environment = Arc::new(environment);
        let shared = Arc::new(Shared {
            views: Views::default(),
            stage: Stage::new("initializing and reading to the end of internal topics"),
            ready: false.into(),
        });
        let (sender, receiver) = mpsc::channel(WAITING);
        let handle = Self {
            validation: Validation::new(environment.plugins.clone(), environment.worker.clone()),
            environment: environment.clone(),
            shared: shared.clone(),
            logs: Arc::default(),
            messages: sender.clone(),
        };
        let logs = handle.logs.clone();
        let run = async move {
            let stores = stores.await?;
            let opened = Logs { statuses: stores.statuses.clone(), offsets: stores.offsets.clone() };
            // This is the only place that sets it.
            logs.set(opened).ok();
            RunLoop::new(environment, shared, stores, (sender, receiver)).run().await;
            Ok(())
        };
        (handle, tokio::spawn(run))
    }

    /// Stops all connectors and tasks, and the herder itself. Requests that wait, and later ones, are refused.
    pub async fn shut_down(&self) {
        let (done, stopped) = oneshot::channel();
        if self.messages.send(Message::Shutdown(done)).await.is_ok() {
            // Without an answer the herder has ended already.
            stopped.await.ok();
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request + Send) -> Reply<T> {
        let (answer, reply) = oneshot::channel();
        let request = Message::Request(request(answer));
        self.messages.send(request).await.map_err(|_| shutting_down())?;
        reply.await.unwrap_or_else(|_| Err(shutting_down()))
    }

    fn view(&self, connector: &str) -> Option<Arc<View>> {
        self.shared.views.get(connector)
    }

    /// The logs, once the herder has read them and made a picture of each connector.
    async fn ready(&self) -> Reply<&Logs> {
        if !self.shared.ready.load(Ordering::Acquire) {
            self.ask(Request::Ping).await?;
        }
        self.logs.get().ok_or_else(shutting_down)
    }

    /// The picture of a connector.
    async fn known_view(&self, connector: &str) -> Reply<Arc<View>> {
        self.ready().await?;
        self.view(connector).ok_or_else(|| not_found(connector))
    }

    fn state_info(&self, logs: &Logs, connector: &str, view: Option<&View>) -> Option<StateInfo> {
        views::state_info(connector, view, &logs.statuses.state(), &self.environment.worker.worker_id)
    }

    async fn checked(&self, config: &RequestConfig) -> Reply<Props> {
        let infos = self.validation.run(config).await?;
        match refusal(&infos) {
            Some(refusal) => Err(refusal),
            // Nulls are refused, so that nothing is left out.
            None => Ok(config.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()),
        }
    }

    fn connector_offsets<'a>(&'a self, connector: &'a str, raw: &Props) -> Reply<ConnectorOffsets<'a>> {
        let logs = self.logs.get().ok_or_else(|| error(HerderErrorKind::Unavailable, "the worker is starting"))?;
        let class = raw.get("connector.class").map_or("", String::as_str);
        let plugin = self.environment.plugins.connector(class).cloned().map_err(|text| error(Internal, text))?;
        let config = self.environment.worker.providers.resolve(raw);
        let config = config.map_err(|failure| error(Internal, failure.to_string()))?;
        Ok(ConnectorOffsets { environment: &self.environment, store: &logs.offsets, connector, config, plugin })
    }
}

#[async_trait]
impl Herder for HerderHandle {
    async fn kafka_cluster_id(&self) -> String {
        self.environment.cluster_id.wait().await.clone()
    }

    /// Says at once that the worker is still starting; Connect lets the caller wait for ten seconds before it does.
    async fn health(&self) -> Health {
        let started = self.shared.ready.load(Ordering::Acquire);
        Health { ready: started && self.ask(Request::Ping).await.is_ok(), stage: self.stage() }
    }

    fn stage(&self) -> String {
        self.shared.stage.text()
    }

    async fn connectors(&self) -> Reply<Vec<String>> {
        self.ready().await?;
        Ok(self.shared.views.all().into_iter().map(|(name, _)| name.to_string()).collect())
    }

    async fn expanded(&self, expand: &[String]) -> Reply<IndexMap<String, ExpandedConnector>> {
        let logs = self.ready().await?;
        let mut answer = IndexMap::new();
        for (name, view) in self.shared.views.all() {
            let mut parts = ExpandedConnector::new();
            for wanted in expand {
                match wanted.as_str() {
                    "info" => {
                        parts.insert("info", serde_json::to_value(&view.info).unwrap_or_default());
                    }
                    "status" => {
                        // A connector that nobody has told anything of is left out altogether.
                        let Some(status) = self.state_info(logs, &name, Some(&view)) else { break };
                        parts.insert("status", serde_json::to_value(status).unwrap_or_default());
                    }
                    _ => {}
                }
            }
            let asked_for_status = expand.iter().any(|wanted| wanted == "status");
            if !asked_for_status || parts.contains_key("status") {
                answer.insert(name.to_string(), parts);
            }
        }
        Ok(answer)
    }

    async fn create(&self, request: CreateRequest) -> Reply<ConnectorInfo> {
        let CreateRequest { name: connector, config, initial_state: initial } = request;
        let config = self.checked(&config).await?;
        let stored = self.ask(|answer| Request::Store { connector, config, only: Only::New, initial, answer }).await?;
        Ok(stored.info)
    }

    async fn put_config(&self, name: &str, config: RequestConfig) -> Reply<Stored> {
        let (connector, config) = (name.to_owned(), self.checked(&config).await?);
        self.ask(|answer| Request::Store { connector, config, only: Only::Any, initial: None, answer }).await
    }

    async fn patch_config(&self, name: &str, patch: RequestConfig) -> Reply<ConnectorInfo> {
        let stored = self.known_view(name).await?.info.config.clone();
        let mut config: RequestConfig = stored.into_iter().map(|(key, value)| (key, Some(value))).collect();
        for (key, value) in patch {
            match value {
                Some(value) => config.insert(key, Some(value)),
                None => config.shift_remove(&key),
            };
        }
        let (connector, config) = (name.to_owned(), self.checked(&config).await?);
        let only = Only::Known;
        let stored = self.ask(|answer| Request::Store { connector, config, only, initial: None, answer }).await?;
        Ok(stored.info)
    }

    async fn connector(&self, name: &str) -> Reply<ConnectorInfo> {
        Ok(self.known_view(name).await?.info.clone())
    }

    async fn config(&self, name: &str) -> Reply<Props> {
        Ok(self.known_view(name).await?.info.config.clone())
    }

    async fn delete(&self, name: &str) -> Reply<()> {
        self.ask(|answer| Request::Delete { connector: name.to_owned(), answer }).await
    }

    async fn status(&self, name: &str) -> Reply<StateInfo> {
        let info = self.state_info(self.ready().await?, name, self.view(name).as_deref());
        info.ok_or_else(|| error(NotFound, format!("No status found for connector {name}")))
    }

    async fn task_status(&self, name: &str, task: i32) -> Reply<TaskState> {
        let unknown = || error(NotFound, format!("No status found for task {name}-{task}"));
        let logs = self.ready().await?;
        let number = u32::try_from(task).map_err(|_| unknown())?;
        let id = TaskId { connector: name.into(), task: number };
        let (view, worker) = (self.view(name), &self.environment.worker.worker_id);
        views::task_info(&id, view.as_deref(), &logs.statuses.state(), worker).ok_or_else(unknown)
    }

    async fn tasks(&self, name: &str) -> Reply<Vec<TaskInfo>> {
        let view = self.known_view(name).await?;
        let tasks = view.info.tasks.iter().zip(&view.tasks);
        Ok(tasks.map(|(id, config)| TaskInfo { id: id.clone(), config: config.clone() }).collect())
    }

    async fn restart_connector(&self, name: &str) -> Reply<()> {
        self.ask(|answer| Request::RestartInstance { connector: name.to_owned(), answer }).await
    }

    async fn restart(&self, name: &str, scope: RestartScope) -> Reply<StateInfo> {
        self.ask(|answer| Request::Restart { connector: name.to_owned(), scope, answer }).await
    }

    async fn restart_task(&self, name: &str, task: i32) -> Reply<()> {
        let task = u32::try_from(task).unwrap_or(u32::MAX);
        let task = TaskId { connector: name.into(), task };
        self.ask(|answer| Request::RestartTask { task, answer }).await
    }

    async fn set_target(&self, name: &str, target: TargetState) -> Reply<()> {
        self.ask(|answer| Request::SetTarget { connector: name.to_owned(), target, answer }).await
    }

    async fn offsets(&self, name: &str) -> Reply<Json> {
        let view = self.known_view(name).await?;
        self.connector_offsets(name, &view.info.config)?.list().await
    }

    async fn alter_offsets(&self, name: &str, offsets: Vec<(Json, Json)>) -> Reply<String> {
        let config = self.ask(|answer| Request::ModifyOffsets { connector: name.to_owned(), answer }).await?;
        self.connector_offsets(name, &config)?.alter(&offsets).await
    }

    async fn reset_offsets(&self, name: &str) -> Reply<String> {
        let config = self.ask(|answer| Request::ModifyOffsets { connector: name.to_owned(), answer }).await?;
        self.connector_offsets(name, &config)?.reset().await
    }

    async fn topics(&self, name: &str) -> Reply<Vec<String>> {
        if !self.environment.worker.topic_tracking {
            return Err(error(Forbidden, "Topic tracking is disabled."));
        }
        let logs = self.ready().await?;
        Ok(logs.statuses.state().topics(name).map(|used| used.topic.to_string()).collect())
    }

    async fn reset_topics(&self, name: &str) -> Reply<()> {
        if !self.environment.worker.topic_tracking {
            return Err(error(Forbidden, "Topic tracking is disabled."));
        }
        if !self.environment.worker.topic_tracking_reset {
            return Err(error(Forbidden, "Topic tracking reset is disabled."));
        }
        self.ready().await?.statuses.reset_topics(name);
        Ok(())
    }

    async fn set_cluster_level(&self, logger: &str, level: &str) -> Reply<()> {
        let (logger, level) = (logger.to_owned(), level.to_owned());
        self.ask(|answer| Request::LoggerLevel { logger, level, answer }).await
    }

    fn plugins(&self, connectors_only: bool) -> Vec<PluginInfo> {
        self.environment.plugins.list(connectors_only)
    }

    fn plugin_config(&self, plugin: &str) -> Reply<Vec<ConfigKeyInfo>> {
        self.validation.table(plugin)
    }

    async fn validate(&self, plugin: &str, config: RequestConfig) -> Reply<ConfigInfos> {
        check_class(plugin, &config)?;
        // A validation runs beside the request, so that its refusals come wrapped.
        self.validation.run(&config).await.map_err(|refusal| match refusal.kind {
            BadRequest => {
                let class = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException";
                error(Internal, format!("{class}: {}", refusal.message))
            }
            _ => refusal,
        })
    }

    async fn try_record(&self, plugin: &str, mut config: RequestConfig, record: Sample) -> Reply<Trial> {
        check_class(plugin, &config)?;
        config.entry("connector.class".to_owned()).or_insert_with(|| Some(plugin.to_owned()));
        trial::run(&self.validation, &config, record).await
    }
}

/// The class of a URL and that of the configuration must be of one connector.
fn check_class(plugin: &str, config: &RequestConfig) -> Reply<()> {
    let Some(Some(class)) = config.get("connector.class") else { return Ok(()) };
    let short = |name: &str| name.strip_suffix("Connector").unwrap_or(name).to_owned();
    if short(class).ends_with(&short(plugin)) {
        return Ok(());
    }
    Err(error(BadRequest, format!("Included connector type {class} does not match request type {plugin}")))
}

fn error(kind: HerderErrorKind, message: impl Into<String>) -> HerderError {
    HerderError::new(kind, message)
}

fn not_found(connector: &str) -> HerderError {
    error(NotFound, format!("Connector {connector} not found"))
}

fn shutting_down() -> HerderError {
    error(Internal, "Worker is shutting down")
}
