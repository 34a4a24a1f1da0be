//! What a task holds stays within its limit, however much waits for it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use longshore_test_servers::{Kind, Server, kafka, unique};
use serde_json::json;

use super::kafka::{Writer, create_topic, create_topic_on};
use super::worker::{STRINGS, Worker};

/// The least limit that there is.
const LIMIT: usize = 8 << 20;
/// Records that are together sixteen times the limit.
const RECORDS: usize = 2048;
const RECORD_BYTES: usize = 64 << 10;
/// How much the worker may grow: the limit, and what clients, threads and the memory's manager take beside it. A
/// quarter of what waits.
const GROWTH: u64 = (RECORDS * RECORD_BYTES / 4) as u64;

fn record(number: usize) -> String {
    format!("{number:0width$}", width = RECORD_BYTES - 1)
}

/// The numbers of a file's lines.
fn numbers(file: &Path) -> BTreeSet<usize> {
    let Ok(file) = File::open(file) else { return BTreeSet::new() };
    BufReader::new(file).lines().map(|line| line.unwrap().parse().unwrap()).collect()
}

#[test]
fn a_sink_drains_a_backlog_many_times_its_memory_limit() {
    let topic = unique("backlog");
    create_topic(&topic, 4);
    let writer = Writer::new();
    (0..RECORDS).for_each(|number| writer.send(&topic, None, Some(&record(number))));
    writer.flush();

    let worker = Worker::start(kafka());
    let before = worker.peak_memory();
    let file = worker.folder().join("drained.txt");
    let sink = json!({
        "connector.class": "FileStreamSink",
        "topics": topic,
        "file": file,
        "value.converter": STRINGS,
        "task.memory.limit.bytes": LIMIT.to_string(),
    });
    worker.create("drain", &sink);
    let bytes = (RECORDS * RECORD_BYTES) as u64;
    worker.wait_until("the whole backlog", || fs::metadata(&file).is_ok_and(|file| file.len() >= bytes));
    assert_eq!(numbers(&file), (0..RECORDS).collect());
    let grown = worker.peak_memory() - before;
    assert!(grown < GROWTH, "the worker has grown by {grown} bytes");
    worker.wait_for_state("drain", "RUNNING", "RUNNING");
}

#[test]
fn a_source_waits_for_a_broker_that_takes_nothing() {
    let broker = Server::start(Kind::Kafka);
    let topic = unique("lines");
    create_topic_on(&broker.address(), &topic, 1);
    let worker = Worker::start(&broker.address());
    let (input, output) = (worker.folder().join("in.txt"), worker.folder().join("out.txt"));
    let before = worker.peak_memory();
    let source = json!({
        "connector.class": "FileStreamSource",
        "topic": topic,
        "file": input,
        "value.converter": STRINGS,
        "task.memory.limit.bytes": LIMIT.to_string(),
    });
    worker.create("fill", &source);
    worker.wait_for_state("fill", "RUNNING", "RUNNING");
    broker.freeze();
    let ready = worker.folder().join("ready.txt");
    let mut lines = BufWriter::new(File::create(&ready).unwrap());
    (0..RECORDS).for_each(|number| writeln!(lines, "{}", record(number)).unwrap());
    lines.flush().unwrap();
    fs::rename(&ready, &input).unwrap();
    // Half of the limit may wait for acknowledgement, the other half is what was polled and not sent.
    let most = (LIMIT / RECORD_BYTES) as f64;
    let unacknowledged = || worker.sample("kafka_connect_source_task_source_record_active_count");
    worker.wait_until("the producer's buffer to be full", || unacknowledged() >= most / 2.0 - 2.0);
    for _ in 0..10 {
        let held = unacknowledged();
        assert!(held <= most, "{held} records are held");
        assert_eq!(worker.request("GET", "/connectors/fill/status").status, 200);
    }
    broker.go_on();
    let sink =
        json!({ "connector.class": "FileStreamSink", "topics": topic, "file": output, "value.converter": STRINGS });
    worker.wait_until("all to be written", || {
        worker.sample("kafka_connect_source_task_source_record_write_total") >= RECORDS as f64
    });
    let grown = worker.peak_memory() - before;
    assert!(grown < GROWTH, "the worker has grown by {grown} bytes");
    worker.create("read", &sink);
    worker.wait_until("all to be read", || numbers(&output).len() == RECORDS);
    worker.wait_for_state("fill", "RUNNING", "RUNNING");
}
