//! The records of the config topic, to bytes and back.
//!
//! Keys and member order are those of `org.apache.kafka.connect.storage.KafkaConfigBackingStore`.

use std::fmt;

use longshore_api::Props;
use serde_json::Value as Json;

use super::json::{self, Object};
use super::{LogEntry, LogRecord};
use crate::task::TargetState;

/// A record of the config topic. Connector names may hold anything, dashes too.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum ConfigRecord {
    /// The wanted state of a connector; `None` goes back to the default.
    Target { connector: String, state: Option<TargetState> },
    /// A connector's configuration, variables unresolved; `None` deletes it.
    Connector { connector: String, config: Option<Secret<Props>> },
    /// A task's configuration; it counts when a commit follows.
    Task { connector: String, task: u32, config: Secret<Props> },
    /// Makes the task records before it count.
    Commit { connector: String, tasks: u32 },
    /// A restart of a connector and its tasks.
    Restart(RestartRequest),
    /// Producers of that many tasks are fenced (KIP-618).
    Fencing { connector: String, tasks: u32 },
    /// The key that signs requests between workers.
    SessionKey(SessionKey),
    /// The level of a logger on all workers.
    Logger { namespace: String, level: String },
}

/// Configurations hold passwords: only their keys are shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(pub T);

impl fmt::Debug for Secret<Props> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A restart that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartRequest {
    /// Name of the connector.
    pub connector: String,
    /// Whether its tasks restart too.
    pub include_tasks: bool,
    /// Whether only what failed restarts.
    pub only_failed: bool,
}

/// The key that signs requests between workers.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// Its bytes in base64.
    pub key: String,
    /// Its algorithm.
    pub algorithm: String,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey").field("algorithm", &self.algorithm).field("created", &self.created).finish()
    }
}

/// Why a record says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The value is no JSON: the record counts as not there.
    Undecodable,
    /// The key is none of Connect's, or the value is not what the key announces.
    Ignored(&'static str),
}

impl ConfigRecord {
    /// The record as it is written.
    pub fn encode(&self) -> LogEntry {
        let (key, value) = match self {
            Self::Target { connector, state } => {
                (format!("target-state-{connector}"), state.map(|state| target(state).to_owned()))
            }
            Self::Connector { connector, config } => {
                (format!("connector-{connector}"), config.as_ref().map(|config| json::properties(&config.0)))
            }
            Self::Task { connector, task, config } => {
                (format!("task-{connector}-{task}"), Some(json::properties(&config.0)))
            }
            Self::Commit { connector, tasks } => {
                (format!("commit-{connector}"), Some(format!("{{\"tasks\":{tasks}}}")))
            }
            Self::Restart(RestartRequest { connector, include_tasks, only_failed }) => (
                format!("restart-connector-{connector}"),
                Some(format!("{{\"include-tasks\":{include_tasks},\"only-failed\":{only_failed}}}")),
            ),
            Self::Fencing { connector, tasks } => {
                (format!("tasks-fencing-{connector}"), Some(format!("{{\"task-count\":{tasks}}}")))
            }
            Self::SessionKey(key) => ("session-key".to_owned(), Some(key.encode())),
            Self::Logger { namespace, level } => {
                let mut value = String::from("{\"level\":");
                json::write_text(&mut value, level);
                value.push('}');
                (format!("logger-cluster-{namespace}"), Some(value))
            }
        };
        (key.into_bytes(), value.map(String::into_bytes))
    }

