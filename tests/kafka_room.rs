//! What the Kafka room does against a real broker: groups, codecs, outages, admin calls, logs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use longshore::config::TopicSpec;
use longshore::kafka::{
    Admin, BatchLimits, ConsumerEvent, ConsumerEvents, ConsumerSettings, Creation, LogPurpose, NO_OFFSET, Producer,
    ProducerRecord, SinkConsumer, Subscription, TopicLogs,
};
use longshore::store::Log;
use longshore_api::{Batch, ErrorKind, Positions, Props, TopicPartition};
use longshore_test_servers::{Kind, Server, kafka, unique};
use regex::Regex;
use tokio::time::{Instant, timeout, timeout_at};

const PATIENCE: Duration = Duration::from_secs(60);

fn props(broker: &str, more: &[(&str, &str)]) -> Props {
    [("bootstrap.servers", broker)]
        .iter()
        .chain(more)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, replication_factor: 1, settings: Props::new() }
}

async fn create(broker: &str, name: &str, partitions: i32) {
    Admin::new(&props(broker, &[])).unwrap().create_topic(&spec(name, partitions)).await.unwrap();
}

/// Writes numbered records, round the partitions, in batches of this codec.
async fn fill(broker: &str, topic: &str, partitions: i32, codec: &str, numbers: std::ops::Range<usize>) {
    let producer = Producer::new(&props(broker, &[("compression.type", codec)])).unwrap();
    let completions = producer.completions();
    let count = numbers.len();
    for number in numbers {
        let value = number.to_string();
        let record = ProducerRecord {
            topic,
            partition: Some(number as i32 % partitions),
            value: Some(value.as_bytes()),
            ..ProducerRecord::default()
        };
        producer.send_tracked(record, number as u64).await.unwrap();
    }
    producer.flush(PATIENCE).await.unwrap();
    let mut done = 0;
    while done < count {
        for completion in completions.next().await {
            completion.result.unwrap();
            done += 1;
        }
    }
}

fn settings(broker: &str, group: &str, subscription: Subscription) -> ConsumerSettings {
    ConsumerSettings {
        props: props(
            broker,
            &[
                ("group.id", group),
                ("client.id", group),
                ("session.timeout.ms", "10000"),
                ("heartbeat.interval.ms", "300"),
                ("metadata.max.age.ms", "1000"),
            ],
        ),
        subscription,
        limits: BatchLimits { records: 200, bytes: 1 << 20 },
        headers: true,
    }
}

/// A sink that keeps the numbers it is given, and commits when it is asked to go.
struct Task {
    consumer: SinkConsumer,
    events: ConsumerEvents,
    seen: BTreeSet<usize>,
    count: usize,
    positions: Positions,
    assigned: Positions,
    /// How often partitions were lost, not given up.
    losses: usize,
}

impl Task {
    fn start(settings: ConsumerSettings) -> Self {
        let (consumer, events) = SinkConsumer::start(settings).unwrap();
        let (seen, count) = (BTreeSet::new(), 0);
        Self { consumer, events, seen, count, positions: Positions::new(), assigned: Positions::new(), losses: 0 }
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

    async fn handle(&mut self, event: ConsumerEvent) {
        match event {
            ConsumerEvent::Batch(batch) => self.keep(batch),
            ConsumerEvent::Assigned(positions) => self.assigned.extend(positions),
            ConsumerEvent::Revoked { partitions, lost, done } => {
                if lost {
                    self.losses += 1;
                    let error = self.consumer.commit(self.positions.clone()).await.unwrap_err();
                    assert_eq!(error.class, "org.apache.kafka.clients.consumer.CommitFailedException", "{error}");
                } else {
                    self.consumer.commit(self.positions.clone()).await.expect("the last commit before partitions go");
                }
                self.positions.retain(|partition, _| !partitions.contains(partition));
                self.assigned.retain(|partition, _| !partitions.contains(partition));
                let _ = done.send(());
            }
            ConsumerEvent::Rewound(_) => {}
            ConsumerEvent::Failed(error) => panic!("{error}"),
        }
    }

    async fn work(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(event)) = timeout_at(end, self.events.recv()).await {
            self.handle(event).await;
        }
    }

