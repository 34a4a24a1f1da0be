//! The herder with logs in memory and tasks that do nothing.

mod auto_restarts;
mod harness;
mod lifecycle;
mod requests;
mod restarts;
mod takeover;
