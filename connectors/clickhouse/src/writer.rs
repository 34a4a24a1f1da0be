//! Inserts a lane's chunks, and sorts what the server says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use longshore_api::{BadRecord, ConnectError, Origin, TopicPartition};
use tokio::sync::Mutex;

use crate::buffer::{Chunk, Entry, Lane};
use crate::client::{Client, Insert, Param};
use crate::config::{Mode, Settings};
use crate::create;
use crate::encode::{Encoder, Piece};
use crate::errors::{self, Failure, Refusal};
use crate::evolve::{self, Evolution};
use crate::state::store::Store;
use crate::state::{Circumstances, Decision, Phase, Range, Step, Stored, decide, range_of};
use crate::table::{Table, Tables};

/// Java class of the error of records that may be there already.
const DUPLICATE: &str = "com.clickhouse.kafka.connect.sink.dlq.DuplicateException";
/// Java class of what the server says.
const SERVER: &str = "com.clickhouse.client.ClickHouseException";

/// The most bytes of an insert whose memory is kept for another one.
const MOST_SPARE_BYTES: usize = 4 << 20;

/// Between two looks at a table to which columns were added.
const DDL_PAUSE: Duration = Duration::from_millis(200);

/// Why a lane could not be worked off.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It may be tried again.
    Later(ConnectError),
    /// The task cannot go on.
    Fatal(ConnectError),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing(error) | Failure::TooMuch(error) => Stop::Later(error),
            other => Stop::Fatal(other.into_error()),
        }
    }
}

/// What all lanes of a task share.
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) settings: Arc<Settings>,
    tables: Mutex<Tables>,
    /// Where the ranges are kept with exactly once.
    pub(crate) store: Option<Store>,
    /// Which partition the state of a key is of.
    owners: SyncMutex<HashMap<String, TopicPartition>>,
    /// Held by whoever makes or changes a table: lanes would get into each other's way.
    ddl: Mutex<()>,
    /// Memory of inserts that are done: fresh memory costs more than what is written into it.
    spare: SyncMutex<Vec<Vec<u8>>>,
}

/// The records of a chunk that are to be inserted together.
struct Group<'a> {
    topic: &'a str,
    origin: Option<&'a TopicPartition>,
    entries: &'a mut [Entry],
    /// Which of the entries.
    wanted: Vec<usize>,
    /// The offsets by which the insert is named.
    range: Option<Range>,
}

impl Writer {
    pub(crate) fn new(client: Client, settings: Arc<Settings>) -> Self {
        let tables = Tables::new(settings.table_refresh);
        Self {
            client,
            settings,
            tables: Mutex::new(tables),
            store: None,
            owners: SyncMutex::default(),
            ddl: Mutex::default(),
            spare: SyncMutex::default(),
        }
    }

    /// Inserts the chunks of a lane in their order, those that are full where they have a size. Adds bad records to
    /// `bad`. What is accounted for is marked, also before an error.
    pub(crate) async fn work_off(&self, lane: &mut Lane, size: usize, bad: &mut Vec<BadRecord>) -> Result<(), Stop> {
        loop {
            lane.drop_done();
            if lane.waits {
                join_chunks(lane);
            }
            let Some(chunk) = lane.chunks.front() else { return Ok(()) };
            if size > 0 && !chunk.sealed && !lane.waits && chunk.entries.len() < size {
                return Ok(());
            }
            if self.client.is_cancelled() {
                return Err(Stop::Later(ConnectError::retriable("the task ends")));
            }
            match self.settings.mode {
                Mode::ExactlyOnce => {
                    self.exactly_once(lane, bad).await?;
                    if lane.waits {
                        return Ok(());
                    }
                }
                Mode::AtLeastOnce | Mode::AcrossPartitions => self.at_least_once(lane, bad).await?,
            }
        }
    }

    async fn at_least_once(&self, lane: &mut Lane, bad: &mut Vec<BadRecord>) -> Result<(), Stop> {
        let Lane { topic, origin, chunks, recovers, .. } = lane;
        let Some(chunk) = chunks.front_mut() else { return Ok(()) };
        chunk.sealed = true;
        let range = origin.as_ref().and_then(|_| chunk.range());
        let wanted = (0..chunk.entries.len()).collect();
        let group = Group { topic, origin: origin.as_ref(), entries: &mut chunk.entries, wanted, range };
        self.insert(group, bad).await?;
        *recovers = false;
        Ok(())
    }

