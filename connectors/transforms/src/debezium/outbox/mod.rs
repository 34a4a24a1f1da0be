//! EventRouter: events that a service wrote to an outbox table, each to the topic of its kind.

mod json_payload;
mod keys;

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::error::class;
use longshore_api::{
    ConnectError, ConnectRecord, Data, ErrorKind, Header, Parts, RecordOrigin, Result, Schema, Struct, Transform, Type,
    Value, Verdict,
};
use longshore_formats::{java_text, validate};

use super::envelope::is_envelope;
use crate::part::{Side, not_a_struct};
use crate::plugin::{Configure, regex};
use crate::schemas::{add_field, or_default, same};
use json_payload::Untold;
use keys::{Placement, Settings};
use longshore_formats::java_regex::{JavaRegex, Replacement};

/// How many schemas of values are remembered.
const SCHEMAS: usize = 64;

/// Routes the events of an outbox.
#[derive(Debug)]
pub(super) struct EventRouter {
    settings: Settings,
    topic: JavaRegex,
    replacement: Result<Replacement>,
    /// The latest first.
    schemas: Vec<(Made, Arc<Schema>)>,
}

/// What a value's schema is made of.
#[derive(Debug)]
struct Made {
    row: Arc<Schema>,
    payload: Option<Arc<Schema>>,
    topic: Arc<str>,
    version: Option<i32>,
}

impl Made {
    /// Whether the same schema is made of another one; what is quickly compared comes first.
    fn is(&self, other: &Self) -> bool {
        let same_payload = || match (&self.payload, &other.payload) {
            (Some(one), Some(other)) => same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.version == other.version && self.topic == other.topic && same(&self.row, &other.row) && same_payload()
    }
}

impl Configure for EventRouter {
    fn keys() -> Vec<ConfigKey> {
        keys::keys()
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let topic = regex(config, "route.topic.regex")?;
        let replacement = Replacement::new(config.string("route.topic.replacement"), &topic);
        Ok(Self { settings: Settings::read(config)?, topic, replacement, schemas: Vec::new() })
    }
}

impl Transform for EventRouter {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE).and(Parts::HEADERS)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() {
            return Ok(Verdict::Drop);
        }
        if !record.value.schema.as_deref().is_some_and(is_envelope) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &record.value.value else {
            return Err(not_a_struct(&record.value.value, "Detect Debezium Operation"));
        };
        match text(event, "op")? {
            Some(op) if *op == *"d" => return Ok(Verdict::Drop),
            Some(op) if *op == *"u" => {
                if !self.settings.fails_on_update {
                    return Ok(Verdict::Drop);
                }
                let key = java_text::value(&record.key.value);
                let message = format!("Unexpected update message received {key}, fail.");
                return Err(ConnectError::data(message).with_class("java.lang.IllegalStateException"));
            }
            Some(_) => {}
            None => return Err(ConnectError::data("The change event has no op")),
        }
        let after = member(event, "after")?;
        let Value::Struct(row) = after else { return Err(not_a_struct(&after, "Read Outbox Event")) };
        let routed = self.route(event, &row)?;
        let Routed { topic, key, value, timestamp, partition, headers } = routed;
        record.headers.extend(headers);
        record.topic = topic;
        record.key = key;
        record.value = value;
        record.timestamp = timestamp;
        // A sink's record came from somewhere; a source's goes where the producer puts it.
        record.partition = match record.origin {
            RecordOrigin::Source => partition,
            RecordOrigin::Sink { .. } => partition.or(record.partition),
        };
        Ok(Verdict::Keep)
    }
}

/// What becomes of an event.
struct Routed {
    topic: Arc<str>,
    key: Data,
    value: Data,
    timestamp: Option<i64>,
    partition: Option<i32>,
    headers: Vec<Header>,
}

