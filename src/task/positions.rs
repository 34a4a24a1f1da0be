//! How far a sink task has come: what it took, what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use longshore_api::batch::Row;
use longshore_api::{Batch, Delivered, Positions, TopicPartition};

/// The bookkeeping of a sink task's positions. Pure: no clock, no I/O.
///
/// A position moves only forward while its partition is assigned, and only partitions that are assigned have one.
#[derive(Debug, Default)]
pub(super) struct Progress {
    assigned: BTreeMap<TopicPartition, Partition>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Partition {
    /// After everything that was taken, reported or dropped; `None` before the first record.
    taken: Option<i64>,
    /// The latest position that the broker knows of.
    committed: Option<i64>,
    /// A record that must not be passed: it could not be written, and nobody tolerates that.
    barrier: Option<i64>,
}

impl Progress {
    /// Partitions come; `start` is what the broker has committed for them, negative where that is nothing.
    pub(super) fn assign(&mut self, start: &Positions) {
        for (partition, offset) in start {
            let committed = (*offset >= 0).then_some(*offset);
            self.assigned.insert(partition.clone(), Partition { committed, ..Partition::default() });
        }
    }

    /// Partitions go; what was not committed for them is forgotten and will be read again by whoever gets them.
    pub(super) fn revoke(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.assigned.remove(partition);
        }
    }

    /// The partitions that are assigned.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.assigned.keys().cloned().collect()
    }

    /// Everything in `rows` is accounted for: written or kept by the sink, reported, or dropped on purpose.
    pub(super) fn took(&mut self, batch: &Batch, rows: &[Row]) {
        for (partition, _, next) in ranges(batch, rows) {
            if let Some(state) = self.assigned.get_mut(&partition) {
                state.taken = state.taken.max(Some(next));
            }
        }
    }

    /// No position passes this record any more: it is neither written nor reported nor tolerated, and has to be read
    /// again.
    pub(super) fn stop_at(&mut self, batch: &Batch, row: &Row) {
        let topic = Arc::clone(&batch.topics()[usize::from(row.topic)]);
        if let Some(state) = self.assigned.get_mut(&TopicPartition { topic, partition: row.partition }) {
            state.barrier = Some(state.barrier.map_or(row.offset, |barrier| barrier.min(row.offset)));
        }
    }

    /// The positions after all that was taken, for the partitions of which anything was.
    pub(super) fn taken(&self) -> Positions {
        self.assigned.iter().filter_map(|(partition, state)| Some((partition.clone(), state.position()?))).collect()
    }

    /// What of `delivered` is worth committing: assigned, no further than what was taken, and news to the broker.
    pub(super) fn to_commit(&self, delivered: &Delivered) -> Positions {
        let news = delivered.positions().iter().filter(|(partition, offset)| {
            let Some(state) = self.assigned.get(partition) else { return false };
            state.position().is_some_and(|taken| **offset <= taken)
                && state.committed.is_none_or(|known| known < **offset)
        });
        news.map(|(partition, offset)| (partition.clone(), *offset)).collect()
    }

    /// The broker has these positions now.
    pub(super) fn committed(&mut self, positions: &Positions) {
        for (partition, offset) in positions {
            if let Some(state) = self.assigned.get_mut(partition) {
                state.committed = Some(*offset);
            }
        }
    }
}

/// The partitions of which there are rows, each with its first offset there and the one after its last.
pub(super) fn ranges(batch: &Batch, rows: &[Row]) -> Vec<(TopicPartition, i64, i64)> {
    let mut ranges: Vec<(u16, i32, i64, i64)> = Vec::new();
    for row in rows {
        let next = row.offset + 1;
        match ranges.iter_mut().rfind(|range| (range.0, range.1) == (row.topic, row.partition)) {
            Some(range) => range.3 = range.3.max(next),
            None => ranges.push((row.topic, row.partition, row.offset, next)),
        }
    }
    let named = |(topic, partition, first, next): (u16, i32, i64, i64)| {
        let topic = Arc::clone(&batch.topics()[usize::from(topic)]);
        (TopicPartition { topic, partition }, first, next)
    };
    ranges.into_iter().map(named).collect()
}

impl Partition {
    fn position(&self) -> Option<i64> {
        match self.barrier {
            Some(barrier) => self.taken.map(|taken| taken.min(barrier)),
            None => self.taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::{BatchBuilder, RowParts};

    use super::*;

    fn batch(rows: &[(&str, i32, i64)]) -> Batch {
        let mut builder = BatchBuilder::default();
        for (topic, partition, offset) in rows {
            let topic = builder.topic_index(&Arc::from(*topic));
            builder.push(topic, RowParts { partition: *partition, offset: *offset, ..RowParts::default() });
        }
        builder.finish()
    }

    fn positions(entries: &[(&str, i32, i64)]) -> Positions {
        entries.iter().map(|(topic, partition, offset)| (TopicPartition::new(*topic, *partition), *offset)).collect()
    }

    #[test]
    fn what_was_taken_can_be_committed_once() {
        let mut progress = Progress::default();
        progress.assign(&positions(&[("t", 0, 5), ("t", 1, -1001)]));
        let batch = batch(&[("t", 0, 5), ("t", 1, 0), ("t", 0, 6), ("u", 0, 9)]);
        progress.took(&batch, batch.rows());
        assert_eq!(progress.taken(), positions(&[("t", 0, 7), ("t", 1, 1)]));
        let delivered = Delivered::up_to(progress.taken());
        assert_eq!(progress.to_commit(&delivered), progress.taken());
        progress.committed(&progress.taken());
        assert_eq!(progress.to_commit(&delivered), Positions::new());
    }

    #[test]
    fn nothing_beyond_what_was_taken_is_ever_committed() {
        let mut progress = Progress::default();
        progress.assign(&positions(&[("t", 0, -1)]));
        let batch = batch(&[("t", 0, 0)]);
        let early = Delivered::up_to(positions(&[("t", 0, 1)]));
        assert_eq!(progress.to_commit(&early), Positions::new(), "nothing was taken yet");
        progress.took(&batch, batch.rows());
        let greedy = Delivered::up_to(positions(&[("t", 0, 2), ("other", 0, 1)]));
        assert_eq!(progress.to_commit(&greedy), Positions::new());
    }

    #[test]
    fn no_position_passes_a_record_that_stopped_the_task() {
        let mut progress = Progress::default();
        progress.assign(&positions(&[("t", 0, -1), ("t", 1, -1)]));
        let batch = batch(&[("t", 0, 0), ("t", 0, 1), ("t", 0, 2), ("t", 1, 0)]);
        progress.stop_at(&batch, &batch.rows()[1]);
        progress.took(&batch, batch.rows());
        assert_eq!(progress.taken(), positions(&[("t", 0, 1), ("t", 1, 1)]));
        let delivered = Delivered::up_to(positions(&[("t", 0, 3), ("t", 1, 1)]));
        assert_eq!(progress.to_commit(&delivered), positions(&[("t", 1, 1)]));
    }

    #[test]
    fn a_partition_that_went_has_no_position() {
        let mut progress = Progress::default();
        progress.assign(&positions(&[("t", 0, -1)]));
        let batch = batch(&[("t", 0, 0)]);
        progress.took(&batch, batch.rows());
        progress.revoke(&[TopicPartition::new("t", 0)]);
        assert_eq!(progress.taken(), Positions::new());
        progress.assign(&positions(&[("t", 0, -1)]));
        assert_eq!(progress.taken(), Positions::new(), "what an earlier assignment took does not count");
    }
}
