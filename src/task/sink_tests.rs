use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use longshore_api::{BatchBuilder, Data, FlushOutcome, Part, Props, PutOutcome, RowParts, Slot, TaskContext};
use longshore_formats::{Column, Converter, HeaderConverter, JsonNeed, ReadOptions};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::super::convert::Converters;
use super::super::errors::{ErrorPolicy, Retries, RetryPolicy};
use super::super::supervise::Frame;
use super::super::transform::Transforms;
use super::super::{Control, State, TaskStatus};
use super::*;
use crate::chain::{Chain, fakes};
use tokio::sync::watch;

/// What the world outside the loop has seen; offsets by partition.
#[derive(Default)]
struct World {
    /// Accounted for: taken by the sink, refused by the converter, which is tolerated, or to be dropped by the chain.
    accounted: BTreeSet<(i32, i64)>,
    /// Topic, partition and offset of what the sink got.
    seen: Vec<String>,
    committed: BTreeMap<i32, i64>,
    paused: bool,
    calls: Vec<&'static str>,
    /// The broker does not answer commits.
    silent: bool,
    /// What the converter may get that values that read "lacks" need.
    supply: Supply,
    supplied: bool,
    lost: Option<String>,
    /// Batches that the task has taken and not given back, and the most there were.
    in_hand: usize,
    most_in_hand: usize,
    /// The sink has nothing to do without records.
    content: bool,
    idle_puts: usize,
}

type Shared = Arc<Mutex<World>>;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Supply {
    #[default]
    Here,
    Away,
    Refused,
}

impl World {
    fn check(&mut self, what: &str, positions: &Positions) {
        for (partition, next) in positions {
            let missing = (0..*next).find(|offset| !self.accounted.contains(&(partition.partition, *offset)));
            if let Some(offset) = missing {
                self.lost = Some(format!("{what} of {partition} up to {next}, but {offset} is nowhere"));
            }
        }
    }
}

struct FakeConsumer {
    world: Shared,
    events: mpsc::Receiver<ConsumerEvent>,
}

#[async_trait]
impl Consumer for FakeConsumer {
    async fn next(&mut self) -> Option<ConsumerEvent> {
        self.events.recv().await
    }
    async fn commit(&self, positions: Positions) -> Result<()> {
        if self.world.lock().unwrap().silent {
            std::future::pending::<()>().await;
        }
        let mut world = self.world.lock().unwrap();
        world.check("commit", &positions);
        world.committed.extend(positions.into_iter().map(|(partition, next)| (partition.partition, next)));
        Ok(())
    }
    fn pause(&self) {
        self.world.lock().unwrap().paused = true;
    }
    fn resume(&self) {
        self.world.lock().unwrap().paused = false;
    }
    fn recycle(&self, _: Batch) {}
    async fn close(self: Box<Self>) {
        self.world.lock().unwrap().calls.push("consumer closed");
    }
}

/// A topic without end: there is always more, as long as the task wants it.
struct Endless {
    world: Shared,
    next: i64,
}

#[async_trait]
impl Consumer for Endless {
    async fn next(&mut self) -> Option<ConsumerEvent> {
        while self.world.lock().unwrap().paused {
            sleep(Duration::from_millis(1)).await;
        }
        let offset = self.next;
        self.next += 1;
        if offset < 0 {
            return Some(ConsumerEvent::Assigned([(TopicPartition::new("t", 0), 0)].into_iter().collect()));
        }
        let mut world = self.world.lock().unwrap();
        world.in_hand += 1;
        world.most_in_hand = world.most_in_hand.max(world.in_hand);
        Some(ConsumerEvent::Batch(batch_of(&[(0, offset, "a")])))
    }
    async fn commit(&self, positions: Positions) -> Result<()> {
        self.world.lock().unwrap().check("commit", &positions);
        Ok(())
    }
    fn pause(&self) {
        self.world.lock().unwrap().paused = true;
    }
    fn resume(&self) {
        self.world.lock().unwrap().paused = false;
    }
    fn recycle(&self, _: Batch) {
        self.world.lock().unwrap().in_hand -= 1;
    }
    async fn close(self: Box<Self>) {}
}

