//! Which offsets of a partition objects hold, and which are missing or there twice.
//!
//! A name tells the first offset of an object, its rows how many there are; a manifest tells the last one too. Files of
//! several paths are open at once, so their offsets may lie between each other's; but whatever was committed together is
//! whole: records of all files that begin before an offset fill the space before it, or some are missing.

use std::sync::Arc;

use serde::Serialize;

/// An object's records.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) object: Arc<str>,
    /// Objects of one line follow each other: those of one path, and of one schema where that is known.
    pub(crate) line: Arc<str>,
    pub(crate) first: i64,
    pub(crate) records: u64,
    /// The last offset, if a manifest tells it.
    pub(crate) last: Option<i64>,
}

/// Offsets that are in no object. They were not written, were deleted, or never were records: a transaction's marks,
/// what a compacted topic has dropped, and records that were sent elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// How many.
    pub records: u64,
    /// They are not before this offset,
    pub from: i64,
    /// and before this one.
    pub to: i64,
}

/// Two objects that hold some of the same offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// The one that begins first.
    pub first: String,
    /// The other.
    pub second: String,
    /// How many records at least.
    pub records: u64,
}

impl Piece {
    /// The least offset that can come after all of its records.
    fn end(&self) -> i64 {
        let counted = self.first.saturating_add_unsigned(self.records);
        self.last.map_or(counted, |last| counted.max(last.saturating_add(1)))
    }
}

/// What is missing and what is there twice.
pub(crate) fn check(mut pieces: Vec<Piece>) -> (Vec<Missing>, Vec<Overlap>) {
    pieces.retain(|piece| piece.records > 0);
    pieces.sort_by(|a, b| (a.first, &a.object).cmp(&(b.first, &b.object)));
    (missing(&pieces), overlaps(&pieces))
}

fn overlaps(pieces: &[Piece]) -> Vec<Overlap> {
    let mut last_of_line: std::collections::HashMap<&str, &Piece> = std::collections::HashMap::new();
    let mut overlaps = Vec::new();
    for piece in pieces {
        let line = last_of_line.entry(&piece.line).or_insert(piece);
        if line.object != piece.object && line.end() > piece.first {
            let records = line.end().min(piece.end()).abs_diff(piece.first);
            overlaps.push(Overlap { first: line.object.to_string(), second: piece.object.to_string(), records });
        }
        if piece.end() >= line.end() {
            *line = piece;
        }
    }
    overlaps
}

fn missing(pieces: &[Piece]) -> Vec<Missing> {
    let mut missing = Vec::new();
    let Some(mut start) = pieces.first().map(|piece| piece.first) else { return missing };
    // Records and end of what began since `start`.
    let (mut records, mut end, mut is_known) = (0_u64, start, true);
    for (index, piece) in pieces.iter().enumerate() {
        records += piece.records;
        end = end.max(piece.end());
        is_known &= piece.last.is_some();
        let next = pieces.get(index + 1).map(|next| next.first);
        let space = next.unwrap_or(end).abs_diff(start);
        if next.is_some_and(|next| next < end) || records > space {
            continue;
        }
        let inside = if is_known { end.abs_diff(start).saturating_sub(records) } else { 0 };
        if inside > 0 {
            missing.push(Missing { records: inside, from: start, to: end });
        }
        if let Some(next) = next {
            let between = space - records - inside;
            if between > 0 {
                let from = if is_known { end } else { start.max(end) };
                missing.push(Missing { records: between, from, to: next });
            }
            (start, records, end, is_known) = (next, 0, next, true);
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn piece(line: &str, first: i64, records: u64, last: Option<i64>) -> Piece {
        Piece { object: format!("{line}/{first}").into(), line: line.into(), first, records, last }
    }

    #[test]
    fn files_that_follow_each_other_are_whole() {
        let (missing, overlaps) =
            check(vec![piece("a", 10, 5, None), piece("a", 20, 5, None), piece("a", 15, 5, None)]);
        assert!(missing.is_empty() && overlaps.is_empty());
    }

    #[test]
    fn a_file_that_is_not_there_leaves_a_gap() {
        let (missing, overlaps) = check(vec![piece("a", 0, 5, None), piece("a", 10, 5, None)]);
        assert_eq!((missing, overlaps), (vec![Missing { records: 5, from: 5, to: 10 }], vec![]));
    }

    #[test]
    fn records_that_are_there_twice_are_told_with_both_objects() {
        let (missing, overlaps) = check(vec![piece("a", 0, 10, None), piece("a", 5, 5, None), piece("a", 10, 5, None)]);
        let overlap = Overlap { first: "a/0".to_owned(), second: "a/5".to_owned(), records: 5 };
        assert_eq!((missing, overlaps), (vec![], vec![overlap]));
    }

    #[test]
    fn a_manifest_tells_what_is_missing_within_a_file() {
        let (missing, _) = check(vec![piece("a", 0, 3, Some(4)), piece("a", 7, 1, Some(7))]);
        assert_eq!(missing, [Missing { records: 2, from: 0, to: 5 }, Missing { records: 2, from: 5, to: 7 }]);
    }

    proptest! {
        /// Records that are spread over paths and committed in groups make files in which nothing is missing; without one
        /// of them, what it held is.
        #[test]
        fn what_a_sink_writes_is_whole_and_nothing_can_be_taken_away(
            groups in prop::collection::vec(prop::collection::vec(0..4_usize, 1..12), 2..6),
            has_manifests: bool,
            gone: prop::sample::Index,
        ) {
            let (mut offset, mut pieces) = (100_i64, Vec::new());
            for group in &groups {
                let mut files: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
                for path in group {
                    files.entry(*path).or_default().insert(offset);
                    offset += 1;
                }
                for (path, offsets) in files {
                    let last = has_manifests.then(|| *offsets.last().unwrap());
                    pieces.push(piece(&path.to_string(), *offsets.first().unwrap(), offsets.len() as u64, last));
                }
            }
            prop_assert_eq!(check(pieces.clone()), (vec![], vec![]));
            // What comes last may be on its way still, and nobody knows what was first.
            let end_of_first = 100 + groups[0].len() as i64;
            let start_of_last = offset - groups.last().unwrap().len() as i64;
            let inner: Vec<usize> =
                (0..pieces.len()).filter(|at| pieces[*at].first >= end_of_first && pieces[*at].first < start_of_last).collect();
            if !inner.is_empty() {
                let gone = pieces.remove(*gone.get(&inner));
                let (missing, overlaps) = check(pieces);
                prop_assert_eq!(missing.iter().map(|missing| missing.records).sum::<u64>(), gone.records);
                prop_assert!(overlaps.is_empty());
            }
        }
    }
}
