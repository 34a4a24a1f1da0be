//! From properties to a worker's configuration.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use longshore_api::config::{ParsedConfig, invalid_value};
use longshore_api::{ConnectError, Props, Result};

use super::keys::{self, Support, WorkerKey};
use super::listener;
use super::providers::Resolver;
use super::{
    InternalTopics, Listener, MemoryLimit, Mode, OverridePolicy, PluginConfig, TopicSpec, WorkerConfig, memory, rest,
};

impl WorkerConfig {
    /// The configuration of a worker that keeps its state on Kafka.
    ///
    /// # Errors
    /// Everything that is wrong, a line each that names its key; never only the first.
    pub fn distributed(props: Props) -> Result<Self> {
        Self::load(Mode::Distributed, props, process_environment())
    }

    /// The configuration of a worker that keeps source offsets in a file and all else in memory.
    ///
    /// # Errors
    /// As for [`distributed`](Self::distributed).
    pub fn standalone(props: Props) -> Result<Self> {
        Self::load(Mode::Standalone, props, process_environment())
    }

    /// As the two above; `environment` is what an environment config provider may show.
    ///
    /// # Errors
    /// As for [`distributed`](Self::distributed).
    pub fn load(mode: Mode, raw: Props, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let environment: Vec<_> = environment.into_iter().collect();
        let resolver = Resolver::new(&raw, environment.iter().cloned())
            .map_err(|errors| ConnectError::config(errors.join("\n")))?;
        let mut props = resolver.resolve(&raw)?;
        // Java's plugin scanner reads the path before there are providers.
        if let Some(path) = raw.get("plugin.path") {
            props.insert("plugin.path".to_owned(), path.clone());
        }
        let mut keys = keys::common();
        keys.extend(match mode {
            Mode::Distributed => keys::distributed(),
            Mode::Standalone => keys::standalone(),
        });
        let mut errors = refusals(&keys, &props);
        let parsed = match keys::def(&keys).parse(&props) {
            Ok(parsed) => parsed,
            Err(wrong) => {
                errors.extend(wrong.into_iter().flat_map(|value| value.errors));
                if let Some(text) = props.get("listeners").filter(|text| !text.trim().is_empty()) {
                    let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
                    listener::parse_all("listeners", &items, &mut errors);
                }
                return Err(ConnectError::config(errors.join("\n")));
            }
        };
        let mut warnings = warnings(&keys, &props);
        let config = Builder {
            mode,
            props: &props,
            parsed: &parsed,
            environment: &environment,
            errors,
            warnings: &mut warnings,
        };
        let config = config.build()?;
        Ok(Self { providers: Arc::new(resolver), warnings, props, ..config })
    }

    /// The same configuration of a worker whose listeners have these ports, in their order: where they had asked for
    /// any, the system chose one.
    #[must_use]
    pub fn bound_to(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        for (listener, port) in self.listeners.iter_mut().zip(ports) {
            listener.port = port;
        }
        self.worker_id = worker_id(&self.props, &self.listeners);
        self
    }
}

fn process_environment() -> Vec<(String, String)> {
    let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(pair).collect()
}

/// Values that the worker will not run with.
fn refusals(keys: &[WorkerKey], props: &Props) -> Vec<String> {
    let refusal = |row: &WorkerKey| {
        let value = props.get(&*row.key.name)?.trim();
        match row.support {
            Support::Refused(check, why) if check(value) => Some(invalid_value(&row.key.name, Some(value), why)),
            _ => None,
        }
    };
    keys.iter().filter_map(refusal).collect()
}

/// Keys that are set and do nothing.
fn warnings(keys: &[WorkerKey], props: &Props) -> Vec<String> {
    let mut warnings = Vec::new();
    for name in props.keys() {
        let known = keys.iter().find(|row| row.key.name == *name).map(|row| row.support);
        let family = || keys::FAMILIES.iter().find(|family| name.starts_with(family.prefix));
        match known.or_else(|| family().map(|family| family.support)) {
            Some(Support::NoEffect(why)) => warnings.push(format!("configuration {name} has no effect: {why}")),
            Some(_) => {}
            None => warnings.push(format!("configuration {name} was supplied but is not known to the worker")),
        }
    }
    warnings
}

