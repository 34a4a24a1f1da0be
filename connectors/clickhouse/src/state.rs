//! What exactly once knows of a partition, and what follows from it for records that come.
//!
//! For each partition one range of offsets is stored: announced before it is inserted (`BEFORE_PROCESSING`), and
//! marked as inserted afterwards (`AFTER_PROCESSING`). Records that come again after a crash are compared with it. The
//! rules are those of the Java connector (1.5.0); [`decide`] says where this one goes on and that one fails.

pub(crate) mod store;
#[cfg(test)]
mod tests;

/// Offsets from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// How far a range has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is going to be inserted, or has been.
    Before,
    /// It has been inserted.
    After,
}

/// What is stored of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) phase: Phase,
    pub(crate) range: Range,
}

/// A step with the records that have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Insert those of a range under its name, announce it before if that has not been done, and mark it afterwards.
    Insert { range: Range, announce: bool },
    /// Report those of a range as duplicates: it is not known whether they have been written.
    Report(Range),
}

/// What to do with records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// These steps, in their order. Records that no step names have been written before.
    Go(Vec<Step>),
    /// Wait until the rest of the announced range has come, too.
    Wait,
    /// They cannot be: the message.
    Mismatch(String),
}

/// How a range lies to the stored one, asked in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Same,
    New,
    Contained,
    Overlapping,
    Zero,
    Before,
}

fn relation(stored: Range, incoming: Range) -> Relation {
    if incoming.max == stored.max && incoming.min <= stored.min {
        Relation::Same
    } else if incoming.min > stored.max {
        Relation::New
    } else if incoming.max <= stored.max && incoming.min >= stored.min {
        Relation::Contained
    } else if incoming.max > stored.max {
        Relation::Overlapping
    } else if incoming.min == 0 {
        Relation::Zero
    } else {
        Relation::Before
    }
}

/// Where the records stand in the task's life, and what is tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Nothing of the partition has been inserted since it came to this task: records may come again.
    pub(crate) recovers: bool,
    /// `tolerateStateMismatch`.
    pub(crate) tolerates_mismatch: bool,
}

/// What to do with records of the given offsets, which are in order and not none.
///
/// Where the Java connector fails, this one
/// * waits for more, if a part of an announced range has come: Kafka cuts ranges anew when it is read again;
/// * takes for written what comes again from before the stored range, as long as the partition recovers: offsets are
///   committed later than ranges are marked.
///
/// A range that is inserted again has its old name, also if records from before it come with it; and a new range is
/// announced before it is inserted, whatever is stored.
pub(crate) fn decide(stored: Option<Stored>, offsets: &[i64], circumstances: Circumstances) -> Decision {
    let Some(incoming) = range_of(offsets.iter().copied()) else { return Decision::Go(Vec::new()) };
    let new = |range| Step::Insert { range, announce: true };
    let Some(Stored { phase, range }) = stored else { return Decision::Go(vec![new(incoming)]) };
    let relation = relation(range, incoming);
    match (phase, relation) {
        (_, Relation::New | Relation::Zero) => Decision::Go(vec![new(incoming)]),
        (Phase::Before, Relation::Same) => Decision::Go(vec![Step::Insert { range, announce: false }]),
        (Phase::Before, Relation::Contained) => Decision::Wait,
        (Phase::Before, Relation::Before) if incoming.max >= range.min => Decision::Wait,
        (Phase::Before, Relation::Overlapping) => Decision::Go(overlapping(range, offsets)),
        (Phase::After, Relation::Same | Relation::Contained) => Decision::Go(Vec::new()),
        (Phase::After, Relation::Overlapping) => Decision::Go(
            range_of(offsets.iter().copied().filter(|offset| *offset > range.max)).map(new).into_iter().collect(),
        ),
        (_, Relation::Before) if circumstances.recovers => Decision::Go(Vec::new()),
        (Phase::After, Relation::Before) if circumstances.tolerates_mismatch => Decision::Go(Vec::new()),
        (Phase::After, Relation::Before) => Decision::Mismatch(format!(
            "AFTER_PROCESSING: State MISMATCH as batch already processed - offsets {incoming} come after offsets {range} \
             were written"
        )),
        (Phase::Before, Relation::Before) => Decision::Mismatch(format!(
            "BEFORE_PROCESSING: ERROR State: offsets {incoming} come after offsets {range} were announced"
        )),
    }
}

/// An announced range and what comes after it.
fn overlapping(range: Range, offsets: &[i64]) -> Vec<Step> {
    let left = range_of(offsets.iter().copied().filter(|offset| (range.min..=range.max).contains(offset)));
    let right = range_of(offsets.iter().copied().filter(|offset| *offset > range.max));
    let again =
        left.map(|left| if left == range { Step::Insert { range, announce: false } } else { Step::Report(left) });
    let new = right.map(|range| Step::Insert { range, announce: true });
    again.into_iter().chain(new).collect()
}

/// The least range that holds all offsets.
pub(crate) fn range_of(offsets: impl IntoIterator<Item = i64>) -> Option<Range> {
    offsets.into_iter().fold(None, |range: Option<Range>, offset| {
        Some(match range {
            Some(Range { min, max }) => Range { min: min.min(offset), max: max.max(offset) },
            None => Range { min: offset, max: offset },
        })
    })
}
