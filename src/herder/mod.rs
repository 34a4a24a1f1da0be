//! Desired state, `plan()`, the loop that carries a plan out, validation, offset requests.
//!
//! The herder is one task that owns all its state and is driven by messages; [`HerderHandle`] is how others speak to
//! it. It knows neither HTTP nor rdkafka.

mod api;
#[cfg(test)]
pub(crate) mod golden;
mod handle;
mod live;
mod messages;
mod offsets;
pub mod plan;
mod run_loop;
pub mod services;
mod stage;
mod task_configs;
#[cfg(test)]
mod tests;
mod types;
pub mod validation;
mod views;

pub use api::{Herder, Reply};
pub use handle::HerderHandle;
pub use services::{Environment, GroupOffsets, SetLogLevel, TaskSpawner};
pub use types::*;
