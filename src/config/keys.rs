//! Every key that a worker knows: what it takes, and how far Longshore honours it.
//!
//! From here come parsing, the warnings about keys without effect, and the reference page. Families of keys, such as
//! `producer.*`, stand in [`FAMILIES`].

use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, Validator};

use super::memory;

use ConfigType::{Boolean, Class, Int, List, Long, Short, String as Text};
use Importance::{High, Low, Medium};

/// How far a key is honoured.
#[derive(Debug, Clone, Copy)]
pub enum Support {
    /// As Kafka Connect does.
    Full,
    /// It is taken and changes nothing; why.
    NoEffect(&'static str),
    /// Values for which the check is true are refused, because running without them would be unsafe or wrong; why.
    Refused(fn(&str) -> bool, &'static str),
}

/// A key and how far it is honoured.
#[derive(Debug, Clone)]
pub struct WorkerKey {
    /// The table row.
    pub key: ConfigKey,
    /// How far it is honoured.
    pub support: Support,
}

/// Keys that begin alike, such as `producer.*`; they belong to a client or a plugin that checks them itself.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// What they begin with.
    pub prefix: &'static str,
    /// How far they are honoured.
    pub support: Support,
    /// What they do.
    pub doc: &'static str,
}

const JVM: &str = "plugins are built in, none are loaded from disk";
const METRICS: &str = "metrics are served in Prometheus' format, without reporters, levels or contexts";
const GROUP: &str = "workers of one group do not share work yet";
const PEERS: &str = "workers do not send each other requests yet";

fn is_enabled(text: &str) -> bool {
    !text.trim().eq_ignore_ascii_case("disabled")
}

fn row(name: &'static str, kind: ConfigType, importance: Importance, doc: &'static str) -> WorkerKey {
    WorkerKey { key: ConfigKey::new(name, kind, importance).doc(doc), support: Support::Full }
}

impl WorkerKey {
    fn or(mut self, default: &'static str) -> Self {
        self.key = self.key.default(default);
        self
    }

    fn or_null(mut self) -> Self {
        self.key = self.key.default_null();
        self
    }

    fn checked(mut self, validator: Validator) -> Self {
        self.key = self.key.validator(validator);
        self
    }

    fn no_effect(mut self, why: &'static str) -> Self {
        self.support = Support::NoEffect(why);
        self
    }

