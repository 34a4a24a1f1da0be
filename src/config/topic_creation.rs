//! How topics that a source writes to are created: `topic.creation.*` (KIP-158).

use longshore_api::Props;
use longshore_api::config::{ConfigDef, ConfigKey, ConfigType, Importance, ParsedConfig, Validator, invalid_value};
use regex::Regex;

use super::TopicSpec;
use super::connector::whole;
use super::keys::positive_or_default;
use super::worker::with_prefix;

const PREFIX: &str = "topic.creation.";
const DEFAULT: &str = "default";

/// The groups of topics, in the order in which they are asked; the default group takes what no other does.
#[derive(Debug, Clone)]
pub struct TopicCreation {
    groups: Vec<Group>,
    default: Sizes,
}

#[derive(Debug, Clone)]
struct Group {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
    sizes: Sizes,
}

#[derive(Debug, Clone, Default)]
struct Sizes {
    partitions: i32,
    replication_factor: i32,
    settings: Props,
}

impl TopicCreation {
    /// Parses the keys; `None` if there are none, or something is wrong with them.
    pub(super) fn parse(props: &Props, errors: &mut Vec<String>) -> Option<Self> {
        if !props.keys().any(|key| key.starts_with(PREFIX)) {
            return None;
        }
        let default = Sizes::parse(props, DEFAULT, None, errors)?;
        let names = props.get("topic.creation.groups").map(String::as_str).unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != DEFAULT);
        let groups = names.filter_map(|name| Group::parse(props, name, &default, errors)).collect();
        Some(Self { groups, default })
    }

    /// The topic as it is to be created.
    pub fn topic(&self, name: &str) -> TopicSpec {
        let matches = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(name));
        let group = self.groups.iter().find(|group| matches(&group.include) && !matches(&group.exclude));
        let sizes = group.map_or(&self.default, |group| &group.sizes);
        TopicSpec {
            name: name.to_owned(),
            partitions: sizes.partitions,
            replication_factor: sizes.replication_factor,
            settings: sizes.settings.clone(),
        }
    }
}

impl Group {
    fn parse(props: &Props, name: &str, default: &Sizes, errors: &mut Vec<String>) -> Option<Self> {
        let include = patterns(props, &format!("{PREFIX}{name}.include"), errors);
        let exclude = patterns(props, &format!("{PREFIX}{name}.exclude"), errors);
        let sizes = Sizes::parse(props, name, Some(default), errors);
        Some(Self { include: include?, exclude: exclude?, sizes: sizes? })
    }
}

fn patterns(props: &Props, key: &str, errors: &mut Vec<String>) -> Option<Vec<Regex>> {
    let items = props.get(key).map(String::as_str).unwrap_or_default();
    let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
    let compiled = items.map(|item| {
        whole(item).map_err(|error| {
            let why = format!("Syntax error in regular expression: {error}");
            errors.push(invalid_value(key, Some(item), &why));
        })
    });
    let compiled: Vec<_> = compiled.collect();
    compiled.into_iter().collect::<Result<_, ()>>().ok()
}

impl Sizes {
    fn parse(props: &Props, group: &str, default: Option<&Sizes>, errors: &mut Vec<String>) -> Option<Self> {
        let prefix = format!("{PREFIX}{group}.");
        let key = |name: &str, kind, default: Option<i32>| {
            let key = ConfigKey::new(format!("{prefix}{name}"), kind, Importance::Low);
            let key = key.validator(Validator::Check(positive_or_default));
            default.map_or(key.clone(), |default| key.default(default.to_string()))
        };
        let table = ConfigDef::new([
            key("replication.factor", ConfigType::Short, default.map(|default| default.replication_factor)),
            key("partitions", ConfigType::Int, default.map(|default| default.partitions)),
        ]);
        match table.parse(props) {
            Ok(parsed) => Some(Self::new(props, &prefix, &parsed)),
            Err(wrong) => {
                errors.extend(wrong.into_iter().flat_map(|value| value.errors));
                None
            }
        }
    }

    fn new(props: &Props, prefix: &str, parsed: &ParsedConfig) -> Self {
        let number = |name: &str| parsed.integer(&format!("{prefix}{name}")) as i32;
        let mut settings = with_prefix(props, prefix);
        settings
            .retain(|name, _| !matches!(name.as_str(), "include" | "exclude" | "replication.factor" | "partitions"));
        Self { partitions: number("partitions"), replication_factor: number("replication.factor"), settings }
    }
}
