//! What the keys mean for the records of one topic.

use std::time::Duration;

use longshore_api::config::{ParsedConfig, Props};

use crate::id::{self, IdStrategy};
use crate::projection::Projection;
use crate::write_model::{self, DeleteStrategy, WriteStrategy};

/// Prefix of the keys that hold for one topic alone.
const OVERRIDE: &str = "topic.override.";

/// What to do about a record that cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tolerance {
    /// The task fails.
    None,
    /// Go on without it if the record is at fault.
    Data,
    /// Go on without it.
    All,
}

/// How records of one topic are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// The database.
    pub(crate) database: String,
    /// The collection; empty for one of the topic's name.
    pub(crate) collection: String,
    /// Where `_id` comes from.
    pub(crate) id_strategy: IdStrategy,
    /// The projection of the Partial strategies.
    pub(crate) id_projection: Option<Projection>,
    /// Whether the strategy's `_id` replaces an existing one.
    pub(crate) overwrite_id: bool,
    /// Whether fresh UUIDs are binary.
    pub(crate) uuid_as_binary: bool,
    /// How records with a value are written.
    pub(crate) write: WriteStrategy,
    /// How records without a value delete; `None` where they are errors.
    pub(crate) delete: Option<DeleteStrategy>,
    /// The most records of a bulk write.
    pub(crate) max_batch_size: usize,
    /// Whether a bulk write ends at its first error.
    pub(crate) ordered: bool,
    /// After every so many bulk writes, so long a pause.
    pub(crate) rate_limit: Option<(u64, Duration)>,
    /// What to do about bad records.
    pub(crate) tolerance: Tolerance,
    /// Whether tolerated errors are logged.
    pub(crate) log_errors: bool,
}

impl Settings {
    /// Reads a configuration that is valid; `props` is the one that it was parsed from.
    pub(crate) fn new(parsed: &ParsedConfig, props: &Props) -> Self {
        let id_strategy = strategy(id::STRATEGIES, parsed.string("document.id.strategy"), IdStrategy::BsonOid);
        let write =
            strategy(write_model::WRITES, parsed.string("writemodel.strategy"), WriteStrategy::ReplaceOneDefault);
        let delete =
            strategy(write_model::DELETES, parsed.string("delete.writemodel.strategy"), DeleteStrategy::Default);
        let pick = |own: &'static str, general: &'static str| if props.contains_key(own) { own } else { general };
        let tolerance = parsed.string(pick("mongo.errors.tolerance", "errors.tolerance")).to_ascii_lowercase();
        let (pause, every) = (parsed.integer("rate.limiting.timeout"), parsed.integer("rate.limiting.every.n"));
        Self {
            database: parsed.string("database").to_owned(),
            collection: parsed.string("collection").to_owned(),
            id_projection: id_projection(parsed, id_strategy),
            id_strategy,
            overwrite_id: parsed.boolean("document.id.strategy.overwrite.existing"),
            uuid_as_binary: parsed.string("document.id.strategy.uuid.format").eq_ignore_ascii_case("binary"),
            write,
            delete: parsed.boolean("delete.on.null.values").then_some(delete),
            max_batch_size: match parsed.integer("max.batch.size") {
                0 => usize::MAX,
                size => usize::try_from(size).unwrap_or(usize::MAX),
            },
            ordered: parsed.boolean("bulk.write.ordered"),
            rate_limit: (pause > 0 && every > 0)
                .then(|| (every.unsigned_abs(), Duration::from_millis(pause.unsigned_abs()))),
            tolerance: match tolerance.as_str() {
                "all" => Tolerance::All,
                "data" => Tolerance::Data,
                _ => Tolerance::None,
            },
            log_errors: parsed.boolean(pick("mongo.errors.log.enable", "errors.log.enable")),
        }
    }
}

/// The projection of a Partial strategy: its own keys, else those of the key's or the value's projection.
pub(crate) fn id_projection(parsed: &ParsedConfig, strategy: IdStrategy) -> Option<Projection> {
    let part = match strategy {
        IdStrategy::PartialKey => "key",
        IdStrategy::PartialValue => "value",
        _ => return None,
    };
    let own = |what: &str| parsed.string(&format!("document.id.strategy.partial.{part}.projection.{what}")).to_owned();
    let general = |what: &str| parsed.string(&format!("{part}.projection.{what}")).to_owned();
    let or = |own: String, general: String| if own.is_empty() { general } else { own };
    Projection::parse(&or(own("type"), general("type")), &or(own("list"), general("list")))
}

fn strategy<T: Copy>(known: &[(&str, T)], class: &str, default: T) -> T {
    let name = class.rsplit('.').next().unwrap_or_default();
    known.iter().find(|(known, _)| *known == name).map_or(default, |(_, strategy)| *strategy)
}

/// The configuration that holds for a topic: its overrides laid over the rest.
pub(crate) fn merged(props: &Props, topic: &str) -> Props {
    let mut merged: Props = props.clone();
    merged.retain(|key, _| !key.starts_with(OVERRIDE));
    let prefix = format!("{OVERRIDE}{topic}.");
    for (key, value) in props {
        if let Some(plain) = key.strip_prefix(&prefix).filter(|plain| !matches!(*plain, "connection.uri" | "topics")) {
            merged.insert(plain.to_owned(), value.clone());
        }
    }
    merged
}

/// The topics that a configuration names: those of `topics`, else those that have overrides.
pub(crate) fn topics(props: &Props) -> Vec<String> {
    let listed: Vec<String> = props
        .get("topics")
        .map(|topics| {
            topics.split(',').map(|topic| topic.trim().to_owned()).filter(|topic| !topic.is_empty()).collect()
        })
        .unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    let mut overridden: Vec<String> = props
        .keys()
        .filter_map(|key| key.strip_prefix(OVERRIDE)?.split_once('.').map(|(topic, _)| topic.to_owned()))
        .collect();
    overridden.sort_unstable();
    overridden.dedup();
    overridden
}
