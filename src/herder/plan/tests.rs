use super::*;
use Action::{Forget, GenerateTasks, RestartInstance, SetInstanceTarget, SetTaskTarget, StartInstance, StartTasks};
use Action::{StopInstance, StopTasks};
use TargetState::{Paused, Started, Stopped};

fn wanted(target: TargetState, config: Revision, tasks: Option<(Revision, u32)>) -> Desired {
    let tasks = tasks.map(|(revision, count)| DesiredTasks { revision, assigned: (0..count).collect() });
    Desired { instance: true, config, target, tasks }
}

fn instance(state: InstanceState, config: Revision) -> Option<Instance> {
    Some(Instance { config, state, generation: Generation::Done, restart: false })
}

fn actual(instance: Option<Instance>, tasks: &[(u32, Revision, SlotState)]) -> Actual {
    let slot = |(number, revision, state): &(u32, Revision, SlotState)| {
        (*number, Slot { revision: *revision, state: *state, restart: false })
    };
    Actual { instance, tasks: tasks.iter().map(slot).collect() }
}

fn running(revision: Revision, count: u32) -> Vec<(u32, Revision, SlotState)> {
    (0..count).map(|number| (number, revision, SlotState::Live(Started))).collect()
}

#[test]
fn a_new_connector_starts_and_gets_its_tasks_only_when_they_are_stored() {
    let nothing = Actual::default();
    assert_eq!(plan(Some(&wanted(Started, 1, None)), &nothing), [StartInstance]);

    let starting = actual(instance(InstanceState::Starting, 1), &[]);
    assert_eq!(plan(Some(&wanted(Started, 1, None)), &starting), []);

    let mut started = actual(instance(InstanceState::Started, 1), &[]);
    started.instance.as_mut().unwrap().generation = Generation::Due;
    assert_eq!(plan(Some(&wanted(Started, 1, None)), &started), [GenerateTasks]);

    started.instance.as_mut().unwrap().generation = Generation::UnderWay;
    assert_eq!(plan(Some(&wanted(Started, 1, None)), &started), []);

    started.instance.as_mut().unwrap().generation = Generation::Done;
    assert_eq!(plan(Some(&wanted(Started, 1, Some((1, 2)))), &started), [StartTasks(vec![0, 1])]);
}

#[test]
fn a_worker_that_starts_brings_instance_and_stored_tasks_back_at_once() {
    let both = [StartInstance, StartTasks(vec![0, 1])];
    assert_eq!(plan(Some(&wanted(Started, 1, Some((1, 2)))), &Actual::default()), both);
    assert_eq!(plan(Some(&wanted(Paused, 1, Some((1, 2)))), &Actual::default()), both);
    assert_eq!(plan(Some(&wanted(Stopped, 1, Some((1, 2)))), &Actual::default()), [StartInstance]);
}

#[test]
fn what_is_as_it_should_be_is_left_alone() {
    for (target, state) in
        [(Started, InstanceState::Started), (Paused, InstanceState::Paused), (Stopped, InstanceState::Stopped)]
    {
        let count = if target == Stopped { 0 } else { 2 };
        let slots: Vec<_> = (0..count).map(|number| (number, 1, SlotState::Live(target))).collect();
        assert_eq!(plan(Some(&wanted(target, 1, Some((1, count)))), &actual(instance(state, 1), &slots)), []);
    }
}

#[test]
fn a_changed_configuration_restarts_the_instance_and_no_task() {
    let desired = wanted(Started, 2, Some((1, 2)));
    assert_eq!(plan(Some(&desired), &actual(instance(InstanceState::Started, 1), &running(1, 2))), [RestartInstance]);
    assert_eq!(plan(Some(&desired), &actual(instance(InstanceState::Failed, 1), &running(1, 2))), [RestartInstance]);
    assert_eq!(plan(Some(&desired), &actual(instance(InstanceState::Starting, 1), &running(1, 2))), []);
}

#[test]
fn a_changed_task_set_ends_all_tasks_before_the_first_new_one_starts() {
    let desired = wanted(Started, 1, Some((2, 3)));
    let started = instance(InstanceState::Started, 1);
    assert_eq!(plan(Some(&desired), &actual(started, &running(1, 2))), [StopTasks(vec![0, 1])]);

    let one_left = [(1, 1, SlotState::Stopping)];
    assert_eq!(plan(Some(&desired), &actual(started, &one_left)), []);
    assert_eq!(plan(Some(&desired), &actual(started, &[])), [StartTasks(vec![0, 1, 2])]);
}

#[test]
fn a_smaller_task_set_also_ends_tasks_that_have_failed() {
    let slots = [(0, 1, SlotState::Live(Started)), (1, 1, SlotState::Over)];
    let desired = wanted(Started, 1, Some((2, 1)));
    assert_eq!(plan(Some(&desired), &actual(instance(InstanceState::Started, 1), &slots)), [StopTasks(vec![0, 1])]);
}

