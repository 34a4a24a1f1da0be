//! A worker for tests: logs that can be read again and made to fail, plugins and tasks that behave as they are told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use longshore_api::source::AlterableOffset;
use longshore_api::{
    ConfigDef, ConnectError, Connector, Plugin, Positions, Props, Result, SinkConnector, SinkTask, SourceConnector,
    SourceTask, TopicPartition,
};
use tokio::sync::{Notify, watch};

use crate::config::WorkerConfig;
use crate::herder::{
    CreateRequest, Environment, GroupOffsets, Herder, HerderError, HerderHandle, Reply, RequestConfig, Stored,
};
use crate::plugins::Plugins;
use crate::store::{Log, LogEntry, LogRecord, LogWriter, Stores};
use crate::task::{Control, State, TargetState, TaskHandle, TaskServices, TaskSpec, TaskStatus};

/// A log whose records stay, so that a later worker can read it.
#[derive(Clone, Default)]
pub(super) struct TestLog {
    shared: Arc<LogState>,
    read: usize,
}

#[derive(Default)]
struct LogState {
    records: Mutex<Vec<LogRecord>>,
    written: Notify,
    broken: Mutex<bool>,
}

impl TestLog {
    pub(super) fn with(entries: impl IntoIterator<Item = LogEntry>) -> Self {
        let log = Self::default();
        log.shared.push(entries.into_iter().collect());
        log
    }

    /// Writes a record, as another worker would.
    pub(super) fn write(&self, key: &str, value: &str) {
        self.shared.push(vec![(key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()))]);
    }

    /// The same log for a worker that starts now.
    fn again(&self) -> Box<dyn Log> {
        Box::new(Self { shared: self.shared.clone(), read: 0 })
    }

    /// Keys and values of all records.
    pub(super) fn entries(&self) -> Vec<(String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let records = self.shared.records.lock().unwrap();
        records.iter().map(|record| (text(&record.key), record.value.as_deref().map(text))).collect()
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.entries().into_iter().map(|(key, _)| key).collect()
    }

    pub(super) fn break_writes(&self, broken: bool) {
        *self.shared.broken.lock().unwrap() = broken;
    }

    fn take(&mut self) -> Vec<LogRecord> {
        let records = self.shared.records.lock().unwrap();
        let unread = records[self.read..].to_vec();
        self.read = records.len();
        unread
    }
}

impl LogState {
    fn push(&self, entries: Vec<LogEntry>) {
        let mut records = self.records.lock().unwrap();
        for (key, value) in entries {
            let offset = records.len() as i64;
            records.push(LogRecord { offset, key, value });
        }
        drop(records);
        self.written.notify_waiters();
        self.written.notify_one();
    }
}

#[async_trait]
impl LogWriter for LogState {
    async fn append(&self, entries: Vec<LogEntry>) -> Result<()> {
        if *self.broken.lock().unwrap() {
            return Err(ConnectError::retriable("the log cannot be written"));
        }
        self.push(entries);
        Ok(())
    }
}

#[async_trait]
impl Log for TestLog {
    fn writer(&self) -> Arc<dyn LogWriter> {
        self.shared.clone()
    }

    async fn read_to_end(&mut self) -> Result<Vec<LogRecord>> {
        Ok(self.take())
    }

    async fn next(&mut self) -> Result<Vec<LogRecord>> {
        loop {
            let shared = self.shared.clone();
            let written = shared.written.notified();
            let records = self.take();
            if !records.is_empty() {
                return Ok(records);
            }
            written.await;
        }
    }
}

/// A connector that does what its configuration says: `start` and `tasks` may be `fail` or `panic`; `made` is how
/// many tasks it makes.
pub(super) struct TestConnector(&'static str);

static KEYS: LazyLock<ConfigDef> = LazyLock::new(ConfigDef::default);

fn behave(config: &Props, key: &str) -> Result<()> {
    match config.get(key).map(String::as_str) {
        Some("fail") => Err(ConnectError::fatal(format!("told to fail at {key}"))),
        Some("panic") => panic!("told to panic at {key}"),
        _ => Ok(()),
    }
}

#[async_trait]
impl Connector for TestConnector {
    fn class(&self) -> &'static str {
        self.0
    }

    fn task_class(&self) -> &'static str {
        "test.Task"
    }

    fn version(&self) -> &'static str {
        "7"
    }

    fn config_def(&self) -> &ConfigDef {
        &KEYS
    }

    fn start(&self, config: &Props) -> Result<()> {
        behave(config, "start")
    }

    fn task_configs(&self, config: &Props, max_tasks: usize) -> Result<Vec<Props>> {
        behave(config, "tasks")?;
        let count = config.get("made").map_or(max_tasks, |count| count.parse().unwrap());
        Ok(vec![config.clone(); count])
    }
}

impl SinkConnector for TestConnector {
    fn new_task(&self) -> Box<dyn SinkTask> {
        unreachable!("tasks of tests come from the spawner")
    }

