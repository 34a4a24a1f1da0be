//! Where and with what the figures were taken.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;
use bson::doc;
use serde::Serialize;

use crate::lab::Lab;
use crate::options::Plan;
use crate::worker::{project, scripts};

/// The machine and the versions of everything that took part.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    pub(crate) longshore: String,
    pub(crate) servers: String,
}

impl Machine {
    /// Asks the kernel, git and the servers. What does not answer is left empty.
    pub(crate) fn describe(lab: &Lab, plan: &Plan) -> Result<Self> {
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            cpu: line_of("/proc/cpuinfo", "model name").unwrap_or_default(),
            cpus: cpus(),
            memory_bytes: memory_bytes(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            longshore: longshore(plan),
            servers: servers(lab)?,
        })
    }
}

/// The CPUs that this process may use.
pub(crate) fn cpus() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

fn memory_bytes() -> u64 {
    let line = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).map_or(0, |kib: u64| kib * 1024)
}

fn line_of(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A binary that was named is not the one that was built with this benchmark: of that one only the version is known.
fn longshore(plan: &Plan) -> String {
    if let Some(binary) = &plan.binary {
        let version = output(Command::new(binary).arg("--version"));
        return format!("of another build ({})", version.trim_start_matches("longshore").trim());
    }
    let commit = output(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(project()));
    let profile = if cfg!(debug_assertions) { "dev profile: the figures say nothing" } else { "release profile" };
    format!("{} ({commit}, {profile})", env!("CARGO_PKG_VERSION"))
}

fn servers(lab: &Lab) -> Result<String> {
    let build = doc! { "buildInfo": 1 };
    let client = lab.runtime().block_on(mongodb::Client::with_uri_str(lab.mongodb()))?;
    let build = lab.runtime().block_on(async { client.database("admin").run_command(build).await })?;
    let list = ". ./lib.sh && cd \"$SERVERS/kafka\" && ls libs plugins/*";
    let jars = output(Command::new("bash").args(["-c", list]).current_dir(scripts()));
    let wanted = ["kafka_", "connect-runtime-", "connect-file-", "mongo-kafka-connect-"];
    let jars = jars.lines().filter(|jar| wanted.iter().any(|start| jar.starts_with(start)));
    let mut servers: Vec<&str> = jars.map(|jar| jar.trim_end_matches(".jar")).collect();
    let mongod = format!("mongod {}", build.get_str("version").unwrap_or_default());
    servers.push(&mongod);
    let java = output(Command::new("java").arg("--version"));
    servers.extend(java.lines().next());
    Ok(servers.join(", "))
}

fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_default()
}
