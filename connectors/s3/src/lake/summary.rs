//! What was seen of all objects, put together. Of each object it keeps what the checks need that look at several: a few
//! numbers, and texts of which there is one copy.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::fields::Kinds;
use super::inspect::Contents;
use super::name::{Format, Name, Side};
use super::ranges::{self, Piece};
use super::report::{Partition, Path, Problem, Report, Samples, Schemas};
use super::verify::problem;
use crate::manifest::{Manifest, Range};
use crate::store::aws::Listed;

/// An object that was looked at.
pub(super) struct Inspected {
    pub(super) listed: Listed,
    pub(super) name: Name,
    pub(super) has_manifest: bool,
    pub(super) manifest: Option<Manifest>,
    pub(super) contents: Contents,
    pub(super) problems: Vec<Problem>,
}

/// What is kept of it.
struct Seen {
    url: Arc<str>,
    folder: Arc<str>,
    topic: Arc<str>,
    partition: i32,
    first_offset: i64,
    is_compacted: bool,
    side: Side,
    rows: u64,
    /// The schema of its records, where it or its manifest tells it.
    schema: Option<Arc<str>>,
    offsets: Offsets,
}

/// The offsets of an object.
enum Offsets {
    /// From the first one on, as far as this one, if that is told.
    To(Option<i64>),
    /// As the manifest of a compaction tells them.
    Ranges(Vec<Range>),
}

/// What was seen so far, of objects in the order of their keys.
pub(super) struct Summary {
    report: Report,
    kinds: BTreeMap<(Arc<str>, Side, Format), Kinds>,
    schemas: BTreeMap<(Arc<str>, Format, Arc<str>), usize>,
    texts: HashSet<Arc<str>>,
    seen: Vec<Seen>,
    /// Objects that a compaction has read and not deleted.
    left_over: BTreeSet<Problem>,
}

impl Summary {
    /// Nothing so far but what stands in a report.
    pub(super) fn new(report: Report) -> Self {
        Self {
            report,
            kinds: BTreeMap::new(),
            schemas: BTreeMap::new(),
            texts: HashSet::new(),
            seen: Vec::new(),
            left_over: BTreeSet::new(),
        }
    }

    /// Adds an object. `is_there` is whether there is one of a key.
    pub(super) fn add(&mut self, one: Inspected, is_there: impl Fn(&str) -> bool) {
        let Inspected { listed, name, has_manifest, manifest, contents, problems } = one;
        let (topic, side, format) = (self.shared(&name.topic), name.side, name.format.map(|(format, _)| format));
        let url = report_url(&self.report, &listed.key);
        self.report.objects += 1;
        self.report.bytes += listed.size;
        self.report.manifests += usize::from(has_manifest);
        self.report.problems.extend(problems);
        let schema = contents.schema.as_deref().map(|schema| self.shared(schema));
        if let Some(format) = format {
            let kinds = self.kinds.entry((Arc::clone(&topic), side, format)).or_default();
            let conflicts = kinds.merge(&contents.kinds);
            self.report.problems.extend(conflicts.into_iter().map(|conflict| problem("schema", &url, conflict)));
            if let Some(schema) = &schema {
                *self.schemas.entry((Arc::clone(&topic), format, Arc::clone(schema))).or_default() += 1;
            }
        }
        if !contents.samples.is_empty() {
            self.report.samples.push(Samples { object: url.clone(), rows: contents.samples });
        }
        for input in manifest.iter().flat_map(|manifest| &manifest.inputs).filter(|input| is_there(&input.object)) {
            let message = format!("its records are in {url} too: the compaction was not finished");
            self.left_over.insert(problem("compaction", &report_url(&self.report, &input.object), message));
        }
        let told = manifest.as_ref().and_then(|manifest| manifest.schema.as_ref()).map(ToString::to_string);
        let folder = self.shared(&name.folder);
        let schema = schema.or_else(|| told.map(|told| self.shared(&told)));
        self.seen.push(Seen {
            url: url.into(),
            folder,
            topic,
            partition: name.partition,
            first_offset: name.first_offset,
            is_compacted: name.is_compacted,
            side,
            rows: contents.rows,
            schema,
            offsets: offsets(&name, contents.rows, manifest),
        });
    }

