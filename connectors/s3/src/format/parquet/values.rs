//! Connect's values into columns.

use longshore_api::{Result, Struct, Value};

use super::columns::Columns;
use super::plan::{Group, Kind, Node, in_field};

/// Adds a struct to the columns of its schema.
///
/// # Errors
/// Kind BadRecord, with the path of the field; what was added is to be dropped.
pub(super) fn add(record: &Struct, group: &Group, columns: &mut Columns) -> Result<()> {
    structure(record, group, 0, columns)
}

fn structure(record: &Struct, group: &Group, repetition: u8, columns: &mut Columns) -> Result<()> {
    for (index, node) in group.fields.iter().enumerate() {
        let value = record.values.get(index).unwrap_or(&Value::Null);
        let default = record.schema.fields.get(index).and_then(|field| field.schema.default.as_ref());
        let value = if value.is_null() { default.unwrap_or(value) } else { value };
        in_field(add_value(value, node, repetition, columns), &node.name)?;
    }
    Ok(())
}

fn add_value(value: &Value, node: &Node, repetition: u8, columns: &mut Columns) -> Result<()> {
    match (&node.kind, value) {
        (_, Value::Null) => return node.add_null(repetition, columns),
        (Kind::Leaf(leaf), value) => leaf.add(value, node.columns.start, repetition, columns)?,
        (Kind::Group(group), Value::Struct(record)) if record.schema.fields.len() == group.fields.len() => {
            structure(record, group, repetition, columns)?;
        }
        (Kind::List { element, repetition: next }, Value::Array(elements)) => {
            if elements.is_empty() {
                columns.null(node.columns.clone(), node.definition, repetition);
            }
            let mut level = repetition;
            for value in elements {
                add_value(value, element, level, columns)?;
                level = *next;
            }
        }
        (Kind::List { element, repetition: next }, Value::Map(entries)) => {
            // A map whose keys are no strings is a list of its entries.
            let Kind::Group(group) = &element.kind else { return Err(node.expected(value.java_class())) };
            let [key, value] = &group.fields[..] else { return Err(node.expected("a map")) };
            map(entries, node, [key, value], [repetition, *next], columns)?;
        }
        (Kind::Map { key, value, repetition: next }, Value::Map(entries)) => {
            map(entries, node, [key, value], [repetition, *next], columns)?;
        }
        (_, value) => return Err(node.expected(value.java_class())),
    }
    Ok(())
}

fn map(
    entries: &longshore_api::Map,
    node: &Node,
    [key_node, value_node]: [&Node; 2],
    [mut repetition, next]: [u8; 2],
    columns: &mut Columns,
) -> Result<()> {
    if entries.is_empty() {
        columns.null(node.columns.clone(), node.definition, repetition);
    }
    for (key, value) in entries.iter() {
        in_field(add_value(key, key_node, repetition, columns), "key")?;
        in_field(add_value(value, value_node, repetition, columns), "value")?;
        repetition = next;
    }
    Ok(())
}
