//! Small objects into large ones.
//!
//! The objects of a path and of a partition of Kafka that follow each other become one, and so do their keys and headers.
//! First the manifests of the large objects are written, which name the small ones; then the large objects, each in one
//! step; then these are read back and counted; then the small ones are deleted. A run that is ended in between loses
//! nothing, and the next one knows what is left behind ([`settle`]): where all large objects are there, the small ones are
//! deleted, else the large ones are. A run after a run changes nothing.

mod describe;
mod held;
mod plan;
mod settle;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use longshore_api::{ConnectError, ErrorKind, Result};
use serde::Serialize;
use tokio::task::JoinSet;

use super::inspect;
use super::merge::{self, Made, Source};
use super::name::{Format, Side};
use super::report::Problem;
use super::spool::{Slice, Spool, temporary};
use super::{AT_ONCE, Lake};
use crate::manifest::{self, Input, Manifest};
use crate::store::Store;
use crate::store::aws::Listed;
use held::Held;
use plan::{Object, Record, plan};
use settle::Settled;

/// The size of the parts in which objects are uploaded: 10,000 of them are 160 GB.
const PART: u64 = 16 << 20;

/// What compaction makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Target {
    Parquet,
    Csv,
}

/// What is asked of a compaction.
#[derive(Debug, Clone, Copy)]
pub struct Compaction {
    /// The format of the objects that it makes.
    pub to: Target,
    /// Bytes of objects that become one object, at most.
    pub size: u64,
    /// Younger objects are left alone: the sink may write them again after a crash, until their offsets are committed.
    pub older_than: Duration,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What a compaction has done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Compacted {
    /// Objects that were made, or would be.
    pub written: Vec<Large>,
    /// Objects that are in others now, and were deleted.
    pub deleted: usize,
    /// Records that were copied, values and keys of tombstones.
    pub rows: u64,
    /// What was left as it is, and why.
    pub problems: Vec<Problem>,
}

/// An object that was made of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Large {
    /// The object; of a dry run the first of those that would become one.
    pub object: String,
    /// How many objects are in it.
    pub inputs: usize,
    /// Their bytes.
    pub input_bytes: u64,
    /// Its own; 0 of a dry run.
    pub bytes: u64,
    /// Its rows; 0 of a dry run.
    pub rows: u64,
}

impl Target {
    fn format(self) -> Format {
        match self {
            Target::Parquet => Format::Parquet,
            Target::Csv => Format::Csv,
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Target::Parquet => ".snappy.parquet",
            Target::Csv => ".csv",
        }
    }
}

/// A compaction that is under way.
struct Run {
    lake: Arc<Lake>,
    asked: Compaction,
    there: BTreeMap<String, Listed>,
    /// Objects that this run does not look at any more.
    left: HashSet<String>,
    /// What large objects hold.
    held: Held,
    done: Compacted,
}

/// Does one run. `progress` is told how many groups of objects are done, and how many there are.
///
/// # Errors
/// Why the lake cannot be read or written. What was done until then is whole.
pub async fn compact(lake: Arc<Lake>, asked: Compaction, mut progress: impl FnMut(usize, usize)) -> Result<Compacted> {
    let (there, left, held) = (BTreeMap::new(), HashSet::new(), Held::default());
    let mut run = Run { lake, asked, there, left, held, done: Compacted::default() };
    run.list().await?;
    run.finish_earlier().await?;
    // What has become large enough to go with what stands beside it does so at once.
    loop {
        run.leave_held();
        let groups = plan(&run.lake.scheme, run.there.values(), &run.left, asked, SystemTime::now());
        let total = groups.len();
        if asked.dry_run {
            run.done.written = groups.iter().map(|group| run.would_be(group)).collect();
            break;
        }
        let before = run.done.written.len();
        progress(0, total);
        for (index, group) in groups.into_iter().enumerate() {
            run.merge_group(&group).await?;
            progress(index + 1, total);
        }
        if run.done.written.len() == before {
            break;
        }
    }
    run.done.problems.sort();
    Ok(run.done)
}

impl Run {
    async fn list(&mut self) -> Result<()> {
        let lake = &self.lake;
        let listed = lake.bucket.list(&lake.prefix).await;
        let listed = listed.map_err(|error| lake.failed("listing", &lake.prefix, &error))?;
        self.there = listed.into_iter().map(|object| (object.key.clone(), object)).collect();
        Ok(())
    }

    fn tell(&mut self, key: &str, message: impl Into<String>) {
        let subject = self.lake.url(key);
        self.done.problems.push(Problem { kind: "compaction", subject, message: message.into() });
    }

