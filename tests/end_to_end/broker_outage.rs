//! The broker stands still or dies while records flow in and out; everything goes on by itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use longshore_test_servers::{Kind, Server, unique};
use serde_json::json;

use super::kafka::create_topic_on;
use super::worker::{STRINGS, Worker};

/// Lines that come during each outage.
const LINES: usize = 500;

struct Rig {
    worker: Worker,
    input: PathBuf,
    output: PathBuf,
    written: usize,
}

impl Rig {
    fn start(broker: &Server) -> Self {
        let topic = unique("lines");
        create_topic_on(&broker.address(), &topic, 1);
        let worker = Worker::start(&broker.address());
        let (input, output) = (worker.folder().join("in.txt"), worker.folder().join("out.txt"));
        worker.create(
            "in",
            &json!({ "connector.class": "FileStreamSource", "file": input, "topic": topic, "value.converter": STRINGS }),
        );
        worker.create(
            "out",
            &json!({ "connector.class": "FileStreamSink", "file": output, "topics": topic, "value.converter": STRINGS }),
        );
        Self { worker, input, output, written: 0 }
    }

    fn write(&mut self) {
        let mut file = File::options().create(true).append(true).open(&self.input).unwrap();
        let lines: String = (self.written..self.written + LINES).map(|number| format!("{number}\n")).collect();
        file.write_all(lines.as_bytes()).unwrap();
        self.written += LINES;
    }

    /// Writes lines that the source reads and cannot send.
    fn write_in_vain(&mut self) {
        let polled = |worker: &Worker| worker.sample("kafka_connect_source_task_source_record_poll_total");
        let before = polled(&self.worker);
        self.write();
        self.worker.wait_until("the source to read on", || polled(&self.worker) >= before + LINES as f64);
        for connector in ["in", "out"] {
            self.worker.wait_for_state(connector, "RUNNING", "RUNNING");
        }
    }

    /// Every line has to come through; a broker that dies may have taken some of which it could not tell.
    fn wait_for_all(&self) {
        let moved = || fs::read_to_string(&self.output).unwrap_or_default();
        self.worker.wait_until("every line", || {
            let mut numbers: Vec<usize> = moved().lines().filter_map(|line| line.parse().ok()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers == (0..self.written).collect::<Vec<_>>()
        });
        for connector in ["in", "out"] {
            self.worker.wait_for_state(connector, "RUNNING", "RUNNING");
        }
    }
}

#[test]
fn sources_and_sinks_go_on_after_a_broker_stood_still_and_after_it_died() {
    let mut broker = Server::start(Kind::Kafka);
    let mut rig = Rig::start(&broker);
    rig.write();
    rig.wait_for_all();

    broker.freeze();
    rig.write_in_vain();
    broker.go_on();
    rig.wait_for_all();

    broker.kill();
    rig.write_in_vain();
    broker.start_again();
    rig.wait_for_all();
    assert_eq!(rig.worker.request("PUT", "/connectors/in/pause").status, 202);
    rig.worker.wait_for_state("in", "PAUSED", "PAUSED");
}
