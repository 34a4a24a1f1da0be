//! What expressions of Groovy and JavaScript have that CEL has not: their variables, methods and patterns.
//!
//! What stands here is what conditions of Debezium's transforms hold in practice; anything else is refused by name.

use longshore_api::Value;

use super::Language;
use super::functions::Function;
use super::javascript::{self, Pattern};
use super::lexer::{Problem, Token};
use super::parser::Parser;
use super::tree::{Gives, Kind, Node, Search, Variable};

/// What cannot be run here.
pub(super) fn refused(at: usize, what: &str) -> Problem {
    (at, format!("{what} is not supported; longshore.transforms.Expression has an expression language of its own"))
}

/// A variable; `name` has been read.
pub(super) fn named(parser: &mut Parser<'_>, name: &str, at: usize) -> Result<Node, Problem> {
    let variable = match name {
        "key" => Variable::Key,
        "value" => Variable::Value,
        "keySchema" => Variable::KeySchema,
        "valueSchema" => Variable::ValueSchema,
        "header" => Variable::HeaderObjects,
        "topic" => Variable::Topic,
        "if" | "else" | "for" | "while" | "def" | "var" | "let" | "const" | "return" | "new" | "function"
        | "import" | "switch" | "try" | "throw" | "typeof" | "class" | "void" | "delete" => {
            return Err(refused(at, &format!("the keyword {name}")));
        }
        _ if parser.is("(") => return Err(refused(at, &format!("the function {name}"))),
        _ => {
            let known = "key, value, keySchema, valueSchema, header and topic";
            return Err((at, format!("{name} is unknown; there are {known}")));
        }
    };
    parser.node(Kind::Variable(variable), at)
}

/// A property that is no field: `length` of a text in JavaScript, a part of a schema in either.
pub(super) fn property(language: Language, name: &str, of: &Node) -> Option<Function> {
    let of_schema = is_schema(of) && ["name", "version", "doc", "type"].contains(&name);
    match language {
        Language::Cel => None,
        _ if of_schema => Some(Function::SchemaPart(name.to_owned())),
        Language::JavaScript if name == "length" && !is_record(of) => Some(Function::Size),
        _ => None,
    }
}

fn is_schema(node: &Node) -> bool {
    match &node.kind {
        Kind::Variable(Variable::KeySchema | Variable::ValueSchema) | Kind::Call(Function::SchemaField, _) => true,
        Kind::Member { of, name, .. } => {
            &**name == "schema"
                && matches!(&of.kind, Kind::Member { of, .. } if matches!(of.kind, Kind::Variable(Variable::HeaderObjects)))
        }
        _ => false,
    }
}

fn is_record(node: &Node) -> bool {
    matches!(node.kind, Kind::Variable(Variable::Key | Variable::Value))
}

/// `text ==~ /pattern/`, which matches as a whole, or `text =~ /pattern/`, which finds.
pub(super) fn groovy_match(parser: &mut Parser<'_>, text: Node) -> Result<Node, Problem> {
    let at = parser.at;
    let gives = if parser.is("==~") { Gives::Whole } else { Gives::Found };
    parser.advance()?;
    let pattern_at = parser.at;
    let pattern = match parser.token.clone() {
        Token::Text(pattern) => {
            parser.advance()?;
            pattern
        }
        Token::Sign("/") => parser.slashes()?,
        _ => return Err(parser.error("expected a pattern")),
    };
    let pattern = parser.node(Kind::Literal(Value::string(pattern)), pattern_at)?;
    parser.matching(text, vec![pattern], gives, at)
}

