//! What is to be measured.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use crate::pipeline::{PIPELINES, Pipeline};
use crate::topic::OBJECTS_A_PARTITION;
use crate::worker::{self, Side};

/// The plugins of Kafka Connect that are not installed with the servers: folders of `LONGSHORE_BENCH_PLUGINS`, with
/// what each must hold.
pub(crate) const PLUGINS: [(&str, &str); 3] = [
    ("avro", "io.apicurio:apicurio-registry-utils-converter 2.6 and what it needs"),
    ("clickhouse", "com.clickhouse.kafka.connect.ClickHouseSinkConnector and what it needs"),
    ("s3", "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector and what it needs"),
];

/// Measures a worker from start to end, on real servers of its own.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench end_to_end --")]
pub(crate) struct Options {
    /// Workers to measure, in turns; Kafka Connect only if `tests/servers/install.sh connect` has installed it.
    #[arg(long, value_enum, value_delimiter = ',')]
    sides: Vec<Side>,
    /// Pipelines to measure [default: all, quick: file-string and mongodb-json].
    #[arg(long, value_delimiter = ',', value_parser = pipelines())]
    pipelines: Vec<&'static Pipeline>,
    /// Records that each pipeline carries [default: 1000000 to a file, 200000 or 240000 elsewhere, quick: a tenth].
    #[arg(long)]
    records: Option<u64>,
    /// Partitions of the topics; one task reads them all.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=64))]
    partitions: i32,
    /// How often each pipeline is measured on each side [default: 3, quick: 1].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,
    /// File sinks of the idle worker [default: 100, quick: 5].
    #[arg(long)]
    idle_sinks: Option<u32>,
    /// How long an idle worker is watched, in seconds [default: 10, quick: 2, only idle: 60].
    #[arg(long)]
    idle_seconds: Option<u64>,
    /// Only what a worker takes that has nothing to do, a minute after its last request.
    #[arg(long, conflicts_with_all = ["quick", "pipelines"])]
    only_idle: bool,
    /// A folder of plugins for Kafka Connect that are not installed with the servers: `avro`, `clickhouse`, `s3`.
    /// What needs one that is not there is measured on Longshore alone.
    #[arg(long, value_name = "DIR", env = "LONGSHORE_BENCH_PLUGINS")]
    connect_plugins: Option<PathBuf>,
    /// Less of everything: shows that the benchmark works, its figures mean little.
    #[arg(long)]
    quick: bool,
    /// Writes benches/results/NAME.json and NAME.md.
    #[arg(long, value_name = "NAME", value_parser = plain_name)]
    save: Option<String>,
    /// What a reader of the saved figures should know, such as what else the machine was doing.
    #[arg(long, default_value = "")]
    note: String,
    /// The worker to measure, instead of the one that cargo has just built.
    #[arg(long, env = "LONGSHORE_BIN")]
    binary: Option<PathBuf>,
    /// Cargo says this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn pipelines() -> impl TypedValueParser<Value = &'static Pipeline> {
    let names = PossibleValuesParser::new(PIPELINES.iter().map(|pipeline| pipeline.name));
    names.try_map(|name| Pipeline::named(&name).ok_or("no such pipeline"))
}

fn plain_name(text: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if text.is_empty() || text.starts_with('.') || !text.chars().all(plain) {
        return Err("a file name of letters, digits, '-', '_' and '.' is wanted".to_owned());
    }
    Ok(text.to_owned())
}

/// What is to be measured, with every default filled in.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) sides: Vec<Side>,
    pub(crate) pipelines: Vec<&'static Pipeline>,
    records: Option<u64>,
    quick: bool,
    pub(crate) partitions: i32,
    pub(crate) runs: u32,
    pub(crate) idle_sinks: u32,
    /// For how long an idle worker is watched.
    pub(crate) idle_time: Duration,
    /// How long a worker is left alone before its memory counts as idle.
    pub(crate) settle_time: Duration,
    #[serde(skip)]
    pub(crate) save: Option<String>,
    pub(crate) note: String,
    #[serde(skip)]
    pub(crate) connect_plugins: Option<PathBuf>,
    /// The worker to measure; `None` for the one that was built with the benchmark.
    #[serde(skip)]
    pub(crate) binary: Option<PathBuf>,
}

impl From<Options> for Plan {
    fn from(options: Options) -> Self {
        let quick = options.quick;
        let mut sides = options.sides;
        if sides.is_empty() {
            sides.push(Side::Longshore);
            sides.extend(worker::connect_is_installed().then_some(Side::Connect));
        }
        let only_idle = options.only_idle;
        let mut pipelines = options.pipelines;
        if pipelines.is_empty() && !only_idle {
            let wanted = |pipeline: &&Pipeline| !quick || ["file-string", "mongodb-json"].contains(&pipeline.name);
            pipelines.extend(PIPELINES.iter().filter(wanted));
        }
        let [settle_time, idle_time] = match (only_idle, quick) {
            (true, _) => [60, 60],
            (_, true) => [1, 2],
            _ => [2, 10],
        }
        .map(Duration::from_secs);
        Self {
            sides,
            pipelines,
            records: options.records,
            quick,
            partitions: options.partitions,
            runs: options.runs.unwrap_or(if quick { 1 } else { 3 }),
            idle_sinks: options.idle_sinks.unwrap_or(if quick { 5 } else { 100 }),
            idle_time: options.idle_seconds.map_or(idle_time, Duration::from_secs),
            settle_time,
            save: options.save,
            note: options.note,
            connect_plugins: options.connect_plugins,
            binary: options.binary,
        }
    }
}

impl Plan {
    /// The sides of a pipeline's run: the first comes twice, around the others. Its two figures show how far apart two
    /// measurements of the same thing are, and what drifts while a run lasts falls on both sides of the comparison.
    pub(crate) fn sides_in_order(&self, pipeline: &Pipeline) -> Vec<Side> {
        let can = |side: &&Side| **side != Side::Connect || self.alone(pipeline).is_none();
        self.sides.iter().filter(can).chain(self.sides.first()).copied().collect()
    }

    /// Why Kafka Connect cannot take part in a pipeline; `None` if it can.
    pub(crate) fn alone(&self, pipeline: &Pipeline) -> Option<String> {
        let there = |name: &str| self.connect_plugins.as_ref().is_some_and(|folder| folder.join(name).is_dir());
        let needed = pipeline.equipment().plugins;
        let (name, what) = PLUGINS.iter().find(|(name, _)| needed.contains(name) && !there(name))?;
        Some(format!("Kafka Connect takes no part: LONGSHORE_BENCH_PLUGINS has no folder `{name}` ({what})"))
    }

    /// The worker's file.
    pub(crate) fn binary(&self) -> &Path {
        self.binary.as_deref().unwrap_or(Path::new(env!("CARGO_BIN_EXE_longshore")))
    }

    /// How many records a pipeline carries: as many in each partition, in objects of one size.
    pub(crate) fn records(&self, pipeline: &Pipeline) -> u64 {
        let wanted = self.records.unwrap_or(if self.quick { pipeline.records / 10 } else { pipeline.records });
        let step = u64::from(self.partitions.unsigned_abs()) * OBJECTS_A_PARTITION;
        (wanted / step).max(1) * step
    }
}
