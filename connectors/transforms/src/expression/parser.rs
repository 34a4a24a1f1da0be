//! From tokens to the tree.

use std::sync::Arc;

use longshore_api::Value;
use longshore_formats::java_regex::JavaRegex;

use super::Language;
use super::functions;
use super::javascript::Pattern;
use super::lexer::{Lexer, Problem, Token};
use super::script;
use super::tree::{Gives, Kind, Loop, LoopKind, Node, Operator, Search, Variable};

/// The longest text that is read.
const MAX_LENGTH: usize = 64 * 1024;
/// The deepest nesting, so that reading and evaluating need little stack.
const MAX_DEPTH: u32 = 80;

const NO_VALUE: &str = "a pattern is no value; it can be used in test, exec, match, replace and replaceAll";

type Result<T> = std::result::Result<T, Problem>;

/// A whole text that is one expression.
///
/// # Errors
/// Says what is wrong, and at which character.
pub(super) fn parse(text: &str, language: Language) -> std::result::Result<Node, String> {
    run(text, language, |parser| {
        let node = parser.expression()?;
        // Groovy and JavaScript let a statement end so.
        if language != Language::Cel && parser.token == Token::Sign(";") {
            parser.advance()?;
        }
        match (&parser.token, &node.kind) {
            (Token::End, Kind::Pattern(_)) => Err((0, NO_VALUE.into())),
            (Token::End, _) => Ok(node),
            _ => Err(parser.error("expected the end of the expression")),
        }
    })
}

/// What a text of assignments gives for one of them: the name, the type if one is stated, the expression.
pub(super) type Assigned = (String, Option<String>, Node);

/// A text that is a list of assignments: `name = expression; other: int32 = expression`.
///
/// # Errors
/// As [`parse`].
pub(super) fn assignments(text: &str) -> std::result::Result<Vec<Assigned>, String> {
    run(text, Language::Cel, |parser| {
        let mut assigned = Vec::new();
        while parser.token != Token::End {
            let name = parser.name("a field's name")?;
            let kind = if parser.eat(":")? { Some(parser.name("a type")?) } else { None };
            parser.expect("=")?;
            assigned.push((name, kind, parser.expression()?));
            if parser.token != Token::End {
                parser.expect(";")?;
            }
        }
        Ok(assigned)
    })
}

fn run<T>(
    text: &str,
    language: Language,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T>,
) -> std::result::Result<T, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    let lexer = Lexer { text, at: 0, language };
    let mut parser = Parser { lexer, token: Token::End, at: 0, depth: 0, locals: Vec::new(), language };
    let read = parser.advance().and_then(|()| read(&mut parser));
    read.map_err(|(at, what)| format!("{what}, at character {}", character(text, at)))
}

/// The number of the character at a byte, from 1.
fn character(text: &str, at: usize) -> u32 {
    text.get(..at).map_or(0, |head| head.chars().count()) as u32 + 1
}

pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    pub(super) token: Token,
    /// The byte where the token begins.
    pub(super) at: usize,
    depth: u32,
    /// Names of the variables of the loops around, the outermost first.
    locals: Vec<String>,
    pub(super) language: Language,
}

