//! KeyToValue: fields of the key, or the whole key, copied into the value.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::error::class;
use longshore_api::{
    ConnectError, ConnectRecord, Data, Map, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use crate::part::Side;
use crate::plugin::{Configure, list_text, required};
use crate::schemas::{SchemaCache, add_field, basics, or_default, put, same};

/// Stands for the whole key.
const WHOLE: &str = "*";
/// The field that the whole key becomes where no other is named.
const WHOLE_FIELD: &str = "_key";

/// Copies the key into the value.
#[derive(Debug)]
pub(super) struct KeyToValue {
    copies: Vec<Copy>,
    plans: SchemaCache<Plan>,
}

/// A field of the value, and the key's that it becomes a copy of; `None` is the whole key.
#[derive(Debug)]
struct Copy {
    to: Arc<str>,
    from: Option<Arc<str>>,
}

/// What becomes of values of one schema, where the key has another.
#[derive(Debug)]
struct Plan {
    key: Arc<Schema>,
    schema: Arc<Schema>,
    /// For each copy its place in the value, and that of the key's field.
    places: Vec<(usize, Option<usize>)>,
}

impl Configure for KeyToValue {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("key.fields", ConfigType::List, Importance::High)
                .doc("The fields of the key to copy, separated by commas; * is the whole key."),
            required("value.fields", ConfigType::List, Importance::High).default("").doc(
                "The fields of the value that they become, in the same order; one that is empty or missing has the \
                 name of the key's, and the whole key becomes _key.",
            ),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let named = config.list("value.fields");
        let mut copies: Vec<Copy> = Vec::new();
        for (index, from) in config.list("key.fields").iter().enumerate() {
            let to = named.get(index).filter(|name| !name.is_empty()).unwrap_or(from);
            let to = if to == WHOLE { WHOLE_FIELD } else { to };
            if copies.iter().any(|copy| &*copy.to == to) {
                let message = format!("More than one key value is copied to the value field name '{to}'");
                return Err(ConnectError::config(message).with_class(class::DATA));
            }
            copies.push(Copy { to: to.into(), from: (from != WHOLE).then(|| from.as_str().into()) });
        }
        Ok(Self { copies, plans: SchemaCache::default() })
    }
}

impl Transform for KeyToValue {
    fn parts(&self) -> Parts {
        Parts::KEY.and(Parts::VALUE)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let (key, value) = (&record.key, &mut record.value);
        self.check_key(key)?;
        match (&value.schema, &mut value.value) {
            (None, Value::Map(map)) => self.copy_to_map(key, map)?,
            (Some(schema), Value::Struct(old)) => {
                let of_key = match &key.schema {
                    Some(schema) => Arc::clone(schema),
                    None => inferred(&key.value)?,
                };
                let old = std::mem::replace(old, Struct { schema: Arc::clone(schema), values: Vec::new() });
                let plan = plan(&mut self.plans, &self.copies, schema, &of_key)?;
                let new = copied(plan, old, key)?;
                value.schema = Some(Arc::clone(&new.schema));
                value.value = Value::Struct(new);
            }
            _ => return Err(ConnectError::data("The value needs to be a Struct or Map in order to append fields")),
        }
        Ok(Verdict::Keep)
    }
}

impl KeyToValue {
    /// Fields need a key that has some.
    fn check_key(&self, key: &Data) -> Result<()> {
        if self.copies.iter().all(|copy| copy.from.is_none()) {
            return Ok(());
        }
        let what = match (&key.schema, &key.value) {
            (Some(schema), _) if schema.kind != Type::Struct => format!("schema: {}", schema.kind.name()),
            (None, value) if !matches!(value, Value::Map(_) | Value::Struct(_)) => {
                format!("class: {}", value.java_class())
            }
            _ => return Ok(()),
        };
        let names = self.copies.iter().map(|copy| copy.from.as_deref().unwrap_or(WHOLE).to_owned());
        let names = list_text(&names.collect::<Vec<_>>());
        Err(ConnectError::data(format!("Named key fields {names} cannot be copied from the key {what}")))
    }

