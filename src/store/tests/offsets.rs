use std::sync::Arc;

use bytes::Bytes;
use longshore_api::{SourceMap, Value};
use proptest::prelude::*;

use super::{read_back, record, text};
use crate::store::*;
use crate::task::SourceOffsets;

fn map(members: &[(&str, Value)]) -> SourceMap {
    members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn state(records: &[(&str, Option<&str>)]) -> OffsetState {
    let mut state = OffsetState::default();
    records.iter().for_each(|(key, value)| state.apply(&record(0, key, *value)));
    state
}

fn written(state: &OffsetState, partition: &SourceMap, offset: &SourceMap) -> (String, String) {
    let entries = state.entries("c", [(partition, Some(offset))]).unwrap();
    (text(&entries[0].0).to_owned(), text(entries[0].1.as_deref().unwrap()).to_owned())
}

#[test]
fn values_are_written_as_java_writes_them() {
    let all = map(&[
        ("null", Value::Null),
        ("yes", Value::Boolean(true)),
        ("byte", Value::Int8(-1)),
        ("long", Value::Int64(i64::MIN)),
        ("float", Value::Float32(0.1)),
        ("whole", Value::Float64(1.0)),
        ("large", Value::Float64(1e10)),
        ("small", Value::Float64(-1.5e-7)),
        ("edge", Value::Float64(1e7)),
        ("nan", Value::Float64(f64::NAN)),
        ("infinite", Value::Float64(f64::NEG_INFINITY)),
        ("text", Value::string("ä/\"\\\u{1f}\u{7f}\n")),
        ("bytes", Value::Bytes(Bytes::from_static(b"\x00\xff"))),
    ]);
    let expected = concat!(
        r#"{"null":null,"yes":true,"byte":-1,"long":-9223372036854775808,"float":0.1,"whole":1.0,"large":1.0E10,"#,
        r#""small":-1.5E-7,"edge":1.0E7,"nan":"NaN","infinite":"-Infinity","text":"ä/\"\\\u001F"#,
        "\u{7f}",
        r#"\n","bytes":"AP8="}"#
    );
    assert_eq!(written(&OffsetState::default(), &map(&[]), &all), ("[\"c\",{}]".to_owned(), expected.to_owned()));
}

#[test]
fn what_is_not_primitive_cannot_be_stored_and_the_field_is_named() {
    let nested = map(&[("list", Value::Array(vec![]))]);
    let error = OffsetState::default().entries("c", [(&map(&[]), Some(&nested))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Offsets may only contain primitive types as values, but field list contains java.util.ArrayList"
    );
}

#[test]
fn a_known_partition_keeps_the_bytes_of_its_key() {
    // Another order of members, blanks, an escape: the same partition.
    let stored = r#"["c", {"b":"\u00e9","a":1}]"#;
    let known = state(&[(stored, Some(r#"{"pos":1}"#))]);
    let partition = map(&[("a", Value::Int32(1)), ("b", Value::string("é"))]);
    assert_eq!(known.get("c", &partition).unwrap(), Some(map(&[("pos", Value::Int64(1))])));
    let next = map(&[("pos", Value::Int64(2))]);
    assert_eq!(written(&known, &partition, &next), (stored.to_owned(), r#"{"pos":2}"#.to_owned()));
    let other = map(&[("a", Value::Float64(1.0)), ("b", Value::string("é"))]);
    assert_eq!(known.get("c", &other).unwrap(), None, "1.0 is not 1");
}

#[test]
fn a_partition_under_two_texts_is_one_partition() {
    let (one, two) = (r#"["c",{"a":1,"b":2}]"#, r#"["c",{"b":2,"a":1}]"#);
    let both = state(&[(one, Some(r#"{"p":1}"#)), (two, Some(r#"{"p":2}"#))]);
    let partition = map(&[("a", Value::Int64(1)), ("b", Value::Int64(2))]);
    assert_eq!(both.get("c", &partition).unwrap(), Some(map(&[("p", Value::Int64(2))])));
    assert_eq!((both.list("c").count(), both.tombstones("c").len()), (1, 2));
    let deleted = both.entries("c", [(&partition, None)]).unwrap();
    assert_eq!(deleted.iter().map(|(key, _)| text(key)).collect::<Vec<_>>(), [one, two]);
    let back = state(&[(one, Some(r#"{"p":1}"#)), (two, Some(r#"{"p":2}"#)), (two, None)]);
    assert_eq!(back.get("c", &partition).unwrap(), Some(map(&[("p", Value::Int64(1))])));
}

#[test]
fn foreign_records_are_passed_over() {
    let state = state(&[
        ("[]", Some("{}")),
        (r#"["c"]"#, Some("{}")),
        (r#"["c",{},1]"#, Some("{}")),
        (r#"[1,{}]"#, Some("{}")),
        (r#"["c",7]"#, Some("{}")),
        (r#"["c",{"x":1}]"#, Some("[]")),
        (r#"["c",null]"#, Some("{}")),
    ]);
    assert_eq!(state.list("c").count(), 0);
    assert_eq!(state.tombstones("c").len(), 1, "the null partition is kept");
}

#[tokio::test]
async fn tasks_share_the_store() {
    let store = Arc::new(OffsetStore::open(Box::new(MemoryLog::new())).await.unwrap());
    let partition = |number: i64| Arc::new(map(&[("file", Value::Int64(number))]));
    let offset = |number: i64| map(&[("pos", Value::Int64(number))]);
    let tasks = (0..8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let both = vec![(partition(number), offset(1)), (partition(number), offset(2))];
            store.put("c", both).await.unwrap();
            assert_eq!(store.get("c", &partition(number)).await.unwrap(), Some(offset(2)));
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(store.list("c").await.unwrap().len(), 8);
    store.alter("c", &[(partition(0).as_ref().clone(), None)]).await.unwrap();
    assert_eq!(store.list("c").await.unwrap().len(), 7);
    store.reset("c").await.unwrap();
    assert_eq!(store.list("c").await.unwrap(), []);
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Int64),
        prop::num::f64::NORMAL.prop_map(Value::Float64),
        ".*".prop_map(|text: String| Value::string(text)),
    ]
}

fn maps() -> impl Strategy<Value = SourceMap> {
    prop::collection::vec((".*", values()), 0..5).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn every_offset_is_read_back_as_it_was(name in ".*", partition in maps(), offset in maps()) {
        let mut state = OffsetState::default();
        for entry in state.entries(&name, [(&partition, Some(&offset))]).unwrap() {
            state.apply(&read_back(entry));
        }
        prop_assert_eq!(state.get(&name, &partition).unwrap(), Some(offset));
        let reversed: SourceMap = partition.into_iter().rev().collect();
        prop_assert!(state.get(&name, &reversed).unwrap().is_some(), "the order of members does not matter");
    }
}
