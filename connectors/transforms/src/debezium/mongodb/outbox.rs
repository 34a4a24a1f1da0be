//! MongoEventRouter: events that a service wrote to an outbox collection, each to the topic of its kind.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, ParsedConfig};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Parts, Props, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::json::{Kind, Malformed, Reader};

use super::bson::{self, Bson};
use super::connect::Arrays;
use crate::debezium::envelope::is_envelope;
use crate::debezium::outbox::EventRouter;
use crate::part::{Side, take};
use crate::plugin::{Configure, configure};

const PAYLOAD: &str = "collection.field.event.payload";
const TIMESTAMP: &str = "collection.field.event.timestamp";
const EXPAND: &str = "collection.expand.json.payload";

/// Makes a row of the document, and leaves the rest to the router of tables.
#[derive(Debug)]
pub(in crate::debezium) struct MongoEventRouter {
    router: EventRouter,
    payload: String,
    timestamp: Option<String>,
    expands: bool,
}

/// A key of the tables' router by the name that it has here; `None` for one that is not there.
fn own_name(name: &str) -> Option<String> {
    match name.strip_prefix("table.") {
        // What a document's payload holds has its types.
        Some("json.payload.null.behavior") => None,
        Some(rest) => Some(format!("collection.{rest}")),
        None => Some(name.to_owned()),
    }
}

impl Configure for MongoEventRouter {
    fn keys() -> Vec<ConfigKey> {
        let own = |mut key: ConfigKey| {
            key.name = own_name(&key.name)?.into();
            if key.group.as_deref() == Some("Table") {
                key.group = Some("Collection".into());
            }
            Some(match &*key.name {
                "collection.field.event.id" => key.default("_id"),
                "collection.field.event.key" => key.default_null(),
                EXPAND => {
                    key.doc("Whether a payload that is a document becomes a struct; otherwise it becomes its text.")
                }
                _ => key,
            })
        };
        EventRouter::keys().into_iter().filter_map(own).collect()
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let mut props = Props::new();
        for key in EventRouter::keys() {
            let Some(own) = own_name(&key.name).filter(|own| own != EXPAND) else { continue };
            let text = match key.kind {
                ConfigType::List => Some(config.list(&own).join(",")).filter(|items| !items.is_empty()),
                ConfigType::Boolean => Some(config.boolean(&own).to_string()),
                _ => config.text(&own).map(str::to_owned),
            };
            props.extend(text.map(|text| (key.name.to_string(), text)));
        }
        Ok(Self {
            router: configure(&props, side)?,
            payload: config.string(PAYLOAD).to_owned(),
            timestamp: config.text(TIMESTAMP).filter(|name| !name.is_empty()).map(str::to_owned),
            expands: config.boolean(EXPAND),
        })
    }
}

impl Transform for MongoEventRouter {
    fn parts(&self) -> Parts {
        self.router.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if let (Some(schema), Value::Struct(event)) = (&record.value.schema, &mut record.value.value)
            && is_envelope(schema)
            && let Some(at) = event.schema.field_index("after")
        {
            match take(&mut event.values[at]) {
                // A deletion, or an update that does not tell the document.
                Value::Null => return Ok(Verdict::Drop),
                Value::String(document) => {
                    let name = event.schema.fields[at].schema.name.as_deref();
                    let row = self.row(&document, name)?;
                    let mut schema = Schema::clone(&event.schema);
                    schema.fields[at].schema = Arc::clone(&row.schema);
                    event.schema = Arc::new(schema);
                    event.values[at] = Value::Struct(row);
                    let event = Struct { schema: Arc::clone(&event.schema), values: std::mem::take(&mut event.values) };
                    record.value = Data::new(Arc::clone(&event.schema), Value::Struct(event));
                }
                other => event.values[at] = other,
            }
        }
        self.router.apply(record)
    }
}

impl MongoEventRouter {
    /// The document as a struct, whose payload is a text unless it is to be expanded.
    fn row(&self, text: &str, name: Option<&str>) -> Result<Struct> {
        let mut document = bson::document(text, "after")?;
        for (field, value) in &mut document {
            if *field == self.payload && !self.expands && matches!(value, Bson::Document(_)) {
                // The text as the event has it; Java prints the parsed document anew, in another form of JSON.
                *value = Bson::Text(member(text, field)?.to_owned());
            }
        }
        let mut schema = Arrays::Array.schema(&document, name)?;
        if let Some(timestamp) = &self.timestamp
            && let Some((_, value)) = document.iter().find(|(field, _)| field == timestamp)
        {
            let Bson::Int64(_) = value else {
                return Err(ConnectError::data(format!("{TIMESTAMP}: field {timestamp} is no 64-bit integer")));
            };
            let millis = Schema { version: Some(1), ..Schema::new(Type::Int64).named("io.debezium.time.Timestamp") };
            if let Some(index) = schema.field_index(timestamp) {
                schema.fields[index].schema = Arc::new(millis);
            }
        }
        Ok(Arrays::Array.structure(&document, &Arc::new(schema)))
    }
}

/// The text of a member of an object.
fn member<'t>(text: &'t str, name: &str) -> Result<&'t str> {
    let wrong = |error: Malformed| ConnectError::data(format!("after is no document of MongoDB: {error}"));
    let mut reader = Reader::new(text);
    let mut found = "";
    reader.enter(Kind::Object).map_err(wrong)?;
    let mut first = true;
    while let Some(read) = reader.next_name(first).map_err(wrong)? {
        first = false;
        let start = reader.position();
        reader.skip().map_err(wrong)?;
        if read == name {
            found = reader.since(start).trim();
        }
    }
    Ok(found)
}
