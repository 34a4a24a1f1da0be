//! From Kafka's bytes to what a sink sees: the converters and the transforms.

use std::sync::Arc;

use longshore_api::{Batch, ConnectError, Data, ErrorKind, Part, Result, Slots};
use longshore_formats::{Column, Converter, HeaderConverter, JsonNeed, ReadOptions};

use super::errors::{Retries, Stage};
use super::transform::{SinkChain, Transforms};
use crate::config::{ConnectorConfig, PluginConfig};
use crate::plugins::{ConverterKind, Plugins};

/// The converters of a task.
#[derive(Clone)]
pub struct Converters {
    /// For keys.
    pub(crate) key: Arc<dyn Converter>,
    /// For values.
    pub(crate) value: Arc<dyn Converter>,
    /// For headers.
    pub(crate) header: Arc<dyn HeaderConverter>,
}

impl Converters {
    /// The converters that a connector configures.
    ///
    /// # Errors
    /// Kind Config, for a converter that is not built in or settings that do not parse.
    pub fn new(plugins: &Plugins, config: &ConnectorConfig) -> Result<Self> {
        let plugin = |converter: &PluginConfig, kind| {
            let known = plugins.converter(&converter.class, kind);
            known.and_then(|known| longshore_formats::plugin(known.class)).ok_or_else(|| no_converter(converter))
        };
        let record = |converter: &PluginConfig, is_key| -> Result<Arc<dyn Converter>> {
            let plugin = plugin(converter, ConverterKind::Record)?;
            plugin.new_converter(&converter.props, is_key).unwrap_or_else(|| Err(no_converter(converter)))
        };
        let header = &config.header_converter;
        Ok(Self {
            key: record(&config.key_converter, true)?,
            value: record(&config.value_converter, false)?,
            header: plugin(header, ConverterKind::Header)?.new_header_converter(&header.props)?,
        })
    }

    /// The Java class name of a part's converter.
    pub(super) fn class(&self, part: Part) -> &'static str {
        self.of(part).class()
    }

    /// Gets what conversions lacked that failed with kind Retriable; `false` if they lacked nothing.
    ///
    /// # Errors
    /// As [`Converter::supply`].
    pub(crate) fn supply(&self) -> impl Future<Output = Result<bool>> + Send + use<> {
        let (key, value) = (Arc::clone(&self.key), Arc::clone(&self.value));
        async move {
            let key = key.supply().await?;
            Ok(value.supply().await? || key)
        }
    }

    /// A part's converter.
    pub(crate) fn of(&self, part: Part) -> &Arc<dyn Converter> {
        match part {
            Part::Key => &self.key,
            Part::Value => &self.value,
        }
    }
}

fn no_converter(converter: &PluginConfig) -> ConnectError {
    let message =
        format!("Failed to find any class that implements Converter and which name matches {}", converter.class);
    ConnectError::config(message)
}

/// A row that could not be converted or transformed.
#[derive(Debug)]
pub(super) struct ConversionError {
    /// Index of the row.
    pub row: u32,
    /// Which conversion failed, or that a transform did.
    pub stage: Stage,
    /// Java class name of the converter or transform.
    pub class: &'static str,
    /// The transform's alias, if it was one.
    pub transform: Option<Arc<str>>,
    /// Why.
    pub error: ConnectError,
}

/// The way of a sink task's records through its converters and transforms. Keeps its memory from batch to batch.
pub(super) struct RecordPath {
    converters: Converters,
    /// How keys and values are read.
    options: [ReadOptions; 2],
    retry: Retries,
    key: Column,
    value: Column,
    chain: SinkChain,
}

impl RecordPath {
    /// A path; `json` says what the sink needs of schemaless JSON, and `reads_headers` whether it looks at headers.
    ///
    /// What the chain looks into is decoded; the rest stays in the form that costs least.
    pub(super) fn new(converters: Converters, json: JsonNeed, reads_headers: bool, transforms: Transforms) -> Self {
        let parts = transforms.parts();
        let options = |decoded| ReadOptions { json: if decoded { JsonNeed::Decoded } else { json } };
        let options = [options(parts.key), options(parts.value)];
        let retry = transforms.retry().clone();
        let chain = SinkChain::new(transforms, &converters, reads_headers);
        Self { converters, options, retry, key: Column::default(), value: Column::default(), chain }
    }

    /// The converters of the path.
    pub(super) fn converters(&self) -> &Converters {
        &self.converters
    }

