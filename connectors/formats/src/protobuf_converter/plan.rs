//! How the bytes of a message become a value: what is worked out once for a schema.

use std::sync::Arc;

use longshore_api::{Schema, Value};

use super::descriptor::FieldType;
use super::names::WellKnown;

/// How a whole record is read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) schema: Arc<Schema>,
    pub(super) layout: Arc<Layout>,
    /// The message is a wrapper, and the record is what it holds.
    pub(super) unwrapped: Option<Scalar>,
    /// The messages that are used within themselves.
    pub(super) again: Vec<Message>,
}

/// A message with the schema that its values carry.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) schema: Arc<Schema>,
    pub(super) layout: Arc<Layout>,
}

/// The fields of a message, ready for decoding. The same for every place in which the message stands.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// By number.
    pub(super) fields: Vec<Entry>,
    /// The values of a message without bytes, as many as the struct has fields.
    pub(super) empty: Vec<Value>,
    /// The `oneof`s: the field of each, its struct's schema.
    pub(super) unions: Vec<(usize, Arc<Schema>)>,
    /// The places of members of a `oneof` that are the struct's own fields, all but one of which are null.
    pub(super) flattened: Vec<Vec<usize>>,
    /// Fields of proto2 that must be there: names and numbers.
    pub(super) required: Vec<(String, u32)>,
    /// Whether there are maps, in messages within this one too.
    pub(super) has_maps: bool,
}

impl Layout {
    /// The field of a number. Fields mostly come in order: `guess` is where to look first.
    #[inline]
    pub(super) fn find(&self, number: u32, guess: usize) -> Option<usize> {
        match self.fields.get(guess) {
            Some(entry) if entry.number == number => Some(guess),
            _ => self.fields.binary_search_by_key(&number, |entry| entry.number).ok(),
        }
    }
}

impl Shape {
    pub(super) fn has_maps(&self) -> bool {
        match self {
            Shape::One(Kind::Message(_, layout) | Kind::Group(_, layout))
            | Shape::Repeated(Kind::Message(_, layout) | Kind::Group(_, layout)) => layout.has_maps,
            Shape::Map(_) => true,
            // The maps of a message that is used again are counted where it stands for the first time.
            _ => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) place: Place,
    pub(super) shape: Shape,
}

/// Where a field's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the struct.
    Field(usize),
    /// Into the struct of a `oneof`: its index in [`Layout::unions`] and the member.
    Union(usize, usize),
    /// Into the struct, and the other members of the `oneof` become null: its index in [`Layout::flattened`].
    Flattened(usize, usize),
}

#[derive(Debug)]
pub(super) enum Shape {
    One(Kind),
    Repeated(Kind),
    Map(MapEntry),
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    Scalar(Scalar),
    /// An encoded message.
    Message(Arc<Schema>, Arc<Layout>),
    /// A message between the tags of a group.
    Group(Arc<Schema>, Arc<Layout>),
    /// A message, or a group, within itself: an index in [`Plan::again`].
    Again {
        index: usize,
        is_group: bool,
    },
    /// A wrapper that becomes what it holds.
    Wrapper(Scalar),
    WellKnown(WellKnown),
}

#[derive(Debug)]
pub(super) struct MapEntry {
    pub(super) key: Scalar,
    pub(super) value: Kind,
    /// What stands for a value that is not in the bytes.
    pub(super) missing: Value,
}

/// A scalar and what Connect makes of it.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    pub(super) kind: FieldType,
    pub(super) into: Into,
}

#[derive(Debug, Clone)]
pub(super) enum Into {
    /// The usual type.
    Usual,
    Int8,
    Int16,
    /// An enum's symbols.
    Symbols(Arc<Symbols>),
    /// An enum's numbers.
    Numbers(Arc<Symbols>),
}

/// An enum's symbols by number.
#[derive(Debug)]
pub(super) struct Symbols {
    pub(super) name: String,
    /// By number; of several names for one number the first.
    pub(super) symbols: Vec<(i32, Arc<str>)>,
    /// Numbers that have no symbol are values too.
    pub(super) is_open: bool,
}

impl Symbols {
    pub(super) fn get(&self, number: i32) -> Option<&Arc<str>> {
        let index = self.symbols.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.symbols.get(index).map(|(_, symbol)| symbol)
    }
}
