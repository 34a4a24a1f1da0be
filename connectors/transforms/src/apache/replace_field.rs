//! ReplaceField: fields left out, kept, renamed.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, ParsedValue, Validator, invalid_value};
use longshore_api::{ConnectError, ConnectRecord, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict};
use longshore_formats::validate;

use crate::part::{Side, map, structure, take, text_key};
use crate::plugin::{Configure, NAMES_OR_NONE, REPLACE_NULL, list_text, replace_null_key, required, split_pair};
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default, put};

const PURPOSE: &str = "field replacement";

/// Filters and renames fields.
#[derive(Debug)]
pub(crate) struct ReplaceField {
    side: Side,
    exclude: Vec<String>,
    include: Vec<String>,
    renames: Vec<(String, Arc<str>)>,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// The new schema, and for each of its fields the index of the old one.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    sources: Vec<usize>,
}

fn read_renames(mappings: &[String]) -> Result<Vec<(String, Arc<str>)>, String> {
    let mut renames: Vec<(String, Arc<str>)> = Vec::new();
    for mapping in mappings {
        let [from, to] = split_pair(mapping)[..] else {
            let why = format!("Invalid rename mapping: {mapping}");
            return Err(invalid_value("renames", Some(&list_text(mappings)), &why));
        };
        renames.retain(|(known, _)| known != from);
        renames.push((from.to_owned(), to.into()));
    }
    Ok(renames)
}

const RENAMES: Validator = Validator::Check(|_, value| match value {
    ParsedValue::List(mappings) => read_renames(mappings).map(|_| ()),
    _ => Ok(()),
});

impl ReplaceField {
    /// One that leaves fields out.
    pub(crate) fn excluding(side: Side, exclude: Vec<String>) -> Self {
        let (include, renames, schemas) = (Vec::new(), Vec::new(), SchemaCache::default());
        Self { side, exclude, include, renames, replace_null: true, schemas }
    }
}

impl Configure for ReplaceField {
    fn keys() -> Vec<ConfigKey> {
        let list = |name| required(name, ConfigType::List, Importance::Medium).default("");
        vec![
            list("exclude")
                .validator(NAMES_OR_NONE)
                .doc("Fields to exclude. This takes precedence over the fields to include."),
            list("include")
                .validator(NAMES_OR_NONE)
                .doc("Fields to include. If specified, only these fields will be used."),
            list("renames").validator(RENAMES).doc("Field rename mappings."),
            replace_null_key(),
        ]
    }

    fn new(config: &ParsedConfig, side: Side) -> Result<Self> {
        Ok(Self {
            side,
            exclude: config.list("exclude").to_vec(),
            include: config.list("include").to_vec(),
            renames: read_renames(config.list("renames")).map_err(ConnectError::config)?,
            replace_null: config.boolean(REPLACE_NULL),
            schemas: SchemaCache::default(),
        })
    }
}

impl Transform for ReplaceField {
    fn parts(&self) -> Parts {
        self.side.parts()
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let data = self.side.of(record);
        if data.value.is_null() {
            return Ok(Verdict::Keep);
        }
        let value = take(&mut data.value);
        let Some(schema) = data.schema.take() else {
            data.value = Value::Map(self.schemaless(map(value, PURPOSE)?)?);
            return Ok(Verdict::Keep);
        };
        let old = structure(value, PURPOSE)?;
        let new = self.with_schema(&schema, old)?;
        data.schema = Some(Arc::clone(&new.schema));
        data.value = Value::Struct(new);
        Ok(Verdict::Keep)
    }
}

impl ReplaceField {
    fn keeps(&self, name: &str) -> bool {
        !self.exclude.iter().any(|known| known == name)
            && (self.include.is_empty() || self.include.iter().any(|known| known == name))
    }

    fn renamed(&self, name: &str) -> Option<&Arc<str>> {
        self.renames.iter().find(|(from, _)| from == name).map(|(_, to)| to)
    }

    fn schemaless(&self, mut map: Map) -> Result<Map> {
        map.iter().try_for_each(|(key, _)| text_key(key).map(|_name| ()))?;
        if self.new_names_meet_others(&map) {
            return self.schemaless_one_by_one(map);
        }
        map.retain(|key, _| {
            let Some(name) = key.as_str() else { return false };
            let keep = self.keeps(name);
            if let Some(name) = self.renamed(name) {
                *key = Value::String(Arc::clone(name));
            }
            keep
        });
        Ok(map)
    }

