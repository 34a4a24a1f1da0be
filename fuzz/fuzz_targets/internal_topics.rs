//! Records of the config, offset and status topics: lines, by turns a key and a value; `\0` stands for a tombstone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore::store::{ConfigRecord, ConfigState, LogRecord, OffsetState, StatusKey, StatusState};

fuzz_target!(|bytes: &[u8]| {
    let (mut config, mut offsets, mut statuses) =
        (ConfigState::default(), OffsetState::default(), StatusState::default());
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for (offset, entry) in (0..).zip(lines.chunks_exact(2)) {
        let value = (entry[1] != b"\0").then(|| entry[1].to_vec());
        let record = LogRecord { offset, key: entry[0].to_vec(), value };
        config.apply(&record);
        offsets.apply(&record);
        statuses.apply(&record);
        again(&record);
    }
    let connectors: Vec<String> = config.connectors().map(str::to_owned).collect();
    for connector in connectors {
        assert!(config.connector(&connector).is_some());
        let _ = (config.tasks(&connector).count(), config.is_inconsistent(&connector), offsets.tombstones(&connector));
    }
});

/// What a record says, written down, says the same.
fn again(record: &LogRecord) {
    if let Ok(decoded) = ConfigRecord::decode(record) {
        let (key, value) = decoded.encode();
        assert_eq!(ConfigRecord::decode(&LogRecord { offset: 0, key, value }), Ok(decoded));
    }
    if let Some(key) = StatusKey::decode(&record.key) {
        assert_eq!(StatusKey::decode(&key.encode()), Some(key));
    }
}
