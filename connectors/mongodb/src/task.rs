//! A running sink.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use longshore_api::config::Props;
use longshore_api::{
    BadRecord, Batch, ConnectError, ErrorKind, FlushOutcome, Origin, Positions, PutOutcome, Result, SinkTask,
    TaskContext,
};

use crate::config::{self, Settings, Tolerance};
use crate::date;
use crate::errors::{Failure, Reply};
use crate::namespace::Namespace;
use crate::prepared::{self, Prepared, Preparer, Rules};
use crate::run::Run;
use crate::writer::{Work, Writer};

/// A task of the sink.
#[derive(Default)]
pub(crate) struct MongoSinkTask {
    running: Option<Running>,
}

struct Running {
    context: TaskContext,
    props: Props,
    /// The topics of `topics`; empty where `topics.regex` chooses.
    topics: Vec<String>,
    /// Whether the worker goes on after bad records, and puts them into a dead letter queue.
    worker_tolerates: bool,
    writer: Writer,
    preparer: Preparer,
    /// A batch that could not be written to its end.
    pending: Option<Prepared>,
    /// How many bulk writes each topic has had, for the rate limit.
    bulk_writes: Mutex<HashMap<Arc<str>, u64>>,
    /// The time series collections that are known to be there.
    ready: HashSet<Arc<Namespace>>,
}

#[async_trait]
impl SinkTask for MongoSinkTask {
    fn checks_json(&self) -> bool {
        true
    }

    fn wants_idle_puts(&self) -> bool {
        false
    }

    async fn start(&mut self, context: TaskContext, config: &Props) -> Result<()> {
        self.running = Some(Running::start(context, config).await?);
        Ok(())
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let running = self.running.as_mut().ok_or_else(|| ConnectError::fatal("the task has not been started"))?;
        if from >= batch.len() {
            return Ok(PutOutcome::default());
        }
        running.put(batch, from).await
    }

    async fn flush(&mut self, taken: &Positions) -> Result<FlushOutcome> {
        // What `put` took is written.
        Ok(FlushOutcome::all(taken))
    }

    async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.writer.close().await;
        }
    }
}

impl Running {
    async fn start(context: TaskContext, config: &Props) -> Result<Self> {
        config::check_all(config)?;
        let writer = Writer::new(config, context.clone()).await?;
        let listed = config.get("topics").is_some_and(|topics| !topics.trim().is_empty());
        let tolerance = config.get("errors.tolerance").map_or("none", |tolerance| tolerance.trim());
        Ok(Self {
            context,
            topics: if listed { config::topics(config) } else { Vec::new() },
            worker_tolerates: tolerance.eq_ignore_ascii_case("all"),
            props: config.clone(),
            writer,
            preparer: Preparer::default(),
            pending: None,
            bulk_writes: Mutex::default(),
            ready: HashSet::new(),
        })
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let pending = self.pending.take().and_then(|pending| pending.left_in(batch, from));
        let mut prepared = match pending {
            Some(pending) => pending,
            None => match self.writer.limits().await {
                Ok(limits) => self.prepare(batch, from, limits.document)?,
                Err(failure) => return refuse(failure),
            },
        };
        let mut outcome = PutOutcome::default();
        match self.write(&mut prepared).await {
            Ok(()) => {}
            Err(Failure::Refused(error)) => return Err(error),
            Err(Failure::Unreachable(error) | Failure::Passing(error)) => outcome.retry = Some(error),
        }
        let bad = prepared.advance();
        outcome.taken = prepared.next - from;
        outcome.bad = self.reported(bad);
        if outcome.retry.is_some() {
            self.pending = Some(prepared);
        } else {
            self.preparer.take_back(prepared);
        }
        Ok(outcome)
    }

    fn prepare(&mut self, batch: &Arc<Batch>, from: usize, most_bytes: usize) -> Result<Prepared> {
        let (props, topics) = (&self.props, &self.topics);
        let settings = |topic: &str| {
            if !topics.is_empty() && !topics.iter().any(|known| known == topic) {
                let known = topics.join(", ");
                return Err(ConnectError::config(format!("Unknown topic: {topic}, must be one of: [{known}]")));
            }
            config::settings(props, topic)
        };
        let rules = Rules {
            settings: &settings,
            most_bytes,
            most_runs: self.writer.most_in_flight(),
            converter_tolerates: self.worker_tolerates,
            now: date::now_millis(),
        };
        self.preparer.prepare(batch, from, &rules)
    }

    /// Writes what is left of a batch, several runs at once.
    async fn write(&mut self, prepared: &mut Prepared) -> Result<(), Failure> {
        for run in &prepared.runs {
            let Some(series) = &run.topic.settings.time_series else { continue };
            if !self.ready.contains(&run.namespace) {
                self.writer.ensure(series, &run.namespace).await?;
                self.ready.insert(Arc::clone(&run.namespace));
            }
        }
        let mut runs = std::mem::take(&mut prepared.runs);
        let sending = Sending { running: self, prepared, failed: AtomicBool::new(false) };
        let lanes = self.writer.most_in_flight().min(runs.len());
        let ended = {
            let queue: Queue<'_> = Mutex::new(Box::new(runs.chunk_by_mut(|one, next| one.chain == next.chain)));
            join_all((0..lanes).map(|_| sending.lane(&queue))).await
        };
        let mut failure = None;
        for (bad, failed) in ended {
            prepared.bad.extend(bad);
            // What ends the task tells more than what may pass.
            if failure.is_none() || matches!(failed, Some(Failure::Refused(_))) {
                failure = failed.or(failure);
            }
        }
        prepared.runs = runs;
        failure.map_or(Ok(()), Err)
    }

