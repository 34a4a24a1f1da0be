//! A worker process, and its REST API.
#![allow(dead_code, reason = "shared by several tests, of which each uses a part")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use longshore_test_servers::{free_port, unique};
use serde_json::{Value, json};

/// The converter of text.
pub(crate) const STRINGS: &str = "org.apache.kafka.connect.storage.StringConverter";
/// How long anything may take that a test waits for. Generous: what takes longer is broken, not slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A worker and what it needs to be started again.
pub(crate) struct Worker {
    pub name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    port: u16,
    child: Child,
    folder: PathBuf,
}

/// How a worker ended that could not start.
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub log: String,
}

/// An answer of the REST API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Worker {
    /// Starts a worker with topics of its own, configured as a Connect image would be, and waits until it is ready.
    pub(crate) fn start(bootstrap: &str) -> Self {
        Self::start_with(bootstrap, &[])
    }

    /// The same with further variables.
    pub(crate) fn start_with(bootstrap: &str, further: &[(&str, &str)]) -> Self {
        let mut worker = Self::spawn_distributed(bootstrap, further);
        worker.wait_until_ready();
        worker
    }

    /// Starts a worker that cannot run, and waits for its end.
    pub(crate) fn end_of(bootstrap: &str, further: &[(&str, &str)]) -> Ended {
        let mut worker = Self::spawn_distributed(bootstrap, further);
        let code = worker.wait_for_end();
        Ended { code, log: worker.log() }
    }

    fn spawn_distributed(bootstrap: &str, further: &[(&str, &str)]) -> Self {
        let (name, port) = (unique("worker"), free_port());
        let json = "org.apache.kafka.connect.json.JsonConverter";
        let mut environment: Vec<(String, String)> = [
            ("BOOTSTRAP_SERVERS", bootstrap),
            ("GROUP_ID", &name),
            ("CONFIG_STORAGE_TOPIC", &format!("{name}-configs")),
            ("OFFSET_STORAGE_TOPIC", &format!("{name}-offsets")),
            ("STATUS_STORAGE_TOPIC", &format!("{name}-status")),
            ("CONFIG_STORAGE_REPLICATION_FACTOR", "1"),
            ("OFFSET_STORAGE_REPLICATION_FACTOR", "1"),
            ("STATUS_STORAGE_REPLICATION_FACTOR", "1"),
            ("OFFSET_STORAGE_PARTITIONS", "3"),
            ("KEY_CONVERTER", STRINGS),
            ("VALUE_CONVERTER", json),
            ("VALUE_CONVERTER_SCHEMAS_ENABLE", "false"),
            ("OFFSET_FLUSH_INTERVAL_MS", "500"),
            ("LISTENERS", &format!("http://127.0.0.1:{port}")),
            ("REST_ADVERTISED_HOST_NAME", "127.0.0.1"),
        ]
        .into_iter()
        .map(|(key, value)| (format!("CONNECT_{key}"), value.to_owned()))
        .collect();
        environment.extend(further.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let folder = folder_for(&name);
        Self::spawn(name, port, folder, vec!["distributed".to_owned()], environment)
    }

    /// Starts a standalone worker with a properties file that holds these lines and where it is reached.
    pub(crate) fn standalone(bootstrap: &str, further: &str) -> Self {
        Self::standalone_with(bootstrap, further, &[])
    }

    /// The same with connector files: names and what they hold.
    pub(crate) fn standalone_with(bootstrap: &str, further: &str, connectors: &[(&str, String)]) -> Self {
        let (name, port) = (unique("worker"), free_port());
        let folder = folder_for(&name);
        let file = folder.join("worker.properties");
        let offsets = folder.join("offsets");
        let properties = format!(
            "bootstrap.servers={bootstrap}\nlisteners=http://127.0.0.1:{port}\n\
             offset.storage.file.filename={}\n{further}\n",
            offsets.display()
        );
        fs::write(&file, properties).unwrap();
        let mut arguments = vec!["standalone".to_owned(), file.to_string_lossy().into_owned()];
        for (name, text) in connectors {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            arguments.push(file.to_string_lossy().into_owned());
        }
        let mut worker = Self::spawn(name, port, folder, arguments, Vec::new());
        worker.wait_until_ready();
        worker
    }

    fn spawn(
        name: String,
        port: u16,
        folder: PathBuf,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
    ) -> Self {
        let child = spawn(&arguments, &environment, &folder);
        Self { name, arguments, environment, port, child, folder }
    }

    /// Ends the worker at once: `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the worker to end, as Ctrl-C or a container's stop does, and gives its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.wait_for_end()
    }

    fn wait_for_end(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the worker does not end:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again with the same configuration, and waits until it is ready.
    pub(crate) fn start_again(&mut self) {
        self.spawn_again();
        self.wait_until_ready();
    }

    /// Starts it again without waiting.
    pub(crate) fn spawn_again(&mut self) {
        self.child = spawn(&self.arguments, &self.environment, &self.folder);
    }

    /// All that the worker has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default()
    }

    /// A folder of this worker's own, for files that connectors read and write.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// The REST API's address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.try_request("GET", "/health", None).is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "the worker is not ready ({ended:?}):\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// A request without a body.
    pub(crate) fn request(&self, method: &str, path: &str) -> Answer {
        self.request_with(method, path, None)
    }

    /// A request with a JSON body.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request_with(method, path, Some(body))
    }

    fn request_with(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_request(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, ureq::Error> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build();
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url()));
        let request = request.header("Content-Type", "application/json");
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut answer = ureq::Agent::new_with_config(agent).run(request.body(text)?)?;
        let status = answer.status().as_u16();
        let body = serde_json::from_str(&answer.body_mut().read_to_string()?).unwrap_or(Value::Null);
        Ok(Answer { status, body })
    }

    /// The sum of the samples of a metric.
    pub(crate) fn sample(&self, metric: &str) -> f64 {
        let page = ureq::get(&format!("{}/metrics", self.url())).call().unwrap().body_mut().read_to_string().unwrap();
        let of_metric = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
        page.lines().filter(of_metric).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// The most memory that the process has had so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Creates a connector; it must be accepted. Its consumer group has a name that no other test uses.
    pub(crate) fn create(&self, name: &str, config: &Value) {
        let mut config = config.clone();
        if config.get("topics").or(config.get("topics.regex")).is_some() {
            config["consumer.override.group.id"] = json!(self.group(name));
        }
        let answer = self.send("POST", "/connectors", &json!({ "name": name, "config": config }));
        assert_eq!(answer.status, 201, "{}\n{}", answer.body, self.log());
    }

    /// The consumer group of a connector: workers of other tests have connectors of the same name.
    pub(crate) fn group(&self, connector: &str) -> String {
        format!("{}-{connector}", self.name)
    }

    /// A connector's status; null if it has none yet.
    pub(crate) fn status(&self, connector: &str) -> Value {
        self.request("GET", &format!("/connectors/{connector}/status")).body
    }

    /// Waits until the connector is in a state and has one task in a state.
    pub(crate) fn wait_for_state(&self, connector: &str, state: &str, task: &str) {
        let what = format!("{connector} {state} with task {task}");
        self.wait_until(&what, || {
            let status = self.status(connector);
            status["connector"]["state"] == state && status["tasks"][0]["state"] == task
        });
    }

    /// Waits until these topics and no others are known as a connector's. The status topic says so, which is written
    /// while the first records are on their way.
    pub(crate) fn wait_for_topics(&self, connector: &str, topics: &[&str]) {
        self.wait_until(&format!("{connector} to use {topics:?}"), || {
            self.request("GET", &format!("/connectors/{connector}/topics")).body[connector]["topics"] == json!(topics)
        });
    }

    /// Waits until something holds.
    pub(crate) fn wait_until(&self, what: &str, holds: impl FnMut() -> bool) {
        if !wait_for(holds) {
            panic!("{what}: waited in vain. The worker said:\n{}", self.log());
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until something holds; false if it does not in all the time there is.
pub(crate) fn wait_for(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if holds() {
            return true;
        }
        sleep(Duration::from_millis(50));
    }
    false
}

fn folder_for(worker: &str) -> PathBuf {
    let folder = std::env::temp_dir().join("longshore-tests").join(worker);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn spawn(arguments: &[String], environment: &[(String, String)], folder: &std::path::Path) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log.txt")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_longshore"))
        .args(arguments)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
