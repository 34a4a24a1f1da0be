//! Change events: `before`, `after`, `op`, and where they came from.

use std::sync::Arc;

use longshore_api::{ConnectError, Result, Schema, Struct, Type, Value};

/// Whether a schema is that of a change event.
pub(super) fn is_envelope(schema: &Schema) -> bool {
    schema.kind == Type::Struct && schema.name.as_deref().is_some_and(|name| name.ends_with(".Envelope"))
}

/// A field of the event that is to stand in the new record, as `add.fields` and `add.headers` name it:
/// `op`, `source.ts_ms`, `version:db_version`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldReference {
    /// The struct that holds the field; `None` for the event itself.
    parent: Option<String>,
    pub(super) field: String,
    pub(super) new_name: Arc<str>,
}

/// Where a referenced field stands in events of one schema.
#[derive(Debug)]
pub(super) struct Location {
    parent: Option<usize>,
    index: usize,
    pub(super) schema: Arc<Schema>,
}

impl FieldReference {
    /// Reads references as a list key holds them.
    ///
    /// # Errors
    /// Kind Config: more than one colon.
    pub(super) fn read_all(key: &str, prefix: &str, items: &[String]) -> Result<Vec<Self>> {
        items.iter().filter(|item| !item.is_empty()).map(|item| Self::read(key, prefix, item)).collect()
    }

    fn read(key: &str, prefix: &str, item: &str) -> Result<Self> {
        let (path, alias) = match item.split(':').collect::<Vec<_>>()[..] {
            [path] => (path, None),
            [path, alias] => (path, Some(alias)),
            _ => return Err(ConnectError::config(format!("Unexpected field name in {key}: {item}"))),
        };
        let (parent, field) = match path.split_once('.') {
            Some((parent, field)) => (Some(parent.to_owned()), field),
            None => (parent_of(path).map(str::to_owned), path),
        };
        let name = match (alias, path.contains('.')) {
            (Some(alias), _) => alias.to_owned(),
            (None, true) => path.replacen('.', "_", 1),
            (None, false) => field.to_owned(),
        };
        Ok(Self { parent, field: field.to_owned(), new_name: format!("{prefix}{name}").into() })
    }

    /// Where the field stands; `None` if events of this schema do not have it.
    pub(super) fn locate(&self, envelope: &Schema) -> Option<Location> {
        let optional = |schema: &Schema| Arc::new(Schema { optional: true, default: None, ..schema.clone() });
        let parent = self.parent.as_deref().and_then(|parent| envelope.field_index(parent));
        if let Some(parent) = parent {
            let schema = &envelope.fields[parent].schema;
            if let Some(index) = schema.field_index(&self.field) {
                return Some(Location { parent: Some(parent), index, schema: optional(&schema.fields[index].schema) });
            }
        }
        // Another transform may have put it beside the struct.
        let index = envelope.field_index(&self.field)?;
        Some(Location { parent: None, index, schema: optional(&envelope.fields[index].schema) })
    }
}

impl Location {
    /// The field's value, of this place's schema; null where the struct around it is.
    pub(super) fn value(&self, event: &Struct) -> Value {
        match self.find(event) {
            // A struct names its schema, and here the field may be null.
            Value::Struct(found) => Value::Struct(Struct { schema: Arc::clone(&self.schema), values: found.values }),
            other => other,
        }
    }

    fn find(&self, event: &Struct) -> Value {
        let parent = match self.parent {
            None => event,
            Some(parent) => match event.values.get(parent) {
                Some(Value::Struct(parent)) => parent,
                _ => return Value::Null,
            },
        };
        parent.values.get(self.index).cloned().unwrap_or(Value::Null)
    }
}

/// The struct that holds a field that is named without one.
fn parent_of(field: &str) -> Option<&'static str> {
    match field {
        "op" | "ts_ms" | "ts_us" | "ts_ns" => None,
        "id" | "data_collection_order" | "total_order" => Some("transaction"),
        "updateDescription" => Some("updateDescription"),
        _ => Some("source"),
    }
}
