mod recursion;
mod round_trip;

use std::sync::Arc;

use longshore_api::{Field, Map, Schema, Struct, Type, Value};

use super::*;
use crate::json::{Node, Reader};

pub(super) fn rules() -> Rules {
    Rules {
        additional_properties: true,
        optional_for_nonrequired: false,
        decimal_format: DecimalFormat::Base64,
        generalized_sum_types: false,
        ignore_default_for_nullables: false,
        flatten_singleton_unions: true,
    }
}

fn try_schema(text: &str, references: &[(String, String)], rules: &Rules) -> Result<Arc<Schema>, String> {
    document::Documents::parse(text, references)
        .and_then(|documents| to_connect::convert(&documents, Some(7), rules).map(|converted| converted.schema))
        .map_err(|error| error.to_string())
}

pub(super) fn schema(text: &str) -> Arc<Schema> {
    try_schema(text, &[], &rules()).unwrap()
}

/// A schema in few words: type, `?` for optional, name and parameters, parts.
fn shown(schema: &Schema) -> String {
    let mut text = schema.kind.name().to_lowercase();
    if schema.optional {
        text.push('?');
    }
    if let Some(name) = &schema.name {
        text.push_str(&format!(" {name}"));
    }
    for (name, value) in &schema.parameters {
        text.push_str(&format!(" {name}={value}"));
    }
    let parts = schema.fields.iter().map(|field| format!("{}: {}", field.name, shown(&field.schema)));
    let parts: Vec<String> =
        parts.chain(schema.key_schema.as_deref().map(shown)).chain(schema.value_schema.as_deref().map(shown)).collect();
    if parts.is_empty() { text } else { format!("{text} ({})", parts.join(", ")) }
}

