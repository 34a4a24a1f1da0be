//! Transforms and predicates: each alias of `transforms` and `predicates` brings keys of its own.

use longshore_api::config::add_error;
use longshore_api::{ConfigDef, ConfigValue, Props, TransformPlugin};

use super::framework_keys::{Family, PREDICATES, TRANSFORMS, chain_link, embedded, nothing_to_negate};
use super::{change, class_not_found, no_such_version, offer_version, versions};
use crate::plugins::{LinkKind, Plugins};

const FAMILIES: [(&Family, LinkKind); 2] = [(&TRANSFORMS, LinkKind::Transform), (&PREDICATES, LinkKind::Predicate)];

/// Adds the keys of every alias that the configuration names.
pub(super) fn add_keys(keys: &mut ConfigDef, config: &Props, plugins: &Plugins) {
    for (family, kind) in FAMILIES {
        for alias in aliases(family, config) {
            let link = chain_link(family, alias, plugins.link_classes(kind));
            link.into_iter().for_each(|key| keys.add(key));
            let prefix = family.prefix(alias);
            let Some(class) = class_of(&prefix, config) else { continue };
            let Some(plugin) = plugins.link(class, kind) else { continue };
            let version = format!("{prefix}plugin.version");
            if config.get(&format!("{prefix}type")).is_some_and(|given| given != class) {
                // Connect too takes a class that blanks surround, and yet brings no keys for it.
                change(keys, &version, |row| row.recommended(vec![plugin.version.to_owned()]));
                continue;
            }
            offer_version(keys, &version, plugin.version);
            if wrong_version(&prefix, plugin, config).is_none() {
                embedded(family, alias, &plugin.config).into_iter().for_each(|key| keys.add(key));
            }
        }
    }
}

/// Checks that the classes are built in, and what they are.
pub(super) fn check_classes(config: &Props, plugins: &Plugins, values: &mut Vec<ConfigValue>) {
    for (family, kind) in FAMILIES {
        for alias in aliases(family, config) {
            let prefix = family.prefix(alias);
            if let Some(class) = class_of(&prefix, config) {
                check_class(Link { family, kind, prefix, class }, config, plugins, values);
            }
        }
    }
}

struct Link<'a> {
    family: &'static Family,
    kind: LinkKind,
    prefix: String,
    class: &'a str,
}

fn check_class(link: Link<'_>, config: &Props, plugins: &Plugins, values: &mut Vec<ConfigValue>) {
    let Link { family, kind, prefix, class } = link;
    let (key, version) = (format!("{prefix}type"), format!("{prefix}plugin.version"));
    let shown = |values: &mut Vec<ConfigValue>, class: Option<&str>| {
        if let Some(value) = values.iter_mut().find(|value| value.name == key) {
            value.value = class.map(str::to_owned);
        }
    };
    if config.contains_key(&format!("{prefix}negate")) && !config.contains_key(&format!("{prefix}predicate")) {
        add_error(values, &key, nothing_to_negate(&prefix));
    }
    if let Some(plugin) = plugins.link(class, kind) {
        shown(values, Some(plugin.class));
        if let Some(message) = wrong_version(&prefix, plugin, config) {
            add_error(values, &key, message.clone());
            add_error(values, &version, message);
        }
    } else if let Some(other) = plugins.any(class) {
        let other = other.class();
        shown(values, Some(other));
        add_error(values, &key, format!("Class class {other} does not implement the {} interface", family.java_type));
    } else if let Some(nested) = nested(class, kind, plugins) {
        add_error(
            values,
            &key,
            format!("This class is abstract and cannot be created. Did you mean {}?", nested.join(", ")),
        );
    } else {
        shown(values, None);
        add_error(values, &key, class_not_found(&key, class));
    }
}

/// The classes inside a class that is none itself: `Cast$Key` and `Cast$Value` of `Cast`.
fn nested(class: &str, kind: LinkKind, plugins: &Plugins) -> Option<Vec<String>> {
    let inside = |one: &String| one.strip_prefix(class).is_some_and(|rest| rest.starts_with('$'));
    let nested: Vec<String> = plugins.link_classes(kind).into_iter().filter(inside).collect();
    (!nested.is_empty()).then_some(nested)
}

fn class_of<'a>(prefix: &str, config: &'a Props) -> Option<&'a str> {
    config.get(&format!("{prefix}type")).map(|class| class.trim())
}

fn wrong_version(prefix: &str, plugin: &TransformPlugin, config: &Props) -> Option<String> {
    let range = versions::Range::parse(config.get(&format!("{prefix}plugin.version"))?)?;
    (!range.contains(plugin.version)).then(|| no_such_version(plugin.class, &range, plugin.version))
}

fn aliases<'a>(family: &Family, config: &'a Props) -> Vec<&'a str> {
    let list = config.get(family.key).map_or("", String::as_str);
    let mut aliases: Vec<&str> = Vec::new();
    for alias in list.split(',').map(str::trim).filter(|alias| !alias.is_empty()) {
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    aliases
}
