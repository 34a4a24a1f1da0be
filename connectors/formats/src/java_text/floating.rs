//! `Double.toString` and `Float.toString` as they are up to Java 18.
//!
//! The number is an exact fraction of integers; digits are taken from it until what is left is smaller than half the
//! distance to the next number, give or take. Java's test for that is not symmetric, differs with the size of the
//! integers (they are of 32, of 64 or of many bits, and in the first two a sum may overflow), and is not made for the
//! first digit in exponent form. So more digits are written than are needed, now and then, and all of this has to be
//! followed to write the same ones.

use std::fmt::Write;

use num_bigint::BigUint;

/// `Double.toString`.
pub fn double(value: f64) -> String {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = (bits >> 52 & 0x7FF) as i32;
    if exponent == 0x7FF {
        return special(value.is_nan(), value < 0.0);
    }
    // Subnormal numbers are shifted until they have the leading bit that the others leave out.
    let (fraction, exponent, significant) = if exponent == 0 {
        let shift = fraction.leading_zeros() as i32 - 11;
        (fraction.checked_shl(shift as u32).unwrap_or(0), 1 - shift, 53 - shift)
    } else {
        (fraction | 1 << 52, exponent, 53)
    };
    text(value.is_sign_negative(), fraction, exponent - 1023, significant)
}

/// `Float.toString`.
pub fn float(value: f32) -> String {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 23) - 1);
    let exponent = (bits >> 23 & 0xFF) as i32;
    if exponent == 0xFF {
        return special(value.is_nan(), value < 0.0);
    }
    let (fraction, exponent, significant) = if exponent == 0 {
        let shift = fraction.leading_zeros() as i32 - 8;
        (fraction.checked_shl(shift as u32).unwrap_or(0), 1 - shift, 24 - shift)
    } else {
        (fraction | 1 << 23, exponent, 24)
    };
    text(value.is_sign_negative(), u64::from(fraction) << 29, exponent - 127, significant)
}

fn special(is_nan: bool, is_negative: bool) -> String {
    let text = match (is_nan, is_negative) {
        (true, _) => "NaN",
        (false, true) => "-Infinity",
        (false, false) => "Infinity",
    };
    text.to_owned()
}

/// `fraction` has its leading bit at place 52 and is worth `fraction / 2^52 * 2^exponent`.
fn text(negative: bool, fraction: u64, exponent: i32, significant: i32) -> String {
    let sign = if negative { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}0.0");
    }
    let digits = match whole_digits(fraction, exponent, significant) {
        Some(digits) => digits,
        None => fraction_digits(fraction, exponent, significant),
    };
    digits.text(sign)
}

/// Digits `d1 d2 …`, the number being `0.d1d2… * 10^point`.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

impl Digits {
    fn text(&self, sign: &str) -> String {
        let mut text = String::with_capacity(28);
        text.push_str(sign);
        let count = self.digits.len();
        // A zero stands where there are no digits.
        let append = |text: &mut String, from: usize, to: usize| {
            text.extend((from..to).map(|at| char::from(b'0' + self.digits.get(at).copied().unwrap_or(0))));
        };
        match self.point {
            1..8 => {
                let point = self.point as usize;
                append(&mut text, 0, point);
                text.push('.');
                append(&mut text, point, count.max(point + 1));
            }
            -2..=0 => {
                text.push_str(["0.", "0.0", "0.00"][self.point.unsigned_abs() as usize]);
                append(&mut text, 0, count);
            }
            _ => {
                append(&mut text, 0, 1);
                text.push('.');
                append(&mut text, 1, count.max(2));
                // Writing to a string cannot fail.
                let _ = write!(text, "E{}", self.point - 1);
            }
        }
        text
    }

    /// Adds one to the last digit.
    fn round_up(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.point += 1;
        if let Some(first) = self.digits.first_mut() {
            *first = 1;
        }
    }
}

/// All digits of an integer below 2^63, without those that a float's bits do not carry.
fn whole_digits(fraction: u64, exponent: i32, significant: i32) -> Option<Digits> {
    let places = 52 - fraction.trailing_zeros() as i32;
    if !(places..=62).contains(&exponent) {
        return None;
    }
    let mut value = if exponent >= 52 { fraction << (exponent - 52) } else { fraction >> (52 - exponent) };
    let mut point = 0;
    let spare_bits = exponent - significant - 1;
    if spare_bits > 1 {
        let spare_digits = (f64::from(spare_bits) * std::f64::consts::LOG10_2) as u32;
        let unit = 10_u64.pow(spare_digits);
        // Java rounds half up, a unit of one included: there the rest is zero, which is not less than half of one.
        let round = spare_digits > 0 && value % unit >= unit / 2;
        value = value / unit + u64::from(round);
        point += spare_digits as i32;
    }
    while value % 10 == 0 {
        value /= 10;
        point += 1;
    }
    let digits: Vec<u8> = value.to_string().bytes().map(|byte| byte - b'0').collect();
    point += digits.len() as i32;
    Some(Digits { digits, point })
}

