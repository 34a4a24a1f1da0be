//! The table of the sink's keys, in the order in which the Java connector (2.0.1) shows them.

use longshore_api::ConfigKey;
use longshore_api::config::{ConfigDef, ConfigType, Importance, ParsedValue, Validator, Width, invalid_value};

use ConfigType::{Boolean, Int, List, Long, Password, String as Text};
use Importance::{High, Low, Medium};

use crate::namespace::DEFAULT_MAPPER;
use crate::process::{rename, time::DEFAULT_FORMAT};

const PROJECTION_TYPES: &[&str] = &["none", "blacklist", "whitelist", "allowlist", "blocklist"];
const TOLERANCES: &[&str] = &["none", "data", "all"];
/// The whole table.
pub(crate) fn config_def() -> ConfigDef {
    let groups = [
        connection(),
        overrides(),
        namespace(),
        writes(),
        post_processing(),
        id_strategies(),
        errors(),
        change_data_capture(),
        time_series(),
    ];
    ConfigDef::new(groups.into_iter().flatten())
}

fn key(name: &'static str, kind: ConfigType, importance: Importance, default: &'static str) -> ConfigKey {
    ConfigKey::new(name, kind, importance).default(default)
}

fn names(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// One of some names, in any case.
fn enumerated(name: &str, value: &ParsedValue, known: &[&str]) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if known.iter().any(|known| known.eq_ignore_ascii_case(text)) => Ok(()),
        _ => {
            let why = format!("Invalid enumerator value. Should be one of: [{}]", known.join(", "));
            Err(invalid_value(name, value.shown().as_deref(), &why))
        }
    }
}

fn granularity(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if text.is_empty() => Ok(()),
        _ => enumerated(name, value, &["seconds", "minutes", "hours"]),
    }
}

fn server_api_version(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if !matches!(text.as_str(), "" | "1") => {
            Err(invalid_value(name, Some(text), &format!("Unsupported server API version: {text}")))
        }
        _ => Ok(()),
    }
}

fn json_array(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) => rename::array(text).map(drop).map_err(|why| invalid_value(name, Some(text), &why)),
        _ => Ok(()),
    }
}

fn connection() -> Vec<ConfigKey> {
    let group = "Connection";
    let (api, ssl) = ("Server Api", "SSL");
    vec![
        key("topics", List, High, "")
            .shown(group, 1, Width::Medium, "The Kafka topics")
            .doc("A list of topics whose records are written. Exactly one of topics and topics.regex is set."),
        key("topics.regex", Text, High, "")
            .shown(group, 2, Width::Medium, "Topics regex")
            .doc("A regular expression that matches the whole names of the topics whose records are written."),
        key("connection.uri", Password, High, "mongodb://localhost:27017")
            .validator(Validator::Check(super::uri::check))
            .shown(group, 3, Width::Medium, "MongoDB Connection URI")
            .doc(
                "The connection string, as all of MongoDB's drivers take it. TLS, credentials, time-outs and the \
                  write concern are options of it.",
            ),
        key("server.api.version", Text, Medium, "")
            .validator(Validator::Check(server_api_version))
            .shown(api, 1, Width::Medium, "The server API version.")
            .doc("The version of the Stable API that the server is asked for; empty for none. Needs MongoDB 5.0."),
        key("server.api.deprecation.errors", Boolean, Medium, "false")
            .shown(api, 2, Width::Medium, "Deprecation errors")
            .doc("Whether the server refuses what the version of its API deprecates."),
        key("server.api.strict", Boolean, Medium, "false")
            .shown(api, 3, Width::Medium, "Strict")
            .doc("Whether the server refuses what is not in the version of its API."),
        key("connection.ssl.truststore", Text, Medium, "")
            .shown(ssl, 1, Width::Long, "SSL TrustStore")
            .doc("A store of certificates to trust (JKS, PKCS12 or PEM). Needs tls=true in connection.uri."),
        key("connection.ssl.truststorePassword", Password, Medium, "")
            .shown(ssl, 2, Width::Medium, "SSL TrustStore Password")
            .doc("The password of the trust store."),
        key("connection.ssl.keystore", Text, Medium, "").shown(ssl, 3, Width::Long, "SSL KeyStore").doc(
            "A store with the client's own key and certificate (JKS, PKCS12 or PEM). Needs tls=true in connection.uri.",
        ),
        key("connection.ssl.keystorePassword", Password, Medium, "")
            .shown(ssl, 4, Width::Medium, "SSL KeyStore Password")
            .doc("The password of the key store."),
    ]
}

