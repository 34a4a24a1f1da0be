//! What the keys mean.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_api::config::{ParsedConfig, Props, invalid_value};
use longshore_formats::java_time::DateTimeFormatter;

use super::{additions, def};
use crate::client::server_settings_of;
use crate::create::Creation;
use crate::evolve::Evolution;

/// A key and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

/// The format of values that are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertFormat {
    /// `insertFormat=none`: strings are errors.
    None,
    Csv,
    Tsv,
    Json,
}

/// How records are put together and what is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An insert a partition; what is written again after a crash is there twice, unless the table deduplicates.
    AtLeastOnce,
    /// The same with the partitions of a topic in one insert.
    AcrossPartitions,
    /// An insert a partition, of which Keeper knows the range.
    ExactlyOnce,
}

/// Where exactly once keeps its state.
#[derive(Debug, Clone)]
pub(crate) struct StateTable {
    pub(crate) table: String,
    pub(crate) path: String,
    pub(crate) cluster: String,
}

/// When collected records are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffering {
    /// At so many records; 0 for no such limit.
    pub(crate) count: usize,
    /// At so many bytes; 0 for no such limit.
    pub(crate) bytes: usize,
    /// So long after the first of them came; zero for never.
    pub(crate) age: Duration,
}

impl Buffering {
    /// Whether records are collected at all.
    pub(crate) fn is_on(self) -> bool {
        self.count > 0 || self.bytes > 0
    }
}

/// What the keys mean for a task.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) database: String,
    pub(crate) mode: Mode,
    pub(crate) state: StateTable,
    pub(crate) buffering: Buffering,
    pub(crate) in_flight: usize,
    /// After how long a table is described anew; `None` for never.
    pub(crate) table_refresh: Option<Duration>,
    /// Settings of the server for each insert.
    pub(crate) server_settings: BTreeMap<String, String>,
    tables: BTreeMap<String, String>,
    split: Option<String>,
    pub(crate) insert_format: InsertFormat,
    pub(crate) tolerates: bool,
    pub(crate) drops_for_missing_tables: bool,
    pub(crate) binary_bypassed: bool,
    pub(crate) field_cleanup: bool,
    pub(crate) tolerates_mismatch: bool,
    /// `None` where columns are not added.
    pub(crate) evolution: Option<Evolution>,
    /// `None` where tables are not made.
    pub(crate) creation: Option<Creation>,
    /// Whether change events become rows.
    pub(crate) takes_envelopes: bool,
    pub(crate) bisects: bool,
    pub(crate) shows_values: bool,
    pub(crate) formats: BTreeMap<String, DateTimeFormatter>,
}

/// What every insert is sent with unless `clickhouseSettings` says otherwise.
const DEFAULT_SETTINGS: [(&str, &str); 3] =
    [("async_insert", "0"), ("input_format_skip_unknown_fields", "1"), ("wait_end_of_query", "1")];

/// Settings that this sink reads or sets, wherever they are said: that an insert is durable before it is done does not
/// depend on where a user asks for the contrary.
const DECIDED_SETTINGS: [&str; 5] = [
    "async_insert",
    "wait_for_async_insert",
    "wait_end_of_query",
    "input_format_skip_unknown_fields",
    "input_format_binary_read_json_as_string",
];

