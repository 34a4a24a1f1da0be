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

/// The names of members that came before: a name that comes in every record is allocated once, and a record that has the
/// names of the one before it, as most have, is read without looking for them.
#[derive(Debug, Default)]
pub struct Keys {
    slots: Vec<Option<Arc<str>>>,
    /// The names of the last document, nested ones included, as far as [`recording`](Self::recording) went.
    document: Vec<Known>,
    /// How many names of the document that is being read were those of the last one, so far.
    same: usize,
    /// Whether all were.
    all_same: bool,
    /// Whether the names that differ are taken down for the next document.
    recording: bool,
    /// How many members the last outermost object had.
    members: usize,
}

/// A name in its place. Depths and first names together say which object a name belongs to: no name comes twice in an
/// object of a document whose places are those of a document that had none twice.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    depth: usize,
    first: bool,
}

impl Keys {
    /// More names than this at a time only cost their allocation.
    const SLOTS: usize = 256;
    /// Names of a document that are remembered in their places.
    const MOST_KNOWN: usize = 256;
    /// No object gets room for more members than this before they come.
    const MOST_ROOM: usize = 32;
    /// What transforms may add to an object that they do not rebuild.
    const SPARE_ROOM: usize = 3;

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

    fn begin(&mut self) {
        (self.same, self.all_same, self.recording) = (0, true, true);
    }

    /// Reads the next name if it is what the last document had in its place.
    fn known(&mut self, reader: &mut Reader<'_>, first: bool) -> Option<Arc<str>> {
        if !self.all_same {
            return None;
        }
        let known = self.document.get(self.same)?;
        if known.first != first || known.depth != reader.depth() || !reader.next_name_is(&known.name, first) {
            return None;
        }
        self.same += 1;
        Some(Arc::clone(&known.name))
    }

    /// The text of a name that is not what the last document had in its place.
    fn other(&mut self, name: &str, depth: usize, first: bool) -> Arc<str> {
        let name = self.share(name);
        if std::mem::take(&mut self.all_same) {
            self.document.truncate(self.same);
        }
        self.recording = self.recording && self.document.len() < Self::MOST_KNOWN && Reader::is_plain_name(&name);
        if self.recording {
            self.document.push(Known { name: Arc::clone(&name), depth, first });
        }
        name
    }
}