fn batch_of(rows: &[(i32, i64, &str)]) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("t"));
    for (partition, offset, value) in rows {
        let value = Some(value.as_bytes());
        builder.push(topic, RowParts { partition: *partition, offset: *offset, value, ..RowParts::default() });
    }
    builder.finish()
}

/// A sink that takes all, some or nothing, as the dice fall.
struct FakeSink {
    world: Shared,
    dice: SmallRng,
    trouble: f64,
}

#[async_trait]
impl SinkTask for FakeSink {
    async fn start(&mut self, _: TaskContext, _: &Props) -> Result<()> {
        Ok(())
    }
    fn wants_idle_puts(&self) -> bool {
        !self.world.lock().unwrap().content
    }
    async fn open(&mut self, _: &[TopicPartition]) -> Result<()> {
        self.world.lock().unwrap().calls.push("open");
        Ok(())
    }
    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let left = batch.len() - from;
        self.world.lock().unwrap().idle_puts += usize::from(batch.is_empty());
        let trouble = self.dice.random_bool(self.trouble);
        if trouble && self.dice.random_bool(0.5) {
            return Err(ConnectError::retriable("not now"));
        }
        let taken = if trouble && left > 0 { self.dice.random_range(0..left) } else { left };
        let mut world = self.world.lock().unwrap();
        let mut bad = Vec::new();
        for index in from..from + taken {
            let record = batch.record(index);
            if record.raw_value() == Some(b"refused") {
                let error = ConnectError::data("not this one");
                bad.push(BadRecord { batch: Arc::clone(batch), index, origin: Origin::Sink, error });
            } else {
                world.seen.push(format!("{}-{}@{}", record.topic(), record.partition(), record.offset()));
                world.accounted.insert((record.original_partition(), record.offset()));
            }
        }
        let retry = (taken < left).then(|| ConnectError::retriable("later"));
        Ok(PutOutcome { taken, retry, bad })
    }
    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        self.world.lock().unwrap().check("flush", taken);
        if self.dice.random_bool(self.trouble / 2.0) {
            return Err(ConnectError::retriable("flush later"));
        }
        Ok(FlushOutcome::all(taken))
    }
    async fn close(&mut self, _: &[TopicPartition]) -> Result<()> {
        self.world.lock().unwrap().calls.push("close");
        Ok(())
    }
    async fn stop(&mut self) {
        self.world.lock().unwrap().calls.push("stop");
    }
}

/// Refuses values that read "bad", and cannot read "lacks" before it was supplied.
struct Plain(Shared);

#[async_trait]
impl Converter for Plain {
    fn class(&self) -> &'static str {
        "Plain"
    }
    fn read_column(&self, batch: &mut Batch, part: Part, _: ReadOptions, column: &mut Column) {
        column.slots.clear();
        column.errors.clear();
        for (index, row) in batch.rows().iter().enumerate() {
            let span = if part == Part::Key { row.key } else { row.value };
            let mut world = self.0.lock().unwrap();
            if span.is_some_and(|span| batch.bytes(span) == b"lacks") && !world.supplied {
                column.errors.push((index as u32, ConnectError::retriable("it lacks")));
            }
            if span.is_some_and(|span| batch.bytes(span) == b"bad") {
                world.accounted.insert((row.partition, row.offset));
                column.errors.push((index as u32, ConnectError::data("it is bad")));
            }
            if span.is_some_and(|span| batch.bytes(span) == b"dropped") {
                world.accounted.insert((row.partition, row.offset));
            }
            column.slots.push(span.map_or(Slot::Null, Slot::Bytes));
        }
    }
    fn to_connect(&self, _: &str, _: Option<&[u8]>) -> Result<Data> {
        Ok(Data::NULL)
    }
    fn from_connect(&self, _: &str, _: &Data, _: &mut Vec<u8>) -> Result<bool> {
        Ok(false)
    }
    async fn supply(&self) -> Result<bool> {
        let mut world = self.0.lock().unwrap();
        match world.supply {
            Supply::Here => Ok(!std::mem::replace(&mut world.supplied, true)),
            Supply::Away => Err(ConnectError::retriable("it is away")),
            Supply::Refused => Err(ConnectError::config("wrong password")),
        }
    }
}

