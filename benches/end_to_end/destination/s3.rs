//! Objects of a bucket.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use longshore_test_servers::unique;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::{Value, json};

use super::{Arrival, Destination, PATIENCE, avro_file};
use crate::lab::Lab;
use crate::quote::{JSON_BYTES, Roll, number_of};
use crate::topic::Topic;
use crate::worker::Side;

const LOGIN: [&str; 2] = ["lab", "labpass"];

/// What the objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// Lines of JSON.
    Json,
    JsonGzip,
    Avro,
    /// With Snappy, Confluent's default.
    Parquet,
}

/// A bucket for one connector's objects.
pub(super) struct Bucket<'a> {
    lab: &'a Lab,
    client: Client,
    name: String,
    objects: Objects,
    /// The records of each object that was read.
    numbers: RefCell<BTreeMap<String, Vec<u64>>>,
}

impl<'a> Bucket<'a> {
    /// Creates a bucket.
    pub(super) fn new(lab: &'a Lab, objects: Objects) -> Result<Self> {
        let [key, secret] = LOGIN;
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(key, secret, None, None, "benchmark"))
            .endpoint_url(lab.s3())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .force_path_style(true);
        let (client, name) = (Client::from_conf(config.build()), unique("quotes"));
        let _created = lab.runtime().block_on(client.create_bucket().bucket(&name).send())?;
        Ok(Self { lab, client, name, objects, numbers: RefCell::default() })
    }

    fn keys(&self) -> Result<Vec<String>> {
        let pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send().try_collect();
        let pages = self.lab.runtime().block_on(pages).context("the objects cannot be listed")?;
        Ok(pages.iter().flat_map(|page| page.contents()).filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    fn object(&self, key: &str) -> Result<Vec<u8>> {
        self.lab.runtime().block_on(async {
            let object = self.client.get_object().bucket(&self.name).key(key).send().await?;
            Ok(object.body.collect().await?.to_vec())
        })
    }

    /// Reads the objects that were not read yet; how many records all of them have.
    fn read(&self, keys: Vec<String>) -> Result<u64> {
        let mut numbers = self.numbers.borrow_mut();
        for key in keys {
            if let Entry::Vacant(place) = numbers.entry(key) {
                let object = self.object(place.key())?;
                let found = self.objects.numbers(object).with_context(|| format!("{} is odd", place.key()))?;
                let _new = place.insert(found);
            }
        }
        Ok(numbers.values().map(|numbers| numbers.len() as u64).sum())
    }
}

impl Destination for Bucket<'_> {
    /// Either connector writes the record's value and nothing around it. An object of Longshore's has a fixed number of
    /// records; Aiven's writes what it has whenever offsets are committed.
    fn connector_config(&self, side: Side, topic: &Topic) -> Value {
        match side {
            Side::Longshore => self.confluent(topic),
            Side::Connect => self.aiven(),
        }
    }

    /// The bucket is listed; objects are read only when none has come for a while.
    fn wait_for(&self, records: u64) -> Result<Arrival> {
        const STILL: Duration = Duration::from_millis(100);
        let end = Instant::now() + PATIENCE;
        let (mut first, mut count, mut grown) = (None, 0, Instant::now());
        let mut arrived = 0;
        loop {
            let (keys, now) = (self.keys()?, Instant::now());
            if keys.len() > count {
                first = first.or(Some(now));
                (count, grown) = (keys.len(), now);
            } else if let Some(first) = first.filter(|_| now - grown >= STILL) {
                arrived = self.read(keys)?;
                if arrived >= records {
                    return Ok(Arrival { first, last: grown });
                }
            }
            ensure!(now < end, "only {arrived} of {records} records arrived in {PATIENCE:?}");
            sleep(Duration::from_millis(10));
        }
    }

    fn check(&self, records: u64) -> Result<()> {
        let _count = self.read(self.keys()?)?;
        let mut roll = Roll::of(records)?;
        self.numbers.borrow().values().flatten().try_for_each(|number| roll.note(*number))?;
        roll.close()
    }

    fn clear(&self) -> Result<()> {
        let keys = self.keys()?;
        self.lab.runtime().block_on(async {
            for key in keys {
                let _gone = self.client.delete_object().bucket(&self.name).key(key).send().await?;
            }
            let _gone = self.client.delete_bucket().bucket(&self.name).send().await?;
            Ok(())
        })
    }

    /// In as many objects as Longshore makes, one after another.
    fn write(&self, topic: &Topic, lines: Vec<u8>) -> Result<()> {
        let lines = Bytes::from(lines);
        // All lines have one length.
        let size = (JSON_BYTES + 1) * usize::try_from(topic.records_an_object())?;
        for (number, start) in (0..lines.len()).step_by(size.max(1)).enumerate() {
            let body = lines.slice(start..lines.len().min(start + size));
            let put = self.client.put_object().bucket(&self.name).key(format!("{number}.json"));
            let _put = self.lab.runtime().block_on(put.body(body.into()).send())?;
        }
        Ok(())
    }
}

