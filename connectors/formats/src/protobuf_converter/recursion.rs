//! Structs that are used within themselves, while a schema is described.

use std::sync::Arc;

use longshore_api::{ConnectError, Result, Schema};

use super::encode::{Layout, Target};

/// Deeper schemas are refused, which bounds the recursion of all that follows schemas.
const MAX_DEPTH: usize = 100;

/// The structs that were described so far, and those that are being described.
#[derive(Default)]
pub(super) struct Structs {
    /// From the outermost to the innermost.
    open: Vec<Open>,
    done: Vec<Done>,
    /// Those that are used within themselves; empty until they are described.
    again: Vec<Option<Target>>,
}

struct Open {
    schema: Arc<Schema>,
    /// The name of its message.
    name: String,
    /// Its place in [`Structs::again`].
    index: Option<usize>,
}

/// A struct that is described, for those that stood within it and are used once more beside it.
struct Done {
    target: Target,
    /// The full name of its message.
    path: String,
    index: Option<usize>,
}

impl Structs {
    /// What is described from now on stands within the message of this name.
    pub(super) fn begin(&mut self, name: &str, schema: &Arc<Schema>) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ConnectError::data(format!("a schema of more than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { schema: Arc::clone(schema), name: name.to_owned(), index: None });
        Ok(())
    }

    /// The message is described.
    pub(super) fn end(&mut self, package: &str, schema: &Arc<Schema>, layout: &Arc<Layout>) {
        let names = self.open.iter().map(|open| open.name.as_str());
        let path = std::iter::once(package).filter(|package| !package.is_empty()).chain(names);
        let path = path.map(|name| format!(".{name}")).collect();
        let target = || Target { schema: Arc::clone(schema), layout: Arc::clone(layout) };
        let index = self.open.pop().and_then(|open| open.index);
        if let Some(slot) = index.and_then(|index| self.again.get_mut(index)) {
            *slot = Some(target());
        }
        if schema.name.is_some() && !schema.fields.is_empty() {
            self.done.push(Done { target: target(), path, index });
        }
    }

    /// How the message is called for which a schema without fields stands, and its place among those that are used
    /// within themselves. The innermost that fits is meant.
    pub(super) fn find(&mut self, schema: &Schema) -> Option<(String, usize)> {
        if let Some(open) = self.open.iter_mut().rev().find(|open| schema.stands_for(&open.schema)) {
            let index = *open.index.get_or_insert_with(|| {
                self.again.push(None);
                self.again.len() - 1
            });
            return Some((open.name.clone(), index));
        }
        let done = self.done.iter_mut().rev().find(|done| schema.stands_for(&done.target.schema))?;
        let index = *done.index.get_or_insert_with(|| {
            self.again.push(Some(done.target.clone()));
            self.again.len() - 1
        });
        Some((done.path.clone(), index))
    }

    /// Those that are used within themselves, when all is described.
    pub(super) fn again(self) -> Vec<Target> {
        self.again.into_iter().flatten().collect()
    }
}