/// `Boolean.parseBoolean`.
pub(super) fn is_true(props: &Props, key: &str) -> bool {
    props.get(key).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

impl Settings {
    /// Reads the keys; each by itself has been checked.
    pub(super) fn new(props: &Props) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let (Ok(parsed), Ok(added)) = (def().parse(props), additions().parse(props)) else {
            return Err(vec![("hostname", "the configuration has errors".to_owned())]);
        };
        let text = |key: &str| props.get(key).map_or("", |value| value.trim());
        let exactly_once = is_true(props, "exactlyOnce");
        let takes_envelopes = is_true(props, "debeziumCDCEnabled");
        let settings = Self {
            database: Some(parsed.string("database")).filter(|name| !name.is_empty()).unwrap_or("default").to_owned(),
            mode: match (exactly_once, is_true(props, "ignorePartitionsWhenBatching")) {
                (true, _) => Mode::ExactlyOnce,
                (false, true) => Mode::AcrossPartitions,
                (false, false) => Mode::AtLeastOnce,
            },
            state: StateTable {
                table: parsed.string("zkDatabase").to_owned(),
                path: parsed.string("zkPath").to_owned(),
                cluster: parsed.string("keeperOnCluster").to_owned(),
            },
            buffering: buffering(&parsed, &added, props, &mut wrong),
            in_flight: usize::try_from(added.integer("insertsInFlight")).unwrap_or(1).max(1),
            table_refresh: u64::try_from(parsed.integer("tableRefreshInterval"))
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            server_settings: server_settings(text("clickhouseSettings"), text("jdbcConnectionProperties")),
            tables: pairs(text("topic2TableMap"), ",").collect(),
            split: split(props, &mut wrong),
            insert_format: match props.get("insertFormat").map(|format| format.trim().to_lowercase()).as_deref() {
                Some("none") => InsertFormat::None,
                Some("csv") => InsertFormat::Csv,
                Some("tsv") => InsertFormat::Tsv,
                _ => InsertFormat::Json,
            },
            tolerates: text("errors.tolerance").eq_ignore_ascii_case("all"),
            drops_for_missing_tables: is_true(props, "suppressTableExistenceException"),
            binary_bypassed: is_true(props, "bypassRowBinary"),
            field_cleanup: !is_true(props, "bypassFieldCleanup"),
            tolerates_mismatch: is_true(props, "tolerateStateMismatch"),
            evolution: is_true(props, "auto.evolve").then(|| Evolution {
                retries: u32::try_from(parsed.integer("auto.evolve.ddl.refresh.retries")).unwrap_or(0),
                struct_to_json: is_true(props, "auto.evolve.struct.to.json"),
                cluster: parsed.string("clusterName").to_owned(),
                takes_envelopes,
                samples_json: added.boolean("longshore.table.create"),
            }),
            creation: added.boolean("longshore.table.create").then(|| Creation {
                engine: added.string("longshore.table.engine").to_owned(),
                order_by: added.list("longshore.table.order.by").to_vec(),
                options: table_options(&added, exactly_once),
                struct_to_json: is_true(props, "auto.evolve.struct.to.json"),
                cluster: parsed.string("clusterName").to_owned(),
                takes_envelopes,
            }),
            takes_envelopes,
            bisects: added.boolean("bisectFailedBatches"),
            shows_values: added.boolean("showOffendingValues"),
            formats: formats(text("dateTimeFormats"), &mut wrong),
        };
        if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
    }

    /// The database and the table of a topic's records.
    pub(crate) fn place_of<'a>(&'a self, topic: &'a str) -> (&'a str, &'a str) {
        let (database, topic) = match self.split.as_deref().map(|split| topic.split(split).collect::<Vec<_>>()) {
            Some(parts) if parts.len() == 2 => (parts[0], parts[1]),
            _ => (self.database.as_str(), topic),
        };
        (database, self.tables.get(topic).map_or(topic, String::as_str).trim().trim_matches('`'))
    }

    /// Whether the server itself passes over members of JSON rows that have no column.
    pub(crate) fn server_skips_unknown(&self) -> bool {
        self.server_settings.get("input_format_skip_unknown_fields").is_some_and(|value| is_on(value))
    }

    /// Whether columns of type JSON take their text as a string.
    pub(crate) fn json_as_string(&self) -> bool {
        self.server_settings.get("input_format_binary_read_json_as_string").is_some_and(|value| is_on(value))
    }
}

fn is_on(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("true")
}

