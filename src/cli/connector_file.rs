//! Connectors in files: JSON in two forms, or properties.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::config::properties;
use crate::herder::{CreateRequest, RequestConfig};
use crate::task::TargetState;

/// A connector's file is small; a larger one is some other file.
const MOST_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
struct Wrapped {
    name: String,
    config: IndexMap<String, serde_json::Value>,
    initial_state: Option<String>,
}

/// Reads a connector: `{"name":…,"config":{…}}`, a flat JSON object with `name`, or a properties file with `name`.
/// `-` is standard input.
///
/// # Errors
/// What is wrong with the file; never what a configuration in it may mean.
pub(super) fn read(file: &Path) -> anyhow::Result<CreateRequest> {
    parse(&bytes(file)?, &file.display().to_string())
}

/// The content of a small file; `-` is standard input.
///
/// # Errors
/// It cannot be read.
pub(super) fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let shown = file.display();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST_BYTES).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{shown} cannot be read"))?;
    Ok(bytes)
}

fn parse(bytes: &[u8], shown: &str) -> anyhow::Result<CreateRequest> {
    if let Ok(wrapped) = serde_json::from_slice::<Wrapped>(bytes) {
        let config = texts(wrapped.config, shown)?;
        return request(Some(wrapped.name), config, wrapped.initial_state.as_deref(), shown);
    }
    match serde_json::from_slice::<IndexMap<String, serde_json::Value>>(bytes) {
        Ok(flat) => request(None, texts(flat, shown)?, None, shown),
        // What begins like an object is meant to be JSON: its error says more than that of a properties file would.
        Err(error) if bytes.trim_ascii_start().starts_with(b"{") => bail!("{shown} is not valid JSON: {error}"),
        Err(_) => {
            let props = properties::parse(bytes).with_context(|| format!("{shown} is neither JSON nor properties"))?;
            request(None, props.into_iter().map(|(key, value)| (key, Some(value))).collect(), None, shown)
        }
    }
}

fn texts(config: IndexMap<String, serde_json::Value>, shown: &str) -> anyhow::Result<RequestConfig> {
    let text = |key: String, value| match value {
        serde_json::Value::Null => Ok((key, None)),
        serde_json::Value::String(text) => Ok((key, Some(text))),
        value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => Ok((key, Some(value.to_string()))),
        _ => bail!("{shown}: the value of {key} must be a text, a number or a boolean"),
    };
    config.into_iter().map(|(key, value)| text(key, value)).collect()
}

fn request(
    outer: Option<String>,
    mut config: RequestConfig,
    state: Option<&str>,
    shown: &str,
) -> anyhow::Result<CreateRequest> {
    let inner = config.get("name").cloned().flatten();
    let name = match (outer, inner) {
        (Some(outer), Some(inner)) if outer != inner => {
            bail!("{shown}: Connector name configuration ({inner}) doesn't match connector name in the file ({outer})")
        }
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => bail!("Connector configuration at '{shown}' is missing the mandatory 'name' configuration"),
    };
    config.insert("name".to_owned(), Some(name.clone()));
    let initial_state = match state.map(str::to_ascii_uppercase).as_deref() {
        None => None,
        Some("RUNNING") => Some(TargetState::Started),
        Some("PAUSED") => Some(TargetState::Paused),
        Some("STOPPED") => Some(TargetState::Stopped),
        Some(other) => bail!("{shown}: there is no initial_state {other}"),
    };
    Ok(CreateRequest { name, config, initial_state })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CreateRequest, String> {
        parse(text.as_bytes(), "c.json").map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn all_three_forms_are_read() {
        let forms = [
            r#"{"name": "c", "config": {"tasks.max": 2, "on": true}, "initial_state": "paused"}"#,
            r#"{"name": "c", "tasks.max": "2", "on": "true"}"#,
            "name=c\ntasks.max=2\non=true\n",
        ];
        for form in forms {
            let request = read(form).unwrap();
            assert_eq!(request.name, "c");
            for (key, value) in [("tasks.max", "2"), ("on", "true"), ("name", "c")] {
                assert_eq!(request.config[key].as_deref(), Some(value), "{form}");
            }
        }
        assert_eq!(read(forms[0]).unwrap().initial_state, Some(TargetState::Paused));
    }

    #[test]
    fn a_file_that_is_no_connector_is_explained() {
        let missing = "Connector configuration at 'c.json' is missing the mandatory 'name' configuration";
        assert_eq!(read(r#"{"a": "b"}"#).unwrap_err(), missing);
        assert_eq!(read("a=b").unwrap_err(), missing);
        assert!(read(r#"{"name": "c""#).unwrap_err().starts_with("c.json is not valid JSON: "));
        assert!(read(r#"{"name": "c", "config": {"name": "d"}}"#).unwrap_err().contains("doesn't match"));
        assert!(read(r#"{"name": "c", "x": []}"#).unwrap_err().contains("the value of x must be"));
    }
}