/// A call on something.
pub(super) fn method(
    parser: &mut Parser<'_>,
    on: Node,
    name: &str,
    safe: bool,
    mut arguments: Vec<Node>,
    at: usize,
) -> Result<Node, Problem> {
    let language = parser.language;
    let count = arguments.len();
    let unknown = || refused(at, &format!("the method {name} with {count} arguments"));
    if is_schema(&on) {
        let function = match (name, arguments.len()) {
            ("name" | "version" | "doc" | "type", 0) => Function::SchemaPart(name.to_owned()),
            ("field", 1) => Function::SchemaField,
            ("schema", 0) if matches!(on.kind, Kind::Call(Function::SchemaField, _)) => return Ok(on),
            _ => return Err(unknown()),
        };
        arguments.insert(0, on);
        return parser.node(Kind::Call(function, arguments), at);
    }
    if is_pattern(&on) || arguments.first().is_some_and(is_pattern) {
        return by_pattern(parser, on, name, arguments, at);
    }
    match (language, name, arguments.len()) {
        // Structs, maps and lists by a method.
        (Language::Groovy, "get" | "getAt", 1)
        | (
            Language::Groovy,
            "getString" | "getInt8" | "getInt16" | "getInt32" | "getInt64" | "getFloat32" | "getFloat64" | "getBoolean"
            | "getStruct" | "getMap" | "getArray" | "getBytes",
            1,
        ) => {
            let index = arguments.remove(0);
            return match index.kind {
                Kind::Literal(Value::String(name)) => parser.node(Kind::Member { of: Box::new(on), name, safe }, at),
                _ => parser.node(Kind::Index(Box::new((on, index))), at),
            };
        }
        (Language::Groovy, "containsKey", 1) => {
            let key = arguments.remove(0);
            return parser.node(Kind::Binary(super::tree::Operator::In, Box::new((key, on))), at);
        }
        (Language::Groovy, "matches", 1) => return parser.matching(on, arguments, Gives::Whole, at),
        (Language::JavaScript, "match", 1) if matches!(arguments[0].kind, Kind::Literal(_)) => {
            return parser.matching(on, arguments, Gives::Groups, at);
        }
        _ => {}
    }
    let function = text_method(language, name, count).ok_or_else(unknown)?;
    let function = if safe { Function::OfNullable(Box::new(function)) } else { function };
    arguments.insert(0, on);
    parser.node(Kind::Call(function, arguments), at)
}

fn is_pattern(node: &Node) -> bool {
    matches!(node.kind, Kind::Pattern(_))
}

/// JavaScript's methods of patterns, and those of texts that take one.
fn by_pattern(parser: &Parser<'_>, on: Node, name: &str, mut arguments: Vec<Node>, at: usize) -> Result<Node, Problem> {
    let unknown = || refused(at, &format!("the method {name} with a pattern"));
    if arguments.is_empty() {
        return Err(unknown());
    }
    let first = arguments.remove(0);
    let of_pattern = is_pattern(&on);
    let (pattern, text) = if of_pattern { (on, first) } else { (first, on) };
    let Kind::Pattern(pattern) = pattern.kind else { return Err(unknown()) };
    let Pattern { regex, all } = *pattern;
    let gives = match (of_pattern, name, &arguments[..]) {
        (true, "test", []) => Gives::Found,
        (true, "exec", []) => Gives::Groups,
        (false, "match", []) if all => Gives::Matches,
        (false, "match", []) => Gives::Groups,
        (false, "replaceAll", [_]) if !all => {
            return Err((at, "replaceAll takes a pattern with the flag g".into()));
        }
        (false, "replace" | "replaceAll", [Node { kind: Kind::Literal(Value::String(with)), .. }]) => {
            let with = javascript::replacement(with, &regex).map_err(|error| (at, error))?;
            Gives::Replaced { with, all }
        }
        (false, "replace" | "replaceAll", [_]) => {
            return Err((at, "what replaces a pattern must be a text that stands in the expression".into()));
        }
        _ => return Err(unknown()),
    };
    parser.node(Kind::Search(Box::new(Search { text, regex, gives })), at)
}

fn text_method(language: Language, name: &str, count: usize) -> Option<Function> {
    let is_groovy = language == Language::Groovy;
    Some(match (name, count) {
        ("contains", 1) if is_groovy => Function::Contains,
        ("includes", 1) if !is_groovy => Function::Contains,
        ("startsWith", 1) => Function::StartsWith,
        ("endsWith", 1) => Function::EndsWith,
        ("equals", 1) => Function::Equals { ignores_case: false },
        ("equalsIgnoreCase", 1) if is_groovy => Function::Equals { ignores_case: true },
        ("toLowerCase", 0) => Function::Lower { ascii: false },
        ("toUpperCase", 0) => Function::Upper { ascii: false },
        ("trim", 0) => Function::Trim,
        ("length" | "size", 0) if is_groovy => Function::Size,
        ("isEmpty", 0) if is_groovy => Function::IsEmpty,
        ("indexOf", 1) => Function::IndexOf { last: false },
        ("lastIndexOf", 1) => Function::IndexOf { last: true },
        ("substring", 1 | 2) => Function::Substring,
        ("charAt", 1) => Function::CharacterAt,
        ("replace", 2) => Function::Replace { all: is_groovy },
        ("replaceAll", 2) if !is_groovy => Function::Replace { all: true },
        ("toString", 0) => Function::ToText,
        _ => return None,
    })
}