    /// The record that was read.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn decode(record: &LogRecord) -> Result<Self, Unread> {
        let value = match record.value.as_deref() {
            None => Json::Null,
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| Unread::Undecodable)?,
        };
        let key = std::str::from_utf8(&record.key).map_err(|_| Unread::Ignored("the key is not UTF-8"))?;
        let value = match value {
            Json::Null => None,
            Json::Object(object) => Some(object),
            _ => return Err(Unread::Ignored("the value is not an object")),
        };
        // Connect's own order: the first prefix that fits decides.
        let after = |prefix: &str| key.strip_prefix(prefix).map(str::to_owned);
        if let Some(connector) = after("target-state-") {
            return decode_target(connector, value.as_ref());
        }
        if let Some(connector) = after("connector-") {
            let config = value.as_ref().map(|value| props(value).map(Secret)).transpose()?;
            return Ok(Self::Connector { connector, config });
        }
        let value = value.ok_or(Unread::Ignored("the value is null"))?;
        if let Some(rest) = after("task-") {
            let (connector, task) = task_id(&rest).ok_or(Unread::Ignored("the key names no task"))?;
            return Ok(Self::Task { connector: connector.to_owned(), task, config: Secret(props(&value)?) });
        }
        if let Some(connector) = after("commit-") {
            return Ok(Self::Commit { connector, tasks: count(&value, "tasks")? });
        }
        if let Some(connector) = after("restart-connector-") {
            let flag = |name| value.get(name).and_then(Json::as_bool).unwrap_or(false);
            let (include_tasks, only_failed) = (flag("include-tasks"), flag("only-failed"));
            return Ok(Self::Restart(RestartRequest { connector, include_tasks, only_failed }));
        }
        if let Some(connector) = after("tasks-fencing-") {
            return Ok(Self::Fencing { connector, tasks: count(&value, "task-count")? });
        }
        if key == "session-key" {
            return SessionKey::decode(&value).map(Self::SessionKey);
        }
        if let Some(namespace) = after("logger-cluster-") {
            return Ok(Self::Logger { namespace, level: text(&value, "level")? });
        }
        Err(Unread::Ignored("Discarding config update record with invalid key"))
    }
}

/// STOPPED reads as PAUSED for workers that do not know it (KIP-875).
fn target(state: TargetState) -> &'static str {
    match state {
        TargetState::Started => r#"{"state":"STARTED","state.v2":"STARTED"}"#,
        TargetState::Paused => r#"{"state":"PAUSED","state.v2":"PAUSED"}"#,
        TargetState::Stopped => r#"{"state":"PAUSED","state.v2":"STOPPED"}"#,
    }
}

fn decode_target(connector: String, value: Option<&Object>) -> Result<ConfigRecord, Unread> {
    let Some(value) = value else { return Ok(ConfigRecord::Target { connector, state: None }) };
    let named = value.get("state.v2").and_then(Json::as_str).or_else(|| value.get("state").and_then(Json::as_str));
    let state = match named {
        Some("STARTED") => TargetState::Started,
        Some("PAUSED") => TargetState::Paused,
        Some("STOPPED") => TargetState::Stopped,
        _ => return Err(Unread::Ignored("the target state is unknown")),
    };
    Ok(ConfigRecord::Target { connector, state: Some(state) })
}

/// Connector and number of `<connector>-<number>`.
pub(super) fn task_id(text: &str) -> Option<(&str, u32)> {
    let (connector, number) = text.rsplit_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<i32>().ok().filter(|_| digits)?;
    Some((connector, u32::try_from(number).ok()?))
}

/// The `properties` member. Java tasks may hold nulls there, which say as much as a missing key.
fn props(value: &Object) -> Result<Props, Unread> {
    let Some(Json::Object(members)) = value.get("properties") else {
        return Err(Unread::Ignored("the value has no properties"));
    };
    let member = |(key, value): (&String, &Json)| match value {
        Json::String(text) => Some(Ok((key.clone(), text.clone()))),
        Json::Null => None,
        _ => Some(Err(Unread::Ignored("a property is not a string"))),
    };
    members.iter().filter_map(member).collect()
}

fn count(value: &Object, name: &str) -> Result<u32, Unread> {
    let number = value.get(name).and_then(Json::as_i64).and_then(|number| i32::try_from(number).ok());
    number.and_then(|number| u32::try_from(number).ok()).ok_or(Unread::Ignored("the value has no count"))
}

fn text(value: &Object, name: &str) -> Result<String, Unread> {
    let text = value.get(name).and_then(Json::as_str);
    text.map(str::to_owned).ok_or(Unread::Ignored("a member is missing or not a string"))
}

impl SessionKey {
    fn encode(&self) -> String {
        let mut out = String::from("{\"key\":");
        json::write_text(&mut out, &self.key);
        out.push_str(",\"algorithm\":");
        json::write_text(&mut out, &self.algorithm);
        out.push_str(&format!(",\"creation-timestamp\":{}}}", self.created));
        out
    }

    fn decode(value: &Object) -> Result<Self, Unread> {
        let created = value.get("creation-timestamp").and_then(Json::as_i64);
        Ok(Self {
            key: text(value, "key")?,
            algorithm: text(value, "algorithm")?,
            created: created.ok_or(Unread::Ignored("creation-timestamp is not an integer"))?,
        })
    }
}
