//! What a `.proto` file says, as far as Connect looks at it.
//!
//! Both forms in which the registry may hold a schema, text and an encoded `FileDescriptorProto`, come through here as
//! the latter. Its field numbers are those of `google/protobuf/descriptor.proto`.

use longshore_api::{ConnectError, Result};

use super::options::FieldMeta;
use super::wire::{Reader, WireType};

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct File {
    pub(super) package: String,
    pub(super) imports: Vec<String>,
    /// Indices of the imports that this file passes on.
    pub(super) public_imports: Vec<usize>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    /// Not proto2: fields without label have no presence, numbers are packed, enums open.
    pub(super) is_proto3: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    /// An entry of a map.
    pub(super) map_entry: bool,
    /// An entry that stands for `map<…>` in a text.
    pub(super) implicit: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) label: Label,
    pub(super) kind: FieldType,
    /// The name of a message or an enum, as it is written.
    pub(super) type_name: String,
    /// proto2's default, as it is written.
    pub(super) default: Option<String>,
    /// Index of the `oneof`; that of an `optional` field of proto3 is left out.
    pub(super) oneof: Option<usize>,
    pub(super) proto3_optional: bool,
    pub(super) packed: Option<bool>,
    pub(super) meta: FieldMeta,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) values: Vec<(String, i32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Optional,
    Required,
    Repeated,
}

/// The types of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldType {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Group,
    Message,
    Bytes,
    Uint32,
    Enum,
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
    /// A name that is a message's or an enum's; which, linking finds out.
    Named,
}

/// The types by their numbers, from 1.
const TYPES: [(FieldType, &str); 18] = [
    (FieldType::Double, "double"),
    (FieldType::Float, "float"),
    (FieldType::Int64, "int64"),
    (FieldType::Uint64, "uint64"),
    (FieldType::Int32, "int32"),
    (FieldType::Fixed64, "fixed64"),
    (FieldType::Fixed32, "fixed32"),
    (FieldType::Bool, "bool"),
    (FieldType::String, "string"),
    (FieldType::Group, "group"),
    (FieldType::Message, "message"),
    (FieldType::Bytes, "bytes"),
    (FieldType::Uint32, "uint32"),
    (FieldType::Enum, "enum"),
    (FieldType::Sfixed32, "sfixed32"),
    (FieldType::Sfixed64, "sfixed64"),
    (FieldType::Sint32, "sint32"),
    (FieldType::Sint64, "sint64"),
];

impl FieldType {
    /// The name in a `.proto` file.
    pub(super) fn name(self) -> &'static str {
        TYPES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The scalar type of a name.
    pub(super) fn scalar(name: &str) -> Option<Self> {
        let named = |kind: &Self| !matches!(kind, Self::Group | Self::Message | Self::Enum);
        TYPES.iter().find(|(kind, known)| *known == name && named(kind)).map(|(kind, _)| *kind)
    }
}

impl Field {
    /// A field without label, options and default.
    pub(super) fn new(name: &str, number: u32, kind: FieldType) -> Self {
        Self {
            name: name.to_owned(),
            number,
            label: Label::Optional,
            kind,
            type_name: String::new(),
            default: None,
            oneof: None,
            proto3_optional: false,
            packed: None,
            meta: FieldMeta::default(),
        }
    }
}

/// Deeper nested messages are refused, which bounds the recursion.
const MAX_DEPTH: usize = 50;

impl File {
    /// Reads an encoded `FileDescriptorProto`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut file = File::default();
        each_field(bytes, |number, value| {
            match number {
                2 => file.package = value.text()?,
                3 => file.imports.push(value.text()?),
                10 => file.public_imports.extend(value.numbers()?.into_iter().map(|index| index as usize)),
                4 => file.messages.push(message(value.bytes()?, MAX_DEPTH)?),
                5 => file.enums.push(enumeration(value.bytes()?)?),
                12 => file.is_proto3 = value.text()? != "proto2",
                _ => {}
            }
            Ok(())
        })?;
        Ok(file)
    }
}

