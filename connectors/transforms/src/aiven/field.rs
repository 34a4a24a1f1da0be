//! Fields as Aiven's transforms name them: by their name, or by a way of names with dots between.

use longshore_api::Value;

/// A field that a configuration names.
#[derive(Debug, Clone)]
pub(super) struct FieldName(String);

impl FieldName {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// What the field holds, which is its default where it is null. A field that has the whole name comes before the way
    /// that the name may be.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let steps = |at: Option<&'v Value>, name: &str| member(at?, name);
        member(value, &self.0).or_else(|| self.0.split('.').fold(Some(value), steps))
    }

    /// The same, to be changed; a default is put in its place.
    pub(super) fn find_mut<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        if member(value, &self.0).is_some() {
            return member_mut(value, &self.0);
        }
        self.0.split('.').try_fold(value, member_mut)
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.get(name),
        Value::Struct(structure) => {
            let index = structure.schema.field_index(name)?;
            let value = structure.values.get(index)?;
            let default = || structure.schema.fields.get(index)?.schema.default.as_ref();
            if value.is_null() { default().or(Some(value)) } else { Some(value) }
        }
        _ => None,
    }
}

fn member_mut<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    match value {
        Value::Map(map) => map.get_mut(name),
        Value::Struct(structure) => {
            let index = structure.schema.field_index(name)?;
            let default = structure.schema.fields.get(index).and_then(|field| field.schema.default.as_ref());
            let value = structure.values.get_mut(index)?;
            if let Some(default) = default.filter(|_| value.is_null()) {
                *value = default.clone();
            }
            Some(value)
        }
        _ => None,
    }
}
