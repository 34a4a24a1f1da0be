//! GzipDecompress: what gzip packed, unpacked.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};

use crate::part::Side;
use crate::plugin::Configure;

/// The most bytes that one record may become: a record of a megabyte could fill a gigabyte.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Unpacks bytes.
#[derive(Debug)]
pub(super) struct GzipDecompress {
    side: Side,
}

impl Configure for GzipDecompress {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side })
    }
}

impl Transform for GzipDecompress {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let name = self.side.name();
        let value = &mut self.side.of(record).value;
        let unpacked = match value {
            Value::Null => return Ok(Verdict::Keep),
            Value::Bytes(packed) => unpack(packed),
            other => {
                let class = other.java_class();
                return Err(ConnectError::data(format!("the {name} must be bytes to be unpacked, found: {class}")));
            }
        };
        *value = Value::Bytes(unpacked.map_err(|why| ConnectError::data(format!("the {name} {why}")))?.into());
        Ok(Verdict::Keep)
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed).take(MAX_BYTES + 1);
    decoder.read_to_end(&mut unpacked).map_err(|error| format!("is not packed by gzip: {error}"))?;
    if unpacked.len() as u64 > MAX_BYTES {
        return Err(format!("is longer than {MAX_BYTES} bytes when it is unpacked"));
    }
    Ok(unpacked)
}
