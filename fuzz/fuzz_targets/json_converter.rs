//! JSON to Connect data and back. The first byte says whether there are schemas. What is written of what was read is
//! read as the same.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use longshore_api::Props;
use longshore_formats::{Converter, plugin};

fn converter(schemas: &str) -> Arc<dyn Converter> {
    let props = Props::from_iter([("schemas.enable".to_owned(), schemas.to_owned())]);
    plugin("org.apache.kafka.connect.json.JsonConverter").unwrap().new_converter(&props, false).unwrap().unwrap()
}

static WITH_SCHEMAS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("true"));
static SCHEMALESS: LazyLock<Arc<dyn Converter>> = LazyLock::new(|| converter("false"));

fuzz_target!(|bytes: &[u8]| {
    let Some((first, json)) = bytes.split_first() else { return };
    let converter = if first & 1 == 1 { &*WITH_SCHEMAS } else { &*SCHEMALESS };
    let Ok(data) = converter.to_connect("topic", Some(json)) else { return };
    let mut written = Vec::new();
    if converter.from_connect("topic", &data, &mut written).is_ok_and(|there| there) {
        let again = converter.to_connect("topic", Some(&written)).unwrap_or_else(|error| {
            panic!("{error}: {} was written for {}", String::from_utf8_lossy(&written), String::from_utf8_lossy(json))
        });
        let mut twice = Vec::new();
        assert!(converter.from_connect("topic", &again, &mut twice).unwrap());
        assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&twice));
    }
});
