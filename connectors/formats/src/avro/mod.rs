//! AvroConverter: Avro's binary form, the schemas in the registry.
//!
//! A record's id gives its writer's schema. For each there is one Connect schema, which all its records share, and
//! one plan by which its bytes become values ([`decode`]). Towards Kafka, a Connect schema is described in Avro
//! ([`from_connect`]), registered or found, and a plan made for the two ([`encode`]).
//!
//! The mapping is that of Confluent's `AvroData` (Platform 8.1). Differences on purpose stand where they are made.

mod compatible;
mod datum;
mod decode;
mod defaults;
mod encode;
mod from_connect;
mod names;
mod reader;
mod schema;
mod to_connect;

#[cfg(test)]
mod tests;

pub use datum::{AvroOptions, AvroWriter};
pub use reader::AvroReader;

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{ConnectError, Data, Props, Result, Schema, Type};

use crate::registry::{
    Description, Format, Framed, RegisteredSchema, RegistryConverter, SchemaKind, SchemaText, serialization, switch,
};
use decode::Plan;
use encode::{WritePlan, no_avro};
use schema::Avro;

/// What conversions in both directions look at.
#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    /// `enhanced.avro.schema.support`: enums stay enums, names of union members keep their packages.
    enhanced: bool,
    /// `connect.meta.data`: names, versions, parameters and defaults travel in properties.
    connect_meta_data: bool,
    /// `generalized.sum.type.support`: unions and enums in the form that other formats have too.
    general_sums: bool,
    /// `flatten.singleton.unions`.
    flatten_singletons: bool,
    /// `discard.type.doc.default`: the older way with documentation and defaults.
    discard_docs: bool,
    /// `allow.optional.map.keys`.
    optional_map_keys: bool,
    /// `scrub.invalid.names`.
    scrub: bool,
}

impl Rules {
    fn new(config: &ParsedConfig) -> Self {
        Self {
            enhanced: config.boolean("enhanced.avro.schema.support"),
            connect_meta_data: config.boolean("connect.meta.data"),
            general_sums: config.boolean("generalized.sum.type.support"),
            flatten_singletons: config.boolean("flatten.singleton.unions"),
            discard_docs: config.boolean("discard.type.doc.default"),
            optional_map_keys: config.boolean("allow.optional.map.keys"),
            scrub: config.boolean("scrub.invalid.names"),
        }
    }

    /// Whether a map is one of Avro's, whose keys are strings.
    fn is_plain_map(self, schema: &Schema) -> bool {
        let keys = schema.key_schema.as_deref();
        keys.is_some_and(|keys| keys.kind == Type::String && (!keys.optional || self.optional_map_keys))
    }

    /// The parameter that makes a string an enum.
    fn enum_parameter(self) -> &'static str {
        if self.general_sums { names::GENERAL_ENUM } else { names::ENUM }
    }

    fn keeps_enum(self, schema: &Schema) -> bool {
        (self.enhanced || self.general_sums) && schema.parameters.contains_key(self.enum_parameter())
    }

    /// The full name in Avro of a name in Connect.
    fn name(self, name: &str) -> String {
        if self.scrub { names::scrub_full(name) } else { name.to_owned() }
    }
}

/// Avro as a format of the registry.
#[derive(Debug)]
pub struct AvroFormat {
    rules: Rules,
}

impl Format for AvroFormat {
    const KIND: SchemaKind = SchemaKind::Avro;
    const NAME: &'static str = "Avro";
    type Reader = Plan;
    type Writer = WritePlan;

    fn keys() -> Vec<ConfigKey> {
        vec![
            switch("connect.meta.data", true, "Whether Connect's names, versions, parameters and defaults are kept."),
            switch("enhanced.avro.schema.support", false, "Whether enums stay enums and union members keep packages."),
            switch("scrub.invalid.names", false, "Whether names that Avro does not allow are replaced."),
            switch(
                "generalized.sum.type.support",
                false,
                "Whether unions and enums have the form that all formats share.",
            ),
            switch("flatten.singleton.unions", false, "Whether a union of one type is that type."),
            switch("allow.optional.map.keys", false, "Whether maps with optional string keys are Avro's maps."),
            switch("discard.type.doc.default", false, "Whether documentation and defaults are kept in the older way."),
            switch("avro.use.logical.type.converters", false, "Accepted: logical types are always converted."),
            switch("avro.reflection.allow.null", false, "Accepted: there are no Java classes to reflect on."),
            switch("avro.remove.java.properties", false, "Accepted: properties of Java's make no difference here."),
        ]
    }

