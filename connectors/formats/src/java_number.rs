//! Numbers as Java's `parseX` methods read them.
//!
//! Differs from Java: only ASCII digits are digits.

use bigdecimal::BigDecimal;
use num_bigint::BigInt;

/// Longer numbers are refused: reading them takes time that grows with the square of their length.
const MAX_DIGITS: usize = 10_000;

/// `Byte.parseByte`, `Short.parseShort`, `Integer.parseInt` or `Long.parseLong`, by the type asked for.
///
/// A sign, then digits; no blanks.
pub fn integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// `Double.parseDouble`.
pub fn double(text: &str) -> Option<f64> {
    match Float::read(text)? {
        Float::Special(value) => Some(value),
        Float::Decimal(text) => text.parse().ok(),
        Float::Hex { negative, digits, exponent } => Some(signed(negative, hex(digits, exponent, 53, -1074))),
    }
}

/// `Float.parseFloat`.
pub fn float(text: &str) -> Option<f32> {
    match Float::read(text)? {
        Float::Special(value) => Some(value as f32),
        Float::Decimal(text) => text.parse().ok(),
        // Rounded to the bits of a float already, so that the second step does not round again.
        Float::Hex { negative, digits, exponent } => Some(signed(negative, hex(digits, exponent, 24, -149)) as f32),
    }
}

/// `new BigDecimal(text)`.
pub fn decimal(text: &str) -> Option<BigDecimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, integer::<i32>(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = i32::try_from(fraction.len() as i64 - i64::from(exponent)).ok()?;
    let magnitude = BigInt::parse_bytes(digits.as_bytes(), 10)?;
    let unscaled = if text.starts_with('-') { -magnitude } else { magnitude };
    Some(BigDecimal::new(unscaled, i64::from(scale)))
}

/// `BigDecimal.longValue`: the integer part's lowest 64 bits.
pub fn low_bits(value: &BigDecimal) -> i64 {
    let (unscaled, scale) = value.as_bigint_and_exponent();
    let digits = unscaled.magnitude().bits() as i64 * 30_103 / 100_000 + 2;
    // Ten to the 64th is a multiple of two to the 64th.
    if scale <= -64 || scale >= digits {
        return 0;
    }
    let power = BigInt::from(10).pow(scale.unsigned_abs() as u32);
    let integer = if scale < 0 { unscaled * power } else { unscaled / power };
    let low = integer.magnitude().iter_u64_digits().next().unwrap_or(0) as i64;
    if integer.sign() == num_bigint::Sign::Minus { low.wrapping_neg() } else { low }
}

/// The pieces of a floating-point number.
enum Float<'a> {
    Special(f64),
    /// In a form that Rust reads alike.
    Decimal(&'a str),
    Hex {
        negative: bool,
        digits: &'a str,
        exponent: i64,
    },
}

impl<'a> Float<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim_matches(|character| character <= ' ');
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        match unsigned {
            "NaN" => return Some(Float::Special(f64::NAN)),
            "Infinity" => return Some(Float::Special(signed(negative, f64::INFINITY))),
            _ => {}
        }
        if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
            return Self::read_hex(negative, hex);
        }
        let number = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
        // Words that Rust takes for numbers are ruled out; what else is wrong, Rust finds.
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        plain.then_some(Float::Decimal(number))
    }

    /// What follows `0x`: digits with or without a point, and an exponent of two, which must be there.
    fn read_hex(negative: bool, text: &'a str) -> Option<Self> {
        let text = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
        let (digits, exponent) = text.split_once(['p', 'P'])?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if whole.len() + fraction.len() == 0 || digits.len() > MAX_DIGITS || !is_hex(whole) || !is_hex(fraction) {
            return None;
        }
        let magnitude = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if magnitude.is_empty() || !magnitude.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent =
            magnitude.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40) * if exponent.starts_with('-') { -1 } else { 1 };
        Some(Float::Hex { negative, digits, exponent: exponent - 4 * fraction.len() as i64 })
    }
}

fn signed(negative: bool, magnitude: f64) -> f64 {
    if negative { -magnitude } else { magnitude }
}

/// `digits * 2^exponent`, rounded half to even to `precision` bits, none of them below `2^least`.
fn hex(digits: &str, exponent: i64, precision: i64, least: i64) -> f64 {
    let digits: String = digits.chars().filter(|digit| *digit != '.').collect();
    let Some(number) = num_bigint::BigUint::parse_bytes(digits.as_bytes(), 16) else { return 0.0 };
    let bits = number.bits() as i64;
    if bits == 0 || bits + exponent < least - 1 {
        return 0.0;
    }
    if bits + exponent > 1025 {
        return f64::INFINITY;
    }
    let drop = (bits - precision).max(least - exponent).max(0) as u64;
    let mut kept = &number >> drop;
    if drop > 0 {
        let rest = &number - (&kept << drop);
        let half = num_bigint::BigUint::from(1_u8) << (drop - 1);
        if rest > half || rest == half && kept.bit(0) {
            kept += 1_u8;
        }
    }
    let kept = kept.iter_u64_digits().next().unwrap_or(0) as f64;
    // In two steps: the power alone may lie below what a double holds.
    let power = exponent + drop as i64;
    kept * 2_f64.powi((power / 2) as i32) * 2_f64.powi((power - power / 2) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_a_sign_and_digits_and_nothing_else() {
        assert_eq!(integer::<i8>("+127"), Some(127));
        assert_eq!(integer::<i8>("-128"), Some(-128));
        for text in ["128", "", "+", " 1", "1 ", "1.0", "0x1", "1_000"] {
            assert_eq!(integer::<i8>(text), None, "{text}");
        }
    }

    #[test]
    fn floating_point_numbers_are_read_as_java_reads_them() {
        for (text, value) in [
            (" 1.5 ", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-1E-3d", -0.001),
            ("7f", 7.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1.8p1", 3.0),
            ("-0X.8P0", -0.5),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1074", 1e-323),
            ("0x1p1024", f64::INFINITY),
            ("1e400", f64::INFINITY),
        ] {
            assert_eq!(double(text), Some(value), "{text}");
        }
        for text in ["", " ", "1 2", "inf", "nan", "infinity", "0x1", "1e", "e1", ".", "1ff", "--1", "0xp1", "1_0"] {
            assert_eq!(double(text), None, "{text}");
        }
        assert!(float("NaN").is_some_and(f32::is_nan));
        assert_eq!(float("0x1.fffffffp0"), Some(2.0));
        assert_eq!(float("1e39"), Some(f32::INFINITY));
    }

    #[test]
    fn the_low_bits_of_decimals_are_javas() {
        for (text, bits) in [
            ("1.9", 1),
            ("-1.9", -1),
            ("18446744073709551617", 1),
            ("9223372036854775808", i64::MIN),
            ("1E+2147483647", 0),
            ("1E-2147483647", 0),
            ("123E2", 12_300),
            ("0.99", 0),
        ] {
            assert_eq!(low_bits(&decimal(text).unwrap()), bits, "{text}");
        }
        for text in ["", "-", "1e", "1e99999999999", "0x1", " 1", "NaN"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
