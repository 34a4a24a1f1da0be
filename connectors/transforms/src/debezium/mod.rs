//! Debezium's transforms, for change events that its connectors wrote to Kafka.

mod changed_state;
mod envelope;
mod extract_new_record_state;
mod geometry;
mod header_to_value;
mod logical_table;
mod mongodb;
mod murmur;
mod naming;
mod outbox;
mod partition_routing;
mod read_to_insert;
mod schema_change_filter;
mod scripting;
mod source_schema;
mod timezone;
mod vector;

use longshore_api::TransformPlugin;
use longshore_api::config::{ConfigKey, ConfigType, Importance, Width};

use crate::plugin::transform;

/// The Debezium release whose transforms these are.
const VERSION: &str = "3.3.0.Final";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    use extract_new_record_state::ExtractNewRecordState;
    vec![
        transform::<ExtractNewRecordState>("io.debezium.transforms.ExtractNewRecordState", VERSION),
        // Its name up to release 0.9.
        transform::<ExtractNewRecordState>("io.debezium.transforms.UnwrapFromEnvelope", VERSION),
        transform::<changed_state::ExtractChangedRecordState>(
            "io.debezium.transforms.ExtractChangedRecordState",
            VERSION,
        ),
        transform::<header_to_value::HeaderToValue>("io.debezium.transforms.HeaderToValue", VERSION),
        transform::<schema_change_filter::SchemaChangeEventFilter>(
            "io.debezium.transforms.SchemaChangeEventFilter",
            VERSION,
        ),
        transform::<source_schema::ExtractSchemaToNewRecord>(
            "io.debezium.transforms.ExtractSchemaToNewRecord",
            VERSION,
        ),
        transform::<naming::CollectionNameTransformation>(
            "io.debezium.connector.jdbc.transforms.CollectionNameTransformation",
            VERSION,
        ),
        transform::<naming::FieldNameTransformation>(
            "io.debezium.connector.jdbc.transforms.FieldNameTransformation",
            VERSION,
        ),
        transform::<geometry::GeometryFormatTransformer>("io.debezium.transforms.GeometryFormatTransformer", VERSION),
        transform::<geometry::SwapGeometryCoordinates>("io.debezium.transforms.SwapGeometryCoordinates", VERSION),
        transform::<vector::VectorToJsonConverter>("io.debezium.transforms.VectorToJsonConverter", VERSION),
        transform::<read_to_insert::ReadToInsertEvent>(
            "io.debezium.connector.mysql.transforms.ReadToInsertEvent",
            VERSION,
        ),
        transform::<timezone::TimezoneConverter>("io.debezium.transforms.TimezoneConverter", VERSION),
        transform::<logical_table::ByLogicalTableRouter>("io.debezium.transforms.ByLogicalTableRouter", VERSION),
        transform::<mongodb::ExtractNewDocumentState>(
            "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState",
            VERSION,
        ),
        transform::<mongodb::MongoEventRouter>(
            "io.debezium.connector.mongodb.transforms.outbox.MongoEventRouter",
            VERSION,
        ),
        transform::<partition_routing::PartitionRouting>("io.debezium.transforms.partitions.PartitionRouting", VERSION),
        transform::<scripting::ContentBasedRouter>("io.debezium.transforms.ContentBasedRouter", VERSION),
        transform::<scripting::Filter>("io.debezium.transforms.Filter", VERSION),
        transform::<outbox::EventRouter>("io.debezium.transforms.outbox.EventRouter", VERSION),
    ]
}

/// A key as Debezium declares it: in no group, but with a place.
fn key(name: &'static str, kind: ConfigType, importance: Importance, width: Width, display: &'static str) -> ConfigKey {
    let mut key = ConfigKey::new(name, kind, importance);
    key.order = 1;
    key.width = width;
    key.display_name = display.into();
    key
}
