//! The built worker against a real broker, a real MongoDB and a real ClickHouse, driven from outside as a user would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod avro;
mod bad_input;
mod broker_outage;
mod bucket;
mod chains;
mod cli;
mod clickhouse;
mod delivery;
mod kafka;
mod lake;
mod lifecycle;
mod many;
mod memory;
mod mongo;
mod odd_input;
mod outages;
mod quickstart;
mod refused;
mod registry;
mod registry_formats;
mod s3;
mod simplelink;
mod standalone;
mod transforms;
mod worker;
