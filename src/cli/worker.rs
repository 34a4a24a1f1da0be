//! `longshore distributed` and `longshore standalone`: builds a worker, runs it, drains it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use longshore_api::{ConnectError, ErrorKind};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::SetOnce;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Exit, Failed, Log, connector_file};
use crate::config::rest::AdminEndpoints;
use crate::config::{Environment, Listener, Mode, TopicSpec, WorkerConfig, clients, environment, properties};
use crate::groups::SinkGroups;
use crate::herder::{self, CreateRequest, Herder, HerderHandle};
use crate::kafka::{Admin, LogPurpose, TopicLogs};
use crate::logging;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::rest::{self, Api, Bound, Credentials, Level, Limits, LogLevels, Loggers};
use crate::store::{InternalTopic, Log as StateLog, Stores};
use crate::task;

/// A pause before the logs, or the cluster's id, are asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the logs may take to open before it is worth a word.
const SILENCE: Duration = Duration::from_secs(5);

pub(super) fn distributed(log: &Log, file: Option<PathBuf>) -> Result<Exit, Failed> {
    run(log, Mode::Distributed, file, Vec::new())
}

pub(super) fn standalone(log: &Log, file: Option<PathBuf>, connectors: Vec<PathBuf>) -> Result<Exit, Failed> {
    run(log, Mode::Standalone, file, connectors)
}

fn run(log: &Log, mode: Mode, file: Option<PathBuf>, connectors: Vec<PathBuf>) -> Result<Exit, Failed> {
    let environment = settings(file.as_deref())?;
    let levels = start_logging(log, &environment)?;
    let config = match mode {
        Mode::Distributed => WorkerConfig::distributed(environment.props),
        Mode::Standalone => WorkerConfig::standalone(environment.props),
    };
    let config = config.map_err(|error| unusable(file.as_deref(), &error))?;
    let connectors = connectors.iter().map(|file| connector_file::read(file)).collect::<Result<Vec<_>, _>>();
    let connectors = connectors.map_err(|error| Failed { exit: Exit::Connector, error })?;
    run_to_end(async {
        let mut interrupted = pin!(interrupted());
        let mut worker = Worker::start(config, levels).await?;
        let created = tokio::select! {
            created = create(&worker.herder, connectors) => created,
            () = &mut interrupted => Ok(()),
        };
        if let Err(error) = created {
            worker.stop().await;
            return Err(Failed { exit: Exit::Connector, error });
        }
        tokio::select! {
            () = &mut interrupted => {}
            ended = worker.ended() => return Err(Failed::start(ended)),
        }
        info!("Kafka Connect stopping");
        worker.stop().await;
        info!("Kafka Connect stopped");
        Ok(Exit::Ok)
    })
}

/// Runs a worker's whole life. Calls to brokers that are away may still hold threads up then; nobody waits for those.
pub(super) fn run_to_end(life: impl Future<Output = Result<Exit, Failed>>) -> Result<Exit, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("longshore").build();
    let runtime = runtime.map_err(Failed::start)?;
    let outcome = runtime.block_on(life);
    runtime.shutdown_background();
    outcome
}

/// Creates the connectors of a standalone worker's command line.
async fn create(herder: &HerderHandle, connectors: Vec<CreateRequest>) -> anyhow::Result<()> {
    for request in connectors {
        let name = request.name.clone();
        herder.create(request).await.map_err(|error| anyhow!("connector {name} cannot be created: {error}"))?;
    }
    Ok(())
}

/// A line for each error, below one that says where the properties came from.
fn unusable(file: Option<&Path>, errors: &ConnectError) -> Failed {
    let source = match file {
        Some(file) => file.display().to_string(),
        None => "the environment (CONNECT_* variables, as no file is named)".to_owned(),
    };
    let errors = errors.to_string().replace('\n', "\n  ");
    Failed::start(anyhow!("no worker can run with the properties of {source}:\n  {errors}"))
}

/// The process's variables; those that are no text mean nothing here.
pub(super) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Worker properties from a file, or from the environment as the Connect images take them.
pub(super) fn settings(file: Option<&Path>) -> Result<Environment, Failed> {
    let environment = environment::read(variables());
    let Some(file) = file else { return Ok(environment) };
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()));
    let props = properties::parse(&bytes.map_err(Failed::start)?);
    let props = props.with_context(|| format!("{} is not a properties file", file.display()));
    Ok(Environment { props: props.map_err(Failed::start)?, ..environment })
}

