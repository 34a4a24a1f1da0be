//! The language of scenarios.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

/// Steps that create what they need and clean up after themselves.
#[derive(Debug, Clone, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub steps: Vec<Step>,
}

/// A file to write, a condition to wait for, or a request (which may wait first).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: Option<String>,
    pub mkfile: Option<FileToWrite>,
    pub wait: Option<Wait>,
    pub method: Option<String>,
    #[serde(default)]
    pub path: String,
    /// A body, as JSON or as text.
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Json>,
    pub raw: Option<String>,
    /// Headers; null removes one that is sent by default.
    #[serde(default)]
    pub headers: IndexMap<String, Option<String>>,
    /// Send no Content-Type.
    #[serde(default)]
    pub nocontenttype: bool,
    /// Only has to succeed; not recorded.
    #[serde(default)]
    pub silent: bool,
    /// Try again while the worker says that it is busy.
    #[serde(default = "yes")]
    pub retry409: bool,
    /// What in the answer has no order.
    #[serde(default)]
    pub norm: Vec<String>,
    /// Loggers to keep in the answer besides root.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// A file that the worker shall read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileToWrite {
    pub path: String,
    pub content: String,
    /// `w` replaces, `a` appends.
    #[serde(default = "write")]
    pub mode: String,
}

/// A condition, which must hold a few times in a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Seconds to sleep; nothing else is looked at.
    pub sleep: Option<f64>,
    /// A connector that is in `state`, and has tasks in the states `tasks`.
    pub connector: Option<String>,
    #[serde(default)]
    pub state: String,
    pub tasks: Option<Vec<String>>,
    /// A connector that is no more.
    pub gone: Option<String>,
    /// A connector that has used `n` topics.
    pub topics: Option<String>,
    #[serde(default = "one")]
    pub n: usize,
    /// A connector whose offsets are as `expect` says.
    pub offsets: Option<String>,
    #[serde(default)]
    pub expect: Vec<Json>,
    /// A file with that content.
    pub file: Option<String>,
    #[serde(default)]
    pub content: String,
    /// Seconds until it is given up.
    #[serde(default = "half_a_minute")]
    pub timeout: f64,
    /// How often it must hold in a row.
    #[serde(default = "two")]
    pub stable: usize,
}

/// Tells null, which is a body, from nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

fn yes() -> bool {
    true
}

fn write() -> String {
    "w".to_owned()
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn half_a_minute() -> f64 {
    30.0
}
