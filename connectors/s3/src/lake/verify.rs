//! Whether everything is there, once, and can be read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use longshore_api::{ConnectError, ErrorKind, Result};
use tokio::task::JoinSet;

use super::fields::Kinds;
use super::inspect::{self, Contents, MAX_SCHEMA};
use super::name::{Format, Name, Side};
use super::ranges::{self, Piece};
use super::report::{Partition, Path, Problem, Report, Samples, Schemas};
use super::{AT_ONCE, Lake};
use crate::manifest::{self, Manifest, Range};
use crate::store::aws::Listed;

/// What is asked of a verification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verification {
    /// How many rows of each topic are shown.
    pub samples: usize,
    /// Whether offsets may be missing: of compacted topics, of transactions, of records that went elsewhere.
    pub allow_missing: bool,
}

/// An object that is to be looked at.
#[derive(Clone)]
struct Object {
    listed: Listed,
    name: Name,
    format: (Format, bool),
    manifest: Option<String>,
    samples: usize,
}

/// What became of it.
struct Inspected {
    object: Object,
    manifest: Option<Manifest>,
    contents: Contents,
    problems: Vec<Problem>,
}

/// Reads every object of a lake. `progress` is told how many are done, and how many there are.
///
/// # Errors
/// Why the lake cannot be read; what is wrong in it stands in the report.
pub async fn verify(lake: Lake, asked: Verification, mut progress: impl FnMut(usize, usize)) -> Result<Report> {
    let lake = Arc::new(lake);
    let listed = lake.bucket.list(&lake.prefix).await;
    let listed = listed.map_err(|error| lake.failed("listing", &lake.prefix, &error))?;
    let mut report = Report { location: lake.url(&lake.prefix), ..Report::default() };
    let objects = sort_out(&lake, listed, asked.samples, &mut report);
    let total = objects.len();
    let mut inspected = Vec::with_capacity(total);
    let mut schemas = HashSet::new();
    let (mut waiting, mut running) = (objects.into_iter().enumerate(), JoinSet::new());
    progress(0, total);
    loop {
        while running.len() < AT_ONCE {
            let Some((index, object)) = waiting.next() else { break };
            let lake = Arc::clone(&lake);
            running.spawn(async move { (index, inspect(&lake, object).await) });
        }
        let Some(done) = running.join_next().await else { break };
        let (index, done) =
            done.map_err(|error| ConnectError::fatal(format!("looking at an object failed: {error}")))?;
        let mut done = done?;
        done.contents.schema = done.contents.schema.map(|schema| shared(&mut schemas, schema));
        inspected.push((index, done));
        progress(inspected.len(), total);
    }
    inspected.sort_by_key(|(index, _)| *index);
    summarise(inspected.into_iter().map(|(_, one)| one).collect(), &mut report);
    if report.objects == 0 {
        report.problems.push(problem("empty", &report.location, "no object of a sink is there"));
    }
    if asked.allow_missing {
        report.problems.retain(|problem| problem.kind != "missing");
    }
    report.problems.sort();
    Ok(report)
}

/// The text of which there is one copy for all objects.
fn shared(texts: &mut HashSet<Arc<str>>, text: Arc<str>) -> Arc<str> {
    if let Some(known) = texts.get(&text) {
        return Arc::clone(known);
    }
    texts.insert(Arc::clone(&text));
    text
}

fn problem(kind: &'static str, subject: &str, message: impl Into<String>) -> Problem {
    Problem { kind, subject: subject.to_owned(), message: message.into() }
}

/// What is to be looked at; manifests without an object are told at once.
fn sort_out(lake: &Lake, listed: Vec<Listed>, samples: usize, report: &mut Report) -> Vec<Object> {
    let scheme = &lake.scheme;
    let (manifests, listed): (Vec<_>, Vec<_>) = listed.into_iter().partition(|object| scheme.is_manifest(&object.key));
    let mut manifests: HashSet<String> = manifests.into_iter().map(|object| object.key).collect();
    let mut objects = Vec::new();
    let mut largest: BTreeMap<(String, Side), (u64, usize)> = BTreeMap::new();
    for object in listed {
        let manifest = manifests.take(&manifest::key(&object.key, &scheme.directory));
        let name = scheme.read(&object.key);
        let Some((name, format)) = name.and_then(|name| name.format.map(|format| (name, format))) else {
            report.others += 1;
            continue;
        };
        let size = object.size;
        let best = largest.entry((name.topic.clone(), name.side)).or_insert((size, objects.len()));
        if size > best.0 {
            *best = (size, objects.len());
        }
        objects.push(Object { listed: object, name, format, manifest, samples: 0 });
    }
    for ((_, side), (_, index)) in largest {
        if side == Side::Value {
            objects[index].samples = samples;
        }
    }
    let mut orphans: Vec<_> = manifests.into_iter().collect();
    orphans.sort();
    let lost = |key: &String| problem("manifest", &lake.url(key), "the object that it describes is not there");
    report.problems.extend(orphans.iter().map(lost));
    objects
}

