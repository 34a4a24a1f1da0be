//! `auto.evolve`: columns for fields that have none.

use std::sync::Arc;

use longshore_api::schema::logical;
use longshore_api::{ConnectError, Payload, Schema, Type, Value};

use crate::buffer::Entry;
use crate::client::quoted;
use crate::create::Sample;
use crate::debezium;
use crate::table::Table;

/// What the keys say of added columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evolution {
    /// How often a table is described again until the columns can be seen.
    pub(crate) retries: u32,
    /// Whether structs become columns of the type JSON.
    pub(crate) struct_to_json: bool,
    /// The cluster on which columns are added; empty for the server alone.
    pub(crate) cluster: String,
    /// Whether change events become rows.
    pub(crate) takes_envelopes: bool,
    /// Whether the members of schemaless JSON get columns, too.
    pub(crate) samples_json: bool,
}

/// A statement that adds columns, and their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alter {
    pub(crate) statement: String,
    pub(crate) added: Vec<Arc<str>>,
}

/// The statement that adds a column for each field of the records that has none; `None` if every field has one.
/// Columns are never changed or dropped.
///
/// Differs from the Java connector: the schemas of all records are looked at, not the last one's alone.
///
/// # Errors
/// If a record has no schema, or a field is of a type that has no column.
pub(crate) fn statement(
    table: &Table,
    entries: &[Entry],
    wanted: &[usize],
    evolution: &Evolution,
) -> Result<Option<Alter>, ConnectError> {
    let mut seen: Vec<Arc<Schema>> = Vec::new();
    let mut added: Vec<(Arc<str>, String)> = Vec::new();
    let mut sample = Sample::of(usize::MAX);
    for entry in wanted.iter().filter_map(|index| entries.get(*index)).filter(|entry| !entry.done) {
        let schema = match entry.record().value() {
            Payload::Null => continue,
            Payload::Json(bytes) if evolution.samples_json => {
                sample.add_text(bytes);
                continue;
            }
            Payload::Data(data) => match &data.value {
                Value::Null => continue,
                Value::Map(map) if evolution.samples_json => {
                    sample.add(map);
                    continue;
                }
                Value::Struct(value) => &value.schema,
                _ => return Err(no_schema()),
            },
            _ => return Err(no_schema()),
        };
        if seen.iter().any(|known| Arc::ptr_eq(known, schema)) {
            continue;
        }
        seen.push(Arc::clone(schema));
        for field in &debezium::row_schema(schema, evolution.takes_envelopes).fields {
            if !table.knows(&field.name) && added.iter().all(|(name, _)| *name != field.name) {
                let kind = column_type(&field.schema, evolution.struct_to_json)
                    .map_err(|why| ConnectError::data(format!("auto.evolve: field {}: {why}", field.name)))?;
                added.push((Arc::clone(&field.name), kind));
            }
        }
    }
    for (name, kind) in sample.columns(evolution.struct_to_json) {
        if !table.knows(&name) && added.iter().all(|(known, _)| *known != name) {
            added.push((name, kind));
        }
    }
    if added.is_empty() {
        return Ok(None);
    }
    let cluster = match evolution.cluster.as_str() {
        "" => String::new(),
        cluster => format!(" ON CLUSTER {}", quoted(cluster)),
    };
    let columns: Vec<String> = added
        .iter()
        .map(|(name, kind)| format!("ADD COLUMN IF NOT EXISTS {} {kind}{}", quoted(name), default_of(kind)))
        .collect();
    let statement = format!("ALTER TABLE {}{cluster} {}", table.full_name, columns.join(", "));
    Ok(Some(Alter { statement, added: added.into_iter().map(|(name, _)| name).collect() }))
}

fn no_schema() -> ConnectError {
    ConnectError::data(
        "auto.evolve requires a Connect schema (Avro, Protobuf, or JSON Schema). Schemaless or string records are not \
         supported with auto.evolve=true.",
    )
}

/// What a row without the field gets in a column that cannot be NULL.
fn default_of(kind: &str) -> &'static str {
    match kind {
        _ if kind.starts_with("Array(") => " DEFAULT []",
        _ if kind.starts_with("Map(") => " DEFAULT map()",
        _ => "",
    }
}

/// The type of a column for a field: Nullable where it can be.
fn column_type(schema: &Schema, struct_to_json: bool) -> Result<String, String> {
    let base = base_type(schema, struct_to_json)?;
    let stays = matches!(schema.kind, Type::Array | Type::Map) || base.starts_with("Variant(");
    Ok(if stays { base } else { format!("Nullable({base})") })
}

