//! Worker properties from a container's environment.
//!
//! `CONNECT_*` follows the Confluent images: the prefix goes, `_` becomes `.`, `__` becomes `-`, `___` becomes `_`.
//! Where `BOOTSTRAP_SERVERS` is set, the short variables of the Debezium images count as well, with the defaults of
//! those images.

use longshore_api::Props;

/// What an environment says.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Worker properties.
    pub props: Props,
    /// `CONNECT_LOG4J_ROOT_LOGLEVEL`, or Debezium's `LOG_LEVEL`.
    pub log_level: Option<String>,
    /// `CONNECT_LOG4J_LOGGERS`: names of loggers and their levels.
    pub loggers: Vec<(String, String)>,
    /// Variables that the images know and that do nothing here, such as `KAFKA_HEAP_OPTS`.
    pub ignored: Vec<String>,
}

/// Values may be secrets: only names are shown.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("keys", &self.props.keys().collect::<Vec<_>>())
            .field("log_level", &self.log_level)
            .field("loggers", &self.loggers)
            .field("ignored", &self.ignored)
            .finish()
    }
}

/// Debezium's short variables and the properties that they set.
const SHORT: &[(&str, &str)] = &[
    ("BOOTSTRAP_SERVERS", "bootstrap.servers"),
    ("GROUP_ID", "group.id"),
    ("CONFIG_STORAGE_TOPIC", "config.storage.topic"),
    ("OFFSET_STORAGE_TOPIC", "offset.storage.topic"),
    ("STATUS_STORAGE_TOPIC", "status.storage.topic"),
    ("KEY_CONVERTER", "key.converter"),
    ("VALUE_CONVERTER", "value.converter"),
    ("ADVERTISED_HOST_NAME", "rest.advertised.host.name"),
    ("ADVERTISED_PORT", "rest.advertised.port"),
    ("REST_HOST_NAME", "rest.host.name"),
    ("REST_PORT", "rest.port"),
    ("OFFSET_FLUSH_INTERVAL_MS", "offset.flush.interval.ms"),
    ("OFFSET_FLUSH_TIMEOUT_MS", "offset.flush.timeout.ms"),
    ("SHUTDOWN_TIMEOUT", "task.shutdown.graceful.timeout.ms"),
];

/// What the Debezium images set where the environment says nothing.
const SHORT_DEFAULTS: &[(&str, &str)] = &[
    ("group.id", "1"),
    ("status.storage.topic", "connect-status"),
    ("config.storage.replication.factor", "1"),
    ("offset.storage.replication.factor", "1"),
    ("status.storage.replication.factor", "1"),
    ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("task.shutdown.graceful.timeout.ms", "10000"),
];

/// Variables of the images that set up the JVM, or files that are not read here.
const IGNORED: &[&str] = &[
    "CLASSPATH",
    "HEAP_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_OPTS",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_LOG4J_OPTS",
    "SCHEMA_REGISTRY",
    "ENABLE_APICURIO_CONVERTERS",
    "ENABLE_DEBEZIUM_KC_REST_EXTENSION",
    "ENABLE_DEBEZIUM_SCRIPTING",
    "ENABLE_JMX_EXPORTER",
    "ENABLE_JOLOKIA",
    "ENABLE_OTEL",
];

/// Reads an environment. Variables that mean nothing to the images are passed over; an empty one counts as not set
/// for the short variables, and as an empty property for `CONNECT_*`.
pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
    let mut variables: Vec<_> = variables.into_iter().collect();
    // The order of an environment is an accident; what is made of it should not be.
    variables.sort();
    let mut environment = Environment::default();
    let mut short = Props::new();
    for (name, value) in variables {
        if let Some(rest) = name.strip_prefix("CONNECT_") {
            environment.connect(rest, &name, value);
        } else if let Some((_, property)) = SHORT.iter().find(|(short, _)| *short == name) {
            if !value.is_empty() {
                short.insert((*property).to_owned(), value);
            }
        } else if name == "LOG_LEVEL" && environment.log_level.is_none() && !value.is_empty() {
            short.insert(name, value);
        } else if IGNORED.contains(&&*name) {
            environment.ignored.push(name);
        }
    }
    if short.contains_key("bootstrap.servers") {
        environment.add_short(short);
    }
    environment.place_rest_port();
    environment
}

impl Environment {
    fn connect(&mut self, rest: &str, name: &str, value: String) {
        match rest {
            "" => self.ignored.push(name.to_owned()),
            "LOG4J_ROOT_LOGLEVEL" => self.log_level = Some(value),
            "LOG4J_LOGGERS" => self.loggers = loggers(&value),
            _ if rest.starts_with("LOG4J_") => self.ignored.push(name.to_owned()),
            // Compose files with a slip of the pen define variables of no name that a property could have.
            _ if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')) => {
                self.ignored.push(name.to_owned());
            }
            _ => {
                self.props.insert(property(rest), value);
            }
        }
    }

    /// Debezium's entry point lets the short variables win over `CONNECT_*`; its defaults fill what is left.
    fn add_short(&mut self, mut short: Props) {
        if let Some(level) = short.shift_remove("LOG_LEVEL") {
            self.log_level.get_or_insert(level);
        }
        self.props.extend(short);
        for (property, value) in SHORT_DEFAULTS {
            self.props.entry((*property).to_owned()).or_insert_with(|| (*value).to_owned());
        }
    }

    /// The images turn `REST_PORT` into the listener of a worker that has none.
    fn place_rest_port(&mut self) {
        let port = self.props.shift_remove("rest.port").filter(|port| !port.trim().is_empty());
        let host = self.props.shift_remove("rest.host.name").unwrap_or_default();
        if let Some(port) = port {
            let listener = format!("http://{}:{}", host.trim(), port.trim());
            self.props.entry("listeners".to_owned()).or_insert(listener);
        }
    }
}

/// The property of a variable whose prefix is taken off.
fn property(rest: &str) -> String {
    let mut name = String::with_capacity(rest.len());
    let mut underscores = 0;
    for c in rest.chars().chain(['\0']) {
        if c == '_' {
            underscores += 1;
            continue;
        }
        // Longest first, as the images do it: five underscores are one of three and one of two.
        name.extend(std::iter::repeat_n('_', underscores / 3));
        match underscores % 3 {
            1 => name.push('.'),
            2 => name.push('-'),
            _ => {}
        }
        underscores = 0;
        if c != '\0' {
            name.push(c.to_ascii_lowercase());
        }
    }
    name
}

fn loggers(list: &str) -> Vec<(String, String)> {
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, level)| (name.trim().to_owned(), level.trim().to_owned())).collect()
}
