//! The files of one topic partition: open ones, by path, and those that are being committed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use longshore_api::{ConnectError, ErrorKind, Payload, Record, Result, Schema, TopicPartition};
use tokio_util::sync::DropGuard;

use crate::config::Layout;
use crate::format::{Column, Fit, Formats, Item};
use crate::gzip::Compressor;
use crate::manifest::{Contents, Manifest};
use crate::object::Object;
use crate::partitioner::Place;
use crate::rotation::{Reason, Rotation};
use crate::schema::Compatibility;
use crate::upload::{self, After, Finished, Upload, Uploads};

/// What all writers of a task share.
pub(crate) struct Shared {
    pub(crate) layout: Layout,
    /// Whether paths are whole names, and whether an object holds its last record alone.
    pub(crate) is_named: bool,
    pub(crate) keeps_the_last: bool,
    pub(crate) formats: Formats,
    pub(crate) compatibility: Compatibility,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) compressor: Option<Compressor>,
    /// A buffer a column, for the record in hand.
    pub(crate) scratch: Vec<Vec<u8>>,
    /// Bytes that were added to open files since somebody looked.
    pub(crate) appended: usize,
    /// Whether a path has a file for each schema, all of them open.
    pub(crate) is_per_schema: bool,
    /// Whether each object gets a manifest.
    pub(crate) has_manifests: bool,
}

/// An open file's name within its partition: its path, and the place of its schema in the writer's list.
#[derive(PartialEq, Eq, Hash)]
struct FileName {
    path: Arc<str>,
    schema: usize,
}

/// The same, to look a file up with.
pub(crate) type FileRef<'a> = (&'a str, usize);

impl Equivalent<FileName> for FileRef<'_> {
    fn equivalent(&self, name: &FileName) -> bool {
        (&*name.path, name.schema) == *self
    }
}

/// A file: an object for each column that is written, with the same records in the same order.
struct OpenFile {
    objects: Vec<OpenObject>,
    /// That of the first record.
    schema: Option<Arc<Schema>>,
    key_schema: Option<Arc<Schema>>,
    contents: Contents,
    is_tombstones: bool,
}

struct OpenObject {
    column: Column,
    object: Object,
    upload: Option<Upload>,
}

/// Files that are on their way together.
struct Commit {
    next: i64,
    uploads: Vec<Finished>,
    files: usize,
}

/// The files of a topic partition.
pub(crate) struct Writer {
    partition: TopicPartition,
    files: IndexMap<FileName, OpenFile>,
    /// With a file for each schema: those that came since the last commit.
    schemas: Vec<Option<Arc<Schema>>>,
    pub(crate) rotation: Rotation,
    /// The first offset since the last commit, for each key that names have.
    heads: HashMap<Arc<str>, i64>,
    last_path: Option<Arc<str>>,
    /// The offset after the last record that was written.
    next: i64,
    commits: VecDeque<Commit>,
    committed: Option<i64>,
    /// An object is not to be had: nothing after what is committed will be delivered.
    is_broken: bool,
    /// Gives up what is under way when the partition goes: another task will write under the same names.
    cancelled: DropGuard,
}

impl Writer {
    pub(crate) fn new(partition: TopicPartition, uploads: &Uploads) -> Self {
        Self {
            is_broken: false,
            cancelled: uploads.cancellation().drop_guard(),
            partition,
            files: IndexMap::new(),
            schemas: Vec::new(),
            rotation: Rotation::default(),
            heads: HashMap::new(),
            last_path: None,
            next: 0,
            commits: VecDeque::new(),
            committed: None,
        }
    }

    /// The file of a path to which a record goes, if it is open.
    pub(crate) fn file<'a>(&mut self, shared: &Shared, path: &'a str, record: Record<'_>) -> FileRef<'a> {
        if !shared.is_per_schema {
            return (path, 0);
        }
        let schema = schema_of(record.value());
        let is_same = |known: &Option<Arc<Schema>>| match (known, schema) {
            (Some(known), Some(schema)) => Arc::ptr_eq(known, schema) || known == schema,
            (None, None) => true,
            _ => false,
        };
        let at = self.schemas.iter().position(is_same).unwrap_or_else(|| {
            self.schemas.push(schema.cloned());
            self.schemas.len() - 1
        });
        (path, at)
    }