/// `name=value` items; what has another number of `=` is ignored, as in the Java connector.
fn pairs<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    text.split(separator).filter_map(|item| {
        let mut parts = item.split('=');
        let pair = (parts.next()?.trim(), parts.next()?.trim());
        (parts.next().is_none() && !pair.0.is_empty()).then(|| (pair.0.to_owned(), pair.1.to_owned()))
    })
}

fn server_settings(text: &str, properties: &str) -> BTreeMap<String, String> {
    let defaults = DEFAULT_SETTINGS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let of_properties = server_settings_of(properties).into_iter();
    let decided = of_properties.filter(|(name, _)| DECIDED_SETTINGS.contains(&name.as_str()));
    let mut settings: BTreeMap<_, _> = defaults.chain(decided).chain(pairs(text, ",")).collect();
    // An insert that is answered before it is durable would let offsets move too early.
    if settings.get("async_insert").is_some_and(|value| is_on(value)) {
        settings.insert("wait_for_async_insert".to_owned(), "1".to_owned());
    }
    settings.insert("wait_end_of_query".to_owned(), "1".to_owned());
    // The Java connector asks for them to keep its connection alive. Of a long insert they are more than an HTTP client
    // takes, so that it would be given up and sent again for ever. A user's profile may ask for them, too.
    settings.insert("send_progress_in_http_headers".to_owned(), "0".to_owned());
    settings
}

/// What follows the order of a table that is made. With exactly once it has to know the names of its inserts.
fn table_options(added: &ParsedConfig, exactly_once: bool) -> String {
    match (added.string("longshore.table.engine"), added.string("longshore.table.options")) {
        ("MergeTree", "") if exactly_once => "SETTINGS non_replicated_deduplication_window = 1000".to_owned(),
        (_, options) => options.to_owned(),
    }
}

fn buffering(parsed: &ParsedConfig, added: &ParsedConfig, props: &Props, wrong: &mut Vec<Wrong>) -> Buffering {
    let size = |number: i64| usize::try_from(number).unwrap_or(0);
    let buffering = Buffering {
        count: size(parsed.integer("bufferCount")),
        bytes: size(added.integer("bufferBytes")),
        age: Duration::from_millis(u64::try_from(parsed.integer("bufferFlushTime")).unwrap_or(0)),
    };
    if is_true(props, "exactlyOnce") && buffering.is_on() {
        let rule = "Buffering with exactlyOnce=true requires ";
        if !buffering.age.is_zero() {
            wrong.push(("bufferFlushTime", format!("{rule}bufferFlushTime=0")));
        }
        if buffering.bytes > 0 {
            wrong.push(("bufferBytes", format!("{rule}bufferBytes=0")));
        }
        if is_true(props, "ignorePartitionsWhenBatching") {
            wrong.push(("ignorePartitionsWhenBatching", format!("{rule}ignorePartitionsWhenBatching=false")));
        }
    }
    buffering
}

fn split(props: &Props, wrong: &mut Vec<Wrong>) -> Option<String> {
    if !is_true(props, "enableDbTopicSplit") {
        return None;
    }
    let split = props.get("dbTopicSplitChar").map_or("", |split| split.trim());
    if split.is_empty() {
        let why = "must be set with enableDbTopicSplit=true";
        wrong.push(("dbTopicSplitChar", invalid_value("dbTopicSplitChar", Some(""), why)));
    }
    Some(split.to_owned())
}

fn formats(text: &str, wrong: &mut Vec<Wrong>) -> BTreeMap<String, DateTimeFormatter> {
    let mut formats = BTreeMap::new();
    for (column, pattern) in pairs(text, ";") {
        match DateTimeFormatter::new(&pattern, "en-US") {
            Ok(format) => {
                formats.insert(column, format);
            }
            Err(error) => {
                wrong.push(("dateTimeFormats", invalid_value("dateTimeFormats", Some(text), &error.to_string())));
            }
        }
    }
    formats
}
