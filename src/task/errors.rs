//! What happens to a record that cannot be handled: tolerance, reports, retries (KIP-298, KIP-610).

use std::sync::Arc;
use std::time::Duration;

use longshore_api::batch::Row;
use longshore_api::{Batch, ConnectError, ErrorKind, Part, Result};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::TaskId;
use super::dead_letters::DeadLetters;
use crate::metrics::TaskMetrics;

/// The stage in which a record failed, by the name that logs and dead letter headers carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum Stage {
    TaskPut,
    Transformation,
    KeyConverter,
    ValueConverter,
    HeaderConverter,
    KafkaProduce,
}

impl Stage {
    /// The conversion of a part.
    pub(super) fn converter_of(part: Part) -> Self {
        match part {
            Part::Key => Stage::KeyConverter,
            Part::Value => Stage::ValueConverter,
        }
    }

    /// The name in logs and headers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stage::TaskPut => "TASK_PUT",
            Stage::Transformation => "TRANSFORMATION",
            Stage::KeyConverter => "KEY_CONVERTER",
            Stage::ValueConverter => "VALUE_CONVERTER",
            Stage::HeaderConverter => "HEADER_CONVERTER",
            Stage::KafkaProduce => "KAFKA_PRODUCE",
        }
    }
}

/// A record that failed, and how.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    /// The batch that holds the record.
    pub batch: &'a Batch,
    /// Its row there.
    pub row: &'a Row,
    /// Where it failed.
    pub stage: Stage,
    /// Java class name of what was at work.
    pub class: &'a str,
    /// The transform's alias, if it was one.
    pub transform: Option<&'a str>,
    /// Why.
    pub error: &'a ConnectError,
}

impl Failure<'_> {
    /// Name of the topic from which the record came.
    pub(super) fn topic(&self) -> &str {
        &self.batch.topics()[usize::from(self.row.topic)]
    }

    /// `topic-partition@offset`.
    pub(super) fn place(&self) -> String {
        format!("{}-{}@{}", self.topic(), self.row.partition, self.row.offset)
    }
}

/// How a connector wants bad records to be treated: its `errors.*` keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorPolicy {
    /// `errors.tolerance=all`: bad records are dropped, the task goes on.
    pub tolerate: bool,
    /// `errors.log.enable`.
    pub log: bool,
    /// `errors.log.include.messages`: say which record it was.
    pub log_messages: bool,
    /// `errors.retry.timeout` and `errors.retry.delay.max.ms`.
    pub retry: RetryPolicy,
}

/// Treats the failures of one task.
pub(super) struct ErrorHandler {
    task: TaskId,
    policy: ErrorPolicy,
    dead_letters: Option<DeadLetters>,
    metrics: Arc<TaskMetrics>,
}

impl ErrorHandler {
    /// A handler; without dead letters, bad records are only logged, as far as the policy says so.
    pub(super) fn new(
        task: TaskId,
        policy: ErrorPolicy,
        dead_letters: Option<DeadLetters>,
        metrics: Arc<TaskMetrics>,
    ) -> Self {
        Self { task, policy, dead_letters, metrics }
    }

    /// Reports a failed record, and says whether the task may go on without it.
    ///
    /// Differs from Apache Connect: the error names the record and the first cause in its first line, and a retriable
    /// failure that outlives `errors.retry.timeout` is not dropped when nothing is tolerated.
    ///
    /// # Errors
    /// The error with which the task ends, where nothing is tolerated.
    pub(super) async fn handle(&mut self, failure: &Failure<'_>) -> Result<()> {
        self.metrics.record_failed();
        self.metrics.records_lost(1);
        self.log(failure);
        if let Some(dead_letters) = &mut self.dead_letters {
            self.metrics.dead_letters(1);
            dead_letters.report(failure).await.inspect_err(|_| self.metrics.dead_letters_failed(1))?;
        }
        if self.policy.tolerate {
            self.metrics.records_skipped(1);
            return Ok(());
        }
        let what = format!("{} of {}", failure.place(), self.task);
        Err(tolerance_exceeded(&what, failure.stage, failure.transform, failure.error))
    }

    /// Waits until every report is durable; what a commit waits for, so that no offset moves past a record that
    /// neither the sink nor the dead letter queue got.
    ///
    /// # Errors
    /// A report could not be written: the task must not commit.
    pub(super) async fn flush(&mut self) -> Result<()> {
        match &mut self.dead_letters {
            Some(dead_letters) => dead_letters.flush().await.inspect_err(|_| self.metrics.dead_letters_failed(1)),
            None => Ok(()),
        }
    }

    fn log(&self, failure: &Failure<'_>) {
        if !self.policy.log {
            return;
        }
        self.metrics.errors_logged(1);
        let record = if self.policy.log_messages {
            format!(
                ", where consumed record is {{topic='{}', partition={}, offset={}, timestamp={}, timestampType={}}}",
                failure.topic(),
                failure.row.partition,
                failure.row.offset,
                failure.row.timestamp,
                failure.row.timestamp_type.name()
            )
        } else {
            String::new()
        };
        log_failure(&self.task, failure.stage, failure.class, &record, failure.error);
    }
}

