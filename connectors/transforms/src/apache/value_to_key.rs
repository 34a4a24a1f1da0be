//! ValueToKey: a key made of fields of the value.

use std::sync::Arc;

use indexmap::IndexSet;
use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use crate::part::{Side, not_a_map, not_a_struct};
use crate::plugin::{Configure, NAMES, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{SchemaCache, add_field, or_default, put};

const PURPOSE: &str = "copying fields from value to key";

/// Copies fields of the value into the key.
#[derive(Debug)]
pub(super) struct ValueToKey {
    fields: Vec<Arc<str>>,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// The key's schema, and for each of its fields the index of the value's.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    sources: Vec<usize>,
}

impl Configure for ValueToKey {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("fields", ConfigType::List, Importance::High)
                .validator(NAMES)
                .doc("Field names on the record value to extract as the record key."),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let fields: IndexSet<Arc<str>> = config.list("fields").iter().map(|field| Arc::from(field.as_str())).collect();
        Ok(Self {
            fields: fields.into_iter().collect(),
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for ValueToKey {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.key = match &record.value.schema {
            None => Data::schemaless(self.schemaless(&record.value.value)?),
            Some(schema) => {
                let Value::Struct(value) = &record.value.value else {
                    return Err(not_a_struct(&record.value.value, PURPOSE));
                };
                let plan = self.schemas.get_or_make(schema, || plan(schema, &self.fields))?;
                let mut values = Vec::with_capacity(plan.sources.len());
                for (field, source) in plan.schema.fields.iter().zip(&plan.sources) {
                    let copied = value.values.get(*source).cloned().unwrap_or(Value::Null);
                    values.push(put(field, or_default(copied, &field.schema, self.replace_null))?);
                }
                let key = Struct { schema: Arc::clone(&plan.schema), values };
                Data::new(Arc::clone(&plan.schema), Value::Struct(key))
            }
        };
        Ok(Verdict::Keep)
    }
}

impl ValueToKey {
    fn schemaless(&self, value: &Value) -> Result<Value> {
        let Value::Map(map) = value else { return Err(not_a_map(value, PURPOSE)) };
        let entry =
            |field: &Arc<str>| (Value::String(Arc::clone(field)), map.get(field).cloned().unwrap_or(Value::Null));
        Ok(Value::Map(Map::from_distinct(self.fields.iter().map(entry).collect())))
    }
}

fn plan(schema: &Schema, names: &[Arc<str>]) -> Result<Plan> {
    let mut key = Schema::new(Type::Struct);
    let mut sources = Vec::with_capacity(names.len());
    for name in names {
        let missing = || ConnectError::data(format!("Field does not exist: {name}"));
        let index = schema.field_index(name).ok_or_else(missing)?;
        add_field(&mut key, name, Arc::clone(&schema.fields[index].schema))?;
        sources.push(index);
    }
    Ok(Plan { schema: Arc::new(key), sources })
}
