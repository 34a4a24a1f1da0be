//! Fields and headers that expressions set, or that are left out.

use std::sync::Arc;

use longshore_api::config::{ParsedConfig, invalid_value};
use longshore_api::schema::logical;
use longshore_api::{ConnectError, ConnectRecord, Data, Header, Map, Parts, Result, Schema, Struct, Type, Value};
use longshore_formats::java_text::calendar::MILLIS_PER_DAY;
use longshore_formats::validate;

use crate::expression::{Expression, optional, schema_of_value};
use crate::part::{Side, not_a_map, not_a_struct, take};
use crate::schemas::{SchemaCache, add_field, basics, temporal};

/// What is set and what is left out.
#[derive(Debug)]
pub(super) struct Assignments {
    /// The key of the configuration.
    key: String,
    set: Vec<Assignment>,
    remove: Vec<String>,
}

#[derive(Debug)]
struct Assignment {
    name: Arc<str>,
    /// The schema of the type that is stated.
    stated: Option<Arc<Schema>>,
    typed: Typed,
}

/// An expression whose values come with schemas.
#[derive(Debug)]
pub(super) struct Typed {
    expression: Expression,
    /// Optional schemas, each made once of one that the expression or its value told.
    schemas: SchemaCache<Arc<Schema>>,
}

impl Typed {
    pub(super) fn new(expression: Expression) -> Self {
        Self { expression, schemas: SchemaCache::default() }
    }

    pub(super) fn parts(&self) -> Parts {
        self.expression.parts()
    }

    /// The value for a record, and its schema where one is told. `name` is the key of the configuration.
    ///
    /// # Errors
    /// Kind BadRecord.
    pub(super) fn data(&mut self, record: &ConnectRecord, name: &str) -> Result<Data> {
        let mut value = self.expression.value(record, name)?;
        let schema = self.schema(record, &mut value)?;
        Ok(Data { schema, value })
    }

    /// The schema of a value: what the expression tells, else what the value does.
    fn schema(&mut self, record: &ConnectRecord, value: &mut Value) -> Result<Option<Arc<Schema>>> {
        // Where the value does not fit what the expression tells, the value itself is asked.
        for told in [self.expression.schema(record), None] {
            let Some(told) = told.or_else(|| schema_of_value(value)) else { continue };
            let schema = self.schemas.get_or_make(&told, || Ok(optional(&told)))?;
            if settle(value, schema) {
                return Ok(Some(Arc::clone(schema)));
            }
        }
        Ok(None)
    }
}

/// Types that an assignment may state.
const TYPES: [(&str, Type); 9] = [
    ("boolean", Type::Boolean),
    ("int8", Type::Int8),
    ("int16", Type::Int16),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("string", Type::String),
    ("bytes", Type::Bytes),
];
const MOMENTS: [(&str, &str); 3] =
    [("date", logical::DATE), ("time", logical::TIME), ("timestamp", logical::TIMESTAMP)];

fn stated(name: &str) -> Option<Arc<Schema>> {
    let plain = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| Schema::optional(*kind));
    let moment = || MOMENTS.iter().find(|(known, _)| *known == name).map(|(_, logical)| temporal(logical, true));
    plain.or_else(moment).map(Arc::new)
}

impl Assignments {
    /// Reads a text of assignments.
    ///
    /// # Errors
    /// The whole message: the key, and what is wrong at which character.
    pub(super) fn read(key: &str, text: &str) -> Result<Self, String> {
        let wrong = |error: &str| invalid_value(key, Some(text), &format!("Invalid expression: {error}"));
        let mut set: Vec<Assignment> = Vec::new();
        for (name, kind, expression) in Expression::assignments(text).map_err(|error| wrong(&error))? {
            let unknown = |kind: &String| wrong(&format!("{kind} is not a type of a field"));
            let stated = kind.map(|kind| stated(&kind).ok_or_else(|| unknown(&kind))).transpose()?;
            if set.iter().any(|known| *known.name == *name) {
                return Err(wrong(&format!("{name} is set twice")));
            }
            set.push(Assignment { name: name.into(), stated, typed: Typed::new(expression) });
        }
        Ok(Self { key: key.to_owned(), set, remove: Vec::new() })
    }