    /// The first offset of a key's names; a new key's is the one given.
    pub(crate) fn head(&mut self, key: &Arc<str>, offset: i64) -> i64 {
        match self.heads.get(key) {
            Some(head) => *head,
            None => *self.heads.entry(Arc::clone(key)).or_insert(offset),
        }
    }

    /// Begins further names of a key.
    pub(crate) fn set_head(&mut self, key: &Arc<str>, offset: i64) {
        self.heads.insert(Arc::clone(key), offset);
    }

    /// How many records the open file of a name has.
    pub(crate) fn records_of(&self, name: &str) -> u64 {
        self.files.get(&(name, 0)).map_or(0, |file| file.contents.records)
    }

    /// Whether files are on their way.
    pub(crate) fn is_committing(&self) -> bool {
        !self.commits.is_empty()
    }

    /// Whether a record of a path would move away from the path of the one before.
    pub(crate) fn moves(&self, path: &str) -> bool {
        self.last_path.as_deref().is_some_and(|last| last != path)
    }

    /// Whether a file holds the other kind of records, tombstones or values.
    pub(crate) fn switches(&self, file: FileRef<'_>, is_tombstone: bool) -> bool {
        self.files.get(&file).is_some_and(|file| file.is_tombstones != is_tombstone)
    }

    /// Whether a file cannot hold a record of this schema.
    ///
    /// # Errors
    /// Kind BadRecord: the schema lacks what the mode asks for.
    pub(crate) fn closes(&self, file: FileRef<'_>, mode: Compatibility, record: Record<'_>) -> Result<bool> {
        match self.files.get(&file) {
            Some(file) if !file.is_tombstones => mode.closes(file.schema.as_ref(), schema_of(record.value())),
            _ => Ok(false),
        }
    }

