//! Change stream events, as MongoDB's own source connector writes them
//! (<https://www.mongodb.com/docs/manual/reference/change-events/>).

use longshore_api::ConnectError;

use super::{Action, Event, Output, copy, data, is_empty};
use crate::convert::elements::{RawValue, elements, field};
use crate::convert::kind;
use crate::errors::shown_bytes as shown;
use crate::write_model::{begin, element, end};

/// What an update description may hold; anything else would be lost.
const DESCRIBED: [&[u8]; 4] = [b"updatedFields", b"removedFields", b"truncatedArrays", b"disambiguatedPaths"];

/// The operation of an event; `None` for events of collections and databases.
pub(super) fn operation(event: Event<'_>, out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    let value = event.value;
    let operation = field(value, "operationType")
        .ok_or_else(|| data(format!("Error: `operationType` field is doc is missing. {}", shown(value))))?;
    let operation =
        operation.as_str().ok_or_else(|| data("Error: Unexpected CDC operation type, should be a string"))?;
    match operation.to_ascii_lowercase().as_str() {
        "insert" | "replace" => {
            out.arena.extend_from_slice(document_key(value)?);
            copy(full_document(value)?, out.without_nulls, out.arena)?;
            Ok(Some(Action::ReplaceBy { upsert: true }))
        }
        "update" => update(value, out),
        "delete" => {
            out.arena.extend_from_slice(document_key(value)?);
            Ok(Some(Action::Delete))
        }
        _ => {
            tracing::warn!("Unsupported change stream operation: {operation}");
            Ok(None)
        }
    }
}

fn update(value: &[u8], out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    out.arena.extend_from_slice(document_key(value)?);
    if field(value, "fullDocument").is_some() {
        copy(full_document(value)?, out.without_nulls, out.arena)?;
        return Ok(Some(Action::ReplaceBy { upsert: false }));
    }
    let description = description(value)?;
    let updated = field(description, "updatedFields").and_then(RawValue::as_document);
    let updated = updated.ok_or_else(|| missing_or("updatedFields", "a document", description))?;
    let removed = removed_fields(description)?;
    let start = begin(out.arena);
    let before = out.arena.len();
    out.arena.extend_from_slice(&[kind::DOCUMENT]);
    out.arena.extend_from_slice(b"$set\0");
    let set = out.arena.len();
    copy(updated, out.without_nulls, out.arena)?;
    if out.without_nulls && is_empty(out.arena.get(set..).unwrap_or_default()) {
        out.arena.truncate(before);
        if removed.is_empty() {
            return Ok(None);
        }
    }
    if !removed.is_empty() {
        out.arena.extend_from_slice(&[kind::DOCUMENT]);
        out.arena.extend_from_slice(b"$unset\0");
        out.document(|arena| {
            for (position, name) in removed.iter().enumerate() {
                // A field that is named twice is removed once.
                if !removed.iter().take(position).any(|earlier| earlier == name) {
                    element(arena, kind::STRING, name.as_bytes(), &[1, 0, 0, 0, 0]);
                }
            }
        });
    }
    end(out.arena, start);
    Ok(Some(Action::UpdateBy { upsert: false }))
}

fn document_key(value: &[u8]) -> Result<&[u8], ConnectError> {
    document(value, "documentKey", "expecting")
}

fn full_document(value: &[u8]) -> Result<&[u8], ConnectError> {
    document(value, "fullDocument", "expecting")
}

fn document<'a>(value: &'a [u8], name: &str, expects: &str) -> Result<&'a [u8], ConnectError> {
    let found = field(value, name).ok_or_else(|| data(format!("Missing {name} field: {}", shown(value))))?;
    found.as_document().ok_or_else(|| {
        let but = if expects == "expecting" { " but" } else { "" };
        let found = kind::java_name(found.kind);
        data(format!("Unexpected {name} field type, {expects} a document{but} found `{found}`: {}", shown(value)))
    })
}

fn description(value: &[u8]) -> Result<&[u8], ConnectError> {
    let description = document(value, "updateDescription", "expected")?;
    let unknown: Vec<String> = elements(description)
        .filter(|part| !DESCRIBED.contains(&part.key))
        .map(|part| String::from_utf8_lossy(part.key).into_owned())
        .collect();
    if !unknown.is_empty() {
        return Err(data(format!(
            "Warning unexpected field(s) in updateDescription [{}]. {}. Cannot process due to risk of data loss.",
            unknown.join(", "),
            shown(description)
        )));
    }
    for (name, wanted, what) in
        [("truncatedArrays", kind::ARRAY, "an array"), ("disambiguatedPaths", kind::DOCUMENT, "an array")]
    {
        if field(description, name).is_some_and(|found| found.kind != wanted) {
            return Err(missing_or(name, what, description));
        }
    }
    Ok(description)
}

fn missing_or(name: &str, expected: &str, description: &[u8]) -> ConnectError {
    match field(description, name) {
        None => data(format!("Missing updateDescription.{name} field: {}", shown(description))),
        // Java names the description here, not the field.
        Some(_) if name == "updatedFields" => data(format!(
            "Unexpected updateDescription field type, expected {expected} but found `{0}`: {0}",
            shown(description)
        )),
        Some(found) => data(format!(
            "Unexpected {name} field type, expected {expected} but found `{}`: {}",
            kind::java_name(found.kind),
            shown(description)
        )),
    }
}

fn removed_fields(description: &[u8]) -> Result<Vec<&str>, ConnectError> {
    let removed = field(description, "removedFields").filter(|removed| removed.kind == kind::ARRAY);
    let removed = removed.ok_or_else(|| missing_or("removedFields", "an array", description))?;
    let name = |value: RawValue<'_>| {
        data(format!(
            "Unexpected value type in removedFields, expected a string but found `{}`: {}",
            kind::java_name(value.kind),
            shown(description)
        ))
    };
    elements(removed.bytes).map(|item| item.value.as_str().ok_or_else(|| name(item.value))).collect()
}
