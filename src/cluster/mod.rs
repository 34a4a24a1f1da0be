//! Who else is there: the membership in a group of workers, and what the group gives to this one.
//!
//! A worker is always a member of a group; today's groups have one member, who leads and runs everything.

use crate::config::Mode;
use crate::task::TaskId;

/// This worker's membership at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    generation: i32,
}

impl Membership {
    /// The membership of a worker that is its whole group. Kafka counts the generations of a group from 1; a
    /// standalone worker has no group, which statuses show as 0.
    pub fn alone(mode: Mode) -> Self {
        let generation = match mode {
            Mode::Distributed => 1,
            Mode::Standalone => 0,
        };
        Self { generation }
    }

    /// Which generation of the group this is, as statuses carry it.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// Whether this worker writes to the config topic and cleans up for all.
    pub fn is_leader(&self) -> bool {
        true
    }

    /// Whether a connector's instance is this worker's.
    pub fn runs_connector(&self, _connector: &str) -> bool {
        true
    }

    /// Whether a task is this worker's.
    pub fn runs_task(&self, _task: &TaskId) -> bool {
        true
    }
}
