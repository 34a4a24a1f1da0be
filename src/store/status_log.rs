//! What the status topic says: states of connectors and tasks, and the topics that connectors use.
//!
//! Rules of `org.apache.kafka.connect.storage.KafkaStatusBackingStore`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::config_records::task_id;
use super::json::{self, Object};
use super::{LogEntry, LogRecord};
use crate::task::{State, TaskId};

/// Traces longer than this are cut, so that a status fits into a record of any topic.
const MAX_TRACE_BYTES: usize = 256 << 10;

/// What a status is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum StatusKey {
    Connector(Arc<str>),
    Task(TaskId),
    /// A topic that a connector uses (KIP-558).
    Topic {
        topic: Arc<str>,
        connector: Arc<str>,
    },
}

/// The state of a connector or task, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Why it failed.
    pub trace: Option<Arc<str>>,
    /// The worker that says so.
    pub worker_id: Arc<str>,
    /// Generation of that worker's group; 0 without a group.
    pub generation: i32,
    /// Version of the plugin (KIP-891).
    pub version: Option<Arc<str>>,
}

/// A topic that a connector uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicUse {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// The task that used it first.
    pub task: TaskId,
    /// When, in milliseconds since the epoch.
    pub discovered: i64,
}

impl StatusKey {
    /// The key of the record.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Connector(connector) => format!("status-connector-{connector}"),
            Self::Task(task) => format!("status-task-{task}"),
            Self::Topic { topic, connector } => format!("status-topic-{topic}:connector-{connector}"),
        }
        .into_bytes()
    }

    /// The key that was read; `None` if it is none of Connect's.
    pub fn decode(key: &[u8]) -> Option<Self> {
        let key = std::str::from_utf8(key).ok()?;
        if let Some(connector) = key.strip_prefix("status-connector-") {
            return Some(Self::Connector(connector.into()));
        }
        if let Some(task) = key.strip_prefix("status-task-") {
            let (connector, task) = task_id(task)?;
            return Some(Self::Task(TaskId { connector: connector.into(), task }));
        }
        // A topic's name has no colon, a connector's may.
        let (topic, rest) = key.strip_prefix("status-topic-")?.split_once(':')?;
        Some(Self::Topic { topic: topic.into(), connector: rest.strip_prefix("connector-")?.into() })
    }
}

impl Status {
    /// The record of a status; a tombstone for what is deleted.
    pub fn encode(&self, key: &StatusKey) -> LogEntry {
        let value = (self.state != State::Destroyed).then(|| self.encode_value().into_bytes());
        (key.encode(), value)
    }

    fn encode_value(&self) -> String {
        let mut out = String::from("{\"state\":");
        json::write_text(&mut out, self.state.name());
        out.push_str(",\"trace\":");
        json::write_option(&mut out, self.trace.as_deref().map(cut));
        out.push_str(",\"worker_id\":");
        json::write_text(&mut out, &self.worker_id);
        out.push_str(&format!(",\"generation\":{},\"version\":", self.generation));
        json::write_option(&mut out, self.version.as_deref());
        out.push('}');
        out
    }

    fn decode(value: &Object) -> Option<Self> {
        let text = |name| value.get(name).and_then(Json::as_str);
        Some(Self {
            state: text("state").and_then(State::from_name)?,
            trace: text("trace").map(Arc::from),
            worker_id: text("worker_id")?.into(),
            generation: value.get("generation").and_then(Json::as_i64).and_then(|number| i32::try_from(number).ok())?,
            version: text("version").map(Arc::from),
        })
    }
}

fn cut(trace: &str) -> &str {
    trace.get(..trace.floor_char_boundary(MAX_TRACE_BYTES)).unwrap_or(trace)
}

impl TopicUse {
    /// The record.
    pub fn encode(&self) -> LogEntry {
        let connector = self.task.connector.clone();
        let key = StatusKey::Topic { topic: self.topic.clone(), connector };
        let mut out = String::from("{\"topic\":{\"name\":");
        json::write_text(&mut out, &self.topic);
        out.push_str(",\"connector\":");
        json::write_text(&mut out, &self.task.connector);
        out.push_str(&format!(",\"task\":{},\"discoverTimestamp\":{}}}}}", self.task.task, self.discovered));
        (key.encode(), Some(out.into_bytes()))
    }

    fn decode(value: &Object) -> Option<Self> {
        let value = value.get("topic")?.as_object()?;
        let text = |name| value.get(name).and_then(Json::as_str).map(Arc::from);
        let task = value.get("task").and_then(Json::as_u64).and_then(|task| u32::try_from(task).ok())?;
        Some(Self {
            topic: text("name")?,
            task: TaskId { connector: text("connector")?, task },
            discovered: value.get("discoverTimestamp").and_then(Json::as_i64)?,
        })
    }
}

