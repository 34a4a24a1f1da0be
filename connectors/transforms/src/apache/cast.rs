//! Cast: fields, or the whole key or value, to another type.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::schema::logical;
use longshore_api::{ConnectError, ConnectRecord, Data, Field, Parts, Result, Schema, Transform, Type, Value, Verdict};
use longshore_formats::java_text::calendar::MILLIS_PER_DAY;
use longshore_formats::{date_text, java_number, java_text};

use crate::part::{Side, map, of_field, structure, take};
use crate::plugin::{Configure, REPLACE_NULL, list_text, replace_null_key, required, split_pair};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, put};

const PURPOSE: &str = "cast types";

/// Casts values.
#[derive(Debug)]
pub(super) struct Cast {
    side: Side,
    spec: Spec,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// What is cast to what.
#[derive(Debug, Clone, PartialEq)]
enum Spec {
    Whole(Type),
    Fields(Vec<(String, Type)>),
}

/// A schema after casting, and the type to which each of its fields goes.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    casts: Vec<Option<Type>>,
}

const OUTPUT_TYPES: [(&str, Type); 12] = [
    ("INT8", Type::Int8),
    ("INT16", Type::Int16),
    ("INT32", Type::Int32),
    ("INT64", Type::Int64),
    ("FLOAT32", Type::Float32),
    ("FLOAT64", Type::Float64),
    ("BOOLEAN", Type::Boolean),
    ("STRING", Type::String),
    ("BYTES", Type::Bytes),
    ("ARRAY", Type::Array),
    ("MAP", Type::Map),
    ("STRUCT", Type::Struct),
];

const SUPPORTED: &str = "INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING";

impl Spec {
    fn read(mappings: &[String]) -> Result<Self, String> {
        if mappings.is_empty() {
            return Err("Must specify at least one field to cast.".to_owned());
        }
        let mut whole = None;
        let mut fields: Vec<(String, Type)> = Vec::new();
        for mapping in mappings {
            match &split_pair(mapping)[..] {
                [] => return Err("Index 1 out of bounds for length 0".to_owned()),
                [kind] => whole = Some(output_type(kind)?),
                [field, kind] => {
                    let (field, kind) = (field.trim(), output_type(kind)?);
                    fields.retain(|(known, _)| known != field);
                    fields.push((field.to_owned(), kind));
                }
                _ => {
                    let why = format!("Invalid rename mapping: {mapping}");
                    return Err(invalid_value("renames", Some(&list_text(mappings)), &why));
                }
            }
        }
        match whole {
            Some(_) if mappings.len() > 1 => {
                Err("Cast transformations that specify a type to cast the entire value to may only specify a \
                     single cast in their spec"
                    .to_owned())
            }
            Some(kind) => Ok(Spec::Whole(kind)),
            None => Ok(Spec::Fields(fields)),
        }
    }
}

fn output_type(text: &str) -> Result<Type, String> {
    let text = text.trim();
    let name = text.to_uppercase();
    let Some((_, kind)) = OUTPUT_TYPES.iter().find(|(known, _)| *known == name) else {
        let cause = format!(
            "java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data.Schema.Type.{name}"
        );
        return Err(invalid_value(&format!("Invalid type found in casting spec: {text}"), Some(&cause), ""));
    };
    match kind {
        Type::Bytes | Type::Array | Type::Map | Type::Struct => {
            Err(format!("Cast transformation does not support casting to {name}; supported types are [{SUPPORTED}]"))
        }
        _ => Ok(*kind),
    }
}

const SPEC: Validator = Validator::Check(|_, value| match value {
    ParsedValue::List(mappings) => Spec::read(mappings).map(|_| ()),
    _ => Ok(()),
});

impl Configure for Cast {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("spec", ConfigType::List, Importance::High).validator(SPEC).doc(
                "List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of \
                 Maps or Structs. A single type to cast the entire value. Valid types are int8, int16, int32, \
                 int64, float32, float64, boolean, and string. Note that binary fields can only be cast to string.",
            ),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            spec: Spec::read(config.list("spec")).map_err(ConnectError::config)?,
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for Cast {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        if data.value.is_null() {
            return Ok(Verdict::Keep);
        }
        match data.schema.take() {
            None => self.schemaless(data)?,
            Some(schema) => self.with_schema(&schema, data)?,
        }
        Ok(Verdict::Keep)
    }
}

