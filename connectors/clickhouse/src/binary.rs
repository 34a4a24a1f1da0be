//! Rows of the formats RowBinaryWithNamesAndTypes and, where a column with a DEFAULT may get null, RowBinaryWithDefaults.
//!
//! The first one begins with the types that the rows are written for, so that the server refuses them if a column has
//! been altered meanwhile. The second one cannot say them: its table is described anew before each insert.
//!
//! Which Connect values go into which columns is what the Java connector (1.5.0) says, with these differences: a value
//! that does not fit its column is an error, where Java cuts it; and types are written that Java cannot (`IPv4`,
//! `IPv6`, integers of 256 bits, values of a Variant that are no unions).

mod number;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use longshore_api::{ConnectError, Schema, Struct, Value};
use longshore_formats::java_time::DateTimeFormatter;

use crate::client::quoted;
use crate::errors::bounded;
use crate::table::{Column, Table};
use crate::types::Type;

/// What a writer has to know beside types and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Patterns for texts, by the names of their columns.
    pub(crate) formats: &'a BTreeMap<String, DateTimeFormatter>,
    /// Whether the server reads columns of type JSON as strings.
    pub(crate) json_as_string: bool,
    /// Whether errors show values.
    pub(crate) shows_values: bool,
}

/// The most characters of a value that an error shows.
const SHOWN_CHARS: usize = 100;

/// How the records of one schema become rows of one table.
#[derive(Debug)]
pub(crate) struct Plan {
    table: Arc<Table>,
    schema: Arc<Schema>,
    columns: Vec<Source>,
    with_defaults: bool,
}

/// A column and the field that it gets its values from.
#[derive(Debug)]
struct Source {
    column: usize,
    field: usize,
    /// The member of a struct, where the column is nested and the field an array of structs.
    member: Option<usize>,
}

