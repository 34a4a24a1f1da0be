//! A connector's configuration, as far as it is the worker's: what every connector has.
//!
//! The table of the keys is [`connector_keys`].

use std::fmt;
use std::time::Duration;

use longshore_api::config::{ConfigDef, ParsedConfig, invalid_value};
use longshore_api::{ConnectError, Plugin, Props, Result};
use regex::Regex;

use super::worker::with_prefix;
use super::{MemoryLimit, PluginConfig, TopicCreation, WorkerConfig, connector_keys, restart};

/// Whether a connector reads from Kafka or writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConnectorKind {
    Sink,
    Source,
}

impl From<&Plugin> for ConnectorKind {
    fn from(plugin: &Plugin) -> Self {
        match plugin {
            Plugin::Sink(_) => Self::Sink,
            Plugin::Source(_) => Self::Source,
        }
    }
}

/// The worker's part of a connector's configuration, parsed and checked.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// `name`.
    pub name: String,
    /// `connector.class` as the user wrote it.
    pub class: String,
    /// `tasks.max`.
    pub tasks_max: u32,
    /// `tasks.max.enforce`.
    pub enforce_tasks_max: bool,
    /// Converter of keys, the connector's or else the worker's.
    pub key_converter: PluginConfig,
    /// Converter of values.
    pub value_converter: PluginConfig,
    /// Converter of headers.
    pub header_converter: PluginConfig,
    /// `transforms`, in the order in which they are applied.
    pub transforms: Vec<TransformSettings>,
    /// `predicates`: aliases and their settings, prefix taken off.
    pub predicates: Vec<(String, PluginConfig)>,
    /// `errors.*`.
    pub errors: ErrorSettings,
    /// `task.memory.limit.bytes`, the connector's or else the worker's.
    pub memory: MemoryLimit,
    /// What sinks or sources have beyond this.
    pub role: RoleSettings,
}

/// A transform of a chain.
#[derive(Debug, Clone)]
pub struct TransformSettings {
    /// Its name in `transforms`.
    pub alias: String,
    /// The transform and its own settings, prefix taken off.
    pub plugin: PluginConfig,
    /// `predicate`: alias of the predicate that guards it.
    pub predicate: Option<String>,
    /// `negate`: it is applied where the predicate does not hold.
    pub negate: bool,
}

/// How bad records are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSettings {
    /// `errors.retry.timeout`; `None` for ever.
    pub retry_timeout: Option<Duration>,
    /// `errors.retry.delay.max.ms`.
    pub retry_delay_max: Duration,
    /// `errors.tolerance=all`: bad records are skipped.
    pub tolerate: bool,
    /// `errors.log.enable`.
    pub log: bool,
    /// `errors.log.include.messages`.
    pub log_messages: bool,
}

/// What sinks or sources have.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum RoleSettings {
    Sink(SinkSettings),
    Source(SourceSettings),
}

/// What sinks have.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// What is read.
    pub topics: Topics,
    /// Where bad records go; `None` for nowhere.
    pub dead_letters: Option<DeadLetterSettings>,
}

/// What a sink reads.
#[derive(Debug, Clone)]
pub enum Topics {
    /// `topics`.
    List(Vec<String>),
    /// `topics.regex`; matches whole names.
    Pattern(Regex),
}

/// Where bad records go: `errors.deadletterqueue.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// Name of the topic.
    pub topic: String,
    /// Replication factor with which it is created if it is missing; -1 leaves it to the broker.
    pub replication_factor: i32,
    /// Whether headers say what was wrong.
    pub context_headers: bool,
}

/// What sources have.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// How missing topics are created; `None` leaves it to the broker.
    pub topic_creation: Option<TopicCreation>,
    /// `offsets.storage.topic`; a standalone worker has none.
    pub offsets_topic: Option<String>,
}

impl ConnectorConfig {
    /// Parses a configuration whose variables are resolved.
    ///
    /// # Errors
    /// Everything that is wrong, each message naming its key; never only the first.
    pub fn parse(worker: &WorkerConfig, kind: ConnectorKind, props: &Props) -> Result<Self> {
        let mut errors = Vec::new();
        if let Err(error) = restart::policy(props) {
            errors.push(error.to_string());
        }
        let memory = MemoryLimit::of(worker, props).unwrap_or_else(|error| {
            errors.push(error.to_string());
            worker.task_memory
        });
        let parsed = table(kind).parse(props).map_err(ConnectError::from)?;
        let role = match kind {
            ConnectorKind::Sink => sink(&parsed, &mut errors).map(RoleSettings::Sink),
            ConnectorKind::Source => Some(RoleSettings::Source(source(worker, &parsed, props, &mut errors))),
        };
        let config = role.map(|role| Self {
            name: parsed.string("name").to_owned(),
            class: parsed.string("connector.class").to_owned(),
            tasks_max: u32::try_from(parsed.integer("tasks.max")).unwrap_or(1),
            enforce_tasks_max: parsed.boolean("tasks.max.enforce"),
            key_converter: converter(props, "key", &worker.key_converter),
            value_converter: converter(props, "value", &worker.value_converter),
            header_converter: converter(props, "header", &worker.header_converter),
            transforms: transforms(props, &parsed, &mut errors),
            predicates: links(props, "predicates", &parsed, &mut errors),
            errors: ErrorSettings::new(&parsed),
            memory,
            role,
        });
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(ConnectError::config(errors.join("; "))),
        }
    }

    /// What a sink has; `None` for a source.
    pub fn sink(&self) -> Option<&SinkSettings> {
        match &self.role {
            RoleSettings::Sink(sink) => Some(sink),
            RoleSettings::Source(_) => None,
        }
    }

    /// What a source has; `None` for a sink.
    pub fn source(&self) -> Option<&SourceSettings> {
        match &self.role {
            RoleSettings::Source(source) => Some(source),
            RoleSettings::Sink(_) => None,
        }
    }
}

