//! The keys that all converters of the registry have in common.

use std::time::{Duration, Instant};

use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{Props, Result};

use super::subject::SubjectStrategy;

/// What the common keys say about schemas and subjects; the connection is [`Registry`](super::Registry)'s part.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether this is for keys.
    pub is_key: bool,
    /// Under which names schemas stand.
    pub strategy: SubjectStrategy,
    /// `auto.register.schemas`.
    pub auto_register: bool,
    /// `use.latest.version`.
    pub use_latest: bool,
    /// `latest.compatibility.strict`.
    pub latest_strict: bool,
    /// `use.schema.id`, if it is set.
    pub use_id: Option<i32>,
    /// `id.compatibility.strict`.
    pub id_strict: bool,
    /// `normalize.schemas`.
    pub normalize: bool,
    /// How many compiled schemas are kept in each direction.
    pub cache_size: usize,
    /// How long the latest version counts as the latest, `latest.cache.ttl.sec`; `None` for ever.
    pub latest_ttl: Option<Duration>,
}

/// What keys of the connection may begin with.
pub(super) const PREFIX: &str = "schema.registry.";
const TOPIC_NAME: &str = "io.confluent.kafka.serializers.subject.TopicNameStrategy";

impl Settings {
    /// What the keys say.
    ///
    /// # Errors
    /// Kind Config, for a strategy that is not known.
    pub(super) fn new(config: &ParsedConfig, is_key: bool) -> Result<Self> {
        let strategy_key = if is_key { "key.subject.name.strategy" } else { "value.subject.name.strategy" };
        let size = config.integer("schemas.cache.size");
        Ok(Self {
            is_key,
            strategy: SubjectStrategy::of_class(strategy_key, config.string(strategy_key))?,
            auto_register: config.boolean("auto.register.schemas"),
            use_latest: config.boolean("use.latest.version"),
            latest_strict: config.boolean("latest.compatibility.strict"),
            use_id: i32::try_from(config.integer("use.schema.id")).ok().filter(|id| *id >= 0),
            id_strict: config.boolean("id.compatibility.strict"),
            normalize: config.boolean("normalize.schemas"),
            cache_size: usize::try_from(size).unwrap_or(0).max(1),
            latest_ttl: u64::try_from(config.integer("latest.cache.ttl.sec")).ok().map(Duration::from_secs),
        })
    }

    /// Whether a schema to write with that was found at this time still counts.
    pub(super) fn is_fresh(&self, since: Instant) -> bool {
        !self.use_latest || self.latest_ttl.is_none_or(|ttl| since.elapsed() < ttl)
    }
}

/// Parses a converter's keys, those of the registry among them. Keys of the connection may carry the prefix
/// `schema.registry.`, and one that does wins over the same key without it, as in Confluent's clients.
///
/// # Errors
/// Kind Config, with everything that is wrong.
pub(super) fn parse(own: Vec<ConfigKey>, props: &Props) -> Result<ParsedConfig> {
    let mut merged = props.clone();
    for (name, value) in props {
        match name.strip_prefix(PREFIX) {
            Some(short) if short != "url" => {
                merged.insert(short.to_owned(), value.clone());
            }
            _ => {}
        }
    }
    if let (Some(size), false) = (props.get("schemas.cache.config"), props.contains_key("schemas.cache.size")) {
        merged.insert("schemas.cache.size".to_owned(), size.clone());
    }
    Ok(ConfigDef::new(registry_keys().into_iter().chain(own)).parse(&merged)?)
}

/// The keys that all converters of the registry have in common.
pub fn registry_keys() -> Vec<ConfigKey> {
    let mut keys = schema_keys();
    keys.extend(connection_keys());
    keys.extend(login_keys());
    keys.extend(tls_keys());
    keys
}

