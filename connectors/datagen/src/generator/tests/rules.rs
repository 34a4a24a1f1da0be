use longshore_api::{Type, Value};

use super::*;

fn whole(value: &Value) -> i64 {
    match value {
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) | Value::Date(number) => *number,
        other => panic!("{other:?}"),
    }
}

fn wholes(description: &str, count: usize) -> Vec<i64> {
    values(description, count).iter().map(whole).collect()
}

fn texts(description: &str, count: usize) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    values(description, count).iter().map(text).collect()
}

#[test]
fn a_range_holds_its_lower_end_and_not_its_upper_one() {
    let made = wholes(r#"{"type": "int", "arg.properties": {"range": {"min": -1, "max": 3}}}"#, 500);
    for number in -1..3 {
        assert!(made.contains(&number), "{number}");
    }
    assert!(made.iter().all(|number| (-1..3).contains(number)));
    for made in values(r#"{"type": "float", "arg.properties": {"range": {"min": 0.1, "max": 0.2}}}"#, 500) {
        assert!(matches!(made, Value::Float32(number) if (0.1..0.2).contains(&number)));
    }
}

#[test]
fn an_iteration_counts_wraps_and_goes_on_from_a_place() {
    let cases = [
        (r#"{"start": 1}"#, vec![1, 2, 3, 4, 5]),
        (r#"{"start": 1, "step": 10}"#, vec![1, 11, 21, 31, 41]),
        (r#"{"start": 0, "restart": 3}"#, vec![0, 1, 2, 0, 1]),
        (r#"{"start": 3, "restart": 0}"#, vec![3, 2, 1, 3, 2]),
        (r#"{"start": 0, "restart": 5, "step": 2}"#, vec![0, 2, 4, 1, 3]),
        (r#"{"start": 0, "restart": 4, "initial": 2}"#, vec![2, 3, 0, 1, 2]),
        (r#"{"start": 10, "step": -3}"#, vec![10, 7, 4, 1, -2]),
        (r#"{"start": 2147483645}"#, vec![2_147_483_645, 2_147_483_646, 2_147_483_645, 2_147_483_646, 2_147_483_645]),
    ];
    for (rule, expected) in cases {
        let description = format!(r#"{{"type": "int", "arg.properties": {{"iteration": {rule}}}}}"#);
        assert_eq!(wholes(&description, 5), expected, "{rule}");
        let later: Vec<_> = series(&description, 2, 1, 3).iter().map(whole).collect();
        assert_eq!(later, expected[2..], "{rule}, from the third on");
    }
}

#[test]
fn booleans_strings_and_floats_count_too() {
    let made = values(r#"{"type": "boolean", "arg.properties": {"iteration": {"start": true}}}"#, 3);
    assert_eq!(made, [true, false, true].map(Value::Boolean));
    let text = r#"{"type": "string", "arg.properties": {"iteration": {"start": 7}, "prefix": "n-", "suffix": "!"}}"#;
    assert_eq!(texts(text, 2), ["n-7!", "n-8!"]);
    let made =
        values(r#"{"type": "double", "arg.properties": {"iteration": {"start": 0.5, "step": 0.25, "restart": 1}}}"#, 4);
    assert_eq!(made, [0.5, 0.75, 0.5, 0.75].map(Value::Float64));
}

#[test]
fn texts_follow_their_regex_and_length() {
    for expression in
        ["User_[1-9]", "[A-Z]{2}\\d{6}[A-Z]", "(a|bc)+x?", "\\[[0-9][0-9],[0-9][0-9]\\]", "\\w*@mail[.]example", ".{3}"]
    {
        let rule = serde_json::to_string(expression).unwrap();
        let whole = regex::Regex::new(&format!("^(?:{expression})$")).unwrap();
        for text in texts(&format!(r#"{{"type": "string", "arg.properties": {{"regex": {rule}}}}}"#), 200) {
            assert!(whole.is_match(&text) && text.is_ascii(), "{expression}: {text:?}");
        }
    }
    let lengths = |rules: &str| -> Vec<usize> {
        texts(&format!(r#"{{"type": "string", "arg.properties": {{{rules}}}}}"#), 300).iter().map(String::len).collect()
    };
    assert!(lengths(r#""length": 5"#).iter().all(|length| *length == 5));
    assert!(lengths(r#""length": {"min": 2, "max": 4}"#).iter().all(|length| (2..4).contains(length)));
    assert!(lengths("").iter().all(|length| (8..16).contains(length)));
    assert!(
        lengths(r#""regex": "[a-z]*", "length": {"min": 5, "max": 16}"#).iter().all(|length| (5..16).contains(length))
    );
    assert!(lengths(r#""regex": "[a-z]*", "length": 10"#).iter().all(|length| *length >= 10));
    assert!(lengths(r#""regex": "[a-z]", "prefix": "ab", "suffix": "c""#).iter().all(|length| *length == 4));
}

#[test]
fn options_are_chosen_by_weight() {
    let made =
        texts(r#"{"type": "string", "arg.properties": {"options": ["a", "b", "c"], "weights": [8, 0, 2]}}"#, 2000);
    let count = |option: &str| made.iter().filter(|text| *text == option).count();
    assert_eq!(count("b"), 0);
    assert!((1400..1800).contains(&count("a")), "{}", count("a"));
    let even = texts(r#"{"type": "string", "arg.properties": {"options": ["a", "b"]}}"#, 2000);
    let count = even.iter().filter(|text| *text == "a").count();
    assert!((800..1200).contains(&count), "{count}");
}

#[test]
fn options_can_be_of_every_type() {
    let cases = [
        (r#""null""#, "[null]"),
        (r#""boolean""#, "[true]"),
        (r#""long""#, "[4242424242424242]"),
        (r#""float""#, "[42.42]"),
        (r#""bytes""#, r#"["NDI="]"#),
        (r#"{"type": "fixed", "name": "F", "size": 2}"#, r#"["\u0034\u00ff"]"#),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#, r#"["B"]"#),
        (r#"{"type": "array", "items": "int"}"#, "[[1, 2], []]"),
        (r#"{"type": "map", "values": "int"}"#, r#"[{"a": 1}]"#),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "m", "type": "string"}, {"name": "d", "type": "int", "default": 3}]}"#,
            r#"[{"m": "x"}]"#,
        ),
        (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, r#"[1.5, "999.99"]"#),
        (r#"{"type": "int", "logicalType": "date"}"#, "[18000]"),
    ];
    for (avro, options) in cases {
        let mut description: serde_json::Value = serde_json::from_str(avro).unwrap();
        if description.is_string() {
            description = serde_json::json!({ "type": description });
        }
        description["arg.properties"] = serde_json::from_str(&format!(r#"{{"options": {options}}}"#)).unwrap();
        values(&description.to_string(), 20);
    }
}

#[test]
fn options_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nouns.json");
    for content in ["\"sea\"\n\"shore\"\n", "[\"sea\", \"shore\"]"] {
        std::fs::write(&file, content).unwrap();
        let rule =
            serde_json::json!({"type": "string", "arg.properties": {"options": {"file": file, "encoding": "json"}}});
        assert!(texts(&rule.to_string(), 20).iter().all(|text| text == "sea" || text == "shore"));
    }
    assert!(
        error(r#"{"type": "string", "arg.properties": {"options": {"file": "/dev/zero", "encoding": "json"}}}"#)
            .contains("it is no file")
    );
    assert!(
        error(r#"{"type": "string", "arg.properties": {"options": {"file": "x", "encoding": "binary"}}}"#)
            .contains("not supported")
    );
}

#[test]
fn unions_follow_their_distribution_and_position() {
    let record = |rules: &str| {
        format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "u", "type": ["null", "string", "int"], "arg.properties": {rules}}}]}}"#
        )
    };
    let branches = |rules: &str| -> Vec<usize> {
        let mut counts = vec![0; 3];
        for value in values(&record(rules), 1000) {
            let Value::Struct(value) = value else { panic!("{value:?}") };
            match &value.values[0] {
                Value::Null => counts[0] += 1,
                Value::Struct(union) => counts[1 + union.values.iter().position(|part| !part.is_null()).unwrap()] += 1,
                other => panic!("{other:?}"),
            }
        }
        counts
    };
    assert_eq!(branches(r#"{"position": 2}"#), [0, 0, 1000]);
    let counts = branches(r#"{"distribution": {"0": 0.1, "1": 0.9}}"#);
    assert!(counts[0] > 50 && counts[0] < 200 && counts[2] == 0, "{counts:?}");
    assert!(branches("{}").iter().all(|count| *count > 200));
}

#[test]
fn odds_decimals_maps_and_spoilt_values() {
    let made = values(r#"{"type": "boolean", "arg.properties": {"odds": 0.9}}"#, 1000);
    assert!(made.iter().filter(|value| **value == Value::Boolean(true)).count() > 800);
    let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2, "arg.properties": {"range": {"min": 10.1, "max": 10.13}}}"#;
    let mut made: Vec<String> = values(decimal, 200)
        .iter()
        .map(|value| match value {
            Value::Decimal(number) => number.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    made.sort();
    made.dedup();
    assert_eq!(made, ["10.10", "10.11", "10.12"]);
    let map = r#"{"type": "map", "values": "int", "arg.properties": {"length": 3, "keys": {"options": ["a", "b"]}}}"#;
    for value in values(map, 50) {
        assert!(matches!(value, Value::Map(map) if (1..=2).contains(&map.len())));
    }
    let spoilt = r#"{"type": "string", "arg.properties": {"options": ["x"], "malformed.rate": 0.5}}"#;
    let sound = texts(spoilt, 1000).iter().filter(|text| *text == "x").count();
    assert!((400..600).contains(&sound), "{sound}");
}

#[test]
fn now_is_the_time_that_is_handed_in() {
    assert_eq!(
        wholes(r#"{"type": "long", "arg.properties": {"now": true}}"#, 2),
        [1_700_000_000_000, 1_700_000_000_001]
    );
    assert_eq!(texts(r#"{"type": "string", "arg.properties": {"now": true}}"#, 1), ["2023-11-14T22:13:20.000Z"]);
    let date = r#"{"type": "int", "logicalType": "date", "arg.properties": {"now": true}}"#;
    assert_eq!(wholes(date, 1), [19_675 * 86_400_000]);
    let stamp = r#"{"type": "long", "logicalType": "timestamp-millis", "arg.properties": {"now": true}}"#;
    assert_eq!(values(stamp, 1), [Value::Date(1_700_000_000_000)]);
}

#[test]
fn errors_name_the_field_and_the_rule() {
    let cases = [
        (r#""range": {"min": 3, "max": 3}"#, "schema.f: range: \"min\" must be less than \"max\""),
        (
            r#""range": {"max": 3000000000}"#,
            "schema.f: range: \"min\" must be less than \"max\", and both in the range",
        ),
        (r#""range": {"min": "x"}"#, "schema.f: range: \"min\" must be a whole number"),
        (r#""range": 3"#, "schema.f: range: an object is expected"),
        (r#""iteration": {"step": 1}"#, "schema.f: iteration: \"start\" is missing"),
        (r#""iteration": {"start": 1, "restart": 1}"#, "schema.f: iteration: \"restart\" must differ from \"start\""),
        (r#""iteration": {"start": 1, "restart": 0, "step": 1}"#, "schema.f: iteration:"),
        (r#""options": []"#, "schema.f: options: there is none"),
        (r#""options": [1, "x"]"#, "schema.f: options[1]: an int is expected"),
        (r#""options": [1], "weights": [1, 2]"#, "schema.f: weights: 1 weights are expected"),
        (r#""options": [1], "weights": [0]"#, "schema.f: weights: weights must be numbers"),
        (r#""malformed.rate": 2"#, "schema.f: malformed.rate: a number from 0 to 1 is expected"),
        (r#""walk": {"start": 1}"#, "schema.f: walk: \"step\" is missing"),
        (r#""walk": {"start": 1, "step": 1, "min": 2}"#, "schema.f: walk: \"start\" must lie between"),
        (
            r#""walk": {"start": 1, "step": 1, "by": "g"}"#,
            "schema.f: walk: \"by\" must be the name of an earlier field",
        ),
        (r#""session": true"#, "schema.f: session: the record around the field has no sessions"),
        (r#""now": true"#, "schema.f: now: is for long"),
    ];
    for (rules, expected) in cases {
        let text = format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", "type": {{"type": "int", "arg.properties": {{{rules}}}}}}}]}}"#
        );
        assert!(error(&text).contains(expected), "{rules}: {}", error(&text));
    }
    for (rules, expected) in [
        (r#""regex": "a(""#, "regex: unclosed group"),
        (r#""regex": "((a{1000}){1000}){1000}""#, "regex: "),
        (r#""regex": "abc", "length": 9"#, "length: the regex was not seen"),
        (r#""length": {"min": 3, "max": 3}"#, "length: \"min\" must be less than \"max\""),
        (r#""length": 200000"#, "length: "),
    ] {
        let text = format!(r#"{{"type": "string", "arg.properties": {{{rules}}}}}"#);
        assert!(error(&text).contains(expected), "{rules}: {}", error(&text));
    }
}

#[test]
fn a_record_without_bound_is_refused() {
    let inner = r#"{"type": "array", "items": "int", "arg.properties": {"length": 10000}}"#;
    let text = format!(r#"{{"type": "array", "items": {inner}, "arg.properties": {{"length": 10000}}}}"#);
    assert!(error(&text).contains("could hold more than"));
    assert!(error(r#"{"type": "map", "values": "int", "arg.properties": {"length": 5000}}"#).contains("entries"));
}

#[test]
fn schemas_are_those_of_the_avro_converter() {
    let text = r#"{"type": "record", "name": "R", "namespace": "n", "connect.version": 2, "fields": [
        {"name": "a", "type": ["null", "long"], "default": null, "doc": "about a"},
        {"name": "b", "type": {"type": "enum", "name": "E", "symbols": ["X"]}, "default": "X"},
        {"name": "c", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "d", "type": ["int", "string"]}]}"#;
    let generator = Generator::new(text, 0).unwrap();
    let schema = generator.schema();
    assert_eq!((schema.name.as_deref(), schema.version), (Some("n.R"), Some(2)));
    let field = |index: usize| &schema.fields[index].schema;
    assert_eq!((field(0).kind, field(0).optional, field(0).doc.as_deref()), (Type::Int64, true, Some("about a")));
    assert_eq!(field(1).default, Some(Value::string("X")));
    assert_eq!(field(1).parameters.get("io.confluent.connect.avro.Enum").map(String::as_str), Some("n.E"));
    assert_eq!(field(2).logical_name(), Some(logical::TIMESTAMP));
    assert_eq!((field(3).name.as_deref(), field(3).fields.len()), (Some("io.confluent.connect.avro.Union"), 2));
}
