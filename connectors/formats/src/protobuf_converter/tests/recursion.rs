//! Messages that contain themselves.

use super::round_trip::plain;
use super::*;

const NODE: &str = r#"
    syntax = "proto3";
    package trees;
    message Node {
      string name = 1;
      Node next = 2;
      repeated Node children = 3;
      map<string, Node> named = 4;
      oneof other { Node left = 5; int32 count = 6; }
    }
"#;

/// A node without anything but a name.
fn node(name: &str) -> Vec<u8> {
    [&[0x0A, name.len() as u8], name.as_bytes()].concat()
}

fn nested(tag: u8, inner: &[u8]) -> Vec<u8> {
    [&[tag, inner.len() as u8], inner].concat()
}

fn structure(value: &Value) -> &Struct {
    match value {
        Value::Struct(fields) => fields,
        other => panic!("no struct: {other:?}"),
    }
}

fn part<'v>(value: &'v Value, field: &str) -> &'v Value {
    let fields = structure(value);
    &fields.values[fields.schema.field_index(field).unwrap()]
}

#[test]
fn a_message_within_itself_is_read_with_all_its_fields() {
    let plan = plan_of(NODE, &rules());
    assert_eq!(
        shown(&plan.schema),
        "struct Node (other_0: struct? io.confluent.connect.protobuf.Union.other (left: struct? Node #5, count: int32? \
         #6), name: string? #1, next: struct? Node #2, children: array? #3 (struct? Node), named: map? named #4 \
         (string? #1, struct? Node #2))"
    );
    let entry = [nested(0x0A, b"k"), nested(0x12, &node("e"))].concat();
    let bytes = [
        node("a"),
        nested(0x12, &[node("b"), nested(0x12, &node("c"))].concat()),
        nested(0x1A, &node("d")),
        nested(0x22, &entry),
        nested(0x22, &nested(0x0A, b"empty")),
        nested(0x2A, &node("f")),
    ]
    .concat();
    let value = decode::decode(&bytes, &plan).unwrap().value;
    let name = |value: &Value| part(value, "name").as_str().unwrap().to_owned();
    let next = part(&value, "next");
    assert_eq!((name(next), name(part(next, "next"))), ("b".to_owned(), "c".to_owned()));
    assert!(part(part(next, "next"), "next").is_null());
    let Value::Array(children) = part(&value, "children") else { panic!() };
    assert_eq!(name(&children[0]), "d");
    let Value::Map(named) = part(&value, "named") else { panic!() };
    let named: Vec<String> = named.iter().map(|(_, node)| name(node)).collect();
    assert_eq!(named, ["e", ""]);
    assert_eq!(name(part(part(&value, "other_0"), "left")), "f");
    let inner = &structure(next).schema;
    assert!(inner.optional && inner.same_fields(&plan.schema) && plan.schema.fields[2].schema.admits(inner));
    assert!(crate::validate::value(&plan.schema, &value).is_ok());
}

#[test]
fn what_was_read_is_written_again_with_confluents_text() {
    let plan = plan_of(NODE, &rules());
    let described = from_connect::describe(&plan.schema, &rules()).unwrap();
    assert_eq!(
        described.text,
        "syntax = \"proto3\";\n\nmessage Node {\n  string name = 1;\n  Node next = 2;\n  repeated Node children = 3;\n  \
         repeated namedEntry named = 4;\n\n  oneof other {\n    Node left = 5;\n    int32 count = 6;\n  }\n\n  message \
         namedEntry {\n    string key = 1;\n    Node value = 2;\n  }\n}\n"
    );
    let entry = [nested(0x0A, b"k"), nested(0x12, &node("e"))].concat();
    let inner = [node("b"), nested(0x1A, &node("c")), nested(0x22, &entry), nested(0x2A, &node("f"))].concat();
    let bytes = [node("a"), nested(0x12, &inner)].concat();
    let value = decode::decode(&bytes, &plan).unwrap().value;
    let mut out = Vec::new();
    encode::encode(&mut out, &described.plan, &value).unwrap();
    assert_eq!(out, bytes);
    let back = decode::decode(&out, &plan_of(&described.text, &rules())).unwrap();
    assert_eq!(plain(&back.value), plain(&value), "the text describes what was written");
}

