//! A real broker that asks for TLS, a certificate and a login: Kafka's own settings, with Java's stores, do for all
//! clients of the worker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use longshore::config::TopicSpec;
use longshore::kafka::{
    Admin, BatchLimits, ConsumerEvent, ConsumerSettings, Creation, Producer, ProducerRecord, SinkConsumer, Subscription,
};
use longshore_api::Props;
use longshore_test_servers::{Kind, Server, free_port, unique};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

fn store(name: &str) -> String {
    format!("{}/connectors/tls/tests/stores/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A broker, and its secure address.
fn broker() -> (Server, String) {
    let port = free_port().to_string();
    let keystore = store("key.jks");
    let variables = [
        ("SECURE_PORT", port.as_str()),
        ("KEYSTORE", &keystore),
        ("STORE_PASSWORD", "secret"),
        ("KEY_PASSWORD", "keysecret"),
    ];
    (Server::start_with(Kind::Kafka, &variables), format!("localhost:{port}"))
}

/// Settings with which one can work, as the first sets of stores, and changes of them.
fn settings(address: &str, changes: &[(&str, &str)]) -> Props {
    let (key, trust) = (store("key.jks"), store("trust.jks"));
    let base = [
        ("bootstrap.servers", address),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        (
            "sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" password=\"alice-secret\";",
        ),
        ("ssl.keystore.location", &key),
        ("ssl.keystore.password", "secret"),
        ("ssl.key.password", "keysecret"),
        ("ssl.truststore.location", &trust),
        ("ssl.truststore.password", "secret"),
    ];
    base.iter().chain(changes).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn javas_stores_and_logins_open_a_real_broker() {
    let (_broker, address) = broker();
    let (key, legacy, trust) = (store("key.p12"), store("key-legacy.p12"), store("trust.p12"));
    let plain =
        "org.apache.kafka.common.security.plain.PlainLoginModule required username='alice' password='alice-secret';";
    let ways: [&[(&str, &str)]; 3] = [
        &[],
        &[("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", plain), ("ssl.truststore.location", &trust)],
        &[("ssl.keystore.location", &legacy), ("ssl.keystore.type", "PKCS12"), ("ssl.key.password", "secret")],
    ];
    for changes in ways {
        round_trip(&address, changes).await;
    }
    for changes in [
        // Nobody knows this password, this client shows no certificate, and that one trusts nobody.
        &[("sasl.jaas.config", "x.ScramLoginModule required username=alice password=wrong;")][..],
        &[("ssl.keystore.location", ""), ("ssl.keystore.password", "")],
        &[("ssl.truststore.location", "")],
    ] {
        let mut props = settings(&address, changes);
        props.retain(|_, value| !value.is_empty());
        props.insert("default.api.timeout.ms".to_owned(), "8000".to_owned());
        let error = Admin::new(&props).unwrap().create_topic(&topic("never")).await.unwrap_err().to_string();
        assert!(!error.contains("wrong"), "{error}");
    }
    // The stores' passwords do not get into messages either.
    let wrong = settings(&address, &[("ssl.keystore.location", &key), ("ssl.keystore.password", "sesame")]);
    let error = Admin::new(&wrong).err().unwrap().to_string();
    assert!(error.contains("ssl.keystore.location") && !error.contains("sesame"), "{error}");
}

fn topic(name: &str) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions: 1, replication_factor: 1, settings: Props::new() }
}

/// A topic is created, a record written and read.
async fn round_trip(address: &str, changes: &[(&str, &str)]) {
    let name = unique("secure");
    let created = Admin::new(&settings(address, changes)).unwrap().create_topic(&topic(&name)).await;
    assert_eq!(created.unwrap(), Creation::Created, "{changes:?}");

    let producer = Producer::new(&settings(address, changes)).unwrap();
    let record = ProducerRecord { topic: &name, value: Some(b"hello"), ..ProducerRecord::default() };
    producer.send(record).await.unwrap();
    producer.flush(PATIENCE).await.unwrap();

    let mut props = settings(address, changes);
    props.insert("group.id".to_owned(), name.clone());
    let (consumer, mut events) = SinkConsumer::start(ConsumerSettings {
        props,
        subscription: Subscription::Topics(vec![name]),
        limits: BatchLimits { records: 10, bytes: 1 << 20 },
        headers: false,
    })
    .unwrap();
    loop {
        let event = timeout(PATIENCE, events.recv()).await.expect("a record in time").expect("a consumer that lives");
        match event {
            ConsumerEvent::Batch(batch) if batch.row_count() == 1 => break,
            ConsumerEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    drop(events);
    consumer.close().await;
}
