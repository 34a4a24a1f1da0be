//! ExtractNewDocumentState: the document after the change in place of the change event.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig, Validator, Width};
use longshore_api::{
    ConnectError, ConnectRecord, Data, Header, Parts, Result, Schema, Struct, Transform, Type, Value, Verdict,
};

use super::bson::{self, Bson, Document};
use super::connect::Arrays;
use crate::apache::flatten::Flatten;
use crate::debezium::envelope::{FieldReference, Location, is_envelope};
use crate::debezium::extract_new_record_state::{Deletes, ExtractNewRecordState, mode};
use crate::debezium::key;
use crate::part::Side;
use crate::plugin::Configure;
use crate::schemas::{SchemaCache, add_field};

const DELETED: &str = "__deleted";
const REWRITE_WITH_ID: &str = "delete.tombstone.handling.mode.rewrite-with-id";

/// Takes documents out of the change events of Debezium's connector for MongoDB.
#[derive(Debug)]
pub(in crate::debezium) struct ExtractNewDocumentState {
    deletes: Deletes,
    keep_tombstones: bool,
    rewrites_id: bool,
    arrays: Arrays,
    /// What joins the names of nested fields, and what makes them one.
    flatten: Option<(String, Flatten)>,
    fields: Vec<FieldReference>,
    headers: Vec<FieldReference>,
    added: SchemaCache<Arc<Added>>,
}

/// Where in events of one schema stands what is added to records, under which name.
#[derive(Debug)]
struct Added {
    fields: Vec<(Arc<str>, Location)>,
    headers: Vec<(Arc<str>, Location)>,
}

impl Configure for ExtractNewDocumentState {
    fn keys() -> Vec<ConfigKey> {
        use ConfigType::{Boolean, String};
        use Importance::{Low, Medium};
        let mut keys = ExtractNewRecordState::keys();
        keys.push(
            key("array.encoding", String, Medium, Width::Short, "Array encoding")
                .default("array")
                .validator(Validator::OneOfIgnoreCase(&["array", "document"]))
                .doc("Arrays as arrays, whose elements are of one type, or as documents with fields _0, _1 and so on."),
        );
        keys.push(
            key("flatten.struct", Boolean, Low, Width::Short, "Flatten struct")
                .default("false")
                .doc("Whether nested documents become fields of one level."),
        );
        keys.push(
            key("flatten.struct.delimiter", String, Low, Width::Short, "Delimiter for flattened struct")
                .default("_")
                .doc("What joins the names of nested fields."),
        );
        keys
    }

    fn former_keys() -> Vec<ConfigKey> {
        let switch = |name, display, doc: &'static str| {
            key(name, ConfigType::Boolean, Importance::Low, Width::Short, display).default("false").doc(doc)
        };
        let mut keys = ExtractNewRecordState::former_keys();
        keys.push(switch(REWRITE_WITH_ID, "Rewrite delete records with id field", "Whether deletions have their _id."));
        keys.push(switch("operation.header", "Adds a message header", "Whether a header __op says what happened."));
        keys
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let (deletes, keep_tombstones) = mode(config);
        let references = |key: &'static str| {
            FieldReference::read_all(key, config.string(&format!("{key}.prefix")), config.list(key))
        };
        let mut headers = references("add.headers")?;
        if config.boolean("operation.header") {
            headers.extend(FieldReference::read_all("operation.header", "__", &["op".to_owned()])?);
        }
        let delimiter = config.string("flatten.struct.delimiter");
        Ok(Self {
            deletes,
            keep_tombstones,
            rewrites_id: config.boolean(REWRITE_WITH_ID),
            arrays: match config.string("array.encoding").eq_ignore_ascii_case("document") {
                true => Arrays::Document,
                false => Arrays::Array,
            },
            flatten: config
                .boolean("flatten.struct")
                .then(|| (delimiter.to_owned(), Flatten::values_joined_by(delimiter))),
            fields: references("add.fields")?,
            headers,
            added: SchemaCache::default(),
        })
    }
}

impl Transform for ExtractNewDocumentState {
    fn parts(&self) -> Parts {
        let headers = if self.headers.is_empty() { Parts::NONE } else { Parts::HEADERS };
        Parts::KEY.and(Parts::VALUE).and(headers)
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        let is_key = |schema: &Schema| schema.name.as_deref().is_some_and(|name| name.ends_with(".Key"));
        if !record.key.schema.as_deref().is_some_and(is_key) {
            return Ok(Verdict::Keep);
        }
        if record.value.value.is_null() {
            if !self.keep_tombstones {
                return Ok(Verdict::Drop);
            }
            let operation = self.headers.iter().filter(|header| header.field == "op");
            record.headers.extend(operation.map(|header| Header {
                name: Arc::clone(&header.new_name),
                value: Data::new(Arc::new(Schema::new(Type::String)), Value::string("d")),
            }));
            let id = id_of(&record.key.value)?;
            record.key = self.key(id)?;
            record.value = Data::NULL;
            return Ok(Verdict::Keep);
        }
        let event = match (&record.value.schema, &record.value.value) {
            (Some(schema), Value::Struct(event)) if is_envelope(schema) => event,
            _ => return Ok(Verdict::Keep),
        };
        let id = id_of(&record.key.value)?;
        let change = change(event)?;
        let is_deletion = matches!(change, Change::Deletion { .. });
        let mut document = match change {
            Change::To(document) => document,
            Change::By { updated, removed } => self.updated(updated, &removed, &id),
            Change::Deletion { before } => match self.deletes {
                Deletes::Drop => return Ok(Verdict::Drop),
                Deletes::Null | Deletes::Tombstone => Vec::new(),
                Deletes::Rewrite => before,
            },
        };
        if self.deletes == Deletes::Rewrite {
            set(&mut document, DELETED, Bson::Boolean(is_deletion));
            if self.rewrites_id && !document.iter().any(|(name, _)| name == "_id") {
                document.push(("_id".to_owned(), id.clone()));
            }
        }
        let added = self.added(&event.schema)?;
        let headers: Vec<Header> = added
            .headers
            .iter()
            .map(|(name, location)| Header {
                name: Arc::clone(name),
                value: Data::new(Arc::clone(&location.schema), location.value(event)),
            })
            .collect();
        let value = self.value(&document, event, &added)?;
        record.headers.extend(headers);
        record.key = self.key(id)?;
        record.value = value;
        match &mut self.flatten {
            Some((_, flatten)) => flatten.apply(record),
            None => Ok(Verdict::Keep),
        }
    }
}

