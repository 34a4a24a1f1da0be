//! What came to the file: counted where it arrives.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long a file must not grow until nothing more is thought to be on its way.
const STILL: Duration = Duration::from_millis(500);
/// How long that may take.
const DRAIN: Duration = Duration::from_secs(10);

/// How long the first line is waited for in silence: a sink joins its group first.
const FIRST: Duration = Duration::from_secs(10);

/// Shows every second how many lines came.
pub(super) async fn show(lines: &mut LineCounter) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let (start, began) = (lines.count(), Instant::now());
    let (mut before, mut since) = (start, began);
    loop {
        tick.tick().await;
        if lines.count() == start && began.elapsed() < FIRST {
            since = Instant::now();
            continue;
        }
        let (now, seconds) = (lines.count(), since.elapsed().as_secs_f64());
        show_line(now, (now - before) as f64 / seconds);
        (before, since) = (now, Instant::now());
    }
}

#[allow(clippy::print_stdout, reason = "the live line")]
fn show_line(count: u64, per_second: f64) {
    let line = format!("{per_second:>9.0} quotes/s, {count} in the file");
    if std::io::stdout().is_terminal() {
        print!("\r{line}  ");
    } else {
        println!("{line}");
    }
    // Who does not look any more need not be told.
    drop(std::io::stdout().flush());
}

/// Waits until the file stops growing.
pub(super) async fn settle(lines: &mut LineCounter) {
    let settled = async {
        let mut before = lines.count();
        loop {
            sleep(STILL).await;
            let now = lines.count();
            if now == before {
                return;
            }
            before = now;
        }
    };
    // A file that still grows is fed by somebody else, too.
    drop(timeout(DRAIN, settled).await);
}

/// Counts a growing file's lines without reading it again.
pub(super) struct LineCounter {
    path: PathBuf,
    file: Option<File>,
    lines: u64,
}

impl LineCounter {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, lines: 0 }
    }

    pub(super) fn count(&mut self) -> u64 {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut buffer = [0; 1 << 16];
        while let Some(file) = &mut self.file {
            match file.read(&mut buffer) {
                Ok(read) if read > 0 => {
                    let read = buffer.iter().take(read);
                    self.lines += read.filter(|byte| **byte == b'\n').count() as u64;
                }
                _ => break,
            }
        }
        self.lines
    }
}
