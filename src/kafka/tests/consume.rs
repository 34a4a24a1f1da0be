use std::collections::{BTreeMap, BTreeSet};

use longshore_api::{Batch, Positions, TimestampType, TopicPartition};
use regex::Regex;
use tokio::time::timeout;

use super::*;
use crate::kafka::{
    BatchLimits, ConsumerEvent, ConsumerEvents, ConsumerSettings, NO_OFFSET, SinkConsumer, Subscription,
};

fn settings(broker: &MockBroker, group: &str, subscription: Subscription) -> ConsumerSettings {
    ConsumerSettings {
        props: props(&[
            ("bootstrap.servers", &broker.bootstrap_servers()),
            ("group.id", group),
            ("client.id", group),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "200"),
            ("metadata.max.age.ms", "500"),
        ]),
        subscription,
        limits: BatchLimits { records: 100, bytes: 1 << 20 },
        headers: true,
    }
}

/// A task that takes everything and commits when it is asked to go.
struct Task {
    consumer: SinkConsumer,
    events: ConsumerEvents,
    seen: BTreeSet<usize>,
    count: usize,
    positions: Positions,
    assigned: Positions,
}

impl Task {
    fn start(settings: ConsumerSettings) -> Self {
        let (consumer, events) = SinkConsumer::start(settings).unwrap();
        let (seen, count) = (BTreeSet::new(), 0);
        Self { consumer, events, seen, count, positions: Positions::new(), assigned: Positions::new() }
    }

    fn on(broker: &MockBroker, group: &str, topic: &str) -> Self {
        Self::start(settings(broker, group, Subscription::Topics(vec![topic.to_owned()])))
    }

    fn keep(&mut self, batch: Batch) {
        for row in batch.rows() {
            let value = batch.bytes(row.value.unwrap());
            self.seen.insert(std::str::from_utf8(value).unwrap().parse().unwrap());
            self.count += 1;
            let topic = batch.topics()[usize::from(row.topic)].clone();
            self.positions.insert(TopicPartition { topic, partition: row.partition }, row.offset + 1);
        }
        self.consumer.recycle(batch);
    }

    async fn step(&mut self) -> &'static str {
        let Ok(event) = timeout(PATIENCE, self.events.recv()).await else {
            panic!("nothing happens; positions {:?}, {} seen", self.positions, self.seen.len());
        };
        self.hear(event.expect("the events ended")).await
    }

    async fn hear(&mut self, event: ConsumerEvent) -> &'static str {
        match event {
            ConsumerEvent::Batch(batch) => {
                self.keep(batch);
                "batch"
            }
            ConsumerEvent::Assigned(positions) => {
                self.assigned = positions;
                "assigned"
            }
            ConsumerEvent::Revoked { partitions, done, lost } => {
                // Unlike a real broker, the mock takes no commits while its group rebalances.
                let refused = self.consumer.commit(self.positions.clone()).await.err();
                assert!(lost || refused.is_none_or(|error| error.class.ends_with("RebalanceInProgressException")));
                self.positions.retain(|partition, _| !partitions.contains(partition));
                self.assigned.retain(|partition, _| !partitions.contains(partition));
                done.send(()).unwrap();
                "revoked"
            }
            ConsumerEvent::Rewound(_) => "rewound",
            ConsumerEvent::Failed(error) => panic!("{error}"),
        }
    }

    async fn until(&mut self, what: &str) {
        while self.step().await != what {}
    }

    async fn until_seen(&mut self, count: usize) {
        while self.seen.len() < count {
            self.step().await;
        }
    }

    /// Lets the task work for a while.
    async fn work(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.events.recv()).await {
            self.hear(event).await;
        }
    }
}

/// Lets two tasks work until something holds. A group may rebalance more often than its members come and go.
async fn both_until(first: &mut Task, second: &mut Task, holds: impl Fn(&Task, &Task) -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !holds(first, second) {
        assert!(tokio::time::Instant::now() < end, "waited in vain");
        for task in [&mut *first, &mut *second] {
            if let Ok(Some(event)) = timeout(Duration::from_millis(20), task.events.recv()).await {
                task.hear(event).await;
            }
        }
    }
}