impl Cast {
    fn schemaless(&self, data: &mut Data) -> Result<()> {
        let value = take(&mut data.value);
        data.value = match &self.spec {
            Spec::Whole(kind) => cast(None, value, *kind)?,
            Spec::Fields(casts) => {
                let mut map = map(value, PURPOSE)?;
                for (field, kind) in casts {
                    match map.get_mut(field) {
                        Some(value) => {
                            *value = cast(None, take(value), *kind).map_err(|error| of_field(error, field))?;
                        }
                        // A field that is not there is there afterwards, as null.
                        None => map.push_new(Value::string(field.as_str()), Value::Null),
                    }
                }
                Value::Map(map)
            }
        };
        Ok(())
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, data: &mut Data) -> Result<()> {
        let plan = self.schemas.get_or_make(schema, || Plan::make(schema, &self.spec))?;
        let value = take(&mut data.value);
        data.value = match &self.spec {
            Spec::Whole(kind) => cast(Some(schema), value, *kind)?,
            Spec::Fields(_) => {
                let mut structure = structure(value, PURPOSE)?;
                let fields = schema.fields.iter().zip(&plan.schema.fields).zip(&plan.casts);
                for (value, ((from, to), kind)) in structure.values.iter_mut().zip(fields) {
                    let old = or_default(take(value), &from.schema, self.replace_null);
                    let new = match kind {
                        Some(kind) => {
                            cast(Some(&from.schema), old, *kind).map_err(|error| of_field(error, &from.name))?
                        }
                        None => old,
                    };
                    *value = put(to, new)?;
                }
                structure.schema = Arc::clone(&plan.schema);
                Value::Struct(structure)
            }
        };
        data.schema = Some(Arc::clone(&plan.schema));
        Ok(())
    }
}

impl Plan {
    fn make(schema: &Schema, spec: &Spec) -> Result<Self> {
        let (mut new, mut casts) = match spec {
            Spec::Whole(kind) => (basics(schema, *kind), Vec::new()),
            Spec::Fields(_) => (basics(schema, Type::Struct), Vec::new()),
        };
        if let Spec::Fields(spec) = spec {
            for field in fields(schema)? {
                let kind = spec.iter().find(|(name, _)| **name == *field.name).map(|(_, kind)| *kind);
                let cast = cast_schema(field, kind).map_err(|error| of_field(error, &field.name))?;
                add_field(&mut new, &field.name, cast)?;
                casts.push(kind);
            }
        }
        new.optional = schema.optional;
        if let Some(default) = &schema.default {
            new.default = Some(cast(Some(schema), default.clone(), new.kind)?);
        }
        Ok(Self { schema: Arc::new(new), casts })
    }
}

fn cast_schema(field: &Field, kind: Option<Type>) -> Result<Arc<Schema>> {
    let Some(kind) = kind else { return Ok(Arc::clone(&field.schema)) };
    let default = field.schema.default.clone();
    let default = default.map(|default| cast(Some(&field.schema), default, kind)).transpose()?;
    Ok(Arc::new(Schema { optional: field.schema.optional, default, ..Schema::new(kind) }))
}

