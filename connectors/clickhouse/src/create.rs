//! `longshore.table.create`: tables for topics that have none.
//!
//! A record's schema says the columns; schemaless JSON is sampled. Of the kinds that a member has in the sample the
//! column takes all: whole numbers are Int64, numbers Float64, everything else that is mixed a String, as are objects
//! (their JSON), because the server reads any JSON into a String.

use std::sync::Arc;

use indexmap::IndexMap;
use longshore_api::{ConnectError, Field, Map, Payload, Schema, Type, Value};
use longshore_formats::json::{self, Keys};

use crate::buffer::Entry;
use crate::client::{quoted, text};
use crate::debezium;
use crate::evolve::{base_type, is_union};

/// What the keys say of tables that are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Creation {
    /// The engine with its arguments.
    pub(crate) engine: String,
    /// The columns by which rows are ordered; they cannot be NULL.
    pub(crate) order_by: Vec<String>,
    /// What else the statement says: partitions, settings.
    pub(crate) options: String,
    /// Whether structs and objects become columns of the type JSON.
    pub(crate) struct_to_json: bool,
    /// The cluster on which tables are made; empty for the server alone.
    pub(crate) cluster: String,
    /// Whether change events become rows.
    pub(crate) takes_envelopes: bool,
}

/// The most records of JSON that are looked at for one table.
const SAMPLE: usize = 1000;

/// What is known of a column.
#[derive(Debug)]
struct Column {
    /// The type without NULL.
    kind: String,
    /// Whether rows can lack it.
    optional: bool,
}

type Columns = IndexMap<Arc<str>, Column>;

/// The statement that makes a table for records; `None` if they say nothing of its columns.
///
/// # Errors
/// If a field is of a type that has no column, the records are texts, or they lack what rows are to be ordered by.
pub(crate) fn statement(
    full_name: &str,
    entries: &[Entry],
    wanted: &[usize],
    creation: &Creation,
) -> Result<Option<String>, ConnectError> {
    let columns = columns(entries, wanted, creation)?;
    if columns.is_empty() {
        return Ok(None);
    }
    if let Some(missing) = creation.order_by.iter().find(|name| !columns.contains_key(name.as_str())) {
        let why = format!("longshore.table.order.by: the records have no field {missing} to order {full_name} by");
        return Err(ConnectError::data(why));
    }
    let definitions: Vec<String> = columns.iter().map(|(name, column)| definition(name, column, creation)).collect();
    let cluster = match creation.cluster.as_str() {
        "" => String::new(),
        cluster => format!(" ON CLUSTER {}", quoted(cluster)),
    };
    let order: Vec<String> = creation.order_by.iter().map(|name| quoted(name)).collect();
    Ok(Some(format!(
        "CREATE TABLE IF NOT EXISTS {full_name}{cluster} ({}) ENGINE = {} ORDER BY ({}) {}",
        definitions.join(", "),
        creation.engine,
        order.join(", "),
        creation.options
    )))
}

fn columns(entries: &[Entry], wanted: &[usize], creation: &Creation) -> Result<Columns, ConnectError> {
    let (mut seen, mut schemas): (Vec<&Arc<Schema>>, Vec<Arc<Schema>>) = Default::default();
    let mut sample = Sample::of(SAMPLE);
    for entry in wanted.iter().filter_map(|index| entries.get(*index)).filter(|entry| !entry.done) {
        match entry.record().value() {
            Payload::Json(bytes) => sample.add_text(bytes),
            Payload::Data(data) => match &data.value {
                Value::Struct(value) if !seen.iter().any(|known| Arc::ptr_eq(known, &value.schema)) => {
                    seen.push(&value.schema);
                    schemas.push(debezium::row_schema(&value.schema, creation.takes_envelopes));
                }
                Value::Map(map) => sample.add(map),
                _ => {}
            },
            Payload::Text(_) => {
                let why = "longshore.table.create: records that are strings do not tell the columns of a table";
                return Err(ConnectError::data(why));
            }
            Payload::Null | Payload::Bytes(_) => {}
        }
    }
    let mut columns = of_schemas(&schemas, creation)?;
    if creation.takes_envelopes
        && let Some(event) = seen.iter().find(|schema| debezium::is_envelope(schema))
    {
        for (name, kind) in debezium::columns(event) {
            columns.insert(name.into(), Column { kind: kind.to_owned(), optional: false });
        }
    }
    for (name, shape) in sample.members {
        columns.entry(name).or_insert_with(|| Column { kind: shape.column(creation.struct_to_json), optional: true });
    }
    Ok(columns)
}

