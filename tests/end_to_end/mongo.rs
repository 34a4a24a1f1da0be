//! Looks into MongoDB beside the worker.

use std::future::Future;

use bson::{Document, doc};
use mongodb::{Client, Collection};
use tokio::runtime::Runtime;

/// A collection, asked from tests that are not async.
pub(crate) struct Documents {
    runtime: Runtime,
    collection: Collection<Document>,
}

impl Documents {
    /// A collection of a server.
    pub(crate) fn of(uri: &str, database: &str, collection: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(Client::with_uri_str(uri)).unwrap();
        Self { collection: client.database(database).collection(collection), runtime }
    }

    fn ask<T>(&self, question: impl Future<Output = mongodb::error::Result<T>>) -> T {
        self.runtime.block_on(question).unwrap()
    }

    /// How many documents there are.
    pub(crate) fn count(&self) -> u64 {
        self.ask(async { self.collection.count_documents(doc! {}).await })
    }

    /// How many different values a field has.
    pub(crate) fn count_distinct(&self, field: &str) -> usize {
        let stages = [doc! { "$group": { "_id": format!("${field}") } }, doc! { "$count": "n" }];
        let mut cursor = self.ask(async { self.collection.aggregate(stages).await });
        if !self.ask(cursor.advance()) {
            return 0;
        }
        let counted = cursor.deserialize_current().unwrap();
        counted.get_i32("n").map_or(0, |n| n as usize)
    }

    /// A document in which a field has a value.
    pub(crate) fn find(&self, field: &str, value: impl Into<bson::Bson>) -> Option<Document> {
        let filter = doc! { field: value.into() };
        self.ask(async { self.collection.find_one(filter).await })
    }

    /// Makes the server refuse documents that lack a field.
    pub(crate) fn require(&self, field: &str) {
        let validator = doc! { field: { "$exists": true } };
        let (name, database) = (self.collection.name(), self.collection.namespace().db);
        let database = self.collection.client().database(&database);
        self.ask(async { database.create_collection(name).validator(validator).await });
    }
}
