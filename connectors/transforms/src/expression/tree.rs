//! What an expression is once it is read.

use std::sync::Arc;

use longshore_api::{Parts, Value};
use longshore_formats::java_regex::{JavaRegex, Replacement};

use super::functions::Function;
use super::javascript::Pattern;

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Its character in the text, from 1.
    pub(super) at: u32,
    /// How many levels there are from here downwards.
    pub(super) depth: u32,
}

/// What a part does.
#[derive(Debug)]
pub(super) enum Kind {
    Literal(Value),
    Variable(Variable),
    /// A loop's variable, counted from the outermost loop.
    Local(usize),
    /// A field, an entry, or a header. `safe` gives null where there is nothing to look into.
    Member {
        of: Box<Node>,
        name: Arc<str>,
        safe: bool,
    },
    Index(Box<(Node, Node)>),
    Has(Box<Node>, Arc<str>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<(Node, Node)>),
    Conditional(Box<(Node, Node, Node)>),
    /// The first where it counts as true, else the second.
    OrElse(Box<(Node, Node)>),
    /// The first where it is not null, else the second.
    IfNull(Box<(Node, Node)>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    /// A pattern of JavaScript, for a method to use; no value.
    Pattern(Box<Pattern>),
    Search(Box<Search>),
    Loop(Box<Loop>),
}

/// A search for a pattern in a text.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) text: Node,
    pub(super) regex: JavaRegex,
    pub(super) gives: Gives,
}

/// What a search gives.
#[derive(Debug)]
pub(super) enum Gives {
    /// Whether the whole text is one match.
    Whole,
    /// Whether there is a match.
    Found,
    /// The first match and its groups, null where there is none.
    Groups,
    /// All matches, null where there are none.
    Matches,
    /// The text with something else in place of the first match, or of all.
    Replaced { with: Replacement, all: bool },
}

/// A loop over the elements of a list or the keys of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    pub(super) condition: Option<Node>,
    /// What `map` makes of each element.
    pub(super) body: Option<Node>,
}

/// CEL's macros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// What a record offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Key,
    Value,
    KeySchema,
    ValueSchema,
    Headers,
    /// Headers with value and schema, as Debezium offers them.
    HeaderObjects,
    Topic,
    Partition,
    Timestamp,
    Offset,
}

/// Operators of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    pub(super) fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" | "===" => Operator::Equal,
            "!=" | "!==" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "in" => Operator::In,
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            _ => return None,
        })
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }

    pub(super) fn is_comparison(self) -> bool {
        !matches!(
            self,
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder
        )
    }
}

impl Node {
    pub(super) fn new(kind: Kind, at: u32) -> Self {
        let mut node = Self { kind, at, depth: 1 };
        let mut deepest = 0;
        node.each_child(&mut |child| deepest = deepest.max(child.depth));
        node.depth += deepest;
        node
    }

    /// The parts of a record that it looks at.
    pub(super) fn parts(&self) -> Parts {
        let mut parts = match &self.kind {
            Kind::Variable(Variable::Key | Variable::KeySchema) => Parts::KEY,
            Kind::Variable(Variable::Value | Variable::ValueSchema) => Parts::VALUE,
            Kind::Variable(Variable::Headers | Variable::HeaderObjects) => Parts::HEADERS,
            _ => Parts::NONE,
        };
        self.each_child(&mut |child| parts = parts.and(child.parts()));
        parts
    }

    pub(super) fn each_child(&self, each: &mut dyn FnMut(&Node)) {
        match &self.kind {
            Kind::Literal(_) | Kind::Variable(_) | Kind::Local(_) | Kind::Pattern(_) => {}
            Kind::Member { of, .. } | Kind::Has(of, _) | Kind::Not(of) | Kind::Negate(of) => each(of),
            Kind::Search(search) => each(&search.text),
            Kind::Index(two) | Kind::Binary(_, two) | Kind::OrElse(two) | Kind::IfNull(two) => {
                each(&two.0);
                each(&two.1);
            }
            Kind::Conditional(three) => {
                each(&three.0);
                each(&three.1);
                each(&three.2);
            }
            Kind::All(nodes) | Kind::Any(nodes) | Kind::List(nodes) | Kind::Call(_, nodes) => {
                nodes.iter().for_each(each);
            }
            Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
                each(key);
                each(value);
            }),
            Kind::Loop(of) => {
                each(&of.range);
                of.condition.iter().chain(&of.body).for_each(each);
            }
        }
    }
}
