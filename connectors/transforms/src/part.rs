//! The part of a record that a transform works on, and what it must be.

use longshore_api::{ConnectError, ConnectRecord, Data, Map, Parts, Result, Struct, Value, Verdict};

/// Key or value: what the class name of a transform ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Key,
    Value,
}

impl Side {
    pub(crate) fn of(self, record: &mut ConnectRecord) -> &mut Data {
        match self {
            Side::Key => &mut record.key,
            Side::Value => &mut record.value,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Key => "key",
            Side::Value => "value",
        }
    }

    pub(crate) fn parts(self) -> Parts {
        match self {
            Side::Key => Parts::KEY,
            Side::Value => Parts::VALUE,
        }
    }
}

/// Keeps what is no tombstone: one is dropped, or is an error where there are words for it.
///
/// # Errors
/// DataException with these words.
pub(crate) fn without_tombstones(record: &ConnectRecord, failure: Option<&str>) -> Result<Verdict> {
    match failure {
        _ if !record.value.value.is_null() => Ok(Verdict::Keep),
        None => Ok(Verdict::Drop),
        Some(words) => Err(ConnectError::data(words)),
    }
}

/// Takes a value out, null stays.
pub(crate) fn take(value: &mut Value) -> Value {
    std::mem::replace(value, Value::Null)
}

/// The map that schemaless data must be. `purpose` is how the transform calls what it does.
pub(crate) fn map(value: Value, purpose: &str) -> Result<Map> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(not_a_map(&other, purpose)),
    }
}

pub(crate) fn not_a_map(value: &Value, purpose: &str) -> ConnectError {
    let class = value.java_class();
    ConnectError::data(format!("Only Map objects supported in absence of schema for [{purpose}], found: {class}"))
}

/// The struct that data with a schema must be.
pub(crate) fn structure(value: Value, purpose: &str) -> Result<Struct> {
    match value {
        Value::Struct(structure) => Ok(structure),
        other => Err(not_a_struct(&other, purpose)),
    }
}

pub(crate) fn not_a_struct(value: &Value, purpose: &str) -> ConnectError {
    let class = value.java_class();
    ConnectError::data(format!("Only Struct objects supported for [{purpose}], found: {class}"))
}

/// Says in the innermost cause which field an error is about: a task's error and its log show that one. The error's own
/// message stays Connect's, which does not say it.
pub(crate) fn of_field(mut error: ConnectError, name: &str) -> ConnectError {
    let said = format!("field {name}: {}", error.root_cause().message.as_deref().unwrap_or_default());
    match innermost_cause(&mut error) {
        Some(cause) => cause.message = Some(said),
        None => error = ConnectError { cause: Some(Box::new(ConnectError::data(said))), ..error },
    }
    error
}

fn innermost_cause(error: &mut ConnectError) -> Option<&mut ConnectError> {
    let mut cause = error.cause.as_deref_mut()?;
    while cause.cause.is_some() {
        cause = cause.cause.as_deref_mut()?;
    }
    Some(cause)
}

/// The text of a map's key, which transforms that look at keys take for a string.
pub(crate) fn text_key(key: &Value) -> Result<&str> {
    key.as_str().ok_or_else(|| {
        let class = key.java_class();
        let message = format!(
            "class {class} cannot be cast to class java.lang.String ({class} and java.lang.String are in module \
             java.base of loader 'bootstrap')"
        );
        ConnectError::data(message).with_class(longshore_api::error::class::CLASS_CAST)
    })
}