impl Plan {
    /// Compares a schema with a table. Columns that the schema lacks are left to the server, if they can be.
    ///
    /// # Errors
    /// If there is no value for a column that needs one.
    pub(crate) fn new(table: &Arc<Table>, schema: &Arc<Schema>) -> Result<Self, ConnectError> {
        let mut columns = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            match source(schema, &column.name) {
                Some((field, member)) => columns.push(Source { column: index, field, member }),
                None if may_be_absent(column) => {}
                None => {
                    let cause = ConnectError::data(format!("Table column name [{}] was not found.", column.name));
                    return Err(ConnectError::data(format!(
                        "Data schema validation failed: table {} needs a value of type {} for column {}",
                        table.full_name, column.text, column.name
                    ))
                    .caused_by(cause));
                }
            }
        }
        if columns.is_empty() {
            return Err(ConnectError::data(format!("the record has no field of table {}", table.full_name)));
        }
        let can_be_null = |one: &Source| schema.fields.get(one.field).is_none_or(|field| field.schema.optional);
        let with_defaults = columns.iter().any(|one| table.columns[one.column].has_default && can_be_null(one));
        Ok(Self { table: Arc::clone(table), schema: Arc::clone(schema), columns, with_defaults })
    }

    /// Whether this is the plan for a table and a schema.
    pub(crate) fn is_for(&self, table: &Arc<Table>, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.table, table) && (Arc::ptr_eq(&self.schema, schema) || self.schema == *schema)
    }

    /// Whether another plan's rows can be in one insert with this one's.
    pub(crate) fn joins(&self, other: &Plan) -> bool {
        let columns = |plan: &Plan| plan.columns.iter().map(|one| one.column).collect::<Vec<_>>();
        let is_like = self.with_defaults == other.with_defaults && Arc::ptr_eq(&self.table, &other.table);
        is_like && columns(self) == columns(other)
    }

    /// Whether its rows say the types that they are written for.
    pub(crate) fn says_types(&self) -> bool {
        !self.with_defaults
    }

    /// The statement that takes the rows.
    pub(crate) fn statement(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|one| quoted(&self.table.columns[one.column].name)).collect();
        let format = if self.with_defaults { "RowBinaryWithDefaults" } else { "RowBinaryWithNamesAndTypes" };
        format!("INSERT INTO {} ({}) FORMAT {format}", self.table.full_name, names.join(", "))
    }

    /// Appends what stands before the rows of an insert.
    pub(crate) fn header(&self, out: &mut Vec<u8>) {
        if self.with_defaults {
            return;
        }
        let columns = || self.columns.iter().map(|one| &self.table.columns[one.column]);
        value::length(self.columns.len(), out);
        let texts = columns().map(|column| &column.name).chain(columns().map(|column| &column.text));
        for text in texts {
            value::length(text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Appends the row of a record. After an error `out` is as it was.
    ///
    /// # Errors
    /// Names the column and what it takes.
    pub(crate) fn row(&self, record: &Struct, rules: &Rules<'_>, out: &mut Vec<u8>) -> Result<(), ConnectError> {
        let start = out.len();
        for source in &self.columns {
            let column = &self.table.columns[source.column];
            let written = match source.member {
                None => self.root(column, record, source.field, rules, out),
                Some(member) => self.nested(column, record, source.field, member, rules, out),
            };
            if let Err(error) = written {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    fn root(
        &self,
        column: &Column,
        record: &Struct,
        field: usize,
        rules: &Rules<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectError> {
        let value = record.values.get(field).unwrap_or(&Value::Null);
        if self.with_defaults && value.is_null() && column.has_default {
            out.push(1);
            return Ok(());
        }
        if self.with_defaults {
            out.push(0);
        }
        if value.is_null() && matches!(column.kind, Type::Array(_)) {
            out.push(0);
            return Ok(());
        }
        let schema = record.schema.fields.get(field).map(|field| &*field.schema);
        let format = rules.formats.get(&column.name);
        let writer = value::Writer { format, json_as_string: rules.json_as_string };
        writer.write(&column.kind, value, schema, out).map_err(|wrong| explain(column, value, schema, wrong, rules))
    }

    /// A column of a nested table: one member of each struct of an array.
    fn nested(
        &self,
        column: &Column,
        record: &Struct,
        field: usize,
        member: usize,
        rules: &Rules<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectError> {
        let array = record.values.get(field).unwrap_or(&Value::Null);
        let structs = if let Value::Array(structs) = array { structs.as_slice() } else { &[] };
        let members = structs.iter().map(|one| match one {
            Value::Struct(one) => one.values.get(member).cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        });
        let element = record.schema.fields.get(field).and_then(|field| field.schema.value_schema.as_ref());
        let element = element.and_then(|element| element.fields.get(member)).map(|field| Arc::clone(&field.schema));
        let schema = element.map(Schema::array);
        if self.with_defaults {
            out.push(0);
        }
        let format = rules.formats.get(&column.name);
        let writer = value::Writer { format, json_as_string: rules.json_as_string };
        let value = Value::Array(members.collect());
        let written = writer.write(&column.kind, &value, schema.as_ref(), out);
        written.map_err(|wrong| explain(column, &value, schema.as_ref(), wrong, rules))
    }
}

/// The field of a column; for `a.b` also the member b of the structs in the array a.
fn source(schema: &Schema, column: &str) -> Option<(usize, Option<usize>)> {
    if let Some(field) = schema.field_index(column) {
        return Some((field, None));
    }
    let (outer, inner) = column.split_once('.')?;
    let field = schema.field_index(outer)?;
    let element = schema.fields.get(field)?.schema.value_schema.as_ref()?;
    Some((field, Some(element.field_index(inner)?)))
}

/// Whether the server fills a column that rows lack, with what the Java connector writes then. One of a type that
/// cannot be written is left to the server, too.
fn may_be_absent(column: &Column) -> bool {
    column.has_default || matches!(column.kind, Type::Nullable(_) | Type::Variant(_) | Type::Unknown(_))
}

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A value of another type.
    Type,
    /// Null where there can be none.
    Null,
    /// Anything else, in words that show no value.
    Because(String),
}

impl Wrong {
    /// Of words.
    fn because(why: impl Into<String>) -> Self {
        Wrong::Because(why.into())
    }
}

/// The error for a value: first what the Java connector says.
pub(crate) fn explain(
    column: &Column,
    value: &Value,
    schema: Option<&Schema>,
    wrong: Wrong,
    rules: &Rules<'_>,
) -> ConnectError {
    let (name, to) = (&column.name, &column.text);
    let from = schema.map(|schema| schema.kind).or_else(|| value.kind()).map_or("null", longshore_api::Type::name);
    let mut text = match wrong {
        Wrong::Type => format!(
            "Failed to write column `{name}`: cannot convert Kafka value of type {from} (value class: {}) to ClickHouse \
             type {to}",
            value.java_class()
        ),
        Wrong::Null => format!("An attempt to write null into not nullable column '{name}' of type {to}"),
        Wrong::Because(why) => format!("Failed to write column `{name}` of type {to}: {why}"),
    };
    if rules.shows_values && !value.is_null() {
        let shown = bounded(&longshore_formats::java_text::value(value), SHOWN_CHARS);
        text.push_str(&format!("; the value is {shown}"));
    }
    ConnectError::data(text)
}