impl Bucket<'_> {
    fn confluent(&self, topic: &Topic) -> Value {
        let [key, secret] = LOGIN;
        let package = "io.confluent.connect.s3";
        let format = match self.objects {
            Objects::Json | Objects::JsonGzip => "json.JsonFormat",
            Objects::Avro => "avro.AvroFormat",
            Objects::Parquet => "parquet.ParquetFormat",
        };
        let mut config = json!({
            "connector.class": format!("{package}.S3SinkConnector"),
            "storage.class": format!("{package}.storage.S3Storage"),
            "format.class": format!("{package}.format.{format}"),
            "flush.size": topic.records_an_object().to_string(),
            "s3.bucket.name": self.name,
            "s3.region": "us-east-1",
            "store.url": self.lab.s3(),
            "aws.access.key.id": key,
            "aws.secret.access.key": secret,
        });
        if self.objects == Objects::JsonGzip {
            config["s3.compression.type"] = json!("gzip");
        }
        config
    }

    fn aiven(&self) -> Value {
        let [key, secret] = LOGIN;
        let (format, compression) = match self.objects {
            Objects::Json => ("jsonl", "none"),
            Objects::JsonGzip => ("jsonl", "gzip"),
            Objects::Avro => ("avro", "none"),
            Objects::Parquet => ("parquet", "snappy"),
        };
        json!({
            "connector.class": "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector",
            "format.output.type": format,
            "format.output.fields": "value",
            "format.output.fields.value.encoding": "none",
            "format.output.envelope": "false",
            "file.compression.type": compression,
            "aws.s3.bucket.name": self.name,
            "aws.s3.region": "us-east-1",
            "aws.s3.endpoint": self.lab.s3(),
            "aws.access.key.id": key,
            "aws.secret.access.key": secret,
        })
    }
}

impl Objects {
    /// The numbers of an object's records.
    fn numbers(self, object: Vec<u8>) -> Result<Vec<u64>> {
        match self {
            Self::Json => numbers_of_lines(&object),
            Self::JsonGzip => {
                let mut lines = Vec::new();
                let _bytes = MultiGzDecoder::new(object.as_slice()).read_to_end(&mut lines)?;
                numbers_of_lines(&lines)
            }
            Self::Avro => avro_file::numbers(&object),
            // The number is a record's first field.
            Self::Parquet => {
                let file = SerializedFileReader::new(Bytes::from(object))?;
                file.get_row_iter(None)?.map(|row| Ok(u64::try_from(row?.get_long(0)?)?)).collect()
            }
        }
    }
}

fn numbers_of_lines(lines: &[u8]) -> Result<Vec<u64>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let number = |line| number_of(line).with_context(|| format!("an odd line: {}", String::from_utf8_lossy(line)));
    lines.map(number).collect()
}
