//! Runs: operations that go one after another. Runs of one batch go side by side.
//!
//! What must keep its order is in one run: the operations on one document, and on anything that an operation may find
//! by other fields than `_id`. Fresh documents are found by nobody yet and can go in any.

use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::sync::Arc;

use crate::config::Settings;
use crate::convert::elements::{RawValue, elements};
use crate::convert::kind;
use crate::namespace::Namespace;
use crate::prepared::Topic;
use crate::write_model::{Action, target_id};
use crate::writer::{Attempt, Operation};

/// From how many operations on a run is worth a command of its own: below, what a command costs by itself tells.
const LEAST: usize = 500;

/// Operations of one topic on one collection, and how far they are.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) topic: Arc<Topic>,
    pub(crate) namespace: Arc<Namespace>,
    /// Runs of one chain go one after another.
    pub(crate) chain: usize,
    /// Indexes of the operations, in the order in which they go.
    pub(crate) order: Vec<u32>,
    /// How many of them are done.
    pub(crate) done: usize,
    /// Whether replacements by fresh `_id`s can all go as insertions.
    pub(crate) fresh_as_inserts: bool,
    /// What is known of the command that is under way.
    pub(crate) attempt: Attempt,
}

impl Run {
    /// A run of operations in this order, or unordered in one that makes few commands.
    pub(crate) fn new(
        topic: Arc<Topic>,
        namespace: Arc<Namespace>,
        chain: usize,
        mut order: Vec<u32>,
        operations: &[Operation],
    ) -> Self {
        let action = |index: &u32| operations.get(*index as usize).map(|operation| operation.action);
        if !topic.settings.ordered {
            order.sort_by_key(|index| action(index).map(|action| action.command() as u8));
        }
        let known = |index: &u32| matches!(action(index), Some(Action::Replace { fresh: false }));
        let fresh_as_inserts = !order.iter().any(known);
        Self { topic, namespace, chain, order, done: 0, fresh_as_inserts, attempt: Attempt::default() }
    }

    /// What is not done yet.
    pub(crate) fn left(&self) -> &[u32] {
        self.order.get(self.done..).unwrap_or_default()
    }

    /// Forgets what is left of operations that are not to be kept. A command that was under way is then no longer the
    /// same, and cannot be sent again under its number.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        if self.left().iter().all(|operation| keep(*operation)) {
            return;
        }
        self.order.drain(..self.done);
        self.done = 0;
        self.order.retain(|operation| keep(*operation));
        self.attempt.give_up_number();
    }

    /// How many operations are done when the current bulk write is.
    pub(crate) fn bulk_end(&self) -> usize {
        let size = self.topic.settings.max_batch_size;
        (self.done / size + 1).saturating_mul(size).min(self.order.len())
    }
}

