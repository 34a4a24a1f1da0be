//! Which path a record goes to: the encoded partition, as Confluent calls it.

mod timestamp;

use std::sync::Arc;

use longshore_api::config::{ParsedConfig, ParsedValue, invalid_value};
use longshore_api::{ConnectError, Data, Payload, Record, Result, Type, Value};
use longshore_formats::java_time::{JodaFormat, Zone, parse_zone};
use longshore_formats::json::{Kind as JsonKind, Node, Reader};

use crate::config::Layout;
use crate::format::place;
use timestamp::Extractor;

const PACKAGE: &str = "io.confluent.connect.storage.partitioner.";
const HOUR: i64 = 3_600_000;

/// The partitioners by the last part of their class names.
const PARTITIONERS: [&str; 5] =
    ["DefaultPartitioner", "FieldPartitioner", "TimeBasedPartitioner", "DailyPartitioner", "HourlyPartitioner"];

/// Checks the class of a partitioner.
pub(crate) fn check_class(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(class) = value else { return Ok(()) };
    let known = class.strip_prefix(PACKAGE).is_some_and(|name| PARTITIONERS.contains(&name));
    if known { Ok(()) } else { Err(invalid_value(name, Some(class), &format!("Class {class} could not be found."))) }
}

/// Checks the name of an extractor of timestamps.
pub(crate) fn check_extractor(name: &str, value: &ParsedValue) -> Result<(), String> {
    let ParsedValue::Text(class) = value else { return Ok(()) };
    match Extractor::new(class, "") {
        Some(_) => Ok(()),
        None => Err(invalid_value(name, Some(class), &format!("Class {class} could not be found."))),
    }
}

/// Where a record goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The path, a part of the object's key.
    pub(crate) path: Arc<str>,
    /// The time by which `rotate.interval.ms` counts, of partitioners that have one.
    pub(crate) time: Option<i64>,
}

/// Whether the name of a record's schema stands in its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Affix {
    None,
    Prefix,
    Suffix,
}

impl Affix {
    /// The affix of a name, in any case.
    pub(crate) fn new(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "PREFIX" => Self::Prefix,
            "SUFFIX" => Self::Suffix,
            _ => Self::None,
        }
    }

    /// A place with the name in its path.
    pub(crate) fn add(self, layout: &Layout, record: Record<'_>, place: Place) -> Place {
        if self == Self::None {
            return place;
        }
        let name = match record.value() {
            Payload::Data(Data { schema: Some(schema), .. }) => schema.name.as_deref(),
            _ => None,
        };
        let (name, delimiter, path) = (name.unwrap_or("null"), &layout.directory_delimiter, &place.path);
        let path = match self {
            Self::Prefix => format!("schema_name={name}{delimiter}{path}"),
            _ => format!("{path}{delimiter}schema_name={name}"),
        };
        Place { path: path.into(), ..place }
    }
}

/// Gives each record its path.
#[derive(Debug)]
pub(crate) enum Partitioner {
    /// `partition=N`; the last one, which neighbours share.
    Default(Option<(i32, Arc<str>)>),
    /// `field=value`, for each field.
    Field { fields: Vec<FieldPath>, delimiter: String },
    /// The time of the record, floored and formatted.
    Time(TimePartitioner),
}

/// A field, by its name and by the names on the way to it.
#[derive(Debug, Clone)]
pub(crate) struct FieldPath {
    name: String,
    steps: Vec<String>,
}

impl FieldPath {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), steps: name.split('.').map(str::to_owned).collect() }
    }
}

/// Paths by time.
#[derive(Debug)]
pub(crate) struct TimePartitioner {
    extractor: Extractor,
    duration: i64,
    format: JodaFormat,
    zone: Zone,
    /// The last path and the moment that it stands for: neighbours mostly share it.
    last: Option<(i64, Arc<str>)>,
}

