//! Apache Kafka's transforms and predicates.

mod cast;
mod extract_field;
pub(crate) mod flatten;
mod header_from;
mod headers;
mod hoist_field;
mod insert_field;
mod mask_field;
mod path;
mod predicates;
pub(crate) mod replace_field;
pub(crate) mod routers;
mod set_schema_metadata;
mod timestamp_converter;
mod value_to_key;

use longshore_api::TransformPlugin;

use crate::plugin::{KAFKA, predicate, sided, transform};

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![
        transform::<headers::DropHeaders>("org.apache.kafka.connect.transforms.DropHeaders", KAFKA),
        transform::<headers::InsertHeader>("org.apache.kafka.connect.transforms.InsertHeader", KAFKA),
        transform::<predicates::Filter>("org.apache.kafka.connect.transforms.Filter", KAFKA),
        transform::<routers::RegexRouter>("org.apache.kafka.connect.transforms.RegexRouter", KAFKA),
        transform::<routers::TimestampRouter>("org.apache.kafka.connect.transforms.TimestampRouter", KAFKA),
        transform::<value_to_key::ValueToKey>("org.apache.kafka.connect.transforms.ValueToKey", KAFKA),
        predicate::<predicates::HasHeaderKey>("org.apache.kafka.connect.transforms.predicates.HasHeaderKey", KAFKA),
        predicate::<predicates::RecordIsTombstone>(
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
            KAFKA,
        ),
        predicate::<predicates::TopicNameMatches>(
            "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            KAFKA,
        ),
    ];
    plugins.extend(sided!("org.apache.kafka.connect.transforms.Cast", cast::Cast, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.ExtractField", extract_field::ExtractField, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.Flatten", flatten::Flatten, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.HeaderFrom", header_from::HeaderFrom, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.HoistField", hoist_field::HoistField, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.InsertField", insert_field::InsertField, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.MaskField", mask_field::MaskField, KAFKA));
    plugins.extend(sided!("org.apache.kafka.connect.transforms.ReplaceField", replace_field::ReplaceField, KAFKA));
    plugins.extend(sided!(
        "org.apache.kafka.connect.transforms.SetSchemaMetadata",
        set_schema_metadata::SetSchemaMetadata,
        KAFKA
    ));
    plugins.extend(sided!(
        "org.apache.kafka.connect.transforms.TimestampConverter",
        timestamp_converter::TimestampConverter,
        KAFKA
    ));
    plugins
}
