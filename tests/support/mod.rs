//! What several tests need: a plain HTTP client, a herder that keeps everything in memory, the REST API over it, and
//! the replay of what Kafka Connect answered.

// Each test uses a part of this, and has it as a module of its own.
#![allow(dead_code, unreachable_pub)]
// A test fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

pub mod fake_herder;
pub mod golden;
pub mod http;
pub mod server;
