//! ExtractField: one field in place of the struct or map that holds it.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Transform, Value, Verdict, error::class};

use super::path::{FieldPath, take_from_struct};
use crate::part::{Side, map, structure, take};
use crate::plugin::{Configure, REPLACE_NULL, replace_null_key, required};
use crate::schemas::SchemaCache;

const PURPOSE: &str = "field extraction";

/// Takes a field out.
#[derive(Debug)]
pub(super) struct ExtractField {
    side: Side,
    text: String,
    path: FieldPath,
    replace_null: bool,
    schemas: SchemaCache<(Vec<usize>, Arc<Schema>)>,
}

impl Configure for ExtractField {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field", ConfigType::String, Importance::Medium).doc("Field name to extract."),
            replace_null_key(),
            required("field.syntax.version", ConfigType::String, Importance::High)
                .default("V1")
                .validator(Validator::OneOfIgnoreCase(&["V1", "V2"]))
                .doc(
                    "Defines the version of the syntax to access fields. If set to V1, then the field paths are \
                     limited to access the elements at the root level of the struct or map. If set to V2, the \
                     syntax will support accessing nested elements: dots separate them, and backticks wrap names \
                     that contain dots.",
                ),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let text = config.string("field").to_owned();
        let is_first = config.string("field.syntax.version").eq_ignore_ascii_case("V1");
        let path = if is_first { FieldPath::v1(&text) } else { FieldPath::v2(&text)? };
        let replace_null = config.boolean(REPLACE_NULL);
        Ok(Self { side, text, path, replace_null, schemas: SchemaCache::default() })
    }
}

impl Transform for ExtractField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        let value = take(&mut data.value);
        let Some(schema) = &data.schema else {
            if !value.is_null() {
                data.value = self.path.take_from_map(map(value, PURPOSE)?)?;
            }
            return Ok(Verdict::Keep);
        };
        let structure = match value {
            Value::Null => None,
            value => Some(structure(value, PURPOSE)?),
        };
        let unknown =
            || ConnectError::data(format!("Unknown field: {}", self.text)).with_class(class::ILLEGAL_ARGUMENT);
        let make = || self.path.find(schema)?.ok_or_else(unknown);
        let (indices, field_schema) = self.schemas.get_or_make(schema, make)?;
        if let Some(structure) = structure {
            data.value = take_from_struct(indices, structure, self.replace_null)?;
        }
        data.schema = Some(Arc::clone(field_schema));
        Ok(Verdict::Keep)
    }
}