    /// Logs the bad records where that is wanted, and leaves those that the worker is to report.
    fn reported(&self, mut bad: Vec<BadRecord>) -> Vec<BadRecord> {
        for one in bad.iter().filter(|one| one.origin == Origin::Sink) {
            let record = one.batch.record(one.index);
            if self.preparer.logs_errors(record.topic()) || !self.worker_tolerates {
                let place = format!("{}-{}@{}", record.original_topic(), record.partition(), record.offset());
                tracing::error!(
                    connector = %self.context.connector,
                    task = self.context.task,
                    "Unable to process record {place}: {}",
                    one.error
                );
            }
        }
        // With mongo.errors.tolerance alone the worker knows of no tolerance: it would end the task.
        bad.retain(|one| one.origin != Origin::Sink || self.worker_tolerates);
        bad
    }
}

/// The chains of runs that nobody has begun with.
type Queue<'a> = Mutex<Box<dyn Iterator<Item = &'a mut [Run]> + Send + 'a>>;

/// A batch that is being written.
struct Sending<'a> {
    running: &'a Running,
    prepared: &'a Prepared,
    /// Whether a run has failed: then no other begins.
    failed: AtomicBool,
}

impl Sending<'_> {
    /// Writes chains of the queue, one after another. Gives the bad records, and why it stopped early.
    async fn lane(&self, queue: &Queue<'_>) -> (Vec<BadRecord>, Option<Failure>) {
        let mut bad = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(chain) = next else { return (bad, None) };
            for run in chain {
                if self.failed.load(Ordering::Relaxed) {
                    return (bad, None);
                }
                if let Err(failure) = self.write(run, &mut bad).await {
                    self.failed.store(true, Ordering::Relaxed);
                    return (bad, Some(failure));
                }
            }
        }
    }

    /// Writes what is left of a run.
    async fn write(&self, run: &mut Run, bad: &mut Vec<BadRecord>) -> Result<(), Failure> {
        while !run.left().is_empty() {
            let (first, end) = (run.done, run.bulk_end());
            let work = Work {
                namespace: &run.namespace,
                ordered: run.topic.settings.ordered,
                order: run.order.get(first..end).unwrap_or_default(),
                operations: &self.prepared.operations,
                arena: &self.prepared.arena,
                fresh_as_inserts: run.fresh_as_inserts,
                inserts_as_replacements: run.topic.settings.time_series.is_none(),
                now: self.prepared.now,
            };
            let errors;
            (run.done, errors) = match self.running.writer.send(work, &mut run.attempt).await {
                Ok((count, reply)) => account(run, count, &reply),
                // The server refuses the command as a whole.
                Err(Failure::Refused(error)) if is_tolerable(&error, &run.topic.settings) => {
                    let error = ConnectError::data(error.to_string()).with_class(error.class);
                    let all = run.order.len();
                    (all, (first..all).map(|position| (position, error.clone())).collect())
                }
                Err(failure) => return Err(failure),
            };
            self.add_errors(run, errors, bad)?;
            if run.done >= end {
                self.pause(run).await;
            }
        }
        Ok(())
    }

    fn add_errors(
        &self,
        run: &Run,
        errors: Vec<(usize, ConnectError)>,
        bad: &mut Vec<BadRecord>,
    ) -> Result<(), Failure> {
        let batch = &self.prepared.batch;
        for (position, error) in errors {
            let operation = run.order.get(position).and_then(|index| self.prepared.operations.get(*index as usize));
            let Some(index) = operation.map(|operation| operation.record as usize) else { continue };
            if run.topic.settings.tolerance == Tolerance::None {
                return Err(Failure::Refused(prepared::failed(&batch.record(index), error)));
            }
            bad.push(BadRecord { batch: Arc::clone(batch), index, origin: Origin::Sink, error });
        }
        Ok(())
    }

    /// The pause of the rate limit after a bulk write.
    async fn pause(&self, run: &Run) {
        let Some((every, pause)) = run.topic.settings.rate_limit else { return };
        let count = {
            let mut counts = self.running.bulk_writes.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(Arc::clone(&run.topic.name)).or_default();
            *count += 1;
            *count
        };
        if count.is_multiple_of(every) {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.running.context.cancelled.cancelled() => {}
            }
        }
    }
}

/// Whether records are reported instead of ending the task. A login or a privilege that is gone is no record's fault,
/// unless records say where they go: then one may name a place that the user must not write to.
fn is_tolerable(error: &ConnectError, settings: &Settings) -> bool {
    settings.tolerance == Tolerance::All && (error.kind != ErrorKind::Config || settings.field_paths.is_some())
}

/// What became of the first `count` operations that were left of a run: how many are done now, and what failed.
fn account(run: &Run, count: usize, reply: &Reply) -> (usize, Vec<(usize, ConnectError)>) {
    let first = run.done;
    let mut errors: Vec<(usize, ConnectError)> =
        reply.write_errors.iter().map(|error| (first + error.index, error.to_error())).collect();
    let mut done = first + count;
    if let (true, Some((position, _))) = (run.topic.settings.ordered, errors.first()) {
        // The server has stopped here; what comes after it is written next, in its order.
        done = position + 1;
    }
    if let Some(concern) = &reply.write_concern_error {
        let failed: HashSet<usize> = errors.iter().map(|(position, _)| *position).collect();
        let others = (first..done).filter(|position| !failed.contains(position));
        errors.extend(others.map(|position| (position, concern.to_error())));
    }
    (done, errors)
}

/// What becomes of a `put` that did nothing.
fn refuse(failure: Failure) -> Result<PutOutcome> {
    match failure {
        Failure::Refused(error) => Err(error),
        Failure::Unreachable(error) | Failure::Passing(error) => {
            Ok(PutOutcome { taken: 0, bad: Vec::new(), retry: Some(error) })
        }
    }
}