#[test]
fn schemas_become_connects() {
    let one_of = "io.confluent.connect.json.OneOf";
    let union = format!("struct {one_of} ({one_of}.field.0: string?, {one_of}.field.1: int64?)");
    let symbols =
        "io.confluent.connect.json.Enum= io.confluent.connect.json.Enum.a=a io.confluent.connect.json.Enum.b=b";
    let cases = [
        (r#"{"type":"boolean"}"#, "boolean".to_owned()),
        (r#"{"type":"integer"}"#, "int64".to_owned()),
        (r#"{"type":"integer","connect.type":"int8"}"#, "int8".to_owned()),
        (r#"{"type":"number"}"#, "float64".to_owned()),
        (r#"{"type":"number","connect.type":"float32"}"#, "float32".to_owned()),
        (r#"{"type":"string","connect.type":"bytes"}"#, "bytes".to_owned()),
        (r#"{"type":"string","format":"date"}"#, "string".to_owned()),
        (r#"{"type":"number","format":"double"}"#, "float64".to_owned()),
        (r#"{"minimum":5}"#, "float64".to_owned()),
        (r#"{"type":["null","string"]}"#, "string?".to_owned()),
        (r#"{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int32"}]}"#, "int32?".to_owned()),
        (r#"{"anyOf":[{"type":"string"},{"type":"integer"}]}"#, union.clone()),
        (r#"{"type":["string","integer"]}"#, union.clone()),
        (r#"{"oneOf":[{"type":"null"},{"type":"string"},{"type":"integer"}]}"#, union.replacen("struct", "struct?", 1)),
        (r#"{"oneOf":[{"type":"string"}]}"#, "string".to_owned()),
        (r#"{"enum":["a","b"]}"#, format!("string {symbols}")),
        (r#"{"type":"string","enum":["a","b"]}"#, format!("string {symbols}")),
        (r#"{"type":"integer","enum":[1,2]}"#, "int64".to_owned()),
        (r#"{"type":"string","const":"a"}"#, "string".to_owned()),
        (r#"{"type":"array","items":{"type":"string"}}"#, "array (string)".to_owned()),
        (
            r#"{"type":"object","connect.type":"map","additionalProperties":{"type":"integer"}}"#,
            "map (string, int64)".to_owned(),
        ),
        (
            r#"{"type":"array","connect.type":"map","items":{"type":"object","properties":{"key":{"type":"integer"},"value":{"type":"string"}}}}"#,
            "map (int64, string)".to_owned(),
        ),
        (
            r#"{"title":"r","type":"object","properties":{"b":{"type":"string","connect.index":1},"a":{"type":"string","connect.index":0}}}"#,
            "struct r (a: string, b: string)".to_owned(),
        ),
        (
            r##"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"$ref":"#/definitions/b"}],"definitions":{"b":{"properties":{"b":{"type":"boolean"}}}}}"##,
            "struct (a: string, b: boolean)".to_owned(),
        ),
        (
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"b":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"object","title":"x","properties":{"n":{"type":"integer"}}}}}"##,
            "struct (a: struct x (n: int64), b: struct x (n: int64))".to_owned(),
        ),
        (
            r#"{"type":"object","properties":{"d":{"type":"string","connect.type":"bytes","title":"org.apache.kafka.connect.data.Decimal","connect.version":1,"connect.parameters":{"scale":"2"}}}}"#,
            "struct (d: bytes org.apache.kafka.connect.data.Decimal scale=2)".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&schema(text)), expected, "{text}");
    }
}

#[test]
fn every_draft_is_read() {
    for draft in [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let text = format!(
            r##"{{"$schema":"{draft}","type":"object","properties":{{"a":{{"$ref":"#/$defs/a"}}}},"required":["a"],"$defs":{{"a":{{"type":"integer"}}}}}}"##
        );
        assert_eq!(shown(&schema(&text)), "struct (a: int64)", "{draft}");
        assert!(validator::Validator::new(&text, &[]).unwrap().check(br#"{"a":1}"#).is_ok(), "{draft}");
        assert!(validator::Validator::new(&text, &[]).unwrap().check(br#"{"a":"x"}"#).is_err(), "{draft}");
    }
}

#[test]
fn the_version_is_the_schemas_own_or_the_registrys() {
    assert_eq!(schema(r#"{"type":"string"}"#).version, Some(7));
    assert_eq!(schema(r#"{"type":"string","connect.version":3}"#).version, Some(3));
    assert_eq!(schema(r#"{"oneOf":[{"type":"null"},{"type":"string"}]}"#).version, Some(7));
    assert_eq!(schema(r#"{"type":"array","items":{"type":"string"}}"#).value_schema.as_ref().unwrap().version, None);
}

#[test]
fn settings_change_the_schema() {
    let text = r#"{"type":"object","properties":{"a":{"type":"string"},"e":{"enum":["x",null]},"u":{"oneOf":[{"type":"string"},{"type":"boolean"}]}},"required":["a"]}"#;
    let rules = Rules { optional_for_nonrequired: true, generalized_sum_types: true, ..rules() };
    let expected = "struct (a: string, \
                    e: string? org.apache.kafka.connect.data.Enum= org.apache.kafka.connect.data.Enum.x=0 \
                    org.apache.kafka.connect.data.Enum.<NULL>=1, \
                    u: struct? connect_union_0 org.apache.kafka.connect.data.Union=connect_union_0 \
                    (connect_union_field_0: string?, connect_union_field_1: boolean?))";
    assert_eq!(shown(&try_schema(text, &[], &rules).unwrap()), expected);
}

#[test]
fn references_to_other_subjects_are_followed() {
    let references = [
        (
            "address.json".to_owned(),
            r#"{"type":"object","title":"address","properties":{"zip":{"$ref":"zip.json#/definitions/zip"}}}"#
                .to_owned(),
        ),
        ("zip.json".to_owned(), r#"{"definitions":{"zip":{"type":"string"}}}"#.to_owned()),
    ];
    for id in ["", r#""$id":"https://example.com/order.json","#] {
        let text = format!(r#"{{{id}"type":"object","properties":{{"to":{{"$ref":"address.json"}}}}}}"#);
        let found = try_schema(&text, &references, &rules()).unwrap();
        assert_eq!(shown(&found), "struct (to: struct address (zip: string))");
        let validator = validator::Validator::new(&text, &references).unwrap();
        assert!(validator.check(br#"{"to":{"zip":"8001"}}"#).is_ok());
        assert!(validator.check(br#"{"to":{"zip":8001}}"#).is_err());
    }
}

#[test]
fn what_has_no_type_in_connect_is_refused_with_a_reason() {
    let cases = [
        ("{}", "Unsupported schema type org.everit.json.schema.EmptySchema"),
        (r#"{"type":"null"}"#, "Unsupported schema type org.everit.json.schema.NullSchema"),
        (r#"{"type":"array"}"#, "Array schema did not specify the items type"),
        (
            r##"{"type":"array","items":{"$ref":"#"}}"##,
            "the JSON schema is recursive in a way that Connect's schemas have no form for: # leads to itself",
        ),
        (r##"{"$ref":"#/definitions/none"}"##, "the reference #/definitions/none of the JSON schema leads nowhere"),
        (r#"{"type":"integer","connect.type":"int128"}"#, "Unsupported type int128"),
        (r#"{"type":"#, "invalid JSON schema: malformed JSON at byte 8"),
    ];
    for (text, expected) in cases {
        let error = try_schema(text, &[], &rules()).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn references_do_not_blow_a_schema_up() {
    let level = |number: usize| {
        let next = number + 1;
        format!(
            r##""l{number}":{{"type":"object","properties":{{"a":{{"$ref":"#/definitions/l{next}"}},"b":{{"$ref":"#/definitions/l{next}"}}}}}}"##
        )
    };
    let levels: Vec<String> = (0..30).map(level).collect();
    let text =
        format!(r##"{{"$ref":"#/definitions/l0","definitions":{{{},"l30":{{"type":"string"}}}}}}"##, levels.join(","));
    assert_eq!(schema(&text).fields.len(), 2);
    let deep = format!("{}{{}}{}", r#"{"type":"array","items":"#.repeat(300), "}".repeat(300));
    assert!(try_schema(&deep, &[], &rules()).unwrap_err().contains("more than 100 levels"));
}

fn read(text: &str, document: &str) -> Result<Value, String> {
    let node = Node::read(&mut Reader::new(document)).unwrap();
    read::value(&schema(text), Some(&node), &read::Again::new()).map_err(|error| error.to_string())
}

fn struct_values(value: Value) -> Vec<Value> {
    match value {
        Value::Struct(fields) => fields.values,
        other => panic!("{other:?} is no struct"),
    }
}

#[test]
fn documents_become_values() {
    let text = r#"{"type":"object","properties":{"a":{"type":"integer","connect.type":"int8"},"b":{"type":"string","default":"x"},"c":{"type":["null","number"]}}}"#;
    let values = struct_values(read(text, r#"{"c":1.5,"a":5,"more":true}"#).unwrap());
    assert_eq!(values, [Value::Int8(5), Value::string("x"), Value::Float64(1.5)]);
    // What is missing stays missing, a null in a required field is an error.
    assert_eq!(struct_values(read(text, "{}").unwrap()), [Value::Null, Value::string("x"), Value::Null]);
    let error = read(text, r#"{"a":null}"#).unwrap_err();
    assert_eq!(error, "field \"a\" cannot be read: Invalid null value for required INT8 field");
    assert_eq!(read(text, "[]").unwrap_err(), "Structs should be encoded as JSON objects, but found ARRAY");
}

#[test]
fn a_union_takes_the_branch_that_fits() {
    let text = r#"{"oneOf":[{"type":"integer"},{"type":"object","properties":{"a":{"type":"string"}}},{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}]}"#;
    assert_eq!(struct_values(read(text, "5").unwrap()), [Value::Int64(5), Value::Null, Value::Null]);
    let place = |document: &str| struct_values(read(text, document).unwrap()).iter().position(|value| !value.is_null());
    assert_eq!(place(r#"{"a":"x"}"#), Some(1));
    assert_eq!(place(r#"{"a":"x","b":"y"}"#), Some(2));
    assert_eq!(read(text, "true").unwrap_err(), "Did not find matching oneof field for data");
}

#[test]
fn schemas_are_written_as_by_confluent() {
    let field = |name: &str, schema: Schema| Field::new(name, schema);
    let mut decimal =
        Schema { version: Some(1), ..Schema::optional(Type::Bytes).named("org.apache.kafka.connect.data.Decimal") };
    decimal.parameters.insert("scale".to_owned(), "2".to_owned());
    let mut with_default = Schema::new(Type::Float64);
    with_default.default = Some(Value::Float64(1.0));
    let text = |schema: &Schema, rules: &Rules| from_connect::text(schema, rules).unwrap();
    let schema = Schema::structure(vec![
        field("id", Schema::new(Type::Int32)),
        field("paid", Schema::new(Type::Boolean)),
        field("total", decimal),
        field("rate", with_default),
        field("tags", Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(Schema::new(Type::Int64)))),
        field("by", Schema::map(Arc::new(Schema::new(Type::Int8)), Arc::new(Schema::new(Type::String)))),
    ])
    .named("order");
    let id = r#""id":{"type":"integer","connect.index":0,"connect.type":"int32"}"#;
    let expected = [
        r#"{"type":"object","title":"order","properties":{"#,
        r#""total":{"connect.index":2,"oneOf":[{"type":"null"},{"type":"string","title":"org.apache.kafka.connect.data.Decimal","connect.version":1,"connect.type":"bytes","connect.parameters":{"scale":"2"}}]},"#,
        r#""rate":{"type":"number","default":1,"connect.index":3,"connect.type":"float64"},"#,
        r#""by":{"type":"array","connect.index":5,"connect.type":"map","items":{"type":"object","properties":{"value":{"type":"string","connect.index":1},"key":{"type":"integer","connect.index":0,"connect.type":"int8"}}}},"#,
        r#""paid":{"connect.index":1,"type":"boolean"},"#,
        id,
        r#","tags":{"type":"object","connect.index":4,"connect.type":"map","additionalProperties":{"type":"integer","connect.type":"int64"}}}}"#,
    ];
    assert_eq!(text(&schema, &rules()), expected.concat());
    let closed = Rules { additional_properties: false, decimal_format: DecimalFormat::Numeric, ..rules() };
    assert_eq!(
        text(&Schema::structure(vec![field("id", Schema::new(Type::Int32))]), &closed),
        format!("{{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{{{id}}}}}")
    );
}

#[test]
fn values_are_written_as_their_schema_says() {
    let fields = vec![
        Field::new("a", Schema::new(Type::Int64)),
        Field::new("b", Schema::optional(Type::String)),
        Field::new("c", Schema::new(Type::String)),
    ];
    let schema = Arc::new(Schema::structure(fields));
    let value =
        Value::Struct(Struct { schema: Arc::clone(&schema), values: vec![Value::Int64(1), Value::Null, Value::Null] });
    let mut out = Vec::new();
    write::value(&mut out, &schema, &value, &rules()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":1,"b":null}"#);
    let keyed = Schema::map(Arc::new(Schema::new(Type::Int32)), Arc::new(Schema::optional(Type::String)));
    let map: Map = [(Value::Int32(1), Value::Null)].into_iter().collect();
    let mut out = Vec::new();
    write::value(&mut out, &keyed, &Value::Map(map), &rules()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"[{"key":1,"value":null}]"#);
    let wrong = write::value(&mut Vec::new(), &schema, &Value::Int64(1), &rules()).unwrap_err();
    assert_eq!(wrong.to_string(), "Invalid type for STRUCT: class java.lang.Long");
}