    /// Reads the keys and values. `false` if some of them may lack what [`Converters::supply`] gets; they are to be
    /// read again then.
    pub(super) fn read(&mut self, batch: &mut Batch) -> bool {
        batch.forget_data();
        self.converters.key.read_column(batch, Part::Key, self.options[0], &mut self.key);
        self.converters.value.read_column(batch, Part::Value, self.options[1], &mut self.value);
        !has_retriable(&self.key) && !has_retriable(&self.value)
    }

    /// Gives the batch that was [`read`](Self::read) its slots; the rows that failed have none and are named in order.
    pub(super) async fn convert(&mut self, batch: &mut Batch) -> Vec<ConversionError> {
        self.retry_column(batch, Part::Key).await;
        self.retry_column(batch, Part::Value).await;
        let mut failed = self.failures(batch);
        failed.sort_by_key(|failure| failure.row);
        failed.dedup_by_key(|failure| failure.row); // the key's failure comes first: a record fails once
        self.set_slots(batch, &failed);
        let untransformed = self.chain.run(batch, &self.converters).await;
        if !untransformed.is_empty() {
            failed.extend(untransformed);
            failed.sort_by_key(|failure| failure.row);
        }
        failed
    }

    async fn retry_column(&mut self, batch: &mut Batch, part: Part) {
        let converter = Arc::clone(self.converters.of(part));
        let column = match part {
            Part::Key => &mut self.key,
            Part::Value => &mut self.value,
        };
        if has_retriable(column) {
            retry_column(batch, part, converter.as_ref(), column, &self.retry).await;
        }
    }

    fn failures(&mut self, batch: &Batch) -> Vec<ConversionError> {
        let mut failed = Vec::new();
        let columns =
            [(Part::Key, Stage::KeyConverter, &mut self.key), (Part::Value, Stage::ValueConverter, &mut self.value)];
        for (part, stage, column) in columns {
            let class = self.converters.of(part).class();
            let errors = column.errors.drain(..);
            failed.extend(errors.map(|(row, error)| ConversionError { row, stage, class, transform: None, error }));
        }
        for (index, row) in batch.rows().iter().enumerate() {
            if row.timestamp < -1 {
                let error = ConnectError::fatal(format!("Invalid record timestamp {}", row.timestamp))
                    .with_class("org.apache.kafka.connect.errors.InvalidRecordTimestampException");
                let class = self.converters.of(Part::Value).class();
                let (row, stage) = (index as u32, Stage::ValueConverter);
                failed.push(ConversionError { row, stage, class, transform: None, error });
            }
        }
        failed
    }

    fn set_slots(&self, batch: &mut Batch, failed: &[ConversionError]) {
        let mut slots = batch.take_slots();
        slots.clear();
        slots.reserve(batch.row_count());
        let mut failed = failed.iter().map(|failure| failure.row).peekable();
        for (index, row) in batch.rows().iter().enumerate() {
            if failed.next_if(|failed| *failed as usize == index).is_some() {
                continue;
            }
            let (key, value) = (self.key.slots[index], self.value.slots[index]);
            slots.push(Slots { row: index as u32, topic: row.topic, key, value });
        }
        batch.set_slots(slots);
    }
}

fn has_retriable(column: &Column) -> bool {
    column.errors.iter().any(|(_, error)| error.kind == ErrorKind::Retriable)
}

/// Converts again, one by one, the rows whose conversion failed for a reason that may go away.
async fn retry_column(batch: &mut Batch, part: Part, converter: &dyn Converter, column: &mut Column, retry: &Retries) {
    for (row_index, error) in std::mem::take(&mut column.errors) {
        if error.kind != ErrorKind::Retriable {
            column.errors.push((row_index, error));
            continue;
        }
        let row = batch.rows()[row_index as usize];
        let topic = Arc::clone(&batch.topics()[usize::from(row.topic)]);
        let span = match part {
            Part::Key => row.key,
            Part::Value => row.value,
        };
        let mut first = Some(error);
        let again: Result<Data, ConnectError> = retry
            .run(|| match first.take() {
                Some(error) => Err(error),
                None => converter.to_connect(&topic, span.map(|span| batch.bytes(span))),
            })
            .await;
        match again {
            Ok(data) => column.slots[row_index as usize] = batch.add_data(data),
            Err(error) => column.errors.push((row_index, error)),
        }
    }
}
