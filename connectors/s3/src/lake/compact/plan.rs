//! Which objects become one.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use super::{Compaction, Target};
use crate::lake::name::{Format, Name, Scheme, Side};
use crate::store::aws::Listed;

/// The most records' objects that become one at a time: so many are named in its manifest, and their schemas are in memory.
/// What is still small then becomes one with what stands beside it.
const MAX_OBJECTS: usize = 1000;

/// An object and what its name says.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) listed: Listed,
    pub(super) name: Name,
}

/// The objects of the same records: values, keys, headers.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) sides: BTreeMap<Side, Object>,
    /// Whether there are two objects of a side, of which one must be too many.
    is_double: bool,
}

impl Record {
    pub(super) fn size(&self) -> u64 {
        self.sides.values().map(|object| object.listed.size).sum()
    }

    fn modified(&self) -> SystemTime {
        self.sides.values().map(|object| object.listed.modified).max().unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn is_compacted(&self) -> bool {
        self.sides.values().any(|object| object.name.is_compacted)
    }

    /// What objects that become one have in common.
    fn form(&self) -> Vec<(Side, Option<Format>)> {
        self.sides.iter().map(|(side, object)| (*side, object.name.format.map(|(format, _)| format))).collect()
    }

    fn place(&self) -> Option<(&str, &str, i32)> {
        let name = self.sides.values().next().map(|object| &object.name)?;
        Some((&name.folder, &name.topic, name.partition))
    }

    fn is_all(&self, format: Format) -> bool {
        self.sides.values().all(|object| object.name.format.is_some_and(|(own, _)| own == format))
    }

    fn is_readable(&self) -> bool {
        !self.is_double && self.sides.values().all(|object| object.name.format.is_some())
    }
}

/// The objects that may be compacted, those of the same records together, in the order of their offsets.
fn records<'a>(scheme: &Scheme, there: impl Iterator<Item = &'a Listed>, left: &HashSet<String>) -> Vec<Record> {
    let mut records: BTreeMap<(String, String, i32, i64, Option<i64>), Record> = BTreeMap::new();
    for listed in there.filter(|listed| !left.contains(&listed.key)) {
        let Some(name) = scheme.read(&listed.key).filter(|_| !scheme.is_manifest(&listed.key)) else { continue };
        let place = (name.folder.clone(), name.topic.clone(), name.partition, name.first_offset, name.last_offset);
        let record = records.entry(place).or_default();
        let object = Object { listed: listed.clone(), name };
        record.is_double |= record.sides.insert(object.name.side, object).is_some();
    }
    records.into_values().collect()
}

/// What is to be done: groups of records that follow each other, each of which becomes one object for each side.
pub(super) fn plan<'a>(
    scheme: &Scheme,
    there: impl Iterator<Item = &'a Listed>,
    left: &HashSet<String>,
    asked: Compaction,
    now: SystemTime,
) -> Vec<Vec<Record>> {
    let is_ripe = |record: &Record| {
        record.is_compacted() || now.duration_since(record.modified()).is_ok_and(|age| age >= asked.older_than)
    };
    let mut groups: Vec<Vec<Record>> = Vec::new();
    let mut size = 0;
    for record in records(scheme, there, left) {
        // What is left alone stands between what comes before it and what comes after it.
        if !is_ripe(&record) || !record.is_readable() {
            groups.push(Vec::new());
            continue;
        }
        let last = groups.last().and_then(|group| group.last());
        let follows = last.is_some_and(|last| last.place() == record.place() && last.form() == record.form())
            && size + record.size() <= asked.size
            && groups.last().is_some_and(|group| group.len() < MAX_OBJECTS);
        if !follows {
            groups.push(Vec::new());
            size = 0;
        }
        size += record.size();
        if let Some(group) = groups.last_mut() {
            group.push(record);
        }
    }
    groups.into_iter().map(|group| worth(group, asked.to)).filter(|group| !group.is_empty()).collect()
}

