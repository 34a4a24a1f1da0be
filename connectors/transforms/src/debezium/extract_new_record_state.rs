//! ExtractNewRecordState: the row after the change in place of the change event.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator, Width};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Header, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use super::envelope::{FieldReference, Location, is_envelope};
use super::key;
use crate::apache::replace_field::ReplaceField;
use crate::part::{Side, structure, take};
use crate::plugin::Configure;
use crate::schemas::{SchemaCache, add_field, basics, fields, or_default};

const PURPOSE: &str = "source field insertion";
const DELETED: &str = "__deleted";

/// Takes rows out of change events. Records that are none, those without a schema among them, pass unchanged.
#[derive(Debug)]
pub(super) struct ExtractNewRecordState {
    deletes: Deletes,
    keep_tombstones: bool,
    route_by: Option<String>,
    fields: Vec<FieldReference>,
    headers: Vec<FieldReference>,
    drop_fields: Option<DropFields>,
    plans: SchemaCache<Plan>,
}

/// What becomes of an event that says that a row was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletes {
    Drop,
    /// Null, with the schema of `after`.
    Null,
    /// Null without a schema.
    Tombstone,
    /// The row before, marked as deleted.
    Rewrite,
}

/// Fields that a header names are left out.
#[derive(Debug)]
struct DropFields {
    header: String,
    from_key: bool,
    optional_only: bool,
}

/// What there is to do with events of one schema.
#[derive(Debug)]
struct Plan {
    before: Option<Row>,
    after: Row,
    headers: Vec<(Arc<str>, Location)>,
    fields: Vec<Location>,
}

/// A row in an event: where it stands, its schema, and the schema that the record gets.
#[derive(Debug)]
struct Row {
    index: usize,
    schema: Arc<Schema>,
    new: Arc<Schema>,
}

impl Configure for ExtractNewRecordState {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{Boolean, List, String};
        use Importance::{Low, Medium};
        let modes = &["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"];
        vec![
            key("delete.tombstone.handling.mode", String, Medium, Width::Medium, "Handle delete and tombstone records")
                .default("tombstone")
                .validator(Validator::OneOfIgnoreCase(modes))
                .doc(
                    "What becomes of deletions: drop leaves out both event and tombstone, tombstone makes a \
                     tombstone of the event and leaves the other out, rewrite gives the row before with a field \
                     __deleted and leaves the tombstone out, rewrite-with-tombstone gives both, \
                     delete-to-tombstone is tombstone without a value schema.",
                ),
            key("route.by.field", String, Low, Width::Long, "Route by field name")
                .default("")
                .doc("The column whose value replaces the topic name."),
            key("add.fields.prefix", String, Low, Width::Short, "Field prefix to be added to each field.")
                .default("__")
                .doc("The prefix of fields that add.fields adds."),
            key("add.fields", List, Low, Width::Long, "Adds the specified field(s) to the message if they exist.")
                .default("")
                .doc(
                    "Fields of the event to add to the row, as op, source.ts_ms or table:source_table; their names \
                     get the prefix.",
                ),
            key("add.headers.prefix", String, Low, Width::Short, "Header prefix to be added to each header.")
                .default("__")
                .doc("The prefix of headers that add.headers adds."),
            key("add.headers", List, Low, Width::Long, "Adds the specified fields to the header if they exist.")
                .default("")
                .doc("Fields of the event to add as headers, written as for add.fields."),
            key(
                "drop.fields.header.name",
                String,
                Low,
                Width::Short,
                "Specifies a header that contains a list of field names to be removed",
            )
            .default_null()
            .doc("A header with a list of names of fields that are left out of the row."),
            key(
                "drop.fields.from.key",
                Boolean,
                Low,
                Width::Short,
                "Specifies whether the fields to be dropped should also be omitted from the key",
            )
            .default("false")
            .doc("Whether those fields are left out of the key too."),
            key(
                "drop.fields.keep.schema.compatible",
                Boolean,
                Low,
                Width::Short,
                "Specifies if fields are dropped, will the event's schemas be compatible",
            )
            .default("true")
            .doc("Whether only optional fields are left out."),
        ]
    }

    fn former_keys() -> Vec<ConfigKey> {
        vec![
            key("drop.tombstones", ConfigType::Boolean, Importance::Low, Width::Short, "Drop tombstones")
                .default_null()
                .doc("Whether tombstones are left out (up to Debezium 2.4)."),
            key("delete.handling.mode", ConfigType::String, Importance::Medium, Width::Medium, "Handle delete records")
                .default_null()
                .validator(FORMER_MODE)
                .doc("What becomes of deletions: drop, rewrite or none (up to Debezium 2.4)."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let (deletes, keep_tombstones) = mode(config);
        let references = |key: &'static str| {
            FieldReference::read_all(key, config.string(&format!("{key}.prefix")), config.list(key))
        };
        let given = |key| config.text(key).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        Ok(Self {
            deletes,
            keep_tombstones,
            route_by: given("route.by.field"),
            fields: references("add.fields")?,
            headers: references("add.headers")?,
            drop_fields: given("drop.fields.header.name").map(|header| DropFields {
                header,
                from_key: config.boolean("drop.fields.from.key"),
                optional_only: config.boolean("drop.fields.keep.schema.compatible"),
            }),
            plans: SchemaCache::default(),
        })
    }
}

