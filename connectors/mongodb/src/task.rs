//! A running sink.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use longshore_api::config::Props;
use longshore_api::{
    BadRecord, Batch, ConnectError, FlushOutcome, Origin, Positions, PutOutcome, Result, SinkTask, TaskContext,
};

use crate::config::{self, Tolerance};
use crate::date;
use crate::errors::{Failure, Reply};
use crate::prepared::{self, Prepared, Preparer, Rules};
use crate::writer::{Target, Work, Writer};

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
    bulk_writes: HashMap<Arc<str>, u64>,
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
            bulk_writes: HashMap::new(),
        })
    }

    async fn put(&mut self, batch: &Arc<Batch>, from: usize) -> Result<PutOutcome> {
        let pending = self.pending.take().filter(|pending| Arc::ptr_eq(&pending.batch, batch) && pending.next == from);
        let mut prepared = match pending {
            Some(pending) => pending,
            None => match self.writer.limits().await {
                Ok(limits) => self.prepare(batch, from, limits.document)?,
                Err(failure) => return refuse(failure),
            },
        };
        let mut outcome = PutOutcome::default();
        while !prepared.is_done() {
            match self.write_group(&mut prepared).await {
                Ok(()) => {}
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Unreachable(error) | Failure::Passing(error)) => {
                    outcome.retry = Some(error);
                    break;
                }
            }
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
            converter_tolerates: self.worker_tolerates,
            now: date::now_millis(),
        };
        self.preparer.prepare(batch, from, &rules)
    }

    /// Writes what is left of the current group.
    async fn write_group(&mut self, prepared: &mut Prepared) -> Result<(), Failure> {
        let (operations, arena) = (std::mem::take(&mut prepared.operations), std::mem::take(&mut prepared.arena));
        let now = prepared.now;
        let sent = match prepared.current() {
            Some((group, progress)) => {
                let settings = &group.settings;
                let collection = if settings.collection.is_empty() { &*group.topic } else { &settings.collection };
                let work = Work {
                    target: Target { database: &settings.database, collection, ordered: settings.ordered },
                    order: progress.order.get(progress.done..).unwrap_or_default(),
                    operations: &operations,
                    arena: &arena,
                    fresh_as_inserts: progress.fresh_as_inserts,
                    now,
                };
                Some(self.writer.send(work, &mut progress.attempt).await)
            }
            None => None,
        };
        (prepared.operations, prepared.arena) = (operations, arena);
        match sent {
            None => Ok(()),
            Some(Ok((count, reply))) => self.account(prepared, count, &reply).await,
            Some(Err(Failure::Refused(error))) => self.refused(prepared, error).await,
            Some(Err(failure)) => Err(failure),
        }
    }

    /// Notes what became of the `count` operations that were sent.
    async fn account(&mut self, prepared: &mut Prepared, count: usize, reply: &Reply) -> Result<(), Failure> {
        let Some((group, progress)) = prepared.current() else { return Ok(()) };
        let settings = Arc::clone(&group.settings);
        let first = progress.done;
        progress.attempt = crate::writer::Attempt::default();
        let mut errors: Vec<(usize, ConnectError)> =
            reply.write_errors.iter().map(|error| (first + error.index, error.to_error())).collect();
        let mut done = first + count;
        if let (true, Some((position, _))) = (settings.ordered, errors.first()) {
            // The server has stopped here; what comes after it is written next, in its order.
            done = position + 1;
        }
        if let Some(concern) = &reply.write_concern_error {
            let failed: HashSet<usize> = errors.iter().map(|(position, _)| *position).collect();
            let others = (first..done).filter(|position| !failed.contains(position));
            errors.extend(others.map(|position| (position, concern.to_error())));
        }
        self.add_errors(prepared, settings.tolerance, errors)?;
        self.done_up_to(prepared, done).await;
        Ok(())
    }

    /// The server refuses the command as a whole, which is no record's fault.
    async fn refused(&mut self, prepared: &mut Prepared, error: ConnectError) -> Result<(), Failure> {
        let Some((group, progress)) = prepared.current() else { return Ok(()) };
        if group.settings.tolerance != Tolerance::All {
            return Err(Failure::Refused(error));
        }
        let (first, all) = (progress.done, progress.order.len());
        let bad = ConnectError::data(error.to_string()).with_class(error.class);
        let errors = (first..all).map(|position| (position, bad.clone())).collect();
        self.add_errors(prepared, Tolerance::All, errors)?;
        self.done_up_to(prepared, all).await;
        Ok(())
    }

    fn add_errors(
        &self,
        prepared: &mut Prepared,
        tolerance: Tolerance,
        errors: Vec<(usize, ConnectError)>,
    ) -> Result<(), Failure> {
        for (position, error) in errors {
            let Some(index) = prepared.record_at(position) else { continue };
            if tolerance == Tolerance::None {
                return Err(Failure::Refused(prepared::failed(&prepared.batch.record(index), error)));
            }
            prepared.add_bad(index, Origin::Sink, error);
        }
        Ok(())
    }

    /// Notes how far the group is; at its end comes the pause of the rate limit.
    async fn done_up_to(&mut self, prepared: &mut Prepared, done: usize) {
        let Some((group, progress)) = prepared.current() else { return };
        progress.done = done;
        if done < progress.order.len() {
            return;
        }
        let (topic, limit) = (Arc::clone(&group.topic), group.settings.rate_limit);
        prepared.next_group();
        let Some((every, pause)) = limit else { return };
        let count = self.bulk_writes.entry(topic).or_default();
        *count += 1;
        if count.is_multiple_of(every) {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.context.cancelled.cancelled() => {}
            }
        }
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

/// What becomes of a `put` that did nothing.
fn refuse(failure: Failure) -> Result<PutOutcome> {
    match failure {
        Failure::Refused(error) => Err(error),
        Failure::Unreachable(error) | Failure::Passing(error) => {
            Ok(PutOutcome { taken: 0, bad: Vec::new(), retry: Some(error) })
        }
    }
}
