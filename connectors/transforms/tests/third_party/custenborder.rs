//! Transforms of kafka-connect-transform-common.

use super::*;

#[test]
fn the_common_transforms_work() {
    let common = |name: &str| format!("com.github.jcustenborder.kafka.connect.transform.common.{name}");
    let mut cased = record(Data::NULL);
    cased.topic = "TOPIC_NAME".into();
    make(&common("ChangeTopicCase"), &[("from", "UPPER_UNDERSCORE"), ("to", "LOWER_HYPHEN")])
        .apply(&mut cased)
        .unwrap();
    assert_eq!(&*cased.topic, "topic-name");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_HYPHEN"), ("to", "LOWER_CAMEL")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "topicName");
    make(&common("ChangeTopicCase"), &[("from", "LOWER_CAMEL"), ("to", "UPPER_UNDERSCORE")]).apply(&mut cased).unwrap();
    assert_eq!(&*cased.topic, "TOPIC_NAME");

    let mut timed = record(Data::schemaless(map(&[("at", Value::Int64(42))])));
    make(&common("ExtractTimestamp$Value"), &[("field.name", "at")]).apply(&mut timed).unwrap();
    assert_eq!(timed.timestamp, Some(42));

    let mut now = event(None, Some(1), "c");
    make(&common("TimestampNowField$Value"), &[("fields", "now"), ("add.amount", "1")]).apply(&mut now).unwrap();
    let Value::Struct(now) = now.value.value else { panic!("a struct") };
    assert!(matches!(now.get("now"), Some(Value::Date(millis)) if *millis > 1_700_000_000_000));
}
