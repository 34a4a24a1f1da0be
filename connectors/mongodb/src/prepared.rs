//! A batch on its way out: the operations of its records, in runs, and how far they are.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use longshore_api::{BadRecord, Batch, ConnectError, Origin, Part, Record, Result};

use crate::config::{Settings, Tolerance};
use crate::convert::{self, BadPayload};
use crate::errors;
use crate::namespace::{Namespace, Namespaces};
use crate::run::{Run, split};
use crate::write_model::{self, Action, Scratch};
use crate::writer::Operation;

/// How many levels of documents the server stores.
pub(crate) const SERVER_DEPTH: usize = 180;

/// A topic, and how its records are written.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) settings: Settings,
    /// Where its documents go, unless fields say otherwise.
    namespace: Arc<Namespace>,
}

/// Records of one topic that go to one collection.
#[derive(Debug)]
struct Group {
    topic: Arc<Topic>,
    namespace: Arc<Namespace>,
    /// Indexes of the operations, in the order of the records.
    order: Vec<u32>,
}

/// A converted batch.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The batch.
    pub(crate) batch: Arc<Batch>,
    /// The index of the first record that is not yet accounted for.
    pub(crate) next: usize,
    /// The index after the last record.
    end: usize,
    pub(crate) arena: Vec<u8>,
    pub(crate) operations: Vec<Operation>,
    /// What is to be written, each run for itself.
    pub(crate) runs: Vec<Run>,
    /// Bad records that are not yet reported.
    pub(crate) bad: Vec<BadRecord>,
    /// The time for timestamps.
    pub(crate) now: i64,
}

/// What is used again and again: memory and what is known of the topics.
#[derive(Debug, Default)]
pub(crate) struct Preparer {
    scratch: Scratch,
    spare: (Vec<u8>, Vec<Operation>),
    topics: HashMap<Arc<str>, Arc<Topic>>,
    namespaces: Namespaces,
}

/// What a batch is prepared for.
pub(crate) struct Rules<'a> {
    /// The settings of a topic that comes for the first time.
    pub(crate) settings: &'a dyn Fn(&str) -> Result<Settings>,
    /// The most bytes of a document.
    pub(crate) most_bytes: usize,
    /// The most runs of one collection.
    pub(crate) most_runs: usize,
    /// Whether the worker goes on after a record that its converter refuses.
    pub(crate) converter_tolerates: bool,
    /// The time for timestamps.
    pub(crate) now: i64,
}

impl Preparer {
    /// Takes back the memory of a batch that is done.
    pub(crate) fn take_back(&mut self, prepared: Prepared) {
        self.spare = (prepared.arena, prepared.operations);
    }

    /// Converts the records of a batch from index `from` on.
    ///
    /// # Errors
    /// For a topic without valid settings, and for the first bad record where none is tolerated; nothing of the batch
    /// is written then.
    pub(crate) fn prepare(&mut self, batch: &Arc<Batch>, from: usize, rules: &Rules<'_>) -> Result<Prepared> {
        let (mut arena, mut operations) = std::mem::take(&mut self.spare);
        arena.clear();
        operations.clear();
        let mut prepared = Prepared {
            batch: Arc::clone(batch),
            next: from,
            end: batch.len(),
            arena,
            operations,
            runs: Vec::new(),
            bad: Vec::new(),
            now: rules.now,
        };
        self.namespaces.trim();
        let mut groups = Groups::default();
        // Topics are looked up once a batch.
        let mut topics: Vec<Option<Arc<Topic>>> = vec![None; batch.topics().len()];
        for index in from..batch.len() {
            let record = batch.record(index);
            let topic = match topics.get_mut(usize::from(record.topic_index())) {
                Some(Some(topic)) => topic,
                Some(unknown) => unknown.insert(self.topic(&record, rules)?),
                None => return Err(ConnectError::fatal("a record's topic is none of its batch's")),
            };
            match self.operation(topic, &record, rules, &mut prepared.arena) {
                Ok(Some((action, documents, namespace))) => {
                    let operation =
                        Operation { record: index as u32, action, start: documents.start, end: documents.end };
                    groups.add(topic, namespace, prepared.operations.len() as u32);
                    prepared.operations.push(operation);
                }
                Ok(None) => {}
                Err(BadPayload { origin, error }) => {
                    if origin == Origin::Sink && topic.settings.tolerance == Tolerance::None {
                        return Err(failed(&record, error));
                    }
                    prepared.bad.push(BadRecord { batch: Arc::clone(batch), index, origin, error });
                    if origin != Origin::Sink && !rules.converter_tolerates {
                        // The worker will end the task here: what comes after is not to be written twice.
                        prepared.end = index + 1;
                        break;
                    }
                }
            }
        }
        prepared.add_runs(groups.all, rules.most_runs);
        Ok(prepared)
    }

