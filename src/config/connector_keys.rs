//! The keys that every connector has, as `ConnectorConfig`, `SinkConnectorConfig` and `SourceConnectorConfig` of
//! Kafka 4.3 declare them.

use longshore_api::config::ConfigType::{Boolean, Class, Int, List, Long, Short, String as Text};
use longshore_api::config::Importance::{High, Low, Medium};
use longshore_api::config::{ConfigDef, ConfigKey, ParsedValue, Validator, Width, invalid_value};

const COMMON: &str = "Common";
const ERRORS: &str = "Error Handling";
const EXACTLY_ONCE: &str = "Exactly Once Support";

/// Keys of sinks and sources.
pub fn common() -> ConfigDef {
    ConfigDef::new([
        ConfigKey::new("name", Text, High)
            .validator(Validator::Check(name))
            .doc("Name of the connector, unique in the group of workers.")
            .shown(COMMON, 1, Width::Medium, "Connector name"),
        ConfigKey::new("connector.class", Text, High)
            .doc("Class of the connector: its full name, its simple name, or that without `Connector`.")
            .shown(COMMON, 2, Width::Long, "Connector class"),
        ConfigKey::new("connector.plugin.version", Text, Medium)
            .default_null()
            .validator(Validator::Check(version_range))
            .doc("Version of the connector, or a range of versions.")
            .shown(COMMON, 3, Width::Medium, "Connector version"),
        ConfigKey::new("tasks.max", Int, High)
            .default("1")
            .validator(Validator::AtLeast(1))
            .doc("The most tasks that the connector may have.")
            .shown(COMMON, 4, Width::Short, "Tasks max"),
        ConfigKey::new("tasks.max.enforce", Boolean, Low)
            .default("true")
            .doc("Whether a connector that makes more tasks than tasks.max fails.")
            .shown(COMMON, 5, Width::Short, "Enforce tasks max"),
        converter("key.converter", 6, "Key converter class", "Converts keys. The worker's where it is not set."),
        converter_version("key.converter.plugin.version", 7, "Key converter version"),
        converter("value.converter", 8, "Value converter class", "Converts values. The worker's where it is not set."),
        converter_version("value.converter.plugin.version", 9, "Value converter version"),
        converter(
            "header.converter",
            10,
            "Header converter class",
            "Converts headers. The worker's where it is not set.",
        ),
        converter_version("header.converter.plugin.version", 11, "Header converter version"),
        aliases("transforms", "Transforms", 12, "Aliases of the transforms, in the order in which they are applied."),
        aliases("predicates", "Predicates", 13, "Aliases of the predicates that transforms may use."),
        ConfigKey::new("config.action.reload", Text, Low)
            .default("restart")
            .validator(Validator::OneOf(&["none", "restart"]))
            .doc("What happens when a variable's value has changed in its provider.")
            .shown(COMMON, 14, Width::Medium, "Reload Action"),
        ConfigKey::new("errors.retry.timeout", Long, Medium)
            .default("0")
            .doc("Milliseconds for which a failed conversion or transform is tried again; -1 for ever.")
            .shown(ERRORS, 1, Width::Medium, "Retry Timeout for Errors"),
        ConfigKey::new("errors.retry.delay.max.ms", Long, Medium)
            .default("60000")
            .doc("The longest pause between two tries, in milliseconds.")
            .shown(ERRORS, 2, Width::Medium, "Maximum Delay Between Retries for Errors"),
        ConfigKey::new("errors.tolerance", Text, Medium)
            .default("none")
            .validator(Validator::OneOf(&["none", "all"]))
            .doc("`none`: a bad record fails its task. `all`: it is skipped.")
            .shown(ERRORS, 3, Width::Short, "Error Tolerance"),
        ConfigKey::new("errors.log.enable", Boolean, Medium)
            .default("false")
            .doc("Whether each bad record is logged.")
            .shown(ERRORS, 4, Width::Short, "Log Errors"),
        ConfigKey::new("errors.log.include.messages", Boolean, Medium)
            .default("false")
            .doc("Whether that log says where the record came from.")
            .shown(ERRORS, 5, Width::Short, "Log Error Details"),
    ])
}

