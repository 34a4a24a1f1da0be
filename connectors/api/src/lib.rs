//! What a connector is: the contract between Longshore's worker and its plugins.
//!
//! This crate knows nothing of Kafka's protocol, of HTTP or of any single connector. A record comes as a row of a
//! [`Batch`] (sinks) or goes as a [`SourceRecord`] (sources); a configuration is a table, [`ConfigDef`], and
//! [`Props`]; an error has a [kind](ErrorKind), and the worker acts on that alone.

pub mod batch;
pub mod config;
pub mod connector;
pub mod error;
pub mod position;
pub mod schema;
pub mod sink;
pub mod source;
pub mod transform;
pub mod value;

pub use batch::{Batch, BatchBuilder, Payload, Record, RowParts, Slot, Slots, Span, TimestampType};
pub use config::{ConfigDef, ConfigKey, ConfigValue, Props};
pub use connector::{Connector, Plugin, TaskContext};
pub use error::{ConnectError, ErrorKind, Result};
pub use position::{Delivered, Positions, TopicPartition};
pub use schema::{Field, Schema, Type};
pub use sink::{BadRecord, FlushOutcome, Origin, Part, PutOutcome, SinkConnector, SinkTask};
pub use source::{Header, OffsetReader, SourceConnector, SourceMap, SourceRecord, SourceTask};
pub use transform::{ConnectRecord, Parts, Predicate, RecordOrigin, Transform, TransformPlugin, Verdict};
pub use value::{Data, Map, Struct, Value};