fn overrides() -> Vec<ConfigKey> {
    vec![
        key("topic.override.%s.%s", Text, Low, "")
            .validator(Validator::Check(must_stay_empty))
            .shown("Overrides", 1, Width::Medium, "Per topic configuration overrides.")
            .doc("Stands for all keys topic.override.TOPIC.KEY, which set another value of a key for one topic.")
            .hidden(),
        key("provider", Text, Low, "")
            .shown("", -1, Width::None, "provider")
            .doc("A name to add to the one under which the server's log knows the client."),
    ]
}

fn must_stay_empty(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text) if !text.is_empty() => Err(invalid_value(
            name,
            Some(text),
            "This configuration shouldn't be set directly. See the documentation about how to configure topic based \
             overrides.",
        )),
        _ => Ok(()),
    }
}

fn namespace() -> Vec<ConfigKey> {
    let (group, mapping) = ("Namespace", "Namespace mapping");
    vec![
        ConfigKey::new("database", Text, High)
            .validator(Validator::NonEmptyString)
            .shown(group, 1, Width::Medium, "The MongoDB database name.")
            .doc("The database to write to."),
        key("collection", Text, High, "")
            .shown(group, 2, Width::Medium, "The default MongoDB collection name")
            .doc("The collection to write to; empty for one of the topic's name."),
        key("namespace.mapper", Text, High, DEFAULT_MAPPER)
            .shown(mapping, 1, Width::Long, "The namespace mapper class")
            .doc("What decides to which database and collection a record goes."),
        key("namespace.mapper.key.database.field", Text, Medium, "")
            .shown(mapping, 2, Width::Medium, "The key field to use as the destination database name.")
            .doc("The path of the key's field that names the database."),
        key("namespace.mapper.key.collection.field", Text, Medium, "")
            .shown(mapping, 3, Width::Medium, "The key field to use as the destination collection name.")
            .doc("The path of the key's field that names the collection."),
        key("namespace.mapper.value.database.field", Text, Medium, "")
            .shown(mapping, 4, Width::Medium, "The value field to use as the destination database name.")
            .doc("The path of the value's field that names the database."),
        key("namespace.mapper.value.collection.field", Text, Medium, "")
            .shown(mapping, 5, Width::Medium, "The value field to use as the destination collection name.")
            .doc("The path of the value's field that names the collection."),
        key("namespace.mapper.error.if.invalid", Boolean, Medium, "false")
            .shown(mapping, 6, Width::Medium, "Throw an error if the mapped field is missing or invalid.")
            .doc("Whether a record fails whose field is missing or no string; otherwise the default names hold."),
    ]
}

fn writes() -> Vec<ConfigKey> {
    let group = "Writes";
    let default_write = "com.mongodb.kafka.connect.sink.writemodel.strategy.DefaultWriteModelStrategy";
    let default_delete = "com.mongodb.kafka.connect.sink.writemodel.strategy.DeleteOneDefaultStrategy";
    vec![
        key("delete.on.null.values", Boolean, Medium, "false")
            .shown(group, 1, Width::Medium, "Delete on null values")
            .doc("Whether a record without a value deletes; otherwise such a record is an error."),
        key("writemodel.strategy", Text, Low, default_write)
            .shown(group, 2, Width::Medium, "The writeModel strategy")
            .doc("How a record with a value is written."),
        key("delete.writemodel.strategy", Text, Low, default_delete)
            .shown(group, 3, Width::Medium, "The delete writeModel strategy")
            .doc("How a record without a value deletes."),
        key("max.batch.size", Int, Medium, "0")
            .validator(Validator::AtLeast(0))
            .shown(group, 4, Width::Medium, "The maximum batch size")
            .doc("The most records of one bulk write; 0 for as many as a poll brings."),
        key("bulk.write.ordered", Boolean, Medium, "true")
            .shown(group, 5, Width::Medium, "Use ordered bulk writes")
            .doc("Whether a bulk write stops at its first error. Unordered ones go on, and may be faster."),
        key("rate.limiting.timeout", Int, Low, "0")
            .validator(Validator::AtLeast(0))
            .shown(group, 6, Width::Medium, "The rate limiting timeout")
            .doc("Milliseconds to wait after every rate.limiting.every.n bulk writes of a topic; 0 for never."),
        key("rate.limiting.every.n", Int, Low, "0")
            .validator(Validator::AtLeast(0))
            .shown(group, 7, Width::Medium, "The rate limiting batch number")
            .doc("After how many bulk writes of a topic to wait; 0 for never."),
    ]
}

