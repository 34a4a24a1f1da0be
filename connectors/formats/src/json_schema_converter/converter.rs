//! The converter itself: keys, the registry, records.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator as Check};
use longshore_api::{ConnectError, Data, Props, Result, Schema, Value};

use super::document::Documents;
use super::to_connect::Converted;
use super::validator::Validator;
use super::{Rules, from_connect, pretty, read, to_connect, write};
use crate::compatible;
use crate::json::{self, Node, Reader as JsonReader};
use crate::registry::{
    Description, Format, Framed, RegisteredSchema, RegistryConverter, SchemaKind, SchemaText, serialization, switch,
};

/// Reads and writes JSON whose schema is a JSON Schema in the registry.
#[doc(alias = "io.confluent.connect.json.JsonSchemaConverter")]
pub type JsonSchemaConverter = RegistryConverter<JsonSchemas>;

impl JsonSchemaConverter {
    /// Java class name.
    pub const CLASS: &'static str = "io.confluent.connect.json.JsonSchemaConverter";

    /// A converter of keys or values with these settings.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse or cannot work.
    pub fn new(props: &Props, is_key: bool) -> Result<Self> {
        Self::of_class(Self::CLASS, props, is_key)
    }
}

/// JSON Schema as a format of the registry.
#[derive(Debug)]
pub struct JsonSchemas {
    rules: Rules,
    validate: bool,
    indent: bool,
}

/// A schema made ready for reading.
#[derive(Debug)]
pub struct Reader {
    connect: Converted,
    validator: Option<Validator>,
}

fn references(schema: &RegisteredSchema) -> Vec<(String, String)> {
    schema.references.iter().map(|one| (one.reference.name.clone(), one.text.clone())).collect()
}

impl JsonSchemas {
    fn converted(&self, text: &str, references: &[(String, String)], version: Option<i32>) -> Result<Converted> {
        let documents = Documents::parse(text, references)?;
        to_connect::convert(&documents, version, &self.rules)
    }

    fn validator(&self, schema: &RegisteredSchema) -> Result<Option<Validator>> {
        self.validate.then(|| Validator::new(&schema.schema.text, &references(schema))).transpose()
    }
}

impl Format for JsonSchemas {
    const KIND: SchemaKind = SchemaKind::Json;
    const NAME: &'static str = "JSON";
    type Reader = Reader;
    type Writer = Option<Validator>;

    fn keys() -> Vec<ConfigKey> {
        vec![
            switch(
                "object.additional.properties",
                true,
                "Whether written schemas allow members that they do not name.",
            ),
            switch(
                "use.optional.for.nonrequired",
                false,
                "Whether properties that are not required become optional fields.",
            ),
            switch("ignore.modern.dialects", false, "Accepted: all drafts are read alike."),
            ConfigKey::new("decimal.format", ConfigType::String, Importance::Low)
                .default("BASE64")
                .validator(Check::OneOfIgnoreCase(&["NUMERIC", "BASE64"]))
                .doc("How decimals are written: BASE64 (the bytes of the unscaled value) or NUMERIC (a number)."),
            switch("flatten.singleton.unions", true, "Whether a union of one schema is that schema."),
            switch(
                "generalized.sum.type.support",
                false,
                "Whether enums and unions have the form that all formats share.",
            ),
            switch("ignore.default.for.nullables", false, "Whether null stays null in a field that has a default."),
            switch("json.fail.invalid.schema", false, "Whether records that do not fit their schema are refused."),
            switch("json.indent.output", false, "Whether records are written over several lines."),
            switch(
                "json.write.dates.iso8601",
                false,
                "Accepted, as by Confluent's converter, where it has no effect on records.",
            ),
        ]
    }

    fn new(config: &ParsedConfig) -> Self {
        Self {
            rules: Rules::new(config),
            validate: config.boolean("json.fail.invalid.schema"),
            indent: config.boolean("json.indent.output"),
        }
    }

