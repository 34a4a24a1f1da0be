//! What the tests share: a database of their own, a running sink, batches.

use std::sync::Arc;
use std::time::Duration;

use longshore_api::config::Props;
use longshore_api::{
    BadRecord, Batch, BatchBuilder, Data, Positions, PutOutcome, Result, RowParts, Schema, SinkConnector, SinkTask,
    Slot, Slots, Struct, TaskContext, TopicPartition, Value,
};
use longshore_clickhouse::ClickHouseSinkConnector;
use longshore_test_servers::unique;
use tokio_util::sync::CancellationToken;

/// A database of a test's own on a server.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) url: String,
    pub(crate) database: String,
}

impl Lab {
    /// A place on the server that tests share.
    pub(crate) async fn new(name: &str) -> Self {
        let url = tokio::task::spawn_blocking(longshore_test_servers::clickhouse).await.expect("a server");
        Self::on(url, name)
    }

    /// A place on a server.
    pub(crate) fn on(url: &str, name: &str) -> Self {
        let lab = Self { url: url.to_owned(), database: unique(name).replace('-', "_") };
        lab.run(&format!("CREATE DATABASE {}", lab.database));
        lab
    }

    /// The answer to a question in the lab's database.
    pub(crate) fn ask(&self, statement: &str) -> String {
        let mut answer = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent()
            .post(&self.url)
            .query("database", if statement.starts_with("CREATE DATABASE") { "default" } else { &self.database })
            .query("allow_experimental_json_type", "1")
            .query("allow_experimental_variant_type", "1")
            .query("allow_suspicious_variant_types", "1")
            .query("allow_suspicious_low_cardinality_types", "1")
            .query("max_query_size", "10000000")
            .send(statement)
            .expect("a server that answers");
        let text = answer.body_mut().read_to_string().expect("an answer");
        assert!(answer.status().is_success(), "{statement}: {text}");
        text.trim_end().to_owned()
    }

    pub(crate) fn run(&self, statement: &str) {
        self.ask(statement);
    }

    pub(crate) fn count(&self, table: &str) -> u64 {
        self.ask(&format!("SELECT count() FROM {table}")).parse().expect("a number")
    }

    pub(crate) fn props(&self, more: &[(&str, &str)]) -> Props {
        let (host, port) = self.url.trim_start_matches("http://").split_once(':').expect("host and port");
        let base = [("topics", "t"), ("hostname", host), ("port", port), ("database", &self.database)];
        base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    pub(crate) async fn try_start(&self, more: &[(&str, &str)]) -> Result<Sink> {
        let mut task = ClickHouseSinkConnector.new_task();
        let cancelled = CancellationToken::new();
        let context = TaskContext { connector: Arc::from("test"), task: 0, cancelled };
        task.start(context, &self.props(more)).await?;
        Ok(Sink { task })
    }

    pub(crate) async fn start(&self, more: &[(&str, &str)]) -> Sink {
        self.try_start(more).await.unwrap()
    }
}

/// A running sink task.
pub(crate) struct Sink {
    pub(crate) task: Box<dyn SinkTask>,
}

impl Sink {
    pub(crate) async fn try_put(&mut self, batch: &Arc<Batch>) -> Result<PutOutcome> {
        self.task.put(batch, 0).await
    }

    /// Puts a batch that is taken at once; gives the bad records' offsets and errors.
    pub(crate) async fn put(&mut self, batch: &Arc<Batch>) -> Vec<(i64, String)> {
        let outcome = self.try_put(batch).await.unwrap();
        assert_eq!(outcome.taken, batch.len(), "{:?}", outcome.retry);
        bad(&outcome.bad)
    }

    /// Up to where partition 0 of topic t is delivered, of what was taken up to `taken`.
    pub(crate) async fn delivered(&mut self, taken: i64) -> i64 {
        let place = TopicPartition { topic: Arc::from("t"), partition: 0 };
        let taken = Positions::from([(place.clone(), taken)]);
        self.task.flush(&taken).await.unwrap().delivered.positions()[&place]
    }

    /// Calls as the worker does while nothing comes, until `is_done`.
    pub(crate) async fn idle_until(&mut self, mut is_done: impl FnMut() -> bool) {
        tokio::time::timeout(Duration::from_secs(120), async {
            while !is_done() {
                let _may_fail = self.task.put(&Arc::new(Batch::default()), 0).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("it ends within two minutes");
    }
}

pub(crate) fn bad(bad: &[BadRecord]) -> Vec<(i64, String)> {
    let mut bad: Vec<_> = bad.iter().map(|one| (one.batch.record(one.index).offset(), one.error.to_string())).collect();
    bad.sort();
    bad
}

/// Values of a topic, partition 0, with offsets from `first` on.
pub(crate) fn batch(
    topic: &str,
    first: i64,
    values: impl IntoIterator<Item = String>,
    slot: fn(&Batch, usize) -> Slot,
) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from(topic));
    for (offset, value) in (first..).zip(values) {
        let value = Some(value.as_bytes());
        builder.push(topic, RowParts { offset, value, ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let slots = (0..batch.row_count())
        .map(|row| Slots { row: row as u32, topic, key: Slot::Null, value: slot(&batch, row) })
        .collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

/// Schemaless JSON.
pub(crate) fn json(first: i64, values: &[&str]) -> Arc<Batch> {
    json_of("t", first, values)
}

/// Schemaless JSON of a topic.
pub(crate) fn json_of(topic: &str, first: i64, values: &[&str]) -> Arc<Batch> {
    batch(topic, first, values.iter().map(|value| (*value).to_owned()), |batch, row| {
        batch.rows()[row].value.map_or(Slot::Null, Slot::Json)
    })
}

/// `{"n": offset}` for each offset.
pub(crate) fn numbers(offsets: std::ops::Range<i64>) -> Arc<Batch> {
    let values = offsets.clone().map(|n| format!(r#"{{"n": {n}}}"#));
    batch("t", offsets.start, values, |batch, row| batch.rows()[row].value.map_or(Slot::Null, Slot::Json))
}

/// Strings.
pub(crate) fn texts(first: i64, values: &[&str]) -> Arc<Batch> {
    batch("t", first, values.iter().map(|value| (*value).to_owned()), |batch, row| {
        batch.rows()[row].value.map_or(Slot::Null, Slot::Text)
    })
}

/// Structs of one schema.
pub(crate) fn structs(first: i64, schema: &Arc<Schema>, rows: Vec<Vec<Value>>) -> Arc<Batch> {
    mixed_structs(first, rows.into_iter().map(|values| (schema, values)).collect())
}

/// The same, of records with a schema each.
pub(crate) fn mixed_structs(first: i64, rows: Vec<(&Arc<Schema>, Vec<Value>)>) -> Arc<Batch> {
    let batch = batch("t", first, rows.iter().map(|_| String::new()), |_, _| Slot::Null);
    let mut batch = Arc::into_inner(batch).expect("nobody else has it");
    let mut slots = batch.take_slots();
    for (slot, (schema, values)) in slots.iter_mut().zip(rows) {
        let value = Value::Struct(Struct { schema: Arc::clone(schema), values });
        slot.value = batch.add_data(Data::new(Arc::clone(schema), value));
    }
    batch.set_slots(slots);
    Arc::new(batch)
}
