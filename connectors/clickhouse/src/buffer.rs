//! Records between `put` and their insert, in lanes of chunks: one lane for each partition and topic, and a chunk for
//! each insert to come.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use longshore_api::{Batch, Positions, Record, TopicPartition};

use crate::state::{Range, range_of};

/// A record in the batch in which it came.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) batch: Arc<Batch>,
    pub(crate) index: u32,
    /// Whether it is written or reported.
    pub(crate) done: bool,
}

impl Entry {
    pub(crate) fn record(&self) -> Record<'_> {
        self.batch.record(self.index as usize)
    }

    pub(crate) fn offset(&self) -> i64 {
        self.record().offset()
    }

    /// `topic-partition@offset`, by which errors name it.
    pub(crate) fn place(&self) -> String {
        let record = self.record();
        format!("{}-{}@{}", record.original_topic(), record.original_partition(), record.offset())
    }
}

/// What goes into one insert, as long as the records allow that.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) entries: Vec<Entry>,
    /// Whether an insert of it has been tried: nothing may join it any more.
    pub(crate) sealed: bool,
}

impl Chunk {
    /// The offsets of its records.
    pub(crate) fn range(&self) -> Option<Range> {
        range_of(self.entries.iter().map(Entry::offset))
    }

    fn is_done(&self) -> bool {
        self.entries.iter().all(|entry| entry.done)
    }
}

/// Records that go to the same table and share the names of their inserts.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The topic, as the transforms left it.
    pub(crate) topic: Arc<str>,
    /// Where its records come from; `None` for all partitions.
    pub(crate) origin: Option<TopicPartition>,
    pub(crate) chunks: VecDeque<Chunk>,
    /// Whether nothing of it has been inserted since the partition came to this task.
    pub(crate) recovers: bool,
    /// Whether its first chunk waits for more records.
    pub(crate) waits: bool,
    /// Whether its work was put off by something that may pass.
    pub(crate) stalled: bool,
}

impl Lane {
    /// Forgets the first chunks whose records are all accounted for.
    pub(crate) fn drop_done(&mut self) {
        while self.chunks.front().is_some_and(Chunk::is_done) {
            self.chunks.pop_front();
        }
    }
}

/// Which lane a record belongs to.
type Key = (Arc<str>, Option<TopicPartition>);

/// All lanes of a task.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    lanes: Vec<Lane>,
    by_key: HashMap<Key, usize>,
    /// The last record's lane, which is mostly the next one's, too.
    last: usize,
    /// The most records of a chunk; 0 for as many as come.
    chunk_size: usize,
    /// Whether partitions share a lane.
    across_partitions: bool,
    count: usize,
    bytes: usize,
    since: Option<Instant>,
}

impl Buffer {
    /// An empty one. `chunk_size` is the most records of a chunk, 0 for as many as come; `across_partitions` lets
    /// partitions share a lane.
    pub(crate) fn new(chunk_size: usize, across_partitions: bool) -> Self {
        Self { chunk_size, across_partitions, ..Self::default() }
    }

