//! Numbers: at random, counted, walking.

use std::collections::HashMap;
use std::sync::Arc;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;
use longshore_api::Value;
use rand::Rng;
use rand::rngs::SmallRng;

use super::Env;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// How many walks are remembered for a rule. More than that many walkers begin anew each time.
pub(super) const MAX_WALKS: usize = 10_000;

/// What a number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Form {
    Int32,
    Int64,
    Float32,
    Float64,
    /// Days since the epoch.
    Date,
    /// Milliseconds, of the day or since the epoch.
    Millis,
    Decimal {
        scale: u32,
    },
    Text,
}

impl Form {
    /// A whole number in this form. It is in the type's range by construction.
    pub(super) fn whole(self, number: i64) -> Value {
        match self {
            Form::Int32 => Value::Int32(number as i32),
            Form::Int64 => Value::Int64(number),
            Form::Float32 => Value::Float32(number as f32),
            Form::Float64 => Value::Float64(number as f64),
            Form::Date => Value::Date(number.saturating_mul(DAY)),
            Form::Millis => Value::Date(number),
            Form::Decimal { .. } => self.real(number as f64),
            Form::Text => Value::string(number.to_string()),
        }
    }

    /// A number in this form, cut to the type's range.
    pub(super) fn real(self, number: f64) -> Value {
        match self {
            Form::Int32 => Value::Int32(number.round() as i32),
            Form::Float32 => Value::Float32(number as f32),
            Form::Float64 => Value::Float64(number),
            Form::Decimal { scale } => decimal((number * 10_f64.powi(scale as i32)).round() as i128, scale),
            Form::Int64 | Form::Date | Form::Millis | Form::Text => self.whole(number.round() as i64),
        }
    }
}

fn decimal(unscaled: i128, scale: u32) -> Value {
    Value::Decimal(BigDecimal::new(BigInt::from(unscaled), i64::from(scale)))
}

/// Whole numbers from `low` to `high`, both included.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) form: Form,
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    pub(super) fn make(&self, rng: &mut SmallRng) -> Value {
        self.form.whole(rng.random_range(self.low..=self.high))
    }
}

/// Decimals from `low` to `high`, both included and unscaled.
#[derive(Debug)]
pub(super) struct Decimal {
    pub(super) scale: u32,
    pub(super) low: i128,
    pub(super) high: i128,
}

impl Decimal {
    pub(super) fn make(&self, rng: &mut SmallRng) -> Value {
        decimal(rng.random_range(self.low..=self.high), self.scale)
    }
}

/// Numbers from `low` to below `high`.
#[derive(Debug)]
pub(super) struct RealRange {
    pub(super) form: Form,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl RealRange {
    pub(super) fn make(&self, rng: &mut SmallRng) -> Value {
        let number = between((self.low, self.high), rng.random());
        // Rounding to the narrower type may reach the end, which is not in the range.
        match self.form {
            Form::Float32 if number as f32 >= self.high as f32 => self.form.real(self.low),
            _ if number >= self.high => self.form.real(self.low),
            _ => self.form.real(number),
        }
    }
}

/// The number at a part, from 0 to 1, of the way from the first to the second.
fn between((low, high): (f64, f64), part: f64) -> f64 {
    // Not low + part * (high - low): the difference of two large numbers has no room in the type.
    low * (1.0 - part) + high * part
}

/// Whole numbers one after another, from the start again when the end is reached.
#[derive(Debug)]
pub(super) struct Counter {
    form: Form,
    start: i64,
    direction: i128,
    step: i128,
    span: i128,
    at: i128,
    affixes: Option<(Arc<str>, Arc<str>)>,
}

/// What a counting rule says, its defaults filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<T> {
    pub(super) start: T,
    pub(super) restart: T,
    pub(super) step: T,
    pub(super) initial: T,
}

impl Counter {
    /// Counts on at a place in the series.
    pub(super) fn new(form: Form, series: Series<i64>, index: u64) -> Self {
        let Series { start, restart, step, initial } = series;
        let direction = if restart < start { -1 } else { 1 };
        let span = (i128::from(restart) - i128::from(start)) * direction;
        let step = i128::from(step) * direction % span;
        let first = (i128::from(initial) - i128::from(start)) * direction;
        let at = i128::from(index).saturating_mul(step).saturating_add(first).rem_euclid(span);
        Self { form, start, direction, step, span, at, affixes: None }
    }

    pub(super) fn with_affixes(mut self, prefix: &str, suffix: &str) -> Self {
        self.affixes = Some((prefix.into(), suffix.into()));
        self
    }

    pub(super) fn make(&mut self) -> Value {
        let number = (i128::from(self.start) + self.direction * self.at) as i64;
        self.at = (self.at + self.step).rem_euclid(self.span);
        match &self.affixes {
            None => self.form.whole(number),
            Some((prefix, suffix)) => Value::string(format!("{prefix}{number}{suffix}")),
        }
    }
}

/// Numbers one after another, from the start again when the end is reached.
#[derive(Debug)]
pub(super) struct RealCounter {
    pub(super) form: Form,
    pub(super) series: Series<f64>,
    pub(super) index: u64,
}

impl RealCounter {
    pub(super) fn make(&mut self) -> Value {
        let Series { start, restart, step, initial } = self.series;
        let number = start + (initial - start + self.index as f64 * step) % (restart - start);
        self.index = self.index.wrapping_add(1);
        self.form.real(number)
    }
}

/// Whose walk it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Walker {
    /// Everybody's.
    All,
    /// Of a session.
    Session(usize),
    /// Of a sibling that is a number, or stands for one.
    Number(i64),
    /// Of a sibling that is a text.
    Text(Arc<str>),
}

impl Walker {
    /// The walker that a sibling's value stands for.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Walker::Text(Arc::clone(text)),
            Value::Int32(number) => Walker::Number(i64::from(*number)),
            Value::Int64(number) | Value::Date(number) => Walker::Number(*number),
            Value::Boolean(value) => Walker::Number(i64::from(*value)),
            _ => Walker::All,
        }
    }
}

/// A number that moves a little from record to record.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) form: Form,
    /// Where a walk begins, from the first to below the second.
    pub(super) start: (f64, f64),
    /// The most that a value differs from the one before it.
    pub(super) step: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Digits that are kept after the point.
    pub(super) round: Option<f64>,
    pub(super) places: HashMap<Walker, f64>,
}

impl Walk {
    pub(super) fn make(&mut self, env: &mut Env) -> Value {
        let (walker, anew) = match (env.walker.take(), env.session) {
            (Some(walker), _) => (walker, false),
            (None, Some(slot)) => (Walker::Session(slot.index), slot.fresh),
            (None, None) => (Walker::All, false),
        };
        let place = match self.places.get(&walker) {
            Some(place) if !anew => {
                let step = self.step * (env.rng.random::<f64>() * 2.0 - 1.0);
                (place + step).clamp(self.min, self.max)
            }
            _ => between(self.start, env.rng.random()),
        };
        if self.places.len() < MAX_WALKS || self.places.contains_key(&walker) {
            self.places.insert(walker, place);
        }
        self.form.real(self.rounded(place))
    }

    fn rounded(&self, number: f64) -> f64 {
        match self.round {
            None => number,
            Some(factor) => ((number * factor).round() / factor).clamp(self.min, self.max),
        }
    }
}
