//! Class names in configurations: which are known, and which of them are built.

use longshore_api::config::{ConfigValue, Props, add_error, invalid_value};

use super::table::DEFAULT_NAMESPACE_MAPPER;
use crate::{id, write_model};

/// The packages of the Java connector, by key.
const PROCESSORS: &str = "com.mongodb.kafka.connect.sink.processor";
const CDC: &str = "com.mongodb.kafka.connect.sink.cdc";
const DOCUMENT_ID_ADDER: &str = "com.mongodb.kafka.connect.sink.processor.DocumentIdAdder";
const FIELD_PATH_MAPPER: &str = "com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper";

/// Post processors of the Java connector beside DocumentIdAdder.
const LATER_PROCESSORS: &[&str] = &[
    "AllowListKeyProjector",
    "AllowListValueProjector",
    "BlockListKeyProjector",
    "BlockListValueProjector",
    "WhitelistKeyProjector",
    "WhitelistValueProjector",
    "BlacklistKeyProjector",
    "BlacklistValueProjector",
    "KafkaMetaAdder",
    "NullFieldValueRemover",
    "field.renaming.RenameByMapping",
    "field.renaming.RenameByRegExp",
];

/// Change data capture handlers of the Java connector.
const LATER_HANDLERS: &[&str] = &[
    "debezium.rdbms.RdbmsHandler",
    "debezium.rdbms.mysql.MysqlHandler",
    "debezium.rdbms.postgres.PostgresHandler",
    "debezium.mongodb.MongoDbHandler",
    "debezium.mongodb.ChangeStreamHandler",
    "mongodb.ChangeStreamHandler",
    "qlik.rdbms.RdbmsHandler",
];

enum Known {
    Built,
    Later,
    Unknown,
}

/// Checks every key of a topic's configuration that holds class names.
pub(super) fn check(props: &Props, found: &mut dyn FnMut(&str, String)) {
    for (key, default, look_up) in KEYS {
        let given = props.get(*key).map_or(*default, |value| value.trim());
        // Java shows the value of a list in brackets.
        let shown = if *key == "post.processor.chain" { format!("[{given}]") } else { given.to_owned() };
        for class in given.split(',').map(str::trim).filter(|class| !class.is_empty()) {
            match look_up(class) {
                Known::Built => {}
                Known::Later => found(key, not_supported(key, &shown)),
                Known::Unknown => found(key, invalid_value(key, Some(&shown), &format!("Class not found: {class}"))),
            }
        }
    }
}

type LookUp = fn(&str) -> Known;

const KEYS: &[(&str, &str, LookUp)] = &[
    ("namespace.mapper", DEFAULT_NAMESPACE_MAPPER, namespace_mapper),
    ("writemodel.strategy", "", |class| built(class, write_model::PACKAGE, write_model::WRITES)),
    ("delete.writemodel.strategy", "", |class| built(class, write_model::PACKAGE, write_model::DELETES)),
    ("post.processor.chain", DOCUMENT_ID_ADDER, post_processor),
    ("document.id.strategy", "", |class| built(class, id::PACKAGE, id::STRATEGIES)),
    ("change.data.capture.handler", "", |class| later(class, CDC, LATER_HANDLERS)),
];

fn built<T>(class: &str, package: &str, known: &[(&str, T)]) -> Known {
    match simple_name(class, package) {
        Some(name) if known.iter().any(|(known, _)| *known == name) => Known::Built,
        _ => Known::Unknown,
    }
}

fn later(class: &str, package: &str, known: &[&str]) -> Known {
    match simple_name(class, package) {
        Some(name) if known.contains(&name) => Known::Later,
        _ => Known::Unknown,
    }
}

fn namespace_mapper(class: &str) -> Known {
    match class {
        DEFAULT_NAMESPACE_MAPPER => Known::Built,
        FIELD_PATH_MAPPER => Known::Later,
        _ => Known::Unknown,
    }
}

fn post_processor(class: &str) -> Known {
    if class == DOCUMENT_ID_ADDER { Known::Built } else { later(class, PROCESSORS, LATER_PROCESSORS) }
}

fn simple_name<'a>(class: &'a str, package: &str) -> Option<&'a str> {
    class.strip_prefix(package)?.strip_prefix('.')
}

/// The message for what the Java connector can do and this one cannot.
pub(super) fn not_supported(key: &str, value: &str) -> String {
    invalid_value(key, Some(value), &format!("{key} with this value is not supported yet by Longshore"))
}

/// Refuses keys whose function is not built, so that nothing is ignored in silence.
pub(super) fn refuse_later_keys(props: &Props, found: &mut dyn FnMut(&str, String)) {
    let set = |key: &str| props.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    for key in ["connection.ssl.truststore", "connection.ssl.keystore"] {
        if let Some(value) = set(key) {
            let why = format!(
                "{key} is not supported yet by Longshore, which takes certificates as PEM: use tlsCAFile and \
                 tlsCertificateKeyFile in connection.uri"
            );
            found(key, invalid_value(key, Some(value), &why));
        }
    }
    for key in ["timeseries.timefield", "field.value.transformer"] {
        if let Some(value) = set(key) {
            found(key, not_supported(key, value));
        }
    }
    let switches =
        ["csfle.enabled", "mongo.custom.auth.mechanism.enable", "change.data.capture.handler.remove.null.values"];
    for key in switches {
        if let Some(value) = set(key).filter(|value| value.eq_ignore_ascii_case("true")) {
            found(key, not_supported(key, value));
        }
    }
}

/// Adds an error under the name by which the user set the key: an override's, if it has one for the topic.
pub(super) fn report(props: &Props, topic: Option<&str>, key: &str, error: String, values: &mut Vec<ConfigValue>) {
    let overridden = topic.map(|topic| format!("topic.override.{topic}.{key}")).filter(|name| props.contains_key(name));
    let name = overridden.as_deref().unwrap_or(key);
    let known = values.iter().any(|value| value.name == name && value.errors.contains(&error));
    if !known {
        add_error(values, name, error);
    }
}
