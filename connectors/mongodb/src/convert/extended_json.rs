//! Extended JSON (strict, relaxed and canonical, versions 1 and 2) and the shell's forms, as MongoDB's Java driver
//! reads them: the full parser behind the fast path of [`json`](super::json).
//!
//! Builds a small tree, since `{"$date": …}` and its like are known only when they have been read. Reads one
//! document; what follows it is not looked at.

mod scanner;
mod special;

use super::builder::{BuildError, Builder};
use super::kind;
use scanner::{Scanner, Token};

/// How deep documents can nest; above the server's own limit of about 180 levels.
const MAX_DEPTH: usize = 250;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExtendedJsonError {
    /// No extended JSON.
    #[error("invalid JSON at byte {at}: {what}")]
    Syntax {
        /// Counted from 0.
        at: usize,
        /// What is wrong there.
        what: String,
    },
    /// Cannot be BSON.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A value that has been read.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Null,
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    String(String),
    /// Any other type, in BSON's bytes.
    Raw(u8, Vec<u8>),
    Array(Vec<Node>),
    Document(Vec<(String, Node)>),
}

/// Converts a text that holds one document.
///
/// # Errors
/// If it does not.
pub(crate) fn document(input: &str, out: &mut Builder) -> Result<(), ExtendedJsonError> {
    let mut parser = Parser { scanner: Scanner::new(input) };
    match parser.value(0)? {
        Node::Document(members) => {
            out.begin();
            write_members(&members, out)?;
            Ok(out.end()?)
        }
        _ => Err(ExtendedJsonError::Syntax { at: 0, what: "expected a document".to_owned() }),
    }
}

fn write_members(members: &[(String, Node)], out: &mut Builder) -> Result<(), BuildError> {
    for (key, value) in members {
        out.key(key.as_bytes())?;
        write(value, out)?;
    }
    Ok(())
}

fn write(node: &Node, out: &mut Builder) -> Result<(), BuildError> {
    match node {
        Node::Null => out.null(),
        Node::Boolean(value) => out.boolean(*value),
        Node::Int32(value) => out.int32(*value),
        Node::Int64(value) => out.int64(*value),
        Node::Double(value) => out.double(*value),
        Node::String(text) => out.string(text.as_bytes()),
        Node::Raw(kind, bytes) => out.value(*kind, bytes),
        Node::Array(items) => {
            out.begin_array()?;
            for item in items {
                out.next_index();
                write(item, out)?;
            }
            out.end()?;
        }
        Node::Document(members) => {
            out.begin_document()?;
            write_members(members, out)?;
            out.end()?;
        }
    }
    Ok(())
}

struct Parser<'a> {
    scanner: Scanner<'a>,
}

impl Parser<'_> {
    fn error<T>(&self, what: impl Into<String>) -> Result<T, ExtendedJsonError> {
        Err(ExtendedJsonError::Syntax { at: self.scanner.at(), what: what.into() })
    }

    fn value(&mut self, depth: usize) -> Result<Node, ExtendedJsonError> {
        let token = self.scanner.token()?;
        self.value_of(token, depth)
    }

    fn value_of(&mut self, token: Token, depth: usize) -> Result<Node, ExtendedJsonError> {
        if depth > MAX_DEPTH {
            return self.error(format!("more than {MAX_DEPTH} levels nest"));
        }
        match token {
            Token::Symbol('{') => self.object(depth),
            Token::Symbol('[') => self.array(depth),
            Token::String(text) => Ok(Node::String(text)),
            Token::Integer(value) => Ok(match i32::try_from(value) {
                Ok(small) => Node::Int32(small),
                Err(_) => Node::Int64(value),
            }),
            Token::Double(value) => Ok(Node::Double(value)),
            Token::Regex(pattern, options) => Ok(special::regex(&pattern, &options)),
            Token::Word(word) => self.word(&word),
            Token::Symbol(symbol) => self.error(format!("expected a value, not {symbol:?}")),
            Token::End => self.error("unexpected end"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, ExtendedJsonError> {
        let mut members = Vec::new();
        loop {
            let key = match self.scanner.token()? {
                Token::Symbol('}') => break,
                Token::String(key) | Token::Word(key) => key,
                token => return self.error(format!("expected a name, not {token}")),
            };
            self.expect(':')?;
            members.push((key, self.value(depth + 1)?));
            match self.scanner.token()? {
                Token::Symbol(',') => {}
                Token::Symbol('}') => break,
                token => return self.error(format!("expected a comma or the end of the object, not {token}")),
            }
        }
        match special::typed(&members) {
            Ok(Some(node)) => Ok(node),
            Ok(None) => Ok(Node::Document(members)),
            Err(what) => self.error(what),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, ExtendedJsonError> {
        let mut items = Vec::new();
        loop {
            match self.scanner.token()? {
                Token::Symbol(']') => return Ok(Node::Array(items)),
                token => items.push(self.value_of(token, depth + 1)?),
            }
            match self.scanner.token()? {
                Token::Symbol(',') => {}
                Token::Symbol(']') => return Ok(Node::Array(items)),
                token => return self.error(format!("expected a comma or the end of the array, not {token}")),
            }
        }
    }

    fn expect(&mut self, symbol: char) -> Result<(), ExtendedJsonError> {
        match self.scanner.token()? {
            Token::Symbol(found) if found == symbol => Ok(()),
            token => self.error(format!("expected {symbol:?}, not {token}")),
        }
    }

    fn word(&mut self, word: &str) -> Result<Node, ExtendedJsonError> {
        match word {
            "true" => Ok(Node::Boolean(true)),
            "false" => Ok(Node::Boolean(false)),
            "null" => Ok(Node::Null),
            "undefined" => Ok(Node::Raw(kind::UNDEFINED, Vec::new())),
            "NaN" => Ok(Node::Double(f64::NAN)),
            "Infinity" => Ok(Node::Double(f64::INFINITY)),
            "-Infinity" => Ok(Node::Double(f64::NEG_INFINITY)),
            "MinKey" => self.optional_call(kind::MIN_KEY),
            "MaxKey" => self.optional_call(kind::MAX_KEY),
            "new" => match self.scanner.token()? {
                Token::Word(class) => self.call(&class, true),
                token => self.error(format!("expected a type after new, not {token}")),
            },
            _ => self.call(word, false),
        }
    }

    fn optional_call(&mut self, kind: u8) -> Result<Node, ExtendedJsonError> {
        if self.scanner.peek_symbol('(') {
            self.arguments()?;
        }
        Ok(Node::Raw(kind, Vec::new()))
    }

    fn call(&mut self, name: &str, constructed: bool) -> Result<Node, ExtendedJsonError> {
        if !self.scanner.peek_symbol('(') {
            return self.error(format!("unknown word {name:?}"));
        }
        let arguments = self.arguments()?;
        special::shell(name, constructed, &arguments).or_else(|what| self.error(what))
    }

    /// The arguments of a shell form: plain values between parentheses.
    fn arguments(&mut self) -> Result<Vec<Node>, ExtendedJsonError> {
        self.expect('(')?;
        let mut arguments = Vec::new();
        loop {
            match self.scanner.token()? {
                Token::Symbol(')') => return Ok(arguments),
                Token::Symbol(',') if !arguments.is_empty() => {}
                // Two levels below the limit is as far as a call may stand.
                token => arguments.push(self.value_of(token, MAX_DEPTH - 1)?),
            }
        }
    }
}
