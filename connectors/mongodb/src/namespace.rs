//! Where a record's document goes: `namespace.mapper`.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::{ConnectError, Part, Record};

use crate::convert::elements::{RawValue, field};
use crate::convert::kind;
use crate::errors;

/// The mapper that takes database and collection from the configuration.
pub(crate) const DEFAULT_MAPPER: &str = "com.mongodb.kafka.connect.sink.namespace.mapping.DefaultNamespaceMapper";

/// The mapper that takes them from fields of the record.
pub(crate) const FIELD_PATH_MAPPER: &str = "com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper";

/// How many namespaces are remembered from batch to batch; fields can hold anything.
const REMEMBERED: usize = 10_000;

/// A database and one of its collections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Namespace {
    pub(crate) database: String,
    pub(crate) collection: String,
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}

/// Which fields name database and collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPaths {
    /// The database's field.
    pub(crate) database: Option<(Part, String)>,
    /// The collection's field.
    pub(crate) collection: Option<(Part, String)>,
    /// Whether a record fails whose field is missing or no string; else the configured names hold.
    pub(crate) strict: bool,
}

impl FieldPaths {
    /// Whether a part of the record is read.
    pub(crate) fn reads(&self, part: Part) -> bool {
        [&self.database, &self.collection].into_iter().flatten().any(|(read, _)| *read == part)
    }

    /// The name of the database, then that of the collection, where fields say so.
    ///
    /// # Errors
    /// If a field is missing or no string and that matters, or no such name can be.
    pub(crate) fn names<'a>(
        &self,
        record: &Record<'_>,
        (key, value): (Option<&'a [u8]>, Option<&'a [u8]>),
    ) -> Result<(Option<&'a str>, Option<&'a str>), ConnectError> {
        let name = |path: &Option<(Part, String)>| match path {
            None => Ok(None),
            Some((Part::Key, path)) => self.look_up(record, key, "key", path),
            Some((Part::Value, path)) => self.look_up(record, value, "value", path),
        };
        let (database, collection) = (name(&self.database)?, name(&self.collection)?);
        if let Some(wrong) = database.and_then(wrong_database).or_else(|| collection.and_then(wrong_collection)) {
            return Err(ConnectError::data(wrong).with_class("java.lang.IllegalArgumentException"));
        }
        Ok((database, collection))
    }

    fn look_up<'a>(
        &self,
        record: &Record<'_>,
        document: Option<&'a [u8]>,
        part: &str,
        path: &str,
    ) -> Result<Option<&'a str>, ConnectError> {
        let why = match document.map(|document| (document, value_at(document, path))) {
            None => {
                let place = format!("{}-{}@{}", record.original_topic(), record.partition(), record.offset());
                format!("Invalid {part} document: {place}")
            }
            Some((document, None)) => format!("Missing document path '{path}': {}", errors::shown_bytes(document)),
            Some((document, Some(found))) => match found.as_str() {
                Some(name) => return Ok(Some(name)),
                None => format!(
                    "Invalid type for {} field path '{path}', expected a String: {}",
                    kind::bson_type(found.kind),
                    errors::shown_bytes(document)
                ),
            },
        };
        if self.strict { Err(ConnectError::data(why)) } else { Ok(None) }
    }
}

/// The field of a path: one whose name has the dots, else the one inside the documents that they lead through.
fn value_at<'a>(document: &'a [u8], path: &str) -> Option<RawValue<'a>> {
    if let Some(found) = field(document, path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.').filter(|(_, rest)| !rest.ends_with('.') && !rest.is_empty())?;
    value_at(field(document, first)?.as_document()?, rest)
}

fn wrong_database(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("state should be: databaseName is not empty".to_owned());
    }
    let prohibited = name.chars().find(|one| matches!(one, '\0' | '/' | '\\' | ' ' | '"' | '.'))?;
    Some(format!("state should be: databaseName does not contain '{prohibited}'"))
}

fn wrong_collection(name: &str) -> Option<String> {
    match name {
        "" => Some("state should be: collectionName is not empty".to_owned()),
        name if name.contains('\0') => Some("state should be: collectionName does not contain '\\0'".to_owned()),
        _ => None,
    }
}

/// The namespaces that records go to, each once.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    known: HashMap<String, HashMap<String, Arc<Namespace>>>,
    count: usize,
}

impl Namespaces {
    /// Forgets all if they have become too many. Not within a batch: there each is the one of its names.
    pub(crate) fn trim(&mut self) {
        if self.count >= REMEMBERED {
            *self = Self::default();
        }
    }

    /// The one namespace of these names.
    pub(crate) fn get(&mut self, database: &str, collection: &str) -> Arc<Namespace> {
        if let Some(known) = self.known.get(database).and_then(|collections| collections.get(collection)) {
            return Arc::clone(known);
        }
        self.count += 1;
        let new = Arc::new(Namespace { database: database.to_owned(), collection: collection.to_owned() });
        let collections = self.known.entry(database.to_owned()).or_default();
        collections.insert(collection.to_owned(), Arc::clone(&new));
        new
    }
}