const FORMER_MODE: Validator = Validator::Check(|name, value| match value.shown().as_deref() {
    Some(mode) if !["drop", "rewrite", "none"].iter().any(|known| known.eq_ignore_ascii_case(mode)) => {
        let why = "Value must be one of drop, rewrite, none";
        Err(longshore_api::config::invalid_value(name, Some(mode), why))
    }
    _ => Ok(()),
});

/// What becomes of deletions, and whether tombstones are kept, by the keys of this release or of earlier ones.
pub(super) fn mode(config: &ParsedConfig) -> (Deletes, bool) {
    match (config.text("delete.handling.mode"), config.optional_boolean("drop.tombstones")) {
        (None, None) => current_mode(config.string("delete.tombstone.handling.mode")),
        (mode, drop) => (former_mode(mode.unwrap_or("drop")), !drop.unwrap_or(true)),
    }
}

fn current_mode(mode: &str) -> (Deletes, bool) {
    match mode.to_lowercase().as_str() {
        "drop" => (Deletes::Drop, false),
        "rewrite" => (Deletes::Rewrite, false),
        "rewrite-with-tombstone" => (Deletes::Rewrite, true),
        "delete-to-tombstone" => (Deletes::Tombstone, false),
        _ => (Deletes::Null, false),
    }
}

fn former_mode(mode: &str) -> Deletes {
    match mode.to_lowercase().as_str() {
        "rewrite" => Deletes::Rewrite,
        "none" => Deletes::Null,
        _ => Deletes::Drop,
    }
}

impl Transform for ExtractNewRecordState {
    fn parts(&self) -> Parts {
        let headers = if self.headers.is_empty() && self.drop_fields.is_none() { Parts::NONE } else { Parts::HEADERS };
        let key = if self.drop_fields.as_ref().is_some_and(|drop| drop.from_key) { Parts::KEY } else { Parts::NONE };
        Parts::VALUE.and(headers).and(key)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        if record.value.value.is_null() {
            return Ok(self.tombstone(record));
        }
        let Some(schema) = record.value.schema.clone().filter(|schema| is_envelope(schema)) else {
            return Ok(Verdict::Keep);
        };
        let event = structure(take(&mut record.value.value), PURPOSE)?;
        let mut plans = std::mem::take(&mut self.plans);
        let plan = plans.get_or_make(&schema, || self.plan(&schema));
        let verdict = plan.and_then(|plan| self.extract(plan, event, record));
        self.plans = plans;
        if verdict? == Verdict::Drop {
            return Ok(Verdict::Drop);
        }
        self.drop_fields(record)?;
        Ok(Verdict::Keep)
    }
}

impl ExtractNewRecordState {
    fn tombstone(&self, record: &mut ConnectRecord) -> Verdict {
        if !self.keep_tombstones {
            return Verdict::Drop;
        }
        for reference in self.headers.iter().filter(|reference| reference.field == "op") {
            let schema = Arc::new(Schema::new(Type::String));
            let value = Data::new(schema, Value::string("d"));
            record.headers.push(Header { name: Arc::clone(&reference.new_name), value });
        }
        Verdict::Keep
    }

    fn plan(&self, envelope: &Schema) -> Result<Plan> {
        let located = |reference: &FieldReference| Some((Arc::clone(&reference.new_name), reference.locate(envelope)?));
        let added: Vec<_> = self.fields.iter().filter_map(located).collect();
        let row = |name: &str| -> Result<Option<Row>> {
            let Some(index) = envelope.field_index(name) else { return Ok(None) };
            let schema = Arc::clone(&envelope.fields[index].schema);
            let new = self.row_schema(&schema, &added)?;
            Ok(Some(Row { index, schema, new }))
        };
        let missing =
            || ConnectError::data("Unknown field: after").with_class(longshore_api::error::class::ILLEGAL_ARGUMENT);
        Ok(Plan {
            before: row("before")?,
            after: row("after")?.ok_or_else(missing)?,
            headers: self.headers.iter().filter_map(located).collect(),
            fields: added.into_iter().map(|(_, location)| location).collect(),
        })
    }

