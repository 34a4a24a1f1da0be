//! The task: records in, files committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use longshore_api::{
    BadRecord, Batch, ConnectError, Delivered, ErrorKind, FlushOutcome, Origin, Positions, Props, PutOutcome, Record,
    Result, SinkTask, TaskContext, TopicPartition,
};
use tokio_util::sync::CancellationToken;

use crate::aiven::Namer;
use crate::config::{MIN_PART_SIZE, NullValues, Settings};
use crate::format::{Column, Fit, place};
use crate::partitioner::{Affix, Partitioner, Place};
use crate::rotation::{Reason, Rules};
use crate::store::{Store, aws::Bucket};
use crate::upload::{Ledger, Uploads};
use crate::writer::{Shared, Writer};

/// Uploads that may be waited for before more records are taken.
const MAX_UPLOADS: usize = 128;
/// Bytes of records between two looks at what open files hold.
const CHECK_EVERY: usize = 256 * 1024;
/// How long a call waits for uploads.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a flush waits for them: what is committed now need not be written again after a crash.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// A task of an S3 sink.
pub(crate) struct S3SinkTask {
    /// Reads the configuration of the sink's class.
    settings: fn(&Props) -> Result<Settings>,
    running: Option<Running>,
}

impl S3SinkTask {
    pub(crate) fn new(settings: fn(&Props) -> Result<Settings>) -> Self {
        Self { settings, running: None }
    }
}

/// A task that has been started.
struct Running {
    shared: Shared,
    /// The template of names, where paths are not a partitioner's.
    namer: Option<Namer>,
    partitioner: Partitioner,
    affix: Affix,
    rules: Rules,
    null_values: NullValues,
    max_open_files: usize,
    part_size: usize,
    buffer_memory: usize,
    writers: HashMap<TopicPartition, Writer>,
    /// What ended a call that had records to account for: the next one tells it.
    failed: Option<ConnectError>,
    /// Ends uploads.
    cancelled: CancellationToken,
    /// The end of the task has come.
    ending: CancellationToken,
}

fn not_started() -> ConnectError {
    ConnectError::fatal("the task has not been started")
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl SinkTask for S3SinkTask {
    fn reads_headers(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.shared.formats.writes(Column::Headers))
    }

    fn wants_idle_puts(&self) -> bool {
        self.running.as_ref().is_some_and(Running::watches_the_clock)
    }

    async fn start(&mut self, context: TaskContext, config: &Props) -> Result<()> {
        let settings = (self.settings)(config)?;
        let store = Bucket::new(settings.access.clone()).await?;
        store.check().await.map_err(|error| error.while_doing("looking for the bucket"))?;
        self.running = Some(Running::new(settings, Arc::new(store), &context));
        Ok(())
    }

    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        running.sweep(partitions).await;
        let uploads = &running.shared.uploads;
        running.writers.extend(partitions.iter().map(|one| (one.clone(), Writer::new(one.clone(), uploads))));
        Ok(())
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        self.running.as_mut().ok_or_else(not_started)?.put(batch, from).await
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        self.running.as_mut().ok_or_else(not_started)?.flush(taken).await
    }

    async fn close(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        partitions.iter().for_each(|one| drop(running.writers.remove(one)));
        Ok(())
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.cancelled.cancel();
        }
    }
}

impl Running {
    fn new(settings: Settings, store: Arc<dyn Store>, context: &TaskContext) -> Self {
        // What has to be written at the end of a task must not be given up when the end comes, but when it is over.
        let cancelled = match settings.rules.at_flush {
            true => CancellationToken::new(),
            false => context.cancelled.child_token(),
        };
        let uploads =
            Uploads::new(store, settings.buffer_memory / 4, settings.retry_backoff, settings.tags, cancelled.clone());
        Self {
            shared: Shared {
                layout: settings.layout,
                is_named: settings.namer.is_some(),
                keeps_the_last: settings.namer.as_ref().is_some_and(Namer::keeps_the_last),
                compressor: settings.formats.packing.compressor(),
                formats: settings.formats,
                compatibility: settings.compatibility,
                uploads: Arc::new(uploads),
                scratch: Vec::new(),
                appended: 0,
                is_per_schema: settings.is_per_schema,
                has_manifests: settings.has_manifests,
            },
            namer: settings.namer,
            partitioner: settings.partitioner,
            affix: settings.affix,
            rules: settings.rules,
            null_values: settings.null_values,
            max_open_files: settings.max_open_files,
            part_size: settings.part_size,
            buffer_memory: settings.buffer_memory,
            writers: HashMap::new(),
            failed: None,
            cancelled,
            ending: context.cancelled.clone(),
        }
    }

    /// Whether files may have to be closed though nothing comes.
    fn watches_the_clock(&self) -> bool {
        let by_clock = self.rules.schedule.is_some() || self.rules.idle.is_some();
        by_clock && self.writers.values().any(|writer| writer.rotation.records() > 0)
    }