    /// Takes the steps that the stored range asks for.
    async fn exactly_once(&self, lane: &mut Lane, bad: &mut Vec<BadRecord>) -> Result<(), Stop> {
        let (Some(store), Some(origin)) = (&self.store, lane.origin.clone()) else {
            return Err(Stop::Fatal(ConnectError::fatal("exactly once has no state")));
        };
        let key = self.own(&lane.topic, &origin)?;
        let stored = store.read(&self.client, &key).await?;
        let Lane { topic, chunks, recovers, waits, .. } = lane;
        let Some(chunk) = chunks.front_mut() else { return Ok(()) };
        let offsets: Vec<i64> = chunk.entries.iter().map(Entry::offset).collect();
        let circumstances = Circumstances { recovers: *recovers, tolerates_mismatch: self.settings.tolerates_mismatch };
        let steps = match decide(stored, &offsets, circumstances) {
            Decision::Go(steps) => steps,
            Decision::Wait => {
                if !*waits {
                    log_wait(&key, stored, chunk);
                }
                *waits = true;
                return Ok(());
            }
            Decision::Mismatch(text) => {
                let error = ConnectError::data(format!("{text} ({key})"));
                return self.refuse_all(chunk, error, bad);
            }
        };
        (chunk.sealed, *waits) = (true, false);
        log_known(&key, stored, chunk, &steps);
        for step in steps {
            match step {
                Step::Report(range) => {
                    let error = ConnectError::data(format!("it may have been written before ({key}, offsets {range})"));
                    let error = error.with_class(DUPLICATE);
                    let wanted = within(&chunk.entries, range);
                    self.refuse(&mut chunk.entries, &wanted, &error, bad)?;
                }
                Step::Insert { range, announce } => {
                    if announce {
                        store.write(&self.client, &key, Stored { phase: Phase::Before, range }).await?;
                    }
                    let wanted = within(&chunk.entries, range);
                    let entries = &mut chunk.entries;
                    let group = Group { topic, origin: Some(&origin), entries, wanted, range: Some(range) };
                    self.insert(group, bad).await?;
                    store.write(&self.client, &key, Stored { phase: Phase::After, range }).await?;
                    *recovers = false;
                }
            }
        }
        chunk.entries.iter_mut().for_each(|entry| entry.done = true);
        Ok(())
    }

