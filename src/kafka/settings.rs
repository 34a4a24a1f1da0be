//! The one table that says what becomes of each of Java's client settings.

use longshore_api::{ConnectError, Props, Result};

use super::client::Role;

/// The native settings that come of Java's.
#[derive(Debug, Default)]
pub(super) struct Native {
    pairs: Vec<(&'static str, String, &'static str)>,
}

impl Native {
    /// Sets a native key because of a Java key; the last one said wins.
    pub(super) fn set(&mut self, native: &'static str, value: impl Into<String>, java: &'static str) {
        self.pairs.retain(|(known, ..)| *known != native);
        self.pairs.push((native, value.into(), java));
    }

    pub(super) fn get(&self, native: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, ..)| *known == native).map(|(_, value, _)| value.as_str())
    }

    /// The Java key that a native key was set for.
    pub(super) fn origin(&self, native: &str) -> Option<&'static str> {
        self.pairs.iter().find(|(known, ..)| *known == native).map(|(.., java)| *java)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs.iter().map(|(native, value, _)| (*native, value.as_str()))
    }
}

/// A setting on its way: its Java key, its value, and everything else that was set.
pub(super) struct Given<'a> {
    pub(super) key: &'static str,
    pub(super) value: &'a str,
    pub(super) all: &'a Props,
    pub(super) role: Role,
}

impl Given<'_> {
    pub(super) fn invalid(&self, why: &str) -> ConnectError {
        ConnectError::config(longshore_api::config::invalid_value(self.key, Some(self.value), why))
    }

    fn number(&self) -> Result<i64> {
        self.value.trim().parse().map_err(|_| self.invalid("Not a number of type LONG"))
    }
}