    /// A row's schema with what is added to it.
    fn row_schema(&self, row: &Arc<Schema>, added: &[(Arc<str>, Location)]) -> Result<Arc<Schema>> {
        if added.is_empty() && self.deletes != Deletes::Rewrite || row.kind != Type::Struct {
            return Ok(Arc::clone(row));
        }
        let mut new = basics(row, Type::Struct);
        for field in fields(row)? {
            add_field(&mut new, &field.name, Arc::clone(&field.schema))?;
        }
        if self.deletes == Deletes::Rewrite {
            add_field(&mut new, &DELETED.into(), Arc::new(Schema::optional(Type::String)))?;
        }
        for (name, location) in added {
            add_field(&mut new, name, Arc::clone(&location.schema))?;
        }
        Ok(Arc::new(new))
    }

    fn extract(&self, plan: &Plan, mut event: Struct, record: &mut ConnectRecord) -> Result<Verdict> {
        for (name, location) in &plan.headers {
            let value = Data::new(Arc::clone(&location.schema), location.value(&event));
            record.headers.push(Header { name: Arc::clone(name), value });
        }
        let added: Vec<Value> = plan.fields.iter().map(|location| location.value(&event)).collect();
        let mut value = |row: &Row| event.values.get_mut(row.index).map(take).unwrap_or(Value::Null);
        let after = value(&plan.after);
        if !after.is_null() {
            self.route(record, &plan.after.schema, &after)?;
            record.value = self.row(&plan.after, after, "false", added)?;
            return Ok(Verdict::Keep);
        }
        let before = plan.before.as_ref().map(|row| (row, value(row))).filter(|(_, before)| !before.is_null());
        // Neither: the table was emptied.
        let Some((row, before)) = before else { return Ok(Verdict::Drop) };
        self.route(record, &row.schema, &before)?;
        record.value = match self.deletes {
            Deletes::Drop => return Ok(Verdict::Drop),
            Deletes::Null => Data::new(Arc::clone(&plan.after.schema), Value::Null),
            Deletes::Tombstone => Data::NULL,
            Deletes::Rewrite => self.row(row, before, "true", added)?,
        };
        Ok(Verdict::Keep)
    }

    /// A row with what is added to it.
    fn row(&self, row: &Row, value: Value, deleted: &str, added: Vec<Value>) -> Result<Data> {
        if Arc::ptr_eq(&row.schema, &row.new) {
            return Ok(Data::new(Arc::clone(&row.schema), value));
        }
        let mut values = structure(value, PURPOSE)?.values;
        if self.deletes == Deletes::Rewrite {
            for (field, value) in row.schema.fields.iter().zip(&mut values) {
                *value = or_default(take(value), &field.schema, true);
            }
            values.push(Value::string(deleted));
        }
        values.extend(added);
        let schema = Arc::clone(&row.new);
        Ok(Data::new(Arc::clone(&schema), Value::Struct(Struct { schema, values })))
    }

    fn route(&self, record: &mut ConnectRecord, schema: &Schema, row: &Value) -> Result<()> {
        let Some(field) = &self.route_by else { return Ok(()) };
        let Value::Struct(row) = row else { return Ok(()) };
        let wrong = |why: &str| ConnectError::data(format!("Cannot route by field {field}: {why}"));
        let index = schema.field_index(field).ok_or_else(|| wrong("it is not a valid field name"))?;
        match row.values.get(index) {
            Some(Value::String(topic)) if !topic.trim().is_empty() => record.topic = Arc::clone(topic),
            Some(Value::String(_) | Value::Null) | None => {}
            Some(other) => return Err(wrong(&format!("it is not of type STRING but {}", other.java_class()))),
        }
        Ok(())
    }

    fn drop_fields(&self, record: &mut ConnectRecord) -> Result<()> {
        let Some(drop) = &self.drop_fields else { return Ok(()) };
        let header = record.headers.iter().find(|header| *header.name == *drop.header);
        let Some(Value::Array(names)) = header.map(|header| &header.value.value) else { return Ok(()) };
        let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        for side in [Side::Key, Side::Value] {
            let data = side.of(record);
            let Some(schema) = data.schema.as_deref().filter(|schema| schema.kind == Type::Struct) else { continue };
            if side == Side::Key && !drop.from_key || data.value.is_null() {
                continue;
            }
            let droppable = |name: &String| {
                !drop.optional_only || schema.fields.iter().any(|field| *field.name == **name && field.schema.optional)
            };
            let names: Vec<String> = names.iter().filter(|name| droppable(name)).cloned().collect();
            if !names.is_empty() {
                ReplaceField::excluding(side, names).apply(record)?;
            }
        }
        Ok(())
    }
}