    fn new(config: &ParsedConfig) -> Self {
        Self { rules: Rules::new(config) }
    }

    fn reader(&self, schema: &RegisteredSchema) -> Result<Plan> {
        to_connect::plan(&parsed(schema)?, schema.version, self.rules)
    }

    fn describe(&self, schema: Option<&Arc<Schema>>) -> Result<Description> {
        let json = from_connect::schema(schema.map(|schema| &**schema), self.rules)?;
        let text = json.to_string();
        let schema = SchemaText { kind: SchemaKind::Avro, text, references: Vec::new() };
        Ok(Description { schema, record: from_connect::record_name(&json) })
    }

    fn writer(&self, schema: Option<&Arc<Schema>>, registered: &RegisteredSchema) -> Result<WritePlan> {
        WritePlan::new(schema, &parsed(registered)?, self.rules)
    }

    fn can_read(&self, registered: &RegisteredSchema, described: &Description) -> Result<bool> {
        let writer = Avro::parse(&described.schema.text).map_err(no_avro)?;
        Ok(compatible::can_read(&parsed(registered)?, &writer))
    }

    fn record_name(&self, schema: &RegisteredSchema) -> Option<String> {
        let avro = parsed(schema).ok()?;
        avro.full_name(avro.root).map(str::to_owned)
    }

    fn decode(&self, plan: &Plan, framed: &Framed<'_>) -> Result<Data> {
        plan.read(framed.data()).map_err(|error| {
            if decode::is_of_bytes(&error) {
                let message = format!("Error deserializing Avro message for id {}", framed.id);
                serialization(message).caused_by(error)
            } else {
                error
            }
        })
    }

    /// Null is no data of any schema: a tombstone.
    fn is_tombstone(&self, data: &Data) -> Result<bool> {
        match &data.schema {
            Some(schema) if data.value.is_null() && !schema.optional => {
                Err(ConnectError::data("Found null value for non-optional schema"))
            }
            _ => Ok(data.value.is_null()),
        }
    }

    fn encode(&self, _topic: &str, plan: &WritePlan, data: &Data, out: &mut Vec<u8>) -> Result<()> {
        plan.write(&data.value, out)
    }

    fn read_failed(topic: &str) -> String {
        format!("Failed to deserialize data for topic {topic} to Avro: ")
    }

    fn write_failed(topic: &str) -> String {
        format!("Failed to serialize Avro data from topic {topic} :")
    }

    fn access_failed(topic: &str) -> String {
        format!("Failed to access Avro data from topic {topic} : ")
    }
}

fn parsed(schema: &RegisteredSchema) -> Result<Avro> {
    Avro::of_registry(schema).map_err(|error| {
        let id = schema.id.map(|id| format!(" {id}")).unwrap_or_default();
        serialization(format!("the Avro schema{id} cannot be understood")).caused_by(no_avro(error))
    })
}

/// Reads and writes Avro with the schema registry.
#[doc(alias = "io.confluent.connect.avro.AvroConverter")]
pub type AvroConverter = RegistryConverter<AvroFormat>;

impl AvroConverter {
    /// Java class name of Confluent's converter.
    pub const CLASS: &'static str = "io.confluent.connect.avro.AvroConverter";
    /// Java class name of Apicurio's converter, whose keys [`apicurio::props`](crate::registry::apicurio::props)
    /// translates.
    pub const APICURIO_CLASS: &'static str = "io.apicurio.registry.utils.converter.AvroConverter";

    /// A converter with these settings, for keys or for values.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse or cannot work.
    pub fn new(class: &'static str, props: &Props, is_key: bool) -> Result<Self> {
        match class {
            Self::APICURIO_CLASS => Self::of_class(class, &crate::registry::apicurio::props(props)?, is_key),
            _ => Self::of_class(class, props, is_key),
        }
    }
}
