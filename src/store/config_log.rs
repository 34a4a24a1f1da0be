//! What the config topic says: connectors, their tasks, and the states that people want them in.
//!
//! Rules of `org.apache.kafka.connect.storage.KafkaConfigBackingStore`. The state is rebuilt from the beginning of the
//! topic at every start.

use std::collections::{BTreeMap, BTreeSet};

use longshore_api::Props;

use super::LogRecord;
use super::config_records::{ConfigRecord, RestartRequest, Secret, SessionKey, Unread};
use crate::task::TargetState;

/// What a record changed, for those who act on changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ConfigChange {
    /// A connector is new or has another configuration.
    Connector { connector: String },
    /// A connector is deleted.
    Removed { connector: String },
    /// A connector's tasks are others.
    Tasks { connector: String },
    /// A connector is wanted in another state.
    Target { connector: String },
    /// Somebody wants a restart. Requests from before the start of the worker are not for it.
    Restart(RestartRequest),
    /// Workers sign their requests with a new key.
    SessionKey,
    /// Somebody wants another log level on all workers.
    Logger { namespace: String, level: String },
}

/// What the config topic says.
#[derive(Debug, Clone, Default)]
pub struct ConfigState {
    offset: Option<i64>,
    connectors: BTreeMap<String, Secret<Props>>,
    targets: BTreeMap<String, TargetState>,
    tasks: BTreeMap<String, TaskSet>,
    /// Task records whose commit has not come yet.
    deferred: BTreeMap<String, BTreeMap<u32, Secret<Props>>>,
    fenced: BTreeMap<String, u32>,
    pending_fencing: BTreeSet<String>,
    session_key: Option<SessionKey>,
}

#[derive(Debug, Clone, Default)]
struct TaskSet {
    configs: Vec<Secret<Props>>,
    /// How many tasks the last commit announced.
    announced: u32,
    /// The last commit announced tasks whose records were not there.
    inconsistent: bool,
    /// Counts the complete sets, from 0.
    generation: Option<u32>,
    /// The connector's configuration for which the tasks were made.
    applied: Option<Secret<Props>>,
}

impl ConfigState {
    /// Offset after the last record that was read; -1 before the first.
    pub fn offset(&self) -> i64 {
        self.offset.unwrap_or(-1)
    }

    /// Names of the connectors, sorted.
    pub fn connectors(&self) -> impl Iterator<Item = &str> {
        self.connectors.keys().map(String::as_str)
    }

    /// A connector's configuration, variables unresolved.
    pub fn connector(&self, connector: &str) -> Option<&Props> {
        self.connectors.get(connector).map(|config| &config.0)
    }

    /// The state in which a connector is wanted; `None` for one that nothing is known of.
    pub fn target(&self, connector: &str) -> Option<TargetState> {
        self.targets.get(connector).copied()
    }

    /// The configurations of a connector's tasks, by number; none if the set is incomplete.
    pub fn tasks(&self, connector: &str) -> impl ExactSizeIterator<Item = &Props> {
        let set = self.tasks.get(connector).filter(|set| !set.inconsistent);
        set.map_or(&[][..], |set| &set.configs).iter().map(|config| &config.0)
    }

    /// How many tasks the last commit of a connector announced, complete or not.
    pub fn announced_tasks(&self, connector: &str) -> u32 {
        self.tasks.get(connector).map_or(0, |set| set.announced)
    }

    /// Whether the last commit of a connector announced tasks whose records were not there: it has no tasks until
    /// they are written anew.
    pub fn is_inconsistent(&self, connector: &str) -> bool {
        self.tasks.get(connector).is_some_and(|set| set.inconsistent)
    }

    /// The connector configuration for which the tasks were made.
    pub fn applied_config(&self, connector: &str) -> Option<&Props> {
        self.tasks.get(connector).and_then(|set| set.applied.as_ref()).map(|config| &config.0)
    }

    /// Which complete set of tasks of a connector this is, from 0.
    pub fn task_generation(&self, connector: &str) -> Option<u32> {
        self.tasks.get(connector).and_then(|set| set.generation)
    }