impl ExtractNewDocumentState {
    fn added(&mut self, envelope: &Arc<Schema>) -> Result<Arc<Added>> {
        let located = |references: &[FieldReference]| {
            let located =
                |one: &FieldReference| one.locate(envelope).map(|location| (Arc::clone(&one.new_name), location));
            references.iter().filter_map(located).collect()
        };
        let make = || Ok(Arc::new(Added { fields: located(&self.fields), headers: located(&self.headers) }));
        self.added.get_or_make(envelope, make).cloned()
    }

    fn key(&self, id: Bson) -> Result<Data> {
        let document = vec![("id".to_owned(), id)];
        let schema = Arc::new(self.arrays.schema(&document, None)?);
        let key = self.arrays.structure(&document, &schema);
        Ok(Data::new(schema, Value::Struct(key)))
    }

    /// The document with the fields of the event that are added to it; null of an empty one.
    fn value(&self, document: &Document, event: &Struct, added: &Added) -> Result<Data> {
        if document.is_empty() {
            return Ok(Data::NULL);
        }
        let name = event.schema.name.as_deref().map(|name| name.strip_suffix(".Envelope").unwrap_or(name));
        let mut schema = self.arrays.schema(document, name)?;
        let own = schema.fields.len();
        for (name, location) in &added.fields {
            add_field(&mut schema, name, Arc::clone(&location.schema))?;
        }
        let schema = Arc::new(schema);
        let mut value = self.arrays.structure(document, &schema);
        value.values.truncate(own);
        value.values.extend(added.fields.iter().map(|(_, location)| location.value(event)));
        Ok(Data::new(schema, Value::Struct(value)))
    }

    /// The fields that an update sets, without those that it removes.
    fn updated(&self, mut document: Document, removed: &[String], id: &Bson) -> Document {
        document.retain(|(name, _)| !removed.contains(name));
        if !document.iter().any(|(name, _)| name == "_id") {
            document.push(("_id".to_owned(), id.clone()));
        }
        if let Some((delimiter, _)) = &self.flatten {
            document.iter_mut().for_each(|(name, _)| *name = name.replace('.', delimiter));
        }
        document
    }
}

/// What an event says.
enum Change {
    /// The whole document is known.
    To(Document),
    /// Only what the update did.
    By {
        updated: Document,
        removed: Vec<String>,
    },
    Deletion {
        before: Document,
    },
}

fn change(event: &Struct) -> Result<Change> {
    let description = match event.get("updateDescription") {
        Some(Value::Struct(description)) => Some(description),
        _ => None,
    };
    if let Some(document) = text_document(event, "after")? {
        return Ok(Change::To(document));
    }
    let Some(description) = description else {
        return Ok(Change::Deletion { before: text_document(event, "before")?.unwrap_or_default() });
    };
    let removed = match description.get("removedFields") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(Change::By { updated: text_document(description, "updatedFields")?.unwrap_or_default(), removed })
}

/// The document in a field that holds Extended JSON; `None` if the field is null or not there.
fn text_document(of: &Struct, field: &str) -> Result<Option<Document>> {
    match of.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => bson::document(text, field).map(Some),
        Some(other) => {
            let class = other.java_class();
            Err(ConnectError::data(format!("{field} must be a document of MongoDB as text, found: {class}")))
        }
    }
}

/// The `_id`, which the key holds as Extended JSON.
fn id_of(key: &Value) -> Result<Bson> {
    let id = match key {
        Value::Struct(key) => key.get("id"),
        _ => None,
    };
    match id {
        Some(Value::String(text)) => bson::value_of(text, "id of the key"),
        Some(Value::Null) => Ok(Bson::Null),
        Some(Value::Int32(number)) => Ok(Bson::Int32(*number)),
        Some(Value::Int64(number)) => Ok(Bson::Int64(*number)),
        Some(other) => {
            let class = other.java_class();
            Err(ConnectError::data(format!("id of the key must be text, found: {class}")))
        }
        None => Err(ConnectError::data("Unknown field: id").with_class(longshore_api::error::class::ILLEGAL_ARGUMENT)),
    }
}

fn set(document: &mut Document, name: &str, value: Bson) {
    match document.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => document.push((name.to_owned(), value)),
    }
}
