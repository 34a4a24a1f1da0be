//! A hundred connectors in one worker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use longshore_test_servers::{kafka, unique};
use serde_json::{Value, json};

use super::worker::{STRINGS, Worker};

/// Pairs of a source and a sink.
const PAIRS: usize = 50;
/// Lines that each pair moves at a time.
const LINES: usize = 20;

struct Pairs {
    worker: Worker,
    run: String,
    /// Lines that each input has by now.
    written: usize,
}

impl Pairs {
    fn file(&self, kind: &str, pair: usize) -> PathBuf {
        self.worker.folder().join(format!("{kind}-{pair}.txt"))
    }

    fn create(&self) {
        for pair in 0..PAIRS {
            let topic = format!("{}-{pair}", self.run);
            let (input, output) = (self.file("in", pair), self.file("out", pair));
            let source = json!({ "connector.class": "FileStreamSource", "file": input, "topic": topic,
                "value.converter": STRINGS });
            self.worker.create(&format!("source-{pair}"), &source);
            let sink = json!({ "connector.class": "FileStreamSink", "file": output, "topics": topic,
                "value.converter": STRINGS });
            self.worker.create(&format!("sink-{pair}"), &sink);
        }
    }

    /// Adds lines to each input.
    fn write(&mut self) {
        for pair in 0..PAIRS {
            let mut file = File::options().create(true).append(true).open(self.file("in", pair)).unwrap();
            let numbers = self.written..self.written + LINES;
            let lines: String = numbers.map(|number| format!("{pair}: {number}\n")).collect();
            file.write_all(lines.as_bytes()).unwrap();
        }
        self.written += LINES;
    }

    /// Waits until each pair but one has moved everything. A stop that had to be short may have brought a line twice.
    fn wait_for_lines(&self, but: Option<usize>) {
        for pair in (0..PAIRS).filter(|pair| Some(*pair) != but) {
            let expected: BTreeSet<String> = (0..self.written).map(|number| format!("{pair}: {number}")).collect();
            self.worker.wait_until(&format!("the lines of pair {pair}"), || self.moved(pair) == expected);
        }
    }

    fn moved(&self, pair: usize) -> BTreeSet<String> {
        let text = fs::read_to_string(self.file("out", pair)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How many connectors there are, and how many of them run with one task that runs.
    fn counts(&self) -> (usize, usize) {
        let statuses = self.worker.request("GET", "/connectors?expand=status").body;
        let statuses: BTreeMap<String, Value> = serde_json::from_value(statuses).unwrap_or_default();
        let runs = |about: &&Value| {
            let status = &about["status"];
            status["connector"]["state"] == "RUNNING" && status["tasks"][0]["state"] == "RUNNING"
        };
        (statuses.len(), statuses.values().filter(runs).count())
    }

    fn wait_for_running(&self, count: usize) {
        self.worker.wait_until(&format!("{count} running connectors"), || self.counts() == (count, count));
    }
}

#[test]
fn a_hundred_connectors_run_in_one_worker_and_come_back_after_a_restart() {
    let mut pairs = Pairs { worker: Worker::start(kafka()), run: unique("pair"), written: 0 };
    pairs.write();
    pairs.create();
    pairs.wait_for_running(2 * PAIRS);
    pairs.wait_for_lines(None);

    let deleted = PAIRS / 2;
    assert_eq!(pairs.worker.request("DELETE", &format!("/connectors/sink-{deleted}")).status, 204);
    pairs.write();
    pairs.wait_for_lines(Some(deleted));
    pairs.wait_for_running(2 * PAIRS - 1);
    assert_eq!(pairs.moved(deleted).len(), LINES, "what is deleted moves nothing any more");

    assert_eq!(pairs.worker.terminate(), Some(0), "{}", pairs.worker.log());
    pairs.worker.start_again();
    pairs.wait_for_running(2 * PAIRS - 1);
    pairs.write();
    pairs.wait_for_lines(Some(deleted));
}
