//! MongoDB's documents, out of the Extended JSON in which Debezium writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use longshore_api::{ConnectError, Result};
use longshore_formats::json::{Node, Reader};

/// A document: names and values in order.
pub(super) type Document = Vec<(String, Bson)>;

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bson {
    Null,
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    /// A string, and what Debezium writes as one: object ids, decimals, code, symbols.
    Text(String),
    Binary(Vec<u8>),
    /// Milliseconds since the epoch.
    Date(i64),
    Regex {
        pattern: String,
        options: String,
    },
    Document(Document),
    Array(Vec<Bson>),
    /// What Debezium leaves out: the least and the greatest key, undefined.
    Nothing,
}

/// Reads a document.
///
/// # Errors
/// DataException: it is none. `what` says where the text came from.
pub(super) fn document(text: &str, what: &str) -> Result<Document> {
    let wrong = |why: String| ConnectError::data(format!("{what} is no document of MongoDB: {why}"));
    let mut reader = Reader::new(text);
    let node = Node::read(&mut reader).map_err(|error| wrong(error.to_string()))?;
    if !reader.is_at_end() {
        return Err(wrong("text follows the document".into()));
    }
    match node {
        Node::Object(members) => Ok(members.iter().map(|(name, node)| (name.to_string(), value(node))).collect()),
        other => Err(wrong(format!("it is {}", other.kind_name()))),
    }
}

/// Reads a value.
///
/// # Errors
/// As [`document`].
pub(super) fn value_of(text: &str, what: &str) -> Result<Bson> {
    let mut read = document(&format!("{{\"id\":{text}}}"), what)?;
    Ok(read.pop().map_or(Bson::Null, |(_, value)| value))
}

fn value(node: &Node<'_>) -> Bson {
    match node {
        Node::Null => Bson::Null,
        Node::Boolean(value) => Bson::Boolean(*value),
        Node::String(text) => Bson::Text(text.to_string()),
        Node::Number(number) => match (number.as_i32(), number.as_i64()) {
            (Some(number), _) => Bson::Int32(number),
            (_, Some(number)) => Bson::Int64(number),
            _ => Bson::Double(number.to_f64()),
        },
        Node::Array(elements) => Bson::Array(elements.iter().map(value).collect()),
        Node::Object(members) => {
            let special = members.first().is_some_and(|(name, _)| name.starts_with('$'));
            special.then(|| extended(node, members.len())).flatten().unwrap_or_else(|| {
                Bson::Document(members.iter().map(|(name, node)| (name.to_string(), value(node))).collect())
            })
        }
    }
}

/// The value that an object with a `$` stands for, in either form of Extended JSON.
fn extended(node: &Node<'_>, members: usize) -> Option<Bson> {
    let text = |name: &str| node.get(name).and_then(Node::as_str);
    match members {
        1 => one(node),
        2 => {
            if let Some(pattern) = text("$regex") {
                return Some(Bson::Regex { pattern: pattern.into(), options: text("$options")?.into() });
            }
            if let Some(binary) = text("$binary") {
                node.get("$type")?;
                return STANDARD.decode(binary).ok().map(Bson::Binary);
            }
            let code = text("$code")?;
            let scope = value(node.get("$scope")?);
            Some(Bson::Document(vec![("code".into(), Bson::Text(code.into())), ("scope".into(), scope)]))
        }
        _ => None,
    }
}

fn one(node: &Node<'_>) -> Option<Bson> {
    let Node::Object(members) = node else { return None };
    let (name, node) = members.first()?;
    let text = node.as_str();
    Some(match &**name {
        "$oid" | "$numberDecimal" | "$code" | "$symbol" => Bson::Text(text?.to_owned()),
        "$numberInt" => Bson::Int32(text?.parse().ok()?),
        "$numberLong" => Bson::Int64(integer(node)?),
        "$numberDouble" => Bson::Double(match text? {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            number => number.parse().ok()?,
        }),
        "$date" => Bson::Date(date(node)?),
        "$timestamp" => Bson::Date(integer(node.get("t")?)?.checked_mul(1000)?),
        "$binary" => Bson::Binary(STANDARD.decode(node.get("base64")?.as_str()?).ok()?),
        "$uuid" => {
            let digits = text?.replace('-', "");
            (digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())?;
            Bson::Binary(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes().to_vec())
        }
        "$regularExpression" => Bson::Regex {
            pattern: node.get("pattern")?.as_str()?.to_owned(),
            options: node.get("options")?.as_str()?.to_owned(),
        },
        "$minKey" | "$maxKey" | "$undefined" => Bson::Nothing,
        _ => return None,
    })
}

fn integer(node: &Node<'_>) -> Option<i64> {
    match node {
        Node::Number(number) => number.as_i64(),
        other => other.as_str()?.parse().ok(),
    }
}

/// Milliseconds, as a number, as `$numberLong`, or as a text of ISO 8601.
fn date(node: &Node<'_>) -> Option<i64> {
    match node {
        Node::String(text) => crate::expression::parse_moment(text),
        Node::Object(_) => integer(node.get("$numberLong")?),
        other => integer(other),
    }
}
