//! What a worker takes that has nothing to do.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use longshore_test_servers::unique;
use serde::Serialize;
use serde_json::json;

use crate::lab::Lab;
use crate::options::Plan;
use crate::topic;
use crate::worker::{Equipment, Side, Worker};

/// A worker at rest.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Idle {
    pub(crate) side: Side,
    /// Its connectors: file sinks of an empty topic.
    pub(crate) sinks: u32,
    /// From the request for the first connector until the task of the last one ran.
    pub(crate) start_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) wake_ups_per_second: f64,
    /// Of one CPU.
    pub(crate) cpu_share: f64,
}

/// Measures a worker without connectors, and then with many.
pub(crate) fn measure(lab: &Lab, plan: &Plan, side: Side) -> Result<[Idle; 2]> {
    let topic = unique("idle");
    topic::create(lab, &topic, 1)?;
    let worker = Worker::start(lab, plan, side, &Equipment::default())?;
    let alone = rest(plan, side, &worker, 0, Duration::ZERO)?;
    let start = Instant::now();
    for number in 0..plan.idle_sinks {
        let file = lab.folder().join(format!("{topic}-{number}"));
        let config = json!({
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": topic,
            "tasks.max": "1",
            "file": file,
        });
        worker.create(&format!("{topic}-{number}"), &config)?;
    }
    worker.wait_for_tasks(plan.idle_sinks as usize)?;
    Ok([alone, rest(plan, side, &worker, plan.idle_sinks, start.elapsed())?])
}

fn rest(plan: &Plan, side: Side, worker: &Worker, sinks: u32, start_time: Duration) -> Result<Idle> {
    sleep(plan.settle_time);
    let process = worker.process();
    let (start, cpu, wake_ups) = (Instant::now(), process.cpu_seconds()?, process.wake_ups()?);
    sleep(plan.idle_time);
    let seconds = start.elapsed().as_secs_f64();
    let cpu_share = (process.cpu_seconds()? - cpu) / seconds;
    let wake_ups_per_second = process.wake_ups()?.saturating_sub(wake_ups) as f64 / seconds;
    let memory = process.memory()?;
    Ok(Idle {
        side,
        sinks,
        start_seconds: start_time.as_secs_f64(),
        resident_bytes: memory.resident,
        threads: memory.threads,
        wake_ups_per_second,
        cpu_share,
    })
}