impl Partitioner {
    /// Reads a partitioner's keys.
    ///
    /// # Errors
    /// The key, its value as the user gave it, and what is wrong with it.
    pub(crate) fn new(config: &ParsedConfig) -> Result<Self, (&'static str, String, String)> {
        let delimiter = config.string("directory.delim");
        let daily = format!("'year'=YYYY{delimiter}'month'=MM{delimiter}'day'=dd");
        match config.string("partitioner.class").strip_prefix(PACKAGE) {
            Some("FieldPartitioner") => {
                let fields: Vec<FieldPath> = config
                    .list("partition.field.name")
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| FieldPath::new(name))
                    .collect();
                if fields.is_empty() {
                    let why = "Partition field name cannot be null or empty when using FieldPartitioner.";
                    return Err(("partition.field.name", String::new(), why.to_owned()));
                }
                Ok(Self::Field { fields, delimiter: delimiter.to_owned() })
            }
            Some("DailyPartitioner") => TimePartitioner::new(config, 24 * HOUR, &daily).map(Self::Time),
            Some("HourlyPartitioner") => {
                TimePartitioner::new(config, HOUR, &format!("{daily}{delimiter}'hour'=HH")).map(Self::Time)
            }
            Some("TimeBasedPartitioner") => {
                let duration = config.integer("partition.duration.ms");
                if duration <= 0 {
                    let why = "Partition duration needs to be a positive.";
                    return Err(("partition.duration.ms", duration.to_string(), why.to_owned()));
                }
                TimePartitioner::new(config, duration, config.string("path.format")).map(Self::Time)
            }
            _ => Ok(Self::Default(None)),
        }
    }

    /// Whether paths are made of time.
    pub(crate) fn is_time_based(&self) -> bool {
        matches!(self, Partitioner::Time(_))
    }

    /// The path of a record. `now` is the wall clock in milliseconds since the epoch.
    ///
    /// # Errors
    /// Kind BadRecord: the record lacks what its path is made of; the message names the record, and its cause the field.
    pub(crate) fn place(&mut self, record: Record<'_>, now: i64) -> Result<Place> {
        self.place_of(record, now).map_err(|error| {
            let (message, class) = (format!("the path of {} cannot be made", place(record)), error.class);
            ConnectError::data(message).with_class(class).caused_by(error)
        })
    }

    fn place_of(&mut self, record: Record<'_>, now: i64) -> Result<Place> {
        match self {
            Partitioner::Default(last) => {
                let partition = record.partition();
                let path = match last {
                    Some((known, path)) if *known == partition => Arc::clone(path),
                    _ => {
                        let path: Arc<str> = format!("partition={partition}").into();
                        *last = Some((partition, Arc::clone(&path)));
                        path
                    }
                };
                Ok(Place { path, time: None })
            }
            Partitioner::Field { fields, delimiter } => {
                let mut path = String::new();
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        path.push_str(delimiter);
                    }
                    path.push_str(&field.name);
                    path.push('=');
                    path.push_str(&field_text(record.value(), field)?);
                }
                Ok(Place { path: path.into(), time: None })
            }
            Partitioner::Time(partitioner) => partitioner.place(record, now),
        }
    }
}

impl TimePartitioner {
    fn new(config: &ParsedConfig, duration: i64, path_format: &str) -> Result<Self, (&'static str, String, String)> {
        let refuse = |key, value: &str, why: &str| Err((key, value.to_owned(), why.to_owned()));
        let path_format = path_format.strip_suffix(config.string("directory.delim")).unwrap_or(path_format);
        if path_format.is_empty() {
            return refuse("path.format", "", "Path format cannot be empty.");
        }
        if config.string("locale").is_empty() {
            return refuse("locale", "", "Locale cannot be empty.");
        }
        let zone = config.string("timezone");
        if zone.is_empty() {
            return refuse("timezone", "", "Timezone cannot be empty.");
        }
        let zone = parse_zone(zone)
            .map_err(|_| ("timezone", zone.to_owned(), format!("The datetime zone id '{zone}' is not recognised")))?;
        let format =
            JodaFormat::new(path_format).map_err(|error| ("path.format", path_format.to_owned(), error.to_string()))?;
        let extractor = config.string("timestamp.extractor");
        let Some(extractor) = Extractor::new(extractor, config.string("timestamp.field")) else {
            return refuse("timestamp.extractor", extractor, "no such extractor");
        };
        Ok(Self { extractor, duration, format, zone, last: None })
    }

