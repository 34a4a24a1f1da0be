//! Settings of the Kafka clients that the worker makes, by Java's names.
//!
//! What comes later wins: what Connect sets itself, the worker's `producer.`, `consumer.` or `admin.` settings, the
//! connector's `….override.` settings, as far as the worker's policy lets it. The producers and consumers of tasks do
//! not inherit the worker's own security settings; admin clients do.

use longshore_api::{ConnectError, Props, Result};

use super::worker::with_prefix;
use super::{OverridePolicy, WorkerConfig, keys};
use crate::task::TaskId;

/// What Connect sets for producers.
const PRODUCER: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "false"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "2147483647"),
    ("max.block.ms", "9223372036854775807"),
];

/// What Connect sets for the consumers of sinks, and the session's time-out: a worker that was killed holds its
/// partitions until then. Java clients wait 45 s, to get over pauses that a native client does not make; this is what
/// they waited before Kafka 3.0.
const CONSUMER: &[(&str, &str)] =
    &[("enable.auto.commit", "false"), ("auto.offset.reset", "earliest"), ("session.timeout.ms", "10000")];

/// Settings that policy `Principal` lets connectors override.
const PRINCIPAL: &[&str] = &["security.protocol", "sasl.jaas.config", "sasl.mechanism"];

/// The consumer of a sink's task. `connector` is the connector's configuration, variables resolved.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn sink_consumer_props(worker: &WorkerConfig, connector: &Props, task: &TaskId) -> Result<Props> {
    let mut props = base(worker, CONSUMER, format!("connector-consumer-{task}"));
    props.insert("group.id".to_owned(), format!("connect-{}", task.connector));
    add_prefixed(props, worker, connector, "consumer.")
}

/// The producer of a source's task.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn source_producer_props(worker: &WorkerConfig, connector: &Props, task: &TaskId) -> Result<Props> {
    let props = base(worker, PRODUCER, format!("connector-producer-{task}"));
    add_prefixed(props, worker, connector, "producer.")
}

/// The producer of a sink's dead letters.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn dlq_producer_props(worker: &WorkerConfig, connector: &Props, task: &TaskId) -> Result<Props> {
    let props = base(worker, PRODUCER, format!("connector-dlq-producer-{task}"));
    add_prefixed(props, worker, connector, "producer.")
}

/// The admin client that creates a sink's dead letter topic.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn dlq_admin_props(worker: &WorkerConfig, connector: &Props) -> Result<Props> {
    admin_props(worker, connector, "connector-dlq-adminclient-")
}

/// The admin client that creates the topics of a source's task.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn source_admin_props(worker: &WorkerConfig, connector: &Props, task: &TaskId) -> Result<Props> {
    admin_props(worker, connector, &format!("connector-adminclient-{task}"))
}

/// The admin client that reads and alters a sink's offsets.
///
/// # Errors
/// An override that the worker's policy does not allow.
pub fn offsets_admin_props(worker: &WorkerConfig, connector: &Props, name: &str) -> Result<Props> {
    admin_props(worker, connector, &format!("connector-worker-adminclient-{name}"))
}

fn admin_props(worker: &WorkerConfig, connector: &Props, client_id: &str) -> Result<Props> {
    let mut props = base(worker, &[], client_id.to_owned());
    props.extend(own_props(worker));
    add_prefixed(props, worker, connector, "admin.")
}

/// The consumer group of a sink, as its consumers use it.
pub fn sink_group(worker: &WorkerConfig, connector: &Props, name: &str) -> String {
    let own = connector.get("consumer.override.group.id").or_else(|| worker.props.get("consumer.group.id"));
    own.cloned().unwrap_or_else(|| format!("connect-{name}"))
}

/// A client of the worker itself, such as the one that reads a topic of its own. `purpose` ends the client id:
/// `logs`, `shared-admin`.
pub fn internal_props(worker: &WorkerConfig, purpose: &str) -> Props {
    let client_id = worker.props.get("client.id").map(|id| id.trim()).filter(|id| !id.is_empty());
    let name = match (worker.group_id.as_str(), client_id) {
        ("", _) => format!("connect-{purpose}"),
        (group, None) => format!("{group}-{purpose}"),
        (group, Some(id)) => format!("{group}-{id}-{purpose}"),
    };
    let mut props = own_props(worker);
    props.extend(base(worker, &[], name));
    props
}

/// The worker's settings that mean clients: all that do not mean the worker or another client.
fn own_props(worker: &WorkerConfig) -> Props {
    let mut keys_of_worker = keys::common();
    keys_of_worker.extend(keys::distributed());
    keys_of_worker.extend(keys::standalone());
    let of_clients = keys::clients();
    let is_client = |name: &str| {
        let listed = |rows: &[keys::WorkerKey]| rows.iter().any(|row| row.key.name == name);
        if listed(&of_clients) || matches!(name, "bootstrap.servers" | "client.id" | "client.dns.lookup") {
            return true;
        }
        let family = keys::FAMILIES.iter().find(|family| name.starts_with(family.prefix));
        match family.map(|family| family.prefix) {
            Some("ssl." | "sasl.") => name != "ssl.client.auth",
            Some(_) => false,
            None => !listed(&keys_of_worker),
        }
    };
    worker.props.iter().filter(|(name, _)| is_client(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn base(worker: &WorkerConfig, fixed: &[(&str, &str)], client_id: String) -> Props {
    let mut props: Props = fixed.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    props.insert("bootstrap.servers".to_owned(), worker.bootstrap_servers.clone());
    props.insert("client.id".to_owned(), client_id);
    props
}

fn add_prefixed(mut props: Props, worker: &WorkerConfig, connector: &Props, prefix: &str) -> Result<Props> {
    let overrides = with_prefix(connector, &format!("{prefix}override."));
    let refused: Vec<_> = overrides.keys().filter_map(|key| refusal(worker.override_policy, key)).collect();
    if !refused.is_empty() {
        let refused = refused.join(", ");
        return Err(ConnectError::config(format!("Client Config Overrides not allowed [{refused}]")));
    }
    props.extend(with_prefix(&worker.props, prefix));
    props.extend(overrides);
    Ok(props)
}

/// Why a connector may not override a client setting; `None` if it may.
pub fn refusal(policy: OverridePolicy, key: &str) -> Option<String> {
    let allowed = match policy {
        OverridePolicy::All => true,
        OverridePolicy::None => false,
        OverridePolicy::Principal => PRINCIPAL.contains(&key),
    };
    let policy = policy.name();
    (!allowed).then(|| {
        format!("The '{policy}' policy does not allow '{key}' to be overridden in the connector configuration.")
    })
}
