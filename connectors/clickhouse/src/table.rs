//! What the tables look like.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longshore_api::ConnectError;

use crate::client::{Client, quoted};
use crate::errors::Failure;
use crate::types::Type;

/// A column that rows are written to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the server writes it, for messages.
    pub(crate) text: String,
    pub(crate) kind: Type,
    /// Whether it has a DEFAULT expression.
    pub(crate) has_default: bool,
}

/// A table, as it was described.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Database and table, quoted.
    pub(crate) full_name: String,
    /// The columns that are stored and can be written, in the table's order.
    pub(crate) columns: Vec<Column>,
    /// The names of the others, which the server computes.
    pub(crate) computed: Vec<String>,
}

impl Table {
    /// A table whose description, one JSON array a line, is `lines`. Columns that are computed are left out.
    fn parse(full_name: String, lines: &str) -> Option<Self> {
        let (mut columns, mut computed) = (Vec::new(), Vec::new());
        for line in lines.lines().filter(|line| !line.is_empty()) {
            let fields: Vec<String> = serde_json::from_str(line).ok()?;
            let [name, text, default, ..] = fields.as_slice() else { return None };
            if matches!(default.as_str(), "" | "DEFAULT") {
                let (text, has_default) = (on_one_line(text), !default.is_empty());
                columns.push(Column { name: name.clone(), kind: Type::parse(&text), text, has_default });
            } else {
                computed.push(name.clone());
            }
        }
        Some(Self { full_name, columns, computed })
    }

    /// Whether the name is a column's, be it one that cannot be written.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.has_column(name) || self.computed.iter().any(|computed| computed == name)
    }

    /// Whether there is a column of that name, or nested ones below it.
    pub(crate) fn has_column(&self, name: &str) -> bool {
        self.columns
            .iter()
            .any(|column| column.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

/// The tables that a task knows.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    known: HashMap<String, (Arc<Table>, Instant)>,
    /// After how long a description is asked for anew.
    refresh: Option<Duration>,
}

impl Tables {
    /// None yet.
    pub(crate) fn new(refresh: Option<Duration>) -> Self {
        Self { refresh, ..Self::default() }
    }

    /// The table of a name; `None` if there is none. Asks the server for one that is not known, or not any more.
    pub(crate) async fn get(
        &mut self,
        client: &Client,
        database: &str,
        table: &str,
    ) -> Result<Option<Arc<Table>>, Failure> {
        let name = full_name(database, table);
        if let Some((table, since)) = self.known.get(&name)
            && self.refresh.is_none_or(|refresh| since.elapsed() < refresh)
        {
            return Ok(Some(Arc::clone(table)));
        }
        let described = describe(client, &name).await?;
        Ok(match described {
            Some(table) => {
                // The same table keeps its identity: plans are kept by it.
                let table = match self.known.remove(&name) {
                    Some((known, _)) if *known == table => known,
                    _ => Arc::new(table),
                };
                self.known.insert(name, (Arc::clone(&table), Instant::now()));
                Some(table)
            }
            None => {
                self.known.remove(&name);
                None
            }
        })
    }

    /// The table of a name as it is now.
    pub(crate) async fn describe_again(
        &mut self,
        client: &Client,
        database: &str,
        table: &str,
    ) -> Result<Option<Arc<Table>>, Failure> {
        self.forget(database, table);
        self.get(client, database, table).await
    }

    /// Forgets a table, so that it is described before it is used again.
    pub(crate) fn forget(&mut self, database: &str, table: &str) {
        self.known.remove(&full_name(database, table));
    }
}

/// A type as the server itself names it: described, one with named elements has a line for each of them.
fn on_one_line(text: &str) -> String {
    let (mut line, mut quote, mut characters) = (String::with_capacity(text.len()), None, text.chars().peekable());
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', Some(_)) => {
                line.push(character);
                line.extend(characters.next());
            }
            ('\'' | '`', None) => {
                quote = Some(character);
                line.push(character);
            }
            (_, Some(open)) => {
                quote = Some(open).filter(|open| *open != character);
                line.push(character);
            }
            ('\n', None) => {
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                if line.ends_with(',') {
                    line.push(' ');
                }
            }
            _ => line.push(character),
        }
    }
    line
}

/// Database and table, quoted.
pub(crate) fn full_name(database: &str, table: &str) -> String {
    format!("{}.{}", quoted(database), quoted(table))
}

async fn describe(client: &Client, name: &str) -> Result<Option<Table>, Failure> {
    let statement = format!("DESCRIBE TABLE {name} SETTINGS describe_include_subcolumns=0 FORMAT JSONCompactEachRow");
    let text = match client.ask(&statement, &[]).await {
        Err(Failure::Refused(refusal)) if refusal.is_missing_table() => return Ok(None),
        Err(Failure::Refused(refusal)) => {
            let error = format!("table {name} cannot be described: {}", refusal.message);
            return Err(Failure::Settings(ConnectError::fatal(error)));
        }
        other => other?,
    };
    let wrong = || Failure::Settings(ConnectError::fatal(format!("the description of table {name} makes no sense")));
    Table::parse(name.to_owned(), &text).ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_computed_are_left_out() {
        let lines = "[\"a\",\"Int64\",\"\",\"\",\"\",\"\",\"\"]\n[\"b\",\"String\",\"DEFAULT\",\"'x'\",\"\",\"\",\"\"]\n\
                     [\"c\",\"String\",\"MATERIALIZED\",\"b\",\"\",\"\",\"\"]\n[\"n.x\",\"Array(Int8)\",\"\",\"\",\"\",\"\",\"\"]\n";
        let table = Table::parse("`d`.`t`".to_owned(), lines).unwrap();
        let names: Vec<_> = table.columns.iter().map(|column| (column.name.as_str(), column.has_default)).collect();
        assert_eq!(names, [("a", false), ("b", true), ("n.x", false)]);
        assert!(table.has_column("a") && table.has_column("n") && !table.has_column("c") && !table.has_column("n."));
        assert!(table.knows("a") && table.knows("c") && !table.knows("d"));
    }

    #[test]
    fn types_are_named_on_one_line() {
        for (described, name) in [
            ("Int64", "Int64"),
            ("Tuple(\n    x Int32,\n    label Nullable(String))", "Tuple(x Int32, label Nullable(String))"),
            ("Array(Tuple(\n    a Tuple(\n        b Int8),\n    c Int8))", "Array(Tuple(a Tuple(b Int8), c Int8))"),
            ("Enum8('a\\'\n b' = 1, '\n' = 2)", "Enum8('a\\'\n b' = 1, '\n' = 2)"),
            ("Tuple(\n    `a\n  b` Int8)", "Tuple(`a\n  b` Int8)"),
            ("Map(String, Int64)", "Map(String, Int64)"),
        ] {
            assert_eq!(on_one_line(described), name);
        }
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(full_name("d`b", "t\\x"), r"`d\`b`.`t\\x`");
        assert_eq!(Table::parse(String::new(), "{\"a\": 1}"), None);
    }
}
