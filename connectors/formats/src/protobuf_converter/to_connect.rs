//! From messages to Connect's schemas, and the plans by which records are read.
//!
//! A message that is used within itself has, where it is used again, a schema without fields, of the same name; its
//! values carry the full one.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Field, Map, Result, Schema, Struct, Type, Value};

use super::descriptor::{FieldType, Label};
use super::linked::{EnumType, Linked, LinkedField, MessageType, Target};
use super::names::{self, WellKnown};
use super::plan::{Entry, Into, Kind, Layout, MapEntry, Message, Place, Plan, Scalar, Shape, Symbols};
use super::{Rules, case, decode};

/// The plan for records that are messages of an index in `linked`.
///
/// Differs from Apache Connect: a group of proto2 is a struct, and with `generate.struct.for.nulls` a message that is
/// missing within itself is null, as there would be no end to it.
pub(super) fn plan(linked: &Linked, message: usize, version: Option<i32>, rules: &Rules) -> Result<Plan> {
    let root = &linked.messages[message];
    if let Some(scalar) = names::wrapped_scalar(&root.full_name).filter(|_| rules.wrapper_for_raw_primitives) {
        let scalar = usual(scalar);
        let schema = Schema { version, ..Schema::new(scalar_type(scalar.kind)) };
        let schema = Arc::new(schema);
        return Ok(Plan { schema, layout: Arc::default(), unwrapped: Some(scalar), again: Vec::new() });
    }
    let mut context = Context { linked, rules, known: HashMap::new(), open: Vec::new(), again: Vec::new() };
    let built = context.message(message)?;
    let again = context.again.iter().map(|index| {
        let built = &context.known[index];
        let schema = Schema { optional: true, ..context.structure(&linked.messages[*index], built) };
        Message { schema: Arc::new(schema), layout: Arc::clone(&built.layout) }
    });
    let again = again.collect();
    let schema = Schema { version, ..context.structure(root, &built) };
    Ok(Plan { schema: Arc::new(schema), layout: built.layout, unwrapped: None, again })
}

struct Context<'l> {
    linked: &'l Linked,
    rules: &'l Rules,
    /// A message is worked out once, for all its places.
    known: HashMap<usize, Built>,
    /// The messages that are being worked out: who needs one of them stands within it.
    open: Vec<usize>,
    /// Those of them that were needed.
    again: Vec<usize>,
}

#[derive(Clone)]
struct Built {
    fields: Arc<Vec<Field>>,
    layout: Arc<Layout>,
}

/// A field's schema, how it is read, and the value of one that is not in the bytes.
struct Typed {
    schema: Arc<Schema>,
    shape: Shape,
    missing: Value,
}

/// The same before the field's label and place are looked at.
struct Draft {
    schema: Schema,
    shape: Shape,
    missing: Value,
}

impl Draft {
    /// The schema as it is now; structs that are read get this very one, so that nobody has to compare schemas.
    fn share(&mut self) -> Arc<Schema> {
        let shared = Arc::new(self.schema.clone());
        if let Shape::One(Kind::Message(schema, _) | Kind::Group(schema, _)) = &mut self.shape {
            *schema = Arc::clone(&shared);
        }
        if let Value::Struct(missing) = &mut self.missing {
            missing.schema = Arc::clone(&shared);
        }
        shared
    }
}

