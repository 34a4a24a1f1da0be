//! From Connect's schemas to messages, and the plans by which records are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use longshore_api::{ConnectError, Result, Schema, Type, Value};

use super::descriptor::{Enum, Field, FieldType, File, Label, Message};
use super::encode::{Entry, Kind, Layout, Plan, Root, Shape, Source};
use super::names::{self, WellKnown};
use super::recursion::Structs;
use super::{Rules, case, known, print};

/// What data of a schema becomes.
#[derive(Debug)]
pub(super) struct Described {
    /// The text of the Protobuf schema.
    pub(super) text: String,
    /// Full name of the message in it that the records are.
    pub(super) message: String,
    /// Where that message stands in the text.
    pub(super) indexes: Vec<i32>,
    pub(super) plan: Plan,
}

/// The Protobuf schema of a Connect schema.
///
/// Differs from Apache Connect: members of a union without numbers get the next free ones, where Confluent's converter
/// fails.
pub(super) fn describe(schema: &Arc<Schema>, rules: &Rules) -> Result<Described> {
    match schema.kind {
        Type::Struct if WellKnown::of_schema(schema).is_none() => {}
        Type::Array | Type::Map => {
            return Err(ConnectError::data(format!("Unsupported root schema of type {}", schema.kind.name())));
        }
        _ => return wrapped(schema),
    }
    let mut context =
        Context { rules, package: String::new(), names: 0, imports: Vec::new(), structs: Structs::default() };
    let full_name = context.name_or_default(schema.name.as_deref());
    let (package, name) = match full_name.rsplit_once('.') {
        Some((package, name)) => {
            (package.split('.').map(|part| rules.scrub(part)).collect::<Vec<_>>().join("."), rules.scrub(name))
        }
        None => (String::new(), rules.scrub(&full_name)),
    };
    context.package.clone_from(&package);
    let (message, layout) = context.message(&name, schema)?;
    let full_name = if package.is_empty() { name } else { format!("{package}.{name}") };
    if let Some(part) = full_name.split('.').find(|part| !is_identifier(part)) {
        return Err(invalid_name(part));
    }
    let file = File {
        package,
        imports: context.imports.iter().map(|import| (*import).to_owned()).collect(),
        messages: vec![message],
        is_proto3: true,
        ..File::default()
    };
    let plan = Plan { root: Root::Message(Arc::clone(schema), layout), again: context.structs.again() };
    Ok(Described { text: print::text(&file), message: full_name, indexes: vec![0], plan })
}

/// Data that is no struct is what a wrapper holds.
fn wrapped(schema: &Schema) -> Result<Described> {
    if WellKnown::of_schema(schema).is_some() {
        let name = schema.name.as_deref().unwrap_or_default();
        return Err(ConnectError::data(format!(
            "records of {name} alone have no form in Protobuf, put them in a struct"
        )));
    }
    let scalar = match schema.kind {
        Type::Int8 | Type::Int16 => FieldType::Int32,
        _ => scalar_of(schema.kind),
    };
    let (message, index) = names::wrapper_of(scalar.name())
        .ok_or_else(|| ConnectError::data(format!("Unsupported root schema of type {}", schema.kind.name())))?;
    Ok(Described {
        text: known::WRAPPERS.to_owned(),
        message: message.to_owned(),
        indexes: vec![index],
        plan: Plan { root: Root::Wrapped(Kind::Scalar(scalar)), again: Vec::new() },
    })
}

struct Context<'r> {
    rules: &'r Rules,
    package: String,
    /// How many schemas without a name got one.
    names: usize,
    imports: Vec<&'static str>,
    structs: Structs,
}

/// Where a field stands.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Field,
    OneofMember,
    MapEntry,
}

/// What a field holds: for the schema's text and for the plan.
struct Typed {
    kind: FieldType,
    type_name: String,
    plan: Kind,
}

