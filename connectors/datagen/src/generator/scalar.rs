//! The rules of numbers, times and texts.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::Value as Json;

use super::Node;
use super::literal::whole_form;
use super::now::Now;
use super::number::{Decimal, Form, Range, RealRange, Walk};
use super::pattern::Pattern;
use super::rules::{Length, Rules};
use super::text::{Body, Text};
use crate::avro::{Avro, Kind, Logical};

/// Milliseconds from the epoch to the year 2100: where time stamps without a rule lie.
const CENTURY: i64 = 4_102_444_800_000;

/// The least and the greatest whole number of a type.
pub(super) fn whole_limits(avro: &Avro) -> (i64, i64) {
    match avro.kind {
        Kind::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The least and the greatest number of a type.
pub(super) fn real_limits(avro: &Avro) -> (f64, f64) {
    let most = if matches!(avro.kind, Kind::Float) { f64::from(f32::MAX) } else { f64::MAX };
    (-most, most)
}

pub(super) fn real_form(avro: &Avro) -> Form {
    if matches!(avro.kind, Kind::Float) { Form::Float32 } else { Form::Float64 }
}

pub(super) fn number(avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
    if matches!(avro.kind, Kind::Float | Kind::Double) {
        let (low, high) = rules.real_range(real_limits(avro), (0.0, 1.0))?;
        return Ok(Node::Real(RealRange { form: real_form(avro), low, high }));
    }
    let limits = whole_limits(avro);
    let default = match avro.logical {
        Some(Logical::Date) => (0, CENTURY / 86_400_000),
        Some(Logical::TimeMillis) => (0, 86_399_999),
        Some(Logical::TimeMicros) => (0, 86_399_999_999),
        Some(Logical::TimestampMillis) => (0, CENTURY),
        Some(Logical::TimestampMicros) => (0, CENTURY * 1000),
        _ => limits,
    };
    let (low, high) = rules.range(limits, default)?;
    Ok(Node::Whole(Range { form: whole_form(avro), low, high }))
}

pub(super) fn decimal(avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
    let Some(Logical::Decimal { precision, scale }) = avro.logical else {
        return Err(rules.error("logicalType", "a decimal is expected"));
    };
    let most = 10_i128.pow(precision) - 1;
    let unit = 10_f64.powi(scale as i32);
    let limit = most as f64 / unit;
    let (low, high) = match rules.group("range")? {
        None => (-most, most),
        Some(_) => {
            let (low, high) = rules.real_range((-limit, limit), (-limit, limit))?;
            // The upper end is not in the range; rounding first keeps 10.10 from becoming 10.09.
            let (low, end) = (rounded(low * unit).ceil() as i128, rounded(high * unit).ceil() as i128);
            (low.clamp(-most, most), (end - 1).clamp(-most, most))
        }
    };
    if low > high {
        return Err(rules.error("range", "no number of the scale lies in it"));
    }
    Ok(Node::Decimal(Decimal { scale, low, high }))
}

/// A number that is as good as whole, made whole.
fn rounded(number: f64) -> f64 {
    let whole = number.round();
    if (number - whole).abs() < 1e-6 { whole } else { number }
}

pub(super) fn now(avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
    Ok(Node::Now(match (&avro.kind, avro.logical) {
        (_, Some(Logical::TimestampMillis)) => Now::Timestamp,
        (_, Some(Logical::TimestampMicros)) => Now::Micros,
        (_, Some(Logical::Date)) => Now::Date,
        (Kind::Long, None) => Now::Long,
        (Kind::String, None) => Now::Text,
        _ => return Err(rules.error("now", "is for long, string, date and the time stamps")),
    }))
}

pub(super) fn walk(avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
    let (form, limits) = match (&avro.kind, avro.logical) {
        (_, Some(Logical::Decimal { precision, scale })) => {
            let most = (10_f64.powi(precision as i32) - 1.0) / 10_f64.powi(scale as i32);
            (Form::Decimal { scale }, (-most, most))
        }
        (Kind::Int | Kind::Long, _) => {
            let (low, high) = whole_limits(avro);
            (whole_form(avro), (low as f64, high as f64))
        }
        (Kind::Float | Kind::Double, _) => (real_form(avro), real_limits(avro)),
        _ => return Err(rules.error("walk", "is for numbers")),
    };
    let group = rules.group("walk")?.ok_or_else(|| rules.error("walk", "an object is expected"))?;
    let number = |name: &str| rules.number("walk", group, name);
    let (min, max) = (number("min")?.unwrap_or(limits.0), number("max")?.unwrap_or(limits.1));
    let start = match group.get("start") {
        Some(Json::Object(range)) => {
            let end = |name: &str| rules.number("walk", range, name);
            (end("min")?.unwrap_or(min), end("max")?.unwrap_or(max))
        }
        _ => {
            let start = number("start")?.ok_or_else(|| rules.error("walk", "\"start\" is missing"))?;
            (start, start)
        }
    };
    let step = number("step")?.ok_or_else(|| rules.error("walk", "\"step\" is missing"))?;
    let fits = limits.0 <= min && min <= start.0 && start.0 <= start.1 && start.1 <= max && max <= limits.1;
    if !fits || step < 0.0 {
        return Err(rules.error(
            "walk",
            "\"start\" must lie between \"min\" and \"max\", both in the range of the type, and \"step\" be at least 0",
        ));
    }
    let round = match number("decimals")? {
        None => None,
        Some(digits) if digits.fract() == 0.0 && (0.0..=15.0).contains(&digits) => Some(10_f64.powi(digits as i32)),
        Some(_) => return Err(rules.error("walk", "\"decimals\" must be a whole number from 0 to 15")),
    };
    Ok(Node::Walk(Walk { form, start, step, min, max, round, places: HashMap::new() }))
}

/// How a text is made, and how long it gets at most.
pub(super) fn plain_text(rules: Rules<'_>, uuid: bool) -> Result<(Text, usize), String> {
    let (prefix, suffix) = (rules.text("prefix")?.to_owned(), rules.text("suffix")?.to_owned());
    let expression = rules.text("regex")?;
    let length = rules.get("length").map(|json| rules.length_of("length", json)).transpose()?;
    let body = if let Some(json) = rules.get("options") {
        let options = json.as_array().filter(|options| !options.is_empty());
        let options = options.map(|options| options.iter().map(|option| option.as_str().map(Into::into)).collect());
        Body::Options(options.flatten().ok_or_else(|| rules.error("options", "an array of strings is expected"))?)
    } else if !expression.is_empty() {
        let reach = length.map_or(0, |length| length.most() as u32);
        let pattern = Pattern::new(expression, reach).map_err(|error| rules.error("regex", error))?;
        match length {
            None => Body::Pattern(pattern),
            Some(length) => {
                // A bare number is the least length of what a regex gives.
                let bare = rules.get("length").is_some_and(Json::is_number);
                let length = if bare { length.or_more() } else { length };
                let mut rng = SmallRng::seed_from_u64(0);
                Body::measured(pattern, length, &mut rng).map_err(|error| rules.error("length", error))?
            }
        }
    } else if uuid || rules.text("kind")? == "uuid" {
        Body::Uuid
    } else {
        Body::Letters(length.unwrap_or(Length::DEFAULT))
    };
    let weight = prefix.len() + suffix.len() + body.longest();
    Ok((Text { prefix, suffix, body }, weight.saturating_add(1)))
}

/// Values that fit the type and break its rules.
pub(super) fn spoilt(avro: &Avro, rules: Rules<'_>) -> Result<Node, String> {
    match avro.kind {
        Kind::String => {
            let body = Body::Letters(Length::DEFAULT);
            Ok(Node::Text(Text { prefix: "?".to_owned(), suffix: String::new(), body }))
        }
        Kind::Int | Kind::Long if avro.logical.is_none() => {
            let (low, high) = whole_limits(avro);
            Ok(Node::Whole(Range { form: whole_form(avro), low, high }))
        }
        Kind::Float | Kind::Double => {
            let (low, high) = real_limits(avro);
            Ok(Node::Real(RealRange { form: real_form(avro), low, high }))
        }
        _ => Err(rules.error("malformed.rate", "is for strings and numbers")),
    }
}
