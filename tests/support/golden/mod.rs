//! Replays requests whose answers by Kafka Connect were recorded, and compares.
//!
//! `tests/golden/README.md` describes the data. [`replay`] works on any worker that can be reached at a URL and shares
//! the file system with the test.

mod compare;
mod normalise;
mod run;
mod steps;

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

pub use compare::differences;
pub use run::Worker;
pub use steps::Scenario;

/// How the worker that answered was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Distributed,
    Standalone,
}

/// A recorded request and its answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub id: String,
    pub scenario: String,
    pub request: Json,
    /// Status, content type, headers and normalised body.
    pub response: Json,
    /// What the same request was answered in another run.
    #[serde(default)]
    pub alternatives: Vec<Json>,
}

/// All scenarios, in order. The last one leaves connectors behind whose names no path can hold.
pub fn scenarios() -> Vec<Scenario> {
    list("scenarios")
}

/// What Kafka Connect answered, by id of the case.
pub fn cases(mode: Mode) -> IndexMap<String, Case> {
    let mut cases: Vec<Case> = list("distributed");
    if mode == Mode::Standalone {
        cases.extend(list::<Case>("standalone"));
    }
    cases.into_iter().map(|case| (case.id.clone(), case)).collect()
}

/// An answer that is not Kafka Connect's.
#[derive(Debug)]
pub struct Difference {
    /// The case.
    pub id: String,
    /// In what the answer differs, or what else went wrong.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.what)
    }
}

/// Replays the scenarios that `wanted` takes against the worker at `url`; gives each answer that is not Kafka
/// Connect's.
pub fn replay(url: &str, mode: Mode, wanted: impl Fn(&str) -> bool) -> Vec<Difference> {
    let golden = cases(mode);
    let mut found = Vec::new();
    let mut count = 0;
    for scenario in scenarios().iter().filter(|scenario| wanted(&scenario.name)) {
        let worker = Worker::new(url);
        for (id, actual) in worker.run(scenario) {
            count += 1;
            let what = golden.get(&id).map_or(Some("not recorded".to_owned()), |case| case.difference(&actual));
            found.extend(what.map(|what| Difference { id, what }));
        }
        found.extend(worker.complaints());
    }
    assert!(count > 0, "no case was compared");
    println!("{count} answers compared, {} differ", found.len());
    found
}

impl Case {
    /// In what an answer differs from all that were recorded.
    fn difference(&self, actual: &Json) -> Option<String> {
        let different = differences(&self.response, actual);
        if different.is_empty() || self.alternatives.iter().any(|other| differences(other, actual).is_empty()) {
            return None;
        }
        Some(format!("{} {}\n    {}", self.request["method"], self.request["path"], different.join("\n    ")))
    }
}

fn list<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let parsed = |line| serde_json::from_value(line).unwrap_or_else(|error| panic!("{name}: {error}"));
    longshore_test_recorded::rest(name).into_iter().map(parsed).collect()
}
