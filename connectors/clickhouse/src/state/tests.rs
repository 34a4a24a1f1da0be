use proptest::prelude::*;

use super::*;

fn range(min: i64, max: i64) -> Range {
    Range { min, max }
}

fn stored(phase: Phase, min: i64, max: i64) -> Option<Stored> {
    Some(Stored { phase, range: range(min, max) })
}

const STEADY: Circumstances = Circumstances { recovers: false, tolerates_mismatch: false };
const RECOVERS: Circumstances = Circumstances { recovers: true, tolerates_mismatch: false };
const TOLERATES: Circumstances = Circumstances { recovers: false, tolerates_mismatch: true };

fn decide_range(stored: Option<Stored>, min: i64, max: i64, circumstances: Circumstances) -> Decision {
    decide(stored, &(min..=max).collect::<Vec<_>>(), circumstances)
}

fn new(min: i64, max: i64) -> Step {
    Step::Insert { range: range(min, max), announce: true }
}

fn again(min: i64, max: i64) -> Step {
    Step::Insert { range: range(min, max), announce: false }
}

fn go(steps: &[Step]) -> Decision {
    Decision::Go(steps.to_vec())
}

#[test]
fn nothing_is_stored() {
    assert_eq!(decide_range(None, 5, 9, STEADY), go(&[new(5, 9)]));
    assert_eq!(decide(None, &[], STEADY), go(&[]));
}

#[test]
fn announced_same() {
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 10, 19, STEADY), go(&[again(10, 19)]));
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 8, 19, STEADY), go(&[again(10, 19)]), "under its old name");
}

#[test]
fn announced_new() {
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 20, 29, STEADY), go(&[new(20, 29)]));
}

#[test]
fn announced_contained_waits_for_the_rest() {
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 10, 15, STEADY), Decision::Wait);
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 15, 19, STEADY), Decision::Wait);
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 8, 15, STEADY), Decision::Wait);
}

#[test]
fn announced_overlapping() {
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 10, 30, STEADY), go(&[again(10, 19), new(20, 30)]));
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 9, 30, STEADY), go(&[again(10, 19), new(20, 30)]));
    let rest = decide_range(stored(Phase::Before, 10, 19), 15, 30, STEADY);
    assert_eq!(rest, go(&[Step::Report(range(15, 19)), new(20, 30)]));
    let gaps = decide(stored(Phase::Before, 10, 19), &[5, 25, 26], STEADY);
    assert_eq!(gaps, go(&[new(25, 26)]), "of the announced records none is left");
}

#[test]
fn announced_zero() {
    assert_eq!(decide_range(stored(Phase::Before, 10, 19), 0, 5, STEADY), go(&[new(0, 5)]));
}

#[test]
fn announced_and_from_before_it() {
    let before = stored(Phase::Before, 10, 19);
    assert_eq!(decide_range(before, 5, 8, RECOVERS), go(&[]));
    let Decision::Mismatch(text) = decide_range(before, 5, 8, TOLERATES) else { panic!() };
    assert_eq!(text, "BEFORE_PROCESSING: ERROR State: offsets 5 to 8 come after offsets 10 to 19 were announced");
}

#[test]
fn written_same_or_contained() {
    for (min, max) in [(10, 19), (8, 19), (12, 15), (10, 12)] {
        assert_eq!(decide_range(stored(Phase::After, 10, 19), min, max, STEADY), go(&[]));
    }
}

#[test]
fn written_new() {
    assert_eq!(decide_range(stored(Phase::After, 10, 19), 20, 29, STEADY), go(&[new(20, 29)]));
}

#[test]
fn written_overlapping() {
    assert_eq!(decide_range(stored(Phase::After, 10, 19), 15, 30, STEADY), go(&[new(20, 30)]));
    assert_eq!(decide_range(stored(Phase::After, 10, 19), 2, 30, STEADY), go(&[new(20, 30)]));
}

#[test]
fn written_zero() {
    assert_eq!(decide_range(stored(Phase::After, 10, 19), 0, 5, STEADY), go(&[new(0, 5)]));
}