    /// The text of which there is one copy for all objects.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    /// All of it.
    pub(super) fn report(mut self) -> Report {
        let described = |((topic, format, schema), objects): ((Arc<str>, Format, Arc<str>), usize)| Schemas {
            topic: topic.to_string(),
            format: format.name(),
            schema: schema.to_string(),
            objects,
        };
        self.report.schemas = std::mem::take(&mut self.schemas).into_iter().map(described).collect();
        count_partitions(&self.seen, &mut self.report);
        self.report.problems.extend(self.left_over);
        self.report
    }
}

/// The offsets of an object, as far as its manifest, or else its name, tells them.
fn offsets(name: &Name, rows: u64, manifest: Option<Manifest>) -> Offsets {
    match manifest {
        Some(manifest) if rows > 0 && manifest.ranges.iter().map(|range| range.records).sum::<u64>() == rows => {
            Offsets::Ranges(manifest.ranges)
        }
        Some(manifest) => Offsets::To(Some(manifest.contents.last_offset)),
        None => Offsets::To(name.last_offset),
    }
}

/// An object's URL, from that of the lake.
fn report_url(report: &Report, key: &str) -> String {
    let bucket = report.location.trim_start_matches("s3://").split('/').next().unwrap_or_default();
    format!("s3://{bucket}/{key}")
}

/// The objects of the same records, which differ in their sides, formats and extensions. There is one of a side, unless
/// the records were written twice.
type Sides<'a> = BTreeMap<Side, Vec<&'a Seen>>;

/// What is known of a partition before its offsets are compared.
#[derive(Default)]
struct Counted {
    objects: usize,
    rows: u64,
    pieces: Vec<Piece>,
}

fn count_partitions(seen: &[Seen], report: &mut Report) {
    let mut files: BTreeMap<(&str, i32, i64, &str, bool), Sides<'_>> = BTreeMap::new();
    for one in seen {
        let file = (&*one.topic, one.partition, one.first_offset, &*one.folder, one.is_compacted);
        files.entry(file).or_default().entry(one.side).or_default().push(one);
    }
    let mut paths: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    let mut partitions: BTreeMap<(&str, i32), Counted> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut lines: HashMap<(&str, Option<&str>), Arc<str>> = HashMap::new();
    for ((topic, partition, _, folder, _), sides) in &files {
        let path = paths.entry(folder.trim_end_matches('/')).or_default();
        let counted = partitions.entry((topic, *partition)).or_default();
        // Objects that begin with the same record overlap, whatever their schemas.
        let schema = sides.values().flatten().next().and_then(|one| one.schema.as_deref());
        let number = lines.len();
        let line = lines.entry((folder, schema)).or_insert_with(|| number.to_string().into());
        for index in 0..sides.values().map(Vec::len).max().unwrap_or_default() {
            // Tombstones have keys and no values.
            let mut file = sides.values().filter_map(|objects| objects.get(index));
            let Some(one) = file.next() else { continue };
            for other in file.filter(|other| other.rows != one.rows) {
                let message = format!("it has {} records, and {} beside it {}", other.rows, one.url, one.rows);
                problems.push(problem("count", &other.url, message));
            }
            (path.0, path.1) = (path.0 + 1, path.1 + one.rows);
            (counted.objects, counted.rows) = (counted.objects + 1, counted.rows + one.rows);
            counted.pieces.extend(pieces(one, line));
        }
    }
    report.paths =
        paths.into_iter().map(|(path, (objects, rows))| Path { path: path.to_owned(), objects, rows }).collect();
    let partitions: Vec<_> = partitions
        .into_iter()
        .map(|((topic, partition), counted)| partition_of(topic, partition, counted, &mut problems))
        .collect();
    report.rows = partitions.iter().map(|partition| partition.rows).sum();
    report.partitions = partitions;
    report.problems.extend(problems);
}