/// What a tree is made of.
pub(super) trait Build<'a> {
    /// A member's name, as it is read.
    type Name;
    /// The same, as it stands in an object.
    type Key;
    type Value;

    /// A document begins.
    fn begin(&mut self) {}
    fn null(&mut self) -> Self::Value;
    fn boolean(&mut self, value: bool) -> Self::Value;
    fn number(&mut self, number: Number<'a>) -> Self::Value;
    fn string(&mut self, text: Cow<'a, str>) -> Self::Value;
    fn array(&mut self, elements: Vec<Self::Value>) -> Self::Value;
    /// Reads the next name of an object, `first` being whether none was read yet, if it is known to come and to be new
    /// to the object.
    fn known_name(&mut self, _reader: &mut Reader<'a>, _first: bool) -> Option<Self::Name> {
        None
    }
    /// A name at a depth of the document that is new to its object.
    fn name(&mut self, name: Cow<'a, str>, depth: usize, first: bool) -> Self::Name;
    fn key(name: Self::Name) -> Self::Key;
    fn text(key: &Self::Key) -> &str;
    /// Where the members of the outermost object go: with room for as many as there will probably be. Objects within it
    /// get none before their members come: there may be very many.
    fn members(&self) -> Vec<(Self::Key, Self::Value)> {
        Vec::new()
    }
    /// Reads a value that is neither an array nor an object into a new member.
    fn scalar_member(
        &mut self,
        kind: Kind,
        reader: &mut Reader<'a>,
        name: Self::Name,
        members: &mut Vec<(Self::Key, Self::Value)>,
    ) -> Result<(), Malformed> {
        let value = scalar(kind, reader, self)?;
        members.push((Self::key(name), value));
        Ok(())
    }
    fn object(&mut self, members: Vec<(Self::Key, Self::Value)>, depth: usize) -> Self::Value;
}

/// Reads the first value of a text; `None` if there is none.
pub(super) fn read<'a, B: Build<'a>>(text: &'a str, build: &mut B) -> Result<Option<B::Value>, Malformed> {
    let mut reader = Reader::new(text);
    if reader.is_at_end() { Ok(None) } else { value(&mut reader, build).map(Some) }
}

/// Reads a value. What is open stands on a stack of its own: levels cost no stack of the thread.
fn value<'a, B: Build<'a>>(reader: &mut Reader<'a>, build: &mut B) -> Result<B::Value, Malformed> {
    build.begin();
    let mut inner = match reader.peek()? {
        kind @ (Kind::Array | Kind::Object) => Frame::enter(kind, reader, build.members())?,
        kind => return scalar(kind, reader, build),
    };
    let mut open: Vec<Frame<'a, B>> = Vec::new();
    loop {
        if let Some(kind) = inner.fill(reader, build)? {
            let next = Frame::enter(kind, reader, Vec::new())?;
            open.push(std::mem::replace(&mut inner, next));
            continue;
        }
        let finished = match inner {
            Frame::Array(elements) => build.array(elements),
            Frame::Object(members) => build.object(members.members, open.len()),
        };
        match open.pop() {
            Some(outer) => inner = outer,
            None => return Ok(finished),
        }
        inner.add(finished);
    }
}

/// Reads a value that is neither an array nor an object.
fn scalar<'a, B: Build<'a> + ?Sized>(
    kind: Kind,
    reader: &mut Reader<'a>,
    build: &mut B,
) -> Result<B::Value, Malformed> {
    Ok(match kind {
        Kind::String => build.string(reader.string()?),
        Kind::Number => build.number(reader.number()?),
        Kind::Boolean => build.boolean(reader.boolean()?),
        Kind::Null | Kind::Array | Kind::Object => {
            reader.null()?;
            build.null()
        }
    })
}

/// An array or an object that is being read.
enum Frame<'a, B: Build<'a>> {
    Array(Vec<B::Value>),
    Object(Members<'a, B>),
}

struct Members<'a, B: Build<'a>> {
    members: Vec<(B::Key, B::Value)>,
    /// Looking through the names is fastest for the objects that people write; the index bounds the work for others.
    index: Option<HashMap<String, usize>>,
    /// Where the array or object goes that is being read.
    next: Option<Member<B::Name>>,
}

/// Where a value goes.
enum Member<N> {
    New(N),
    Known(usize),
}

const INDEX_FROM: usize = 32;

impl<'a, B: Build<'a>> Frame<'a, B> {
    fn enter(kind: Kind, reader: &mut Reader<'a>, members: Vec<(B::Key, B::Value)>) -> Result<Self, Malformed> {
        reader.enter(kind)?;
        Ok(match kind {
            Kind::Object => Frame::Object(Members { members, index: None, next: None }),
            _ => Frame::Array(Vec::new()),
        })
    }

    /// Reads values until it ends, or until an array or an object begins, whose kind is given.
    fn fill(&mut self, reader: &mut Reader<'a>, build: &mut B) -> Result<Option<Kind>, Malformed> {
        let elements = match self {
            Frame::Object(members) => return members.fill(reader, build),
            Frame::Array(elements) => elements,
        };
        while reader.next_element(elements.is_empty())? {
            match reader.peek()? {
                kind @ (Kind::Array | Kind::Object) => return Ok(Some(kind)),
                kind => elements.push(scalar(kind, reader, build)?),
            }
        }
        Ok(None)
    }

    fn add(&mut self, value: B::Value) {
        match self {
            Frame::Array(elements) => elements.push(value),
            Frame::Object(members) => match members.next.take() {
                Some(Member::New(name)) => members.members.push((B::key(name), value)),
                Some(Member::Known(place)) => members.replace(place, value),
                None => {}
            },
        }
    }
}

impl<'a, B: Build<'a>> Members<'a, B> {
    fn fill(&mut self, reader: &mut Reader<'a>, build: &mut B) -> Result<Option<Kind>, Malformed> {
        loop {
            let first = self.members.is_empty();
            let member = match build.known_name(reader, first) {
                Some(name) => Member::New(name),
                None => {
                    let Some(name) = reader.next_name(first)? else { return Ok(None) };
                    match self.find(&name) {
                        Some(place) => Member::Known(place),
                        None => Member::New(build.name(name, reader.depth(), first)),
                    }
                }
            };
            match (reader.peek()?, member) {
                (kind @ (Kind::Array | Kind::Object), member) => {
                    self.next = Some(member);
                    return Ok(Some(kind));
                }
                (kind, Member::New(name)) => build.scalar_member(kind, reader, name, &mut self.members)?,
                (kind, Member::Known(place)) => self.replace(place, scalar(kind, reader, build)?),
            }
        }
    }

    fn replace(&mut self, place: usize, value: B::Value) {
        if let Some(member) = self.members.get_mut(place) {
            member.1 = value;
        }
    }

    /// The place of a member that came before; a new name is taken into the index.
    fn find(&mut self, name: &str) -> Option<usize> {
        let count = self.members.len();
        if count < INDEX_FROM {
            return self.members.iter().position(|(key, _)| B::text(key) == name);
        }
        let members = &self.members;
        let index = self.index.get_or_insert_with(|| {
            members.iter().enumerate().map(|(place, (key, _))| (B::text(key).to_owned(), place)).collect()
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
    type Name = Cow<'a, str>;
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

    fn name(&mut self, name: Cow<'a, str>, _depth: usize, _first: bool) -> Cow<'a, str> {
        name
    }

    fn key(name: Cow<'a, str>) -> Cow<'a, str> {
        name
    }

    fn text<'k>(key: &'k Cow<'a, str>) -> &'k str {
        key
    }

    fn object(&mut self, members: Vec<(Cow<'a, str>, Node<'a>)>, _depth: usize) -> Node<'a> {
        Node::Object(members)
    }
}

/// Builds schemaless values.
pub(super) struct Values<'k> {
    pub(super) keys: &'k mut Keys,
}

impl<'a> Build<'a> for Values<'_> {
    type Name = Arc<str>;
    type Key = Value;
    type Value = Value;

    fn begin(&mut self) {
        self.keys.begin();
    }

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

    fn known_name(&mut self, reader: &mut Reader<'a>, first: bool) -> Option<Arc<str>> {
        self.keys.known(reader, first)
    }

    fn name(&mut self, name: Cow<'a, str>, depth: usize, first: bool) -> Arc<str> {
        self.keys.other(&name, depth, first)
    }

    fn key(name: Arc<str>) -> Value {
        Value::String(name)
    }

    fn text(key: &Value) -> &str {
        key.as_str().unwrap_or_default()
    }

    /// Records are mostly like the one before.
    fn members(&self) -> Vec<(Value, Value)> {
        Vec::with_capacity(self.keys.members)
    }

    fn scalar_member(
        &mut self,
        kind: Kind,
        reader: &mut Reader<'a>,
        name: Arc<str>,
        members: &mut Vec<(Value, Value)>,
    ) -> Result<(), Malformed> {
        match kind {
            Kind::String => add_string(members, name, reader.string()?.into()),
            Kind::Number => match reader.number()? {
                number if number.is_integral() => add_integer(members, name, number.to_i64()),
                number => add_double(members, name, number.to_f64()),
            },
            kind => members.push((Value::String(name), scalar(kind, reader, self)?)),
        }
        Ok(())
    }

    fn object(&mut self, members: Vec<(Value, Value)>, depth: usize) -> Value {
        if depth == 0 {
            self.keys.members = (members.len() + Keys::SPARE_ROOM).min(Keys::MOST_ROOM);
        }
        Value::Map(Map::from_distinct(members))
    }
}

// Each of these writes its member where it stays. Together they would become one that makes a value first and moves it
// then, which takes longer than reading a number: the processor has to wait for the parts before it can move the whole.

#[inline(never)]
fn add_string(members: &mut Vec<(Value, Value)>, name: Arc<str>, text: Arc<str>) {
    members.push((Value::String(name), Value::String(text)));
}

#[inline(never)]
fn add_integer(members: &mut Vec<(Value, Value)>, name: Arc<str>, value: i64) {
    members.push((Value::String(name), Value::Int64(value)));
}

#[inline(never)]
fn add_double(members: &mut Vec<(Value, Value)>, name: Arc<str>, value: f64) {
    members.push((Value::String(name), Value::Float64(value)));
}
