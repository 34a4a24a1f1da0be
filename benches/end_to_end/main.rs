//! What a worker moves, and what that costs: Longshore beside Kafka Connect, on real servers.
//!
//! `benches/README.md` says what is measured and how. Every figure is taken from outside the worker: arrival at the
//! destination, and the kernel's books on the process.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the tables are the output, progress goes beside them")]

mod destination;
mod idle;
mod lab;
mod limit;
mod machine;
mod options;
mod pipeline;
mod process;
mod quote;
mod report;
mod summary;
mod topic;
mod visit;
mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use lab::Lab;
use machine::Machine;
use options::{Options, Plan};
use report::Report;

fn main() -> ExitCode {
    match run(&Plan::from(Options::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<()> {
    let lab = Lab::open(plan)?;
    let (mut visits, mut limits, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for pipeline in &plan.pipelines {
        let topic = lab.topic(pipeline.content(), plan.records(pipeline))?;
        if let Some(reason) = plan.alone(pipeline) {
            eprintln!("{}: {reason}", pipeline.title);
        }
        for run in 1..=plan.runs {
            for (place, side) in plan.sides_in_order(pipeline).into_iter().enumerate() {
                eprintln!("{}, run {run} of {}: {}", pipeline.title, plan.runs, side.name());
                visits.push(visit::measure(&lab, plan, pipeline, &topic, side, run, place)?);
            }
            for raw in pipeline.limits {
                eprintln!("{}, run {run} of {}: {}", pipeline.title, plan.runs, raw.title());
                limits.push(limit::measure(&lab, pipeline, &topic, *raw, run)?);
            }
        }
    }
    for side in plan.sides.iter().filter(|_| plan.idle_sinks > 0) {
        eprintln!("idle: {}", side.name());
        idle.extend(idle::measure(&lab, plan, *side)?);
    }
    let report = Report { machine: Machine::describe(&lab, plan)?, plan, limits, visits, idle };
    println!("{}", report.text());
    if let Some(name) = &plan.save {
        report.save(name)?;
    }
    Ok(())
}
