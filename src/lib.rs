//! Longshore: the Kafka Connect worker's work, in one small, fast binary.
//!
//! One record's way through the house: [`kafka`] polls batches, [`task`] converts them and puts them into a sink of
//! `connectors/`, and commits what the sink says is delivered. [`herder`] decides which connectors and tasks run,
//! from what [`store`] keeps; [`rest`] lets people talk to the herder. `ARCHITECTURE.md` has the map.

pub mod chain;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod groups;
pub mod herder;
pub mod kafka;
pub mod logging;
pub mod metrics;
pub mod plugins;
pub mod rest;
pub mod store;
pub mod task;
pub mod trial;

/// TLS of the HTTP calls that the worker itself makes.
pub use longshore_tls::http;
