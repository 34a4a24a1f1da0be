//! The herder with logs in memory and tasks that do nothing.

mod harness;
mod lifecycle;
mod requests;
mod restarts;
mod takeover;
