//! What is written is read again as it was, for data of any schema.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use longshore_api::schema::logical;
use longshore_api::{Data, Field, Map, Schema, Struct, Type, Value};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// A schema with a value of it.
type Sample = (Schema, Value);

fn scalar() -> impl Strategy<Value = Sample> {
    let named = |kind, name: &str, value| {
        let mut schema = Schema::new(kind).named(name);
        schema.version = Some(1);
        (schema, value)
    };
    let decimal = |(digits, scale): (Vec<u8>, i64)| {
        let mut schema = Schema::new(Type::Bytes).named(logical::DECIMAL);
        schema.version = Some(1);
        schema.parameters.insert("scale".to_owned(), scale.to_string());
        (schema, Value::Decimal(BigDecimal::new(BigInt::from_signed_bytes_be(&digits), scale)))
    };
    prop_oneof![
        any::<bool>().prop_map(|value| (Schema::new(Type::Boolean), Value::Boolean(value))),
        any::<i8>().prop_map(|value| (Schema::new(Type::Int8), Value::Int8(value))),
        any::<i16>().prop_map(|value| (Schema::new(Type::Int16), Value::Int16(value))),
        any::<i32>().prop_map(|value| (Schema::new(Type::Int32), Value::Int32(value))),
        any::<i64>().prop_map(|value| (Schema::new(Type::Int64), Value::Int64(value))),
        any::<f32>().prop_map(|value| (Schema::new(Type::Float32), Value::Float32(value))),
        any::<f64>().prop_map(|value| (Schema::new(Type::Float64), Value::Float64(value))),
        ".*".prop_map(|value| (Schema::new(Type::String), Value::string(value))),
        vec(any::<u8>(), 0..20).prop_map(|value| (Schema::new(Type::Bytes), Value::Bytes(value.into()))),
        (vec(any::<u8>(), 0..20), -3..70_i64).prop_map(decimal),
        (-100_000..100_000_i64).prop_map(move |days| named(Type::Int32, logical::DATE, Value::Date(days * 86_400_000))),
        (0..86_400_000_i64).prop_map(move |millis| named(Type::Int32, logical::TIME, Value::Date(millis))),
        any::<i64>().prop_map(move |millis| named(Type::Int64, logical::TIMESTAMP, Value::Date(millis))),
    ]
}

/// What a schema says beside its type.
fn dressed(sample: impl Strategy<Value = Sample>) -> impl Strategy<Value = Sample> {
    let extras = (any::<[bool; 4]>(), select(vec!["", "some", "ünlike \" others"]));
    (sample, extras).prop_map(|((mut schema, value), ([optional, null, default, doc], text))| {
        schema.optional |= optional;
        if doc && !text.is_empty() {
            schema.doc = Some(Arc::from(text));
            schema.parameters.insert("p".to_owned(), text.to_owned());
        }
        let plain = matches!(schema.kind, Type::Int32 | Type::String | Type::Bytes | Type::Boolean);
        if default && plain {
            schema.default = Some(value.clone());
        }
        let null = null && schema.optional && schema.default.is_none();
        (schema, if null { Value::Null } else { value })
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    let leaf = dressed(scalar());
    leaf.prop_recursive(4, 40, 5, |inner| {
        let array = inner.clone().prop_flat_map(|(schema, value)| {
            let elements = vec(Just(value), 0..4);
            elements.prop_map(move |elements| (Schema::array(Arc::new(schema.clone())), Value::Array(elements)))
        });
        let map = (inner.clone(), vec(".{0,3}", 0..20)).prop_map(|((schema, value), keys)| {
            let entries: Map = keys.into_iter().map(|key| (Value::string(key), value.clone())).collect();
            (Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(schema)), Value::Map(entries))
        });
        let entries = (inner.clone(), vec(any::<i64>(), 0..20)).prop_map(|((schema, value), keys)| {
            let entries: Map = keys.into_iter().map(|key| (Value::Int64(key), value.clone())).collect();
            (Schema::map(Arc::new(Schema::new(Type::Int64)), Arc::new(schema)), Value::Map(entries))
        });
        let structure = (vec(inner.clone(), 0..5), any::<Option<u64>>()).prop_map(|(parts, name)| {
            let (schemas, values): (Vec<Schema>, Vec<Value>) = parts.into_iter().unzip();
            let fields = schemas.into_iter().enumerate();
            let fields = fields.map(|(index, schema)| Field::new(format!("f{index}"), schema)).collect();
            let mut schema = Schema::structure(fields);
            schema.name = name.map(|name| Arc::from(format!("n{}.R{name}", name % 2)));
            (schema.clone(), Value::Struct(Struct { schema: Arc::new(schema), values }))
        });
        dressed(prop_oneof![array, map, entries, structure])
    })
}

/// A struct carries the schema of its place, as converters and transforms make it.
fn settled(schema: &Arc<Schema>, value: &Value) -> Value {
    let part = |part: &Option<Arc<Schema>>, value| part.as_ref().map_or(Value::Null, |schema| settled(schema, value));
    match value {
        Value::Struct(record) => {
            let values = schema.fields.iter().zip(&record.values);
            let values = values.map(|(field, value)| settled(&field.schema, value)).collect();
            Value::Struct(Struct { schema: Arc::clone(schema), values })
        }
        Value::Array(elements) => Value::Array(elements.iter().map(|one| part(&schema.value_schema, one)).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), part(&schema.value_schema, value)));
            Value::Map(entries.collect())
        }
        other => other.clone(),
    }
}

