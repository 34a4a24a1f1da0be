//! What is compiled in. A new connector or format is added here and nowhere else.

use std::sync::Arc;

use longshore_api::Plugin;
use longshore_clickhouse::ClickHouseSinkConnector;
use longshore_datagen::Datagen;
use longshore_file::{FileSink, FileSource};
use longshore_mongodb::MongoSinkConnector;
use longshore_s3::{AivenS3SinkConnector, S3SinkConnector};

use super::ConverterPlugin;

pub(super) fn connectors() -> Vec<Plugin> {
    vec![
        Plugin::Sink(Arc::new(FileSink)),
        Plugin::Sink(Arc::new(ClickHouseSinkConnector)),
        Plugin::Sink(Arc::new(MongoSinkConnector)),
        Plugin::Sink(Arc::new(S3SinkConnector)),
        Plugin::Sink(Arc::new(AivenS3SinkConnector)),
        Plugin::Source(Arc::new(Datagen)),
        Plugin::Source(Arc::new(FileSource)),
    ]
}

pub(super) fn converters() -> Vec<ConverterPlugin> {
    longshore_formats::plugins()
        .iter()
        .map(|plugin| ConverterPlugin {
            class: plugin.class(),
            version: plugin.version(),
            config: plugin.config_def().clone(),
            converts_records: plugin.is_converter(),
            converts_headers: plugin.is_header_converter(),
        })
        .collect()
}
