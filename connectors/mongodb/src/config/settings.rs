//! What the keys mean for the records of one topic.

use std::time::Duration;

use longshore_api::Part;
use longshore_api::config::{ParsedConfig, Props, invalid_value};
use longshore_formats::java_time::DateTimeFormatter;

use crate::cdc::{self, Handler};
use crate::id::{self, IdStrategy};
use crate::namespace::{FIELD_PATH_MAPPER, FieldPaths};
use crate::process::rename::Rename;
use crate::process::time::TimeField;
use crate::process::{self, Class, Processor};
use crate::projection::Projection;
use crate::time_series::TimeSeries;
use crate::write_model::{self, DeleteStrategy, WriteStrategy};

/// Prefix of the keys that hold for one topic alone.
const OVERRIDE: &str = "topic.override.";
/// Keys that hold for all topics: overrides of them have no effect.
pub(crate) const NOT_OVERRIDDEN: [&str; 2] = ["connection.uri", "topics"];

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
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The database.
    pub(crate) database: String,
    /// The collection; empty for one of the topic's name.
    pub(crate) collection: String,
    /// The fields that name database and collection, where they do.
    pub(crate) field_paths: Option<FieldPaths>,
    /// Whose change events the records are, and whether fields that are null are left out; `None` where records are
    /// documents.
    pub(crate) handler: Option<(Handler, bool)>,
    /// What is done to the documents; `None` where only the `_id` is added.
    pub(crate) chain: Option<Vec<Processor>>,
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
    /// The time series that the collections are.
    pub(crate) time_series: Option<TimeSeries>,
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

/// A key and what is wrong with its value.
pub(crate) type Wrong = (&'static str, String);

impl Settings {
    /// Reads them from a configuration whose keys are valid one by one.
    ///
    /// # Errors
    /// The keys whose values do not fit.
    pub(crate) fn new(parsed: &ParsedConfig, props: &Props) -> Result<Self, Vec<Wrong>> {
        let id_strategy = strategy(id::STRATEGIES, parsed.string("document.id.strategy"), IdStrategy::BsonOid);
        let delete =
            strategy(write_model::DELETES, parsed.string("delete.writemodel.strategy"), DeleteStrategy::Default);
        let pick = |own: &'static str, general: &'static str| if props.contains_key(own) { own } else { general };
        let tolerance = parsed.string(pick("mongo.errors.tolerance", "errors.tolerance")).to_ascii_lowercase();
        let (pause, every) = (parsed.integer("rate.limiting.timeout"), parsed.integer("rate.limiting.every.n"));
        let time_series = time_series(parsed);
        let mut wrong = Vec::new();
        let field_paths = field_paths(parsed).unwrap_or_else(|error| {
            wrong.push(error);
            None
        });
        let chain = chain(parsed, &mut wrong);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self {
            database: parsed.string("database").to_owned(),
            collection: parsed.string("collection").to_owned(),
            field_paths,
            handler: handler(parsed, props),
            chain: (!matches!(chain.as_slice(), [Processor::AddId])).then_some(chain),
            id_projection: id_projection(parsed, id_strategy),
            id_strategy,
            overwrite_id: parsed.boolean("document.id.strategy.overwrite.existing"),
            uuid_as_binary: parsed.string("document.id.strategy.uuid.format").eq_ignore_ascii_case("binary"),
            write: write_strategy(parsed.string("writemodel.strategy"), time_series.is_some()),
            delete: parsed.boolean("delete.on.null.values").then_some(delete),
            time_series,
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
        })
    }

    /// Whether the key document of a record is read that has a value, or has none.
    pub(crate) fn reads_key(&self, has_value: bool) -> bool {
        if self.field_paths.as_ref().is_some_and(|paths| paths.reads(Part::Key)) {
            return true;
        }
        if let Some((handler, _)) = self.handler {
            return handler.reads_key(has_value);
        }
        if self.chain.iter().flatten().any(Processor::reads_key) {
            return true;
        }
        if has_value { self.id_strategy.reads_key() || self.write.reads_key() } else { self.delete.is_some() }
    }
}

/// What stands in the list of a key, by its name.
fn strategy<T: Copy>(known: &[(&str, T)], class: &str, default: T) -> T {
    let name = class.rsplit('.').next().unwrap_or_default();
    known.iter().find(|(known, _)| *known == name).map_or(default, |(_, strategy)| *strategy)
}

fn write_strategy(class: &str, time_series: bool) -> WriteStrategy {
    if time_series && class.ends_with(".DefaultWriteModelStrategy") {
        return WriteStrategy::InsertOneDefault;
    }
    strategy(write_model::WRITES, class, WriteStrategy::ReplaceOneDefault)
}

fn handler(parsed: &ParsedConfig, props: &Props) -> Option<(Handler, bool)> {
    let class = parsed.string("change.data.capture.handler");
    let name = class.strip_prefix(cdc::PACKAGE)?.strip_prefix('.')?;
    let (_, handler) = cdc::HANDLERS.iter().find(|(known, _)| *known == name)?;
    let without_nulls = props.get("change.data.capture.handler.remove.null.values");
    Some((*handler, without_nulls.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))))
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

