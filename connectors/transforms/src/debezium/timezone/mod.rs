//! TimezoneConverter: times of change events in another zone.

mod rules;
mod zoned;

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::schema::logical;
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Struct, Transform, Value, Verdict};
use longshore_formats::java_time::{Zone, parse_zone};

use super::envelope::is_envelope;
use super::key;
use crate::part::{Side, not_a_struct};
use crate::plugin::Configure;
use rules::{Chosen, Rules};

const ZONE: &str = "converted.timezone";
const INCLUDE: &str = "include.list";
const EXCLUDE: &str = "exclude.list";

/// Converts the times in rows, and in the source block where a rule names its fields.
#[derive(Debug)]
pub(super) struct TimezoneConverter {
    zone: Zone,
    rules: Rules,
}

/// A zone by its name, or an offset as `+08:00`.
fn zone(text: &str) -> Result<Zone, &'static str> {
    let invalid = "Invalid timezone format. Please specify either a geographic timezone (e.g. America/Los_Angeles) or a \
                   UTC offset in the format of +/-hh:mm, (e.g. +08:00).";
    parse_zone(text).map_err(|_| invalid)
}

const ZONES: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Text(text) => zone(text).map(|_| ()).map_err(|why| invalid_value(name, Some(text), why)),
    _ => Err(invalid_value(name, None, "A value is required")),
});

const LISTS: Validator = Validator::Check(|name, value| match value {
    ParsedValue::List(items) => Rules::read(name, items).map(|_| ()),
    _ => Ok(()),
});

impl Configure for TimezoneConverter {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{List, String};
        use Importance::High;
        let rules = |name, display| key(name, List, High, Width::Medium, display).default_null().validator(LISTS);
        vec![
            key(ZONE, String, High, Width::Medium, "Converted Timezone")
                .default_null()
                .validator(ZONES)
                .doc("The zone to convert to: America/Los_Angeles for instance, or an offset as +08:00."),
            rules(INCLUDE, "Include List").doc(
                "Which fields to convert: source:table, source:table:field, topic:name, topic:name:field, or \
                 name:field, where the name is that of a topic or a table. Without a field all are meant.",
            ),
            rules(EXCLUDE, "Exclude List").doc("Which fields not to convert, written as for include.list."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let (include, exclude) = (config.list(INCLUDE), config.list(EXCLUDE));
        let rules = match (include.is_empty(), exclude.is_empty()) {
            (false, false) => {
                let why = "Both include and exclude lists are specified. Please specify only one.";
                return Err(ConnectError::config(why));
            }
            (false, true) => Rules::read(INCLUDE, include).map(Rules::including),
            (true, _) => Rules::read(EXCLUDE, exclude),
        };
        Ok(Self {
            zone: zone(config.string(ZONE)).map_err(ConnectError::config)?,
            rules: rules.map_err(ConnectError::config)?,
        })
    }
}

impl Transform for TimezoneConverter {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() || !record.value.schema.as_deref().is_some_and(is_envelope) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &mut record.value.value else {
            return Err(not_a_struct(&record.value.value, "converting time zones"));
        };
        let table = match event.get("source") {
            Some(Value::Struct(source)) => source.get("table").and_then(Value::as_str),
            _ => None,
        };
        let Some(chosen) = self.rules.choose(&record.topic, table) else { return Ok(Verdict::Keep) };
        for part in ["before", "after", "source"] {
            let Some(index) = event.schema.field_index(part) else { continue };
            if let Some(Value::Struct(row)) = event.values.get_mut(index)
                && chosen.touches(part)
            {
                convert(row, part, &chosen, &self.zone)?;
            }
        }
        Ok(Verdict::Keep)
    }
}

fn convert(row: &mut Struct, part: &str, chosen: &Chosen<'_>, zone: &Zone) -> Result<()> {
    for (field, value) in row.schema.fields.iter().zip(&mut row.values) {
        let Some(kind) = field.schema.name.as_deref() else { continue };
        if value.is_null() || !chosen.has(part, &field.name) {
            continue;
        }
        let wrong = |what: &str| {
            let name = &field.name;
            ConnectError::data(format!("{part}.{name} of type {kind} cannot be converted to {}: {what}", zone.id()))
        };
        if let Some(converted) = converted(kind, value, zone).map_err(|what| wrong(&what))? {
            *value = converted;
        }
    }
    Ok(())
}

/// A time in the zone; `None` of what is no time with a date, or none of a zone, which stay.
fn converted(kind: &str, value: &Value, zone: &Zone) -> Result<Option<Value>, String> {
    Ok(Some(match (kind, value) {
        ("io.debezium.time.ZonedTimestamp", Value::String(text)) => {
            let moment = zoned::timestamp(text, zone).ok_or_else(|| format!("{text} is no timestamp of ISO 8601"))?;
            Value::string(moment)
        }
        ("io.debezium.time.ZonedTime", Value::String(text)) => {
            let time = zoned::time(text, zone).ok_or_else(|| format!("{text} is no time of ISO 8601"))?;
            Value::string(time)
        }
        ("io.debezium.time.Timestamp", Value::Int64(millis)) => Value::Int64(local(*millis, 1, zone)?),
        ("io.debezium.time.MicroTimestamp", Value::Int64(micros)) => Value::Int64(local(*micros, 1000, zone)?),
        ("io.debezium.time.NanoTimestamp", Value::Int64(nanos)) => Value::Int64(local(*nanos, 1_000_000, zone)?),
        (logical::TIMESTAMP, Value::Date(millis)) => Value::Date(local(*millis, 1, zone)?),
        _ => return Ok(None),
    }))
}

/// A time that was counted as if it were UTC's, now as the zone's; in units of which `factor` are a millisecond.
fn local(time: i64, factor: i64, zone: &Zone) -> Result<i64, String> {
    let millis = time.div_euclid(factor);
    let ahead = millis.checked_sub(zone.to_earlier_moment(millis)).and_then(|ahead| ahead.checked_mul(factor));
    ahead.and_then(|ahead| time.checked_sub(ahead)).ok_or_else(|| format!("{time} is out of range"))
}
