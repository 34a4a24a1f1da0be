//! ToJSON and ToLong: structs as text, numbers as integers.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Parts, Props, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::{Converter, java_number};

use super::fields::named_copy;
use super::unsupported;
use crate::part::{Side, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, or_default, put};

/// Writes the key or the value as JSON.
pub(super) struct ToJson {
    side: Side,
    json: Arc<dyn Converter>,
    as_text: bool,
    /// That of what comes out.
    schema: Arc<Schema>,
}

/// Keys that go to the converter.
const OF_CONVERTER: [&str; 2] = ["schemas.enable", "decimal.format"];

impl Configure for ToJson {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("output.schema.type", ConfigType::String, Importance::Medium)
                .default("STRING")
                .validator(Validator::OneOf(&["STRING", "BYTES"]))
                .doc("Whether the JSON is a text or bytes."),
            required("schemas.enable", ConfigType::Boolean, Importance::Medium)
                .default("false")
                .doc("Whether the schema is written too."),
        ]
    }

    fn former_keys() -> Vec<ConfigKey> {
        vec![required("decimal.format", ConfigType::String, Importance::Low).default("BASE64")]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let text = |key: &str| match key {
            "schemas.enable" => config.boolean(key).to_string(),
            key => config.string(key).to_owned(),
        };
        let props: Props = OF_CONVERTER.into_iter().map(|key| (key.to_owned(), text(key))).collect();
        let json = longshore_formats::plugin("org.apache.kafka.connect.json.JsonConverter");
        let json = json.and_then(|plugin| plugin.new_converter(&props, false)).transpose()?;
        let as_text = config.string("output.schema.type") == "STRING";
        Ok(Self {
            side,
            json: json.ok_or_else(|| ConnectError::config("JsonConverter is not built in"))?,
            as_text,
            schema: Arc::new(Schema::optional(if as_text { Type::String } else { Type::Bytes })),
        })
    }
}

impl Transform for ToJson {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        match &data.value {
            Value::Null | Value::String(_) | Value::Bytes(_) => {}
            Value::Struct(_) | Value::Map(_) => {
                if matches!(data.value, Value::Map(_)) {
                    // As in Java, a map has no schema here.
                    data.schema = None;
                }
                let mut bytes = Vec::new();
                self.json.from_connect("", data, &mut bytes)?;
                let value = match self.as_text {
                    true => Value::string(String::from_utf8_lossy(&bytes).into_owned()),
                    false => Value::Bytes(bytes.into()),
                };
                *data = Data::new(Arc::clone(&self.schema), value);
            }
            other => return Err(unsupported(other)),
        }
        Ok(Verdict::Keep)
    }
}

/// Makes fields of a struct integers of 64 bits.
#[derive(Debug)]
pub(super) struct ToLong {
    side: Side,
    fields: Vec<String>,
    schemas: SchemaCache<(Arc<Schema>, Vec<bool>)>,
}

impl Configure for ToLong {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("fields", ConfigType::List, Importance::High)
                .default("")
                .doc("The fields that become integers of 64 bits; what stands behind a point is lost."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, fields: config.list("fields").to_vec(), schemas: SchemaCache::default() })
    }
}

impl Transform for ToLong {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Self { side, fields, schemas } = self;
        let data = side.of(record);
        match take(&mut data.value) {
            Value::Null => {}
            Value::Struct(old) => {
                let (schema, are_changed) = schemas.get_or_make(&old.schema, || {
                    let mut schema = named_copy(&old.schema);
                    let mut are_changed = Vec::with_capacity(schema.fields.len());
                    for field in &mut schema.fields {
                        let is_changed = fields.iter().any(|name| **name == *field.name);
                        if is_changed {
                            let optional = field.schema.optional;
                            field.schema = Arc::new(Schema { optional, ..Schema::new(Type::Int64) });
                        }
                        are_changed.push(is_changed);
                    }
                    Ok((Arc::new(schema), are_changed))
                })?;
                let mut values = Vec::with_capacity(old.values.len());
                let places = old.schema.fields.iter().zip(&schema.fields).zip(are_changed);
                for (value, ((was, is), is_changed)) in old.values.into_iter().zip(places) {
                    let value = or_default(value, &was.schema, true);
                    values.push(put(is, if *is_changed { long(&is.name, value)? } else { value })?);
                }
                data.schema = Some(Arc::clone(schema));
                data.value = Value::Struct(Struct { schema: Arc::clone(schema), values });
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}

/// `Number.longValue`; null stays.
fn long(name: &str, value: Value) -> Result<Value> {
    Ok(Value::Int64(match &value {
        Value::Null => return Ok(value),
        Value::Int8(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        Value::Float32(number) => *number as i64,
        Value::Float64(number) => *number as i64,
        Value::Decimal(number) => java_number::low_bits(number),
        other => {
            let class = other.java_class();
            let simple = class.rsplit('.').next().unwrap_or(class);
            return Err(ConnectError::data(format!("Field '{name}' is not a number. {simple}")));
        }
    }))
}
