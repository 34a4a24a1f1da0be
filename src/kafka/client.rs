//! From Java's client settings to a native client's.

use std::sync::atomic::{AtomicBool, Ordering};

use longshore_api::{ConnectError, Props, Result};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::settings::{Given, Native, SETTINGS};
use super::{errors, oauth};

/// How often in a row a login may fail before it is taken for wrong, not for a broker that is just stopping.
pub(super) const LOGIN_TRIES: u32 = 3;
/// What the native client repeats with every attempt while brokers are away.
const REPEATED: [&str; 4] = ["FAIL", "ERROR", "REQTMOUT", "CONFWARN"];

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads topics.
    Consumer,
    /// Writes to topics.
    Producer,
    /// Creates, describes, deletes.
    Admin,
}

/// What holds where the user says nothing: Java's defaults where the native client's differ, and what this worker
/// relies on. The second column says why.
const CONSUMER_DEFAULTS: &[(&str, &str, &str)] = &[
    ("enable.auto.commit", "false", "offsets move only by what a sink says is delivered"),
    ("enable.auto.offset.store", "false", "the same"),
    ("auto.offset.reset", "earliest", "Connect's default for sinks"),
    ("isolation.level", "read_uncommitted", "Java's default; the native one is read_committed"),
    ("check.crcs", "true", "Java's default"),
    ("allow.auto.create.topics", "true", "Java's default"),
    // About 16 MB fetched ahead a task instead of 64, and not more than 20,000 small records, whose own overhead
    // would otherwise be many times that.
    ("queued.max.messages.kbytes", "16384", "bounds memory"),
    ("queued.min.messages", "20000", "bounds memory"),
    ("fetch.queue.backoff.ms", "10", "the native default of a second stalls once the queue was full"),
    ("fetch.error.backoff.ms", "100", "Java's retry.backoff.ms"),
];

/// Classic groups only: a broker-side group has its own rules for these.
const CLASSIC_GROUP_DEFAULTS: &[(&str, &str, &str)] =
    &[("partition.assignment.strategy", "range", "what Java's range + cooperative-sticky does in practice")];

const PRODUCER_DEFAULTS: &[(&str, &str, &str)] = &[
    ("partitioner", "murmur2_random", "Java's hash: equal keys meet in one partition, whoever wrote them"),
    ("acks", "all", "Java's default"),
    ("linger.ms", "5", "Java's default since Kafka 4.0"),
    ("message.timeout.ms", "120000", "Java's default"),
    ("message.max.bytes", "1048576", "Java's default"),
    ("queue.buffering.max.kbytes", "32768", "Java's default buffer.memory"),
    ("retry.backoff.max.ms", "1000", "Java's default"),
];

const ADMIN_DEFAULTS: &[(&str, &str, &str)] =
    &[("allow.auto.create.topics", "false", "asking for a topic must not create it")];

const COMMON_DEFAULTS: &[(&str, &str, &str)] = &[
    ("enable.metrics.push", "false", "the client has no metrics that a broker's operator would know from Java"),
    ("reconnect.backoff.ms", "50", "Java's default"),
    ("reconnect.backoff.max.ms", "1000", "Java's default; the native one keeps a task waiting for ten seconds"),
    ("topic.metadata.refresh.interval.ms", "300000", "Java's metadata.max.age.ms"),
    ("log.connection.close", "false", "brokers close idle connections; that is no news"),
    ("socket.keepalive.enable", "true", "as in Java"),
];

/// The native settings of a client, from Java's.
///
/// `props` are the settings of this client alone, prefixes taken off. Keys that no client knows are left out and
/// logged as unused; settings of other roles are left out silently.
///
/// # Errors
/// Configuration errors that name the Java key and never show a secret.
pub fn client_config(props: &Props, role: Role) -> Result<ClientConfig> {
    let mut native = Native::default();
    for setting in SETTINGS.iter().filter(|setting| setting.roles.contains(&role)) {
        if let Some(value) = props.get(setting.key) {
            setting.apply(&Given { key: setting.key, value, all: props, role }, &mut native)?;
        }
    }
    if native.get("bootstrap.servers").is_none() {
        return Err(ConnectError::config(
            "Missing required configuration \"bootstrap.servers\" which has no default value.",
        ));
    }
    check_login(&native, props)?;
    log_unused(props);
    let mut config = with_defaults(role, &native);
    config.set_log_level(RDKafkaLogLevel::Info);
    config.create_native_config().map_err(|error| config_error(error, &native))?;
    Ok(config)
}

