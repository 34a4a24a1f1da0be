//! What a single message transform is, and the predicate that may guard it.
//!
//! A chain of transforms works on one [`ConnectRecord`] at a time. Each transform says beforehand which
//! [parts](Parts) of a record it reads or changes: parts that nobody in a chain touches are never decoded, and stand
//! in the record as [`Data::NULL`] and without headers.

use std::sync::Arc;

use crate::batch::TimestampType;
use crate::config::{ConfigDef, Props};
use crate::error::Result;
use crate::source::Header;
use crate::value::Data;

/// A record on its way through a chain of transforms, of a sink or a source.
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "org.apache.kafka.connect.connector.ConnectRecord")]
pub struct ConnectRecord {
    /// The topic, as the chain so far left it.
    pub topic: Arc<str>,
    /// The Kafka partition; `None` for a source record whose partition is the producer's choice.
    pub partition: Option<i32>,
    /// The key.
    pub key: Data,
    /// The value.
    pub value: Data,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Headers, in order; a name may stand more than once.
    pub headers: Vec<Header>,
    /// Where the record came from; no transform changes it.
    pub origin: RecordOrigin,
}

/// Which way a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOrigin {
    /// From a source connector to Kafka.
    Source,
    /// From Kafka to a sink connector.
    Sink {
        /// The record's Kafka offset.
        offset: i64,
        /// What its timestamp means.
        timestamp_type: TimestampType,
    },
}

/// Parts of a record that a transform or predicate reads or changes. Topic, partition and timestamp are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Parts {
    pub key: bool,
    pub value: bool,
    pub headers: bool,
    /// Whether the value is null, and nothing else of it: what stands in the record may be anything but null where the
    /// value is something.
    pub presence: bool,
}

impl Parts {
    /// None of them: what routes by topic or timestamp needs.
    pub const NONE: Parts = Parts { key: false, value: false, headers: false, presence: false };
    /// The key alone.
    pub const KEY: Parts = Parts { key: true, ..Parts::NONE };
    /// The value alone.
    pub const VALUE: Parts = Parts { value: true, ..Parts::NONE };
    /// The headers alone.
    pub const HEADERS: Parts = Parts { headers: true, ..Parts::NONE };
    /// Whether there is a value, which nobody needs to decode for that.
    pub const PRESENCE: Parts = Parts { presence: true, ..Parts::NONE };

    /// The parts of either.
    #[must_use]
    pub const fn and(self, other: Parts) -> Parts {
        Parts {
            key: self.key || other.key,
            value: self.value || other.value,
            headers: self.headers || other.headers,
            presence: self.presence || other.presence,
        }
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the next transform.
    Keep,
    /// It is dropped on purpose, and counts as handled.
    Drop,
}

/// A configured transform of one task.
#[doc(alias = "org.apache.kafka.connect.transforms.Transformation")]
pub trait Transform: Send {
    /// What the transform, as it is configured, reads or changes.
    fn parts(&self) -> Parts;

    /// Changes a record, in place.
    ///
    /// # Errors
    /// Kind BadRecord, in Connect's words with the field named; the record has no meaning any more. An error of kind
    /// Retriable leaves the record as it was.
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict>;
}

/// A configured predicate of one task.
#[doc(alias = "org.apache.kafka.connect.transforms.predicates.Predicate")]
pub trait Predicate: Send {
    /// What the predicate reads.
    fn parts(&self) -> Parts;

    /// Whether the record is one that the predicate looks for.
    ///
    /// # Errors
    /// Kind BadRecord.
    fn test(&self, record: &ConnectRecord) -> Result<bool>;
}

/// What makes a configured transform or predicate.
#[derive(Debug, Clone, Copy)]
pub enum Make {
    /// A transform; errors are of kind Config and name the key.
    Transform(fn(&Props) -> Result<Box<dyn Transform>>),
    /// A predicate; errors as above.
    Predicate(fn(&Props) -> Result<Box<dyn Predicate>>),
}

/// A transform or predicate that is built in.
#[derive(Debug)]
pub struct TransformPlugin {
    /// Java class name under which it is configured, `$Key` or `$Value` included.
    pub class: &'static str,
    /// Version of the plugin whose behaviour this one has.
    pub version: &'static str,
    /// Its keys, without the prefix under which a connector gives them.
    pub config: ConfigDef,
    /// Makes one.
    pub make: Make,
}
