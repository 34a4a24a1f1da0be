//! What a record costs the sink: its way from a batch to the server's acknowledgement.
//!
//! 5,000 records a batch, to a real MongoDB (started, or that of `LONGSHORE_TEST_MONGODB`). The figures are processor time
//! of this process, all threads together, divided by the records; the server's own time is not in them. Run it with
//! `cargo bench -p longshore-mongodb --bench put`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]

#[path = "../../../benches/common/processor.rs"]
mod processor;

use std::sync::Arc;
use std::time::Instant;

use longshore_api::config::Props;
use longshore_api::{Batch, BatchBuilder, RowParts, SinkConnector as _, Slot, Slots, TaskContext};
use longshore_mongodb::MongoSinkConnector;

const RECORDS: usize = 5_000;
const ROUNDS: usize = 40;

fn batch(round: usize, record: impl Fn(usize) -> (String, String)) -> Arc<Batch> {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("bench"));
    for n in 0..RECORDS {
        let (key, value) = record(round * RECORDS + n);
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        builder.push(topic, RowParts { offset: n as i64, timestamp: 1, key, value, ..RowParts::default() });
    }
    let mut batch = builder.finish();
    let slots = batch.rows().iter().enumerate().map(|(row, parts)| Slots {
        row: row as u32,
        topic,
        key: parts.key.map_or(Slot::Null, Slot::Json),
        value: parts.value.map_or(Slot::Null, Slot::Json),
    });
    let slots = slots.collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

fn quote(n: usize) -> String {
    format!(
        r#"{{"symbol":"ACME","exchange":"XNAS","price":184.37,"bid":184.35,"ask":184.39,"volume":1250300,"currency":"USD","time":"2026-01-15T14:32:07.123Z","sequence":{n},"trader":"t-48213","halted":false}}"#
    )
}

fn event(n: usize) -> String {
    let row =
        format!(r#"{{"id":{},"first_name":"Anne","last_name":"Kretchmar","email":"annek@noanswer.org"}}"#, n % 2000);
    format!(
        r#"{{"before":null,"after":{row},"source":{{"version":"3.0.0.Final","connector":"mysql","name":"shop","ts_ms":1,"snapshot":"false","db":"inventory","table":"customers","pos":484}},"op":"c","ts_ms":{n}}}"#
    )
}

async fn measure(name: &str, more: &[(&str, &str)], record: impl Fn(usize) -> (String, String)) {
    let uri = tokio::task::spawn_blocking(longshore_test_servers::mongodb).await.expect("a server");
    let base = [("topics", "bench"), ("connection.uri", uri), ("database", "longshore_bench"), ("collection", name)];
    let props: Props = base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut task = MongoSinkConnector.new_task();
    let context = TaskContext { connector: Arc::from("bench"), task: 0, cancelled: Default::default() };
    task.start(context, &props).await.expect("a valid configuration");
    let batches: Vec<Arc<Batch>> = (0..ROUNDS).map(|round| batch(round, &record)).collect();
    task.put(&batches[0], 0).await.expect("a server that answers");
    let (spent, began) = (processor::time(), Instant::now());
    for batch in &batches[1..] {
        let outcome = task.put(batch, 0).await.expect("a server that answers");
        assert_eq!((outcome.taken, outcome.bad.len()), (RECORDS, 0));
    }
    let records = (RECORDS * (ROUNDS - 1)) as u64;
    let (spent, took) = (processor::time() - spent, began.elapsed());
    let rate = records as f64 / took.as_secs_f64();
    println!("{name:<12} {:>6} ns of processor time a record, {rate:>9.0} records/s", spent / records);
    task.stop().await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let strategy = |class: &str| format!("com.mongodb.kafka.connect.sink.{class}");
    let none = |n: usize| ("null".to_owned(), quote(n));
    measure("defaults", &[], none).await;
    measure("one_by_one", &[("connection.uri", &one_connection())], none).await;
    let (provided, keyed) = (strategy("processor.id.strategy.ProvidedInKeyStrategy"), |n: usize| {
        (format!(r#"{{"_id":{}}}"#, n % 2000), quote(n))
    });
    measure("replace", &[("document.id.strategy", &provided)], keyed).await;
    let chain =
        ["BlockListValueProjector", "KafkaMetaAdder"].map(|name| strategy(&format!("processor.{name}"))).join(",");
    measure("chain", &[("post.processor.chain", &chain), ("value.projection.list", "bid,ask")], none).await;
    let handler = strategy("cdc.debezium.rdbms.MysqlHandler").replace("rdbms.", "rdbms.mysql.");
    let events = |n: usize| (format!(r#"{{"id":{}}}"#, n % 2000), event(n));
    measure("debezium", &[("change.data.capture.handler", &handler)], events).await;
}

/// A connection string with one connection: commands go one after another.
fn one_connection() -> String {
    format!("{}&maxPoolSize=1", longshore_test_servers::mongodb())
}
