//! The figures as tables to read and as JSON to compute with.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::idle::Idle;
use crate::limit::Limit;
use crate::machine::Machine;
use crate::options::Plan;
use crate::pipeline::Pipeline;
use crate::quote::JSON_BYTES;
use crate::summary::{Summary, Unit};
use crate::visit::Visit;
use crate::worker::{self, Side};

/// One figure of a visit.
type Figure = fn(&Visit) -> f64;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    pub(crate) machine: Machine,
    pub(crate) plan: &'a Plan,
    pub(crate) limits: Vec<Limit>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) idle: Vec<Idle>,
}

impl Report<'_> {
    /// The report as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = self.head();
        if !self.visits.is_empty() {
            text += &self.second_connectors();
            text += &self.first_connectors();
            text += &self.comparison();
            text += &self.start_table();
        }
        if !self.idle.is_empty() {
            text += &self.idle_table();
        }
        if !self.limits.is_empty() {
            text += &self.limit_table();
        }
        text
    }

    /// Writes benches/results/NAME.json and NAME.md.
    pub(crate) fn save(&self, name: &str) -> Result<()> {
        let folder = worker::project().join("benches/results");
        fs::create_dir_all(&folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (ending, text) in [("json", json), ("md", self.text())] {
            let file = folder.join(format!("{name}.{ending}"));
            fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
            println!("written: {}", file.display());
        }
        Ok(())
    }

    fn head(&self) -> String {
        let (machine, plan) = (&self.machine, self.plan);
        let mut text = "# End to end\n\n".to_owned();
        if !plan.note.is_empty() {
            let _infallible = writeln!(text, "{}\n", plan.note);
        }
        let _infallible = writeln!(
            text,
            "{}; {}, {} CPUs, {:.1} GB, Linux {}; Longshore {}; {}.\n\n\
             Records are {JSON_BYTES} bytes as JSON, in {} partitions, which one task reads. Median (least–most); runs: \
             {}, the first worker twice in each.",
            machine.date,
            machine.cpu,
            machine.cpus,
            machine.memory_bytes as f64 / 1e9,
            machine.kernel,
            machine.longshore,
            machine.servers,
            plan.partitions,
            plan.runs,
        );
        let counts: Vec<String> =
            plan.pipelines.iter().map(|pipeline| format!("{} {}", plan.records(pipeline), pipeline.title)).collect();
        if !counts.is_empty() {
            let _infallible = writeln!(text, "\nRecords of each pipeline: {}.", counts.join("; "));
        }
        for pipeline in plan.pipelines.iter().filter(|_| plan.sides.contains(&Side::Connect)) {
            if let Some(reason) = plan.alone(pipeline) {
                let _infallible = writeln!(text, "\n{}: {reason}.", pipeline.title);
            }
        }
        text
    }

    fn visits_of(&self, pipeline: &Pipeline, side: Side) -> impl Iterator<Item = &Visit> + Clone {
        let name = pipeline.name;
        self.visits.iter().filter(move |visit| visit.pipeline.name == name && visit.side == side)
    }

    /// One row for each pipeline and side.
    fn rows(&self, columns: &[(&str, Unit, Figure)]) -> String {
        let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
        let mut text = header(&[&["pipeline", "worker"], names.as_slice()].concat());
        for pipeline in &self.plan.pipelines {
            for side in &self.plan.sides {
                let visits = || self.visits_of(pipeline, *side);
                let mut cells = vec![pipeline.title.to_owned(), side.name().to_owned()];
                cells.extend(columns.iter().map(|(_, unit, of)| cell(visits().map(of), *unit)));
                if visits().next().is_some() {
                    text += &row(&cells);
                }
            }
        }
        text
    }

    fn second_connectors(&self) -> String {
        let title = "\n## A worker that is warm: its second connector\n\n";
        title.to_owned()
            + &self.rows(&[
                ("1000 records/s", Unit::Thousands, |visit| visit.warm.records_per_second),
                ("of these, first to last", Unit::Thousands, |visit| visit.warm.records_per_second_flowing),
                ("1000 records/CPU second", Unit::Thousands, |visit| visit.warm.records_per_cpu_second),
                ("request to first record, ms", Unit::Milliseconds, |visit| visit.warm.first_record_seconds),
                ("peak memory, MB", Unit::Megabytes, |visit| visit.peak_bytes as f64),
                ("memory afterwards, MB", Unit::Megabytes, |visit| visit.idle_bytes as f64),
                ("CPUs busy with other things, %", Unit::Percent, |visit| visit.warm.others_share),
            ])
    }

    fn first_connectors(&self) -> String {
        let title = "\n## A worker that has just started: its first connector\n\n";
        title.to_owned()
            + &self.rows(&[
                ("1000 records/s", Unit::Thousands, |visit| visit.cold.records_per_second),
                ("of these, first to last", Unit::Thousands, |visit| visit.cold.records_per_second_flowing),
                ("1000 records/CPU second", Unit::Thousands, |visit| visit.cold.records_per_cpu_second),
                ("request to first record, ms", Unit::Milliseconds, |visit| visit.cold.first_record_seconds),
                ("CPUs busy with other things, %", Unit::Percent, |visit| visit.cold.others_share),
            ])
    }

    /// Longshore's figure through Connect's of the same run, and as noise the second of two equal measurements
    /// through the first.
    fn comparison(&self) -> String {
        let columns: [(&str, Figure); 6] = [
            ("records/s", |visit| visit.warm.records_per_second),
            ("of these, first to last", |visit| visit.warm.records_per_second_flowing),
            ("records/CPU second", |visit| visit.warm.records_per_cpu_second),
            ("records/s, first connector", |visit| visit.cold.records_per_second),
            ("records/CPU second, first connector", |visit| visit.cold.records_per_cpu_second),
            ("peak memory", |visit| visit.peak_bytes as f64),
        ];
        let mut text = "\n## Longshore in times of Kafka Connect, run by run\n\n".to_owned();
        text += &header(&[&["pipeline", ""], columns.map(|column| column.0).as_slice()].concat());
        for pipeline in &self.plan.pipelines {
            let mut line = |what: &str, of_run: &dyn Fn(&Figures) -> Option<f64>| {
                let mut cells = vec![pipeline.title.to_owned(), what.to_owned()];
                for (_, of) in columns {
                    let runs = (1..=self.plan.runs).map(|run| self.figures(pipeline, run, of));
                    cells.push(cell(runs.filter_map(|figures| of_run(&figures)), Unit::Times));
                }
                text += &row(&cells);
            };
            line("Longshore / Kafka Connect", &Figures::ratio);
            line("noise: the same twice", &Figures::noise);
        }
        text
    }

    fn figures(&self, pipeline: &Pipeline, run: u32, of: Figure) -> Figures {
        let of_side = |side| self.visits_of(pipeline, side).filter(|visit| visit.run == run).map(of).collect();
        Figures { longshore: of_side(Side::Longshore), connect: of_side(Side::Connect) }
    }

    fn start_table(&self) -> String {
        let mut text = "\n## From the start of the process until the worker is ready\n\n".to_owned();
        text += &header(&["worker", "REST answers, s", "ready, s", "CPU seconds", "peak memory, MB"]);
        for side in &self.plan.sides {
            let visits = || self.visits.iter().filter(|visit| visit.side == *side);
            text += &row(&[
                side.name().to_owned(),
                cell(visits().map(|visit| visit.answer_seconds), Unit::Seconds),
                cell(visits().map(|visit| visit.start_seconds), Unit::Seconds),
                cell(visits().map(|visit| visit.start_cpu_seconds), Unit::Seconds),
                cell(visits().map(|visit| visit.start_peak_bytes as f64), Unit::Megabytes),
            ]);
        }
        text
    }

    fn idle_table(&self) -> String {
        let mut text = "\n## With nothing to do\n\n".to_owned();
        text +=
            &header(&["worker", "file sinks", "started in, s", "memory, MB", "threads", "wake-ups/s", "of a CPU, %"]);
        for idle in &self.idle {
            text += &row(&[
                idle.side.name().to_owned(),
                idle.sinks.to_string(),
                cell([idle.start_seconds], Unit::Seconds),
                cell([idle.resident_bytes as f64], Unit::Megabytes),
                idle.threads.to_string(),
                format!("{:.0}", idle.wake_ups_per_second),
                cell([idle.cpu_share], Unit::Percent),
            ]);
        }
        text
    }

    /// Beside each way to do without a worker, how many times its CPU time a record a warm worker took in the same run.
    fn limit_table(&self) -> String {
        let mut text = "\n## The limit: the same records without a worker\n\n".to_owned();
        let names = ["pipeline", "what is done", "1000 records/s", "1000 records/CPU second", "CPU, Longshore / this"];
        text += &header(&names);
        for pipeline in &self.plan.pipelines {
            for raw in pipeline.limits {
                let of = |limit: &&Limit| limit.pipeline.name == pipeline.name && limit.raw == *raw;
                let limits = || self.limits.iter().filter(of);
                let times = |limit: &Limit| {
                    let figures = self.figures(pipeline, limit.run, |visit| visit.warm.records_per_cpu_second);
                    Some(limit.records_per_cpu_second / mean(&figures.longshore)?)
                };
                text += &row(&[
                    pipeline.title.to_owned(),
                    raw.title().to_owned(),
                    cell(limits().map(|limit| limit.records_per_second), Unit::Thousands),
                    cell(limits().map(|limit| limit.records_per_cpu_second), Unit::Thousands),
                    cell(limits().filter_map(times), Unit::Times),
                ]);
            }
        }
        text
    }
}

/// One figure of one run, on both sides.
struct Figures {
    longshore: Vec<f64>,
    connect: Vec<f64>,
}

impl Figures {
    fn ratio(&self) -> Option<f64> {
        Some(mean(&self.longshore)? / mean(&self.connect)?)
    }

    fn noise(&self) -> Option<f64> {
        let [first, second] = self.longshore.as_slice() else { return None };
        Some(second / first)
    }
}

fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

fn cell(figures: impl IntoIterator<Item = f64>, unit: Unit) -> String {
    Summary::of(figures).map_or_else(|| "-".to_owned(), |summary| summary.show(unit))
}

fn header(names: &[&str]) -> String {
    row(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()) + &"|---".repeat(names.len()) + "|\n"
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
