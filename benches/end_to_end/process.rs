//! The kernel's books: what a process and the whole machine have used.

use std::fs;
use std::ops::Sub;

use anyhow::{Context, Result, anyhow};

/// The unit of CPU times in /proc, in ticks a second: a constant of Linux's interface (USER_HZ), whatever the kernel's
/// own tick is.
const TICKS_A_SECOND: f64 = 100.0;

/// A process. A worker is one process on either side, with no children that do its work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// What a process takes at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident bytes (VmRSS).
    pub(crate) resident: u64,
    /// The most resident bytes since the process began or [`Process::forget_peak`] was called (VmHWM).
    pub(crate) peak: u64,
    pub(crate) threads: u64,
}

impl Process {
    /// CPU seconds of all its threads so far, in user and kernel mode.
    pub(crate) fn cpu_seconds(self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).context("a process is gone")?;
        // The command's name may hold spaces and brackets; after its last bracket come numbers only.
        let (_, numbers) = stat.rsplit_once(')').ok_or_else(|| anyhow!("/proc/{}/stat is odd: {stat}", self.0))?;
        let ticks: u64 = numbers.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
        Ok(ticks as f64 / TICKS_A_SECOND)
    }

    /// How often any of its threads has gone on after it had waited for something.
    pub(crate) fn wake_ups(self) -> Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0)).context("a process is gone")? {
            // A thread may end while the others are counted.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            sum += line.and_then(|line| line.trim().parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(sum)
    }

    /// Begins to look for the most resident bytes anew.
    pub(crate) fn forget_peak(self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").context("the peak of memory cannot be reset")
    }

    /// Its memory and threads.
    pub(crate) fn memory(self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("a process is gone")?;
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.ok_or_else(|| anyhow!("/proc/{}/status has no {key}", self.0))
        };
        Ok(Memory { resident: value("VmRSS")? * 1024, peak: value("VmHWM")? * 1024, threads: value("Threads")? })
    }
}

/// CPU seconds that were used: by the whole machine, and by what belongs to the benchmark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Books {
    machine: f64,
    ours: f64,
}

impl Books {
    /// Reads the books; `ours` are the worker, the servers and the benchmark itself.
    pub(crate) fn read(ours: &[Process]) -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("/proc/stat cannot be read")?;
        let line = stat.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
        let busy: u64 = ticks.iter().enumerate().filter(|(at, _)| !matches!(at, 3 | 4 | 8..)).map(|(_, n)| n).sum();
        let ours = ours.iter().map(|process| process.cpu_seconds()).sum::<Result<f64>>()?;
        Ok(Self { machine: busy as f64 / TICKS_A_SECOND, ours })
    }

    /// What others used, in CPU seconds.
    pub(crate) fn others(self) -> f64 {
        (self.machine - self.ours).max(0.0)
    }
}

impl Sub for Books {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { machine: self.machine - earlier.machine, ours: self.ours - earlier.ours }
    }
}
