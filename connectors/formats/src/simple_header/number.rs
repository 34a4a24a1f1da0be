//! The smallest type that holds a number.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use longshore_api::schema::logical;
use longshore_api::{Data, Schema, Type, Value};
use num_bigint::BigInt;

use super::typed;

/// Longer ones stay text: reading them takes time that grows with the square of their length.
const MAX_DIGITS: usize = 10_000;

/// A number as Java's BigDecimal reads it; `None` if the text is none.
pub(super) fn parse(text: &str) -> Option<Data> {
    let number = Written::read(text)?;
    if let Some(integer) = number.to_i64() {
        return Some(smallest(integer));
    }
    // What is written without a fraction or exponent keeps all its digits.
    if number.scale != 0 {
        if let Some(float) = text.parse::<f32>().ok().filter(|float| float.is_finite()) {
            return Some(typed(Type::Float32, Value::Float32(float)));
        }
        if let Some(double) = text.parse::<f64>().ok().filter(|double| double.is_finite()) {
            return Some(typed(Type::Float64, Value::Float64(double)));
        }
    }
    let unscaled = BigInt::parse_bytes(number.digits.as_bytes(), 10)?;
    let unscaled = if number.negative { -unscaled } else { unscaled };
    let mut schema = Schema::new(Type::Bytes).named(logical::DECIMAL);
    schema.version = Some(1);
    schema.parameters.insert("scale".to_owned(), number.scale.to_string());
    Some(Data::new(Arc::new(schema), Value::Decimal(BigDecimal::new(unscaled, i64::from(number.scale)))))
}

fn smallest(integer: i64) -> Data {
    if let Ok(integer) = i8::try_from(integer) {
        typed(Type::Int8, Value::Int8(integer))
    } else if let Ok(integer) = i16::try_from(integer) {
        typed(Type::Int16, Value::Int16(integer))
    } else if let Ok(integer) = i32::try_from(integer) {
        typed(Type::Int32, Value::Int32(integer))
    } else {
        typed(Type::Int64, Value::Int64(integer))
    }
}

/// A number's digits, and how many of them are behind the point.
struct Written {
    negative: bool,
    digits: String,
    scale: i32,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = i32::try_from(fraction.len() as i64 - exponent).ok()?;
        Some(Self { negative: text.starts_with('-'), digits, scale })
    }

    /// The value, if it is an integer of 64 bits.
    fn to_i64(&self) -> Option<i64> {
        let digits = self.digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(0);
        }
        let zeros = (digits.len() - significant.len()) as i64 - i64::from(self.scale);
        if significant.len() > 19 || !(0..=18).contains(&zeros) {
            return None;
        }
        let magnitude = significant.parse::<i128>().ok()?.checked_mul(10_i128.pow(zeros as u32))?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude: i64 = digits.parse().ok().filter(|magnitude| *magnitude <= i64::from(i32::MAX))?;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}
