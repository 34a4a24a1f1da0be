//! A batch on its way out: the operations of its records, in groups, and how far they are.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use longshore_api::{BadRecord, Batch, ConnectError, Origin, Part, Record, Result};

use crate::config::{Settings, Tolerance};
use crate::convert::{self, BadPayload};
use crate::errors;
use crate::write_model::{self, Action, Scratch};
use crate::writer::{Attempt, Operation};

/// How many levels of documents the server stores.
pub(crate) const SERVER_DEPTH: usize = 180;

/// Records of one topic that go to one collection as one bulk write.
#[derive(Debug)]
pub(crate) struct Group {
    /// How they are written.
    pub(crate) settings: Arc<Settings>,
    /// The records' topic.
    pub(crate) topic: Arc<str>,
    /// Which operations, in the order of the records.
    operations: Range<usize>,
}

/// How far a group is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Indexes of the group's operations, in the order in which they go.
    pub(crate) order: Vec<u32>,
    /// How many of them are done.
    pub(crate) done: usize,
    /// Whether replacements by fresh `_id`s can all go as insertions.
    pub(crate) fresh_as_inserts: bool,
    /// What is known of the command that is under way.
    pub(crate) attempt: Attempt,
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
    pub(crate) groups: Vec<Group>,
    /// The group that is under way.
    pub(crate) group: usize,
    pub(crate) progress: Option<Progress>,
    /// Bad records that are not yet reported.
    bad: Vec<BadRecord>,
    /// The time for timestamps.
    pub(crate) now: i64,
}

/// What is used again and again: memory and what is known of the topics.
#[derive(Debug, Default)]
pub(crate) struct Preparer {
    scratch: Scratch,
    spare: (Vec<u8>, Vec<Operation>),
    settings: HashMap<Arc<str>, Arc<Settings>>,
}

/// What a batch is prepared for.
pub(crate) struct Rules<'a> {
    /// The settings of a topic that comes for the first time.
    pub(crate) settings: &'a dyn Fn(&str) -> Result<Settings>,
    /// The most bytes of a document.
    pub(crate) most_bytes: usize,
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
            groups: Vec::new(),
            group: 0,
            progress: None,
            bad: Vec::new(),
            now: rules.now,
        };
        for index in from..batch.len() {
            let record = batch.record(index);
            let settings = self.settings(&record, rules)?;
            match self.operation(&settings, &record, rules, &mut prepared.arena) {
                Ok((action, documents)) => {
                    prepared.add(index, &record, settings, action, documents);
                }
                Err(BadPayload { origin, error }) => {
                    if origin == Origin::Sink && settings.tolerance == Tolerance::None {
                        return Err(failed(&record, error));
                    }
                    prepared.add_bad(index, origin, error);
                    if origin != Origin::Sink && !rules.converter_tolerates {
                        // The worker will end the task here: what comes after is not to be written twice.
                        prepared.end = index + 1;
                        break;
                    }
                }
            }
        }
        Ok(prepared)
    }

    /// Whether tolerated errors of a topic are logged.
    pub(crate) fn logs_errors(&self, topic: &str) -> bool {
        self.settings.get(topic).is_some_and(|settings| settings.log_errors)
    }

    fn settings(&mut self, record: &Record<'_>, rules: &Rules<'_>) -> Result<Arc<Settings>> {
        if let Some(settings) = self.settings.get(record.topic()) {
            return Ok(Arc::clone(settings));
        }
        let settings = Arc::new((rules.settings)(record.topic())?);
        self.settings.insert(Arc::clone(record.topic()), Arc::clone(&settings));
        Ok(settings)
    }

    fn operation(
        &mut self,
        settings: &Settings,
        record: &Record<'_>,
        rules: &Rules<'_>,
        arena: &mut Vec<u8>,
    ) -> Result<(Action, Range<usize>), BadPayload> {
        let scratch = &mut self.scratch;
        let mut has_key = false;
        // A key that nobody reads is never converted, but its converter comes before the value's all the same.
        convert::check(record.key(), Part::Key)?;
        let has_value = convert::document(record.value(), Part::Value, &mut scratch.value)?;
        let reads_key = match has_value {
            true => settings.id_strategy.reads_key() || settings.write.reads_key(),
            false => settings.delete.is_some(),
        };
        if reads_key {
            has_key = convert::document(record.key(), Part::Key, &mut scratch.key)?;
        }
        let start = arena.len();
        let sink = |error| BadPayload { origin: Origin::Sink, error };
        let action = write_model::operation(settings, record, scratch, (has_key, has_value), arena);
        let checked = action.and_then(|action| {
            if has_value && scratch.value.deepest() > SERVER_DEPTH {
                let why = format!(
                    "the document nests {} levels deep, MongoDB stores {SERVER_DEPTH}",
                    scratch.value.deepest()
                );
                return Err(ConnectError::data(why));
            }
            let size = arena.len() - start;
            if size > rules.most_bytes { Err(errors::too_large(size, rules.most_bytes)) } else { Ok(action) }
        });
        match checked {
            Ok(action) => Ok((action, start..arena.len())),
            Err(error) => {
                arena.truncate(start);
                Err(sink(error))
            }
        }
    }
}

