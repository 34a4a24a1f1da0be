//! One record through a connector's converters and transforms, shown after each step. Neither Kafka nor the
//! connector's own system is asked, so that a chain can be written before there is anything to run it on.

mod sample;
mod shown;
#[cfg(test)]
mod tests;

use longshore_api::{ConnectError, ConnectRecord, ErrorKind, Part, RecordOrigin, Result, TimestampType};
use serde::Serialize;

use crate::chain::{Chain, LinkName, Passed};
use crate::config::connector::Topics;
use crate::config::{ConnectorConfig, ConnectorKind};
use crate::herder::validation::Validation;
use crate::herder::{HerderError, HerderErrorKind, RequestConfig};
use crate::task::Converters;
pub use sample::Sample;
use shown::{Shown, Written};

/// What became of the record.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// Its fate.
    pub outcome: Outcome,
    /// What each step made of it, in order. The step that failed is not among them.
    pub steps: Vec<Step>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The fate of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It would go on, to the sink or to Kafka.
    Passed,
    /// A transform dropped it, on purpose.
    Dropped,
    /// A step could not handle it: `errors.tolerance` would decide.
    Failed,
}

/// A step on the record's way.
#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// From bytes, or from a source, to Connect data.
    Read {
        /// What was read.
        record: Shown,
    },
    /// A transform.
    Transform {
        /// Its alias.
        alias: String,
        /// Java class name.
        class: &'static str,
        /// `applied`, `skipped` because of its predicate, or `dropped`.
        outcome: &'static str,
        /// What it left; absent where it changed nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        record: Option<Shown>,
    },
    /// From Connect data to the bytes that a source sends.
    Written {
        /// What is sent.
        record: Written,
    },
}

/// Why a step failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The stage, as dead letter headers name it.
    pub stage: &'static str,
    /// The transform, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Java class name of what was at work.
    pub class: &'static str,
    /// Java class name of the exception.
    pub exception: &'static str,
    /// What is wrong, the first cause last.
    pub message: String,
}

struct Failed {
    stage: &'static str,
    alias: Option<String>,
    class: &'static str,
    error: ConnectError,
}

/// Tries a record with the converters and transforms of a configuration.
///
/// Where variables stand for secrets, only converters get them resolved: what a transform puts into a record is shown.
///
/// # Errors
/// BadRequest for a configuration whose converters or transforms cannot be made, with every error that was found, and
/// for a sample that is none. That the record fails is no error.
pub async fn run(validation: &Validation, request: &RequestConfig, sample: Sample) -> Result<Trial, HerderError> {
    let (kind, config) = validation.chain_config(request, sample.topic())?;
    let refused = |error: ConnectError| HerderError::new(HerderErrorKind::BadRequest, error.to_string());
    let converters = Converters::new(validation.plugins(), &config).map_err(refused)?;
    let chain = Chain::new(validation.plugins(), &config).map_err(refused)?;
    let mut way = Way { converters, chain, steps: Vec::new() };
    let outcome = match kind {
        ConnectorKind::Sink => way.sink(&sample, &config).await,
        ConnectorKind::Source => way.source(sample.into_record().map_err(refused)?).await,
    };
    let (outcome, error) = match outcome {
        Ok(outcome) => (outcome, None),
        Err(Failed { stage, alias, class, error }) => {
            let (exception, message) = (error.class, error.to_string());
            (Outcome::Failed, Some(Failure { stage, alias, class, exception, message }))
        }
    };
    Ok(Trial { outcome, steps: way.steps, error })
}

struct Way {
    converters: Converters,
    chain: Chain,
    steps: Vec<Step>,
}

