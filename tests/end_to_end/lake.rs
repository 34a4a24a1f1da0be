//! What the S3 sink writes, and what `longshore lake` says of it.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use longshore_test_servers::{kafka, s3, unique};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::kafka::{Writer, create_topic};
use super::worker::Worker;

/// A bucket of a test's own.
struct Lake {
    name: String,
    client: Client,
    runtime: Runtime,
}

impl Lake {
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

    fn get(&self, key: &str) -> Vec<u8> {
        let object = self.client.get_object().bucket(&self.name).key(key).send();
        let object = self.runtime.block_on(object).unwrap();
        self.runtime.block_on(object.body.collect()).unwrap().to_vec()
    }

    /// A sink that writes JSON here, a task for all partitions.
    fn sink(&self, topic: &str, flush_size: usize, more: &[(&str, &str)]) -> Value {
        let mut config = json!({
            "connector.class": "io.confluent.connect.s3.S3SinkConnector",
            "topics": topic,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "s3.bucket.name": self.name,
            "s3.region": "us-east-1",
            "store.url": s3(),
            "aws.access.key.id": "lab",
            "aws.secret.access.key": "labpass",
            "storage.class": "io.confluent.connect.s3.storage.S3Storage",
            "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
            "flush.size": flush_size.to_string(),
        });
        more.iter().for_each(|(key, value)| config[*key] = json!(value));
        config
    }
}

#[test]
fn five_hundred_open_files_stay_below_128_megabytes() {
    const PATHS: usize = 500;
    const RECORDS: usize = 40;
    const LIMIT: u64 = 128 << 20;
    let lake = Lake::new();
    let topic = unique("orders");
    create_topic(&topic, 1);
    let writer = Writer::new();
    // More than the limit altogether, and all of it open until the last record comes.
    let filler = "x".repeat(7000);
    let record = |path: usize, n: usize| format!(r#"{{"p":{path},"n":{n},"f":"{filler}"}}"#);
    (0..RECORDS).for_each(|n| (0..PATHS).for_each(|path| writer.send(&topic, None, Some(&record(path, n)))));
    writer.flush();
    let worker = Worker::start(kafka());
    let more = [
        ("partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"),
        ("partition.field.name", "p"),
        ("task.memory.limit.bytes", "33554432"),
    ];
    worker.create("wide", &lake.sink(&topic, PATHS * RECORDS, &more));
    worker.wait_until("all objects", || lake.keys().len() == PATHS);
    worker.wait_for_state("wide", "RUNNING", "RUNNING");
    let peak = worker.peak_memory();
    for path in 0..PATHS {
        let object = lake.get(&format!("topics/{topic}/p={path}/{topic}+0+{path:010}.json"));
        let text = String::from_utf8(object).unwrap();
        assert!(text.lines().eq((0..RECORDS).map(|n| record(path, n))), "path {path}");
    }
    assert!(peak < LIMIT, "the worker has taken {} MB", peak >> 20);
}
