//! Expressions over records: CEL, the Common Expression Language, and the parts of Groovy and JavaScript that
//! conditions of Debezium's transforms are written in.
//!
//! A text is compiled once, to a tree that knows its variables, functions, regular expressions and zones; what is
//! unknown is an error that says at which character. Evaluation borrows from the record: nothing is converted but the
//! fields that an expression names. It cannot run away: texts, nesting and the work a record are bounded, and regular
//! expressions run on engines that cannot hang. That bound is why this is no crate: the interpreters that there are
//! overflow the stack on deep texts and run for as long as nested loops ask them to.

mod eval;
mod functions;
mod javascript;
mod lexer;
mod number;
mod parser;
mod script;
mod steps;
#[cfg(test)]
mod tests;
mod time;
mod tree;

use std::sync::Arc;

use longshore_api::{ConnectError, ConnectRecord, Parts, Result, Schema, Type, Value};

use eval::{Evaluation, Val};
pub(crate) use time::{parse_moment, parse_offset};
use tree::{Gives, Kind, Node, Variable};

/// What an expression is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// The Common Expression Language, <https://github.com/google/cel-spec>.
    Cel,
    /// `jsr223.groovy`.
    Groovy,
    /// `jsr223.graal.js` and other engines of JavaScript.
    JavaScript,
}

/// A compiled expression.
#[derive(Debug)]
pub(crate) struct Expression {
    language: Language,
    root: Node,
    parts: Parts,
}

impl Expression {
    /// Compiles a text.
    ///
    /// # Errors
    /// Says what is wrong, and at which character.
    pub(crate) fn compile(text: &str, language: Language) -> Result<Self, String> {
        let root = parser::parse(text, language)?;
        let parts = root.parts();
        Ok(Self { language, root, parts })
    }

    /// Compiles a list of assignments in CEL: `name = expression; other: int32 = expression`. Gives the names, the
    /// types that are stated, and the expressions.
    ///
    /// # Errors
    /// Says what is wrong, and at which character.
    pub(crate) fn assignments(text: &str) -> Result<Vec<(String, Option<String>, Self)>, String> {
        let made = |(name, kind, root): parser::Assigned| {
            let parts = root.parts();
            (name, kind, Self { language: Language::Cel, root, parts })
        };
        Ok(parser::assignments(text)?.into_iter().map(made).collect())
    }

    /// The parts of a record that it looks at.
    pub(crate) fn parts(&self) -> Parts {
        self.parts
    }

    /// The value that it has for a record.
    ///
    /// # Errors
    /// Kind BadRecord; says what went wrong and at which character of the text of the configuration's `key`.
    pub(crate) fn value(&self, record: &ConnectRecord, key: &str) -> Result<Value> {
        let value = self.evaluate(record, key)?;
        value.into_value().map_err(|message| ConnectError::data(format!("{key}: {message}")))
    }

    /// Whether it holds for a record.
    ///
    /// # Errors
    /// As [`value`](Self::value); also where it gives anything but true or false.
    pub(crate) fn holds(&self, record: &ConnectRecord, key: &str) -> Result<bool> {
        match self.evaluate(record, key)? {
            Val::Data(value) if let Value::Boolean(holds) = *value => Ok(holds),
            other => Err(ConnectError::data(format!("{key}: expected true or false, found {}", other.type_name()))),
        }
    }

    fn evaluate<'a>(&'a self, record: &'a ConnectRecord, key: &str) -> Result<Val<'a>> {
        Evaluation::new(record, self.language).evaluate(&self.root).map_err(|problem| {
            let message = format!("{key}: {} at character {}", problem.message, problem.at);
            ConnectError::data(message)
        })
    }

    /// The schema of what it gives where the expression alone tells: that of the field that it names, as it is there, or
    /// of what its operators and functions make.
    pub(crate) fn schema(&self, record: &ConnectRecord) -> Option<Arc<Schema>> {
        schema_of(&self.root, record)
    }
}

