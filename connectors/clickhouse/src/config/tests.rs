use std::time::Duration;

use longshore_api::Connector as _;
use longshore_api::config::{ConfigValue, Props};

use super::{InsertFormat, Mode, Settings, check_all};
use crate::ClickHouseSinkConnector;

fn props(pairs: &[(&str, &str)]) -> Props {
    let base = [("topics", "t"), ("hostname", "h")];
    base.iter().chain(pairs).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    check_all(&props(pairs)).unwrap()
}

#[track_caller]
fn refuses(pairs: &[(&str, &str)], expected: &[(&str, &str)]) {
    let props = props(pairs);
    let mut values: Vec<ConfigValue> = ClickHouseSinkConnector.config_def().validate(&props);
    ClickHouseSinkConnector.validate(&props, &mut values);
    let found: Vec<(&str, &str)> = values
        .iter()
        .flat_map(|value| value.errors.iter().map(|error| (value.name.as_str(), error.as_str())))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_key_says_what_it_does() {
    for key in super::def().keys().chain(super::additions().keys()) {
        assert!(key.doc.len() > 10, "{}", key.name);
    }
    assert_eq!(super::def().groups(), ["Connection", "DDL"]);
    let orders: Vec<i32> = super::def().keys().map(|key| key.order).collect();
    assert_eq!(orders, (1..=38).chain(1..=4).collect::<Vec<_>>());
}

#[test]
fn what_the_user_does_not_say_is_what_the_java_connector_does() {
    let settings = settings(&[]);
    assert_eq!((settings.database.as_str(), settings.mode), ("default", Mode::AtLeastOnce));
    assert_eq!(settings.insert_format, InsertFormat::Json, "whatever the table says");
    assert!(settings.server_skips_unknown() && !settings.tolerates && !settings.buffering.is_on());
    let sent: Vec<_> = settings.server_settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "async_insert=0",
        "input_format_skip_unknown_fields=1",
        "send_progress_in_http_headers=0",
        "wait_end_of_query=1",
    ];
    assert_eq!(sent, expected);
}

#[test]
fn settings_and_tables_are_lists_of_pairs() {
    let settings = settings(&[
        ("clickhouseSettings", "async_insert=1, a=b=c, insert_quorum = 2,wait_end_of_query=0"),
        ("topic2TableMap", "t = `my table` , broken, u=v"),
    ]);
    assert_eq!(settings.server_settings["insert_quorum"], "2");
    assert_eq!(settings.server_settings["wait_for_async_insert"], "1", "offsets wait for what is durable");
    assert_eq!(settings.server_settings["wait_end_of_query"], "1");
    assert!(!settings.server_settings.contains_key("a"));
    assert_eq!(settings.place_of("t"), ("default", "my table"));
    assert_eq!(settings.place_of("u"), ("default", "v"));
    assert_eq!(settings.place_of("w"), ("default", "w"));
}

#[test]
fn a_topic_may_name_the_database() {
    let settings = settings(&[
        ("enableDbTopicSplit", "true"),
        ("dbTopicSplitChar", "."),
        ("database", "d"),
        ("topic2TableMap", "b=c"),
    ]);
    assert_eq!(settings.place_of("a.b"), ("a", "c"));
    assert_eq!(settings.place_of("a.b.c"), ("d", "a.b.c"));
    assert_eq!(settings.place_of("a"), ("d", "a"));
}

#[test]
fn buffers_have_three_limits() {
    let settings = settings(&[("bufferCount", "10"), ("bufferFlushTime", "500"), ("bufferBytes", "1000")]);
    assert_eq!(settings.buffering.count, 10);
    assert_eq!(settings.buffering.age, Duration::from_millis(500));
    assert!(settings.buffering.is_on());
}

#[test]
fn what_cannot_be_is_named_under_its_key() {
    refuses(&[("zkPath", "x")], &[("zkPath", "zkPath cannot be empty and must begin with a forward slash")]);
    refuses(
        &[("port", "0"), ("retryCount", "2")],
        &[
            ("port", "Invalid value 0 for configuration port: Value must be at least 1"),
            ("retryCount", "Invalid value 2 for configuration retryCount: Value must be at least 3"),
        ],
    );
    refuses(
        &[("exactlyOnce", "true"), ("bufferCount", "5"), ("bufferFlushTime", "5"), ("bufferBytes", "1")],
        &[
            ("bufferFlushTime", "Buffering with exactlyOnce=true requires bufferFlushTime=0"),
            ("bufferBytes", "Buffering with exactlyOnce=true requires bufferBytes=0"),
        ],
    );
    refuses(
        &[("ssl_socket_sni", "10.0.0.1")],
        &[("ssl_socket_sni", "Invalid value 10.0.0.1 for configuration ssl_socket_sni: it is no name of a host")],
    );
    refuses(
        &[("enableDbTopicSplit", "true")],
        &[(
            "dbTopicSplitChar",
            "Invalid value  for configuration dbTopicSplitChar: must be set with enableDbTopicSplit=true",
        )],
    );
    refuses(
        &[("bisectFailedBatches", "maybe")],
        &[(
            "bisectFailedBatches",
            "Invalid value maybe for configuration bisectFailedBatches: Expected value to be either true or false",
        )],
    );
}

#[test]
fn values_that_people_use_are_accepted() {
    for pairs in [
        &[("ssl", "true"), ("jdbcConnectionProperties", "?ssl=true&sslmode=strict"), ("clickhouseSettings", "")][..],
        &[("jdbcConnectionProperties", "?load_balancing_policy=random&health_check_interval=5000&failover=2")],
        &[("errors.retry.timeout", "60"), ("client_version", "V2"), ("insertFormat", "CSV"), ("proxyType", "DIRECT")],
        &[("ssl", "true"), ("ssl_socket_sni", "ch.example.com"), ("proxyType", "SOCKS"), ("proxyHost", "p")],
        &[("dateTimeFormats", "at=yyyy-MM-dd HH:mm:ss.SSSSSSSSS;until=dd.MM.yyyy")],
    ] {
        refuses(pairs, &[]);
    }
}
