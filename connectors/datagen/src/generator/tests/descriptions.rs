use longshore_api::Type;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value as Json, json};

use super::*;
use crate::quickstarts;

#[test]
fn every_quickstart_makes_records_that_fit_and_has_its_key_field() {
    for quickstart in &quickstarts::ALL {
        let generator =
            Generator::new(quickstart.description, 0).unwrap_or_else(|error| panic!("{}: {error}", quickstart.name));
        assert_eq!(generator.schema().kind, Type::Struct, "{}", quickstart.name);
        assert!(generator.schema().field_index(quickstart.key_field).is_some(), "{}", quickstart.name);
        assert_eq!(values(quickstart.description, 300).len(), 300);
    }
}

/// A rule of any name with a value of any kind, mostly near what is right.
fn rule() -> impl Strategy<Value = (String, Json)> {
    let number = prop_oneof![
        (-3i64..20).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-2.0f64..30.0).prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
    ];
    let span = prop::collection::hash_map(
        prop::sample::select(vec![
            "min", "max", "start", "restart", "step", "initial", "count", "length", "decimals", "by", "0", "1",
        ]),
        number.clone(),
        0..5,
    )
    .prop_map(|entries| Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()));
    let value = prop_oneof![
        number.clone(),
        span,
        any::<bool>().prop_map(Json::from),
        prop::sample::select(vec!["a[b-d]{1,3}", "(x|y)*z+", "[", "\\d{2,}", "true", "uuid"]).prop_map(Json::from),
        prop::collection::vec(number, 0..4).prop_map(Json::from),
        Just(json!(["A", "B"])),
        Just(json!({"options": ["k"]})),
    ];
    let names = vec![
        "options",
        "weights",
        "range",
        "length",
        "regex",
        "iteration",
        "odds",
        "distribution",
        "position",
        "keys",
        "malformed.rate",
        "session",
        "walk",
        "now",
        "prefix",
        "suffix",
        "kind",
    ];
    (prop::sample::select(names).prop_map(str::to_owned), value)
}

fn rules() -> impl Strategy<Value = Json> {
    prop::collection::vec(rule(), 0..3).prop_map(|rules| Json::Object(rules.into_iter().collect()))
}

/// An Avro type with rules that may or may not make sense. Names are made by place when all is put together.
fn avro() -> impl Strategy<Value = Json> {
    let primitive = prop::sample::select(vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);
    let logical = prop::sample::select(vec![
        "date",
        "time-millis",
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "uuid",
        "decimal",
    ]);
    let leaf = prop_oneof![
        4 => (primitive, rules()).prop_map(|(kind, rules)| json!({"type": kind, "arg.properties": rules})),
        2 => (prop::sample::select(vec!["int", "long", "string", "bytes"]), logical, rules()).prop_map(|(kind, logical, rules)| {
            json!({"type": kind, "logicalType": logical, "precision": 6, "scale": 2, "arg.properties": rules})
        }),
        1 => rules().prop_map(|rules| json!({"type": "enum", "symbols": ["A", "B"], "arg.properties": rules})),
        1 => (0u8..9, rules()).prop_map(|(size, rules)| json!({"type": "fixed", "size": size, "arg.properties": rules})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), rules()).prop_map(|(item, rules)| json!({"type": "array", "items": item, "arg.properties": rules})),
            (inner.clone(), rules()).prop_map(|(value, rules)| json!({"type": "map", "values": value, "arg.properties": rules})),
            (prop::collection::vec((inner.clone(), rules()), 0..4), rules()).prop_map(|(fields, rules)| {
                let fields: Vec<Json> = fields.into_iter().enumerate()
                    .map(|(index, (kind, rules))| json!({"name": format!("f{index}"), "type": kind, "arg.properties": rules}))
                    .collect();
                json!({"type": "record", "fields": fields, "arg.properties": rules})
            }),
            prop::collection::vec(inner, 1..4).prop_map(Json::from),
        ]
    })
}

/// Gives every type that needs a name its own.
fn name(json: &mut Json, next: &mut usize) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(|item| name(item, next)),
        Json::Object(object) => {
            if matches!(object.get("type").and_then(Json::as_str), Some("record" | "enum" | "fixed")) {
                *next += 1;
                object.insert("name".to_owned(), json!(format!("T{next}")));
            }
            for member in ["items", "values", "fields", "type"] {
                if let Some(inner) = object.get_mut(member) {
                    name(inner, next);
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_description_is_refused_or_makes_values_that_fit_the_same_for_the_same_seed(
        mut description in avro(),
        place in 0u64..1000,
        seed in any::<u64>(),
    ) {
        name(&mut description, &mut 0);
        let text = description.to_string();
        if Generator::new(&text, place).is_ok() {
            prop_assert_eq!(series(&text, place, seed, 8), series(&text, place, seed, 8));
        }
    }
}

#[test]
fn the_property_test_sees_enough_descriptions_that_are_right() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let right = (0..300)
        .filter(|_| {
            let mut description = avro().new_tree(&mut runner).unwrap().current();
            name(&mut description, &mut 0);
            Generator::new(&description.to_string(), 0).is_ok()
        })
        .count();
    assert!(right > 50, "{right}");
}