fn fraction_digits(fraction: u64, exponent: i32, significant: i32) -> Digits {
    let mut decimal_exponent = estimate(fraction, exponent);
    let mut ratio = Ratio::new(fraction, exponent, significant, decimal_exponent);
    let mut digits = Vec::with_capacity(20);
    let mut step = ratio.step();
    if step.digit == 0 && !step.high {
        decimal_exponent -= 1;
    } else {
        digits.push(step.digit);
    }
    if !(-3..8).contains(&decimal_exponent) {
        (step.low, step.high) = (false, false);
    }
    while !step.low && !step.high {
        step = ratio.step();
        digits.push(step.digit);
    }
    let mut digits = Digits { digits, point: decimal_exponent + 1 };
    if step.high && (!step.low || ratio.rounds_up(step.digit)) {
        digits.round_up();
    }
    digits
}

/// The exponent of ten of the first digit, or one more.
#[allow(clippy::approx_constant, reason = "Java's own digits of the logarithm of two")]
fn estimate(fraction: u64, exponent: i32) -> i32 {
    let mantissa = f64::from_bits(1023 << 52 | fraction & ((1 << 52) - 1));
    let logarithm = (mantissa - 1.5) * 0.289529654 + 0.176091259 + f64::from(exponent) * 0.301029995663981;
    logarithm.floor() as i32
}

/// The number is `b / s` in units of the current digit; `m` is how much may be left over.
enum Ratio {
    /// In 64 bits, or in 32 if `narrow`.
    Native {
        b: i64,
        s: i64,
        m: i64,
        narrow: bool,
    },
    Big {
        b: BigUint,
        s: BigUint,
        m: BigUint,
    },
}

/// A digit, whether what is left is little enough to stop, and whether little enough lacks to the next digit.
struct Step {
    digit: u8,
    low: bool,
    high: bool,
}

impl Ratio {
    fn new(fraction: u64, exponent: i32, significant: i32, decimal_exponent: i32) -> Self {
        let trailing = fraction.trailing_zeros() as i32;
        let bits = 53 - trailing;
        let tiny = (bits - exponent - 1).max(0);
        let b5 = (-decimal_exponent).max(0);
        let s5 = decimal_exponent.max(0);
        let mut b2 = b5 + tiny + exponent;
        let mut m2 = b2 - significant;
        let mut s2 = s5 + tiny;
        b2 -= bits - 1;
        let common = b2.min(s2);
        b2 -= common;
        s2 -= common;
        m2 -= common;
        // Below a power of two the next number is only half as far away.
        if bits == 1 {
            m2 -= 1;
        }
        if m2 < 0 {
            b2 -= m2;
            s2 -= m2;
            m2 = 0;
        }
        let fraction = fraction >> trailing;
        let size = (bits + b2 + five_bits(b5)).max(s2 + 1 + five_bits(s5 + 1));
        if size < 64 {
            let scaled = |fives: i32, twos: i32| 5_i64.wrapping_pow(fives as u32).wrapping_shl(twos as u32);
            let (b, s, m) = ((fraction as i64).wrapping_mul(scaled(b5, b2)), scaled(s5, s2), scaled(b5, m2));
            return Ratio::Native { b, s, m, narrow: size < 32 };
        }
        let scaled = |fives: i32, twos: i32| BigUint::from(5_u8).pow(fives as u32) << twos;
        Ratio::Big { b: scaled(b5, b2) * fraction, s: scaled(s5, s2), m: scaled(b5, m2) }
    }

    fn step(&mut self) -> Step {
        match self {
            Ratio::Native { b, s, m, narrow } => {
                let fit = |sum: i64| if *narrow { i64::from(sum as i32) } else { sum };
                let digit = (*b / *s) as u8;
                *b = 10 * (*b % *s);
                *m = fit(m.wrapping_mul(10));
                // A distance that has overflowed is greater than anything that is left.
                let over = *m <= 0;
                Step { digit, low: over || b < m, high: over || fit(b.wrapping_add(*m)) > *s * 10 }
            }
            Ratio::Big { b, s, m } => {
                let digit = &*b / &*s;
                *b = (&*b % &*s) * 10_u8;
                *m *= 10_u8;
                let digit = digit.iter_u32_digits().next().unwrap_or(0) as u8;
                Step { digit, low: b < m, high: &*b + &*m >= &*s * 10_u8 }
            }
        }
    }

    /// Where both ways are open, the nearer one; in the middle the even digit.
    fn rounds_up(&self, last: u8) -> bool {
        let order = match self {
            Ratio::Native { b, s, .. } => (i128::from(*b) * 2).cmp(&(i128::from(*s) * 10)),
            Ratio::Big { b, s, .. } => (b << 1_u8).cmp(&(s * 10_u8)),
        };
        order.is_gt() || order.is_eq() && last % 2 == 1
    }
}

/// Bits of five to a power; from the 27th on an estimate, as Java has it.
fn five_bits(power: i32) -> i32 {
    match power {
        0 => 0,
        1..27 => 64 - 5_u64.pow(power as u32).leading_zeros() as i32,
        _ => power * 3,
    }
}