#[tokio::test]
async fn every_record_of_every_partition_comes_once_and_in_batches_within_the_limits() {
    let broker = broker_with("t", 5);
    fill(&broker, "t", 5, 0..2_000).await;
    let mut task = Task::on(&broker, "g", "t");
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    let mut count = 0;
    while count < 2_000 {
        match timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            ConsumerEvent::Batch(batch) => {
                assert!(batch.row_count() <= 100);
                for row in batch.rows() {
                    let before = last.insert(row.partition, row.offset).unwrap_or(-1);
                    assert_eq!(row.offset, before + 1, "partition {}", row.partition);
                }
                count += batch.row_count();
                task.consumer.recycle(batch);
            }
            ConsumerEvent::Assigned(positions) => {
                assert_eq!(positions.len(), 5);
                assert!(positions.values().all(|offset| *offset == NO_OFFSET));
            }
            other => panic!("{other:?}"),
        }
    }
    task.consumer.close().await;
    assert!(task.events.recv().await.is_none());
}

#[tokio::test]
async fn keys_headers_nulls_and_timestamps_come_as_they_were_written() {
    let broker = broker_with("t", 1);
    let sender = producer(&broker);
    let headers: [(&str, Option<&[u8]>); 4] =
        [("a", Some(b"1")), ("a", Some(b"")), ("none", None), ("\u{e9}", Some(b"\xff\x00"))];
    for (key, value, headers, timestamp) in [
        (Some(&b"k"[..]), Some(&b"v"[..]), &headers[..], Some(1_700_000_000_123)),
        (None, Some(b"".as_slice()), &[], Some(1)),
        (Some(b""), None, &[], Some(2)),
    ] {
        let record = ProducerRecord { topic: "t", partition: Some(0), key, value, headers, timestamp };
        assert_eq!(sender.send(record).await.unwrap().await.unwrap().0, 0);
    }
    let mut task = Task::on(&broker, "g", "t");
    let mut rows = Vec::new();
    while rows.len() < 3 {
        let ConsumerEvent::Batch(batch) = timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() else {
            continue;
        };
        for row in batch.rows() {
            let headers: Vec<_> =
                batch.raw_headers(row).map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect();
            assert_eq!(row.timestamp_type, TimestampType::CreateTime);
            let bytes = |span| batch.bytes(span).to_vec();
            rows.push((row.key.map(bytes), row.value.map(bytes), row.timestamp, headers));
        }
    }
    let expected: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect();
    assert_eq!(rows[0], (Some(b"k".to_vec()), Some(b"v".to_vec()), 1_700_000_000_123, expected));
    assert_eq!(rows[1], (None, Some(Vec::new()), 1, Vec::new()));
    assert_eq!(rows[2], (Some(Vec::new()), None, 2, Vec::new()));
}

#[tokio::test]
async fn headers_that_nobody_wants_are_left_out() {
    let broker = broker_with("t", 1);
    let headers: [(&str, Option<&[u8]>); 1] = [("a", Some(b"1"))];
    let record = ProducerRecord { topic: "t", value: Some(b"v"), headers: &headers, ..ProducerRecord::default() };
    producer(&broker).send(record).await.unwrap().await.unwrap();
    let mut settings = settings(&broker, "g", Subscription::Topics(vec!["t".to_owned()]));
    settings.headers = false;
    let mut task = Task::start(settings);
    loop {
        if let ConsumerEvent::Batch(batch) = timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            let row = &batch.rows()[0];
            assert_eq!((batch.raw_headers(row).len(), row.value.map(|value| batch.bytes(value))), (0, Some(&b"v"[..])));
            break;
        }
    }
}

#[tokio::test]
async fn a_record_larger_than_a_batch_comes_alone() {
    let broker = broker_with("t", 1);
    let sender = producer(&broker);
    for size in [10, 5_000, 10, 400, 400, 400] {
        let value = vec![b'x'; size];
        let record = ProducerRecord { topic: "t", value: Some(&value), ..ProducerRecord::default() };
        sender.send(record).await.unwrap().await.unwrap();
    }
    let mut settings = settings(&broker, "g", Subscription::Topics(vec!["t".to_owned()]));
    settings.limits.bytes = 1_000;
    let mut task = Task::start(settings);
    let (mut sizes, mut batches) = (Vec::new(), Vec::new());
    while sizes.len() < 6 {
        if let ConsumerEvent::Batch(batch) = timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            sizes.extend(batch.rows().iter().map(|row| row.value.unwrap().len()));
            batches.push((batch.row_count(), batch.byte_count()));
        }
    }
    assert_eq!(sizes, [10, 5_000, 10, 400, 400, 400]);
    assert!(batches.iter().all(|(rows, bytes)| *bytes <= 1_000 || *rows == 1), "{batches:?}");
}

