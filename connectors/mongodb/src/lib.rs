//! The MongoDB sink: `com.mongodb.kafka.connect.MongoSinkConnector`.
//!
//! # What it does
//! Every record becomes a BSON document in one pass over its bytes. Post processors change it, or a change data capture
//! handler reads it as an event (`process`, `cdc`), and a write model strategy makes it an operation (`write_model`) on
//! the collection that the namespace mapper names. Operations go out in runs (`run`), as the commands `insert`,
//! `update` and `delete`, which every server understands. Commands of several runs are under way at once; what must
//! keep its order is in one run.
//!
//! # What is delivered
//! `put` returns when the server has acknowledged, so `flush` has nothing to do: at least once, and exactly once as
//! long as the task lives (see the `writer` module). With an id strategy that takes the `_id` from the record, what is
//! written twice after a restart is written over itself.
//!
//! # Errors
//! A record that cannot be converted or that the server refuses is a bad record: it fails the task, or with
//! `mongo.errors.tolerance` (`errors.tolerance`) of `data` or `all` it is reported and skipped. After a bad
//! record of an ordered bulk write the server stops; what comes after it is written next, in its order.
//!
//! Differs from the Java connector: there, a database that cannot be reached ends the task, or with tolerance `all`
//! sends everything to the dead letter queue. Here an outage, an election or a time-out is never a record's fault,
//! whatever the tolerance: `put` says how far it came, and is called again until the database is back. And there, the
//! records after a bad one of an ordered bulk write are never tried, only reported.

mod cdc;
mod client;
mod config;
mod convert;
mod date;
mod errors;
#[cfg(test)]
mod golden_tests;
mod id;
mod namespace;
mod prepared;
mod process;
mod projection;
mod run;
mod task;
mod time_series;
mod write_model;
mod writer;

use async_trait::async_trait;
use longshore_api::config::{ConfigDef, ConfigValue, Props};
use longshore_api::{Connector, Result, SinkConnector, SinkTask};

/// Version of the Java connector whose behaviour this one has.
pub(crate) const VERSION: &str = "2.0.1";

/// The sink's contract.
#[derive(Debug, Default, Clone, Copy)]
#[doc(alias = "com.mongodb.kafka.connect.MongoSinkConnector")]
pub struct MongoSinkConnector;

#[async_trait]
impl Connector for MongoSinkConnector {
    fn class(&self) -> &'static str {
        "com.mongodb.kafka.connect.MongoSinkConnector"
    }

    fn task_class(&self) -> &'static str {
        "com.mongodb.kafka.connect.sink.MongoSinkTask"
    }

    fn version(&self) -> &'static str {
        VERSION
    }

    fn config_def(&self) -> &ConfigDef {
        config::def()
    }

    fn validate(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        config::validate(config, values);
    }

    async fn validate_target(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        client::validate(config, values).await;
    }

    fn start(&self, config: &Props) -> Result<()> {
        config::check_all(config)
    }
}

impl SinkConnector for MongoSinkConnector {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(task::MongoSinkTask::default())
    }
}

/// What benchmarks measure.
#[doc(hidden)]
pub mod bench {
    use crate::convert::builder::Builder;

    /// Converts JSON to BSON in a buffer that is used again; gives the document's length.
    #[derive(Debug, Default)]
    pub struct Converter(Builder);

    impl Converter {
        /// The length of the document; 0 if the text is no JSON object.
        pub fn convert(&mut self, json: &[u8]) -> usize {
            crate::convert::json::schemaless(json, &mut self.0).map_or(0, |()| self.0.document().len())
        }
    }
}