    /// The most records of a chunk; 0 for as many as come.
    pub(crate) fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, batch: &Arc<Batch>, index: usize, now: Instant) {
        let record = batch.record(index);
        let lane = self.lane_of(&record);
        self.last = lane;
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        let joins = |chunk: &Chunk| !chunk.sealed && (self.chunk_size == 0 || chunk.entries.len() < self.chunk_size);
        if !lane.chunks.back().is_some_and(joins) {
            lane.chunks.push_back(Chunk::default());
        }
        if let Some(chunk) = lane.chunks.back_mut() {
            chunk.entries.push(Entry { batch: Arc::clone(batch), index: index as u32, done: false });
        }
        self.count += 1;
        self.bytes += record.raw_value().map_or(0, <[u8]>::len);
        self.since.get_or_insert(now);
    }

    fn lane_of(&mut self, record: &Record<'_>) -> usize {
        let is_it = |lane: &Lane| {
            *lane.topic == **record.topic()
                && lane.origin.as_ref().is_none_or(|origin| {
                    origin.partition == record.original_partition() && *origin.topic == **record.original_topic()
                })
        };
        if self.lanes.get(self.last).is_some_and(is_it) {
            return self.last;
        }
        let origin = (!self.across_partitions).then(|| TopicPartition {
            topic: Arc::clone(record.original_topic()),
            partition: record.original_partition(),
        });
        let topic = Arc::clone(record.topic());
        let lanes = &mut self.lanes;
        *self.by_key.entry((Arc::clone(&topic), origin.clone())).or_insert_with(|| {
            lanes.push(Lane { topic, origin, chunks: VecDeque::new(), recovers: true, waits: false, stalled: false });
            lanes.len() - 1
        })
    }

    /// How many records are collected.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the collected records.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the first of them came.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The lanes.
    pub(crate) fn lanes(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// Whether something has been tried and has to be tried again before more is taken.
    pub(crate) fn is_behind(&self) -> bool {
        self.lanes.iter().any(|lane| lane.chunks.front().is_some_and(|chunk| chunk.sealed || lane.stalled))
    }

    /// Forgets what is accounted for, and counts what is left.
    pub(crate) fn settle(&mut self) {
        self.lanes.iter_mut().for_each(Lane::drop_done);
        let left = || self.lanes.iter().flat_map(|lane| &lane.chunks).flat_map(|chunk| &chunk.entries);
        let left = || left().filter(|entry| !entry.done);
        let count = left().count();
        let bytes = left().map(|entry| entry.record().raw_value().map_or(0, <[u8]>::len)).sum();
        if count < self.count {
            self.since = (count > 0).then(Instant::now);
        }
        (self.count, self.bytes) = (count, bytes);
    }

    /// Forgets the records of partitions, and what is known of these.
    pub(crate) fn forget(&mut self, partitions: &[TopicPartition]) {
        let goes = |topic: &str, partition: i32| {
            partitions.iter().any(|gone| gone.partition == partition && *gone.topic == *topic)
        };
        self.lanes.retain(|lane| !lane.origin.as_ref().is_some_and(|origin| goes(&origin.topic, origin.partition)));
        for lane in &mut self.lanes {
            for chunk in &mut lane.chunks {
                chunk.entries.retain(|entry| {
                    let record = entry.record();
                    !goes(record.original_topic(), record.original_partition())
                });
            }
        }
        let keys =
            self.lanes.iter().enumerate().map(|(index, lane)| ((Arc::clone(&lane.topic), lane.origin.clone()), index));
        self.by_key = keys.collect();
        self.last = 0;
        self.settle();
    }

    /// Up to where everything is accounted for, of what was taken up to `taken`.
    pub(crate) fn delivered(&self, taken: &Positions) -> Positions {
        let mut first: BTreeMap<(&str, i32), i64> = BTreeMap::new();
        let left = self.lanes.iter().flat_map(|lane| &lane.chunks).flat_map(|chunk| &chunk.entries);
        for entry in left.filter(|entry| !entry.done) {
            let record = entry.record();
            let least = first.entry((record.original_topic(), record.original_partition())).or_insert(i64::MAX);
            *least = record.offset().min(*least);
        }
        let delivered = taken.iter().map(|(place, position)| {
            let least = first.get(&(&*place.topic, place.partition));
            (place.clone(), least.map_or(*position, |least| (*least).min(*position)))
        });
        delivered.collect()
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::{BatchBuilder, RowParts, Slot, Slots};

    use super::*;

    /// Records of the partitions given, with offsets from `first` on.
    fn batch(partitions: &[i32], first: i64) -> Arc<Batch> {
        let mut builder = BatchBuilder::default();
        let topic = builder.topic_index(&Arc::from("t"));
        for (offset, partition) in (first..).zip(partitions) {
            let parts = RowParts { partition: *partition, offset, value: Some(b"{}"), ..RowParts::default() };
            builder.push(topic, parts);
        }
        let mut batch = builder.finish();
        let rows = batch.rows().iter().enumerate();
        let slots = rows.map(|(row, it)| {
            let value = it.value.map_or(Slot::Null, Slot::Json);
            Slots { row: row as u32, topic, key: Slot::Null, value }
        });
        let slots = slots.collect();
        batch.set_slots(slots);
        Arc::new(batch)
    }

    fn add(buffer: &mut Buffer, batch: &Arc<Batch>) {
        (0..batch.len()).for_each(|index| buffer.add(batch, index, Instant::now()));
    }

    fn place(partition: i32) -> TopicPartition {
        TopicPartition { topic: Arc::from("t"), partition }
    }

    fn positions(pairs: &[(i32, i64)]) -> Positions {
        pairs.iter().map(|(partition, position)| (place(*partition), *position)).collect()
    }

    #[test]
    fn a_position_does_not_pass_what_is_not_accounted_for() {
        let mut buffer = Buffer::default();
        add(&mut buffer, &batch(&[0, 1, 0, 1], 10));
        let taken = positions(&[(0, 13), (1, 14), (2, 99)]);
        assert_eq!(buffer.delivered(&taken), positions(&[(0, 10), (1, 11), (2, 99)]));
        buffer.lanes()[0].chunks[0].entries[0].done = true;
        buffer.settle();
        assert_eq!(buffer.delivered(&taken), positions(&[(0, 12), (1, 11), (2, 99)]));
        assert_eq!((buffer.count(), buffer.bytes()), (3, 6));
        buffer.lanes().iter_mut().flat_map(|lane| &mut lane.chunks[0].entries).for_each(|entry| entry.done = true);
        buffer.settle();
        assert_eq!(buffer.delivered(&taken), taken);
        assert_eq!(buffer.since(), None);
    }

    #[test]
    fn nothing_joins_a_chunk_that_was_tried_or_is_full() {
        let mut buffer = Buffer::new(2, false);
        add(&mut buffer, &batch(&[0, 0, 0], 0));
        let sizes =
            |buffer: &Buffer| buffer.lanes[0].chunks.iter().map(|chunk| chunk.entries.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&buffer), [2, 1]);
        buffer.lanes()[0].chunks[1].sealed = true;
        add(&mut buffer, &batch(&[0], 3));
        assert_eq!(sizes(&buffer), [2, 1, 1]);
        assert_eq!(buffer.lanes[0].chunks[0].range(), Some(Range { min: 0, max: 1 }));
        assert!(!buffer.is_behind());
        // Nothing was inserted yet, as where the state of exactly once cannot be read.
        buffer.lanes()[0].stalled = true;
        assert!(buffer.is_behind());
        buffer.forget(&[place(0)]);
        assert!(!buffer.is_behind(), "there is nothing left to try");
    }

    #[test]
    fn partitions_that_go_take_their_records_with_them() {
        for across_partitions in [false, true] {
            let mut buffer = Buffer::new(0, across_partitions);
            add(&mut buffer, &batch(&[0, 1, 0], 0));
            assert_eq!(buffer.lanes().len(), if across_partitions { 1 } else { 2 });
            buffer.forget(&[place(0)]);
            assert_eq!(buffer.count(), 1);
            add(&mut buffer, &batch(&[1], 5));
            assert_eq!(buffer.count(), 2);
            assert_eq!(buffer.delivered(&positions(&[(0, 3), (1, 6)])), positions(&[(0, 3), (1, 1)]));
        }
    }
}
