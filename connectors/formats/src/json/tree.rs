//! From text to trees: borrowed nodes for what a schema reads, Connect's values for what has none.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::{Map, Value};

use super::{Kind, Malformed, Number, Reader};

/// A document's tree; it borrows from the document.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Node<'a> {
    Null,
    Boolean(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Members in order; no name comes twice.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads the next value.
    ///
    /// # Errors
    /// Where the text is malformed.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        value(reader, &mut Nodes)
    }

    /// An object's member.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        match self {
            Node::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// The kind as Jackson names it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Node::Null => "NULL",
            Node::Boolean(_) => "BOOLEAN",
            Node::Number(_) => "NUMBER",
            Node::String(_) => "STRING",
            Node::Array(_) => "ARRAY",
            Node::Object(_) => "OBJECT",
        }
    }
}

/// What came before: names of members, so that a name that comes in every record is allocated once, and how many the
/// last object had.
#[derive(Debug, Default)]
pub struct Keys {
    slots: Vec<Option<Arc<str>>>,
    members: usize,
}

impl Keys {
    /// More names than this at a time only cost their allocation.
    const SLOTS: usize = 256;
    /// No object gets room for more members than this before they come.
    const MOST_ROOM: usize = 32;
    /// What transforms may add to an object that they do not rebuild.
    const SPARE_ROOM: usize = 4;

    /// The shared text of a name.
    pub fn share(&mut self, name: &str) -> Arc<str> {
        if self.slots.is_empty() {
            self.slots.resize(Self::SLOTS, None);
        }
        let bytes = name.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
        let last = bytes.len().saturating_sub(1);
        let place = byte(0) ^ byte(last) << 1 ^ byte(last / 2) << 3 ^ bytes.len() << 5;
        let slot = &mut self.slots[place % Self::SLOTS];
        match slot {
            Some(known) if **known == *name => Arc::clone(known),
            _ => Arc::clone(slot.insert(Arc::from(name))),
        }
    }
}

/// What a tree is made of.
pub(super) trait Build<'a> {
    type Key;
    type Value;

    fn null(&mut self) -> Self::Value;
    fn boolean(&mut self, value: bool) -> Self::Value;
    fn number(&mut self, number: Number<'a>) -> Self::Value;
    fn string(&mut self, text: Cow<'a, str>) -> Self::Value;
    fn array(&mut self, elements: Vec<Self::Value>) -> Self::Value;
    fn key(&mut self, name: Cow<'a, str>) -> Self::Key;
    /// Where the members of the outermost object go: with room for as many as there will probably be. Objects within it
    /// get none before their members come: there may be very many.
    fn members(&self) -> Vec<(Self::Key, Self::Value)> {
        Vec::new()
    }
    fn name(key: &Self::Key) -> &str;
    fn object(&mut self, members: Vec<(Self::Key, Self::Value)>) -> Self::Value;
}

/// Reads the first value of a text; `None` if there is none.
pub(super) fn read<'a, B: Build<'a>>(text: &'a str, build: &mut B) -> Result<Option<B::Value>, Malformed> {
    let mut reader = Reader::new(text);
    if reader.is_at_end() { Ok(None) } else { value(&mut reader, build).map(Some) }
}

/// Reads a value. What is open stands on a stack of its own: levels cost no stack of the thread.
fn value<'a, B: Build<'a>>(reader: &mut Reader<'a>, build: &mut B) -> Result<B::Value, Malformed> {
    let mut open: Vec<Frame<B::Key, B::Value>> = Vec::new();
    loop {
        let mut finished = match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Some(build.null())
            }
            Kind::Boolean => Some(build.boolean(reader.boolean()?)),
            Kind::Number => Some(build.number(reader.number()?)),
            Kind::String => Some(build.string(reader.string()?)),
            Kind::Array => {
                reader.enter(Kind::Array)?;
                open.push(Frame::Array(Vec::new()));
                None
            }
            Kind::Object => {
                reader.enter(Kind::Object)?;
                let members = if open.is_empty() { build.members() } else { Vec::new() };
                open.push(Frame::Object(Members { members, index: None, next: None }));
                None
            }
        };
        // Goes on to where the next value is expected, closing what comes to its end.
        loop {
            let Some(frame) = open.last_mut() else {
                match finished {
                    Some(value) => return Ok(value),
                    None => break,
                }
            };
            if let Some(value) = finished.take() {
                frame.add(value);
            }
            if frame.advance::<B>(reader, build)? {
                break;
            }
            finished = open.pop().map(|frame| match frame {
                Frame::Array(elements) => build.array(elements),
                Frame::Object(members) => build.object(members.members),
            });
        }
    }
}

