//! A worker of either side: a process, and its REST API.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use longshore_test_servers::{free_port, unique};
use serde::Serialize;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::options::Plan;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(120);

/// Whose worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Longshore,
    Connect,
}

impl Side {
    /// The name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Longshore => "Longshore",
            Self::Connect => "Kafka Connect",
        }
    }
}

/// What a worker must have beside the usual.
#[derive(Debug, Default)]
pub(crate) struct Equipment {
    /// Plugins of Kafka Connect's worker that do not come with the servers: folders of `LONGSHORE_BENCH_PLUGINS`.
    pub(crate) plugins: Vec<&'static str>,
    /// Properties of the worker, on either side.
    pub(crate) properties: &'static [(&'static str, &'static str)],
}

impl Equipment {
    fn properties(&self) -> String {
        self.properties.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }
}

/// A worker that was started for one measurement, in a group of its own. It ends with this value.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) side: Side,
    child: Child,
    url: String,
    folder: PathBuf,
    agent: ureq::Agent,
    /// From the start of the process until the REST API answered anything.
    pub(crate) answer_time: Duration,
    /// From the start of the process until the worker was ready.
    pub(crate) start_time: Duration,
    /// What the process used until then.
    pub(crate) start_cpu_seconds: f64,
    /// The most resident bytes until then.
    pub(crate) start_peak_bytes: u64,
}

impl Worker {
    /// Starts a worker and waits until it is ready.
    pub(crate) fn start(lab: &Lab, plan: &Plan, side: Side, equipment: &Equipment) -> Result<Self> {
        let (name, port) = (unique("worker"), free_port());
        let folder = lab.folder().join(&name);
        fs::create_dir_all(&folder)?;
        let mut command = match side {
            Side::Longshore => longshore(lab, plan, &name, port, &folder, equipment)?,
            Side::Connect => connect(lab, plan, &name, port, &folder, equipment)?,
        };
        let log = File::create(folder.join("log.txt"))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", side.name()))?;
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let url = format!("http://127.0.0.1:{port}");
        let agent = ureq::Agent::new_with_config(agent);
        let (answer_time, start_time) = (Duration::ZERO, Duration::ZERO);
        let (start_cpu_seconds, start_peak_bytes) = (0.0, 0);
        let mut worker =
            Self { side, child, url, folder, agent, answer_time, start_time, start_cpu_seconds, start_peak_bytes };
        worker.wait_until_ready(started)?;
        worker.start_time = started.elapsed();
        worker.start_cpu_seconds = worker.process().cpu_seconds()?;
        worker.start_peak_bytes = worker.process().memory()?.peak;
        worker.process().forget_peak()?;
        Ok(worker)
    }

