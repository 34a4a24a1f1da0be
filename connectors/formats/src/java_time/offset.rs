//! Offsets from Greenwich as text.

use super::pad;

/// Appends `+01`, `+0100` or `+01:00`; without `minutes` they are there only if they are not zero.
pub(super) fn push(out: &mut String, millis: i64, colon: bool, minutes: bool) {
    let total = millis.abs() / 60_000;
    out.push(if millis < 0 { '-' } else { '+' });
    pad(out, total / 60, 2);
    if minutes || total % 60 != 0 {
        out.push_str(if colon { ":" } else { "" });
        pad(out, total % 60, 2);
    }
}

/// Reads what [`push`] writes at the head of a text: how long it is, and the offset in milliseconds.
pub(super) fn read(text: &str, colon: bool, minutes: bool) -> Option<(usize, i64)> {
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize| {
        let digit = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
        Some(digit(at)? * 10 + digit(at + 1)?)
    };
    let hours = two(1).filter(|hours| *hours <= 18)?;
    let at = if colon { 4 } else { 3 };
    let is_separated = !colon || bytes.get(3) == Some(&b':');
    let (length, rest) = match two(at).filter(|rest| is_separated && *rest < 60) {
        Some(rest) => (at + 2, rest),
        None if minutes => return None,
        None => (3, 0),
    };
    Some((length, sign * (hours * 60 + rest) * 60_000))
}
