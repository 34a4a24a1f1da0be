//! TimestampConverter: one form of a moment into another.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator, invalid_value};
use longshore_api::schema::logical;
use longshore_api::{
    ConnectError, ConnectRecord, Data, Parts, Result, Schema, Transform, Type, Value, Verdict, error::class,
};
use longshore_formats::java_text::calendar::MILLIS_PER_DAY;
use longshore_formats::java_time::{SimpleDateFormat, Zone};

use crate::part::{Side, map, of_field, structure, take};
use crate::plugin::{Configure, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{self, SchemaCache, add_field, basics, fields, or_default, put, temporal};

const PURPOSE: &str = "converting timestamp formats";

/// Converts a field, or the whole key or value.
#[derive(Debug)]
pub(super) struct TimestampConverter {
    side: Side,
    /// Empty for the whole.
    field: String,
    converter: Converter,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// A schema after conversion, and which field it is, with its form.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    converted: Option<(usize, Result<Form>)>,
}

#[derive(Debug)]
struct Converter {
    target: Form,
    format: Option<SimpleDateFormat>,
    precision: Precision,
}

/// A form in which moments stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Precision {
    fn to_millis(self, value: i64) -> i64 {
        match self {
            Precision::Seconds => value.saturating_mul(1000),
            Precision::Milliseconds => value,
            Precision::Microseconds => value / 1000,
            Precision::Nanoseconds => value / 1_000_000,
        }
    }

    fn of_millis(self, millis: i64) -> i64 {
        match self {
            Precision::Seconds => millis / 1000,
            Precision::Milliseconds => millis,
            Precision::Microseconds => millis.saturating_mul(1000),
            Precision::Nanoseconds => millis.saturating_mul(1_000_000),
        }
    }
}

impl Form {
    fn schema(self, optional: bool) -> Schema {
        match self {
            Form::Text => Schema { optional, ..Schema::new(Type::String) },
            Form::Unix => Schema { optional, ..Schema::new(Type::Int64) },
            Form::Date => temporal(logical::DATE, optional),
            Form::Time => temporal(logical::TIME, optional),
            Form::Timestamp => temporal(logical::TIMESTAMP, optional),
        }
    }

    fn of_schema(schema: &Schema) -> Result<Self> {
        match (schema.logical_name(), schema.kind) {
            (Some(logical::TIMESTAMP), _) => Ok(Form::Timestamp),
            (Some(logical::DATE), _) => Ok(Form::Date),
            (Some(logical::TIME), _) => Ok(Form::Time),
            (_, Type::String) => Ok(Form::Text),
            (_, Type::Int64) => Ok(Form::Unix),
            _ => {
                let text = schemas::text(schema);
                let message = format!("Schema {text} does not correspond to a known timestamp type format");
                Err(ConnectError::data(message).with_class(class::CONNECT))
            }
        }
    }

    fn of_value(value: &Value) -> Result<Self> {
        match value {
            Value::Date(_) => Ok(Form::Timestamp),
            Value::Int64(_) => Ok(Form::Unix),
            Value::String(_) => Ok(Form::Text),
            other => {
                let class = other.java_class();
                let message = format!("TimestampConverter does not support class {class} objects as timestamps");
                Err(ConnectError::data(message))
            }
        }
    }
}

impl Converter {
    /// Converts a value; null stays.
    fn convert(&self, value: &Value, form: Form) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let millis = self.read(value, form)?;
        Ok(match (self.target, &self.format) {
            (Form::Text, Some(format)) => Value::string(format.format(millis)),
            (Form::Text, None) => return Err(no_format()),
            (Form::Unix, _) => Value::Int64(self.precision.of_millis(millis)),
            (Form::Date, _) => Value::Date(millis - millis.rem_euclid(MILLIS_PER_DAY)),
            (Form::Time, _) => Value::Date(millis.rem_euclid(MILLIS_PER_DAY)),
            (Form::Timestamp, _) => Value::Date(millis),
        })
    }

    fn read(&self, value: &Value, form: Form) -> Result<i64> {
        let expected = |what: &str| {
            let class = value.java_class();
            Err(ConnectError::data(format!("Expected {what}, but found class {class}")))
        };
        match (form, value) {
            (Form::Text, Value::String(text)) => {
                let format = self.format.as_ref().ok_or_else(no_format)?;
                format.parse(text).ok_or_else(|| {
                    let pattern = format.pattern();
                    let message =
                        format!("Could not parse timestamp: value ({text}) does not match pattern ({pattern})");
                    let cause = ConnectError::data(format!("Unparseable date: \"{text}\""));
                    ConnectError::data(message).caused_by(cause.with_class("java.text.ParseException"))
                })
            }
            (Form::Text, _) => expected("string timestamp to be a String"),
            (Form::Unix, Value::Int64(value)) => Ok(self.precision.to_millis(*value)),
            (Form::Unix, _) => expected("Unix timestamp to be a Long"),
            (_, Value::Date(millis)) => Ok(*millis),
            (Form::Date, _) => expected("Date to be a java.util.Date"),
            (Form::Time, _) => expected("Time to be a java.util.Date"),
            (Form::Timestamp, _) => expected("Timestamp to be a java.util.Date"),
        }
    }
}

/// What Connect says of a text where `format` is not set.
fn no_format() -> ConnectError {
    ConnectError::data("Cannot invoke \"java.text.SimpleDateFormat.parse(String)\" because \"config.format\" is null")
        .with_class(class::NULL_POINTER)
}

