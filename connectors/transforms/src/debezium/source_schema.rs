//! ExtractSchemaToNewRecord: the schema of the table, as the connector noted it at the columns, into the event.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ParsedConfig};
use longshore_api::{
    ConnectError, ConnectRecord, ErrorKind, Field, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use super::envelope::is_envelope;
use crate::part::{Side, not_a_struct, take};
use crate::plugin::Configure;
use crate::schemas::{SchemaCache, add_field};

/// The exception of Debezium's own.
const CLASS: &str = "io.debezium.DebeziumException";

/// Adds a field `sourceSchema` to change events.
#[derive(Debug)]
pub(super) struct ExtractSchemaToNewRecord {
    plans: SchemaCache<Plan>,
    /// Table, and list of its columns.
    block: Arc<Schema>,
}

/// The new schema of events of one schema, and the columns that they all have.
#[derive(Debug)]
struct Plan {
    schema: Arc<Schema>,
    table: Value,
}

impl Configure for ExtractSchemaToNewRecord {
    fn keys() -> Vec<ConfigKey> {
        Vec::new()
    }

    fn new(_config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { plans: SchemaCache::default(), block: block() })
    }
}

impl Transform for ExtractSchemaToNewRecord {
    fn parts(&self) -> Parts {
        Parts::VALUE
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let Some(schema) = record.value.schema.clone().filter(|schema| is_envelope(schema)) else {
            return Ok(Verdict::Keep);
        };
        let event = match &mut record.value.value {
            Value::Null => return Ok(Verdict::Keep),
            Value::Struct(event) => event,
            other => return Err(not_a_struct(other, "extracting the schema")),
        };
        let is_null = |name| event.get(name).is_none_or(Value::is_null);
        if is_null("after") && is_null("before") {
            return Ok(Verdict::Keep);
        }
        let id = match event.get("source") {
            Some(Value::Struct(source)) => source.get("table").cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        };
        if !matches!(id, Value::String(_)) {
            return Err(wrong("The change event has no source.table"));
        }
        let block = &self.block;
        let plan = self.plans.get_or_make(&schema, || plan(&schema, block))?;
        let source = Struct { schema: Arc::clone(block), values: vec![id, plan.table.clone()] };
        let mut values: Vec<Value> = event.values.iter_mut().map(take).collect();
        values.push(Value::Struct(source));
        record.value.schema = Some(Arc::clone(&plan.schema));
        record.value.value = Value::Struct(Struct { schema: Arc::clone(&plan.schema), values });
        Ok(Verdict::Keep)
    }
}

fn wrong(message: &str) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, CLASS, message)
}

fn versioned(name: &str, fields: Vec<Field>) -> Schema {
    Schema { version: Some(1), ..Schema::structure(fields).named(name) }
}

/// The schema of the field that is added.
fn block() -> Arc<Schema> {
    let (text, number) = (|| Schema::new(Type::String), || Schema::optional(Type::Int32));
    let column = versioned(
        "io.debezium.connector.source.schema.Column",
        vec![
            Field::new("name", text()),
            Field::new("typeName", text()),
            Field::new("length", number()),
            Field::new("scale", number()),
            Field::new("comment", Schema::optional(Type::String)),
        ],
    );
    let columns = Schema::array(Arc::new(column));
    let table = versioned("io.debezium.connector.source.schema.Table", vec![Field::new("columns", columns)]);
    let fields = vec![Field::new("id", text()), Field::new("table", table)];
    Arc::new(versioned("io.debezium.connector.source.Schema", fields))
}

fn plan(envelope: &Schema, block: &Arc<Schema>) -> Result<Plan> {
    let table = &block.fields[1].schema;
    let of_columns = &table.fields[0].schema;
    let column = of_columns.value_schema.as_ref().ok_or_else(|| wrong("a list without a schema of its elements"))?;
    let after = envelope.field_index("after").ok_or_else(|| wrong("Unknown field: after"))?;
    let row = &envelope.fields[after].schema;
    let columns = row.fields.iter().map(|field| columns(field, column)).collect::<Result<Vec<Value>>>()?;
    let table = Struct { schema: Arc::clone(table), values: vec![Value::Array(columns)] };
    let mut schema = envelope.clone();
    add_field(&mut schema, &"sourceSchema".into(), Arc::clone(block))?;
    Ok(Plan { schema: Arc::new(schema), table: Value::Struct(table) })
}

/// A column, by the parameters that `column.propagate.source.type` leaves in its schema.
fn columns(field: &Field, schema: &Arc<Schema>) -> Result<Value> {
    let parameter = |name: &str| field.schema.parameters.get(format!("__debezium.source.column.{name}").as_str());
    let missing = || {
        wrong(
            "Ensure that enable configurations \"column.propagate.source.type\" or \
             \"datatype.propagate.source.type\" and the value is set to \".*\"",
        )
    };
    let text = |name| parameter(name).map(|text| Value::string(text.as_str()));
    let number = |name: &str| match parameter(name) {
        None => Ok(Value::Null),
        Some(text) => text
            .parse()
            .map(Value::Int32)
            .map_err(|_| wrong(&format!("{name} of column {} must be a number, found {text}", field.name))),
    };
    let values = vec![
        text("name").ok_or_else(missing)?,
        text("type").ok_or_else(missing)?,
        number("length")?,
        number("scale")?,
        text("comment").unwrap_or(Value::Null),
    ];
    Ok(Value::Struct(Struct { schema: Arc::clone(schema), values }))
}