fn schema_keys() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("schema.registry.url", ConfigType::List, Importance::High)
            .validator(Validator::NonEmptyList)
            .doc("URLs of the Schema Registry; where one does not answer, the next is asked."),
        switch("auto.register.schemas", true, "Whether a schema that a subject lacks is registered."),
        switch("use.latest.version", false, "Whether data is written with the subject's latest schema."),
        switch("latest.compatibility.strict", true, "Whether the latest schema must be able to read the data's own."),
        number("use.schema.id", "-1", "The id of the schema to write with; -1 for none."),
        switch(
            "id.compatibility.strict",
            true,
            "Whether the schema of use.schema.id must be able to read the data's own.",
        ),
        switch("normalize.schemas", false, "Whether the registry is to normalize a schema before it compares it."),
        number("max.schemas.per.subject", "1000", "Accepted: schemas.cache.size bounds what is kept."),
        number("schemas.cache.size", "1000", "How many schemas are kept after they were read or written."),
        number("schemas.cache.config", "1000", "The older name of schemas.cache.size."),
        number("latest.cache.size", "1000", "Accepted: the latest versions are kept with the other schemas."),
        number(
            "latest.cache.ttl.sec",
            "-1",
            "For how many seconds the latest version counts as the latest; -1 for ever.",
        ),
        class_key("key.subject.name.strategy"),
        class_key("value.subject.name.strategy"),
    ]
}

fn connection_keys() -> Vec<ConfigKey> {
    vec![
        text("proxy.host", "The HTTP proxy to the registry."),
        number("proxy.port", "-1", "The port of the proxy."),
        number("http.connect.timeout.ms", "60000", "How long a connection may take to come about."),
        number("http.read.timeout.ms", "60000", "How long an answer may take."),
    ]
}

fn login_keys() -> Vec<ConfigKey> {
    vec![
        text("basic.auth.credentials.source", "Where user and password come from: URL, USER_INFO or SASL_INHERIT."),
        secret("basic.auth.user.info", "user:password, for USER_INFO."),
        secret("sasl.jaas.config", "The login of Kafka's clients, for SASL_INHERIT."),
        text("bearer.auth.credentials.source", "Where the bearer token comes from: STATIC_TOKEN or OAUTHBEARER."),
        secret("bearer.auth.token", "The token, for STATIC_TOKEN."),
        text("bearer.auth.issuer.endpoint.url", "The URL that gives tokens, for OAUTHBEARER."),
        text("bearer.auth.client.id", "The client's id there."),
        secret("bearer.auth.client.secret", "The client's secret there."),
        text("bearer.auth.scope", "The scope that is asked for."),
        number("bearer.auth.cache.expiry.buffer.seconds", "300", "How long before its end a token is replaced."),
        text("bearer.auth.logical.cluster", "Sent as the header target-sr-cluster beside a bearer token."),
        text("bearer.auth.identity.pool.id", "Sent as the header Confluent-Identity-Pool-Id beside a bearer token."),
    ]
}

/// The keys of TLS.
pub(super) fn tls_keys() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("ssl.endpoint.identification.algorithm", ConfigType::String, Importance::Low)
            .default("https")
            .doc("How the host's name is checked against its certificate: https."),
        text("ssl.truststore.type", "The form of the trusted certificates: JKS, PKCS12 or PEM."),
        text("ssl.truststore.location", "The store of the certificates that are trusted."),
        secret("ssl.truststore.certificates", "The certificates that are trusted, as PEM text."),
        secret("ssl.truststore.password", "The password of the truststore."),
        text("ssl.keystore.type", "The form of the client's certificate and key: JKS, PKCS12 or PEM."),
        text("ssl.keystore.location", "The store of the client's certificate chain and key."),
        secret("ssl.keystore.certificate.chain", "The client's certificate chain, as PEM text."),
        secret("ssl.keystore.key", "The client's key, as PEM text."),
        secret("ssl.keystore.password", "The password of the keystore."),
        secret("ssl.key.password", "The password of the client's key."),
    ]
}

/// A key that is true or false.
pub(crate) fn switch(name: &'static str, default: bool, doc: &'static str) -> ConfigKey {
    let default = if default { "true" } else { "false" };
    ConfigKey::new(name, ConfigType::Boolean, Importance::Medium).default(default).doc(doc)
}

fn number(name: &'static str, default: &'static str, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, ConfigType::Int, Importance::Low).default(default).doc(doc)
}

fn text(name: &'static str, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, ConfigType::String, Importance::Medium).default_null().doc(doc)
}

fn secret(name: &'static str, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, ConfigType::Password, Importance::Medium).default_null().doc(doc)
}

fn class_key(name: &'static str) -> ConfigKey {
    let doc = "How a topic and a schema give the subject: TopicNameStrategy, RecordNameStrategy or \
               TopicRecordNameStrategy of the package io.confluent.kafka.serializers.subject.";
    ConfigKey::new(name, ConfigType::Class, Importance::Medium).default(TOPIC_NAME).doc(doc)
}
