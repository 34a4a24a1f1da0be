//! SetSchemaMetadata: another name or version for a schema.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Transform, Value, Verdict};

use crate::part::{Side, take};
use crate::plugin::{Configure, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{SchemaCache, fields, or_default, put};

/// Sets name and version of struct schemas.
#[derive(Debug)]
pub(super) struct SetSchemaMetadata {
    side: Side,
    name: Option<Arc<str>>,
    version: Option<i32>,
    replace_null: bool,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for SetSchemaMetadata {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("schema.name", ConfigType::String, Importance::High).default_null().doc("Schema name to set."),
            required("schema.version", ConfigType::Int, Importance::High).default_null().doc("Schema version to set."),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let name = config.text("schema.name").map(Arc::from);
        let version = config.optional_integer("schema.version").map(|version| version as i32);
        if name.is_none() && version.is_none() {
            return Err(ConnectError::config("Neither schema name nor version configured"));
        }
        let replace_null = config.boolean(REPLACE_NULL);
        Ok(Self { side, name, version, replace_null, schemas: SchemaCache::default() })
    }
}

impl Transform for SetSchemaMetadata {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        let Some(schema) = &data.schema else {
            return match data.value {
                Value::Null => Ok(Verdict::Keep),
                _ => Err(ConnectError::data("Schema required for [updating schema metadata]")),
            };
        };
        let updated = self.schemas.get_or_make(schema, || {
            fields(schema)?;
            let mut updated = Schema::clone(schema);
            updated.name = self.name.clone().or(updated.name);
            updated.version = self.version.or(updated.version);
            Ok(Arc::new(updated))
        })?;
        if let Value::Struct(structure) = &mut data.value {
            for (field, value) in updated.fields.iter().zip(&mut structure.values) {
                *value = put(field, or_default(take(value), &field.schema, self.replace_null))?;
            }
            structure.schema = Arc::clone(updated);
        }
        data.schema = Some(Arc::clone(updated));
        Ok(Verdict::Keep)
    }
}