/// The same without NULL.
pub(crate) fn base_type(schema: &Schema, struct_to_json: bool) -> Result<String, String> {
    match schema.logical_name() {
        Some(logical::DECIMAL) => {
            let scale = schema.parameters.get("scale").and_then(|scale| scale.parse::<u32>().ok()).unwrap_or(0);
            return Ok(format!("Decimal(38, {scale})"));
        }
        Some(logical::DATE) => return Ok("Date32".to_owned()),
        Some(logical::TIME) => return Ok("Int64".to_owned()),
        Some(logical::TIMESTAMP) => return Ok("DateTime64(3)".to_owned()),
        _ => {}
    }
    let plain = match schema.kind {
        Type::Int8 => "Int8",
        Type::Int16 => "Int16",
        Type::Int32 => "Int32",
        Type::Int64 => "Int64",
        Type::Float32 => "Float32",
        Type::Float64 => "Float64",
        Type::Boolean => "Bool",
        Type::String | Type::Bytes => "String",
        Type::Array => {
            let element = schema.value_schema.as_deref().map(|element| column_type(element, struct_to_json));
            return Ok(format!("Array({})", element.unwrap_or_else(|| Ok("String".to_owned()))?));
        }
        Type::Map => {
            let (Some(key), Some(value)) = (&schema.key_schema, &schema.value_schema) else {
                return Err("a map without the types of its entries has no column".to_owned());
            };
            let key = base_type(key, struct_to_json)?;
            return Ok(format!("Map({key}, {})", column_type(value, struct_to_json)?));
        }
        Type::Struct if is_union(schema) => return union_type(schema, struct_to_json),
        Type::Struct if struct_to_json => "JSON",
        Type::Struct => {
            return Err(
                "Cannot auto-evolve STRUCT fields to ClickHouse columns. Set auto.evolve.struct.to.json=true to \
                        map STRUCT to JSON, or manually create the column as Tuple, JSON, or Nested type."
                    .to_owned(),
            );
        }
    };
    Ok(plain.to_owned())
}

/// Whether a struct is how a converter shows a union.
pub(crate) fn is_union(schema: &Schema) -> bool {
    let named = schema.name.as_deref().is_some_and(|name| {
        matches!(name, "io.confluent.connect.avro.Union" | "io.confluent.connect.json.OneOf")
            || name.starts_with("io.confluent.connect.protobuf.Union")
            || name.starts_with("connect_union_")
    });
    named || schema.parameters.contains_key("org.apache.kafka.connect.data.Union")
}

/// A union's branches, as a Variant unless ClickHouse finds them too much alike.
fn union_type(schema: &Schema, struct_to_json: bool) -> Result<String, String> {
    let mut types: Vec<String> = Vec::new();
    for field in &schema.fields {
        let kind = base_type(&field.schema, struct_to_json)?;
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    let is_number = |kind: &&String| kind.starts_with("Int") || kind.starts_with("Float");
    let is_date = |kind: &&String| matches!(kind.as_str(), "Date32" | "DateTime64(3)");
    let alike = types.iter().filter(is_number).count() > 1 || types.iter().filter(is_date).count() > 1;
    Ok(match types.as_slice() {
        [one] => one.clone(),
        [] => "String".to_owned(),
        _ if alike => "String".to_owned(),
        _ => format!("Variant({})", types.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use longshore_api::Field;

    use super::*;

    fn kind(schema: &Schema) -> String {
        column_type(schema, false).unwrap()
    }

    #[test]
    fn each_type_has_its_column() {
        for (kind_of, expected) in [
            (Type::Int8, "Nullable(Int8)"),
            (Type::Int64, "Nullable(Int64)"),
            (Type::Float64, "Nullable(Float64)"),
            (Type::Boolean, "Nullable(Bool)"),
            (Type::Bytes, "Nullable(String)"),
        ] {
            assert_eq!(kind(&Schema::new(kind_of)), expected);
        }
        let named = |kind, name| Schema::new(kind).named(name);
        let mut decimal = named(Type::Bytes, logical::DECIMAL);
        decimal.parameters.insert("scale".to_owned(), "4".to_owned());
        assert_eq!(kind(&decimal), "Nullable(Decimal(38, 4))");
        assert_eq!(kind(&named(Type::Int32, logical::DATE)), "Nullable(Date32)");
        assert_eq!(kind(&named(Type::Int32, logical::TIME)), "Nullable(Int64)");
        assert_eq!(kind(&named(Type::Int64, logical::TIMESTAMP)), "Nullable(DateTime64(3))");
        let strings = Arc::new(Schema::new(Type::String));
        let array = Schema::array(Arc::clone(&strings));
        assert_eq!(kind(&array), "Array(Nullable(String))");
        assert_eq!(kind(&Schema::map(strings, Arc::new(array))), "Map(String, Array(Nullable(String)))");
        assert_eq!((default_of("Array(Int8)"), default_of("Map(String, Int8)")), (" DEFAULT []", " DEFAULT map()"));
    }

    #[test]
    fn structs_are_json_or_refused_and_unions_variants() {
        let field = |name: &str, kind| Field::new(name, Schema::optional(kind));
        let plain = Schema::structure(vec![field("a", Type::Int8)]);
        assert!(column_type(&plain, false).unwrap_err().contains("auto.evolve.struct.to.json"));
        assert_eq!(column_type(&plain, true).unwrap(), "Nullable(JSON)");
        let union = |fields| Schema::structure(fields).named("io.confluent.connect.avro.Union");
        assert_eq!(kind(&union(vec![field("s", Type::String), field("i", Type::Int64)])), "Variant(String, Int64)");
        assert_eq!(kind(&union(vec![field("s", Type::String), field("b", Type::Bytes)])), "Nullable(String)");
        assert_eq!(kind(&union(vec![field("i", Type::Int32), field("l", Type::Int64)])), "Nullable(String)");
    }
}
