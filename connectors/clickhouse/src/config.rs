//! The sink's configuration: its table of keys, its checks, and what a task reads from it.
//!
//! The Java connector reads most keys from what the user wrote, not from its table; where the two differ (`ssl`,
//! `username`, `insertFormat`), what it does counts here, and the table shows what its table shows.

mod settings;
mod table;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use longshore_api::config::{ConfigDef, ConfigValue, Props, add_error};
use longshore_api::{ConnectError, Result};

pub(crate) use settings::{InsertFormat, Mode, Settings};

/// The table of keys, those of the Java connector.
pub(crate) fn def() -> &'static ConfigDef {
    static DEF: LazyLock<ConfigDef> = LazyLock::new(table::config_def);
    &DEF
}

/// Keys that only this sink has.
pub(crate) fn additions() -> &'static ConfigDef {
    static DEF: LazyLock<ConfigDef> = LazyLock::new(table::additions);
    &DEF
}

/// The checks beyond each key by itself.
pub(crate) fn validate(props: &Props, values: &mut Vec<ConfigValue>) {
    values.extend(additions().validate(props).into_iter().filter(|value| props.contains_key(&value.name)));
    recommend_formats(values);
    if values.iter().any(|value| !value.errors.is_empty()) {
        return;
    }
    if let Err(wrong) = Settings::new(props) {
        wrong.into_iter().for_each(|(key, error)| add_error(values, key, error));
    }
}

/// What a form offers for `insertFormat` depends on `customInsertFormat`.
fn recommend_formats(values: &mut [ConfigValue]) {
    let custom =
        values.iter().any(|value| value.name == "customInsertFormat" && value.value.as_deref() == Some("true"));
    if let Some(format) = values.iter_mut().find(|value| custom && value.name == "insertFormat") {
        format.recommended = ["CSV", "TSV", "JSON"].map(str::to_owned).to_vec();
    }
}

/// Everything that a task needs, read and checked.
///
/// # Errors
/// All that is wrong with the configuration.
pub(crate) fn check_all(props: &Props) -> Result<Settings> {
    let mut values = def().validate(props);
    validate(props, &mut values);
    let wrong: Vec<ConfigValue> = values.into_iter().filter(|value| !value.errors.is_empty()).collect();
    if !wrong.is_empty() {
        return Err(ConnectError::from(wrong));
    }
    Settings::new(props)
        .map_err(|wrong| ConnectError::config(wrong.into_iter().map(|(_, error)| error).collect::<Vec<_>>().join("; ")))
}