#[test]
fn pause_and_resume_reach_the_instance_and_live_tasks_only() {
    let slots = [(0, 1, SlotState::Live(Started)), (1, 1, SlotState::Over), (2, 1, SlotState::Stopping)];
    let pause = wanted(Paused, 1, Some((1, 3)));
    assert_eq!(
        plan(Some(&pause), &actual(instance(InstanceState::Started, 1), &slots)),
        [SetInstanceTarget(Paused), SetTaskTarget(0, Paused)]
    );
    let slots = [(0, 1, SlotState::Live(Paused)), (1, 1, SlotState::Over)];
    let resume = wanted(Started, 1, Some((1, 2)));
    assert_eq!(
        plan(Some(&resume), &actual(instance(InstanceState::Paused, 1), &slots)),
        [SetInstanceTarget(Started), SetTaskTarget(0, Started)]
    );
}

#[test]
fn stop_ends_the_tasks_even_before_the_empty_task_set_is_read() {
    let started = instance(InstanceState::Started, 1);
    let both = [SetInstanceTarget(Stopped), StopTasks(vec![0, 1])];
    assert_eq!(plan(Some(&wanted(Stopped, 1, Some((1, 2)))), &actual(started, &running(1, 2))), both);
    assert_eq!(plan(Some(&wanted(Stopped, 1, Some((2, 0)))), &actual(started, &running(1, 2))), both);
    assert_eq!(
        plan(Some(&wanted(Started, 1, Some((2, 0)))), &actual(started, &running(1, 2))),
        [StopTasks(vec![0, 1])],
    );
}

#[test]
fn a_stopped_connector_can_be_paused_or_resumed() {
    let stopped = actual(instance(InstanceState::Stopped, 1), &[]);
    for target in [Started, Paused] {
        assert_eq!(plan(Some(&wanted(target, 1, Some((1, 0)))), &stopped), [SetInstanceTarget(target)]);
    }
}

#[test]
fn a_failed_connector_can_be_stopped_but_neither_paused_nor_resumed() {
    let failed = actual(instance(InstanceState::Failed, 1), &[]);
    assert_eq!(plan(Some(&wanted(Stopped, 1, None)), &failed), [SetInstanceTarget(Stopped)]);
    assert_eq!(plan(Some(&wanted(Paused, 1, None)), &failed), []);
    assert_eq!(plan(Some(&wanted(Started, 1, None)), &failed), []);
}

#[test]
fn a_failed_task_stays_down_until_somebody_restarts_it() {
    let desired = wanted(Started, 1, Some((1, 1)));
    let mut failed = actual(instance(InstanceState::Started, 1), &[(0, 1, SlotState::Over)]);
    assert_eq!(plan(Some(&desired), &failed), []);
    failed.tasks.get_mut(&0).unwrap().restart = true;
    assert_eq!(plan(Some(&desired), &failed), [StopTasks(vec![0])]);
}

#[test]
fn a_restart_stops_first_and_starts_what_is_gone() {
    let desired = wanted(Paused, 1, Some((1, 2)));
    let mut state =
        actual(instance(InstanceState::Paused, 1), &[(0, 1, SlotState::Live(Paused)), (1, 1, SlotState::Live(Paused))]);
    state.instance.as_mut().unwrap().restart = true;
    state.tasks.get_mut(&1).unwrap().restart = true;
    assert_eq!(plan(Some(&desired), &state), [RestartInstance, StopTasks(vec![1])]);

    state.instance.as_mut().unwrap().restart = false;
    state.tasks.get_mut(&1).unwrap().state = SlotState::Stopping;
    assert_eq!(plan(Some(&desired), &state), []);

    state.tasks.remove(&1);
    assert_eq!(plan(Some(&desired), &state), [StartTasks(vec![1])]);
}

#[test]
fn a_deleted_connector_is_forgotten_when_everything_of_it_has_ended() {
    let state = actual(instance(InstanceState::Started, 1), &running(1, 2));
    assert_eq!(plan(None, &state), [StopInstance, StopTasks(vec![0, 1])]);
    let state = actual(None, &[(0, 1, SlotState::Stopping)]);
    assert_eq!(plan(None, &state), []);
    assert_eq!(plan(None, &Actual::default()), [Forget]);
}

#[test]
fn what_another_worker_runs_is_not_started_here() {
    let mut desired = wanted(Started, 1, Some((1, 3)));
    desired.instance = false;
    desired.tasks.as_mut().unwrap().assigned = BTreeSet::from([1]);
    assert_eq!(plan(Some(&desired), &Actual::default()), [StartTasks(vec![1])]);
    assert_eq!(
        plan(Some(&desired), &actual(instance(InstanceState::Started, 1), &running(1, 3))),
        [StopInstance, StopTasks(vec![0, 2])]
    );
}

#[test]
fn an_inconsistent_task_set_runs_nothing() {
    let desired = wanted(Started, 1, None);
    assert_eq!(
        plan(Some(&desired), &actual(instance(InstanceState::Started, 1), &running(1, 1))),
        [StopTasks(vec![0])]
    );
}
