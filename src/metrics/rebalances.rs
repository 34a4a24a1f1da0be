//! How a worker and its group came to who runs what (`connect-worker-rebalance-metrics`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::stats::{Clock, Windowed};

/// The rebalances that a worker took part in.
#[derive(Debug)]
pub(super) struct Rebalances {
    clock: Clock,
    /// When the one under way began, plus one; 0 for none.
    begun: AtomicU64,
    /// When the latest was over.
    over: AtomicU64,
    completed: AtomicU64,
    epoch: AtomicU64,
    times: Windowed,
}

/// What is shown of them.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) epoch: f64,
    pub(super) completed: f64,
    /// 1 or 0.
    pub(super) under_way: f64,
    pub(super) max_ms: f64,
    pub(super) average_ms: f64,
    /// Infinite before the first.
    pub(super) since_ms: f64,
}

impl Rebalances {
    pub(super) fn new(clock: &Clock) -> Self {
        let none = || AtomicU64::new(0);
        let times = Windowed::new(clock);
        Self { clock: clock.clone(), begun: none(), over: none(), completed: none(), epoch: none(), times }
    }

    pub(super) fn begin(&self) {
        self.begun.store(self.clock.micros() + 1, Relaxed);
    }

    pub(super) fn complete(&self, generation: i32) {
        let now = self.clock.micros();
        let begun = self.begun.swap(0, Relaxed);
        if begun > 0 {
            self.times.record(now.saturating_sub(begun - 1));
        }
        self.over.store(now, Relaxed);
        self.epoch.store(u64::try_from(generation).unwrap_or(0), Relaxed);
        self.completed.fetch_add(1, Relaxed);
    }

    /// `None` for a worker that has taken part in none: it may have no group.
    pub(super) fn seen(&self) -> Option<Seen> {
        let (completed, under_way) = (self.completed.load(Relaxed), self.begun.load(Relaxed) > 0);
        if completed == 0 && !under_way {
            return None;
        }
        let since = self.clock.micros().saturating_sub(self.over.load(Relaxed)) as f64 / 1e3;
        let times = self.times.seen();
        Some(Seen {
            epoch: self.epoch.load(Relaxed) as f64,
            completed: completed as f64,
            under_way: f64::from(u8::from(under_way)),
            max_ms: times.max() / 1e3,
            average_ms: times.average() / 1e3,
            since_ms: if completed == 0 { f64::INFINITY } else { since },
        })
    }
}
