use longshore_api::Props;

use crate::config::Environment;
use crate::config::environment::read;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[track_caller]
fn sets(pairs: &[(&str, &str)], expected: &[(&str, &str)]) {
    let expected: Props = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(environment(pairs).props, expected);
}

#[test]
fn underscores_become_dots_dashes_and_underscores() {
    sets(&[("CONNECT_PRODUCER_COMPRESSION_TYPE", "lz4")], &[("producer.compression.type", "lz4")]);
    sets(&[("CONNECT_A__B", "1")], &[("a-b", "1")]);
    sets(&[("CONNECT_A___B", "1")], &[("a_b", "1")]);
    sets(&[("CONNECT_A____B_", "1")], &[("a_.b.", "1")]);
    sets(&[("CONNECTED", "1"), ("HOME", "/root"), ("REST_PORT", "1")], &[]);
}

#[test]
fn logging_and_the_jvm_are_no_properties() {
    let found = environment(&[
        ("CONNECT_LOG4J_ROOT_LOGLEVEL", "WARN"),
        ("CONNECT_LOG4J_LOGGERS", "org.reflections=ERROR, a.b = DEBUG"),
        ("CONNECT_LOG4J_APPENDER_STDOUT_LAYOUT_CONVERSIONPATTERN", "%m"),
        ("KAFKA_HEAP_OPTS", "-Xmx1g"),
    ]);
    assert!(found.props.is_empty());
    assert_eq!(found.log_level.as_deref(), Some("WARN"));
    let loggers = [("org.reflections", "ERROR"), ("a.b", "DEBUG")];
    assert_eq!(found.loggers, loggers.map(|(name, level)| (name.to_owned(), level.to_owned())));
    assert_eq!(found.ignored, ["CONNECT_LOG4J_APPENDER_STDOUT_LAYOUT_CONVERSIONPATTERN", "KAFKA_HEAP_OPTS"]);
}

#[test]
fn the_rest_port_is_the_listener_of_a_worker_that_has_none() {
    sets(&[("CONNECT_REST_PORT", "28083")], &[("listeners", "http://:28083")]);
    sets(&[("CONNECT_REST_PORT", "28083"), ("CONNECT_LISTENERS", "http://h:1")], &[("listeners", "http://h:1")]);
}

#[test]
fn short_variables_count_beside_bootstrap_servers_only() {
    sets(&[("GROUP_ID", "7"), ("KEY_CONVERTER", "x")], &[]);
    let found = environment(&[
        ("BOOTSTRAP_SERVERS", "k:9092"),
        ("GROUP_ID", "7"),
        ("CONNECT_GROUP_ID", "8"),
        ("CONFIG_STORAGE_TOPIC", "c"),
        ("OFFSET_STORAGE_TOPIC", "o"),
        ("ADVERTISED_HOST_NAME", "connect"),
        ("LOG_LEVEL", "DEBUG"),
        ("CONNECT_KEY_CONVERTER_SCHEMAS_ENABLE", "false"),
    ]);
    assert_eq!(found.props["group.id"], "7", "the short variable wins");
    assert_eq!(found.props["status.storage.topic"], "connect-status");
    assert_eq!(found.props["rest.advertised.host.name"], "connect");
    assert_eq!(found.props["value.converter"], "org.apache.kafka.connect.json.JsonConverter");
    assert_eq!(found.props["key.converter.schemas.enable"], "false");
    assert_eq!(found.log_level.as_deref(), Some("DEBUG"));
}

#[test]
fn values_are_not_shown() {
    let found = environment(&[("CONNECT_SASL_JAAS_CONFIG", "hunter2")]);
    assert!(!format!("{found:?}").contains("hunter2"));
}
