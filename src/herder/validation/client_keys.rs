//! The keys of Kafka 4.3's Java clients, as far as a validation shows them: type, default and importance.

use longshore_api::config::ConfigType::{
    self, Boolean, Class, Double, Int, List, Long, Password, Short, String as Text,
};
use longshore_api::config::Importance::{self, High, Low, Medium};
use longshore_api::config::{ConfigDef, ConfigKey};

use super::overrides::Client;
use Preset::{Null, Required, Value};

enum Preset {
    Required,
    Null,
    Value(&'static str),
}

type Row = (&'static str, ConfigType, Preset, Importance);

/// The table of a client's keys.
pub(super) fn table(client: Client) -> ConfigDef {
    let own = match client {
        Client::Producer => PRODUCER,
        Client::Consumer => CONSUMER,
        Client::Admin => ADMIN,
    };
    ConfigDef::new(COMMON.iter().chain(SECURITY).chain(own).map(|(name, kind, preset, importance)| {
        let key = ConfigKey::new(*name, *kind, *importance);
        match preset {
            Required => key,
            Null => key.default_null(),
            Value(text) => key.default(*text),
        }
    }))
}

/// Keys of all clients.
const COMMON: &[Row] = &[
    ("bootstrap.servers", List, Value(""), High),
    ("client.dns.lookup", Text, Value("use_all_dns_ips"), Medium),
    ("enable.metrics.push", Boolean, Value("true"), Low),
    ("metadata.max.age.ms", Long, Value("300000"), Low),
    ("metadata.recovery.rebootstrap.trigger.ms", Long, Value("300000"), Low),
    ("metadata.recovery.strategy", Text, Value("rebootstrap"), Low),
    ("metric.reporters", List, Value("org.apache.kafka.common.metrics.JmxReporter"), Low),
    ("metrics.num.samples", Int, Value("2"), Low),
    ("metrics.recording.level", Text, Value("INFO"), Low),
    ("metrics.sample.window.ms", Long, Value("30000"), Low),
    ("reconnect.backoff.max.ms", Long, Value("1000"), Low),
    ("reconnect.backoff.ms", Long, Value("50"), Low),
    ("request.timeout.ms", Int, Value("30000"), Medium),
    ("retry.backoff.max.ms", Long, Value("1000"), Low),
    ("retry.backoff.ms", Long, Value("100"), Low),
    ("security.providers", Text, Null, Low),
    ("send.buffer.bytes", Int, Value("131072"), Medium),
    ("socket.connection.setup.timeout.max.ms", Long, Value("30000"), Medium),
    ("socket.connection.setup.timeout.ms", Long, Value("10000"), Medium),
];

/// Keys of all clients, about encryption and authentication.
const SECURITY: &[Row] = &[
    ("sasl.client.callback.handler.class", Class, Null, Medium),
    ("sasl.jaas.config", Password, Null, Medium),
    ("sasl.kerberos.kinit.cmd", Text, Value("/usr/bin/kinit"), Low),
    ("sasl.kerberos.min.time.before.relogin", Long, Value("60000"), Low),
    ("sasl.kerberos.service.name", Text, Null, Medium),
    ("sasl.kerberos.ticket.renew.jitter", Double, Value("0.05"), Low),
    ("sasl.kerberos.ticket.renew.window.factor", Double, Value("0.8"), Low),
    ("sasl.login.callback.handler.class", Class, Null, Medium),
    ("sasl.login.class", Class, Null, Medium),
    ("sasl.login.connect.timeout.ms", Int, Null, Low),
    ("sasl.login.read.timeout.ms", Int, Null, Low),
    ("sasl.login.refresh.buffer.seconds", Short, Value("300"), Low),
    ("sasl.login.refresh.min.period.seconds", Short, Value("60"), Low),
    ("sasl.login.refresh.window.factor", Double, Value("0.8"), Low),
    ("sasl.login.refresh.window.jitter", Double, Value("0.05"), Low),
    ("sasl.login.retry.backoff.max.ms", Long, Value("10000"), Low),
    ("sasl.login.retry.backoff.ms", Long, Value("100"), Low),
    ("sasl.mechanism", Text, Value("GSSAPI"), Medium),
    ("sasl.oauthbearer.assertion.algorithm", Text, Value("RS256"), Medium),
    ("sasl.oauthbearer.assertion.claim.aud", Text, Null, Medium),
    ("sasl.oauthbearer.assertion.claim.exp.seconds", Int, Value("300"), Low),
    ("sasl.oauthbearer.assertion.claim.iss", Text, Null, Medium),
    ("sasl.oauthbearer.assertion.claim.jti.include", Boolean, Value("false"), Medium),
    ("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, Value("60"), Low),
    ("sasl.oauthbearer.assertion.claim.sub", Text, Null, Medium),
    ("sasl.oauthbearer.assertion.file", Text, Null, Medium),
    ("sasl.oauthbearer.assertion.private.key.file", Text, Null, Medium),
    ("sasl.oauthbearer.assertion.private.key.passphrase", Password, Null, Medium),
    ("sasl.oauthbearer.assertion.template.file", Text, Null, Medium),
    ("sasl.oauthbearer.client.credentials.client.id", Text, Null, Medium),
    ("sasl.oauthbearer.client.credentials.client.secret", Password, Null, Medium),
    ("sasl.oauthbearer.clock.skew.seconds", Int, Value("30"), Low),
    ("sasl.oauthbearer.expected.audience", List, Value(""), High),
    ("sasl.oauthbearer.expected.issuer", Text, Null, High),
    ("sasl.oauthbearer.header.urlencode", Boolean, Value("false"), Low),
    ("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, Value("3600000"), Low),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, Value("10000"), Low),
    ("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, Value("100"), Low),
    ("sasl.oauthbearer.jwks.endpoint.url", Text, Null, Medium),
    (
        "sasl.oauthbearer.jwt.retriever.class",
        Class,
        Value("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"),
        Medium,
    ),
    (
        "sasl.oauthbearer.jwt.validator.class",
        Class,
        Value("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"),
        Medium,
    ),
    ("sasl.oauthbearer.scope", Text, Null, Medium),
    ("sasl.oauthbearer.scope.claim.name", Text, Value("scope"), Low),
    ("sasl.oauthbearer.sub.claim.name", Text, Value("sub"), Low),
    ("sasl.oauthbearer.token.endpoint.url", Text, Null, Medium),
    ("security.protocol", Text, Value("PLAINTEXT"), Medium),
    ("ssl.cipher.suites", List, Value(""), Low),
    ("ssl.enabled.protocols", List, Value("TLSv1.2,TLSv1.3"), Medium),
    ("ssl.endpoint.identification.algorithm", Text, Value("https"), Low),
    ("ssl.engine.factory.class", Class, Null, Low),
    ("ssl.key.password", Password, Null, High),
    ("ssl.keymanager.algorithm", Text, Value("SunX509"), Low),
    ("ssl.keystore.certificate.chain", Password, Null, High),
    ("ssl.keystore.key", Password, Null, High),
    ("ssl.keystore.location", Text, Null, High),
    ("ssl.keystore.password", Password, Null, High),
    ("ssl.keystore.type", Text, Value("JKS"), Medium),
    ("ssl.protocol", Text, Value("TLSv1.3"), Medium),
    ("ssl.provider", Text, Null, Medium),
    ("ssl.secure.random.implementation", Text, Null, Low),
    ("ssl.trustmanager.algorithm", Text, Value("PKIX"), Low),
    ("ssl.truststore.certificates", Password, Null, High),
    ("ssl.truststore.location", Text, Null, High),
    ("ssl.truststore.password", Password, Null, High),
    ("ssl.truststore.type", Text, Value("JKS"), Medium),
];

/// Keys of producers.
const PRODUCER: &[Row] = &[
    ("acks", Text, Value("all"), Low),
    ("batch.size", Int, Value("16384"), Medium),
    ("buffer.memory", Long, Value("33554432"), High),
    ("client.id", Text, Value(""), Medium),
    ("compression.gzip.level", Int, Value("-1"), Medium),
    ("compression.lz4.level", Int, Value("9"), Medium),
    ("compression.type", Text, Value("none"), High),
    ("compression.zstd.level", Int, Value("3"), Medium),
    ("connections.max.idle.ms", Long, Value("540000"), Medium),
    ("delivery.timeout.ms", Int, Value("120000"), Medium),
    ("enable.idempotence", Boolean, Value("true"), Low),
    ("interceptor.classes", List, Value(""), Low),
    ("key.serializer", Class, Required, High),
    ("linger.ms", Long, Value("5"), Medium),
    ("max.block.ms", Long, Value("60000"), Medium),
    ("max.in.flight.requests.per.connection", Int, Value("5"), Low),
    ("max.request.size", Int, Value("1048576"), Medium),
    ("metadata.max.idle.ms", Long, Value("300000"), Low),
    ("partitioner.adaptive.partitioning.enable", Boolean, Value("true"), Low),
    ("partitioner.availability.timeout.ms", Long, Value("0"), Low),
    ("partitioner.class", Class, Null, Medium),
    ("partitioner.ignore.keys", Boolean, Value("false"), Medium),
    ("receive.buffer.bytes", Int, Value("32768"), Medium),
    ("retries", Int, Value("2147483647"), High),
    ("transaction.timeout.ms", Int, Value("60000"), Low),
    ("transactional.id", Text, Null, Low),
    ("value.serializer", Class, Required, High),
];

/// Keys of consumers.
const CONSUMER: &[Row] = &[
    ("allow.auto.create.topics", Boolean, Value("true"), Medium),
    ("auto.commit.interval.ms", Int, Value("5000"), Low),
    ("auto.offset.reset", Text, Value("latest"), Medium),
    ("check.crcs", Boolean, Value("true"), Low),
    ("client.id", Text, Value(""), Low),
    ("client.rack", Text, Value(""), Low),
    ("connections.max.idle.ms", Long, Value("540000"), Medium),
    ("default.api.timeout.ms", Int, Value("60000"), Medium),
    ("enable.auto.commit", Boolean, Value("true"), Medium),
    ("exclude.internal.topics", Boolean, Value("true"), Medium),
    ("fetch.max.bytes", Int, Value("52428800"), Medium),
    ("fetch.max.wait.ms", Int, Value("500"), Low),
    ("fetch.min.bytes", Int, Value("1"), High),
    ("group.id", Text, Null, High),
    ("group.instance.id", Text, Null, Medium),
    ("group.protocol", Text, Value("classic"), High),
    ("group.remote.assignor", Text, Null, Medium),
    ("heartbeat.interval.ms", Int, Value("3000"), High),
    ("interceptor.classes", List, Value(""), Low),
    ("isolation.level", Text, Value("read_uncommitted"), Medium),
    ("key.deserializer", Class, Required, High),
    ("max.partition.fetch.bytes", Int, Value("1048576"), High),
    ("max.poll.interval.ms", Int, Value("300000"), Medium),
    ("max.poll.records", Int, Value("500"), Medium),
    (
        "partition.assignment.strategy",
        List,
        Value(
            "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        ),
        Medium,
    ),
    ("receive.buffer.bytes", Int, Value("65536"), Medium),
    ("session.timeout.ms", Int, Value("45000"), High),
    ("value.deserializer", Class, Required, High),
];

/// Keys of admin clients.
const ADMIN: &[Row] = &[
    ("bootstrap.controllers", List, Value(""), High),
    ("client.id", Text, Value(""), Medium),
    ("connections.max.idle.ms", Long, Value("300000"), Medium),
    ("default.api.timeout.ms", Int, Value("60000"), Medium),
    ("receive.buffer.bytes", Int, Value("65536"), Medium),
    ("retries", Int, Value("2147483647"), Low),
];
