//! Replays what Kafka Connect 4.3.1 answered: everything in `tests/golden`, or in the folder that `LONGSHORE_GOLDEN`
//! names, which has the same layout and may hold other cases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::duplicate_mod, reason = "two replays write typed values alike, each also on its own")]

#[path = "golden_replays/compare.rs"]
mod compare;
#[path = "golden_replays/configs.rs"]
mod configs;
#[path = "../connectors/formats/tests/golden.rs"]
mod converters;
#[path = "golden_replays/internal_topics.rs"]
mod internal_topics;
#[path = "golden_replays/plugins.rs"]
mod plugins;
#[path = "golden_replays/rest.rs"]
mod rest;
mod support;
#[path = "../connectors/transforms/tests/golden.rs"]
mod transforms;
#[path = "end_to_end/worker.rs"]
mod worker;
#[path = "golden_replays/workers.rs"]
mod workers;
