//! Whether a connector's configuration can work: everything that is wrong with it at once, as Connect tells it.
//!
//! Order: the keys of the framework (with those of transforms, predicates and plugin versions), the connector's own,
//! the client settings that it overrides, its own converters. Only when nothing of that is wrong is the connector
//! asked to look at its target.

mod chain;
mod client_keys;
mod infos;
mod overrides;
mod rules;
#[cfg(test)]
mod tests;
mod trial;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use longshore_api::config::{ConfigKey, invalid_value};
use longshore_api::{ConfigDef, ConfigValue, Plugin, Props};

use super::api::Reply;
use super::types::{ConfigInfos, ConfigKeyInfo, HerderError, HerderErrorKind, RequestConfig};
use crate::config::{WorkerConfig, connector_keys as framework_keys, memory, restart, versions};
use crate::plugins::{ConverterKind, Found, Plugins};
use infos::Section;

const NULL_VALUE: &str = "Null value can not be supplied as the configuration value.";

/// Validates configurations for one worker.
#[derive(Clone)]
pub struct Validation {
    plugins: Arc<Plugins>,
    worker: Arc<WorkerConfig>,
}

/// A configuration that was checked as far as that can be done without its target.
struct Offline {
    plugin: Plugin,
    /// Variables resolved.
    config: Props,
    framework: ConfigDef,
    /// The framework's, and the connector's own.
    values: [Vec<ConfigValue>; 2],
    infos: ConfigInfos,
}

/// A converter that a connector may set: its key, where it serves, the value of `converter.type`.
const CONVERTERS: [(&str, ConverterKind, &str); 3] = [
    ("header.converter", ConverterKind::Header, "header"),
    ("key.converter", ConverterKind::Record, "key"),
    ("value.converter", ConverterKind::Record, "value"),
];

impl Validation {
    /// A validation against these plugins, with this worker's defaults and policies.
    pub fn new(plugins: Arc<Plugins>, worker: Arc<WorkerConfig>) -> Self {
        Self { plugins, worker }
    }

    /// The plugins to choose from.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Validates a configuration.
    ///
    /// # Errors
    /// BadRequest if the configuration names no connector that is built in; Internal if the connector's own code
    /// fails. Whatever else is wrong stands in the answer.
    pub async fn run(&self, request: &RequestConfig) -> Reply<ConfigInfos> {
        let Offline { plugin, config, framework, values: [values, own], infos } = self.offline(request)?;
        if infos.error_count > 0 {
            return Ok(infos);
        }
        let own = target_values(&plugin, &config, own).await?;
        Ok(self.answer(&plugin, &config, &framework, [values, own]))
    }