/// An array or an object that is being read.
enum Frame<K, V> {
    Array(Vec<V>),
    Object(Members<K, V>),
}

struct Members<K, V> {
    members: Vec<(K, V)>,
    /// Looking through the names is fastest for the objects that people write; the index bounds the work for others.
    index: Option<HashMap<String, usize>>,
    next: Option<Member<K>>,
}

/// Where the next value goes.
enum Member<K> {
    New(K),
    Known(usize),
}

const INDEX_FROM: usize = 32;

impl<K, V> Frame<K, V> {
    fn add(&mut self, value: V) {
        match self {
            Frame::Array(elements) => elements.push(value),
            Frame::Object(members) => match members.next.take() {
                Some(Member::New(key)) => members.members.push((key, value)),
                Some(Member::Known(place)) => {
                    if let Some(member) = members.members.get_mut(place) {
                        member.1 = value;
                    }
                }
                None => {}
            },
        }
    }

    /// Whether another value follows.
    fn advance<'a, B>(&mut self, reader: &mut Reader<'a>, build: &mut B) -> Result<bool, Malformed>
    where
        B: Build<'a, Key = K, Value = V>,
    {
        let members = match self {
            Frame::Array(elements) => return reader.next_element(elements.is_empty()),
            Frame::Object(members) => members,
        };
        let Some(name) = reader.next_name(members.members.is_empty())? else { return Ok(false) };
        members.next = Some(match members.find(&name, B::name) {
            Some(place) => Member::Known(place),
            None => Member::New(build.key(name)),
        });
        Ok(true)
    }
}

impl<K, V> Members<K, V> {
    /// The place of a member that came before; a new name is taken into the index.
    fn find(&mut self, name: &str, name_of: fn(&K) -> &str) -> Option<usize> {
        let count = self.members.len();
        if count < INDEX_FROM {
            return self.members.iter().position(|(key, _)| name_of(key) == name);
        }
        let members = &self.members;
        let index = self.index.get_or_insert_with(|| {
            members.iter().enumerate().map(|(place, (key, _))| (name_of(key).to_owned(), place)).collect()
        });
        let known = index.get(name).copied();
        if known.is_none() {
            index.insert(name.to_owned(), count);
        }
        known
    }
}

struct Nodes;

impl<'a> Build<'a> for Nodes {
    type Key = Cow<'a, str>;
    type Value = Node<'a>;

    fn null(&mut self) -> Node<'a> {
        Node::Null
    }

    fn boolean(&mut self, value: bool) -> Node<'a> {
        Node::Boolean(value)
    }

    fn number(&mut self, number: Number<'a>) -> Node<'a> {
        Node::Number(number)
    }

    fn string(&mut self, text: Cow<'a, str>) -> Node<'a> {
        Node::String(text)
    }

    fn array(&mut self, elements: Vec<Node<'a>>) -> Node<'a> {
        Node::Array(elements)
    }

    fn key(&mut self, name: Cow<'a, str>) -> Cow<'a, str> {
        name
    }

    fn name<'k>(key: &'k Cow<'a, str>) -> &'k str {
        key
    }

    fn object(&mut self, members: Vec<(Cow<'a, str>, Node<'a>)>) -> Node<'a> {
        Node::Object(members)
    }
}

/// Builds schemaless values.
pub(super) struct Values<'k> {
    pub(super) keys: &'k mut Keys,
}

impl<'a> Build<'a> for Values<'_> {
    type Key = Value;
    type Value = Value;

    fn null(&mut self) -> Value {
        Value::Null
    }

    fn boolean(&mut self, value: bool) -> Value {
        Value::Boolean(value)
    }

    fn number(&mut self, number: Number<'a>) -> Value {
        if number.is_integral() { Value::Int64(number.to_i64()) } else { Value::Float64(number.to_f64()) }
    }

    fn string(&mut self, text: Cow<'a, str>) -> Value {
        Value::string(text)
    }

    fn array(&mut self, elements: Vec<Value>) -> Value {
        Value::Array(elements)
    }

    fn key(&mut self, name: Cow<'a, str>) -> Value {
        Value::String(self.keys.share(&name))
    }

    /// Records are mostly like the one before.
    fn members(&self) -> Vec<(Value, Value)> {
        Vec::with_capacity(self.keys.members)
    }

    fn name(key: &Value) -> &str {
        key.as_str().unwrap_or_default()
    }

    fn object(&mut self, members: Vec<(Value, Value)>) -> Value {
        self.keys.members = (members.len() + Keys::SPARE_ROOM).min(Keys::MOST_ROOM);
        Value::Map(Map::from_distinct(members))
    }
}
