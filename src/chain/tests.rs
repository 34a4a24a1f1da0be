use longshore_api::{Data, RecordOrigin, TimestampType, Value};

use super::fakes::{chain, text, try_chain};
use super::*;

fn record(value: &str) -> ConnectRecord {
    ConnectRecord {
        topic: Arc::from("t"),
        partition: Some(0),
        key: Data::NULL,
        value: Data::schemaless(Value::string(value)),
        timestamp: None,
        headers: Vec::new(),
        origin: RecordOrigin::Sink { offset: 1, timestamp_type: TimestampType::CreateTime },
    }
}

#[test]
fn transforms_are_applied_in_order_and_a_dropped_record_goes_no_further() {
    let mut chain = chain(&[
        ("a", &[("type", "Route"), ("to", "one")]),
        ("b", &[("type", "Drop"), ("predicate", "p")]),
        ("c", &[("type", "t.Route"), ("to", "two")]),
    ]);
    let mut kept = record("kept");
    assert_eq!(chain.apply(0, &mut kept).unwrap(), Verdict::Keep);
    assert_eq!((&*kept.topic, kept.timestamp), ("two", Some(2)));
    let mut dropped = record("dropped");
    assert_eq!(chain.apply(0, &mut dropped).unwrap(), Verdict::Drop);
    assert_eq!(&*dropped.topic, "one");
}

#[test]
fn a_negated_predicate_holds_where_it_does_not() {
    let mut chain = chain(&[("a", &[("type", "Upper"), ("predicate", "p"), ("negate", "true")])]);
    for (value, expected) in [("dropped", "dropped"), ("kept", "KEPT")] {
        let mut record = record(value);
        assert_eq!(chain.apply(0, &mut record).unwrap(), Verdict::Keep);
        assert_eq!(text(&record.value), expected);
    }
}

#[test]
fn only_what_transforms_and_predicates_touch_is_asked_for() {
    assert_eq!(Chain::default().parts(), Parts::NONE);
    let route: &[(&str, &str)] = &[("type", "Route"), ("to", "x")];
    assert_eq!(chain(&[("a", route)]).parts(), Parts::NONE);
    assert_eq!(chain(&[("a", route), ("b", &[("type", "Drop"), ("predicate", "p")])]).parts(), Parts::VALUE);
    let both = chain(&[("a", &[("type", "Stamp")]), ("b", &[("type", "Upper")])]);
    assert_eq!(both.parts(), Parts::HEADERS.and(Parts::VALUE));
}

#[test]
fn a_refusal_says_which_transform_it_was_and_the_chain_goes_on_from_there() {
    let mut chain = chain(&[("a", &[("type", "Route"), ("to", "x")]), ("b", &[("type", "Upper")])]);
    let mut record = record("flaky");
    for _ in 0..2 {
        let refusal = chain.apply(1, &mut record).unwrap_err();
        assert_eq!((refusal.link, &*chain.name(refusal.link).alias), (1, "b"));
        assert_eq!(chain.name(refusal.link).class, "t.Upper");
    }
    assert_eq!(chain.apply(1, &mut record).unwrap(), Verdict::Keep);
    assert_eq!((text(&record.value).as_str(), record.timestamp), ("FLAKY", None));
}

#[test]
fn what_cannot_be_made_is_named() {
    let refused = |settings: &[(&str, &str)], text: &str| {
        let error = try_chain(&[("a", settings)]).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.kind, longshore_api::ErrorKind::Config);
    };
    refused(&[("type", "no.Such")], "Invalid value no.Such for configuration transforms.a.type");
    refused(&[("type", "Route")], "transform a cannot be configured so: Missing required configuration \"to\"");
    refused(&[("type", "Drop"), ("predicate", "q")], "transforms.a.predicate: predicates does not list an alias q");
    refused(&[("type", "ToBeDropped")], "transforms.a.type");
    refused(&[("type", "Drop"), ("negate", "true")], "defining a predicate to be negated");
    refused(&[("type", "Drop"), ("predicate", "p"), ("negate", "x")], "transforms.a.negate");
}
