//! The offsets that large objects hold. A sink that was down for long writes what it has not committed once more, when
//! that is in large objects already: it would be there twice, in one object in the end, where nobody sees it.

use std::collections::BTreeMap;

use super::Run;
use crate::lake::name::{Name, Scheme, Side};
use crate::manifest::{Manifest, Range};

/// The ranges of large objects with these, by place and side.
#[derive(Default)]
pub(super) struct Held(BTreeMap<(String, Side), Vec<(Range, String)>>);

impl Held {
    /// Adds what a large object holds, as far as it is known for each offset.
    pub(super) fn add(&mut self, scheme: &Scheme, manifest: &Manifest) {
        let Some(name) = scheme.read(&manifest.object) else { return };
        let is_filled = |range: &&Range| range.end().abs_diff(range.first_offset) == range.records;
        let ranges = manifest.ranges.iter().filter(is_filled).map(|range| (*range, manifest.object.clone()));
        self.0.entry((scheme.beginning(&name), name.side)).or_default().extend(ranges);
    }

    /// The large object that holds the first record of another object.
    fn holder(&self, scheme: &Scheme, name: &Name) -> Option<&str> {
        let ranges = self.0.get(&(scheme.beginning(name), name.side))?;
        let holds = |range: &Range| (range.first_offset..range.end()).contains(&name.first_offset);
        ranges.iter().find(|(range, _)| holds(range)).map(|(_, object)| object.as_str())
    }
}

impl Run {
    /// Leaves objects alone that a sink has written again.
    pub(super) fn leave_held(&mut self) {
        let scheme = &self.lake.scheme;
        let names = self.there.keys().filter(|key| !self.left.contains(*key) && !scheme.is_manifest(key));
        let names = names.filter_map(|key| Some((key, scheme.read(key).filter(|name| !name.is_compacted)?)));
        let held = names.filter_map(|(key, name)| {
            let holder = self.held.holder(scheme, &name)?;
            Some((
                key.clone(),
                format!("it is left as it is: its first record is in {} already", self.lake.url(holder)),
            ))
        });
        for (key, why) in held.collect::<Vec<_>>() {
            self.tell(&key, why);
            self.left.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Contents;

    #[test]
    fn records_are_held_where_no_offset_is_missing() {
        let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
        let range = |first_offset, last_offset, records| Range { first_offset, last_offset, records };
        let manifest = Manifest {
            ranges: vec![range(10, Some(19), 10), range(30, None, 5), range(40, Some(49), 5)],
            ..Manifest::of("a/t+0+10.49.compacted.parquet", "t", 0, Contents::default())
        };
        let mut held = Held::default();
        held.add(&scheme, &manifest);
        let is_held = |key: &str| held.holder(&scheme, &scheme.read(key).unwrap()).is_some();
        for key in ["a/t+0+10.json", "a/t+0+19.avro", "a/t+0+34.json"] {
            assert!(is_held(key), "{key}");
        }
        // Among records of which some are missing, others may have been written to a file of their own.
        for key in ["a/t+0+9.json", "a/t+0+20.json", "a/t+0+35.json", "a/t+0+41.json", "a/t+1+10.json", "b/t+0+10.json"]
        {
            assert!(!is_held(key), "{key}");
        }
        assert!(!is_held("a/t+0+10.keys.json"));
    }
}
