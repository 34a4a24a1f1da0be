//! When something that failed is started again without anybody asking: `errors.restart.*`.
//!
//! Pure: time and chance are handed in. The herder carries out what is decided here.

use std::time::Duration;

use longshore_api::{ConnectError, ErrorKind};
use tokio::time::Instant;

/// How a connector wants its failures to be treated. A connector that does not say `errors.restart.enable` has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// `errors.restart.max.attempts`: how many restarts in a row; `None` for any number.
    pub max_attempts: Option<u32>,
    /// `errors.restart.delay.ms`: the pause before the first.
    pub delay: Duration,
    /// `errors.restart.delay.max.ms`: the longest pause.
    pub delay_max: Duration,
    /// `errors.restart.reset.ms`: what ran for so long is healthy, and its restarts are forgotten.
    pub reset: Duration,
}

impl RestartPolicy {
    /// The pause before restart number `attempt` (from 1): doubles from the first to the longest; half of it is
    /// fixed, half drawn by `random`, which is in [0, 1), so that what failed together does not come back together.
    fn pause(&self, attempt: u32, random: f64) -> Duration {
        let doubled = self.delay.saturating_mul(1 << attempt.saturating_sub(1).min(30));
        doubled.min(self.delay_max.max(self.delay)).mul_f64(0.5 + random / 2.0)
    }
}

/// Whether a failure may go away by itself. One that a configuration or a record caused does not: the same
/// configuration, the same record would come again.
pub fn is_transient(error: &ConnectError) -> bool {
    let mut link = Some(error);
    while let Some(error) = link {
        if matches!(error.kind, ErrorKind::Config | ErrorKind::BadRecord) {
            return false;
        }
        link = error.cause.as_deref();
    }
    true
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is started again after this pause.
    Restart {
        /// Which restart in a row it will be, from 1.
        attempt: u32,
        /// How long to wait.
        pause: Duration,
    },
    /// So many restarts in a row did not help; there are no more.
    GiveUp {
        /// How many there were.
        attempts: u32,
    },
}

/// The restarts of one task or connector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestartHistory {
    attempts: u32,
    /// From when on it counts as healthy; `None` while it does not run.
    healthy_at: Option<Instant>,
}

impl RestartHistory {
    /// It runs.
    pub fn runs(&mut self, policy: &RestartPolicy, now: Instant) {
        self.healthy_at = now.checked_add(policy.reset);
    }

    /// It failed, for a reason that may go away.
    pub fn failed(&mut self, policy: &RestartPolicy, now: Instant, random: f64) -> Verdict {
        let attempts = self.attempts(now);
        self.healthy_at = None;
        if policy.max_attempts.is_some_and(|most| attempts >= most) {
            self.attempts = attempts;
            return Verdict::GiveUp { attempts };
        }
        self.attempts = attempts.saturating_add(1);
        Verdict::Restart { attempt: self.attempts, pause: policy.pause(self.attempts, random) }
    }

    /// How many restarts in a row there were; none as soon as it is healthy.
    pub fn attempts(&self, now: Instant) -> u32 {
        if self.healthy_at.is_some_and(|healthy| healthy <= now) { 0 } else { self.attempts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(max_attempts: Option<u32>) -> RestartPolicy {
        RestartPolicy { max_attempts, delay: 10 * SECOND, delay_max: 60 * SECOND, reset: 100 * SECOND }
    }

    fn restart(attempt: u32, seconds: u32) -> Verdict {
        Verdict::Restart { attempt, pause: seconds * SECOND }
    }

    /// What happens, how many seconds after the start, and what follows.
    enum Step {
        Runs(u32),
        Fails(u32, Verdict),
        Shows(u32, u32),
    }
    use Step::{Fails, Runs, Shows};

    fn live(policy: RestartPolicy, steps: &[Step]) {
        let start = Instant::now();
        let mut history = RestartHistory::default();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Runs(at) => history.runs(&policy, start + *at * SECOND),
                // The largest pause that chance can give, as good as.
                Fails(at, verdict) => {
                    let said = history.failed(&policy, start + *at * SECOND, 1.0);
                    assert_eq!(said, *verdict, "step {number}");
                }
                Shows(at, attempts) => assert_eq!(history.attempts(start + *at * SECOND), *attempts, "step {number}"),
            }
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_for_as_long_as_it_takes() {
        let fails = [10, 20, 40, 60, 60, 60].into_iter().zip(1..).map(|(pause, n)| Fails(n, restart(n, pause)));
        live(policy(None), &fails.collect::<Vec<_>>());
    }

    #[test]
    fn after_the_last_attempt_there_is_none() {
        let steps = [
            Fails(0, restart(1, 10)),
            Runs(10),
            Fails(11, restart(2, 20)),
            Runs(31),
            Fails(32, Verdict::GiveUp { attempts: 2 }),
            Shows(5000, 2),
        ];
        live(policy(Some(2)), &steps);
        live(policy(Some(0)), &[Fails(0, Verdict::GiveUp { attempts: 0 })]);
    }

    #[test]
    fn what_ran_long_enough_begins_anew() {
        let steps = [
            Fails(0, restart(1, 10)),
            Runs(10),
            Shows(109, 1),
            Shows(110, 0),
            Fails(111, restart(1, 10)),
            Runs(121),
            Fails(220, restart(2, 20)),
            // It was healthy once, but has not run since.
            Fails(900, restart(3, 40)),
        ];
        live(policy(Some(3)), &steps);
    }

    #[test]
    fn pauses_are_drawn_from_their_upper_half() {
        let start = Instant::now();
        let drawn = |random| RestartHistory::default().failed(&policy(None), start, random);
        assert_eq!(drawn(0.0), restart(1, 5));
        let longest = RestartPolicy { delay: Duration::MAX, delay_max: SECOND, ..policy(None) };
        let said = RestartHistory { attempts: u32::MAX, healthy_at: None }.failed(&longest, start, 0.0);
        assert!(matches!(said, Verdict::Restart { attempt: u32::MAX, .. }), "{said:?}");
    }

    #[test]
    fn only_what_may_go_away_is_transient() {
        let wrapped = |cause| ConnectError::fatal("Exiting").caused_by(ConnectError::fatal("why").caused_by(cause));
        assert!(is_transient(&wrapped(ConnectError::retriable("no primary"))));
        assert!(is_transient(&wrapped(ConnectError::fatal("panicked"))));
        assert!(!is_transient(&wrapped(ConnectError::data("not JSON"))));
        assert!(!is_transient(&ConnectError::config("database is missing")));
    }
}