    /// The assignments of one key of the configuration, and what another one leaves out.
    ///
    /// # Errors
    /// Kind Config, as [`read`](Self::read).
    pub(super) fn of(config: &ParsedConfig, set: &str, remove: &str) -> Result<Self> {
        let mut read = Self::read(set, config.string(set)).map_err(ConnectError::config)?;
        read.remove = config.list(remove).to_vec();
        Ok(read)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// What the expressions look at.
    pub(super) fn parts(&self) -> Parts {
        self.set.iter().map(|one| one.typed.parts()).fold(Parts::NONE, Parts::and)
    }

    fn evaluate(&self, record: &ConnectRecord) -> Result<Vec<Value>> {
        self.set
            .iter()
            .map(|one| {
                let value = one.typed.expression.value(record, &self.key)?;
                match &one.stated {
                    Some(schema) => self.coerced(&one.name, value, schema),
                    None => Ok(value),
                }
            })
            .collect()
    }

    /// The values with schemas, where there are any.
    ///
    /// # Errors
    /// Kind BadRecord.
    pub(super) fn evaluate_data(&mut self, record: &ConnectRecord) -> Result<Vec<Data>> {
        let values = self.evaluate(record)?;
        let with_schema = |(one, mut value): (&mut Assignment, Value)| {
            let schema = one.schema(record, &mut value)?;
            Ok(Data { schema, value })
        };
        self.set.iter_mut().zip(values).map(with_schema).collect()
    }

    /// A value as one of the type that is stated.
    fn coerced(&self, name: &str, value: Value, schema: &Schema) -> Result<Value> {
        let integer = match &value {
            Value::Int8(value) => Some(i64::from(*value)),
            Value::Int16(value) => Some(i64::from(*value)),
            Value::Int32(value) => Some(i64::from(*value)),
            Value::Int64(value) => Some(*value),
            _ => None,
        };
        let float = match &value {
            Value::Float32(value) => Some(f64::from(*value)),
            Value::Float64(value) => Some(*value),
            _ => integer.map(|integer| integer as f64),
        };
        let fitting = match (schema.logical_name(), schema.kind, &value) {
            (_, _, Value::Null) => Some(Value::Null),
            (Some(logical::DATE), _, Value::Date(millis)) => {
                millis.div_euclid(MILLIS_PER_DAY).checked_mul(MILLIS_PER_DAY).map(Value::Date)
            }
            (Some(logical::TIME), _, Value::Date(millis)) => Some(Value::Date(millis.rem_euclid(MILLIS_PER_DAY))),
            (Some(_), _, Value::Date(_)) => Some(value.clone()),
            (Some(_), ..) => None,
            (_, Type::Int8, _) => integer.and_then(|value| i8::try_from(value).ok()).map(Value::Int8),
            (_, Type::Int16, _) => integer.and_then(|value| i16::try_from(value).ok()).map(Value::Int16),
            (_, Type::Int32, _) => integer.and_then(|value| i32::try_from(value).ok()).map(Value::Int32),
            (_, Type::Int64, _) => integer.map(Value::Int64),
            (_, Type::Float32, _) => float.map(|value| Value::Float32(value as f32)),
            (_, Type::Float64, _) => float.map(Value::Float64),
            (_, kind, Value::Boolean(_) | Value::String(_) | Value::Bytes(_)) if value.kind() == Some(kind) => {
                Some(value.clone())
            }
            _ => None,
        };
        fitting.ok_or_else(|| {
            let kind = schema.name.as_deref().unwrap_or(schema.kind.name());
            let text: String = longshore_formats::java_text::value(&value).chars().take(100).collect();
            let class = value.java_class();
            ConnectError::data(format!("{}: {text} ({class}) does not fit field {name} of type {kind}", self.key))
        })
    }
}

impl Assignment {
    /// The schema of a value: what is stated, else what is told.
    fn schema(&mut self, record: &ConnectRecord, value: &mut Value) -> Result<Option<Arc<Schema>>> {
        match &self.stated {
            Some(stated) => Ok(Some(Arc::clone(stated))),
            None => self.typed.schema(record, value),
        }
    }
}

/// Whether a value fits a schema; structs in it take the schemas of their places as their own.
fn settle(value: &mut Value, schema: &Arc<Schema>) -> bool {
    adopt(value, schema);
    validate::value(schema, value).is_ok()
}

fn adopt(value: &mut Value, schema: &Arc<Schema>) {
    match (value, schema.kind, &schema.value_schema) {
        (Value::Struct(of), Type::Struct, _) if of.schema.fields == schema.fields && of.schema.name == schema.name => {
            of.schema = Arc::clone(schema);
        }
        (Value::Array(elements), Type::Array, Some(element)) => {
            elements.iter_mut().for_each(|value| adopt(value, element));
        }
        (Value::Map(map), Type::Map, Some(of_value)) => {
            let adopted = std::mem::take(map).into_iter().map(|(mut key, mut value)| {
                schema.key_schema.iter().for_each(|of_key| adopt(&mut key, of_key));
                adopt(&mut value, of_value);
                (key, value)
            });
            *map = Map::from_distinct(adopted.collect());
        }
        _ => {}
    }
}

/// Sets and removes fields of the key or the value.
#[derive(Debug)]
pub(super) struct Fields {
    side: Side,
    assignments: Assignments,
    plans: SchemaCache<Arc<Plan>>,
}

/// The new schema, where its fields come from, and the schemas of those that are set.
#[derive(Debug)]
pub(super) struct Plan {
    schema: Arc<Schema>,
    sources: Vec<Source>,
    set: Vec<Arc<Schema>>,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Old(usize),
    Set(usize),
}

impl Fields {
    pub(super) fn new(side: Side, assignments: Assignments) -> Self {
        Self { side, assignments, plans: SchemaCache::default() }
    }

