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
    let mut report = Report::new(plan, Machine::describe(&lab, plan)?);
    if !plan.pipelines.is_empty() {
        report.limits = limit::measure(&lab, plan)?;
    }
    for pipeline in &plan.pipelines {
        for run in 1..=plan.runs {
            for (place, side) in plan.sides_in_order().into_iter().enumerate() {
                eprintln!("{}, run {run} of {}: {}", pipeline.title(), plan.runs, side.name());
                report.visits.push(visit::measure(&lab, plan, *pipeline, side, run, place)?);
            }
        }
    }
    for side in &plan.sides {
        eprintln!("idle: {}", side.name());
        report.idle.extend(idle::measure(&lab, plan, *side)?);
    }
    println!("{}", report.text());
    if let Some(name) = &plan.save {
        report.save(name)?;
    }
    Ok(())
}
