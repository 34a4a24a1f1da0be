//! The common schema of the elements of a list, or of the keys or values of a map.

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{Data, Map, Schema, Type, Value};

use crate::java_text::calendar::MILLIS_PER_DAY;

/// Collects schemas; nulls have none.
#[derive(Default)]
pub(super) struct Merger {
    common: Option<Arc<Schema>>,
    incompatible: bool,
}

impl Merger {
    pub(super) fn merge(&mut self, data: Option<&Data>) {
        let Some(schema) = data.and_then(|data| data.schema.as_ref()) else { return };
        if self.incompatible {
            return;
        }
        self.common = match self.common.take() {
            None => Some(Arc::clone(schema)),
            Some(common) => wider(common, schema),
        };
        self.incompatible = self.common.is_none();
    }

    /// The list; `None` if an element does not go into the common schema.
    pub(super) fn list(self, elements: Vec<Value>) -> Option<Data> {
        let elements = elements.into_iter().map(|element| self.align(element)).collect::<Option<_>>()?;
        let schema = Schema { value_schema: self.common, ..Schema::new(Type::Array) };
        Some(Data::new(Arc::new(schema), Value::Array(elements)))
    }

    /// The map with these keys and `values`; `None` if an entry does not go into the common schemas.
    pub(super) fn map(self, values: Merger, entries: Map) -> Option<Data> {
        // Without a common schema of the keys that of the values is not used either.
        let values = if self.common.is_some() { values } else { Merger::default() };
        let align = |(key, value)| Some((self.align(key)?, values.align(value)?));
        let entries = entries.into_iter().map(align).collect::<Option<Map>>()?;
        let schema = Schema { key_schema: self.common, value_schema: values.common, ..Schema::new(Type::Map) };
        Some(Data::new(Arc::new(schema), Value::Map(entries)))
    }

    /// The value in the common schema, if there is one; then it must not be null.
    fn align(&self, value: Value) -> Option<Value> {
        match &self.common {
            None => Some(value),
            Some(schema) => convert(value, schema),
        }
    }
}

/// Where a number stands among the types that widen into one another.
fn rank(kind: Type) -> Option<usize> {
    const ORDER: [Type; 6] = [Type::Int8, Type::Int16, Type::Int32, Type::Int64, Type::Float32, Type::Float64];
    ORDER.iter().position(|one| *one == kind)
}

fn wider(common: Arc<Schema>, schema: &Arc<Schema>) -> Option<Arc<Schema>> {
    // Of two schemas of one type the later one counts, whatever else they say.
    if common.kind == schema.kind {
        return Some(Arc::clone(schema));
    }
    let (one, other) = (rank(common.kind)?, rank(schema.kind)?);
    Some(if one > other { common } else { Arc::clone(schema) })
}

fn convert(value: Value, schema: &Schema) -> Option<Value> {
    let integer = match value {
        Value::Null => return None,
        Value::Int8(value) => i64::from(value),
        Value::Int16(value) => i64::from(value),
        Value::Int32(value) => i64::from(value),
        Value::Int64(value) => value,
        Value::Float32(value) if schema.kind == Type::Float64 => return Some(Value::Float64(f64::from(value))),
        Value::Date(_) => return schema.logical_name().is_some().then_some(value),
        _ => return Some(value),
    };
    Some(match (schema.logical_name(), schema.kind) {
        (Some(logical::DATE), _) => Value::Date(integer.checked_mul(MILLIS_PER_DAY)?),
        (Some(_), _) => Value::Date(integer),
        (_, Type::Int16) => Value::Int16(integer as i16),
        (_, Type::Int32) => Value::Int32(integer as i32),
        (_, Type::Int64) => Value::Int64(integer),
        (_, Type::Float32) => Value::Float32(integer as f32),
        (_, Type::Float64) => Value::Float64(integer as f64),
        _ => value,
    })
}