impl EventRouter {
    fn route(&mut self, event: &Struct, row: &Struct) -> Result<Routed> {
        let settings = &self.settings;
        let missing = |what: &str, name: &str| connect(format!("Unable to find {what} field {name} in event"));
        let payload = &settings.payload;
        let at = row.schema.field_index(payload).ok_or_else(|| missing("payload", payload))?;
        let payload_schema = Arc::clone(&row.schema.fields[at].schema);
        let timestamp = self.timestamp(event, row)?;
        let id = row.schema.field_index(&settings.id).ok_or_else(|| missing("event-id", &settings.id))?;
        let id = Data::new(Arc::clone(&row.schema.fields[id].schema), member(row, &settings.id)?);
        let mut payload = Data::new(payload_schema, member(row, payload)?);
        if settings.expands_json
            && let Value::String(text) = &payload.value
        {
            let untold = Untold { keeps_nulls: settings.keeps_nulls };
            payload = untold.expand(&settings.payload, text).unwrap_or(payload);
        }
        let route = text(row, &settings.route_by)?.ok_or_else(|| {
            ConnectError::data(format!("Field {} is null, so that there is no topic", settings.route_by))
        })?;
        let (headers, partition) = self.beside(row, id)?;
        let key = match &settings.key {
            None => Data::new(Arc::new(Schema::new(Type::String)), Value::Null),
            Some(name) => Data::new(schema_of(row, name)?, member(row, name)?),
        };
        let is_empty = match &payload.value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        let value = match is_empty && settings.tombstone_on_empty {
            true => Data::NULL,
            false => self.value(row, payload, &route)?,
        };
        Ok(Routed { topic: self.topic(route)?, key, value, timestamp, partition, headers })
    }

    /// The headers, and the partition, that columns give.
    fn beside(&self, row: &Struct, id: Data) -> Result<(Vec<Header>, Option<i32>)> {
        let mut headers = vec![Header { name: "id".into(), value: id }];
        let mut partition = None;
        for one in &self.settings.additional {
            if self.settings.ignores_missing && row.schema.field_index(&one.field).is_none() {
                continue;
            }
            match one.placement {
                Placement::Envelope => {}
                Placement::Header => {
                    let value = Data::new(schema_of(row, &one.field)?, member(row, &one.field)?);
                    headers.push(Header { name: Arc::clone(&one.alias), value });
                }
                Placement::Partition => partition = integer(row, &one.field)?,
            }
        }
        Ok((headers, partition))
    }

