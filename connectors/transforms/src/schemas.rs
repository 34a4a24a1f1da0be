//! New schemas from old ones, each made once.

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, ErrorKind, Field, Result, Schema, Type, Value, error::class};

/// As many schemas as Connect's transforms remember.
const CAPACITY: usize = 16;

/// What was made of the schemas that came last.
///
/// Converters hand out one `Arc` for one schema, so the pointer tells most; what differs there is compared.
#[derive(Debug)]
pub(crate) struct SchemaCache<T> {
    /// The latest first.
    entries: Vec<(Arc<Schema>, T)>,
}

impl<T> Default for SchemaCache<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> SchemaCache<T> {
    /// What was made of a schema, or is made of it now.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn get_or_make(&mut self, schema: &Arc<Schema>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        let same = |entry: &(Arc<Schema>, T)| Arc::ptr_eq(&entry.0, schema);
        let equal = |entry: &(Arc<Schema>, T)| *entry.0 == **schema;
        match self.entries.iter().position(same).or_else(|| self.entries.iter().position(equal)) {
            Some(0) => self.entries[0].0 = Arc::clone(schema),
            Some(at) => {
                self.entries[..=at].rotate_right(1);
                self.entries[0].0 = Arc::clone(schema);
            }
            None => {
                let made = make()?;
                self.entries.truncate(CAPACITY - 1);
                self.entries.insert(0, (Arc::clone(schema), made));
            }
        }
        Ok(&self.entries[0].1)
    }

    /// Forgets what was asked for last.
    pub(crate) fn forget_latest(&mut self) {
        if !self.entries.is_empty() {
            self.entries.remove(0);
        }
    }
}

/// Whether two schemas are the same. Mostly the pointer tells.
pub(crate) fn same(one: &Arc<Schema>, other: &Arc<Schema>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// A required schema of a type with the name, version, documentation and parameters of another one.
pub(crate) fn basics(source: &Schema, kind: Type) -> Schema {
    Schema {
        name: source.name.clone(),
        version: source.version,
        doc: source.doc.clone(),
        parameters: source.parameters.clone(),
        ..Schema::new(kind)
    }
}

/// Adds a field to a struct's schema.
///
/// # Errors
/// SchemaBuilderException: the name is empty or there already.
pub(crate) fn add_field(schema: &mut Schema, name: &Arc<str>, field: Arc<Schema>) -> Result<()> {
    let wrong = |message: String| ConnectError::new(ErrorKind::BadRecord, class::SCHEMA_BUILDER, message);
    if name.is_empty() {
        return Err(wrong("fieldName cannot be null.".to_owned()));
    }
    if schema.field_index(name).is_some() {
        return Err(wrong(format!("Cannot create field because of field name duplication {name}")));
    }
    schema.fields.push(Field { name: Arc::clone(name), schema: field });
    Ok(())
}

/// The fields of a struct's schema.
///
/// # Errors
/// DataException for any other schema.
pub(crate) fn fields(schema: &Schema) -> Result<&[Field]> {
    match schema.kind {
        Type::Struct => Ok(&schema.fields),
        _ => Err(ConnectError::data("Cannot list fields on non-struct type")),
    }
}

/// The index of a field of a struct's schema.
///
/// # Errors
/// DataException for a schema that is not a struct's.
pub(crate) fn look_up(schema: &Schema, name: &str) -> Result<Option<usize>> {
    match schema.kind {
        Type::Struct => Ok(schema.field_index(name)),
        _ => Err(ConnectError::data("Cannot look up fields on non-struct type")),
    }
}

/// What `Struct.get` gives: the default for a field that is null. `replace` is `replace.null.with.default`.
pub(crate) fn or_default(value: Value, schema: &Schema, replace: bool) -> Value {
    match &schema.default {
        Some(default) if replace && value.is_null() => default.clone(),
        _ => value,
    }
}

/// A value that `Struct.put` takes.
///
/// # Errors
/// DataException for null in a field that must have a value.
pub(crate) fn put(field: &Field, value: Value) -> Result<Value> {
    match value {
        Value::Null if !field.schema.optional => {
            longshore_formats::validate::field(&field.name, &field.schema, &Value::Null).map(|()| Value::Null)
        }
        value => Ok(value),
    }
}

/// The schema of Connect's Date, Time or Timestamp.
pub(crate) fn temporal(name: &'static str, optional: bool) -> Schema {
    let kind = if name == logical::TIMESTAMP { Type::Int64 } else { Type::Int32 };
    Schema { optional, version: Some(1), ..Schema::new(kind).named(name) }
}

/// A schema as Java prints it: `Schema{name:STRUCT}`.
pub(crate) fn text(schema: &Schema) -> String {
    match &schema.name {
        Some(name) => format!("Schema{{{name}:{}}}", schema.kind.name()),
        None => format!("Schema{{{}}}", schema.kind.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_keeps_the_latest_sixteen_and_knows_equal_schemas() {
        let mut cache = SchemaCache::default();
        let schema = |version| Arc::new(Schema { version: Some(version), ..Schema::new(Type::Struct) });
        let mut made = 0;
        let mut get = |version| {
            let before = made;
            cache
                .get_or_make(&schema(version), || {
                    made += 1;
                    Ok(())
                })
                .unwrap();
            made > before
        };
        for version in 0..16 {
            assert!(get(version));
        }
        assert!(!get(0), "an equal schema is known");
        assert!(get(16), "a seventeenth takes the place of the oldest");
        assert!(!get(0));
        assert!(get(1), "which was not asked for since");
    }
}
