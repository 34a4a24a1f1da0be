//! JSON texts into columns, in one pass over each.

use longshore_api::{ConnectError, Result};
use longshore_formats::json::{Kind as Json, Reader};

use super::columns::Columns;
use super::leaf::Unfit;
use super::plan::{Group, Kind, Node, in_field};

/// Adds an object to the columns of a schema. `is_exact` refuses members that have no column, which are left out
/// otherwise.
///
/// # Errors
/// Why it does not fit, with the path of the field; what was added is to be dropped.
pub(super) fn add(text: &str, group: &Group, is_exact: bool, columns: &mut Columns) -> Result<(), Unfit> {
    Shredder { is_exact, columns }.object(&mut Reader::new(text), group, 0)
}

/// Makes sure that a text begins an object.
///
/// # Errors
/// Kind BadRecord: it does not, no file can hold it.
pub(super) fn check(text: &str) -> Result<()> {
    let mut reader = Reader::new(text);
    if reader.is_at_end() || reader.peek()? != Json::Object { Err(no_object()) } else { Ok(()) }
}

/// The error of a value that makes no row.
pub(super) fn no_object() -> ConnectError {
    ConnectError::data("Parquet needs records that are a Struct or a JSON object")
}

struct Shredder<'c> {
    is_exact: bool,
    columns: &'c mut Columns,
}

impl Shredder<'_> {
    fn object(&mut self, reader: &mut Reader<'_>, group: &Group, repetition: u8) -> Result<(), Unfit> {
        let mut seen = Seen::default();
        reader.enter(Json::Object)?;
        let (mut first, mut expected) = (true, 0);
        while let Some(name) = reader.next_name(first)? {
            first = false;
            let Some(index) = group.find(&name, expected) else {
                if self.is_exact {
                    return Err(ConnectError::data(format!("field {name}: it has no column")).into());
                }
                reader.skip()?;
                continue;
            };
            if !seen.insert(index) {
                return Err(Unfit::Twice);
            }
            let node = &group.fields[index];
            self.value(reader, node, repetition).map_err(|unfit| unfit.in_field(&node.name))?;
            expected = index + 1;
        }
        for (index, node) in group.fields.iter().enumerate() {
            if !seen.contains(index) {
                in_field(node.add_null(repetition, self.columns), &node.name)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, reader: &mut Reader<'_>, node: &Node, repetition: u8) -> Result<(), Unfit> {
        match (&node.kind, reader.peek()?) {
            (_, Json::Null) => {
                reader.null()?;
                Ok(node.add_null(repetition, self.columns)?)
            }
            (Kind::Leaf(leaf), _) => leaf.add_json(reader, node.columns.start, repetition, self.columns),
            (Kind::Group(group), Json::Object) => self.object(reader, group, repetition),
            (Kind::List { element, repetition: next }, Json::Array) => {
                self.array(reader, node, element, [repetition, *next])
            }
            (Kind::Map { key, value, repetition: next }, Json::Object) => {
                self.map(reader, node, [key, value], [repetition, *next])
            }
            (_, found) => Err(node.expected(kind_name(found)).into()),
        }
    }

    fn array(
        &mut self,
        reader: &mut Reader<'_>,
        node: &Node,
        element: &Node,
        [mut repetition, next]: [u8; 2],
    ) -> Result<(), Unfit> {
        reader.enter(Json::Array)?;
        let mut first = true;
        while reader.next_element(first)? {
            self.value(reader, element, repetition)?;
            (first, repetition) = (false, next);
        }
        if first {
            self.columns.null(node.columns.clone(), node.definition, repetition);
        }
        Ok(())
    }

    fn map(
        &mut self,
        reader: &mut Reader<'_>,
        node: &Node,
        [key_node, value_node]: [&Node; 2],
        [mut repetition, next]: [u8; 2],
    ) -> Result<(), Unfit> {
        let Kind::Leaf(key) = &key_node.kind else { return Err(key_node.expected("a text").into()) };
        let mut names = std::collections::HashSet::new();
        reader.enter(Json::Object)?;
        while let Some(name) = reader.next_name(names.is_empty())? {
            in_field(key.add_text(&name, key_node.columns.start, repetition, self.columns), "key")?;
            let path = name.clone();
            if !names.insert(name) {
                return Err(Unfit::Twice);
            }
            self.value(reader, value_node, repetition).map_err(|unfit| unfit.in_field(&path))?;
            repetition = next;
        }
        if names.is_empty() {
            self.columns.null(node.columns.clone(), node.definition, repetition);
        }
        Ok(())
    }
}

/// What a kind of JSON values is called in messages.
pub(super) fn kind_name(kind: Json) -> &'static str {
    match kind {
        Json::Null => "null",
        Json::Boolean => "a boolean",
        Json::Number => "a number",
        Json::String => "a string",
        Json::Array => "an array",
        Json::Object => "an object",
    }
}

/// The members of an object that came; up to 64 fields take no memory of the heap.
#[derive(Default)]
struct Seen {
    low: u64,
    rest: Vec<u64>,
}

impl Seen {
    fn word(&mut self, index: usize) -> &mut u64 {
        match index / 64 {
            0 => &mut self.low,
            word => {
                if self.rest.len() < word {
                    self.rest.resize(word, 0);
                }
                &mut self.rest[word - 1]
            }
        }
    }

    /// Whether it is new.
    fn insert(&mut self, index: usize) -> bool {
        let (word, bit) = (self.word(index), 1 << (index % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn contains(&self, index: usize) -> bool {
        let word = match index / 64 {
            0 => self.low,
            word => self.rest.get(word - 1).copied().unwrap_or(0),
        };
        word >> (index % 64) & 1 == 1
    }
}
