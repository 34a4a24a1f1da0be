//! Confluent's transforms.

use super::*;

#[test]
fn confluents_filter_keeps_what_it_finds() {
    let order = |category: &str| record(Data::schemaless(map(&[("category", Value::string(category))])));
    let class = "io.confluent.connect.transforms.Filter$Value";
    let condition = ("filter.condition", "$[?(@.category == 'keep')]");
    for (kind, keep, other) in [("include", Verdict::Keep, Verdict::Drop), ("exclude", Verdict::Drop, Verdict::Keep)] {
        let mut filter = make(class, &[condition, ("filter.type", kind)]);
        assert_eq!(filter.apply(&mut order("keep")), Ok(keep));
        assert_eq!(filter.apply(&mut order("x")), Ok(other));
        assert_eq!(filter.apply(&mut record(Data::NULL)), Ok(Verdict::Keep), "a tombstone");
    }
    let path = ("filter.condition", "$.missing");
    let error = make(class, &[path, ("filter.type", "include")]).apply(&mut order("x")).unwrap_err();
    assert!(error.to_string().contains("`$.missing`"), "{error}");
    for (behavior, verdict) in [("include", Verdict::Keep), ("exclude", Verdict::Drop)] {
        let config = [path, ("filter.type", "include"), ("missing.or.null.behavior", behavior)];
        assert_eq!(make(class, &config).apply(&mut order("x")), Ok(verdict));
    }
    assert!(try_make(class, &[("filter.condition", "$[?("), ("filter.type", "include")]).is_err());
}

#[test]
fn topics_are_extracted() {
    let class = "io.confluent.connect.transforms.ExtractTopic$Value";
    let value =
        map(&[("t", Value::string("there")), ("n", Value::Int32(1)), ("in", map(&[("t", Value::string("deep"))]))]);
    let topic = |config: &[(&str, &str)], value: &Value| {
        let mut record = record(Data::schemaless(value.clone()));
        make(class, config).apply(&mut record).map(|_| record.topic.to_string())
    };
    assert_eq!(topic(&[("field", "t")], &value).unwrap(), "there");
    assert_eq!(topic(&[("field", "$.in.t"), ("field.format", "JSON_PATH")], &value).unwrap(), "deep");
    assert_eq!(topic(&[], &Value::string("whole")).unwrap(), "whole");
    assert_eq!(topic(&[("field", "x"), ("skip.missing.or.null", "true")], &value).unwrap(), "server1.public.orders");
    assert!(topic(&[("field", "x")], &value).unwrap_err().to_string().contains("field 'x'"));
    assert!(topic(&[("field", "n")], &value).unwrap_err().to_string().contains("java.lang.Integer"));
    let mut from_header = record(Data::NULL);
    from_header.headers.push(Header { name: "t".into(), value: Data::schemaless(Value::string("h")) });
    make("io.confluent.connect.transforms.ExtractTopic$Header", &[("field", "t")]).apply(&mut from_header).unwrap();
    assert_eq!(&*from_header.topic, "h");
}

#[test]
fn tombstones_and_dropped_values_are_handled() {
    let class = "io.confluent.connect.transforms.TombstoneHandler";
    assert_eq!(make(class, &[]).apply(&mut record(Data::NULL)), Ok(Verdict::Drop));
    assert!(make(class, &[("behavior", "fail")]).apply(&mut record(Data::NULL)).is_err());
    let drop = |behavior| {
        let mut dropped = event(None, Some(1), "c");
        make("io.confluent.connect.transforms.Drop$Value", &[("schema.behavior", behavior)])
            .apply(&mut dropped)
            .map(|_| dropped.value)
    };
    assert_eq!(drop("nullify").unwrap(), Data::NULL);
    assert!(!drop("retain").unwrap().schema.unwrap().optional);
    assert!(drop("force_optional").unwrap().schema.unwrap().optional);
    assert!(drop("validate").is_err());
}

#[test]
fn a_time_of_the_message_routes() {
    let mut router = make(
        "io.confluent.connect.transforms.MessageTimestampRouter",
        &[
            ("topic.format", "foo-${topic}-${timestamp}"),
            ("message.timestamp.format", "yyyy-MM-dd"),
            ("topic.timestamp.format", "yyyy.MM.dd"),
            ("message.timestamp.keys", "timestamp,time,ts"),
        ],
    );
    let mut routed = record(Data::schemaless(map(&[("time", Value::string("2019-08-06"))])));
    routed.topic = "bar".into();
    router.apply(&mut routed).unwrap();
    assert_eq!(&*routed.topic, "foo-bar-2019.08.06");
    let mut bad = record(Data::schemaless(map(&[("ts", Value::string("x"))])));
    assert!(router.apply(&mut bad).unwrap_err().to_string().contains("field 'ts'"));
}

#[test]
fn what_gzip_packed_is_unpacked() {
    // `printf hello | gzip -n`
    const PACKED: [u8; 25] =
        [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0];
    let class = "io.confluent.connect.transforms.GzipDecompress$Value";
    let unpacked = |value: Value| {
        let mut packed = record(Data::schemaless(value));
        make(class, &[]).apply(&mut packed).map(|_| packed.value.value)
    };
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec().into());
    assert_eq!(unpacked(bytes(&PACKED)), Ok(bytes(b"hello")));
    assert_eq!(unpacked(bytes(&[PACKED, PACKED].concat())), Ok(bytes(b"hellohello")), "one packet behind the other");
    assert_eq!(unpacked(Value::Null), Ok(Value::Null));
    assert!(unpacked(bytes(b"hello")).unwrap_err().to_string().contains("the value is not packed by gzip"));
    assert!(unpacked(bytes(&PACKED[..20])).is_err());
    assert!(unpacked(Value::string("x")).unwrap_err().to_string().contains("java.lang.String"));
}
