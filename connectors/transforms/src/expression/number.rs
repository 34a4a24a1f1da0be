//! Numbers of several types beside each other: the order of values, and arithmetic.

use std::cmp::Ordering;

use bigdecimal::{BigDecimal, Zero};
use longshore_api::Value;
use longshore_formats::{java_number, java_text};

use super::steps::Steps;
use super::tree::Operator;

/// Decimals whose scales differ by more are compared and added as floating-point numbers are: writing one with the
/// digits of the other would take more memory than a record is worth.
const MAX_SCALES_APART: i64 = 20_000;

/// A number, whatever its width.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number<'a> {
    Integer(i64),
    Float(f64),
    Decimal(&'a BigDecimal),
}

impl<'a> Number<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Int8(value) => Number::Integer((*value).into()),
            Value::Int16(value) => Number::Integer((*value).into()),
            Value::Int32(value) => Number::Integer((*value).into()),
            Value::Int64(value) => Number::Integer(*value),
            Value::Float32(value) => Number::Float((*value).into()),
            Value::Float64(value) => Number::Float(*value),
            Value::Decimal(value) => Number::Decimal(value),
            _ => return None,
        })
    }

    pub(super) fn to_float(self) -> f64 {
        match self {
            Number::Integer(value) => value as f64,
            Number::Float(value) => value,
            Number::Decimal(value) => java_number::double(&java_text::decimal(value)).unwrap_or(f64::NAN),
        }
    }

    fn to_decimal(self) -> Option<BigDecimal> {
        match self {
            Number::Integer(value) => Some(value.into()),
            Number::Decimal(value) => Some(value.clone()),
            Number::Float(_) => None,
        }
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Number::Integer(one), Number::Integer(other)) => Some(one.cmp(&other)),
            (Number::Integer(one), Number::Float(other)) => integer_to_float(one, other),
            (Number::Float(one), Number::Integer(other)) => integer_to_float(other, one).map(Ordering::reverse),
            (Number::Float(one), other) => one.partial_cmp(&other.to_float()),
            (one, Number::Float(other)) => one.to_float().partial_cmp(&other),
            (one, other) => {
                let (left, right) = (one.to_decimal()?, other.to_decimal()?);
                if are_apart(&left, &right) {
                    return one.to_float().partial_cmp(&other.to_float());
                }
                Some(left.cmp(&right))
            }
        }
    }
}

fn are_apart(one: &BigDecimal, other: &BigDecimal) -> bool {
    let scale = |value: &BigDecimal| value.as_bigint_and_exponent().1;
    scale(one).abs_diff(scale(other)) > MAX_SCALES_APART as u64
}

/// Exact, though a float has not the digits of each integer.
fn integer_to_float(one: i64, other: f64) -> Option<Ordering> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if other.is_nan() {
        return None;
    }
    if other >= END {
        return Some(Ordering::Less);
    }
    if other < -END {
        return Some(Ordering::Greater);
    }
    let whole = other.trunc();
    let fraction = 0.0_f64.partial_cmp(&(other - whole))?;
    Some(one.cmp(&(whole as i64)).then(fraction))
}

/// The order of two values of like types; `None` where there is none.
pub(super) fn compare(one: &Value, other: &Value, steps: &mut Steps) -> Option<Ordering> {
    steps.take(1);
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            steps.take_bytes(one.len().min(other.len()));
            Some(one.cmp(other))
        }
        (Value::Boolean(one), Value::Boolean(other)) => Some(one.cmp(other)),
        (Value::Bytes(one), Value::Bytes(other)) => {
            steps.take_bytes(one.len().min(other.len()));
            Some(one.cmp(other))
        }
        (Value::Date(one), Value::Date(other)) => Some(one.cmp(other)),
        _ => Number::of(one)?.compare(Number::of(other)?),
    }
}

