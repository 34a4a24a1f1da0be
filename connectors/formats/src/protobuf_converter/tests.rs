mod recursion;
mod round_trip;

use std::sync::Arc;

use longshore_api::{Data, Field, Schema, Struct, Type, Value};

use super::*;

pub(super) fn rules() -> Rules {
    Rules {
        generalized_sum_types: false,
        ignore_default_for_nullables: false,
        enhanced: false,
        scrub_invalid_names: false,
        int_for_enums: false,
        optional_for_nullables: false,
        optional_for_proto2: true,
        wrapper_for_nullables: false,
        wrapper_for_raw_primitives: true,
        generate_struct_for_nulls: false,
        generate_index_for_unions: true,
        flatten_unions: false,
    }
}

fn plan_of(text: &str, rules: &Rules) -> plan::Plan {
    let linked = linked::Linked::new(text, &[]).unwrap();
    to_connect::plan(&linked, linked.message(&[0]).unwrap(), None, rules).unwrap()
}

/// A schema in few words: type, `?` for optional, name, number, parts.
fn shown(schema: &Schema) -> String {
    let mut text = schema.kind.name().to_lowercase();
    if schema.optional {
        text.push('?');
    }
    if let Some(name) = &schema.name {
        text.push_str(&format!(" {name}"));
    }
    if let Some(tag) = schema.parameters.get(names::TAG) {
        text.push_str(&format!(" #{tag}"));
    }
    let parts = schema.fields.iter().map(|field| format!("{}: {}", field.name, shown(&field.schema)));
    let parts: Vec<String> =
        parts.chain(schema.key_schema.as_deref().map(shown)).chain(schema.value_schema.as_deref().map(shown)).collect();
    if parts.is_empty() { text } else { format!("{text} ({})", parts.join(", ")) }
}

const ORDER: &str = r#"
    syntax = "proto3";
    package shop;
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    message Order {
      int64 id = 1;
      optional string note = 2;
      repeated sint32 codes = 3;
      map<string, Line> lines = 4;
      google.protobuf.Timestamp at = 5;
      google.protobuf.StringValue by = 6;
      oneof pay { string card = 7; Cash cash = 8; }
      State state = 9;
      enum State { NEW = 0; DONE = 1; }
      message Line { uint32 count = 1; }
    }
    message Cash { bool paid = 1; }
"#;

#[test]
fn messages_become_structs() {
    let expected = "struct Order (pay_0: struct? io.confluent.connect.protobuf.Union.pay \
                    (card: string? #7, cash: struct? Cash #8 (paid: boolean? #1)), \
                    id: int64? #1, note: string? #2, codes: array? #3 (int32?), \
                    lines: map? lines #4 (string? #1, struct? Line #2 (count: int64? #1)), \
                    at: int64? org.apache.kafka.connect.data.Timestamp #5, \
                    by: struct? StringValue #6 (value: string? #1), state: string? State #9)";
    assert_eq!(shown(&plan_of(ORDER, &rules()).schema), expected);
}

#[test]
fn settings_change_the_schema() {
    let changed = Rules {
        enhanced: true,
        int_for_enums: true,
        optional_for_nullables: true,
        wrapper_for_nullables: true,
        generate_index_for_unions: false,
        flatten_unions: true,
        ..rules()
    };
    let expected = "struct shop.Order (card: string? #7, cash: struct? shop.Cash #8 (paid: boolean #1), \
                    id: int64 #1, note: string? #2, codes: array? #3 (int32?), \
                    lines: map? shop.Order.lines #4 (string #1, struct? shop.Order.Line #2 (count: int64 #1)), \
                    at: int64? org.apache.kafka.connect.data.Timestamp #5, by: string? #6, \
                    state: int32? shop.Order.State #9)";
    assert_eq!(shown(&plan_of(ORDER, &changed).schema), expected);
    let generalized = plan_of(ORDER, &Rules { generalized_sum_types: true, ..rules() }).schema;
    assert_eq!(generalized.fields[0].schema.parameters[names::GENERALIZED_UNION], "pay");
}

