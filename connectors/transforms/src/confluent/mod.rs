//! Confluent's transforms (`confluentinc/connect-transforms`).

mod extract_topic;
mod filter;
mod gzip;
mod records;

use longshore_api::TransformPlugin;

use crate::apache::{flatten, replace_field, routers};
use crate::plugin::{sided, transform};

/// The release whose transforms these are.
const VERSION: &str = "1.6.2";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![
        transform::<extract_topic::FromHeader>("io.confluent.connect.transforms.ExtractTopic$Header", VERSION),
        transform::<records::MessageTimestampRouter>("io.confluent.connect.transforms.MessageTimestampRouter", VERSION),
        transform::<records::TombstoneHandler>("io.confluent.connect.transforms.TombstoneHandler", VERSION),
        // Names under which Apache's transforms are written now and then.
        transform::<routers::RegexRouter>("io.confluent.connect.transforms.RegexRouter", VERSION),
    ];
    plugins.extend(sided!("io.confluent.connect.transforms.ExtractTopic", extract_topic::ExtractTopic, VERSION));
    plugins.extend(sided!("io.confluent.connect.transforms.Filter", filter::Filter, VERSION));
    plugins.extend(sided!("io.confluent.connect.transforms.GzipDecompress", gzip::GzipDecompress, VERSION));
    plugins.extend(sided!("io.confluent.connect.transforms.Drop", records::Drop, VERSION));
    plugins.extend(sided!("io.confluent.connect.transforms.ReplaceField", replace_field::ReplaceField, VERSION));
    plugins.extend(sided!("io.confluent.connect.transforms.Flatten", flatten::Flatten, VERSION));
    plugins
}
