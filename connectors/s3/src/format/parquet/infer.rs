//! The schema of JSON documents, from what is in them.
//!
//! | in the documents | in Parquet |
//! |---|---|
//! | truth values; strings | BOOLEAN; STRING |
//! | integers that 64 bits hold; any other number among them | INT64; DOUBLE |
//! | objects, arrays | groups, lists |
//! | nothing but null, empty objects, empty arrays' elements | JSON |
//! | values of several of these kinds; what is nested deeper than 32 levels | JSON: the value's own text |
//!
//! Every field may be missing, and every element null.

use indexmap::IndexMap;
use longshore_formats::json::{Kind, Malformed, Reader};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

/// How deep objects and arrays become groups and lists.
const MAX_DEPTH: usize = 32;

/// What the values of a place in the documents are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Unknown,
    Boolean,
    Integer,
    Double,
    Text,
    Object(IndexMap<String, Shape>),
    Array(Box<Shape>),
    Mixed,
}

impl Shape {
    /// The shape of the value that a reader comes to.
    ///
    /// # Errors
    /// The text is malformed.
    pub(super) fn of(reader: &mut Reader<'_>, depth: usize) -> Result<Self, Malformed> {
        Ok(match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Shape::Unknown
            }
            Kind::Boolean => {
                reader.boolean()?;
                Shape::Boolean
            }
            Kind::Number if reader.number()?.as_i64().is_some() => Shape::Integer,
            Kind::Number => Shape::Double,
            Kind::String => {
                reader.string()?;
                Shape::Text
            }
            _ if depth >= MAX_DEPTH => {
                reader.skip()?;
                Shape::Mixed
            }
            Kind::Object => {
                let (mut members, mut first) = (IndexMap::new(), true);
                reader.enter(Kind::Object)?;
                while let Some(name) = reader.next_name(first)? {
                    let shape = Self::of(reader, depth + 1)?;
                    let known = members.swap_remove(&*name).unwrap_or(Shape::Unknown);
                    members.insert(name.into_owned(), known.merged(shape));
                    first = false;
                }
                Shape::Object(members)
            }
            Kind::Array => {
                let (mut element, mut first) = (Shape::Unknown, true);
                reader.enter(Kind::Array)?;
                while reader.next_element(first)? {
                    element = element.merged(Self::of(reader, depth + 1)?);
                    first = false;
                }
                Shape::Array(Box::new(element))
            }
        })
    }

    /// Whether the value that a reader comes to has nothing that this shape lacks. Cheap, as it is for most documents
    /// after the first ones.
    ///
    /// # Errors
    /// The text is malformed.
    pub(super) fn covers(&self, reader: &mut Reader<'_>) -> Result<bool, Malformed> {
        Ok(match (self, reader.peek()?) {
            (Shape::Mixed, _) | (_, Kind::Null) => {
                reader.skip()?;
                true
            }
            (Shape::Boolean, Kind::Boolean) => {
                reader.boolean()?;
                true
            }
            (Shape::Integer, Kind::Number) => reader.number()?.as_i64().is_some(),
            (Shape::Double, Kind::Number) => {
                reader.number()?;
                true
            }
            (Shape::Text, Kind::String) => {
                reader.string()?;
                true
            }
            (Shape::Object(members), Kind::Object) => {
                let mut first = true;
                reader.enter(Kind::Object)?;
                while let Some(name) = reader.next_name(first)? {
                    first = false;
                    match members.get(&*name) {
                        Some(shape) if shape.covers(reader)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Shape::Array(element), Kind::Array) => {
                let mut first = true;
                reader.enter(Kind::Array)?;
                while reader.next_element(first)? {
                    first = false;
                    if !element.covers(reader)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// The shape of values of both.
    pub(super) fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Shape::Unknown, shape) | (shape, Shape::Unknown) => shape,
            (Shape::Integer, Shape::Double) | (Shape::Double, Shape::Integer) => Shape::Double,
            (Shape::Object(mut members), Shape::Object(others)) => {
                for (name, shape) in others {
                    let known = members.entry(name).or_insert(Shape::Unknown);
                    *known = std::mem::replace(known, Shape::Unknown).merged(shape);
                }
                Shape::Object(members)
            }
            (Shape::Array(one), Shape::Array(other)) => Shape::Array(Box::new(one.merged(*other))),
            (one, other) if one == other => one,
            _ => Shape::Mixed,
        }
    }

    /// How many columns it makes.
    pub(super) fn columns(&self) -> usize {
        match self {
            Shape::Object(members) => members.values().map(Shape::columns).sum::<usize>().max(1),
            Shape::Array(element) => element.columns(),
            _ => 1,
        }
    }

    /// The message of documents of this shape.
    ///
    /// # Errors
    /// It is not that of objects with members.
    pub(super) fn message(&self) -> Result<Type, ParquetError> {
        let Shape::Object(members) = self else {
            return Err(ParquetError::General("the documents are no objects".to_owned()));
        };
        let mut fields = fields(members)?;
        if fields.is_empty() {
            // Rows need a column, though no document has a member.
            fields.push(Shape::Unknown.field("document")?);
        }
        Type::group_type_builder("document").with_fields(fields).build()
    }

    fn field(&self, name: &str) -> Result<TypePtr, ParquetError> {
        let optional = Repetition::OPTIONAL;
        let leaf = |physical, logical| {
            let builder = Type::primitive_type_builder(name, physical).with_repetition(optional);
            builder.with_logical_type(logical).build()
        };
        let group = Type::group_type_builder(name).with_repetition(optional);
        Ok(match self {
            Shape::Boolean => leaf(Physical::BOOLEAN, None)?,
            Shape::Integer => leaf(Physical::INT64, None)?,
            Shape::Double => leaf(Physical::DOUBLE, None)?,
            Shape::Text => leaf(Physical::BYTE_ARRAY, Some(LogicalType::String))?,
            Shape::Object(members) if !members.is_empty() => group.with_fields(fields(members)?).build()?,
            Shape::Array(element) => {
                let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
                let list = list.with_fields(vec![element.field("element")?]).build()?;
                group.with_logical_type(Some(LogicalType::List)).with_fields(vec![list.into()]).build()?
            }
            Shape::Unknown | Shape::Mixed | Shape::Object(_) => leaf(Physical::BYTE_ARRAY, Some(LogicalType::Json))?,
        }
        .into())
    }
}

fn fields(members: &IndexMap<String, Shape>) -> Result<Vec<TypePtr>, ParquetError> {
    members.iter().map(|(name, shape)| shape.field(name)).collect()
}