impl Context<'_> {
    fn message(&mut self, name: &str, schema: &Arc<Schema>) -> Result<(Message, Arc<Layout>)> {
        self.structs.begin(name, schema)?;
        let mut message = Message { name: name.to_owned(), ..Message::default() };
        let mut layout = Layout::default();
        let mut next = 1;
        for (index, field) in schema.fields.iter().enumerate() {
            let number = number(&field.schema)?.unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            if names::is_union(&field.schema) && field.schema.kind == Type::Struct {
                self.union(&mut message, &mut layout, index, &field.schema)?;
            } else {
                let source = Source::Field(index);
                self.field(&mut message, &mut layout, &field.name, number, &field.schema, (source, Role::Field))?;
            }
        }
        number_members(&mut message, &mut layout);
        check(&message)?;
        layout.fields.sort_by_key(|entry| entry.number);
        let layout = Arc::new(layout);
        self.structs.end(&self.package, schema, &layout);
        Ok((message, layout))
    }

    fn union(&mut self, message: &mut Message, layout: &mut Layout, index: usize, schema: &Schema) -> Result<()> {
        let generalized = schema.parameters.get(names::GENERALIZED_UNION).filter(|_| self.rules.generalized_sum_types);
        let name = match (generalized, &schema.name) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => {
                let name = name.strip_prefix(names::UNION_PREFIX).unwrap_or(name).to_owned();
                self.unqualified(Some(&name))
            }
            (None, None) => self.unqualified(None),
        };
        let oneof = message.oneofs.len();
        message.oneofs.push(name);
        for (member, field) in schema.fields.iter().enumerate() {
            let number = number(&field.schema)?.unwrap_or(0);
            let place = (Source::Union(index, member), Role::OneofMember);
            self.field(message, layout, &field.name, number, &field.schema, place)?;
            if let Some(added) = message.fields.last_mut() {
                added.oneof = Some(oneof);
                added.proto3_optional = false;
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        message: &mut Message,
        layout: &mut Layout,
        name: &str,
        number: u32,
        schema: &Arc<Schema>,
        (source, role): (Source, Role),
    ) -> Result<()> {
        let name = self.rules.scrub(name);
        let element = match (schema.kind, &schema.value_schema) {
            (Type::Array, Some(element)) => element,
            _ => schema,
        };
        if element.kind == Type::Array {
            return Err(ConnectError::data(format!("field \"{name}\": Array cannot be nested")));
        }
        let mut field = Field::new(&name, number, FieldType::Message);
        let shape = if element.kind == Type::Map {
            field.label = Label::Repeated;
            let (type_name, fields) = self.map(message, element)?;
            field.type_name = type_name;
            Shape::Map(fields)
        } else {
            let typed = self.typed(message, &mut field, element, role)?;
            (field.kind, field.type_name) = (typed.kind, typed.type_name);
            if schema.kind == Type::Array {
                field.label = Label::Repeated;
                Shape::Repeated(typed.plan)
            } else {
                field.proto3_optional = role == Role::Field && self.rules.optional_for_nullables && schema.optional;
                Shape::One(typed.plan)
            }
        };
        let default = schema
            .default
            .clone()
            .filter(|default| !self.rules.ignore_default_for_nullables && *default != Value::Null);
        layout.fields.push(Entry {
            number,
            source,
            shape,
            has_presence: field.proto3_optional || role == Role::OneofMember,
            default,
            name: name.into(),
        });
        message.fields.push(field);
        Ok(())
    }

    /// A field that is no map.
    fn typed(&mut self, message: &mut Message, field: &mut Field, schema: &Arc<Schema>, role: Role) -> Result<Typed> {
        if let Some(known) = WellKnown::of_schema(schema) {
            if known == WellKnown::Decimal {
                for (name, parameter) in [("precision", names::PRECISION), ("scale", "scale")] {
                    if let Some(value) = schema.parameters.get(parameter) {
                        field.meta.params.insert(name.to_owned(), value.clone());
                    }
                }
            }
            let (type_name, file) = known.message();
            self.import(file);
            return Ok(Typed {
                kind: FieldType::Message,
                type_name: type_name.to_owned(),
                plan: Kind::WellKnown(known),
            });
        }
        if let Some(symbols) = enum_name(schema) {
            return self.symbols(message, schema, &symbols);
        }
        if schema.kind == Type::Struct {
            return self.nested(message, &field.name, schema);
        }
        match schema.kind {
            Type::Int8 => drop(field.meta.params.insert("connect.type".to_owned(), "int8".to_owned())),
            Type::Int16 => drop(field.meta.params.insert("connect.type".to_owned(), "int16".to_owned())),
            _ => {}
        }
        let named = schema.parameters.get(names::TYPE).filter(|_| matches!(schema.kind, Type::Int32 | Type::Int64));
        let scalar = match named {
            None => scalar_of(schema.kind),
            Some(name) => {
                FieldType::scalar(name).filter(|kind| super::to_connect::scalar_type(*kind) == schema.kind).ok_or_else(
                    || ConnectError::data(format!("field \"{}\" cannot be of the Protobuf type {name}", field.name)),
                )?
            }
        };
        let is_wrapped = self.rules.wrapper_for_nullables
            && schema.optional
            && (role != Role::OneofMember || schema.parameters.get(names::WRAPPER).is_some_and(|flag| flag == "true"));
        if !is_wrapped {
            return Ok(Typed { kind: scalar, type_name: String::new(), plan: Kind::Scalar(scalar) });
        }
        let inner = wrapped_type(scalar);
        let (type_name, _) = names::wrapper_of(inner.name())
            .ok_or_else(|| ConnectError::data(format!("no wrapper holds the Protobuf type {}", inner.name())))?;
        self.import(names::WRAPPERS_FILE);
        Ok(Typed { kind: FieldType::Message, type_name: type_name.to_owned(), plan: Kind::Wrapper(inner) })
    }

    fn nested(&mut self, message: &mut Message, field: &str, schema: &Arc<Schema>) -> Result<Typed> {
        if let Some((type_name, index)) = self.structs.find(schema) {
            return Ok(Typed { kind: FieldType::Message, type_name, plan: Kind::Again(index) });
        }
        let mut name = self.unqualified(schema.name.as_deref());
        if name == field {
            // A message and a field of one message cannot have the same name.
            name.push_str("Message");
        }
        let (nested, layout) = self.message(&name, schema)?;
        define(&mut message.messages, nested, |message| &message.name)?;
        let plan = Kind::Message(Arc::clone(schema), layout);
        Ok(Typed { kind: FieldType::Message, type_name: name, plan })
    }

    fn symbols(&mut self, message: &mut Message, schema: &Schema, symbols: &EnumName<'_>) -> Result<Typed> {
        let mut found = Enum::default();
        let prefix = format!("{}.", symbols.parameter);
        for (key, number) in &schema.parameters {
            if let Some(symbol) = key.strip_prefix(&prefix) {
                let number = number.parse().map_err(|_| {
                    ConnectError::data(format!("the number of the enum's symbol {symbol} is {number}, which is none"))
                })?;
                found.values.push((symbol.to_owned(), number));
            }
        }
        found.name = match &schema.name {
            Some(name) => self.unqualified(Some(name)),
            None => symbols.name.to_owned(),
        };
        let type_name = found.name.clone();
        let plan = if schema.kind == Type::String {
            Kind::Symbols(Arc::new(found.values.iter().cloned().collect::<HashMap<_, _>>()))
        } else {
            Kind::Scalar(FieldType::Enum)
        };
        define(&mut message.enums, found, |found| &found.name)?;
        Ok(Typed { kind: FieldType::Enum, type_name, plan })
    }

    /// A map is a repeated message of a key and a value.
    fn map(&mut self, message: &mut Message, schema: &Schema) -> Result<(String, Box<[Entry; 2]>)> {
        let (Some(key), Some(value)) = (&schema.key_schema, &schema.value_schema) else {
            return Err(ConnectError::data("the schema of a map has no schema for its parts"));
        };
        let type_name = case::map_entry(&self.unqualified(schema.name.as_deref()));
        let mut entry = Message { name: type_name.clone(), ..Message::default() };
        let mut layout = Layout::default();
        for (number, name, part) in [(1, "key", key), (2, "value", value)] {
            if matches!(part.kind, Type::Map) {
                return Err(ConnectError::data("a map in a map has no form in Protobuf"));
            }
            self.field(&mut entry, &mut layout, name, number, part, (Source::Field(0), Role::MapEntry))?;
        }
        check(&entry)?;
        define(&mut message.messages, entry, |message| &message.name)?;
        let [key, value] = <[Entry; 2]>::try_from(layout.fields)
            .map_err(|_| ConnectError::data("a map's entry has a key and a value"))?;
        Ok((type_name, Box::new([key, value])))
    }

    fn import(&mut self, file: &'static str) {
        if !self.imports.contains(&file) {
            self.imports.push(file);
        }
    }

    fn name_or_default(&mut self, name: Option<&str>) -> String {
        match name.filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => {
                self.names += 1;
                format!("ConnectDefault{}", self.names)
            }
        }
    }

    fn unqualified(&mut self, name: Option<&str>) -> String {
        let name = self.name_or_default(name);
        self.rules.scrub(name.rsplit('.').next().unwrap_or(&name))
    }
}