#[test]
fn written_previous() {
    let after = stored(Phase::After, 10, 19);
    assert_eq!(decide_range(after, 5, 12, TOLERATES), go(&[]));
    assert_eq!(decide_range(after, 5, 8, RECOVERS), go(&[]));
    let Decision::Mismatch(text) = decide_range(after, 5, 8, STEADY) else { panic!() };
    assert!(text.starts_with("AFTER_PROCESSING: State MISMATCH as batch already processed - "), "{text}");
}

/// A partition that is written with crashes at any place: between announcing and inserting, and between inserting and
/// marking. Kafka gives the records again from the last commit, in other batches.
#[derive(Debug, Clone)]
enum Event {
    /// A batch of so many records comes and goes all the way.
    Batch(usize),
    /// The same, but the task ends after so many of the calls that it makes.
    Crash(usize, usize),
    /// The offsets of what is accounted for are committed.
    Commit,
}

/// Where the world's records begin.
const FIRST: i64 = 1;

/// A table that drops an insert under a name that it has seen, as ClickHouse does, and what is around it.
#[derive(Default)]
struct World {
    rows: Vec<i64>,
    names: Vec<Range>,
    stored: Option<Stored>,
    committed: i64,
    position: i64,
    accounted: i64,
    waiting: Vec<i64>,
    recovers: bool,
}

impl World {
    fn restart(&mut self) {
        self.position = self.committed;
        self.accounted = self.committed;
        self.waiting.clear();
        self.recovers = true;
    }

    fn batch(&mut self, count: usize, mut calls: usize) {
        let end = self.position + count as i64;
        self.waiting.extend(self.position..end);
        self.position = end;
        let circumstances = Circumstances { recovers: self.recovers, tolerates_mismatch: false };
        let steps = match decide(self.stored, &self.waiting, circumstances) {
            Decision::Go(steps) => steps,
            Decision::Wait => return,
            Decision::Mismatch(text) => panic!("{text}"),
        };
        let mut call = |world: &mut Self, act: &mut dyn FnMut(&mut Self)| {
            let goes = calls > 0;
            calls = calls.saturating_sub(1);
            if goes {
                act(world);
            }
            goes
        };
        for step in steps {
            let Step::Insert { range, announce } = step else { panic!("{step:?}: every record is still there") };
            let waiting = self.waiting.clone();
            let rows: Vec<i64> =
                waiting.into_iter().filter(|offset| (range.min..=range.max).contains(offset)).collect();
            if announce && !call(self, &mut |world| world.stored = Some(Stored { phase: Phase::Before, range })) {
                return self.restart();
            }
            let inserted = call(self, &mut |world| {
                if !world.names.contains(&range) {
                    world.names.push(range);
                    world.rows.extend(&rows);
                }
            });
            if !inserted || !call(self, &mut |world| world.stored = Some(Stored { phase: Phase::After, range })) {
                return self.restart();
            }
            self.recovers = false;
        }
        self.waiting.clear();
        self.accounted = self.position;
    }
}

proptest! {
    #[test]
    fn every_record_is_written_once_whatever_crashes(events in prop::collection::vec(prop_oneof![
        (1usize..20).prop_map(Event::Batch),
        (1usize..20, 0usize..6).prop_map(|(count, calls)| Event::Crash(count, calls)),
        Just(Event::Commit),
    ], 1..60)) {
        // Offset 0 would say that the topic is a new one.
        let mut world = World { committed: FIRST, position: FIRST, accounted: FIRST, ..World::default() };
        for event in events {
            match event {
                Event::Batch(count) => world.batch(count, usize::MAX),
                Event::Crash(count, calls) => {
                    world.batch(count, calls);
                    world.restart();
                }
                Event::Commit => world.committed = world.accounted,
            }
        }
        for _ in 0..40 {
            world.batch(30, usize::MAX); // whatever was announced has its end by now
        }
        let written: Vec<i64> = (FIRST..world.accounted).collect();
        world.rows.sort_unstable();
        prop_assert_eq!(world.rows, written);
    }
}