/// Casts one value.
fn cast(schema: Option<&Schema>, value: Value, kind: Type) -> Result<Value> {
    if value.is_null() {
        return Ok(value);
    }
    let from = match (schema, &value) {
        (Some(schema), _) => Some(schema.kind),
        (None, Value::Decimal(_) | Value::Date(_)) => None,
        (None, value) => value.kind(),
    };
    let Some(from) = from else {
        return Err(ConnectError::data(format!(
            "Cast transformation was passed a value of type class {} which is not supported by Connect's data API",
            value.java_class()
        )));
    };
    if matches!(from, Type::Array | Type::Map | Type::Struct) {
        return Err(ConnectError::data(format!(
            "Cast transformation does not support casting from {}; supported types are [{SUPPORTED}, BYTES]",
            from.name()
        )));
    }
    if kind == Type::String {
        return Ok(Value::string(text(&value)));
    }
    let value = match value {
        Value::Date(millis) => underlying(schema, millis)?,
        value => value,
    };
    let unexpected = || {
        let class = value.java_class();
        ConnectError::data(format!("Unexpected type in Cast transformation: class {class}"))
    };
    let converted = match &value {
        Value::String(text) => parse(text, kind),
        Value::Boolean(value) => number(&Value::Int8(i8::from(*value)), kind),
        value => return number(value, kind).ok_or_else(unexpected),
    };
    converted.ok_or_else(|| {
        let text = java_text::value(&value);
        let cause = ConnectError::data(format!("For input string: \"{text}\""));
        ConnectError::data(format!("Value ({text}) was out of range for requested data type"))
            .caused_by(cause.with_class("java.lang.NumberFormatException"))
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::Date(millis) => date_text(*millis),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        value => java_text::value(value),
    }
}

/// The number under a date, time or timestamp.
fn underlying(schema: Option<&Schema>, millis: i64) -> Result<Value> {
    match schema.and_then(Schema::logical_name) {
        Some(logical::DATE) if millis % MILLIS_PER_DAY != 0 => {
            Err(ConnectError::data("Kafka Connect Date type should not have any time fields set to non-zero values."))
        }
        Some(logical::DATE) => Ok(Value::Int32((millis / MILLIS_PER_DAY) as i32)),
        Some(logical::TIME) if !(0..MILLIS_PER_DAY).contains(&millis) => {
            Err(ConnectError::data("Kafka Connect Time type should not have any date fields set to non-zero values."))
        }
        Some(logical::TIME) => Ok(Value::Int32(millis as i32)),
        _ => Ok(Value::Int64(millis)),
    }
}

/// A text that is a number, or `true`.
fn parse(text: &str, kind: Type) -> Option<Value> {
    Some(match kind {
        Type::Int8 => Value::Int8(java_number::integer(text)?),
        Type::Int16 => Value::Int16(java_number::integer(text)?),
        Type::Int32 => Value::Int32(java_number::integer(text)?),
        Type::Int64 => Value::Int64(java_number::integer(text)?),
        Type::Float32 => Value::Float32(java_number::float(text)?),
        Type::Float64 => Value::Float64(java_number::double(text)?),
        _ => Value::Boolean(text.eq_ignore_ascii_case("true")),
    })
}

/// A number as another type, as Java narrows it; `None` if the value is no number.
fn number(value: &Value, kind: Type) -> Option<Value> {
    // Floats go to the small integers by way of 32 bits, others lose their upper bits.
    let (int, long) = match value {
        Value::Int8(value) => (i32::from(*value), i64::from(*value)),
        Value::Int16(value) => (i32::from(*value), i64::from(*value)),
        Value::Int32(value) => (*value, i64::from(*value)),
        Value::Int64(value) => (*value as i32, *value),
        Value::Float32(value) => (*value as i32, *value as i64),
        Value::Float64(value) => (*value as i32, *value as i64),
        Value::Decimal(value) => {
            let bits = java_number::low_bits(value);
            (bits as i32, bits)
        }
        _ => return None,
    };
    Some(match kind {
        Type::Int8 => Value::Int8(int as i8),
        Type::Int16 => Value::Int16(int as i16),
        Type::Int32 => Value::Int32(int),
        Type::Int64 => Value::Int64(long),
        Type::Float32 => Value::Float32(match value {
            Value::Float32(value) => *value,
            Value::Float64(value) => *value as f32,
            Value::Decimal(value) => java_number::float(&java_text::decimal(value))?,
            _ => long as f32,
        }),
        Type::Float64 => Value::Float64(match value {
            Value::Float32(value) => f64::from(*value),
            Value::Float64(value) => *value,
            Value::Decimal(value) => java_number::double(&java_text::decimal(value))?,
            _ => long as f64,
        }),
        _ => Value::Boolean(long != 0),
    })
}
