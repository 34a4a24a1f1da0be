//! The pipelines that are measured.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::destination::Destination;

/// What stands between the topic and its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pipeline {
    /// Each value passes unchanged as a line.
    FileString,
    /// Each value is parsed, and written as Java prints a map.
    FileJson,
    /// Each value is parsed and written as a document, with the sink's defaults.
    MongodbJson,
    /// The same from a string, which the sink parses by itself.
    MongodbString,
}

impl Pipeline {
    /// The name in a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::FileString => "file, StringConverter",
            Self::FileJson => "file, JsonConverter",
            Self::MongodbJson => "MongoDB, JsonConverter",
            Self::MongodbString => "MongoDB, StringConverter",
        }
    }

    /// Whether MongoDB is the destination; otherwise it is a file.
    pub(crate) fn goes_to_mongodb(self) -> bool {
        matches!(self, Self::MongodbJson | Self::MongodbString)
    }

    /// The connector's configuration; what it does not say is the connector's default.
    pub(crate) fn config(self, topic: &str, destination: &Destination<'_>) -> Value {
        let string = "org.apache.kafka.connect.storage.StringConverter";
        let value_converter = match self {
            Self::FileString | Self::MongodbString => string,
            Self::FileJson | Self::MongodbJson => "org.apache.kafka.connect.json.JsonConverter",
        };
        let mut config = destination.connector_config();
        config["topics"] = json!(topic);
        config["tasks.max"] = json!("1");
        config["key.converter"] = json!(string);
        config["value.converter"] = json!(value_converter);
        if value_converter != string {
            config["value.converter.schemas.enable"] = json!("false");
        }
        config
    }
}
