//! A bucket of the real server, a task that writes to it, and records for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use longshore_api::{
    Batch, BatchBuilder, ConnectError, Data, Field, Positions, Props, PutOutcome, Result, RowParts, Schema,
    SinkConnector, SinkTask, Slot, Slots, Struct, TaskContext, TopicPartition, Type, Value,
};
use longshore_s3::S3SinkConnector;
use longshore_test_servers::{s3, unique};
use tokio_util::sync::CancellationToken;

/// How long a condition is waited for, on a slow machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const PACKAGE: &str = "io.confluent.connect.s3.format.";
pub(crate) const PARTITIONER: &str = "io.confluent.connect.storage.partitioner.";

/// A client of the server, beside the connector.
pub(crate) fn client(url: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("lab", "labpass", None, None, "test"))
        .endpoint_url(url)
        .http_client(http)
        .force_path_style(true);
    Client::from_conf(config.build())
}

/// A bucket of a test's own.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        Self::on(s3()).await
    }

    pub(crate) async fn on(url: &str) -> Self {
        let (name, client) = (unique("bucket"), client(url));
        client.create_bucket().bucket(&name).send().await.unwrap();
        Self { name, url: url.to_owned(), client }
    }

    /// The objects with their contents, by key.
    pub(crate) async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        let page = self.client.list_objects_v2().bucket(&self.name).send().await.unwrap();
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let object = self.client.get_object().bucket(&self.name).key(key).send().await.unwrap();
            objects.insert(key.to_owned(), object.body.collect().await.unwrap().to_vec());
        }
        objects
    }

    /// The same with contents as text, unpacked where the key says that they are packed.
    pub(crate) async fn texts(&self) -> Vec<(String, String)> {
        let text = |(key, bytes): (String, Vec<u8>)| {
            let mut text = String::new();
            match key.ends_with(".gz") {
                true => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
                false => (&bytes[..]).read_to_string(&mut text).unwrap(),
            };
            (key, text)
        };
        self.objects().await.into_iter().map(text).collect()
    }

    /// How many multipart uploads were begun and not ended.
    pub(crate) async fn unfinished(&self) -> usize {
        let page = self.client.list_multipart_uploads().bucket(&self.name).send().await.unwrap();
        page.uploads().len()
    }

    /// Waits until every multipart upload has ended, or was given up.
    pub(crate) async fn wait_for_no_unfinished(&self) {
        let end = Instant::now() + PATIENCE;
        while self.unfinished().await > 0 {
            assert!(Instant::now() < end, "an upload is left behind");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The configuration of a connector that writes JSON lines here.
    pub(crate) fn props(&self, more: &[(&str, &str)]) -> Props {
        let json = format!("{PACKAGE}json.JsonFormat");
        let mut props: Props = [
            ("s3.bucket.name", self.name.as_str()),
            ("s3.region", "us-east-1"),
            ("store.url", &self.url),
            ("aws.access.key.id", "lab"),
            ("aws.secret.access.key", "labpass"),
            ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
            ("format.class", &json),
            ("flush.size", "3"),
            ("retry.backoff.ms", "100"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        props.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        props
    }
}

/// A running task, with partition 3 of topic `orders`.
pub(crate) struct Sink {
    task: Box<dyn SinkTask>,
    taken: Positions,
    cancelled: CancellationToken,
}

impl Sink {
    pub(crate) async fn start(bucket: &Bucket, more: &[(&str, &str)]) -> Self {
        Self::try_start(&bucket.props(more)).await.unwrap()
    }

    pub(crate) async fn try_start(props: &Props) -> Result<Self> {
        Self::of(&S3SinkConnector, props).await
    }

    /// A task of a connector.
    pub(crate) async fn of(connector: &dyn SinkConnector, props: &Props) -> Result<Self> {
        let cancelled = CancellationToken::new();
        let context = TaskContext { connector: "s3".into(), task: 0, cancelled: cancelled.clone() };
        let mut task = connector.new_task();
        task.start(context, props).await?;
        task.open(&[orders()]).await?;
        Ok(Self { task, taken: Positions::new(), cancelled })
    }

    /// Puts a batch until all of it is taken.
    pub(crate) async fn put(&mut self, batch: &Arc<Batch>) -> PutOutcome {
        self.try_put(batch).await.unwrap()
    }

    pub(crate) async fn try_put(&mut self, batch: &Arc<Batch>) -> Result<PutOutcome> {
        self.put_from(batch, 0).await
    }

    /// Puts a batch from a record on, until all of it is taken.
    pub(crate) async fn put_from(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let mut all = PutOutcome { taken: from, ..PutOutcome::default() };
        let end = Instant::now() + PATIENCE;
        loop {
            let outcome = self.task.put(batch, all.taken).await?;
            all.taken += outcome.taken;
            all.bad.extend(outcome.bad);
            if all.taken == batch.len() {
                break;
            }
            assert!(Instant::now() < end, "{:?}", outcome.retry);
        }
        if let Some(last) = batch.rows().last() {
            self.taken.insert(orders(), last.offset + 1);
        }
        Ok(all)
    }

    /// One call of `put`, whatever it takes.
    pub(crate) async fn put_once(&mut self, batch: &Arc<Batch>) -> Result<PutOutcome> {
        self.task.put(batch, 0).await
    }

    /// Takes the partition from the task.
    pub(crate) async fn close(&mut self) {
        self.task.close(&[orders()]).await.unwrap();
        self.taken.clear();
    }

    /// Up to where everything is in objects.
    pub(crate) async fn delivered(&mut self) -> Option<i64> {
        let outcome = self.task.flush(&self.taken).await.unwrap();
        outcome.delivered.positions().get(&orders()).copied()
    }

    /// Waits until everything before an offset is in objects, and nothing after it.
    pub(crate) async fn wait_for(&mut self, offset: i64) {
        let end = Instant::now() + PATIENCE;
        while self.delivered().await != Some(offset) {
            assert!(Instant::now() < end, "{offset} is not delivered");
        }
    }

    /// Waits until the task has failed.
    pub(crate) async fn wait_for_failure(&mut self) -> ConnectError {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Err(error) = self.task.flush(&self.taken).await {
                return error;
            }
            assert!(Instant::now() < end, "nothing fails");
        }
    }

    /// Tells the task that its end has come, as the worker does before the last flush.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    pub(crate) async fn stop(&mut self) {
        self.task.stop().await;
    }

    /// Ends the task as a crash would: nothing is cleaned up.
    pub(crate) fn crash(self) {
        std::mem::forget(self.cancelled.clone());
        std::mem::forget(self);
    }
}

pub(crate) fn orders() -> TopicPartition {
    TopicPartition::new("orders", 3)
}

/// Records of the schemaless JsonConverter, from an offset on, a second apart.
pub(crate) fn json(first: i64, values: &[&str]) -> Arc<Batch> {
    records(first, &values.iter().map(|value| (None, Some(*value))).collect::<Vec<_>>(), Slot::Json)
}

/// Keys and values, in slots of a kind.
pub(crate) fn records(
    first: i64,
    records: &[(Option<&str>, Option<&str>)],
    slot: fn(longshore_api::Span) -> Slot,
) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("orders"));
    for (offset, (key, value)) in (first..).zip(records) {
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        // 2023-11-14T22:13:20Z is offset 0's.
        let timestamp = 1_700_000_000_000 + offset * 1000;
        builder.push(topic, RowParts { partition: 3, offset, timestamp, key, value, ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let slots = batch.rows().iter().zip(0..).map(|(row, index)| Slots {
        row: index,
        topic: row.topic,
        key: row.key.map_or(Slot::Null, slot),
        value: row.value.map_or(Slot::Null, slot),
    });
    let slots = slots.collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

/// Records with a schema: a number and a text.
pub(crate) fn structs(first: i64, values: &[(i32, &str)]) -> Arc<Batch> {
    let fields = vec![Field::new("n", Schema::new(Type::Int32)), Field::new("s", Schema::new(Type::String))];
    let schema = Arc::new(Schema::structure(fields).named("orders.Order"));
    let texts: Vec<_> = values.iter().map(|_| (None, Some("x"))).collect();
    let mut batch = Arc::unwrap_or_clone(records(first, &texts, Slot::Json));
    let mut slots = batch.take_slots();
    for (slots, (n, s)) in slots.iter_mut().zip(values) {
        let values = vec![Value::Int32(*n), Value::string(*s)];
        let value = Value::Struct(Struct { schema: Arc::clone(&schema), values });
        slots.value = batch.add_data(Data::new(Arc::clone(&schema), value));
    }
    batch.set_slots(slots);
    Arc::new(batch)
}