    fn refused(mut self, check: fn(&str) -> bool, why: &'static str) -> Self {
        self.support = Support::Refused(check, why);
        self
    }
}

/// The table that parses these keys.
pub fn def(keys: &[WorkerKey]) -> ConfigDef {
    ConfigDef::new(keys.iter().map(|row| row.key.clone()))
}

/// Keys of a worker of either mode.
pub fn common() -> Vec<WorkerKey> {
    let mut keys = vec![
        row("bootstrap.servers", List, High, "Brokers through which the Kafka cluster is found.")
            .or("localhost:9092")
            .checked(Validator::NonEmptyList),
        row("client.dns.lookup", Text, Medium, "How names of brokers with several addresses are used.")
            .or("use_all_dns_ips")
            .checked(Validator::OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"])),
        row("key.converter", Class, High, "Converter of keys for connectors that name none."),
        row("value.converter", Class, High, "Converter of values for connectors that name none."),
        row("header.converter", Class, Low, "Converter of headers for connectors that name none.")
            .or("org.apache.kafka.connect.storage.SimpleHeaderConverter"),
        row("key.converter.plugin.version", Text, Low, "Version of the converter of keys.").or_null().no_effect(JVM),
        row("value.converter.plugin.version", Text, Low, "Version of the converter of values.")
            .or_null()
            .no_effect(JVM),
        row("header.converter.plugin.version", Text, Low, "Version of the converter of headers.")
            .or_null()
            .no_effect(JVM),
        row("task.shutdown.graceful.timeout.ms", Long, Low, "How long tasks that stop together may take, in ms.")
            .or("5000"),
        row(
            "task.stuck.threshold.ms",
            Long,
            Low,
            "A call into a sink that takes longer than this, in ms, is logged as a warning; 0 for never.",
        )
        .or("60000")
        .checked(Validator::AtLeast(0)),
        row(
            memory::KEY,
            Long,
            Low,
            "How much a task may hold, in bytes: records fetched ahead, in batches, and sent but not acknowledged. Values \
             that converters decode and what a connector makes of a batch come on top. Connectors may have their own.",
        )
        .or("67108864")
        .checked(Validator::AtLeast(memory::LEAST)),
        row("offset.flush.interval.ms", Long, Low, "How often offsets are committed, in ms.").or("60000"),
        row("offset.flush.timeout.ms", Long, Low, "How long a commit of offsets may take, in ms.").or("5000"),
        row("connector.client.config.override.policy", Text, Medium, "Which client settings connectors may override.")
            .or("All"),
        row("config.providers", List, Low, "Names of config providers, which resolve variables.").or(""),
        row("topic.creation.enable", Boolean, Low, "Whether topic.creation settings of source connectors count.")
            .or("true"),
        row("topic.tracking.enable", Boolean, Low, "Whether the topics that connectors use are recorded.").or("true"),
        row("topic.tracking.allow.reset", Boolean, Low, "Whether the recorded topics may be reset.").or("true"),
        row("plugin.path", List, Low, "Folders of plugins.").or_null().no_effect(JVM),
        row("plugin.discovery", Text, Low, "How plugins are found.")
            .or("hybrid_warn")
            .checked(Validator::OneOfIgnoreCase(&["only_scan", "hybrid_warn", "hybrid_fail", "service_load"]))
            .no_effect(JVM),
        row("metrics.sample.window.ms", Long, Low, "Window of a metric's samples, in ms.")
            .or("30000")
            .checked(Validator::AtLeast(0)),
        row("metrics.num.samples", Int, Low, "How many windows are kept.").or("2").checked(Validator::AtLeast(1)),
        row("metrics.recording.level", Text, Low, "How detailed metrics are.")
            .or("INFO")
            .checked(Validator::OneOf(&["INFO", "DEBUG", "TRACE"]))
            .no_effect(METRICS),
        row("metric.reporters", List, Low, "Classes that report metrics.")
            .or("org.apache.kafka.common.metrics.JmxReporter")
            .no_effect(METRICS),
    ];
    keys.extend(rest());
    keys
}

/// Keys of the REST API.
fn rest() -> Vec<WorkerKey> {
    vec![
        row("listeners", List, Low, "Where the REST API listens.").or("http://:8083").checked(Validator::NonEmptyList),
        row("rest.advertised.host.name", Text, Low, "Host by which other workers reach this one.").or_null(),
        row("rest.advertised.port", Int, Low, "Port by which other workers reach this one.")
            .or_null()
            .checked(Validator::Check(port_or_null)),
        row("rest.advertised.listener", Text, Low, "Which listener other workers reach: http or https.").or_null(),
        row("access.control.allow.origin", Text, Low, "Origins that browsers may call from.").or(""),
        row("access.control.allow.methods", Text, Low, "Methods that browsers may call across origins.").or(""),
        row("response.http.headers.config", Text, Low, "Headers that are added to answers.").or(""),
        row("admin.listeners", List, Low, "Listeners of the admin endpoints alone.").or_null(),
        row("rest.extension.classes", List, Low, "Extensions of the REST API.").or("").refused(
            super::rest::holds_unknown_extension,
            "this extension is not available, and without it the REST API could be open to more callers than \
             intended; BasicAuthSecurityRestExtension is",
        ),
        row("ssl.client.auth", Text, Low, "Whether callers of an https listener need a certificate.")
            .or("none")
            .checked(Validator::OneOf(&["required", "requested", "none"])),
    ]
}

fn port_or_null(name: &str, value: &longshore_api::config::ParsedValue) -> Result<(), String> {
    use longshore_api::config::{ParsedValue, invalid_value};
    match value {
        ParsedValue::Integer(port) if !(0..=65535).contains(port) => {
            Err(invalid_value(name, Some(&port.to_string()), "a port is between 0 and 65535"))
        }
        _ => Ok(()),
    }
}

/// Keys of a standalone worker.
pub fn standalone() -> Vec<WorkerKey> {
    vec![row("offset.storage.file.filename", Text, High, "File that keeps the offsets of source connectors.")]
}

/// A replication factor or a number of partitions: at least 1, or -1 for the broker's default.
pub(super) fn positive_or_default(name: &str, value: &longshore_api::config::ParsedValue) -> Result<(), String> {
    use longshore_api::config::{ParsedValue, invalid_value};
    match value {
        ParsedValue::Integer(number) if *number < 1 && *number != -1 => {
            let why = if name.ends_with("partitions") {
                "Number of partitions must be positive, or -1 to use the broker's default"
            } else {
                "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, \
                 or -1 to use the broker's default"
            };
            Err(invalid_value(name, Some(&number.to_string()), why))
        }
        _ => Ok(()),
    }
}

/// Keys of a distributed worker.
pub fn distributed() -> Vec<WorkerKey> {
    let size = Validator::Check(positive_or_default);
    let mut keys = vec![
        row("group.id", Text, High, "Name of the group of workers.").checked(Validator::NonEmptyString),
        row("config.storage.topic", Text, High, "Topic of connector configurations.")
            .checked(Validator::NonEmptyString),
        row("config.storage.replication.factor", Short, Low, "Replication factor of a new config topic.")
            .or("3")
            .checked(size),
        row("offset.storage.topic", Text, High, "Topic of source offsets.").checked(Validator::NonEmptyString),
        row("offset.storage.partitions", Int, Low, "Partitions of a new offset topic.").or("25").checked(size),
        row("offset.storage.replication.factor", Short, Low, "Replication factor of a new offset topic.")
            .or("3")
            .checked(size),
        row("status.storage.topic", Text, High, "Topic of statuses.").checked(Validator::NonEmptyString),
        row("status.storage.partitions", Int, Low, "Partitions of a new status topic.").or("5").checked(size),
        row("status.storage.replication.factor", Short, Low, "Replication factor of a new status topic.")
            .or("3")
            .checked(size),
        row("exactly.once.source.support", Text, High, "Whether source connectors may write exactly once.")
            .or("disabled")
            .checked(Validator::OneOfIgnoreCase(&["DISABLED", "ENABLED", "PREPARING"]))
            .refused(is_enabled, "exactly-once delivery of source connectors is not available"),
        row("client.id", Text, Low, "Part of the client ids of the worker's own clients.").or(""),
    ];
    keys.extend(group());
    keys.extend(clients());
    keys
}

/// Keys of the group of workers.
fn group() -> Vec<WorkerKey> {
    let at_least_zero = Validator::AtLeast(0);
    let rows = vec![
        row("session.timeout.ms", Int, High, "When a silent worker counts as lost, in ms.").or("10000"),
        row("rebalance.timeout.ms", Int, High, "How long workers have to join a rebalance, in ms.").or("60000"),
        row("heartbeat.interval.ms", Int, High, "How often a worker shows that it lives, in ms.").or("3000"),
        row("connect.protocol", Text, Low, "How work is shared: eager, compatible or sessioned.")
            .or("sessioned")
            .checked(Validator::Check(protocol)),
        row("scheduled.rebalance.max.delay.ms", Int, Low, "How long lost workers are waited for, in ms.")
            .or("300000")
            .checked(at_least_zero),
        row("worker.sync.timeout.ms", Int, Medium, "How long catching up with the config topic may take, in ms.")
            .or("3000"),
        row("worker.unsync.backoff.ms", Int, Medium, "How long a worker stays away that did not catch up, in ms.")
            .or("300000"),
    ];
    let signed = vec![
        row("inter.worker.key.generation.algorithm", Text, Low, "Algorithm of session keys.").or("HmacSHA256"),
        row("inter.worker.key.size", Int, Low, "Size of session keys in bits.").or_null(),
        row("inter.worker.key.ttl.ms", Int, Low, "How long a session key is used, in ms.")
            .or("3600000")
            .checked(at_least_zero),
        row("inter.worker.signature.algorithm", Text, Low, "Algorithm that signs requests.").or("HmacSHA256"),
        row("inter.worker.verification.algorithms", List, Low, "Algorithms of signatures that are accepted.")
            .or("HmacSHA256")
            .checked(Validator::NonEmptyList),
    ];
    let rows = rows.into_iter().map(|row| row.no_effect(GROUP));
    rows.chain(signed.into_iter().map(|row| row.no_effect(PEERS))).collect()
}

fn protocol(name: &str, value: &longshore_api::config::ParsedValue) -> Result<(), String> {
    use longshore_api::config::{ParsedValue, invalid_value};
    match value {
        ParsedValue::Text(text)
            if ["eager", "compatible", "sessioned"].iter().any(|known| known.eq_ignore_ascii_case(text)) =>
        {
            Ok(())
        }
        value => Err(invalid_value(name, value.shown().as_deref(), "Invalid Connect protocol compatibility")),
    }
}

/// Settings of the worker's own clients.
pub(super) fn clients() -> Vec<WorkerKey> {
    let protocols = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
    vec![
        row("metadata.max.age.ms", Long, Low, "When metadata is read anew, in ms.").or("300000"),
        row("send.buffer.bytes", Int, Medium, "Size of TCP's send buffer.").or("131072"),
        row("receive.buffer.bytes", Int, Medium, "Size of TCP's receive buffer.").or("32768"),
        row("reconnect.backoff.ms", Long, Low, "Wait before a new connection, in ms.").or("50"),
        row("reconnect.backoff.max.ms", Long, Low, "Longest wait before a new connection, in ms.").or("1000"),
        row("retry.backoff.ms", Long, Low, "Wait before a request is tried again, in ms.").or("100"),
        row("retry.backoff.max.ms", Long, Low, "Longest wait before a request is tried again, in ms.").or("1000"),
        row("socket.connection.setup.timeout.ms", Long, Low, "How long a connection may take, in ms.").or("10000"),
        row("socket.connection.setup.timeout.max.ms", Long, Low, "How long a connection may take at most, in ms.")
            .or("30000"),
        row("request.timeout.ms", Int, Medium, "How long an answer may take, in ms.").or("40000"),
        row("connections.max.idle.ms", Long, Medium, "When an idle connection is closed, in ms.").or("540000"),
        row("security.protocol", Text, Medium, "How brokers are spoken to.")
            .or("PLAINTEXT")
            .checked(Validator::OneOfIgnoreCase(protocols)),
        row("metadata.recovery.strategy", Text, Low, "What happens when no known broker answers: none, rebootstrap.")
            .or("rebootstrap")
            .checked(Validator::OneOfIgnoreCase(&["none", "rebootstrap"])),
    ]
}

const fn family(prefix: &'static str, support: Support, doc: &'static str) -> Family {
    Family { prefix, support, doc }
}

const REMOVED: Support = Support::NoEffect("removed from Kafka Connect; the worker's own topics are always JSON");

/// Families of keys.
pub const FAMILIES: &[Family] = &[
    family("producer.", Support::Full, "Settings of the producers of source tasks and dead letter queues."),
    family("consumer.", Support::Full, "Settings of the consumers of sink tasks."),
    family("admin.listeners.https.", Support::Full, "TLS of the admin listeners."),
    family("admin.", Support::Full, "Settings of connectors' admin clients."),
    family("key.converter.", Support::Full, "Settings of the converter of keys."),
    family("value.converter.", Support::Full, "Settings of the converter of values."),
    family("header.converter.", Support::Full, "Settings of the converter of headers."),
    family("config.providers.", Support::Full, "Class and parameters of config providers."),
    family("config.storage.", Support::Full, "Further settings of a new config topic."),
    family("offset.storage.", Support::Full, "Further settings of a new offset topic."),
    family("status.storage.", Support::Full, "Further settings of a new status topic."),
    family("ssl.", Support::Full, "TLS of the worker's own clients."),
    family("sasl.", Support::Full, "Login of the worker's own clients."),
    family("listeners.https.", Support::Full, "TLS of the REST API."),
    family("metrics.context.", Support::NoEffect(METRICS), "Labels of the clients' metrics."),
    family("internal.key.converter", REMOVED, "Converter of keys of the worker's own topics."),
    family("internal.value.converter", REMOVED, "Converter of values of the worker's own topics."),
    family(
        "rest.port",
        Support::NoEffect("removed from Kafka Connect; listeners says where the API listens"),
        "Port of the REST API.",
    ),
    family(
        "rest.host.name",
        Support::NoEffect("removed from Kafka Connect; listeners says where the API listens"),
        "Host of the REST API.",
    ),
];
