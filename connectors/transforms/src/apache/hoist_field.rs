//! HoistField: a struct or map of one field around the key or value.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectRecord, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};

use crate::part::{Side, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, put};

/// Wraps a value.
#[derive(Debug)]
pub(super) struct HoistField {
    side: Side,
    field: Arc<str>,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for HoistField {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::Medium)
                .doc("Field name for the single field that will be created in the resulting Struct or Map."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, field: config.string("field").into(), schemas: SchemaCache::default() })
    }
}

impl Transform for HoistField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        let value = take(&mut data.value);
        let Some(schema) = data.schema.take() else {
            let entry = (Value::String(Arc::clone(&self.field)), value);
            data.value = Value::Map(Map::from_distinct(vec![entry]));
            return Ok(Verdict::Keep);
        };
        let hoisted = self.schemas.get_or_make(&schema, || {
            let mut hoisted = Schema::new(Type::Struct);
            add_field(&mut hoisted, &self.field, Arc::clone(&schema))?;
            Ok(Arc::new(hoisted))
        })?;
        let value = put(&hoisted.fields[0], value)?;
        data.value = Value::Struct(Struct { schema: Arc::clone(hoisted), values: vec![value] });
        data.schema = Some(Arc::clone(hoisted));
        Ok(Verdict::Keep)
    }
}
