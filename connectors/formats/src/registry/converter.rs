//! The converter of any format whose schemas are in the registry.

use async_trait::async_trait;
use longshore_api::{Batch, Data, Part, Props, Result};

use super::client::Registry;
use super::schemas::{Format, Schemas};
use super::wire::write_prefix;
use crate::converter::{Column, Converter, ReadOptions};

/// Reads and writes records of a format whose schemas are in the registry.
pub struct RegistryConverter<F: Format> {
    class: &'static str,
    schemas: Schemas<F>,
}

impl<F: Format> std::fmt::Debug for RegistryConverter<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryConverter").field("class", &self.class).finish_non_exhaustive()
    }
}

impl<F: Format> RegistryConverter<F> {
    /// A converter of keys or values with these settings, under a Java class name.
    ///
    /// # Errors
    /// Kind Config, for settings that do not parse or cannot work.
    pub(crate) fn of_class(class: &'static str, props: &Props, is_key: bool) -> Result<Self> {
        let (registry, settings, config) = Registry::configure(F::keys(), props, is_key)?;
        Ok(Self { class, schemas: Schemas::new(F::new(&config), registry, settings) })
    }
}

#[async_trait]
impl<F: Format> Converter for RegistryConverter<F> {
    fn class(&self) -> &'static str {
        self.class
    }

    fn read_column(&self, batch: &mut Batch, part: Part, _options: ReadOptions, column: &mut Column) {
        self.schemas.read_column(batch, part, column);
    }

    fn to_connect(&self, topic: &str, bytes: Option<&[u8]>) -> Result<Data> {
        self.schemas.read(topic, bytes)
    }

    fn from_connect(&self, topic: &str, data: &Data, out: &mut Vec<u8>) -> Result<bool> {
        if self.schemas.format().is_tombstone(data)? {
            return Ok(false);
        }
        let writer = self.schemas.writer(topic, data.schema.as_ref())?;
        write_prefix(writer.id, out);
        self.schemas.format().encode(topic, &writer.plan, data, out)?;
        Ok(true)
    }

    async fn supply(&self) -> Result<bool> {
        self.schemas.supply().await
    }
}