    fn copy_to_map(&self, key: &Data, map: &mut Map) -> Result<()> {
        for copy in &self.copies {
            let value = match (&copy.from, &key.value) {
                (None, whole) => whole.clone(),
                (Some(name), Value::Struct(key)) => {
                    let missing = || ConnectError::data(format!("{name} is not a valid field name"));
                    field(key, key.schema.field_index(name).ok_or_else(missing)?)
                }
                (Some(name), Value::Map(key)) => key.get(name).cloned().unwrap_or(Value::Null),
                (Some(_), _) => Value::Null,
            };
            map.insert(Value::String(Arc::clone(&copy.to)), value);
        }
        Ok(())
    }
}

/// What a field of a key holds: its default where it is null.
fn field(key: &Struct, index: usize) -> Value {
    let value = key.values.get(index).cloned().unwrap_or(Value::Null);
    key.schema.fields.get(index).map_or(Value::Null, |field| or_default(value, &field.schema, true))
}

/// The schema of a key without one.
fn inferred(key: &Value) -> Result<Arc<Schema>> {
    match key {
        Value::Map(_) => Err(ConnectError::data("The value requires a schema, but the key class is a schemaless Map")),
        Value::Struct(key) => Ok(Arc::clone(&key.schema)),
        Value::Null | Value::Array(_) | Value::Decimal(_) | Value::Date(_) => {
            let class = key.java_class();
            Err(ConnectError::data(format!("Cannot infer schema for unsupported key class: {class}")))
        }
        scalar => Ok(Arc::new(Schema::new(scalar.kind().unwrap_or(Type::String)))),
    }
}

fn plan<'p>(
    plans: &'p mut SchemaCache<Plan>,
    copies: &[Copy],
    schema: &Arc<Schema>,
    key: &Arc<Schema>,
) -> Result<&'p Plan> {
    if !same(&plans.get_or_make(schema, || Plan::make(copies, schema, key))?.key, key) {
        // The same values with keys of another schema.
        plans.forget_latest();
    }
    plans.get_or_make(schema, || Plan::make(copies, schema, key))
}

impl Plan {
    fn make(copies: &[Copy], old: &Schema, key: &Arc<Schema>) -> Result<Self> {
        let mut schema = Schema { optional: old.optional, ..basics(old, Type::Struct) };
        schema.fields = old.fields.clone();
        let mut places = Vec::with_capacity(copies.len());
        for copy in copies {
            let missing = |name: &str| ConnectError::data(format!("Key field '{name}' not found in key schema"));
            let from = match &copy.from {
                None => None,
                Some(name) => Some(key.field_index(name).ok_or_else(|| missing(name))?),
            };
            let of_copy = from.map_or(key, |index| &key.fields[index].schema);
            let at = match schema.field_index(&copy.to) {
                Some(at) => {
                    schema.fields[at].schema = Arc::clone(of_copy);
                    at
                }
                None => {
                    add_field(&mut schema, &copy.to, Arc::clone(of_copy))?;
                    schema.fields.len() - 1
                }
            };
            places.push((at, from));
        }
        Ok(Self { key: Arc::clone(key), schema: Arc::new(schema), places })
    }
}

fn copied(plan: &Plan, old: Struct, key: &Data) -> Result<Struct> {
    let kept = old.values.into_iter().zip(&old.schema.fields);
    let mut values: Vec<Value> = kept.map(|(value, field)| or_default(value, &field.schema, true)).collect();
    values.resize(plan.schema.fields.len(), Value::Null);
    for (at, from) in &plan.places {
        let value = match (from, &key.value) {
            (Some(index), Value::Struct(key)) => field(key, *index),
            (Some(_), _) => Value::Null,
            (None, whole) => whole.clone(),
        };
        values[*at] = put(&plan.schema.fields[*at], value)?;
    }
    Ok(Struct { schema: Arc::clone(&plan.schema), values })
}
