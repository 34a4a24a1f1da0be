//! The keys, and what follows from several of them.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::{Arc, LazyLock};

use longshore_api::config::{
    ConfigDef, ConfigKey, ConfigType, ConfigValue, Importance, ParsedConfig, ParsedValue, Validator, add_error,
};
use longshore_api::{ConnectError, Props, Result};

use crate::avro::{self, Kind, MAX_TEXT};
use crate::generator::{Generator, options};
use crate::quickstarts;

const KAFKA_TOPIC: &str = "kafka.topic";
const MAX_INTERVAL: &str = "max.interval";
const ITERATIONS: &str = "iterations";
const SCHEMA_STRING: &str = "schema.string";
const SCHEMA_FILENAME: &str = "schema.filename";
const SCHEMA_KEYFIELD: &str = "schema.keyfield";
const QUICKSTART: &str = "quickstart";
const RANDOM_SEED: &str = "random.seed";

/// Added to each task's configuration: its number.
pub(crate) const TASK_ID: &str = "task.id";

/// The keys of which just one says what is made up.
const SOURCES: [&str; 3] = [SCHEMA_STRING, SCHEMA_FILENAME, QUICKSTART];

/// The connector's keys.
pub(crate) static KEYS: LazyLock<ConfigDef> = LazyLock::new(|| {
    let key = |name, kind| ConfigKey::new(name, kind, Importance::High);
    ConfigDef::new([
        key(KAFKA_TOPIC, ConfigType::String).doc("Topic to write to"),
        key(MAX_INTERVAL, ConfigType::Long).default("500").doc("Max interval between messages (ms)"),
        key(ITERATIONS, ConfigType::Int)
            .default("-1")
            .doc("Number of messages to send from each task, or less than 1 for unlimited"),
        key(SCHEMA_STRING, ConfigType::String)
            .default("")
            .validator(Validator::Check(check_string))
            .doc("The literal JSON-encoded Avro schema to use"),
        key(SCHEMA_FILENAME, ConfigType::String)
            .default("")
            .validator(Validator::Check(check_file))
            .doc("Filename of schema to use"),
        key(SCHEMA_KEYFIELD, ConfigType::String).default("").doc("Name of field to use as the message key"),
        key(QUICKSTART, ConfigType::String)
            .default("")
            .validator(Validator::Check(check_quickstart))
            .doc("Name of quickstart to use"),
        ConfigKey::new(RANDOM_SEED, ConfigType::Long, Importance::Low).default_null().doc(
            "Numeric seed for generating random data. Two connectors started with the same seed will \
             deterministically produce the same data. Each task will generate different data than the other tasks in \
             the same connector.",
        ),
    ])
});

/// A configuration that has been read.
pub(crate) struct Settings {
    pub(crate) topic: Arc<str>,
    /// Milliseconds; none for as fast as possible.
    pub(crate) max_interval: u64,
    /// Records of a task; `None` for no end.
    pub(crate) iterations: Option<u64>,
    pub(crate) seed: Option<i64>,
    pub(crate) description: Cow<'static, str>,
    /// The field that is the key; none for no key.
    pub(crate) key_field: Option<String>,
}

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn new(props: &Props) -> Result<Self> {
        let mut values = KEYS.validate(props);
        validate(props, &mut values);
        values.retain(|value| !value.errors.is_empty());
        if !values.is_empty() {
            return Err(values.into());
        }
        let config = KEYS.parse(props)?;
        Ok(Self {
            topic: config.string(KAFKA_TOPIC).into(),
            max_interval: u64::try_from(config.integer(MAX_INTERVAL)).unwrap_or(0),
            iterations: u64::try_from(config.integer(ITERATIONS)).ok().filter(|iterations| *iterations > 0),
            seed: config.optional_integer(RANDOM_SEED),
            description: description(&config).map_err(ConnectError::config)?,
            key_field: key_field(&config),
        })
    }
}

/// Checks the keys that hang together: one description, and a key field that is in it.
pub(crate) fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    let given: Vec<&str> = SOURCES.into_iter().filter(|key| !value_of(values, key).is_empty()).collect();
    if given.len() != 1 {
        let wrong: &[&str] = if given.is_empty() { &SOURCES } else { &given };
        for key in wrong {
            add_error(values, key, format!("Must set exactly one of {}", SOURCES.join(", ")));
        }
        return;
    }
    // With something else wrong the field cannot be looked for.
    let Ok(config) = KEYS.parse(props) else { return };
    let Some(field) = key_field(&config) else { return };
    let Ok(parsed) = description(&config).and_then(|text| avro::parse(&text)) else { return };
    let known = matches!(&parsed.kind, Kind::Record(fields) if fields.iter().any(|known| *known.name == *field));
    if !known {
        let error = format!("The schema does not contain the field provided in '{SCHEMA_KEYFIELD}'");
        add_error(values, SCHEMA_KEYFIELD, error);
    }
}

fn value_of<'a>(values: &'a [ConfigValue], key: &str) -> &'a str {
    values.iter().find(|value| value.name == key).and_then(|value| value.value.as_deref()).unwrap_or_default()
}

fn key_field(config: &ParsedConfig) -> Option<String> {
    let field = match config.string(SCHEMA_KEYFIELD) {
        "" => quickstarts::by_name(config.string(QUICKSTART)).map_or("", |quickstart| quickstart.key_field),
        field => field,
    };
    (!field.is_empty()).then(|| field.to_owned())
}

fn description(config: &ParsedConfig) -> Result<Cow<'static, str>, String> {
    if let Some(quickstart) = quickstarts::by_name(config.string(QUICKSTART)) {
        return Ok(Cow::Borrowed(quickstart.description));
    }
    match config.string(SCHEMA_STRING) {
        "" => from_file(config.string(SCHEMA_FILENAME)),
        text => Ok(Cow::Owned(text.to_owned())),
    }
}

fn from_file(file: &str) -> Result<Cow<'static, str>, String> {
    let bytes = match options::read_bounded(file, MAX_TEXT as u64) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let built_in = quickstarts::by_file(file).map(|quickstart| Cow::Borrowed(quickstart.description));
            return built_in.ok_or_else(|| "Unable to find the schema file".to_owned());
        }
        Err(error) => return Err(unreadable(&error.to_string())),
    };
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| unreadable("it is not UTF-8"))
}

fn unreadable(why: &str) -> String {
    format!("Unable to parse the provided schema: {why}")
}

fn check_string(_: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if !text.is_empty() => check_description(text),
        _ => Ok(()),
    }
}

fn check_file(_: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(file) if !file.is_empty() => check_description(&from_file(file)?),
        _ => Ok(()),
    }
}

fn check_description(text: &str) -> Result<(), String> {
    let generator = Generator::new(text, 0).map_err(|error| unreadable(&error))?;
    match generator.schema().kind {
        longshore_api::Type::Struct => Ok(()),
        _ => Err(unreadable("it must describe a record")),
    }
}

fn check_quickstart(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(quickstart) = value else { return Ok(()) };
    if quickstart.is_empty() || quickstarts::by_name(quickstart).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = quickstarts::ALL.iter().map(|quickstart| quickstart.name).collect();
    Err(format!("{name} must be one out of {}", known.join(",")))
}
