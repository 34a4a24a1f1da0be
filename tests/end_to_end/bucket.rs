//! A bucket of a test's own.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use longshore_test_servers::{s3, unique};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::worker::STRINGS;

pub(crate) struct Bucket {
    pub(crate) name: String,
    client: Client,
    runtime: Runtime,
}

impl Bucket {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn keys(&self) -> Vec<String> {
        let pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send().try_collect();
        let pages = self.runtime.block_on(pages).unwrap();
        pages.iter().flat_map(|page| page.contents()).filter_map(|object| object.key()).map(str::to_owned).collect()
    }

    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        let object = self.client.get_object().bucket(&self.name).key(key).send();
        let object = self.runtime.block_on(object).unwrap();
        self.runtime.block_on(object.body.collect()).unwrap().to_vec()
    }

    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) {
        let put = self.client.put_object().bucket(&self.name).key(key).body(bytes.into()).send();
        self.runtime.block_on(put).unwrap();
    }

    pub(crate) fn delete(&self, key: &str) {
        self.runtime.block_on(self.client.delete_object().bucket(&self.name).key(key).send()).unwrap();
    }

    /// A sink that writes JSON here.
    pub(crate) fn sink(&self, topics: &str, flush_size: usize, more: &[(&str, &str)]) -> Value {
        let mut config = json!({
            "connector.class": "io.confluent.connect.s3.S3SinkConnector",
            "topics": topics,
            "key.converter": STRINGS,
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