    /// The payload, or a struct with it and other columns.
    fn value(&mut self, row: &Struct, payload: Data, route: &Arc<str>) -> Result<Data> {
        if !self.settings.additional.iter().any(|one| one.placement == Placement::Envelope) {
            return Ok(payload);
        }
        let version = self.settings.schema_version.as_ref().map(|field| integer(row, field)).transpose()?.flatten();
        let schema = self.schema(Made {
            row: Arc::clone(&row.schema),
            payload: payload.schema,
            topic: Arc::clone(route),
            version,
        })?;
        let mut values = vec![payload.value];
        for one in self.settings.additional.iter().filter(|one| one.placement == Placement::Envelope) {
            if self.settings.ignores_missing && row.schema.field_index(&one.field).is_none() {
                continue;
            }
            values.push(member(row, &one.field)?);
        }
        for (field, value) in schema.fields.iter().zip(&values) {
            validate::field(&field.name, &field.schema, value)?;
        }
        Ok(Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values })))
    }

    fn schema(&mut self, made: Made) -> Result<Arc<Schema>> {
        if let Some(at) = self.schemas.iter().position(|(known, _)| known.is(&made)) {
            self.schemas[..=at].rotate_right(1);
            return Ok(Arc::clone(&self.schemas[0].1));
        }
        let mut schema = Schema::new(Type::Struct).named(schema_name(&made));
        schema.version = made.version;
        if let Some(payload) = &made.payload {
            add_field(&mut schema, &"payload".into(), Arc::clone(payload))?;
        }
        for one in self.settings.additional.iter().filter(|one| one.placement == Placement::Envelope) {
            match made.row.field_index(&one.field) {
                Some(index) => add_field(&mut schema, &one.alias, Arc::clone(&made.row.fields[index].schema))?,
                None if self.settings.ignores_missing => {}
                None => return Err(connect(format!("Unable to find field {} in event", one.field))),
            }
        }
        let schema = Arc::new(schema);
        self.schemas.truncate(SCHEMAS - 1);
        self.schemas.insert(0, (made, Arc::clone(&schema)));
        Ok(schema)
    }

    fn topic(&self, route: Arc<str>) -> Result<Arc<str>> {
        let failed = |error: longshore_formats::java_regex::RegexError| ConnectError::data(error.0);
        if !self.topic.matches(&route).map_err(failed)? {
            return Ok(route);
        }
        let replacement = self.replacement.as_ref().map_err(Clone::clone)?;
        Ok(self.topic.replace_first(&route, replacement).map_err(failed)?.map_or(route, Arc::from))
    }

    fn timestamp(&self, event: &Struct, row: &Struct) -> Result<Option<i64>> {
        let handled = || match member(event, "ts_ms")? {
            Value::Int64(millis) => Ok(Some(millis)),
            Value::Null => Ok(None),
            _ => Err(ConnectError::data("Field 'ts_ms' is not of type INT64")),
        };
        let Some(name) = &self.settings.timestamp else { return handled() };
        let missing = || connect(format!("Unable to find timestamp field {name} in event"));
        let at = row.schema.field_index(name).ok_or_else(missing)?;
        let schema = &row.schema.fields[at].schema;
        let number = match member(row, name)? {
            Value::Null => return handled(),
            Value::Int64(number) | Value::Date(number) => number,
            _ => return Err(ConnectError::data(format!("Field '{name}' is not of type INT64"))),
        };
        let divisor = match schema.name.as_deref() {
            Some("io.debezium.time.Timestamp" | longshore_api::schema::logical::TIMESTAMP) => 1,
            Some("io.debezium.time.MicroTimestamp") => 1000,
            Some("io.debezium.time.NanoTimestamp") => 1_000_000,
            Some(other) => return Err(connect(format!("Unsupported field type {other} for event timestamp"))),
            None => {
                let kind = schema.kind.name();
                return Err(connect(format!(
                    "Unsupported field type {kind} (without logical schema name) for event timestamp"
                )));
            }
        };
        Ok(Some(number / divisor))
    }
}

/// The name of the row's schema with the kind of event before its last part.
fn schema_name(made: &Made) -> String {
    let topic = &made.topic;
    match made.row.name.as_deref() {
        None => topic.to_string(),
        Some(name) => match name.rsplit_once('.') {
            Some((head, last)) => format!("{head}.{topic}.{last}"),
            None => format!("{topic}.{name}"),
        },
    }
}

fn connect(message: String) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, class::CONNECT, message)
}

/// `Struct.get`.
fn member(of: &Struct, name: &str) -> Result<Value> {
    let schema = schema_of(of, name)?;
    Ok(or_default(of.get(name).cloned().unwrap_or(Value::Null), &schema, true))
}

fn schema_of(of: &Struct, name: &str) -> Result<Arc<Schema>> {
    let missing = || ConnectError::data(format!("{name} is not a valid field name"));
    of.schema.field_index(name).map(|at| Arc::clone(&of.schema.fields[at].schema)).ok_or_else(missing)
}

/// `Struct.getString`.
fn text(of: &Struct, name: &str) -> Result<Option<Arc<str>>> {
    match member(of, name)? {
        Value::String(text) => Ok(Some(text)),
        Value::Null if schema_of(of, name)?.kind == Type::String => Ok(None),
        _ => Err(ConnectError::data(format!("Field '{name}' is not of type STRING"))),
    }
}

/// `Struct.getInt32`.
fn integer(of: &Struct, name: &str) -> Result<Option<i32>> {
    match member(of, name)? {
        Value::Int32(number) => Ok(Some(number)),
        Value::Null if schema_of(of, name)?.kind == Type::Int32 => Ok(None),
        _ => Err(ConnectError::data(format!("Field '{name}' is not of type INT32"))),
    }
}