    /// Whether so many files are open that another one would close them.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.files.len() >= most
    }

    /// Whether a file is not open yet while so many are.
    pub(crate) fn exceeds(&self, file: FileRef<'_>, most: usize) -> bool {
        self.is_full(most) && !self.files.contains_key(&file)
    }

    /// Writes a record to its file, which is made if it is the first. One that belongs in a [next file](Fit::NextFile)
    /// was not written: the files have to be committed before.
    ///
    /// # Errors
    /// Kind BadRecord: the record is in no object. Any other kind ends the task.
    pub(crate) fn write(
        &mut self,
        shared: &mut Shared,
        record: Record<'_>,
        place: &Place,
        is_tombstone: bool,
    ) -> Result<Fit> {
        let fit = self.try_write(shared, record, place, is_tombstone);
        self.breaks(fit)
    }

    fn try_write(&mut self, shared: &mut Shared, record: Record<'_>, place: &Place, is_tombstone: bool) -> Result<Fit> {
        // A commit in between may have moved the record's schema.
        let (_, schema) = self.file(shared, &place.path, record);
        let open = self.files.get_mut(&(&*place.path, schema)).filter(|_| !shared.keeps_the_last);
        let fit = if let Some(file) = open {
            file.add(shared, record)?
        } else {
            let mut file = self.new_file(shared, record, place, is_tombstone)?;
            let fit = file.add(shared, record)?;
            self.files.insert(FileName { path: Arc::clone(&place.path), schema }, file);
            fit
        };
        if fit == Fit::NextFile {
            return Ok(fit);
        }
        self.next = record.offset() + 1;
        if self.last_path.as_ref() != Some(&place.path) {
            self.last_path = Some(Arc::clone(&place.path));
        }
        Ok(fit)
    }

    /// Takes note of an error after which files may lack records that they are to have.
    fn breaks<T>(&mut self, outcome: Result<T>) -> Result<T> {
        // Of a bad record nothing is in a file.
        if outcome.as_ref().is_err_and(|error| error.kind != ErrorKind::BadRecord) {
            self.is_broken = true;
        }
        outcome
    }

    fn new_file(&self, shared: &Shared, record: Record<'_>, place: &Place, is_tombstone: bool) -> Result<OpenFile> {
        let (topic, partition) = (&*self.partition.topic, self.partition.partition);
        let key = match shared.is_named {
            true => place.path.to_string(),
            false => shared.layout.key(topic, partition, &place.path, record.offset()),
        };
        let columns = shared.formats.columns().filter(|column| !is_tombstone || *column != Column::Value);
        let objects = columns.map(|column| {
            let (encoder, key) = shared.formats.encoder(column, &key)?;
            let object = Object::new(key, encoder, shared.formats.packing.packer(), shared.has_manifests);
            Ok(OpenObject { column, object, upload: None })
        });
        let objects = objects.collect::<Result<_>>()?;
        let (schema, key_schema) = (schema_of(record.value()).cloned(), schema_of(record.key()).cloned());
        let contents = Contents::default();
        Ok(OpenFile { objects, schema, key_schema, contents, is_tombstones: is_tombstone })
    }

    /// Closes all files and sends what is left of them. What follows an object that is not to be had is given up.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(crate) fn commit(&mut self, shared: &mut Shared, reason: Reason) -> Result<()> {
        if self.is_broken {
            self.files.clear();
        }
        let outcome = self.try_commit(shared, reason).map_err(fatal);
        self.breaks(outcome)
    }

    fn try_commit(&mut self, shared: &mut Shared, reason: Reason) -> Result<()> {
        self.rotation.reset();
        self.last_path = None;
        self.schemas.clear();
        self.heads.clear();
        if self.files.is_empty() {
            return Ok(());
        }
        let (files, records) = (self.files.len(), self.files.values().map(|file| file.contents.records).sum::<u64>());
        tracing::debug!("{}: {files} files of {records} records are committed: {reason:?}", self.partition);
        let mut uploads = Vec::with_capacity(files);
        let cancelled = self.cancelled.token();
        for (_, mut file) in std::mem::take(&mut self.files) {
            let Contents { first_offset, last_offset, records, .. } = file.contents;
            let tags = shared.uploads.tags(first_offset, last_offset, records);
            for mut open in std::mem::take(&mut file.objects) {
                open.object.finish(&mut shared.compressor)?;
                let upload = open.upload.take().unwrap_or_else(|| shared.uploads.begin(&open.object.key, cancelled));
                let tags = if open.column == Column::Value { tags.clone() } else { Vec::new() };
                let rest = open.object.take_rest();
                let manifest = shared.has_manifests.then(|| file.manifest(&self.partition, &open)).transpose()?;
                let manifest = match manifest {
                    Some(manifest) => Some((shared.layout.manifest_key(&open.object.key), manifest.to_bytes()?)),
                    None => None,
                };
                uploads.push(upload.finish(rest, After { manifest, tags })?);
            }
        }
        self.commits.push_back(Commit { next: self.next, uploads, files });
        Ok(())
    }

    /// Takes note of commits that are through. With `wait`, waits for all of them.
    ///
    /// # Errors
    /// Why an object cannot be had.
    pub(crate) async fn reap(&mut self, wait: bool) -> Result<()> {
        while let Some(commit) = self.commits.front_mut().filter(|_| !self.is_broken) {
            if !wait && !commit.uploads.iter().all(Finished::is_finished) {
                return Ok(());
            }
            while let Some(upload) = commit.uploads.last_mut() {
                let outcome = upload.await.unwrap_or_else(|error| Err(upload::panicked(&error)));
                commit.uploads.pop();
                if let Err(error) = outcome {
                    return self.lost(error);
                }
            }
            let (next, files) = (commit.next, commit.files);
            self.commits.pop_front();
            self.committed = Some(next);
            tracing::info!("{}: {files} files committed, target commit offset: {next}", self.partition);
        }
        Ok(())
    }

    /// An object is not to be had. That is an error unless it was given up: then it is read again, by this task or another.
    fn lost(&mut self, error: ConnectError) -> Result<()> {
        self.is_broken = true;
        if error.kind == ErrorKind::Retriable { Ok(()) } else { Err(error) }
    }

    /// Up to where everything is in objects; `taken` is the position after all that came.
    pub(crate) fn delivered(&self, taken: i64) -> Option<i64> {
        let is_idle = self.files.is_empty() && self.commits.is_empty() && !self.is_broken;
        if is_idle { Some(taken) } else { self.committed }
    }

    /// Takes note of open files whose upload has ended before its time.
    ///
    /// # Errors
    /// Why it has.
    pub(crate) async fn check_uploads(&mut self) -> Result<()> {
        let open = self.files.values_mut().flat_map(|file| &mut file.objects);
        let ended = open.filter_map(|open| open.upload.take_if(|upload| upload.has_ended())).next();
        match ended {
            Some(upload) => match upload.outcome().await {
                Ok(()) => Ok(()),
                Err(error) => self.lost(error),
            },
            None => Ok(()),
        }
    }

    /// Bytes of memory that open files take.
    pub(crate) fn held(&self) -> usize {
        self.objects().map(|open| open.object.held()).sum()
    }

    /// Sends a part of every object that has one of this size; says how many bytes.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(crate) fn send_parts(&mut self, shared: &Shared, part_size: usize) -> Result<usize> {
        let sent = self.try_send_parts(shared, part_size);
        self.breaks(sent)
    }

    fn try_send_parts(&mut self, shared: &Shared, part_size: usize) -> Result<usize> {
        let (mut sent, cancelled) = (0, self.cancelled.token());
        for open in self.files.values_mut().flat_map(|file| &mut file.objects) {
            if open.object.ready() >= part_size {
                let upload = open.upload.get_or_insert_with(|| shared.uploads.begin(&open.object.key, cancelled));
                let bytes = open.object.take_ready()?;
                sent += bytes.len();
                upload.part(bytes);
            }
        }
        Ok(sent)
    }

    /// Moves what open files hold to temporary files.
    ///
    /// # Errors
    /// Kind Fatal.
    pub(crate) fn spill(&mut self, shared: &mut Shared) -> Result<()> {
        let mut open = self.files.values_mut().flat_map(|file| &mut file.objects).map(|open| &mut open.object);
        let outcome =
            open.try_for_each(|object| if object.held() > 0 { object.spill(&mut shared.compressor) } else { Ok(()) });
        self.breaks(outcome.map_err(fatal))
    }

    fn objects(&self) -> impl Iterator<Item = &OpenObject> {
        self.files.values().flat_map(|file| &file.objects)
    }
}

