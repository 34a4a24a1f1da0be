//! What a filter asks.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;
use longshore_api::Value;
use longshore_formats::java_regex::JavaRegex;
use longshore_formats::{java_number, java_text};

use super::JsonPath;

#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Exists(Operand),
    Compare(Operand, Operator, Operand),
    Matches(Operand, JavaRegex),
    /// Whether a value is one of the others; the flag turns it round.
    In(Operand, Vec<Value>, bool),
}

#[derive(Debug)]
pub(super) enum Operand {
    Literal(Value),
    /// From the value that is looked at, `@`.
    Here(JsonPath),
    /// From the whole, `$`.
    Root(JsonPath),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operand {
    /// `None` where the path leads nowhere.
    fn value<'v>(&'v self, root: &'v Value, here: &'v Value) -> Option<&'v Value> {
        match self {
            Operand::Literal(value) => Some(value),
            Operand::Here(path) => path.select(root, here).first().copied(),
            Operand::Root(path) => path.select(root, root).first().copied(),
        }
    }
}

impl Condition {
    pub(super) fn holds(&self, root: &Value, here: &Value) -> bool {
        match self {
            Condition::All(parts) => parts.iter().all(|part| part.holds(root, here)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(root, here)),
            Condition::Not(inner) => !inner.holds(root, here),
            Condition::Exists(operand) => operand.value(root, here).is_some(),
            Condition::Compare(left, operator, right) => {
                let order = compare(left.value(root, here), right.value(root, here));
                match operator {
                    Operator::Equal => order == Some(Ordering::Equal),
                    Operator::NotEqual => order != Some(Ordering::Equal),
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::Greater => order == Some(Ordering::Greater),
                    Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                }
            }
            Condition::Matches(operand, regex) => match operand.value(root, here) {
                Some(Value::String(text)) => regex.matches(text).unwrap_or(false),
                None | Some(Value::Null | Value::Array(_) | Value::Map(_) | Value::Struct(_)) => false,
                // Numbers and truth values are matched as text.
                Some(value) => regex.matches(&java_text::value(value)).unwrap_or(false),
            },
            Condition::In(operand, values, negated) => {
                let value = operand.value(root, here);
                values.iter().any(|one| compare(value, Some(one)) == Some(Ordering::Equal)) != *negated
            }
        }
    }
}

/// How two values stand to each other; `None` where they cannot be compared, as with a missing one.
fn compare(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    let (left, right) = (left?, right?);
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Boolean(left), Value::Boolean(right)) => (left == right).then_some(Ordering::Equal),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => (left == right).then_some(Ordering::Equal),
        },
    }
}

fn number(value: &Value) -> Option<BigDecimal> {
    Some(match value {
        Value::Int8(value) => BigDecimal::from(*value),
        Value::Int16(value) => BigDecimal::from(*value),
        Value::Int32(value) => BigDecimal::from(*value),
        Value::Int64(value) | Value::Date(value) => BigDecimal::from(*value),
        Value::Float32(_) | Value::Float64(_) => return java_number::decimal(&java_text::value(value)),
        Value::Decimal(value) => value.clone(),
        _ => return None,
    })
}
