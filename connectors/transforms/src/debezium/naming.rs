//! CollectionNameTransformation and FieldNameTransformation: topics and fields as a database names its tables and columns.

use std::sync::{Arc, LazyLock};

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator, Width};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};
use longshore_formats::java_regex::{JavaRegex, Replacement};

use super::envelope::is_envelope;
use super::key;
use crate::part::{Side, not_a_struct, take};
use crate::plugin::Configure;
use crate::schemas::{SchemaCache, add_field, basics};

/// How names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Snake,
    Camel,
    Upper,
    Lower,
    AsIs,
}

const STYLES: &[&str] = &["snake_case", "camel_case", "UPPER_CASE", "lower_case", "default"];

/// Where a word ends: before a capital, between letters and digits, at a dot.
static WORDS: LazyLock<Result<(JavaRegex, Replacement)>> = LazyLock::new(|| {
    let pattern = "([a-z])([A-Z])|([a-zA-Z])([0-9])|([0-9])([a-zA-Z])|\\.";
    let regex = JavaRegex::new(pattern).map_err(|error| ConnectError::data(error.0))?;
    let replacement = Replacement::new("$1$3$5_$2$4$6", &regex)?;
    Ok((regex, replacement))
});

/// A naming as both transforms configure it.
#[derive(Debug)]
struct Naming {
    prefix: String,
    suffix: String,
    style: Style,
}

impl Naming {
    fn keys([prefix, suffix, style]: [ConfigKey; 3], what: &str) -> Vec<ConfigKey> {
        vec![
            prefix.default("").doc(format!("What stands before the names of {what}.")),
            suffix.default("").doc(format!("What stands behind the names of {what}.")),
            style
                .default("default")
                .validator(Validator::OneOfIgnoreCase(STYLES))
                .doc(format!("How the names of {what} are written: {}.", STYLES.join(", "))),
        ]
    }

    fn new(config: &ParsedConfig, [prefix, suffix, style]: [&str; 3]) -> Self {
        let style = match config.string(style).to_ascii_lowercase().as_str() {
            "snake_case" => Style::Snake,
            "camel_case" => Style::Camel,
            "upper_case" => Style::Upper,
            "lower_case" => Style::Lower,
            _ => Style::AsIs,
        };
        Self { prefix: config.string(prefix).to_owned(), suffix: config.string(suffix).to_owned(), style }
    }

    fn apply(&self, name: &str) -> Result<Arc<str>> {
        let styled = match self.style {
            Style::AsIs => name.to_owned(),
            Style::Upper => name.to_uppercase(),
            Style::Lower => name.to_lowercase(),
            Style::Camel => camel(name),
            Style::Snake => {
                let (words, between) = WORDS.as_ref().map_err(Clone::clone)?;
                words.replace_all(name, between).map_err(|error| ConnectError::data(error.0))?.to_lowercase()
            }
        };
        Ok(format!("{}{styled}{}", self.prefix, self.suffix).into())
    }
}

/// The first word small, the others with a capital.
fn camel(name: &str) -> String {
    let mut joined = String::with_capacity(name.len());
    for (index, word) in name.split(['.', '_']).enumerate() {
        let mut rest = word.chars();
        match rest.next() {
            Some(first) if index > 0 => {
                joined.extend(first.to_uppercase());
                joined.push_str(&rest.as_str().to_lowercase());
            }
            _ => joined.push_str(&word.to_lowercase()),
        }
    }
    joined
}

const COLLECTIONS: [&str; 3] = ["collection.naming.prefix", "collection.naming.suffix", "collection.naming.style"];
const COLUMNS: [&str; 3] = ["column.naming.prefix", "column.naming.suffix", "column.naming.style"];

/// Names topics.
#[derive(Debug)]
pub(super) struct CollectionNameTransformation {
    naming: Naming,
    /// The latest topic and what it became.
    last: Option<(Arc<str>, Arc<str>)>,
}

impl Configure for CollectionNameTransformation {
    fn keys() -> Vec<ConfigKey> {
        // Its table is a plain one, without places and display names.
        Naming::keys(COLLECTIONS.map(|name| ConfigKey::new(name, ConfigType::String, Importance::Low)), "collections")
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { naming: Naming::new(config, COLLECTIONS), last: None })
    }
}