impl HeaderConverter for Plain {
    fn class(&self) -> &'static str {
        "Plain"
    }
    fn to_connect_header(&self, _: &str, _: &str, _: Option<&[u8]>) -> Result<Data> {
        Ok(Data::NULL)
    }
    fn from_connect_header(&self, _: &str, _: &str, _: &Data, _: &mut Vec<u8>) -> Result<bool> {
        Ok(false)
    }
}

struct NoTracker;

impl TopicTracker for NoTracker {
    fn active(&self, _: &TaskId, _: &str) {}
}

struct Rig {
    world: Shared,
    events: mpsc::Sender<ConsumerEvent>,
    control: watch::Sender<Control>,
    status: watch::Receiver<TaskStatus>,
    cancelled: CancellationToken,
    done: tokio::task::JoinHandle<Result<()>>,
}

fn rig(seed: u64, trouble: f64, tolerate: bool) -> Rig {
    rig_with(seed, trouble, tolerate, Chain::default())
}

fn rig_with(seed: u64, trouble: f64, tolerate: bool, chain: Chain) -> Rig {
    let patience = Some(Duration::ZERO);
    let fake = |world, events| -> Box<dyn Consumer> { Box::new(FakeConsumer { world, events }) };
    rig_of(
        FakeSink { world: Shared::default(), dice: SmallRng::seed_from_u64(seed), trouble },
        tolerate,
        chain,
        patience,
        fake,
    )
}

/// A sink at work: `patience` is its `errors.retry.timeout`.
fn rig_of(
    sink: FakeSink,
    tolerate: bool,
    chain: Chain,
    patience: Option<Duration>,
    consumer: impl FnOnce(Shared, mpsc::Receiver<ConsumerEvent>) -> Box<dyn Consumer>,
) -> Rig {
    let world = Arc::clone(&sink.world);
    let (events, events_seen) = mpsc::channel(2);
    let (control, control_seen) = watch::channel(Control::Target(TargetState::Started));
    let (status, status_seen) = watch::channel(TaskStatus::of(State::Unassigned));
    let id = TaskId { connector: Arc::from("c"), task: 0 };
    let metrics = crate::metrics::Metrics::default().start_task(&id);
    let cancelled = CancellationToken::new();
    let frame = Frame {
        control: control_seen,
        status,
        cancelled: cancelled.clone(),
        activity: Arc::default(),
        metrics: Arc::clone(&metrics),
    };
    let retry = RetryPolicy { timeout: patience, max_delay: Duration::from_secs(60) };
    let retries = Retries { policy: retry, stop: cancelled.clone() };
    let policy = ErrorPolicy { tolerate, log: false, log_messages: false, retry };
    let plain = Arc::new(Plain(Arc::clone(&world)));
    let header: Arc<dyn HeaderConverter> = plain.clone();
    let converters = Converters { key: plain.clone(), value: plain, header };
    let run = SinkRun {
        id: id.clone(),
        task: Box::new(sink),
        path: RecordPath::new(converters, JsonNeed::Checked, false, Transforms::new(chain, retries)),
        errors: ErrorHandler::new(id.clone(), policy, None, Arc::clone(&metrics)),
        consumer: consumer(Arc::clone(&world), events_seen),
        activity: Arc::default(),
        metrics: Arc::clone(&metrics),
        orders: Orders::new(id, frame),
        topics: Arc::new(NoTracker),
        commit_interval: Duration::from_millis(500),
        commit_timeout: Duration::from_secs(5),
    };
    Rig { world, events, control, status: status_seen, cancelled, done: tokio::spawn(run.run()) }
}