    pub(super) fn parts(&self) -> Parts {
        if self.assignments.is_empty() { Parts::NONE } else { self.assignments.parts().and(self.side.parts()) }
    }

    /// What there is to set; nothing where there is no key or value whose fields they could be.
    ///
    /// # Errors
    /// Kind BadRecord.
    pub(super) fn evaluate(&mut self, record: &mut ConnectRecord) -> Result<Option<Set>> {
        let data = self.side.of(record);
        if self.assignments.is_empty() || data.value.is_null() {
            return Ok(None);
        }
        let purpose = "setting fields";
        match (&data.schema, &data.value) {
            (None, Value::Map(_)) => return self.assignments.evaluate(record).map(|values| Some(Set::Plain(values))),
            (Some(_), Value::Struct(_)) => {}
            (None, other) => return Err(not_a_map(other, purpose)),
            (Some(_), other) => return Err(not_a_struct(other, purpose)),
        }
        let Some(schema) = data.schema.clone() else { return Ok(None) };
        let mut values = self.assignments.evaluate(record)?;
        let assignments = &mut self.assignments;
        let mut plan = self.plans.get_or_make(&schema, || plan(assignments, &schema, record, &mut values))?;
        if !plan.set.iter().zip(&mut values).all(|(schema, value)| settle(value, schema)) {
            self.plans.forget_latest();
            plan = self.plans.get_or_make(&schema, || self::plan(assignments, &schema, record, &mut values))?;
        }
        Ok(Some(Set::Planned { plan: Arc::clone(plan), values }))
    }

