//! Client settings that a connector overrides: whether the worker's policy lets it, and how they are shown.

use longshore_api::config::HIDDEN;
use longshore_api::{ConfigValue, Props};

use super::client_keys;
use super::infos::Section;
use crate::config::{Mode, OverridePolicy};

/// A kind of Kafka client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Producer,
    Consumer,
    Admin,
}

impl Client {
    fn prefix(self) -> &'static str {
        match self {
            Client::Producer => "producer.override.",
            Client::Consumer => "consumer.override.",
            Client::Admin => "admin.override.",
        }
    }
}

/// The clients that a sink of this configuration uses, in the order in which they are shown.
pub(super) fn sink_clients(config: &Props) -> Vec<Client> {
    let dead_letters = config.get("errors.deadletterqueue.topic.name").is_some_and(|topic| !topic.trim().is_empty());
    if dead_letters { vec![Client::Producer, Client::Consumer, Client::Admin] } else { vec![Client::Consumer] }
}

/// The clients that a source of this configuration uses, in the order in which they are shown.
pub(super) fn source_clients(config: &Props, mode: Mode) -> Vec<Client> {
    let own_offsets = mode == Mode::Distributed && config.get("offsets.storage.topic").is_some_and(|t| !t.is_empty());
    let creates_topics = config.keys().any(|key| key.starts_with("topic.creation."));
    let mut clients = vec![Client::Producer];
    if own_offsets {
        clients.push(Client::Consumer);
    }
    if own_offsets || creates_topics {
        clients.push(Client::Admin);
    }
    clients
}

/// The client's part of the answer: an entry for each setting that the connector overrides.
pub(super) fn validate(client: Client, config: &Props, policy: OverridePolicy) -> Section {
    let overrides: Props = config
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(client.prefix())?.to_owned(), value.clone())))
        .collect();
    if overrides.is_empty() {
        return Section::default();
    }
    let table = client_keys::table(client);
    let mut declared: Vec<ConfigValue> =
        table.validate(&overrides).into_iter().filter(|value| overrides.contains_key(&value.name)).collect();
    let values = overrides.iter().map(|(name, text)| {
        let known = declared.iter().position(|value| value.name == *name).map(|index| declared.swap_remove(index));
        let mut value = known.unwrap_or_else(|| ConfigValue {
            name: name.clone(),
            value: Some(if names_a_secret(name) { HIDDEN.to_owned() } else { text.clone() }),
            recommended: Vec::new(),
            errors: Vec::new(),
            visible: true,
        });
        value.errors.extend(refusal(policy, name));
        value
    });
    let values = values.collect();
    Section::prefixed(client.prefix(), &table, values)
}

/// An undeclared setting could hold a secret of a plugin that the worker does not know.
fn names_a_secret(name: &str) -> bool {
    ["password", "secret", "jaas.config"].iter().any(|word| name.contains(word))
}

fn refusal(policy: OverridePolicy, name: &str) -> Option<String> {
    let (policy, allowed): (&str, &[&str]) = match policy {
        OverridePolicy::All => return None,
        OverridePolicy::None => ("None", &[]),
        OverridePolicy::Principal => ("Principal", &["security.protocol", "sasl.jaas.config", "sasl.mechanism"]),
    };
    let message =
        format!("The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration.");
    (!allowed.contains(&name)).then_some(message)
}
