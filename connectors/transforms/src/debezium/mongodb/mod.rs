//! Debezium's transforms for the change events of its connector for MongoDB.

mod bson;
mod connect;
mod extract;
mod outbox;

pub(super) use extract::ExtractNewDocumentState;
pub(super) use outbox::MongoEventRouter;