fn post_processing() -> Vec<ConfigKey> {
    let group = "Post Processing";
    vec![
        key("post.processor.chain", List, Low, "com.mongodb.kafka.connect.sink.processor.DocumentIdAdder")
            .shown(group, 1, Width::Medium, "The post processor chain")
            .doc("What is done to documents before they are written, in order."),
        key("key.projection.type", Text, Low, "none")
            .validator(Validator::Check(|name, value| enumerated(name, value, PROJECTION_TYPES)))
            .recommended(names(PROJECTION_TYPES))
            .shown(group, 2, Width::Medium, "The key projection type")
            .doc("Whether key.projection.list says what stays (allowlist) or what goes (blocklist)."),
        key("key.projection.list", Text, Low, "")
            .shown(group, 3, Width::Medium, "The key projection list")
            .dependents(&["key.projection.type"])
            .doc("Paths of the key's fields, between commas."),
        key("value.projection.type", Text, Low, "none")
            .validator(Validator::Check(|name, value| enumerated(name, value, PROJECTION_TYPES)))
            .recommended(names(PROJECTION_TYPES))
            .shown(
                group,
                4,
                Width::Medium,
                "The type of value projection to use Use either `AllowList` or `BlockList`.",
            )
            .doc("Whether value.projection.list says what stays (allowlist) or what goes (blocklist)."),
        key("value.projection.list", Text, Low, "")
            .shown(group, 5, Width::Medium, "The value projection list")
            .dependents(&["value.projection.type"])
            .doc("Paths of the value's fields, between commas."),
        key("field.renamer.mapping", Text, Low, "[]")
            .validator(Validator::Check(json_array))
            .shown(group, 6, Width::Medium, "The field renamer mapping")
            .doc("A JSON array of {\"oldName\", \"newName\"}: fields and their new names."),
        key("field.renamer.regexp", Text, Low, "[]")
            .validator(Validator::Check(json_array))
            .shown(group, 7, Width::Medium, "The field renamer regex")
            .doc("A JSON array of {\"regexp\", \"pattern\", \"replace\"}: what to replace in fields' names."),
    ]
}

fn id_strategies() -> Vec<ConfigKey> {
    let group = "Id Strategies";
    let default = "com.mongodb.kafka.connect.sink.processor.id.strategy.BsonOidStrategy";
    let partial = |name: &'static str| {
        key(name, Text, Low, "")
            .validator(Validator::Check(empty_or_projection_type))
            .recommended(names(PROJECTION_TYPES))
    };
    vec![
        key("document.id.strategy", Text, High, default)
            .shown(group, 1, Width::Medium, "The document id strategy")
            .doc("Where the _id of a document comes from."),
        key("document.id.strategy.overwrite.existing", Boolean, High, "false")
            .shown(group, 2, Width::Medium, "The document id strategy overwrite existing setting")
            .doc("Whether the strategy's _id replaces one that the value has."),
        key("document.id.strategy.uuid.format", Text, High, "string")
            .validator(Validator::Check(|name, value| enumerated(name, value, &["string", "binary"])))
            .recommended(names(&["string", "binary"]))
            .shown(group, 3, Width::Medium, "The document id strategy uuid format")
            .doc("Whether UuidStrategy gives strings or binary values of subtype 4."),
        partial("document.id.strategy.partial.key.projection.type")
            .shown(group, 4, Width::Medium, "The document id strategy key projection")
            .doc("The projection's type for PartialKeyStrategy; empty for key.projection.type."),
        key("document.id.strategy.partial.key.projection.list", Text, Low, "")
            .shown(group, 5, Width::Medium, "The document id strategy key projection list")
            .dependents(&["document.id.strategy.partial.key.projection.type"])
            .doc("The projection's list for PartialKeyStrategy; empty for key.projection.list."),
        partial("document.id.strategy.partial.value.projection.type")
            .shown(group, 6, Width::Medium, "The document id strategy value projection")
            .doc("The projection's type for PartialValueStrategy; empty for value.projection.type."),
        key("document.id.strategy.partial.value.projection.list", Text, Low, "")
            .shown(group, 7, Width::Medium, "The document id strategy value projection list")
            .dependents(&["document.id.strategy.partial.value.projection.type"])
            .doc("The projection's list for PartialValueStrategy; empty for value.projection.list."),
    ]
}