    fn would_be(&self, group: &[Record]) -> Large {
        let first = group.iter().flat_map(|record| record.sides.values()).next();
        Large {
            object: first.map(|object| self.lake.url(&object.listed.key)).unwrap_or_default(),
            inputs: group.iter().map(|record| record.sides.len()).sum(),
            input_bytes: group.iter().map(Record::size).sum(),
            bytes: 0,
            rows: 0,
        }
    }

    /// Makes large objects of all records of a group, as few as their schemas allow.
    async fn merge_group(&mut self, group: &[Record]) -> Result<()> {
        let mut copies = match self.fetch(group).await {
            Ok(copies) => copies,
            Err(Stopped::Object(key, why)) => {
                self.leave(group, &key, &why);
                return Ok(());
            }
            Err(Stopped::Run(error)) => return Err(error),
        };
        let mut rest = group;
        while !rest.is_empty() {
            let used = match self.merge_first(rest, &copies).await {
                Ok(used) => used,
                Err(Stopped::Object(key, why)) => {
                    self.leave(rest, &key, &why);
                    return Ok(());
                }
                Err(Stopped::Run(error)) => return Err(error),
            };
            rest = &rest[used.clamp(1, rest.len())..];
            for sources in copies.values_mut() {
                sources.drain(..used.clamp(1, sources.len()));
            }
        }
        Ok(())
    }

    /// Leaves a group as it is, because of one of its objects.
    fn leave(&mut self, group: &[Record], key: &str, why: &str) {
        let objects = group.iter().flat_map(|record| record.sides.values());
        self.left.extend(objects.map(|object| object.listed.key.clone()));
        let beside = if group.len() > 1 { ", with those that would become one with it" } else { "" };
        self.tell(key, format!("it is left as it is{beside}: {why}"));
    }

    /// Copies the objects of a group to this machine, for each side those of all records.
    async fn fetch(&self, group: &[Record]) -> Result<BTreeMap<Side, Vec<Source>>, Stopped> {
        let mut copies: BTreeMap<Side, Vec<Source>> = BTreeMap::new();
        let mut spool = Spool::new()?;
        let objects: Vec<&Object> = group.iter().flat_map(|record| record.sides.values()).collect();
        for some in objects.chunks(AT_ONCE) {
            let mut running = JoinSet::new();
            for (index, object) in some.iter().enumerate() {
                let (lake, listed) = (Arc::clone(&self.lake), object.listed.clone());
                running.spawn(async move { (index, inspect::fetch(&lake, &listed).await) });
            }
            let mut fetched: Vec<Option<Result<Slice>>> = some.iter().map(|_| None).collect();
            for (index, copy) in running.join_all().await {
                fetched[index] = Some(copy);
            }
            for (object, copy) in some.iter().zip(fetched.into_iter().flatten()) {
                let key = &object.listed.key;
                let copy = copy.map_err(|error| Stopped::by(key, error))?;
                // Many objects, one file.
                let copy = spool
                    .add::<ConnectError>(|out| std::io::copy(&mut copy.reader(), out).map(|_| ()).map_err(temporary))?;
                let source = Source { key: key.clone(), copy, name: object.name.clone() };
                copies.entry(object.name.side).or_default().push(source);
            }
        }
        Ok(copies)
    }