    /// A worker is ready when `GET /health` says so (KIP-1017), which it does on either side: it has read its topics and
    /// takes requests. Until then it answers 503 or, as a Java worker at first, not at all.
    fn wait_until_ready(&mut self, started: Instant) -> Result<()> {
        loop {
            if let Ok((status, _)) = self.request("GET", "/health", None) {
                if self.answer_time.is_zero() {
                    self.answer_time = started.elapsed();
                }
                if status == 200 {
                    return Ok(());
                }
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                bail!("the worker is not ready ({ended:?}):\n{}", self.last_words());
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// The worker's process.
    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Creates a connector. A worker whose group is still forming answers 409, and is asked again, as its users do.
    pub(crate) fn create(&self, name: &str, config: &Value) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let body = json!({ "name": name, "config": config });
        loop {
            match self.request("POST", "/connectors", Some(&body))? {
                (201, _) => return Ok(()),
                (409, _) if Instant::now() < end => sleep(Duration::from_millis(2)),
                (status, answer) => bail!("{name} is refused, {status} {answer}:\n{}", self.last_words()),
            }
        }
    }

    /// Deletes a connector and waits until it is gone.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        let path = format!("/connectors/{name}");
        self.wait_until(&format!("{name} can be deleted"), || {
            Ok(matches!(self.request("DELETE", &path, None)?, (204 | 404, _)))
        })?;
        let status = format!("{path}/status");
        self.wait_until(&format!("{name} is gone"), || Ok(self.request("GET", &status, None)?.0 == 404))
    }

    /// Waits until so many tasks are running.
    pub(crate) fn wait_for_tasks(&self, count: usize) -> Result<()> {
        self.wait_until(&format!("{count} tasks are running"), || {
            let (status, connectors) = self.request("GET", "/connectors?expand=status", None)?;
            let running = |connector: &Value| connector.pointer("/status/tasks/0/state") == Some(&json!("RUNNING"));
            let running = connectors.as_object().map_or(0, |map| map.values().filter(|one| running(one)).count());
            Ok(status == 200 && running == count)
        })
    }

    fn wait_until(&self, what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !holds()? {
            ensure!(Instant::now() < end, "waited in vain until {what}:\n{}", self.last_words());
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header("Content-Type", "application/json");
        let mut answer = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// The end of the worker's log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read(self.folder.join("log.txt")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as good.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

/// Longshore, with the properties that `connect-run.sh` writes for Kafka Connect.
fn longshore(lab: &Lab, plan: &Plan, name: &str, port: u16, folder: &Path, equipment: &Equipment) -> Result<Command> {
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let properties = format!(
        "bootstrap.servers={bootstrap}\ngroup.id={name}\n\
         key.converter={json}\nvalue.converter={json}\n\
         key.converter.schemas.enable=false\nvalue.converter.schemas.enable=false\n\
         config.storage.topic={name}-configs\nconfig.storage.replication.factor=1\n\
         offset.storage.topic={name}-offsets\noffset.storage.replication.factor=1\n\
         status.storage.topic={name}-status\nstatus.storage.replication.factor=1\n\
         listeners=http://127.0.0.1:{port}\n\
         rest.advertised.host.name=127.0.0.1\nrest.advertised.port={port}\n{more}",
        bootstrap = lab.bootstrap(),
        more = equipment.properties(),
    );
    let file = folder.join("worker.properties");
    fs::write(&file, properties)?;
    // setpriv becomes the worker, which then ends with this process even if that is killed.
    let mut command = Command::new("setpriv");
    let _command = command.args(["--pdeathsig", "KILL", "--"]).arg(plan.binary()).arg("distributed").arg(file);
    Ok(command)
}

fn connect(lab: &Lab, plan: &Plan, name: &str, port: u16, folder: &Path, equipment: &Equipment) -> Result<Command> {
    let properties = folder.join("more.properties");
    fs::write(&properties, equipment.properties())?;
    let mut command = Command::new(scripts().join("connect-run.sh"));
    let _command = command
        .env("PORT", port.to_string())
        .env("BOOTSTRAP", lab.bootstrap())
        .env("GROUP_ID", name)
        .env("TOPIC_PREFIX", name)
        .env("DATA", folder)
        .env("CONNECT_PROPS", properties)
        .env("PLUGIN_PATH", plugin_path(plan, folder, equipment)?)
        .env("OWNER_PID", std::process::id().to_string());
    Ok(command)
}

/// The file and MongoDB connectors, and only those others that are needed: each makes the start longer.
fn plugin_path(plan: &Plan, folder: &Path, equipment: &Equipment) -> Result<String> {
    let installed = installed_plugins().display().to_string();
    let (Some(plugins), false) = (&plan.connect_plugins, equipment.plugins.is_empty()) else { return Ok(installed) };
    let links = folder.join("plugins");
    fs::create_dir_all(&links)?;
    for plugin in &equipment.plugins {
        symlink(fs::canonicalize(plugins.join(plugin))?, links.join(plugin))?;
    }
    Ok(format!("{installed},{}", links.display()))
}

/// The plugins that `install.sh connect` installs.
pub(crate) fn installed_plugins() -> PathBuf {
    let question = ". ./lib.sh && printf %s \"$SERVERS/kafka/plugins\"";
    let asked = Command::new("bash").args(["-c", question]).current_dir(scripts()).output();
    PathBuf::from(asked.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default())
}

/// Whether Kafka Connect and its connectors are there.
pub(crate) fn connect_is_installed() -> bool {
    let question = ". ./lib.sh && complete connect";
    let asked = Command::new("bash").args(["-c", question]).current_dir(scripts()).status();
    asked.is_ok_and(|answer| answer.success())
}

/// The project's folder, wherever it is by now: cargo names it to what it runs. Run without cargo, it is the folder at
/// hand.
pub(crate) fn project() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Where the servers' scripts are.
pub(crate) fn scripts() -> PathBuf {
    project().join("tests/servers")
}