    async fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !enough(self) {
            let Ok(event) = timeout_at(end, self.events.recv()).await else {
                panic!("nothing happens; assigned {:?}, {} seen", self.assigned, self.seen.len());
            };
            self.handle(event.expect("the events ended")).await;
        }
    }
}

async fn two_members_share_without_loss_or_repetition(protocol: &[(&str, &str)]) {
    let (broker, topic, group) = (kafka(), unique("shared"), unique("group"));
    create(broker, &topic, 6).await;
    fill(broker, &topic, 6, "none", 0..3_000).await;
    let mut settings = settings(broker, &group, Subscription::Topics(vec![topic.clone()]));
    for (key, value) in protocol {
        settings.props.insert((*key).to_owned(), (*value).to_owned());
    }
    // The broker sets these in its own kind of group.
    if protocol.contains(&("group.protocol", "consumer")) {
        settings.props.shift_remove("session.timeout.ms");
        settings.props.shift_remove("heartbeat.interval.ms");
    }
    let mut first = Task::start(settings.clone());
    first.until(|task| task.seen.len() == 3_000).await;
    // Nothing is committed but in the conversation about the partitions that go.
    let mut second = Task::start(settings);
    let (mut first, mut second) = tokio::join!(
        async {
            first.until(|task| task.assigned.len() == 3).await;
            first
        },
        async {
            second.until(|task| task.assigned.len() == 3).await;
            second
        }
    );
    assert!(second.assigned.values().all(|offset| *offset == 500), "{:?}", second.assigned);
    let filling = fill(broker, &topic, 6, "none", 3_000..6_000);
    tokio::join!(filling, first.work(Duration::from_secs(3)), second.work(Duration::from_secs(3)));
    assert_eq!(first.count + second.count, 6_000);

    second.consumer.commit(second.positions.clone()).await.unwrap();
    second.consumer.close().await;
    assert!(second.events.recv().await.is_none());
    first.until(|task| task.assigned.len() == 6).await;
    fill(broker, &topic, 6, "none", 6_000..6_600).await;
    first.until(|task| task.seen.len() + second.seen.len() >= 6_600).await;
    let all: BTreeSet<usize> = first.seen.union(&second.seen).copied().collect();
    assert_eq!((all.len(), first.count + second.count), (6_600, 6_600));
    assert_eq!((first.losses, second.losses), (0, 0));
    first.consumer.close().await;
}

#[tokio::test]
async fn members_of_a_group_hand_partitions_over_without_loss_or_repetition() {
    two_members_share_without_loss_or_repetition(&[]).await;
}

#[tokio::test]
async fn members_of_a_group_that_the_broker_assigns_do_so_too() {
    two_members_share_without_loss_or_repetition(&[("group.protocol", "consumer")]).await;
}

#[tokio::test]
async fn members_of_a_cooperative_group_do_so_too() {
    two_members_share_without_loss_or_repetition(&[(
        "partition.assignment.strategy",
        "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
    )])
    .await;
}

#[tokio::test]
async fn a_member_that_the_broker_gave_up_on_loses_its_partitions_and_cannot_commit() {
    let server = Server::start(Kind::Kafka);
    let (broker, topic, group) = (server.address(), unique("lost"), unique("group"));
    create(&broker, &topic, 2).await;
    fill(&broker, &topic, 2, "none", 0..100).await;
    let mut settings = settings(&broker, &group, Subscription::Topics(vec![topic.clone()]));
    settings.props.insert("session.timeout.ms".to_owned(), "6000".to_owned());
    let mut task = Task::start(settings);
    task.until(|task| task.seen.len() == 100).await;
    // For longer than the session lasts; the broker notices when it wakes up.
    server.freeze();
    task.work(Duration::from_secs(8)).await;
    server.go_on();
    fill(&broker, &topic, 2, "none", 100..200).await;
    task.until(|task| task.seen.len() == 200).await;
    // Nothing had been committed, so everything came again.
    assert_eq!((task.losses, task.count), (1, 300));
    task.consumer.commit(task.positions.clone()).await.unwrap();
    task.consumer.close().await;
}

