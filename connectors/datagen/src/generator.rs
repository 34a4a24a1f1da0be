//! Makes up values that fit a description.

mod compile;
mod literal;
mod now;
mod number;
pub(crate) mod options;
mod pattern;
mod record;
mod rules;
mod scalar;
mod schema;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use longshore_api::{Map, Schema, Struct, Value};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

use number::{Counter, Decimal, Range, RealCounter, RealRange, Walk};
use record::Record;
use text::Text;

/// Makes records of one description, one after another.
///
/// The same description, seed and place in the series give the same values, except for the time of day and for what
/// is remembered from record to record (sessions, walks), which begins anew with each generator.
pub struct Generator {
    schema: Arc<Schema>,
    root: Node,
    env: Env,
}

/// What the making of a value draws on.
struct Env {
    rng: SmallRng,
    /// Milliseconds since the epoch.
    now: i64,
    /// The session of the record that is being made.
    session: Option<record::Slot>,
    /// Whose walk goes on.
    walker: Option<number::Walker>,
}

/// How the values of one type are made.
enum Node {
    Constant(Value),
    Options(Options),
    Boolean {
        odds: f64,
    },
    /// `first` in even places of the series.
    Alternating {
        first: bool,
        index: u64,
    },
    Whole(Range),
    Counter(Counter),
    Real(RealRange),
    RealCounter(RealCounter),
    Decimal(Decimal),
    Walk(Walk),
    Now(now::Now),
    Text(Text),
    Bytes {
        length: rules::Length,
    },
    Array {
        length: rules::Length,
        item: Box<Node>,
    },
    Map {
        length: rules::Length,
        key: Box<Text>,
        value: Box<Node>,
    },
    Record(Box<Record>),
    Union(Union),
    /// Now and then what breaks the rules.
    Spoiled {
        rate: f64,
        spoilt: Box<Node>,
        sound: Box<Node>,
    },
}

/// One of several values.
struct Options {
    values: Vec<Value>,
    choice: Choice,
}

/// One of several types.
struct Union {
    branches: Vec<Node>,
    choice: Choice,
    /// The struct that holds the branches and for each of them its field; `None` if the value stands for itself.
    structure: Option<(Arc<Schema>, Vec<Option<usize>>)>,
}

/// How one of several is chosen.
enum Choice {
    Even,
    /// Sums of the weights up to each.
    Weighted(Vec<f64>),
    Fixed(usize),
}

impl Choice {
    fn pick(&self, count: usize, rng: &mut SmallRng) -> usize {
        match self {
            Choice::Fixed(index) => *index,
            Choice::Even => rng.random_range(0..count),
            Choice::Weighted(sums) => {
                let at = rng.random::<f64>() * sums.last().copied().unwrap_or(0.0);
                sums.partition_point(|sum| *sum <= at).min(count - 1)
            }
        }
    }
}

impl Generator {
    /// A generator of what the description says: Avro's JSON with rules. `series` is the place in the series of the
    /// next record, from 0; rules that count go on from there.
    ///
    /// # Errors
    /// What is wrong with the description, and where in it.
    pub fn new(description: &str, series: u64) -> Result<Self, String> {
        let avro = crate::avro::parse(description)?;
        let schema = schema::of(&avro)?;
        let root = compile::compile(&avro, &schema, series)?;
        Ok(Self { schema, root, env: Env { rng: SmallRng::seed_from_u64(0), now: 0, session: None, walker: None } })
    }

    /// What the values are.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The next value; `seed` decides everything that is left to chance, `now` is in milliseconds since the epoch.
    /// Gives the seed for the value after it too.
    pub fn next(&mut self, seed: u64, now: i64) -> (Value, u64) {
        self.env.rng = SmallRng::seed_from_u64(seed);
        self.env.now = now;
        let value = self.root.make(&mut self.env);
        (value, self.env.rng.next_u64())
    }
}

impl Node {
    fn make(&mut self, env: &mut Env) -> Value {
        match self {
            Node::Constant(value) => value.clone(),
            Node::Options(options) => {
                let index = options.choice.pick(options.values.len(), &mut env.rng);
                options.values[index].clone()
            }
            Node::Boolean { odds } => Value::Boolean(env.rng.random::<f64>() < *odds),
            Node::Alternating { first, index } => {
                *index = index.wrapping_add(1);
                Value::Boolean(*first == (*index % 2 == 1))
            }
            Node::Whole(range) => range.make(&mut env.rng),
            Node::Counter(counter) => counter.make(),
            Node::Real(range) => range.make(&mut env.rng),
            Node::RealCounter(counter) => counter.make(),
            Node::Decimal(decimal) => decimal.make(&mut env.rng),
            Node::Walk(walk) => walk.make(env),
            Node::Now(now) => now.make(env.now),
            Node::Text(text) => text.make(&mut env.rng),
            Node::Bytes { length } => {
                let mut bytes = vec![0; length.pick(&mut env.rng)];
                env.rng.fill_bytes(&mut bytes);
                Value::Bytes(bytes.into())
            }
            Node::Array { length, item } => {
                let count = length.pick(&mut env.rng);
                Value::Array((0..count).map(|_| item.make(env)).collect())
            }
            Node::Map { length, key, value } => {
                let count = length.pick(&mut env.rng);
                Value::Map((0..count).map(|_| (key.make(&mut env.rng), value.make(env))).collect::<Map>())
            }
            Node::Record(record) => record.make(env),
            Node::Union(union) => union.make(env),
            Node::Spoiled { rate, spoilt, sound } => {
                let spoil = env.rng.random::<f64>() < *rate;
                if spoil { spoilt.make(env) } else { sound.make(env) }
            }
        }
    }
}

impl Union {
    fn make(&mut self, env: &mut Env) -> Value {
        let index = self.choice.pick(self.branches.len(), &mut env.rng);
        let value = self.branches[index].make(env);
        match &self.structure {
            None => value,
            Some((schema, places)) => match places[index] {
                None => Value::Null,
                Some(place) => {
                    let mut values = vec![Value::Null; schema.fields.len()];
                    values[place] = value;
                    Value::Struct(Struct { schema: Arc::clone(schema), values })
                }
            },
        }
    }
}