fn values(bytes: &[u8], text: &str, rules: &Rules) -> Vec<Value> {
    match decode::decode(bytes, &plan_of(text, rules)).unwrap().value {
        Value::Struct(fields) => fields.values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_that_is_not_there_has_its_default_or_is_null() {
    let empty = values(&[], ORDER, &rules());
    let expected = [
        Value::Null,
        Value::Int64(0),
        Value::Null,
        Value::Array(vec![]),
        Value::Map(longshore_api::Map::new()),
        Value::Null,
        Value::Null,
        Value::string("NEW"),
    ];
    assert_eq!(empty, expected);
    let generated = values(&[], ORDER, &Rules { generate_struct_for_nulls: true, ..rules() });
    assert!(matches!(&generated[6], Value::Struct(by) if by.values == [Value::string("")]));
    let proto2 = "syntax = \"proto2\"; message A { optional int32 a = 1 [default = 7]; optional string b = 2; \
                  optional B c = 3 [default = Y]; required bool d = 4; enum B { X = 5; Y = 6; } }";
    let given = [0x20, 1];
    assert_eq!(values(&given, proto2, &rules()), [Value::Null, Value::Null, Value::Null, Value::Boolean(true)]);
    let defaults = values(&given, proto2, &Rules { optional_for_proto2: false, ..rules() });
    assert_eq!(defaults, [Value::Int32(7), Value::string(""), Value::string("Y"), Value::Boolean(true)]);
    let error = decode::decode(&[], &plan_of(proto2, &rules())).unwrap_err();
    assert_eq!(error.to_string(), "Message missing required fields: d");
}

#[test]
fn every_scalar_is_read() {
    let text = "syntax = \"proto3\"; message A { uint32 a = 1; fixed32 b = 2; sfixed32 c = 3; uint64 d = 4; fixed64 e = 5; \
                sfixed64 f = 6; sint64 g = 7; float h = 8; double i = 9; bytes j = 10; }";
    let mut bytes = vec![0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    bytes.extend([0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0x1D, 0xFE, 0xFF, 0xFF, 0xFF]);
    bytes.extend([0x20, 5, 0x29, 1, 0, 0, 0, 0, 0, 0, 0, 0x31, 2, 0, 0, 0, 0, 0, 0, 0, 0x38, 3]);
    bytes.push(0x45);
    bytes.extend(1.5_f32.to_le_bytes());
    bytes.push(0x49);
    bytes.extend(2.5_f64.to_le_bytes());
    bytes.extend([0x52, 2, 7, 8]);
    let expected = [
        Value::Int64(4_294_967_295),
        Value::Int64(4_294_967_295),
        Value::Int32(-2),
        Value::Int64(5),
        Value::Int64(1),
        Value::Int64(2),
        Value::Int64(-2),
        Value::Float32(1.5),
        Value::Float64(2.5),
        Value::Bytes(vec![7, 8].into()),
    ];
    assert_eq!(values(&bytes, text, &rules()), expected);
}

#[test]
fn later_bytes_win_merge_or_add() {
    // A number twice, a list packed and not, a message in two pieces, two members of a `oneof`, an unknown field.
    let text = "syntax = \"proto3\"; message A { int32 a = 1; repeated int32 b = 2; C c = 3; oneof o { int32 d = 4; int32 e = 5; } } \
                message C { int32 x = 1; int32 y = 2; }";
    let bytes = [8, 1, 8, 2, 0x12, 2, 1, 2, 0x10, 3, 0x1A, 2, 8, 7, 0x1A, 2, 0x10, 9, 0x20, 1, 0x28, 2, 0x7A, 1, 0xFF];
    let found = values(&bytes, text, &rules());
    assert!(matches!(&found[0], Value::Struct(union) if union.values == [Value::Null, Value::Int32(2)]));
    assert_eq!(found[1], Value::Int32(2));
    assert_eq!(found[2], Value::Array(vec![Value::Int32(1), Value::Int32(2), Value::Int32(3)]));
    assert!(matches!(&found[3], Value::Struct(merged) if merged.values == [Value::Int32(7), Value::Int32(9)]));
    let twice = [0x22, 3, 0x0A, 1, b'k', 0x22, 3, 0x0A, 1, b'j', 0x22, 7, 0x0A, 1, b'k', 0x12, 2, 8, 9];
    let Value::Map(lines) = &values(&twice, ORDER, &rules())[4] else { panic!("no map") };
    let counts = lines.iter().map(|(key, line)| match line {
        Value::Struct(line) => (key.as_str().unwrap(), line.values[0].clone()),
        other => panic!("{other:?}"),
    });
    assert_eq!(counts.collect::<Vec<_>>(), [("k", Value::Int64(9)), ("j", Value::Int64(0))]);
    let flat = values(&bytes, text, &Rules { flatten_unions: true, ..rules() });
    assert_eq!(flat[..2], [Value::Null, Value::Int32(2)]);
}

#[test]
fn enums_know_numbers_that_they_do_not_name() {
    let open = "syntax = \"proto3\"; message A { E e = 1; enum E { X = 0; } }";
    assert_eq!(values(&[8, 9], open, &rules()), [Value::string("UNKNOWN_ENUM_VALUE_E_9")]);
    assert_eq!(values(&[8, 9], open, &Rules { int_for_enums: true, ..rules() }), [Value::Int32(9)]);
    let closed = "syntax = \"proto2\"; message A { optional E e = 1; enum E { X = 0; } }";
    assert_eq!(values(&[8, 9], closed, &rules()), [Value::Null]);
}

#[test]
fn a_group_is_a_struct() {
    let text = "syntax = \"proto2\"; message A { repeated group Part = 1 { optional int32 n = 2; } }";
    let found = values(&[0x0B, 0x10, 5, 0x0C, 0x0B, 0x0C], text, &rules());
    let Value::Array(parts) = &found[0] else { panic!("{found:?}") };
    assert!(matches!(&parts[0], Value::Struct(part) if part.values == [Value::Int32(5)]));
    assert_eq!(parts.len(), 2);
}

#[test]
fn a_wrapper_alone_is_what_it_holds() {
    let text = "syntax = \"proto3\"; package google.protobuf; message StringValue { string value = 1; }";
    let plan = plan_of(text, &rules());
    assert_eq!(decode::decode(&[0x0A, 1, b'x'], &plan).unwrap().value, Value::string("x"));
    assert_eq!(decode::decode(&[], &plan).unwrap().value, Value::string(""));
    let kept = plan_of(text, &Rules { wrapper_for_raw_primitives: false, ..rules() });
    assert_eq!(kept.schema.kind, Type::Struct);
}

#[test]
fn message_indexes_count_as_confluents() {
    let text = "syntax = \"proto3\"; message A { map<string, string> m = 1; message B {} message C { message D {} } } message E {}";
    let linked = linked::Linked::new(text, &[]).unwrap();
    let name = |indexes: &[i32]| linked.message(indexes).map(|index| linked.messages[index].full_name.clone());
    for (indexes, expected) in [(&[][..], "A"), (&[0], "A"), (&[0, 0], "A.B"), (&[0, 1, 0], "A.C.D"), (&[1], "E")] {
        assert_eq!(name(indexes).unwrap(), expected);
        if !indexes.is_empty() {
            assert_eq!(linked.indexes(expected).unwrap(), indexes);
        }
    }
    assert_eq!(name(&[0, 7]).unwrap_err().to_string(), "Invalid message indexes: [0, 7]");
    assert!(name(&[-1]).is_err());
}

#[test]
fn imports_come_from_references_and_are_resolved_by_scope() {
    let references = [
        (
            "b.proto".to_owned(),
            "syntax = \"proto3\"; package x.y; import public \"c.proto\"; message B { C c = 1; }".to_owned(),
        ),
        ("c.proto".to_owned(), "syntax = \"proto3\"; package x; message C { string text = 1; }".to_owned()),
    ];
    let text = "syntax = \"proto3\"; package x.z; import \"b.proto\"; import \"not/there.proto\"; message A { y.B b = 1; .x.C c = 2; }";
    let linked = linked::Linked::new(text, &references).unwrap();
    let plan = to_connect::plan(&linked, 0, Some(4), &rules()).unwrap();
    assert_eq!(
        shown(&plan.schema),
        "struct A (b: struct? B #1 (c: struct? C #1 (text: string? #1)), c: struct? C #2 (text: string? #1))"
    );
    assert_eq!(plan.schema.version, Some(4));
    let wrapper = "syntax = \"proto3\"; import public \"c.proto\";";
    let linked = linked::Linked::new(wrapper, &references).unwrap();
    assert_eq!(linked.messages[linked.message(&[0]).unwrap()].full_name, "x.C");
}

#[test]
fn a_schema_that_is_wrong_says_why() {
    let cases = [
        ("message A {\n int32 a = ;\n}", "Could not parse Protobuf - line 2:"),
        ("syntax = \"proto3\"; message A { Other o = 1; }", "the type Other of the field o in A is defined nowhere"),
        ("syntax = \"proto3\";", "Invalid message indexes: [0]"),
    ];
    for (text, expected) in cases {
        let plan = linked::Linked::new(text, &[])
            .and_then(|linked| to_connect::plan(&linked, linked.message(&[0])?, None, &rules()).map(drop));
        let error = plan.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn schemas_are_written_as_by_confluent() {
    let mut decimal = Schema::optional(Type::Bytes).named("org.apache.kafka.connect.data.Decimal");
    decimal.parameters.insert("scale".to_owned(), "2".to_owned());
    decimal.parameters.insert("connect.decimal.precision".to_owned(), "9".to_owned());
    let line = Schema::structure(vec![Field::new("n", Schema::new(Type::Int8))]).named("shop.line");
    let schema = Arc::new(
        Schema::structure(vec![
            Field::new("id", Schema::new(Type::Int64)),
            Field::new("total", decimal),
            Field::new("line", line),
            Field::new(
                "by",
                Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(Schema::optional(Type::Int32)))
                    .named("by_name"),
            ),
        ])
        .named("com.shop.Order"),
    );
    let expected = "syntax = \"proto3\";\npackage com.shop;\n\nimport \"confluent/type/decimal.proto\";\n\nmessage Order {\n  \
                    int64 id = 1;\n  confluent.type.Decimal total = 2 [(confluent.field_meta) = {\n    params: [\n      {\n        \
                    value: \"9\",\n        key: \"precision\"\n      },\n      {\n        value: \"2\",\n        key: \"scale\"\n      \
                    }\n    ]\n  }];\n  lineMessage line = 3;\n  repeated ByNameEntry by = 4;\n\n  message lineMessage {\n    \
                    int32 n = 1 [(confluent.field_meta) = {\n      params: [\n        {\n          key: \"connect.type\",\n          \
                    value: \"int8\"\n        }\n      ]\n    }];\n  }\n  message ByNameEntry {\n    string key = 1;\n    \
                    int32 value = 2;\n  }\n}\n";
    let described = from_connect::describe(&schema, &rules()).unwrap();
    assert_eq!(described.text, expected);
    assert_eq!(described.message, "com.shop.Order");
    let optional = Rules { optional_for_nullables: true, wrapper_for_nullables: true, ..rules() };
    let nullable = Arc::new(Schema::structure(vec![Field::new("a", Schema::optional(Type::String))]));
    let text = from_connect::describe(&nullable, &optional).unwrap().text;
    let expected = "syntax = \"proto3\";\n\nimport \"google/protobuf/wrappers.proto\";\n\nmessage ConnectDefault1 {\n  \
                    optional google.protobuf.StringValue a = 1;\n}\n";
    assert_eq!(text, expected);
}

#[test]
fn data_that_is_no_struct_is_a_wrapper() {
    let schema = Arc::new(Schema::optional(Type::Int32));
    let described = from_connect::describe(&schema, &rules()).unwrap();
    assert_eq!(described.indexes, [4]);
    assert!(described.text.contains("message Int32Value"));
    let mut out = Vec::new();
    encode::encode(&mut out, &described.plan, &Value::Int32(-1)).unwrap();
    assert_eq!(out, [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    let error = from_connect::describe(&Arc::new(Schema::array(schema)), &rules()).unwrap_err();
    assert_eq!(error.to_string(), "Unsupported root schema of type ARRAY");
}

#[test]
fn names_that_protobuf_does_not_take_are_scrubbed_or_refused() {
    let schema = Arc::new(Schema::structure(vec![Field::new("a-b", Schema::new(Type::String))]).named("x.my-name"));
    let error = from_connect::describe(&schema, &rules()).unwrap_err();
    assert!(error.to_string().starts_with("\"a-b\" is not a valid identifier"), "{error}");
    let described = from_connect::describe(&schema, &Rules { scrub_invalid_names: true, ..rules() }).unwrap();
    assert_eq!(described.message, "x.my_name");
    assert!(described.text.contains("string a_b = 1;"));
}

#[test]
fn values_that_do_not_fit_name_the_field() {
    let schema = Arc::new(Schema::structure(vec![Field::new("a", Schema::new(Type::String))]));
    let plan = from_connect::describe(&schema, &rules()).unwrap().plan;
    let value = Value::Struct(Struct { schema, values: vec![Value::Int32(1)] });
    let error = encode::encode(&mut Vec::new(), &plan, &value).unwrap_err();
    assert_eq!(error.to_string(), "field \"a\" cannot be written: Invalid type for STRING: class java.lang.Integer");
}

#[test]
fn what_was_read_is_written_again() {
    let plan = plan_of(ORDER, &rules());
    let line = [0x22, 6, 0x0A, 1, b'k', 0x12, 1 + 1 - 1, 8];
    let bytes = [8, 5, 0x12, 1, b'n', 0x1A, 2, 1, 2, 0x2A, 2, 8, 9, 0x3A, 1, b'c', 0x48, 1];
    let data = decode::decode(&bytes, &plan).unwrap();
    let described = from_connect::describe(&plan.schema, &rules()).unwrap();
    let mut out = Vec::new();
    encode::encode(&mut out, &described.plan, &data.value).unwrap();
    assert_eq!(out, bytes);
    assert!(decode::decode(&line, &plan).is_err(), "a cut off map entry");
    let _: &Data = &data;
}
