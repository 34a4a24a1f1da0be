//! The keys of both connectors.

use std::sync::LazyLock;

use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, ParsedConfig, Validator};

/// Where the lines are.
pub(crate) const FILE: &str = "file";
/// Where the records go.
pub(crate) const TOPIC: &str = "topic";
/// The most records of one poll.
pub(crate) const BATCH_SIZE: &str = "batch.size";

/// The sink's keys.
pub(crate) static SINK: LazyLock<ConfigDef> = LazyLock::new(|| {
    ConfigDef::new([ConfigKey::new(FILE, ConfigType::String, Importance::High)
        .default_null()
        .doc("Destination filename. If not specified, the standard output will be used")])
});

/// The source's keys.
pub(crate) static SOURCE: LazyLock<ConfigDef> = LazyLock::new(|| {
    ConfigDef::new([
        ConfigKey::new(FILE, ConfigType::String, Importance::High)
            .default_null()
            .doc("Source filename. If not specified, the standard input will be used"),
        ConfigKey::new(TOPIC, ConfigType::String, Importance::High)
            .validator(Validator::NonEmptyString)
            .doc("The topic to publish data to"),
        ConfigKey::new(BATCH_SIZE, ConfigType::Int, Importance::Low)
            .default("2000")
            .doc("The maximum number of records the source task can read from the file each time it is polled"),
    ])
});

/// The file's name; `None` for the standard streams, which an empty name means too.
pub(crate) fn file(config: &ParsedConfig) -> Option<String> {
    config.text(FILE).filter(|file| !file.is_empty()).map(str::to_owned)
}
