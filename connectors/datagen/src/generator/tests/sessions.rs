use std::collections::HashMap;

use longshore_api::Value;

use super::*;

fn fields(value: &Value) -> &[Value] {
    match value {
        Value::Struct(value) => &value.values,
        other => panic!("{other:?}"),
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float64(number) => *number,
        Value::Int64(number) => *number as f64,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_keeps_its_value_within_a_session_and_no_longer() {
    let description = r#"{"type": "record", "name": "Click",
        "arg.properties": {"session": {"count": 3, "length": {"min": 4, "max": 8}}},
        "fields": [
            {"name": "user", "type": {"type": "long", "arg.properties": {"session": true}}},
            {"name": "page", "type": "long"}]}"#;
    let mut counts: HashMap<i64, usize> = HashMap::new();
    let mut pages = std::collections::HashSet::new();
    let made = values(description, 1000);
    for value in &made {
        let [Value::Int64(user), Value::Int64(page)] = fields(value) else { panic!("{value:?}") };
        *counts.entry(*user).or_default() += 1;
        pages.insert(*page);
    }
    assert_eq!(pages.len(), 1000, "fields of no session are made anew");
    assert!(counts.len() > 100, "sessions end");
    assert!(counts.values().all(|count| *count < 8), "{counts:?}");
    // All but the sessions that are still running have had their full length.
    assert!(counts.values().filter(|count| **count < 4).count() <= 3, "{counts:?}");
}

#[test]
fn a_walk_moves_by_small_steps_for_each_walker_alone() {
    let description = r#"{"type": "record", "name": "Quote", "fields": [
        {"name": "symbol", "type": {"type": "string", "arg.properties": {"options": ["A", "B", "C"]}}},
        {"name": "price", "type": {"type": "double", "arg.properties": {
            "walk": {"start": {"min": 10, "max": 90}, "step": 0.5, "min": 5, "max": 95, "decimals": 2, "by": "symbol"}}}}]}"#;
    let mut last: HashMap<String, f64> = HashMap::new();
    let mut moved = 0;
    for value in values(description, 3000) {
        let [symbol, price] = fields(&value) else { panic!("{value:?}") };
        let price = number(price);
        assert!((5.0..=95.0).contains(&price));
        assert!((price * 100.0 - (price * 100.0).round()).abs() < 1e-6, "{price} has two digits");
        if let Some(before) = last.insert(symbol.as_str().unwrap().to_owned(), price) {
            assert!((price - before).abs() <= 0.51, "{before} to {price}");
            moved += usize::from(price != before);
        }
    }
    assert!(moved > 2000, "{moved}");
}

#[test]
fn a_walk_stays_within_its_bounds_and_begins_anew_with_a_session() {
    let description = r#"{"type": "record", "name": "Trip",
        "arg.properties": {"session": {"count": 1, "length": 5}},
        "fields": [{"name": "km", "type": {"type": "long", "arg.properties": {
            "walk": {"start": 100, "step": 40, "min": 90, "max": 150}}}}]}"#;
    let made: Vec<f64> = values(description, 50).iter().map(|value| number(&fields(value)[0])).collect();
    assert!(made.iter().all(|km| (90.0..=150.0).contains(km)), "{made:?}");
    assert!(made.iter().step_by(5).all(|km| *km == 100.0), "{made:?}");
    assert!(made.iter().any(|km| *km != 100.0));
}

#[test]
fn a_session_may_run_through_a_record_within_a_record() {
    let description = r#"{"type": "record", "name": "Outer", "fields": [
        {"name": "inner", "type": {"type": "record", "name": "Inner",
            "arg.properties": {"session": {"count": 1, "length": 1000}},
            "fields": [{"name": "id", "type": "long", "arg.properties": {"session": "true"}}]}}]}"#;
    let made = values(description, 10);
    assert!(made.iter().all(|value| value == &made[0]), "{made:?}");
}