    fn place(&mut self, record: Record<'_>, now: i64) -> Result<Place> {
        let time = self.extractor.extract(record, now)?;
        let local = time.saturating_add(self.zone.offset(time));
        // Java's division: towards zero.
        let moment = self.zone.to_earlier_moment(local / self.duration * self.duration);
        let path = match &self.last {
            Some((known, path)) if *known == moment => Arc::clone(path),
            _ => {
                let path: Arc<str> = self.format.format(moment, &self.zone).into();
                self.last = Some((moment, Arc::clone(&path)));
                path
            }
        };
        Ok(Place { path, time: Some(time) })
    }
}

/// The text of a field that makes a path.
///
/// Differs from Confluent's connector: the fields of records without a schema are read too.
fn field_text(payload: Payload<'_>, field: &FieldPath) -> Result<String> {
    let encoding = |why: String| ConnectError::data("Error encoding partition.").caused_by(ConnectError::data(why));
    match payload {
        Payload::Data(Data { schema: Some(_), value }) => match walk(value, &field.steps, &field.name)? {
            Value::Null => Ok("null".to_owned()),
            Value::String(text) => Ok(text.to_string()),
            Value::Boolean(value) => Ok(value.to_string()),
            Value::Int8(value) => Ok(value.to_string()),
            Value::Int16(value) => Ok(value.to_string()),
            Value::Int32(value) => Ok(value.to_string()),
            Value::Int64(value) => Ok(value.to_string()),
            other => {
                let kind = other.kind().map_or("null", Type::name);
                Err(encoding(format!("Type {kind} of field {} is not supported as a partition field.", field.name)))
            }
        },
        Payload::Data(Data { schema: None, value }) => match find(value, &field.steps) {
            Some(Value::Null) => Ok("null".to_owned()),
            Some(Value::String(text)) => Ok(text.to_string()),
            Some(Value::Boolean(value)) => Ok(value.to_string()),
            Some(Value::Int64(value)) => Ok(value.to_string()),
            Some(_) => Err(encoding(format!("field {} is neither text, integer nor boolean", field.name))),
            None => Err(absent(&field.name)),
        },
        Payload::Json(text) => match json_node(text, &field.steps).ok_or_else(|| absent(&field.name))? {
            Node::Null => Ok("null".to_owned()),
            Node::String(text) => Ok(text.into_owned()),
            Node::Boolean(value) => Ok(value.to_string()),
            Node::Number(number) if number.is_integral() => Ok(number.text().to_owned()),
            _ => Err(encoding(format!("field {} is neither text, integer nor boolean", field.name))),
        },
        Payload::Text(_) | Payload::Bytes(_) | Payload::Null => {
            Err(encoding(format!("the value has no field {}: it is no Struct and no object", field.name)))
        }
    }
}

fn absent(field: &str) -> ConnectError {
    ConnectError::data(format!("Field '{field}' is not present in the schema."))
}

/// The field of a struct, or of structs within it; null where a struct on the way is.
fn walk<'a>(value: &'a Value, steps: &[String], name: &str) -> Result<&'a Value> {
    let Some((first, rest)) = steps.split_first() else { return Ok(value) };
    match value {
        Value::Null => Ok(value),
        Value::Struct(one) => walk(one.get(first).ok_or_else(|| absent(name))?, rest, name),
        Value::Map(map) => walk(map.get(first).ok_or_else(|| absent(name))?, rest, name),
        _ => Err(absent(name)),
    }
}

/// A member of a map, or of maps within it.
fn find<'a>(value: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Map(map) => map.get(step),
        Value::Struct(one) => one.get(step),
        _ => None,
    })
}

/// A member of an object in well formed JSON text; of members of one name the last counts.
fn json_node<'a>(text: &'a [u8], steps: &[String]) -> Option<Node<'a>> {
    let mut text = std::str::from_utf8(text).ok()?;
    for step in steps {
        let mut reader = Reader::new(text);
        if reader.peek().ok()? != JsonKind::Object {
            return None;
        }
        reader.enter(JsonKind::Object).ok()?;
        let (mut found, mut first) = (None, true);
        while let Some(name) = reader.next_name(first).ok()? {
            first = false;
            reader.peek().ok()?;
            let start = reader.position();
            reader.skip().ok()?;
            if name == step.as_str() {
                found = Some(reader.since(start));
            }
        }
        text = found?;
    }
    Node::read(&mut Reader::new(text)).ok()
}
