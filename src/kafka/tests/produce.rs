use longshore_api::ErrorKind;
use tokio::time::timeout;

use super::*;
use crate::kafka::{Admin, Creation};

/// The settings with which sources write, see `config::clients`.
fn connect_props(broker: &MockBroker) -> Props {
    let bootstrap = broker.bootstrap_servers();
    [("bootstrap.servers", &*bootstrap), ("acks", "all"), ("max.in.flight.requests.per.connection", "1")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn tracked_records_complete_in_the_order_of_their_partition() {
    let broker = broker_with("t", 1);
    let producer = Producer::new(&connect_props(&broker)).unwrap();
    let completions = producer.completions();
    for tag in 0..5_000 {
        let record = ProducerRecord { topic: "t", value: Some(b"x"), ..ProducerRecord::default() };
        producer.send_tracked(record, tag).await.unwrap();
    }
    let mut next = 0;
    while next < 5_000 {
        for completion in timeout(PATIENCE, completions.next()).await.unwrap() {
            assert_eq!(completion.tag, next);
            assert_eq!(completion.result, Ok((0, next as i64)));
            next += 1;
        }
    }
    assert!(completions.take().is_empty());
    producer.flush(PATIENCE).await.unwrap();
    assert_eq!(producer.in_flight(), 0);
}

#[tokio::test]
async fn a_full_buffer_makes_senders_wait_and_loses_nothing() {
    let broker = broker_with("t", 1);
    let mut props = connect_props(&broker);
    props.insert("buffer.memory".to_owned(), "65536".to_owned());
    let producer = Producer::new(&props).unwrap();
    let completions = producer.completions();
    let value = vec![b'x'; 10_000];
    for tag in 0..200 {
        let record = ProducerRecord { topic: "t", value: Some(&value), ..ProducerRecord::default() };
        timeout(PATIENCE, producer.send_tracked(record, tag)).await.unwrap().unwrap();
    }
    producer.flush(PATIENCE).await.unwrap();
    let mut done = Vec::new();
    while done.len() < 200 {
        done.extend(timeout(PATIENCE, completions.next()).await.unwrap().into_iter().map(|completion| completion.tag));
    }
    assert_eq!(done, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn equal_keys_go_where_java_sends_them() {
    let broker = broker_with("t", 25);
    let producer = producer(&broker);
    // Kafka's own test values for murmur2, made positive, modulo 25.
    for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
    {
        let record =
            ProducerRecord { topic: "t", key: Some(key.as_bytes()), value: Some(b""), ..ProducerRecord::default() };
        let (partition, _) = producer.send(record).await.unwrap().await.unwrap();
        assert_eq!(partition, (hash & 0x7fff_ffff) % 25, "{key}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_sent_is_refused_at_once() {
    let broker = broker_with("t", 1);
    let mut props = connect_props(&broker);
    props.insert("max.request.size".to_owned(), "2000".to_owned());
    let producer = Producer::new(&props).unwrap();
    let value = vec![0; 3_000];
    let large = ProducerRecord { topic: "t", value: Some(&value), ..ProducerRecord::default() };
    let error = producer.send(large).await.unwrap_err();
    assert_eq!((error.kind, error.class), (ErrorKind::Fatal, "org.apache.kafka.common.errors.RecordTooLargeException"));
    let early = ProducerRecord { topic: "t", timestamp: Some(-5), ..ProducerRecord::default() };
    let error = producer.send_tracked(early, 1).await.unwrap_err();
    assert!(error.to_string().contains("Invalid timestamp: -5"), "{error}");
    assert_eq!(producer.in_flight(), 0);
}

#[tokio::test]
async fn records_wait_for_a_broker_that_is_away() {
    let broker = broker_with("t", 1);
    let producer = Producer::new(&connect_props(&broker)).unwrap();
    broker.set_down(true).unwrap();
    let record = ProducerRecord { topic: "t", value: Some(b"x"), ..ProducerRecord::default() };
    let delivery = producer.send(record).await.unwrap();
    assert_eq!(producer.flush(Duration::from_millis(500)).await.unwrap_err().kind, ErrorKind::Retriable);
    broker.set_down(false).unwrap();
    assert_eq!(timeout(PATIENCE, delivery).await.unwrap(), Ok((0, 0)));
}

#[tokio::test]
async fn a_delivery_that_times_out_says_so() {
    let broker = broker_with("t", 1);
    let mut props = connect_props(&broker);
    props.insert("delivery.timeout.ms".to_owned(), "1000".to_owned());
    let producer = Producer::new(&props).unwrap();
    broker.set_down(true).unwrap();
    let record = ProducerRecord { topic: "t", value: Some(b"x"), ..ProducerRecord::default() };
    let error = timeout(PATIENCE, producer.send(record).await.unwrap()).await.unwrap().unwrap_err();
    assert_eq!((error.kind, error.class), (ErrorKind::Retriable, "org.apache.kafka.common.errors.TimeoutException"));
}

#[tokio::test]
async fn a_broker_without_admin_requests_creates_topics_when_it_is_asked_for_them() {
    let broker = broker_with("there", 3);
    let admin = Admin::new(&props(&[("bootstrap.servers", &broker.bootstrap_servers())])).unwrap();
    assert!(admin.cluster_id().await.unwrap().starts_with("mockCluster"));
    assert_eq!(admin.describe_topic("there").await.unwrap().unwrap().partitions, 3);
    assert_eq!(admin.describe_topic("new").await.unwrap(), None);
    assert_eq!(admin.create_topic(&topic("there", 3)).await.unwrap(), Creation::Existed);
    assert_eq!(admin.create_topic(&topic("new", 3)).await.unwrap(), Creation::Created);
    assert!(admin.describe_topic("new").await.unwrap().is_some());
    assert_eq!(admin.topic_config("there").await.unwrap(), None);
}

#[tokio::test]
async fn a_warning_of_the_native_client_holds_no_report_up() {
    let broker = broker_with("t", 1);
    let mut props = connect_props(&broker);
    // Credentials that the protocol has no use for.
    let login = r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";"#;
    props
        .extend([("sasl.jaas.config".to_owned(), login.to_owned()), ("sasl.mechanism".to_owned(), "PLAIN".to_owned())]);
    let producer = Producer::new(&props).unwrap();
    let record = ProducerRecord { topic: "t", value: Some(b"x"), ..ProducerRecord::default() };
    let delivery = producer.send(record).await.unwrap();
    assert_eq!(timeout(PATIENCE, delivery).await.unwrap(), Ok((0, 0)));
}