/// A column for each field of the schemas; one that a schema lacks can be absent.
fn of_schemas(schemas: &[Arc<Schema>], creation: &Creation) -> Result<Columns, ConnectError> {
    let mut columns = Columns::new();
    for field in schemas.iter().flat_map(|schema| &schema.fields) {
        if !columns.contains_key(&field.name) {
            let kind = field_type(&field.schema, creation.struct_to_json)
                .map_err(|why| ConnectError::data(format!("longshore.table.create: field {}: {why}", field.name)))?;
            let optional =
                field.schema.optional || schemas.iter().any(|other| other.field_index(&field.name).is_none());
            columns.insert(Arc::clone(&field.name), Column { kind, optional });
        }
    }
    Ok(columns)
}

fn definition(name: &str, column: &Column, creation: &Creation) -> String {
    let (kind, name_quoted) = (&column.kind, quoted(name));
    if !column.optional || creation.order_by.iter().any(|key| key == name) || kind.starts_with("Variant(") {
        format!("{name_quoted} {kind}")
    } else if can_be_null(kind) {
        format!("{name_quoted} Nullable({kind})")
    } else {
        format!("{name_quoted} {kind} DEFAULT defaultValueOfTypeName({})", text(kind))
    }
}

fn can_be_null(kind: &str) -> bool {
    !["Array(", "Map(", "Tuple(", "Variant("].iter().any(|composite| kind.starts_with(composite))
}

/// The type of a column for a field, without NULL: as `auto.evolve` chooses it, but with tuples for structs.
fn field_type(schema: &Schema, struct_to_json: bool) -> Result<String, String> {
    let element = |schema: &Schema| {
        let kind = field_type(schema, struct_to_json)?;
        Ok(if schema.optional && can_be_null(&kind) { format!("Nullable({kind})") } else { kind })
    };
    match (schema.kind, &schema.key_schema, &schema.value_schema) {
        (Type::Array, _, Some(inner)) => element(inner).map(|inner| format!("Array({inner})")),
        (Type::Map, Some(key), Some(inner)) => {
            Ok(format!("Map({}, {})", field_type(key, struct_to_json)?, element(inner)?))
        }
        (Type::Struct, ..) if !struct_to_json && !is_union(schema) => {
            if schema.fields.is_empty() {
                return Err("a struct without fields, or within itself, has no column".to_owned());
            }
            // Where the struct may be null, so may what it is made of: a Tuple itself cannot.
            let member = |field: &Field| -> Result<String, String> {
                let kind = element(&field.schema)?;
                let is_plain = can_be_null(&kind) && !kind.starts_with("Nullable(");
                Ok(if schema.optional && is_plain { format!("Nullable({kind})") } else { kind })
            };
            let fields = schema.fields.iter();
            let fields = fields.map(|field| Ok(format!("{} {}", quoted(&field.name), member(field)?)));
            let fields: Result<Vec<String>, String> = fields.collect();
            Ok(format!("Tuple({})", fields?.join(", ")))
        }
        _ => base_type(schema, struct_to_json),
    }
}

/// What JSON members of one name have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// Nothing but null.
    Unknown,
    Bool,
    Int,
    Float,
    Array(Box<Shape>),
    Object,
    /// Texts, or of several kinds.
    Text,
}

impl Shape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Shape::Unknown,
            Value::Boolean(_) => Shape::Bool,
            Value::Int8(_) | Value::Int16(_) | Value::Int32(_) | Value::Int64(_) => Shape::Int,
            Value::Float32(_) | Value::Float64(_) => Shape::Float,
            Value::Array(values) => {
                Shape::Array(Box::new(values.iter().map(Shape::of).fold(Shape::Unknown, Shape::merged)))
            }
            Value::Map(_) | Value::Struct(_) => Shape::Object,
            _ => Shape::Text,
        }
    }

    fn merged(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Shape::Unknown, known) | (known, Shape::Unknown) => known,
            (Shape::Int, Shape::Float) | (Shape::Float, Shape::Int) => Shape::Float,
            (Shape::Array(one), Shape::Array(other)) => Shape::Array(Box::new(one.merged(*other))),
            _ => Shape::Text,
        }
    }

    fn column(&self, objects_to_json: bool) -> String {
        match self {
            Shape::Bool => "Bool".to_owned(),
            Shape::Int => "Int64".to_owned(),
            Shape::Float => "Float64".to_owned(),
            Shape::Array(inner) => {
                let kind = inner.column(false);
                if can_be_null(&kind) { format!("Array(Nullable({kind}))") } else { format!("Array({kind})") }
            }
            Shape::Object if objects_to_json => "JSON".to_owned(),
            Shape::Unknown | Shape::Object | Shape::Text => "String".to_owned(),
        }
    }
}

