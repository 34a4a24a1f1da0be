use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;
use crate::herder::golden;
use crate::plugins::Plugins;

async fn tried(config: &Json, record: &Json) -> Result<Json, String> {
    let validation = Validation::new(Arc::new(Plugins::builtin()), Arc::new(golden::worker(&[])));
    let config: RequestConfig = config
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().map(str::to_owned)))
        .collect();
    let sample = Sample::read(record.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let trial = run(&validation, &config, sample).await.map_err(|error| error.message)?;
    Ok(serde_json::to_value(trial).unwrap())
}

const TRANSFORMS: &str = "org.apache.kafka.connect.transforms.";

fn sink(transforms: &str, more: &[(&str, &str)]) -> Json {
    let mut config = json!({
        "connector.class": "FileStreamSink",
        "transforms": transforms,
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "predicates": "tombstone",
        "predicates.tombstone.type": format!("{TRANSFORMS}predicates.RecordIsTombstone"),
    });
    for (key, value) in more {
        config[*key] = json!(value.replace("T:", TRANSFORMS));
    }
    config
}

#[tokio::test]
async fn a_sinks_record_is_shown_after_each_step() {
    let config = sink(
        "drop,hoist,route",
        &[
            ("transforms.drop.type", "T:Filter"),
            ("transforms.drop.predicate", "tombstone"),
            ("transforms.hoist.type", "T:HoistField$Value"),
            ("transforms.hoist.field", "line"),
            ("transforms.route.type", "T:RegexRouter"),
            ("transforms.route.regex", "a-(.*)"),
            ("transforms.route.replacement", "$1"),
        ],
    );
    let record = json!({"topic": "a-b", "key": "k", "value": {"n": 1.50}, "headers": [{"name": "h", "value": "7"}]});
    let trial = tried(&config, &record).await.unwrap();
    assert_eq!(trial["outcome"], "passed", "{trial}");
    let steps = trial["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 4);
    let read = &steps[0]["record"];
    assert_eq!(read["key"], json!({"schema": {"type": "string", "optional": true}, "payload": "k"}));
    assert_eq!(read["value"], json!({"schema": null, "payload": {"n": 1.5}}));
    assert_eq!(read["headers"][0]["value"], json!({"schema": {"type": "int8", "optional": false}, "payload": 7}));
    assert_eq!((&steps[1]["alias"], &steps[1]["outcome"]), (&json!("drop"), &json!("skipped")));
    assert_eq!(steps[2]["record"]["value"]["payload"], json!({"line": {"n": 1.5}}));
    assert_eq!(steps[3]["record"]["topic"], "b");
    let dropped = tried(&config, &json!({"topic": "a-b", "value": null})).await.unwrap();
    assert_eq!((&dropped["outcome"], dropped["steps"].as_array().unwrap().len()), (&json!("dropped"), 2));
}

#[tokio::test]
async fn the_step_that_fails_is_named() {
    let config = sink("cast", &[("transforms.cast.type", "T:Cast$Value"), ("transforms.cast.spec", "n:int8")]);
    let trial = tried(&config, &json!({"value": {"n": "many"}})).await.unwrap();
    assert_eq!(trial["outcome"], "failed");
    let error = &trial["error"];
    assert_eq!((&error["stage"], &error["alias"]), (&json!("TRANSFORMATION"), &json!("cast")));
    assert_eq!(error["class"], format!("{TRANSFORMS}Cast$Value"));
    assert!(error["message"].as_str().unwrap().contains("out of range"), "{error}");
    let trial = tried(&config, &json!({"value": "{"})).await.unwrap();
    assert_eq!(trial["error"]["stage"], "VALUE_CONVERTER");
    assert_eq!(trial["steps"], json!([]));
}

#[tokio::test]
async fn a_sources_record_is_shown_as_kafka_would_hold_it() {
    let config = json!({
        "connector.class": "FileStreamSource",
        "transforms": "pick",
        "transforms.pick.type": format!("{TRANSFORMS}ExtractField$Value"),
        "transforms.pick.field": "id",
        "value.converter": "org.apache.kafka.connect.converters.IntegerConverter",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    });
    let schema = json!({"type": "struct", "optional": false, "fields": [
        {"field": "id", "type": "int32", "optional": false}]});
    let record = json!({"topic": "t", "key": "k", "value": {"id": -1}, "value_schema": schema});
    let trial = tried(&config, &record).await.unwrap();
    assert_eq!(trial["outcome"], "passed", "{trial}");
    let written = &trial["steps"][2]["record"];
    assert_eq!((&written["key"], &written["value_base64"]), (&json!("k"), &json!("/////w==")));
}

#[tokio::test]
async fn what_cannot_be_tried_is_said_with_every_reason() {
    let config = sink("a,b", &[("transforms.a.type", "no.Such"), ("transforms.b.type", "T:HoistField$Value")]);
    let refused = tried(&config, &json!({})).await.unwrap_err();
    assert!(refused.contains("transforms.a.type: ") && refused.contains("transforms.b.field: "), "{refused}");
    for (record, expected) in [
        (json!({"valu": 1}), "unknown field `valu`"),
        (json!({"value": "a", "value_base64": "YQ=="}), "both value and value_base64"),
        (json!({"key_base64": "?"}), "the record is not what is expected"),
    ] {
        let refused = tried(&sink("", &[]), &record).await.unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}
