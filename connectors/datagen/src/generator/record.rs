//! Records, and the sessions that run through them.

use std::sync::Arc;

use longshore_api::{Schema, Struct, Value};
use rand::Rng;
use rand::rngs::SmallRng;

use super::number::Walker;
use super::rules::Length;
use super::{Env, Node};

/// How a record is made.
pub(super) struct Record {
    pub(super) schema: Arc<Schema>,
    pub(super) fields: Vec<Field>,
    pub(super) sessions: Option<Sessions>,
}

/// How a field is made.
pub(super) struct Field {
    pub(super) node: Node,
    /// Whether it keeps its value within a session.
    pub(super) kept: bool,
    /// The index of the earlier field whose walk this one goes on with.
    pub(super) walks_by: Option<usize>,
}

/// Sessions that live at the same time.
pub(super) struct Sessions {
    live: Vec<Session>,
    length: Length,
}

/// A series of records that have some fields in common.
#[derive(Default, Clone)]
struct Session {
    /// How many records it still has.
    left: usize,
    /// A value for each field of the record; null where none is kept.
    values: Vec<Value>,
}

/// The session to which a record belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Which of those that live.
    pub(super) index: usize,
    /// Whether it begins with this record.
    pub(super) fresh: bool,
}

impl Sessions {
    pub(super) fn new(count: usize, length: Length) -> Self {
        Self { live: vec![Session::default(); count], length }
    }

    pub(super) fn count(&self) -> usize {
        self.live.len()
    }

    fn pick(&mut self, fields: usize, rng: &mut SmallRng) -> Slot {
        let index = rng.random_range(0..self.live.len());
        let length = self.length.pick(rng);
        let session = &mut self.live[index];
        let fresh = session.left == 0;
        if fresh {
            session.left = length.max(1);
            session.values = vec![Value::Null; fields];
        }
        session.left -= 1;
        Slot { index, fresh }
    }
}

impl Record {
    pub(super) fn make(&mut self, env: &mut Env) -> Value {
        let slot = self.sessions.as_mut().map(|sessions| sessions.pick(self.fields.len(), &mut env.rng));
        let outer = env.session;
        env.session = slot.or(outer);
        let mut values = Vec::with_capacity(self.fields.len());
        for (index, field) in self.fields.iter_mut().enumerate() {
            env.walker = field.walks_by.and_then(|by| values.get(by)).map(Walker::of);
            let session = match (&mut self.sessions, slot) {
                (Some(sessions), Some(slot)) if field.kept => sessions.live.get_mut(slot.index).zip(Some(slot.fresh)),
                _ => None,
            };
            values.push(match session {
                None => field.node.make(env),
                Some((session, true)) => {
                    let value = field.node.make(env);
                    session.values[index].clone_from(&value);
                    value
                }
                Some((session, false)) => session.values[index].clone(),
            });
        }
        env.walker = None;
        env.session = outer;
        Value::Struct(Struct { schema: Arc::clone(&self.schema), values })
    }
}
