//! The configuration of Confluent's connector.

mod settings;
mod table;

use longshore_api::config::{ConfigDef, ConfigValue, ParsedConfig, Props, add_error, invalid_value};
use longshore_api::{ConnectError, Result};

pub(crate) use table::{BUFFER_MEMORY, PARQUET_SCHEMA};

pub(crate) use settings::{Access, Credentials, Encryption, Layout, MIN_PART_SIZE, NullValues, Settings, Tags};

use crate::format;
use crate::schema::Compatibility;
use table::WRITER_PER_SCHEMA;

/// The table of keys.
pub(crate) fn def() -> &'static ConfigDef {
    &table::TABLE
}

/// Checks that look at several keys.
pub(crate) fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    show_partitioner_keys(props, values);
    let Ok(config) = def().parse(props) else { return };
    for (key, message) in cross_checks(&config) {
        add_error(values, key, message);
    }
}

/// The settings of a task.
///
/// # Errors
/// Kind Config: everything that is wrong.
pub(crate) fn settings(props: &Props) -> Result<Settings> {
    let config = def().parse(props)?;
    if let Some((_, message)) = cross_checks(&config).into_iter().next() {
        return Err(ConnectError::config(message));
    }
    Settings::new(&config, props)
        .map_err(|(key, value, why)| ConnectError::config(invalid_value(key, Some(&value), &why)))
}

/// A key and what is wrong with its value.
type Wrong = (&'static str, String);

fn cross_checks(config: &ParsedConfig) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let is_gzip = config.string("s3.compression.type").eq_ignore_ascii_case("gzip");
    let mut used = vec![("format.class", config.string("format.class"))];
    if config.boolean("store.kafka.keys") {
        used.push(("keys.format.class", config.string("keys.format.class")));
    }
    if config.boolean("store.kafka.headers") {
        used.push(("headers.format.class", config.string("headers.format.class")));
    }
    for (key, class) in used {
        match format::kind(class) {
            Some(format::Kind::Avro | format::Kind::Parquet) if is_gzip => {
                let message = format!("Compression Type gzip not valid for data format class: ( {class} ).");
                wrong.push((key, message.clone()));
                wrong.push(("s3.compression.type", message));
            }
            Some(kind) => {
                if let (format::Kind::Parquet, Some(why)) = (kind, format::wrong_parquet_schema(config)) {
                    wrong.push((PARQUET_SCHEMA, why));
                }
                if let Some(why) = format::refused(kind, config) {
                    wrong.push((key, invalid_value(key, Some(class), why)));
                }
            }
            None => {}
        }
    }
    if config.boolean("store.kafka.headers")
        && format::kind(config.string("headers.format.class")) == Some(format::Kind::Bytes)
    {
        let class = config.string("headers.format.class");
        let why = "headers cannot be written as bytes";
        wrong.push(("headers.format.class", invalid_value("headers.format.class", Some(class), why)));
    }
    if config.string("behavior.on.null.values").eq_ignore_ascii_case("write") && !config.boolean("store.kafka.keys") {
        let message = "Writing Kafka record keys to storage is mandatory when tombstone writing is enabled.";
        wrong.push(("behavior.on.null.values", message.to_owned()));
    }
    if config.boolean(WRITER_PER_SCHEMA)
        && Compatibility::new(config.string("schema.compatibility")) != Compatibility::None
    {
        let mode = config.string("schema.compatibility");
        let why = format!("{WRITER_PER_SCHEMA} writes records of each schema to files of their own: it needs NONE");
        wrong.push(("schema.compatibility", invalid_value("schema.compatibility", Some(mode), &why)));
    }
    if config.boolean("s3.wan.mode") && config.boolean("s3.path.style.access.enabled") {
        let message = "Both accelerate mode and path style access are being enabled. Either one can be enabled, not \
                       both: set s3.path.style.access.enabled to false, or s3.wan.mode to false.";
        wrong.push(("s3.wan.mode", message.to_owned()));
        wrong.push(("s3.path.style.access.enabled", message.to_owned()));
    }
    wrong
}

/// Which keys a form shows depends on the partitioner.
fn show_partitioner_keys(props: &Props, values: &mut [ConfigValue]) {
    const KEYS: [&str; 5] = ["partition.field.name", "partition.duration.ms", "path.format", "locale", "timezone"];
    let class = props.get("partitioner.class").map_or("", |class| class.trim());
    let shown: &[&str] = match class.rsplit('.').next() {
        Some("FieldPartitioner") => &KEYS[..1],
        Some("DailyPartitioner" | "HourlyPartitioner") => &KEYS[3..],
        Some("TimeBasedPartitioner") => &KEYS[1..],
        _ => &[],
    };
    for value in values.iter_mut().filter(|value| KEYS.contains(&value.name.as_str())) {
        value.visible = shown.contains(&value.name.as_str());
    }
}
