//! Avro without a registry: for files that carry their schema.

use std::sync::Arc;

use longshore_api::{Result, Schema, Value};

use super::encode::WritePlan;
use super::{Avro, Rules, from_connect, no_avro};

/// How Connect's schemas become Avro's, as Confluent's sinks of files let a user choose.
#[derive(Debug, Clone, Copy)]
pub struct AvroOptions {
    /// `enhanced.avro.schema.support`: enums stay enums, names of union members keep their packages.
    pub enhanced: bool,
    /// `connect.meta.data`: names, versions, parameters and defaults are kept in properties.
    pub connect_meta_data: bool,
    /// `allow.optional.map.keys`: maps whose string keys may be null are Avro's maps.
    pub optional_map_keys: bool,
}

/// Writes values of one Connect schema as Avro's binary form.
pub struct AvroWriter {
    schema: String,
    plan: WritePlan,
}

impl AvroWriter {
    /// A writer of values of a schema; `None` for schemaless ones.
    ///
    /// # Errors
    /// Kind BadRecord: the schema has no form in Avro.
    pub fn new(schema: Option<&Arc<Schema>>, options: AvroOptions) -> Result<Self> {
        let rules = Rules {
            enhanced: options.enhanced,
            connect_meta_data: options.connect_meta_data,
            optional_map_keys: options.optional_map_keys,
            ..Rules::default()
        };
        let text = from_connect::schema(schema.map(|schema| &**schema), rules)?.to_string();
        let plan = WritePlan::new(schema, &Avro::parse(&text).map_err(no_avro)?, rules)?;
        Ok(Self { schema: text, plan })
    }

    /// The schema in Avro's JSON.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Appends a value.
    ///
    /// # Errors
    /// Kind BadRecord: the value is none of the schema.
    pub fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        self.plan.write(value, out)
    }
}
