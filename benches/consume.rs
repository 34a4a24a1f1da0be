//! What handing a record over costs: from the native client's queue into a batch that the task has in hand.
//!
//! 100-byte records, batches of 1,000, 8 partitions, on the embedded broker or on that of `LONGSHORE_TEST_KAFKA`
//! (host:port). The figures are processor time of the sink's own thread, divided by the records: once of records that
//! were fetched ahead, which is the hand-over alone, and once of all records as they come, with waiting for the
//! network and competing with the native client's threads, whose own time is in neither. Run it with
//! `cargo bench --bench consume`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]

use std::time::{Duration, Instant};

use longshore::config::TopicSpec;
use longshore::kafka::{
    Admin, BatchLimits, ConsumerEvent, ConsumerEvents, ConsumerSettings, MockBroker, Producer, ProducerRecord,
    SinkConsumer, Subscription,
};
use longshore_api::{Positions, Props, TopicPartition};

const PARTITIONS: i32 = 8;
/// Less than the embedded broker keeps of its partitions.
const RECORDS: u64 = 240_000;
/// Less than is fetched ahead.
const AHEAD: u64 = 15_000;
const ROUNDS: u32 = 10;

fn props(broker: &str, more: &[(&str, &str)]) -> Props {
    [("bootstrap.servers", broker)]
        .iter()
        .chain(more)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

async fn fill(broker: &str, topic: &str) {
    let producer = Producer::new(&props(broker, &[])).unwrap();
    let value = [b'x'; 100];
    for number in 0..RECORDS {
        let partition = Some((number % PARTITIONS as u64) as i32);
        let record = ProducerRecord { topic, partition, value: Some(&value), ..ProducerRecord::default() };
        producer.send_tracked(record, number).await.unwrap();
    }
    producer.flush(Duration::from_secs(60)).await.unwrap();
    assert!(producer.completions().take().iter().all(|completion| completion.result.is_ok()));
}

/// Nanoseconds that the sink's thread has run.
fn thread_time() -> u64 {
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        if std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "sink-bench") {
            let stat = std::fs::read_to_string(task.path().join("schedstat")).expect("scheduler statistics");
            return stat.split_whitespace().next().and_then(|run| run.parse().ok()).expect("a number");
        }
    }
    panic!("the sink's thread is gone");
}

/// Takes at least so many records; gives the batches back as a task does.
async fn take(consumer: &SinkConsumer, events: &mut ConsumerEvents, least: u64) -> u64 {
    let mut records = 0;
    while records < least {
        match events.recv().await.unwrap() {
            ConsumerEvent::Batch(batch) => {
                records += batch.row_count() as u64;
                consumer.recycle(batch);
            }
            ConsumerEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    records
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let embedded = MockBroker::start().unwrap();
    let broker = std::env::var("LONGSHORE_TEST_KAFKA").unwrap_or_else(|_| embedded.bootstrap_servers());
    let name = format!("bench-{}", std::process::id());
    let topic = TopicSpec { name, partitions: PARTITIONS, replication_factor: 1, settings: Props::new() };
    if broker == embedded.bootstrap_servers() {
        embedded.create_topic(&topic).unwrap();
    } else {
        Admin::new(&props(&broker, &[])).unwrap().create_topic(&topic).await.unwrap();
    }
    fill(&broker, &topic.name).await;
    let (consumer, mut events) = SinkConsumer::start(ConsumerSettings {
        props: props(&broker, &[("group.id", &topic.name), ("client.id", "bench")]),
        subscription: Subscription::Topics(vec![topic.name.clone()]),
        limits: BatchLimits { records: 1_000, bytes: 4 << 20 },
        headers: false,
    })
    .unwrap();
    take(&consumer, &mut events, RECORDS).await;
    let start: Positions = (0..PARTITIONS).map(|partition| (TopicPartition::new(&*topic.name, partition), 0)).collect();
    for round in 1..=ROUNDS {
        consumer.seek(start.clone());
        while !matches!(events.recv().await.unwrap(), ConsumerEvent::Rewound(_)) {}
        tokio::time::sleep(Duration::from_millis(300)).await;
        let cpu = thread_time();
        let ahead = take(&consumer, &mut events, AHEAD).await;
        let handed = (thread_time() - cpu) / ahead;
        let (cpu, began) = (thread_time(), Instant::now());
        let rest = take(&consumer, &mut events, RECORDS - ahead).await;
        println!(
            "round {round:2}: fetched ahead {handed:4} ns a record; as they come {:4} ns a record, {:.2} M records/s",
            (thread_time() - cpu) / rest,
            rest as f64 / began.elapsed().as_secs_f64() / 1e6,
        );
    }
    consumer.close().await;
}