#[tokio::test]
async fn a_second_member_takes_over_where_the_first_committed_and_gives_back() {
    let broker = broker_with("t", 4);
    fill(&broker, "t", 4, 0..400).await;
    let mut first = Task::on(&broker, "g", "t");
    first.until_seen(400).await;
    first.consumer.commit(first.positions.clone()).await.unwrap();

    let mut second = Task::on(&broker, "g", "t");
    // The first one is asked to go, commits, and both get two partitions each.
    first.until("revoked").await;
    both_until(&mut first, &mut second, |first, second| (first.assigned.len(), second.assigned.len()) == (2, 2)).await;
    assert!(second.assigned.values().all(|offset| *offset == 100), "{:?}", second.assigned);

    fill(&broker, "t", 4, 400..800).await;
    both_until(&mut first, &mut second, |first, second| first.seen.len() + second.seen.len() >= 800).await;
    assert_eq!((first.seen.len() + second.seen.len(), first.count + second.count), (800, 800));
    assert!(first.seen.is_disjoint(&second.seen));

    // Both commit and the second leaves; the first, assigned all again, goes on with the rest alone.
    first.consumer.commit(first.positions.clone()).await.unwrap();
    second.consumer.commit(second.positions.clone()).await.unwrap();
    second.consumer.close().await;
    first.until("revoked").await;
    first.until("assigned").await;
    assert_eq!(first.assigned.len(), 4);
    fill(&broker, "t", 4, 800..1_200).await;
    let seen = 1_200 - second.seen.len();
    first.until_seen(seen).await;
    assert_eq!(first.count, seen);
}

#[tokio::test]
async fn a_task_that_never_answers_does_not_hold_the_group_up() {
    let broker = broker_with("t", 2);
    fill(&broker, "t", 2, 0..10).await;
    let mut settings = settings(&broker, "g", Subscription::Topics(vec!["t".to_owned()]));
    settings.props.insert("max.poll.interval.ms".to_owned(), "7000".to_owned());
    let mut stuck = Task::start(settings.clone());
    stuck.until_seen(10).await;
    let mut other = Task::start(settings);
    let revoked = loop {
        if let event @ ConsumerEvent::Revoked { .. } = stuck.events.recv().await.unwrap() {
            break event;
        }
    };
    other.until("assigned").await;
    // Too late: somebody else may have written on.
    let error = stuck.consumer.commit(stuck.positions.clone()).await.unwrap_err();
    assert_eq!(error.class, "org.apache.kafka.clients.consumer.CommitFailedException", "{error}");
    drop(revoked);
}