    /// Whether producers of a connector's former tasks have to be fenced before its tasks start (KIP-618).
    pub fn is_pending_fencing(&self, connector: &str) -> bool {
        self.pending_fencing.contains(connector)
    }

    /// The number of tasks for which producers were fenced last.
    pub fn fenced_tasks(&self, connector: &str) -> Option<u32> {
        self.fenced.get(connector).copied()
    }

    /// The key with which workers sign their requests.
    pub fn session_key(&self) -> Option<&SessionKey> {
        self.session_key.as_ref()
    }

    /// Applies a record; says what it changed. Restart and logger records change nothing here and are passed on.
    pub fn apply(&mut self, record: &LogRecord) -> Option<ConfigChange> {
        let decoded = ConfigRecord::decode(record);
        if decoded != Err(Unread::Undecodable) {
            self.offset = Some(record.offset.saturating_add(1));
        }
        match decoded {
            Ok(decoded) => self.change(decoded),
            Err(why) => {
                let key = String::from_utf8_lossy(&record.key);
                tracing::warn!(%key, offset = record.offset, ?why, "a record of the config topic is ignored");
                None
            }
        }
    }

    fn change(&mut self, record: ConfigRecord) -> Option<ConfigChange> {
        match record {
            ConfigRecord::Connector { connector, config: Some(config) } => {
                self.targets.entry(connector.clone()).or_insert(TargetState::Started);
                self.connectors.insert(connector.clone(), config);
                Some(ConfigChange::Connector { connector })
            }
            ConfigRecord::Connector { connector, config: None } => {
                let known = self.connectors.remove(&connector).is_some();
                self.forget_tasks(&connector);
                known.then_some(ConfigChange::Removed { connector })
            }
            ConfigRecord::Target { connector, state } => self.set_target(connector, state),
            ConfigRecord::Task { connector, task, config } => {
                self.deferred.entry(connector).or_default().insert(task, config);
                None
            }
            ConfigRecord::Commit { connector, tasks } => self.commit(connector, tasks),
            ConfigRecord::Fencing { connector, tasks } => {
                self.pending_fencing.remove(&connector);
                self.fenced.insert(connector, tasks);
                None
            }
            ConfigRecord::SessionKey(key) => {
                self.session_key = Some(key);
                Some(ConfigChange::SessionKey)
            }
            ConfigRecord::Restart(request) => Some(ConfigChange::Restart(request)),
            ConfigRecord::Logger { namespace, level } => Some(ConfigChange::Logger { namespace, level }),
        }
    }

    fn forget_tasks(&mut self, connector: &str) {
        self.tasks.remove(connector);
        self.deferred.remove(connector);
    }

    /// A tombstone goes back to the default and tells nobody: it comes with the deletion of its connector.
    fn set_target(&mut self, connector: String, state: Option<TargetState>) -> Option<ConfigChange> {
        let known = self.connectors.contains_key(&connector);
        match state {
            None if known => {
                self.targets.insert(connector, TargetState::Started);
                None
            }
            None => {
                self.targets.remove(&connector);
                None
            }
            Some(state) => {
                let changed = self.targets.insert(connector.clone(), state) != Some(state);
                (changed && known).then_some(ConfigChange::Target { connector })
            }
        }
    }

    fn commit(&mut self, connector: String, tasks: u32) -> Option<ConfigChange> {
        let Some(config) = self.connectors.get(&connector) else {
            self.forget_tasks(&connector);
            return None;
        };
        let mut deferred = self.deferred.remove(&connector).unwrap_or_default();
        let set = self.tasks.entry(connector.clone()).or_default();
        set.announced = tasks;
        // More records than announced may be there: compaction keeps those of earlier, larger sets.
        let complete = deferred.len() >= tasks as usize && (0..tasks).all(|task| deferred.contains_key(&task));
        set.inconsistent = !complete;
        if complete {
            set.configs = (0..tasks).filter_map(|task| deferred.remove(&task)).collect();
            set.generation = Some(set.generation.map_or(0, |generation| generation + 1));
            set.applied = Some(config.clone());
        } else {
            tracing::warn!(connector, tasks, "the set of task configurations is incomplete; it has to be written anew");
        }
        self.pending_fencing.insert(connector.clone());
        Some(ConfigChange::Tasks { connector })
    }
}