/// Keys of sinks beyond the [`common`] ones.
pub fn sink() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("topics", List, High)
            .default("")
            .validator(Validator::Check(distinct_items))
            .doc("The topics to read.")
            .shown(COMMON, 4, Width::Long, "Topics"),
        ConfigKey::new("topics.regex", Text, High)
            .default("")
            .validator(Validator::Check(regex))
            .doc("A regular expression; topics whose whole name matches are read.")
            .shown(COMMON, 4, Width::Long, "Topics regex"),
        ConfigKey::new("errors.deadletterqueue.topic.name", Text, Medium)
            .default("")
            .doc("The topic that takes records which could not be handled; none if empty.")
            .shown(ERRORS, 6, Width::Medium, "Dead Letter Queue Topic Name"),
        ConfigKey::new("errors.deadletterqueue.topic.replication.factor", Short, Medium)
            .default("3")
            .doc("Replication factor with which that topic is created if it is missing.")
            .shown(ERRORS, 7, Width::Medium, "Dead Letter Queue Topic Replication Factor"),
        ConfigKey::new("errors.deadletterqueue.context.headers.enable", Boolean, Medium)
            .default("false")
            .doc("Whether headers say where a dead letter came from and what was wrong with it.")
            .shown(ERRORS, 8, Width::Medium, "Enable Error Context Headers"),
    ]
}

/// Keys of sources beyond the [`common`] ones.
pub fn source() -> Vec<ConfigKey> {
    vec![
        ConfigKey::new("topic.creation.groups", List, Low)
            .default("")
            .validator(Validator::Check(distinct_items))
            .doc("Groups of settings for topics that are created; `default` is always one.")
            .shown("Topic Creation", 1, Width::Long, "Topic Creation Groups"),
        ConfigKey::new("exactly.once.support", Text, Medium)
            .default("requested")
            .validator(Validator::OneOfIgnoreCase(&["REQUIRED", "REQUESTED"]))
            .doc("Whether the connector is refused if it cannot deliver exactly once.")
            .shown(EXACTLY_ONCE, 2, Width::Short, "Exactly once support"),
        ConfigKey::new("transaction.boundary", Text, Medium)
            .default("poll")
            .validator(Validator::OneOfIgnoreCase(&["INTERVAL", "POLL", "CONNECTOR"]))
            .doc("Where transactions end, with exactly-once delivery.")
            .shown(EXACTLY_ONCE, 3, Width::Short, "Transaction Boundary"),
        ConfigKey::new("transaction.boundary.interval.ms", Long, Low)
            .default_null()
            .doc("The time between two ends, with `transaction.boundary=interval`.")
            .shown(EXACTLY_ONCE, 4, Width::Short, "Transaction boundary interval"),
        ConfigKey::new("offsets.storage.topic", Text, Low)
            .default_null()
            .validator(Validator::NonEmptyString)
            .doc("An own topic for the connector's offsets.")
            .shown("offsets.topic", 1, Width::Long, "Offsets topic"),
    ]
}

/// Keys of one transform or predicate whatever its class.
pub fn chain_link(family: &Family, alias: &str, classes: Vec<String>) -> [ConfigKey; 2] {
    let group = format!("{}: {alias}", family.group);
    let prefix = family.prefix(alias);
    [
        ConfigKey::new(format!("{prefix}type"), Class, High)
            .doc(format!("Class for the '{alias}' {}.", family.singular))
            .recommended(classes)
            .shown(group.clone(), 0, Width::Long, format!("{} type for {alias}", family.java_type)),
        ConfigKey::new(format!("{prefix}plugin.version"), Text, High)
            .default_null()
            .validator(Validator::Check(version_range))
            .doc(format!("Version of the '{alias}' {}.", family.singular))
            .shown(group, 1, Width::Long, format!("{} version for {alias}", family.java_type)),
    ]
}

/// A transform's or predicate's own keys as the connector has them: under their prefix, in Connect's order.
pub fn embedded(family: &Family, alias: &str, own: &ConfigDef) -> Vec<ConfigKey> {
    let mut keys: Vec<ConfigKey> = own.keys().cloned().collect();
    for key in family.implicit() {
        // They mask keys of the plugin's own that are called alike.
        keys.retain(|known| known.name != key.name);
        keys.push(key);
    }
    let groups = own.groups();
    let group_of =
        |key: &ConfigKey| key.group.as_ref().and_then(|group| groups.iter().position(|one| **one == **group));
    let rank = |importance| match importance {
        High => 0,
        Medium => 1,
        Low => 2,
    };
    keys.sort_by(|one, other| {
        let place = |key: &ConfigKey| (group_of(key), key.order, !key.is_required(), rank(key.importance));
        place(one).cmp(&place(other)).then_with(|| one.name.cmp(&other.name))
    });
    let group = format!("{}: {alias}", family.group);
    let embed = |(key, order): (ConfigKey, i32)| {
        let group = key.group.as_ref().map_or(group.clone(), |own| format!("{group}: {own}"));
        let mut key = key.under(&family.prefix(alias));
        key.group = Some(group.into());
        key.order = order;
        key
    };
    keys.into_iter().zip(2..).map(embed).collect()
}