impl Rig {
    async fn assign(&self, partition: i32) -> i64 {
        let start = self.world.lock().unwrap().committed.get(&partition).copied();
        let positions = [(TopicPartition::new("t", partition), start.unwrap_or(-1001))].into_iter().collect();
        self.events.send(ConsumerEvent::Assigned(positions)).await.unwrap();
        start.unwrap_or(0)
    }

    async fn batch(&self, rows: &[(i32, i64, &str)]) {
        self.events.send(ConsumerEvent::Batch(batch_of(rows))).await.unwrap();
    }

    async fn revoke(&self, partition: i32, lost: bool) {
        let (done, answered) = oneshot::channel();
        let partitions = vec![TopicPartition::new("t", partition)];
        self.events.send(ConsumerEvent::Revoked { partitions, lost, done }).await.unwrap();
        answered.await.unwrap();
    }

    async fn stop(self) -> (Result<()>, Shared) {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.control.send_replace(Control::Stop { deadline });
        self.cancelled.cancel();
        (self.done.await.unwrap(), self.world)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_is_committed_on_the_interval_and_at_the_end() {
    let rig = rig(1, 0.0, false);
    rig.assign(0).await;
    rig.batch(&[(0, 0, "a"), (0, 1, "b")]).await;
    sleep(Duration::from_millis(600)).await;
    assert_eq!(rig.world.lock().unwrap().committed, BTreeMap::from([(0, 2)]));
    rig.batch(&[(0, 2, "c")]).await;
    sleep(Duration::from_millis(1)).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    let world = world.lock().unwrap();
    assert_eq!(world.committed, BTreeMap::from([(0, 3)]));
    assert_eq!(world.calls, ["open", "close", "stop", "consumer closed"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_without_records_is_called_now_and_then_if_it_wants_to_be() {
    let rig = rig(1, 0.0, false);
    rig.assign(0).await;
    let idle_puts = || rig.world.lock().unwrap().idle_puts;
    sleep(Duration::from_millis(4500)).await;
    assert_eq!(idle_puts(), 4);
    rig.world.lock().unwrap().content = true;
    sleep(Duration::from_secs(10)).await;
    // It was about to be called when it became content.
    assert!(idle_puts() <= 5);
    let before = idle_puts();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(idle_puts(), before);
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_ends_the_task_but_what_came_before_it_is_committed() {
    let rig = rig(1, 0.0, false);
    rig.assign(0).await;
    rig.batch(&[(0, 0, "a")]).await;
    rig.batch(&[(0, 1, "b"), (0, 2, "bad")]).await;
    let error = rig.done.await.unwrap().unwrap_err();
    let first = error.trace().lines().next().unwrap_or_default().to_owned();
    assert_eq!(
        first,
        "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler: t-0@2 of c-0 failed \
         in stage VALUE_CONVERTER: it is bad"
    );
    assert_eq!(rig.world.lock().unwrap().committed, BTreeMap::from([(0, 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_sink_refuses_is_not_passed_unless_that_is_tolerated() {
    let rig = rig(1, 0.0, false);
    rig.assign(0).await;
    rig.assign(1).await;
    rig.batch(&[(0, 0, "a"), (0, 1, "refused"), (0, 2, "c"), (1, 0, "d"), (1, 1, "refused")]).await;
    let error = rig.done.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("t-0@1 of c-0 failed in stage TASK_PUT: not this one"), "{error}");
    assert_eq!(rig.world.lock().unwrap().committed, BTreeMap::from([(0, 1), (1, 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_tolerated_record_is_dropped_and_the_offset_moves_past_it() {
    let rig = rig(1, 0.0, true);
    rig.assign(0).await;
    rig.batch(&[(0, 0, "bad"), (0, 1, "b"), (0, 2, "bad")]).await;
    sleep(Duration::from_millis(1)).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(world.lock().unwrap().committed, BTreeMap::from([(0, 3)]));
}

#[tokio::test(start_paused = true)]
async fn records_that_a_transform_drops_or_routes_are_committed_where_they_came_from() {
    let chain = fakes::chain(&[
        ("drop", &[("type", "Drop"), ("predicate", "p")]),
        ("route", &[("type", "Route"), ("to", "elsewhere"), ("partition", "7")]),
    ]);
    let rig = rig_with(1, 0.0, false, chain);
    rig.assign(0).await;
    rig.batch(&[(0, 0, "dropped"), (0, 1, "kept"), (0, 2, "dropped")]).await;
    sleep(Duration::from_millis(1)).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    let world = world.lock().unwrap();
    assert_eq!(world.committed, BTreeMap::from([(0, 3)]));
    assert_eq!(world.seen, ["elsewhere-7@1"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_a_transform_refuses_names_transform_and_place() {
    let rig = rig_with(1, 0.0, false, fakes::chain(&[("upper", &[("type", "Upper")])]));
    rig.assign(0).await;
    rig.batch(&[(0, 0, "a")]).await;
    rig.batch(&[(0, 1, "b"), (0, 2, "7")]).await;
    let error = rig.done.await.unwrap().unwrap_err();
    assert_eq!(
        error.trace(),
        "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler: t-0@2 of c-0 failed \
         in stage TRANSFORMATION, transform upper: 7 has no upper case\n\
         Caused by: org.apache.kafka.connect.errors.DataException: 7 has no upper case\n"
    );
    assert_eq!(rig.world.lock().unwrap().committed, BTreeMap::from([(0, 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_pause_shows_in_the_status_and_a_resume_too() {
    let mut rig = rig(1, 0.0, false);
    rig.assign(0).await;
    for (target, state) in [(TargetState::Paused, State::Paused), (TargetState::Started, State::Running)] {
        rig.control.send_replace(Control::Target(target));
        rig.status.wait_for(|status| status.state == state).await.unwrap();
        assert_eq!(rig.world.lock().unwrap().paused, target == TargetState::Paused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_hangs_does_not_keep_a_stop_or_a_revoke_waiting() {
    let rig = rig(1, 1.0, false);
    rig.assign(0).await;
    rig.assign(1).await;
    rig.batch(&(0..50).map(|offset| (0, offset, "a")).collect::<Vec<_>>()).await;
    rig.batch(&(0..50).map(|offset| (1, offset, "a")).collect::<Vec<_>>()).await;
    sleep(Duration::from_secs(5)).await;
    assert!(rig.world.lock().unwrap().paused, "nothing more comes in while the sink is away");
    rig.revoke(0, false).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(world.lock().unwrap().lost, None);
}

#[tokio::test(start_paused = true)]
async fn records_that_wait_for_what_their_converter_lacks_are_neither_lost_nor_written_after_a_revoke() {
    let rig = rig(1, 0.0, true);
    rig.assign(0).await;
    rig.assign(1).await;
    rig.world.lock().unwrap().supply = Supply::Away;
    rig.batch(&[(0, 0, "a"), (1, 0, "lacks"), (0, 1, "lacks")]).await;
    rig.batch(&[(1, 1, "b")]).await;
    sleep(Duration::from_secs(60)).await;
    {
        let world = rig.world.lock().unwrap();
        assert!(world.paused && world.accounted.is_empty() && world.committed.is_empty());
    }
    rig.revoke(0, false).await;
    rig.world.lock().unwrap().supply = Supply::Here;
    sleep(Duration::from_secs(60)).await;
    assert!(!rig.world.lock().unwrap().paused);
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    let world = world.lock().unwrap();
    assert_eq!(world.accounted, BTreeSet::from([(1, 0), (1, 1)]));
    assert_eq!((&world.committed, &world.lost), (&BTreeMap::from([(1, 2)]), &None));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_converter_lacks_something_and_a_refusal_ends_the_task_whatever_is_tolerated() {
    let away = rig(1, 0.0, true);
    away.assign(0).await;
    away.world.lock().unwrap().supply = Supply::Away;
    away.batch(&[(0, 0, "lacks")]).await;
    sleep(Duration::from_secs(60)).await;
    let (outcome, world) = away.stop().await;
    assert_eq!((outcome, &world.lock().unwrap().committed), (Ok(()), &BTreeMap::new()));

    let refused = rig(1, 0.0, true);
    refused.assign(0).await;
    refused.world.lock().unwrap().supply = Supply::Refused;
    refused.batch(&[(0, 0, "lacks")]).await;
    let error = refused.done.await.unwrap().unwrap_err();
    assert_eq!(error.root_cause().to_string(), "wrong password");
    assert_eq!(refused.world.lock().unwrap().committed, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_answer_commits_does_not_keep_events_waiting() {
    let rig = rig(1, 0.0, false);
    rig.assign(0).await;
    rig.world.lock().unwrap().silent = true;
    rig.batch(&[(0, 0, "a")]).await;
    sleep(Duration::from_secs(20)).await; // commits are tried for 5 s each, every 500 ms
    rig.batch(&[(0, 1, "b")]).await;
    tokio::time::timeout(Duration::from_secs(12), rig.revoke(0, true)).await.expect("the revoke is heard");
    assert_eq!(rig.world.lock().unwrap().accounted.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_no_offset_passes_a_record_that_is_not_accounted_for() {
    for seed in 0..300 {
        let mut dice = SmallRng::seed_from_u64(seed);
        let rig = rig(seed, 0.4, true);
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        for _ in 0..40 {
            let partition = dice.random_range(0..3);
            match (next.get(&partition).copied(), dice.random_range(0..10)) {
                (None, _) => {
                    next.insert(partition, rig.assign(partition).await);
                }
                (Some(_), 0) => {
                    next.remove(&partition);
                    rig.revoke(partition, dice.random_bool(0.2)).await;
                }
                (Some(_), 1) => sleep(Duration::from_millis(300)).await,
                (Some(_), 2) => {
                    let mut world = rig.world.lock().unwrap();
                    world.supply = if dice.random_bool(0.5) { Supply::Away } else { Supply::Here };
                    world.supplied = false;
                }
                (Some(_), _) => {
                    let mut rows = Vec::new();
                    for (partition, next) in &mut next {
                        for _ in 0..dice.random_range(0..6) {
                            let value = ["bad", "lacks", "good", "good", "good", "good"][dice.random_range(0..6)];
                            rows.push((*partition, *next, value));
                            *next += dice.random_range(1..2);
                        }
                    }
                    rig.batch(&rows).await;
                }
            }
            assert_eq!(rig.world.lock().unwrap().lost, None, "seed {seed}");
        }
        let (outcome, world) = rig.stop().await;
        assert_eq!(outcome, Ok(()), "seed {seed}");
        let world = world.lock().unwrap();
        assert_eq!(world.lost, None, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_holds_few_batches_however_often_its_sink_is_in_trouble() {
    let sink = FakeSink { world: Shared::default(), dice: SmallRng::seed_from_u64(7), trouble: 0.5 };
    let rig = rig_of(sink, false, Chain::default(), None, |world, _| Box::new(Endless { world, next: -1 }));
    sleep(Duration::from_secs(3600)).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    let world = world.lock().unwrap();
    assert_eq!(world.lost, None);
    assert!(world.seen.len() > 1000, "{} records", world.seen.len());
    assert!(world.most_in_hand <= 1 + MOST_WAITING, "{} batches at once", world.most_in_hand);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_retries_of_a_transform_and_its_record_is_read_again() {
    let sink = FakeSink { world: Shared::default(), dice: SmallRng::seed_from_u64(1), trouble: 0.0 };
    let upper = fakes::chain(&[("a", &[("type", "Upper")])]);
    let fake = |world, events| -> Box<dyn Consumer> { Box::new(FakeConsumer { world, events }) };
    let rig = rig_of(sink, true, upper, None, fake);
    rig.assign(0).await;
    rig.batch(&[(0, 0, "flaky"), (0, 1, "b")]).await;
    sleep(Duration::from_millis(100)).await;
    let (outcome, world) = rig.stop().await;
    assert_eq!(outcome, Ok(()));
    let world = world.lock().unwrap();
    assert_eq!((world.seen.len(), &world.committed), (0, &BTreeMap::new()), "{:?}", world.seen);
}