    /// Whether tolerated errors of a topic are logged.
    pub(crate) fn logs_errors(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some_and(|topic| topic.settings.log_errors)
    }

    fn topic(&mut self, record: &Record<'_>, rules: &Rules<'_>) -> Result<Arc<Topic>> {
        if let Some(topic) = self.topics.get(record.topic()) {
            return Ok(Arc::clone(topic));
        }
        let settings = (rules.settings)(record.topic())?;
        let collection = if settings.collection.is_empty() { record.topic() } else { &*settings.collection };
        let namespace = self.namespaces.get(&settings.database, collection);
        let topic = Arc::new(Topic { name: Arc::clone(record.topic()), settings, namespace });
        self.topics.insert(Arc::clone(record.topic()), Arc::clone(&topic));
        Ok(topic)
    }

    fn operation(
        &mut self,
        topic: &Topic,
        record: &Record<'_>,
        rules: &Rules<'_>,
        arena: &mut Vec<u8>,
    ) -> Result<Option<Written>, BadPayload> {
        let (scratch, settings) = (&mut self.scratch, &topic.settings);
        let mut has_key = false;
        // A key that nobody reads is never converted, but its converter comes before the value's all the same.
        convert::check(record.key(), Part::Key)?;
        let has_value = convert::document(record.value(), Part::Value, &mut scratch.value)?;
        if settings.reads_key(has_value) {
            has_key = convert::document(record.key(), Part::Key, &mut scratch.key)?;
        }
        let start = arena.len();
        let bad = |error| BadPayload { origin: Origin::Sink, error };
        let namespace = match &settings.field_paths {
            None => Arc::clone(&topic.namespace),
            Some(paths) => {
                let key = has_key.then(|| scratch.key.document());
                let value = has_value.then(|| scratch.value.document());
                let (database, collection) = paths.names(record, (key, value)).map_err(bad)?;
                let or = &topic.namespace;
                self.namespaces.get(database.unwrap_or(&or.database), collection.unwrap_or(&or.collection))
            }
        };
        let action = write_model::operation(settings, record, scratch, (has_key, has_value), arena);
        let checked = action.and_then(|action| {
            check(scratch, has_value, arena.get(start..).unwrap_or_default(), rules).map(|()| action)
        });
        match checked {
            Ok(Some(action)) => Ok(Some((action, start..arena.len(), namespace))),
            Ok(None) => {
                arena.truncate(start);
                Ok(None)
            }
            Err(error) => {
                arena.truncate(start);
                Err(bad(error))
            }
        }
    }
}

/// What an operation does, where its documents stand in the arena, and where they go.
type Written = (Action, Range<usize>, Arc<Namespace>);

/// Bytes that a command can hold beyond those of a document.
const COMMAND_MARGIN: usize = 8 << 10;

/// Refuses documents that no server stores; they would fail the command with all that is in it.
fn check(scratch: &Scratch, has_value: bool, documents: &[u8], rules: &Rules<'_>) -> Result<(), ConnectError> {
    if has_value {
        check_depth(scratch.value.deepest())?;
    }
    let largest = write_model::largest_document(documents);
    if largest > rules.most_bytes || documents.len() > rules.most_bytes + COMMAND_MARGIN {
        return Err(errors::too_large(documents.len(), rules.most_bytes));
    }
    Ok(())
}

/// Refuses a document with more levels than the server stores.
///
/// # Errors
/// How many they are.
pub(crate) fn check_depth(deepest: usize) -> Result<(), ConnectError> {
    if deepest <= SERVER_DEPTH {
        return Ok(());
    }
    Err(ConnectError::data(format!("the document nests {deepest} levels deep, MongoDB stores {SERVER_DEPTH}")))
}

/// The groups of a batch, each topic's collection once.
#[derive(Default)]
struct Groups {
    all: Vec<Group>,
    /// The last record's group, which is mostly the next one's, too.
    last: usize,
    known: HashMap<(*const Topic, *const Namespace), usize>,
}

