//! `longshore lake`: looks after what the S3 sink has written.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use longshore_s3::lake::{self, Compacted, Compaction, Lake, Place, Report, Target, Verification};

use super::{Exit, Failed, say, say_error};

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

/// What is done with a lake.
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
    /// Make large objects of small ones, and delete these. Exits with 1 if something had to be left as it is.
    ///
    /// Objects of a path and a partition that follow each other become one, named by their first and last offset, with a
    /// manifest beside it that names them. It is read back and its rows are counted before anything is deleted. A run that
    /// is killed loses nothing, and the next one goes on where it was; a run after a run changes nothing. Meanwhile
    /// readers may see records twice, from the writing of a large object to the deleting of the small ones; never too few.
    /// Let no two run at once in one place.
    Compact {
        #[command(flatten)]
        place: Where,
        /// The format of the large objects.
        #[arg(long, value_enum)]
        to: Format,
        /// Bytes of objects that become one, at most, such as 64MiB; so much is copied to temporary files, in TMPDIR.
        #[arg(long, default_value = "256MiB", value_name = "BYTES", value_parser = bytes)]
        size: u64,
        /// Leave objects alone that were written less than this ago, such as 90s, 15m, 2h or 1d: those of an hour that is
        /// not over, and those that the sink may write again after a crash until it has committed their offsets.
        #[arg(long, default_value = "15m", value_name = "TIME", value_parser = duration)]
        older_than: Duration,
        /// Only print what would become one.
        #[arg(long, conflicts_with = "schedule")]
        dry_run: bool,
        /// Do it again and again, so long after the end of each run, until the process is told to end.
        #[arg(long, value_name = "TIME", value_parser = pause)]
        schedule: Option<Duration>,
        /// Print what was done as JSON, a line a run.
        #[arg(long)]
        json: bool,
    },
}

/// What compaction makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Parquet, compressed by Snappy.
    Parquet,
    /// CSV with a line of names; what is no text or number stands in it as JSON.
    Csv,
}

/// A time such as `90s`, `15m`, `2h` or `1d`; without a unit it is in seconds.
fn duration(text: &str) -> Result<Duration, String> {
    number(text, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]).map(Duration::from_secs)
}

/// A time between two runs, which is none without a second in it.
fn pause(text: &str) -> Result<Duration, String> {
    duration(text)
        .and_then(|pause| if pause.is_zero() { Err("it has to be a second at least".to_owned()) } else { Ok(pause) })
}

/// A size such as `64MiB`; without a unit it is in bytes.
fn bytes(text: &str) -> Result<u64, String> {
    number(text, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
}

fn number(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (digits, factor) = unit.unwrap_or((text, 1));
    let number = digits.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    let names = || units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    number.ok_or_else(|| format!("a whole number is wanted, with one of {} after it or nothing", names()))
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
        Task::Compact { place, to, size, older_than, dry_run, schedule, json } => {
            let to = if to == Format::Csv { Target::Csv } else { Target::Parquet };
            let asked = Compaction { to, size, older_than, dry_run };
            runtime.block_on(compact(&place.place(), asked, schedule, json)).map_err(failed)
        }
    }
}

/// Compacts once, or again and again until the process is to end. A run that fails is told, and the next one tries again.
async fn compact(
    place: &Place,
    asked: Compaction,
    schedule: Option<Duration>,
    json: bool,
) -> longshore_api::Result<Exit> {
    let lake = Arc::new(Lake::open(place).await?);
    let ending = tokio::signal::ctrl_c();
    tokio::pin!(ending);
    loop {
        let mut bar = Bar::new("groups");
        let run = lake::compact(Arc::clone(&lake), asked, |done, all| bar.show(done, all));
        // A run may end anywhere: the next one goes on.
        let done = tokio::select! {
            done = run => done,
            _ = &mut ending => return Ok(Exit::No),
        };
        let exit = match (&done, schedule) {
            (Err(_), None) => return done.map(|_| Exit::Ok),
            (Err(error), Some(_)) => {
                say_error(&format!("longshore: {error}"));
                Exit::No
            }
            (Ok(done), _) => {
                tell(done, asked.dry_run, json);
                if done.problems.is_empty() { Exit::Ok } else { Exit::No }
            }
        };
        let Some(pause) = schedule else { return Ok(exit) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = &mut ending => return Ok(exit),
        }
    }
}

fn tell(done: &Compacted, is_dry: bool, json: bool) {
    if json {
        say(&serde_json::to_string(done).unwrap_or_default());
        return;
    }
    for one in &done.written {
        let (object, inputs, input_bytes) = (&one.object, one.inputs, one.input_bytes);
        say(&match is_dry {
            true => format!("{inputs} objects of {input_bytes} bytes would be compacted, from {object} on"),
            false => format!(
                "{object}: {} rows of {inputs} objects, {input_bytes} bytes before, {} now",
                one.rows, one.bytes
            ),
        });
    }
    done.problems.iter().for_each(|one| say(&format!("{}: {}: {}", one.kind, one.subject, one.message)));
    let Compacted { written, deleted, rows, .. } = done;
    if !is_dry {
        say(&format!("{} objects written with {rows} rows, {deleted} objects deleted", written.len()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        for (text, seconds) in [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!([bytes("700"), bytes("64MiB")], [Ok(700), Ok(64 << 20)]);
        for text in ["", "h", "-1s", "1.5h", "1w", "99999999999999999999", "9999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(pause("0m").is_err() && pause("1s").is_ok());
    }
}