    /// Whether a field may get the name that another one has.
    fn new_names_meet_others(&self, map: &Map) -> bool {
        let new_names = || self.renames.iter().map(|(_, to)| to);
        let twice = |(place, name): (usize, &Arc<str>)| new_names().skip(place + 1).any(|other| other == name);
        new_names().any(|name| map.get(name).is_some()) || new_names().enumerate().any(twice)
    }

    /// A name that comes again keeps its place and gets the later value, as in a Java map.
    fn schemaless_one_by_one(&self, map: Map) -> Result<Map> {
        let mut new = Map::new();
        for (key, value) in map {
            let name = text_key(&key)?;
            if !self.keeps(name) {
                continue;
            }
            match self.renamed(name) {
                Some(name) => new.insert(Value::String(Arc::clone(name)), value),
                None => new.insert(key, value),
            }
        }
        Ok(new)
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, mut old: Struct) -> Result<Struct> {
        // Borrowed apart from the cache.
        let mut schemas = std::mem::take(&mut self.schemas);
        let plan = schemas.get_or_make(schema, || self.plan(schema));
        let new = plan.and_then(|plan| {
            let mut values = Vec::with_capacity(plan.sources.len());
            for (field, source) in plan.schema.fields.iter().zip(&plan.sources) {
                let from = &schema.fields[*source];
                let value = old.values.get_mut(*source).map(take).unwrap_or(Value::Null);
                let value = put(field, or_default(value, &from.schema, self.replace_null))?;
                if from.schema != field.schema && !Arc::ptr_eq(&from.schema, &field.schema) {
                    validate::field(&field.name, &field.schema, &value)?;
                }
                values.push(value);
            }
            Ok(Struct { schema: Arc::clone(&plan.schema), values })
        });
        self.schemas = schemas;
        new
    }

    fn plan(&self, schema: &Schema) -> Result<Plan> {
        let mut new = basics(schema, Type::Struct);
        for field in fields(schema)?.iter().filter(|field| self.keeps(&field.name)) {
            let name = self.renamed(&field.name).unwrap_or(&field.name);
            add_field(&mut new, name, Arc::clone(&field.schema))?;
        }
        let mut sources = Vec::with_capacity(new.fields.len());
        for field in &new.fields {
            // Connect goes back by the new name: a field that was there under it is not what it finds.
            let renamed = self.renames.iter().rev().find(|(_, to)| *to == field.name);
            let source = renamed.map_or(&*field.name, |(from, _)| from.as_str());
            let index = schema.field_index(source);
            let missing = || ConnectError::data(format!("{source} is not a valid field name"));
            sources.push(index.ok_or_else(missing)?);
        }
        Ok(Plan { schema: Arc::new(new), sources })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Excluded fields, new names, and what is left of the record.
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static [(&'static str, i32)]);

    #[test]
    fn new_names_take_the_place_of_fields_that_have_them() {
        let fields = |names: &[&str]| -> Map {
            names.iter().zip(0..).map(|(name, value)| (Value::string(*name), Value::Int32(value))).collect()
        };
        let cases: [Case; 6] = [
            (&[], &[], &[("a", 0), ("b", 1), ("c", 2)]),
            (&["b"], &[("a", "x")], &[("x", 0), ("c", 2)]),
            (&[], &[("a", "b")], &[("b", 1), ("c", 2)]),
            (&[], &[("c", "a")], &[("a", 2), ("b", 1)]),
            (&[], &[("a", "b"), ("b", "a")], &[("b", 0), ("a", 1), ("c", 2)]),
            (&[], &[("a", "x"), ("c", "x")], &[("x", 2), ("b", 1)]),
        ];
        for (exclude, renames, expected) in cases {
            let mut replace =
                ReplaceField::excluding(Side::Value, exclude.iter().map(|name| (*name).to_owned()).collect());
            replace.renames = renames.iter().map(|(from, to)| ((*from).to_owned(), Arc::from(*to))).collect();
            let replaced = replace.schemaless(fields(&["a", "b", "c"])).unwrap();
            let expected: Map =
                expected.iter().map(|(name, value)| (Value::string(*name), Value::Int32(*value))).collect();
            assert_eq!(replaced, expected, "{renames:?}");
        }
    }
}
