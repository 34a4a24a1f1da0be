//! Where and with what the figures were taken.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;
use serde::Serialize;

use crate::lab::Lab;
use crate::options::{PLUGINS, Plan};
use crate::worker::{installed_plugins, project};

/// The files that tell the versions on Kafka Connect's side.
const JARS: [&str; 7] = [
    "kafka_",
    "connect-runtime-",
    "connect-file-",
    "mongo-kafka-connect-",
    "clickhouse-kafka-connect-",
    "s3-sink-connector-",
    "apicurio-registry-utils-converter-",
];

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
            servers: servers(lab, plan)?,
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

fn servers(lab: &Lab, plan: &Plan) -> Result<String> {
    let installed = installed_plugins();
    let folders = [installed.with_file_name("libs"), installed.join("file"), installed.join("mongodb")];
    let more = plan.connect_plugins.iter().flat_map(|plugins| PLUGINS.map(|(name, _)| plugins.join(name)));
    let files = folders.into_iter().chain(more).filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut servers: Vec<String> = names
        .filter(|name| JARS.iter().any(|start| name.starts_with(start)))
        .map(|name| name.trim_end_matches(".jar").to_owned())
        .collect();
    servers.sort_unstable();
    servers.extend(lab.versions()?);
    servers.extend(output(Command::new("java").arg("--version")).lines().next().map(str::to_owned));
    Ok(servers.join(", "))
}

fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_default()
}
