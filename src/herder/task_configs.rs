//! The configurations of a connector's tasks: asked of the connector, completed by the worker.

use std::sync::Arc;

use longshore_api::{ConnectError, ErrorKind, Plugin, Props, error};

use crate::config::Resolver;
use crate::config::providers::restore_variables;

/// Why there are no task configurations.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connector breaks its own limit; it is FAILED.
    TooMany(ConnectError),
    /// Anything else; it is tried again.
    Other(ConnectError),
}

/// Asks the connector for its tasks' configurations.
///
/// Variables that the connector's configuration holds stand in the tasks' ones again, so that no secret is stored.
pub(super) fn generate(
    connector: &str,
    plugin: &Plugin,
    raw: &Props,
    resolver: &Arc<Resolver>,
) -> Result<Vec<Props>, Failure> {
    let config = resolver.resolve(raw).map_err(Failure::Other)?;
    let max = max_tasks(&config).map_err(Failure::Other)?;
    let mut tasks = plugin.connector().task_configs(&config, max).map_err(Failure::Other)?;
    check_count(connector, tasks.len(), &config).map_err(Failure::TooMany)?;
    for task in &mut tasks {
        task.insert("task.class".to_owned(), plugin.connector().task_class().to_owned());
        if let Plugin::Sink(_) = plugin {
            for key in ["topics", "topics.regex"] {
                if let Some(topics) = config.get(key) {
                    task.insert(key.to_owned(), topics.clone());
                }
            }
        }
        restore_variables(raw, task);
    }
    Ok(tasks)
}

/// Refuses more tasks than the connector may have. Those that are stored may be from before its limit was lowered.
pub(super) fn check_count(connector: &str, count: usize, config: &Props) -> Result<(), ConnectError> {
    let max = max_tasks(config)?;
    if count > max && enforces_max(config) {
        return Err(too_many(connector, count, max));
    }
    Ok(())
}

/// Whether new task configurations have to be stored, and the tasks with them restarted.
pub(super) fn have_changed<'a>(
    stored: impl ExactSizeIterator<Item = &'a Props>,
    fresh: &[Props],
    applied: Option<&Props>,
    config: &Props,
) -> bool {
    applied != Some(config) || stored.len() != fresh.len() || stored.zip(fresh).any(|(old, new)| old != new)
}

fn max_tasks(config: &Props) -> Result<usize, ConnectError> {
    let Some(text) = config.get("tasks.max") else { return Ok(1) };
    match text.trim().parse() {
        Ok(max) if max > 0 => Ok(max),
        _ => Err(ConnectError::config(format!("Invalid value {text} for configuration tasks.max"))),
    }
}

fn enforces_max(config: &Props) -> bool {
    !config.get("tasks.max.enforce").is_some_and(|text| text.trim().eq_ignore_ascii_case("false"))
}

fn too_many(connector: &str, made: usize, max: usize) -> ConnectError {
    let message = format!(
        "The connector {connector} has generated {made} tasks, which is greater than {max}, the maximum number of \
         tasks it is configured to create. This behavior should be considered a bug and is disallowed. If necessary, \
         it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this \
         option will be removed in a future release of Kafka Connect."
    );
    ConnectError::new(ErrorKind::Config, "org.apache.kafka.connect.runtime.TooManyTasksException", message)
}

/// The error of a call into a plugin that panicked or whose thread was lost.
pub(super) fn call_failed(plugin: &Plugin, failure: tokio::task::JoinError) -> ConnectError {
    let class = plugin.connector().class();
    let why = match failure.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()),
        Err(_) => "the call was cancelled".to_owned(),
    };
    ConnectError::new(ErrorKind::Fatal, error::class::CONNECT, format!("{class} failed unexpectedly: {why}"))
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