    fn reader(&self, schema: &RegisteredSchema) -> Result<Reader> {
        let connect = self.converted(&schema.schema.text, &references(schema), schema.version)?;
        Ok(Reader { connect, validator: self.validator(schema)? })
    }

    fn describe(&self, schema: Option<&Arc<Schema>>) -> Result<Description> {
        let schema = schema.ok_or_else(schemaless)?;
        let text = from_connect::text(schema, &self.rules)?;
        let record = schema.name.as_deref().map(str::to_owned);
        Ok(Description { schema: SchemaText { kind: SchemaKind::Json, text, references: Vec::new() }, record })
    }

    fn writer(&self, _schema: Option<&Arc<Schema>>, registered: &RegisteredSchema) -> Result<Option<Validator>> {
        self.validator(registered)
    }

    fn can_read(&self, registered: &RegisteredSchema, described: &Description) -> Result<bool> {
        let reader = self.converted(&registered.schema.text, &references(registered), None)?;
        let writer = self.converted(&described.schema.text, &[], None)?;
        Ok(compatible::can_read(&reader.schema, &writer.schema, None))
    }

    fn record_name(&self, schema: &RegisteredSchema) -> Option<String> {
        let documents = Documents::parse(&schema.schema.text, &[]).ok()?;
        documents.root()?.node.get("title").and_then(Node::as_str).map(str::to_owned)
    }

    fn decode(&self, reader: &Reader, framed: &Framed<'_>) -> Result<Data> {
        let unreadable =
            |cause| serialization(format!("Error deserializing JSON message for id {}", framed.id)).caused_by(cause);
        let bytes = framed.data();
        if let Some(validator) = &reader.validator {
            validator.check(bytes).map_err(|cause| serialization(cause.to_string())).map_err(unreadable)?;
        }
        let mut malformed = false;
        let value = json::with_text(bytes, |text| {
            let mut json = JsonReader::new(text);
            let node =
                if json.is_at_end() { None } else { Some(Node::read(&mut json).inspect_err(|_| malformed = true)?) };
            Ok(read::value(&reader.connect.schema, node.as_ref(), &reader.connect.again)?)
        });
        match value {
            Ok(value) => Ok(Data::new(Arc::clone(&reader.connect.schema), value)),
            Err(error) if malformed => Err(unreadable(error.root_cause().clone())),
            Err(error) => Err(error),
        }
    }

    fn is_tombstone(&self, data: &Data) -> Result<bool> {
        Ok(is_tombstone(data, &self.rules))
    }

    fn encode(&self, topic: &str, validator: &Option<Validator>, data: &Data, out: &mut Vec<u8>) -> Result<()> {
        let schema = data.schema.as_ref().ok_or_else(schemaless)?;
        let start = out.len();
        write::value(out, schema, &data.value, &self.rules)?;
        if let Some(validator) = validator {
            validator.check(&out[start..]).map_err(|cause| {
                ConnectError::data(Self::write_failed(topic)).caused_by(serialization(cause.to_string()))
            })?;
        }
        if self.indent {
            let flat = out.split_off(start);
            pretty::append(out, &flat);
        }
        Ok(())
    }

    fn read_failed(topic: &str) -> String {
        format!("Converting byte[] to Kafka Connect data failed due to serialization error of topic {topic}: ")
    }

    fn write_failed(topic: &str) -> String {
        format!("Converting Kafka Connect data to byte[] failed due to serialization error of topic {topic}: ")
    }

    fn access_failed(topic: &str) -> String {
        format!("Failed to access JSON Schema data from topic {topic} : ")
    }
}

fn schemaless() -> ConnectError {
    ConnectError::data("data without a schema has no JSON Schema: use a converter that gives it one, or JsonConverter")
}

/// Whether nothing stands for a null: it becomes a tombstone.
fn is_tombstone(data: &Data, rules: &Rules) -> bool {
    data.value.is_null()
        && data.schema.as_ref().is_none_or(|schema| {
            let has_default = schema.default.as_ref().is_some_and(|default| *default != Value::Null);
            !schema.optional && (rules.ignore_default_for_nullables || !has_default)
        })
}
