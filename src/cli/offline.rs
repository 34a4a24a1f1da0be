//! `longshore validate`, `longshore try` and `longshore plugins`: what can be said without a worker.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use longshore_api::Props;

use super::{Exit, Failed, connector_file, say};
use crate::config::WorkerConfig;
use crate::herder::validation::Validation;
use crate::herder::{ConfigInfos, ConfigKeyInfo};
use crate::plugins::Plugins;
use crate::trial::{self, Outcome, Sample};

/// Checks a connector's configuration without reaching out to anything.
pub(super) fn validate(file: &Path) -> Result<Exit, Failed> {
    let request = connector_file::read(file).map_err(|error| Failed { exit: Exit::No, error })?;
    let validation = validation()?;
    let infos =
        validation.run_offline(&request.config).map_err(|error| Failed { exit: Exit::No, error: anyhow!(error) })?;
    let errors = errors(&infos);
    for line in &errors {
        say(line);
    }
    let (name, count) = (&request.name, errors.len());
    if count == 0 {
        say(&format!("{name}: valid (its target was not asked)"));
        return Ok(Exit::Ok);
    }
    say(&format!("{name}: {count} {}", if count == 1 { "error" } else { "errors" }));
    Ok(Exit::No)
}

/// A line for each error, key first.
fn errors(infos: &ConfigInfos) -> Vec<String> {
    let values = infos.configs.iter().map(|info| &info.value);
    values.flat_map(|value| value.errors.iter().map(|error| format!("{}: {error}", value.name))).collect()
}

/// Tries a record with a connector's converters and transforms.
pub(super) fn try_record(connector: &Path, record: &Path) -> Result<Exit, Failed> {
    let no = |error: anyhow::Error| Failed { exit: Exit::No, error };
    let request = connector_file::read(connector).map_err(no)?;
    let sample = connector_file::bytes(record).map_err(no)?;
    let sample = Sample::read(&sample).map_err(|error| no(anyhow!("{}: {error}", record.display())))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::start)?;
    let trial = runtime.block_on(trial::run(&validation()?, &request.config, sample));
    let trial = trial.map_err(|error| no(anyhow!(error)))?;
    for step in &trial.steps {
        say(&serde_json::to_string_pretty(step).map_err(Failed::start)?);
    }
    let fate = match (&trial.error, trial.outcome) {
        (Some(failure), _) => {
            say(&serde_json::to_string_pretty(failure).map_err(Failed::start)?);
            "failed"
        }
        (None, Outcome::Dropped) => "dropped",
        (None, _) => "passed",
    };
    say(&format!("{}: the record {}", request.name, if fate == "dropped" { "is dropped" } else { fate }));
    Ok(if trial.error.is_some() { Exit::No } else { Exit::Ok })
}

/// Lists the plugins, or shows the keys of one.
pub(super) fn plugins(class: Option<&str>) -> Result<Exit, Failed> {
    let Some(class) = class else {
        for plugin in Plugins::builtin().list(false) {
            say(&format!("{:<17} {} {}", plugin.kind, plugin.class, plugin.version));
        }
        return Ok(Exit::Ok);
    };
    let keys = validation()?.table(class).map_err(|error| Failed { exit: Exit::No, error: anyhow!(error) })?;
    for key in &keys {
        say(&described(key));
    }
    Ok(Exit::Ok)
}

/// A key with its type, its default and what it does.
fn described(key: &ConfigKeyInfo) -> String {
    let default = match &key.default_value {
        _ if key.required => "required".to_owned(),
        Some(text) if !text.is_empty() => format!("default {text}"),
        _ => "optional".to_owned(),
    };
    let head = format!("{} ({}, {default})", key.name, key.kind.to_ascii_lowercase());
    if key.documentation.is_empty() { head } else { format!("{head}\n    {}", key.documentation) }
}

/// The validation of a worker with nothing but defaults.
fn validation() -> Result<Validation, Failed> {
    let converter = "org.apache.kafka.connect.json.JsonConverter";
    let props: Props = [
        ("group.id", "offline"),
        ("config.storage.topic", "configs"),
        ("offset.storage.topic", "offsets"),
        ("status.storage.topic", "statuses"),
        ("key.converter", converter),
        ("value.converter", converter),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let worker = WorkerConfig::distributed(props).map_err(Failed::start)?;
    Ok(Validation::new(Arc::new(Plugins::builtin()), Arc::new(worker)))
}
