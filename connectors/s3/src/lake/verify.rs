//! Whether everything is there, once, and can be read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use longshore_api::{ConnectError, ErrorKind, Result};
use tokio::task::JoinSet;

use super::inspect::{self, Contents, MAX_SCHEMA};
use super::name::Side;
use super::report::{Problem, Report};
use super::summary::{Inspected, Summary};
use super::{AT_ONCE, Lake};
use crate::manifest;
use crate::store::aws::Listed;

/// What is asked of a verification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verification {
    /// How many rows of each topic are shown.
    pub samples: usize,
    /// Whether offsets may be missing: of compacted topics, of transactions, of records that went elsewhere.
    pub allow_missing: bool,
}

/// Objects that were looked at and wait for one before them: what is kept of a lake does not depend on who was first.
const AHEAD: usize = 64;

/// An object that is to be looked at. There are many, so what its name says is read when it is needed.
#[derive(Clone)]
struct Object {
    listed: Listed,
    has_manifest: bool,
    samples: usize,
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
    let is_there = |key: &str| objects.binary_search_by(|one| one.listed.key.as_str().cmp(key)).is_ok();
    let mut summary = Summary::new(report);
    let (mut started, mut summarised, mut early) = (0, 0, BTreeMap::new());
    let mut running = JoinSet::new();
    progress(0, total);
    loop {
        while running.len() < AT_ONCE && started < total.min(summarised + AHEAD) {
            let (lake, object, index) = (Arc::clone(&lake), objects[started].clone(), started);
            running.spawn(async move { (index, inspect(&lake, object).await) });
            started += 1;
        }
        let Some(done) = running.join_next().await else { break };
        let (index, done) =
            done.map_err(|error| ConnectError::fatal(format!("looking at an object failed: {error}")))?;
        early.insert(index, done?);
        while let Some(next) = early.remove(&summarised) {
            if let Some(next) = next {
                summary.add(next, is_there);
            }
            summarised += 1;
            progress(summarised, total);
        }
    }
    let mut report = summary.report();
    if report.objects == 0 {
        report.problems.push(problem("empty", &report.location, "no object of a sink is there"));
    }
    if asked.allow_missing {
        report.problems.retain(|problem| problem.kind != "missing");
    }
    report.problems.sort();
    Ok(report)
}

pub(super) fn problem(kind: &'static str, subject: &str, message: impl Into<String>) -> Problem {
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
        let has_manifest = manifests.remove(&manifest::key(&object.key, &scheme.directory));
        let Some(name) = scheme.read(&object.key).filter(|name| name.format.is_some()) else {
            report.others += 1;
            continue;
        };
        let size = object.size;
        let best = largest.entry((name.topic.clone(), name.side)).or_insert((size, objects.len()));
        if size > best.0 {
            *best = (size, objects.len());
        }
        objects.push(Object { listed: object, has_manifest, samples: 0 });
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

/// Looks at one object, if it has a name. What is wrong with it is no error, a server that does not answer is.
async fn inspect(lake: &Lake, object: Object) -> Result<Option<Inspected>> {
    let Object { listed, has_manifest, samples } = object;
    let named = lake.scheme.read(&listed.key).and_then(|name| Some((name.format?, name)));
    let Some((format, name)) = named else { return Ok(None) };
    let url = lake.url(&listed.key);
    let mut problems = Vec::new();
    let mut found = None;
    if has_manifest {
        let key = manifest::key(&listed.key, &lake.scheme.directory);
        match inspect::manifest(lake, &key).await {
            Ok(manifest) => found = Some(manifest),
            Err(error) if error.kind == ErrorKind::BadRecord => {
                problems.push(problem("manifest", &lake.url(&key), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let copy = match inspect::fetch(lake, &listed).await {
        Ok(copy) => copy,
        Err(error) if error.kind == ErrorKind::BadRecord => {
            problems.push(problem("corrupt", &url, error.to_string()));
            let contents = Contents::default();
            return Ok(Some(Inspected { listed, name, has_manifest, manifest: found, contents, problems }));
        }
        Err(error) => return Err(error),
    };
    let (own, is_described) = (name.clone(), found.is_some());
    let reading = tokio::task::spawn_blocking(move || {
        let checksum = if is_described { inspect::checksum(&copy)? } else { String::new() };
        Ok::<_, ConnectError>((checksum, inspect::read(&copy, &own, format, samples)))
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
        differs("object", &manifest.object, &listed.key);
        differs("bytes", &manifest.bytes.to_string(), &listed.size.to_string());
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
    Ok(Some(Inspected { listed, name, has_manifest, manifest: found, contents, problems }))
}