fn table(kind: ConnectorKind) -> ConfigDef {
    let mut keys = connector_keys::common();
    let more = match kind {
        ConnectorKind::Sink => connector_keys::sink(),
        ConnectorKind::Source => connector_keys::source(),
    };
    more.into_iter().for_each(|key| keys.add(key));
    keys
}

/// The connector's converter with its settings alone, or the worker's with the worker's: they are never mixed.
fn converter(props: &Props, part: &str, of_worker: &PluginConfig) -> PluginConfig {
    let key = format!("{part}.converter");
    let mut converter = match props.get(&key) {
        Some(class) => PluginConfig { class: class.trim().to_owned(), props: with_prefix(props, &format!("{key}.")) },
        None => of_worker.clone(),
    };
    converter.props.insert("converter.type".to_owned(), part.to_owned());
    converter
}

fn transforms(props: &Props, parsed: &ParsedConfig, errors: &mut Vec<String>) -> Vec<TransformSettings> {
    let guarded = |(alias, mut plugin): (String, PluginConfig), errors: &mut Vec<String>| {
        let predicate = plugin.props.shift_remove("predicate").map(|predicate| predicate.trim().to_owned());
        let key = format!("transforms.{alias}.negate");
        let negate = plugin.props.shift_remove("negate");
        if negate.is_some() && predicate.is_none() {
            errors.push(connector_keys::nothing_to_negate(&format!("transforms.{alias}.")));
        }
        let negate = match negate.as_deref().map(str::trim) {
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if !text.eq_ignore_ascii_case("false") => {
                errors.push(invalid_value(&key, Some(text), "Expected value to be either true or false"));
                false
            }
            _ => false,
        };
        TransformSettings { alias, plugin, predicate, negate }
    };
    let links = links(props, "transforms", parsed, errors);
    links.into_iter().map(|link| guarded(link, errors)).collect()
}

/// The transforms or predicates with their settings.
fn links(props: &Props, key: &str, parsed: &ParsedConfig, errors: &mut Vec<String>) -> Vec<(String, PluginConfig)> {
    let link = |alias: &String| {
        let mut settings = with_prefix(props, &format!("{key}.{alias}."));
        let class = settings.shift_remove("type").unwrap_or_default().trim().to_owned();
        settings.shift_remove("plugin.version");
        if class.is_empty() {
            let missing = format!("{key}.{alias}.type");
            errors.push(format!("Missing required configuration \"{missing}\" which has no default value."));
        }
        (alias.clone(), PluginConfig { class, props: settings })
    };
    parsed.list(key).iter().map(link).collect()
}

impl ErrorSettings {
    fn new(parsed: &ParsedConfig) -> Self {
        let millis = |key| u64::try_from(parsed.integer(key)).ok().map(Duration::from_millis);
        Self {
            retry_timeout: millis("errors.retry.timeout"),
            retry_delay_max: millis("errors.retry.delay.max.ms").unwrap_or_default(),
            tolerate: parsed.string("errors.tolerance") == "all",
            log: parsed.boolean("errors.log.enable"),
            log_messages: parsed.boolean("errors.log.include.messages"),
        }
    }
}

fn sink(parsed: &ParsedConfig, errors: &mut Vec<String>) -> Option<SinkSettings> {
    let (list, pattern) = (parsed.list("topics"), parsed.string("topics.regex"));
    let topics = match (list.is_empty(), pattern.is_empty()) {
        (false, true) => Topics::List(list.to_vec()),
        (true, false) => match whole(pattern) {
            Ok(pattern) => Topics::Pattern(pattern),
            Err(error) => {
                errors.push(invalid_value("topics.regex", Some(pattern), &format!("Invalid regex: {error}")));
                return None;
            }
        },
        (true, true) => {
            errors.push("Must configure one of topics or topics.regex".to_owned());
            return None;
        }
        (false, false) => {
            errors.push("topics and topics.regex are mutually exclusive options, but both are set.".to_owned());
            return None;
        }
    };
    let dead_letters = parsed.string("errors.deadletterqueue.topic.name");
    let dead_letters = (!dead_letters.is_empty()).then(|| DeadLetterSettings {
        topic: dead_letters.to_owned(),
        replication_factor: parsed.integer("errors.deadletterqueue.topic.replication.factor") as i32,
        context_headers: parsed.boolean("errors.deadletterqueue.context.headers.enable"),
    });
    Some(SinkSettings { topics, dead_letters })
}

/// An expression that matches whole names only, as Java's `matches` does.
pub(super) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    // Checked alone first: a pattern such as `a)|(b` must not become valid by what is put around it.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

fn source(worker: &WorkerConfig, parsed: &ParsedConfig, props: &Props, errors: &mut Vec<String>) -> SourceSettings {
    let topic_creation = if worker.topic_creation { TopicCreation::parse(props, errors) } else { None };
    let distributed = worker.mode == super::Mode::Distributed;
    let offsets_topic = parsed.text("offsets.storage.topic").filter(|_| distributed).map(str::to_owned);
    SourceSettings { topic_creation, offsets_topic }
}

impl fmt::Display for ConnectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sink => "sink",
            Self::Source => "source",
        })
    }
}
