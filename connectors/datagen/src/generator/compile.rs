//! From a description to what makes its values.

use std::sync::Arc;

use longshore_api::{Schema, Value};
use serde_json::{Map, Value as Json};

use super::literal::{self, whole_form};
use super::number::{Counter, Form, MAX_WALKS, RealCounter};
use super::options;
use super::record::{Field, Record, Sessions};
use super::rules::{Length, Rules};
use super::scalar::{decimal, now, number, plain_text, real_form, real_limits, spoilt, walk, whole_limits};
use super::{Choice, Node, Options, Union};
use crate::avro::{Avro, AvroField, Kind, Logical};

/// How much a record, and what is remembered for it, may hold: values, characters and bytes together.
const MAX_WEIGHT: usize = 1_000_000;

/// The most entries of a map.
const MAX_ENTRIES: usize = 1000;

/// The most sessions of a record.
const MAX_SESSIONS: i64 = 100_000;

/// What makes the values of a type.
///
/// # Errors
/// What is wrong with a rule, and where.
pub(super) fn compile(avro: &Avro, schema: &Arc<Schema>, series: u64) -> Result<Node, String> {
    let compiler = Compiler { series };
    let made = compiler.node(avro, schema, Rules { object: &avro.rules, path: "schema" })?;
    Ok(made.node)
}

/// What makes values, and how much one of them holds at most.
struct Made {
    node: Node,
    weight: usize,
}

impl Made {
    fn small(node: Node) -> Self {
        Self { node, weight: 1 }
    }
}

struct Compiler {
    /// Place in the series of the next record.
    series: u64,
}

impl Compiler {
    fn node(&self, avro: &Avro, schema: &Arc<Schema>, rules: Rules<'_>) -> Result<Made, String> {
        let made = self.sound(avro, schema, rules)?;
        if made.weight > MAX_WEIGHT {
            return Err(format!(
                "{}: a record, and what is remembered for it, could hold more than {MAX_WEIGHT} values and characters",
                rules.path
            ));
        }
        let rate = rules.likelihood("malformed.rate")?.unwrap_or(0.0);
        if rate == 0.0 {
            return Ok(made);
        }
        let spoilt = Box::new(spoilt(avro, rules)?);
        Ok(Made { node: Node::Spoiled { rate, spoilt, sound: Box::new(made.node) }, weight: made.weight.max(8) })
    }

    fn sound(&self, avro: &Avro, schema: &Arc<Schema>, rules: Rules<'_>) -> Result<Made, String> {
        if let Some(json) = rules.get("options") {
            return options_of(avro, schema, json, rules);
        }
        if rules.get("iteration").is_some() {
            return self.counted(avro, rules).map(Made::small);
        }
        if rules.switch("now")? {
            return now(avro, rules).map(Made::small);
        }
        if rules.get("walk").is_some() {
            return walk(avro, rules).map(|node| Made { node, weight: MAX_WALKS });
        }
        match &avro.kind {
            Kind::Null => Ok(Made::small(Node::Constant(Value::Null))),
            Kind::Boolean => Ok(Made::small(Node::Boolean { odds: rules.likelihood("odds")?.unwrap_or(0.5) })),
            Kind::Int | Kind::Long | Kind::Float | Kind::Double => number(avro, rules).map(Made::small),
            Kind::Bytes | Kind::Fixed(_) if avro.logical.is_some() => decimal(avro, rules).map(Made::small),
            Kind::Bytes => rules.length(Length::DEFAULT).map(bytes),
            Kind::Fixed(size) => Ok(bytes(Length::exactly(*size))),
            Kind::Enum(symbols) => {
                let values = symbols.iter().map(|symbol| Value::String(Arc::clone(symbol))).collect();
                Ok(Made::small(Node::Options(Options { values, choice: Choice::Even })))
            }
            Kind::String => {
                let (text, weight) = plain_text(rules, avro.logical == Some(Logical::Uuid))?;
                Ok(Made { node: Node::Text(text), weight })
            }
            Kind::Array(item) => self.array(item, schema, rules),
            Kind::Map(value) => self.map(value, schema, rules),
            Kind::Record(fields) => self.record(fields, schema, rules),
            Kind::Union(branches) => self.union(branches, schema, rules),
        }
    }