#[tokio::test]
async fn a_broker_that_crashes_and_comes_back_costs_nothing() {
    let mut server = Server::start(Kind::Kafka);
    let (broker, topic, group) = (server.address(), unique("crash"), unique("group"));
    create(&broker, &topic, 3).await;
    fill(&broker, &topic, 3, "none", 0..300).await;
    let mut task = Task::start(settings(&broker, &group, Subscription::Topics(vec![topic.clone()])));
    task.until(|task| task.seen.len() == 300).await;
    task.consumer.commit(task.positions.clone()).await.unwrap();
    server.kill();
    task.work(Duration::from_secs(2)).await;
    server.start_again();
    fill(&broker, &topic, 3, "none", 300..600).await;
    task.until(|task| task.seen.len() == 600).await;
    assert_eq!(task.count, 600);
    let committed = async {
        while task.consumer.commit(task.positions.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, committed).await.unwrap();
    let offsets = Admin::new(&props(&broker, &[])).unwrap().group_offsets(&group).await.unwrap();
    assert_eq!(offsets, task.positions);
    task.consumer.close().await;
}

#[tokio::test]
async fn topics_of_every_codec_are_read() {
    let (broker, group) = (kafka(), unique("group"));
    let mut topics = Vec::new();
    for (index, codec) in ["gzip", "snappy", "lz4", "zstd", "none"].into_iter().enumerate() {
        let topic = unique(codec);
        create(broker, &topic, 1).await;
        fill(broker, &topic, 1, codec, index * 1_000..(index + 1) * 1_000).await;
        topics.push(topic);
    }
    let mut task = Task::start(settings(broker, &group, Subscription::Topics(topics)));
    task.until(|task| task.seen.len() == 5_000).await;
    assert_eq!((task.count, task.assigned.len()), (5_000, 5));
}

#[tokio::test]
async fn records_keep_their_headers_timestamps_and_nulls() {
    let (broker, topic, group) = (kafka(), unique("parts"), unique("group"));
    create(broker, &topic, 1).await;
    let producer = Producer::new(&props(broker, &[])).unwrap();
    let headers: [(&str, Option<&[u8]>); 3] = [("a", Some(b"1")), ("a", Some(b"")), ("none", None)];
    let record = ProducerRecord {
        topic: &topic,
        key: None,
        value: Some(b""),
        headers: &headers,
        timestamp: Some(1_700_000_000_123),
        partition: None,
    };
    producer.send(record).await.unwrap().await.unwrap();
    let tombstone = ProducerRecord { topic: &topic, key: Some(b"k"), ..ProducerRecord::default() };
    producer.send(tombstone).await.unwrap().await.unwrap();

    let mut task = Task::start(settings(broker, &group, Subscription::Topics(vec![topic])));
    let mut rows = Vec::new();
    while rows.len() < 2 {
        if let ConsumerEvent::Batch(batch) = timeout(PATIENCE, task.events.recv()).await.unwrap().unwrap() {
            for row in batch.rows() {
                let headers: Vec<_> =
                    batch.raw_headers(row).map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect();
                let bytes = |span| batch.bytes(span).to_vec();
                rows.push((row.key.map(bytes), row.value.map(bytes), row.timestamp, headers));
            }
        }
    }
    let expected: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect();
    assert_eq!(rows[0], (None, Some(Vec::new()), 1_700_000_000_123, expected));
    assert_eq!((&rows[1].0, &rows[1].1), (&Some(b"k".to_vec()), &None));
    assert!(rows[1].2 > 1_700_000_000_123);
}

#[tokio::test]
async fn a_pattern_finds_a_topic_that_comes_later() {
    let (broker, prefix, group) = (kafka(), unique("regex"), unique("group"));
    let (first, later) = (format!("{prefix}.a"), format!("{prefix}.b"));
    create(broker, &first, 2).await;
    create(broker, &format!("x{prefix}.c"), 1).await;
    fill(broker, &first, 2, "none", 0..100).await;
    let pattern = Subscription::Pattern(Regex::new(&format!(r"{prefix}\..")).unwrap());
    let mut task = Task::start(settings(broker, &group, pattern));
    task.until(|task| task.seen.len() == 100).await;
    create(broker, &later, 1).await;
    fill(broker, &later, 1, "none", 100..200).await;
    task.until(|task| task.seen.len() == 200).await;
    // What the first assignment had read was committed when it ended.
    assert_eq!((task.count, task.assigned.len()), (200, 3));
}

#[tokio::test]
async fn a_topic_that_is_missing_is_waited_for() {
    let (broker, topic, group) = (kafka(), unique("missing"), unique("group"));
    let mut settings = settings(broker, &group, Subscription::Topics(vec![topic.clone()]));
    settings.props.insert("allow.auto.create.topics".to_owned(), "false".to_owned());
    let mut task = Task::start(settings);
    task.work(Duration::from_secs(2)).await;
    assert!(task.assigned.is_empty());
    create(broker, &topic, 2).await;
    fill(broker, &topic, 2, "none", 0..10).await;
    task.until(|task| task.seen.len() == 10).await;
    assert!(task.assigned.values().all(|offset| *offset == NO_OFFSET));
}

#[tokio::test]
async fn admin_calls_do_what_they_say() {
    let (broker, topic, group) = (kafka(), unique("admin"), unique("group"));
    let admin = Admin::new(&props(broker, &[("default.api.timeout.ms", "20000")])).unwrap();
    assert!(!admin.cluster_id().await.unwrap().is_empty());

    let mut wanted = spec(&topic, 3);
    wanted.settings.insert("cleanup.policy".to_owned(), "compact".to_owned());
    assert_eq!(admin.describe_topic(&topic).await.unwrap(), None);
    assert_eq!(admin.create_topic(&wanted).await.unwrap(), Creation::Created);
    assert_eq!(admin.create_topic(&wanted).await.unwrap(), Creation::Existed);
    let found = timeout(PATIENCE, async {
        loop {
            if let Some(found) = admin.describe_topic(&topic).await.unwrap() {
                break found;
            }
        }
    });
    let found = found.await.unwrap();
    assert_eq!((found.partitions, found.replication_factor), (3, 1));
    let config = admin.topic_config(&topic).await.unwrap().unwrap();
    assert_eq!(config.get("cleanup.policy").map(String::as_str), Some("compact"));

    wanted.name = unique("replicas");
    wanted.replication_factor = 5;
    let error = admin.create_topic(&wanted).await.unwrap_err();
    assert_eq!(error.class, "org.apache.kafka.common.errors.InvalidReplicationFactorException", "{error}");
    let error = admin.create_topic(&spec("no/name", 1)).await.unwrap_err();
    assert_eq!((error.kind, error.class), (ErrorKind::Fatal, "org.apache.kafka.common.errors.InvalidTopicException"));
    let error = admin.topic_config(&unique("nothing")).await.unwrap_err();
    assert_eq!(error.class, "org.apache.kafka.common.errors.UnknownTopicOrPartitionException", "{error}");

    // Offsets of a group without members.
    let (zero, one) = (TopicPartition::new(&*topic, 0), TopicPartition::new(&*topic, 1));
    let positions = Positions::from([(zero.clone(), 5), (one.clone(), 7)]);
    assert_eq!(admin.group_offsets(&group).await.unwrap(), Positions::new());
    admin.alter_group_offsets(&group, &positions).await.unwrap();
    assert_eq!(admin.group_offsets(&group).await.unwrap(), positions);
    admin.delete_group_offsets(&group, std::slice::from_ref(&zero)).await.unwrap();
    assert_eq!(admin.group_offsets(&group).await.unwrap(), Positions::from([(one.clone(), 7)]));
    admin.delete_group(&group).await.unwrap();
    assert_eq!(admin.group_offsets(&group).await.unwrap(), Positions::new());
    admin.delete_group(&group).await.unwrap();
    admin.delete_group_offsets(&group, std::slice::from_ref(&zero)).await.unwrap();
}

#[tokio::test]
async fn a_group_with_members_keeps_its_offsets() {
    let (broker, topic, group) = (kafka(), unique("busy"), unique("group"));
    create(broker, &topic, 1).await;
    fill(broker, &topic, 1, "none", 0..10).await;
    let admin = Admin::new(&props(broker, &[])).unwrap();
    let mut task = Task::start(settings(broker, &group, Subscription::Topics(vec![topic.clone()])));
    task.until(|task| task.seen.len() == 10).await;
    task.consumer.commit(task.positions.clone()).await.unwrap();
    let partition = TopicPartition::new(&*topic, 0);
    let error = admin.alter_group_offsets(&group, &Positions::from([(partition.clone(), 1)])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal, "{error}");
    let error = admin.delete_group_offsets(&group, &[partition]).await.unwrap_err();
    assert_eq!(error.class, "org.apache.kafka.common.errors.GroupSubscribedToTopicException", "{error}");
    let error = admin.delete_group(&group).await.unwrap_err();
    assert_eq!(error.class, "org.apache.kafka.common.errors.GroupNotEmptyException", "{error}");
    task.consumer.close().await;
    admin.delete_group(&group).await.unwrap();
}

#[tokio::test]
async fn a_log_is_created_compacted_and_kept_over_a_restart() {
    let (broker, topic) = (kafka(), unique("offsets"));
    let worker = props(broker, &[("group.id", "connect-cluster"), ("client.id", "connect-cluster-offsets")]);
    let mut log = TopicLogs::new(&worker).unwrap().open(&spec(&topic, 5), LogPurpose::Offsets).await.unwrap();
    assert_eq!(log.partitions(), 5);
    assert!(timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap().is_empty());
    let admin = Admin::new(&worker).unwrap();
    let config = admin.topic_config(&topic).await.unwrap().unwrap();
    assert_eq!(config.get("cleanup.policy").map(String::as_str), Some("compact"));
    let entries: Vec<_> = (0..300).map(|number| (format!("key{number}").into_bytes(), Some(b"v".to_vec()))).collect();
    log.writer().append(entries).await.unwrap();
    assert_eq!(timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap().len(), 300);
    drop(log);

    let mut log = TopicLogs::new(&worker).unwrap().open(&spec(&topic, 5), LogPurpose::Offsets).await.unwrap();
    assert_eq!(timeout(PATIENCE, log.read_to_end()).await.unwrap().unwrap().len(), 300);
    let writer = log.writer();
    let (next, written) = tokio::join!(timeout(PATIENCE, log.next()), writer.append(vec![(b"key1".to_vec(), None)]));
    written.unwrap();
    let next = next.unwrap().unwrap();
    assert_eq!((next.len(), &*next[0].key, &next[0].value), (1, &b"key1"[..], &None));
    // The log is no member of any group.
    assert_eq!(admin.group_offsets("connect-cluster").await.unwrap(), Positions::new());
}

#[tokio::test]
async fn a_topic_that_is_not_compacted_is_no_log() {
    let (broker, topic) = (kafka(), unique("deleted"));
    create(broker, &topic, 1).await;
    let error =
        TopicLogs::new(&props(broker, &[])).unwrap().open(&spec(&topic, 1), LogPurpose::Statuses).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Config);
    let start = format!(
        "Topic '{topic}' supplied via the 'status.storage.topic' property is required to have 'cleanup.policy=compact'"
    );
    assert!(error.to_string().starts_with(&start), "{error}");
}