fn empty_or_projection_type(name: &str, value: &ParsedValue) -> Result<(), String> {
    match value {
        ParsedValue::Text(text)
            if text.is_empty() || PROJECTION_TYPES.iter().any(|known| known.eq_ignore_ascii_case(text)) =>
        {
            Ok(())
        }
        _ => {
            let why = format!("String must be empty or one of (case insensitive): {}", PROJECTION_TYPES.join(", "));
            Err(invalid_value(name, value.shown().as_deref(), &why))
        }
    }
}

fn errors() -> Vec<ConfigKey> {
    let group = "Errors";
    let tolerance = |name: &'static str| {
        key(name, Text, Medium, "none").validator(Validator::Check(|name, value| enumerated(name, value, TOLERANCES)))
    };
    vec![
        tolerance("errors.tolerance")
            .shown(group, 1, Width::Short, "Error Tolerance")
            .doc("none fails the task at the first record that cannot be written; data and all go on without it."),
        tolerance("mongo.errors.tolerance")
            .shown(group, 2, Width::Short, "Error Tolerance")
            .doc("As errors.tolerance, for the sink alone; wins over it where it is set."),
        key("errors.log.enable", Boolean, Medium, "false")
            .shown(group, 3, Width::Short, "Log Errors")
            .doc("Whether tolerated errors are logged."),
        key("mongo.errors.log.enable", Boolean, Medium, "false")
            .shown(group, 4, Width::Short, "Log Errors")
            .doc("As errors.log.enable, for the sink alone; wins over it where it is set."),
    ]
}

fn change_data_capture() -> Vec<ConfigKey> {
    vec![
        key("change.data.capture.handler", Text, Low, "")
            .shown("Change Data Capture", 1, Width::Medium, "The CDC handler")
            .doc("What turns change events into writes; empty where records are documents."),
    ]
}

fn time_series() -> Vec<ConfigKey> {
    let group = "Time series";
    vec![
        key("timeseries.timefield", Text, Low, "")
            .shown(group, 1, Width::Medium, "The field used for time")
            .doc("The top level field that holds a record's time; makes the collection a time series."),
        key("timeseries.metafield", Text, Low, "")
            .shown(group, 2, Width::Medium, "The field describing the series")
            .doc("The top level field that tells one series from another."),
        key("timeseries.expire.after.seconds", Long, Low, "0")
            .validator(Validator::AtLeast(0))
            .shown(group, 3, Width::Medium, "The data expiry time in seconds")
            .doc("After how many seconds documents expire; 0 for never."),
        key("timeseries.granularity", Text, Low, "")
            .validator(Validator::Check(granularity))
            .shown(group, 4, Width::Medium, "The data expiry time")
            .doc("The span between one series' documents: seconds, minutes or hours."),
        key("timeseries.timefield.auto.convert", Boolean, Low, "false")
            .shown(group, 5, Width::Medium, "Convert the field to a BSON datetime type.")
            .doc("Whether numbers and strings in the time field become dates."),
        key("timeseries.timefield.auto.convert.date.format", Text, Low, DEFAULT_FORMAT)
            .shown(group, 6, Width::Medium, "The DateTimeFormatter pattern for the date.")
            .doc("The pattern by which strings are read as dates."),
        key("timeseries.timefield.auto.convert.locale.language.tag", Text, Low, "")
            .shown(
                group,
                7,
                Width::Medium,
                "The DateTimeFormatter locale language tag to use: Defaults to using the neutral Locale.ROOT.",
            )
            .doc("The language by which strings are read as dates."),
    ]
}
