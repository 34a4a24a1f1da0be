//! Confluent's Schema Registry: where the converters of Avro, Protobuf and JSON Schema get schemas and ids from.
//!
//! A format implements [`Format`], and [`RegistryConverter`] is its converter, which owns a [`Schemas`]. Its conversions
//! never wait: they ask [`Schemas::reader`]
//! and [`Schemas::writer`], which answer from memory. What is not there is noted, and the conversion fails with an
//! error of kind Retriable; then the task calls [`Converter::supply`](crate::Converter::supply), which the converter
//! hands to [`Schemas::supply`]. That one asks the registry, on a thread where waiting hurts nobody, and the rows that
//! failed are converted again.
//!
//! So a registry that is away holds a task up and loses nothing, a schema that does not exist is the trouble of the
//! records that name it ([BadRecord](longshore_api::ErrorKind::BadRecord)), and a login that is refused ends the task
//! ([Config](longshore_api::ErrorKind::Config)): no record is to blame for it.

pub mod apicurio;
mod auth;
mod client;
mod converter;
mod error;
mod http;
mod keys;
mod oauth;
mod schemas;
mod subject;
mod tls;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

pub use client::{Reference, RegisteredSchema, Registry, ResolvedReference, SchemaKind, SchemaText};
pub use converter::RegistryConverter;
pub use error::{RegistryError, serialization};
pub(crate) use keys::switch;
pub use keys::{Settings, registry_keys};
pub use schemas::{Description, Format, Schemas, Writer};
pub use subject::SubjectStrategy;
pub use wire::{Framed, SchemaId, write_prefix};
