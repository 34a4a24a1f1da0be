//! HeaderToValue: headers moved or copied into fields of the value.

use std::sync::Arc;

use longshore_api::config::{
    ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, Width, invalid_value,
};
use longshore_api::error::class;
use longshore_api::{
    ConnectError, ConnectRecord, ErrorKind, Header, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use super::key;
use crate::part::{Side, not_a_struct, structure, take};
use crate::plugin::{Configure, list_text};
use crate::schemas::{SchemaCache, add_field, basics, same};

const PURPOSE: &str = "Header field insertion";

/// Puts headers into the value.
#[derive(Debug)]
pub(super) struct HeaderToValue {
    /// Each header, and the way to the field that it becomes.
    pairs: Vec<(String, Vec<String>)>,
    moves: bool,
    plans: SchemaCache<Plan>,
}

/// What becomes of values of one schema.
#[derive(Debug)]
struct Plan {
    /// The schemas of the headers that are there, in the order of the pairs; the plan holds for these.
    headers: Vec<Option<Arc<Schema>>>,
    level: Level,
}

/// A struct that gets fields, or holds one that does.
#[derive(Debug)]
struct Level {
    schema: Arc<Schema>,
    /// Fields that are such structs.
    inner: Vec<(usize, Level)>,
    /// Fields that are no structs, though a way leads into them.
    closed: Vec<usize>,
    /// Of which pairs the fields at the end come.
    added: Vec<usize>,
}

const NAMES: Validator = Validator::Check(|name, value| match value {
    ParsedValue::Null => Err(invalid_value(name, None, "A value is required")),
    ParsedValue::List(items) if items.is_empty() => Err(invalid_value(name, Some(""), "A value is required")),
    ParsedValue::List(items) if items.iter().any(|item| item.is_empty() || item.contains(' ')) => {
        Err(invalid_value(name, Some(&list_text(items)), "Elements must not be empty or contain spaces"))
    }
    _ => Ok(()),
});

impl Configure for HeaderToValue {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{List, String};
        use Importance::High;
        vec![
            key("headers", List, High, Width::None, "Header names list")
                .default_null()
                .validator(NAMES)
                .doc("The headers whose values become fields of the record's value."),
            key("fields", List, High, Width::None, "Field names list")
                .default_null()
                .validator(NAMES)
                .doc("The fields, in the order of the headers; a dot leads into a struct, as in after.tenant."),
            key("operation", String, High, Width::None, "Operation: mover or copy")
                .default_null()
                .validator(Validator::OneOf(&["move", "copy"]))
                .doc("Whether the headers are removed (move) or stay (copy)."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let (fields, headers) = (config.list("fields"), config.list("headers"));
        if fields.len() != headers.len() {
            return Err(ConnectError::config(
                "'fields' config must have the same number of elements as 'headers' config.",
            ));
        }
        let ways = fields.iter().map(|field| field.split('.').map(str::to_owned).collect());
        Ok(Self {
            pairs: headers.iter().cloned().zip(ways).collect(),
            moves: config.string("operation") == "move",
            plans: SchemaCache::default(),
        })
    }
}

impl Transform for HeaderToValue {
    fn parts(&self) -> Parts {
        Parts::VALUE.and(Parts::HEADERS)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() {
            return Ok(Verdict::Keep);
        }
        if !matches!(record.value.value, Value::Struct(_)) {
            return Err(not_a_struct(&record.value.value, PURPOSE));
        }
        let found = self.found(&record.headers)?;
        if found.iter().all(Option::is_none) {
            return Ok(Verdict::Keep);
        }
        let old = structure(take(&mut record.value.value), PURPOSE)?;
        let level = self.plan(&old.schema, &found)?;
        let value = level.apply(old, &found)?;
        record.value.schema = Some(Arc::clone(&value.schema));
        record.value.value = Value::Struct(value);
        if self.moves {
            let pairs = &self.pairs;
            record.headers.retain(|header| !pairs.iter().any(|(name, _)| **name == *header.name));
        }
        Ok(Verdict::Keep)
    }
}

impl HeaderToValue {
    /// The header of each pair, if the record has it.
    fn found(&self, headers: &[Header]) -> Result<Vec<Option<Header>>> {
        let one = |(name, _): &(String, Vec<String>)| {
            let mut named = headers.iter().filter(|header| **name == *header.name);
            match (named.next(), named.next()) {
                (Some(_), Some(_)) => {
                    let message = format!("Duplicate key {name}: the record has more than one such header");
                    Err(ConnectError::data(message).with_class("java.lang.IllegalStateException"))
                }
                (found, _) => Ok(found.cloned()),
            }
        };
        self.pairs.iter().map(one).collect()
    }

    fn plan(&mut self, schema: &Arc<Schema>, found: &[Option<Header>]) -> Result<&Level> {
        let fits = |plan: &Plan| {
            let mut pairs = plan.headers.iter().zip(found);
            pairs.all(|(known, header)| match (known, header) {
                (None, None) => true,
                (Some(known), Some(header)) => header.value.schema.as_ref().is_some_and(|schema| same(known, schema)),
                _ => false,
            })
        };
        let pairs = &self.pairs;
        let make = || {
            let ways = pairs.iter().enumerate().filter(|(index, _)| found[*index].is_some());
            let ways = ways.map(|(index, (_, way))| (index, &way[..])).collect();
            let headers = found.iter().map(|header| header.as_ref().and_then(|header| header.value.schema.clone()));
            Ok(Plan { headers: headers.collect(), level: Level::make(schema, ways, found)? })
        };
        if !fits(self.plans.get_or_make(schema, make)?) {
            self.plans.forget_latest();
        }
        Ok(&self.plans.get_or_make(schema, make)?.level)
    }
}

impl Level {
    /// `ways` are the rests of the ways that lead here, each with the index of its pair.
    fn make(old: &Schema, ways: Vec<(usize, &[String])>, found: &[Option<Header>]) -> Result<Self> {
        // What is nested stays optional where it was, or deletions had no schema that they fit.
        let mut schema = basics(old, Type::Struct);
        let (mut inner, mut closed) = (Vec::new(), Vec::new());
        for (index, field) in old.fields.iter().enumerate() {
            let into = |(pair, way): &(usize, &[String])| match way {
                [first, rest @ ..] if !rest.is_empty() && **first == *field.name => Some((*pair, way.len() - 1)),
                _ => None,
            };
            let deeper: Vec<(usize, &[String])> = ways
                .iter()
                .filter_map(|one| into(one).map(|(pair, length)| (pair, &one.1[one.1.len() - length..])))
                .collect();
            if deeper.is_empty() || field.schema.kind != Type::Struct {
                if !deeper.is_empty() {
                    closed.push(index);
                }
                add_field(&mut schema, &field.name, Arc::clone(&field.schema))?;
                continue;
            }
            let level = Level::make(&field.schema, deeper, found)?;
            let new = Schema { optional: field.schema.optional, ..Schema::clone(&level.schema) };
            let level = Level { schema: Arc::new(new), ..level };
            add_field(&mut schema, &field.name, Arc::clone(&level.schema))?;
            inner.push((index, level));
        }
        let mut added = Vec::new();
        for (pair, way) in ways {
            let ([name], Some(header)) = (way, &found[pair]) else { continue };
            let missing = || {
                let message = format!("fieldSchema for field {name} cannot be null.");
                ConnectError::new(ErrorKind::BadRecord, class::SCHEMA_BUILDER, message)
            };
            let of_header = header.value.schema.clone().ok_or_else(missing)?;
            add_field(&mut schema, &name.as_str().into(), of_header)?;
            added.push(pair);
        }
        Ok(Self { schema: Arc::new(schema), inner, closed, added })
    }

    fn apply(&self, old: Struct, found: &[Option<Header>]) -> Result<Struct> {
        let mut values = old.values;
        if let Some(value) = self.closed.iter().filter_map(|index| values.get(*index)).find(|value| !value.is_null()) {
            return Err(not_a_struct(value, "Nested field"));
        }
        for (index, level) in &self.inner {
            let Some(value) = values.get_mut(*index).filter(|value| !value.is_null()) else { continue };
            let nested = structure(take(value), "Nested field")?;
            *value = Value::Struct(level.apply(nested, found)?);
        }
        let of_header = |pair: &usize| found[*pair].as_ref().map_or(Value::Null, |header| header.value.value.clone());
        values.extend(self.added.iter().map(of_header));
        Ok(Struct { schema: Arc::clone(&self.schema), values })
    }
}