/// The part of a group with which something is to be done.
fn worth(mut group: Vec<Record>, to: Target) -> Vec<Record> {
    if !group.iter().all(|record| record.is_all(to.format())) {
        return group;
    }
    // What is of the format is read and written again only to become larger by a half at least: a run after a run does
    // not write everything anew for little.
    loop {
        let largest = group.iter().filter(|record| record.is_compacted()).map(Record::size).max().unwrap_or(0);
        let all: u64 = group.iter().map(Record::size).sum();
        if group.len() < 2 {
            return Vec::new();
        }
        if (all - largest) * 2 >= largest {
            return group;
        }
        group.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn planned(objects: &[(&str, u64, u64)], to: Target) -> Vec<Vec<String>> {
        let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
        let there: Vec<Listed> = objects
            .iter()
            .map(|(key, size, age)| Listed {
                key: (*key).to_owned(),
                size: *size,
                tag: String::new(),
                modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age),
            })
            .collect();
        let asked = Compaction { to, size: 100, older_than: Duration::from_secs(10), dry_run: false };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let groups = plan(&scheme, there.iter(), &HashSet::new(), asked, now);
        let keys = |group: Vec<Record>| {
            group.iter().map(|one| one.sides.values().next().unwrap().listed.key.clone()).collect()
        };
        groups.into_iter().map(keys).collect()
    }

    #[test]
    fn objects_that_follow_each_other_become_one_up_to_a_size() {
        let all =
            [("a/t+0+0.json", 60, 10), ("a/t+0+1.json", 40, 10), ("a/t+0+2.json", 1, 10), ("a/t+1+0.json", 1, 10)];
        let expected = [vec!["a/t+0+0.json", "a/t+0+1.json"], vec!["a/t+0+2.json"], vec!["a/t+1+0.json"]];
        assert_eq!(planned(&all, Target::Parquet), expected);
    }

    #[test]
    fn offsets_are_in_the_order_of_numbers() {
        let all = [("a/t+0+10.json", 1, 10), ("a/t+0+9.json", 1, 10)];
        assert_eq!(planned(&all, Target::Parquet), [["a/t+0+9.json", "a/t+0+10.json"]]);
    }

    #[test]
    fn what_is_of_the_format_already_is_not_made_again_by_itself() {
        let all = [("a/t+0+0.csv", 100, 10), ("a/t+0+1.csv", 1, 10), ("a/t+0+2.csv", 1, 10), ("b/t+0+0.csv", 1, 10)];
        assert_eq!(planned(&all, Target::Csv), [["a/t+0+1.csv", "a/t+0+2.csv"]]);
    }

    #[test]
    fn what_was_compacted_is_made_again_only_to_become_much_larger() {
        let large = ("a/t+0+0.9.compacted.parquet", 60, 0);
        let small = [("a/t+0+10.14.compacted.parquet", 10, 0), ("a/t+0+15.19.compacted.parquet", 10, 0)];
        assert_eq!(planned(&[large, small[0], small[1]], Target::Parquet), [[small[0].0, small[1].0]]);
        assert_eq!(
            planned(&[large, ("a/t+0+10.19.compacted.parquet", 20, 0)], Target::Parquet),
            Vec::<Vec<String>>::new()
        );
        let more = ("a/t+0+10.19.compacted.parquet", 30, 0);
        assert_eq!(planned(&[large, more], Target::Parquet), [[large.0, more.0]]);
    }

    #[test]
    fn other_formats_and_what_is_young_are_left_alone() {
        let all = [
            ("a/t+0+0.bin", 1, 10),
            ("a/t+0+1.bin", 1, 10),
            ("a/t+1+2.json", 1, 10),
            ("a/t+1+3.json", 1, 9),
            ("a/t+1+4.json", 1, 10),
            ("a/t+1+5.avro", 1, 10),
        ];
        assert_eq!(planned(&all, Target::Parquet), [["a/t+1+2.json"], ["a/t+1+4.json"], ["a/t+1+5.avro"]]);
    }

    #[test]
    fn two_objects_of_the_same_records_stand_between_others() {
        let all =
            [("a/t+0+0.json", 1, 10), ("a/t+0+1.json", 1, 10), ("a/t+0+1.json.gz", 1, 10), ("a/t+0+2.json", 1, 10)];
        assert_eq!(planned(&all, Target::Parquet), [["a/t+0+0.json"], ["a/t+0+2.json"]]);
    }
}
