//! Records without a value, where an expression looks at it.

use longshore_api::config::{ConfigKey, ParsedConfig, Validator};
use longshore_api::{ConnectRecord, Verdict};

/// What becomes of such records: `null.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Keep,
    Drop,
    Evaluate,
}

impl Nulls {
    /// The name of the key.
    pub(crate) const KEY: &str = "null.handling.mode";

    /// The key, of which default and values are the same everywhere.
    pub(crate) fn key(key: ConfigKey) -> ConfigKey {
        key.default("keep").validator(Validator::OneOfIgnoreCase(&["drop", "keep", "evaluate"]))
    }

    pub(crate) fn read(config: &ParsedConfig) -> Self {
        match config.string(Self::KEY).to_lowercase().as_str() {
            "drop" => Nulls::Drop,
            "evaluate" => Nulls::Evaluate,
            _ => Nulls::Keep,
        }
    }

    /// What becomes of a record without a look at the expression, if anything does.
    pub(crate) fn settled(self, record: &ConnectRecord) -> Option<Verdict> {
        match self {
            Nulls::Keep if record.value.value.is_null() => Some(Verdict::Keep),
            Nulls::Drop if record.value.value.is_null() => Some(Verdict::Drop),
            _ => None,
        }
    }
}
