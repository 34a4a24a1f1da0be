//! TimestampNowField: the time at which a record passed.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::schema::logical;
use longshore_api::{ConnectRecord, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};

use super::record;
use crate::part::{Side, map, structure, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, temporal};

const PURPOSE: &str = "inserting the current time";

/// Sets fields to the current time.
#[derive(Debug)]
pub(super) struct TimestampNowField {
    side: Side,
    fields: Vec<Arc<str>>,
    /// Milliseconds on top.
    ahead: i64,
    /// Seconds since the epoch instead of a timestamp.
    unix: bool,
    schemas: SchemaCache<(Arc<Schema>, Vec<usize>)>,
}

/// `java.time.temporal.ChronoUnit`, with milliseconds; what is longer than a day is so on average, as in Java.
const UNITS: [(&str, i64); 13] = [
    ("MILLIS", 1),
    ("SECONDS", 1000),
    ("MINUTES", 60_000),
    ("HOURS", 3_600_000),
    ("HALF_DAYS", 43_200_000),
    ("DAYS", 86_400_000),
    ("WEEKS", 604_800_000),
    ("MONTHS", 2_629_746_000),
    ("YEARS", 31_556_952_000),
    ("DECADES", 315_569_520_000),
    ("CENTURIES", 3_155_695_200_000),
    ("MICROS", 0),
    ("NANOS", 0),
];

const UNIT_NAMES: &[&str] = &[
    "NANOS",
    "MICROS",
    "MILLIS",
    "SECONDS",
    "MINUTES",
    "HOURS",
    "HALF_DAYS",
    "DAYS",
    "WEEKS",
    "MONTHS",
    "YEARS",
    "DECADES",
    "CENTURIES",
];

impl Configure for TimestampNowField {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("fields", ConfigType::List, Importance::High)
                .doc("The field(s) that will be inserted with the timestamp of the system."),
            required("add.amount", ConfigType::Long, Importance::Low)
                .default("0")
                .doc("How many of the chosen units to add on top of the timestamp of the system."),
            required("add.chronounit", ConfigType::String, Importance::Low)
                .default("DAYS")
                .validator(Validator::OneOf(UNIT_NAMES))
                .doc("The unit to add, DAYS for instance."),
            required("target.type", ConfigType::String, Importance::Low)
                .default("Date")
                .validator(Validator::OneOf(&["Date", "Unix"]))
                .doc("The desired timestamp representation: Date, or Unix for seconds since the epoch."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let unit = UNITS.iter().find(|(name, _)| *name == config.string("add.chronounit")).map_or(0, |(_, unit)| *unit);
        Ok(Self {
            side,
            fields: config.list("fields").iter().map(|field| Arc::from(field.as_str())).collect(),
            ahead: config.integer("add.amount").max(0).saturating_mul(unit),
            unix: config.string("target.type") == "Unix",
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for TimestampNowField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let now = self.now();
        let data = self.side.of(record);
        if data.value.is_null() {
            return Ok(Verdict::Keep);
        }
        let value = take(&mut data.value);
        let Some(schema) = data.schema.take() else {
            let mut map = map(value, PURPOSE)?;
            for field in &self.fields {
                map.insert(Value::String(Arc::clone(field)), now.clone());
            }
            data.value = Value::Map(map);
            return Ok(Verdict::Keep);
        };
        let old = structure(value, PURPOSE)?;
        let (names, unix) = (&self.fields, self.unix);
        let (new, places) = self.schemas.get_or_make(&schema, || make(&schema, names, unix))?;
        let mut values = old.values;
        for (field, value) in schema.fields.iter().zip(&mut values) {
            *value = or_default(take(value), &field.schema, true);
        }
        values.resize(new.fields.len(), Value::Null);
        for place in places {
            values[*place] = now.clone();
        }
        data.value = Value::Struct(Struct { schema: Arc::clone(new), values });
        data.schema = Some(Arc::clone(new));
        Ok(Verdict::Keep)
    }
}

impl TimestampNowField {
    fn now(&self) -> Value {
        let millis = record::now().saturating_add(self.ahead);
        if self.unix { Value::Int64(millis.div_euclid(1000)) } else { Value::Date(millis) }
    }
}

/// The new schema, and the places of the fields in it.
fn make(schema: &Schema, names: &[Arc<str>], unix: bool) -> Result<(Arc<Schema>, Vec<usize>)> {
    let now = || Arc::new(if unix { Schema::new(Type::Int64) } else { temporal(logical::TIMESTAMP, false) });
    let fits = |field: &Schema| match unix {
        true => field.kind == Type::Int64 && field.logical_name().is_none(),
        false => field.logical_name() == Some(logical::TIMESTAMP),
    };
    let mut new = Schema { optional: schema.optional, ..basics(schema, Type::Struct) };
    for field in fields(schema)? {
        let is_replaced = names.contains(&field.name) && !fits(&field.schema);
        add_field(&mut new, &field.name, if is_replaced { now() } else { Arc::clone(&field.schema) })?;
    }
    for name in names {
        if new.field_index(name).is_none() {
            add_field(&mut new, name, now())?;
        }
    }
    let places = names.iter().filter_map(|name| new.field_index(name)).collect();
    Ok((Arc::new(new), places))
}
