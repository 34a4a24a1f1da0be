//! Paths to fields, by the two syntaxes of KIP-821.

use std::sync::Arc;

use longshore_api::{ConnectError, Map, Result, Schema, Struct, Value, error::class};

use crate::part::{not_a_map, not_a_struct, take};
use crate::schemas::{look_up, or_default};

const PURPOSE: &str = "nested field access";

/// The names of the fields from the outside in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldPath {
    steps: Vec<String>,
}

impl FieldPath {
    /// Version 1: the whole text is the name of one field.
    pub(super) fn v1(text: &str) -> Self {
        Self { steps: vec![text.to_owned()] }
    }

    /// Version 2: dots stand between steps; in backticks a step may have dots of its own.
    ///
    /// # Errors
    /// Kind Config: a backtick that is not closed.
    pub(super) fn v2(text: &str) -> Result<Self> {
        let mut steps = Vec::new();
        let mut at = 0;
        while at < text.len() {
            if text[at..].starts_with('`') {
                let (step, next) = quoted_step(text, at)?;
                steps.push(step);
                at = next;
            } else {
                let end = text[at..].find('.').map_or(text.len(), |dot| at + dot);
                steps.push(text[at..end].to_owned());
                at = end + 1;
            }
        }
        if text.ends_with('.') {
            steps.push(String::new());
        }
        Ok(Self { steps })
    }

    fn split(&self) -> Result<(&String, &[String])> {
        self.steps
            .split_last()
            .ok_or_else(|| ConnectError::data("fromIndex(0) > toIndex(-1)").with_class(class::ILLEGAL_ARGUMENT))
    }

    /// The indices of the fields in a schema, and the last one's schema; `None` if there is no such field.
    ///
    /// # Errors
    /// DataException: a step that is not the last leads to something else than a struct.
    pub(super) fn find(&self, schema: &Arc<Schema>) -> Result<Option<(Vec<usize>, Arc<Schema>)>> {
        self.split()?;
        let (mut indices, mut current) = (Vec::with_capacity(self.steps.len()), schema);
        for step in &self.steps {
            let Some(index) = look_up(current, step)? else { return Ok(None) };
            indices.push(index);
            current = &current.fields[index].schema;
        }
        Ok(Some((indices, Arc::clone(current))))
    }

    /// The value in a map; null where a step leads nowhere.
    ///
    /// # Errors
    /// DataException: a step that is not the last leads to something else than a map.
    pub(super) fn take_from_map(&self, mut map: Map) -> Result<Value> {
        let (last, steps) = self.split()?;
        for step in steps {
            map = match map.get_mut(step).map(take) {
                None | Some(Value::Null) => return Ok(Value::Null),
                Some(Value::Map(inner)) => inner,
                Some(other) => return Err(not_a_map(&other, PURPOSE)),
            };
        }
        Ok(map.get_mut(last).map(take).unwrap_or(Value::Null))
    }
}

/// The value at a place that [`FieldPath::find`] found.
pub(super) fn take_from_struct(indices: &[usize], mut structure: Struct, replace_null: bool) -> Result<Value> {
    let Some((last, steps)) = indices.split_last() else { return Ok(Value::Null) };
    for step in steps {
        structure = match field(&mut structure, *step, replace_null) {
            Value::Null => return Ok(Value::Null),
            Value::Struct(inner) => inner,
            other => return Err(not_a_struct(&other, PURPOSE)),
        };
    }
    Ok(field(&mut structure, *last, replace_null))
}

fn field(structure: &mut Struct, index: usize, replace_null: bool) -> Value {
    let value = structure.values.get_mut(index).map(take).unwrap_or(Value::Null);
    match structure.schema.fields.get(index) {
        Some(field) => or_default(value, &field.schema, replace_null),
        None => value,
    }
}

/// The step in backticks that begins at `open`, and where the next one begins.
fn quoted_step(text: &str, open: usize) -> Result<(String, usize)> {
    let unclosed = || {
        ConnectError::config(format!(
            "Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick at position {} \
             to escape it",
            text[..open].encode_utf16().count()
        ))
    };
    let mut step = String::new();
    let (mut start, mut from) = (open + 1, open + 1);
    loop {
        let tick = text[from..].find('`').map(|tick| from + tick).ok_or_else(unclosed)?;
        let escaped = text[..tick].ends_with('\\');
        if tick + 1 == text.len() {
            if escaped {
                return Err(unclosed());
            }
            step.push_str(&text[start..tick]);
            return Ok((step, tick + 1));
        }
        from = tick + 1;
        // A backtick that no dot follows is one of the name's own.
        if !text[from..].starts_with('.') {
            continue;
        }
        if !escaped {
            step.push_str(&text[start..tick]);
            return Ok((step, tick + 2));
        }
        step.push_str(&text[start..tick - 1]);
        step.push('`');
        start = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_backticks_are_read_as_kip_821_says() {
        for (text, steps) in [
            ("a", vec!["a"]),
            ("a.b.c", vec!["a", "b", "c"]),
            ("`a.b`.c", vec!["a.b", "c"]),
            ("a.`b.c`", vec!["a", "b.c"]),
            ("`a`b`.c", vec!["a`b", "c"]),
            (r"`a\`.b`.c", vec!["a`.b", "c"]),
            (r"`a\`b`", vec![r"a\`b"]),
            ("a`b", vec!["a`b"]),
            ("a.", vec!["a", ""]),
            ("a..b", vec!["a", "", "b"]),
            ("", vec![]),
        ] {
            assert_eq!(FieldPath::v2(text).unwrap().steps, steps, "{text}");
        }
        let error = FieldPath::v2("a.`b").unwrap_err();
        assert!(error.to_string().contains("at position 2 to escape it"), "{error}");
        assert!(FieldPath::v2(r"`a\`").is_err());
    }
}
