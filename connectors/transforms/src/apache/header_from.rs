//! HeaderFrom: fields moved or copied into headers.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Header, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
    error::class,
};

use crate::part::{Side, map, of_field, structure, take};
use crate::plugin::{Configure, REPLACE_NULL, replace_null_key, required};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, put};

/// Makes headers of fields.
#[derive(Debug)]
pub(super) struct HeaderFrom {
    side: Side,
    /// A field, and the header that it becomes.
    pairs: Vec<(String, Arc<str>)>,
    moves: bool,
    purpose: &'static str,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// What is left of a schema when fields have moved.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    /// Indices of the fields that stay.
    kept: Vec<usize>,
}

impl Configure for HeaderFrom {
    fn keys() -> Vec<ConfigKey> {
        let list = |name| required(name, ConfigType::List, Importance::High).validator(Validator::NonEmptyList);
        vec![
            list("fields").doc("Field names in the record whose values are to be copied or moved to headers."),
            list("headers")
                .doc("Header names, in the same order as the field names listed in the fields configuration property."),
            required("operation", ConfigType::String, Importance::High)
                .validator(Validator::OneOf(&["move", "copy"]))
                .doc(
                    "Either move if the fields are to be moved to the headers (removed from the key/value), or copy \
                     if the fields are to be copied to the headers (retained in the key/value).",
                ),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        let (fields, headers) = (config.list("fields"), config.list("headers"));
        if fields.len() != headers.len() {
            return Err(ConnectError::config(
                "'fields' config must have the same number of elements as 'headers' config.",
            ));
        }
        let headers = headers.iter().map(|header| Arc::from(header.as_str()));
        let moves = config.string("operation") == "move";
        Ok(Self {
            side,
            pairs: fields.iter().cloned().zip(headers).collect(),
            moves,
            purpose: if moves { "header move" } else { "header copy" },
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for HeaderFrom {
    fn parts(&self) -> Parts {
        self.side.parts().and(Parts::HEADERS)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        let value = take(&mut data.value);
        let headers = match data.schema.clone() {
            None => self.schemaless(value, data)?,
            Some(schema) => self.with_schema(&schema, structure(value, self.purpose)?, data)?,
        };
        record.headers.extend(headers);
        Ok(Verdict::Keep)
    }
}

impl HeaderFrom {
    fn schemaless(&self, value: Value, data: &mut Data) -> Result<Vec<Header>> {
        let mut map = map(value, self.purpose)?;
        let header = |(field, name): &(String, Arc<str>)| {
            let value = map.get(field).cloned().unwrap_or(Value::Null);
            Header { name: Arc::clone(name), value: Data::schemaless(value) }
        };
        let headers = self.pairs.iter().map(header).collect();
        if self.moves {
            for (field, _) in &self.pairs {
                map.remove(field);
            }
        }
        data.value = Value::Map(map);
        Ok(headers)
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, mut old: Struct, data: &mut Data) -> Result<Vec<Header>> {
        let mut headers = Vec::with_capacity(self.pairs.len());
        for (field, name) in &self.pairs {
            let index = schema.field_index(field).ok_or_else(|| of_field(missing_field(), field))?;
            let field = &schema.fields[index];
            let value = old.values.get(index).cloned().unwrap_or(Value::Null);
            let value = or_default(value, &field.schema, self.replace_null);
            headers.push(Header { name: Arc::clone(name), value: Data::new(Arc::clone(&field.schema), value) });
        }
        if self.moves {
            let pairs = &self.pairs;
            let plan = self.schemas.get_or_make(schema, || plan(schema, pairs))?;
            let mut values = Vec::with_capacity(plan.kept.len());
            for (field, index) in plan.schema.fields.iter().zip(&plan.kept) {
                let value = old.values.get_mut(*index).map(take).unwrap_or(Value::Null);
                values.push(put(field, or_default(value, &field.schema, self.replace_null))?);
            }
            old = Struct { schema: Arc::clone(&plan.schema), values };
            data.schema = Some(Arc::clone(&plan.schema));
        }
        data.value = Value::Struct(old);
        Ok(headers)
    }
}

fn plan(schema: &Schema, pairs: &[(String, Arc<str>)]) -> Result<Plan> {
    let (mut left, mut kept) = (basics(schema, Type::Struct), Vec::new());
    for (index, field) in fields(schema)?.iter().enumerate() {
        if !pairs.iter().any(|(moved, _)| **moved == *field.name) {
            add_field(&mut left, &field.name, Arc::clone(&field.schema))?;
            kept.push(index);
        }
    }
    Ok(Plan { schema: Arc::new(left), kept })
}

/// What Connect says of a field that the schema does not have.
fn missing_field() -> ConnectError {
    ConnectError::data(
        "Cannot invoke \"org.apache.kafka.connect.data.Field.schema()\" because the return value of \
         \"org.apache.kafka.connect.data.Schema.field(String)\" is null",
    )
    .with_class(class::NULL_POINTER)
}
