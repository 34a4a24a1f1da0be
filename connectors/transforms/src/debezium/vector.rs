//! VectorToJsonConverter: vectors of databases as JSON texts, for sinks that do not know them.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{
    ConnectError, ConnectRecord, Field, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::java_text;

use crate::part::{Side, not_a_struct, take};
use crate::plugin::Configure;
use crate::schemas::{SchemaCache, basics, or_default, put};

const DENSE: [&str; 2] = ["io.debezium.data.DoubleVector", "io.debezium.data.FloatVector"];
const SPARSE: &str = "io.debezium.data.SparseDoubleVector";
const JSON: &str = "io.debezium.data.Json";

/// Writes vectors as JSON, at any depth of structs.
#[derive(Debug)]
pub(super) struct VectorToJsonConverter {
    plans: SchemaCache<Plan>,
}

/// A struct's new schema, and what becomes of its fields.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    fields: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    None,
    Dense,
    Sparse,
    Inner(Plan),
}

impl Configure for VectorToJsonConverter {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { plans: SchemaCache::default() })
    }
}

impl Transform for VectorToJsonConverter {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = &mut record.value;
        match take(&mut data.value) {
            Value::Null => {}
            Value::Struct(old) => {
                let plan = self.plans.get_or_make(&old.schema, || Ok(Plan::make(&old.schema)))?;
                let new = plan.apply(old)?;
                data.schema = Some(Arc::clone(&new.schema));
                data.value = Value::Struct(new);
            }
            other => return Err(not_a_struct(&other, "Value should be a struct")),
        }
        Ok(Verdict::Keep)
    }
}

impl Plan {
    fn make(old: &Schema) -> Self {
        let mut schema = Schema { optional: old.optional, ..basics(old, Type::Struct) };
        let mut changes = Vec::with_capacity(old.fields.len());
        for field in &old.fields {
            let name = field.schema.name.as_deref().unwrap_or_default();
            let change = match field.schema.kind {
                Type::Array if DENSE.contains(&name) => Change::Dense,
                Type::Struct if name == SPARSE => Change::Sparse,
                Type::Struct => Change::Inner(Plan::make(&field.schema)),
                _ => Change::None,
            };
            let of_field = match &change {
                Change::None => Arc::clone(&field.schema),
                Change::Inner(plan) => Arc::clone(&plan.schema),
                Change::Dense | Change::Sparse => {
                    let optional = field.schema.optional;
                    Arc::new(Schema { optional, version: Some(1), ..Schema::new(Type::String).named(JSON) })
                }
            };
            schema.fields.push(Field { name: Arc::clone(&field.name), schema: of_field });
            changes.push(change);
        }
        Self { schema: Arc::new(schema), fields: changes }
    }

    fn apply(&self, old: Struct) -> Result<Struct> {
        let mut values = Vec::with_capacity(old.values.len());
        for (((value, was), field), change) in
            old.values.into_iter().zip(&old.schema.fields).zip(&self.schema.fields).zip(&self.fields)
        {
            let value = match (change, or_default(value, &was.schema, true)) {
                (_, Value::Null) => Value::Null,
                (Change::Dense, Value::Array(numbers)) => dense(&numbers),
                (Change::Sparse, Value::Struct(vector)) => sparse(&field.name, &vector)?,
                (Change::Inner(plan), Value::Struct(inner)) => Value::Struct(plan.apply(inner)?),
                (_, value) => value,
            };
            values.push(put(field, value)?);
        }
        Ok(Struct { schema: Arc::clone(&self.schema), values })
    }
}

fn dense(numbers: &[Value]) -> Value {
    let numbers: Vec<String> = numbers.iter().map(java_text::value).collect();
    Value::string(format!("{{ \"values\": [{}] }}", numbers.join(", ")))
}

/// The numbers in the order of their places.
fn sparse(name: &str, vector: &Struct) -> Result<Value> {
    let wrong = |what: &str| ConnectError::data(format!("field {name} of type {SPARSE} has no {what}"));
    let dimensions = match vector.get("dimensions") {
        Some(Value::Int16(dimensions)) => dimensions.to_string(),
        Some(Value::Null) => "null".to_owned(),
        _ => return Err(wrong("dimensions of type INT16")),
    };
    let Some(Value::Map(numbers)) = vector.get("vector") else { return Err(wrong("vector of type MAP")) };
    let place = |(place, number): (&Value, &Value)| match place {
        Value::Int16(place) => Ok((*place, java_text::value(number))),
        _ => Err(wrong("places of type INT16")),
    };
    let mut numbers = numbers.iter().map(place).collect::<Result<Vec<_>>>()?;
    numbers.sort_by_key(|(place, _)| *place);
    let numbers: Vec<String> = numbers.iter().map(|(place, number)| format!("\"{place}\": {number}")).collect();
    Ok(Value::string(format!("{{ \"dimensions\": {dimensions}, \"vector\": {{ {} }} }}", numbers.join(", "))))
}