/// What is wrong with a transform that has `negate` without `predicate`.
pub fn nothing_to_negate(prefix: &str) -> String {
    format!(
        "Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a predicate to be \
         negated."
    )
}

/// Transforms or predicates.
pub struct Family {
    /// The key that lists the aliases.
    pub key: &'static str,
    group: &'static str,
    singular: &'static str,
    /// The Java interface that its plugins implement.
    pub java_type: &'static str,
}

impl Family {
    /// What the keys of an alias begin with.
    pub fn prefix(&self, alias: &str) -> String {
        format!("{}.{alias}.", self.key)
    }

    /// The keys that every transform has.
    fn implicit(&self) -> Vec<ConfigKey> {
        if self.key != TRANSFORMS.key {
            return Vec::new();
        }
        vec![
            ConfigKey::new("predicate", Text, Medium)
                .default_null()
                .doc("The alias of a predicate used to determine whether to apply this transformation."),
            ConfigKey::new("negate", Boolean, Medium)
                .default("false")
                .doc("Whether the configured predicate should be negated."),
        ]
    }
}

/// Transforms.
pub const TRANSFORMS: Family =
    Family { key: "transforms", group: "Transforms", singular: "transformation", java_type: "Transformation" };

/// Predicates.
pub const PREDICATES: Family =
    Family { key: "predicates", group: "Predicates", singular: "predicate", java_type: "Predicate" };

fn converter(name: &'static str, order: i32, title: &'static str, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, Class, Low).default_null().doc(doc).shown(COMMON, order, Width::Short, title)
}

fn converter_version(name: &'static str, order: i32, title: &'static str) -> ConfigKey {
    ConfigKey::new(name, Text, Low)
        .default_null()
        .validator(Validator::Check(version_range))
        .doc("Version of that converter, or a range of versions.")
        .shown(COMMON, order, Width::Short, title)
}

fn aliases(name: &'static str, group: &'static str, order: i32, doc: &'static str) -> ConfigKey {
    ConfigKey::new(name, List, Low).default("").validator(Validator::Check(distinct_aliases)).doc(doc).shown(
        group,
        order,
        Width::Long,
        group,
    )
}

fn name(key: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(text) = value else { return Ok(()) };
    let control: Vec<String> =
        text.chars().filter(|sign| sign.is_control()).map(|sign| u32::from(sign).to_string()).collect();
    if text.is_empty() {
        return Err(invalid_value(key, Some(text), "String may not be empty"));
    }
    if control.is_empty() {
        return Ok(());
    }
    let why =
        format!("String may not contain control sequences but had the following ASCII chars: {}", control.join(", "));
    Err(invalid_value(key, Some(text), &why))
}

fn distinct_items(key: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::List(items) = value else { return Ok(()) };
    if items.iter().any(String::is_empty) {
        return Err(format!("Configuration '{key}' values must not be empty."));
    }
    if has_twins(items) {
        return Err(format!("Configuration '{key}' values must not be duplicated."));
    }
    Ok(())
}

fn distinct_aliases(key: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::List(items) = value else { return Ok(()) };
    if has_twins(items) {
        return Err(invalid_value(key, Some(&list_text(items)), "Duplicate alias provided."));
    }
    Ok(())
}

fn has_twins(items: &[String]) -> bool {
    let mut sorted: Vec<&String> = items.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// A list as Java prints it.
pub fn list_text(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

fn regex(key: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(text) = value else { return Ok(()) };
    match regex::Regex::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid_value(key, Some(text), &format!("Invalid regex: {}", regex_fault(text, &error)))),
    }
}

/// What is wrong with an expression, and where, in the form of `java.util.regex.PatternSyntaxException`.
fn regex_fault(text: &str, error: &regex::Error) -> String {
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    let what = lines.last().and_then(|line| line.strip_prefix("error: ")).unwrap_or("Illegal expression").to_owned();
    let at = lines.iter().find(|line| line.trim_start().starts_with('^')).and_then(|line| line.find('^'));
    // The parser indents the expression by four signs.
    let at = at.map_or(0, |column| column.saturating_sub(4));
    let what = match what.as_str() {
        "unclosed character class" => "Unclosed character class",
        "unclosed group" => "Unclosed group",
        "unopened group" => "Unmatched closing ')'",
        "repetition operator missing expression" => "Dangling meta character",
        other => other,
    };
    format!("{what} near index {at}\n{text}\n{:>width$}", '^', width = at + 1)
}

fn version_range(key: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(text) = value else { return Ok(()) };
    match super::versions::Range::parse(text) {
        Some(_) => Ok(()),
        None => Err(invalid_value(key, Some(text), "Not a version or a range of versions")),
    }
}
