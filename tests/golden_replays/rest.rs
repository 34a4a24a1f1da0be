//! The built worker answers what Kafka Connect answered, on every recorded request, against a real broker.
//!
//! With `LONGSHORE_GOLDEN_URL` set, the scenarios are replayed against the worker at that URL instead, such as Kafka
//! Connect itself; it must be empty and share the file system with this test, and `LONGSHORE_GOLDEN_MODE` is
//! `distributed` (default) or `standalone`. The last scenario leaves connectors behind that no path can name: wipe
//! that worker afterwards. `LONGSHORE_GOLDEN_ONLY` limits a run to scenarios whose names begin so.

use longshore_test_recorded::is_kept;
use longshore_test_servers::kafka;

use crate::support::golden::{Difference, Mode, replay};
use crate::worker::Worker;

/// What the recorded worker had set.
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Cases in which Longshore means to answer otherwise, by the beginnings of their ids, and why. A case that does not
/// differ (any more) must not stand here.
const EXCEPTIONS: [(Option<Mode>, &str); 1] = [
    // After a refused restart of a task of a stopped connector, Connect's standalone worker goes on and starts that
    // task without a configuration; what its NullPointerException leaves is a FAILED task that does not exist.
    (Some(Mode::Standalone), "stop/paused"),
];

fn check(url: &str, mode: Mode, log: impl FnOnce() -> String) {
    let only = std::env::var("LONGSHORE_GOLDEN_ONLY").unwrap_or_default();
    let mut differences = replay(url, mode, |scenario| scenario.starts_with(&only));
    for (_, exception) in EXCEPTIONS.iter().filter(|(of, _)| of.is_none_or(|of| of == mode)) {
        let before = differences.len();
        differences.retain(|difference| !difference.id.starts_with(exception));
        let differs = differences.len() < before || !exception.starts_with(&only) || !is_kept();
        assert!(differs, "{exception} does not differ any more");
    }
    let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
    let count = texts.len();
    assert!(texts.is_empty(), "{count} answers differ:\n{}\nThe worker said:\n{}", texts.join("\n"), log());
}

fn mode_of_the_environment() -> Option<(String, Mode)> {
    let url = std::env::var("LONGSHORE_GOLDEN_URL").ok()?;
    let standalone = std::env::var("LONGSHORE_GOLDEN_MODE").is_ok_and(|mode| mode == "standalone");
    Some((url, if standalone { Mode::Standalone } else { Mode::Distributed }))
}

#[test]
fn a_distributed_worker_answers_what_kafka_connect_answered() {
    if let Some((url, mode)) = mode_of_the_environment() {
        return check(&url, mode, || "its log is elsewhere".to_owned());
    }
    let worker = Worker::start_with(
        kafka(),
        &[
            ("CONNECT_KEY_CONVERTER", JSON),
            ("CONNECT_KEY_CONVERTER_SCHEMAS_ENABLE", "false"),
            ("CONNECT_OFFSET_FLUSH_INTERVAL_MS", "1000"),
        ],
    );
    check(&worker.url(), Mode::Distributed, || worker.log());
}

#[test]
fn a_standalone_worker_answers_what_kafka_connect_answered() {
    if mode_of_the_environment().is_some() {
        return;
    }
    let worker = Worker::standalone(
        kafka(),
        &format!(
            "key.converter={JSON}\nkey.converter.schemas.enable=false\n\
             value.converter={JSON}\nvalue.converter.schemas.enable=false\n\
             offset.flush.interval.ms=1000"
        ),
    );
    check(&worker.url(), Mode::Standalone, || worker.log());
}
