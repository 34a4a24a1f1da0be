//! Objects that contain themselves.

use super::super::validator::Validator;
use super::*;

const NODE: &str = r##"{
    "type": "object",
    "title": "Node",
    "properties": {
        "name": {"type": "string"},
        "next": {"oneOf": [{"type": "null"}, {"$ref": "#"}]},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "named": {"type": "object", "connect.type": "map", "additionalProperties": {"$ref": "#"}},
        "other": {"oneOf": [{"type": "string"}, {"$ref": "#"}]}
    }
}"##;

fn converted(text: &str) -> to_connect::Converted {
    let documents = document::Documents::parse(text, &[]).unwrap();
    to_connect::convert(&documents, None, &rules()).unwrap()
}

fn read(converted: &to_connect::Converted, document: &str) -> Value {
    let node = Node::read(&mut Reader::new(document)).unwrap();
    read::value(&converted.schema, Some(&node), &converted.again).unwrap()
}

fn written(schema: &Schema, value: &Value) -> String {
    let mut out = Vec::new();
    write::value(&mut out, schema, value, &rules()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_object_within_itself_is_read_and_written_with_all_its_fields() {
    let node = converted(NODE);
    let again = "struct Node io.confluent.connect.json.Id=#id1";
    let one_of = "io.confluent.connect.json.OneOf";
    assert_eq!(
        shown(&node.schema),
        format!(
            "{again} (name: string, next: {}, children: array ({again}), named: map (string, {again}), other: struct \
             {one_of} ({one_of}.field.0: string?, {one_of}.field.1: {}))",
            again.replacen("struct", "struct?", 1),
            again.replacen("struct", "struct?", 1),
        )
    );
    let leaf = r#"{"name":"x","next":null,"children":[],"named":{},"other":"y"}"#;
    let document = format!(
        r#"{{"name":"a","next":{leaf},"children":[{leaf},{leaf}],"named":{{"k":{leaf}}},"other":{{"name":"b","next":null,"children":[{leaf}],"named":{{}},"other":{leaf}}}}}"#
    );
    let value = read(&node, &document);
    assert_eq!(written(&node.schema, &value), document);
    assert!(crate::validate::value(&node.schema, &value).is_ok());
    let Value::Struct(outer) = &value else { panic!() };
    let Value::Struct(next) = &outer.values[1] else { panic!("{:?}", outer.values[1]) };
    assert!(next.schema.same_fields(&node.schema) && node.schema.fields[1].schema.admits(&next.schema));
}

#[test]
fn its_schema_is_written_with_references_and_reads_back() {
    let node = converted(NODE);
    let text = from_connect::text(&node.schema, &rules()).unwrap();
    let next = r##"{"connect.index":1,"oneOf":[{"type":"null"},{"$ref":"#id1"}]}"##;
    assert!(text.contains(next) && text.contains(r##""title":"Node","$id":"#id1","##), "{text}");
    let back = converted(&text);
    assert_eq!(back.schema, node.schema);
    let validator = Validator::new(&text, &[]).unwrap();
    let leaf = r#"{"name":"x","next":null,"children":[],"named":{},"other":"y"}"#;
    assert!(validator.check(leaf.as_bytes()).is_ok());
    assert!(validator.check(leaf.replace("null", leaf).as_bytes()).is_ok());
    assert!(validator.check(leaf.replace("null", r#"{"name":1}"#).as_bytes()).is_err());
}

#[test]
fn objects_without_a_title_and_of_several_parts_contain_themselves_too() {
    for text in [
        r##"{"type":"object","properties":{"n":{"type":"integer"},"of":{"type":"array","items":{"$ref":"#"}}}}"##,
        r##"{"$ref":"#/definitions/a","definitions":{"a":{"type":"object","properties":{"n":{"type":"integer"},"of":{"type":"array","items":{"$ref":"#/definitions/a"}}}}}}"##,
        r##"{"allOf":[{"properties":{"n":{"type":"integer"}}},{"properties":{"of":{"type":"array","items":{"$ref":"#"}}}}]}"##,
        r##"{"$ref":"#/$defs/b","$defs":{"b":{"oneOf":[{"type":"null"},{"type":"object","properties":{"n":{"type":"integer"},"of":{"type":"array","items":{"$ref":"#/$defs/b"}}}}]}}}"##,
    ] {
        let node = converted(text);
        let document = r#"{"n":1,"of":[{"n":2,"of":[]},{"n":3,"of":[{"n":4,"of":[]}]}]}"#;
        let value = read(&node, document);
        assert_eq!(written(&node.schema, &value), document, "{text}");
        assert!(crate::validate::value(&node.schema, &value).is_ok(), "{text}");
        assert_eq!(converted(&from_connect::text(&node.schema, &rules()).unwrap()).schema, node.schema, "{text}");
    }
}

#[test]
fn objects_that_contain_each_other_each_have_their_name() {
    let text = r##"{"type":"object","properties":{"a":{"$ref":"#/definitions/a"},"b":{"$ref":"#/definitions/b"}},"definitions":{
        "a":{"type":"object","title":"A","properties":{"b":{"oneOf":[{"type":"null"},{"$ref":"#/definitions/b"}]}}},
        "b":{"type":"object","title":"B","properties":{"a":{"oneOf":[{"type":"null"},{"$ref":"#/definitions/a"}]},"n":{"type":"integer"}}}}}"##;
    let both = converted(text);
    let document = r#"{"a":{"b":{"a":{"b":{"a":null,"n":1}},"n":2}},"b":{"a":{"b":{"a":null,"n":3}},"n":4}}"#;
    assert_eq!(written(&both.schema, &read(&both, document)), document);
    let back = converted(&from_connect::text(&both.schema, &rules()).unwrap());
    assert_eq!(written(&back.schema, &read(&back, document)), document);
}
