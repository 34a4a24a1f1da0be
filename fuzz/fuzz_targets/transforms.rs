//! Each transform and predicate in each configuration that Kafka Connect's was recorded in or that tests try. The first
//! two bytes choose one, the third whether a schema comes with the record; the rest is the record's value, its key and a
//! header, as JSON. Fields may have the names that the configurations have: `before`, `after`, `op`, `a`, `id`, `ts`.
#![no_main]

#[path = "../../connectors/transforms/tests/configurations/mod.rs"]
mod configurations;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use longshore_api::transform::Make;
use longshore_api::{ConnectRecord, ErrorKind, Header, Props, RecordOrigin, TimestampType, Verdict};
use longshore_formats::{Converter, plugin};
use serde_json::Value as Json;

/// Classes with configurations, each once.
static CONFIGURED: LazyLock<Vec<(String, Props)>> = LazyLock::new(|| {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/transforms.jsonl");
    let lines = std::fs::read_to_string(file).unwrap();
    let cases = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let of_case = |case: Json| (case["class"].as_str().unwrap().to_owned(), case["config"].to_string());
    let distinct: BTreeSet<(String, String)> = cases.map(of_case).collect();
    let props = |config: &str| serde_json::from_str::<std::collections::BTreeMap<String, String>>(config).unwrap();
    let recorded = distinct.into_iter().map(|(class, config)| (class, props(&config).into_iter().collect()));
    let tried = longshore_transforms::plugins().iter().map(|plugin| plugin.class);
    let tried = tried.flat_map(|class| {
        configurations::configurations(class).into_iter().map(move |props| (class.to_owned(), props))
    });
    recorded.chain(tried).collect()
});

fn converter(schemas: &str) -> Arc<dyn Converter> {
    let props = Props::from_iter([("schemas.enable".to_owned(), schemas.to_owned())]);
    plugin("org.apache.kafka.connect.json.JsonConverter").unwrap().new_converter(&props, false).unwrap().unwrap()
}

static WITH_SCHEMAS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("true"));
static SCHEMALESS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("false"));

fuzz_target!(|bytes: &[u8]| {
    let [high, low, kind, json @ ..] = bytes else { return };
    let converter = if kind & 1 == 1 { &*WITH_SCHEMAS } else { &*SCHEMALESS };
    let Ok(value) = converter.to_connect("topic", Some(json)) else { return };
    let mut record = ConnectRecord {
        topic: Arc::from("topic"),
        partition: Some(0),
        key: value.clone(),
        headers: vec![Header { name: "a".into(), value: value.clone() }],
        value,
        timestamp: Some(1_700_000_000_123),
        origin: RecordOrigin::Sink { offset: 7, timestamp_type: TimestampType::CreateTime },
    };
    let (class, props) = &CONFIGURED[usize::from(u16::from_be_bytes([*high, *low])) % CONFIGURED.len()];
    let outcome = match longshore_transforms::plugin(class).unwrap().make {
        Make::Transform(make) => make(props).and_then(|mut transform| {
            // Once more to what it has made: by then it knows a schema, and may meet another.
            match transform.apply(&mut record)? {
                Verdict::Keep => transform.apply(&mut record).map(drop),
                Verdict::Drop => Ok(()),
            }
        }),
        Make::Predicate(make) => make(props).and_then(|predicate| predicate.test(&record).map(drop)),
    };
    match outcome {
        // What a transform has left can be written, or has no form in JSON, which is said.
        Ok(()) => drop(converter.from_connect("topic", &record.value, &mut Vec::new())),
        Err(error) => assert!(matches!(error.kind, ErrorKind::BadRecord | ErrorKind::Config), "{class}: {error:?}"),
    }
});
