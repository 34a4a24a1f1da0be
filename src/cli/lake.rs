//! `longshore lake`: looks after what the S3 sink has written.

use std::io::{IsTerminal, Write};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use longshore_s3::lake::{self, Lake, Place, Report, Verification};

use super::{Exit, Failed, say};

/// Where a lake is, and how it is reached. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a
/// profile, a web identity, the container or the instance, in that order.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// The bucket, and what the keys of its objects begin with: s3://BUCKET/PREFIX.
    url: String,
    /// URL of an S3 server that is not Amazon's.
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// Whether the bucket stands in the path of URLs; true by default with --endpoint.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    path_style: Option<bool>,
    /// The connector's directory.delim.
    #[arg(long, default_value = "/", value_name = "TEXT")]
    directory_delim: String,
    /// The connector's file.delim.
    #[arg(long, default_value = "+", value_name = "TEXT")]
    file_delim: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Task {
    /// Read every object, and say what is missing, there twice, or cannot be read. Exits with 1 if anything is wrong.
    ///
    /// Counts the rows of each partition, looks for offsets that no object holds or that several do, checks schemas,
    /// manifests, and that objects of keys and headers have the rows of their values. Reads JSON, CSV, Avro and Parquet.
    Verify {
        #[command(flatten)]
        place: Where,
        /// Show so many rows of each topic.
        #[arg(long, default_value = "0", value_name = "N")]
        sample: usize,
        /// Offsets may be missing: topics are compacted or written in transactions, or records went elsewhere.
        #[arg(long)]
        allow_missing: bool,
        /// Print everything as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Where {
    fn place(self) -> Place {
        let path_style = self.path_style.unwrap_or(self.endpoint.is_some());
        Place {
            url: self.url,
            region: self.region,
            endpoint: self.endpoint,
            path_style,
            directory_delimiter: self.directory_delim,
            file_delimiter: self.file_delim,
        }
    }
}

/// Does it.
pub(super) fn run(task: Task) -> Result<Exit, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Failed::start)?;
    let failed = |error| Failed { exit: Exit::No, error: anyhow!("{error}") };
    match task {
        Task::Verify { place, sample, allow_missing, json } => {
            let asked = Verification { samples: sample, allow_missing };
            let report = runtime.block_on(async {
                let lake = Lake::open(&place.place()).await?;
                let mut bar = Bar::new("objects");
                lake::verify(lake, asked, |done, all| bar.show(done, all)).await
            });
            let report = report.map_err(failed)?;
            match json {
                true => say(&serde_json::to_string_pretty(&report).map_err(Failed::start)?),
                false => lines(&report).iter().for_each(|line| say(line)),
            }
            Ok(if report.problems.is_empty() { Exit::Ok } else { Exit::No })
        }
    }
}

/// A report for people.
fn lines(report: &Report) -> Vec<String> {
    let Report { location, objects, rows, bytes, manifests, others, .. } = report;
    let mut lines =
        vec![format!("{location}: {rows} rows in {objects} objects of {bytes} bytes, {manifests} manifests")];
    if *others > 0 {
        lines.push(format!("{others} other objects were not looked into"));
    }
    for one in &report.partitions {
        let (topic, partition, first, last) = (&one.topic, one.partition, one.first_offset, one.last_offset);
        let (rows, objects) = (one.rows, one.objects);
        lines.push(format!("{topic}-{partition}: {rows} rows in {objects} objects, offsets {first} to {last}"));
    }
    for one in &report.paths {
        lines.push(format!("{}: {} rows in {} objects", one.path, one.rows, one.objects));
    }
    for one in &report.schemas {
        lines.push(format!(
            "{}: {} objects of {} have this schema:\n{}",
            one.topic, one.objects, one.format, one.schema
        ));
    }
    for one in &report.samples {
        lines.push(format!("first rows of {}:", one.object));
        lines.extend(one.rows.iter().cloned());
    }
    lines.extend(report.problems.iter().map(|one| format!("{}: {}: {}", one.kind, one.subject, one.message)));
    lines.push(match report.problems.len() {
        0 => "all is well".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    });
    lines
}

/// A bar on standard error, if that is a terminal.
struct Bar {
    what: &'static str,
    is_shown: bool,
}

impl Bar {
    const WIDTH: usize = 40;

    fn new(what: &'static str) -> Self {
        Self { what, is_shown: std::io::stderr().is_terminal() }
    }

    #[allow(clippy::print_stderr, reason = "the live line")]
    fn show(&mut self, done: usize, all: usize) {
        if self.is_shown && all > 0 {
            let filled = done * Self::WIDTH / all;
            let (bar, end) = ("#".repeat(filled), if done == all { "\n" } else { "" });
            eprint!("\r[{bar:-<width$}] {done} of {all} {what}{end}", width = Self::WIDTH, what = self.what);
            // Who does not look any more need not be told.
            drop(std::io::stderr().flush());
        }
    }
}
