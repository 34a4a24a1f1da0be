use proptest::prelude::*;

use super::*;
use crate::quickstarts;

fn error(text: &str) -> String {
    parse(text).err().unwrap_or_default()
}

#[test]
fn names_are_found_with_and_without_their_namespace() {
    let avro = parse(
        r#"{"type": "record", "name": "Outer", "namespace": "a.b", "fields": [
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["X", "Y"]}},
            {"name": "again", "type": "Kind"},
            {"name": "whole", "type": ["null", "a.b.Kind"], "default": null}]}"#,
    )
    .unwrap();
    assert_eq!(avro.name.as_deref(), Some("a.b.Outer"));
    let Kind::Record(fields) = &avro.kind else { panic!("{avro:?}") };
    assert_eq!(fields[1].avro.name.as_deref(), Some("a.b.Kind"));
    assert_eq!((avro.depth, avro.size), (3, 6));
}

#[test]
fn comments_are_read_over_but_not_in_strings() {
    let avro =
        parse("// first\n{\"type\": /* a\n * string */ \"string\", \"doc\": \"http://x /* y */\"} // last").unwrap();
    assert_eq!(avro.doc.as_deref(), Some("http://x /* y */"));
    assert!(error("{\n// comment\n/* two\nlines */ \"type\" \"string\"}").contains("line 4"));
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let cases = [
        (r#""text""#, "schema: type \"text\" is not known here, or stands within itself"),
        (r#"{"name": "x"}"#, "schema: \"type\" is missing"),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]}"#,
            "schema.a: type \"R\" is not known",
        ),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a-b", "type": "int"}]}"#, "\"a-b\" is no name"),
        (r#"{"type": "record", "name": "R", "fields": 1}"#, "schema: \"fields\" must be an array"),
        (r#"{"type": "enum", "name": "E", "symbols": []}"#, "schema: an enum needs a list of symbols"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#, "\"A\" is no symbol, or there are two of it"),
        (r#"{"type": "fixed", "name": "F", "size": -1}"#, "schema: \"size\" must be a number"),
        (r#"["int", "int"]"#, "schema: two branches of the union are alike"),
        (r#"["int", ["string"]]"#, "schema: a union cannot stand in a union"),
        ("[]", "schema: a union needs a branch"),
        (r#"{"type": "int", "arg.properties": 1}"#, "schema: arg.properties must be an object"),
        (r#"{"type": "bytes", "logicalType": "decimal"}"#, "schema: a decimal needs a precision from 1 to 38"),
        ("{", "EOF while parsing"),
        ("17", "schema: a type is a name, an object or an array"),
    ];
    for (text, expected) in cases {
        assert!(error(text).contains(expected), "{text}: {}", error(text));
    }
}

#[test]
fn depth_and_size_are_bounded_also_where_names_hide_them() {
    let nested = format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(60), "}".repeat(60));
    assert!(error(&nested).contains("deep in each other"));
    // Each type holds the one before it twice: a short text, a type without end.
    let mut fields = vec![r#"{"name": "f0", "type": {"type": "record", "name": "R0", "fields": []}}"#.to_owned()];
    for index in 1..30 {
        let before = index - 1;
        fields.push(format!(
            r#"{{"name": "f{index}", "type": {{"type": "record", "name": "R{index}", "fields": [
                {{"name": "a", "type": "R{before}"}}, {{"name": "b", "type": "R{before}"}}]}}}}"#
        ));
    }
    let text = format!(r#"{{"type": "record", "name": "All", "fields": [{}]}}"#, fields.join(","));
    assert!(error(&text).contains("made of more than"), "{}", error(&text));
    assert!(error(&" ".repeat(MAX_TEXT + 1)).contains("longer than"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_damage_to_a_description_makes_anything_panic(
        which in 0..quickstarts::ALL.len(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..20,
        patch in r#"[\[\]{}":,0-9a-z\\-]{0,6}"#,
    ) {
        let mut text = quickstarts::ALL[which].description.to_owned();
        let start = at.index(text.len());
        text.replace_range(start..(start + cut).min(text.len()), &patch);
        if let Ok(mut generator) = crate::Generator::new(&text, 3) {
            generator.next(1, 2);
        }
    }
}