impl Prepared {
    fn add(
        &mut self,
        index: usize,
        record: &Record<'_>,
        settings: Arc<Settings>,
        action: Action,
        documents: Range<usize>,
    ) {
        let at = self.operations.len();
        match self.groups.last_mut() {
            Some(group)
                if Arc::ptr_eq(&group.settings, &settings) && group.operations.len() < settings.max_batch_size =>
            {
                group.operations.end = at + 1;
            }
            _ => self.groups.push(Group { settings, topic: Arc::clone(record.topic()), operations: at..at + 1 }),
        }
        // A batch's rows are numbered by 32 bits, too.
        let record = index as u32;
        self.operations.push(Operation { record, action, start: documents.start, end: documents.end });
    }

    pub(crate) fn add_bad(&mut self, index: usize, origin: Origin, error: ConnectError) {
        self.bad.push(BadRecord { batch: Arc::clone(&self.batch), index, origin, error });
    }

    /// How far the current group is; begins with it if it is new. `None` when all groups are done.
    pub(crate) fn current(&mut self) -> Option<(&Group, &mut Progress)> {
        let group = self.groups.get(self.group)?;
        let operations = &self.operations;
        let progress = self.progress.get_or_insert_with(|| Progress::new(group, operations));
        Some((group, progress))
    }

    /// Ends the current group.
    pub(crate) fn next_group(&mut self) {
        self.group += 1;
        self.progress = None;
    }

    /// The record of the `position`th operation in the current group's order.
    pub(crate) fn record_at(&self, position: usize) -> Option<usize> {
        let operation = *self.progress.as_ref()?.order.get(position)?;
        Some(self.operations.get(operation as usize)?.record as usize)
    }

    /// Moves on over everything that is accounted for, and gives the bad records among it in their order.
    pub(crate) fn advance(&mut self) -> Vec<BadRecord> {
        let record = |operation: usize| self.operations.get(operation).map(|operation| operation.record as usize);
        self.next = match (self.groups.get(self.group), &self.progress) {
            (None, _) => self.end,
            (Some(_), Some(progress)) => {
                // What goes out of order is accounted for from the first record that is left.
                let left = progress.order.get(progress.done..).unwrap_or_default();
                left.iter().min().and_then(|operation| record(*operation as usize)).unwrap_or(self.end)
            }
            (Some(group), None) => record(group.operations.start).unwrap_or(self.end),
        };
        self.bad.sort_by_key(|bad| bad.index);
        let count = self.bad.partition_point(|bad| bad.index < self.next);
        self.bad.drain(..count).collect()
    }

    /// Whether every group is done.
    pub(crate) fn is_done(&self) -> bool {
        self.group >= self.groups.len()
    }
}

impl Progress {
    fn new(group: &Group, operations: &[Operation]) -> Self {
        let in_group = operations.get(group.operations.clone()).unwrap_or_default();
        let known = |operation: &Operation| matches!(operation.action, Action::Replace { fresh: false });
        let mut order: Vec<u32> = (group.operations.start as u32..group.operations.end as u32).collect();
        if !group.settings.ordered {
            // One command for each kind, as few as can be.
            order.sort_by_key(|index| operations.get(*index as usize).map(|one| one.action.command() as u8));
        }
        Self { order, done: 0, fresh_as_inserts: !in_group.iter().any(known), attempt: Attempt::default() }
    }
}

/// The error that ends the task for a record.
pub(crate) fn failed(record: &Record<'_>, error: ConnectError) -> ConnectError {
    let place = format!("{}-{}@{}", record.original_topic(), record.partition(), record.offset());
    ConnectError::data(format!("Unable to process record {place}")).caused_by(error)
}
