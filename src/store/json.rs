//! JSON as Jackson writes it in Connect's topics: no blanks, only what must be escaped, Java's numbers.
//!
//! Offsets are found by the bytes of their keys, so how a key is written matters.

use std::fmt::Write as _;

use longshore_api::Props;
use serde_json::{Map, Value as Json};

pub(super) type Object = Map<String, Json>;

/// The object that the bytes are the JSON text of.
pub(super) fn object(bytes: &[u8]) -> Option<Object> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Some(object),
        _ => None,
    }
}

pub(super) fn write(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => write_f64(out, float),
            _ => _ = write!(out, "{number}"),
        },
        Json::String(text) => write_text(out, text),
        Json::Array(items) => write_list(out, '[', ']', items, write),
        Json::Object(object) => write_object(out, object),
    }
}

pub(super) fn write_object(out: &mut String, object: &Object) {
    write_list(out, '{', '}', object, |out, (name, value)| {
        write_text(out, name);
        out.push(':');
        write(out, value);
    });
}

/// `{"properties":{…}}`, the value of connector and task records.
pub(super) fn properties(props: &Props) -> String {
    let mut out = String::from("{\"properties\":");
    write_list(&mut out, '{', '}', props, |out, (key, value)| {
        write_text(out, key);
        out.push(':');
        write_text(out, value);
    });
    out.push('}');
    out
}

pub(super) fn write_list<I: IntoIterator>(
    out: &mut String,
    open: char,
    close: char,
    items: I,
    mut item: impl FnMut(&mut String, I::Item),
) {
    out.push(open);
    for (index, one) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, one);
    }
    out.push(close);
}

pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The text, or null.
pub(super) fn write_option(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => write_text(out, text),
        None => out.push_str("null"),
    }
}

/// `Double.toString`: a decimal from 0.001 to below ten million, `1.0E10` elsewhere; what is no number is a text.
pub(super) fn write_f64(out: &mut String, value: f64) {
    let plain = (1e-3..1e7).contains(&value.abs()) || value == 0.0;
    write_float(out, plain, value.is_finite(), &format!("{value:?}"), &format!("{value:e}"));
}

/// `Float.toString`.
pub(super) fn write_f32(out: &mut String, value: f32) {
    let plain = (1e-3..1e7).contains(&value.abs()) || value == 0.0;
    write_float(out, plain, value.is_finite(), &format!("{value:?}"), &format!("{value:e}"));
}

fn write_float(out: &mut String, plain: bool, finite: bool, decimal: &str, scientific: &str) {
    match scientific.split_once('e') {
        _ if !finite => {
            out.push('"');
            out.push_str(&decimal.replace("inf", "Infinity"));
            out.push('"');
        }
        _ if plain => out.push_str(decimal),
        Some((digits, exponent)) => {
            out.push_str(digits);
            if !digits.contains('.') {
                out.push_str(".0");
            }
            out.push('E');
            out.push_str(exponent);
        }
        None => out.push_str(decimal),
    }
}

/// A text that is the same for all JSON texts of the same value: members sorted, numbers in one form.
pub(super) fn canonical(value: &Json) -> String {
    let mut out = String::new();
    write_canonical(&mut out, value);
    out
}

fn write_canonical(out: &mut String, value: &Json) {
    match value {
        Json::Array(items) => write_list(out, '[', ']', items, write_canonical),
        Json::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            write_list(out, '{', '}', members, |out, (name, value)| {
                write_text(out, name);
                out.push(':');
                write_canonical(out, value);
            });
        }
        other => write(out, other),
    }
}