/// Starts logging, with the levels of the command line and the environment.
pub(super) fn start_logging(log: &Log, environment: &Environment) -> Result<Arc<LogLevels>, Failed> {
    let given = log.log_level.as_ref().or(environment.log_level.as_ref());
    let root = match given {
        Some(level) => Level::parse(level).ok_or_else(|| Failed::start(anyhow!("there is no log level {level}")))?,
        None => Level::Info,
    };
    let reload = logging::start(log.log_format).map_err(Failed::start)?;
    let levels = LogLevels::new(root, move |targets| {
        if let Err(error) = reload.reload(targets) {
            warn!("log levels could not be changed: {error}");
        }
    });
    for (logger, level) in &environment.loggers {
        match Level::parse(level) {
            Some(level) => drop(levels.set(logger, level)),
            None => warn!("logger {logger} has no known level: {level}"),
        }
    }
    if !environment.ignored.is_empty() {
        info!("these variables mean nothing here: {}", environment.ignored.join(", "));
    }
    Ok(Arc::new(levels))
}

/// Waits for Ctrl-C, or for the signal with which containers are stopped.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        warn!("SIGTERM cannot be listened to; only Ctrl-C ends the worker in good order");
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// A running worker: its herder, and the REST API in front of it.
pub(super) struct Worker {
    /// What the REST API speaks to.
    pub(super) herder: HerderHandle,
    /// Where the REST API answers.
    pub(super) url: String,
    run: JoinHandle<Result<(), ConnectError>>,
    serve: JoinHandle<()>,
    /// Ends the wait for brokers that are away: there is nothing to drain yet.
    stop_opening: CancellationToken,
    stop_rest: CancellationToken,
}

impl Worker {
    /// Binds the REST listeners, then starts the herder; requests are answered as soon as it has read its logs.
    ///
    /// # Errors
    /// A listener that cannot be bound.
    pub(super) async fn start(config: WorkerConfig, loggers: Arc<LogLevels>) -> Result<Self, Failed> {
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let listening = Listening::open(&config).await?;
        let worker = Arc::new(config.bound_to(listening.main.addresses().iter().map(SocketAddr::port)));
        let url = format!("{}://{}", worker.advertised_scheme, worker.worker_id);
        listening.say(&worker.listeners, &url);
        let metrics = Arc::new(Metrics::new(worker.metrics_window, worker.metrics_samples));
        let cluster_id = Arc::new(SetOnce::new());
        tokio::spawn(read_cluster_id(Arc::clone(&worker), Arc::clone(&cluster_id)));
        let levels = Arc::clone(&loggers);
        let environment = herder::Environment {
            plugins: Arc::new(Plugins::builtin()),
            spawner: Arc::new(|spec, services: &task::TaskServices| task::spawn(spec, services.clone())),
            groups: Arc::new(SinkGroups::new(Arc::clone(&worker))),
            set_log_level: Arc::new(move |logger, level| match Level::parse(level) {
                Some(level) => {
                    info!("logger {logger} is at {level:?} now, with {} loggers", levels.set(logger, level).len())
                }
                None => warn!("there is no level {level} to which logger {logger} could be set"),
            }),
            metrics: Arc::clone(&metrics),
            cluster_id,
            worker: Arc::clone(&worker),
        };
        let stop_opening = CancellationToken::new();
        let stores = stop_opening.clone().run_until_cancelled_owned(open_stores(Arc::clone(&worker)));
        let stores = async { stores.await.unwrap_or_else(|| Err(ConnectError::retriable("the worker is stopping"))) };
        let (herder, run) = HerderHandle::start(environment, stores);
        let api = Api {
            herder: Arc::new(herder.clone()),
            loggers,
            metrics,
            worker_id: Arc::clone(&worker.worker_id),
            mode: worker.mode,
            settings: Arc::new(worker.rest.clone()),
            credentials: listening.credentials.clone(),
            limits: Limits::default(),
        };
        let stop_rest = CancellationToken::new();
        let serve = tokio::spawn(listening.serve(api, stop_rest.clone()));
        info!("Kafka Connect started");
        Ok(Self { herder, url, run, serve, stop_opening, stop_rest })
    }

