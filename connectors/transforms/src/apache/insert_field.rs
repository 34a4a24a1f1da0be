//! InsertField: where a record came from, or a fixed text, as fields.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, invalid_value};
use longshore_api::schema::logical;
use longshore_api::{
    ConnectError, ConnectRecord, Field, Parts, RecordOrigin, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use crate::part::{Side, map, structure, take};
use crate::plugin::{Configure, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, put, temporal};

const PURPOSE: &str = "field insertion";

/// Inserts fields.
#[derive(Debug)]
pub(super) struct InsertField {
    side: Side,
    insertions: Vec<Insertion>,
    replace_null: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

/// A field to insert: name, whether it is optional, what it holds.
#[derive(Debug)]
struct Insertion {
    name: Arc<str>,
    optional: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static(Value),
}

impl Insertion {
    /// The name may end with `!`, which makes the field required, or with `?`.
    fn read(spec: &str, what: What) -> Self {
        let name = spec.strip_suffix(['!', '?']).unwrap_or(spec);
        Self { name: name.into(), optional: !spec.ends_with('!'), what }
    }

    fn schema(&self) -> Schema {
        let kind = match self.what {
            What::Topic | What::Static(_) => Type::String,
            What::Partition => Type::Int32,
            What::Offset => Type::Int64,
            What::Timestamp => return temporal(logical::TIMESTAMP, self.optional),
        };
        Schema { optional: self.optional, ..Schema::new(kind) }
    }

    /// The value; `None` leaves the field unset. Without a schema a timestamp is a number.
    fn value(&self, from: &Origin, has_schema: bool) -> Result<Option<Value>> {
        Ok(match &self.what {
            What::Topic => Some(Value::String(Arc::clone(&from.topic))),
            What::Partition => from.partition.map(Value::Int32),
            What::Offset => match from.origin {
                RecordOrigin::Sink { offset, .. } => Some(Value::Int64(offset)),
                RecordOrigin::Source => {
                    return Err(ConnectError::data(format!(
                        "Only SinkRecord supported for [{PURPOSE}], found: \
                         org.apache.kafka.connect.source.SourceRecord"
                    )));
                }
            },
            What::Timestamp if has_schema => from.timestamp.map(Value::Date),
            What::Timestamp => from.timestamp.map(Value::Int64),
            What::Static(value) => Some(value.clone()),
        })
    }
}

/// The record's own data, apart from the part that changes.
struct Origin {
    topic: Arc<str>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    origin: RecordOrigin,
}

impl Configure for InsertField {
    fn keys() -> Vec<ConfigKey> {
        let field = |name, what: &str| {
            required(name, ConfigType::String, Importance::Medium).default_null().doc(format!(
                "{what} Suffix with ! to make this a required field, or ? to keep it optional (the default)."
            ))
        };
        vec![
            field("topic.field", "Field name for Kafka topic."),
            field("partition.field", "Field name for Kafka partition."),
            field("offset.field", "Field name for Kafka offset - only applicable to sink connectors."),
            field("timestamp.field", "Field name for record timestamp."),
            field("static.field", "Field name for static data field."),
            required("static.value", ConfigType::String, Importance::Medium)
                .default_null()
                .doc("Static field value, if field name configured."),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let mut insertions = Vec::new();
        for (key, what) in [
            ("topic.field", What::Topic),
            ("partition.field", What::Partition),
            ("offset.field", What::Offset),
            ("timestamp.field", What::Timestamp),
        ] {
            insertions.extend(config.text(key).map(|spec| Insertion::read(spec, what)));
        }
        if let Some(spec) = config.text("static.field") {
            let missing = || {
                let why = format!("No value specified for static field: {spec}");
                ConnectError::config(invalid_value("static.value", None, &why))
            };
            let value = Value::string(config.text("static.value").ok_or_else(missing)?);
            insertions.push(Insertion::read(spec, What::Static(value)));
        }
        if insertions.is_empty() {
            return Err(ConnectError::config("No field insertion configured"));
        }
        Ok(Self { side, insertions, replace_null: config.boolean(REPLACE_NULL), schemas: SchemaCache::default() })
    }
}

impl Transform for InsertField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let from = Origin {
            topic: Arc::clone(&record.topic),
            partition: record.partition,
            timestamp: record.timestamp,
            origin: record.origin,
        };
        let data = self.side.of(record);
        if data.value.is_null() {
            return Ok(Verdict::Keep);
        }
        let value = take(&mut data.value);
        let Some(schema) = data.schema.take() else {
            let mut map = map(value, PURPOSE)?;
            for insertion in &self.insertions {
                if let Some(value) = insertion.value(&from, false)? {
                    map.insert(Value::String(Arc::clone(&insertion.name)), value);
                }
            }
            data.value = Value::Map(map);
            return Ok(Verdict::Keep);
        };
        let updated = self.with_schema(&schema, structure(value, PURPOSE)?, &from)?;
        data.schema = Some(Arc::clone(&updated.schema));
        data.value = Value::Struct(updated);
        Ok(Verdict::Keep)
    }
}

impl InsertField {
    fn with_schema(&mut self, schema: &Arc<Schema>, old: Struct, from: &Origin) -> Result<Struct> {
        let insertions = &self.insertions;
        let updated = self.schemas.get_or_make(schema, || updated(schema, insertions))?;
        let mut values = old.values;
        for (field, value) in schema.fields.iter().zip(&mut values) {
            *value = put(field, or_default(take(value), &field.schema, self.replace_null))?;
        }
        for insertion in insertions {
            values.push(insertion.value(from, true)?.unwrap_or(Value::Null));
        }
        Ok(Struct { schema: Arc::clone(updated), values })
    }
}

fn updated(schema: &Schema, insertions: &[Insertion]) -> Result<Arc<Schema>> {
    let mut updated = basics(schema, Type::Struct);
    for Field { name, schema } in fields(schema)? {
        add_field(&mut updated, name, Arc::clone(schema))?;
    }
    for insertion in insertions {
        add_field(&mut updated, &insertion.name, Arc::new(insertion.schema()))?;
    }
    Ok(Arc::new(updated))
}