/// The members of schemaless records, in the order in which they were seen.
#[derive(Debug)]
pub(crate) struct Sample {
    members: IndexMap<Arc<str>, Shape>,
    keys: Keys,
    /// How many records may still be looked at.
    left: usize,
}

impl Sample {
    /// One of at most so many records.
    pub(crate) fn of(most: usize) -> Self {
        Self { members: IndexMap::new(), keys: Keys::default(), left: most }
    }

    /// The types of columns for members that have been more than null.
    pub(crate) fn columns(self, objects_to_json: bool) -> impl Iterator<Item = (Arc<str>, String)> {
        let seen = self.members.into_iter().filter(|(_, shape)| *shape != Shape::Unknown);
        seen.map(move |(name, shape)| {
            let kind = shape.column(objects_to_json);
            (name, if can_be_null(&kind) { format!("Nullable({kind})") } else { kind })
        })
    }

    /// Looks at a record's JSON. One that cannot be read becomes a bad record later.
    pub(crate) fn add_text(&mut self, bytes: &[u8]) {
        if self.left > 0
            && let Ok(Value::Map(map)) = json::decode(bytes, &mut self.keys)
        {
            self.add(&map);
        }
    }

    /// Looks at a record.
    pub(crate) fn add(&mut self, map: &Map) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        for (name, value) in map.iter() {
            if let Value::String(name) = name {
                let member = self.members.entry(Arc::clone(name)).or_insert(Shape::Unknown);
                *member = std::mem::replace(member, Shape::Unknown).merged(Shape::of(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use longshore_api::Field;

    use super::*;

    fn sampled(texts: &[&str]) -> Vec<(String, String)> {
        let mut sample = Sample::of(SAMPLE);
        texts.iter().for_each(|text| sample.add_text(text.as_bytes()));
        sample.members.into_iter().map(|(name, shape)| (name.to_string(), shape.column(false))).collect()
    }

    #[test]
    fn a_member_gets_the_type_that_holds_all_of_its_values() {
        let found = sampled(&[
            r#"{"i": 1, "f": 1, "b": true, "mixed": 1, "s": "x", "a": [1, null], "o": {"k": 1}, "n": null}"#,
            "{no json",
            r#"{"i": null, "f": 1.5, "b": false, "mixed": "x", "a": [2.5], "late": [[]]}"#,
        ]);
        let expected = [
            ("i", "Int64"),
            ("f", "Float64"),
            ("b", "Bool"),
            ("mixed", "String"),
            ("s", "String"),
            ("a", "Array(Nullable(Float64))"),
            ("o", "String"),
            ("n", "String"),
            ("late", "Array(Array(Nullable(String)))"),
        ];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
    }

    #[test]
    fn fields_have_the_types_of_their_schemas() {
        let field = |name: &str, schema: Schema| Field::new(name, schema);
        let point =
            Schema::structure(vec![field("x", Schema::new(Type::Int32)), field("l`", Schema::optional(Type::String))]);
        assert_eq!(field_type(&point, false).unwrap(), r"Tuple(`x` Int32, `l\`` Nullable(String))");
        assert_eq!(field_type(&point, true).unwrap(), "JSON");
        let array = Schema::array(Arc::new(point));
        assert_eq!(field_type(&array, false).unwrap(), r"Array(Tuple(`x` Int32, `l\`` Nullable(String)))");
        let map = Schema::map(Arc::new(Schema::new(Type::String)), Arc::new(Schema::optional(Type::Int64)));
        assert_eq!(field_type(&map, false).unwrap(), "Map(String, Nullable(Int64))");
        assert!(field_type(&Schema::new(Type::Struct), false).unwrap_err().contains("without fields"));
    }

    #[test]
    fn columns_are_null_unless_they_order_the_rows_or_cannot_be() {
        let creation = Creation {
            engine: "MergeTree".to_owned(),
            order_by: vec!["key".to_owned()],
            options: String::new(),
            struct_to_json: false,
            cluster: String::new(),
            takes_envelopes: false,
        };
        let column =
            |name: &str, kind: &str, optional| definition(name, &Column { kind: kind.to_owned(), optional }, &creation);
        assert_eq!(column("key", "Int64", true), "`key` Int64");
        assert_eq!(column("a`b", "Int64", true), r"`a\`b` Nullable(Int64)");
        assert_eq!(column("a", "Int64", false), "`a` Int64");
        assert_eq!(column("a", "Array(Int8)", true), "`a` Array(Int8) DEFAULT defaultValueOfTypeName('Array(Int8)')");
        assert_eq!(column("v", "Variant(Int8, String)", true), "`v` Variant(Int8, String)");
    }
}
