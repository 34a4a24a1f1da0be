//! From documents to structs, whose schemas the documents tell.

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Field, Result, Schema, Struct, Type, Value};

use super::bson::{Bson, Document};
use crate::schemas::{add_field, temporal};

/// How arrays become Connect's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrays {
    /// As arrays, whose elements must be of one type.
    Array,
    /// As structs with fields `_0`, `_1` and so on.
    Document,
}

impl Arrays {
    /// The schema of a document.
    ///
    /// # Errors
    /// DataException: an array whose elements are of several types.
    pub(super) fn schema(self, document: &Document, name: Option<&str>) -> Result<Schema> {
        let mut schema = Schema { name: name.map(Arc::from), ..Schema::new(Type::Struct) };
        for (field, value) in document {
            if schema.field_index(field).is_some() {
                continue;
            }
            // As in Java, where a schema without a name reads `null`.
            let inner = format!("{}.{field}", name.unwrap_or("null"));
            if let Some(of) = self.of_value(value, &inner)? {
                add_field(&mut schema, &field.as_str().into(), Arc::new(of))?;
            }
        }
        Ok(schema)
    }

    /// `None` for what is left out.
    fn of_value(self, value: &Bson, name: &str) -> Result<Option<Schema>> {
        let plain = |kind| Some(Schema::optional(kind));
        Ok(match value {
            Bson::Nothing => None,
            Bson::Null | Bson::Text(_) => plain(Type::String),
            Bson::Boolean(_) => plain(Type::Boolean),
            Bson::Int32(_) => plain(Type::Int32),
            Bson::Int64(_) => plain(Type::Int64),
            Bson::Double(_) => plain(Type::Float64),
            Bson::Binary(_) => plain(Type::Bytes),
            Bson::Date(_) => Some(temporal(logical::TIMESTAMP, true)),
            Bson::Regex { .. } => {
                let text = || Schema::optional(Type::String);
                let fields = vec![Field::new("regex", text()), Field::new("options", text())];
                let schema = Schema { optional: true, ..Schema::structure(fields) };
                Some(schema.named("io.debezium.mongodb.regex"))
            }
            Bson::Document(document) if document.is_empty() => plain(Type::Struct),
            Bson::Document(document) => Some(Schema { optional: true, ..self.schema(document, Some(name))? }),
            Bson::Array(elements) => Some(match self {
                Arrays::Array => {
                    let element = self.element(elements, name)?.unwrap_or(Schema::optional(Type::String));
                    Schema { optional: true, ..Schema::array(Arc::new(element)) }
                }
                Arrays::Document => Schema { optional: true, ..self.schema(&indexed(elements), Some(name))? },
            }),
        })
    }

    /// The one schema of an array's elements.
    fn element(self, elements: &[Bson], name: &str) -> Result<Option<Schema>> {
        let mut found: Option<Schema> = None;
        for element in elements {
            let Some(schema) = self.of_value(element, name)? else { continue };
            found = Some(match found {
                None => schema,
                Some(found) => unified(found, schema).ok_or_else(|| {
                    ConnectError::data(format!("Array elements with different Bson types are not supported: {name}"))
                })?,
            });
        }
        Ok(found)
    }

    /// A document as a struct of its schema.
    pub(super) fn structure(self, document: &Document, schema: &Arc<Schema>) -> Struct {
        let of_field = |field: &Field| {
            let value = document.iter().find(|(name, _)| **name == *field.name);
            value.map_or(Value::Null, |(_, value)| self.value(value, &field.schema))
        };
        Struct { schema: Arc::clone(schema), values: schema.fields.iter().map(of_field).collect() }
    }

    fn value(self, value: &Bson, schema: &Arc<Schema>) -> Value {
        match value {
            Bson::Null | Bson::Nothing => Value::Null,
            Bson::Boolean(value) => Value::Boolean(*value),
            Bson::Int32(value) => Value::Int32(*value),
            Bson::Int64(value) => Value::Int64(*value),
            Bson::Double(value) => Value::Float64(*value),
            Bson::Text(text) => Value::string(text.as_str()),
            Bson::Binary(bytes) => Value::Bytes(bytes.clone().into()),
            Bson::Date(millis) => Value::Date(*millis),
            Bson::Regex { pattern, options } => {
                let values = vec![Value::string(pattern.as_str()), Value::string(options.as_str())];
                Value::Struct(Struct { schema: Arc::clone(schema), values })
            }
            Bson::Document(document) => Value::Struct(self.structure(document, schema)),
            Bson::Array(elements) => match (self, &schema.value_schema) {
                (Arrays::Array, Some(element)) => {
                    Value::Array(elements.iter().map(|value| self.value(value, element)).collect())
                }
                _ => Value::Struct(self.structure(&indexed(elements), schema)),
            },
        }
    }
}

/// The elements under the names that `document` gives them.
fn indexed(elements: &[Bson]) -> Document {
    elements.iter().enumerate().map(|(index, value)| (format!("_{index}"), value.clone())).collect()
}

/// The schema of both: of documents it has the fields of both, of arrays the elements of both.
fn unified(one: Schema, other: Schema) -> Option<Schema> {
    if one == other {
        return Some(one);
    }
    match (one.kind, other.kind) {
        // Documents of one place have one name; a regular expression has another.
        (Type::Struct, Type::Struct) if one.name.is_some() && other.name.is_some() && one.name != other.name => None,
        (Type::Struct, Type::Struct) => {
            let mut merged =
                if one.name.is_some() { one.clone() } else { Schema { fields: one.fields.clone(), ..other.clone() } };
            for field in &other.fields {
                match merged.fields.iter_mut().find(|known| known.name == field.name) {
                    None => merged.fields.push(field.clone()),
                    Some(known) if known.schema == field.schema => {}
                    Some(known) => {
                        let schema = unified(Schema::clone(&known.schema), Schema::clone(&field.schema))?;
                        known.schema = Arc::new(schema);
                    }
                }
            }
            Some(merged)
        }
        (Type::Array, Type::Array) => {
            let (left, right) = (one.value_schema.as_deref()?, other.value_schema.as_deref()?);
            let element = unified(left.clone(), right.clone())?;
            Some(Schema { value_schema: Some(Arc::new(element)), ..one })
        }
        _ => None,
    }
}
