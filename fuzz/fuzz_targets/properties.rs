//! Java's `.properties` files. What was read is written down with everything escaped, and must be read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore::config::properties;

fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(props) = properties::parse(bytes) else { return };
    let text: String = props.iter().map(|(key, value)| format!("{}={}\n", escaped(key), escaped(value))).collect();
    // Neither a line that is all empty nor an empty key can be told from nothing.
    if props.keys().all(|key| !key.is_empty()) && text.len() < properties::MAX_BYTES {
        assert_eq!(properties::parse(text.as_bytes()).unwrap(), props);
    }
});
