//! Connect's schemas as Parquet's: what `AvroData` and then parquet-avro's `AvroSchemaConverter` make of them, as
//! Confluent's connector has it (parquet-avro 1.13 to 1.15).

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Result, Schema, Type as Connect};
use longshore_formats::AvroOptions;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::{PrimitiveTypeBuilder, Type, TypePtr};

use super::plan::{MAX_DEPTH, in_field};

/// The name that `AvroData` gives to a struct without one.
const DEFAULT_NAME: &str = "io.confluent.connect.avro.ConnectDefault";

/// The message of a struct's schema.
///
/// # Errors
/// Kind BadRecord: it has no form in Parquet; the text names the field.
pub(super) fn message(schema: &Schema, options: AvroOptions) -> Result<Type> {
    let writer = Writer { options, has_wrapped_elements: has_optional_elements(schema, 0) };
    let fields = writer.fields(schema, 0)?;
    let name = schema.name.as_deref().unwrap_or(DEFAULT_NAME);
    Type::group_type_builder(name).with_fields(fields).build().map_err(no_schema)
}

/// Whether an array has elements that may be null. Then all lists of the file have the newer form of three levels:
/// the older one, which parquet-avro has by default, knows no null.
fn has_optional_elements(schema: &Schema, depth: usize) -> bool {
    let inner = |schema: &Schema| depth < MAX_DEPTH && has_optional_elements(schema, depth + 1);
    match (schema.kind, &schema.value_schema) {
        (Connect::Struct, _) => schema.fields.iter().any(|field| inner(&field.schema)),
        (Connect::Map, Some(values)) => inner(values),
        (Connect::Array, Some(elements)) => elements.optional || inner(elements),
        _ => false,
    }
}

struct Writer {
    options: AvroOptions,
    has_wrapped_elements: bool,
}

impl Writer {
    fn fields(&self, schema: &Schema, depth: usize) -> Result<Vec<TypePtr>> {
        let field = |(index, field): (usize, &longshore_api::Field)| {
            // A union is a group of which one member is there.
            let of_union = AvroOptions::is_union(schema).then(|| format!("member{index}"));
            let name = of_union.as_deref().unwrap_or(&field.name);
            let repetition = repetition(field.schema.optional || of_union.is_some());
            in_field(self.field(name, &field.schema, repetition, depth + 1), &field.name)
        };
        schema.fields.iter().enumerate().map(field).collect()
    }

    fn field(&self, name: &str, schema: &Schema, repetition: Repetition, depth: usize) -> Result<TypePtr> {
        if depth > MAX_DEPTH {
            return Err(ConnectError::data(format!(
                "the schema is recursive, or nested deeper than {MAX_DEPTH} types, which Parquet does not know"
            )));
        }
        let primitive = |physical| Type::primitive_type_builder(name, physical).with_repetition(repetition);
        let plain = |physical| Ok(primitive(physical).build().map_err(no_schema)?.into());
        match schema.kind {
            Connect::Int8 | Connect::Int16 | Connect::Int32 => {
                annotated(primitive(Physical::INT32), number_type(schema))
            }
            Connect::Int64 => annotated(primitive(Physical::INT64), number_type(schema)),
            Connect::Float32 => plain(Physical::FLOAT),
            Connect::Float64 => plain(Physical::DOUBLE),
            Connect::Boolean => plain(Physical::BOOLEAN),
            Connect::String => {
                let logical = if self.options.is_enum(schema) { LogicalType::Enum } else { LogicalType::String };
                annotated(primitive(Physical::BYTE_ARRAY), Some(logical))
            }
            Connect::Bytes => bytes(name, repetition, schema),
            Connect::Struct => {
                let fields = self.fields(schema, depth)?;
                group(name, repetition, None, fields)
            }
            Connect::Array => {
                let element = part(&schema.value_schema)?;
                self.list(
                    name,
                    repetition,
                    |name, repetition| self.field(name, element, repetition, depth + 1),
                    element,
                )
            }
            Connect::Map => self.map(name, schema, repetition, depth),
        }
    }

