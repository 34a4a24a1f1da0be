//! From table rows and values to the answer of a validation.

use longshore_api::config::{ConfigKey, ConfigType};
use longshore_api::{ConfigDef, ConfigValue};

use crate::herder::{ConfigInfo, ConfigInfos, ConfigKeyInfo, ConfigValueInfo};

/// A part of the answer.
#[derive(Debug, Default)]
pub(super) struct Section {
    errors: usize,
    groups: Vec<String>,
    configs: Vec<ConfigInfo>,
}

/// The row of a key, as REST shows it.
pub(super) fn key_info(key: &ConfigKey) -> ConfigKeyInfo {
    ConfigKeyInfo {
        name: key.name.clone().into_owned(),
        kind: key.kind.name(),
        required: key.is_required(),
        default_value: key.shown_default(),
        importance: key.importance.name(),
        documentation: key.doc.clone().into_owned(),
        group: key.group.clone().map(std::borrow::Cow::into_owned),
        width: key.width.name(),
        display_name: key.display_name.clone().into_owned(),
        dependents: key.dependents.iter().map(|name| name.clone().into_owned()).collect(),
        order_in_group: key.order,
    }
}

fn value_info(value: ConfigValue, kind: Option<ConfigType>) -> ConfigValueInfo {
    let hidden = kind == Some(ConfigType::Password) && value.value.is_some();
    ConfigValueInfo {
        name: value.name,
        value: if hidden { Some(longshore_api::config::HIDDEN.to_owned()) } else { value.value },
        recommended_values: value.recommended,
        errors: value.errors,
        visible: value.visible,
    }
}

impl Section {
    /// The keys of the framework and of the connector: first the values that nobody declares, then the table in
    /// order. Of two values of one name the later counts. Every message counts as an error.
    pub(super) fn of_connector(tables: [&ConfigDef; 2], values: Vec<ConfigValue>) -> Self {
        let keys = ConfigDef::new(tables.into_iter().flat_map(ConfigDef::keys).cloned());
        let mut groups = tables[0].groups();
        merge_groups(&mut groups, tables[1].groups());

        let mut by_name: indexmap::IndexMap<String, ConfigValue> = indexmap::IndexMap::new();
        for value in values {
            by_name.insert(value.name.clone(), value);
        }
        let mut section = Section { groups, ..Section::default() };
        let (declared, undeclared): (Vec<_>, Vec<_>) =
            by_name.into_values().partition(|value| keys.get(&value.name).is_some());
        for value in undeclared {
            section.errors += value.errors.len();
            section.configs.push(ConfigInfo { definition: None, value: value_info(value, None) });
        }
        let mut declared: std::collections::HashMap<String, ConfigValue> =
            declared.into_iter().map(|value| (value.name.clone(), value)).collect();
        for key in keys.keys() {
            let Some(value) = declared.remove(&*key.name) else { continue };
            section.errors += value.errors.len();
            section
                .configs
                .push(ConfigInfo { definition: Some(key_info(key)), value: value_info(value, Some(key.kind)) });
        }
        section
    }

    /// The keys of a client or a converter, which stand under a prefix. A value with errors counts once.
    pub(super) fn prefixed(prefix: &str, keys: &ConfigDef, values: Vec<ConfigValue>) -> Self {
        let mut section = Section::default();
        for mut value in values {
            let key = keys.get(&value.name);
            if let Some(group) = key.and_then(|key| key.group.as_deref()) {
                merge_groups(&mut section.groups, vec![group.to_owned()]);
            }
            let definition = key.map(key_info).map(|mut info| {
                info.name = format!("{prefix}{}", info.name);
                info
            });
            value.name = format!("{prefix}{}", value.name);
            section.errors += usize::from(!value.errors.is_empty());
            section.configs.push(ConfigInfo { definition, value: value_info(value, key.map(|key| key.kind)) });
        }
        section
    }
}

/// The answer, made of its sections.
pub(super) fn merge(name: &str, sections: impl IntoIterator<Item = Section>) -> ConfigInfos {
    let mut infos = ConfigInfos { name: name.to_owned(), error_count: 0, groups: Vec::new(), configs: Vec::new() };
    for section in sections {
        infos.error_count += section.errors;
        merge_groups(&mut infos.groups, section.groups);
        infos.configs.extend(section.configs);
    }
    infos
}

fn merge_groups(groups: &mut Vec<String>, more: Vec<String>) {
    for group in more {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
}