impl Context<'_> {
    fn message(&mut self, index: usize) -> Result<Built> {
        if let Some(built) = self.known.get(&index) {
            return Ok(built.clone());
        }
        let message = &self.linked.messages[index];
        if self.open.len() >= 100 {
            return Err(ConnectError::data("a Protobuf schema of more than 100 levels"));
        }
        self.open.push(index);
        let built = self.fields(message);
        self.open.pop();
        let built = built?;
        self.known.insert(index, built.clone());
        Ok(built)
    }

    /// The fields of a message: those of its `oneof`s first, then the others as they are declared.
    fn fields(&mut self, message: &MessageType) -> Result<Built> {
        let mut fields = Vec::new();
        let mut layout = Layout::default();
        for (oneof, name) in message.oneofs.iter().enumerate() {
            let members: Vec<_> = message.fields.iter().filter(|field| field.field.oneof == Some(oneof)).collect();
            if members.is_empty() {
                continue;
            }
            if self.rules.flatten_unions {
                let first = fields.len();
                for member in members {
                    let typed = self.typed(message, member, true)?;
                    let place = Place::Flattened(layout.flattened.len(), fields.len());
                    layout.fields.push(Entry { number: member.field.number, place, shape: typed.shape });
                    fields.push(Field::new(member.field.name.as_str(), typed.schema));
                    layout.empty.push(Value::Null);
                }
                layout.flattened.push((first..fields.len()).collect());
            } else {
                let schema = Arc::new(self.union(message, name, &members, &mut layout)?);
                let index = if self.rules.generate_index_for_unions { format!("_{oneof}") } else { String::new() };
                layout.unions.push((fields.len(), Arc::clone(&schema)));
                layout.empty.push(Value::Null);
                fields.push(Field { name: format!("{name}{index}").into(), schema });
            }
        }
        for field in message.fields.iter().filter(|field| field.field.oneof.is_none()) {
            let typed = self.typed(message, field, false)?;
            let place = Place::Field(fields.len());
            layout.fields.push(Entry { number: field.field.number, place, shape: typed.shape });
            layout.empty.push(typed.missing);
            fields.push(Field::new(field.field.name.as_str(), typed.schema));
            if field.field.label == Label::Required {
                layout.required.push((field.field.name.clone(), field.field.number));
            }
        }
        layout.fields.sort_by_key(|entry| entry.number);
        layout.has_maps = layout.fields.iter().any(|entry| entry.shape.has_maps());
        check_names(message, &fields)?;
        Ok(Built { fields: Arc::new(fields), layout: Arc::new(layout) })
    }

    fn union(
        &mut self,
        message: &MessageType,
        name: &str,
        members: &[&LinkedField],
        layout: &mut Layout,
    ) -> Result<Schema> {
        let mut schema = Schema::optional(Type::Struct);
        if self.rules.generalized_sum_types {
            schema.name = Some(name.into());
            schema.parameters.insert(names::GENERALIZED_UNION.to_owned(), name.to_owned());
        } else {
            let shown = if self.rules.enhanced { format!("{}.{name}", message.full_name) } else { name.to_owned() };
            schema.name = Some(format!("{}{shown}", names::UNION_PREFIX).into());
        }
        for (index, member) in members.iter().enumerate() {
            let typed = self.typed(message, member, true)?;
            let place = Place::Union(layout.unions.len(), index);
            layout.fields.push(Entry { number: member.field.number, place, shape: typed.shape });
            schema.fields.push(Field::new(member.field.name.as_str(), typed.schema));
        }
        Ok(schema)
    }

    fn structure(&self, message: &MessageType, built: &Built) -> Schema {
        Schema::structure(built.fields.to_vec()).named(self.name(message))
    }

    fn name<'m>(&self, message: &'m MessageType) -> &'m str {
        if self.rules.enhanced { &message.full_name } else { &message.name }
    }

    /// A message within itself.
    fn again(&mut self, message: usize, linked: &LinkedField) -> Draft {
        let index = self.again.iter().position(|known| *known == message).unwrap_or_else(|| {
            self.again.push(message);
            self.again.len() - 1
        });
        let schema = Schema::optional(Type::Struct).named(self.name(&self.linked.messages[message]));
        let kind = Kind::Again { index, is_group: linked.field.kind == FieldType::Group };
        Draft { schema, shape: Shape::One(kind), missing: Value::Null }
    }

    /// The schema of a field and how it is read.
    fn typed(&mut self, message: &MessageType, linked: &LinkedField, in_oneof: bool) -> Result<Typed> {
        let field = &linked.field;
        let mut draft = match linked.target {
            Target::Scalar => self.scalar(message, linked),
            Target::Enum(index) => self.symbols(&self.linked.enums[index], linked),
            Target::Message(index) => self.nested(index, linked)?,
        };
        let is_map = matches!(draft.shape, Shape::Map(_));
        if field.label == Label::Repeated && !is_map {
            draft.schema.optional = true;
            let element = draft.share();
            draft.schema = Schema { optional: true, ..Schema::array(element) };
            draft.missing = Value::Array(Vec::new());
            draft.shape = match draft.shape {
                Shape::One(kind) => Shape::Repeated(kind),
                other => other,
            };
        } else if !is_map && self.has_presence(message, linked) {
            draft.missing = Value::Null;
        }
        if in_oneof {
            draft.schema.optional = true;
            if matches!(draft.shape, Shape::One(Kind::Wrapper(_))) {
                draft.schema.parameters.insert(names::WRAPPER.to_owned(), "true".to_owned());
            }
        } else if self.rules.optional_for_nullables {
            draft.schema.optional |= is_keyword_optional(message, linked);
        } else if !self.rules.wrapper_for_nullables {
            draft.schema.optional = true;
        }
        draft.schema.parameters.insert(names::TAG.to_owned(), field.number.to_string());
        let schema = draft.share();
        Ok(Typed { schema, shape: draft.shape, missing: draft.missing })
    }

    /// Whether a field that is not in the bytes is null.
    fn has_presence(&self, message: &MessageType, linked: &LinkedField) -> bool {
        match linked.target {
            Target::Message(_) => !self.rules.generate_struct_for_nulls,
            _ => {
                let optional = linked.field.proto3_optional
                    || self.rules.optional_for_proto2 && is_keyword_optional(message, linked);
                optional && !self.rules.generate_struct_for_nulls
            }
        }
    }

    fn scalar(&self, message: &MessageType, linked: &LinkedField) -> Draft {
        let field = &linked.field;
        let is_int32 = matches!(field.kind, FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32);
        let into = match field.meta.params.get("connect.type").map(String::as_str).filter(|_| is_int32) {
            Some("int8") => Into::Int8,
            Some("int16") => Into::Int16,
            _ => Into::Usual,
        };
        let mut schema = Schema::new(match into {
            Into::Int8 => Type::Int8,
            Into::Int16 => Type::Int16,
            _ => scalar_type(field.kind),
        });
        let is_integer = matches!(schema.kind, Type::Int32 | Type::Int64);
        if is_integer && !matches!(field.kind, FieldType::Int32 | FieldType::Int64) {
            schema.parameters.insert(names::TYPE.to_owned(), field.kind.name().to_owned());
        }
        let scalar = Scalar { kind: field.kind, into };
        let default = field.default.as_deref().filter(|_| !message.is_proto3);
        let missing = default.and_then(|text| default_value(text, &scalar)).unwrap_or_else(|| decode::zero(&scalar));
        Draft { schema, shape: Shape::One(Kind::Scalar(scalar)), missing }
    }

    fn symbols(&self, found: &EnumType, linked: &LinkedField) -> Draft {
        let rules = self.rules;
        let mut schema = Schema::optional(if rules.int_for_enums { Type::Int32 } else { Type::String });
        schema.name = Some(if rules.enhanced { found.full_name.as_str() } else { &found.name }.into());
        let parameter = if rules.generalized_sum_types { names::GENERALIZED_ENUM } else { names::ENUM };
        schema.parameters.insert(parameter.to_owned(), found.name.clone());
        let mut symbols: Vec<(i32, Arc<str>)> = Vec::new();
        for (symbol, number) in &found.values {
            schema.parameters.insert(format!("{parameter}.{symbol}"), number.to_string());
            if !symbols.iter().any(|(known, _)| known == number) {
                symbols.push((*number, Arc::from(symbol.as_str())));
            }
        }
        let first = found.values.first().map_or(0, |(_, number)| *number);
        let named = linked.field.default.as_ref();
        let named = named.and_then(|name| found.values.iter().find(|(symbol, _)| symbol == name));
        let default = named.map_or(first, |(_, number)| *number);
        symbols.sort_by_key(|(number, _)| *number);
        let symbols = Arc::new(Symbols { name: found.name.clone(), symbols, is_open: found.is_open });
        let into = if rules.int_for_enums { Into::Numbers(symbols) } else { Into::Symbols(symbols) };
        let missing = decode::symbol(default, &into).unwrap_or(Value::Null);
        Draft { schema, shape: Shape::One(Kind::Scalar(Scalar { kind: FieldType::Enum, into })), missing }
    }

    fn nested(&mut self, index: usize, linked: &LinkedField) -> Result<Draft> {
        let message = &self.linked.messages[index];
        if let Some(known) = WellKnown::of_message(&message.full_name) {
            let missing = match known {
                WellKnown::Time | WellKnown::Timestamp => Value::Date(0),
                WellKnown::Decimal | WellKnown::Date => Value::Null,
            };
            let schema = well_known_schema(known, linked);
            return Ok(Draft { schema, shape: Shape::One(Kind::WellKnown(known)), missing });
        }
        let wrapped = names::wrapped_scalar(&message.full_name).filter(|_| self.rules.wrapper_for_nullables);
        if let Some(scalar) = wrapped.map(usual) {
            let missing = decode::zero(&scalar);
            let schema = Schema::optional(scalar_type(scalar.kind));
            return Ok(Draft { schema, shape: Shape::One(Kind::Wrapper(scalar)), missing });
        }
        if let Some([key, value]) = map_fields(message, linked) {
            return self.map(message, key, value);
        }
        if self.open.contains(&index) {
            return Ok(self.again(index, linked));
        }
        let built = self.message(index)?;
        let schema = Schema { optional: true, ..self.structure(message, &built) };
        let own = Arc::new(schema.clone());
        let missing = Value::Struct(Struct { schema: Arc::clone(&own), values: built.layout.empty.clone() });
        let kind = match linked.field.kind {
            FieldType::Group => Kind::Group(own, built.layout),
            _ => Kind::Message(own, built.layout),
        };
        Ok(Draft { schema, shape: Shape::One(kind), missing })
    }

    fn map(&mut self, message: &MessageType, key: &LinkedField, value: &LinkedField) -> Result<Draft> {
        let key_typed = self.typed(message, key, false)?;
        let value_typed = self.typed(message, value, false)?;
        let (Shape::One(Kind::Scalar(key_scalar)), Shape::One(value_kind)) = (key_typed.shape, value_typed.shape)
        else {
            return Err(ConnectError::data(format!("the map {} is not one", message.full_name)));
        };
        let missing = match &value_kind {
            Kind::Scalar(scalar) => decode::zero(scalar),
            Kind::Wrapper(scalar) => decode::zero(scalar),
            Kind::Message(schema, layout) | Kind::Group(schema, layout) => {
                Value::Struct(Struct { schema: Arc::clone(schema), values: layout.empty.clone() })
            }
            Kind::WellKnown(WellKnown::Time | WellKnown::Timestamp) => Value::Date(0),
            // Decoding finds the message that it is.
            Kind::WellKnown(_) | Kind::Again { .. } => Value::Null,
        };
        let name = self.name(message);
        let schema = Schema {
            optional: true,
            name: Some(case::map_field(name).into()),
            ..Schema::map(key_typed.schema, value_typed.schema)
        };
        let shape = Shape::Map(MapEntry { key: key_scalar, value: value_kind, missing });
        Ok(Draft { schema, shape, missing: Value::Map(Map::new()) })
    }
}