    /// A list around what `element` gives for a name and a repetition.
    fn list(
        &self,
        name: &str,
        repetition_of_list: Repetition,
        element: impl Fn(&str, Repetition) -> Result<TypePtr>,
        schema: &Schema,
    ) -> Result<TypePtr> {
        let repeated = match self.has_wrapped_elements {
            false => element("array", Repetition::REPEATED)?,
            true => {
                let element = element("element", repetition(schema.optional))?;
                group("list", Repetition::REPEATED, None, vec![element])?
            }
        };
        group(name, repetition_of_list, Some(LogicalType::List), vec![repeated])
    }

    /// A map with strings as keys; any other is a list of its entries.
    fn map(&self, name: &str, schema: &Schema, repetition_of_map: Repetition, depth: usize) -> Result<TypePtr> {
        let (keys, values) = (part(&schema.key_schema)?, part(&schema.value_schema)?);
        let value = self.field("value", values, repetition(values.optional), depth + 1)?;
        if self.options.is_map(schema) {
            let key = Type::primitive_type_builder("key", Physical::BYTE_ARRAY).with_repetition(Repetition::REQUIRED);
            let key = annotated(key, Some(LogicalType::String))?;
            let entry = group("key_value", Repetition::REPEATED, None, vec![key, value])?;
            return group(name, repetition_of_map, Some(LogicalType::Map), vec![entry]);
        }
        let key = self.field("key", keys, repetition(keys.optional), depth + 1)?;
        let entry = |name: &str, repetition| group(name, repetition, None, vec![Arc::clone(&key), Arc::clone(&value)]);
        self.list(name, repetition_of_map, entry, &Schema::new(Connect::Struct))
    }
}

fn repetition(is_optional: bool) -> Repetition {
    if is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED }
}

fn number_type(schema: &Schema) -> Option<LogicalType> {
    match (schema.logical_name()?, schema.kind) {
        (logical::DATE, Connect::Int32) => Some(LogicalType::Date),
        (logical::TIME, Connect::Int32) => Some(LogicalType::time(true, TimeUnit::MILLIS)),
        (logical::TIMESTAMP, Connect::Int64) => Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        _ => None,
    }
}

fn bytes(name: &str, repetition: Repetition, schema: &Schema) -> Result<TypePtr> {
    let (physical, length) = match AvroOptions::fixed_size(schema) {
        Some(size) => (Physical::FIXED_LEN_BYTE_ARRAY, i32::try_from(size).unwrap_or(-1)),
        None => (Physical::BYTE_ARRAY, -1),
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition).with_length(length);
    if schema.logical_name() != Some(logical::DECIMAL) {
        return annotated(builder, None);
    }
    let (precision, scale) = AvroOptions::decimal(schema)?;
    let decimal = Some(LogicalType::decimal(scale, precision));
    annotated(builder.with_precision(precision).with_scale(scale), decimal)
}

fn annotated(builder: PrimitiveTypeBuilder<'_>, logical: Option<LogicalType>) -> Result<TypePtr> {
    Ok(builder.with_logical_type(logical).build().map_err(no_schema)?.into())
}

fn group(name: &str, repetition: Repetition, logical: Option<LogicalType>, fields: Vec<TypePtr>) -> Result<TypePtr> {
    let builder = Type::group_type_builder(name).with_repetition(repetition).with_logical_type(logical);
    Ok(builder.with_fields(fields).build().map_err(no_schema)?.into())
}

fn part(schema: &Option<Arc<Schema>>) -> Result<&Schema> {
    schema.as_deref().ok_or_else(|| ConnectError::data("an array or a map without the schema of its parts"))
}

fn no_schema(error: parquet::errors::ParquetError) -> ConnectError {
    ConnectError::data(format!("the schema has no form in Parquet: {error}"))
}
