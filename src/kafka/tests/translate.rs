use std::collections::BTreeSet;

use super::props;
use crate::kafka::{Producer, Role, client_config};

/// The native settings that differ from those of an empty configuration.
fn native(role: Role, pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let broker = ("bootstrap.servers", "localhost:9092");
    let base = client_config(&props(&[broker]), role).unwrap();
    let config = client_config(&props(&[&[broker], pairs].concat()), role).unwrap();
    config
        .config_map()
        .into_keys()
        // The map hides secrets.
        .filter_map(|key| Some((key, config.get(key)?)))
        .filter(|(key, value)| base.get(key) != Some(value))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn refused(pairs: &[(&str, &str)]) -> String {
    let broker = ("bootstrap.servers", "localhost:9092");
    let result = client_config(&props(&[&[broker], pairs].concat()), Role::Consumer);
    let error = result.expect_err("it must be refused");
    assert_eq!(error.kind, longshore_api::ErrorKind::Config);
    error.to_string()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn javas_names_and_values_become_the_native_clients() {
    use Role::{Admin, Consumer, Producer};
    for (role, java, expected) in [
        (Consumer, ("fetch.max.wait.ms", "100"), vec![("fetch.wait.max.ms", "100")]),
        (
            Consumer,
            ("fetch.max.bytes", "2097152"),
            vec![
                ("fetch.max.bytes", "524288"),
                ("message.max.bytes", "524288"),
                ("queued.max.messages.kbytes", "2048"),
                ("queued.min.messages", "2621"),
            ],
        ),
        (Consumer, ("max.partition.fetch.bytes", "1000"), vec![("fetch.message.max.bytes", "1000")]),
        (Consumer, ("auto.offset.reset", "none"), vec![("auto.offset.reset", "error")]),
        (Consumer, ("isolation.level", "READ_COMMITTED"), vec![("isolation.level", "read_committed")]),
        (
            Consumer,
            ("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
            vec![("partition.assignment.strategy", "cooperative-sticky")],
        ),
        (Consumer, ("receive.buffer.bytes", "-1"), vec![("socket.receive.buffer.bytes", "0")]),
        (Consumer, ("acks", "all"), vec![]),
        (Consumer, ("max.poll.records", "5000"), vec![]),
        (Consumer, ("some.unknown.key", "x"), vec![]),
        (Producer, ("delivery.timeout.ms", "2147483647"), vec![("message.timeout.ms", "0")]),
        (Producer, ("delivery.timeout.ms", "5000"), vec![("message.timeout.ms", "5000")]),
        (Producer, ("buffer.memory", "1048576"), vec![("queue.buffering.max.kbytes", "1024")]),
        (Producer, ("buffer.memory", "1000"), vec![("queue.buffering.max.kbytes", "1024")]),
        (Producer, ("batch.size", "0"), vec![("batch.size", "1")]),
        (Producer, ("max.in.flight.requests.per.connection", "1"), vec![("max.in.flight", "1")]),
        (Producer, ("request.timeout.ms", "7000"), vec![("request.timeout.ms", "7000"), ("socket.timeout.ms", "7000")]),
        (Admin, ("request.timeout.ms", "7000"), vec![("socket.timeout.ms", "7000")]),
        (
            Producer,
            ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner"),
            vec![("partitioner", "random")],
        ),
        (Admin, ("security.protocol", "SSL"), vec![("security.protocol", "ssl")]),
    ] {
        let expected: BTreeSet<_> = expected.into_iter().map(|(key, value)| pair(key, value)).collect();
        assert_eq!(native(role, &[java]), expected, "{java:?}");
    }
}

#[test]
fn every_default_is_taken_by_the_native_client_and_reading_is_as_in_java() {
    for role in [Role::Consumer, Role::Producer, Role::Admin] {
        native(role, &[]);
    }
    let config = client_config(&props(&[("bootstrap.servers", " a:1 , b:2 ")]), Role::Consumer).unwrap();
    assert_eq!(config.get("bootstrap.servers"), Some("a:1,b:2"));
    assert_eq!(config.get("isolation.level"), Some("read_uncommitted"));
    assert_eq!(config.get("enable.auto.commit"), Some("false"));
    assert_eq!(config.get("enable.auto.offset.store"), Some("false"));
    assert_eq!(config.get("auto.offset.reset"), Some("earliest"));
    let config = client_config(&props(&[("bootstrap.servers", "a:1")]), Role::Producer).unwrap();
    assert_eq!(config.get("partitioner"), Some("murmur2_random"));
}

#[test]
fn a_login_is_read_from_javas_jaas_text() {
    for (jaas, user, password) in [
        (r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";"#, "u", "p"),
        ("a.b.ScramLoginModule  REQUIRED\n  username='u;1'\n  password=\"q\\\"=;\\\\ \" ;", "u;1", "q\"=;\\ "),
        ("x.PlainLoginModule required username=bare password=word serviceName=\"k\";", "bare", "word"),
    ] {
        let login =
            [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.jaas.config", jaas)];
        let native = native(Role::Consumer, &login);
        assert!(native.contains(&pair("sasl.username", user)), "{jaas}");
        assert!(native.contains(&pair("sasl.password", password)), "{jaas}");
        assert!(native.contains(&pair("security.protocol", "sasl_ssl")), "{jaas}");
    }
}

#[tokio::test]
async fn the_native_client_can_log_in_in_the_supported_ways() {
    let jaas = "x.ScramLoginModule required username=u password=p;";
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let login = props(&[
            ("bootstrap.servers", "localhost:1"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", mechanism),
            ("sasl.jaas.config", jaas),
        ]);
        assert!(Producer::new(&login).is_ok(), "{mechanism}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_key_and_without_its_secret() {
    let sasl = [("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN")];
    for (jaas, why) in [
        ("x.PlainLoginModule required username=\"u\" password=\"sesame\"", "closing ;"),
        ("x.PlainLoginModule required username=\"u\" password=\"sesame;", "not closed"),
        ("x.PlainLoginModule username=\"u\" password=\"sesame\";", "control flag"),
        ("x.PlainLoginModule required password=\"sesame\";", "username is missing"),
        ("x.PlainLoginModule required sesame;", "no =value"),
        ("x.PlainLoginModule required username=u password=sesame; y.Z required;", "more than one"),
        ("x.OAuthBearerLoginModule required password=\"sesame\";", "needs sasl.mechanism OAUTHBEARER"),
        ("com.acme.LoginModule required password=\"sesame\";", "Java class"),
        ("", "login module is missing"),
    ] {
        let error = refused(&[&sasl[..], &[("sasl.jaas.config", jaas)]].concat());
        assert!(error.contains("sasl.jaas.config") && error.contains(why) && !error.contains("sesame"), "{error}");
    }
    for (pairs, why) in [
        (&[("fetch.min.bytes", "many")][..], "Invalid value many for configuration fetch.min.bytes: Not a number"),
        (&[("group.protocol", "new")], "Invalid value new for configuration group.protocol"),
        (&[("security.protocol", "TELNET")], "configuration security.protocol"),
        (
            &[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "OAUTHBEARER")],
            "unsecuredLoginStringClaim_sub is missing",
        ),
        (&[("security.protocol", "SASL_SSL")], "sasl.mechanism is needed"),
        (&[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")], "sasl.jaas.config is needed"),
        (&[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "GSSAPI")], "GSSAPI"),
        (
            &[("sasl.client.callback.handler.class", "software.amazon.msk.auth.iam.IAMClientCallbackHandler")],
            "not supported",
        ),
        (
            &[("ssl.truststore.location", "/etc/kafka/trust.jks")],
            "ssl.truststore.location: /etc/kafka/trust.jks cannot",
        ),
        (
            &[("ssl.keystore.location", "/etc/kafka/key"), ("ssl.keystore.type", "JKS")],
            "Invalid value /etc/kafka/key for configuration ssl.keystore.location: /etc/kafka/key cannot be read",
        ),
        (&[("ssl.keystore.location", STORE), ("ssl.keystore.type", "DKS")], "the store type DKS is not supported"),
        (&[("ssl.keystore.location", STORE), ("ssl.keystore.password", "wrong")], "the password is wrong"),
        (&[("ssl.cipher.suites", "TLS_RSA_WITH_RC4_128_SHA")], "TLS_RSA_WITH_RC4_128_SHA is not supported"),
        (&[("bootstrap.servers", "kafka")], "kafka is not host:port"),
        (&[("bootstrap.servers", " , ")], "no host:port"),
    ] {
        let error = refused(pairs);
        assert!(error.contains(why), "{error}");
    }
    let error = client_config(&props(&[]), Role::Admin).unwrap_err().to_string();
    assert!(error.contains("Missing required configuration \"bootstrap.servers\""), "{error}");
}

const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/tls/tests/stores/key.p12");
const JKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/tls/tests/stores/key.jks");
const TRUST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/tls/tests/stores/trust.jks");

#[test]
fn javas_stores_become_pem() {
    for (location, key_password) in [(STORE, "secret"), (JKS, "keysecret")] {
        let found = native(
            Role::Producer,
            &[
                ("security.protocol", "SSL"),
                ("ssl.truststore.location", TRUST),
                ("ssl.truststore.password", "secret"),
                ("ssl.keystore.location", location),
                ("ssl.keystore.password", "secret"),
                ("ssl.key.password", key_password),
                ("ssl.endpoint.identification.algorithm", ""),
                ("ssl.cipher.suites", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_256_GCM_SHA384"),
            ],
        );
        let value = |name: &str| found.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert!(value("ssl.ca.pem").unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(value("ssl.certificate.pem"), value("ssl.ca.pem"), "the key's certificate is its own issuer");
        assert!(value("ssl.key.pem").unwrap().contains("PRIVATE KEY"));
        assert_eq!(value("ssl.endpoint.identification.algorithm"), Some("none"));
        assert_eq!(value("ssl.cipher.suites"), Some("ECDHE-ECDSA-AES256-GCM-SHA384"));
    }
}

#[test]
fn pem_is_handed_on() {
    let found = native(
        Role::Admin,
        &[
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", "/etc/ca"),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", "/etc/both"),
            ("ssl.key.password", "sesame"),
        ],
    );
    for (key, value) in [
        ("ssl.ca.location", "/etc/ca"),
        ("ssl.key.location", "/etc/both"),
        ("ssl.certificate.location", "/etc/both"),
        ("ssl.key.password", "sesame"),
    ] {
        assert!(found.contains(&pair(key, value)), "{key}");
    }
    let refused = refused(&[("ssl.truststore.certificates", "-----BEGIN CERTIFICATE-----")]);
    assert!(refused.contains("[hidden] for configuration ssl.truststore.certificates: the PEM store is"), "{refused}");
}
