//! What changes fields of structs and maps: TopicNameToField, ExtractNestedField, BytesToString.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{
    ConnectError, ConnectRecord, Parts, Props, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::Converter;

use super::unsupported;
use crate::part::{Side, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, basics, or_default, put};

/// Adds the topic as a field.
#[derive(Debug)]
pub(super) struct TopicNameToField {
    side: Side,
    field: Arc<str>,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for TopicNameToField {
    fn keys() -> Vec<ConfigKey> {
        vec![required("field", ConfigType::String, Importance::High).doc("The field that gets the topic.")]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, field: config.string("field").into(), schemas: SchemaCache::default() })
    }
}

impl Transform for TopicNameToField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let topic = Value::String(Arc::clone(&record.topic));
        let data = self.side.of(record);
        match take(&mut data.value) {
            Value::Null => {}
            Value::Map(mut map) => {
                map.insert(Value::String(Arc::clone(&self.field)), topic);
                (data.schema, data.value) = (None, Value::Map(map));
            }
            Value::Struct(old) => {
                let name = &self.field;
                let schema = self.schemas.get_or_make(&old.schema, || {
                    let mut schema = copy(&old.schema);
                    let text = Schema { doc: Some("Topic name".into()), ..Schema::new(Type::String) };
                    add_field(&mut schema, name, Arc::new(text))?;
                    Ok(Arc::new(schema))
                })?;
                let value = appended(old, schema, topic)?;
                (data.schema, data.value) = (Some(Arc::clone(&value.schema)), Value::Struct(value));
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}

/// A struct's schema with all that it has, but for a default, which would be one of the old schema.
fn copy(old: &Schema) -> Schema {
    Schema { optional: old.optional, fields: old.fields.clone(), ..basics(old, Type::Struct) }
}

/// A struct's schema with its name and fields alone.
pub(super) fn named_copy(old: &Schema) -> Schema {
    let name = old.name.clone().filter(|name| !name.is_empty());
    Schema { name, optional: old.optional, fields: old.fields.clone(), ..Schema::new(Type::Struct) }
}

/// A struct with one more value; nulls are the defaults that their fields have.
fn appended(old: Struct, schema: &Arc<Schema>, last: Value) -> Result<Struct> {
    let kept = old.values.into_iter().zip(&old.schema.fields);
    let mut values: Vec<Value> = kept.map(|(value, field)| or_default(value, &field.schema, true)).collect();
    if let Some(field) = schema.fields.last() {
        values.push(put(field, last)?);
    }
    Ok(Struct { schema: Arc::clone(schema), values })
}

/// Copies a field of an inner struct to the outer one.
#[derive(Debug)]
pub(super) struct ExtractNestedField {
    side: Side,
    outer: String,
    inner: String,
    output: Arc<str>,
    /// The new schema, and the places of the outer and the inner field.
    schemas: SchemaCache<(Arc<Schema>, usize, usize)>,
}

impl Configure for ExtractNestedField {
    fn keys() -> Vec<ConfigKey> {
        let name = |name| required(name, ConfigType::String, Importance::High);
        vec![
            name("input.outer.field.name").doc("The field that is a struct: address of address.state."),
            name("input.inner.field.name").doc("The field of that struct: state of address.state."),
            name("output.field.name").doc("The new field that gets what the inner one holds."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            outer: config.string("input.outer.field.name").to_owned(),
            inner: config.string("input.inner.field.name").to_owned(),
            output: config.string("output.field.name").into(),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for ExtractNestedField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Self { side, outer, inner, output, schemas } = self;
        let data = side.of(record);
        match take(&mut data.value) {
            Value::Null => {}
            Value::Struct(old) => {
                let (schema, at, within) =
                    schemas.get_or_make(&old.schema, || nested(&old.schema, outer, inner, output))?;
                let value = match old.values.get(*at) {
                    Some(Value::Struct(found)) => found.values.get(*within).cloned().unwrap_or(Value::Null),
                    _ => return Err(ConnectError::data(format!("Field '{outer}' is null, so it has no '{inner}'"))),
                };
                let value = match schema.fields.last() {
                    Some(field) => or_default(value, &field.schema, true),
                    None => value,
                };
                let value = appended(old, schema, value)?;
                (data.schema, data.value) = (Some(Arc::clone(&value.schema)), Value::Struct(value));
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}

fn nested(old: &Schema, outer: &str, inner: &str, output: &Arc<str>) -> Result<(Arc<Schema>, usize, usize)> {
    let missing = |name: &str| ConnectError::data(format!("{name} is not a valid field name"));
    let at = old.field_index(outer).ok_or_else(|| missing(outer))?;
    let of_outer = &old.fields[at].schema;
    if of_outer.kind != Type::Struct {
        return Err(ConnectError::data(format!("Field '{outer}' is not of type STRUCT")));
    }
    let within = of_outer.field_index(inner).ok_or_else(|| missing(inner))?;
    let mut schema = named_copy(old);
    add_field(&mut schema, output, Arc::clone(&of_outer.fields[within].schema))?;
    Ok((Arc::new(schema), at, within))
}

/// Reads bytes as text: the whole key or value, or fields of a struct.
pub(super) struct BytesToString {
    side: Side,
    fields: Vec<String>,
    /// Knows Java's character sets.
    text: Arc<dyn Converter>,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for BytesToString {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("charset", ConfigType::String, Importance::High)
                .default("UTF-8")
                .doc("The character set of the bytes: UTF-8, UTF-16, ISO-8859-1, US-ASCII."),
            required("fields", ConfigType::List, Importance::High)
                .default("")
                .doc("The fields of a struct that become texts."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let charset = config.string("charset");
        let props = Props::from_iter([("converter.encoding".to_owned(), charset.to_owned())]);
        let wrong = |why: ConnectError| ConnectError::config(format!("charset: {why}"));
        let text = longshore_formats::plugin("org.apache.kafka.connect.storage.StringConverter");
        let text = text.and_then(|plugin| plugin.new_converter(&props, false)).transpose().map_err(wrong)?;
        let text = text.ok_or_else(|| ConnectError::config(format!("charset: {charset} is not known")))?;
        Ok(Self { side, fields: config.list("fields").to_vec(), text, schemas: SchemaCache::default() })
    }
}

impl Transform for BytesToString {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Self { side, fields, text, schemas } = self;
        let data = side.of(record);
        let of_text = |optional| Arc::new(Schema { optional, ..Schema::new(Type::String) });
        match take(&mut data.value) {
            Value::Null => {}
            Value::Bytes(bytes) => {
                data.value = text.to_connect("", Some(&bytes))?.value;
                data.schema = Some(of_text(data.schema.as_ref().is_none_or(|schema| schema.optional)));
            }
            Value::Struct(old) => {
                let schema = schemas.get_or_make(&old.schema, || {
                    let mut schema = named_copy(&old.schema);
                    for field in
                        schema.fields.iter_mut().filter(|field| fields.iter().any(|name| **name == *field.name))
                    {
                        if field.schema.kind != Type::Bytes || field.schema.logical_name().is_some() {
                            return Err(ConnectError::data(format!("Field '{}' is not of type BYTES", field.name)));
                        }
                        field.schema = of_text(field.schema.optional);
                    }
                    Ok(Arc::new(schema))
                })?;
                let mut values = Vec::with_capacity(old.values.len());
                for ((value, was), is) in old.values.into_iter().zip(&old.schema.fields).zip(&schema.fields) {
                    let value = or_default(value, &was.schema, true);
                    values.push(match value {
                        Value::Bytes(bytes) if is.schema.kind == Type::String => {
                            text.to_connect("", Some(&bytes))?.value
                        }
                        value => put(is, value)?,
                    });
                }
                data.schema = Some(Arc::clone(schema));
                data.value = Value::Struct(Struct { schema: Arc::clone(schema), values });
            }
            other => return Err(unsupported(&other)),
        }
        Ok(Verdict::Keep)
    }
}
