//! What has to be done so that what runs becomes what is wanted.
//!
//! [`plan`] is a pure function: it looks at one connector as it should be and as it is, and names the next steps.
//! Steps that take time leave a mark in [`Actual`] until they are over; the function is asked again after each
//! change, so it never has to remember anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::task::TargetState;

/// Tells one version of a configuration from the next; every write gives a new one, also of an equal value.
pub type Revision = u64;

/// A connector as it should be on this worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Whether the connector's instance is assigned to this worker.
    pub instance: bool,
    /// Which version of the configuration it should run with.
    pub config: Revision,
    /// The state that people want.
    pub target: TargetState,
    /// The tasks; `None` while there is no consistent set of task configurations.
    pub tasks: Option<DesiredTasks>,
}

/// The tasks as they should be on this worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTasks {
    /// Which version of the set.
    pub revision: Revision,
    /// Which of its tasks are assigned to this worker.
    pub assigned: BTreeSet<u32>,
}

/// A connector as it is on this worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actual {
    /// Its instance.
    pub instance: Option<Instance>,
    /// Its tasks.
    pub tasks: BTreeMap<u32, Slot>,
}

impl Actual {
    /// Whether nothing of the connector is left here.
    pub fn is_empty(&self) -> bool {
        self.instance.is_none() && self.tasks.is_empty()
    }
}

/// A connector's instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// With which version of the configuration it runs.
    pub config: Revision,
    /// How it is.
    pub state: InstanceState,
    /// Whether its task configurations are as it wants them.
    pub generation: Generation,
    /// Somebody asked for a restart.
    pub restart: bool,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InstanceState {
    /// A start is under way.
    Starting,
    Started,
    Paused,
    Stopped,
    Failed,
}

/// Where the making of task configurations is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// They have to be made.
    Due,
    /// They are being made, or will be made again after a pause.
    UnderWay,
    /// They are as they should be, or cannot be made.
    Done,
}

/// A task's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// To which version of the task set it belongs.
    pub revision: Revision,
    /// How it is.
    pub state: SlotState,
    /// Somebody asked for a restart.
    pub restart: bool,
}

/// How a task's place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// The task runs; this is what it was told last.
    Live(TargetState),
    /// The task failed or ended by itself; only a restart or a new task set brings it back.
    Over,
    /// The task was told to stop.
    Stopping,
}

/// A step towards what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Action {
    /// Bring the instance into the wanted state, from nothing.
    StartInstance,
    /// Stop the instance and bring it into the wanted state with the current configuration.
    RestartInstance,
    SetInstanceTarget(TargetState),
    StopInstance,
    GenerateTasks,
    /// Stop these tasks together, with one deadline.
    StopTasks(Vec<u32>),
    StartTasks(Vec<u32>),
    SetTaskTarget(u32, TargetState),
    /// Nothing is wanted and nothing is left: drop what is remembered.
    Forget,
}

/// The next steps for one connector. `desired` is `None` if it does not exist (any more).
pub fn plan(desired: Option<&Desired>, actual: &Actual) -> Vec<Action> {
    let mut actions = Vec::new();
    plan_instance(desired, actual.instance.as_ref(), &mut actions);
    plan_tasks(desired, &actual.tasks, &mut actions);
    if desired.is_none() && actual.is_empty() {
        actions.push(Action::Forget);
    }
    actions
}

fn plan_instance(desired: Option<&Desired>, instance: Option<&Instance>, actions: &mut Vec<Action>) {
    let (wanted, instance) = match (desired.filter(|desired| desired.instance), instance) {
        (None, None) => return,
        (None, Some(_)) => return actions.push(Action::StopInstance),
        (Some(_), None) => return actions.push(Action::StartInstance),
        (Some(wanted), Some(instance)) => (wanted, instance),
    };
    if instance.state == InstanceState::Starting {
        return;
    }
    if instance.restart || instance.config != wanted.config {
        return actions.push(Action::RestartInstance);
    }
    let reached = match instance.state {
        InstanceState::Started => Some(TargetState::Started),
        InstanceState::Paused => Some(TargetState::Paused),
        InstanceState::Stopped => Some(TargetState::Stopped),
        InstanceState::Starting | InstanceState::Failed => None,
    };
    match reached {
        // A failed connector can be stopped; anything else takes a restart or a new configuration.
        None if wanted.target == TargetState::Stopped => actions.push(Action::SetInstanceTarget(wanted.target)),
        Some(reached) if reached != wanted.target => actions.push(Action::SetInstanceTarget(wanted.target)),
        Some(TargetState::Started) if instance.generation == Generation::Due => actions.push(Action::GenerateTasks),
        _ => {}
    }
}

fn plan_tasks(desired: Option<&Desired>, slots: &BTreeMap<u32, Slot>, actions: &mut Vec<Action>) {
    // A stopped connector has no tasks, whatever its last task set says.
    let wanted = desired.filter(|desired| desired.target != TargetState::Stopped);
    let set = wanted.and_then(|desired| desired.tasks.as_ref());
    let belongs = |number: &u32, slot: &Slot| {
        set.is_some_and(|set| set.revision == slot.revision && set.assigned.contains(number))
    };

    let stop: Vec<u32> = slots
        .iter()
        .filter(|(number, slot)| slot.state != SlotState::Stopping && (slot.restart || !belongs(number, slot)))
        .map(|(number, _)| *number)
        .collect();
    if !stop.is_empty() {
        actions.push(Action::StopTasks(stop));
    }
    let (Some(wanted), Some(set)) = (wanted, set) else { return };

    for (number, slot) in slots.iter().filter(|(number, slot)| belongs(number, slot) && !slot.restart) {
        if matches!(slot.state, SlotState::Live(target) if target != wanted.target) {
            actions.push(Action::SetTaskTarget(*number, wanted.target));
        }
    }
    // What one task of the old set still reads may be another one's share in the new set: first all of it must end.
    if slots.values().all(|slot| slot.revision == set.revision) {
        let start: Vec<u32> = set.assigned.iter().copied().filter(|number| !slots.contains_key(number)).collect();
        if !start.is_empty() {
            actions.push(Action::StartTasks(start));
        }
    }
}

#[cfg(test)]
mod tests;