    /// Makes one object for each side of the first records of a group; says of how many.
    async fn merge_first(&mut self, group: &[Record], copies: &BTreeMap<Side, Vec<Source>>) -> Result<usize, Stopped> {
        let (mut used, to) = (group.len(), self.asked.to);
        let mut sides: BTreeMap<Side, Made> = BTreeMap::new();
        // Sides of different lengths would no longer stand side by side: fewer records make the same on all of them.
        while let Some((side, sources)) =
            copies.iter().find(|(side, _)| sides.get(side).is_none_or(|made| made.rows.len() != used))
        {
            let sources = sources[..used].to_vec();
            let first = sources[0].key.clone();
            let merging = tokio::task::spawn_blocking(move || merge::merge(&sources, to));
            // A reader that panics has met what it did not expect: the object is to blame, not the others.
            let made = merging.await.map_err(|_| Stopped::Object(first, "its reader gave up".to_owned()))?;
            let made = made.map_err(|failed| Stopped::by(&failed.object, failed.error))?;
            used = used.min(made.rows.len()).max(1);
            sides.insert(*side, made);
        }
        let records = &group[..used];
        let is_same = used == 1
            && records[0]
                .sides
                .values()
                .all(|object| object.name.format.is_some_and(|(format, _)| format == to.format()));
        if is_same {
            return Ok(1);
        }
        self.check_counts(records, &sides)?;
        let manifests = self.describe(records, &sides).await?;
        if let Some(taken) = manifests.iter().find(|manifest| self.there.contains_key(&manifest.object)) {
            let why = format!("{} is there already", self.lake.url(&taken.object));
            let first = records[0].sides.values().next().map(|object| object.listed.key.clone());
            return Err(Stopped::Object(first.unwrap_or_default(), why));
        }
        self.write(&manifests, &sides).await?;
        if let Settled::Done = self.settle(&manifests).await? {
            for manifest in &manifests {
                let input_bytes = |input: &Input| {
                    let all = records.iter().flat_map(|record| record.sides.values());
                    all.filter(|object| object.listed.key == input.object).map(|object| object.listed.size).sum::<u64>()
                };
                self.done.written.push(Large {
                    object: self.lake.url(&manifest.object),
                    inputs: manifest.inputs.len(),
                    input_bytes: manifest.inputs.iter().map(input_bytes).sum(),
                    bytes: manifest.bytes,
                    rows: manifest.contents.records,
                });
            }
            self.done.rows += manifests.first().map_or(0, |manifest| manifest.contents.records);
        }
        Ok(used)
    }

    /// Makes sure that keys and headers have the rows of their values.
    fn check_counts(&self, records: &[Record], sides: &BTreeMap<Side, Made>) -> Result<(), Stopped> {
        let Some((first_side, first)) = sides.iter().next() else { return Ok(()) };
        for (side, made) in sides {
            for ((record, rows), expected) in records.iter().zip(&made.rows).zip(&first.rows) {
                let (Some(object), Some(beside)) = (record.sides.get(side), record.sides.get(first_side)) else {
                    continue;
                };
                if rows != expected {
                    let beside = self.lake.url(&beside.listed.key);
                    let why = format!("it has {rows} records, and {beside} beside it {expected}");
                    return Err(Stopped::Object(object.listed.key.clone(), why));
                }
            }
        }
        Ok(())
    }

    /// Writes all manifests, then each object in one step.
    async fn write(&mut self, manifests: &[Manifest], sides: &BTreeMap<Side, Made>) -> Result<()> {
        let lake = Arc::clone(&self.lake);
        for manifest in manifests {
            let key = manifest::key(&manifest.object, &lake.scheme.directory);
            let put = lake.bucket.put(&key, manifest.to_bytes()?.into()).await;
            put.map_err(|error| lake.failed("writing", &key, &error))?;
        }
        for (manifest, made) in manifests.iter().zip(sides.values()) {
            upload(&lake, &manifest.object, &made.file, made.bytes).await?;
        }
        Ok(())
    }
}

/// What stops the work on an object, or all of it.
enum Stopped {
    /// An object, and what is wrong with it.
    Object(String, String),
    Run(ConnectError),
}

impl Stopped {
    fn by(key: &str, error: ConnectError) -> Self {
        match error.kind {
            ErrorKind::BadRecord if !key.is_empty() => Self::Object(key.to_owned(), error.to_string()),
            _ => Self::Run(error),
        }
    }
}

impl From<ConnectError> for Stopped {
    fn from(error: ConnectError) -> Self {
        Self::Run(error)
    }
}

/// Writes an object in one step.
async fn upload(lake: &Lake, key: &str, file: &Slice, bytes: u64) -> Result<()> {
    let (bucket, failed) = (&lake.bucket, |error| lake.failed("writing", key, &error));
    let part = |start: u64| {
        let length = usize::try_from((bytes - start).min(PART)).unwrap_or(usize::MAX);
        file.bytes(start, length)
    };
    if bytes <= PART {
        return bucket.put(key, part(0)?).await.map_err(failed);
    }
    let upload = bucket.begin(key).await.map_err(failed)?;
    let parts = async {
        let (mut tags, mut start) = (Vec::new(), 0);
        while start < bytes {
            let number = i32::try_from(tags.len() + 1).unwrap_or(i32::MAX);
            let part: Bytes = part(start)?;
            start += part.len() as u64;
            tags.push(bucket.part(key, &upload, number, part).await.map_err(failed)?);
        }
        bucket.complete(key, &upload, &tags).await.map_err(failed)
    };
    let outcome = parts.await;
    if outcome.is_err() {
        // What cannot be given up either is given up by the next run.
        drop(bucket.abort(key, &upload).await);
    }
    outcome
}
