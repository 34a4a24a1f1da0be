//! CaseTransform: fields in upper or in lower case.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Transform, Value, Verdict};
use longshore_formats::java_text;

use crate::part::Side;
use crate::plugin::{Configure, required};
use crate::schemas::or_default;

/// Changes the case of texts.
#[derive(Debug)]
pub(super) struct CaseTransform {
    side: Side,
    fields: Vec<Arc<str>>,
    change: fn(&str) -> String,
}

impl Configure for CaseTransform {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.names", ConfigType::List, Importance::High)
                .doc("The fields whose case is changed, separated by commas."),
            required("case", ConfigType::String, Importance::High)
                .validator(Validator::NonEmptyString)
                .doc("The case: upper or lower."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let change = match config.string("case") {
            "upper" => str::to_uppercase,
            "lower" => str::to_lowercase,
            other => return Err(ConnectError::config(format!("case: Unknown enum value {other}"))),
        };
        Ok(Self { side, fields: config.list("field.names").iter().map(|name| name.as_str().into()).collect(), change })
    }
}

impl Transform for CaseTransform {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let place = self.side.name();
        let data = self.side.of(record);
        let has_schema = data.schema.is_some();
        match &mut data.value {
            Value::Struct(structure) => {
                for (field, value) in structure.schema.fields.iter().zip(&mut structure.values) {
                    let old = or_default(std::mem::replace(value, Value::Null), &field.schema, true);
                    // What is no text stays as it is, as in Java.
                    *value = match &old {
                        Value::String(text) if self.fields.contains(&field.name) => Value::string((self.change)(text)),
                        _ => old,
                    };
                }
            }
            Value::Map(map) => {
                for field in &self.fields {
                    match map.get_mut(field) {
                        Some(Value::Null) => {}
                        // The schema of a map's values leaves them what they are.
                        Some(value) if has_schema && value.as_str().is_none() => {}
                        Some(value) => *value = Value::string((self.change)(&java_text::value(value))),
                        None if has_schema => {}
                        // A field that is not there is there afterwards, as null.
                        None => map.push_new(Value::String(Arc::clone(field)), Value::Null),
                    }
                }
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