/// What the status topic says.
#[derive(Debug, Clone, Default)]
pub struct StatusState {
    connectors: BTreeMap<Arc<str>, Status>,
    tasks: BTreeMap<Arc<str>, BTreeMap<u32, Status>>,
    topics: BTreeMap<Arc<str>, BTreeMap<Arc<str>, TopicUse>>,
}

impl StatusState {
    /// The state of a connector.
    pub fn connector(&self, connector: &str) -> Option<&Status> {
        self.connectors.get(connector)
    }

    /// The state of a task.
    pub fn task(&self, id: &TaskId) -> Option<&Status> {
        self.tasks.get(&id.connector).and_then(|tasks| tasks.get(&id.task))
    }

    /// The states of a connector's tasks, by number.
    pub fn tasks(&self, connector: &str) -> impl Iterator<Item = (u32, &Status)> {
        self.tasks.get(connector).into_iter().flatten().map(|(task, status)| (*task, status))
    }

    /// The connectors of which any state is known, of themselves or of tasks.
    pub fn connectors(&self) -> impl Iterator<Item = &Arc<str>> {
        let of_tasks = self.tasks.keys().filter(|connector| !self.connectors.contains_key(*connector));
        self.connectors.keys().chain(of_tasks)
    }

    /// The topics that a connector uses, sorted.
    pub fn topics(&self, connector: &str) -> impl Iterator<Item = &TopicUse> {
        self.topics.get(connector).into_iter().flatten().map(|(_, used)| used)
    }

    /// Whether it is known that a connector uses a topic.
    pub fn uses(&self, connector: &str, topic: &str) -> bool {
        self.topics.get(connector).is_some_and(|topics| topics.contains_key(topic))
    }

    /// Applies a record; what is none of Connect's is logged and passed over.
    pub fn apply(&mut self, record: &LogRecord) {
        let Some(key) = StatusKey::decode(&record.key) else {
            let key = String::from_utf8_lossy(&record.key);
            tracing::warn!(%key, offset = record.offset, "a record of the status topic has an unknown key");
            return;
        };
        let Some(value) = &record.value else {
            self.remove(&key);
            return;
        };
        let value = json::object(value);
        let applied = match &key {
            StatusKey::Topic { topic, connector } => value.as_ref().and_then(TopicUse::decode).map(|used| {
                self.topics.entry(connector.clone()).or_default().insert(topic.clone(), used);
            }),
            _ => value.as_ref().and_then(Status::decode).map(|status| self.set(key.clone(), status)),
        };
        if applied.is_none() {
            tracing::warn!(?key, offset = record.offset, "a record of the status topic is ignored: not a status");
        }
    }

    fn set(&mut self, key: StatusKey, status: Status) {
        match key {
            StatusKey::Connector(connector) => {
                self.connectors.insert(connector, status);
            }
            StatusKey::Task(id) => {
                let tasks = self.tasks.entry(id.connector).or_default();
                // The worker that gave a task up may say so after the one that took it over.
                let late = |known: &Status| known.state == State::Running && known.generation >= status.generation;
                if status.state != State::Unassigned || !tasks.get(&id.task).is_some_and(late) {
                    tasks.insert(id.task, status);
                }
            }
            StatusKey::Topic { .. } => {}
        }
    }

    fn remove(&mut self, key: &StatusKey) {
        match key {
            StatusKey::Connector(connector) => {
                self.connectors.remove(connector);
                self.tasks.remove(connector);
            }
            StatusKey::Task(id) => remove_inner(&mut self.tasks, &id.connector, &id.task),
            StatusKey::Topic { topic, connector } => remove_inner(&mut self.topics, connector, topic),
        }
    }

    /// Whether a worker may say this of an instance that another may have taken over: nothing is known of it, the
    /// worker itself said the last thing, or it speaks for no older generation of the group.
    pub fn may_replace(&self, key: &StatusKey, worker_id: &str, generation: i32) -> bool {
        let known = match key {
            StatusKey::Connector(connector) => self.connector(connector),
            StatusKey::Task(id) => self.task(id),
            StatusKey::Topic { .. } => None,
        };
        known.is_none_or(|known| *known.worker_id == *worker_id || known.generation <= generation)
    }
}

fn remove_inner<K: Ord, V>(outer: &mut BTreeMap<Arc<str>, BTreeMap<K, V>>, connector: &Arc<str>, key: &K) {
    if let Some(inner) = outer.get_mut(connector) {
        inner.remove(key);
        if inner.is_empty() {
            outer.remove(connector);
        }
    }
}
