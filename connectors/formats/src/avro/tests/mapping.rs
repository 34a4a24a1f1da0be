//! Schemas and values from the one model to the other, case by case.

use longshore_api::schema::logical;
use longshore_api::{ErrorKind, Field, Struct, Type, Value};
use serde_json::{Value as Json, json};

use super::*;

fn parameter(schema: &Schema, name: &str) -> String {
    schema.parameters.get(name).cloned().unwrap_or_default()
}

fn written(schema: &Schema, rules: Rules) -> String {
    from_connect::schema(Some(schema), rules).unwrap().to_string()
}

fn structure(name: Option<&str>, fields: Vec<(&str, Schema)>) -> Schema {
    let fields = fields.into_iter().map(|(name, schema)| Field::new(name, schema)).collect();
    Schema { name: name.map(Arc::from), ..Schema::structure(fields) }
}

fn logical_schema(kind: Type, name: &str) -> Schema {
    Schema { version: Some(1), ..Schema::new(kind).named(name) }
}

#[test]
fn connect_schemas_are_written_as_confluents_converter_writes_them() {
    let mut decimal = logical_schema(Type::Bytes, logical::DECIMAL);
    decimal.parameters.insert("scale".to_owned(), "2".to_owned());
    let mut defaulted = Schema::new(Type::Int32);
    defaulted.default = Some(Value::Int32(7));
    let mut optional_default = Schema::optional(Type::String);
    optional_default.default = Some(Value::string("x"));
    for (schema, avro) in [
        (Schema::new(Type::Int64), r#""long""#),
        (Schema::new(Type::Int8), r#"{"type":"int","connect.type":"int8"}"#),
        (Schema::optional(Type::String), r#"["null","string"]"#),
        (optional_default.clone(), r#"[{"type":"string","connect.default":"x"},"null"]"#),
        (
            decimal,
            r#"{"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}"#,
        ),
        (
            logical_schema(Type::Int64, logical::TIMESTAMP),
            r#"{"type":"long","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}"#,
        ),
        (
            structure(
                None,
                vec![("id", Schema::new(Type::Int32)), ("n", Schema::optional(Type::String)), ("d", defaulted)],
            ),
            r#"{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro","fields":[{"name":"id","type":"int"},{"name":"n","type":["null","string"],"default":null},{"name":"d","type":{"type":"int","connect.default":7},"default":7}]}"#,
        ),
        (
            structure(Some("a.b.C"), vec![("o", optional_default)]),
            r#"{"type":"record","name":"C","namespace":"a.b","fields":[{"name":"o","type":[{"type":"string","connect.default":"x"},"null"],"default":"x"}],"connect.name":"a.b.C"}"#,
        ),
        (
            Schema::map(Arc::new(Schema::new(Type::Int32)), Arc::new(Schema::new(Type::String))),
            r#"{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}]}}"#,
        ),
        (
            Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(Schema::new(Type::Float64))),
            r#"{"type":"map","values":"double"}"#,
        ),
    ] {
        assert_eq!(written(&schema, DEFAULT), avro);
    }
}

#[test]
fn a_type_that_is_used_twice_is_named_and_two_of_one_name_are_refused() {
    let inner = || structure(Some("a.I"), vec![("x", Schema::new(Type::Int32))]);
    let twice = structure(Some("a.O"), vec![("p", inner()), ("q", Schema { optional: true, ..inner() })]);
    let avro: Json = serde_json::from_str(&written(&twice, DEFAULT)).unwrap();
    assert_eq!(avro["fields"][1], json!({"name": "q", "type": ["null", "I"], "default": null}));
    let other = structure(Some("a.I"), vec![("y", Schema::new(Type::Int32))]);
    let clash = structure(Some("a.O"), vec![("p", inner()), ("q", other)]);
    let error = from_connect::schema(Some(&clash), DEFAULT).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "Can't redefine: a.I");
    // Structs without names get different ones.
    let unnamed = |name| structure(None, vec![(name, Schema::new(Type::Int32))]);
    let both = structure(None, vec![("p", unnamed("x")), ("q", unnamed("y"))]);
    let avro: Json = serde_json::from_str(&written(&both, DEFAULT)).unwrap();
    assert_eq!(avro["fields"][1]["type"]["name"], "ConnectDefault3");
    assert_eq!(*connect_schema(&avro.to_string(), DEFAULT), both);
}

#[test]
fn names_that_avro_does_not_allow_are_refused_or_scrubbed() {
    let schema = structure(Some("my-app.9x"), vec![("a b", Schema::new(Type::Int32))]);
    let error = from_connect::schema(Some(&schema), DEFAULT).unwrap_err();
    assert_eq!(
        (error.kind, error.root_cause().to_string()),
        (ErrorKind::BadRecord, "Illegal character in: my-app".to_owned())
    );
    let rules = Rules { scrub: true, ..DEFAULT };
    let avro: Json = serde_json::from_str(&written(&schema, rules)).unwrap();
    assert_eq!((&avro["name"], &avro["namespace"]), (&json!("x9x"), &json!("my_app")));
    let value = Value::Struct(Struct { schema: Arc::new(schema.clone()), values: vec![Value::Int32(5)] });
    let (avro, bytes) = write(&Data::new(Arc::new(schema), value), rules).unwrap();
    let Value::Struct(back) = read(&avro, &bytes, rules).unwrap().value else { panic!("no struct") };
    assert_eq!((back.schema.name.as_deref(), back.get("a_b")), (Some("my-app.9x"), Some(&Value::Int32(5))));
}

#[test]
fn avro_types_become_connects() {
    let plain = |avro: &str| Schema::clone(&connect_schema(avro, DEFAULT));
    assert_eq!(plain(r#"{"type":"int","connect.type":"int16"}"#), Schema::new(Type::Int16));
    assert_eq!(plain(r#"{"type":"int","logicalType":"date"}"#), logical_schema(Type::Int32, logical::DATE));
    assert_eq!(plain(r#"{"type":"long","logicalType":"timestamp-micros"}"#), Schema::new(Type::Int64));
    assert_eq!(plain(r#"["string","null"]"#), Schema::optional(Type::String));
    let decimal = plain(r#"{"type":"fixed","name":"a.F","size":9,"logicalType":"decimal","scale":3,"precision":20}"#);
    assert_eq!(decimal.logical_name(), Some(logical::DECIMAL));
    assert_eq!(parameter(&decimal, "scale") + &parameter(&decimal, "connect.decimal.precision"), "320");
    let fixed = plain(r#"{"type":"fixed","name":"a.F","size":9}"#);
    assert_eq!((fixed.kind, fixed.name.as_deref()), (Type::Bytes, Some("a.F")));
    let symbols = plain(r#"{"type":"enum","name":"a.E","doc":"why","symbols":["X","Y"],"default":"X"}"#);
    assert_eq!((symbols.kind, symbols.name.as_deref()), (Type::String, Some("a.E")));
    let parameters = [
        ("io.confluent.connect.avro.enum.doc.E", "why"),
        ("io.confluent.connect.avro.enum.default.E", "X"),
        ("io.confluent.connect.avro.Enum", "a.E"),
        ("io.confluent.connect.avro.Enum.X", "X"),
        ("io.confluent.connect.avro.Enum.Y", "Y"),
    ];
    assert!(symbols.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(parameters));
    let record = r#"{"type":"record","name":"R","namespace":"a","doc":"d","fields":[
        {"name":"x","type":"int","default":3,"doc":"fd"},{"name":"y","type":["null","long"],"default":null}]}"#;
    let record = plain(record);
    assert_eq!(parameter(&record, "io.confluent.connect.avro.record.doc"), "d");
    assert_eq!(parameter(&record, "io.confluent.connect.avro.field.doc.x"), "fd");
    let field = &record.fields[0].schema;
    assert_eq!(field.default, Some(Value::Int32(3)));
    assert_eq!(parameter(field, "io.confluent.connect.avro.field.default"), "true");
    assert_eq!(*record.fields[1].schema, Schema::optional(Type::Int64));
}

#[test]
fn schemas_that_connect_cannot_have_are_told_in_confluents_words() {
    for (avro, told) in [
        (r#""null""#, "Standalone null schemas are not supported by this converter"),
        (r#"{"type":"bytes","logicalType":"decimal"}"#, "scale must be specified and must be a number."),
        (r#"{"type":"int","connect.type":"int32"}"#, "Connect type annotation for Avro int field is null"),
        (r#"{"type":"int","connect.version":"x"}"#, "Invalid Connect version found: \"x\""),
        (r#"{"type":"int","connect.name":5}"#, "Invalid schema name: 5"),
        (
            r#"{"type":"int","connect.parameters":{"a":1}}"#,
            "Expected schema parameter values to be strings but found: 1",
        ),
    ] {
        assert_eq!(plan(avro, DEFAULT).unwrap_err().to_string(), told);
    }
    for (avro, told) in [
        ("{", "EOF while parsing an object at line 1 column 1"),
        (r#"{"type":"record","name":"a.R","fields":[{"name":"x","type":"b.Z"}]}"#, "a.R.x: type \"b.Z\" is not known"),
        (r#"["int",["string"]]"#, "a union stands directly within a union"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "fixed F has no \"size\" of 0 to 16777216"),
    ] {
        assert_eq!(Avro::parse(avro).unwrap_err(), told);
    }
}

#[test]
fn a_union_is_a_struct_with_a_field_for_each_type() {
    let avro = r#"["null","int",{"type":"record","name":"a.R","fields":[{"name":"x","type":"int"}]},"string"]"#;
    let data = read(avro, &[4, 10], DEFAULT).unwrap();
    let schema = data.schema.clone().unwrap();
    let names: Vec<&str> = schema.fields.iter().map(|field| &*field.name).collect();
    assert_eq!((names, schema.optional), (vec!["int", "R", "string"], true));
    let Value::Struct(union) = &data.value else { panic!("{:?}", data.value) };
    assert!(matches!(union.get("R"), Some(Value::Struct(record)) if record.get("x") == Some(&Value::Int32(5))));
    let (again, bytes) = write(&data, DEFAULT).unwrap();
    assert_eq!((bytes, &again[..22]), (vec![4, 10], r#"["null","int",{"type":"#));
    let enhanced = connect_schema(avro, Rules { enhanced: true, ..DEFAULT });
    assert_eq!(&*enhanced.fields[1].name, "a.R");
    let general = connect_schema(avro, Rules { general_sums: true, ..DEFAULT });
    assert_eq!(general.name.as_deref(), Some("connect_union_0"));
    assert_eq!(&*general.fields[1].name, "connect_union_field_2");
    let single = connect_schema(r#"["int"]"#, Rules { flatten_singletons: true, ..DEFAULT });
    assert_eq!(*single, Schema::new(Type::Int32));
}

#[test]
fn an_enum_stays_one_with_the_enhanced_support() {
    let avro = r#"{"type":"enum","name":"E","namespace":"a","symbols":["X","Y"]}"#;
    let rules = Rules { enhanced: true, ..DEFAULT };
    let data = read(avro, &[2], rules).unwrap();
    assert_eq!(data.value, Value::string("Y"));
    let (written, bytes) = write(&data, rules).unwrap();
    assert!(written.starts_with(&avro[..avro.len() - 1]), "{written}");
    assert_eq!(bytes, [2]);
    let (written, _) = write(&data, DEFAULT).unwrap();
    assert!(written.starts_with(r#"{"type":"string""#), "{written}");
}

#[test]
fn a_recursive_type_is_read_and_written() {
    let list = r#"{"type":"record","name":"L","namespace":"a","fields":[{"name":"x","type":"int"},{"name":"next","type":["null","L"],"default":null}]}"#;
    let bytes = [2, 2, 4, 2, 6, 0];
    let data = read(list, &bytes, DEFAULT).unwrap();
    let Value::Struct(first) = &data.value else { panic!("{:?}", data.value) };
    let Some(Value::Struct(second)) = first.get("next") else { panic!("{first:?}") };
    assert_eq!((second.get("x"), second.schema.optional), (Some(&Value::Int32(2)), true));
    let within = &first.schema.fields[1].schema;
    assert_eq!((within.fields.len(), within.name.as_deref()), (0, Some("a.L")));
    let (avro, again) = write(&data, DEFAULT).unwrap();
    assert_eq!(again, bytes);
    assert_eq!(avro, format!("{},\"connect.name\":\"a.L\"}}", &list[..list.len() - 1]));
}

#[test]
fn values_that_are_not_of_their_schema_are_told_with_their_field() {
    let schema = Arc::new(structure(
        Some("R"),
        vec![("a", Schema::new(Type::Int32)), ("b", structure(Some("S"), vec![("c", Schema::new(Type::String))]))],
    ));
    let told = |a: Value, c: Value| {
        let inner = Struct { schema: Arc::clone(&schema.fields[1].schema), values: vec![c] };
        let record = Struct { schema: Arc::clone(&schema), values: vec![a, Value::Struct(inner)] };
        write(&Data::new(Arc::clone(&schema), Value::Struct(record)), DEFAULT).unwrap_err().to_string()
    };
    assert_eq!(told(Value::Null, Value::string("")), "Found null value for non-optional schema (field \"a\")");
    assert_eq!(told(Value::Int64(1), Value::string("")), "Invalid type for INT32: class java.lang.Long (field \"a\")");
    assert_eq!(
        told(Value::Int32(1), Value::Int32(1)),
        "Invalid type for STRING: class java.lang.Integer (field \"c\")"
    );
}

#[test]
fn a_default_stands_for_a_null() {
    let mut with_default = Schema::optional(Type::Int32);
    with_default.default = Some(Value::Int32(9));
    let schema = Arc::new(structure(Some("R"), vec![("a", with_default)]));
    let record = Struct { schema: Arc::clone(&schema), values: vec![Value::Null] };
    let (_, bytes) = write(&Data::new(schema, Value::Struct(record)), DEFAULT).unwrap();
    assert_eq!(bytes, [0, 18]);
}

#[test]
fn data_is_written_with_a_schema_that_has_more_or_wider_fields() {
    let schema =
        Arc::new(structure(Some("R"), vec![("x", Schema::new(Type::Int32)), ("gone", Schema::new(Type::Int32))]));
    let avro = r#"{"type":"record","name":"R","fields":[
        {"name":"new","type":["null","int"],"default":null},{"name":"e","type":"string","default":"ab"},
        {"name":"x","type":["null","long"]}]}"#;
    let plan = WritePlan::new(Some(&schema), &Avro::parse(avro).unwrap(), DEFAULT).unwrap();
    let record = Struct { schema: Arc::clone(&schema), values: vec![Value::Int32(3), Value::Int32(4)] };
    let mut bytes = Vec::new();
    plan.write(&Value::Struct(record), &mut bytes).unwrap();
    assert_eq!(bytes, [0, 4, b'a', b'b', 2, 6]);
    let needs = r#"{"type":"record","name":"R","fields":[{"name":"z","type":"int"}]}"#;
    let refused = WritePlan::new(Some(&schema), &Avro::parse(needs).unwrap(), DEFAULT).unwrap_err();
    assert_eq!(refused.to_string(), "R needs the field z, which the data does not have");
}

#[test]
fn bytes_that_stand_by_themselves_have_no_length() {
    let data = Data::new(Arc::new(Schema::new(Type::Bytes)), Value::Bytes(vec![1, 2].into()));
    let (avro, bytes) = write(&data, DEFAULT).unwrap();
    assert_eq!(bytes, [1, 2]);
    assert_eq!(read(&avro, &bytes, DEFAULT).unwrap(), data);
}
