//! The keys of the outbox routers, and what they say.

use std::sync::Arc;

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::{ConnectError, Result};

use crate::plugin::{REGEX, list_text};

/// Where a column goes beside the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    Header,
    Envelope,
    Partition,
}

/// A column that goes somewhere beside the payload.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Additional {
    pub(super) field: Arc<str>,
    pub(super) placement: Placement,
    pub(super) alias: Arc<str>,
}

/// `id:header,name:envelope:alias`, each a column, a place and perhaps a name.
fn additional(items: &[String]) -> Result<Vec<Additional>, String> {
    let wrong = |why: String| Err(invalid_value("table.fields.additional.placement", Some(&list_text(items)), &why));
    let mut fields = Vec::new();
    for item in items {
        let parts: Vec<&str> = item.split(':').map(str::trim).collect();
        let (field, place, alias) = match parts[..] {
            [field, place] => (field, place, field),
            [field, place, alias] => (field, place, alias),
            _ => {
                let shown = list_text(items);
                return wrong(format!(
                    "A comma-separated list of valid String pairs or trios is expected but got: {shown}"
                ));
            }
        };
        let placement = match place.to_lowercase().as_str() {
            "header" => Placement::Header,
            "envelope" => Placement::Envelope,
            "partition" => Placement::Partition,
            _ => return wrong(format!("{place} is none of header, envelope, partition")),
        };
        fields.push(Additional { field: field.into(), placement, alias: alias.into() });
    }
    Ok(fields)
}

const ADDITIONAL: Validator = Validator::Check(|_, value| match value {
    ParsedValue::List(items) => additional(items).map(|_| ()),
    _ => Ok(()),
});

/// What the keys say.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) id: String,
    pub(super) key: Option<String>,
    pub(super) payload: String,
    pub(super) timestamp: Option<String>,
    pub(super) schema_version: Option<String>,
    pub(super) route_by: String,
    pub(super) additional: Vec<Additional>,
    pub(super) ignores_missing: bool,
    pub(super) fails_on_update: bool,
    pub(super) tombstone_on_empty: bool,
    pub(super) expands_json: bool,
    pub(super) keeps_nulls: bool,
}

fn key(group: &'static str, order: i32, name: &'static str, kind: ConfigType, importance: Importance) -> ConfigKey {
    ConfigKey::new(name, kind, importance).default_null().shown(group, order, Width::Medium, name)
}

