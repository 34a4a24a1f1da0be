//! Generated records for property tests of the registry's formats: schemas and values that fit them.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use longshore_api::schema::logical;
use longshore_api::{Data, Field, Map, Schema, Struct, Type, Value};
use proptest::prelude::*;

/// A schema and a value of it.
type Part = BoxedStrategy<(Schema, Value)>;

fn scalar() -> Part {
    let with = |kind: Type| move |value: Value| (Schema::new(kind), value);
    let named = |kind: Type, name: &'static str, value: Value| {
        (Schema { version: Some(1), ..Schema::new(kind).named(name) }, value)
    };
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean).prop_map(with(Type::Boolean)),
        any::<i8>().prop_map(Value::Int8).prop_map(with(Type::Int8)),
        any::<i16>().prop_map(Value::Int16).prop_map(with(Type::Int16)),
        any::<i32>().prop_map(Value::Int32).prop_map(with(Type::Int32)),
        any::<i64>().prop_map(Value::Int64).prop_map(with(Type::Int64)),
        // Texts of floats have an own test; zero has no sign in JSON.
        (-1.0e30f32..1.0e30).prop_map(|number| Value::Float32(number + 0.0)).prop_map(with(Type::Float32)),
        (-1.0e300f64..1.0e300).prop_map(|number| Value::Float64(number + 0.0)).prop_map(with(Type::Float64)),
        any::<String>().prop_map(Value::string).prop_map(with(Type::String)),
        prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| Value::Bytes(Bytes::from(bytes)))
            .prop_map(with(Type::Bytes)),
        (any::<i64>(), 0..6_i64).prop_map(move |(unscaled, scale)| {
            let (mut schema, value) =
                named(Type::Bytes, logical::DECIMAL, Value::Decimal(BigDecimal::new(unscaled.into(), scale)));
            schema.parameters.insert("scale".to_owned(), scale.to_string());
            (schema, value)
        }),
        (-700_000..1_000_000_i64).prop_map(move |days| named(
            Type::Int32,
            logical::DATE,
            Value::Date(days * 86_400_000)
        )),
        (0..86_400_000_i64).prop_map(move |millis| named(Type::Int32, logical::TIME, Value::Date(millis))),
        (-62_000_000_000_000..200_000_000_000_000_i64).prop_map(move |millis| named(
            Type::Int64,
            logical::TIMESTAMP,
            Value::Date(millis)
        )),
    ]
    .boxed()
}

fn nested(part: Part) -> Part {
    let list = (part.clone(), 0..4_usize)
        .prop_map(|((schema, value), count)| (Schema::array(Arc::new(schema)), Value::Array(vec![value; count])));
    let map = (part.clone(), prop::collection::btree_set("[a-z]{0,6}", 0..4)).prop_map(|((schema, value), keys)| {
        let entries: Map = keys.into_iter().map(|key| (Value::string(key), value.clone())).collect();
        (Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(schema)), Value::Map(entries))
    });
    prop_oneof![3 => scalar(), 1 => list, 1 => map, 2 => structure(part)].boxed()
}

fn structure(part: Part) -> Part {
    let fields = prop::collection::btree_map("[a-z][a-z0-9_]{0,8}", (part, any::<bool>(), any::<bool>()), 1..6);
    fields
        .prop_map(|fields| {
            let (mut kept, mut values) = (Vec::new(), Vec::new());
            for (name, ((schema, value), optional, is_null)) in fields {
                kept.push(Field::new(name, Schema { optional, ..schema }));
                values.push(if optional && is_null { Value::Null } else { value });
            }
            let schema = Schema::structure(kept);
            (schema.clone(), Value::Struct(Struct { schema: Arc::new(schema), values }))
        })
        .boxed()
}

/// The struct's schema is that of its place, optional or not, as a converter gives it.
fn fitted(schema: &Arc<Schema>, value: Value) -> Value {
    match value {
        Value::Struct(fields) => {
            let values = schema.fields.iter().zip(fields.values).map(|(field, value)| fitted(&field.schema, value));
            let values = values.collect();
            Value::Struct(Struct { schema: Arc::clone(schema), values })
        }
        Value::Array(elements) => match &schema.value_schema {
            Some(element) => Value::Array(elements.into_iter().map(|value| fitted(element, value)).collect()),
            None => Value::Array(elements),
        },
        Value::Map(entries) => match &schema.value_schema {
            Some(part) => Value::Map(entries.into_iter().map(|(key, value)| (key, fitted(part, value))).collect()),
            None => Value::Map(entries),
        },
        other => other,
    }
}

/// A record: a struct.
pub(crate) fn record() -> impl Strategy<Value = Data> {
    structure(nested(nested(scalar()))).prop_map(|(schema, value)| {
        let schema = Arc::new(schema.named("record"));
        let value = fitted(&schema, value);
        Data { schema: Some(schema), value }
    })
}