/// The error with which a task ends after a failure that is not tolerated; `what` says which record it was.
pub(super) fn tolerance_exceeded(
    what: &str,
    stage: Stage,
    transform: Option<&str>,
    error: &ConnectError,
) -> ConnectError {
    let transform = transform.map(|alias| format!(", transform {alias}")).unwrap_or_default();
    let message = format!(
        "Tolerance exceeded in error handler: {what} failed in stage {}{transform}: {}",
        stage.name(),
        error.root_cause()
    );
    ConnectError::fatal(message).caused_by(error.clone())
}

/// Logs a failed record in Connect's words; `record` says which one it was, if anything.
pub(super) fn log_failure(task: &TaskId, stage: Stage, class: &str, record: &str, error: &ConnectError) {
    let (stage, trace) = (stage.name(), error.trace());
    error!(
        "Error encountered in task {task}. Executing stage '{stage}' with class '{class}'{record}.\n{}",
        trace.trim_end()
    );
}

/// `errors.retry.*`: how long an operation that fails with a retriable error is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RetryPolicy {
    /// For how long; `None` for ever, zero never.
    pub timeout: Option<Duration>,
    /// The longest pause between two tries.
    pub max_delay: Duration,
}

impl RetryPolicy {
    const FIRST_DELAY: Duration = Duration::from_millis(300);

    /// How long to wait after failed try number `attempt` (from 1), `elapsed` after the first began; `None` to give
    /// up. Doubles from 300 ms; beyond the longest pause it is drawn below it by `random`, which is in [0, 1).
    pub(super) fn delay(&self, attempt: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        let left = match self.timeout {
            Some(timeout) => timeout.checked_sub(elapsed).filter(|left| !left.is_zero())?,
            None => Duration::MAX,
        };
        let doubled = Self::FIRST_DELAY.saturating_mul(1 << attempt.saturating_sub(1).min(30));
        let delay = if doubled > self.max_delay { self.max_delay.mul_f64(random) } else { doubled };
        Some(delay.min(left))
    }
}

/// The retries of a task's operations. A stop ends them: what fails then may be good, and is not to be dropped.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    /// How long an operation is tried again.
    pub policy: RetryPolicy,
    /// Fires when the task is to stop.
    pub stop: CancellationToken,
}

impl Retries {
    /// Runs an operation until it succeeds, fails with an error that is not retriable, the time is over, or the task
    /// is to stop.
    ///
    /// # Errors
    /// The last error.
    pub(super) async fn run<T>(&self, mut operation: impl FnMut() -> Result<T>) -> Result<T> {
        let began = tokio::time::Instant::now();
        let mut attempt = 0;
        loop {
            let error = match operation() {
                Err(error) if error.kind == ErrorKind::Retriable => error,
                outcome => return outcome,
            };
            attempt += 1;
            let Some(delay) = self.policy.delay(attempt, began.elapsed(), rand::random()) else { return Err(error) };
            if tokio::time::timeout(delay, self.stop.cancelled()).await.is_ok() {
                return Err(error);
            }
        }
    }
}

/// Pauses between the tries of a put or a send that failed with a retriable error: they end only with success.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);

    /// Begins with 100 ms and doubles to 10 s.
    pub(super) fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// The next pause: half of it fixed, half drawn by `random`, which is in [0, 1).
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(Self::LONGEST);
        pause.mul_f64(0.5 + random / 2.0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_doubles_its_pause_up_to_the_longest_and_ends_with_the_time() {
        let policy = RetryPolicy { timeout: Some(Duration::from_secs(10)), max_delay: Duration::from_millis(1000) };
        let delay = |attempt, elapsed| policy.delay(attempt, Duration::from_millis(elapsed), 0.5);
        assert_eq!(delay(1, 0), Some(Duration::from_millis(300)));
        assert_eq!(delay(2, 300), Some(Duration::from_millis(600)));
        assert_eq!(delay(3, 900), Some(Duration::from_millis(500)), "drawn below the longest pause");
        assert_eq!(delay(60, 9900), Some(Duration::from_millis(100)), "cut to the time that is left");
        assert_eq!(delay(4, 10_000), None);
    }

    #[test]
    fn without_a_timeout_nothing_is_retried_and_with_none_it_never_ends() {
        let never = RetryPolicy { timeout: Some(Duration::ZERO), max_delay: Duration::from_secs(60) };
        assert_eq!(never.delay(1, Duration::ZERO, 0.0), None);
        let forever = RetryPolicy { timeout: None, max_delay: Duration::from_secs(60) };
        assert!(forever.delay(1000, Duration::from_secs(1_000_000), 0.9).is_some());
    }

    #[test]
    fn a_backoff_grows_to_its_bound() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..10).map(|_| backoff.next(1.0)).collect();
        assert_eq!(pauses[0], Duration::from_millis(100));
        assert_eq!(pauses[9], Duration::from_secs(10));
        assert!(pauses.is_sorted());
    }
}
