//! A collection of documents.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bson::{Document, doc};
use longshore_test_servers::unique;
use mongodb::Collection;
use serde_json::{Value, json};

use super::{Arrival, Destination, PATIENCE};
use crate::lab::Lab;
use crate::quote::FIRST_NUMBER;
use crate::topic::Topic;
use crate::worker::Side;

/// The collection, in a database of its own.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    lab: &'a Lab,
    collection: Collection<Document>,
}

impl<'a> Documents<'a> {
    /// A collection that is not there yet.
    pub(super) fn new(lab: &'a Lab) -> Result<Self> {
        let client = lab.runtime().block_on(mongodb::Client::with_uri_str(lab.mongodb()))?;
        Ok(Self { lab, collection: client.database(&unique("quotes")).collection("quotes") })
    }
}

impl Destination for Documents<'_> {
    fn connector_config(&self, _: Side, _: &Topic) -> Value {
        json!({
            "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
            "connection.uri": self.lab.mongodb(),
            "database": self.collection.namespace().db,
            "collection": self.collection.name(),
        })
    }

    /// MongoDB is asked for the count that it keeps.
    fn wait_for(&self, records: u64) -> Result<Arrival> {
        self.lab.runtime().block_on(wait_for(&self.collection, records))
    }

    fn check(&self, records: u64) -> Result<()> {
        self.lab.runtime().block_on(check(&self.collection, records))
    }

    fn clear(&self) -> Result<()> {
        let database = self.collection.client().database(&self.collection.namespace().db);
        Ok(self.lab.runtime().block_on(async { database.drop().await })?)
    }
}

async fn wait_for(collection: &Collection<Document>, records: u64) -> Result<Arrival> {
    let end = Instant::now() + PATIENCE;
    let mut first = None;
    loop {
        let (count, now) = (collection.estimated_document_count().await?, Instant::now());
        if count > 0 {
            first = first.or(Some(now));
        }
        // The kept count runs ahead of what is committed, by a batch of inserts at most.
        if let Some(first) = first.filter(|_| count >= records)
            && collection.count_documents(doc! {}).await? >= records
        {
            return Ok(Arrival { first, last: now });
        }
        ensure!(now < end, "only {count} of {records} documents arrived in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(if count == 0 { 2 } else { 10 })).await;
    }
}

async fn check(collection: &Collection<Document>, records: u64) -> Result<()> {
    let count = collection.count_documents(doc! {}).await?;
    ensure!(count == records, "{count} documents arrived, not {records}");
    let each = doc! { "$group": { "_id": "$sequence" } };
    let all = doc! { "$group": {
        "_id": null, "count": { "$sum": 1 }, "least": { "$min": "$_id" }, "most": { "$max": "$_id" },
    } };
    let mut cursor = collection.aggregate([each, all]).await?;
    ensure!(cursor.advance().await?, "no document can be read");
    let found = cursor.deserialize_current()?;
    let number = |key: &str| found.get(key).and_then(|value| value.as_i64().or(value.as_i32().map(i64::from)));
    let (count, first) = (i64::try_from(records)?, i64::try_from(FIRST_NUMBER)?);
    let expected = [Some(count), Some(first), Some(first + count - 1)];
    ensure!([number("count"), number("least"), number("most")] == expected, "not each record arrived once: {found}");
    Ok(())
}
