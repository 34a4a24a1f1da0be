//! A worker inside the test, with a sink that does as it is told, on a real broker.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use longshore::config::rest::RestTls;
use longshore::config::{Listener, Mode, WorkerConfig};
use longshore::groups::SinkGroups;
use longshore::herder::{CreateRequest, Environment, Herder, HerderHandle, StateInfo};
use longshore::metrics::{ConnectorState, Metrics, Snapshot};
use longshore::plugins::Plugins;
use longshore::rest::{self, Api, Bound, Level, Limits, LogLevels};
use longshore::store::Stores;
use longshore::task::{self, TaskServices, TaskSpec};
use longshore_api::{
    Batch, ConfigDef, Connector, FlushOutcome, Plugin, Positions, Props, PutOutcome, Result, SinkConnector, SinkTask,
    TaskContext, TopicPartition,
};
use longshore_test_servers::{kafka, unique};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use tokio_util::sync::CancellationToken;

/// How long anything may take that a test waits for. Generous: what takes longer is broken, not slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const CLASS: &str = "test.ObedientSinkConnector";

/// What all tasks of the test's sink have in common.
#[derive(Default)]
pub(crate) struct Told {
    /// How often each offset of each partition was taken.
    taken: Mutex<BTreeMap<(i32, i64), usize>>,
    /// The next put of a record holds its thread until this is lifted.
    pub(crate) hold: AtomicBool,
    /// How many puts hold their threads.
    pub(crate) held: AtomicUsize,
    lifted: Mutex<bool>,
    lift: Condvar,
}

impl Told {
    /// Holds the thread, as a call into a system that does not answer would.
    fn hold_thread(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
        let mut lifted = self.lifted.lock().unwrap();
        while !*lifted {
            lifted = self.lift.wait(lifted).unwrap();
        }
        drop(lifted);
        self.held.fetch_sub(1, Ordering::SeqCst);
    }

    /// Lets go of every thread that is held.
    pub(crate) fn let_go(&self) {
        *self.lifted.lock().unwrap() = true;
        self.lift.notify_all();
    }

    /// How many different records were taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    /// Records that were taken more than once.
    pub(crate) fn repeated(&self) -> Vec<(i32, i64)> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|(_, times)| **times > 1).map(|(place, _)| *place).collect()
    }
}

/// Takes every record. One whose value is `panic` makes it panic, and one that reads `hold` holds its thread.
struct ObedientSink(Arc<Told>);

static NO_KEYS: LazyLock<ConfigDef> = LazyLock::new(ConfigDef::default);

impl Connector for ObedientSink {
    fn class(&self) -> &'static str {
        CLASS
    }

    fn task_class(&self) -> &'static str {
        "test.ObedientSinkTask"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn config_def(&self) -> &ConfigDef {
        &NO_KEYS
    }
}

impl SinkConnector for ObedientSink {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(ObedientTask(Arc::clone(&self.0)))
    }
}

struct ObedientTask(Arc<Told>);

#[async_trait]
impl SinkTask for ObedientTask {
    async fn start(&mut self, _context: TaskContext, _config: &Props) -> Result<()> {
        Ok(())
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        if batch.len() > from && self.0.hold.swap(false, Ordering::SeqCst) {
            self.0.hold_thread();
        }
        for record in batch.records().skip(from) {
            let row = record.row();
            let value = row.value.map(|span| batch.bytes(span));
            assert_ne!(value, Some(&b"panic"[..]), "told to panic");
            if value == Some(b"hold") {
                self.0.hold_thread();
            }
            *self.0.taken.lock().unwrap().entry((row.partition, row.offset)).or_default() += 1;
        }
        Ok(PutOutcome::all(batch.len() - from))
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        Ok(FlushOutcome::all(taken))
    }

    async fn close(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }
}

/// The worker.
pub(crate) struct Running {
    pub(crate) herder: HerderHandle,
    pub(crate) told: Arc<Told>,
    metrics: Arc<Metrics>,
    worker: Arc<WorkerConfig>,
}

impl Running {
    /// Starts a worker whose state is kept in memory.
    pub(crate) fn start() -> Self {
        let props = [
            ("bootstrap.servers", kafka()),
            ("offset.storage.file.filename", "/dev/null"),
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("offset.flush.interval.ms", "100"),
            ("task.shutdown.graceful.timeout.ms", "1000"),
            ("task.stuck.threshold.ms", "200"),
        ];
        let props: Props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let worker = Arc::new(WorkerConfig::load(Mode::Standalone, props, []).unwrap());
        let (told, metrics) = (Arc::new(Told::default()), Arc::<Metrics>::default());
        let environment = Environment {
            plugins: Arc::new(Plugins::builtin().with(Plugin::Sink(Arc::new(ObedientSink(Arc::clone(&told)))))),
            spawner: Arc::new(|spec: TaskSpec, services: &TaskServices| task::spawn(spec, services.clone())),
            groups: Arc::new(SinkGroups::new(Arc::clone(&worker))),
            set_log_level: Arc::new(|_, _| {}),
            metrics: Arc::clone(&metrics),
            cluster_id: Arc::default(),
            worker: Arc::clone(&worker),
        };
        let (herder, _) = HerderHandle::start(environment, Stores::open_memory());
        Self { herder, told, metrics, worker }
    }