/// What becomes of a Java setting.
pub(super) enum Becomes {
    /// The same key with the same values.
    Same,
    /// A number under another (or the same) key, brought into the range that the native client takes.
    Number(&'static str, i64, i64),
    /// Something that takes more than a name.
    Special(fn(&Given<'_>, &mut Native) -> Result<()>),
    /// Accepted without effect, for this reason.
    Ignored(#[allow(dead_code, reason = "read by people and by the reference page")] &'static str),
    /// Not possible, for this reason, which the user is told.
    Refused(&'static str),
}

const ALL: &[Role] = &[Role::Consumer, Role::Producer, Role::Admin];
const CONSUMER: &[Role] = &[Role::Consumer];
const PRODUCER: &[Role] = &[Role::Producer];

/// A row of the table.
pub(super) struct Setting {
    /// Java's name.
    pub(super) key: &'static str,
    /// Which clients know it; on others it is left out silently.
    pub(super) roles: &'static [Role],
    /// What becomes of it.
    pub(super) becomes: Becomes,
}

const fn row(key: &'static str, roles: &'static [Role], becomes: Becomes) -> Setting {
    Setting { key, roles, becomes }
}

use Becomes::{Ignored, Number, Refused, Same, Special};

const INT_MAX: i64 = i32::MAX as i64;
/// Java's `fetch.max.bytes`.
const MOST_FETCHED_AT_ONCE: i64 = 50 << 20;
/// What the native client spends on a small record in its queue, about; and how many it is to fetch ahead at most.
const BYTES_A_QUEUED_RECORD: i64 = 800;
const MOST_QUEUED_RECORDS: i64 = 20_000;
const JAVA_CLASS: &str = "a Java class cannot be loaded";
const JAVA_METRICS: &str = "metrics come from the worker's own endpoint";
const JAVA_TLS: &str = "names parts of Java's TLS; OpenSSL chooses by itself";
const OURS: &str = "the worker decides this itself";
const OAUTH: &str = "`oauth` reads it";
const OF_BROKERS: &str = "only brokers check tokens";
const ASSERTIONS: &str =
    "tokens by a signed assertion are not; use sasl.oauthbearer.client.credentials.client.id and its secret";
const LOGIN_CLASS: &str = "logging in through a Java class is not supported; use PLAIN, SCRAM or OAUTHBEARER with sasl.jaas.config, or TLS client \
                           certificates";

/// Every client setting of Kafka 4.3 that is known here. What is not here is left out and logged as unused.
pub(super) const SETTINGS: &[Setting] = &[
    // Who and where
    row("bootstrap.servers", ALL, Special(bootstrap)),
    row("bootstrap.controllers", &[Role::Admin], Refused("talk to brokers, through bootstrap.servers")),
    row("client.id", ALL, Same),
    row("client.rack", ALL, Same),
    row("client.dns.lookup", ALL, Same),
    // Network
    row("metadata.max.age.ms", ALL, Special(metadata_age)),
    row("metadata.max.idle.ms", PRODUCER, Ignored("unused topics are forgotten by the native client's own rule")),
    row("metadata.recovery.strategy", ALL, Special(lower_case)),
    row(
        "metadata.recovery.rebootstrap.trigger.ms",
        ALL,
        Number("metadata.recovery.rebootstrap.trigger.ms", 0, INT_MAX),
    ),
    row("connections.max.idle.ms", ALL, Number("connections.max.idle.ms", 0, INT_MAX)),
    row("reconnect.backoff.ms", ALL, Number("reconnect.backoff.ms", 0, 3_600_000)),
    row("reconnect.backoff.max.ms", ALL, Number("reconnect.backoff.max.ms", 0, 3_600_000)),
    row("retry.backoff.ms", ALL, Number("retry.backoff.ms", 1, 300_000)),
    row("retry.backoff.max.ms", ALL, Number("retry.backoff.max.ms", 1, 300_000)),
    row("request.timeout.ms", ALL, Special(request_timeout)),
    row("default.api.timeout.ms", ALL, Ignored("each call of the worker has its own time limit")),
    row("socket.connection.setup.timeout.ms", ALL, Number("socket.connection.setup.timeout.ms", 1_000, INT_MAX)),
    row("socket.connection.setup.timeout.max.ms", ALL, Ignored("the native client does not lengthen the time-out")),
    row("send.buffer.bytes", ALL, Number("socket.send.buffer.bytes", 0, 100_000_000)),
    row("receive.buffer.bytes", ALL, Number("socket.receive.buffer.bytes", 0, 100_000_000)),
    // Group
    row("group.id", CONSUMER, Same),
    row("group.instance.id", CONSUMER, Same),
    row("group.protocol", CONSUMER, Special(lower_case)),
    row("group.remote.assignor", CONSUMER, Same),
    row("session.timeout.ms", CONSUMER, Number("session.timeout.ms", 1, 3_600_000)),
    row("heartbeat.interval.ms", CONSUMER, Number("heartbeat.interval.ms", 1, 3_600_000)),
    row("max.poll.interval.ms", CONSUMER, Number("max.poll.interval.ms", 1, 86_400_000)),
    row("partition.assignment.strategy", CONSUMER, Special(assignors)),
    row("max.poll.records", CONSUMER, Ignored("the worker builds its batches by it")),
    row("enable.auto.commit", CONSUMER, Ignored("offsets are committed when a sink has delivered, never before")),
    row("auto.commit.interval.ms", CONSUMER, Ignored("offsets are committed when a sink has delivered, never before")),
    row("exclude.internal.topics", CONSUMER, Ignored(OURS)),
    row("auto.offset.reset", CONSUMER, Special(offset_reset)),
    row("allow.auto.create.topics", CONSUMER, Special(lower_case)),
    // Fetch
    row("isolation.level", CONSUMER, Special(lower_case)),
    row("check.crcs", CONSUMER, Special(lower_case)),
    row("fetch.min.bytes", CONSUMER, Number("fetch.min.bytes", 1, 100_000_000)),
    row("fetch.max.wait.ms", CONSUMER, Number("fetch.wait.max.ms", 0, 300_000)),
    row("fetch.max.bytes", CONSUMER, Special(fetch_max)),
    row("max.partition.fetch.bytes", CONSUMER, Special(partition_fetch_max)),
    row("key.deserializer", CONSUMER, Ignored(OURS)),
    row("value.deserializer", CONSUMER, Ignored(OURS)),
    // Produce
    row("acks", PRODUCER, Special(acks)),
    row("retries", PRODUCER, Number("message.send.max.retries", 0, INT_MAX)),
    row("enable.idempotence", PRODUCER, Special(lower_case)),
    row("max.in.flight.requests.per.connection", PRODUCER, Number("max.in.flight", 1, 1_000_000)),
    row("delivery.timeout.ms", PRODUCER, Special(delivery_timeout)),
    row("max.block.ms", PRODUCER, Ignored("the worker waits for room without a thread, as long as it takes")),
    row("linger.ms", PRODUCER, Number("linger.ms", 0, 900_000)),
    row("batch.size", PRODUCER, Number("batch.size", 1, INT_MAX)),
    row("buffer.memory", PRODUCER, Special(buffer_memory)),
    row("max.request.size", PRODUCER, Number("message.max.bytes", 1_000, 1_000_000_000)),
    row("compression.type", PRODUCER, Special(lower_case)),
    row("compression.gzip.level", PRODUCER, Special(compression_level)),
    row("compression.lz4.level", PRODUCER, Special(compression_level)),
    row("compression.zstd.level", PRODUCER, Special(compression_level)),
    row("partitioner.class", PRODUCER, Special(partitioner)),
    row("partitioner.ignore.keys", PRODUCER, Special(partitioner_ignores_keys)),
    row(
        "partitioner.adaptive.partitioning.enable",
        PRODUCER,
        Ignored("records without key stick to a partition a batch"),
    ),
    row("partitioner.availability.timeout.ms", PRODUCER, Ignored("records without key stick to a partition a batch")),
    row("transactional.id", PRODUCER, Same),
    row("transaction.timeout.ms", PRODUCER, Number("transaction.timeout.ms", 1_000, INT_MAX)),
    row("transaction.two.phase.commit.enable", PRODUCER, Ignored("the worker does not prepare transactions")),
    row("key.serializer", PRODUCER, Ignored(OURS)),
    row("value.serializer", PRODUCER, Ignored(OURS)),
    // What lives in Java only
    row("interceptor.classes", ALL, Ignored(JAVA_CLASS)),
    row("metric.reporters", ALL, Ignored(JAVA_METRICS)),
    row("metrics.num.samples", ALL, Ignored(JAVA_METRICS)),
    row("metrics.recording.level", ALL, Ignored(JAVA_METRICS)),
    row("metrics.sample.window.ms", ALL, Ignored(JAVA_METRICS)),
    row("auto.include.jmx.reporter", ALL, Ignored(JAVA_METRICS)),
    row("enable.metrics.push", ALL, Ignored(JAVA_METRICS)),
    row("security.providers", ALL, Ignored(JAVA_CLASS)),
    row("config.providers", ALL, Ignored("the worker resolves variables before clients see them")),
    // Security; who logs in how is worked out by `client`, all keys together
    row("security.protocol", ALL, Special(lower_case)),
    row("sasl.mechanism", ALL, Special(super::sasl::mechanism)),
    row("sasl.jaas.config", ALL, Special(super::sasl::jaas_config)),
    row("sasl.kerberos.service.name", ALL, Ignored("only GSSAPI needs it")),
    row("sasl.kerberos.kinit.cmd", ALL, Ignored("only GSSAPI needs it")),
    row("sasl.kerberos.min.time.before.relogin", ALL, Ignored("only GSSAPI needs it")),
    row("sasl.kerberos.ticket.renew.jitter", ALL, Ignored("only GSSAPI needs it")),
    row("sasl.kerberos.ticket.renew.window.factor", ALL, Ignored("only GSSAPI needs it")),
    row("sasl.client.callback.handler.class", ALL, Refused(LOGIN_CLASS)),
    row("sasl.login.callback.handler.class", ALL, Special(super::sasl::login_handler)),
    row("sasl.login.class", ALL, Refused(LOGIN_CLASS)),
    row("sasl.login.refresh.buffer.seconds", ALL, Ignored(OAUTH)),
    row("sasl.login.refresh.min.period.seconds", ALL, Ignored(OAUTH)),
    row("sasl.login.refresh.window.factor", ALL, Ignored(OAUTH)),
    row("sasl.login.refresh.window.jitter", ALL, Ignored(OAUTH)),
    row("sasl.login.connect.timeout.ms", ALL, Ignored(OAUTH)),
    row("sasl.login.read.timeout.ms", ALL, Ignored(OAUTH)),
    row("sasl.login.retry.backoff.ms", ALL, Ignored(OAUTH)),
    row("sasl.login.retry.backoff.max.ms", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.token.endpoint.url", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.client.credentials.client.id", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.client.credentials.client.secret", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.scope", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.header.urlencode", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.sub.claim.name", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.jwt.retriever.class", ALL, Ignored(OAUTH)),
    row("sasl.oauthbearer.jwt.validator.class", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.scope.claim.name", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.clock.skew.seconds", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.expected.audience", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.expected.issuer", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.jwks.endpoint.url", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.jwks.endpoint.refresh.ms", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", ALL, Ignored(OF_BROKERS)),
    row("sasl.oauthbearer.assertion.algorithm", ALL, Ignored(ASSERTIONS)),
    row("sasl.oauthbearer.assertion.file", ALL, Refused(ASSERTIONS)),
    row("sasl.oauthbearer.assertion.private.key.file", ALL, Refused(ASSERTIONS)),
    row("sasl.oauthbearer.assertion.template.file", ALL, Refused(ASSERTIONS)),
    row("ssl.truststore.type", ALL, Ignored("read with ssl.truststore.location")),
    row("ssl.truststore.location", ALL, Special(super::tls::truststore)),
    row("ssl.truststore.password", ALL, Ignored("read with ssl.truststore.location")),
    row("ssl.truststore.certificates", ALL, Special(super::tls::trusted)),
    row("ssl.keystore.type", ALL, Ignored("read with ssl.keystore.location")),
    row("ssl.keystore.location", ALL, Special(super::tls::keystore)),
    row("ssl.keystore.password", ALL, Ignored("read with ssl.keystore.location")),
    row("ssl.keystore.certificate.chain", ALL, Ignored("read with ssl.keystore.key")),
    row("ssl.keystore.key", ALL, Special(super::tls::key)),
    row("ssl.key.password", ALL, Ignored("read with ssl.keystore.location or ssl.keystore.key")),
    row("ssl.endpoint.identification.algorithm", ALL, Special(super::tls::host_names)),
    row("ssl.cipher.suites", ALL, Special(super::tls::cipher_suites)),
    row("ssl.protocol", ALL, Ignored(JAVA_TLS)),
    row("ssl.enabled.protocols", ALL, Ignored(JAVA_TLS)),
    row("ssl.provider", ALL, Ignored(JAVA_TLS)),
    row("ssl.keymanager.algorithm", ALL, Ignored(JAVA_TLS)),
    row("ssl.trustmanager.algorithm", ALL, Ignored(JAVA_TLS)),
    row("ssl.secure.random.implementation", ALL, Ignored(JAVA_TLS)),
    row("ssl.engine.factory.class", ALL, Refused(JAVA_CLASS)),
];

impl Setting {
    /// Applies the row to what the user gave.
    pub(super) fn apply(&self, given: &Given<'_>, native: &mut Native) -> Result<()> {
        match self.becomes {
            Same => native.set(self.key, given.value.trim(), self.key),
            Number(name, least, most) => native.set(name, given.number()?.clamp(least, most).to_string(), self.key),
            Special(apply) => apply(given, native)?,
            Ignored(_) => {}
            Refused(why) => return Err(ConnectError::config(format!("{} is not supported: {why}", self.key))),
        }
        Ok(())
    }
}

fn lower_case(given: &Given<'_>, native: &mut Native) -> Result<()> {
    native.set(given.key, given.value.trim().to_ascii_lowercase(), given.key);
    Ok(())
}

fn bootstrap(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let servers: Vec<&str> = given.value.split(',').map(str::trim).filter(|server| !server.is_empty()).collect();
    if let Some(server) = servers.iter().find(|server| !has_port(server)) {
        return Err(given.invalid(&format!("{server} is not host:port")));
    }
    if servers.is_empty() {
        return Err(given.invalid("no host:port is given"));
    }
    native.set(given.key, servers.join(","), given.key);
    Ok(())
}

fn has_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn metadata_age(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let age = given.number()?.clamp(10, 3_600_000);
    native.set("topic.metadata.refresh.interval.ms", age.to_string(), given.key);
    // Kept longer than it is refreshed, so that a late answer does not leave the client without.
    native.set("metadata.max.age.ms", (age * 3).to_string(), given.key);
    Ok(())
}

/// Time for an answer. A producer also tells the broker how long it may wait for replicas.
fn request_timeout(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let timeout = given.number()?;
    native.set("socket.timeout.ms", timeout.clamp(10, 300_000).to_string(), given.key);
    if given.role == Role::Producer {
        native.set("request.timeout.ms", timeout.clamp(1, 900_000).to_string(), given.key);
    }
    Ok(())
}

/// Java offers `range` and `cooperative-sticky` and so works as `range` until every member changes. The native
/// client cannot offer both in one list, so the first decides, as it does in such a group.
fn assignors(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let first = given.value.split(',').map(str::trim).find(|name| !name.is_empty()).unwrap_or_default();
    let name = match first.rsplit('.').next().unwrap_or(first) {
        "RangeAssignor" | "range" => "range",
        "RoundRobinAssignor" | "roundrobin" => "roundrobin",
        "CooperativeStickyAssignor" | "cooperative-sticky" => "cooperative-sticky",
        other => {
            return Err(given.invalid(&format!(
                "{other} is not built in; RangeAssignor, RoundRobinAssignor and CooperativeStickyAssignor are"
            )));
        }
    };
    native.set(given.key, name, given.key);
    Ok(())
}

fn offset_reset(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let value = match given.value.trim().to_ascii_lowercase().as_str() {
        "earliest" => "earliest",
        "latest" => "latest",
        "none" => "error",
        _ => return Err(given.invalid("only earliest, latest and none are supported")),
    };
    native.set(given.key, value, given.key);
    Ok(())
}

/// Java's bound for one fetch is the bound for all that is fetched ahead. One fetch is a quarter of that, because the
/// native client looks at what it has before it fetches, not at what it will have then.
fn fetch_max(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let kbytes = (given.number()? / 1024).clamp(4, 2_097_151);
    native.set("queued.max.messages.kbytes", kbytes.to_string(), given.key);
    let once = (kbytes * 1024 / 4).min(MOST_FETCHED_AT_ONCE);
    native.set("fetch.max.bytes", once.to_string(), given.key);
    // No fetch may be smaller than this, which says nothing about what consumers read.
    native.set("message.max.bytes", once.min(1_000_000).to_string(), given.key);
    let records = (kbytes * 1024 / BYTES_A_QUEUED_RECORD).min(MOST_QUEUED_RECORDS);
    native.set("queued.min.messages", records.to_string(), given.key);
    Ok(())
}

fn partition_fetch_max(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let bytes = given.number()?.clamp(1, 1_000_000_000);
    native.set("fetch.message.max.bytes", bytes.to_string(), given.key);
    Ok(())
}

fn acks(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let value = given.value.trim();
    if !matches!(value, "all" | "-1" | "0" | "1") {
        return Err(given.invalid("String must be one of: all, -1, 0, 1"));
    }
    native.set("acks", value, given.key);
    Ok(())
}

fn delivery_timeout(given: &Given<'_>, native: &mut Native) -> Result<()> {
    // Java's largest value means for ever; the native client's word for that is 0.
    let timeout = match given.number()?.clamp(1, INT_MAX) {
        INT_MAX => 0,
        timeout => timeout,
    };
    native.set("message.timeout.ms", timeout.to_string(), given.key);
    Ok(())
}

/// Room for the largest record there may be: one that does not fit would be waited for without end.
fn buffer_memory(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let largest = given.all.get("max.request.size").and_then(|size| size.trim().parse::<i64>().ok());
    let largest = largest.unwrap_or(1 << 20).saturating_add(1023) / 1024;
    let kbytes = (given.number()? / 1024).max(largest).clamp(1, INT_MAX);
    native.set("queue.buffering.max.kbytes", kbytes.to_string(), given.key);
    Ok(())
}

/// The level of the codec that is in use; the other two levels have no effect.
fn compression_level(given: &Given<'_>, native: &mut Native) -> Result<()> {
    let codec = given.all.get("compression.type").map(|codec| codec.trim().to_ascii_lowercase()).unwrap_or_default();
    if given.key == format!("compression.{codec}.level") {
        native.set("compression.level", given.number()?.clamp(-1, 12).to_string(), given.key);
    }
    Ok(())
}

fn partitioner(given: &Given<'_>, native: &mut Native) -> Result<()> {
    match given.value.trim().rsplit('.').next().unwrap_or_default() {
        "" | "DefaultPartitioner" | "null" => Ok(()),
        "UniformStickyPartitioner" | "RoundRobinPartitioner" => {
            native.set("partitioner", "random", given.key);
            Ok(())
        }
        _ => Err(given.invalid("a Java class cannot be loaded; leave the key out for Kafka's default partitioner")),
    }
}

fn partitioner_ignores_keys(given: &Given<'_>, native: &mut Native) -> Result<()> {
    if given.value.trim().eq_ignore_ascii_case("true") {
        native.set("partitioner", "random", given.key);
    }
    Ok(())
}