impl Way {
    async fn sink(&mut self, sample: &Sample, config: &ConnectorConfig) -> Result<Outcome, Failed> {
        let first = config.sink().and_then(|sink| match &sink.topics {
            Topics::List(topics) => topics.first().map(String::as_str),
            Topics::Pattern(_) => None,
        });
        let topic = sample.topic().or(first).unwrap_or("topic");
        let key = read(&self.converters, Part::Key, topic, sample.key_bytes()).await?;
        let value = read(&self.converters, Part::Value, topic, sample.value_bytes()).await?;
        let header = &self.converters.header;
        let headers = sample.headers(|name, bytes| header.to_connect_header(topic, name, bytes));
        let headers = headers.map_err(|error| failed("HEADER_CONVERTER", self.converters.header.class(), error))?;
        let mut record = ConnectRecord {
            topic: topic.into(),
            partition: Some(sample.partition.unwrap_or(0)),
            key,
            value,
            timestamp: sample.timestamp,
            headers,
            origin: RecordOrigin::Sink {
                offset: sample.offset.unwrap_or(0),
                timestamp_type: if sample.timestamp.is_some() {
                    TimestampType::CreateTime
                } else {
                    TimestampType::None
                },
            },
        };
        self.steps.push(Step::Read { record: Shown::of(&record) });
        self.transform(&mut record)
    }

    async fn source(&mut self, mut record: ConnectRecord) -> Result<Outcome, Failed> {
        self.steps.push(Step::Read { record: Shown::of(&record) });
        if self.transform(&mut record)? == Outcome::Dropped {
            return Ok(Outcome::Dropped);
        }
        let header = &self.converters.header;
        let written = Written::headers(&record, header.as_ref());
        let headers = written.map_err(|error| failed("HEADER_CONVERTER", header.class(), error))?;
        let key = write(&self.converters, Part::Key, &record).await?;
        let value = write(&self.converters, Part::Value, &record).await?;
        self.steps.push(Step::Written { record: Written::new(&record, key, value, headers) });
        Ok(Outcome::Passed)
    }

    fn transform(&mut self, record: &mut ConnectRecord) -> Result<Outcome, Failed> {
        for link in 0..self.chain.len() {
            let passed = self.chain.pass(link, record);
            let LinkName { alias, class } = self.chain.name(link).clone();
            let alias = alias.to_string();
            let (outcome, shown) = match passed {
                Ok(Passed::Applied) => ("applied", Some(Shown::of(record))),
                Ok(Passed::Skipped) => ("skipped", None),
                Ok(Passed::Dropped) => ("dropped", None),
                Err(error) => {
                    return Err(Failed { alias: Some(alias), ..failed("TRANSFORMATION", class, error) });
                }
            };
            self.steps.push(Step::Transform { alias, class, outcome, record: shown });
            if outcome == "dropped" {
                return Ok(Outcome::Dropped);
            }
        }
        Ok(Outcome::Passed)
    }
}

async fn read(
    converters: &Converters,
    part: Part,
    topic: &str,
    bytes: Option<&[u8]>,
) -> Result<longshore_api::Data, Failed> {
    let converter = converters.of(part);
    let read = supplied(converters, || converter.to_connect(topic, bytes)).await;
    read.map_err(|error| failed(stage_of(part), converter.class(), error))
}

async fn write(converters: &Converters, part: Part, record: &ConnectRecord) -> Result<Option<Vec<u8>>, Failed> {
    let converter = converters.of(part);
    let data = match part {
        Part::Key => &record.key,
        Part::Value => &record.value,
    };
    let written = supplied(converters, || {
        let mut bytes = Vec::new();
        Ok(converter.from_connect(&record.topic, data, &mut bytes)?.then_some(bytes))
    });
    written.await.map_err(|error| failed(stage_of(part), converter.class(), error))
}

/// A conversion, tried again as long as the converters could get what it lacked.
async fn supplied<T>(converters: &Converters, mut conversion: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match conversion() {
            Err(error) if error.kind == ErrorKind::Retriable => {
                if !converters.supply().await? {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

fn stage_of(part: Part) -> &'static str {
    match part {
        Part::Key => "KEY_CONVERTER",
        Part::Value => "VALUE_CONVERTER",
    }
}

fn failed(stage: &'static str, class: &'static str, error: ConnectError) -> Failed {
    Failed { stage, alias: None, class, error }
}