fn with_defaults(role: Role, native: &Native) -> ClientConfig {
    let mut config = ClientConfig::new();
    let mut defaults = COMMON_DEFAULTS.to_vec();
    match role {
        Role::Consumer => {
            defaults.extend(CONSUMER_DEFAULTS);
            if native.get("group.protocol").is_none_or(|protocol| protocol == "classic") {
                defaults.extend(CLASSIC_GROUP_DEFAULTS);
            }
        }
        Role::Producer => defaults.extend(PRODUCER_DEFAULTS),
        Role::Admin => defaults.extend(ADMIN_DEFAULTS),
    }
    for (key, value, _why) in defaults {
        config.set(key, value);
    }
    for (key, value) in native.iter() {
        config.set(key, value);
    }
    config
}

/// A connection that has to log in must know how.
fn check_login(native: &Native, props: &Props) -> Result<()> {
    if !native.get("security.protocol").is_some_and(|protocol| protocol.starts_with("sasl_")) {
        return Ok(());
    }
    if native.get("sasl.mechanism").is_none() {
        return Err(ConnectError::config(
            "sasl.mechanism is needed with a security.protocol of SASL; PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER \
             are supported",
        ));
    }
    if oauth::uses_oauth(props) {
        return oauth::Settings::parse(props).map(drop);
    }
    if native.get("sasl.username").is_none() {
        return Err(ConnectError::config("sasl.jaas.config is needed with a security.protocol of SASL"));
    }
    Ok(())
}

fn log_unused(props: &Props) {
    let unused: Vec<&str> =
        props.keys().map(String::as_str).filter(|key| !SETTINGS.iter().any(|setting| setting.key == *key)).collect();
    if !unused.is_empty() {
        tracing::debug!(keys = unused.join(", "), "client settings that are not used");
    }
}

/// An error of the native client's own check, told with the Java key. Only values that may be shown are.
fn config_error(error: KafkaError, native: &Native) -> ConnectError {
    match error {
        KafkaError::ClientConfig(_, _, key, value) => {
            let java = native.origin(&key).unwrap_or("");
            let name = if java.is_empty() { key.as_str() } else { java };
            let secret =
                name.contains("password") || name.contains("key") || name.contains("jaas") || name.contains("pem");
            let shown = if secret { "[hidden]" } else { value.as_str() };
            let why = "Kafka's native client does not take it";
            ConnectError::config(longshore_api::config::invalid_value(name, Some(shown), why))
        }
        other => errors::creation("the client's settings do not go together", &other),
    }
}

/// Writes a native client's own messages to the log: each outage of the brokers once, not each attempt.
#[derive(Debug)]
pub(super) struct ClientLog {
    client: String,
    outage: AtomicBool,
}

impl ClientLog {
    pub(super) fn new(props: &Props) -> Self {
        let client = props.get("client.id").cloned().unwrap_or_default();
        Self { client, outage: AtomicBool::new(false) }
    }

    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// What the native client says by itself.
    pub(super) fn native(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Emerg, Error, Warning};
        match level {
            Emerg | Alert | Critical => tracing::error!(client = self.client, facility, "{message}"),
            _ if REPEATED.contains(&facility) => tracing::debug!(client = self.client, facility, "{message}"),
            Error => tracing::warn!(client = self.client, facility, "{message}"),
            Warning => tracing::info!(client = self.client, facility, "{message}"),
            _ => tracing::debug!(client = self.client, facility, "{message}"),
        }
    }

    /// An error that goes away by itself. The first of an outage is a warning.
    pub(super) fn transient(&self, code: RDKafkaErrorCode, reason: &str) {
        if self.outage.swap(true, Ordering::Relaxed) {
            tracing::debug!(client = self.client, %code, "{reason}");
        } else {
            tracing::warn!(client = self.client, %code, "trouble with the Kafka cluster, trying on: {reason}");
        }
    }

    /// Something worked: the next error is a new outage.
    pub(super) fn works(&self) {
        if self.outage.load(Ordering::Relaxed) && self.outage.swap(false, Ordering::Relaxed) {
            tracing::info!(client = self.client, "the Kafka cluster answers again");
        }
    }
}