struct EnumName<'s> {
    parameter: &'static str,
    name: &'s str,
}

fn enum_name(schema: &Schema) -> Option<EnumName<'_>> {
    if !matches!(schema.kind, Type::String | Type::Int32) {
        return None;
    }
    [names::GENERALIZED_ENUM, names::ENUM].into_iter().find_map(|parameter| {
        let name = schema.parameters.get(parameter).filter(|name| !name.is_empty())?;
        Some(EnumName { parameter, name })
    })
}

/// The number that a field's schema brings.
fn number(schema: &Schema) -> Result<Option<u32>> {
    let Some(text) = schema.parameters.get(names::TAG) else { return Ok(None) };
    match text.parse() {
        Ok(number @ 1..=0x1FFF_FFFF) => Ok(Some(number)),
        _ => Err(ConnectError::data(format!("{text} is no number that a Protobuf field can have"))),
    }
}

/// Gives numbers to the members of unions that have none.
fn number_members(message: &mut Message, layout: &mut Layout) {
    let mut next = message.fields.iter().map(|field| field.number).max().unwrap_or(0) + 1;
    for (field, entry) in message.fields.iter_mut().zip(&mut layout.fields) {
        if field.number == 0 {
            (field.number, entry.number) = (next, next);
            next += 1;
        }
    }
}