impl Groups {
    fn add(&mut self, topic: &Arc<Topic>, namespace: Arc<Namespace>, operation: u32) {
        let is_it = |group: &Group| Arc::ptr_eq(&group.topic, topic) && Arc::ptr_eq(&group.namespace, &namespace);
        if !self.all.get(self.last).is_some_and(is_it) {
            let next = self.all.len();
            self.last = *self.known.entry((Arc::as_ptr(topic), Arc::as_ptr(&namespace))).or_insert(next);
            if self.last == next {
                self.all.push(Group { topic: Arc::clone(topic), namespace, order: Vec::new() });
            }
        }
        if let Some(group) = self.all.get_mut(self.last) {
            group.order.push(operation);
        }
    }
}

impl Prepared {
    /// Makes the runs of the groups. Topics that share a collection may write the same documents: their runs are one
    /// after another.
    fn add_runs(&mut self, groups: Vec<Group>, most_runs: usize) {
        let mut counts: HashMap<Arc<Namespace>, usize> = HashMap::new();
        groups.iter().for_each(|group| *counts.entry(Arc::clone(&group.namespace)).or_default() += 1);
        let mut chains: HashMap<Arc<Namespace>, usize> = HashMap::new();
        let mut next = 0;
        for Group { topic, namespace, order } in groups {
            let shared = counts.get(&namespace).is_some_and(|count| *count > 1);
            let most = if shared { 1 } else { most_runs };
            for order in split(order, &topic.settings, &self.operations, &self.arena, most) {
                next += 1;
                let chain = if shared { *chains.entry(Arc::clone(&namespace)).or_insert(next) } else { next };
                let (topic, namespace) = (Arc::clone(&topic), Arc::clone(&namespace));
                self.runs.push(Run::new(topic, namespace, chain, order, &self.operations));
            }
        }
        self.runs.sort_by_key(|run| run.chain);
    }

    /// The same for what a put gets next: the batch itself, or one without records whose partition went. What stays
    /// keeps its documents, and so the fresh `_id`s under which they may be there already. `None` if it is another batch.
    pub(crate) fn left_in(mut self, batch: &Arc<Batch>, from: usize) -> Option<Self> {
        if Arc::ptr_eq(&self.batch, batch) {
            return (self.next == from).then_some(self);
        }
        let mut new = (from..batch.len()).peekable();
        let old = (0..self.batch.len()).map(|index| self.batch.record(index));
        let places: Vec<Option<usize>> = old
            .enumerate()
            .map(|(index, old)| new.next_if(|new| index >= self.next && same(&old, &batch.record(*new))))
            .collect();
        if new.next().is_some() {
            return None;
        }
        let place = |index: usize| places.get(index).copied().flatten();
        let records: Vec<Option<usize>> = self.operations.iter().map(|one| place(one.record as usize)).collect();
        let stays = |operation: u32| records.get(operation as usize).is_some_and(Option::is_some);
        self.runs.iter_mut().for_each(|run| run.retain(stays));
        for (operation, record) in self.operations.iter_mut().zip(&records) {
            operation.record = record.map_or(operation.record, |record| record as u32);
        }
        self.bad.retain_mut(|bad| {
            let index = place(bad.index);
            bad.batch = Arc::clone(batch);
            bad.index = index.unwrap_or(bad.index);
            index.is_some()
        });
        self.end = from + places.iter().take(self.end).flatten().count();
        self.next = from;
        self.batch = Arc::clone(batch);
        Some(self)
    }

    /// Moves on over everything that is accounted for, and gives the bad records among it in their order.
    pub(crate) fn advance(&mut self) -> Vec<BadRecord> {
        let left = self.runs.iter().flat_map(Run::left);
        let records = left.filter_map(|index| self.operations.get(*index as usize)).map(|one| one.record as usize);
        self.next = records.min().unwrap_or(self.end);
        self.bad.sort_by_key(|bad| bad.index);
        let count = self.bad.partition_point(|bad| bad.index < self.next);
        self.bad.drain(..count).collect()
    }
}

/// Whether two are the same record of Kafka's. A topic that was made anew has other records at the same offsets.
fn same(one: &Record<'_>, other: &Record<'_>) -> bool {
    let place = |record: &Record<'_>| (record.original_partition(), record.offset(), record.timestamp());
    place(one) == place(other)
        && one.original_topic() == other.original_topic()
        && one.raw_key() == other.raw_key()
        && one.raw_value() == other.raw_value()
        && one.raw_headers().eq(other.raw_headers())
}

/// The error that ends the task for a record.
pub(crate) fn failed(record: &Record<'_>, error: ConnectError) -> ConnectError {
    let place = format!("{}-{}@{}", record.original_topic(), record.partition(), record.offset());
    ConnectError::data(format!("Unable to process record {place}")).caused_by(error)
}