#[test]
fn messages_that_contain_each_other_are_read_and_written_wherever_they_begin() {
    let text = "syntax = \"proto3\"; message Top { B b = 1; A a = 2; B again = 3; } message A { B b = 1; int32 n = 2; } \
                message B { A a = 1; A other = 2; }";
    let linked = linked::Linked::new(text, &[]).unwrap();
    // In every message: A in B in A, and so on.
    for (message, bytes) in [
        (0, nested(0x0A, &nested(0x0A, &[nested(0x0A, &nested(0x12, &[0x10, 7])), vec![0x10, 5]].concat()))),
        (0, nested(0x1A, &nested(0x12, &nested(0x0A, &nested(0x12, &[0x10, 7]))))),
        (0, nested(0x12, &nested(0x0A, &nested(0x0A, &nested(0x0A, &nested(0x12, &[0x10, 7])))))),
        (1, nested(0x0A, &nested(0x0A, &nested(0x0A, &nested(0x0A, &[0x10, 1]))))),
        (2, nested(0x0A, &nested(0x0A, &nested(0x0A, &nested(0x0A, &[]))))),
    ] {
        let plan = to_connect::plan(&linked, linked.message(&[message]).unwrap(), None, &rules()).unwrap();
        let value = decode::decode(&bytes, &plan).unwrap().value;
        assert!(crate::validate::value(&plan.schema, &value).is_ok());
        let described = from_connect::describe(&plan.schema, &rules()).unwrap();
        let mut out = Vec::new();
        encode::encode(&mut out, &described.plan, &value).unwrap();
        assert_eq!(out, bytes, "{}", described.text);
        let back = decode::decode(&out, &plan_of(&described.text, &rules())).unwrap();
        assert_eq!(plain(&back.value), plain(&value), "{}", described.text);
    }
}

#[test]
fn there_is_an_end_to_what_is_missing_and_to_how_deep_records_go() {
    let rules = Rules { generate_struct_for_nulls: true, ..rules() };
    let plan = plan_of("syntax = \"proto3\"; message A { B b = 1; } message B { A a = 1; string t = 2; }", &rules);
    let value = decode::decode(&[], &plan).unwrap().value;
    assert_eq!(structure(part(&value, "b")).values, [Value::Null, Value::string("")]);
    let mut deep = Vec::new();
    for _ in 0..40 {
        deep = nested(0x12, &deep);
    }
    let plan = plan_of(NODE, &rules);
    assert!(decode::decode(&deep, &plan).is_ok());
    for _ in 0..40 {
        deep = [&[0x12_u8][..], &[0x80 | (deep.len() & 0x7F) as u8, (deep.len() >> 7) as u8], &deep].concat();
    }
    for _ in 0..40 {
        deep = [&[0x12_u8][..], &[0x80 | (deep.len() & 0x7F) as u8, (deep.len() >> 7) as u8], &deep].concat();
    }
    let error = decode::decode(&deep, &plan).unwrap_err();
    assert!(error.to_string().contains("too many levels of nesting"), "{error}");
}

#[test]
fn a_group_contains_itself_too() {
    let text = "syntax = \"proto2\"; message A { optional group G = 1 { optional A a = 1; optional G g = 2; } }";
    let linked = linked::Linked::new(text, &[]).unwrap();
    let plan = |indexes: &[i32]| to_connect::plan(&linked, linked.message(indexes).unwrap(), None, &rules()).unwrap();
    let read = |plan: &plan::Plan, bytes: &[u8]| plain(&decode::decode(bytes, plan).unwrap().value);
    assert_eq!(
        read(&plan(&[0]), &[0x0B, 0x0A, 2, 0x0B, 0x0C, 0x12, 0, 0x0C]),
        "{g={a={g={a=Null,g=Null}},g={a=Null,g=Null}}}"
    );
    assert_eq!(read(&plan(&[0, 0]), &[0x0A, 4, 0x0B, 0x12, 0, 0x0C]), "{a={g={a=Null,g={a=Null,g=Null}}},g=Null}");
}

#[test]
fn a_struct_of_another_schema_within_itself_is_refused() {
    let plan = plan_of(NODE, &rules());
    let described = from_connect::describe(&plan.schema, &rules()).unwrap();
    let stranger = Arc::new(Schema::structure(vec![Field::new("name", Schema::new(Type::String))]).named("Node"));
    let Value::Struct(mut value) = decode::decode(&[], &plan).unwrap().value else { panic!() };
    let at = plan.schema.field_index("next").unwrap();
    value.values[at] = Value::Struct(Struct { schema: stranger, values: vec![Value::string("x")] });
    let error = encode::encode(&mut Vec::new(), &described.plan, &Value::Struct(value)).unwrap_err();
    assert_eq!(error.root_cause().to_string(), "Mismatching struct schema");
}
