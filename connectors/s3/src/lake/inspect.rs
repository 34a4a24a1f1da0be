//! One object, read from its first to its last byte.

use std::io::Read;
use std::sync::Arc;

use longshore_api::{ConnectError, Result};
use sha2::{Digest, Sha256};

use super::Lake;
use super::fields::Kinds;
use super::name::{Format, Name};
use super::rows::{Rows, corrupt};
use super::spool::{Slice, temporary};
use crate::manifest::Manifest;
use crate::store::aws::Listed;
use crate::store::{Store, StoreError};

/// The most bytes of a manifest: its inputs may be many.
pub(super) const MAX_MANIFEST: usize = 64 << 20;
/// The most bytes of a schema: verification keeps those that differ.
pub(super) const MAX_SCHEMA: usize = 1 << 20;
/// The most bytes of a row in a report.
const MAX_SAMPLE: usize = 64 << 10;

/// What an object holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) rows: u64,
    pub(super) schema: Option<Arc<str>>,
    pub(super) kinds: Kinds,
    pub(super) samples: Vec<String>,
}

/// An object, copied to a temporary file.
///
/// # Errors
/// Kind BadRecord: what is wrong with this object; any other: why it is not to be had, with its name.
pub(super) async fn fetch(lake: &Lake, object: &Listed) -> Result<Slice> {
    let mut file = tempfile::tempfile().map_err(temporary)?;
    let read = lake.bucket.download(&object.key, &mut file).await;
    let (length, tag) = match read {
        Ok(read) => read,
        Err(error) => return Err(unread(lake, &object.key, &error, u64::MAX).await),
    };
    if length != object.size {
        return Err(corrupt(format!("it has {length} bytes, and had {} when it was listed", object.size)));
    }
    if tag != object.tag {
        return Err(corrupt("it was written again since it was listed"));
    }
    Slice::whole(file)
}

/// The manifest of an object.
///
/// # Errors
/// Kind BadRecord: it is none, or what is wrong with this object; any other: it cannot be read.
pub(super) async fn manifest(lake: &Lake, key: &str) -> Result<Manifest> {
    let bytes = match lake.bucket.read(key, MAX_MANIFEST).await {
        Ok(bytes) => bytes,
        Err(error) => return Err(unread(lake, key, &error, MAX_MANIFEST as u64).await),
    };
    serde_json::from_slice(&bytes).map_err(|error| corrupt(format!("it is no manifest: {error}")))
}

/// Why an object of which `most` bytes are read was not read. One that is gone or too large says nothing of the others;
/// whatever else is refused may be refused for all of them.
async fn unread(lake: &Lake, key: &str, error: &StoreError, most: u64) -> ConnectError {
    if matches!(error, StoreError::Refused(_)) {
        match lake.bucket.size(key).await {
            Ok(None) => return corrupt("it was deleted since it was listed"),
            Ok(Some(size)) if size > most => return corrupt(format!("it has {size} bytes, more than {most}")),
            _ => {}
        }
    }
    lake.failed("reading", key, error)
}

/// Reads all rows of an object, of which `samples` are kept.
///
/// # Errors
/// Kind BadRecord: which row cannot be read, and why.
pub(super) fn read(object: &Slice, name: &Name, (format, is_gzip): (Format, bool), samples: usize) -> Result<Contents> {
    let mut rows = Rows::open(object, format, is_gzip, name.is_compacted)?;
    let mut contents = Contents { schema: rows.schema().map(Arc::from), ..Contents::default() };
    let mut row = Vec::new();
    loop {
        let at_row = |error: ConnectError| corrupt(format!("row {}: {error}", contents.rows + 1));
        if !rows.next(&mut row).map_err(at_row)? {
            return Ok(contents);
        }
        contents.kinds.add(&row).map_err(at_row)?;
        contents.rows += 1;
        if contents.samples.len() < samples {
            contents.samples.push(String::from_utf8_lossy(&row[..row.len().min(MAX_SAMPLE)]).trim().to_owned());
        }
    }
}

/// The SHA-256 sum of an object, in hexadecimal digits.
///
/// # Errors
/// Kind Fatal.
pub(super) fn checksum(object: &Slice) -> Result<String> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
    let mut reader = object.reader();
    loop {
        let read = reader.read(&mut buffer).map_err(temporary)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
