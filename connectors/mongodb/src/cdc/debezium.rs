//! Debezium's change events: `{before, after, op, …}`, unwrapped from their schema envelope.

use longshore_api::ConnectError;
use longshore_api::error::class;

use super::{Action, Event, Output, built, copy, data, is_empty, row};
use crate::convert::builder::Builder;
use crate::convert::elements::{elements, field};
use crate::convert::{extended_json, kind};
use crate::prepared::check_depth;
use crate::write_model::{begin, end};

/// What an event says that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    /// `c`, or `r` of a snapshot.
    Insert,
    Update,
    Delete,
}

/// The event's operation; `None` for the definition of a table, which changes no document.
fn op(value: &[u8]) -> Result<Option<Op>, ConnectError> {
    let Some(op) = field(value, "op") else {
        if field(value, "ddl").is_some() {
            return Ok(None);
        }
        return Err(data("Value document is missing or CDC operation is not a string"));
    };
    match op.as_str() {
        None => Err(data("Value document is missing or CDC operation is not a string")),
        Some("c" | "r") => Ok(Some(Op::Insert)),
        Some("u") => Ok(Some(Op::Update)),
        Some("d") => Ok(Some(Op::Delete)),
        Some(other) => Err(data(format!("Unknown operation type {other}"))),
    }
}

/// Rows of a relational database; the record's key holds the columns of the primary key.
pub(super) fn rdbms(event: Event<'_>, out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    if is_empty(event.value) {
        tracing::debug!("a tombstone of Debezium's is skipped");
        return Ok(None);
    }
    let Some(op) = op(event.value)? else { return Ok(None) };
    let start = out.arena.len();
    // The message of the outer exception is the inner one as Java prints it.
    let wrapped = |error: ConnectError| {
        let text = format!("{}: {}", class::DATA, error.message.as_deref().unwrap_or_default());
        data(text).caused_by(error)
    };
    row_filter(event, op, out).map_err(wrapped)?;
    if op == Op::Delete {
        return Ok(Some(Action::Delete));
    }
    let after = field(event.value, "after").and_then(|after| after.as_document()).filter(|after| !is_empty(after));
    let after = after.ok_or_else(|| {
        wrapped(data(
            "Value document must contain non-empty 'after' field of type document for insert/update operation",
        ))
    })?;
    row(out.arena.get(start..).unwrap_or_default(), after, event.key, out.text).map_err(built)?;
    let fresh = op == Op::Insert && is_empty(event.key) && field(after, "_id").is_none();
    if fresh {
        out.arena.truncate(start);
    }
    copy(out.text.document(), out.without_nulls, out.arena)?;
    Ok(Some(if fresh { Action::Replace { fresh } } else { Action::ReplaceBy { upsert: true } }))
}

/// Appends the filter that finds a row's document.
fn row_filter(event: Event<'_>, op: Op, out: &mut Output<'_>) -> Result<(), ConnectError> {
    if !is_empty(event.key) {
        out.key_filter(event.key);
        return Ok(());
    }
    if op == Op::Insert {
        out.fresh_filter();
        return Ok(());
    }
    // A table without a primary key: the row as it was is all that is known.
    let before = field(event.value, "before").and_then(|before| before.as_document());
    let before = before.filter(|before| !is_empty(before)).ok_or_else(|| {
        data(
            "Value doc 'before' field is empty or has invalid type for update/delete operation.  -> defensive actions \
             taken!",
        )
    })?;
    out.arena.extend_from_slice(before);
    Ok(())
}

/// Documents of MongoDB, which come as texts of extended JSON; the record's key holds the `_id` as such a text.
///
/// With `patches` an update holds the oplog's entry (up to Debezium 1.x); an event without one is read as one of a
/// change stream, which the Java connector refuses.
pub(super) fn mongodb(event: Event<'_>, patches: bool, out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    if is_empty(event.key) {
        return Err(data("Key document must not be missing for CDC mode"));
    }
    if is_empty(event.value) && field(event.key, "id").is_some() {
        tracing::debug!("a tombstone of Debezium's is skipped");
        return Ok(None);
    }
    let Some(op) = op(event.value)? else { return Ok(None) };
    match op {
        Op::Insert => {
            let after = text(event.value, "after", "Insert")?;
            parse(after, "after", out.text)?;
            let id = out.text.id_element().ok_or_else(|| data("The value for key _id can not be null"))?;
            append(out.arena, id.bytes);
        }
        Op::Update if patches && is_text(event.value, "patch") => return patch(event, out),
        Op::Update if patches && !is_text(event.value, "after") => {
            text(event.value, "patch", "Update")?;
        }
        Op::Update => {
            let after = text(event.value, "after", "Update")?;
            id_filter(event.key, "Update", out)?;
            parse(after, "after", out.text)?;
        }
        Op::Delete => {
            id_filter(event.key, "Delete", out)?;
            return Ok(Some(Action::Delete));
        }
    }
    copy(out.text.document(), out.without_nulls, out.arena)?;
    Ok(Some(Action::ReplaceBy { upsert: true }))
}

fn is_text(document: &[u8], name: &str) -> bool {
    field(document, name).is_some_and(|value| value.as_str().is_some())
}

/// An update of the oplog: a whole document, or update operators.
fn patch(event: Event<'_>, out: &mut Output<'_>) -> Result<Option<Action>, ConnectError> {
    parse(text(event.value, "patch", "Update")?, "patch", out.text)?;
    let whole = match out.text.id_element() {
        Some(id) => {
            append(out.arena, id.bytes);
            true
        }
        None => {
            id_filter(event.key, "Update", out)?;
            false
        }
    };
    // "$v" is the oplog's own, and no update operator.
    let start = begin(out.arena);
    for part in elements(out.text.document()).filter(|part| part.key != b"$v") {
        out.arena.extend_from_slice(part.bytes);
    }
    end(out.arena, start);
    Ok(Some(if whole { Action::ReplaceBy { upsert: true } } else { Action::UpdateBy { upsert: false } }))
}

/// Appends a document of some elements.
fn append(arena: &mut Vec<u8>, elements: &[u8]) {
    let start = begin(arena);
    arena.extend_from_slice(elements);
    end(arena, start);
}

/// The text of a field.
fn text<'a>(document: &'a [u8], name: &str, operation: &str) -> Result<&'a str, ConnectError> {
    let value = field(document, name).ok_or_else(|| data(format!("{operation} document missing `{name}` field.")))?;
    value.as_str().ok_or_else(|| {
        let found = kind::bson_type(value.kind);
        data(format!("Value expected to be of type STRING is of unexpected type {found}"))
            .caused_by(data(format!("the field `{name}` of the event holds no text")))
    })
}

fn parse(text: &str, name: &str, out: &mut Builder) -> Result<(), ConnectError> {
    extended_json::document(text, out).map_err(|error| data(format!("the event's field `{name}`: {error}")))?;
    check_depth(out.deepest())
}

/// Appends the filter by the `_id` that the key holds as JSON.
fn id_filter(key: &[u8], operation: &str, out: &mut Output<'_>) -> Result<(), ConnectError> {
    let id = text(key, "id", operation)?;
    let mut parsed = Builder::default();
    parse(&format!("{{_id: {id}}}"), "id", &mut parsed)?;
    out.arena.extend_from_slice(parsed.document());
    Ok(())
}
