//! What the herder is doing, for callers whose patience ran out (KIP-1017).

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// The step that the herder is at, or the last one that it completed.
#[derive(Debug)]
pub(super) struct Stage(Mutex<Step>);

#[derive(Debug)]
struct Step {
    name: String,
    began: Timestamp,
    completed: Option<Timestamp>,
}

impl Stage {
    /// Begins with a first step.
    pub(super) fn new(name: &str) -> Self {
        Self(Mutex::new(Step { name: name.to_owned(), began: Timestamp::now(), completed: None }))
    }

    /// A step begins.
    pub(super) fn begin(&self, name: impl Into<String>) {
        let step = Step { name: name.into(), began: Timestamp::now(), completed: None };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// The step is over.
    pub(super) fn complete(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).completed = Some(Timestamp::now());
    }

    /// Connect's words for it.
    pub(super) fn text(&self) -> String {
        let step = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, began) = (&step.name, step.began);
        match step.completed {
            None => format!("The worker is currently {name}, which began at {began}."),
            Some(completed) => format!(
                "The last operation the worker completed was {name}, which began at {began} and completed at \
                 {completed}."
            ),
        }
    }
}
