//! The pipelines that are measured: each is a row of one table.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::destination::{Destination, Objects, Target};
use crate::lab::Lab;
use crate::limit::Raw;
use crate::topic::{Content, Topic};
use crate::worker::{Equipment, Side};

/// What stands between the topic and its destination; what it does not say is the connector's default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// As it is asked for.
    pub(crate) name: &'static str,
    /// As it stands in a table.
    pub(crate) title: &'static str,
    /// How many records it carries, unless that is said.
    pub(crate) records: u64,
    converter: Converter,
    /// The configuration of its transforms.
    transforms: &'static [(&'static str, &'static str)],
    pub(crate) target: Target,
    /// What its cost is held against.
    pub(crate) limits: &'static [Raw],
}

/// How values are converted. Keys are null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Converter {
    /// A value passes unchanged.
    String,
    /// A value is parsed, without a schema.
    Json,
    /// A value has a schema, which the registry knows.
    Avro,
}

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";

/// Three transforms that sinks of documents often have: a field that tells the source, names of one's own, a time.
const CHAIN: &[(&str, &str)] = &[
    ("transforms", "origin,names,time"),
    ("transforms.origin.type", "org.apache.kafka.connect.transforms.InsertField$Value"),
    ("transforms.origin.static.field", "origin"),
    ("transforms.origin.static.value", "exchange-feed"),
    ("transforms.names.type", "org.apache.kafka.connect.transforms.ReplaceField$Value"),
    ("transforms.names.exclude", "broker"),
    ("transforms.names.renames", "symbol:ticker,quantity:volume"),
    ("transforms.time.type", "org.apache.kafka.connect.transforms.TimestampConverter$Value"),
    ("transforms.time.field", "time"),
    ("transforms.time.target.type", "Timestamp"),
];

/// All of them, in the order in which they are measured.
pub(crate) static PIPELINES: &[Pipeline] = &[
    Pipeline {
        name: "file-string",
        title: "file, StringConverter",
        records: 1_000_000,
        converter: Converter::String,
        transforms: &[],
        target: Target::File,
        limits: &[Raw::OneByOne, Raw::InBatches],
    },
    Pipeline {
        name: "file-json",
        title: "file, JsonConverter",
        records: 1_000_000,
        converter: Converter::Json,
        transforms: &[],
        target: Target::File,
        limits: &[],
    },
    Pipeline {
        name: "mongodb-string",
        title: "MongoDB, StringConverter",
        records: 200_000,
        converter: Converter::String,
        transforms: &[],
        target: Target::MongoDb,
        limits: &[],
    },
    Pipeline {
        name: "mongodb-json",
        title: "MongoDB, JsonConverter",
        records: 200_000,
        converter: Converter::Json,
        transforms: &[],
        target: Target::MongoDb,
        limits: &[],
    },
    Pipeline {
        name: "mongodb-chain",
        title: "MongoDB, JsonConverter, three transforms",
        records: 200_000,
        converter: Converter::Json,
        transforms: CHAIN,
        target: Target::MongoDb,
        limits: &[],
    },
    Pipeline {
        name: "mongodb-avro",
        title: "MongoDB, AvroConverter",
        records: 200_000,
        converter: Converter::Avro,
        transforms: &[],
        target: Target::MongoDb,
        limits: &[],
    },
    Pipeline {
        name: "clickhouse-json",
        title: "ClickHouse, JsonConverter",
        records: 240_000,
        converter: Converter::Json,
        transforms: &[],
        target: Target::ClickHouse,
        limits: &[Raw::Write],
    },
    Pipeline {
        name: "clickhouse-avro",
        title: "ClickHouse, AvroConverter",
        records: 240_000,
        converter: Converter::Avro,
        transforms: &[],
        target: Target::ClickHouse,
        limits: &[],
    },
    Pipeline {
        name: "s3-json",
        title: "S3, lines of JSON",
        records: 240_000,
        converter: Converter::Json,
        transforms: &[],
        target: Target::S3(Objects::Json),
        limits: &[Raw::Write],
    },
    Pipeline {
        name: "s3-json-gzip",
        title: "S3, lines of JSON, gzip",
        records: 240_000,
        converter: Converter::Json,
        transforms: &[],
        target: Target::S3(Objects::JsonGzip),
        limits: &[],
    },
    Pipeline {
        name: "s3-avro",
        title: "S3, Avro",
        records: 240_000,
        converter: Converter::Avro,
        transforms: &[],
        target: Target::S3(Objects::Avro),
        limits: &[],
    },
    Pipeline {
        name: "s3-parquet",
        title: "S3, Parquet",
        records: 240_000,
        converter: Converter::Avro,
        transforms: &[],
        target: Target::S3(Objects::Parquet),
        limits: &[],
    },
];

impl Pipeline {
    /// The pipeline of a name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PIPELINES.iter().find(|pipeline| pipeline.name == name)
    }

    /// What its topic must hold.
    pub(crate) fn content(&self) -> Content {
        match self.converter {
            Converter::String | Converter::Json => Content::Json,
            Converter::Avro => Content::Avro,
        }
    }

    /// What its worker must have beside the usual.
    pub(crate) fn equipment(&self) -> Equipment {
        let (mut plugins, properties) = self.target.equipment();
        if self.converter == Converter::Avro {
            plugins.push("avro");
        }
        Equipment { plugins, properties }
    }

    /// The connector's configuration on a side.
    pub(crate) fn config(&self, lab: &Lab, side: Side, topic: &Topic, destination: &dyn Destination) -> Value {
        let mut config = destination.connector_config(side, topic);
        config["topics"] = json!(topic.name);
        config["tasks.max"] = json!("1");
        config["key.converter"] = json!(STRING);
        match self.converter {
            Converter::String => config["value.converter"] = json!(STRING),
            Converter::Json => {
                config["value.converter"] = json!("org.apache.kafka.connect.json.JsonConverter");
                config["value.converter.schemas.enable"] = json!("false");
            }
            // Confluent's own converter is in no public registry of packages.
            Converter::Avro => {
                config["value.converter"] = json!("io.apicurio.registry.utils.converter.AvroConverter");
                config["value.converter.apicurio.registry.url"] = json!(lab.registry_of_apicurio());
                config["value.converter.apicurio.registry.as-confluent"] = json!("true");
                config["value.converter.apicurio.registry.use-id"] = json!("contentId");
            }
        }
        for (key, value) in self.transforms {
            config[*key] = json!(value);
        }
        config
    }
}

impl Serialize for Pipeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
