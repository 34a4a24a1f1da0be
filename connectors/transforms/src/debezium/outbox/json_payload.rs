//! From a payload that is a JSON text to a value with a schema, which its content tells.

use std::sync::Arc;

use longshore_api::{Data, Field, Schema, Struct, Type, Value};
use longshore_formats::json::{Node, Reader};
use longshore_formats::validate;

/// What becomes of members that tell no type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Untold {
    /// Null is optional bytes; otherwise it is left out.
    pub(super) keeps_nulls: bool,
}

impl Untold {
    /// The value of an object's or array's text. `None` where it is neither, or no schema describes it.
    pub(super) fn expand(self, name: &str, text: &str) -> Option<Data> {
        if !text.starts_with(['{', '[']) {
            return None;
        }
        let mut reader = Reader::new(text);
        let node = Node::read(&mut reader).ok().filter(|_| reader.is_at_end())?;
        let schema = self.schema(Some(name), &node).ok()??;
        let value = value(&node, &schema)?;
        validate::value(&schema, &value).ok()?;
        Some(Data::new(schema, value))
    }

    /// `Ok(None)` for what is left out, an error for what no schema describes.
    fn schema(self, name: Option<&str>, node: &Node<'_>) -> Result<Option<Arc<Schema>>, Mixed> {
        let plain = |kind| Some(Arc::new(Schema::optional(kind)));
        Ok(match node {
            Node::String(_) => plain(Type::String),
            Node::Boolean(_) => plain(Type::Boolean),
            Node::Number(number) if number.as_i32().is_some() => plain(Type::Int32),
            Node::Number(number) if number.as_i64().is_some() => plain(Type::Int64),
            Node::Number(_) => plain(Type::Float64),
            Node::Null => self.keeps_nulls.then(|| plain(Type::Bytes)).flatten(),
            // Of what, nothing tells.
            Node::Array(elements) if elements.is_empty() => None,
            Node::Array(elements) => {
                let element = self.element(name, elements)?;
                Some(Arc::new(Schema { optional: true, ..Schema::array(element) }))
            }
            Node::Object(members) => {
                let mut schema = Schema { name: name.map(Arc::from), ..Schema::optional(Type::Struct) };
                for (member, node) in members {
                    let inner = match name.filter(|name| !name.trim().is_empty()) {
                        Some(name) => format!("{name}.{member}"),
                        None => member.to_string(),
                    };
                    if let Some(of) = self.schema(Some(&inner), node)? {
                        schema.fields.push(Field::new(&**member, of));
                    }
                }
                Some(Arc::new(schema))
            }
        })
    }

    /// The one schema of an array's elements; that of objects has the members of all.
    fn element(self, name: Option<&str>, elements: &[Node<'_>]) -> Result<Arc<Schema>, Mixed> {
        let mut told = elements.iter().filter(|element| !matches!(element, Node::Null));
        let first = told.clone().next().unwrap_or(&Node::Null);
        let same = |other: &Node<'_>| other.kind_name() == first.kind_name();
        if !told.all(same) {
            return Err(Mixed);
        }
        if let Node::Object(_) = first {
            let objects = elements.iter().filter(|element| matches!(element, Node::Object(_)));
            let mut merged: Option<Schema> = None;
            for object in objects {
                let Some(schema) = self.schema(name, object)? else { continue };
                match &mut merged {
                    None => merged = Some(Schema::clone(&schema)),
                    Some(merged) => merge(merged, &schema),
                }
            }
            return merged.map(Arc::new).ok_or(Mixed);
        }
        let schema = self.schema(None, first)?.ok_or(Mixed)?;
        let is_number = matches!(first, Node::Number(_));
        for other in elements.iter().filter(|_| is_number) {
            if !matches!(other, Node::Null) && self.schema(None, other)?.is_none_or(|other| other != schema) {
                return Err(Mixed);
            }
        }
        Ok(schema)
    }
}

/// An array whose elements no schema describes.
#[derive(Debug)]
struct Mixed;

/// Adds the fields of another object. What was null in the one and is not in the other has the other's type.
fn merge(merged: &mut Schema, other: &Schema) {
    for field in &other.fields {
        match merged.fields.iter_mut().find(|known| known.name == field.name) {
            None => merged.fields.push(field.clone()),
            Some(known) if known.schema.kind == Type::Bytes => known.schema = Arc::clone(&field.schema),
            Some(_) => {}
        }
    }
}

/// `None` where the node does not fit the schema.
fn value(node: &Node<'_>, schema: &Arc<Schema>) -> Option<Value> {
    Some(match (node, schema.kind) {
        (Node::Null, _) => Value::Null,
        (Node::String(text), _) => Value::string(&**text),
        (Node::Boolean(value), _) => Value::Boolean(*value),
        (Node::Number(number), Type::Int32) => Value::Int32(number.as_i32()?),
        (Node::Number(number), Type::Int64) => Value::Int64(number.as_i64()?),
        // An integer that 64 bits do not hold has no schema of its own.
        (Node::Number(number), Type::Float64) if !number.is_integral() => Value::Float64(number.to_f64()),
        (Node::Array(elements), Type::Array) => {
            let element = schema.value_schema.as_ref()?;
            Value::Array(elements.iter().map(|node| value(node, element)).collect::<Option<_>>()?)
        }
        (Node::Object(_), Type::Struct) => {
            let of_field =
                |field: &Field| node.get(&field.name).map_or(Some(Value::Null), |node| value(node, &field.schema));
            let values = schema.fields.iter().map(of_field).collect::<Option<_>>()?;
            Value::Struct(Struct { schema: Arc::clone(schema), values })
        }
        _ => return None,
    })
}