/// The fields of FieldPathNamespaceMapper, if that is the mapper.
fn field_paths(parsed: &ParsedConfig) -> Result<Option<FieldPaths>, Wrong> {
    const MAPPER: &str = "namespace.mapper";
    if parsed.string(MAPPER) != FIELD_PATH_MAPPER {
        return Ok(None);
    }
    let field = |key_name: &'static str, value_name: &'static str| {
        let (key, value) = (parsed.string(key_name), parsed.string(value_name));
        match (key.is_empty(), value.is_empty()) {
            (true, true) => Ok(None),
            (false, true) => Ok(Some((Part::Key, key.to_owned()))),
            (true, false) => Ok(Some((Part::Value, value.to_owned()))),
            (false, false) => {
                let why = format!("Cannot set both: '{key_name}' and '{value_name}'");
                Err((key_name, invalid_value(key_name, Some(key), &why)))
            }
        }
    };
    let database = field("namespace.mapper.key.database.field", "namespace.mapper.value.database.field")?;
    let collection = field("namespace.mapper.key.collection.field", "namespace.mapper.value.collection.field")?;
    if database.is_none() && collection.is_none() {
        let why = "Missing configuration for the FieldBasedNamespaceMapper. Please configure the database and / or \
                   collection field path.";
        return Err((MAPPER, invalid_value(MAPPER, Some(FIELD_PATH_MAPPER), why)));
    }
    Ok(Some(FieldPaths { database, collection, strict: parsed.boolean("namespace.mapper.error.if.invalid") }))
}

/// The post processors in their order; DocumentIdAdder comes first if it is not listed.
fn chain(parsed: &ParsedConfig, wrong: &mut Vec<Wrong>) -> Vec<Processor> {
    let classes = parsed.list("post.processor.chain").iter().filter_map(|class| {
        let name = class.strip_prefix(process::PACKAGE)?.strip_prefix('.')?;
        process::CLASSES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class)
    });
    let classes: Vec<Class> = classes.collect();
    let mut chain = Vec::with_capacity(classes.len() + 2);
    if !classes.contains(&Class::DocumentIdAdder) {
        chain.push(Processor::AddId);
    }
    let list = |part: &str| parsed.string(&format!("{part}.projection.list"));
    for class in classes {
        chain.extend(match class {
            Class::DocumentIdAdder => Some(Processor::AddId),
            Class::AllowListKey => Some(Processor::ProjectKey(Projection::allow(list("key")))),
            Class::AllowListValue => Some(Processor::ProjectValue(Projection::allow(list("value")))),
            Class::BlockListKey => Some(Processor::ProjectKey(Projection::block(list("key")))),
            Class::BlockListValue => Some(Processor::ProjectValue(Projection::block(list("value")))),
            Class::KafkaMetaAdder => Some(Processor::AddKafkaMeta),
            Class::NullFieldValueRemover => Some(Processor::RemoveNulls),
            Class::RenameByMapping => rename(parsed, "field.renamer.mapping", Rename::mapping, wrong),
            Class::RenameByRegExp => rename(parsed, "field.renamer.regexp", Rename::patterns, wrong),
        });
    }
    chain.extend(time_to_date(parsed, wrong));
    chain
}

/// The time field's conversion; its format is checked whether it is used or not.
fn time_to_date(parsed: &ParsedConfig, wrong: &mut Vec<Wrong>) -> Option<Processor> {
    const FORMAT: &str = "timeseries.timefield.auto.convert.date.format";
    let language = parsed.string("timeseries.timefield.auto.convert.locale.language.tag");
    let english = language.is_empty() || language.starts_with("en");
    let format = match DateTimeFormatter::new(parsed.string(FORMAT), language) {
        Ok(_) if !english && has_names(parsed.string(FORMAT)) => {
            let why = format!("names of months and days are read in English only, not in {language}");
            wrong.push((FORMAT, invalid_value(FORMAT, Some(parsed.string(FORMAT)), &why)));
            return None;
        }
        Ok(format) => format,
        Err(why) => {
            wrong.push((FORMAT, invalid_value(FORMAT, Some(parsed.string(FORMAT)), &why.to_string())));
            return None;
        }
    };
    let name = parsed.string("timeseries.timefield");
    let converts = !name.is_empty() && parsed.boolean("timeseries.timefield.auto.convert");
    converts.then(|| Processor::TimeToDate(TimeField { name: name.to_owned(), format }))
}

/// Whether a pattern of dates asks for names of months or days; what is quoted stands for itself.
fn has_names(pattern: &str) -> bool {
    pattern.split('\'').step_by(2).any(|part| part.contains("MMM") || part.contains("LLL") || part.contains('E'))
}

fn rename(
    parsed: &ParsedConfig,
    key: &'static str,
    read: fn(&str) -> Result<Option<Rename>, String>,
    wrong: &mut Vec<Wrong>,
) -> Option<Processor> {
    let text = parsed.string(key);
    match read(text) {
        Ok(rename) => rename.map(Processor::Rename),
        Err(why) => {
            wrong.push((key, invalid_value(key, Some(text), &why)));
            None
        }
    }
}

fn time_series(parsed: &ParsedConfig) -> Option<TimeSeries> {
    let time_field = parsed.string("timeseries.timefield");
    (!time_field.is_empty()).then(|| TimeSeries {
        time_field: time_field.to_owned(),
        meta_field: parsed.string("timeseries.metafield").to_owned(),
        granularity: parsed.string("timeseries.granularity").to_ascii_lowercase(),
        expire_after_seconds: parsed.integer("timeseries.expire.after.seconds"),
    })
}

/// The key under which a topic has its own setting.
pub(crate) fn override_key(topic: &str, key: &str) -> String {
    format!("{OVERRIDE}{topic}.{key}")
}

/// The configuration that holds for a topic: its overrides laid over the rest.
pub(crate) fn merged(props: &Props, topic: &str) -> Props {
    let mut merged: Props = props.clone();
    merged.retain(|key, _| !key.starts_with(OVERRIDE));
    let prefix = override_key(topic, "");
    for (key, value) in props {
        if let Some(plain) = key.strip_prefix(&prefix).filter(|plain| !NOT_OVERRIDDEN.contains(plain)) {
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
