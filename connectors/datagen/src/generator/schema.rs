//! The Connect schema of an Avro type, as Connect's Avro converter makes it.

use std::sync::Arc;

use longshore_api::schema::logical as names;
use longshore_api::{Field, Schema, Type};

use super::literal;
use crate::avro::{Avro, AvroField, Kind, Logical, branch_name};

/// Name of the struct that stands for a union of several types.
const UNION: &str = "io.confluent.connect.avro.Union";
/// Parameter that holds an enumeration's name, and begins those of its symbols.
const ENUM: &str = "io.confluent.connect.avro.Enum";

/// The schema of a type.
///
/// # Errors
/// A default does not fit its field.
pub(super) fn of(avro: &Avro) -> Result<Arc<Schema>, String> {
    build(avro, "schema").map(Arc::new)
}

fn build(avro: &Avro, path: &str) -> Result<Schema, String> {
    let mut schema = match &avro.kind {
        // A field that can only be null.
        Kind::Null => Schema::optional(Type::String),
        Kind::Boolean => Schema::new(Type::Boolean),
        Kind::Int | Kind::Long | Kind::Bytes | Kind::Fixed(_) => logical(avro),
        Kind::Float => Schema::new(Type::Float32),
        Kind::Double => Schema::new(Type::Float64),
        Kind::String => Schema::new(Type::String),
        Kind::Enum(symbols) => enumeration(avro, symbols),
        Kind::Array(item) => Schema::array(Arc::new(build(item, &format!("{path}.items"))?)),
        Kind::Map(value) => {
            Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(build(value, &format!("{path}.values"))?))
        }
        Kind::Record(fields) => record(avro, fields, path)?,
        Kind::Union(branches) => union(branches, path)?,
    };
    if let Some(name) = &avro.connect_name {
        schema.name = Some(name.as_str().into());
    }
    schema.version = avro.connect_version.or(schema.version);
    if let Some(doc) = &avro.doc {
        schema.doc = Some(doc.as_str().into());
    }
    Ok(schema)
}

fn logical(avro: &Avro) -> Schema {
    let versioned = |kind, name: &str| Schema { version: Some(1), ..Schema::new(kind).named(name) };
    match (avro.logical, &avro.kind) {
        (Some(Logical::Decimal { precision, scale }), _) => {
            let mut schema = versioned(Type::Bytes, names::DECIMAL);
            schema.parameters.insert("scale".to_owned(), scale.to_string());
            schema.parameters.insert("connect.decimal.precision".to_owned(), precision.to_string());
            schema
        }
        (Some(Logical::Date), _) => versioned(Type::Int32, names::DATE),
        (Some(Logical::TimeMillis), _) => versioned(Type::Int32, names::TIME),
        (Some(Logical::TimestampMillis), _) => versioned(Type::Int64, names::TIMESTAMP),
        (_, Kind::Int) => Schema::new(Type::Int32),
        (_, Kind::Long) => Schema::new(Type::Int64),
        (_, Kind::Fixed(size)) => {
            let mut schema = Schema::new(Type::Bytes);
            schema.name = avro.name.as_deref().map(Into::into);
            schema.parameters.insert("connect.fixed.size".to_owned(), size.to_string());
            schema
        }
        _ => Schema::new(Type::Bytes),
    }
}

fn enumeration(avro: &Avro, symbols: &[Arc<str>]) -> Schema {
    let mut schema = Schema::new(Type::String);
    schema.parameters.insert(ENUM.to_owned(), avro.name.clone().unwrap_or_default());
    for symbol in symbols {
        schema.parameters.insert(format!("{ENUM}.{symbol}"), symbol.to_string());
    }
    schema
}

fn record(avro: &Avro, fields: &[AvroField], path: &str) -> Result<Schema, String> {
    let mut built = Vec::with_capacity(fields.len());
    for field in fields {
        let path = format!("{path}.{}", field.name);
        let mut schema = build(&field.avro, &path)?;
        if let Some(doc) = &field.doc {
            schema.doc = Some(doc.as_str().into());
        }
        if let Some(default) = field.default.as_ref().filter(|default| !default.is_null()) {
            let bare = Arc::new(schema.clone());
            schema.default = Some(literal::value(&field.avro, &bare, default, &format!("{path}.default"))?);
        }
        built.push(Field::new(Arc::clone(&field.name), schema));
    }
    let mut schema = Schema::structure(built);
    schema.name = avro.name.as_deref().map(Into::into);
    Ok(schema)
}

/// A type that may be null is optional; of several others one is the field of a struct.
fn union(branches: &[Arc<Avro>], path: &str) -> Result<Schema, String> {
    let optional = branches.iter().any(|branch| matches!(branch.kind, Kind::Null));
    let typed: Vec<_> = branches.iter().filter(|branch| !matches!(branch.kind, Kind::Null)).collect();
    let mut schema = match typed.as_slice() {
        [] => Schema::optional(Type::String),
        [only] => build(only, path)?,
        several => {
            let mut fields = Vec::with_capacity(several.len());
            for branch in several {
                let name = short_name(branch);
                if fields.iter().any(|field: &Field| *field.name == *name) {
                    return Err(format!("{path}: two branches of the union are both called {name:?}"));
                }
                fields.push(Field::new(name, Schema { optional: true, ..build(branch, &format!("{path}.{name}"))? }));
            }
            Schema::structure(fields).named(UNION)
        }
    };
    schema.optional |= optional;
    Ok(schema)
}

fn short_name(avro: &Avro) -> &str {
    let name = branch_name(avro);
    name.rsplit_once('.').map_or(name, |(_, short)| short)
}