    fn counted(&self, avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
        Ok(match &avro.kind {
            Kind::Boolean => match rules.group("iteration")?.and_then(|group| group.get("start")) {
                Some(Json::Bool(start)) => Node::Alternating { first: *start, index: self.series },
                _ => return Err(rules.error("iteration", "\"start\" must be true or false")),
            },
            Kind::Int | Kind::Long => {
                Node::Counter(Counter::new(whole_form(avro), rules.series(whole_limits(avro))?, self.series))
            }
            Kind::String => {
                let series = rules.series((i64::MIN, i64::MAX))?;
                let counter = Counter::new(Form::Text, series, self.series);
                Node::Counter(counter.with_affixes(rules.text("prefix")?, rules.text("suffix")?))
            }
            Kind::Float | Kind::Double => {
                let series = rules.real_series(real_limits(avro))?;
                Node::RealCounter(RealCounter { form: real_form(avro), series, index: self.series })
            }
            _ => return Err(rules.error("iteration", "is for booleans, numbers and strings")),
        })
    }

    fn array(&self, item: &Avro, schema: &Schema, rules: Rules<'_>) -> Result<Made, String> {
        let length = rules.length(Length::DEFAULT)?;
        let path = format!("{}.items", rules.path);
        let inner = self.node(item, inner_schema(schema, &path)?, Rules { object: &item.rules, path: &path })?;
        let weight = length.most().saturating_mul(inner.weight).saturating_add(1);
        Ok(Made { node: Node::Array { length, item: Box::new(inner.node) }, weight })
    }

    fn map(&self, value: &Avro, schema: &Schema, rules: Rules<'_>) -> Result<Made, String> {
        let length = rules.length(Length::DEFAULT)?;
        if length.most() > MAX_ENTRIES {
            return Err(rules.error("length", format!("a map may have {MAX_ENTRIES} entries")));
        }
        let empty = Map::new();
        let path = format!("{}.keys", rules.path);
        let keys = Rules { object: rules.group("keys")?.unwrap_or(&empty), path: &path };
        let (key, key_weight) = plain_text(keys, false)?;
        let path = format!("{}.values", rules.path);
        let inner = self.node(value, inner_schema(schema, &path)?, Rules { object: &value.rules, path: &path })?;
        let weight = length.most().saturating_mul(inner.weight.saturating_add(key_weight)).saturating_add(1);
        Ok(Made { node: Node::Map { length, key: Box::new(key), value: Box::new(inner.node) }, weight })
    }

    fn record(&self, fields: &[AvroField], schema: &Arc<Schema>, rules: Rules<'_>) -> Result<Made, String> {
        let sessions = sessions(rules)?;
        let (mut made, mut weight) = (Vec::with_capacity(fields.len()), 1_usize);
        for (index, (field, built)) in fields.iter().zip(&schema.fields).enumerate() {
            let path = format!("{}.{}", rules.path, field.name);
            // Rules beside the type count where the type has none of its own.
            let object = if field.avro.rules.is_empty() { &field.rules } else { &field.avro.rules };
            let rules = Rules { object, path: &path };
            // An object describes the sessions of a record that is itself a field.
            let kept = !rules.get("session").is_some_and(Json::is_object) && rules.switch("session")?;
            if kept && sessions.is_none() {
                return Err(rules.error("session", "the record around the field has no sessions"));
            }
            let node = self.node(&field.avro, &built.schema, rules)?;
            weight = weight.saturating_add(node.weight);
            made.push(Field { node: node.node, kept, walks_by: walks_by(&fields[..index], rules)? });
        }
        if let Some(sessions) = &sessions {
            weight = weight.saturating_add(sessions.count().saturating_mul(fields.len() + 1));
        }
        let record = Record { schema: Arc::clone(schema), fields: made, sessions };
        Ok(Made { node: Node::Record(Box::new(record)), weight })
    }