    /// Sets and removes them.
    ///
    /// # Errors
    /// Kind BadRecord.
    pub(super) fn apply(&mut self, record: &mut ConnectRecord, set: Option<Set>) -> Result<()> {
        let data = self.side.of(record);
        match (set, take(&mut data.value)) {
            (Some(Set::Plain(values)), Value::Map(mut map)) => {
                for name in &self.assignments.remove {
                    map.remove(name);
                }
                for (assignment, value) in self.assignments.set.iter().zip(values) {
                    map.insert(Value::String(Arc::clone(&assignment.name)), without_schemas(value));
                }
                data.value = Value::Map(map);
            }
            (Some(Set::Planned { plan, mut values }), Value::Struct(mut old)) => {
                let mut one = |source: &Source| match source {
                    Source::Old(index) => old.values.get_mut(*index).map(take).unwrap_or(Value::Null),
                    Source::Set(index) => values.get_mut(*index).map(take).unwrap_or(Value::Null),
                };
                let values = plan.sources.iter().map(&mut one).collect();
                let schema = Arc::clone(&plan.schema);
                data.schema = Some(Arc::clone(&schema));
                data.value = Value::Struct(Struct { schema, values });
            }
            (_, value) => data.value = value,
        }
        Ok(())
    }
}

/// What is to be set in one record.
#[derive(Debug)]
pub(super) enum Set {
    /// In a map.
    Plain(Vec<Value>),
    /// In a struct, by a plan.
    Planned { plan: Arc<Plan>, values: Vec<Value> },
}

fn plan(
    assignments: &mut Assignments,
    old: &Schema,
    record: &ConnectRecord,
    values: &mut [Value],
) -> Result<Arc<Plan>> {
    let mut set = Vec::with_capacity(values.len());
    for (assignment, value) in assignments.set.iter_mut().zip(values) {
        let (key, name) = (&assignments.key, Arc::clone(&assignment.name));
        let class = value.java_class();
        let unknown = || {
            ConnectError::data(format!(
                "{key}: the type of field {name} is not known from {class}; state it, as in {name}: string = …"
            ))
        };
        let mut told = value.clone();
        let schema = assignment.schema(record, &mut told)?.ok_or_else(unknown)?;
        *value = told;
        set.push(schema);
    }
    let mut schema = Schema { optional: old.optional, ..basics(old, Type::Struct) };
    let mut sources = Vec::new();
    let place = |name: &str| assignments.set.iter().position(|one| *one.name == *name);
    for (index, field) in old.fields.iter().enumerate() {
        match place(&field.name) {
            Some(of) => {
                add_field(&mut schema, &field.name, Arc::clone(&set[of]))?;
                sources.push(Source::Set(of));
            }
            None if assignments.remove.iter().any(|name| **name == *field.name) => {}
            None => {
                add_field(&mut schema, &field.name, Arc::clone(&field.schema))?;
                sources.push(Source::Old(index));
            }
        }
    }
    for (index, assignment) in assignments.set.iter().enumerate() {
        if old.field_index(&assignment.name).is_none() {
            add_field(&mut schema, &assignment.name, Arc::clone(&set[index]))?;
            sources.push(Source::Set(index));
        }
    }
    Ok(Arc::new(Plan { schema: Arc::new(schema), sources, set }))
}

/// The value as a schemaless map may hold it.
fn without_schemas(value: Value) -> Value {
    match value {
        Value::Struct(of) => {
            let names = of.schema.fields.iter().map(|field| Value::String(Arc::clone(&field.name)));
            Value::Map(Map::from_distinct(names.zip(of.values.into_iter().map(without_schemas)).collect()))
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_schemas).collect()),
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, without_schemas(value)));
            Value::Map(Map::from_distinct(entries.collect()))
        }
        other => other,
    }
}

/// Sets and removes headers; one that is set takes the place of all of its name.
pub(super) fn headers(assignments: &Assignments, values: Vec<Data>, record: &mut ConnectRecord) {
    if assignments.is_empty() {
        return;
    }
    let stays = |header: &Header| {
        !assignments.remove.iter().any(|name| **name == *header.name)
            && !assignments.set.iter().any(|one| one.name == header.name)
    };
    record.headers.retain(stays);
    let set = assignments.set.iter().zip(values);
    record.headers.extend(set.map(|(one, value)| Header { name: Arc::clone(&one.name), value }));
}
