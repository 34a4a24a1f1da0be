//! Options that stand in a file of their own.

use std::fs::File;
use std::io::Read;

use serde_json::{Map, Value as Json};

/// The largest file, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The options of a file: JSON values one after another, or in an array.
///
/// # Errors
/// The file cannot be read. The message does not tell what stands in it.
pub(super) fn from_file(rule: &Map<String, Json>) -> Result<Vec<Json>, String> {
    let text = |name: &str| rule.get(name).and_then(Json::as_str);
    let (Some(file), Some(encoding)) = (text("file"), text("encoding")) else {
        return Err("an object must have \"file\" and \"encoding\"".to_owned());
    };
    if encoding != "json" {
        return Err(format!("encoding {encoding:?} is not supported, use \"json\""));
    }
    let bytes = read_bounded(file, MAX_FILE).map_err(|error| format!("file {file:?}: {error}"))?;
    let values: Result<Vec<Json>, _> = serde_json::Deserializer::from_slice(&bytes).into_iter().collect();
    let mut values = values.map_err(|error| format!("file {file:?}: {error}"))?;
    match values.as_mut_slice() {
        [Json::Array(items)] => Ok(std::mem::take(items)),
        _ => Ok(values),
    }
}

/// The content of a file on a disk that is no larger than allowed.
pub(crate) fn read_bounded(path: &str, limit: u64) -> std::io::Result<Vec<u8>> {
    let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
    if !std::fs::metadata(path)?.is_file() {
        return Err(wrong("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(wrong("it is too large")) } else { Ok(bytes) }
}