/// Looks at one object. What is wrong with it is no error, a server that does not answer is.
async fn inspect(lake: &Lake, object: Object) -> Result<Inspected> {
    let url = lake.url(&object.listed.key);
    let mut problems = Vec::new();
    let mut found = None;
    if let Some(key) = &object.manifest {
        match inspect::manifest(lake, key).await {
            Ok(manifest) => found = Some(manifest),
            Err(error) if error.kind == ErrorKind::BadRecord => {
                problems.push(problem("manifest", &lake.url(key), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let copy = match inspect::fetch(lake, &object.listed).await {
        Ok(copy) => copy,
        Err(error) if error.kind == ErrorKind::BadRecord => {
            problems.push(problem("corrupt", &url, error.to_string()));
            return Ok(Inspected { object, manifest: found, contents: Contents::default(), problems });
        }
        Err(error) => return Err(error),
    };
    let (name, format, samples) = (object.name.clone(), object.format, object.samples);
    let has_manifest = found.is_some();
    let reading = tokio::task::spawn_blocking(move || {
        let checksum = if has_manifest { inspect::checksum(&copy)? } else { String::new() };
        Ok::<_, ConnectError>((checksum, inspect::read(&copy, &name, format, samples)))
    });
    // A reader that panics has met what it did not expect: the object is to blame, not the others.
    let read = reading.await.unwrap_or_else(|_| Ok((String::new(), Err(ConnectError::data("its reader gave up")))));
    let (checksum, contents) = read?;
    let mut contents = match contents {
        Ok(contents) => contents,
        Err(error) => {
            problems.push(problem("corrupt", &url, error.to_string()));
            Contents::default()
        }
    };
    if let Some(manifest) = &found {
        let is_read = problems.is_empty();
        let mut differs = |what: &str, told: &str, has: &str| {
            if told != has {
                problems.push(problem("manifest", &url, format!("{what}: its manifest says {told}, it has {has}")));
            }
        };
        differs("object", &manifest.object, &object.listed.key);
        differs("bytes", &manifest.bytes.to_string(), &object.listed.size.to_string());
        if !checksum.is_empty() {
            differs("sha256", &manifest.sha256, &checksum);
        }
        if is_read {
            differs("records", &manifest.contents.records.to_string(), &contents.rows.to_string());
        }
    }
    if let Some(schema) = contents.schema.take_if(|schema| schema.len() > MAX_SCHEMA) {
        let message = format!("its schema has {} bytes: schemas of more than {MAX_SCHEMA} are left out", schema.len());
        problems.push(problem("schema", &url, message));
    }
    Ok(Inspected { object, manifest: found, contents, problems })
}

/// Puts together what was seen of each object.
fn summarise(inspected: Vec<Inspected>, report: &mut Report) {
    let mut kinds: BTreeMap<(String, Side, Format), Kinds> = BTreeMap::new();
    let mut schemas: BTreeMap<(String, Format, Arc<str>), usize> = BTreeMap::new();
    for one in &inspected {
        let Inspected { object, contents, .. } = one;
        let (topic, side, format) = (&object.name.topic, object.name.side, object.format.0);
        report.objects += 1;
        report.bytes += object.listed.size;
        report.manifests += usize::from(object.manifest.is_some());
        report.problems.extend(one.problems.iter().cloned());
        let conflicts = kinds.entry((topic.clone(), side, format)).or_default().merge(&contents.kinds);
        let subject = report_url(report, &object.listed.key);
        report.problems.extend(conflicts.into_iter().map(|conflict| problem("schema", &subject, conflict)));
        if let Some(schema) = &contents.schema {
            *schemas.entry((topic.clone(), format, Arc::clone(schema))).or_default() += 1;
        }
        if !contents.samples.is_empty() {
            report.samples.push(Samples { object: subject, rows: contents.samples.clone() });
        }
    }
    let described = |((topic, format, schema), objects): (_, usize)| {
        let format: Format = format;
        let schema: Arc<str> = schema;
        Schemas { topic, format: format.name(), schema: schema.to_string(), objects }
    };
    report.schemas = schemas.into_iter().map(described).collect();
    count_partitions(&inspected, report);
}

/// An object's URL, from that of the lake.
fn report_url(report: &Report, key: &str) -> String {
    let bucket = report.location.trim_start_matches("s3://").split('/').next().unwrap_or_default();
    format!("s3://{bucket}/{key}")
}

/// The objects of the same records, which differ in their sides, formats and extensions. There is one of a side, unless
/// the records were written twice.
type Sides<'a> = BTreeMap<Side, Vec<&'a Inspected>>;

fn count_partitions(inspected: &[Inspected], report: &mut Report) {
    let mut files: BTreeMap<(&str, i32, i64, &str, bool), Sides<'_>> = BTreeMap::new();
    for one in inspected {
        let name = &one.object.name;
        let file = (name.topic.as_str(), name.partition, name.first_offset, name.folder.as_str(), name.is_compacted);
        files.entry(file).or_default().entry(name.side).or_default().push(one);
    }
    let mut paths: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    let mut partitions: BTreeMap<(&str, i32), (Vec<Piece>, u64)> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut schemas: HashMap<Option<Arc<str>>, usize> = HashMap::new();
    for ((topic, partition, _, folder, _), sides) in &files {
        let path = paths.entry(folder.trim_end_matches('/')).or_default();
        let (pieces, total) = partitions.entry((topic, *partition)).or_default();
        // Objects that begin with the same record overlap, whatever their schemas.
        let schema = sides.values().flatten().next().and_then(|one| schema_of(one));
        let number = schemas.len();
        let line = format!("{folder} {}", schemas.entry(schema).or_insert(number));
        for index in 0..sides.values().map(Vec::len).max().unwrap_or_default() {
            // Tombstones have keys and no values.
            let mut file = sides.values().filter_map(|objects| objects.get(index));
            let Some(one) = file.next() else { continue };
            let (rows, subject) = (one.contents.rows, report_url(report, &one.object.listed.key));
            for other in file.filter(|other| other.contents.rows != rows) {
                let beside = report_url(report, &other.object.listed.key);
                let message = format!("it has {} records, and {subject} beside it {rows}", other.contents.rows);
                problems.push(problem("count", &beside, message));
            }
            (path.0, path.1) = (path.0 + 1, path.1 + rows);
            *total += rows;
            pieces.extend(ranges_of(one).into_iter().map(|range| Piece {
                object: subject.clone(),
                line: line.clone(),
                first: range.first_offset,
                records: range.records,
                last: range.last_offset,
            }));
        }
    }
    report.paths =
        paths.into_iter().map(|(path, (objects, rows))| Path { path: path.to_owned(), objects, rows }).collect();
    let partitions: Vec<_> = partitions
        .into_iter()
        .map(|((topic, partition), (pieces, rows))| partition_of(topic, partition, pieces, rows, &mut problems))
        .collect();
    report.rows = partitions.iter().map(|partition| partition.rows).sum();
    report.partitions = partitions;
    report.problems.extend(problems);
    report.problems.extend(left_over(inspected, report));
}

/// The offsets of an object, as far as its manifest, or else its name, tells them.
fn ranges_of(one: &Inspected) -> Vec<Range> {
    let (name, records) = (&one.object.name, one.contents.rows);
    let plain = |last_offset| vec![Range { first_offset: name.first_offset, last_offset, records }];
    match &one.manifest {
        Some(manifest) if manifest.ranges.iter().map(|range| range.records).sum::<u64>() == records && records > 0 => {
            manifest.ranges.clone()
        }
        Some(manifest) => plain(Some(manifest.contents.last_offset)),
        None => plain(name.last_offset),
    }
}

/// The schema of an object's records, where it or its manifest tells it.
fn schema_of(one: &Inspected) -> Option<Arc<str>> {
    let of_manifest = || Some(one.manifest.as_ref()?.schema.as_ref()?.to_string().into());
    one.contents.schema.clone().or_else(of_manifest)
}

fn partition_of(topic: &str, partition: i32, pieces: Vec<Piece>, rows: u64, problems: &mut Vec<Problem>) -> Partition {
    let objects = pieces.len();
    let first_offset = pieces.iter().map(|piece| piece.first).min().unwrap_or_default();
    let last = |piece: &Piece| piece.last.unwrap_or(piece.first.saturating_add_unsigned(piece.records) - 1);
    let highest = pieces.iter().map(last).max().unwrap_or_default();
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
    let counted = first_offset.saturating_add_unsigned(rows + lost) - 1;
    Partition {
        topic: topic.to_owned(),
        partition,
        objects,
        rows,
        first_offset,
        last_offset: if overlaps.is_empty() { counted.max(highest) } else { highest },
        missing,
        overlaps,
    }
}

/// Objects that a compaction has read and not deleted.
fn left_over(inspected: &[Inspected], report: &Report) -> Vec<Problem> {
    let there: HashMap<&str, &Inspected> = inspected.iter().map(|one| (one.object.listed.key.as_str(), one)).collect();
    let mut told = BTreeSet::new();
    for manifest in inspected.iter().filter_map(|one| one.manifest.as_ref()) {
        for input in manifest.inputs.iter().filter(|input| there.contains_key(input.object.as_str())) {
            let made = report_url(report, &manifest.object);
            let message = format!("its records are in {made} too: the compaction was not finished");
            told.insert(problem("compaction", &report_url(report, &input.object), message));
        }
    }
    told.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::name::Scheme;

    fn report(objects: &[(&str, u64)]) -> Report {
        let scheme = Scheme { directory: "/".to_owned(), file: "+".to_owned() };
        let inspected = objects.iter().map(|(key, rows)| {
            let name = scheme.read(key).unwrap();
            let modified = std::time::SystemTime::UNIX_EPOCH;
            let listed = Listed { key: (*key).to_owned(), size: 1, tag: String::new(), modified };
            let format = name.format.unwrap();
            let object = Object { listed, name, format, manifest: None, samples: 0 };
            let contents = Contents { rows: *rows, ..Contents::default() };
            Inspected { object, manifest: None, contents, problems: Vec::new() }
        });
        let mut report = Report { location: "s3://lake/".to_owned(), ..Report::default() };
        summarise(inspected.collect(), &mut report);
        report
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
