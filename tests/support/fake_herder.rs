//! A herder that keeps connectors in memory and runs nothing: every task is at once in the state that is wanted.
//!
//! It knows two connectors, the file sink and source, as far as a client of the REST API can tell.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexMap;
use longshore::config::Mode;
use longshore::herder::{
    ConfigInfos, ConfigKeyInfo, ConnectorInfo, ConnectorState, CreateRequest, ExpandedConnector, Health, Herder,
    HerderError, HerderErrorKind, PluginInfo, Reply, RequestConfig, RestartScope, StateInfo, Stored, TaskInfo, TaskRef,
    TaskState,
};
use longshore::task::TargetState;
use longshore::trial::{Sample, Trial};
use longshore_api::Props;
use serde_json::{Value as Json, json};

const SINK: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";
const SOURCE: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";

struct Connector {
    config: Props,
    target: TargetState,
    /// False from a stop to a resume: a pause between them starts no tasks.
    has_tasks: bool,
    offsets: IndexMap<Json, Json>,
}

/// The herder.
pub struct FakeHerder {
    mode: Mode,
    connectors: Mutex<IndexMap<String, Connector>>,
    /// How long every answer takes that may have to wait.
    pub delay: Duration,
    /// How many calls that wait have begun.
    pub asked: AtomicUsize,
    /// Whether it says that it is ready.
    pub ready: bool,
    /// Asking for this connector's status panics.
    pub poison: Option<String>,
}

fn error(kind: HerderErrorKind, message: impl Into<String>) -> HerderError {
    HerderError::new(kind, message)
}

fn not_found(message: impl Into<String>) -> HerderError {
    error(HerderErrorKind::NotFound, message)
}

fn bad_request(message: impl Into<String>) -> HerderError {
    error(HerderErrorKind::BadRequest, message)
}

impl FakeHerder {
    /// A herder without connectors.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            connectors: Mutex::default(),
            delay: Duration::ZERO,
            asked: AtomicUsize::new(0),
            ready: true,
            poison: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<String, Connector>> {
        self.connectors.lock().unwrap()
    }

    fn with<T>(&self, name: &str, message: String, act: impl FnOnce(&mut Connector) -> T) -> Reply<T> {
        self.lock().get_mut(name).map(act).ok_or_else(|| not_found(message))
    }

    fn exists(&self, name: &str) -> Reply<()> {
        self.with(name, format!("Connector {name} not found"), |_| ())
    }

    fn store(&self, name: &str, config: &RequestConfig, target: TargetState) -> Reply<Stored> {
        let config = checked(config)?;
        let mut connectors = self.lock();
        let before = connectors.get(name).map(|connector| tasks(name, connector));
        let connector = connectors.entry(name.to_owned()).or_insert_with(|| Connector {
            offsets: file_offsets(&config),
            config: Props::new(),
            target,
            has_tasks: target != TargetState::Stopped,
        });
        connector.config = config;
        let created = before.is_none();
        let tasks = match self.mode {
            Mode::Distributed => before.unwrap_or_default(),
            Mode::Standalone => tasks(name, connector),
        };
        Ok(Stored { created, info: ConnectorInfo { tasks, ..info(name, connector) } })
    }

    async fn wait(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.delay).await;
    }

    fn modifiable(&self, name: &str) -> Reply<()> {
        let stopped = self.with(name, format!("Connector {name} not found"), |it| it.target == TargetState::Stopped)?;
        stopped.then_some(()).ok_or_else(|| {
            bad_request(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
                 specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            ))
        })
    }
}

fn checked(config: &RequestConfig) -> Reply<Props> {
    let Some(class) = config.get("connector.class") else {
        let entries: Vec<String> =
            config.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("null"))).collect();
        return Err(bad_request(format!("Connector config {{{}}} contains no connector type", entries.join(", "))));
    };
    if ![Some(SINK), Some(SOURCE)].contains(&class.as_deref()) {
        return Err(bad_request(format!(
            "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements Connector and \
             which name matches {}, available connectors are: file",
            class.as_deref().unwrap_or_default()
        )));
    }
    let mut errors = Vec::new();
    if config.get("tasks.max").is_some_and(|max| max.as_deref() == Some("0")) {
        errors.push("Invalid value 0 for configuration tasks.max: Value must be at least 1");
    }
    if config.values().any(Option::is_none) {
        errors.push("Null value can not be supplied as the configuration value.");
    }
    if !errors.is_empty() {
        return Err(bad_request(format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above \
             list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
            errors.len(),
            errors.join("\n")
        )));
    }
    Ok(config.iter().map(|(key, value)| (key.clone(), value.clone().unwrap_or_default())).collect())
}

