//! The dead letter queue: bad records, as Kafka held them, on a topic of their own.

use std::collections::VecDeque;

use longshore_api::{ConnectError, Result};

use super::TaskId;
use super::errors::Failure;
use crate::kafka::{Delivery, Producer, ProducerRecord};

/// Writes a task's bad records to its dead letter topic.
pub(super) struct DeadLetters {
    producer: Producer,
    topic: String,
    context_headers: bool,
    task: TaskId,
    in_flight: VecDeque<Delivery>,
}

/// Reports that may wait for their acknowledgement; beyond that the task waits with them.
const MAX_IN_FLIGHT: usize = 10_000;

impl DeadLetters {
    /// A queue; `context_headers` is `errors.deadletterqueue.context.headers.enable`.
    pub(super) fn new(producer: Producer, topic: String, context_headers: bool, task: TaskId) -> Self {
        Self { producer, topic, context_headers, task, in_flight: VecDeque::new() }
    }

    /// Sends a failed record, with all its headers, and behind them those that say why it failed.
    ///
    /// # Errors
    /// The queue could not be written to; a commit must not pass the record.
    pub(super) async fn report(&mut self, failure: &Failure<'_>) -> Result<()> {
        let context = if self.context_headers { context(failure, &self.task) } else { Vec::new() };
        let original = failure.batch.raw_headers(failure.row);
        let headers: Vec<(&str, Option<&[u8]>)> =
            original.chain(context.iter().map(|(name, value)| (*name, value.as_deref().map(str::as_bytes)))).collect();
        let record = ProducerRecord {
            topic: &self.topic,
            partition: None,
            key: failure.row.key.map(|span| failure.batch.bytes(span)),
            value: failure.row.value.map(|span| failure.batch.bytes(span)),
            headers: &headers,
            timestamp: (failure.row.timestamp >= 0).then_some(failure.row.timestamp),
        };
        let delivery = self.producer.send(record).await.map_err(|error| self.unwritable(error))?;
        self.in_flight.push_back(delivery);
        while self.in_flight.len() > MAX_IN_FLIGHT {
            self.settle_first().await?;
        }
        Ok(())
    }

    /// Waits until every report is acknowledged.
    ///
    /// # Errors
    /// A report was refused.
    pub(super) async fn flush(&mut self) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.settle_first().await?;
        }
        Ok(())
    }

    async fn settle_first(&mut self) -> Result<()> {
        // Taken out only when it is settled: a caller that gives up waiting must find it here again.
        let Some(delivery) = self.in_flight.front_mut() else { return Ok(()) };
        let outcome = delivery.await;
        self.in_flight.pop_front();
        outcome.map(|_| ()).map_err(|error| self.unwritable(error))
    }

    fn unwritable(&self, error: ConnectError) -> ConnectError {
        let message = format!(
            "Could not produce to the dead letter queue of {}: topic={}, {}",
            self.task,
            self.topic,
            error.root_cause()
        );
        ConnectError::fatal(message).caused_by(error)
    }
}

/// The headers that say why a record failed, in Connect's order.
fn context(failure: &Failure<'_>, task: &TaskId) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("__connect.errors.topic", Some(failure.topic().to_owned())),
        ("__connect.errors.partition", Some(failure.row.partition.to_string())),
        ("__connect.errors.offset", Some(failure.row.offset.to_string())),
        ("__connect.errors.connector.name", Some(task.connector.to_string())),
        ("__connect.errors.task.id", Some(task.task.to_string())),
        ("__connect.errors.stage", Some(failure.stage.name().to_owned())),
        ("__connect.errors.class.name", Some(failure.class.to_owned())),
        ("__connect.errors.exception.class.name", Some(failure.error.class.to_owned())),
        ("__connect.errors.exception.message", failure.error.message.clone()),
        ("__connect.errors.exception.stacktrace", Some(failure.error.trace())),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longshore_api::{BatchBuilder, RowParts};

    use super::super::errors::Stage;
    use super::*;

    #[test]
    fn the_context_headers_are_connects_in_its_order() {
        let mut builder = BatchBuilder::default();
        let topic = builder.topic_index(&Arc::from("api-data"));
        builder.push(topic, RowParts { partition: 2, offset: 17, value: Some(b"{"), ..RowParts::default() });
        let batch = builder.finish();
        let error = ConnectError::data("no").caused_by(ConnectError::fatal("why"));
        let class = "org.apache.kafka.connect.json.JsonConverter";
        let failure = Failure {
            batch: &batch,
            row: &batch.rows()[0],
            stage: Stage::ValueConverter,
            class,
            transform: None,
            error: &error,
        };
        let task = TaskId { connector: Arc::from("c"), task: 3 };
        let headers = context(&failure, &task);
        let shown: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_deref().unwrap_or("null"))).collect();
        assert_eq!(
            shown,
            [
                ("__connect.errors.topic", "api-data"),
                ("__connect.errors.partition", "2"),
                ("__connect.errors.offset", "17"),
                ("__connect.errors.connector.name", "c"),
                ("__connect.errors.task.id", "3"),
                ("__connect.errors.stage", "VALUE_CONVERTER"),
                ("__connect.errors.class.name", class),
                ("__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException"),
                ("__connect.errors.exception.message", "no"),
                (
                    "__connect.errors.exception.stacktrace",
                    "org.apache.kafka.connect.errors.DataException: no\nCaused by: \
                     org.apache.kafka.connect.errors.ConnectException: why\n"
                ),
            ]
        );
    }
}