    /// Gives up what a task that died has left of uploads to these partitions' objects.
    async fn sweep(&self, partitions: &[TopicPartition]) {
        let uploads = &self.shared.uploads;
        let mut topics: Vec<_> = partitions.iter().map(|one| &one.topic).collect();
        topics.sort();
        topics.dedup();
        for topic in topics {
            let prefix = match &self.namer {
                Some(namer) => namer.beginning(topic),
                None => self.shared.layout.topic_prefix(topic),
            };
            let left = match tokio::time::timeout(PATIENCE, uploads.store.unfinished(&prefix)).await {
                Ok(Ok(left)) => left,
                Ok(Err(error)) => {
                    tracing::debug!("unfinished uploads below {prefix} are not looked for: {error}");
                    continue;
                }
                Err(_) => continue,
            };
            let is_own = |key: &str| {
                let mut own = partitions.iter().filter(|one| one.topic == *topic);
                own.any(|one| match &self.namer {
                    Some(namer) => namer.is_of(key, topic, one.partition),
                    None => self.shared.layout.is_of(key, topic, one.partition),
                })
            };
            for one in left.iter().filter(|one| is_own(&one.key)) {
                match uploads.store.abort(&one.key, &one.upload).await {
                    Ok(()) => tracing::info!("an upload of {} that was left behind is given up", one.key),
                    Err(error) => tracing::warn!("an upload of {} is left behind: {error}", one.key),
                }
            }
        }
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let now = now();
        self.look_after_files(now).await?;
        let mut outcome = PutOutcome::default();
        for index in from..batch.len() {
            let record = batch.record(index);
            let taken = match self.make_room(record).await {
                Ok(None) => self.take(record, now),
                Ok(retry) => {
                    outcome.retry = retry;
                    break;
                }
                Err(error) => Err(error),
            };
            match taken {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::BadRecord => {
                    outcome.bad.push(BadRecord { batch: Arc::clone(batch), index, origin: Origin::Sink, error });
                }
                // First comes the account of those before it.
                Err(error) if outcome.taken > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            outcome.taken += 1;
        }
        Ok(outcome)
    }

    /// Commits what is due by the clock, takes note of commits that are through.
    ///
    /// # Errors
    /// What ended the call before, too.
    async fn look_after_files(&mut self, now: i64) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for writer in self.writers.values_mut() {
            writer.reap(false).await?;
            if let Some(reason) = writer.rotation.is_due(&self.rules, now) {
                writer.commit(&mut self.shared, reason)?;
            }
            writer.check_uploads().await?;
        }
        Ok(())
    }

    /// Takes a record.
    fn take(&mut self, record: Record<'_>, now: i64) -> Result<()> {
        let is_null = record.value().is_null() && self.namer.is_none();
        if is_null && !self.takes_null(record)? {
            return Ok(());
        }
        let writer = writer_of(&mut self.writers, record)?;
        let mut path = match (&self.namer, is_null) {
            (Some(namer), _) => Place { path: namer.name(record, now, writer)?, time: None },
            (None, true) => Place { path: self.shared.layout.tombstone_path.as_str().into(), time: None },
            (None, false) => self.affix.add(&self.shared.layout, record, self.partitioner.place(record, now)?),
        };
        let file = writer.file(&self.shared, &path.path, record);
        let reason = if writer.switches(file, is_null) {
            Some(Reason::Tombstones)
        } else if writer.exceeds(file, self.max_open_files) {
            Some(Reason::OpenFiles)
        } else if writer.closes(file, self.shared.compatibility, record)? {
            Some(Reason::SchemaChange)
        } else {
            writer.rotation.before(&self.rules, path.time, writer.moves(&path.path))
        };
        // Names of templates have the first offset since the last commit: after one, another object has to have another.
        let namer = &self.namer;
        let begin_anew = |writer: &mut Writer, shared: &mut Shared, place: &mut Place, reason| {
            writer.commit(shared, reason)?;
            if let Some(namer) = namer {
                place.path = namer.name(record, now, writer)?;
            }
            Ok::<(), ConnectError>(())
        };
        if let Some(reason) = reason {
            begin_anew(writer, &mut self.shared, &mut path, reason)?;
        }
        if writer.write(&mut self.shared, record, &path, is_null)? == Fit::NextFile {
            begin_anew(writer, &mut self.shared, &mut path, Reason::SchemaChange)?;
            writer.write(&mut self.shared, record, &path, is_null)?;
        }
        if let Some(reason) = writer.rotation.written(&self.rules, path.time, now) {
            writer.commit(&mut self.shared, reason)?;
        }
        Ok(())
    }

    /// Whether a record without a value is written.
    fn takes_null(&self, record: Record<'_>) -> Result<bool> {
        match self.null_values {
            NullValues::Write => Ok(true),
            NullValues::Ignore { report: true } => Err(ConnectError::data("Skipping null value record.")),
            NullValues::Ignore { report: false } => Ok(false),
            NullValues::Fail => Err(ConnectError::fatal(format!(
                "Null valued records are not writeable with current behavior.on.null.values 'settings.': {}",
                place(record)
            ))),
        }
    }