/// Adds a nested type, unless it is there.
fn define<T: PartialEq>(types: &mut Vec<T>, new: T, name: impl Fn(&T) -> &str) -> Result<()> {
    match types.iter().find(|known| name(known) == name(&new)) {
        Some(known) if *known == new => Ok(()),
        Some(_) => Err(ConnectError::data(format!("two different schemas have the name {}", name(&new)))),
        None => {
            types.push(new);
            Ok(())
        }
    }
}

/// What would make the message's text invalid.
fn check(message: &Message) -> Result<()> {
    let (mut numbers, mut names) = (HashSet::new(), HashSet::new());
    let named = message.fields.iter().map(|field| &field.name).chain(&message.oneofs);
    for name in named {
        if !is_identifier(name) {
            return Err(invalid_name(name));
        }
        if !names.insert(name) {
            return Err(ConnectError::data(format!("the name {name} comes twice in the message {}", message.name)));
        }
    }
    match message.fields.iter().find(|field| !numbers.insert(field.number)) {
        None => Ok(()),
        Some(twice) => Err(ConnectError::data(format!(
            "Field number {} has already been used in \"{}\" when the field \"{}\" came",
            twice.number, message.name, twice.name
        ))),
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn invalid_name(name: &str) -> ConnectError {
    ConnectError::data(format!("\"{name}\" is not a valid identifier; scrub.invalid.names=true makes names valid"))
}

/// The Protobuf type of a scalar.
fn scalar_of(kind: Type) -> FieldType {
    match kind {
        Type::Int8 | Type::Int16 | Type::Int32 => FieldType::Int32,
        Type::Int64 => FieldType::Int64,
        Type::Float32 => FieldType::Float,
        Type::Float64 => FieldType::Double,
        Type::Boolean => FieldType::Bool,
        Type::String => FieldType::String,
        Type::Bytes => FieldType::Bytes,
        Type::Array | Type::Map | Type::Struct => FieldType::Message,
    }
}

/// What the wrapper for a scalar holds.
fn wrapped_type(scalar: FieldType) -> FieldType {
    match scalar {
        FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32 => FieldType::Int32,
        FieldType::Uint32 | FieldType::Fixed32 => FieldType::Uint32,
        FieldType::Uint64 | FieldType::Fixed64 => FieldType::Uint64,
        FieldType::Int64 | FieldType::Sint64 | FieldType::Sfixed64 => FieldType::Int64,
        other => other,
    }
}