struct Builder<'a> {
    mode: Mode,
    props: &'a Props,
    parsed: &'a ParsedConfig,
    environment: &'a [(String, String)],
    errors: Vec<String>,
    warnings: &'a mut Vec<String>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<WorkerConfig> {
        let topics = (self.mode == Mode::Distributed).then(|| self.topics());
        let listeners = listener::parse_all("listeners", self.parsed.list("listeners"), &mut self.errors);
        let parsed = self.parsed;
        let config = WorkerConfig {
            mode: self.mode,
            props: Props::new(),
            bootstrap_servers: parsed.list("bootstrap.servers").join(","),
            group_id: if topics.is_some() { parsed.string("group.id").to_owned() } else { String::new() },
            offsets_file: topics.is_none().then(|| PathBuf::from(parsed.string("offset.storage.file.filename"))),
            topics,
            key_converter: self.plugin("key.converter"),
            value_converter: self.plugin("value.converter"),
            header_converter: self.plugin("header.converter"),
            offset_flush_interval: self.duration("offset.flush.interval.ms"),
            offset_flush_timeout: self.duration("offset.flush.timeout.ms"),
            task_shutdown_timeout: self.duration("task.shutdown.graceful.timeout.ms"),
            stuck_threshold: self.duration("task.stuck.threshold.ms"),
            task_memory: MemoryLimit::new(parsed.integer(memory::KEY)),
            advertised_scheme: advertised(self.props, &listeners).0,
            worker_id: worker_id(self.props, &listeners),
            listeners,
            rest: rest::settings(self.props, parsed, self.environment, &mut self.errors),
            metrics_window: self.duration("metrics.sample.window.ms"),
            metrics_samples: usize::try_from(parsed.integer("metrics.num.samples")).unwrap_or(1),
            topic_creation: parsed.boolean("topic.creation.enable"),
            topic_tracking: parsed.boolean("topic.tracking.enable"),
            topic_tracking_reset: parsed.boolean("topic.tracking.allow.reset"),
            override_policy: self.policy(),
            providers: Arc::default(),
            warnings: Vec::new(),
        };
        if self.errors.is_empty() { Ok(config) } else { Err(ConnectError::config(self.errors.join("\n"))) }
    }

    fn plugin(&self, name: &str) -> PluginConfig {
        PluginConfig { class: self.parsed.string(name).to_owned(), props: with_prefix(self.props, &format!("{name}.")) }
    }

    /// Negative times, which Java takes as "already over", are none here.
    fn duration(&self, name: &str) -> Duration {
        Duration::from_millis(u64::try_from(self.parsed.integer(name)).unwrap_or(0))
    }

    fn policy(&mut self) -> OverridePolicy {
        let key = "connector.client.config.override.policy";
        let text = self.parsed.string(key);
        OverridePolicy::from_name(text).unwrap_or_else(|| {
            self.errors.push(invalid_value(
                key,
                Some(text),
                "this policy is not available; All, None and Principal are",
            ));
            OverridePolicy::None
        })
    }

    fn topics(&mut self) -> InternalTopics {
        let topics = InternalTopics {
            config: TopicSpec { partitions: 1, ..self.topic("config.storage.") },
            offset: self.topic("offset.storage."),
            status: self.topic("status.storage."),
        };
        let names = [&topics.config.name, &topics.offset.name, &topics.status.name];
        if names[0] == names[1] || names[1] == names[2] || names[0] == names[2] {
            self.errors.push(format!(
                "config.storage.topic, offset.storage.topic and status.storage.topic must be three different topics, \
                 but are '{}', '{}' and '{}'",
                names[0], names[1], names[2]
            ));
        }
        topics
    }

    fn topic(&mut self, prefix: &str) -> TopicSpec {
        let number = |name: &str| self.parsed.integer(&format!("{prefix}{name}")) as i32;
        let fixed_partitions = prefix == "config.storage.";
        let (replication_factor, partitions) =
            (number("replication.factor"), if fixed_partitions { 1 } else { number("partitions") });
        let mut settings = with_prefix(self.props, prefix);
        for name in ["topic", "replication.factor", "partitions"] {
            if settings.shift_remove(name).is_some() && fixed_partitions && name == "partitions" {
                self.warnings.push(format!("configuration {prefix}{name} is ignored: the topic has one partition"));
            }
        }
        if settings.shift_remove("cleanup.policy").is_some() {
            self.warnings.push(format!("configuration {prefix}cleanup.policy is ignored: the topic is compacted"));
        }
        settings.insert("cleanup.policy".to_owned(), "compact".to_owned());
        let name = self.parsed.string(&format!("{prefix}topic")).to_owned();
        TopicSpec { name, partitions, replication_factor, settings }
    }
}

/// The entries whose keys begin with the prefix, without it.
pub(super) fn with_prefix(props: &Props, prefix: &str) -> Props {
    let entry = |(key, value): (&String, &String)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone()));
    props.iter().filter_map(entry).collect()
}

/// The listener that others are told of, and its scheme: `rest.advertised.listener`, or else HTTP if there is such a
/// listener; rules of `org.apache.kafka.connect.runtime.rest.RestServer`.
fn advertised<'a>(props: &Props, listeners: &'a [Listener]) -> (String, Option<&'a Listener>) {
    let has = |scheme: &str| listeners.iter().find(|listener| listener.scheme == scheme);
    let set = props.get("rest.advertised.listener").map(|value| value.trim().to_ascii_lowercase());
    let scheme = set.filter(|scheme| !scheme.is_empty()).unwrap_or_else(|| {
        let secure = has("http").is_none() && has("https").is_some();
        if secure { "https" } else { "http" }.to_owned()
    });
    let listener = has(&scheme).or(listeners.first());
    (scheme, listener)
}

/// `host:port` by which others know the worker; rules of `org.apache.kafka.connect.runtime.rest.RestServer`.
fn worker_id(props: &Props, listeners: &[Listener]) -> Arc<str> {
    let set = |key: &str| props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (_, advertised) = advertised(props, listeners);
    let host = match (set("rest.advertised.host.name"), advertised) {
        (Some(host), _) => host.to_owned(),
        (None, Some(listener)) if !listener.host.is_empty() => listener.host.clone(),
        (None, _) => listener::local_address(),
    };
    let port = set("rest.advertised.port").and_then(|port| port.parse().ok());
    let port = port.or(advertised.map(|listener| listener.port)).unwrap_or_default();
    Listener::authority(&host, port).into()
}

impl OverridePolicy {
    /// The policy of a class name or a short name.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix("org.apache.kafka.connect.connector.policy.").unwrap_or(name);
        match name.strip_suffix("ConnectorClientConfigOverridePolicy").unwrap_or(name) {
            "All" => Some(Self::All),
            "None" => Some(Self::None),
            "Principal" => Some(Self::Principal),
            _ => None,
        }
    }

    /// The short name, as it stands in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::None => "None",
            Self::Principal => "Principal",
        }
    }
}

/// Settings hold passwords: only their names are shown.
impl fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerConfig")
            .field("mode", &self.mode)
            .field("worker_id", &self.worker_id)
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("group_id", &self.group_id)
            .field("keys", &self.props.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PluginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.props.keys().collect();
        f.debug_struct("PluginConfig").field("class", &self.class).field("keys", &keys).finish()
    }
}
