//! Which source offsets may be stored: those of records that Kafka has, with none missing before them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use longshore_api::SourceMap;

/// A source partition and the offset to store for it.
pub(super) type SourceOffset = (Arc<SourceMap>, SourceMap);

/// The bookkeeping of records on their way to Kafka. Pure: no clock, no I/O.
///
/// Records get sequence numbers as they are sent. Acknowledgements may come in any order; of each source partition
/// only the acknowledged prefix counts.
#[derive(Debug, Default)]
pub(super) struct AckTracker {
    partitions: Vec<Partition>,
    by_text: HashMap<String, usize>,
    /// The partition of each record from `first` on, and whether the record is done.
    records: VecDeque<(usize, bool)>,
    first: u64,
    in_flight: usize,
}

#[derive(Debug)]
struct Partition {
    map: Arc<SourceMap>,
    pending: VecDeque<(u64, SourceMap)>,
    storable: Option<SourceMap>,
}

impl AckTracker {
    /// The sequence number of the record that is sent next.
    pub(super) fn next_sequence(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// A record is sent; gives its sequence number.
    pub(super) fn sent(&mut self, partition: &Arc<SourceMap>, offset: SourceMap) -> u64 {
        let sequence = self.next_sequence();
        let index = self.partition_index(partition);
        self.partitions[index].pending.push_back((sequence, offset));
        self.records.push_back((index, false));
        self.in_flight += 1;
        sequence
    }

    /// Kafka has a record, or its loss is tolerated.
    pub(super) fn done(&mut self, sequence: u64) {
        let Some(index) = sequence.checked_sub(self.first) else { return };
        let Some(record) = self.records.get_mut(index as usize) else { return };
        if std::mem::replace(&mut record.1, true) {
            return;
        }
        self.in_flight -= 1;
        let partition = record.0;
        self.advance(partition);
        while self.records.front().is_some_and(|record| record.1) {
            self.records.pop_front();
            self.first += 1;
        }
    }

    /// How many records wait for Kafka.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether no record waits for Kafka.
    pub(super) fn is_settled(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes what may be stored now. If storing fails, [`give_back`](Self::give_back) it.
    pub(super) fn take_storable(&mut self) -> Vec<SourceOffset> {
        let storable = self.partitions.iter_mut();
        storable.filter_map(|partition| Some((Arc::clone(&partition.map), partition.storable.take()?))).collect()
    }

    /// Offsets that could not be stored; newer ones win over them.
    pub(super) fn give_back(&mut self, offsets: Vec<SourceOffset>) {
        for (map, offset) in offsets {
            let index = self.partition_index(&map);
            self.partitions[index].storable.get_or_insert(offset);
        }
    }

    fn advance(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        while let Some((sequence, _)) = partition.pending.front() {
            let record = sequence.checked_sub(self.first).and_then(|index| self.records.get(index as usize));
            if record.is_some_and(|record| !record.1) {
                return;
            }
            partition.storable = partition.pending.pop_front().map(|(_, offset)| offset);
        }
    }

    fn partition_index(&mut self, map: &Arc<SourceMap>) -> usize {
        if let Some(last) = self.records.back()
            && Arc::ptr_eq(&self.partitions[last.0].map, map)
        {
            return last.0;
        }
        let index = *self.by_text.entry(format!("{map:?}")).or_insert(self.partitions.len());
        if index == self.partitions.len() {
            self.partitions.push(Partition { map: Arc::clone(map), pending: VecDeque::new(), storable: None });
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::Value;
    use proptest::prelude::*;

    use super::*;

    fn map(key: &str, number: i64) -> SourceMap {
        [(key.to_owned(), Value::Int64(number))].into_iter().collect()
    }

    #[test]
    fn an_offset_waits_for_all_records_before_it() {
        let mut tracker = AckTracker::default();
        let partition = Arc::new(map("p", 0));
        let sent: Vec<u64> = (0..3).map(|n| tracker.sent(&partition, map("o", n))).collect();
        tracker.done(sent[2]);
        assert_eq!(tracker.take_storable(), []);
        tracker.done(sent[0]);
        assert_eq!(tracker.take_storable(), [(Arc::clone(&partition), map("o", 0))]);
        tracker.done(sent[1]);
        assert_eq!(tracker.take_storable(), [(Arc::clone(&partition), map("o", 2))]);
        assert!(tracker.is_settled());
        assert_eq!(tracker.take_storable(), [], "what was taken is not stored again");
    }

    #[test]
    fn partitions_do_not_wait_for_each_other() {
        let mut tracker = AckTracker::default();
        let (a, b) = (Arc::new(map("p", 0)), Arc::new(map("p", 1)));
        let _first = tracker.sent(&a, map("o", 0));
        let second = tracker.sent(&b, map("o", 7));
        tracker.done(second);
        assert_eq!(tracker.take_storable(), [(b, map("o", 7))]);
        assert_eq!(tracker.in_flight(), 1);
    }

    #[test]
    fn offsets_that_could_not_be_stored_come_again_unless_newer_ones_are_there() {
        let mut tracker = AckTracker::default();
        let partition = Arc::new(map("p", 0));
        let first = tracker.sent(&partition, map("o", 0));
        tracker.done(first);
        let taken = tracker.take_storable();
        tracker.give_back(taken.clone());
        assert_eq!(tracker.take_storable(), taken);
        let second = tracker.sent(&partition, map("o", 1));
        tracker.done(second);
        tracker.give_back(taken);
        assert_eq!(tracker.take_storable(), [(partition, map("o", 1))]);
    }

    proptest! {
        #[test]
        fn the_storable_offset_is_always_that_of_the_done_prefix(
            owners in proptest::collection::vec(0usize..3, 1..40),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 1..60),
        ) {
            let partitions: Vec<_> = (0..3).map(|n| Arc::new(map("p", n))).collect();
            let mut tracker = AckTracker::default();
            for (n, owner) in owners.iter().enumerate() {
                prop_assert_eq!(tracker.sent(&partitions[*owner], map("o", n as i64)), n as u64);
            }
            let mut done = vec![false; owners.len()];
            let mut stored: [Option<SourceMap>; 3] = Default::default();
            for index in order {
                let n = index.index(owners.len());
                done[n] = true;
                tracker.done(n as u64);
                for (partition, offset) in tracker.take_storable() {
                    let owner = partitions.iter().position(|known| *known == partition).unwrap();
                    stored[owner] = Some(offset);
                }
                for (owner, stored) in stored.iter().enumerate() {
                    let mine = owners.iter().enumerate().filter(|(_, one)| **one == owner).map(|(n, _)| n);
                    let expected = mine.take_while(|n| done[*n]).last().map(|n| map("o", n as i64));
                    prop_assert_eq!(stored, &expected);
                }
            }
        }
    }
}