impl Transform for CollectionNameTransformation {
    fn parts(&self) -> Parts {
        Parts::NONE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let named = match &self.last {
            Some((from, to)) if *from == record.topic => Arc::clone(to),
            _ => {
                let named = self.naming.apply(&record.topic)?;
                self.last = Some((Arc::clone(&record.topic), Arc::clone(&named)));
                named
            }
        };
        record.topic = named;
        Ok(Verdict::Keep)
    }
}

/// Names the fields of keys and values, in a change event those of its rows.
#[derive(Debug)]
pub(super) struct FieldNameTransformation {
    naming: Naming,
    keys: SchemaCache<Arc<Schema>>,
    values: SchemaCache<Arc<Schema>>,
}

impl Configure for FieldNameTransformation {
    fn keys() -> Vec<ConfigKey> {
        let [prefix, suffix, style] = COLUMNS;
        let shown = |name, display| key(name, ConfigType::String, Importance::Low, Width::None, display);
        let keys = [
            shown(prefix, "Column Name Prefix"),
            shown(suffix, "Column Name Suffix"),
            shown(style, "Column Naming Style"),
        ];
        Naming::keys(keys, "columns")
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let naming = Naming::new(config, COLUMNS);
        Ok(Self { naming, keys: SchemaCache::default(), values: SchemaCache::default() })
    }
}

impl Transform for FieldNameTransformation {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if !record.value.schema.as_ref().is_some_and(|schema| schema.kind == Type::Struct) {
            return Ok(Verdict::Keep);
        }
        let naming = &self.naming;
        if record.key.schema.as_ref().is_some_and(|schema| schema.kind == Type::Struct) {
            rename(&mut record.key, &mut self.keys, |schema| renamed(schema, naming))?;
        }
        rename(&mut record.value, &mut self.values, |schema| match is_envelope(schema) {
            true => of_event(schema, naming),
            false => renamed(schema, naming),
        })?;
        Ok(Verdict::Keep)
    }
}

fn rename(
    data: &mut Data,
    schemas: &mut SchemaCache<Arc<Schema>>,
    new: impl Fn(&Schema) -> Result<Arc<Schema>>,
) -> Result<()> {
    let Some(old) = &data.schema else { return Ok(()) };
    let new = Arc::clone(schemas.get_or_make(old, || new(old))?);
    data.value = fitted(take(&mut data.value), &new)?;
    data.schema = Some(new);
    Ok(())
}

/// A struct's schema with fields of new names.
fn renamed(old: &Schema, naming: &Naming) -> Result<Arc<Schema>> {
    let mut schema = Schema { optional: old.optional, ..basics(old, Type::Struct) };
    for field in &old.fields {
        add_field(&mut schema, &naming.apply(&field.name)?, Arc::clone(&field.schema))?;
    }
    Ok(Arc::new(schema))
}

/// An event's schema in which the rows have fields of new names.
fn of_event(old: &Schema, naming: &Naming) -> Result<Arc<Schema>> {
    let mut schema = Schema { optional: old.optional, ..basics(old, Type::Struct) };
    for field in &old.fields {
        let is_row = matches!(&*field.name, "before" | "after") && field.schema.kind == Type::Struct;
        let of_field = if is_row { renamed(&field.schema, naming)? } else { Arc::clone(&field.schema) };
        add_field(&mut schema, &field.name, of_field)?;
    }
    Ok(Arc::new(schema))
}

/// The same value of the new schema, which differs in names alone.
fn fitted(value: Value, schema: &Arc<Schema>) -> Result<Value> {
    let old = match value {
        Value::Null => return Ok(Value::Null),
        Value::Struct(old) => old,
        other => return Err(not_a_struct(&other, "field naming")),
    };
    let mut values = Vec::with_capacity(old.values.len());
    for (value, field) in old.values.into_iter().zip(&schema.fields) {
        let is_row = matches!(&value, Value::Struct(row) if !Arc::ptr_eq(&row.schema, &field.schema));
        values.push(if is_row { fitted(value, &field.schema)? } else { value });
    }
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}
