//! Transforms and predicates: each alias of `transforms` and `predicates` brings keys of its own.

use longshore_api::{ConfigDef, ConfigValue, Props};

use super::framework_keys::{Family, PREDICATES, TRANSFORMS, chain_link};

const FAMILIES: [&Family; 2] = [&TRANSFORMS, &PREDICATES];

/// Adds the keys of every alias that the configuration names.
pub(super) fn add_keys(keys: &mut ConfigDef, config: &Props) {
    for family in FAMILIES {
        for alias in aliases(family, config) {
            chain_link(family, alias, Vec::new()).into_iter().for_each(|key| keys.add(key));
        }
    }
}

/// Checks that the classes are built in.
pub(super) fn check_classes(config: &Props, values: &mut [ConfigValue]) {
    for family in FAMILIES {
        for alias in aliases(family, config) {
            let key = format!("{}.{alias}.type", family.key);
            let Some(class) = config.get(&key).map(|class| class.trim()) else { continue };
            if let Some(value) = values.iter_mut().find(|value| value.name == key) {
                value.value = None;
                value.errors.push(super::class_not_found(&key, class));
            }
        }
    }
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
