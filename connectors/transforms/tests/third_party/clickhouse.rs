//! The transforms that come with ClickHouse's connector.

use super::*;

#[test]
fn clickhouses_transforms_work() {
    let class = |name: &str| format!("com.clickhouse.kafka.connect.transforms.{name}");
    let keyed = |value: Data| {
        let mut record = record(value);
        record.key = Data::new(Arc::new(Schema::new(Type::String)), Value::string("k"));
        record
    };
    let mut schemaless = keyed(Data::schemaless(map(&[("n", Value::Int32(7))])));
    make(&class("KeyToValue"), &[]).apply(&mut schemaless).unwrap();
    assert_eq!(schemaless.value.value, map(&[("n", Value::Int32(7)), ("_key", Value::string("k"))]));

    let schema = Arc::new(Schema::structure(vec![Field::new("n", Schema::new(Type::Int32))]));
    let row = || {
        let value = Struct { schema: Arc::clone(&schema), values: vec![Value::Int32(7)] };
        Data::new(Arc::clone(&schema), Value::Struct(value))
    };
    let mut transform = make(&class("KeyToValue"), &[("field", "id")]);
    let mut with_schema = keyed(row());
    transform.apply(&mut with_schema).unwrap();
    let Value::Struct(value) = &with_schema.value.value else { panic!("a struct") };
    assert_eq!((value.get("n"), value.get("id")), (Some(&Value::Int32(7)), Some(&Value::string("k"))));
    assert_eq!(with_schema.value.schema.as_deref(), Some(&*value.schema));
    let mut other_key = keyed(row());
    other_key.key = Data::new(Arc::new(Schema::new(Type::Int64)), Value::Int64(5));
    transform.apply(&mut other_key).unwrap();
    let Value::Struct(value) = &other_key.value.value else { panic!("a struct") };
    assert_eq!((value.get("id"), value.schema.fields[1].schema.kind), (Some(&Value::Int64(5)), Type::Int64));
    let mut null = keyed(row());
    null.key.value = Value::Null;
    assert!(transform.apply(&mut null).is_err(), "the key's schema has no null");
    let mut untyped = keyed(row());
    untyped.key = Data::schemaless(Value::Int64(5));
    assert!(transform.apply(&mut untyped).is_err(), "a key without a schema has to be a string");
    let error = make(&class("KeyToValue"), &[]).apply(&mut keyed(Data::schemaless(Value::Int32(1)))).unwrap_err();
    assert!(error.to_string().contains("must be a Map"), "{error}");

    let mut routed = keyed(row());
    make(&class("ExtractTopic$Key"), &[]).apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "k");
}
