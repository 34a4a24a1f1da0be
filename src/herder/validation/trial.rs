//! The part of a configuration that a record can be tried with: converters, transforms and predicates.

use longshore_api::Props;

use super::{RequestConfig, Validation, bad_request, internal};
use crate::config::{ConnectorConfig, ConnectorKind};
use crate::herder::Reply;

/// What the keys of converters begin with; that of transforms and predicates are their lists' names.
const CONVERTERS: [&str; 3] = ["header.converter", "key.converter", "value.converter"];
const CHAIN: [&str; 2] = ["predicates", "transforms"];

impl Validation {
    /// Reads the converters and the chain of a configuration; what else is wrong with it, or missing, does not matter.
    /// Variables are resolved for converters only: nothing of these gets into a record.
    ///
    /// # Errors
    /// BadRequest with everything that is wrong.
    pub fn chain_config(
        &self,
        request: &RequestConfig,
        topic: Option<&str>,
    ) -> Reply<(ConnectorKind, ConnectorConfig)> {
        let infos = self.run_offline(request)?;
        let concerned = |name: &str| CONVERTERS.iter().chain(&CHAIN).any(|key| is_of(name, key));
        let values = infos.configs.iter().map(|info| &info.value).filter(|value| concerned(&value.name));
        let errors: Vec<String> =
            values.flat_map(|value| value.errors.iter().map(|error| format!("{}: {error}", value.name))).collect();
        if !errors.is_empty() {
            return Err(bad_request(errors.join("\n")));
        }
        let plugin = self.plugins.connector(&infos.name).map_err(bad_request)?;
        let kind = ConnectorKind::from(plugin);
        let config = ConnectorConfig::parse(&self.worker, kind, &self.chain_props(request, kind, topic)?);
        Ok((kind, config.map_err(|error| bad_request(error.to_string()))?))
    }

    fn chain_props(&self, request: &RequestConfig, kind: ConnectorKind, topic: Option<&str>) -> Reply<Props> {
        let (mut of_converters, mut props) = (Props::new(), Props::new());
        for (key, value) in request.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            if CONVERTERS.iter().any(|converter| is_of(key, converter)) {
                of_converters.insert(key.clone(), value.clone());
            } else if ["name", "connector.class", "topics", "topics.regex"].contains(&key.as_str())
                || CHAIN.iter().any(|list| is_of(key, list))
            {
                props.insert(key.clone(), value.clone());
            }
        }
        props.extend(self.worker.providers.resolve(&of_converters).map_err(|error| internal(error.to_string()))?);
        props.entry("name".to_owned()).or_insert_with(|| "trial".to_owned());
        if kind == ConnectorKind::Sink && !props.contains_key("topics") && !props.contains_key("topics.regex") {
            props.insert("topics".to_owned(), topic.unwrap_or("topic").to_owned());
        }
        Ok(props)
    }
}

fn is_of(name: &str, key: &str) -> bool {
    name.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
