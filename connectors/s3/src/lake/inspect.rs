//! One object, read from its first to its last byte.

use std::fs::File;
use std::io::{Read, Seek};

use longshore_api::{ConnectError, Result};
use sha2::{Digest, Sha256};

use super::Lake;
use super::fields::Kinds;
use super::name::{Format, Name};
use super::rows::{Rows, corrupt};
use crate::manifest::Manifest;
use crate::store::aws::Listed;

/// The most bytes of a manifest: its inputs may be many.
pub(super) const MAX_MANIFEST: usize = 64 << 20;
/// The most bytes of a row in a report.
const MAX_SAMPLE: usize = 64 << 10;

/// What an object holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) rows: u64,
    pub(super) schema: Option<String>,
    pub(super) kinds: Kinds,
    pub(super) samples: Vec<String>,
}

/// A temporary file with an object in it.
///
/// # Errors
/// Why it is not to be had, with its name.
pub(super) async fn fetch(lake: &Lake, object: &Listed) -> Result<File> {
    let failed = |error: std::io::Error| ConnectError::fatal(format!("a temporary file failed: {error}"));
    let mut file = tempfile::tempfile().map_err(failed)?;
    let read = lake.bucket.download(&object.key, &mut file).await;
    let length = read.map_err(|error| lake.failed("reading", &object.key, &error))?;
    if length != object.size {
        let url = lake.url(&object.key);
        return Err(ConnectError::retriable(format!("{url} has {length} bytes instead of {}", object.size)));
    }
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// The manifest of an object.
///
/// # Errors
/// Kind BadRecord: it is none; any other: it cannot be read.
pub(super) async fn manifest(lake: &Lake, key: &str) -> Result<Manifest> {
    let bytes = lake.bucket.read(key, MAX_MANIFEST).await.map_err(|error| lake.failed("reading", key, &error))?;
    serde_json::from_slice(&bytes).map_err(corrupt)
}

/// Reads all rows of a file that holds an object, of which `samples` are kept.
///
/// # Errors
/// Kind BadRecord: which row cannot be read, and why.
pub(super) fn read(file: File, name: &Name, (format, is_gzip): (Format, bool), samples: usize) -> Result<Contents> {
    let mut rows = Rows::open(file, format, is_gzip, name.is_compacted)?;
    let mut contents = Contents { schema: rows.schema().map(str::to_owned), ..Contents::default() };
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

/// The SHA-256 sum of a file, in hexadecimal digits; the file is at its beginning afterwards.
///
/// # Errors
/// Kind Fatal.
pub(super) fn checksum(file: &mut File) -> Result<String> {
    let failed = |error: std::io::Error| ConnectError::fatal(format!("a temporary file failed: {error}"));
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
    file.rewind().map_err(failed)?;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    file.rewind().map_err(failed)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
