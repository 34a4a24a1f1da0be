//! How values of a Parquet schema become columns: its groups, lists and maps with their levels.
//!
//! Levels are those of Dremel: the definition level of a value counts the optional and repeated parts of its path that
//! are there, the repetition level says at which repeated part it goes on.

use std::collections::HashMap;
use std::ops::Range;

use longshore_api::{ConnectError, Result};
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;

use super::columns::Columns;
use super::leaf::Leaf;

/// How deep groups, lists and maps may stand in each other.
pub(super) const MAX_DEPTH: usize = 60;
/// The most columns of a file: each takes room of its own in every row group.
pub(super) const MAX_COLUMNS: usize = 5000;

/// A field and its place in the columns.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// The definition level where the field is there, though it may be empty.
    pub(super) definition: u8,
    pub(super) presence: Presence,
    pub(super) columns: Range<usize>,
    pub(super) kind: Kind,
}

/// What becomes of a field that is null or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
    /// Repeated without a list around it: it is empty.
    Bare,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    Leaf(Leaf),
    Group(Group),
    /// `repetition` is the level at which the second and the further elements go on.
    List {
        element: Box<Node>,
        repetition: u8,
    },
    Map {
        key: Box<Node>,
        value: Box<Node>,
        repetition: u8,
    },
}

/// The fields of a group, in order and by name.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) fields: Vec<Node>,
    index: HashMap<String, usize>,
}

impl Group {
    /// The plan of a message.
    ///
    /// # Errors
    /// Kind BadRecord: the message has what cannot be written; the text names the field.
    pub(super) fn new(message: &Type) -> Result<Self> {
        let mut planner = Planner { next_column: 0 };
        planner.group(message, Levels { definition: 0, repetition: 0 }, 0)
    }

    /// The index of a field. `expected` is where it may well be: fields mostly come in order.
    pub(super) fn find(&self, name: &str, expected: usize) -> Option<usize> {
        match self.fields.get(expected) {
            Some(field) if field.name == name => Some(expected),
            _ => self.index.get(name).copied(),
        }
    }
}

#[derive(Clone, Copy)]
struct Levels {
    definition: u8,
    repetition: u8,
}

struct Planner {
    next_column: usize,
}

impl Planner {
    fn group(&mut self, group: &Type, levels: Levels, depth: usize) -> Result<Group> {
        let fields = group.get_fields();
        if fields.is_empty() {
            return Err(ConnectError::data("Parquet has no group without fields"));
        }
        let fields = fields.iter().map(|field| in_field(self.node(field, levels, depth + 1), field.name()));
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let index: HashMap<_, _> = fields.iter().zip(0..).map(|(field, index)| (field.name.clone(), index)).collect();
        if index.len() < fields.len() {
            return Err(ConnectError::data("two fields of a group have one name"));
        }
        Ok(Group { fields, index })
    }