    /// Waits until the herder ends by itself, which it does only when it cannot go on; says why.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        match (&mut self.run).await {
            Ok(Ok(())) => anyhow!("the herder ended"),
            Ok(Err(error)) => error.into(),
            Err(panic) => anyhow!("the herder panicked, which is a bug in Longshore: {panic}"),
        }
    }

    /// Stops taking requests, stops connectors and tasks, writes the last statuses.
    pub(super) async fn stop(self) {
        self.stop_opening.cancel();
        self.stop_rest.cancel();
        self.herder.shut_down().await;
        if self.serve.await.is_err() {
            warn!("the REST server panicked, which is a bug in Longshore");
        }
    }
}

/// The REST API's listeners, open and not served yet, and who may come in.
struct Listening {
    main: Bound,
    admin: Option<Bound>,
    credentials: Option<Arc<Credentials>>,
}

impl Listening {
    async fn open(config: &WorkerConfig) -> Result<Self, Failed> {
        let rest = &config.rest;
        let credentials = rest.basic_auth.as_deref().map(Credentials::read).transpose().map_err(Failed::start)?;
        let main = Bound::open(&config.listeners, &rest.tls).await.map_err(Failed::start)?;
        let admin = match &rest.admin {
            AdminEndpoints::Apart(listeners) => {
                Some(Bound::open(listeners, &rest.admin_tls).await.map_err(Failed::start)?)
            }
            AdminEndpoints::Together | AdminEndpoints::Off => None,
        };
        Ok(Self { main, admin, credentials: credentials.map(Arc::new) })
    }

    fn say(&self, listeners: &[Listener], url: &str) {
        for (listener, address) in listeners.iter().zip(self.main.addresses()) {
            info!("REST server listening at {}://{address}, advertising URL {url}/", listener.scheme);
        }
        for address in self.admin.iter().flat_map(Bound::addresses) {
            info!("REST admin endpoints listening at {address}");
        }
    }

    async fn serve(self, api: Api, stop: CancellationToken) {
        let limits = api.limits.clone();
        let admin = async {
            if let Some(admin) = self.admin {
                admin.serve(rest::admin_router(api.clone()), limits.clone(), stop.clone()).await;
            }
        };
        tokio::join!(self.main.serve(rest::router(api.clone()), limits.clone(), stop.clone()), admin);
    }
}

/// Opens the stores, and says so if that takes long: a wrong address should show before the first time-out.
async fn open_stores(worker: Arc<WorkerConfig>) -> Result<Stores, ConnectError> {
    let mut opening = pin!(ask_for_stores(Arc::clone(&worker)));
    tokio::select! {
        opened = &mut opening => return opened,
        () = tokio::time::sleep(SILENCE) => {}
    }
    warn!("still waiting for the Kafka brokers at {}", worker.bootstrap_servers);
    opening.await
}

/// While the brokers are away they are asked again and again.
async fn ask_for_stores(worker: Arc<WorkerConfig>) -> Result<Stores, ConnectError> {
    loop {
        match stores_now(&worker).await {
            Err(error) if error.kind == ErrorKind::Retriable => {
                warn!("the worker's own topics cannot be read yet: {error}");
                tokio::time::sleep(AGAIN).await;
            }
            opened => return opened,
        }
    }
}

async fn stores_now(worker: &WorkerConfig) -> Result<Stores, ConnectError> {
    let logs = worker.topics.as_ref().map(|_| TopicLogs::new(&clients::internal_props(worker, "logs")));
    let logs = logs.transpose()?;
    Stores::open(worker, |which, topic| open_log(logs.as_ref(), which, topic)).await
}

async fn open_log(
    logs: Option<&TopicLogs>,
    which: InternalTopic,
    topic: TopicSpec,
) -> Result<Box<dyn StateLog>, ConnectError> {
    let purpose = match which {
        InternalTopic::Config => LogPurpose::Configs,
        InternalTopic::Offset => LogPurpose::Offsets,
        InternalTopic::Status => LogPurpose::Statuses,
    };
    let logs = logs.ok_or_else(|| ConnectError::config("the worker has no topics of its own"))?;
    Ok(Box::new(logs.open(&topic, purpose).await?))
}

/// Asks for the cluster's id until it is known.
async fn read_cluster_id(worker: Arc<WorkerConfig>, known: Arc<SetOnce<String>>) {
    let admin = match Admin::new(&clients::internal_props(&worker, "shared-admin")) {
        Ok(admin) => admin,
        Err(error) => return warn!("the Kafka cluster cannot be asked for its id: {error}"),
    };
    loop {
        match admin.cluster_id().await {
            Ok(id) => return drop(known.set(id)),
            Err(error) => {
                tracing::debug!("the Kafka cluster's id cannot be read yet: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
