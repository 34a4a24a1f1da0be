//! The single message transforms and predicates, under their Java class names.
//!
//! A transform is a function of its configuration and of one record: no I/O, no knowledge of where records come from
//! or go, no clock but in those whose purpose it is. Values are moved, not cloned, and a new schema is made once for each schema that comes in.
//! [`plugins`] is the table of what there is.

mod aiven;
mod apache;
mod clickhouse;
mod confluent;
mod custenborder;
mod debezium;
mod expression;
mod json_path;
mod longshore;
mod nulls;
mod part;
mod plugin;
mod record_text;
mod schemas;

use std::sync::LazyLock;

use longshore_api::TransformPlugin;

/// All transforms and predicates that are built in, by class name.
pub fn plugins() -> &'static [TransformPlugin] {
    static PLUGINS: LazyLock<Vec<TransformPlugin>> = LazyLock::new(|| {
        let mut plugins = apache::plugins();
        plugins.extend(aiven::plugins());
        plugins.extend(clickhouse::plugins());
        plugins.extend(confluent::plugins());
        plugins.extend(custenborder::plugins());
        plugins.extend(debezium::plugins());
        plugins.extend(longshore::plugins());
        plugins.sort_by_key(|plugin| plugin.class);
        plugins
    });
    &PLUGINS
}

/// The transform or predicate of a Java class name.
pub fn plugin(class: &str) -> Option<&'static TransformPlugin> {
    plugins().iter().find(|plugin| plugin.class == class)
}
