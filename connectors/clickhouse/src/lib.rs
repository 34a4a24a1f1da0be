//! The ClickHouse sink: `com.clickhouse.kafka.connect.ClickHouseSinkConnector`.
//!
//! # What it does
//! Records are collected in lanes, one for each partition and topic (`buffer`), and go in chunks to the table of their
//! topic (`writer`). A chunk becomes the body of an insert in one pass (`encode`): schemaless JSON is passed on as it
//! came (`json`), texts are rows of the format that the user says, records with a schema are written as RowBinary
//! (`binary`) for the columns as the server describes them (`table`, `types`). Several lanes are under way at once.
//! Tables may be made (`create`) and get columns (`evolve`) by what the records are.
//!
//! # What is delivered
//! Offsets are delivered up to the first record that the server has not acknowledged and that was not reported: at
//! least once. Every insert is named by its partition and offsets, so that tables which deduplicate inserts drop one
//! that comes again. With `exactlyOnce` the range of offsets is announced in ClickHouse's Keeper before it is inserted
//! (`state`), so that a crash cannot change how records are cut into inserts.
//!
//! # Errors
//! What may pass is tried again for as long as it takes: no connection, too many parts, a table that is read-only. A
//! record that cannot be written, or an insert that the server refuses, ends the task or is reported
//! (`errors.tolerance`). A login or a privilege that is missing ends the task in either case.

mod binary;
mod buffer;
mod client;
mod config;
mod create;
mod debezium;
mod encode;
mod errors;
mod evolve;
mod json;
mod state;
mod table;
mod task;
mod types;
mod writer;

use async_trait::async_trait;
use longshore_api::config::{ConfigDef, ConfigValue, Props};
use longshore_api::{ConnectError, Connector, Result, SinkConnector, SinkTask, TopicPartition};
use tokio_util::sync::CancellationToken;

/// Version of the Java connector whose behaviour this one has.
pub(crate) const VERSION: &str = "v1.5.0";

/// The sink's contract.
#[derive(Debug, Default, Clone, Copy)]
#[doc(alias = "com.clickhouse.kafka.connect.ClickHouseSinkConnector")]
pub struct ClickHouseSinkConnector;

#[async_trait]
impl Connector for ClickHouseSinkConnector {
    fn class(&self) -> &'static str {
        "com.clickhouse.kafka.connect.ClickHouseSinkConnector"
    }

    fn task_class(&self) -> &'static str {
        "com.clickhouse.kafka.connect.sink.ClickHouseSinkTask"
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

    fn start(&self, config: &Props) -> Result<()> {
        config::check_all(config)?;
        client::Client::new(config, CancellationToken::new()).map(drop)
    }
}

impl SinkConnector for ClickHouseSinkConnector {
    fn new_task(&self) -> Box<dyn SinkTask> {
        Box::new(task::ClickHouseSinkTask::default())
    }

    /// With exactly once, what is stored of a partition goes with its offsets: otherwise records that are to be read
    /// again would be passed over as written. Transforms may have it stored under another topic, which nobody knows here.
    fn alter_offsets(&self, config: &Props, offsets: &[(TopicPartition, Option<i64>)]) -> Result<bool> {
        let settings = config::check_all(config)?;
        if settings.mode != config::Mode::ExactlyOnce {
            return Ok(false);
        }
        let client = client::Client::new(config, CancellationToken::new())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| ConnectError::fatal(format!("no runtime can be made: {error}")))?;
        let altered = runtime.block_on(async {
            let store = state::store::Store::open(&client, &settings).await?;
            let is_renamed = config.get("transforms").is_some_and(|names| !names.trim().is_empty());
            let mut is_all = true;
            for (place, offset) in offsets {
                let found = store.rewind(&client, &format!("{}-{}", place.topic, place.partition), *offset).await?;
                is_all &= found || !is_renamed;
            }
            Ok(is_all)
        });
        altered.map_err(errors::Failure::into_error)
    }
}