    /// The plan of a field, where `levels` are those of what it stands in.
    fn node(&mut self, field: &Type, levels: Levels, depth: usize) -> Result<Node> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!("the schema is nested deeper than {MAX_DEPTH} types")));
        }
        let first = self.next_column;
        let repetition = field.get_basic_info().repetition();
        let presence = match repetition {
            Repetition::REQUIRED => Presence::Required,
            Repetition::OPTIONAL => Presence::Optional,
            Repetition::REPEATED => Presence::Bare,
        };
        let definition = levels.definition + u8::from(presence == Presence::Optional);
        let inner = Levels { definition, ..levels };
        let kind = if presence == Presence::Bare {
            self.list(field, inner, depth)?
        } else {
            match annotation(field) {
                ConvertedType::LIST => self.annotated_list(field, inner, depth)?,
                ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => self.map(field, inner, depth)?,
                _ if field.is_group() => Kind::Group(self.group(field, inner, depth)?),
                _ => Kind::Leaf(self.leaf(field)?),
            }
        };
        let columns = first..self.next_column;
        Ok(Node { name: field.name().to_owned(), definition, presence, columns, kind })
    }

    fn leaf(&mut self, field: &Type) -> Result<Leaf> {
        self.next_column += 1;
        if self.next_column > MAX_COLUMNS {
            return Err(ConnectError::data(format!("the schema has more than {MAX_COLUMNS} columns")));
        }
        Leaf::new(field)
    }

    /// A list by the rules of Parquet's format: what is repeated is the element itself or, in the newer form of three
    /// levels, a group around it.
    fn annotated_list(&mut self, list: &Type, levels: Levels, depth: usize) -> Result<Kind> {
        let [repeated] = list.get_fields() else { return Err(ConnectError::data("a list needs one repeated field")) };
        if repeated.get_basic_info().repetition() != Repetition::REPEATED {
            return Err(ConnectError::data("a list needs a repeated field"));
        }
        let is_wrapped = repeated.is_group()
            && annotation(repeated) == ConvertedType::NONE
            && repeated.get_fields().len() == 1
            && repeated.name() != "array"
            && repeated.name() != format!("{}_tuple", list.name());
        if !is_wrapped {
            return self.list(repeated, levels, depth);
        }
        let inner = Levels { definition: levels.definition + 1, repetition: levels.repetition + 1 };
        let element = Box::new(self.node(&repeated.get_fields()[0], inner, depth + 1)?);
        Ok(Kind::List { element, repetition: inner.repetition })
    }

    /// A list whose elements are what is repeated.
    fn list(&mut self, repeated: &Type, levels: Levels, depth: usize) -> Result<Kind> {
        let inner = Levels { definition: levels.definition + 1, repetition: levels.repetition + 1 };
        let first = self.next_column;
        let kind = match annotation(repeated) {
            ConvertedType::LIST => self.annotated_list(repeated, inner, depth + 1)?,
            ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => self.map(repeated, inner, depth + 1)?,
            _ if repeated.is_group() => Kind::Group(self.group(repeated, inner, depth + 1)?),
            _ => Kind::Leaf(self.leaf(repeated)?),
        };
        let element = Node {
            name: repeated.name().to_owned(),
            definition: inner.definition,
            presence: Presence::Required,
            columns: first..self.next_column,
            kind,
        };
        Ok(Kind::List { element: Box::new(element), repetition: inner.repetition })
    }

    fn map(&mut self, map: &Type, levels: Levels, depth: usize) -> Result<Kind> {
        let entry = match map.get_fields() {
            [entry] if entry.is_group() && entry.get_basic_info().repetition() == Repetition::REPEATED => entry,
            _ => return Err(ConnectError::data("a map needs one repeated group of key and value")),
        };
        let [key, value] = entry.get_fields() else {
            return Err(ConnectError::data("a map needs a key and a value"));
        };
        let inner = Levels { definition: levels.definition + 1, repetition: levels.repetition + 1 };
        let key = Box::new(self.node(key, inner, depth + 1)?);
        let value = Box::new(self.node(value, inner, depth + 1)?);
        Ok(Kind::Map { key, value, repetition: inner.repetition })
    }
}

/// What a field is annotated with; lists and maps have the older annotation beside the newer one, or alone.
fn annotation(field: &Type) -> ConvertedType {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::List) => ConvertedType::LIST,
        Some(LogicalType::Map) => ConvertedType::MAP,
        _ => field.get_basic_info().converted_type(),
    }
}

impl Node {
    /// Adds that the field is null or missing.
    ///
    /// # Errors
    /// Kind BadRecord: it must not be.
    pub(super) fn add_null(&self, repetition: u8, columns: &mut Columns) -> Result<()> {
        match self.presence {
            Presence::Required => return Err(self.expected("null")),
            Presence::Optional => columns.null(self.columns.clone(), self.definition - 1, repetition),
            Presence::Bare => columns.null(self.columns.clone(), self.definition, repetition),
        }
        Ok(())
    }

    /// The error that something else was found than what the field holds.
    pub(super) fn expected(&self, found: &str) -> ConnectError {
        match &self.kind {
            Kind::Leaf(leaf) => leaf.expected(found),
            Kind::Group(_) => ConnectError::data(format!("expected a group, found {found}")),
            Kind::List { .. } => ConnectError::data(format!("expected a list, found {found}")),
            Kind::Map { .. } => ConnectError::data(format!("expected a map, found {found}")),
        }
    }
}

/// What happened in a field, with the field's path.
pub(super) fn in_field<T>(result: Result<T>, field: &str) -> Result<T> {
    result.map_err(|error| at_field(error, field))
}

/// The same error, of a field.
pub(super) fn at_field(mut error: ConnectError, field: &str) -> ConnectError {
    let message = error.message.take().unwrap_or_default();
    error.message = Some(match message.strip_prefix("field ") {
        Some(rest) => format!("field {field}.{rest}"),
        None => format!("field {field}: {message}"),
    });
    error
}