fn pieces(one: &Seen, line: &Arc<str>) -> Vec<Piece> {
    let piece =
        |first, records, last| Piece { object: Arc::clone(&one.url), line: Arc::clone(line), first, records, last };
    match &one.offsets {
        Offsets::To(last) => vec![piece(one.first_offset, one.rows, *last)],
        Offsets::Ranges(ranges) => {
            ranges.iter().map(|range| piece(range.first_offset, range.records, range.last_offset)).collect()
        }
    }
}

fn partition_of(topic: &str, partition: i32, counted: Counted, problems: &mut Vec<Problem>) -> Partition {
    let Counted { objects, rows, pieces } = counted;
    let first_offset = pieces.iter().map(|piece| piece.first).min().unwrap_or_default();
    let last_of = |piece: &Piece| piece.last.unwrap_or(piece.first.saturating_add_unsigned(piece.records) - 1);
    let highest = pieces.iter().map(last_of).max().unwrap_or_default();
    let (missing, overlaps) = ranges::check(pieces);
    let subject = format!("{topic}-{partition}");
    for one in &missing {
        let message = format!("{} records are missing between offsets {} and {}", one.records, one.from, one.to);
        problems.push(problem("missing", &subject, message));
    }
    for one in &overlaps {
        let message = format!("it has {} records that are in {} too", one.records, one.first);
        problems.push(problem("overlap", &one.second, message));
    }
    let lost: u64 = missing.iter().map(|missing| missing.records).sum();
    let last = first_offset.saturating_add_unsigned(rows + lost) - 1;
    Partition {
        topic: topic.to_owned(),
        partition,
        objects,
        rows,
        first_offset,
        last_offset: if overlaps.is_empty() { last.max(highest) } else { highest },
        missing,
        overlaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::name::Scheme;

    fn report(objects: &[(&str, u64)]) -> Report {
        let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
        let mut summary = Summary::new(Report { location: "s3://lake/".to_owned(), ..Report::default() });
        for (key, rows) in objects {
            let name = scheme.read(key).unwrap();
            let modified = std::time::SystemTime::UNIX_EPOCH;
            let listed = Listed { key: (*key).to_owned(), size: 1, tag: String::new(), modified };
            let contents = Contents { rows: *rows, ..Contents::default() };
            let (manifest, problems) = (None, Vec::new());
            summary.add(Inspected { listed, name, has_manifest: false, manifest, contents, problems }, |_| false);
        }
        summary.report()
    }

    #[test]
    fn records_that_were_written_in_two_formats_are_there_twice() {
        for other in ["orders+3+0000000000.json.gz", "orders+3+0000000000.snappy.json", "orders+3+0000000000.parquet"] {
            let report = report(&[("orders+3+0000000000.json", 100), (other, 100)]);
            let partition = &report.partitions[0];
            assert_eq!((partition.objects, partition.rows, report.rows), (2, 200, 200), "{other}");
            let [overlap] = &partition.overlaps[..] else { panic!("{other}: {:?}", partition.overlaps) };
            assert_eq!(overlap.records, 100, "{other}");
            let told: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
            assert_eq!(told, ["overlap"], "{other}");
        }
    }

    #[test]
    fn sides_of_one_file_are_counted_once_whatever_their_formats() {
        let name = "orders+3+0000000000";
        let names = [format!("{name}.headers.json"), format!("{name}.keys.avro"), format!("{name}.parquet")];
        let report = report(&[(&names[0], 100), (&names[1], 99), (&names[2], 100)]);
        assert_eq!((report.objects, report.partitions[0].objects, report.rows), (3, 1, 100));
        let message = format!("it has 99 records, and s3://lake/{name}.parquet beside it 100");
        assert_eq!(report.problems, [problem("count", &format!("s3://lake/{name}.keys.avro"), message)]);
    }
}
