//! The manifests of large objects: what is in them, as far as what they were made of tells it.

use std::collections::{BTreeMap, BTreeSet};

use longshore_api::Result;

use super::plan::{Object, Record};
use super::{Run, Stopped};
use crate::lake::inspect;
use crate::lake::merge::Made;
use crate::lake::name::{Name, Side};
use crate::manifest::{self, Contents, Input, Manifest, Range};

/// What is known of the objects of a side, one after the other.
#[derive(Default)]
struct Described {
    contents: Option<Contents>,
    ranges: Vec<Range>,
    inputs: Vec<Input>,
    schemas: BTreeSet<Option<String>>,
}

impl Run {
    /// The manifests of what was made.
    pub(super) async fn describe(
        &self,
        records: &[Record],
        sides: &BTreeMap<Side, Made>,
    ) -> Result<Vec<Manifest>, Stopped> {
        let mut manifests = Vec::new();
        for (side, made) in sides {
            let mut described = Described::default();
            for (record, rows) in records.iter().zip(&made.rows) {
                if let Some(object) = record.sides.get(side) {
                    described.add(object, *rows, self.known(object, *rows).await?);
                }
            }
            let first = records.iter().find_map(|record| record.sides.get(side));
            let (Some(contents), Some(Object { name, .. })) = (described.contents, first) else { continue };
            let key = self.lake.scheme.compacted(name, contents.last_offset, *side, self.asked.to.extension());
            let only = if described.schemas.len() == 1 { described.schemas.pop_first().flatten() } else { None };
            manifests.push(Manifest {
                bytes: made.bytes,
                sha256: made.sha256.clone(),
                schema: only.and_then(|schema| serde_json::from_str(&schema).ok()),
                inputs: described.inputs,
                ranges: described.ranges,
                ..Manifest::of(&key, &name.topic, name.partition, contents)
            });
        }
        if manifests.len() > 1 {
            let together: Vec<String> = manifests.iter().map(|manifest| manifest.object.clone()).collect();
            manifests.iter_mut().for_each(|manifest| manifest.together.clone_from(&together));
        }
        Ok(manifests)
    }

    /// The manifest of an object, if there is one and it is right about the rows.
    async fn known(&self, object: &Object, rows: u64) -> Result<Option<Manifest>, Stopped> {
        let key = manifest::key(&object.listed.key, &self.lake.scheme.directory);
        if !self.there.contains_key(&key) {
            return Ok(None);
        }
        let known = inspect::manifest(&self.lake, &key).await.map_err(|error| Stopped::by(&key, error))?;
        Ok(Some(known).filter(|known| known.contents.records == rows))
    }
}

impl Described {
    /// Adds an object, which comes after the others.
    fn add(&mut self, Object { listed, name }: &Object, rows: u64, known: Option<Manifest>) {
        self.inputs.push(Input { object: listed.key.clone(), etag: listed.tag.clone(), records: rows });
        let own = known.as_ref().map_or_else(|| counted(name, rows), |known| known.contents);
        self.contents = Some(self.contents.map_or(own, |before| before.and(&own)));
        let last_offset = known.as_ref().map_or(name.last_offset, |known| Some(known.contents.last_offset));
        let all = Range { first_offset: own.first_offset, last_offset, records: rows };
        match known.as_ref().map(|known| &known.ranges[..]) {
            None | Some([]) => add_range(&mut self.ranges, all),
            Some(ranges) => ranges.iter().for_each(|range| add_range(&mut self.ranges, *range)),
        }
        self.schemas.insert(known.and_then(|known| known.schema).map(|schema| schema.to_string()));
    }
}

/// What the name of an object and its rows tell.
fn counted(name: &Name, records: u64) -> Contents {
    let first_offset = name.first_offset;
    let counted = first_offset.saturating_add_unsigned(records.saturating_sub(1));
    let last_offset = name.last_offset.map_or(counted, |last| last.max(counted));
    Contents { first_offset, last_offset, records, ..Contents::default() }
}

/// Adds records that come after others; those that follow them without a gap are one range with them.
fn add_range(ranges: &mut Vec<Range>, range: Range) {
    match ranges.last_mut() {
        Some(last)
            if last.end() == range.first_offset
                && (range.last_offset.is_some() || last.end().abs_diff(last.first_offset) == last.records) =>
        {
            *last = Range { first_offset: last.first_offset, records: last.records + range.records, ..range };
        }
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_without_a_gap_are_one() {
        let range = |first_offset, last_offset, records| Range { first_offset, last_offset, records };
        let joined = |all: &[Range]| {
            let mut ranges = Vec::new();
            all.iter().for_each(|range| add_range(&mut ranges, *range));
            ranges
        };
        assert_eq!(joined(&[range(0, None, 10), range(10, None, 5)]), [range(0, None, 15)]);
        assert_eq!(joined(&[range(0, Some(9), 8), range(10, Some(14), 5)]), [range(0, Some(14), 13)]);
        // Where the end of what comes is not known, what is missing before it would not be either.
        let apart = [range(0, Some(9), 8), range(10, None, 5)];
        assert_eq!(joined(&apart), apart);
        let gap = [range(0, None, 10), range(11, None, 5)];
        assert_eq!(joined(&gap), gap);
    }
}
