//! ConcatFields: fields joined to a text in one more field.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};
use longshore_formats::java_text;

use super::field::FieldName;
use crate::part::{Side, take};
use crate::plugin::{Configure, required};
use crate::schemas::{SchemaCache, add_field, or_default};

/// Joins fields.
#[derive(Debug)]
pub(super) struct ConcatFields {
    side: Side,
    fields: Vec<FieldName>,
    output: Arc<str>,
    /// What stands for a field that is missing or null.
    missing: String,
    delimiter: String,
    schemas: SchemaCache<Arc<Schema>>,
}

impl Configure for ConcatFields {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{List, String};
        use Importance::High;
        vec![
            required("field.names", List, High).doc("The fields to join, separated by commas."),
            required("output.field.name", String, High)
                .validator(Validator::NonEmptyString)
                .doc("The field that gets the text."),
            required("field.replace.missing", String, High)
                .default("")
                .doc("What stands for fields that are missing or null."),
            required("delimiter", String, High).default("").doc("What stands between the fields."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            fields: config.list("field.names").iter().map(|name| FieldName::new(name)).collect(),
            output: config.string("output.field.name").into(),
            missing: config.string("field.replace.missing").to_owned(),
            delimiter: config.string("delimiter").to_owned(),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for ConcatFields {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let place = self.side.name();
        let data = self.side.of(record);
        let joined = self.joined(&data.value);
        match take(&mut data.value) {
            Value::Map(_) if data.schema.is_some() => {
                return Err(ConnectError::data("Cannot list fields on non-struct type"));
            }
            Value::Map(mut map) => {
                map.insert(Value::String(Arc::clone(&self.output)), joined);
                data.value = Value::Map(map);
            }
            Value::Struct(old) => {
                let output = &self.output;
                let schema = Arc::clone(self.schemas.get_or_make(&old.schema, || with_output(&old.schema, output))?);
                let values = old.values.into_iter().zip(&old.schema.fields);
                let kept = values.map(|(value, field)| or_default(value, &field.schema, true));
                let values = kept.chain([joined]).collect();
                data.schema = Some(Arc::clone(&schema));
                data.value = Value::Struct(Struct { schema, values });
            }
            Value::Null => return Err(ConnectError::data(format!("{place} Value can't be null"))),
            other => {
                let class = other.java_class();
                return Err(ConnectError::data(format!("{place} Value type must be STRUCT or MAP, found: {class}")));
            }
        }
        Ok(Verdict::Keep)
    }
}

impl ConcatFields {
    fn joined(&self, value: &Value) -> Value {
        let text = |field: &FieldName| match field.find(value) {
            None | Some(Value::Null) => self.missing.clone(),
            Some(found) => java_text::value(found),
        };
        Value::string(self.fields.iter().map(text).collect::<Vec<_>>().join(&self.delimiter))
    }
}

/// A schema with the same fields and one more; as in Java, it has no name.
fn with_output(old: &Schema, output: &Arc<str>) -> Result<Arc<Schema>> {
    let mut schema = Schema::structure(old.fields.clone());
    add_field(&mut schema, output, Arc::new(Schema::optional(Type::String)))?;
    Ok(Arc::new(schema))
}