    /// The same without asking the target: nothing is reached out to.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_offline(&self, request: &RequestConfig) -> Reply<ConfigInfos> {
        self.offline(request).map(|offline| offline.infos)
    }

    /// Everything that can be checked without the target.
    fn offline(&self, request: &RequestConfig) -> Reply<Offline> {
        let config = self.resolved(request)?;
        let Some(class) = config.get("connector.class") else {
            let message = format!("Connector config {} contains no connector type", java_map(request));
            return Err(bad_request(message));
        };
        let plugin = self.plugins.connector(class).cloned();
        let plugin =
            plugin.map_err(|text| bad_request(format!("org.apache.kafka.connect.errors.ConnectException: {text}")))?;
        if let Some(section) = self.wrong_version(&plugin, &config) {
            let infos = infos::merge(class, [section]);
            return Ok(Offline { plugin, config, framework: ConfigDef::default(), values: Default::default(), infos });
        }

        let framework = self.framework(&plugin, &config);
        let mut values = self.framework_values(&plugin, &framework, &config);
        for (key, _) in request.iter().filter(|(_, value)| value.is_none()) {
            longshore_api::config::add_error(&mut values, key, NULL_VALUE);
        }
        let values = [values, own_values(&plugin, &config)?];
        let infos = self.answer(&plugin, &config, &framework, values.clone());
        Ok(Offline { plugin, config, framework, values, infos })
    }

    fn resolved(&self, request: &RequestConfig) -> Reply<Props> {
        let given: Props = request.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        self.worker.providers.resolve(&given).map_err(|error| internal(error.to_string()))
    }

    fn wrong_version(&self, plugin: &Plugin, config: &Props) -> Option<Section> {
        let range = versions::Range::parse(config.get("connector.plugin.version")?)?;
        let connector = plugin.connector();
        if range.contains(connector.version()) {
            return None;
        }
        let mut keys = framework_keys::common();
        offer_version(&mut keys, "connector.plugin.version", connector.version());
        let mut values = keys.validate(config);
        for (key, _, _) in CONVERTERS {
            let version = format!("{key}.plugin.version");
            if let Some(value) = values.iter_mut().find(|value| value.name == version) {
                value.visible = config.contains_key(key);
            }
        }
        for key in ["connector.class", "connector.plugin.version"] {
            longshore_api::config::add_error(
                &mut values,
                key,
                no_such_version(connector.class(), &range, connector.version()),
            );
        }
        Some(Section::of_connector([&keys, &ConfigDef::default()], values))
    }

    /// The framework's table for a connector, with what this worker offers.
    fn framework(&self, plugin: &Plugin, config: &Props) -> ConfigDef {
        let mut keys = framework_table(plugin);
        let defaults = [&self.worker.header_converter, &self.worker.key_converter, &self.worker.value_converter];
        for ((key, kind, _), default) in CONVERTERS.into_iter().zip(defaults) {
            let default = self.plugins.converter(&default.class, kind).map(|converter| converter.class);
            let chosen = match config.get(key) {
                Some(name) => self.plugins.converter(name, kind),
                None => default.and_then(|class| self.plugins.converter(class, kind)),
            };
            change(&mut keys, key, |row| {
                let row = row.recommended(self.plugins.converter_classes(kind));
                match default {
                    Some(class) => row.default(class),
                    None => row,
                }
            });
            if let Some(converter) = chosen {
                offer_version(&mut keys, &format!("{key}.plugin.version"), converter.version);
            }
        }
        chain::add_keys(&mut keys, config, &self.plugins);
        let own = restart::keys(config).into_iter().chain(memory::keys(config));
        own.for_each(|key| keys.add(key));
        keys
    }

    fn framework_values(&self, plugin: &Plugin, keys: &ConfigDef, config: &Props) -> Vec<ConfigValue> {
        let mut values = keys.validate(config);
        for (key, kind, _) in CONVERTERS {
            self.check_converter(key, kind, config, &mut values);
        }
        chain::check_classes(config, &self.plugins, &mut values);
        match plugin {
            Plugin::Sink(_) => rules::check_sink(config, &self.worker, &mut values),
            Plugin::Source(source) => rules::check_source(source.as_ref(), config, self.worker.mode, &mut values),
        }
        values
    }

    fn check_converter(&self, key: &str, kind: ConverterKind, config: &Props, values: &mut Vec<ConfigValue>) {
        let Some(name) = config.get(key).map(|name| name.trim()) else { return };
        let Some(value) = values.iter_mut().find(|value| value.name == key) else { return };
        let Some(converter) = self.plugins.converter(name, kind) else {
            value.value = None;
            value.errors.push(class_not_found(key, name));
            return;
        };
        value.value = Some(converter.class.to_owned());
        let version = format!("{key}.plugin.version");
        let range = config.get(&version).and_then(|text| versions::Range::parse(text));
        if let Some(range) = range.filter(|range| !range.contains(converter.version)) {
            for name in [key, version.as_str()] {
                let message = no_such_version(converter.class, &range, converter.version);
                longshore_api::config::add_error(values, name, message);
            }
        }
    }

    fn answer(
        &self,
        plugin: &Plugin,
        config: &Props,
        framework: &ConfigDef,
        [values, own]: [Vec<ConfigValue>; 2],
    ) -> ConfigInfos {
        let valid = |key: &str| values.iter().any(|value| value.name == key && value.errors.is_empty());
        let converters: Vec<Section> = CONVERTERS
            .into_iter()
            .filter(|(key, _, _)| valid(key))
            .filter_map(|one| self.converter(one, config))
            .collect();
        let clients = match plugin {
            Plugin::Sink(_) => overrides::sink_clients(config),
            Plugin::Source(_) => overrides::source_clients(config, self.worker.mode),
        };
        let clients =
            clients.into_iter().map(|client| overrides::validate(client, config, self.worker.override_policy));
        let both: Vec<ConfigValue> = values.into_iter().chain(own).collect();
        let connector = Section::of_connector([framework, plugin.connector().config_def()], both);
        let name = config.get("connector.class").map_or("", String::as_str);
        infos::merge(name, std::iter::once(connector).chain(clients).chain(converters))
    }

    /// The keys of a converter that the connector itself sets.
    fn converter(&self, (key, kind, role): (&str, ConverterKind, &str), config: &Props) -> Option<Section> {
        let converter = self.plugins.converter(config.get(key)?.trim(), kind)?;
        let prefix = format!("{key}.");
        let mut props: Props = config
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value.clone())))
            .collect();
        props.entry("converter.type".to_owned()).or_insert_with(|| role.to_owned());
        Some(Section::prefixed(&prefix, &converter.config, converter.config.validate(&props)))
    }

    /// The table of a plugin, as `GET /connector-plugins/{plugin}/config` shows it: a connector's own keys first, then
    /// those of the framework.
    ///
    /// # Errors
    /// NotFound if there is no such plugin.
    pub fn table(&self, plugin: &str) -> Reply<Vec<ConfigKeyInfo>> {
        let rows = |table: &ConfigDef| table.keys().map(infos::key_info).collect::<Vec<_>>();
        match self.plugins.any(plugin) {
            Some(Found::Converter(converter)) => Ok(rows(&converter.config)),
            Some(Found::Link(link)) => Ok(rows(&link.config)),
            Some(Found::Connector(plugin)) => {
                let own = plugin.connector().config_def();
                let mut infos = rows(own);
                let framework = framework_table(plugin);
                infos.extend(framework.keys().filter(|key| own.get(&key.name).is_none()).map(infos::key_info));
                Ok(infos)
            }
            None => Err(HerderError::new(HerderErrorKind::NotFound, format!("Unknown plugin {plugin}."))),
        }
    }
}