    /// Forgets whose states those of partitions are.
    pub(crate) fn forget(&self, partitions: &[TopicPartition]) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|_, owner| !partitions.contains(owner));
    }

    /// The key of a partition's state, which no other partition of this task may have.
    fn own(&self, topic: &Arc<str>, origin: &TopicPartition) -> Result<String, Stop> {
        let key = format!("{topic}-{}", origin.partition);
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owners.entry(key.clone()).or_insert_with(|| origin.clone());
        if owner == origin {
            return Ok(key);
        }
        Err(Stop::Fatal(ConnectError::config(format!(
            "exactlyOnce: the transforms give records of {owner} and of {origin} the topic {topic}, and so one state, {key}"
        ))))
    }

    /// Inserts the wanted records of a group, all that are not done.
    async fn insert(&self, group: Group<'_>, bad: &mut Vec<BadRecord>) -> Result<(), Stop> {
        let Group { topic, origin, entries, wanted, range } = group;
        let (database, name) = self.settings.place_of(topic);
        let (mut is_fresh, mut rebuilds, mut is_made) = (false, false, false);
        loop {
            let table = self.tables.lock().await.get(&self.client, database, name).await?;
            let Some(mut table) = table else {
                if let Some(creation) = self.settings.creation.as_ref().filter(|_| !is_made) {
                    let full_name = crate::table::full_name(database, name);
                    let make =
                        |entries: &[Entry], wanted: &[usize]| create::statement(&full_name, entries, wanted, creation);
                    if let Some(statement) = self.of_possible(entries, &wanted, make, bad)? {
                        self.define("longshore.table.create", &statement).await?;
                        is_made = true;
                        continue;
                    }
                }
                return self.no_table(database, name, entries, &wanted, bad);
            };
            if let Some(evolution) = &self.settings.evolution {
                let make = |entries: &[Entry], wanted: &[usize]| evolve::statement(&table, entries, wanted, evolution);
                if let Some(alter) = self.of_possible(entries, &wanted, make, bad)? {
                    table = self.evolve(database, name, &alter, evolution).await?;
                }
            }
            let encoder = Encoder::new(&self.settings, &table, rebuilds).reuse(self.spare());
            let encoded = encoder.encode(entries, &wanted);
            // What does not fit the table may fit what it has become since it was described, and the other way round.
            let misfits = encoded.bad.iter().any(|one| one.origin == Origin::Sink && !entries[one.entry].done);
            if !is_fresh && (misfits || encoded.pieces.iter().any(|piece| piece.relies_on_description)) {
                is_fresh = true;
                let again = self.tables.lock().await.describe_again(&self.client, database, name).await?;
                if again.as_deref() != Some(&*table) {
                    continue;
                }
            }
            for one in encoded.bad {
                let entry = &mut entries[one.entry];
                if entry.done {
                    continue;
                }
                if !self.settings.tolerates {
                    let place = format!("Unable to write record {} to table {}", entry.place(), table.full_name);
                    return Err(Stop::Fatal(ConnectError::data(place).caused_by(one.error)));
                }
                report(entry, one.origin, one.error, bad);
            }
            let is_one = encoded.pieces.len() == 1;
            let mut target = Target { topic, origin, table: &table, is_fresh, rebuilds, entries: &mut *entries };
            let mut mends = None;
            for piece in encoded.pieces {
                mends = self.deliver(&mut target, piece, range.filter(|_| is_one), bad).await?;
                if mends.is_some() {
                    break;
                }
            }
            match mends {
                Some(Mend::Describe(refusal)) => {
                    tracing::warn!("table {} is described again: {}", table.full_name, refusal.message);
                    self.tables.lock().await.forget(database, name);
                    is_fresh = true;
                }
                Some(Mend::Rebuild) => rebuilds = true,
                None => {
                    wanted.iter().for_each(|index| entries[*index].done = true);
                    return Ok(());
                }
            }
        }
    }

    /// Inserts what is not done of a piece, under a name if all of it goes at once, and otherwise in parts. Gives what has
    /// to be mended before the rest can be tried again.
    async fn deliver(
        &self,
        target: &mut Target<'_>,
        piece: Piece,
        name: Option<Range>,
        bad: &mut Vec<BadRecord>,
    ) -> Result<Option<Mend>, Stop> {
        let left: Vec<usize> = piece.entries.iter().copied().filter(|index| !target.entries[*index].done).collect();
        let mut whole = Some((piece, name)).filter(|(piece, _)| piece.entries.len() == left.len());
        let mut parts = vec![left];
        while let Some(part) = parts.pop() {
            let pieces = match whole.take() {
                Some(whole) => vec![whole],
                None => {
                    let encoder = Encoder::new(&self.settings, target.table, target.rebuilds);
                    encoder.encode(target.entries, &part).pieces.into_iter().map(|piece| (piece, None)).collect()
                }
            };
            for (piece, name) in pieces {
                let sent = piece.entries.clone();
                let refused = match self.send(target, piece, name).await? {
                    Sent::Done => continue,
                    Sent::TooMuch(error) => {
                        parts.extend(self.halves(&sent, error)?);
                        continue;
                    }
                    Sent::Refused(refused) => refused,
                };
                let Refused { refusal, row, error } = refused;
                if refusal.is_stale_table() && !target.is_fresh {
                    return Ok(Some(Mend::Describe(refusal)));
                } else if refusal.is_duplicate_member() && !target.rebuilds {
                    return Ok(Some(Mend::Rebuild));
                } else if self.bisects(&refusal) && sent.len() > 1 {
                    parts.extend(split(&sent, row));
                } else {
                    self.refuse(target.entries, &sent, &error, bad)?;
                }
            }
        }
        Ok(None)
    }

    /// The halves of an insert that is too much for the server at once.
    ///
    /// # Errors
    /// Where it has to be tried again as it is. With exactly once a part of it may be in some partitions of the table
    /// already, and the server knows it by the name of the whole alone.
    fn halves(&self, sent: &[usize], error: ConnectError) -> Result<Vec<Vec<usize>>, Stop> {
        if sent.len() < 2 || self.settings.mode == Mode::ExactlyOnce {
            return Err(Stop::Later(error));
        }
        tracing::warn!("an insert of {} records is cut in halves: {error}", sent.len());
        Ok(split(sent, None))
    }

    /// Carries out a statement that makes or changes a table for a key. What the server refuses is the configuration's
    /// fault, not the records'.
    async fn define(&self, key: &str, statement: &str) -> Result<(), Stop> {
        let _alone = self.ddl.lock().await;
        let mut params: Vec<Param> = self.settings.server_settings.clone().into_iter().collect();
        params.push(("alter_sync".to_owned(), "1".to_owned()));
        match self.client.ask(statement, &params).await {
            Ok(_) => {
                tracing::info!("{key}: {statement}");
                Ok(())
            }
            Err(Failure::Refused(refusal)) => {
                let text = format!("{key}: the server refuses {statement}: {}", refusal.message);
                Err(Stop::Fatal(ConnectError::config(text)))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Adds columns, and gives the table once they can be seen.
    async fn evolve(
        &self,
        database: &str,
        name: &str,
        evolve::Alter { statement, added }: &evolve::Alter,
        evolution: &Evolution,
    ) -> Result<Arc<Table>, Stop> {
        self.define("auto.evolve", statement).await?;
        for attempt in 0..=evolution.retries {
            if attempt > 0 {
                tokio::time::sleep(DDL_PAUSE).await;
            }
            match self.tables.lock().await.describe_again(&self.client, database, name).await? {
                Some(table) if added.iter().all(|column| table.has_column(column)) => return Ok(table),
                _ => {}
            }
        }
        let retries = evolution.retries;
        Err(Stop::Later(ConnectError::retriable(format!(
            "DDL propagation timeout: columns not visible after {retries} retries"
        ))))
    }

    /// Whether the records of an insert that was refused are tried apart.
    fn bisects(&self, refusal: &Refusal) -> bool {
        let settings = &self.settings;
        settings.bisects && settings.tolerates && settings.mode != Mode::ExactlyOnce && !refusal.is_missing_table()
    }

    /// Sends one piece under the name of a range, its own if none is given.
    async fn send(&self, target: &mut Target<'_>, piece: Piece, range: Option<Range>) -> Result<Sent, Stop> {
        let own = || range_of(piece.entries.iter().map(|index| target.entries[*index].offset()));
        let query = uuid::Uuid::new_v4().to_string();
        let mut params: Vec<_> = self.settings.server_settings.clone().into_iter().collect();
        params.push(("query_id".to_owned(), query.clone()));
        if let (Some(origin), Some(Range { min, max })) = (target.origin, range.or_else(own)) {
            // Two topics that transforms make one would have inserts of the same names.
            let topic = if self.settings.mode == Mode::ExactlyOnce { target.topic } else { &*origin.topic };
            let mut name = format!("{topic}-{}-{min}-{max}", origin.partition);
            if range.is_none() {
                // Records between them may be in another insert.
                name = format!("{name}-{}", piece.entries.len());
            }
            params.push(("insert_deduplication_token".to_owned(), name));
        }
        let (statement, is_row_by_row) = (piece.statement.clone(), piece.is_row_by_row);
        let insert = Insert { statement: piece.statement, params, rows: piece.rows };
        let (inserted, rows) = self.client.insert(insert).await;
        self.keep(rows);
        match inserted {
            Ok(()) => {
                tracing::debug!(query, "{} records: {statement}", piece.entries.len());
                piece.entries.iter().for_each(|index| target.entries[*index].done = true);
                Ok(Sent::Done)
            }
            Err(Failure::TooMuch(error)) => Ok(Sent::TooMuch(error)),
            Err(Failure::Refused(refusal)) => {
                let row = refusal.row().filter(|_| is_row_by_row);
                let error = explain(target.entries, &piece.entries, (&refusal, row), &query, &statement);
                Ok(Sent::Refused(Refused { refusal, row, error }))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Memory of an insert that is done, or none.
    fn spare(&self) -> Vec<u8> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps the memory of an insert for another one.
    fn keep(&self, rows: Vec<u8>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if (1..=MOST_SPARE_BYTES).contains(&rows.capacity()) && spare.len() < self.settings.in_flight {
            spare.push(rows);
        }
    }

    /// A table that does not exist.
    fn no_table(
        &self,
        database: &str,
        name: &str,
        entries: &mut [Entry],
        wanted: &[usize],
        bad: &mut Vec<BadRecord>,
    ) -> Result<(), Stop> {
        let wanted: Vec<usize> = wanted.iter().copied().filter(|index| !entries[*index].done).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let table = crate::table::full_name(database, name);
        if self.settings.drops_for_missing_tables {
            tracing::warn!(
                "Table {table} does not exist, but error was suppressed: {} records are dropped",
                wanted.len()
            );
            wanted.iter().for_each(|index| entries[*index].done = true);
            return Ok(());
        }
        let error = ConnectError::data(format!("Table {table} does not exist"));
        self.refuse(entries, &wanted, &error, bad)
    }

    /// Reports records as bad where that is tolerated, and otherwise ends the task.
    fn refuse(
        &self,
        entries: &mut [Entry],
        wanted: &[usize],
        error: &ConnectError,
        bad: &mut Vec<BadRecord>,
    ) -> Result<(), Stop> {
        if !self.settings.tolerates {
            let first = wanted.first().and_then(|index| entries.get(*index)).map_or_else(String::new, Entry::place);
            let text = format!("Number of records: {} (the first is {first})", wanted.len());
            return Err(Stop::Fatal(ConnectError::fatal(text).caused_by(error.clone())));
        }
        for index in wanted {
            if let Some(entry) = entries.get_mut(*index).filter(|entry| !entry.done) {
                report(entry, Origin::Sink, error.clone(), bad);
            }
        }
        Ok(())
    }

    /// What records ask for, without those for each of which alone it is impossible: they are refused, or all if it is no
    /// single one's fault. `make` passes over records that are done.
    fn of_possible<T>(
        &self,
        entries: &mut [Entry],
        wanted: &[usize],
        make: impl Fn(&[Entry], &[usize]) -> Result<Option<T>, ConnectError>,
        bad: &mut Vec<BadRecord>,
    ) -> Result<Option<T>, Stop> {
        loop {
            let error = match make(entries, wanted) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            let open = wanted.iter().filter(|index| !entries[**index].done);
            let wrong = |index: &usize| Some((*index, make(entries, &[*index]).err()?));
            let culprits: Vec<(usize, ConnectError)> = open.filter_map(wrong).collect();
            if culprits.is_empty() {
                return self.refuse(entries, wanted, &error, bad).map(|()| None);
            }
            for (index, error) in &culprits {
                self.refuse(entries, &[*index], error, bad)?;
            }
        }
    }

    fn refuse_all(&self, chunk: &mut Chunk, error: ConnectError, bad: &mut Vec<BadRecord>) -> Result<(), Stop> {
        let wanted: Vec<usize> = (0..chunk.entries.len()).collect();
        self.refuse(&mut chunk.entries, &wanted, &error, bad)
    }
}

/// Where the records of a piece go, and where they came from.
struct Target<'a> {
    topic: &'a str,
    origin: Option<&'a TopicPartition>,
    table: &'a Arc<Table>,
    /// Whether the table has been described for these records: what the server says then is not for an old description.
    is_fresh: bool,
    /// Whether JSON is written anew in any case.
    rebuilds: bool,
    entries: &'a mut [Entry],
}

/// What became of an insert.
enum Sent {
    Done,
    /// It is too much for the server at once.
    TooMuch(ConnectError),
    Refused(Refused),
}

/// What to do before an insert is tried again.
enum Mend {
    /// Describe the table again, for what the server says.
    Describe(Refusal),
    /// Write JSON anew that has a member twice.
    Rebuild,
}

/// An insert that the server refuses: what it says, the row from 1 that it names, and the error for the records.
struct Refused {
    refusal: Refusal,
    row: Option<usize>,
    error: ConnectError,
}

/// Parts of an insert that was refused: what is before, at and after the row that the server names, else its halves.
fn split(entries: &[usize], row: Option<usize>) -> Vec<Vec<usize>> {
    let parts = match row.and_then(|row| row.checked_sub(1)).filter(|row| *row < entries.len()) {
        Some(row) => [&entries[row + 1..], &entries[row..=row], &entries[..row]],
        None => {
            let (first, second) = entries.split_at(entries.len() / 2);
            [second, first, &[]]
        }
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(<[usize]>::to_vec).collect()
}

/// Marks a record as accounted for and says why it is bad.
fn report(entry: &mut Entry, origin: Origin, error: ConnectError, bad: &mut Vec<BadRecord>) {
    entry.done = true;
    bad.push(BadRecord { batch: Arc::clone(&entry.batch), index: entry.index as usize, origin, error });
}

/// Puts the chunks of a lane together that waits for the rest of a range.
fn join_chunks(lane: &mut Lane) {
    let chunks = std::mem::take(&mut lane.chunks);
    let entries = chunks.into_iter().flat_map(|chunk| chunk.entries).collect();
    lane.chunks.push_back(Chunk { entries, sealed: false });
}

fn within(entries: &[Entry], range: Range) -> Vec<usize> {
    let offsets = entries.iter().map(Entry::offset).enumerate();
    offsets.filter(|(_, offset)| (range.min..=range.max).contains(offset)).map(|(index, _)| index).collect()
}

/// The error of an insert: what it was of, then what the server says.
fn explain(
    entries: &[Entry],
    wanted: &[usize],
    (refusal, row): (&Refusal, Option<usize>),
    query: &str,
    statement: &str,
) -> ConnectError {
    let first = wanted.first().and_then(|index| entries.get(*index));
    let range = range_of(wanted.iter().filter_map(|index| entries.get(*index)).map(Entry::offset));
    let (topic, partition) = first.map_or(("", 0), |entry| {
        let record = entry.record();
        (&**record.original_topic(), record.original_partition())
    });
    let Range { min, max } = range.unwrap_or(Range { min: 0, max: 0 });
    let row = row.and_then(|row| wanted.get(row.checked_sub(1)?)).and_then(|index| entries.get(*index));
    let row = row.map_or_else(String::new, |entry| format!(", row of {}", entry.place()));
    let text = format!(
        "Topic: [{topic}], Partition: [{partition}], MinOffset: [{min}], MaxOffset: [{max}], (QueryId: [{query}]){row}: \
         {statement}"
    );
    ConnectError::data(text).caused_by(ConnectError::data(refusal.message.clone()).with_class(SERVER))
}

fn log_wait(key: &str, stored: Option<Stored>, chunk: &Chunk) {
    if let (Some(stored), Some(range)) = (stored, chunk.range()) {
        tracing::warn!(
            "{key}: offsets {} were announced but may not be written; waits for more than offsets {range} of them",
            stored.range
        );
    }
}

/// Says which records are passed over because they are known to be written.
fn log_known(key: &str, stored: Option<Stored>, chunk: &Chunk, steps: &[Step]) {
    let covered = |offset: i64| {
        steps.iter().any(|step| match step {
            Step::Insert { range, .. } | Step::Report(range) => (range.min..=range.max).contains(&offset),
        })
    };
    let known = range_of(chunk.entries.iter().map(Entry::offset).filter(|offset| !covered(*offset)));
    if let (Some(known), Some(stored)) = (known, stored) {
        tracing::warn!(
            "{key}: offsets {known} are passed over as written, as offsets {} are stored. To write them again, remove \
             this key's row from the state table",
            stored.range
        );
    }
}

/// Checks that the server is one that can be written to, and has tables.
pub(crate) async fn probe(client: &Client, settings: &Settings) -> Result<(), Failure> {
    let inactive = |why: String| {
        let error = ConnectError::fatal("Connection to ClickHouse is not active.");
        Failure::Settings(error.caused_by(ConnectError::config(why)))
    };
    // With the settings of inserts: one that cannot be is no record's fault, which later nobody could see.
    let params: Vec<Param> = settings.server_settings.clone().into_iter().collect();
    let version = match client.ask("SELECT version() FORMAT TabSeparatedRaw", &params).await {
        Err(Failure::Refused(refusal)) => return Err(errors::settings_refused(client.address(), &refusal.message)),
        other => other?,
    };
    let mut parts = version.trim().split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if number < (23, 3) {
        return Err(inactive(format!(
            "ClickHouse server version {} is too old to use this connector. Please upgrade to version 23.3 or newer.",
            version.trim()
        )));
    }
    if settings.creation.is_some() {
        return Ok(());
    }
    let database = crate::client::text(&settings.database);
    let count = client.ask(&format!("SELECT count() FROM system.tables WHERE database = {database}"), &[]).await?;
    if count.trim() == "0" {
        return Err(inactive(format!(
            "Did not find any tables in database {} at {} Please create before running.",
            settings.database,
            client.address()
        )));
    }
    Ok(())
}