/// The offsets of a source that has read its file.
fn file_offsets(config: &Props) -> IndexMap<Json, Json> {
    let file = config.get("file").filter(|_| config["connector.class"] == SOURCE);
    let length = file.and_then(|file| std::fs::metadata(file).ok()).map(|metadata| metadata.len());
    length.map(|length| (json!({"filename": file}), json!({"position": length}))).into_iter().collect()
}

fn kind(connector: &Connector) -> &'static str {
    if connector.config["connector.class"] == SINK { "sink" } else { "source" }
}

fn tasks(name: &str, connector: &Connector) -> Vec<TaskRef> {
    let count = match (connector.has_tasks, kind(connector)) {
        (false, _) => 0,
        (_, "sink") => connector.config.get("tasks.max").and_then(|max| max.parse().ok()).unwrap_or(1),
        _ => 1,
    };
    (0..count).map(|task| TaskRef { connector: name.to_owned(), task }).collect()
}

fn info(name: &str, connector: &Connector) -> ConnectorInfo {
    let (config, tasks) = (connector.config.clone(), tasks(name, connector));
    ConnectorInfo { name: name.to_owned(), config, tasks, kind: kind(connector) }
}

fn state(connector: &Connector) -> &'static str {
    match connector.target {
        TargetState::Started => "RUNNING",
        TargetState::Paused => "PAUSED",
        TargetState::Stopped => "STOPPED",
    }
}

fn states(name: &str, connector: &Connector, state: &'static str) -> StateInfo {
    let (worker_id, version) = ("127.0.0.1:8083".to_owned(), Some("0.1.0".to_owned()));
    let task = |task: TaskRef| TaskState {
        id: task.task,
        state,
        worker_id: worker_id.clone(),
        trace: None,
        version: version.clone(),
        auto_restart: None,
    };
    let connector_state = ConnectorState {
        state,
        worker_id: worker_id.clone(),
        trace: None,
        version: version.clone(),
        auto_restart: None,
    };
    StateInfo {
        name: name.to_owned(),
        tasks: tasks(name, connector).into_iter().map(task).collect(),
        connector: connector_state,
        kind: kind(connector),
    }
}

#[async_trait]
impl Herder for FakeHerder {
    async fn kafka_cluster_id(&self) -> String {
        tokio::time::sleep(self.delay).await;
        "fake".to_owned()
    }

    async fn health(&self) -> Health {
        self.wait().await;
        Health { ready: self.ready, stage: self.stage() }
    }

    fn stage(&self) -> String {
        "The worker is currently pretending, which began at 1970-01-01T00:00:00Z.".to_owned()
    }

    async fn connectors(&self) -> Reply<Vec<String>> {
        self.wait().await;
        Ok(self.lock().keys().cloned().collect())
    }

    async fn expanded(&self, expand: &[String]) -> Reply<IndexMap<String, ExpandedConnector>> {
        self.wait().await;
        let connectors = self.lock();
        let one = |(name, connector): (&String, &Connector)| {
            let mut shown = ExpandedConnector::new();
            for what in expand {
                match what.as_str() {
                    "info" => shown.insert("info", json!(info(name, connector))),
                    "status" => shown.insert("status", json!(states(name, connector, state(connector)))),
                    _ => None,
                };
            }
            (name.clone(), shown)
        };
        Ok(connectors.iter().map(one).collect())
    }

    async fn create(&self, request: CreateRequest) -> Reply<ConnectorInfo> {
        self.wait().await;
        let target = request.initial_state.unwrap_or(TargetState::Started);
        if self.exists(&request.name).is_ok() {
            checked(&request.config)?;
            return Err(error(HerderErrorKind::Conflict, format!("Connector {} already exists", request.name)));
        }
        Ok(self.store(&request.name, &request.config, target)?.info)
    }

    async fn put_config(&self, name: &str, config: RequestConfig) -> Reply<Stored> {
        self.wait().await;
        self.store(name, &config, TargetState::Started)
    }

    async fn patch_config(&self, name: &str, patch: RequestConfig) -> Reply<ConnectorInfo> {
        let config = self.config(name).await?;
        let mut merged: RequestConfig = config.into_iter().map(|(key, value)| (key, Some(value))).collect();
        merged.extend(patch.clone());
        merged.retain(|key, value| value.is_some() || !patch.contains_key(key));
        Ok(self.store(name, &merged, TargetState::Started)?.info)
    }

    async fn connector(&self, name: &str) -> Reply<ConnectorInfo> {
        self.wait().await;
        self.with(name, format!("Connector {name} not found"), |connector| info(name, connector))
    }

    async fn config(&self, name: &str) -> Reply<Props> {
        Ok(self.connector(name).await?.config)
    }

    async fn delete(&self, name: &str) -> Reply<()> {
        self.wait().await;
        self.exists(name)?;
        self.lock().shift_remove(name);
        Ok(())
    }

    async fn status(&self, name: &str) -> Reply<StateInfo> {
        self.wait().await;
        assert_ne!(self.poison.as_deref(), Some(name), "asked for what must not be asked");
        let message = format!("No status found for connector {name}");
        self.with(name, message, |connector| states(name, connector, state(connector)))
    }

