//! Records become objects of a bucket, each once.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use longshore_test_servers::{kafka, s3, unique};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::kafka::{Writer, create_topic};
use super::worker::{STRINGS, Worker};

/// A bucket of a test's own.
struct Bucket {
    name: String,
    client: Client,
    runtime: Runtime,
}

impl Bucket {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("lab", "labpass", None, None, "test"))
            .endpoint_url(s3())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .force_path_style(true);
        let (name, client) = (unique("lake"), Client::from_conf(config.build()));
        runtime.block_on(client.create_bucket().bucket(&name).send()).unwrap();
        Self { name, client, runtime }
    }

    fn keys(&self) -> Vec<String> {
        let pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send().try_collect();
        let pages = self.runtime.block_on(pages).unwrap();
        pages.iter().flat_map(|page| page.contents()).filter_map(|object| object.key()).map(str::to_owned).collect()
    }

    /// The objects, by key, as what `text` makes of them.
    fn objects(&self, text: fn(Vec<u8>) -> String) -> BTreeMap<String, String> {
        let text = |key: &String| {
            let object = self.client.get_object().bucket(&self.name).key(key).send();
            let object = self.runtime.block_on(object).unwrap();
            let bytes = self.runtime.block_on(object.body.collect()).unwrap().to_vec();
            (key.clone(), text(bytes))
        };
        self.keys().iter().map(text).collect()
    }

    fn sink(&self, topics: &str, flush_size: usize) -> Value {
        json!({
            "connector.class": "io.confluent.connect.s3.S3SinkConnector",
            "tasks.max": "2",
            "topics": topics,
            "key.converter": STRINGS,
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "s3.bucket.name": self.name,
            "s3.region": "us-east-1",
            "s3.part.size": 5242880,
            "store.url": s3(),
            "aws.access.key.id": "lab",
            "aws.secret.access.key": "labpass",
            "storage.class": "io.confluent.connect.s3.storage.S3Storage",
            "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
            "schema.compatibility": "NONE",
            "flush.size": flush_size.to_string(),
        })
    }
}

#[test]
fn each_record_is_in_one_object_though_the_worker_is_killed() {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    check_kills("json.JsonFormat", "json", text, |n| format!("{{\"n\":{n}}}\n"));
}

#[test]
fn each_record_is_in_one_parquet_file_though_the_worker_is_killed() {
    let text = |bytes| {
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        file.get_row_iter(None).unwrap().map(|row| format!("{}\n", row.unwrap())).collect()
    };
    check_kills("parquet.ParquetFormat", "snappy.parquet", text, |n| format!("{{n: {n}}}\n"));
}

/// Kills a worker again and again while it writes, and looks for each record: `text` reads an object, in which `line`
/// stands for a record.
fn check_kills(format: &str, extension: &str, text: fn(Vec<u8>) -> String, line: fn(usize) -> String) {
    const RECORDS: usize = 6000;
    const FLUSH_SIZE: usize = 100;
    let bucket = Bucket::new();
    let topics: Vec<String> = (0..3).map(|_| unique("orders")).collect();
    let writer = Writer::new();
    for topic in &topics {
        create_topic(topic, 1);
        (0..RECORDS).for_each(|n| writer.send(topic, None, Some(&format!(r#"{{"n":{n}}}"#))));
    }
    writer.flush();
    let mut worker = Worker::start(kafka());
    let mut config = bucket.sink(&topics.join(","), FLUSH_SIZE);
    config["format.class"] = json!(format!("io.confluent.connect.s3.format.{format}"));
    worker.create("lake", &config);
    for kill in 0..4 {
        let before = bucket.keys().len();
        let all = topics.len() * RECORDS / FLUSH_SIZE;
        worker.wait_until("further objects", || bucket.keys().len() > before || bucket.keys().len() == all);
        std::thread::sleep(Duration::from_millis(40 * kill));
        worker.kill();
        worker.start_again();
    }
    let mut expected = BTreeMap::new();
    for topic in &topics {
        for first in (0..RECORDS).step_by(FLUSH_SIZE) {
            let lines: String = (first..first + FLUSH_SIZE).map(line).collect();
            expected.insert(format!("topics/{topic}/partition=0/{topic}+0+{first:010}.{extension}"), lines);
        }
    }
    worker.wait_until("all objects", || bucket.keys().len() >= expected.len());
    worker.wait_for_state("lake", "RUNNING", "RUNNING");
    assert!(bucket.objects(text) == expected, "other objects than expected: {:?}", bucket.keys());
}

#[test]
fn a_wrong_configuration_is_told_at_once_and_a_wrong_bucket_fails_the_task() {
    let bucket = Bucket::new();
    let worker = Worker::start(kafka());
    let topic = unique("orders");
    create_topic(&topic, 1);
    let mut config = bucket.sink(&topic, 3);
    config["s3.part.size"] = json!(1000);
    config["format.class"] = json!("parquet");
    let answer = worker.send("PUT", "/connectors/lake/config", &config);
    let message = answer.body["message"].as_str().unwrap();
    assert_eq!(answer.status, 400);
    assert!(message.contains("contains the following 2 error(s)"), "{message}");
    assert!(message.contains("Part size must be at least: 5242880 bytes (5MB)"), "{message}");
    assert!(message.contains("Class parquet could not be found."), "{message}");

    let mut config = bucket.sink(&topic, 3);
    config["s3.bucket.name"] = json!("no-such-bucket");
    worker.create("lost", &config);
    worker.wait_for_state("lost", "RUNNING", "FAILED");
    let status = worker.status("lost");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("Non-existent S3 bucket: no-such-bucket") && !trace.contains("labpass"), "{trace}");
}