impl Parser<'_> {
    pub(super) fn error(&self, what: &str) -> Problem {
        let found = match &self.token {
            Token::End => "the end".to_owned(),
            Token::Name(name) => name.clone(),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Integer(number) => number.to_string(),
            Token::Float(number) => number.to_string(),
            Token::Text(_) => "a text".to_owned(),
            Token::Bytes(_) => "bytes".to_owned(),
        };
        (self.at, format!("{what}, found {found}"))
    }

    pub(super) fn advance(&mut self) -> Result<()> {
        (self.at, self.token) = self.lexer.next()?;
        Ok(())
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(&self.token, Token::Sign(known) if *known == sign)
    }

    pub(super) fn eat(&mut self, sign: &str) -> Result<bool> {
        let is_there = self.is(sign);
        if is_there {
            self.advance()?;
        }
        Ok(is_there)
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign)? { Ok(()) } else { Err(self.error(&format!("expected {sign}"))) }
    }

    fn name(&mut self, what: &str) -> Result<String> {
        let Token::Name(name) = &self.token else { return Err(self.error(&format!("expected {what}"))) };
        let name = name.clone();
        self.advance()?;
        Ok(name)
    }

    pub(super) fn node(&self, kind: Kind, at: usize) -> Result<Node> {
        let node = Node::new(kind, character(self.lexer.text, at));
        if node.depth > MAX_DEPTH {
            return Err((at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let mut has_pattern = false;
        node.each_child(&mut |child| has_pattern |= matches!(child.kind, Kind::Pattern(_)));
        if has_pattern { Err((at, NO_VALUE.into())) } else { Ok(node) }
    }

    pub(super) fn expression(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((self.at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let node = self.conditional();
        self.depth -= 1;
        node
    }

    fn conditional(&mut self) -> Result<Node> {
        let at = self.at;
        let condition = self.any()?;
        if self.eat("?:")? {
            let other = self.expression()?;
            return self.node(Kind::OrElse(Box::new((condition, other))), at);
        }
        if self.eat("??")? {
            let other = self.expression()?;
            return self.node(Kind::IfNull(Box::new((condition, other))), at);
        }
        if !self.eat("?")? {
            return Ok(condition);
        }
        let then = self.expression()?;
        self.expect(":")?;
        let other = self.expression()?;
        self.node(Kind::Conditional(Box::new((condition, then, other))), at)
    }

    fn any(&mut self) -> Result<Node> {
        self.chain("||", Self::all, Kind::Any)
    }

    fn all(&mut self) -> Result<Node> {
        self.chain("&&", Self::relation, Kind::All)
    }

    fn chain(&mut self, sign: &str, next: fn(&mut Self) -> Result<Node>, kind: fn(Vec<Node>) -> Kind) -> Result<Node> {
        let at = self.at;
        let first = next(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        let mut nodes = vec![first];
        while self.eat(sign)? {
            nodes.push(next(self)?);
        }
        self.node(kind(nodes), at)
    }

    fn relation(&mut self) -> Result<Node> {
        let mut left = self.sum()?;
        loop {
            let at = self.at;
            if self.is("==~") || self.is("=~") {
                left = script::groovy_match(self, left)?;
                continue;
            }
            let operator = match &self.token {
                Token::Sign(sign @ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "===" | "!==")) => Operator::of(sign),
                Token::Name(word) if word == "in" => Operator::of("in"),
                Token::Name(word) if self.language != Language::Cel && word == "instanceof" => {
                    return Err(script::refused(at, "instanceof"));
                }
                _ => None,
            };
            let Some(operator) = operator else { return Ok(left) };
            self.advance()?;
            let right = self.sum()?;
            left = self.node(Kind::Binary(operator, Box::new((left, right))), at)?;
        }
    }

    fn sum(&mut self) -> Result<Node> {
        self.operators(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Result<Node> {
        self.operators(&["*", "/", "%"], Self::unary)
    }

    fn operators(&mut self, signs: &[&str], next: fn(&mut Self) -> Result<Node>) -> Result<Node> {
        let mut left = next(self)?;
        loop {
            let at = self.at;
            let sign = match &self.token {
                Token::Sign(sign) if signs.contains(sign) => *sign,
                _ => return Ok(left),
            };
            if sign == "/" && self.language != Language::Cel {
                return Err(script::refused(at, "division"));
            }
            let Some(operator) = Operator::of(sign) else { return Ok(left) };
            self.advance()?;
            let right = next(self)?;
            left = self.node(Kind::Binary(operator, Box::new((left, right))), at)?;
        }
    }

    fn unary(&mut self) -> Result<Node> {
        let at = self.at;
        if self.is("!") || self.is("-") {
            let is_not = self.is("!");
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err((at, format!("nested more than {MAX_DEPTH} deep")));
            }
            self.advance()?;
            let of = self.unary()?;
            self.depth -= 1;
            return self.node(if is_not { Kind::Not(Box::new(of)) } else { Kind::Negate(Box::new(of)) }, at);
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Node> {
        let mut node = self.primary()?;
        loop {
            let at = self.at;
            if self.is("?.") || self.is(".") {
                let safe = self.is("?.");
                self.advance()?;
                let name_at = self.at;
                let name = match &self.token {
                    // Groovy's quoted property.
                    Token::Text(name) if self.language == Language::Groovy => name.clone(),
                    Token::Name(name) => name.clone(),
                    _ => return Err(self.error("expected a name")),
                };
                self.advance()?;
                node = if self.is("(") {
                    self.method(node, &name, safe, name_at)?
                } else if let Some(kind) = script::property(self.language, &name, &node) {
                    self.node(Kind::Call(kind, vec![node]), name_at)?
                } else {
                    self.node(Kind::Member { of: Box::new(node), name: name.into(), safe }, name_at)?
                };
            } else if self.is("[") {
                self.advance()?;
                let index = self.expression()?;
                self.expect("]")?;
                node = self.node(Kind::Index(Box::new((node, index))), at)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn arguments(&mut self, end: &str) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        while !self.eat(end)? {
            if !nodes.is_empty() {
                self.expect(",")?;
                if self.eat(end)? {
                    break;
                }
            }
            nodes.push(self.expression()?);
        }
        Ok(nodes)
    }

    /// A call on something; the bracket is ahead.
    fn method(&mut self, on: Node, name: &str, safe: bool, at: usize) -> Result<Node> {
        self.expect("(")?;
        if self.language != Language::Cel {
            let arguments = self.arguments(")")?;
            return script::method(self, on, name, safe, arguments, at);
        }
        if let Some(kind) = loop_kind(name) {
            return self.loop_over(on, kind, at);
        }
        let arguments = self.arguments(")")?;
        if name == "matches" {
            return self.matching(on, arguments, Gives::Found, at);
        }
        let literal = |node: &Node| match &node.kind {
            Kind::Literal(Value::String(text)) => Some(text.to_string()),
            _ => None,
        };
        let zone = match &arguments[..] {
            [] => Some(None),
            [zone] => literal(zone).map(Some),
            _ => None,
        };
        if let Some(zone) = zone
            && let Some(function) = functions::time_part(name, zone.as_deref())
        {
            return self.node(Kind::Call(function.map_err(|error| (at, error))?, vec![on]), at);
        }
        let function = functions::cel(name, true, arguments.len()).map_err(|error| (at, error))?;
        let arguments = std::iter::once(on).chain(arguments).collect();
        self.node(Kind::Call(function, arguments), at)
    }

    /// A match of a pattern, which must be known now.
    pub(super) fn matching(&self, text: Node, arguments: Vec<Node>, gives: Gives, at: usize) -> Result<Node> {
        let pattern = match &arguments[..] {
            [Node { kind: Kind::Literal(Value::String(pattern)), .. }] => Arc::clone(pattern),
            _ => return Err((at, "a pattern must be a text that stands in the expression".into())),
        };
        let regex = JavaRegex::new(&pattern).map_err(|error| (at, format!("invalid pattern: {error}")))?;
        self.node(Kind::Search(Box::new(Search { text, regex, gives })), at)
    }

    fn loop_over(&mut self, range: Node, kind: LoopKind, at: usize) -> Result<Node> {
        let name = self.name("the name of a loop's variable")?;
        self.expect(",")?;
        self.locals.push(name);
        let first = self.expression();
        let second = match &first {
            Ok(_) if kind == LoopKind::Map && self.eat(",")? => Some(self.expression()),
            _ => None,
        };
        self.locals.pop();
        self.expect(")")?;
        let (condition, body) = match (kind, second.transpose()?) {
            (LoopKind::Map, None) => (None, Some(first?)),
            (LoopKind::Map, body) => (Some(first?), body),
            _ => (Some(first?), None),
        };
        self.node(Kind::Loop(Box::new(Loop { kind, range, condition, body })), at)
    }

    fn primary(&mut self) -> Result<Node> {
        let at = self.at;
        let literal = |parser: &mut Self, value| {
            parser.advance()?;
            parser.node(Kind::Literal(value), at)
        };
        match self.token.clone() {
            Token::Integer(number) => literal(self, Value::Int64(number)),
            Token::Float(number) => literal(self, Value::Float64(number)),
            Token::Text(text) => literal(self, Value::string(text)),
            Token::Bytes(bytes) => literal(self, Value::Bytes(bytes.into())),
            Token::Sign("(") => {
                self.advance()?;
                let node = self.expression()?;
                self.expect(")")?;
                Ok(node)
            }
            Token::Sign("[") => self.brackets(),
            Token::Sign("{") if self.language == Language::Cel => {
                self.advance()?;
                self.entries("}", at)
            }
            Token::Sign("/") if self.language == Language::Groovy => {
                let text = self.slashes()?;
                self.node(Kind::Literal(Value::string(text)), at)
            }
            Token::Sign("/") if self.language == Language::JavaScript => {
                let pattern = self.pattern()?;
                self.node(Kind::Pattern(Box::new(pattern)), at)
            }
            Token::Name(name) => self.named(&name, at),
            Token::Sign(sign) if self.language != Language::Cel && !")]}:,.".contains(sign) => {
                Err(script::refused(at, sign))
            }
            _ => Err(self.error("expected a value")),
        }
    }

    /// The text between slashes, of which the first is the token: in Groovy a text as any other.
    pub(super) fn slashes(&mut self) -> Result<String> {
        self.lexer.at = self.at;
        let text = self.lexer.slashes()?;
        self.advance()?;
        Ok(text)
    }

    /// A pattern of JavaScript, whose first slash is the token.
    fn pattern(&mut self) -> Result<Pattern> {
        let at = self.at;
        self.lexer.at = at;
        let text = self.lexer.slashes()?;
        let flags = self.lexer.flags();
        self.advance()?;
        Pattern::compile(&text, flags).map_err(|error| (at, error))
    }

    /// A list, or in Groovy a map.
    fn brackets(&mut self) -> Result<Node> {
        let at = self.at;
        self.advance()?;
        if self.language == Language::Groovy && self.is(":") {
            return Err(script::refused(at, "a map"));
        }
        let elements = self.arguments("]")?;
        self.node(Kind::List(elements), at)
    }

    fn entries(&mut self, end: &str, at: usize) -> Result<Node> {
        let mut entries = Vec::new();
        while !self.eat(end)? {
            if !entries.is_empty() {
                self.expect(",")?;
                if self.eat(end)? {
                    break;
                }
            }
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
        }
        self.node(Kind::Map(entries), at)
    }

    /// A variable, a constant, or a call.
    fn named(&mut self, name: &str, at: usize) -> Result<Node> {
        self.advance()?;
        let constant = match name {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            "null" => Some(Value::Null),
            "undefined" if self.language == Language::JavaScript => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = constant {
            return self.node(Kind::Literal(value), at);
        }
        if let Some(local) = self.locals.iter().rposition(|local| local == name) {
            return self.node(Kind::Local(local), at);
        }
        if self.language != Language::Cel {
            return script::named(self, name, at);
        }
        if self.eat("(")? {
            let arguments = self.arguments(")")?;
            return self.function(name, arguments, at);
        }
        let variable = match name {
            "key" => Variable::Key,
            "value" => Variable::Value,
            "headers" => Variable::Headers,
            "topic" => Variable::Topic,
            "partition" => Variable::Partition,
            "timestamp" => Variable::Timestamp,
            "offset" => Variable::Offset,
            _ => {
                let known = "key, value, headers, topic, partition, timestamp and offset";
                return Err((at, format!("{name} is unknown; there are {known}")));
            }
        };
        self.node(Kind::Variable(variable), at)
    }

    fn function(&mut self, name: &str, mut arguments: Vec<Node>, at: usize) -> Result<Node> {
        if name == "has" {
            return match (arguments.pop(), arguments.is_empty()) {
                (Some(Node { kind: Kind::Member { of, name, .. }, .. }), true) => self.node(Kind::Has(of, name), at),
                _ => Err((at, "has takes one field, as in has(value.name)".into())),
            };
        }
        if name == "matches" && arguments.len() == 2 {
            let text = arguments.remove(0);
            return self.matching(text, arguments, Gives::Found, at);
        }
        let function = functions::cel(name, false, arguments.len()).map_err(|error| (at, error))?;
        self.node(Kind::Call(function, arguments), at)
    }
}

fn loop_kind(name: &str) -> Option<LoopKind> {
    Some(match name {
        "all" => LoopKind::All,
        "exists" => LoopKind::Exists,
        "exists_one" | "existsOne" => LoopKind::ExistsOne,
        "filter" => LoopKind::Filter,
        "map" => LoopKind::Map,
        _ => return None,
    })
}
