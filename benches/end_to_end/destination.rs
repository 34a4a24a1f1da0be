//! Where the records arrive, and how that is seen without the worker's help.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bson::{Document, doc};
use longshore_test_servers::unique;
use mongodb::Collection;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::pipeline::Pipeline;
use crate::topic::FIRST_NUMBER;

/// How long all the records may take. What takes longer is broken, not slow.
const PATIENCE: Duration = Duration::from_secs(300);

/// A file or a collection that nobody else writes to.
#[derive(Debug)]
pub(crate) enum Destination<'a> {
    File(PathBuf),
    Collection { lab: &'a Lab, collection: Collection<Document> },
}

/// When records arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

impl<'a> Destination<'a> {
    /// A new, empty destination for a pipeline.
    pub(crate) fn new(lab: &'a Lab, pipeline: Pipeline) -> Result<Self> {
        let name = unique("quotes");
        if !pipeline.goes_to_mongodb() {
            return Ok(Self::File(lab.folder().join(name)));
        }
        let client = lab.runtime().block_on(mongodb::Client::with_uri_str(lab.mongodb()))?;
        Ok(Self::Collection { lab, collection: client.database(&name).collection("quotes") })
    }

    /// The part of a connector's configuration that leads here.
    pub(crate) fn connector_config(&self) -> Value {
        match self {
            Self::File(path) => json!({
                "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
                "file": path,
            }),
            Self::Collection { lab, collection } => json!({
                "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
                "connection.uri": lab.mongodb(),
                "database": collection.namespace().db,
                "collection": collection.name(),
            }),
        }
    }

    /// Waits until `records` have arrived. Looking is cheap, so that it takes nothing from the worker: a file is asked
    /// for its size, and read only when it stops growing; a collection for the count that MongoDB keeps of it.
    pub(crate) fn wait_for(&self, records: u64) -> Result<Arrival> {
        match self {
            Self::File(path) => wait_for_lines(path, records),
            Self::Collection { lab, collection } => lab.runtime().block_on(wait_for_documents(collection, records)),
        }
    }

    /// Sees that what arrived is each record once, by reading all of it.
    pub(crate) fn check(&self, records: u64) -> Result<()> {
        match self {
            Self::File(path) => check_lines(path, records),
            Self::Collection { lab, collection } => lab.runtime().block_on(check_documents(collection, records)),
        }
    }

    /// Removes everything that arrived.
    pub(crate) fn clear(&self) -> Result<()> {
        match self {
            Self::File(path) => fs::remove_file(path).context("the file cannot be removed"),
            Self::Collection { lab, collection } => {
                let database = collection.client().database(&collection.namespace().db);
                Ok(lab.runtime().block_on(async { database.drop().await })?)
            }
        }
    }
}

fn wait_for_lines(path: &Path, records: u64) -> Result<Arrival> {
    /// A file that has not grown for so long may be complete.
    const STILL: Duration = Duration::from_millis(25);
    let end = Instant::now() + PATIENCE;
    let (mut first, mut size, mut grown) = (None, 0, Instant::now());
    let mut lines = LineCount::default();
    loop {
        let now = Instant::now();
        let size_now = size_of(path)?;
        if size_now > size {
            first = first.or(Some(now));
            (size, grown) = (size_now, now);
        } else if let Some(first) = first.filter(|_| now - grown >= STILL) {
            if lines.bytes < size {
                lines.read_on(path)?;
            }
            // More may have come while the lines were read: then the last one is yet to be seen.
            if lines.count >= records && lines.bytes == size {
                return Ok(Arrival { first, last: grown });
            }
        }
        ensure!(now < end, "only {} of {records} lines arrived in {PATIENCE:?}", lines.count);
        sleep(Duration::from_millis(1));
    }
}

fn size_of(path: &Path) -> Result<u64> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).context("the file cannot be looked at"),
    }
}

/// The lines of a file that grows, each read once.
#[derive(Debug, Default)]
struct LineCount {
    bytes: u64,
    count: u64,
}

impl LineCount {
    fn read_on(&mut self, path: &Path) -> Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = File::open(path)?;
        let _position = file.seek(SeekFrom::Start(self.bytes))?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.bytes += read as u64;
            self.count += buffer.iter().take(read).filter(|byte| **byte == b'\n').count() as u64;
        }
    }
}

fn check_lines(path: &Path, records: u64) -> Result<()> {
    let mut seen = vec![false; usize::try_from(records)?];
    let (mut reader, mut line, mut lines) = (BufReader::with_capacity(1 << 20, File::open(path)?), Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        let number = number_of(&line).with_context(|| format!("an odd line: {}", String::from_utf8_lossy(&line)))?;
        let place = number.checked_sub(FIRST_NUMBER).and_then(|place| seen.get_mut(usize::try_from(place).ok()?));
        let place = place.with_context(|| format!("record {number} was never written"))?;
        ensure!(!*place, "record {number} arrived twice");
        *place = true;
        lines += 1;
        line.clear();
    }
    ensure!(lines == records, "{lines} lines arrived, not {records}");
    Ok(())
}

/// The record's number, in JSON or as Java prints a map.
fn number_of(line: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"sequence";
    let at = line.windows(NAME.len()).position(|window| window == NAME)?;
    let digits = line.get(at + NAME.len()..)?.iter().skip_while(|byte| matches!(byte, b'"' | b':' | b'='));
    let digits: String = digits.take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    digits.parse().ok()
}

async fn wait_for_documents(collection: &Collection<Document>, records: u64) -> Result<Arrival> {
    let end = Instant::now() + PATIENCE;
    let mut first = None;
    loop {
        let (count, now) = (collection.estimated_document_count().await?, Instant::now());
        if count > 0 {
            first = first.or(Some(now));
        }
        // The kept count runs ahead of what is committed, by a batch of inserts at most.
        if let Some(first) = first.filter(|_| count >= records)
            && collection.count_documents(doc! {}).await? >= records
        {
            return Ok(Arrival { first, last: now });
        }
        ensure!(now < end, "only {count} of {records} documents arrived in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(if count == 0 { 2 } else { 10 })).await;
    }
}

async fn check_documents(collection: &Collection<Document>, records: u64) -> Result<()> {
    let count = collection.count_documents(doc! {}).await?;
    ensure!(count == records, "{count} documents arrived, not {records}");
    let each = doc! { "$group": { "_id": "$sequence" } };
    let all = doc! { "$group": {
        "_id": null, "count": { "$sum": 1 }, "least": { "$min": "$_id" }, "most": { "$max": "$_id" },
    } };
    let mut cursor = collection.aggregate([each, all]).await?;
    ensure!(cursor.advance().await?, "no document can be read");
    let found = cursor.deserialize_current()?;
    let number = |key: &str| found.get(key).and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)));
    let (count, first) = (i64::try_from(records)?, i64::try_from(FIRST_NUMBER)?);
    let expected = [Some(count), Some(first), Some(first + count - 1)];
    ensure!([number("count"), number("least"), number("most")] == expected, "not each record arrived once: {found}");
    Ok(())
}
