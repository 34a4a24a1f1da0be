//! What a changed schema does: Confluent's `schema.compatibility`, and Connect's projection of values.

use std::borrow::Cow;
use std::sync::Arc;

use longshore_api::{ConnectError, Data, Map, Result, Schema, Struct, Type, Value};

/// Class of the errors of projections.
const PROJECTOR: &str = "org.apache.kafka.connect.errors.SchemaProjectorException";

/// Parameters that say nothing of the structure.
fn is_metadata(parameter: &str) -> bool {
    ["connect.record.doc", "connect.record.aliases", "connect.record.namespace"].contains(&parameter)
        || parameter.starts_with("io.confluent.connect.avro.field.doc.")
        || parameter.starts_with("io.confluent.connect.avro.record.doc")
}

/// The mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compatibility {
    /// None closes the files; what cannot hold a schema says so itself.
    Any,
    /// Any difference closes the files.
    None,
    /// Older schemas are projected to that of the file; a newer one closes the files. FULL means the same.
    Backward,
    /// Newer schemas are projected to that of the file; an older one closes the files.
    Forward,
}

impl Compatibility {
    /// The mode of a name. One that is not known stands for NONE, as in Confluent's connector.
    pub(crate) fn new(name: &str) -> Self {
        match name {
            "BACKWARD" | "FULL" => Self::Backward,
            "FORWARD" => Self::Forward,
            _ => Self::None,
        }
    }

    /// Whether a record of a schema has to go to a new file, where that of the present one is `current`.
    ///
    /// # Errors
    /// Kind BadRecord: a schema has no version.
    pub(crate) fn closes(self, current: Option<&Arc<Schema>>, new: Option<&Arc<Schema>>) -> Result<bool> {
        let (current, new) = match (current, new) {
            _ if self == Self::Any => return Ok(false),
            (Some(current), Some(new)) if Arc::ptr_eq(current, new) => return Ok(false),
            (Some(current), Some(new)) => (current, new),
            (None, None) => return Ok(false),
            _ => return Ok(true),
        };
        if self == Self::None {
            return Ok(current != new);
        }
        let versions = (current.version, new.version);
        let (Some(current_version), Some(new_version)) = versions else {
            let mode = if self == Self::Backward { "BACKWARD" } else { "FORWARD" };
            return Err(ConnectError::data(format!("Schema version required for {mode} compatibility")));
        };
        let moves = match self {
            Self::Backward => new_version > current_version,
            _ => new_version < current_version,
        };
        Ok(moves || check(new, current).is_err())
    }

    /// A value as one of the file's schema.
    ///
    /// # Errors
    /// Kind BadRecord: it cannot be.
    pub(crate) fn project<'a>(self, current: Option<&Arc<Schema>>, data: &'a Data) -> Result<Cow<'a, Data>> {
        match (current, &data.schema) {
            (Some(current), Some(schema))
                if !matches!(self, Self::None | Self::Any) && !Arc::ptr_eq(current, schema) && current != schema =>
            {
                let value = project(schema, &data.value, current)?;
                Ok(Cow::Owned(Data::new(Arc::clone(current), value)))
            }
            _ => Ok(Cow::Borrowed(data)),
        }
    }
}

fn wrong(message: impl Into<String>) -> ConnectError {
    ConnectError::data(message).with_class(PROJECTOR)
}

/// The numbers from the narrowest to the widest.
fn width(kind: Type) -> Option<u8> {
    let widths = [Type::Int8, Type::Int16, Type::Int32, Type::Int64, Type::Float32, Type::Float64];
    widths.iter().position(|known| *known == kind).map(|at| at as u8)
}

fn is_promotable(source: Type, target: Type) -> bool {
    matches!((width(source), width(target)), (Some(source), Some(target)) if source <= target)
}

/// Whether values of a schema can be projected to another.
fn check(source: &Schema, target: &Schema) -> Result<()> {
    if source.kind != target.kind && !is_promotable(source.kind, target.kind) {
        let (source, target) = (source.kind.name(), target.kind.name());
        return Err(wrong(format!("Schema type mismatch. source type: {source} and target type: {target}")));
    }
    if source.name != target.name {
        let name = |schema: &Schema| schema.name.as_deref().unwrap_or("null").to_owned();
        let (source, target) = (name(source), name(target));
        return Err(wrong(format!("Schema name mismatch. source name: {source} and target name: {target}")));
    }
    let parameters = |schema: &Schema| {
        let own = schema.parameters.iter().filter(|(name, _)| !is_metadata(name));
        let mut own: Vec<_> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        own.sort();
        own
    };
    if parameters(source) != parameters(target) {
        return Err(wrong("Schema parameters not equal."));
    }
    if source.optional && !target.optional && target.default.is_none() {
        return Err(wrong("Writer schema is optional, however, target schema does not provide a default value."));
    }
    for field in &target.fields {
        match source.field_index(&field.name) {
            Some(at) => check(&source.fields[at].schema, &field.schema)?,
            None if field.schema.optional || field.schema.default.is_some() => {}
            None => {
                return Err(wrong(format!("Required field `{}` is missing from source schema", field.name)));
            }
        }
    }
    for (source, target) in [(&source.key_schema, &target.key_schema), (&source.value_schema, &target.value_schema)] {
        if let (Some(source), Some(target)) = (source, target) {
            check(source, target)?;
        }
    }
    Ok(())
}

/// A value of one schema as one of another: `org.apache.kafka.connect.data.SchemaProjector`.
fn project(source: &Schema, value: &Value, target: &Arc<Schema>) -> Result<Value> {
    check(source, target)?;
    project_checked(source, value, target)
}

