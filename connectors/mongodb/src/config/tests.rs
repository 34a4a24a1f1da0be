use longshore_api::Connector as _;
use longshore_api::config::{ConfigValue, Props};

use super::uri;
use crate::MongoSinkConnector;

const SINK: &str = "com.mongodb.kafka.connect.sink";

fn props(pairs: &[(&str, &str)]) -> Props {
    let base = [("topics", "t"), ("database", "db")];
    base.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn validate(props: &Props) -> Vec<ConfigValue> {
    let mut values = MongoSinkConnector.config_def().validate(props);
    MongoSinkConnector.validate(props, &mut values);
    values.retain(|value| !value.errors.is_empty());
    values
}

#[track_caller]
fn refuses(pairs: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found = validate(&props(pairs));
    let found: Vec<(&str, &str)> =
        found.iter().flat_map(|value| value.errors.iter().map(|error| (value.name.as_str(), error.as_str()))).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_table_is_the_java_connectors_in_its_order() {
    let golden: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../tests/golden/plugin-config.json")).unwrap();
    let actual: Vec<serde_json::Value> = super::def()
        .keys()
        .map(|key| {
            serde_json::json!({
                "name": key.name,
                "type": key.kind.name(),
                "required": key.is_required(),
                "default_value": key.shown_default(),
                "importance": key.importance.name(),
                "group": key.group,
                "order_in_group": key.order,
                "width": key.width.name(),
                "display_name": key.display_name,
                "dependents": key.dependents,
            })
        })
        .collect();
    assert_eq!(actual.len(), golden.len());
    for (actual, golden) in actual.iter().zip(&golden) {
        assert_eq!(actual, golden);
    }
}

#[test]
fn every_key_says_what_it_does() {
    for key in super::def().keys() {
        assert!(key.doc.len() > 10, "{}", key.name);
    }
}

#[test]
fn values_that_people_use_are_accepted() {
    for pairs in [
        &[][..],
        &[("connection.uri", " mongodb://mongo:27017/")],
        &[("connection.uri", "mongodb+srv://{user}:{password}@cluster10.demo10.example.net")],
        &[(
            "connection.uri",
            "mongodb://h/?jmxEnabled=true&compressors=snappy,zstd&tlsAllowInvalidHostnames=true&w=majority",
        )],
        // Java's driver splits options at either sign and skips empty ones.
        &[("connection.uri", "mongodb://h/?w=majority;retryWrites=false&")],
        &[("connection.uri", "mongodb://h/?")],
        &[("max.num.retries", "3"), ("retries.defer.timeout", "5000")],
        &[("field.renamer.mapping", "[]"), ("key.projection.type", "none"), ("change.data.capture.handler", "")],
        &[("errors.tolerance", "ALL"), ("document.id.strategy.uuid.format", "Binary")],
        &[
            ("document.id.strategy", "com.mongodb.kafka.connect.sink.processor.id.strategy.PartialValueStrategy"),
            ("document.id.strategy.partial.value.projection.list", "ORDER_ID"),
            ("document.id.strategy.partial.value.projection.type", "AllowList"),
            (
                "writemodel.strategy",
                "com.mongodb.kafka.connect.sink.writemodel.strategy.UpdateOneBusinessKeyTimestampStrategy",
            ),
        ],
        &[
            ("document.id.strategy", "com.mongodb.kafka.connect.sink.processor.id.strategy.PartialKeyStrategy"),
            ("key.projection.list", "a"),
            ("key.projection.type", "whitelist"),
            ("delete.on.null.values", "true"),
        ],
    ] {
        refuses(pairs, &[]);
    }
}

#[test]
fn topics_and_their_pattern_exclude_each_other() {
    refuses(
        &[("topics.regex", "t.*")],
        &[("topics", "topics and topics.regex are mutually exclusive options, but both are set.")],
    );
    refuses(&[("topics", "")], &[("topics", "Must configure one of topics or topics.regex")]);
}

#[test]
fn unknown_classes_are_not_found() {
    refuses(
        &[("post.processor.chain", "sinkPostProcessor.ObjectIdPostProcessor")],
        &[(
            "post.processor.chain",
            "Invalid value [sinkPostProcessor.ObjectIdPostProcessor] for configuration post.processor.chain: \
             Class not found: sinkPostProcessor.ObjectIdPostProcessor",
        )],
    );
    refuses(
        &[("writemodel.strategy", "a.B")],
        &[("writemodel.strategy", "Invalid value a.B for configuration writemodel.strategy: Class not found: a.B")],
    );
}

#[test]
fn what_cannot_be_had_is_refused_with_the_reason() {
    for (key, value, reason) in [
        ("csfle.enabled", "true", "libmongocrypt"),
        ("mongo.custom.auth.mechanism.enable", "true", "Java classes cannot be loaded"),
        ("field.value.transformer", "a.B", "Java classes cannot be loaded"),
    ] {
        let found = validate(&props(&[(key, value)]));
        assert_eq!((found.len(), found[0].name.as_str()), (1, key));
        assert!(found[0].errors[0].contains(reason), "{found:?}");
    }
    for (mechanism, reason) in [("MONGODB-AWS", "AWS's client is not built in"), ("GSSAPI", "Kerberos is not built in")]
    {
        let uri = format!("mongodb://h/?authSource=%24external&authMechanism={mechanism}");
        let error = format!(
            "Invalid value [hidden] for configuration connection.uri: authMechanism={mechanism} is not supported by \
             Longshore: {reason}"
        );
        refuses(&[("connection.uri", &uri)], &[("connection.uri", &error)]);
    }
    refuses(&[("csfle.enabled", "false"), ("field.value.transformer", "")], &[]);
}

#[test]
fn every_class_of_the_java_connector_is_known_by_its_name() {
    let known = [
        ("change.data.capture.handler", "cdc.debezium.mongodb.MongoDbHandler"),
        ("change.data.capture.handler", "cdc.debezium.mongodb.ChangeStreamHandler"),
        ("change.data.capture.handler", "cdc.debezium.rdbms.RdbmsHandler"),
        ("change.data.capture.handler", "cdc.debezium.rdbms.mysql.MysqlHandler"),
        ("change.data.capture.handler", "cdc.debezium.rdbms.postgres.PostgresHandler"),
        ("change.data.capture.handler", "cdc.mongodb.ChangeStreamHandler"),
        ("change.data.capture.handler", "cdc.qlik.rdbms.RdbmsHandler"),
        ("post.processor.chain", "processor.BlacklistValueProjector"),
        ("post.processor.chain", "processor.field.renaming.RenameByRegExp"),
    ];
    for (key, class) in known {
        refuses(&[(key, &format!("{SINK}.{class}"))], &[]);
    }
}

#[test]
fn an_override_is_checked_for_its_topic_and_reported_under_its_name() {
    let key = "topic.override.t.document.id.strategy";
    refuses(
        &[(key, "x.Y")],
        &[(key, "Invalid value x.Y for configuration document.id.strategy: Class not found: x.Y")],
    );
    let batch = "topic.override.t.max.batch.size";
    let found = validate(&props(&[(batch, "-1")]));
    assert_eq!(found[0].name, batch);
    let settings = super::settings(&props(&[("topic.override.t.collection", "other")]), "t").unwrap();
    assert_eq!(settings.collection, "other");
    let settings = super::settings(&props(&[("topic.override.t.collection", "other")]), "u").unwrap();
    assert_eq!(settings.collection, "");
}

#[test]
fn deleting_by_default_needs_an_id_from_the_key() {
    let found = validate(&props(&[("delete.on.null.values", "true")]));
    assert!(found[0].errors[0].contains("can only be applied when the configured IdStrategy is an instance of"));
}

#[test]
fn a_wrong_connection_string_is_refused_without_being_shown() {
    for wrong in [
        "mongodb+srv://${env:USER}:${env:S3CRET}@${env:CLUSTER}/?tls=true",
        "mongodb://us%zz:s3cret@host/",
        "mongodb://user:s3cret@host/?w=-5",
        "http://user:s3cret@host/",
        "mongodb://user:s3cr/et@host:notaport/",
        "s3cret",
    ] {
        let found = validate(&props(&[("connection.uri", wrong)]));
        assert_eq!(found.len(), 1, "{wrong}");
        assert_eq!(found[0].name, "connection.uri");
        let text = format!("{found:?}").to_lowercase();
        assert!(!text.contains("s3cr"), "{text}");
        assert!(text.contains("invalid value [hidden] for configuration connection.uri: "), "{text}");
    }
}

#[test]
fn secrets_are_taken_out_of_any_text() {
    let uri = "mongodb://al%40ice:s3cr%21t@h:1/?tlsCertificateKeyFilePassword=keypass&authMechanismProperties=AWS_SESSION_TOKEN:tok";
    let text = format!("cannot open {uri}: al@ice s3cr!t s3cr%21t keypass AWS_SESSION_TOKEN:tok at h:1");
    assert_eq!(
        uri::hide_secrets(&text, uri),
        "cannot open [hidden]: [hidden] [hidden] [hidden] [hidden] [hidden] at h:1"
    );
    assert_eq!(uri::hide_secrets("at h:1", "mongodb://h:1"), "at h:1");
    assert_eq!(uri::hosts("mongodb://u:p@a:1,b:2/?replicaSet=x"), "a:1,b:2");
}

#[test]
fn options_that_the_driver_does_not_know_are_left_out_and_wrong_values_are_not() {
    let uri = "mongodb://h/?jmxEnabled=true&retryWritez=false&compressors=zstd&w=majority&connectTimeoutMS=soon";
    assert_eq!(uri::supported(uri), "mongodb://h/?w=majority&connectTimeoutMS=soon");
}