fn message(bytes: &[u8], depth: usize) -> Result<Message> {
    if depth == 0 {
        return Err(ConnectError::data("a Protobuf schema of more than 50 nested messages"));
    }
    let mut message = Message::default();
    each_field(bytes, |number, value| {
        match number {
            1 => message.name = value.text()?,
            2 => message.fields.push(field(value.bytes()?)?),
            3 => message.messages.push(self::message(value.bytes()?, depth - 1)?),
            4 => message.enums.push(enumeration(value.bytes()?)?),
            7 => each_field(value.bytes()?, |number, value| {
                if number == 7 {
                    message.map_entry = value.number()? != 0;
                }
                Ok(())
            })?,
            8 => {
                let mut name = String::new();
                each_field(value.bytes()?, |number, value| {
                    if number == 1 {
                        name = value.text()?;
                    }
                    Ok(())
                })?;
                message.oneofs.push(name);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(message)
}

fn field(bytes: &[u8]) -> Result<Field> {
    let mut field = Field::new("", 0, FieldType::Named);
    each_field(bytes, |number, value| {
        match number {
            1 => field.name = value.text()?,
            3 => field.number = value.number()? as u32,
            4 => {
                field.label = match value.number()? {
                    2 => Label::Required,
                    3 => Label::Repeated,
                    _ => Label::Optional,
                };
            }
            5 => {
                let known = (value.number()? as usize).checked_sub(1).and_then(|index| TYPES.get(index));
                field.kind = known.map_or(FieldType::Named, |(kind, _)| *kind);
            }
            6 => field.type_name = value.text()?,
            7 => field.default = Some(value.text()?),
            8 => options(&mut field, value.bytes()?)?,
            9 => field.oneof = Some(value.number()? as usize),
            17 => field.proto3_optional = value.number()? != 0,
            _ => {}
        }
        Ok(())
    })?;
    if field.proto3_optional {
        field.oneof = None;
    }
    Ok(field)
}

fn options(field: &mut Field, bytes: &[u8]) -> Result<()> {
    each_field(bytes, |number, value| {
        match number {
            2 => field.packed = Some(value.number()? != 0),
            FieldMeta::EXTENSION => field.meta.merge_encoded(value.bytes()?)?,
            999 => field.meta.merge_uninterpreted(value.bytes()?)?,
            _ => {}
        }
        Ok(())
    })
}

fn enumeration(bytes: &[u8]) -> Result<Enum> {
    let mut found = Enum::default();
    each_field(bytes, |number, value| {
        match number {
            1 => found.name = value.text()?,
            2 => {
                let (mut name, mut code) = (String::new(), 0);
                each_field(value.bytes()?, |number, value| {
                    match number {
                        1 => name = value.text()?,
                        2 => code = value.number()? as i32,
                        _ => {}
                    }
                    Ok(())
                })?;
                found.values.push((name, code));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// A field's value as it stands in the bytes.
pub(super) enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    pub(super) fn number(&self) -> Result<u64> {
        match self {
            Raw::Number(number) => Ok(*number),
            Raw::Bytes(_) => Err(malformed()),
        }
    }

    pub(super) fn bytes(&self) -> Result<&'a [u8]> {
        match self {
            Raw::Bytes(bytes) => Ok(bytes),
            Raw::Number(_) => Err(malformed()),
        }
    }

    pub(super) fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| malformed())
    }

    /// One number, or several that are packed.
    fn numbers(&self) -> Result<Vec<u64>> {
        let Raw::Bytes(bytes) = self else { return Ok(vec![self.number()?]) };
        let (mut reader, mut numbers) = (Reader::new(bytes), Vec::new());
        while !reader.is_at_end() {
            numbers.push(reader.varint()?);
        }
        Ok(numbers)
    }
}

fn malformed() -> ConnectError {
    ConnectError::data("a malformed FileDescriptorProto")
}

/// Calls `take` with each field of an encoded message.
pub(super) fn each_field<'a>(bytes: &'a [u8], mut take: impl FnMut(u32, Raw<'a>) -> Result<()>) -> Result<()> {
    let mut reader = Reader::new(bytes);
    while !reader.is_at_end() {
        let (number, wire_type) = reader.tag()?;
        match wire_type {
            WireType::Varint => take(number, Raw::Number(reader.varint()?))?,
            WireType::Length => take(number, Raw::Bytes(reader.bytes()?))?,
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok(())
}