    fn union(&self, branches: &[Arc<Avro>], schema: &Arc<Schema>, rules: Rules<'_>) -> Result<Made, String> {
        let several = branches.iter().filter(|branch| !matches!(branch.kind, Kind::Null)).count() > 1;
        let (mut nodes, mut places, mut weight) = (Vec::new(), Vec::new(), 1);
        let mut fields = schema.fields.iter().enumerate();
        for branch in branches {
            let typed = !matches!(branch.kind, Kind::Null);
            let place = if several && typed { fields.next() } else { None };
            let branch_schema = place.map_or(schema, |(_, field)| &field.schema);
            let made = self.node(branch, branch_schema, Rules { object: &branch.rules, path: rules.path })?;
            weight = made.weight.saturating_add(weight);
            nodes.push(made.node);
            places.push(place.map(|(index, _)| index));
        }
        let choice = match rules.get("position").map(literal::whole) {
            None => rules.weights("distribution", branches.len())?,
            Some(Some(position)) if (0..branches.len() as i64).contains(&position) => Choice::Fixed(position as usize),
            Some(_) => return Err(rules.error("position", "the union has no such branch")),
        };
        let structure = several.then(|| (Arc::clone(schema), places));
        Ok(Made { node: Node::Union(Union { branches: nodes, choice, structure }), weight })
    }
}

fn inner_schema<'a>(schema: &'a Schema, path: &str) -> Result<&'a Arc<Schema>, String> {
    schema.value_schema.as_ref().ok_or_else(|| format!("{path}: the schema is missing"))
}

fn bytes(length: Length) -> Made {
    Made { node: Node::Bytes { length }, weight: length.most().saturating_add(1) }
}

/// How many values a value is made of. Texts and bytes count as one: a copy shares them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Map(map) => map.iter().map(|(_, value)| 1 + count(value)).sum(),
        Value::Struct(value) => value.values.iter().map(count).sum(),
        _ => 0_usize,
    }
}

fn options_of(avro: &Avro, schema: &Arc<Schema>, json: &Json, rules: Rules<'_>) -> Result<Made, String> {
    let read;
    let items = match json {
        Json::Array(items) => items.as_slice(),
        Json::Object(file) => {
            read = options::from_file(file).map_err(|error| rules.error("options", error))?;
            read.as_slice()
        }
        _ => return Err(rules.error("options", "an array, or an object that names a file, is expected")),
    };
    if items.is_empty() {
        return Err(rules.error("options", "there is none"));
    }
    let value = |(index, json)| literal::value(avro, schema, json, &format!("{}: options[{index}]", rules.path));
    let values = items.iter().enumerate().map(value).collect::<Result<Vec<_>, _>>()?;
    let choice = rules.weights("weights", values.len())?;
    let weight = values.iter().map(count).max().unwrap_or(1);
    Ok(Made { node: Node::Options(Options { values, choice }), weight })
}

/// The earlier field whose value a walk belongs to.
fn walks_by(earlier: &[AvroField], rules: Rules<'_>) -> Result<Option<usize>, String> {
    let by = rules.get("walk").and_then(Json::as_object).and_then(|group| group.get("by"));
    let Some(name) = by else { return Ok(None) };
    let index = earlier.iter().position(|field| Some(&*field.name) == name.as_str());
    index.map(Some).ok_or_else(|| rules.error("walk", "\"by\" must be the name of an earlier field of the record"))
}

fn sessions(rules: Rules<'_>) -> Result<Option<Sessions>, String> {
    let Some(group) = rules.get("session").and_then(Json::as_object) else { return Ok(None) };
    let count = group.get("count").and_then(literal::whole).filter(|count| (1..=MAX_SESSIONS).contains(count));
    let count = count.ok_or_else(|| rules.error("session", format!("\"count\" must be from 1 to {MAX_SESSIONS}")))?;
    let length = group.get("length").map_or(Ok(Length::DEFAULT), |json| rules.length_of("session", json))?;
    Ok(Some(Sessions::new(count as usize, length)))
}
