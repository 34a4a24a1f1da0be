//! One fresh worker carries all the records of a pipeline twice.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use longshore_test_servers::unique;
use serde::Serialize;

use crate::lab::Lab;
use crate::machine;
use crate::options::Plan;
use crate::pipeline::Pipeline;
use crate::process::{Books, Process};
use crate::topic::Topic;
use crate::worker::{Side, Worker};

/// The figures of one worker. It carries everything twice, since a Java worker compiles its code while it carries the
/// first records.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Visit {
    pub(crate) pipeline: &'static Pipeline,
    pub(crate) side: Side,
    /// Counted from 1.
    pub(crate) run: u32,
    /// The visit's place in its run, counted from 0.
    pub(crate) place: usize,
    pub(crate) answer_seconds: f64,
    pub(crate) start_seconds: f64,
    pub(crate) start_cpu_seconds: f64,
    pub(crate) start_peak_bytes: u64,
    /// By the connector that is the worker's first.
    pub(crate) cold: Pass,
    /// By one after it.
    pub(crate) warm: Pass,
    /// The worker's most resident bytes while it carried, in both passes.
    pub(crate) peak_bytes: u64,
    /// Its resident bytes some seconds later, with the connector waiting for more.
    pub(crate) idle_bytes: u64,
}

/// All records, carried by one connector.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pass {
    /// From the request that creates the connector until the first record was seen at the destination.
    pub(crate) first_record_seconds: f64,
    /// From that request until the last record was there.
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    /// The same from the first to the last record.
    pub(crate) records_per_second_flowing: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) records_per_cpu_second: f64,
    /// The part of the machine's CPUs that went to processes that have nothing to do with the benchmark.
    pub(crate) others_share: f64,
}

/// Measures one worker.
pub(crate) fn measure(
    lab: &Lab,
    plan: &Plan,
    pipeline: &'static Pipeline,
    topic: &Topic,
    side: Side,
    run: u32,
    place: usize,
) -> Result<Visit> {
    let worker = Worker::start(lab, plan, side, &pipeline.equipment())?;
    // A sink's group is named after it, and what a group has read stays known: no name may come twice.
    let (first, second) = (unique("first"), unique("second"));
    let cold = carry(lab, pipeline, topic, &worker, &first)?;
    worker.delete(&first)?;
    sleep(Duration::from_millis(500));
    let warm = carry(lab, pipeline, topic, &worker, &second)?;
    let peak_bytes = worker.process().memory()?.peak;
    sleep(plan.settle_time);
    let idle_bytes = worker.process().memory()?.resident;
    Ok(Visit {
        pipeline,
        side,
        run,
        place,
        answer_seconds: worker.answer_time.as_secs_f64(),
        start_seconds: worker.start_time.as_secs_f64(),
        start_cpu_seconds: worker.start_cpu_seconds,
        start_peak_bytes: worker.start_peak_bytes,
        cold,
        warm,
        peak_bytes,
        idle_bytes,
    })
}

fn carry(lab: &Lab, pipeline: &Pipeline, topic: &Topic, worker: &Worker, name: &str) -> Result<Pass> {
    let records = topic.records;
    let destination = pipeline.target.open(lab)?;
    let config = pipeline.config(lab, worker.side, topic, destination.as_ref());
    let processes: Vec<Process> = lab.processes().into_iter().chain([worker.process()]).collect();

    let (books, cpu) = (Books::read(&processes)?, worker.process().cpu_seconds()?);
    let start = Instant::now();
    worker.create(name, &config)?;
    let arrival = destination.wait_for(records).with_context(|| worker.last_words())?;
    let cpu_seconds = worker.process().cpu_seconds()? - cpu;
    let others = (Books::read(&processes)? - books).others();
    let watched = start.elapsed().as_secs_f64();

    destination.check(records)?;
    destination.clear()?;
    let seconds = (arrival.last - start).as_secs_f64();
    let flowing = (arrival.last - arrival.first).as_secs_f64();
    let count = records as f64;
    Ok(Pass {
        first_record_seconds: (arrival.first - start).as_secs_f64(),
        seconds,
        records_per_second: count / seconds,
        records_per_second_flowing: count / flowing,
        cpu_seconds,
        records_per_cpu_second: count / cpu_seconds,
        others_share: others / (watched * machine::cpus() as f64),
    })
}
