//! Integers and decimals.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use longshore_api::Value;
use num_bigint::{BigInt, Sign};

use super::Wrong;

/// A value of one of Connect's integer types.
pub(super) fn small(value: &Value) -> Option<i64> {
    Some(match value {
        Value::Int8(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        _ => return None,
    })
}

/// The type whose values an integer column of some width takes without a look at their size.
fn takes(bytes: usize, signed: bool, value: &Value) -> bool {
    match (bytes, signed) {
        (1, _) => matches!(value, Value::Int8(_)),
        (2, true) => matches!(value, Value::Int16(_)),
        (4, true) => matches!(value, Value::Int32(_) | Value::Date(_)),
        (8, true) => matches!(value, Value::Int64(_) | Value::Date(_)),
        (2 | 4 | 8, false) => matches!(value, Value::Int16(_) | Value::Int32(_) | Value::Int64(_)),
        _ => false,
    }
}

/// Appends an integer: of the column's own width, for unsigned columns of any, for columns beyond 64 bits also as
/// text. A date is its milliseconds. An INT64 below zero in a UInt64 keeps its bits: Connect has no unsigned numbers.
pub(super) fn integer(bytes: usize, signed: bool, value: &Value, out: &mut Vec<u8>) -> Result<(), Wrong> {
    let does_not_fit = || Wrong::because("the value does not fit");
    if bytes > 8 {
        let number = match value {
            Value::String(text) => text.trim().parse().map_err(|_| Wrong::because("it is no number"))?,
            _ => BigInt::from(small(value).ok_or(Wrong::Type)?),
        };
        return big(bytes, signed, &number, out).ok_or_else(does_not_fit);
    }
    let number = match value {
        Value::Boolean(truth) => i64::from(*truth),
        Value::Date(millis) if takes(bytes, signed, value) => *millis,
        _ if takes(bytes, signed, value) => small(value).ok_or(Wrong::Type)?,
        _ => return Err(Wrong::Type),
    };
    let keeps_bits = bytes == 8 && !signed && matches!(value, Value::Int64(_));
    let (least, most) = match (bytes, signed) {
        (8, true) => (i64::MIN, i64::MAX),
        (8, false) => (if keeps_bits { i64::MIN } else { 0 }, i64::MAX),
        (_, true) => (-1 << (bytes * 8 - 1), (1 << (bytes * 8 - 1)) - 1),
        (_, false) => (0, (1 << (bytes * 8)) - 1),
    };
    if !(least..=most).contains(&number) {
        return Err(does_not_fit());
    }
    out.extend_from_slice(&number.to_le_bytes()[..bytes]);
    Ok(())
}

/// Appends a decimal: a Decimal, or a number or its text. Digits behind the column's scale are cut, as in the Java
/// connector.
pub(super) fn decimal(bytes: usize, precision: u32, scale: u32, value: &Value, out: &mut Vec<u8>) -> Result<(), Wrong> {
    let number = match value {
        Value::Decimal(number) => Cow::Borrowed(number),
        Value::String(text) => Cow::Owned(text.trim().parse().map_err(|_| Wrong::because("it is no number"))?),
        Value::Float32(_) | Value::Float64(_) => {
            let text = longshore_formats::java_text::value(value);
            Cow::Owned(text.parse().map_err(|_| Wrong::because("it is no number"))?)
        }
        _ => Cow::Owned(BigDecimal::from(small(value).ok_or(Wrong::Type)?)),
    };
    let does_not_fit = || Wrong::because("the value does not fit");
    if bytes <= 16
        && let Some(unscaled) = short(&number, i64::from(scale))
    {
        let most = 10u128.pow(precision);
        if unscaled.unsigned_abs() >= most {
            return Err(does_not_fit());
        }
        out.extend_from_slice(&unscaled.to_le_bytes()[..bytes]);
        return Ok(());
    }
    let unscaled = unscaled(&number, i64::from(scale)).ok_or_else(does_not_fit)?;
    if unscaled.magnitude() >= BigInt::from(10).pow(precision).magnitude() {
        return Err(does_not_fit());
    }
    big(bytes, true, &unscaled, out).ok_or_else(does_not_fit)
}

/// The digits of a number at a scale, those behind it cut, where 128 bits hold all that is needed to compute them: most
/// numbers are that short.
fn short(number: &BigDecimal, scale: i64) -> Option<i128> {
    let (digits, own) = number.as_bigint_and_scale();
    let digits = i128::try_from(&*digits).ok()?;
    let shift = scale.checked_sub(own)?;
    let power = 10i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
    if shift >= 0 { digits.checked_mul(power) } else { Some(digits / power) }
}

/// More digits than the widest column can have, with room: nobody should have to compute 10 to the power of a billion.
const MOST_SHIFT: i64 = 1000;

/// The digits of a number at a scale, those behind it cut; `None` if they are too many.
fn unscaled(number: &BigDecimal, scale: i64) -> Option<BigInt> {
    let (digits, own) = number.as_bigint_and_exponent();
    let shift = scale.checked_sub(own)?;
    let power = |digits: i64| u32::try_from(digits).ok().map(|digits| BigInt::from(10).pow(digits));
    if digits.sign() == Sign::NoSign {
        Some(digits)
    } else if shift >= 0 {
        (shift <= MOST_SHIFT).then(|| power(shift)).flatten().map(|power| digits * power)
    } else if -shift > MOST_SHIFT + i64::try_from(digits.bits()).unwrap_or(i64::MAX) {
        Some(BigInt::default())
    } else {
        power(-shift).map(|power| digits / power)
    }
}

/// Appends a number's two's complement; `None` if it does not fit.
fn big(bytes: usize, signed: bool, number: &BigInt, out: &mut Vec<u8>) -> Option<()> {
    let is_negative = number.sign() == Sign::Minus;
    if is_negative && !signed {
        return None;
    }
    let mut digits = if signed { number.to_signed_bytes_le() } else { number.to_bytes_le().1 };
    if digits.len() > bytes {
        return None;
    }
    digits.resize(bytes, if is_negative { 0xFF } else { 0 });
    out.extend_from_slice(&digits);
    Some(())
}
