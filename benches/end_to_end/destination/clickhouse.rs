//! A table of ClickHouse.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use longshore_test_servers::unique;
use serde_json::{Value, json};

use super::{Arrival, Destination, PATIENCE};
use crate::lab::Lab;
use crate::quote::{CLICKHOUSE_COLUMNS, FIRST_NUMBER};
use crate::topic::Topic;
use crate::worker::Side;

/// The table, ordered by the records' numbers.
#[derive(Debug)]
pub(super) struct Table {
    url: String,
    name: String,
}

impl Table {
    /// Creates a table.
    pub(super) fn new(lab: &Lab) -> Result<Self> {
        let table = Self { url: lab.clickhouse(), name: unique("quotes").replace('-', "_") };
        let name = &table.name;
        let _nothing =
            table.ask(&format!("CREATE TABLE {name} ({CLICKHOUSE_COLUMNS}) ENGINE = MergeTree ORDER BY sequence"))?;
        Ok(table)
    }

    fn ask(&self, query: &str) -> Result<String> {
        let answer = ureq::post(&self.url).send(query).with_context(|| format!("ClickHouse refuses {query}"))?;
        Ok(answer.into_body().read_to_string()?.trim().to_owned())
    }

    fn count(&self) -> Result<u64> {
        Ok(self.ask(&format!("SELECT count() FROM {}", self.name))?.parse()?)
    }
}

impl Destination for Table {
    fn connector_config(&self, _: Side, topic: &Topic) -> Value {
        let (host, port) = self.url.trim_start_matches("http://").split_once(':').unwrap_or_default();
        json!({
            "connector.class": "com.clickhouse.kafka.connect.ClickHouseSinkConnector",
            "hostname": host,
            "port": port,
            "ssl": "false",
            "database": "default",
            "username": "default",
            "password": "",
            "topic2TableMap": format!("{}={}", topic.name, self.name),
        })
    }

    /// ClickHouse is asked for the count, which it has beside each part.
    fn wait_for(&self, records: u64) -> Result<Arrival> {
        let end = Instant::now() + PATIENCE;
        let mut first = None;
        loop {
            let (count, now) = (self.count()?, Instant::now());
            if count > 0 {
                first = first.or(Some(now));
            }
            if let Some(first) = first.filter(|_| count >= records) {
                return Ok(Arrival { first, last: now });
            }
            ensure!(now < end, "only {count} of {records} rows arrived in {PATIENCE:?}");
            sleep(Duration::from_millis(10));
        }
    }

    fn check(&self, records: u64) -> Result<()> {
        let what = "count(), uniqExact(sequence), min(sequence), max(sequence)";
        let found = self.ask(&format!("SELECT {what} FROM {}", self.name))?;
        let expected = [records, records, FIRST_NUMBER, FIRST_NUMBER + records - 1].map(|number| number.to_string());
        ensure!(found == expected.join("\t"), "not each record arrived once: {what} are {found}");
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.ask(&format!("DROP TABLE {} SYNC", self.name)).map(|_nothing| ())
    }

    /// In one insert.
    fn write(&self, _topic: &Topic, lines: Vec<u8>) -> Result<()> {
        let query = format!("INSERT INTO {} FORMAT JSONEachRow", self.name);
        let answer = ureq::post(&self.url).query("query", &query).send(&lines).context("the insert is refused")?;
        ensure!(answer.status() == 200, "the insert is answered by {}", answer.status());
        Ok(())
    }
}
