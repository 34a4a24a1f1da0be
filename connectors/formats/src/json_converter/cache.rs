//! Schemas by their texts, texts by their schemas.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_api::{Result, Schema};

use crate::json::Failure;

/// Parsed schemas by their JSON texts.
///
/// When it is full it starts again from nothing: a topic has few schemas, and one that has as many as this profits
/// from no order of eviction.
#[derive(Debug)]
pub(super) struct ReadCache {
    size: usize,
    state: Mutex<ReadState>,
}

#[derive(Debug, Default)]
struct ReadState {
    /// The latest hit: most often the next one too, and comparing is cheaper than parsing and hashing.
    latest: Option<(Arc<str>, Arc<Schema>)>,
    schemas: HashMap<Arc<str>, Arc<Schema>>,
}

impl ReadCache {
    pub(super) fn new(size: usize) -> Self {
        Self { size, state: Mutex::default() }
    }

    /// The text and schema of the latest hit.
    pub(super) fn latest(&self) -> Option<(Arc<str>, Arc<Schema>)> {
        lock(&self.state).latest.clone()
    }

    /// The schema of a text; parsed if it is not known.
    pub(super) fn get(
        &self,
        text: &str,
        parse: impl FnOnce() -> Result<Arc<Schema>, Failure>,
    ) -> Result<Arc<Schema>, Failure> {
        let mut state = lock(&self.state);
        let found = state.schemas.get_key_value(text).map(|(text, schema)| (Arc::clone(text), Arc::clone(schema)));
        if let Some((text, schema)) = found {
            state.latest = Some((text, Arc::clone(&schema)));
            return Ok(schema);
        }
        drop(state);
        let schema = parse()?;
        let text: Arc<str> = Arc::from(text);
        let mut state = lock(&self.state);
        if state.schemas.len() >= self.size {
            state.schemas.clear();
        }
        if self.size > 0 {
            state.schemas.insert(Arc::clone(&text), Arc::clone(&schema));
            state.latest = Some((text, Arc::clone(&schema)));
        }
        Ok(schema)
    }
}

/// JSON texts of schemas, by the schemas' identity: sources share a schema among records.
#[derive(Debug)]
pub(super) struct WriteCache {
    size: usize,
    /// The schema is kept beside its text, so that its address cannot become another schema's.
    texts: Mutex<HashMap<usize, WrittenSchema>>,
}

type WrittenSchema = (Arc<Schema>, Arc<[u8]>);

impl WriteCache {
    pub(super) fn new(size: usize) -> Self {
        Self { size, texts: Mutex::default() }
    }

    /// Appends a schema's text, made by `write` if it is not known.
    pub(super) fn write(
        &self,
        schema: &Arc<Schema>,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Schema) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let identity = Arc::as_ptr(schema).addr();
        let known = lock(&self.texts).get(&identity).map(|(_, text)| Arc::clone(text));
        if let Some(text) = known {
            out.extend_from_slice(&text);
            return Ok(());
        }
        let text: Arc<[u8]> = write(schema)?.into();
        out.extend_from_slice(&text);
        let mut texts = lock(&self.texts);
        if texts.len() >= self.size {
            texts.clear();
        }
        if self.size > 0 {
            texts.insert(identity, (Arc::clone(schema), text));
        }
        Ok(())
    }
}

/// A cache that a panicking task left behind is still whole: every change to it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
