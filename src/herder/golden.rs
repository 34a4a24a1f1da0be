//! The worker that was recorded, for tests.

use longshore_api::Props;

use crate::config::WorkerConfig;

/// A distributed worker's configuration with these settings.
pub(crate) fn worker(settings: &[(&str, &str)]) -> WorkerConfig {
    let base = [
        ("bootstrap.servers", "localhost:9092"),
        ("group.id", "workers"),
        ("config.storage.topic", "configs"),
        ("offset.storage.topic", "offsets"),
        ("status.storage.topic", "statuses"),
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("rest.advertised.host.name", "worker"),
        ("rest.advertised.port", "8083"),
    ];
    let props: Props =
        base.iter().chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    WorkerConfig::distributed(props).unwrap()
}