/// Whether two values are the same: numbers by what they are worth, values of unlike types never. The answer counts for
/// nothing where no steps are left.
pub(super) fn is_equal(one: &Value, other: &Value, steps: &mut Steps) -> bool {
    steps.take(1);
    if !steps.are_left() {
        return false;
    }
    match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_equal(one, other, steps))
        }
        (Value::Map(_) | Value::Struct(_), Value::Map(_) | Value::Struct(_)) => {
            let (one, other) = (entries(one), entries(other));
            steps.take((one.len() + other.len()) as u64);
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other.iter().any(|(known, other)| is_equal(key, known, steps) && is_equal(value, other, steps))
                })
        }
        _ => compare(one, other, steps) == Some(Ordering::Equal),
    }
}

fn entries(value: &Value) -> Vec<(std::borrow::Cow<'_, Value>, &Value)> {
    use std::borrow::Cow;
    match value {
        Value::Map(map) => map.iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect(),
        Value::Struct(of) => {
            let names =
                of.schema.fields.iter().map(|field| Cow::Owned(Value::String(std::sync::Arc::clone(&field.name))));
            names.zip(&of.values).collect()
        }
        _ => Vec::new(),
    }
}

/// How much work an operation with numbers is, beside that of any step.
pub(super) fn cost(one: &Value, other: &Value) -> u64 {
    let digits = |value: &Value| match value {
        Value::Decimal(value) => value.as_bigint_and_exponent().0.bits() / 64,
        _ => 0,
    };
    digits(one).saturating_mul(digits(other).max(1)).saturating_add(digits(other))
}

/// The result of an operator on two numbers. `None` where one of them is none.
///
/// # Errors
/// Says why there is no result.
pub(super) fn arithmetic(operator: Operator, one: &Value, other: &Value) -> Option<Result<Value, String>> {
    let (one, other) = (Number::of(one)?, Number::of(other)?);
    Some(match (one, other) {
        (Number::Integer(one), Number::Integer(other)) => integers(operator, one, other),
        (Number::Float(_), _) | (_, Number::Float(_)) => Ok(floats(operator, one.to_float(), other.to_float())),
        (one, other) => match (one.to_decimal(), other.to_decimal()) {
            (Some(left), Some(right)) => decimals(operator, &left, &right)
                .unwrap_or_else(|| Ok(floats(operator, one.to_float(), other.to_float()))),
            _ => Ok(floats(operator, one.to_float(), other.to_float())),
        },
    })
}

fn integers(operator: Operator, one: i64, other: i64) -> Result<Value, String> {
    let result = match operator {
        Operator::Add => one.checked_add(other),
        Operator::Subtract => one.checked_sub(other),
        Operator::Multiply => one.checked_mul(other),
        Operator::Divide | Operator::Remainder if other == 0 => return Err("division by zero".into()),
        Operator::Divide => one.checked_div(other),
        _ => one.checked_rem(other),
    };
    result.map(Value::Int64).ok_or_else(|| "a number out of range".into())
}

fn floats(operator: Operator, one: f64, other: f64) -> Value {
    Value::Float64(match operator {
        Operator::Add => one + other,
        Operator::Subtract => one - other,
        Operator::Multiply => one * other,
        Operator::Divide => one / other,
        _ => one % other,
    })
}

/// `None` where floating-point numbers have to do: for division, whose digits may never end.
fn decimals(operator: Operator, one: &BigDecimal, other: &BigDecimal) -> Option<Result<Value, String>> {
    let result = match operator {
        Operator::Divide | Operator::Remainder if other.is_zero() => return Some(Err("division by zero".into())),
        Operator::Divide | Operator::Remainder => return None,
        Operator::Multiply => {
            let scale = |value: &BigDecimal| value.as_bigint_and_exponent().1;
            scale(one).checked_add(scale(other)).filter(|scale| i32::try_from(*scale).is_ok())?;
            one * other
        }
        _ if are_apart(one, other) => return None,
        Operator::Add => one + other,
        _ => one - other,
    };
    Some(Ok(Value::Decimal(result)))
}
