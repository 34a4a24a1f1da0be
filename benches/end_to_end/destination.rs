//! Where the records arrive, and how that is seen without the worker's help.

mod avro_file;
mod clickhouse;
mod file;
mod mongodb;
mod s3;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::lab::Lab;
use crate::topic::Topic;
use crate::worker::Side;
pub(crate) use s3::Objects;

/// How long all the records may take. What takes longer is broken, not slow.
const PATIENCE: Duration = Duration::from_secs(300);

/// When records arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

/// A place that nobody else writes to.
pub(crate) trait Destination {
    /// The part of a connector's configuration that leads here.
    fn connector_config(&self, side: Side, topic: &Topic) -> Value;

    /// Waits until `records` have arrived. Looking is cheap, so that it takes nothing from the worker.
    fn wait_for(&self, records: u64) -> Result<Arrival>;

    /// Sees that what arrived is each record once, by reading all of it.
    fn check(&self, records: u64) -> Result<()>;

    /// Removes everything that arrived.
    fn clear(&self) -> Result<()>;

    /// Writes lines of JSON as plainly as can be: what a worker's cost is held against.
    fn write(&self, _topic: &Topic, lines: Vec<u8>) -> Result<()> {
        bail!("{} bytes of lines are nothing that can be written here", lines.len())
    }
}

/// A kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    File,
    MongoDb,
    ClickHouse,
    S3(Objects),
}

impl Target {
    /// A new, empty destination.
    pub(crate) fn open(self, lab: &Lab) -> Result<Box<dyn Destination + '_>> {
        Ok(match self {
            Self::File => Box::new(file::Lines::new(lab)),
            Self::MongoDb => Box::new(mongodb::Documents::new(lab)?),
            Self::ClickHouse => Box::new(clickhouse::Table::new(lab)?),
            Self::S3(objects) => Box::new(s3::Bucket::new(lab, objects)?),
        })
    }

    /// The plugins of Kafka Connect's worker that do not come with the servers, and further properties of the worker on
    /// either side.
    pub(crate) fn equipment(self) -> (Vec<&'static str>, &'static [(&'static str, &'static str)]) {
        match self {
            Self::File | Self::MongoDb => (Vec::new(), &[]),
            Self::ClickHouse => (vec!["clickhouse"], &[]),
            // Aiven's sink keeps all records in memory until offsets are committed, a minute by default.
            Self::S3(_) => (vec!["s3"], &[("offset.flush.interval.ms", "2000")]),
        }
    }
}
