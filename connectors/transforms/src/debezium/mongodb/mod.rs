//! Debezium's transforms for the change events of its connector for MongoDB.

mod bson;
mod connect;
mod extract;

pub(super) use extract::ExtractNewDocumentState;
