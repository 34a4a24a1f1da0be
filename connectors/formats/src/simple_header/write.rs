//! From values to text.

use base64::Engine;
use longshore_api::Value;

use crate::java_text;
use crate::java_text::calendar::{DateTime, MILLIS_PER_DAY};

/// Appends a value's text. Inside of lists, maps and structs strings and bytes are quoted.
pub(super) fn append(out: &mut String, value: &Value, embedded: bool) {
    match value {
        Value::String(text) if embedded => {
            out.push('"');
            out.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
            out.push('"');
        }
        Value::Bytes(bytes) => {
            let quote = if embedded { "\"" } else { "" };
            out.push_str(quote);
            base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
            out.push_str(quote);
        }
        Value::Array(elements) => {
            list(out, ['[', ']'], elements.iter(), |out, element| append(out, element, true));
        }
        Value::Map(entries) => list(out, ['{', '}'], entries.iter(), |out, (key, value)| {
            append(out, key, true);
            out.push(':');
            append(out, value, true);
        }),
        Value::Struct(fields) => {
            list(out, ['{', '}'], fields.schema.fields.iter().zip(&fields.values), |out, (field, value)| {
                append(out, &Value::String(field.name.clone()), true);
                out.push(':');
                let default = field.schema.default.as_ref().filter(|_| value.is_null());
                append(out, default.unwrap_or(value), true);
            });
        }
        Value::Date(millis) => out.push_str(&date(*millis)),
        _ => java_text::append(out, value),
    }
}

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    append: impl Fn(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        append(out, item);
    }
    out.push(close);
}

/// A `java.util.Date` as Connect writes it: a time up to the first day's end (and before the epoch), a date at
/// midnight, else a timestamp.
pub fn date(millis: i64) -> String {
    let DateTime { month, day, hour, minute, second, milli, .. } = DateTime::from_millis(millis);
    let year = DateTime::from_millis(millis).year_of_era();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}.{milli:03}Z");
    match millis {
        ..MILLIS_PER_DAY => time,
        _ if millis % MILLIS_PER_DAY == 0 => date,
        _ => format!("{date}T{time}"),
    }
}