/// The key and the value of a message that is an entry of a map, which Confluent's converter tells by its form.
fn map_fields<'m>(message: &'m MessageType, linked: &LinkedField) -> Option<[&'m LinkedField; 2]> {
    let [key, value] = &*message.fields else { return None };
    let is_entry = linked.field.label == Label::Repeated
        && message.name.ends_with("Entry")
        && key.field.name == "key"
        && value.field.name == "value"
        && key.target == Target::Scalar
        && [key, value].iter().all(|field| field.field.label != Label::Repeated);
    is_entry.then_some([key, value])
}

/// Whether a field has the word `optional`.
fn is_keyword_optional(message: &MessageType, linked: &LinkedField) -> bool {
    let field = &linked.field;
    field.proto3_optional || !message.is_proto3 && field.label == Label::Optional && field.oneof.is_none()
}

fn check_names(message: &MessageType, fields: &[Field]) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    match fields.iter().find(|field| !names.insert(&*field.name)) {
        None => Ok(()),
        Some(twice) => Err(ConnectError::data(format!(
            "Cannot create field because of field name duplication {} in {}",
            twice.name, message.full_name
        ))
        .with_class(longshore_api::error::class::SCHEMA_BUILDER)),
    }
}

fn well_known_schema(known: WellKnown, linked: &LinkedField) -> Schema {
    let named = |kind, name: &str| Schema { version: Some(1), ..Schema::optional(kind).named(name) };
    match known {
        WellKnown::Date => named(Type::Int32, logical::DATE),
        WellKnown::Time => named(Type::Int32, logical::TIME),
        WellKnown::Timestamp => named(Type::Int64, logical::TIMESTAMP),
        WellKnown::Decimal => {
            let mut schema = named(Type::Bytes, logical::DECIMAL);
            let number = |name: &str| linked.field.meta.params.get(name)?.parse::<i32>().ok();
            schema.parameters.insert("scale".to_owned(), number("scale").unwrap_or(0).to_string());
            if let Some(precision) = number("precision") {
                schema.parameters.insert(names::PRECISION.to_owned(), precision.to_string());
            }
            schema
        }
    }
}

