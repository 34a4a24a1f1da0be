//! What an expression gives for a record.

use std::borrow::Cow;
use std::cmp::Ordering;

use longshore_api::{ConnectRecord, Header, Map, RecordOrigin, Schema, Value};
use longshore_formats::java_regex::{JavaRegex, RegexError};
use longshore_formats::java_text;

use super::Language;
use super::number::{self, Number};
use super::steps::Steps;
use super::tree::{Gives, Kind, Loop, LoopKind, Node, Operator, Search, Variable};

/// What a part of an expression is worth.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    Data(Cow<'a, Value>),
    /// The record's headers by name; of several of a name the last one counts. `objects` where each has a value and
    /// a schema.
    Headers {
        headers: &'a [Header],
        objects: bool,
    },
    Header(&'a Header),
    Schema(Option<&'a Schema>),
    /// A length of time, in milliseconds.
    Duration(i64),
}

impl<'a> Val<'a> {
    pub(super) const NULL: Val<'static> = Val::Data(Cow::Owned(Value::Null));

    pub(super) fn owned(value: Value) -> Self {
        Val::Data(Cow::Owned(value))
    }

    pub(super) fn boolean(value: bool) -> Self {
        Val::owned(Value::Boolean(value))
    }

    pub(super) fn data(&self) -> Option<&Value> {
        match self {
            Val::Data(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.data(), Some(Value::Null)) || matches!(self, Val::Schema(None))
    }

    /// The value as a record may hold it.
    ///
    /// # Errors
    /// It is none that Connect has.
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Val::Data(value) => Ok(value.into_owned()),
            Val::Headers { headers, .. } => Ok(Value::Map(
                headers
                    .iter()
                    .map(|header| (Value::String(std::sync::Arc::clone(&header.name)), header.value.value.clone()))
                    .collect::<Map>(),
            )),
            other => Err(format!("{} is nothing that a record can hold", other.type_name())),
        }
    }

    /// What messages call it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Val::Data(value) => match &**value {
                Value::Null => "null",
                Value::Boolean(_) => "a boolean",
                Value::Int8(_) | Value::Int16(_) | Value::Int32(_) | Value::Int64(_) => "an integer",
                Value::Float32(_) | Value::Float64(_) => "a floating-point number",
                Value::String(_) => "a text",
                Value::Bytes(_) => "bytes",
                Value::Decimal(_) => "a decimal",
                Value::Date(_) => "a timestamp",
                Value::Array(_) => "a list",
                Value::Map(_) => "a map",
                Value::Struct(_) => "a struct",
            },
            Val::Headers { .. } => "headers",
            Val::Header(_) => "a header",
            Val::Schema(_) => "a schema",
            Val::Duration(_) => "a duration",
        }
    }
}

/// What went wrong, and at which character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: u32,
    pub(super) message: String,
}

type Outcome<'a> = Result<Val<'a>, Problem>;