#[tokio::test]
async fn what_is_committed_is_where_the_next_one_starts() {
    let broker = broker_with("t", 1);
    fill(&broker, "t", 1, 0..50).await;
    let mut task = Task::on(&broker, "g", "t");
    task.until_seen(50).await;
    let partition = TopicPartition::new("t", 0);
    task.consumer.commit(Positions::from([(partition.clone(), 20)])).await.unwrap();
    task.consumer.commit(Positions::new()).await.unwrap();
    // The thread is woken for it, however long it would have rested.
    let began = std::time::Instant::now();
    for _ in 0..10 {
        task.consumer.commit(Positions::from([(partition.clone(), 20)])).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    task.consumer.close().await;

    let mut next = Task::on(&broker, "g", "t");
    next.until("assigned").await;
    assert_eq!(next.assigned, Positions::from([(partition, 20)]));
    next.until_seen(30).await;
    assert_eq!(next.seen, (20..50).collect());
}

#[tokio::test]
async fn a_paused_consumer_reads_nothing_and_loses_nothing() {
    let broker = broker_with("t", 3);
    fill(&broker, "t", 3, 0..300).await;
    let mut task = Task::on(&broker, "g", "t");
    task.until_seen(1).await;
    task.consumer.pause();
    // What was on its way still comes.
    task.work(Duration::from_secs(1)).await;
    let seen = task.count;
    fill(&broker, "t", 3, 300..600).await;
    task.work(Duration::from_secs(1)).await;
    assert_eq!(task.count, seen);
    // Commits go on.
    task.consumer.commit(task.positions.clone()).await.unwrap();
    task.consumer.resume();
    task.until_seen(600).await;
    assert_eq!(task.count, 600);
}

#[tokio::test]
async fn a_pause_outlives_a_rebalance() {
    let broker = broker_with("t", 2);
    let mut first = Task::on(&broker, "g", "t");
    first.until("assigned").await;
    first.consumer.pause();
    let mut second = Task::on(&broker, "g", "t");
    both_until(&mut first, &mut second, |first, second| (first.assigned.len(), second.assigned.len()) == (1, 1)).await;
    fill(&broker, "t", 2, 0..100).await;
    both_until(&mut first, &mut second, |_, second| second.seen.len() >= 50).await;
    assert_eq!(first.count, 0);
    first.consumer.resume();
    both_until(&mut first, &mut second, |first, second| first.seen.union(&second.seen).count() == 100).await;
}

#[tokio::test]
async fn a_seek_reads_again_from_there_once_it_is_told() {
    let broker = broker_with("t", 2);
    fill(&broker, "t", 2, 0..1_000).await;
    let mut task = Task::on(&broker, "g", "t");
    while task.positions.get(&TopicPartition::new("t", 0)).is_none_or(|position| *position < 100) {
        task.step().await;
    }
    let back = Positions::from([(TopicPartition::new("t", 0), 10), (TopicPartition::new("other", 0), 10)]);
    task.consumer.seek(back);
    loop {
        match timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            ConsumerEvent::Batch(batch) => task.keep(batch),
            ConsumerEvent::Rewound(positions) => {
                assert_eq!(positions, Positions::from([(TopicPartition::new("t", 0), 10)]));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let mut offsets = Vec::new();
    while offsets.last() != Some(&499) {
        if let ConsumerEvent::Batch(batch) = timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            offsets.extend(batch.rows().iter().filter(|row| row.partition == 0).map(|row| row.offset));
            task.keep(batch);
        }
    }
    assert_eq!(offsets, (10..500).collect::<Vec<i64>>());
    task.until_seen(1_000).await;
}

#[tokio::test]
async fn a_seek_of_a_paused_consumer_counts_when_it_resumes() {
    let broker = broker_with("t", 1);
    fill(&broker, "t", 1, 0..100).await;
    let mut task = Task::on(&broker, "g", "t");
    task.until_seen(100).await;
    task.consumer.pause();
    task.consumer.seek(Positions::from([(TopicPartition::new("t", 0), 40)]));
    task.until("rewound").await;
    task.consumer.resume();
    while task.count < 160 {
        task.step().await;
    }
    task.work(Duration::from_millis(500)).await;
    assert_eq!(task.count, 160);
}

#[tokio::test]
async fn a_pattern_matches_whole_names_and_finds_topics_that_come_later() {
    let broker = broker_with("orders", 1);
    broker.create_topic(&topic("orders-old", 1)).unwrap();
    fill(&broker, "orders", 1, 0..10).await;
    fill(&broker, "orders-old", 1, 10..20).await;
    // `orders|orders-new` finds `orders` first in `orders-new`; the whole name matches all the same.
    let pattern = Subscription::Pattern(Regex::new("orders|orders-new").unwrap());
    let mut task = Task::start(settings(&broker, "g", pattern));
    task.until_seen(10).await;
    fill(&broker, "orders-new", 1, 20..30).await;
    task.until_seen(20).await;
    assert_eq!(task.seen, (0..10).chain(20..30).collect());
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let broker = broker_with("t", 1);
    fill(&broker, "t", 1, 0..10).await;
    let mut task = Task::on(&broker, "g", "t");
    task.until_seen(10).await;
    broker.set_down(true).unwrap();
    task.work(Duration::from_secs(2)).await;
    broker.set_down(false).unwrap();
    fill(&broker, "t", 1, 10..20).await;
    task.until_seen(20).await;
    task.consumer.commit(task.positions.clone()).await.unwrap();
}

#[tokio::test]
async fn a_consumer_can_be_closed_while_its_task_takes_nothing_and_the_brokers_are_gone() {
    let broker = broker_with("t", 1);
    fill(&broker, "t", 1, 0..5_000).await;
    let mut task = Task::on(&broker, "g", "t");
    task.until_seen(1).await;
    broker.set_down(true).unwrap();
    timeout(PATIENCE, task.consumer.close()).await.unwrap();
    let refused = task.consumer.commit(task.positions.clone()).await.unwrap_err();
    assert_eq!(refused.kind, longshore_api::ErrorKind::Retriable);
}

#[tokio::test]
async fn a_consumer_without_a_group_or_with_wrong_settings_does_not_start() {
    let broker = MockBroker::start().unwrap();
    let mut settings = settings(&broker, "g", Subscription::Topics(vec!["t".to_owned()]));
    settings.props.insert("auto.offset.reset".to_owned(), "sometime".to_owned());
    let error = SinkConsumer::start(settings.clone()).err().unwrap();
    assert!(error.to_string().contains("sometime for configuration auto.offset.reset"), "{error}");
    settings.props.shift_remove("auto.offset.reset");
    settings.props.shift_remove("group.id");
    let error = SinkConsumer::start(settings).err().unwrap();
    assert!(error.to_string().contains("\"group.id\""), "{error}");
}