fn usual(scalar: &str) -> Scalar {
    Scalar { kind: FieldType::scalar(scalar).unwrap_or(FieldType::Bytes), into: Into::Usual }
}

/// The Connect type of a scalar.
pub(super) fn scalar_type(kind: FieldType) -> Type {
    match kind {
        FieldType::Int32 | FieldType::Sint32 | FieldType::Sfixed32 => Type::Int32,
        FieldType::Float => Type::Float32,
        FieldType::Double => Type::Float64,
        FieldType::Bool => Type::Boolean,
        FieldType::String | FieldType::Enum => Type::String,
        FieldType::Bytes => Type::Bytes,
        FieldType::Group | FieldType::Message | FieldType::Named => Type::Struct,
        _ => Type::Int64,
    }
}

/// A default of proto2 as a descriptor spells it.
fn default_value(text: &str, scalar: &Scalar) -> Option<Value> {
    let number = || text.parse::<i64>().ok().or_else(|| text.parse::<u64>().ok().map(|number| number as i64));
    Some(match (scalar_type(scalar.kind), &scalar.into) {
        (Type::Int32, Into::Int8) => Value::Int8(number()? as i8),
        (Type::Int32, Into::Int16) => Value::Int16(number()? as i16),
        (Type::Int32, _) => Value::Int32(number()? as i32),
        (Type::Int64, _) => Value::Int64(number()?),
        (Type::Float32, _) => Value::Float32(text.parse().ok()?),
        (Type::Float64, _) => Value::Float64(text.parse().ok()?),
        (Type::Boolean, _) => Value::Boolean(text == "true"),
        (Type::String, _) => Value::string(text),
        (Type::Bytes, _) => Value::Bytes(unescaped(text).into()),
        _ => return None,
    })
}

/// The bytes of a default, which a descriptor holds with C's escapes.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(next) = bytes.next_if(|byte| matches!(byte, b'0'..=b'7')) else { break };
                    code = code * 8 + u32::from(next - b'0');
                }
                out.push(code as u8);
            }
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'x') => {
                let digits: String = [bytes.next(), bytes.next()].into_iter().flatten().map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap_or(0));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
