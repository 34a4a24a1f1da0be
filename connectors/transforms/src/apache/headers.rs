//! Transforms of headers alone.

use std::sync::Arc;

use longshore_api::config::{ConfigKey, ConfigType, Importance, ParsedConfig};
use longshore_api::{ConnectRecord, Data, Header, Parts, Result, Transform, Verdict};

use crate::part::Side;
use crate::plugin::{Configure, NAMES, required};

/// Removes the headers of some names.
#[derive(Debug)]
pub(super) struct DropHeaders {
    names: Vec<String>,
}

impl Configure for DropHeaders {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("headers", ConfigType::List, Importance::High)
                .validator(NAMES)
                .doc("The name of the headers to be removed."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        Ok(Self { names: config.list("headers").to_vec() })
    }
}

impl Transform for DropHeaders {
    fn parts(&self) -> Parts {
        Parts::HEADERS
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.headers.retain(|header| !self.names.iter().any(|name| **name == *header.name));
        Ok(Verdict::Keep)
    }
}

/// Adds a header with the same value to each record.
#[derive(Debug)]
pub(super) struct InsertHeader {
    name: Arc<str>,
    value: Data,
}

impl Configure for InsertHeader {
    fn keys() -> Vec<ConfigKey> {
        vec![
            required("header", ConfigType::String, Importance::High).doc("The name of the header."),
            required("value.literal", ConfigType::String, Importance::High)
                .doc("The literal value that is to be set as the header value on all records."),
        ]
    }

    fn new(config: &ParsedConfig, _side: Side) -> Result<Self> {
        let value = longshore_formats::parse_string(config.string("value.literal"));
        Ok(Self { name: config.string("header").into(), value })
    }
}

impl Transform for InsertHeader {
    fn parts(&self) -> Parts {
        Parts::HEADERS
    }

    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Verdict> {
        record.headers.push(Header { name: Arc::clone(&self.name), value: self.value.clone() });
        Ok(Verdict::Keep)
    }
}