impl Configure for TimestampConverter {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::High)
                .default("")
                .doc("The field containing the timestamp, or empty if the entire value is a timestamp."),
            required("target.type", ConfigType::String, Importance::High)
                .validator(Validator::OneOf(&["string", "unix", "Date", "Time", "Timestamp"]))
                .doc("The desired timestamp representation: string, unix, Date, Time, or Timestamp."),
            required("format", ConfigType::String, Importance::Medium).default("").doc(
                "A SimpleDateFormat-compatible format for the timestamp. Used to generate the output when \
                 type=string or used to parse the input if the input is a string.",
            ),
            required("unix.precision", ConfigType::String, Importance::Low)
                .default("milliseconds")
                .validator(Validator::OneOf(&["nanoseconds", "microseconds", "milliseconds", "seconds"]))
                .doc(
                    "The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or \
                     nanoseconds. Used to generate the output when type=unix or used to parse the input if the \
                     input is a Long. This transform loses what is finer than milliseconds.",
                ),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let target = match config.string("target.type") {
            "string" => Form::Text,
            "unix" => Form::Unix,
            "Date" => Form::Date,
            "Time" => Form::Time,
            _ => Form::Timestamp,
        };
        let precision = match config.string("unix.precision") {
            "seconds" => Precision::Seconds,
            "microseconds" => Precision::Microseconds,
            "nanoseconds" => Precision::Nanoseconds,
            _ => Precision::Milliseconds,
        };
        let pattern = config.string("format");
        if target == Form::Text && pattern.is_empty() {
            return Err(ConnectError::config(
                "TimestampConverter requires format option to be specified when using string timestamps",
            ));
        }
        let format = (!pattern.is_empty()).then(|| SimpleDateFormat::new(pattern, Zone::utc())).transpose();
        let format = format.map_err(|error| {
            let name = format!(
                "TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: {pattern}"
            );
            let cause = format!("java.lang.IllegalArgumentException: {error}");
            ConnectError::config(invalid_value(&name, Some(&cause), ""))
        })?;
        Ok(Self {
            side,
            field: config.string("field").to_owned(),
            converter: Converter { target, format, precision },
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for TimestampConverter {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        match data.schema.take() {
            None => self.schemaless(data)?,
            Some(schema) => self.with_schema(&schema, data)?,
        }
        Ok(Verdict::Keep)
    }
}

impl TimestampConverter {
    fn schemaless(&self, data: &mut Data) -> Result<()> {
        let convert = |value: &Value| match value {
            Value::Null => Ok(Value::Null),
            value => self.converter.convert(value, Form::of_value(value)?),
        };
        if data.value.is_null() || self.field.is_empty() {
            data.value = convert(&data.value)?;
            return Ok(());
        }
        let mut map = map(take(&mut data.value), PURPOSE)?;
        match map.get_mut(&self.field) {
            Some(value) => *value = convert(value).map_err(|error| of_field(error, &self.field))?,
            // A field that is not there is there afterwards, as null.
            None => map.push_new(Value::string(self.field.as_str()), Value::Null),
        }
        data.value = Value::Map(map);
        Ok(())
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, data: &mut Data) -> Result<()> {
        let Self { converter, field, schemas, replace_null, .. } = self;
        let value = match take(&mut data.value) {
            value if field.is_empty() || value.is_null() => value,
            value => Value::Struct(structure(value, PURPOSE)?),
        };
        let plan = schemas.get_or_make(schema, || Plan::make(schema, field, converter, *replace_null))?;
        data.value = match (value, field.is_empty()) {
            (value, true) => converter.convert(&value, Form::of_schema(schema)?)?,
            (value, false) => plan.convert(value, schema, converter, *replace_null)?,
        };
        data.schema = Some(Arc::clone(&plan.schema));
        Ok(())
    }
}

impl Plan {
    fn make(schema: &Schema, field: &str, converter: &Converter, replace_null: bool) -> Result<Self> {
        let target = |optional| converter.target.schema(optional);
        if field.is_empty() {
            return Ok(Self { schema: Arc::new(target(schema.optional)), converted: None });
        }
        let (mut new, mut converted) = (basics(schema, Type::Struct), None);
        for (index, one) in fields(schema)?.iter().enumerate() {
            let is_it = *one.name == *field;
            if is_it {
                converted = Some((index, Form::of_schema(&one.schema)));
            }
            let schema = if is_it { Arc::new(target(one.schema.optional)) } else { Arc::clone(&one.schema) };
            add_field(&mut new, &one.name, schema)?;
        }
        new.optional = schema.optional;
        let mut plan = Self { schema: Arc::new(new), converted };
        if let Some(default) = &schema.default {
            let default = plan.convert(default.clone(), schema, converter, replace_null)?;
            plan.schema = Arc::new(Schema { default: Some(default), ..Schema::clone(&plan.schema) });
        }
        Ok(plan)
    }

    /// Converts a struct; null stays.
    fn convert(&self, value: Value, schema: &Schema, converter: &Converter, replace_null: bool) -> Result<Value> {
        let Value::Struct(mut structure) = value else { return Ok(value) };
        for (index, value) in structure.values.iter_mut().enumerate() {
            let (Some(from), Some(to)) = (schema.fields.get(index), self.schema.fields.get(index)) else { break };
            let old = or_default(take(value), &from.schema, replace_null);
            let new = match &self.converted {
                Some((at, form)) if *at == index => form.clone().and_then(|form| converter.convert(&old, form)),
                _ => Ok(old),
            };
            *value = put(to, new.map_err(|error| of_field(error, &from.name))?)?;
        }
        structure.schema = Arc::clone(&self.schema);
        Ok(Value::Struct(structure))
    }
}
