//! Avro without a registry: for files that carry their schema.

use std::sync::Arc;

use longshore_api::{Result, Schema, Value};

use super::defaults::is_union;
use super::encode::WritePlan;
use super::names::FIXED_SIZE;
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

/// What becomes of Connect's types in Avro: for other formats that Confluent's sinks write by way of it.
impl AvroOptions {
    /// Whether a string is an enum.
    pub fn is_enum(self, schema: &Schema) -> bool {
        self.rules().keeps_enum(schema)
    }

    /// Whether a map is one of Avro's, and not a list of entries.
    pub fn is_map(self, schema: &Schema) -> bool {
        self.rules().is_plain_map(schema)
    }

    /// Whether a struct is a union, of whose fields one is there.
    pub fn is_union(schema: &Schema) -> bool {
        is_union(schema)
    }

    /// The length of bytes that are a fixed.
    pub fn fixed_size(schema: &Schema) -> Option<u64> {
        schema.name.as_ref()?;
        schema.parameters.get(FIXED_SIZE)?.parse().ok()
    }

    /// Precision and scale of a Decimal.
    ///
    /// # Errors
    /// Kind BadRecord: the parameters are no numbers.
    pub fn decimal(schema: &Schema) -> Result<(i32, i32)> {
        from_connect::decimal(schema)
    }

    fn rules(self) -> Rules {
        Rules {
            enhanced: self.enhanced,
            connect_meta_data: self.connect_meta_data,
            optional_map_keys: self.optional_map_keys,
            ..Rules::default()
        }
    }
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
        let rules = options.rules();
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