    fn alter_offsets(&self, config: &Props, offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        behave(config, "alter")?;
        Ok(!offsets.is_empty())
    }
}

impl SourceConnector for TestConnector {
    fn new_task(&self) -> Box<dyn SourceTask> {
        unreachable!("tasks of tests come from the spawner")
    }

    fn alter_offsets(&self, config: &Props, _offsets: &[AlterableOffset]) -> Result<bool> {
        behave(config, "alter")?;
        Ok(false)
    }
}

fn failure(trace: &str, transient: bool) -> TaskStatus {
    TaskStatus { state: State::Failed, trace: Some(trace.into()), transient }
}

/// Starts tasks that do as they are told, unless their configuration says `task=fail`, `panic` or `hang`.
#[derive(Default)]
pub(super) struct TestTasks {
    pub(super) started: Mutex<Vec<TaskSpec>>,
    pub(super) live: Arc<AtomicUsize>,
    pub(super) most_live: AtomicUsize,
    statuses: Mutex<Vec<(String, watch::Sender<TaskStatus>)>>,
}

impl TestTasks {
    /// Names of all tasks that were started, in order.
    pub(super) fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().iter().map(|spec| spec.id.to_string()).collect()
    }

    /// The same, sorted: tasks that start together start in any order.
    pub(super) fn started_sorted(&self) -> Vec<String> {
        let mut started = self.started();
        started.sort();
        started
    }

    /// Lets a live task fail.
    pub(super) fn fail(&self, task: &str) {
        let mut statuses = self.statuses.lock().unwrap();
        let index = statuses.iter().rposition(|(name, _)| name == task).unwrap();
        let (_, status) = statuses.remove(index);
        status.send_replace(failure("it broke\n", true));
    }

    fn spawn(self: &Arc<Self>, spec: TaskSpec) -> TaskHandle {
        let behaviour = spec.task_config.get("task").cloned().unwrap_or_default();
        assert_ne!(behaviour, "panic", "told to panic");
        let (status, status_reader) = watch::channel(TaskStatus::of(State::Unassigned));
        let (control, orders) = watch::channel(Control::Target(spec.target));
        let id = spec.id.clone();
        self.started.lock().unwrap().push(spec);
        let live = self.live.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_live.fetch_max(live, Ordering::SeqCst);
        if behaviour == "fail" {
            status.send_replace(failure("told to fail\n", false));
            self.live.fetch_sub(1, Ordering::SeqCst);
        } else {
            self.statuses.lock().unwrap().push((id.to_string(), status.clone()));
            tokio::spawn(self.clone().obey(id.to_string(), status, orders, behaviour == "hang"));
        }
        TaskHandle { id, status: status_reader, control }
    }

    async fn obey(
        self: Arc<Self>,
        name: String,
        status: watch::Sender<TaskStatus>,
        mut orders: watch::Receiver<Control>,
        hangs: bool,
    ) {
        let said = status.subscribe();
        loop {
            let order = *orders.borrow_and_update();
            if said.borrow().state == State::Failed {
                break;
            }
            match order {
                Control::Target(TargetState::Paused) => {
                    status.send_replace(TaskStatus::of(State::Paused));
                }
                Control::Target(_) => {
                    status.send_replace(TaskStatus::of(State::Running));
                }
                Control::Stop { .. } if hangs => {}
                Control::Stop { .. } => break,
            }
            if orders.changed().await.is_err() {
                break;
            }
        }
        self.statuses.lock().unwrap().retain(|(known, _)| *known != name);
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Consumer groups in memory, which may refuse changes.
#[derive(Default)]
pub(super) struct TestGroups {
    pub(super) groups: Mutex<std::collections::BTreeMap<String, Positions>>,
    pub(super) refusal: Mutex<Option<ConnectError>>,
}

impl TestGroups {
    fn check(&self) -> Result<()> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl GroupOffsets for TestGroups {
    async fn committed(&self, group: &str, _overrides: &Props) -> Result<Positions> {
        Ok(self.groups.lock().unwrap().get(group).cloned().unwrap_or_default())
    }

    async fn commit(&self, group: &str, offsets: Positions, _overrides: &Props) -> Result<()> {
        self.check()?;
        self.groups.lock().unwrap().entry(group.to_owned()).or_default().extend(offsets);
        Ok(())
    }

    async fn remove(&self, group: &str, partitions: Vec<TopicPartition>, _overrides: &Props) -> Result<()> {
        self.check()?;
        if let Some(known) = self.groups.lock().unwrap().get_mut(group) {
            known.retain(|partition, _| !partitions.contains(partition));
        }
        Ok(())
    }

    async fn delete(&self, group: &str, _overrides: &Props) -> Result<()> {
        self.check()?;
        self.groups.lock().unwrap().remove(group);
        Ok(())
    }
}

type Levels = Arc<Mutex<Vec<(String, String)>>>;

/// A worker with everything that belongs to it.
pub(super) struct TestWorker {
    pub(super) herder: HerderHandle,
    pub(super) tasks: Arc<TestTasks>,
    pub(super) groups: Arc<TestGroups>,
    /// Loggers and the levels to which they were set.
    pub(super) levels: Levels,
    pub(super) configs: TestLog,
    pub(super) offsets: TestLog,
    pub(super) statuses: TestLog,
}

impl TestWorker {
    /// A distributed worker on empty logs.
    pub(super) async fn new() -> Self {
        Self::start(super::super::golden::worker(&[]), [TestLog::default(), TestLog::default(), TestLog::default()])
    }

    /// A standalone worker on empty logs.
    pub(super) async fn standalone() -> Self {
        let props = [
            ("bootstrap.servers", "localhost:9092"),
            ("offset.storage.file.filename", "/nonexistent"),
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ];
        let props: Props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let worker = WorkerConfig::standalone(props).unwrap();
        Self::start(worker, [TestLog::default(), TestLog::default(), TestLog::default()])
    }

    /// A worker on these logs: configs, offsets, statuses.
    pub(super) fn start(worker: WorkerConfig, logs: [TestLog; 3]) -> Self {
        let plugins = vec![
            Plugin::Sink(Arc::new(TestConnector("test.SinkConnector"))),
            Plugin::Source(Arc::new(TestConnector("test.SourceConnector"))),
        ];
        Self::with_plugins(worker, Plugins::new(plugins, Vec::new()), logs)
    }

    pub(super) fn with_plugins(
        worker: WorkerConfig,
        plugins: Plugins,
        [configs, offsets, statuses]: [TestLog; 3],
    ) -> Self {
        let tasks = Arc::new(TestTasks::default());
        let groups = Arc::new(TestGroups::default());
        let levels = Levels::default();
        let (spawner, heard) = (tasks.clone(), Arc::clone(&levels));
        let environment = Environment {
            worker: Arc::new(worker),
            plugins: Arc::new(plugins),
            spawner: Arc::new(move |spec: TaskSpec, _: &TaskServices| spawner.spawn(spec)),
            groups: groups.clone(),
            set_log_level: Arc::new(move |logger, level| {
                heard.lock().unwrap().push((logger.to_owned(), level.to_owned()));
            }),
            metrics: Arc::default(),
            cluster_id: Arc::default(),
        };
        let stores = Stores::from_logs(configs.again(), offsets.again(), statuses.again(), true);
        let (herder, _) = HerderHandle::start(environment, stores);
        Self { herder, tasks, groups, levels, configs, offsets, statuses }
    }

    /// The worker is gone, another one starts on its logs.
    pub(super) async fn restarted(self) -> Self {
        self.herder.shut_down().await;
        Self::start(super::super::golden::worker(&[]), [self.configs, self.offsets, self.statuses])
    }

    /// Creates a sink with these further settings.
    /// Waits until everything is taken over.
    pub(super) async fn is_ready(&self) {
        while !self.herder.health().await.ready {
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn create(&self, name: &str, more: &[(&str, &str)]) {
        self.try_create(name, more, None).await.unwrap();
    }

    pub(super) async fn try_create(
        &self,
        name: &str,
        more: &[(&str, &str)],
        initial_state: Option<TargetState>,
    ) -> Reply<crate::herder::ConnectorInfo> {
        let request = CreateRequest { name: name.to_owned(), config: sink(name, more), initial_state };
        self.herder.create(request).await
    }

    pub(super) async fn put(&self, name: &str, more: &[(&str, &str)]) -> Reply<Stored> {
        self.herder.put_config(name, sink(name, more)).await
    }

    /// The status in short: the connector's state, then those of its tasks.
    pub(super) async fn status(&self, name: &str) -> String {
        match self.herder.status(name).await {
            Ok(info) => {
                let tasks: Vec<String> = info.tasks.iter().map(|task| format!("{}:{}", task.id, task.state)).collect();
                format!("{} [{}]", info.connector.state, tasks.join(" "))
            }
            Err(error) => error.message,
        }
    }

    /// Waits until the status in short is this.
    pub(super) async fn wait(&self, name: &str, status: &str) {
        let reached = async {
            while self.status(name).await != status {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let limit = Duration::from_secs(20);
        if tokio::time::timeout(limit, reached).await.is_err() {
            panic!("{name} is {} and not {status}", self.status(name).await);
        }
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let limit = tokio::time::Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(tokio::time::Instant::now() < limit, "not reached: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub(super) fn sink(name: &str, more: &[(&str, &str)]) -> RequestConfig {
    let mut config = RequestConfig::new();
    let base = [("name", name), ("connector.class", "test.SinkConnector"), ("topics", "t")];
    for (key, value) in base.iter().chain(more) {
        config.insert((*key).to_owned(), Some((*value).to_owned()));
    }
    config
}

pub(super) fn message<T: std::fmt::Debug>(reply: Reply<T>) -> String {
    let HerderError { message, .. } = reply.unwrap_err();
    message
}