fn data((schema, value): Sample) -> Data {
    let schema = Arc::new(schema);
    let value = settled(&schema, &value);
    Data::new(schema, value)
}

fn schemaless() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<f32>().prop_map(Value::Float32),
        any::<f64>().prop_map(Value::Float64),
        ".*".prop_map(Value::string),
        vec(any::<u8>(), 0..9).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let pairs = vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            pairs.prop_map(|pairs| Value::Map(pairs.into_iter().collect()))
        ]
    })
}

/// Floats are compared by their bits: NaN is what it was.
fn same(one: &Data, other: &Data) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

proptest! {
    #[test]
    fn data_with_a_schema_comes_back_as_it_was(sample in sample().prop_map(data)) {
        prop_assume!(!sample.value.is_null());
        let (avro, bytes) = write(&sample, DEFAULT).unwrap();
        let back = read(&avro, &bytes, DEFAULT).unwrap();
        prop_assert!(same(&sample, &back), "{avro}\n{sample:#?}\n{back:#?}");
    }

    #[test]
    fn what_was_read_is_written_as_it_stood(sample in sample().prop_map(data)) {
        prop_assume!(!sample.value.is_null());
        let (avro, bytes) = write(&sample, DEFAULT).unwrap();
        let back = read(&avro, &bytes, DEFAULT).unwrap();
        prop_assert_eq!(write(&back, DEFAULT).unwrap(), (avro, bytes));
    }

    #[test]
    fn schemaless_data_comes_back_as_it_was(value in schemaless()) {
        let sample = Data::schemaless(value);
        let (avro, bytes) = write(&sample, DEFAULT).unwrap();
        let back = read(&avro, &bytes, DEFAULT).unwrap();
        prop_assert!(same(&sample, &back), "{sample:#?}\n{back:#?}");
    }

    #[test]
    fn no_bytes_make_the_reader_fail_other_than_with_an_error(
        sample in sample().prop_map(data),
        noise in vec(any::<u8>(), 0..64),
        cut in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!sample.value.is_null());
        let (avro, mut bytes) = write(&sample, DEFAULT).unwrap();
        let plan = plan(&avro, DEFAULT).unwrap();
        let _either = plan.read(&noise);
        if !bytes.is_empty() {
            let at = cut.index(bytes.len());
            for (byte, noise) in bytes[at..].iter_mut().zip(&noise) {
                *byte ^= *noise;
            }
            let _either = plan.read(&bytes);
            let _either = plan.read(&bytes[..at]);
        }
    }
}
