//! A JSON number, and what Java makes of it.

use bigdecimal::BigDecimal;
use num_bigint::BigInt;

/// A number as it is written; its text is well formed and at most [`Number::MAX_DIGITS`] digits long, leading zeros
/// not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a> {
    pub(super) text: &'a str,
    pub(super) integral: bool,
    /// Digits after the point, if it is a decimal without exponent.
    pub(super) fraction: Option<usize>,
}

impl<'a> Number<'a> {
    /// The most digits that Jackson takes.
    pub const MAX_DIGITS: usize = 1000;

    /// The number as it is written.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whether it is written without point and exponent.
    pub fn is_integral(&self) -> bool {
        self.integral
    }

    /// The value as a 32 bit integer, if it is written as an integer and fits.
    pub fn as_i32(&self) -> Option<i32> {
        if self.integral { self.text.parse().ok() } else { None }
    }

    /// The value as a 64 bit integer, if it is written as an integer and fits.
    pub fn as_i64(&self) -> Option<i64> {
        if self.integral { self.text.parse().ok() } else { None }
    }

    /// The low 64 bits of the value without its fraction: `Number.longValue` of a BigInteger or BigDecimal.
    pub fn to_i64(&self) -> i64 {
        self.as_i64().unwrap_or_else(|| self.low_bits())
    }

    /// The nearest double; infinite beyond the range. Zero has no sign, as in a BigDecimal.
    pub fn to_f64(&self) -> f64 {
        let value = self.text.parse().unwrap_or(0.0);
        if value == 0.0 && self.is_zero() { 0.0 } else { value }
    }

    /// The nearest float; infinite beyond the range. Zero has no sign, as in a BigDecimal.
    pub fn to_f32(&self) -> f32 {
        let value = self.text.parse().unwrap_or(0.0);
        if value == 0.0 && self.is_zero() { 0.0 } else { value }
    }

    fn is_zero(&self) -> bool {
        self.text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).all(|byte| matches!(byte, b'-' | b'.' | b'0'))
    }

    /// The exact value, with the scale that is written.
    pub fn to_decimal(&self) -> BigDecimal {
        let (digits, scale) = self.unscaled();
        BigDecimal::new(digits, scale)
    }

    /// Whether any parser that knows 64 bit integers and doubles reads the same value as Connect; `exponent` is the
    /// text of the exponent.
    pub(super) fn is_plain(&self, exponent: &str) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(self.text).as_bytes();
        if let [b'0', b'0'..=b'9', ..] = digits {
            return false;
        }
        if self.integral {
            return self.text != "-0" && (digits.len() < 19 || self.as_i64().is_some());
        }
        let signed_zero = self.text.starts_with("-0") && self.is_zero();
        // Only a long number, or one with an exponent of three digits, can be out of range.
        let may_be_infinite = exponent.len() >= 3 || self.text.len() > 300;
        !signed_zero && (!may_be_infinite || self.to_f64().is_finite())
    }

    fn low_bits(&self) -> i64 {
        let (digits, scale) = self.unscaled();
        // Ten to the 64th and above is a multiple of two to the 64th.
        if scale <= -64 {
            return 0;
        }
        let integer = match u32::try_from(scale) {
            Ok(0) => digits,
            Ok(shift) if shift > Self::MAX_DIGITS as u32 => return 0,
            Ok(shift) => digits / BigInt::from(10).pow(shift),
            Err(_) => digits * BigInt::from(10).pow(scale.unsigned_abs() as u32),
        };
        let bits = integer.iter_u64_digits().next().unwrap_or(0);
        let bits = bits as i64;
        if integer.sign() == num_bigint::Sign::Minus { bits.wrapping_neg() } else { bits }
    }

    fn unscaled(&self) -> (BigInt, i64) {
        let (mantissa, exponent) = match self.text.find(['e', 'E']) {
            Some(at) => (&self.text[..at], exponent(&self.text[at + 1..]).unwrap_or(0)),
            None => (self.text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let digits = BigInt::parse_bytes(digits.as_bytes(), 10).unwrap_or_default();
        (digits, fraction.len() as i64 - exponent)
    }
}

/// Whether a BigDecimal can hold a number with a fraction of so many digits and this exponent.
pub(super) fn scale_fits(fraction: usize, exponent_text: &str) -> bool {
    exponent(exponent_text).is_some_and(|exponent| i32::try_from(fraction as i64 - exponent).is_ok())
}

/// An exponent of at most ten digits, which is what Java takes. Java keeps its magnitude in 32 bits.
fn exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let magnitude = digits.parse::<i64>().ok().filter(|magnitude| *magnitude <= i64::from(i32::MAX))?;
    Some(sign * magnitude)
}
