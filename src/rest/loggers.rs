//! Levels of the log by logger name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Name of the logger that all others inherit from.
const ROOT: &str = "root";

/// Loggers by Java's names, and the parts of this program that do their work. A name that is not here is taken as the
/// name of a module, `longshore::herder`.
const JAVA_LOGGERS: [(&str, &[&str]); 17] = [
    ("org.apache.kafka", &["longshore", "rdkafka", "librdkafka"]),
    ("org.apache.kafka.clients", &["longshore::kafka", "rdkafka", "librdkafka"]),
    ("org.apache.kafka.connect", &["longshore"]),
    ("org.apache.kafka.connect.file", &["longshore_file"]),
    ("org.apache.kafka.connect.json", &["longshore_formats"]),
    ("org.apache.kafka.connect.runtime", &["longshore::herder", "longshore::task"]),
    ("org.apache.kafka.connect.runtime.AbstractHerder", &["longshore::herder"]),
    ("org.apache.kafka.connect.runtime.Worker", &["longshore::herder"]),
    ("org.apache.kafka.connect.runtime.WorkerSinkTask", &["longshore::task"]),
    ("org.apache.kafka.connect.runtime.WorkerSourceTask", &["longshore::task"]),
    ("org.apache.kafka.connect.runtime.distributed", &["longshore::herder", "longshore::cluster"]),
    ("org.apache.kafka.connect.runtime.errors", &["longshore::task"]),
    ("org.apache.kafka.connect.runtime.rest", &["longshore::rest"]),
    ("org.apache.kafka.connect.runtime.standalone", &["longshore::herder"]),
    ("org.apache.kafka.connect.storage", &["longshore::store"]),
    ("org.apache.kafka.connect.transforms", &["longshore_transforms"]),
    ("com.mongodb.kafka.connect", &["longshore_mongodb", "mongodb"]),
];

/// A level, by log4j's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Level {
    Off,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    All,
}

impl Level {
    /// The level of a name, whatever its case and the space around it.
    pub fn parse(name: &str) -> Option<Self> {
        use Level::{All, Debug, Error, Fatal, Info, Off, Trace, Warn};
        let names = [
            ("OFF", Off),
            ("FATAL", Fatal),
            ("ERROR", Error),
            ("WARN", Warn),
            ("INFO", Info),
            ("DEBUG", Debug),
            ("TRACE", Trace),
            ("ALL", All),
        ];
        names.into_iter().find(|(its_name, _)| its_name.eq_ignore_ascii_case(name.trim())).map(|(_, level)| level)
    }

    fn filter(self) -> LevelFilter {
        match self {
            Level::Off => LevelFilter::OFF,
            Level::Fatal | Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace | Level::All => LevelFilter::TRACE,
        }
    }
}

/// A logger's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoggerLevel {
    /// The level.
    pub level: Level,
    /// When it was changed through the API, in ms since the epoch.
    pub last_modified: Option<i64>,
}

/// The levels of the log, as the REST API shows and changes them.
pub trait Loggers: Send + Sync {
    /// Loggers that have a level of their own, and `root`.
    fn list(&self) -> BTreeMap<String, LoggerLevel>;

    /// A logger's level; `None` if nobody has set one.
    fn level(&self, logger: &str) -> Option<LoggerLevel>;

    /// Sets the level of a logger and of all whose names begin with its name. Gives the names of those whose level it
    /// changed.
    fn set(&self, logger: &str, level: Level) -> Vec<String>;
}

/// Levels of a `tracing` filter.
pub struct LogLevels {
    levels: Mutex<BTreeMap<String, LoggerLevel>>,
    apply: Box<dyn Fn(Targets) + Send + Sync>,
}

impl LogLevels {
    /// Levels that begin with the root's, and what makes a change real: `reload` of the filter's handle.
    pub fn new(root: Level, apply: impl Fn(Targets) + Send + Sync + 'static) -> Self {
        let levels = BTreeMap::from([(ROOT.to_owned(), LoggerLevel { level: root, last_modified: None })]);
        let this = Self { levels: Mutex::new(levels), apply: Box::new(apply) };
        (this.apply)(targets(&this.lock()));
        this
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, LoggerLevel>> {
        // A map of levels is whole after each step, so a panic elsewhere cannot have broken it.
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loggers for LogLevels {
    fn list(&self) -> BTreeMap<String, LoggerLevel> {
        self.lock().clone()
    }

    fn level(&self, logger: &str) -> Option<LoggerLevel> {
        self.lock().get(canonical(logger)).copied()
    }

    fn set(&self, logger: &str, level: Level) -> Vec<String> {
        let logger = canonical(logger);
        let mut levels = self.lock();
        let mut names: Vec<String> =
            levels.keys().filter(|name| logger == ROOT || name.starts_with(logger)).cloned().collect();
        if !levels.contains_key(logger) {
            names.push(logger.to_owned());
        }
        names.retain(|name| effective(&levels, name) != Some(level));
        names.sort();
        let last_modified = Some(jiff::Timestamp::now().as_millisecond());
        levels.extend(names.iter().map(|name| (name.clone(), LoggerLevel { level, last_modified })));
        (self.apply)(targets(&levels));
        names
    }
}

fn canonical(logger: &str) -> &str {
    if logger.eq_ignore_ascii_case(ROOT) { ROOT } else { logger }
}

/// The level of the logger or of the nearest above it.
fn effective(levels: &BTreeMap<String, LoggerLevel>, logger: &str) -> Option<Level> {
    let mut name = logger;
    loop {
        if let Some(found) = levels.get(name) {
            return Some(found.level);
        }
        match name.rsplit_once(['.', ':']) {
            Some((above, _)) => name = above,
            None => return levels.get(ROOT).map(|root| root.level),
        }
    }
}

/// The filter; names are in order, so that of two loggers for one target the more precise one counts.
fn targets(levels: &BTreeMap<String, LoggerLevel>) -> Targets {
    let mut targets = Targets::new();
    for (name, LoggerLevel { level, .. }) in levels {
        let java = JAVA_LOGGERS.iter().find(|(its_name, _)| its_name == name);
        targets = match java {
            _ if name == ROOT => targets.with_default(level.filter()),
            Some((_, parts)) => targets.with_targets(parts.iter().map(|part| (*part, level.filter()))),
            None => targets.with_target(name.clone(), level.filter()),
        };
    }
    targets
}

#[cfg(test)]
mod tests;
