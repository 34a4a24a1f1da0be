//! Transforms of `jcustenborder/kafka-connect-transform-common` that configurations name.

mod case;
mod convert;
mod fields;
mod pattern;
mod record;
mod timestamp_now;

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::schema::logical;
use longshore_api::{
    ConnectError, ConnectRecord, Parts, Result, Schema, Transform, TransformPlugin, Type, Value, Verdict,
};

use crate::part::Side;
use crate::plugin::{Configure, required, sided, transform};

const VERSION: &str = "0.1.0.58";

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    let mut plugins = vec![
        transform::<case::ChangeTopicCase>(
            "com.github.jcustenborder.kafka.connect.transform.common.ChangeTopicCase",
            VERSION,
        ),
        transform::<record::LowerCaseTopic>(
            "com.github.jcustenborder.kafka.connect.transform.common.LowerCaseTopic",
            VERSION,
        ),
        transform::<record::TimestampNow>(
            "com.github.jcustenborder.kafka.connect.transform.common.TimestampNow",
            VERSION,
        ),
    ];
    macro_rules! both {
        ($class:literal, $transform:ty) => {
            plugins.extend(sided!($class, $transform, VERSION));
        };
    }
    both!("com.github.jcustenborder.kafka.connect.transform.common.BytesToString", fields::BytesToString);
    both!("com.github.jcustenborder.kafka.connect.transform.common.ChangeCase", case::ChangeCase);
    both!("com.github.jcustenborder.kafka.connect.transform.common.ExtractNestedField", fields::ExtractNestedField);
    both!("com.github.jcustenborder.kafka.connect.transform.common.PatternFilter", pattern::PatternFilter);
    both!("com.github.jcustenborder.kafka.connect.transform.common.PatternRename", pattern::PatternRename);
    both!("com.github.jcustenborder.kafka.connect.transform.common.SchemaNameToTopic", record::SchemaNameToTopic);
    both!("com.github.jcustenborder.kafka.connect.transform.common.SetNull", record::SetNull);
    both!("com.github.jcustenborder.kafka.connect.transform.common.ToJSON", convert::ToJson);
    both!("com.github.jcustenborder.kafka.connect.transform.common.ToLong", convert::ToLong);
    both!("com.github.jcustenborder.kafka.connect.transform.common.TopicNameToField", fields::TopicNameToField);
    both!(
        "com.github.jcustenborder.kafka.connect.transform.common.TimestampNowField",
        timestamp_now::TimestampNowField
    );
    both!("com.github.jcustenborder.kafka.connect.transform.common.ExtractTimestamp", ExtractTimestamp);
    plugins
}

/// What these transforms say of a value that they do not take.
fn unsupported(value: &Value) -> ConnectError {
    let kind = value.kind().map_or_else(|| value.java_class(), |kind| kind.name());
    ConnectError::data(format!("{kind} is not a supported type.")).with_class(UNSUPPORTED)
}

const UNSUPPORTED: &str = "java.lang.UnsupportedOperationException";

/// Makes a field the record's timestamp.
#[derive(Debug)]
struct ExtractTimestamp {
    side: Side,
    field: String,
}

impl Configure for ExtractTimestamp {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("field.name", ConfigType::String, Importance::High)
                .doc("The field to pull the timestamp from. This must be an int64 or a timestamp."),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self { side, field: config.string("field.name").to_owned() })
    }
}

impl Transform for ExtractTimestamp {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let value = &self.side.of(record).value;
        let name = &self.field;
        let found = match value {
            Value::Map(map) => map.get(name),
            Value::Struct(structure) => {
                let index = structure.schema.field_index(name);
                let missing = || ConnectError::data(format!("Schema does not have field '{name}'"));
                let index = index.ok_or_else(missing)?;
                check(name, &structure.schema.fields[index].schema)?;
                structure.values.get(index)
            }
            other => {
                let class = other.java_class();
                let message = format!("A timestamp can be extracted from a Map or a Struct only, found: {class}");
                return Err(ConnectError::data(message).with_class(UNSUPPORTED));
            }
        };
        record.timestamp = Some(match found {
            Some(Value::Date(millis) | Value::Int64(millis)) => *millis,
            None | Some(Value::Null) => {
                return Err(ConnectError::data(format!("Field '{name}' cannot be null.")));
            }
            Some(other) => {
                return Err(ConnectError::data(format!("Cannot convert {} to timestamp.", other.java_class())));
            }
        });
        Ok(Verdict::Keep)
    }
}

fn check(name: &str, schema: &Arc<Schema>) -> Result<()> {
    match (schema.kind, schema.logical_name()) {
        (Type::Int64, None | Some(logical::TIMESTAMP)) => Ok(()),
        _ => {
            let text = crate::schemas::text(schema);
            Err(ConnectError::data(format!("Schema '{text}' of field '{name}' is not supported.")))
        }
    }
}