    /// Of an object that is written again and again the last one counts: waits for the commit that is under way if the
    /// next record could begin another. What it gives says that it still is.
    async fn wait_for_commit(&mut self, record: Record<'_>) -> Result<Option<ConnectError>> {
        if !self.shared.keeps_the_last {
            return Ok(None);
        }
        let writer = writer_of(&mut self.writers, record)?;
        if !writer.is_committing() || !writer.is_full(self.max_open_files) {
            return Ok(None);
        }
        tokio::select! {
            waited = tokio::time::timeout(PATIENCE, writer.reap(true)) => match waited {
                Ok(outcome) => outcome.map(|()| None),
                Err(_) => Ok(Some(too_slow(&self.shared.uploads.ledger))),
            },
            () = self.ending.cancelled() => Ok(Some(ConnectError::retriable("the task ends"))),
        }
    }

    /// Makes sure that the next record finds room, and waits for it if need be. What it gives says that there is none.
    async fn make_room(&mut self, record: Record<'_>) -> Result<Option<ConnectError>> {
        if let Some(retry) = self.wait_for_commit(record).await? {
            return Ok(Some(retry));
        }
        let ledger = Arc::clone(&self.shared.uploads.ledger);
        // Looking at every file for every record would cost more than the record.
        if self.shared.appended < CHECK_EVERY && ledger.uploads() < MAX_UPLOADS {
            return Ok(None);
        }
        loop {
            let open: usize = self.writers.values().map(Writer::held).sum();
            let is_full = open + ledger.bytes() > self.buffer_memory;
            if !is_full && ledger.uploads() < MAX_UPLOADS {
                self.shared.appended = 0;
                if open >= self.part_size {
                    for writer in self.writers.values_mut() {
                        writer.send_parts(&self.shared, self.part_size)?;
                    }
                }
                return Ok(None);
            }
            if is_full && ledger.bytes() <= self.buffer_memory / 2 {
                self.empty_files()?;
                // What files hold even so is little each, and cannot be given back.
                if self.writers.values().map(Writer::held).sum::<usize>() < open {
                    continue;
                }
                self.shared.appended = 0;
                return Ok(None);
            }
            let waited = tokio::select! {
                waited = tokio::time::timeout(PATIENCE, ledger.changed()) => waited,
                () = self.ending.cancelled() => return Ok(Some(ConnectError::retriable("the task ends"))),
            };
            if waited.is_err() {
                return Ok(Some(too_slow(&ledger)));
            }
        }
    }

    /// Sends what is enough for a part, though parts should be larger; if nothing is, moves it out of memory.
    fn empty_files(&mut self) -> Result<()> {
        let mut sent = 0;
        for writer in self.writers.values_mut() {
            sent += writer.send_parts(&self.shared, MIN_PART_SIZE)?;
        }
        if sent == 0 {
            let files: usize = self.writers.len();
            tracing::debug!("the open files of {files} partitions are moved to temporary files");
            for writer in self.writers.values_mut() {
                writer.spill(&mut self.shared)?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        self.look_after_files(now()).await?;
        // Of an object that is written again and again the last one counts: one after the other.
        let waits = self.shared.keeps_the_last && self.writers.values().any(Writer::is_committing);
        if self.rules.at_flush && !waits {
            for writer in self.writers.values_mut() {
                writer.commit(&mut self.shared, Reason::Flush)?;
            }
        }
        let commits = async {
            for writer in self.writers.values_mut() {
                writer.reap(true).await?;
            }
            Ok::<(), ConnectError>(())
        };
        // What takes longer is told by the next flush.
        tokio::select! {
            outcome = tokio::time::timeout(FLUSH_PATIENCE, commits) => outcome.unwrap_or(Ok(()))?,
            () = self.cancelled.cancelled() => {}
        }
        let delivered = taken.iter().filter_map(|(partition, taken)| {
            let offset = self.writers.get(partition)?.delivered(*taken)?;
            Some((partition.clone(), offset))
        });
        Ok(FlushOutcome { delivered: Delivered::up_to(delivered.collect()), bad: Vec::new() })
    }
}

/// Why records have to wait.
fn too_slow(ledger: &Ledger) -> ConnectError {
    ConnectError::retriable(ledger.trouble().unwrap_or_else(|| "uploads are slower than records come".to_owned()))
}

/// The writer of a record's partition. A record that a transform has moved to another topic or partition has none:
/// two of them could claim the same name of an object.
fn writer_of<'a>(writers: &'a mut HashMap<TopicPartition, Writer>, record: Record<'_>) -> Result<&'a mut Writer> {
    let partition = TopicPartition::new(Arc::clone(record.topic()), record.partition());
    if !writers.contains_key(&partition) {
        let mut assigned: Vec<String> = writers.keys().map(ToString::to_string).collect();
        assigned.sort();
        return Err(ConnectError::fatal(format!(
            "No writer found for topic partition {partition}. The record's topic-partition does not match any assigned \
             partitions. Assigned partitions: [{}]",
            assigned.join(", ")
        )));
    }
    writers.get_mut(&partition).ok_or_else(not_started)
}
