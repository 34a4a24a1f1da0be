//! What is made up fits its description, and is made up again from the same seed.

mod descriptions;
mod rules;
mod sessions;

use bigdecimal::BigDecimal;
use longshore_api::schema::logical;
use longshore_api::{Schema, Type, Value};

use super::Generator;

/// Values of a description, one after another.
fn values(description: &str, count: usize) -> Vec<Value> {
    series(description, 0, 7, count)
}

/// Values of a description from a place and a seed on.
fn series(description: &str, place: u64, mut seed: u64, count: usize) -> Vec<Value> {
    let mut generator = Generator::new(description, place).unwrap();
    let mut made = Vec::new();
    for index in 0..count {
        let (value, next) = generator.next(seed, 1_700_000_000_000 + index as i64);
        assert_fits(&value, &generator.schema().clone(), "value");
        seed = next;
        made.push(value);
    }
    made
}

fn error(description: &str) -> String {
    Generator::new(description, 0).err().unwrap_or_default()
}

/// Fails if a value is not of its schema.
fn assert_fits(value: &Value, schema: &Schema, path: &str) {
    let fits = match (schema.kind, value) {
        (_, Value::Null) => schema.optional,
        (Type::Int32, Value::Int32(_)) => schema.logical_name().is_none(),
        (Type::Int32, Value::Date(_)) => matches!(schema.logical_name(), Some(logical::DATE | logical::TIME)),
        (Type::Int64, Value::Int64(_)) => schema.logical_name().is_none(),
        (Type::Int64, Value::Date(_)) => schema.logical_name() == Some(logical::TIMESTAMP),
        (Type::Float32, Value::Float32(number)) => number.is_finite(),
        (Type::Float64, Value::Float64(number)) => number.is_finite(),
        (Type::Boolean, Value::Boolean(_)) => true,
        (Type::String, Value::String(text)) => {
            let prefix = "io.confluent.connect.avro.Enum";
            !schema.parameters.contains_key(prefix) || schema.parameters.contains_key(&format!("{prefix}.{text}"))
        }
        (Type::Bytes, Value::Bytes(bytes)) => {
            let size = schema.parameters.get("connect.fixed.size").and_then(|size| size.parse().ok());
            size.is_none_or(|size: usize| bytes.len() == size)
        }
        (Type::Bytes, Value::Decimal(number)) => decimal_fits(number, schema),
        (Type::Array, Value::Array(items)) => {
            items.iter().for_each(|item| assert_fits(item, schema.value_schema.as_ref().unwrap(), path));
            true
        }
        (Type::Map, Value::Map(map)) => {
            map.iter().for_each(|(_, value)| assert_fits(value, schema.value_schema.as_ref().unwrap(), path));
            map.iter().all(|(key, _)| key.as_str().is_some())
        }
        (Type::Struct, Value::Struct(value)) => {
            assert_eq!(*value.schema, *schema, "{path}");
            assert_eq!(value.values.len(), schema.fields.len(), "{path}");
            for (field, value) in schema.fields.iter().zip(&value.values) {
                assert_fits(value, &field.schema, &format!("{path}.{}", field.name));
            }
            true
        }
        _ => false,
    };
    assert!(fits, "{path}: {value:?} is not of {schema:?}");
}

fn decimal_fits(number: &BigDecimal, schema: &Schema) -> bool {
    let parameter = |name: &str| schema.parameters.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap();
    schema.logical_name() == Some(logical::DECIMAL)
        && number.as_bigint_and_exponent().1 == parameter("scale") as i64
        && number.digits() <= parameter("connect.decimal.precision")
}
