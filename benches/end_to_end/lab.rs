//! The servers, the topics and the place for files of one benchmark.

use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::process;

use anyhow::{Context, Result};
use bson::doc;
use longshore_test_servers::{Kind, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::options::Plan;
use crate::process::Process;
use crate::topic::{Content, Topic};

/// What all measurements share. A server starts when it is first needed, and ends with the lab.
#[derive(Debug)]
pub(crate) struct Lab {
    kafka: Server,
    mongod: OnceCell<Server>,
    clickhouse: OnceCell<Server>,
    s3: OnceCell<Server>,
    registry: OnceCell<Server>,
    topics: RefCell<Vec<Topic>>,
    partitions: i32,
    folder: TempDir,
    runtime: Runtime,
}

impl Lab {
    /// Starts Kafka.
    pub(crate) fn open(plan: &Plan) -> Result<Self> {
        eprintln!("starting Kafka");
        Ok(Self {
            kafka: Server::start_with(Kind::Kafka, &[("KAFKA_JVM", "-XX:+UseG1GC"), ("KAFKA_HEAP", "1g")]),
            mongod: OnceCell::new(),
            clickhouse: OnceCell::new(),
            s3: OnceCell::new(),
            registry: OnceCell::new(),
            topics: RefCell::default(),
            partitions: plan.partitions,
            folder: TempDir::new().context("no folder for the benchmark")?,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        })
    }

    /// `host:port` of the broker.
    pub(crate) fn bootstrap(&self) -> String {
        self.kafka.address()
    }

    /// URI of MongoDB.
    pub(crate) fn mongodb(&self) -> String {
        self.mongod.get_or_init(|| start(Kind::Mongo, "MongoDB", &[("MONGO_CACHE_GB", "1")])).address()
    }

    /// URL of ClickHouse.
    pub(crate) fn clickhouse(&self) -> String {
        self.clickhouse.get_or_init(|| start(Kind::ClickHouse, "ClickHouse", &[])).address()
    }

    /// URL of a server with S3's API.
    pub(crate) fn s3(&self) -> String {
        self.s3.get_or_init(|| start(Kind::S3, "the S3 server", &[])).address()
    }

    /// URL of the schema registry's API for Confluent's clients.
    pub(crate) fn registry(&self) -> String {
        self.registry.get_or_init(|| start(Kind::Registry, "the schema registry", &[])).address()
    }

    /// URL of its API for Apicurio's clients.
    pub(crate) fn registry_of_apicurio(&self) -> String {
        self.registry().replace("/apis/ccompat/v7", "/apis/registry/v2")
    }

    /// The topic of so many records. It is filled when it is first asked for.
    pub(crate) fn topic(&self, content: Content, records: u64) -> Result<Topic> {
        let found = |topic: &&Topic| topic.content == content && topic.records == records;
        if let Some(topic) = self.topics.borrow().iter().find(found) {
            return Ok(topic.clone());
        }
        let topic = Topic::fill(self, content, self.partitions, records)?;
        self.topics.borrow_mut().push(topic.clone());
        Ok(topic)
    }

    /// A folder for whatever is written; it goes with the lab.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs what is async.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What the servers beside Kafka call themselves, as far as they were started.
    pub(crate) fn versions(&self) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        if let Some(server) = self.mongod.get() {
            let client = self.runtime.block_on(mongodb::Client::with_uri_str(server.address()))?;
            let database = client.database("admin");
            let build = self.runtime.block_on(async { database.run_command(doc! { "buildInfo": 1 }).await })?;
            versions.push(format!("mongod {}", build.get_str("version")?));
        }
        if let Some(server) = self.clickhouse.get() {
            let answer = ureq::post(server.address()).send("SELECT version()")?;
            versions.push(format!("ClickHouse {}", answer.into_body().read_to_string()?.trim()));
        }
        if self.registry.get().is_some() {
            let answer = ureq::get(format!("{}/system/info", self.registry_of_apicurio())).call()?;
            let info: Value = serde_json::from_str(&answer.into_body().read_to_string()?)?;
            versions.push(["name", "version"].map(|key| info[key].as_str().unwrap_or_default()).join(" "));
        }
        if let Some(server) = self.s3.get() {
            // It says no to who has no key, and its name.
            let question = ureq::get(server.address()).config().http_status_as_error(false).build();
            versions.extend(
                question.call()?.headers().get("server").map(|name| name.to_str().map(str::to_owned)).transpose()?,
            );
        }
        Ok(versions)
    }

    /// Everything that works for the benchmark beside the worker.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let others = [&self.mongod, &self.clickhouse, &self.s3, &self.registry].into_iter().filter_map(OnceCell::get);
        let servers = others.chain([&self.kafka]).map(|server| Process(server.pid()));
        servers.chain([Process(process::id())]).collect()
    }
}

fn start(kind: Kind, name: &str, variables: &[(&str, &str)]) -> Server {
    eprintln!("starting {name}");
    Server::start_with(kind, variables)
}
