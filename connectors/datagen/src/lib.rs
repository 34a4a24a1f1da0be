//! The Datagen source: records made up from a description, for demonstrations, tests and load.
//!
//! A description is an Avro schema whose types carry rules (`arg.properties`). Keys, messages, offsets and headers are
//! those of `io.confluent.kafka.connect.datagen.DatagenConnector`; `README.md` describes the rules and what is added
//! to them.

mod avro;
mod config;
mod generator;
mod quickstarts;
mod source;

pub use generator::Generator;
pub use source::{Datagen, DatagenTask};

/// Version of the connector whose behaviour this one has.
pub const VERSION: &str = "0.7.0";