    /// Serves the REST API on the worker's own threads; gives its URL.
    pub(crate) async fn serve(&self) -> String {
        let listener = Listener { scheme: "http".to_owned(), host: "127.0.0.1".to_owned(), port: 0 };
        let bound = Bound::open(&[listener], &RestTls::default()).await.unwrap();
        let url = format!("http://{}", bound.addresses()[0]);
        let api = Api {
            herder: Arc::new(self.herder.clone()),
            loggers: Arc::new(LogLevels::new(Level::Info, |_| {})),
            metrics: Arc::clone(&self.metrics),
            worker_id: Arc::clone(&self.worker.worker_id),
            mode: self.worker.mode,
            settings: Arc::new(self.worker.rest.clone()),
            credentials: None,
            limits: Limits::default(),
        };
        tokio::spawn(bound.serve(rest::router(api), Limits::default(), CancellationToken::new()));
        url
    }

    /// The value of a sample of the worker's own.
    pub(crate) fn worker_sample(&self, name: &str) -> f64 {
        let page = self.metrics.page(&Snapshot::default());
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
    }

    /// Creates a sink that reads a topic in a group of its own; gives the group.
    pub(crate) async fn create(&self, name: &str, topic: &str, tasks: usize) -> String {
        self.create_with(name, topic, tasks, &[]).await
    }

    /// The same with further settings.
    pub(crate) async fn create_with(&self, name: &str, topic: &str, tasks: usize, further: &[(&str, &str)]) -> String {
        let (group, tasks) = (unique("group"), tasks.to_string());
        let config = [
            ("name", name),
            ("connector.class", CLASS),
            ("topics", topic),
            ("tasks.max", &tasks),
            ("consumer.override.group.id", &group),
            ("consumer.override.max.poll.records", "100"),
        ];
        let config =
            config.iter().chain(further).map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
        let request = CreateRequest { name: name.to_owned(), config, initial_state: None };
        self.herder.create(request).await.unwrap();
        group
    }

    /// The sum of what the tasks of a sink have counted under a name.
    pub(crate) fn counted(&self, connector: &str, tasks: u32, name: &str) -> f64 {
        let page = self.page(connector, tasks);
        let samples = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// The page of metrics with a sink's tasks.
    pub(crate) fn page(&self, connector: &str, tasks: u32) -> String {
        let tasks = (0..tasks).map(|task| (task, "RUNNING")).collect();
        let state = ConnectorState { kind: "sink", tasks, ..ConnectorState::default() };
        let connectors = [(connector.to_owned(), state)].into();
        self.metrics.page(&Snapshot { connectors, ..Snapshot::default() })
    }

    pub(crate) async fn status(&self, name: &str) -> StateInfo {
        self.herder.status(name).await.unwrap()
    }

    /// Waits until a connector's tasks are in these states.
    pub(crate) async fn wait_for_tasks(&self, name: &str, states: &[&str]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.status(name).await;
            if status.tasks.iter().map(|task| task.state).eq(states.iter().copied()) {
                return;
            }
            assert!(Instant::now() < end, "{name} should be {states:?}: {status:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A topic of the test's own.
pub(crate) async fn topic(partitions: i32) -> String {
    let name = unique("running");
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", kafka()).create().unwrap();
    let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let created = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
    assert!(created.iter().all(std::result::Result::is_ok), "{created:?}");
    name
}

/// Writes to the broker.
pub(crate) struct Writer(ThreadedProducer<rdkafka::producer::DefaultProducerContext>);

impl Writer {
    pub(crate) fn new() -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka()).set("enable.idempotence", "true").set("linger.ms", "2");
        Self(config.create().unwrap())
    }

    /// Sends a record; waits while the queue is full.
    pub(crate) fn send(&self, topic: &str, partition: i32, value: &str) {
        let mut record = BaseRecord::<str, str>::to(topic).partition(partition).payload(value);
        while let Err((_full, again)) = self.0.send(record) {
            record = again;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the broker has everything.
    pub(crate) fn flush(&self) {
        self.0.flush(PATIENCE).unwrap();
    }
}