fn schema_of(node: &Node, record: &ConnectRecord) -> Option<Arc<Schema>> {
    let plain = |kind| Some(Arc::new(Schema::optional(kind)));
    match &node.kind {
        Kind::Literal(value) => schema_of_value(value),
        Kind::Variable(Variable::Topic) => plain(Type::String),
        Kind::Variable(Variable::Partition | Variable::Offset) => plain(Type::Int64),
        Kind::Variable(Variable::Timestamp) => {
            Some(Arc::new(crate::schemas::temporal(longshore_api::schema::logical::TIMESTAMP, true)))
        }
        Kind::Variable(_) | Kind::Member { .. } => named_schema(node, record).cloned(),
        Kind::All(_) | Kind::Any(_) | Kind::Not(_) | Kind::Has(..) => plain(Type::Boolean),
        Kind::Search(search) => match search.gives {
            Gives::Whole | Gives::Found => plain(Type::Boolean),
            Gives::Replaced { .. } => plain(Type::String),
            Gives::Groups | Gives::Matches => None,
        },
        Kind::Binary(operator, _) if operator.is_comparison() => plain(Type::Boolean),
        Kind::Conditional(of) => schema_of(&of.1, record).or_else(|| schema_of(&of.2, record)),
        Kind::Call(function, _) => function.result().and_then(plain),
        _ => None,
    }
}

/// The schema of a key, a value, a header, or a field in one of them.
fn named_schema<'r>(node: &Node, record: &'r ConnectRecord) -> Option<&'r Arc<Schema>> {
    match &node.kind {
        Kind::Variable(Variable::Key) => record.key.schema.as_ref(),
        Kind::Variable(Variable::Value) => record.value.schema.as_ref(),
        Kind::Member { of, name, .. } if matches!(of.kind, Kind::Variable(Variable::Headers)) => {
            let header = record.headers.iter().rev().find(|header| *header.name == **name)?;
            header.value.schema.as_ref()
        }
        Kind::Member { of, name, .. } => {
            let of = named_schema(of, record)?;
            let index = of.field_index(name)?;
            Some(&of.fields[index].schema)
        }
        _ => None,
    }
}

/// A schema as that of something that may be null; nothing stands for null there.
pub(crate) fn optional(schema: &Arc<Schema>) -> Arc<Schema> {
    if schema.optional && schema.default.is_none() {
        return Arc::clone(schema);
    }
    Arc::new(Schema { optional: true, default: None, ..Schema::clone(schema) })
}

/// The optional schema of a value that comes without one; `None` where the value does not tell.
pub(crate) fn schema_of_value(value: &Value) -> Option<Arc<Schema>> {
    use longshore_api::schema::logical;
    let schema = match value {
        Value::Null => return None,
        Value::Struct(of) => return Some(optional(&of.schema)),
        Value::Date(_) => crate::schemas::temporal(logical::TIMESTAMP, true),
        Value::Decimal(decimal) => {
            let mut schema = Schema::optional(Type::Bytes).named(logical::DECIMAL);
            schema.version = Some(1);
            schema.parameters.insert("scale".into(), decimal.as_bigint_and_exponent().1.to_string());
            schema
        }
        Value::Array(elements) => {
            let element = common_schema(elements.iter())?;
            Schema { optional: true, ..Schema::array(element) }
        }
        Value::Map(map) => {
            let key = common_schema(map.iter().map(|(key, _)| key))?;
            let value = common_schema(map.iter().map(|(_, value)| value))?;
            let key = Arc::new(Schema { optional: false, ..Schema::clone(&key) });
            Schema { optional: true, ..Schema::map(key, value) }
        }
        other => Schema::optional(other.kind()?),
    };
    Some(Arc::new(schema))
}

/// The one schema of all values but null; that of texts where there are none.
fn common_schema<'v>(mut values: impl Iterator<Item = &'v Value>) -> Option<Arc<Schema>> {
    let Some(first) = values.by_ref().find(|value| !value.is_null()) else {
        return Some(Arc::new(Schema::optional(Type::String)));
    };
    let schema = schema_of_value(first)?;
    let same = |value: &Value| value.is_null() || schema_of_value(value).is_some_and(|other| other == schema);
    values.all(same).then_some(schema)
}