/// The keys, in the order in which Debezium shows them.
pub(super) fn keys() -> Vec<ConfigKey> {
    use ConfigType::{Boolean, List, String};
    use Importance::{High, Low, Medium};
    let named = |mut key: ConfigKey, display: &'static str| {
        key.display_name = display.into();
        key
    };
    let table = |order, name, kind, importance| key("Table", order, name, kind, importance);
    let router = |order, name, kind, importance| key("Router", order, name, kind, importance);
    let tracing = |order, name, kind| key("Tracing", order, name, kind, High);
    vec![
        named(table(1, "table.field.event.id", String, Low).default("id"), "Event ID Field")
            .doc("The column with the event's id, which becomes the header id."),
        named(table(2, "table.field.event.key", String, Low).default("aggregateid"), "Event Key Field")
            .doc("The column with the event's key, which becomes the record's."),
        named(table(3, "table.field.event.type", String, Low).default("type"), "Event Type Field")
            .doc("The column with the event's type."),
        named(table(4, "table.field.event.payload", String, Low).default("payload"), "Event Payload Field")
            .doc("The column with the payload, which becomes the record's value."),
        named(table(5, "table.field.event.timestamp", String, Medium), "Event Timestamp Field")
            .doc("The column with the record's timestamp; otherwise it is the time when Debezium handled the event."),
        named(
            table(6, "table.fields.additional.placement", List, High).validator(ADDITIONAL),
            "Settings for each additional column in the outbox table",
        )
        .doc(
            "Columns to put beside the payload, as id:header, name:envelope:alias, number:partition: a column, where \
             it goes, and the name that it has there.",
        ),
        named(
            table(7, "table.fields.additional.error.on.missing", Boolean, Medium).default("true"),
            "Should the transform error if an additional field is missing in the change data",
        )
        .doc("Whether such a column that is not there is an error; otherwise it is left out."),
        named(table(8, "table.field.event.schema.version", String, Low), "Event Schema Version Field")
            .doc("The column with the version of the schema that the record's value gets."),
        named(
            table(9, "table.op.invalid.behavior", String, Medium)
                .default("warn")
                .validator(Validator::OneOfIgnoreCase(&["warn", "error", "fatal"])),
            "Behavior when capturing an unexpected outbox event",
        )
        .doc("What becomes of updates, which an outbox does not have: warn and error leave them out, fatal fails."),
        named(
            table(10, "table.expand.json.payload", Boolean, Medium).default("false"),
            "Expand Payload escaped string as real JSON",
        )
        .doc(
            "Whether a payload that is a JSON text becomes a struct, with a schema that is told by its content. One \
             that is no JSON stays as it is.",
        ),
        named(
            table(11, "table.json.payload.null.behavior", String, Medium)
                .default("ignore")
                .validator(Validator::OneOfIgnoreCase(&["ignore", "optional_bytes"])),
            "Behavior when json payload including null value",
        )
        .doc("Whether members of such a payload that are null are left out, or are optional bytes."),
        named(router(1, "route.by.field", String, High).default("aggregatetype"), "Field to route events by")
            .doc("The column whose value makes the topic."),
        named(
            router(2, "route.topic.regex", String, Low).default("(?<routedByValue>.*)").validator(REGEX),
            "The name of the routed topic",
        )
        .doc("The regular expression that matches that value."),
        named(
            router(3, "route.topic.replacement", String, High).default("outbox.event.${routedByValue}"),
            "The name of the routed topic",
        )
        .doc("The topic, in which ${routedByValue} is the value."),
        named(
            router(4, "route.tombstone.on.empty.payload", Boolean, High).default("false"),
            "Empty payloads cause a tombstone message",
        )
        .doc("Whether an event with an empty payload becomes a tombstone."),
        named(
            tracing(1, "tracing.span.context.field", String).default("tracingspancontext"),
            "Serialized tracing span context field",
        )
        .doc("The column with a span's context. Spans are not made here."),
        named(tracing(2, "tracing.operation.name", String).default("debezium-read"), "Tracing operation name")
            .doc("The name of spans. Spans are not made here."),
        named(
            tracing(3, "tracing.with.context.field.only", Boolean).default("false"),
            "Trace only events with context field present",
        )
        .doc("Whether events without a context have no span. Spans are not made here."),
    ]
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Kind Config.
    pub(super) fn read(config: &ParsedConfig) -> Result<Self> {
        let given = |name: &str| config.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let is = |name: &str, value: &str| config.string(name).eq_ignore_ascii_case(value);
        let items = config.list("table.fields.additional.placement");
        Ok(Self {
            id: config.string("table.field.event.id").to_owned(),
            key: given("table.field.event.key"),
            payload: config.string("table.field.event.payload").to_owned(),
            timestamp: given("table.field.event.timestamp"),
            schema_version: given("table.field.event.schema.version"),
            route_by: config.string("route.by.field").to_owned(),
            additional: additional(items).map_err(ConnectError::config)?,
            ignores_missing: !config.boolean("table.fields.additional.error.on.missing"),
            fails_on_update: is("table.op.invalid.behavior", "fatal"),
            tombstone_on_empty: config.boolean("route.tombstone.on.empty.payload"),
            expands_json: config.boolean("table.expand.json.payload"),
            keeps_nulls: is("table.json.payload.null.behavior", "optional_bytes"),
        })
    }
}