impl OpenFile {
    /// Adds a record to all objects or, if one cannot hold it, to none.
    fn add(&mut self, shared: &mut Shared, record: Record<'_>) -> Result<Fit> {
        let projected;
        let value = match record.value() {
            Payload::Data(data) => {
                projected = shared.compatibility.project(self.schema.as_ref(), data)?;
                Payload::Data(&projected)
            }
            other => other,
        };
        let item = Item { record, value };
        shared.scratch.resize_with(self.objects.len(), Vec::new);
        for (open, scratch) in self.objects.iter_mut().zip(&mut shared.scratch) {
            scratch.clear();
            if open.object.encode(item, scratch)? == Fit::NextFile {
                return Ok(Fit::NextFile);
            }
        }
        for (open, scratch) in self.objects.iter_mut().zip(&shared.scratch) {
            shared.appended += open.object.append(scratch, &mut shared.compressor).map_err(fatal)?;
        }
        self.contents.add(record.offset(), record.timestamp());
        Ok(Fit::Here)
    }

    /// What one of the file's objects holds.
    fn manifest(&self, partition: &TopicPartition, open: &OpenObject) -> Result<Manifest> {
        let schema = match open.column {
            Column::Value => &self.schema,
            Column::Key => &self.key_schema,
            Column::Headers => &None,
        };
        Manifest::new(&open.object.key, partition, &self.contents, schema.as_deref(), open.object.summary())
    }
}

fn schema_of(value: Payload<'_>) -> Option<&Arc<Schema>> {
    match value {
        Payload::Data(data) => data.schema.as_ref(),
        _ => None,
    }
}

/// An error of more than the record in hand, whatever its kind was.
fn fatal(error: ConnectError) -> ConnectError {
    ConnectError { kind: ErrorKind::Fatal, ..error }
}
