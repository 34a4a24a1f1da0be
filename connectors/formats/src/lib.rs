//! Connect data to bytes and back: the converters.
//!
//! A [`Converter`] is called once a batch and column ([`Converter::read_column`]): text and raw bytes stay where they
//! are, JSON without a schema stays text unless somebody has to look inside, everything else is decoded.
//! [`plugins`] is the table of what there is; [`json`] and [`java_text`] are for sinks that read and write the same
//! forms themselves; [`java_number`], [`java_regex`] and [`java_time`] read what users of Connect write in Java's
//! dialects.
//!
//! This crate knows nothing of connectors or of the worker.

mod avro;
mod charset;
#[cfg(test)]
mod clients;
mod compatible;
pub mod converter;
mod distinct;
#[cfg(test)]
mod generate;
pub mod java_number;
pub mod java_order;
pub mod java_regex;
pub mod java_text;
pub mod java_time;
pub mod json;
mod json_converter;
mod json_schema_converter;
mod plugins;
mod primitives;
mod protobuf_converter;
pub mod registry;
mod simple_header;
mod string;
pub mod validate;

pub use avro::{AvroConverter, AvroOptions, AvroReader, AvroWriter};
pub use converter::{Column, Converter, HeaderConverter, JsonNeed, ReadOptions};
pub use json_converter::{JsonConverter, json_schema};
pub use json_schema_converter::JsonSchemaConverter;
pub use plugins::{ConverterPlugin, plugin, plugins};
pub use primitives::{BooleanConverter, ByteArrayConverter, NumberConverter};
pub use protobuf_converter::ProtobufConverter;
pub use simple_header::{SimpleHeaderConverter, date_text, header_text, parse_string};
pub use string::StringConverter;