/// The refusal of a configuration that has errors; `None` if it has none.
pub fn refusal(infos: &ConfigInfos) -> Option<HerderError> {
    if infos.error_count == 0 {
        return None;
    }
    let mut message =
        format!("Connector configuration is invalid and contains the following {} error(s):", infos.error_count);
    for error in infos.configs.iter().flat_map(|config| &config.value.errors) {
        message.push('\n');
        message.push_str(error);
    }
    message.push_str(
        "\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
    );
    Some(bad_request(message))
}

fn framework_table(plugin: &Plugin) -> ConfigDef {
    let mut keys = framework_keys::common();
    let more = match plugin {
        Plugin::Sink(_) => framework_keys::sink(),
        Plugin::Source(_) => framework_keys::source(),
    };
    more.into_iter().for_each(|key| keys.add(key));
    offer_version(&mut keys, "connector.plugin.version", plugin.connector().version());
    keys
}

fn own_values(plugin: &Plugin, config: &Props) -> Reply<Vec<ConfigValue>> {
    let connector = plugin.connector();
    let check = || {
        let mut values = connector.config_def().validate(config);
        connector.validate(config, &mut values);
        values
    };
    std::panic::catch_unwind(AssertUnwindSafe(check)).map_err(|_| panicked(connector.class()))
}

async fn target_values(plugin: &Plugin, config: &Props, mut values: Vec<ConfigValue>) -> Reply<Vec<ConfigValue>> {
    let connector = plugin.connector();
    let check = AssertUnwindSafe(connector.validate_target(config, &mut values)).catch_unwind().await;
    check.map_err(|_| panicked(connector.class()))?;
    Ok(values)
}

fn change(keys: &mut ConfigDef, name: &str, with: impl FnOnce(ConfigKey) -> ConfigKey) {
    if let Some(row) = keys.get(name).cloned() {
        keys.add(with(row));
    }
}

fn offer_version(keys: &mut ConfigDef, name: &str, version: &'static str) {
    change(keys, name, |row| row.default(version).recommended(vec![version.to_owned()]));
}

fn no_such_version(class: &str, range: &versions::Range, available: &str) -> String {
    format!("Plugin {class} not found that matches the version range {range}, available versions: [{available}]")
}

fn class_not_found(key: &str, class: &str) -> String {
    invalid_value(key, Some(class), &format!("Class {class} could not be found."))
}

fn panicked(class: &str) -> HerderError {
    internal(format!("{class} failed unexpectedly while it validated the configuration"))
}

fn bad_request(message: String) -> HerderError {
    HerderError::new(HerderErrorKind::BadRequest, message)
}

fn internal(message: String) -> HerderError {
    HerderError::new(HerderErrorKind::Internal, message)
}

/// A map as Java prints it.
fn java_map(config: &RequestConfig) -> String {
    let entries: Vec<String> =
        config.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("null"))).collect();
    format!("{{{}}}", entries.join(", "))
}