/// Shares operations out among at most `most` runs.
pub(crate) fn split(
    order: Vec<u32>,
    settings: &Settings,
    operations: &[Operation],
    arena: &[u8],
    most: usize,
) -> Vec<Vec<u32>> {
    let count = (order.len() / LEAST).min(most);
    // A limit of the rate counts bulk writes, one after another.
    if count < 2 || settings.rate_limit.is_some() {
        return vec![order];
    }
    let of = |index: &u32| operations.get(*index as usize);
    let is_fresh = |operation: &Operation| match operation.action {
        Action::Replace { fresh } | Action::Insert { fresh } => fresh,
        _ => false,
    };
    if order.iter().filter_map(of).all(is_fresh) {
        return order.chunks(order.len().div_ceil(count)).map(<[u32]>::to_vec).collect();
    }
    let mut runs = vec![Vec::with_capacity(order.len() / count * 2); count];
    for index in &order {
        let documents = of(index).and_then(|one| Some((one.action, arena.get(one.start..one.end)?)));
        let Some(id) = documents.and_then(|(action, documents)| target_id(action, documents)) else {
            return vec![order];
        };
        let mut hasher = DefaultHasher::new();
        hash(id, &mut hasher);
        let run = (hasher.finish() % count as u64) as usize;
        if let Some(run) = runs.get_mut(run) {
            run.push(*index);
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Hashes a value: what MongoDB takes for equal gets the same hash, as the same number of another type.
fn hash(value: RawValue<'_>, hasher: &mut impl Hasher) {
    let number = match (value.kind, value.bytes) {
        (kind::INT32, bytes) => bytes.first_chunk().map(|bytes| f64::from(i32::from_le_bytes(*bytes))),
        (kind::INT64, bytes) => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes) as f64),
        (kind::DOUBLE, bytes) => bytes.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)),
        (kind::DECIMAL128, bytes) => {
            let text = bytes.first_chunk().map(|bytes| bson::Decimal128::from_bytes(*bytes).to_string());
            text.and_then(|text| text.parse().ok())
        }
        _ => None,
    };
    if let Some(number) = number {
        // One zero, and one thing that is no number.
        let number = if number == 0.0 { 0.0 } else { number };
        if number.is_nan() {
            0_u64.hash(hasher)
        } else {
            number.to_bits().hash(hasher)
        }
        return;
    }
    match value.kind {
        kind::DOCUMENT | kind::ARRAY => {
            for element in elements(value.bytes) {
                element.key.hash(hasher);
                hash(element.value, hasher);
            }
        }
        _ => value.bytes.hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, Document, doc};
    use longshore_api::config::Props;

    use super::*;
    use crate::config;

    /// The runs of some operations, each by the positions of its operations.
    fn runs(actions: &[(Action, Vec<Document>)], more: &[(&str, &str)]) -> Vec<Vec<u32>> {
        let base = [("topics", "t"), ("database", "db")];
        let props: Props =
            base.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let settings = config::settings(&props, "t").unwrap();
        let (mut arena, mut operations) = (Vec::new(), Vec::new());
        for (record, (action, documents)) in actions.iter().enumerate() {
            let start = arena.len();
            documents.iter().for_each(|one| arena.extend_from_slice(&bson::serialize_to_vec(one).unwrap()));
            operations.push(Operation { record: record as u32, action: *action, start, end: arena.len() });
        }
        let order = (0..operations.len() as u32).collect();
        split(order, &settings, &operations, &arena, 4)
    }

    fn by_ids(ids: impl Iterator<Item = Bson>) -> Vec<(Action, Vec<Document>)> {
        ids.map(|id| (Action::Replace { fresh: false }, vec![doc! { "_id": id }])).collect()
    }

    #[test]
    fn few_operations_are_one_run() {
        assert_eq!(runs(&by_ids((0..999).map(Bson::Int32)), &[]).len(), 1);
        assert!(runs(&by_ids((0..1000).map(Bson::Int32)), &[]).len() > 1);
    }

    #[test]
    fn fresh_documents_are_shared_out_evenly_and_in_order() {
        let fresh = vec![(Action::Replace { fresh: true }, vec![doc! { "_id": 1 }]); 4001];
        let runs = runs(&fresh, &[]);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [1001, 1001, 1001, 998]);
        assert!(runs.concat().is_sorted());
    }

    #[test]
    fn equal_ids_are_in_one_run_and_keep_their_order() {
        let forms = |n: i32| {
            [
                Bson::Int32(n),
                Bson::Int64(n.into()),
                Bson::Double(n.into()),
                Bson::Decimal128(n.to_string().parse().unwrap()),
            ]
        };
        let ids: Vec<Bson> = (0..4000).map(|n| forms(n / 4)[n as usize % 4].clone()).collect();
        let runs = runs(&by_ids(ids.into_iter()), &[]);
        assert_eq!(runs.len(), 4);
        for run in &runs {
            assert!(run.is_sorted());
            assert!(run.len() > 500, "shared out unevenly: {}", run.len());
            assert!(run.chunks(4).all(|four| four.iter().all(|index| index / 4 == four[0] / 4)));
        }
    }

    #[test]
    fn one_operation_that_finds_its_document_by_other_fields_keeps_all_in_one_run() {
        let mut actions = by_ids((0..2000).map(Bson::Int32));
        actions.push((Action::ReplaceBy { upsert: true }, vec![doc! { "_id": 1, "x": 2 }, doc! {}]));
        assert!(runs(&actions, &[]).len() > 1);
        actions.push((Action::Delete, vec![doc! { "x": 2 }]));
        assert_eq!(runs(&actions, &[]).len(), 1);
    }

    #[test]
    fn a_limited_rate_leaves_one_run() {
        let limit = [("rate.limiting.timeout", "1"), ("rate.limiting.every.n", "1")];
        assert_eq!(runs(&by_ids((0..4000).map(Bson::Int32)), &limit).len(), 1);
    }
}
