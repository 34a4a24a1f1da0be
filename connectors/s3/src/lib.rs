//! The S3 sink: `io.confluent.connect.s3.S3SinkConnector`.
//!
//! # What it does
//! A record goes to the open file of its path (`partitioner`), in its format (`format`). When a rule says so
//! (`rotation`), all open files of the topic partition are closed and committed (`writer`). Objects go to the server as
//! they grow, in parts, or in one request if they are small (`object`, `upload`).
//!
//! # What is delivered
//! `flush` gives the offset after the last file that is in the bucket, or after everything if no file is open. What
//! was open at a crash is read and written again, under the same names: the name of an object is that of its first
//! offset. With paths and rotations that depend on records alone, the same objects come out, so that each record is
//! there once.
//!
//! # Errors
//! A record that cannot be written is a bad record. An upload that fails and may work later is tried again until it
//! does; meanwhile `put` takes what there is room for. What will fail again ends the task.

mod aiven;
mod config;
mod format;
mod gzip;
pub mod lake;
mod manifest;
mod object;
mod packing;
mod partitioner;
mod rotation;
mod schema;
mod spill;
mod store;
mod task;
mod upload;
mod writer;

use async_trait::async_trait;
use longshore_api::config::{ConfigDef, ConfigValue, Props};
use longshore_api::{Connector, SinkConnector, SinkTask};

/// Version of Confluent's connector whose behaviour this one has.
const VERSION: &str = "12.1.0";

pub use aiven::AivenS3SinkConnector;

/// Confluent's S3 sink.
#[derive(Debug, Default, Clone, Copy)]
#[doc(alias = "io.confluent.connect.s3.S3SinkConnector")]
pub struct S3SinkConnector;

#[async_trait]
impl Connector for S3SinkConnector {
    fn class(&self) -> &'static str {
        "io.confluent.connect.s3.S3SinkConnector"
    }

    fn task_class(&self) -> &'static str {
        "io.confluent.connect.s3.S3SinkTask"
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
}

impl SinkConnector for S3SinkConnector {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(task::S3SinkTask::new(config::settings))
    }
}
