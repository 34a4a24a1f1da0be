//! ExtractChangedRecordState: which columns an update changed, told in headers.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Width};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Header, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use super::envelope::is_envelope;
use super::key;
use crate::part::{Side, not_a_struct};
use crate::plugin::Configure;

const CHANGED: &str = "header.changed.name";
const UNCHANGED: &str = "header.unchanged.name";

/// Compares the rows before and after.
#[derive(Debug)]
pub(super) struct ExtractChangedRecordState {
    changed: Option<Names>,
    unchanged: Option<Names>,
}

/// A header with names of columns.
#[derive(Debug)]
struct Names {
    header: Arc<str>,
    schema: Arc<Schema>,
}

impl Names {
    fn of(config: &ParsedConfig, key: &str) -> Option<Self> {
        let header: Arc<str> = config.text(key).filter(|name| !name.trim().is_empty())?.into();
        let names = Schema::array(Arc::new(Schema::optional(Type::String))).named(Arc::clone(&header));
        Some(Self { header, schema: Arc::new(Schema { optional: true, ..names }) })
    }

    fn header(&self, names: Vec<Value>) -> Header {
        Header { name: Arc::clone(&self.header), value: Data::new(Arc::clone(&self.schema), Value::Array(names)) }
    }
}

impl Configure for ExtractChangedRecordState {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::String;
        use Importance::Low;
        vec![
            key(CHANGED, String, Low, Width::Long, "Header change name.")
                .default_null()
                .doc("The header for the names of the columns that an update changed; none if there is no name."),
            key(UNCHANGED, String, Low, Width::Long, "Header unchanged name.")
                .default_null()
                .doc("The header for the names of the other columns; none if there is no name."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { changed: Names::of(config, CHANGED), unchanged: Names::of(config, UNCHANGED) })
    }
}

impl Transform for ExtractChangedRecordState {
    fn parts(&self) -> Parts {
        Parts::VALUE.and(Parts::HEADERS)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() || !record.value.schema.as_deref().is_some_and(is_envelope) {
            return Ok(Verdict::Keep);
        }
        let Value::Struct(event) = &record.value.value else {
            return Err(not_a_struct(&record.value.value, "Record value should be struct."));
        };
        let (Some(after), Some(before)) = (row(event, "after")?, row(event, "before")?) else {
            return Ok(Verdict::Keep);
        };
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for (field, now) in after.schema.fields.iter().zip(&after.values) {
            let missing = || ConnectError::data(format!("{} is not a valid field name", field.name));
            let then = before.get(&field.name).ok_or_else(missing)?;
            let names = if is_same(now, then) { &mut unchanged } else { &mut changed };
            names.push(Value::String(Arc::clone(&field.name)));
        }
        let headers = [(&self.changed, changed), (&self.unchanged, unchanged)];
        record.headers.extend(headers.into_iter().filter_map(|(header, names)| Some(header.as_ref()?.header(names))));
        Ok(Verdict::Keep)
    }
}

/// A row of an event; `None` if it is null.
fn row<'e>(event: &'e Struct, name: &str) -> Result<Option<&'e Struct>> {
    match event.get(name) {
        Some(Value::Struct(row)) => Ok(Some(row)),
        Some(Value::Null) => Ok(None),
        Some(other) => Err(not_a_struct(other, &format!("{name} value should be struct."))),
        None => Err(ConnectError::data(format!("{name} is not a valid field name"))),
    }
}

/// `Object.equals`: not a number is itself, zeros have signs, and decimals have scales.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float32(one), Value::Float32(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Value::Float64(one), Value::Float64(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Value::Decimal(one), Value::Decimal(other)) => one.as_bigint_and_exponent() == other.as_bigint_and_exponent(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Struct(one), Value::Struct(other)) => {
            one.schema == other.schema && one.values.iter().zip(&other.values).all(|(one, other)| is_same(one, other))
        }
        _ => one == other,
    }
}
