//! Numbers over a while, of atomics: rates, averages, maxima, and the shares of time spent in states.
//!
//! The rules are those of `org.apache.kafka.common.metrics.stats`: a value counts in the window in which it came, and
//! windows that are too old are left out. One task writes, anybody reads; a reader may see a window that is just being
//! begun anew, which is off by one value for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// The most windows that are kept: each costs memory in every number of every task.
const MAX_SAMPLES: usize = 100;

/// The time, and how it is cut into windows.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    start: Instant,
    window: Duration,
    samples: usize,
}

impl Clock {
    pub(super) fn new(window: Duration, samples: usize) -> Self {
        Self {
            start: Instant::now(),
            window: window.max(Duration::from_millis(1)),
            samples: samples.clamp(1, MAX_SAMPLES),
        }
    }

    /// Number of the window in which we are, from 1.
    fn window(&self) -> u64 {
        (self.start.elapsed().as_micros() / self.window.as_micros()) as u64 + 1
    }

    /// Since the worker's start.
    pub(super) fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

/// Values of the last windows.
#[derive(Debug)]
pub(super) struct Windowed {
    clock: Clock,
    slots: Arc<[Slot]>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Number of the window that the slot is used for; 0 for none.
    window: AtomicU64,
    count: AtomicU64,
    sum: AtomicU64,
    max: AtomicU64,
    min: AtomicU64,
}

/// What the last windows hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) sum: u64,
    max: u64,
    min: u64,
    /// Seconds that a rate is about.
    seconds: f64,
}

impl Windowed {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), slots: (0..clock.samples).map(|_| Slot::default()).collect() }
    }

    pub(super) fn record(&self, value: u64) {
        let window = self.clock.window();
        let slot = &self.slots[(window % self.slots.len() as u64) as usize];
        if slot.window.swap(window, Relaxed) != window {
            slot.count.store(0, Relaxed);
            slot.sum.store(0, Relaxed);
            slot.max.store(0, Relaxed);
            slot.min.store(u64::MAX, Relaxed);
        }
        slot.count.fetch_add(1, Relaxed);
        slot.sum.fetch_add(value, Relaxed);
        slot.max.fetch_max(value, Relaxed);
        slot.min.fetch_min(value, Relaxed);
    }

    pub(super) fn record_time(&self, time: Duration) {
        self.record(time.as_micros() as u64);
    }

    pub(super) fn seen(&self) -> Seen {
        let (window, samples) = (self.clock.window(), self.slots.len() as u64);
        let mut seen = Seen { count: 0, sum: 0, max: 0, min: u64::MAX, seconds: 0.0 };
        let mut oldest = window;
        for slot in self.slots.iter() {
            let its = slot.window.load(Relaxed);
            if its == 0 || its + samples <= window {
                continue;
            }
            oldest = oldest.min(its);
            seen.count += slot.count.load(Relaxed);
            seen.sum += slot.sum.load(Relaxed);
            seen.max = seen.max.max(slot.max.load(Relaxed));
            seen.min = seen.min.min(slot.min.load(Relaxed));
        }
        seen.seconds = self.seconds_since(oldest, window);
        seen
    }

    /// Seconds from the begin of a window until now; windows that were not needed yet count, but for the current one,
    /// so that a rate does not begin with a peak.
    fn seconds_since(&self, oldest: u64, window: u64) -> f64 {
        let length = self.clock.window.as_secs_f64();
        let into_this = self.clock.micros() as f64 / 1e6 - (window - 1) as f64 * length;
        let whole = (window - oldest).max(self.slots.len() as u64 - 1);
        // Never zero: with one window the very first moment is all there is.
        (whole as f64 * length + into_this).max(0.001)
    }
}

impl Seen {
    /// Sum of the values a second.
    pub(super) fn rate(&self) -> f64 {
        self.sum as f64 / self.seconds
    }

    /// NaN without values, as in Kafka.
    pub(super) fn average(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.sum as f64 / self.count as f64 }
    }

    /// NaN without values, as in Kafka.
    pub(super) fn max(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.max as f64 }
    }

    /// NaN without values, as in Kafka.
    pub(super) fn min(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.min as f64 }
    }
}

/// A number that only grows, and its rate.
#[derive(Debug)]
pub(super) struct Meter {
    total: AtomicU64,
    recent: Windowed,
}

impl Meter {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { total: AtomicU64::new(0), recent: Windowed::new(clock) }
    }

    pub(super) fn add(&self, count: u64) {
        self.total.fetch_add(count, Relaxed);
        self.recent.record(count);
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    pub(super) fn rate(&self) -> f64 {
        self.recent.seen().rate()
    }
}

/// Shares of the time that a task was running and paused.
#[derive(Debug)]
pub(super) struct Shares {
    clock: Clock,
    begin: u64,
    /// When the task began to run or to rest, plus one; 0 while it does not. Then what was before that.
    running: (AtomicU64, AtomicU64),
    paused: (AtomicU64, AtomicU64),
}

impl Shares {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), begin: clock.micros(), running: Default::default(), paused: Default::default() }
    }

    pub(super) fn enter(&self, running: bool, paused: bool) {
        let now = self.clock.micros();
        for (is, (since, before)) in [(running, &self.running), (paused, &self.paused)] {
            let begun = since.load(Relaxed);
            if is == (begun != 0) {
                continue;
            }
            if begun != 0 {
                before.fetch_add(now.saturating_sub(begun - 1), Relaxed);
            }
            since.store(if is { now + 1 } else { 0 }, Relaxed);
        }
    }

    pub(super) fn running(&self) -> f64 {
        self.share(&self.running)
    }

    pub(super) fn paused(&self) -> f64 {
        self.share(&self.paused)
    }

    fn share(&self, (since, before): &(AtomicU64, AtomicU64)) -> f64 {
        let now = self.clock.micros();
        let current = match since.load(Relaxed) {
            0 => 0,
            begun => now.saturating_sub(begun - 1),
        };
        match now.saturating_sub(self.begin) {
            0 => 0.0,
            all => (before.load(Relaxed) + current) as f64 / all as f64,
        }
    }
}

/// How far a task is in a partition, and how much of that is committed. Negative: not known.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) position: AtomicI64,
    pub(super) committed: AtomicI64,
}

impl Default for Reading {
    fn default() -> Self {
        Self { position: AtomicI64::new(-1), committed: AtomicI64::new(-1) }
    }
}

impl Reading {
    /// Records that are still to be read of a partition that ends before `end`, if both are known.
    pub(super) fn lag(&self, end: Option<i64>) -> Option<i64> {
        let position = self.position.load(Relaxed);
        end.filter(|_| position >= 0).map(|end| (end - position).max(0))
    }

    /// Records that were read and are not committed.
    pub(super) fn active(&self) -> u64 {
        let (position, committed) = (self.position.load(Relaxed), self.committed.load(Relaxed));
        if committed < 0 { 0 } else { u64::try_from(position - committed).unwrap_or(0) }
    }
}
