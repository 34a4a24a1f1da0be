//! The transforms that come with ClickHouse's connector.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectRecord, Parts, Result, Schema, Struct, Transform, TransformPlugin, Type, Value, Verdict};

use crate::aiven::ExtractTopic;
use crate::part::{Side, not_a_struct, take};
use crate::plugin::{Configure, required, sided, transform};
use crate::schemas::{SchemaCache, basics};

/// The release whose transforms these are.
const VERSION: &str = "v1.5.0";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![transform::<KeyToValue>("com.clickhouse.kafka.connect.transforms.KeyToValue", VERSION)];
    // Aiven's, under another name.
    plugins.extend(sided!("com.clickhouse.kafka.connect.transforms.ExtractTopic", ExtractTopic, VERSION));
    plugins
}

/// Copies the key into a field of the value.
#[derive(Debug)]
struct KeyToValue {
    field: Arc<str>,
    /// For each schema of a value that of its copy, and the schema of the key in it.
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for KeyToValue {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::Low)
                .default("_key")
                .doc("Field name on the record value to extract the record key into."),
            required("shema_cache_max_size", ConfigType::Int, Importance::Medium)
                .default("32")
                .doc("How many schemas are remembered; here the latest 16 are."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { field: config.string("field").into(), schemas: SchemaCache::default() })
    }
}

impl Transform for KeyToValue {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let key = record.key.value.clone();
        let Some(schema) = &record.value.schema else {
            let Value::Map(map) = &mut record.value.value else {
                let why =
                    "Schemaless record value must be a Map - make sure you're using the JSON Converter for value.";
                return Err(longshore_api::ConnectError::data(why).with_class("java.lang.IllegalArgumentException"));
            };
            map.insert(Value::String(Arc::clone(&self.field)), key);
            return Ok(Verdict::Keep);
        };
        let Value::Struct(value) = &mut record.value.value else {
            return Err(not_a_struct(&record.value.value, "copying the key to the value"));
        };
        let key_schema = record.key.schema.clone().unwrap_or_else(|| Arc::new(Schema::optional(Type::String)));
        let field = &self.field;
        let is_right = |copy: &Schema| copy.fields.iter().any(|one| one.name == *field && one.schema == key_schema);
        if !is_right(self.schemas.get_or_make(schema, || Ok(with_key(schema, field, &key_schema)))?) {
            // The same values with keys of another kind.
            self.schemas.forget_latest();
        }
        let copy = Arc::clone(self.schemas.get_or_make(schema, || Ok(with_key(schema, field, &key_schema)))?);
        let at = copy.field_index(field).unwrap_or(copy.fields.len());
        if let Some(field) = copy.fields.get(at) {
            longshore_formats::validate::field(&field.name, &field.schema, &key)?;
        }
        let mut values: Vec<Value> = value.values.iter_mut().map(take).collect();
        match values.get_mut(at) {
            Some(place) => *place = key,
            None => values.push(key),
        }
        record.value.value = Value::Struct(Struct { schema: Arc::clone(&copy), values });
        record.value.schema = Some(copy);
        Ok(Verdict::Keep)
    }
}

/// A struct's schema with a field for the key, in the place of one of that name.
fn with_key(schema: &Schema, name: &Arc<str>, key: &Arc<Schema>) -> Arc<Schema> {
    let mut copy = basics(schema, Type::Struct);
    copy.parameters.clear();
    copy.fields = schema.fields.clone();
    let field = longshore_api::Field { name: Arc::clone(name), schema: Arc::clone(key) };
    match copy.field_index(name) {
        Some(at) => copy.fields[at] = field,
        None => copy.fields.push(field),
    }
    Arc::new(copy)
}
