//! What a record costs the sink: its way from a batch to the server's acknowledgement.
//!
//! 5,000 records a batch, to a real ClickHouse (started, or that of `LONGSHORE_TEST_CLICKHOUSE`) whose table keeps nothing.
//! The figures are processor time of this process, all threads together, divided by the records; the server's own time is
//! not in them. `raw` is the limit: the same bytes, put together beforehand, in one insert a batch. Run it with
//! `cargo bench -p longshore-clickhouse --bench put`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]

#[path = "../../../benches/common/processor.rs"]
mod processor;

use std::sync::Arc;
use std::time::Instant;

use longshore_api::config::Props;
use longshore_api::{
    Batch, BatchBuilder, Data, Field, RowParts, Schema, SinkConnector as _, Slot, Slots, Struct, TaskContext, Type,
    Value,
};
use longshore_clickhouse::ClickHouseSinkConnector;

const RECORDS: usize = 5_000;
const ROUNDS: usize = 60;

fn quote(n: usize) -> String {
    format!(
        r#"{{"symbol":"ACME","exchange":"XNAS","price":184.37,"bid":184.35,"ask":184.39,"volume":1250300,"currency":"USD","time":"2026-01-15T14:32:07.123Z","sequence":{n},"trader":"t-48213","halted":false}}"#
    )
}

fn rows(round: usize) -> Batch {
    let mut builder = BatchBuilder::default();
    let topic = builder.topic_index(&Arc::from("bench"));
    for n in 0..RECORDS {
        let (offset, value) = (round * RECORDS + n, quote(n));
        let value = Some(value.as_bytes());
        builder.push(topic, RowParts { offset: offset as i64, timestamp: 1, value, ..RowParts::default() });
    }
    builder.finish()
}

fn schemaless(round: usize) -> Arc<Batch> {
    let mut batch = rows(round);
    let slot = |parts: Option<_>| parts.map_or(Slot::Null, Slot::Json);
    let slots = batch.rows().iter().enumerate();
    let slots =
        slots.map(|(row, parts)| Slots { row: row as u32, topic: 0, key: Slot::Null, value: slot(parts.value) });
    let slots = slots.collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

fn structs(schema: &Arc<Schema>, round: usize) -> Arc<Batch> {
    let mut batch = rows(round);
    let slots: Vec<Slots> = (0..RECORDS)
        .map(|n| {
            let text = Value::string;
            let values = vec![
                text("ACME"),
                text("XNAS"),
                Value::Float64(184.37),
                Value::Float64(184.35),
                Value::Float64(184.39),
                Value::Int64(1_250_300),
                text("USD"),
                Value::Date(1_768_487_527_123),
                Value::Int64(n as i64),
                text("t-48213"),
                Value::Boolean(false),
            ];
            let value = Value::Struct(Struct { schema: Arc::clone(schema), values });
            let value = batch.add_data(Data::new(Arc::clone(schema), value));
            Slots { row: n as u32, topic: 0, key: Slot::Null, value }
        })
        .collect();
    batch.set_slots(slots);
    Arc::new(batch)
}

fn quote_schema() -> Arc<Schema> {
    let time = Schema::new(Type::Int64).named(longshore_api::schema::logical::TIMESTAMP);
    let field = |name: &str, kind| Field::new(name, Schema::new(kind));
    Arc::new(Schema::structure(vec![
        field("symbol", Type::String),
        field("exchange", Type::String),
        field("price", Type::Float64),
        field("bid", Type::Float64),
        field("ask", Type::Float64),
        field("volume", Type::Int64),
        field("currency", Type::String),
        Field::new("time", time),
        field("sequence", Type::Int64),
        field("trader", Type::String),
        field("halted", Type::Boolean),
    ]))
}

fn ask(statement: &str, rows: &[u8]) {
    let request = ureq::post(longshore_test_servers::clickhouse())
        .query("query", statement)
        .query("date_time_input_format", "best_effort");
    request.send(rows).expect("a server that answers").body_mut().read_to_string().expect("an answer");
}

fn report(name: &str, spent: u64, began: Instant) {
    let records = (RECORDS * (ROUNDS - 1)) as u64;
    let rate = records as f64 / began.elapsed().as_secs_f64();
    println!("{name:<16} {:>6} ns of processor time a record, {rate:>9.0} records/s", spent / records);
}

async fn measure(name: &str, more: &[(&str, &str)], batch: impl Fn(usize) -> Arc<Batch>) {
    let (host, port) =
        longshore_test_servers::clickhouse().trim_start_matches("http://").split_once(':').expect("a URL");
    let base = [("topics", "bench"), ("hostname", host), ("port", port), ("database", "longshore_bench")];
    let props: Props = base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut task = ClickHouseSinkConnector.new_task();
    let context = TaskContext { connector: Arc::from("bench"), task: 0, cancelled: Default::default() };
    task.start(context, &props).await.expect("a valid configuration");
    let batches: Vec<Arc<Batch>> = (0..ROUNDS).map(batch).collect();
    task.put(&batches[0], 0).await.expect("a server that answers");
    let (spent, began) = (processor::time(), Instant::now());
    for batch in &batches[1..] {
        let outcome = task.put(batch, 0).await.expect("a server that answers");
        assert_eq!((outcome.taken, outcome.bad.len()), (RECORDS, 0));
    }
    report(name, processor::time() - spent, began);
    task.stop().await;
}

fn raw() {
    let body: Vec<u8> = (0..RECORDS).flat_map(|n| format!("{}\n", quote(n)).into_bytes()).collect();
    let statement = "INSERT INTO longshore_bench.bench FORMAT JSONEachRow";
    ask(statement, &body);
    let (spent, began) = (processor::time(), Instant::now());
    (1..ROUNDS).for_each(|_| ask(statement, &body));
    report("raw", processor::time() - spent, began);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let prepared = tokio::task::spawn_blocking(|| {
        ask("CREATE DATABASE IF NOT EXISTS longshore_bench", b"");
        let columns = "symbol String, exchange String, price Float64, bid Float64, ask Float64, volume Int64, \
                       currency String, time DateTime64(3), sequence Int64, trader String, halted Bool";
        ask(&format!("CREATE TABLE IF NOT EXISTS longshore_bench.bench ({columns}) ENGINE=Null"), b"");
        raw();
    });
    prepared.await.expect("a server");
    let iso = ("clickhouseSettings", "date_time_input_format=best_effort");
    measure("json", &[iso], schemaless).await;
    measure("json, lz4", &[iso, ("insertCompression", "lz4")], schemaless).await;
    let schema = quote_schema();
    measure("row binary", &[], |round| structs(&schema, round)).await;
}