/// One evaluation for one record.
pub(super) struct Evaluation<'a> {
    record: &'a ConnectRecord,
    language: Language,
    locals: Vec<Val<'a>>,
    steps: Steps,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(record: &'a ConnectRecord, language: Language) -> Self {
        Self { record, language, locals: Vec::new(), steps: Steps::default() }
    }

    /// The value of an expression.
    pub(super) fn evaluate(&mut self, node: &'a Node) -> Outcome<'a> {
        self.charge(node, 1)?;
        match &node.kind {
            Kind::Literal(value) => Ok(Val::Data(Cow::Borrowed(value))),
            Kind::Variable(variable) => Ok(self.variable(*variable)),
            Kind::Local(index) => Ok(self.locals.get(*index).cloned().unwrap_or(Val::NULL)),
            Kind::Member { of, name, safe } => {
                let of = self.evaluate(of)?;
                if *safe && of.is_null() {
                    return Ok(Val::NULL);
                }
                self.member(of, name).map_err(|message| problem(node, message))
            }
            Kind::Index(of) => self.index(node, of),
            Kind::Has(of, name) => self.has(of, name),
            Kind::All(nodes) => self.junction(nodes, true),
            Kind::Any(nodes) => self.junction(nodes, false),
            Kind::Not(of) => {
                let value = self.evaluate(of)?;
                self.truth(&value).map(|truth| Val::boolean(!truth)).map_err(|message| problem(of, message))
            }
            Kind::Negate(of) => self.negate(of),
            Kind::Binary(operator, of) => self.binary(node, *operator, of),
            Kind::Conditional(of) => {
                let condition = self.evaluate(&of.0)?;
                let truth = self.truth(&condition).map_err(|message| problem(&of.0, message))?;
                self.evaluate(if truth { &of.1 } else { &of.2 })
            }
            Kind::OrElse(of) => {
                let first = self.evaluate(&of.0)?;
                if self.truth(&first).map_err(|message| problem(&of.0, message))? {
                    Ok(first)
                } else {
                    self.evaluate(&of.1)
                }
            }
            Kind::IfNull(of) => {
                let first = self.evaluate(&of.0)?;
                if first.is_null() { self.evaluate(&of.1) } else { Ok(first) }
            }
            Kind::List(nodes) => self.list(nodes),
            Kind::Map(entries) => self.map(entries),
            Kind::Call(function, nodes) => self.call(node, function, nodes),
            Kind::Pattern(_) => Err(problem(node, "a pattern is no value".into())),
            Kind::Search(search) => self.search(node, search),
            Kind::Loop(of) => self.run(node, of),
        }
    }

    fn charge(&mut self, node: &Node, steps: u64) -> Result<(), Problem> {
        self.steps.take(steps);
        match self.steps.are_left() {
            true => Ok(()),
            false => Err(problem(node, "more work than an expression may make of one record".into())),
        }
    }

    /// Counts what was made.
    fn made(&mut self, node: &Node, value: Val<'a>) -> Outcome<'a> {
        if let Val::Data(Cow::Owned(made)) = &value {
            let size = match made {
                Value::String(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                Value::Array(elements) => elements.len() * 16,
                Value::Map(map) => map.len() * 32,
                _ => 0,
            };
            self.charge(node, size as u64 / 64)?;
        }
        Ok(value)
    }

    fn variable(&self, variable: Variable) -> Val<'a> {
        let record = self.record;
        let number = |value: Option<i64>| Val::owned(value.map_or(Value::Null, Value::Int64));
        match variable {
            Variable::Key => Val::Data(Cow::Borrowed(&record.key.value)),
            Variable::Value => Val::Data(Cow::Borrowed(&record.value.value)),
            Variable::KeySchema => Val::Schema(record.key.schema.as_deref()),
            Variable::ValueSchema => Val::Schema(record.value.schema.as_deref()),
            Variable::Headers => Val::Headers { headers: &record.headers, objects: false },
            Variable::HeaderObjects => Val::Headers { headers: &record.headers, objects: true },
            Variable::Topic => Val::owned(Value::String(std::sync::Arc::clone(&record.topic))),
            Variable::Partition => number(record.partition.map(i64::from)),
            Variable::Timestamp => Val::owned(record.timestamp.map_or(Value::Null, Value::Date)),
            Variable::Offset => match record.origin {
                RecordOrigin::Sink { offset, .. } => number(Some(offset)),
                RecordOrigin::Source => Val::NULL,
            },
        }
    }

    /// A field of a struct, an entry of a map, a header.
    fn member(&self, of: Val<'a>, name: &str) -> Result<Val<'a>, String> {
        let found = match &of {
            Val::Data(Cow::Borrowed(value)) => match value {
                Value::Map(map) => map.get(name).map(|value| Val::Data(Cow::Borrowed(value))),
                Value::Struct(of) => of.get(name).map(|value| Val::Data(Cow::Borrowed(value))),
                _ => return Err(format!("{name} cannot be had of {}", of.type_name())),
            },
            Val::Data(Cow::Owned(value)) => match value {
                Value::Map(map) => map.get(name).cloned().map(Val::owned),
                Value::Struct(of) => of.get(name).cloned().map(Val::owned),
                _ => return Err(format!("{name} cannot be had of {}", of.type_name())),
            },
            Val::Headers { headers, objects } => {
                headers.iter().rev().find(|header| *header.name == *name).map(|header| {
                    if *objects { Val::Header(header) } else { Val::Data(Cow::Borrowed(&header.value.value)) }
                })
            }
            Val::Header(header) => match name {
                "value" => Some(Val::Data(Cow::Borrowed(&header.value.value))),
                "schema" => Some(Val::Schema(header.value.schema.as_deref())),
                _ => None,
            },
            _ => return Err(format!("{name} cannot be had of {}", of.type_name())),
        };
        let is_lenient = match self.language {
            Language::Cel => false,
            // A struct does not know the name; a map gives null.
            Language::Groovy => !matches!(of.data(), Some(Value::Struct(_))),
            Language::JavaScript => true,
        };
        match found {
            Some(found) => Ok(found),
            None if is_lenient => Ok(Val::NULL),
            None => Err(format!("there is no {name}")),
        }
    }

    fn index(&mut self, node: &'a Node, of: &'a (Node, Node)) -> Outcome<'a> {
        let (value, index) = (self.evaluate(&of.0)?, self.evaluate(&of.1)?);
        let wrong = |message: String| problem(node, message);
        let Some(key) = index.data() else { return Err(wrong(format!("{} is no index", index.type_name()))) };
        if let (Some(Value::Array(elements)), Some(Number::Integer(at))) = (value.data(), Number::of(key)) {
            let at = if at < 0 && self.language == Language::Groovy { at + elements.len() as i64 } else { at };
            let at = usize::try_from(at).ok().filter(|at| *at < elements.len());
            return match (at, value) {
                (Some(at), Val::Data(Cow::Borrowed(Value::Array(elements)))) => {
                    Ok(Val::Data(Cow::Borrowed(&elements[at])))
                }
                (Some(at), Val::Data(Cow::Owned(Value::Array(mut elements)))) => {
                    Ok(Val::owned(elements.swap_remove(at)))
                }
                _ if self.language != Language::Cel => Ok(Val::NULL),
                _ => Err(wrong("the list has no such element".into())),
            };
        }
        if let Value::String(name) = key
            && !matches!(value.data(), Some(Value::Array(_)))
        {
            return self.member(value, name).map_err(wrong);
        }
        let found = match &value {
            Val::Data(Cow::Borrowed(Value::Map(map))) => {
                self.entry(map, key).map(|value| Val::Data(Cow::Borrowed(value)))
            }
            Val::Data(Cow::Owned(Value::Map(map))) => self.entry(map, key).cloned().map(Val::owned),
            other => return Err(wrong(format!("{} has no element {}", other.type_name(), index.type_name()))),
        };
        self.charge(node, 0)?;
        match found {
            Some(found) => Ok(found),
            None if self.language != Language::Cel => Ok(Val::NULL),
            None => Err(problem(node, "the map has no such key".into())),
        }
    }

    /// An entry of a map by a key that is no text.
    fn entry<'m>(&mut self, map: &'m Map, key: &Value) -> Option<&'m Value> {
        map.iter().find(|(known, _)| number::is_equal(known, key, &mut self.steps)).map(|(_, value)| value)
    }

    /// Whether a field is there and holds something; not so where the way to it ends before.
    fn has(&mut self, of: &'a Node, name: &str) -> Outcome<'a> {
        let is_path = matches!(of.kind, Kind::Member { .. } | Kind::Index(_));
        let of = match self.evaluate(of) {
            Ok(of) => of,
            Err(_) if is_path => return Ok(Val::boolean(false)),
            Err(problem) => return Err(problem),
        };
        Ok(Val::boolean(self.member(of, name).is_ok_and(|found| !found.is_null())))
    }

    /// `&&` where `is_all`, else `||`. In CEL an operand that cannot be had does not matter where another decides.
    fn junction(&mut self, nodes: &'a [Node], is_all: bool) -> Outcome<'a> {
        let mut failed = None;
        let mut last = Val::boolean(is_all);
        for node in nodes {
            let outcome = self.evaluate(node).and_then(|value| {
                let truth = self.truth(&value).map_err(|message| problem(node, message))?;
                Ok((value, truth))
            });
            match outcome {
                Ok((value, truth)) => {
                    last = if self.language == Language::JavaScript { value } else { Val::boolean(truth) };
                    if truth != is_all {
                        return Ok(last);
                    }
                }
                Err(problem) if self.language != Language::Cel => return Err(problem),
                Err(problem) => failed = failed.or(Some(problem)),
            }
        }
        failed.map_or(Ok(last), Err)
    }

    /// Whether a value counts as true. CEL takes nothing but booleans.
    fn truth(&self, value: &Val<'a>) -> Result<bool, String> {
        let Val::Data(data) = value else {
            return if self.language == Language::Cel { Err(no_truth(value)) } else { Ok(!value.is_null()) };
        };
        match (&**data, self.language) {
            (Value::Boolean(truth), _) => Ok(*truth),
            (_, Language::Cel) => Err(no_truth(value)),
            (Value::Null, _) => Ok(false),
            (Value::String(text), _) => Ok(!text.is_empty()),
            (Value::Array(elements), Language::Groovy) => Ok(!elements.is_empty()),
            (Value::Map(map), Language::Groovy) => Ok(!map.is_empty()),
            (other, _) => Ok(Number::of(other).is_none_or(|number| {
                let number = number.to_float();
                number != 0.0 && !number.is_nan()
            })),
        }
    }

    fn negate(&mut self, of: &'a Node) -> Outcome<'a> {
        let value = self.evaluate(of)?;
        match &value {
            Val::Duration(millis) => {
                let negated = millis.checked_neg().map(Val::Duration);
                return negated.ok_or_else(|| problem(of, "a number out of range".into()));
            }
            Val::Data(data) => match number::arithmetic(Operator::Subtract, &Value::Int64(0), data) {
                Some(Ok(Value::Float64(_))) => {
                    let number = Number::of(data).map_or(f64::NAN, Number::to_float);
                    return Ok(Val::owned(Value::Float64(-number)));
                }
                Some(result) => return result.map(Val::owned).map_err(|message| problem(of, message)),
                None => {}
            },
            _ => {}
        }
        Err(problem(of, format!("- cannot be had of {}", value.type_name())))
    }

    fn binary(&mut self, node: &'a Node, operator: Operator, of: &'a (Node, Node)) -> Outcome<'a> {
        let (one, other) = (self.evaluate(&of.0)?, self.evaluate(&of.1)?);
        let unfit = || {
            let sign = operator.sign();
            problem(node, format!("{sign} does not work on {} and {}", one.type_name(), other.type_name()))
        };
        match operator {
            Operator::Equal | Operator::NotEqual => {
                let is_same = self.is_same(&one, &other);
                self.charge(node, 0)?;
                return Ok(Val::boolean(is_same == (operator == Operator::Equal)));
            }
            Operator::In => {
                let is_in = self.is_in(&one, &other).ok_or_else(unfit)?;
                self.charge(node, 0)?;
                return Ok(Val::boolean(is_in));
            }
            _ => {}
        }
        if operator.is_comparison() {
            let order = self.order(&one, &other).ok_or_else(unfit)?;
            return Ok(Val::boolean(order.is_some_and(|order| match operator {
                Operator::Less => order.is_lt(),
                Operator::LessOrEqual => order.is_le(),
                Operator::Greater => order.is_gt(),
                _ => order.is_ge(),
            })));
        }
        if let (Val::Data(one), Val::Data(other)) = (&one, &other) {
            self.charge(node, number::cost(one, other))?;
            if let Some(result) = number::arithmetic(operator, one, other) {
                return result.map(Val::owned).map_err(|message| problem(node, message));
            }
        }
        let made = match operator {
            Operator::Add => self.joined(&one, &other),
            Operator::Subtract => difference(&one, &other),
            _ => None,
        };
        let made = made.ok_or_else(unfit)?;
        self.made(node, made)
    }

    fn is_same(&mut self, one: &Val<'a>, other: &Val<'a>) -> bool {
        match (one, other) {
            (Val::Data(one), Val::Data(other)) => number::is_equal(one, other, &mut self.steps),
            (Val::Duration(one), Val::Duration(other)) => one == other,
            (one, other) => one.is_null() && other.is_null(),
        }
    }

    /// `None` where the two have no order, `Some(None)` where one of them is not a number.
    fn order(&mut self, one: &Val<'a>, other: &Val<'a>) -> Option<Option<Ordering>> {
        match (one, other) {
            (Val::Duration(one), Val::Duration(other)) => return Some(Some(one.cmp(other))),
            (Val::Data(one), Val::Data(other)) => {
                if let Some(order) = number::compare(one, other, &mut self.steps) {
                    return Some(Some(order));
                }
                if Number::of(one).is_some() && Number::of(other).is_some() {
                    return Some(None);
                }
            }
            _ => {}
        }
        match self.language {
            Language::Cel => None,
            // Null comes before everything.
            Language::Groovy => (one.is_null() || other.is_null()).then(|| Some(other.is_null().cmp(&one.is_null()))),
            // Null is 0, and has no place among texts.
            Language::JavaScript => {
                let zero = Value::Int64(0);
                let number =
                    |value: &'_ Val<'a>| if value.is_null() { Some(zero.clone()) } else { value.data().cloned() };
                let has_null = one.is_null() || other.is_null();
                has_null.then(|| number::compare(&number(one)?, &number(other)?, &mut self.steps))
            }
        }
    }

    fn is_in(&mut self, one: &Val<'a>, other: &Val<'a>) -> Option<bool> {
        let wanted = one.data()?;
        let mut is_wanted = |value: &Value| number::is_equal(value, wanted, &mut self.steps);
        match other {
            Val::Headers { headers, .. } => {
                let name = wanted.as_str()?;
                Some(headers.iter().any(|header| *header.name == *name))
            }
            Val::Data(value) => match &**value {
                Value::Array(elements) => Some(elements.iter().any(is_wanted)),
                Value::Map(map) => Some(map.iter().any(|(key, _)| is_wanted(key))),
                Value::Struct(of) => Some(of.schema.field_index(wanted.as_str()?).is_some()),
                _ => None,
            },
            _ => None,
        }
    }

    fn joined(&self, one: &Val<'a>, other: &Val<'a>) -> Option<Val<'a>> {
        match (one, other) {
            (Val::Duration(one), Val::Duration(other)) => return Some(Val::Duration(one.checked_add(*other)?)),
            (Val::Duration(length), Val::Data(moment)) | (Val::Data(moment), Val::Duration(length)) => {
                let Value::Date(moment) = **moment else { return None };
                return Some(Val::owned(Value::Date(moment.checked_add(*length)?)));
            }
            _ => {}
        }
        let (one, other) = (one.data()?, other.data()?);
        Some(Val::owned(match (one, other) {
            (Value::String(one), Value::String(other)) => Value::string([&**one, &**other].concat()),
            (Value::Bytes(one), Value::Bytes(other)) => Value::Bytes([&one[..], &other[..]].concat().into()),
            (Value::Array(one), Value::Array(other)) => Value::Array([&one[..], &other[..]].concat()),
            (Value::String(_), _) | (_, Value::String(_)) if self.language != Language::Cel => {
                Value::string([java_text::value(one), java_text::value(other)].concat())
            }
            _ => return None,
        }))
    }

    fn list(&mut self, nodes: &'a [Node]) -> Outcome<'a> {
        let mut elements = Vec::with_capacity(nodes.len());
        for node in nodes {
            let value = self.evaluate(node)?;
            elements.push(value.into_value().map_err(|message| problem(node, message))?);
        }
        Ok(Val::owned(Value::Array(elements)))
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Outcome<'a> {
        let mut map = Map::new();
        for (key, value) in entries {
            let (name, made) = (self.evaluate(key)?, self.evaluate(value)?);
            let name = name.into_value().map_err(|message| problem(key, message))?;
            map.insert(name, made.into_value().map_err(|message| problem(value, message))?);
        }
        Ok(Val::owned(Value::Map(map)))
    }

    fn call(&mut self, node: &'a Node, function: &'a super::functions::Function, nodes: &'a [Node]) -> Outcome<'a> {
        let mut values = [Val::NULL, Val::NULL, Val::NULL];
        for (value, node) in values.iter_mut().zip(nodes) {
            *value = self.evaluate(node)?;
        }
        let [on, arguments @ ..] = values;
        let arguments = &arguments[..nodes.len().saturating_sub(1).min(2)];
        let value = function.call(on, arguments, &mut self.steps).map_err(|message| problem(node, message))?;
        self.made(node, value)
    }

    fn search(&mut self, node: &'a Node, search: &'a Search) -> Outcome<'a> {
        let value = self.evaluate(&search.text)?;
        let Some(Value::String(text)) = value.data() else {
            if value.is_null() && self.language != Language::Cel {
                let is_test = matches!(search.gives, Gives::Whole | Gives::Found);
                return Ok(if is_test { Val::boolean(false) } else { Val::NULL });
            }
            return Err(problem(node, format!("a pattern matches text, found {}", value.type_name())));
        };
        self.charge(node, text.len() as u64 / 64)?;
        let steps = &mut self.steps;
        // What each match becomes is paid as it is made; what was not made to its end has no result.
        let pay = |bytes: usize| {
            steps.take(1 + bytes as u64 / 64);
            steps.are_left()
        };
        let given = given(&search.regex, text, &search.gives, pay).map_err(|error| problem(node, error.0))?;
        self.charge(node, 0)?;
        self.made(node, Val::owned(given))
    }

    fn run(&mut self, node: &'a Node, of: &'a Loop) -> Outcome<'a> {
        let range = self.evaluate(&of.range)?;
        let elements = elements_of(range).map_err(|message| problem(&of.range, message))?;
        let depth = self.locals.len();
        let outcome = self.run_over(node, of, elements);
        self.locals.truncate(depth);
        outcome
    }

    fn run_over(&mut self, node: &'a Node, of: &'a Loop, elements: Vec<Val<'a>>) -> Outcome<'a> {
        let mut made = Vec::new();
        let (mut found, mut failed) = (0, None);
        for element in elements {
            self.charge(node, 1)?;
            self.locals.push(element.clone());
            let holds = match &of.condition {
                None => Ok(true),
                Some(condition) => self
                    .evaluate(condition)
                    .and_then(|value| self.truth(&value).map_err(|message| problem(condition, message))),
            };
            let kept = match (&of.body, &holds) {
                (Some(body), Ok(true)) => Some(self.evaluate(body)?),
                (None, Ok(true)) => Some(element),
                _ => None,
            };
            self.locals.pop();
            match (holds, of.kind) {
                (Ok(true), LoopKind::Exists) => return Ok(Val::boolean(true)),
                (Ok(false), LoopKind::All) => return Ok(Val::boolean(false)),
                (Err(problem), LoopKind::All | LoopKind::Exists) => failed = failed.or(Some(problem)),
                (Err(problem), _) => return Err(problem),
                (Ok(holds), _) => found += u32::from(holds),
            }
            if matches!(of.kind, LoopKind::Filter | LoopKind::Map)
                && let Some(kept) = kept
            {
                made.push(kept.into_value().map_err(|message| problem(node, message))?);
            }
        }
        if let Some(problem) = failed {
            return Err(problem);
        }
        let result = match of.kind {
            LoopKind::All => Val::boolean(true),
            LoopKind::Exists => Val::boolean(false),
            LoopKind::ExistsOne => Val::boolean(found == 1),
            LoopKind::Filter | LoopKind::Map => Val::owned(Value::Array(made)),
        };
        self.made(node, result)
    }
}

/// What a search gives of a text.
/// What a pattern gives. `pay` takes the bytes that one of several matches has become, and says whether to go on.
fn given(
    regex: &JavaRegex,
    text: &str,
    gives: &Gives,
    mut pay: impl FnMut(usize) -> bool,
) -> Result<Value, RegexError> {
    let texts = |groups: Vec<Option<&str>>| {
        Value::Array(groups.into_iter().map(|group| group.map_or(Value::Null, Value::string)).collect())
    };
    Ok(match gives {
        Gives::Whole => Value::Boolean(regex.matches(text)?),
        Gives::Found => Value::Boolean(regex.is_found(text)?),
        Gives::Groups => regex
            .find(text)?
            .map_or(Value::Null, |found| texts((0..=regex.group_count()).map(|index| found.group(index)).collect())),
        Gives::Matches => {
            let found = regex.find_iter(text).take_while(|_| pay(16)).map(|one| one.map(|one| one.group(0)));
            let found: Vec<_> = found.collect::<Result<_, _>>()?;
            if found.is_empty() { Value::Null } else { texts(found) }
        }
        Gives::Replaced { with, all } => Value::string(regex.replace_while(text, with, |bytes| pay(bytes) && *all)?),
    })
}

fn no_truth(value: &Val<'_>) -> String {
    format!("expected true or false, found {}", value.type_name())
}

fn problem(node: &Node, message: String) -> Problem {
    Problem { at: node.at, message }
}

/// The elements of a list, the keys of a map or struct, the names of headers.
fn elements_of(range: Val<'_>) -> Result<Vec<Val<'_>>, String> {
    let name = |name: &std::sync::Arc<str>| Val::owned(Value::String(std::sync::Arc::clone(name)));
    Ok(match range {
        Val::Data(Cow::Borrowed(Value::Array(elements))) => {
            elements.iter().map(|element| Val::Data(Cow::Borrowed(element))).collect()
        }
        Val::Data(Cow::Owned(Value::Array(elements))) => elements.into_iter().map(Val::owned).collect(),
        Val::Data(Cow::Borrowed(Value::Map(map))) => map.iter().map(|(key, _)| Val::Data(Cow::Borrowed(key))).collect(),
        Val::Data(Cow::Owned(Value::Map(map))) => map.into_iter().map(|(key, _)| Val::owned(key)).collect(),
        Val::Headers { headers, .. } => headers.iter().map(|header| name(&header.name)).collect(),
        other => match other.data() {
            Some(Value::Struct(of)) => of.schema.fields.iter().map(|field| name(&field.name)).collect(),
            _ => return Err(format!("{} has nothing to go through", other.type_name())),
        },
    })
}

/// What lies between two moments or lengths, or a moment before one by a length.
fn difference<'a>(one: &Val<'a>, other: &Val<'a>) -> Option<Val<'a>> {
    match (one, other) {
        (Val::Duration(one), Val::Duration(other)) => Some(Val::Duration(one.checked_sub(*other)?)),
        (Val::Data(moment), Val::Duration(length)) => {
            let Value::Date(moment) = **moment else { return None };
            Some(Val::owned(Value::Date(moment.checked_sub(*length)?)))
        }
        (Val::Data(one), Val::Data(other)) => match (&**one, &**other) {
            (Value::Date(one), Value::Date(other)) => Some(Val::Duration(one.checked_sub(*other)?)),
            _ => None,
        },
        _ => None,
    }
}
