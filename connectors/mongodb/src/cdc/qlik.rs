//! Qlik Replicate's change events of relational databases: the row in `data`, as it was in `beforeData`, the operation
//! at the top or in the headers, all of that perhaps inside `message`.

use longshore_api::ConnectError;

use super::{Action, Event, Output, built, copy, data, is_empty, row};
use crate::convert::elements::{elements, field};
use crate::convert::kind;
use crate::errors::shown_bytes as shown;
use crate::projection;
use crate::write_model::{begin, end};

/// The operation of an event; `None` for tombstones and for updates that change nothing.
pub(super) fn operation(event: Event<'_>, out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    if is_empty(event.value) {
        tracing::debug!("a tombstone of Qlik's is skipped");
        return Ok(None);
    }
    let message = inner("message", event.value)?;
    let headers = inner("headers", message)?;
    let operation = field(headers, "operation").or_else(|| field(headers, "headers_operation"));
    let operation = operation
        .and_then(|operation| operation.as_str())
        .ok_or_else(|| data(format!("Error: Could not determine the CDC operation type. {}", shown(event.value))))?;
    match operation.to_ascii_lowercase().as_str() {
        "insert" | "refresh" | "read" => replace(event, message, out).map(Some),
        "update" => update(event, message, out),
        "delete" => {
            let filter = inner_or_null("beforeData", inner_or_null("data", message)?)?;
            filter_by(event, filter, out)?;
            Ok(Some(Action::Delete))
        }
        _ => Err(data(format!("Unable to determine the CDC operation from: {}", shown(event.value)))),
    }
}

fn replace(event: Event<'_>, message: &[u8], out: &mut Output<'_>) -> Result<Action, ConnectError> {
    let start = out.arena.len();
    let keyless = is_empty(event.key);
    if keyless {
        out.fresh_filter();
    } else {
        out.key_filter(event.key);
    }
    let after = inner("data", message)?;
    row(out.arena.get(start..).unwrap_or_default(), after, super::EMPTY, out.text).map_err(built)?;
    let fresh = keyless && field(after, "_id").is_none();
    if fresh {
        out.arena.truncate(start);
    }
    copy(out.text.document(), out.without_nulls, out.arena)?;
    Ok(if fresh { Action::Replace { fresh } } else { Action::ReplaceBy { upsert: true } })
}

/// Sets the fields that have changed.
fn update(event: Event<'_>, message: &[u8], out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    filter_by(event, inner("beforeData", message)?, out)?;
    let (before, after) = (inner("beforeData", message)?, inner("data", message)?);
    if is_empty(after) {
        return Err(no_filter(event));
    }
    out.text.begin();
    for column in elements(after) {
        let earlier = elements(before).find(|earlier| earlier.key == column.key);
        if earlier.is_none_or(|earlier| earlier.value != column.value) {
            projection::copy(&column, out.text).map_err(built)?;
        }
    }
    out.text.end().map_err(built)?;
    let start = begin(out.arena);
    out.arena.push(kind::DOCUMENT);
    out.arena.extend_from_slice(b"$set\0");
    let set = out.arena.len();
    copy(out.text.document(), out.without_nulls, out.arena)?;
    let nothing = is_empty(out.arena.get(set..).unwrap_or_default());
    end(out.arena, start);
    Ok((!nothing).then_some(Action::UpdateBy { upsert: true }))
}

fn filter_by(event: Event<'_>, row: &[u8], out: &mut Output<'_>) -> Result<(), ConnectError> {
    if !is_empty(event.key) {
        out.key_filter(event.key);
    } else if is_empty(row) {
        return Err(no_filter(event));
    } else {
        out.arena.extend_from_slice(row);
    }
    Ok(())
}

fn no_filter(event: Event<'_>) -> ConnectError {
    data(format!(
        "Error: Value Document does not contain the expected data, cannot create filter: {}.",
        shown(event.value)
    ))
}

/// The document of a field, or the one around it where there is no such field.
fn inner<'a>(name: &str, around: &'a [u8]) -> Result<&'a [u8], ConnectError> {
    match field(around, name) {
        None => Ok(around),
        Some(value) => value.as_document().ok_or_else(|| {
            data(format!("Error: Value document contains a '{name}' that is not a document: {}", shown(around)))
        }),
    }
}

/// The same, where null counts as no field.
fn inner_or_null<'a>(name: &str, around: &'a [u8]) -> Result<&'a [u8], ConnectError> {
    if field(around, name).is_some_and(|value| value.kind == kind::NULL) { Ok(around) } else { inner(name, around) }
}
