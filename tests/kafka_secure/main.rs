//! Real brokers that ask for TLS, a certificate and a login: Kafka's own settings, with Java's stores, do for all
//! clients of the worker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod oauth;
mod token_server;

use std::time::Duration;

use longshore::config::TopicSpec;
use longshore::kafka::{
    Admin, BatchLimits, ConsumerEvent, ConsumerEvents, ConsumerSettings, Creation, Producer, ProducerRecord,
    SinkConsumer, Subscription,
};
use longshore_api::{ConnectError, Props};
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
        round_trip(&settings(&address, changes)).await;
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
async fn round_trip(props: &Props) {
    let name = unique("secure");
    let created = Admin::new(props).unwrap().create_topic(&topic(&name)).await;
    assert_eq!(created.unwrap(), Creation::Created, "{props:?}");

    let producer = Producer::new(props).unwrap();
    send(&producer, &name).await;
    let mut reader = Reader::start(props, &name);
    reader.read_one().await;
    reader.close().await;
}

async fn send(producer: &Producer, topic: &str) {
    let record = ProducerRecord { topic, value: Some(b"hello"), ..ProducerRecord::default() };
    let delivery = producer.send(record).await.unwrap();
    timeout(PATIENCE, delivery).await.expect("an acknowledgement in time").unwrap();
}

/// A sink's consumer of a topic.
struct Reader {
    consumer: SinkConsumer,
    events: ConsumerEvents,
}

impl Reader {
    fn start(props: &Props, topic: &str) -> Self {
        let mut props = props.clone();
        props.insert("group.id".to_owned(), topic.to_owned());
        let settings = ConsumerSettings {
            props,
            subscription: Subscription::Topics(vec![topic.to_owned()]),
            limits: BatchLimits { records: 1, bytes: 1 << 20 },
            headers: false,
        };
        let (consumer, events) = SinkConsumer::start(settings).unwrap();
        Self { consumer, events }
    }

    async fn next(&mut self) -> ConsumerEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("a consumer that lives")
    }

    async fn read_one(&mut self) {
        loop {
            match self.next().await {
                ConsumerEvent::Batch(batch) if batch.row_count() == 1 => return,
                ConsumerEvent::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// Why the consumer cannot go on.
    async fn failure(&mut self) -> ConnectError {
        loop {
            match self.next().await {
                ConsumerEvent::Failed(error) => return error,
                ConsumerEvent::Batch(_) => panic!("nothing can be read without a login"),
                _ => {}
            }
        }
    }

    async fn close(self) {
        drop(self.events);
        self.consumer.close().await;
    }
}