fn project_checked(source: &Schema, value: &Value, target: &Arc<Schema>) -> Result<Value> {
    if value.is_null() {
        return Ok(target.default.clone().filter(|_| !target.optional).unwrap_or(Value::Null));
    }
    let nested = |schema: &Option<Arc<Schema>>| schema.clone().ok_or_else(|| wrong("a schema lacks that of its parts"));
    Ok(match value {
        Value::Struct(one) => {
            let values = target.fields.iter().map(|field| match source.field_index(&field.name) {
                Some(at) => {
                    let value = one.values.get(at).unwrap_or(&Value::Null);
                    project_checked(&source.fields[at].schema, value, &field.schema)
                }
                None => Ok(field.schema.default.clone().unwrap_or(Value::Null)),
            });
            Value::Struct(Struct { schema: Arc::clone(target), values: values.collect::<Result<_>>()? })
        }
        Value::Array(elements) => {
            let (source, target) = (nested(&source.value_schema)?, nested(&target.value_schema)?);
            Value::Array(elements.iter().map(|one| project_checked(&source, one, &target)).collect::<Result<_>>()?)
        }
        Value::Map(map) => {
            let (keys, new_keys) = (nested(&source.key_schema)?, nested(&target.key_schema)?);
            let (values, new_values) = (nested(&source.value_schema)?, nested(&target.value_schema)?);
            let entries = map.iter().map(|(key, value)| {
                Ok((project_checked(&keys, key, &new_keys)?, project_checked(&values, value, &new_values)?))
            });
            Value::Map(entries.collect::<Result<Map>>()?)
        }
        number if source.kind != target.kind => promote(number, target.kind),
        other => other.clone(),
    })
}

/// A number as one of a wider type.
fn promote(number: &Value, kind: Type) -> Value {
    let integer = match number {
        Value::Int8(value) => i64::from(*value),
        Value::Int16(value) => i64::from(*value),
        Value::Int32(value) => i64::from(*value),
        Value::Int64(value) => *value,
        Value::Float32(value) if kind == Type::Float64 => return Value::Float64(f64::from(*value)),
        other => return other.clone(),
    };
    match kind {
        Type::Int16 => Value::Int16(integer as i16),
        Type::Int32 => Value::Int32(integer as i32),
        Type::Int64 => Value::Int64(integer),
        Type::Float32 => Value::Float32(integer as f32),
        Type::Float64 => Value::Float64(integer as f64),
        _ => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::Field;

    use super::*;

    fn record(version: i32, fields: Vec<(&str, Schema)>) -> Arc<Schema> {
        let fields = fields.into_iter().map(|(name, schema)| Field::new(name, schema)).collect();
        Arc::new(Schema { version: Some(version), ..Schema::structure(fields).named("r") })
    }

    fn data(schema: &Arc<Schema>, values: Vec<Value>) -> Data {
        let value = Value::Struct(Struct { schema: Arc::clone(schema), values });
        Data::new(Arc::clone(schema), value)
    }

    #[test]
    fn without_compatibility_any_difference_closes_the_files() {
        let (old, new) =
            (record(1, vec![("a", Schema::new(Type::Int32))]), record(2, vec![("a", Schema::new(Type::Int32))]));
        let mode = Compatibility::new("NONE");
        assert_eq!(mode.closes(Some(&old), Some(&new)), Ok(true));
        assert_eq!(mode.closes(Some(&old), Some(&record(1, vec![("a", Schema::new(Type::Int32))]))), Ok(false));
        assert_eq!(mode.closes(None, None), Ok(false));
        assert_eq!(mode.closes(None, Some(&new)), Ok(true));
    }

    #[test]
    fn backward_projects_what_is_older_and_forward_what_is_newer() {
        let old = record(1, vec![("a", Schema::new(Type::Int32))]);
        let new = record(2, vec![("a", Schema::new(Type::Int64)), ("b", Schema::optional(Type::String))]);
        let (backward, forward) = (Compatibility::new("FULL"), Compatibility::new("FORWARD"));
        assert_eq!(backward.closes(Some(&old), Some(&new)), Ok(true));
        assert_eq!(backward.closes(Some(&new), Some(&old)), Ok(false));
        let projected = backward.project(Some(&new), &data(&old, vec![Value::Int32(7)])).unwrap().into_owned();
        assert_eq!(projected, data(&new, vec![Value::Int64(7), Value::Null]));
        // Not forward: a long is no int.
        assert_eq!(forward.closes(Some(&old), Some(&new)), Ok(true));
        let wider = record(2, vec![("a", Schema::new(Type::Int32)), ("b", Schema::optional(Type::String))]);
        assert_eq!(forward.closes(Some(&old), Some(&wider)), Ok(false));
        let record = data(&wider, vec![Value::Int32(7), Value::string("x")]);
        let projected = forward.project(Some(&old), &record).unwrap();
        assert_eq!(projected.into_owned(), data(&old, vec![Value::Int32(7)]));
        assert_eq!(forward.closes(Some(&wider), Some(&old)), Ok(true));
    }

    #[test]
    fn what_cannot_be_projected_is_told() {
        let old = record(1, vec![("a", Schema::new(Type::Int32))]);
        let needs_more = record(1, vec![("a", Schema::new(Type::Int32)), ("b", Schema::new(Type::String))]);
        let error = check(&old, &needs_more).unwrap_err();
        assert_eq!(error.message.as_deref(), Some("Required field `b` is missing from source schema"));
        assert_eq!(Compatibility::Backward.closes(Some(&needs_more), Some(&old)), Ok(true));
        let without = Arc::new(Schema { version: None, ..(*old).clone() });
        let error = Compatibility::Backward.closes(Some(&old), Some(&without)).unwrap_err();
        assert_eq!(error.message.as_deref(), Some("Schema version required for BACKWARD compatibility"));
    }
}
