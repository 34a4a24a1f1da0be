//! The servers, the topics and the place for files of one benchmark.

use std::path::Path;
use std::process;

use anyhow::{Context, Result};
use longshore_test_servers::{Kind, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::options::Plan;
use crate::pipeline::Pipeline;
use crate::process::Process;
use crate::topic;

const FILE_TOPIC: &str = "quotes-for-files";
const MONGODB_TOPIC: &str = "quotes-for-mongodb";

/// What all measurements share. The servers end with it.
#[derive(Debug)]
pub(crate) struct Lab {
    kafka: Server,
    mongod: Server,
    folder: TempDir,
    runtime: Runtime,
}

impl Lab {
    /// Starts the servers and fills the topics.
    pub(crate) fn open(plan: &Plan) -> Result<Self> {
        eprintln!("starting Kafka and MongoDB");
        let lab = Self {
            kafka: Server::start_with(Kind::Kafka, &[("KAFKA_JVM", "-XX:+UseG1GC"), ("KAFKA_HEAP", "1g")]),
            mongod: Server::start_with(Kind::Mongo, &[("MONGO_CACHE_GB", "1")]),
            folder: TempDir::new().context("no folder for the benchmark")?,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        };
        let mongodb = plan.pipelines.iter().any(|pipeline| pipeline.goes_to_mongodb());
        for (topic, records) in [(FILE_TOPIC, plan.file_records), (MONGODB_TOPIC, plan.mongodb_records)] {
            if !plan.pipelines.is_empty() && (topic == FILE_TOPIC || mongodb) {
                eprintln!("writing {records} records to {topic}");
                topic::create(&lab, topic, plan.partitions)?;
                topic::fill(&lab.bootstrap(), topic, plan.partitions, records)?;
            }
        }
        Ok(lab)
    }

    /// `host:port` of the broker.
    pub(crate) fn bootstrap(&self) -> String {
        self.kafka.address()
    }

    /// URI of MongoDB.
    pub(crate) fn mongodb(&self) -> String {
        self.mongod.address()
    }

    /// The topic that a pipeline reads.
    pub(crate) fn topic(&self, pipeline: Pipeline) -> &'static str {
        if pipeline.goes_to_mongodb() { MONGODB_TOPIC } else { FILE_TOPIC }
    }

    /// The topic whose reading is the limit.
    pub(crate) fn limit_topic(&self) -> &'static str {
        FILE_TOPIC
    }

    /// A folder for whatever is written; it goes with the lab.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs what is async.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Everything that works for the benchmark beside the worker.
    pub(crate) fn processes(&self) -> [Process; 3] {
        [Process(process::id()), Process(self.kafka.pid()), Process(self.mongod.pid())]
    }
}