    async fn task_status(&self, name: &str, task: i32) -> Reply<TaskState> {
        let missing = || not_found(format!("No status found for task {name}-{task}"));
        let all = self.status(name).await.map_err(|_| missing())?;
        all.tasks.into_iter().find(|state| i64::from(state.id) == i64::from(task)).ok_or_else(missing)
    }

    async fn tasks(&self, name: &str) -> Reply<Vec<TaskInfo>> {
        let info = self.connector(name).await?;
        let class = info.config["connector.class"].replace("Connector", "Task");
        let mut config = info.config.clone();
        config.insert("task.class".to_owned(), class);
        Ok(info.tasks.into_iter().map(|id| TaskInfo { id, config: config.clone() }).collect())
    }

    async fn restart_connector(&self, name: &str) -> Reply<()> {
        self.wait().await;
        self.with(name, format!("Unknown connector: {name}"), |_| ())
    }

    async fn restart(&self, name: &str, scope: RestartScope) -> Reply<StateInfo> {
        self.wait().await;
        self.with(name, format!("Unknown connector: {name}"), |connector| {
            let shown = if scope.only_failed { state(connector) } else { "RESTARTING" };
            states(name, connector, shown)
        })
    }

    async fn restart_task(&self, name: &str, task: i32) -> Reply<()> {
        self.restart_connector(name).await?;
        self.task_status(name, task).await.map(|_| ()).map_err(|_| not_found(format!("Unknown task: {name}-{task}")))
    }

    async fn set_target(&self, name: &str, target: TargetState) -> Reply<()> {
        self.wait().await;
        self.with(name, format!("Unknown connector {name}"), |connector| {
            connector.target = target;
            connector.has_tasks = match target {
                TargetState::Started => true,
                TargetState::Paused => connector.has_tasks,
                TargetState::Stopped => false,
            };
        })
    }

    async fn offsets(&self, name: &str) -> Reply<Json> {
        self.wait().await;
        self.with(name, format!("Connector {name} not found"), |connector| {
            let list: Vec<Json> = connector
                .offsets
                .iter()
                .map(|(partition, offset)| json!({"partition": partition, "offset": offset}))
                .collect();
            json!({ "offsets": list })
        })
    }

    async fn alter_offsets(&self, name: &str, offsets: Vec<(Json, Json)>) -> Reply<String> {
        self.modifiable(name)?;
        self.with(name, String::new(), |connector| {
            connector.offsets.extend(offsets);
            connector.offsets.retain(|_, offset| !offset.is_null());
            "The offsets for this connector have been altered successfully".to_owned()
        })
    }

    async fn reset_offsets(&self, name: &str) -> Reply<String> {
        self.modifiable(name)?;
        self.with(name, String::new(), |connector| {
            connector.offsets.clear();
            "The offsets for this connector have been reset successfully".to_owned()
        })
    }

    async fn topics(&self, name: &str) -> Reply<Vec<String>> {
        self.wait().await;
        Ok(self
            .with(name, String::new(), |connector| connector.config.get("topics").cloned())
            .into_iter()
            .flatten()
            .collect())
    }

    async fn reset_topics(&self, _name: &str) -> Reply<()> {
        Ok(())
    }

    async fn set_cluster_level(&self, _logger: &str, _level: &str) -> Reply<()> {
        self.wait().await;
        Ok(())
    }

    fn plugins(&self, connectors_only: bool) -> Vec<PluginInfo> {
        let plugin = |class, kind| PluginInfo { class, kind, version: "0.1.0" };
        let mut plugins = vec![plugin(SINK, "sink"), plugin(SOURCE, "source")];
        if !connectors_only {
            plugins.push(plugin("org.apache.kafka.connect.json.JsonConverter", "converter"));
        }
        plugins
    }

    fn plugin_config(&self, plugin: &str) -> Reply<Vec<ConfigKeyInfo>> {
        match plugin {
            "org.apache.kafka.connect.transforms.Filter" => Ok(Vec::new()),
            _ => Err(not_found(format!("Unknown plugin {plugin}."))),
        }
    }

    async fn try_record(&self, plugin: &str, _: RequestConfig, _: Sample) -> Reply<Trial> {
        Err(not_found(format!("Unknown plugin {plugin}.")))
    }

    async fn validate(&self, plugin: &str, config: RequestConfig) -> Reply<ConfigInfos> {
        self.wait().await;
        let class = config.get("connector.class").cloned().flatten().unwrap_or_default();
        if !class.contains(plugin) {
            let message = format!("Included connector type {class} does not match request type {plugin}");
            return Err(bad_request(message));
        }
        Ok(ConfigInfos { name: class, error_count: 0, groups: Vec::new(), configs: Vec::new() })
    }
}
