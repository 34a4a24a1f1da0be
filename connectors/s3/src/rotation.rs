//! When the files of a partition are closed and committed.
//!
//! Pure: times come in as milliseconds since the epoch, decisions go out. As in Confluent's connector a rotation
//! closes every open file of the partition, not only the one of a path.

use longshore_formats::java_time::Zone;

const DAY: i64 = 86_400_000;

/// The rules of a connector.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// After so many records.
    pub(crate) flush_size: u64,
    /// The span of time that files cover, by the clock of the partitioner.
    pub(crate) interval: Option<i64>,
    /// With `interval`: whether another path than that of the record before closes the files.
    pub(crate) on_partition_change: bool,
    /// The interval of the wall clock, and the zone whose midnight it is counted from.
    pub(crate) schedule: Option<(i64, Zone)>,
    /// How long, by the wall clock, files wait for a further record.
    pub(crate) idle: Option<i64>,
    /// Whenever the worker is about to commit offsets.
    pub(crate) at_flush: bool,
}

impl Rules {
    /// Files end when the worker is about to commit offsets, and at no other time.
    pub(crate) fn at_flush() -> Self {
        Self {
            flush_size: u64::MAX,
            interval: None,
            on_partition_change: false,
            schedule: None,
            idle: None,
            at_flush: true,
        }
    }
}

/// Why files are closed. Shown in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Reason {
    FlushSize,
    Interval,
    PartitionChange,
    Schedule,
    SchemaChange,
    Tombstones,
    OpenFiles,
    Idle,
    Flush,
}

/// What has happened in a partition since its last commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rotation {
    records: u64,
    /// The partitioner's time of the first record.
    base: Option<i64>,
    next_schedule: Option<i64>,
    last_write: i64,
}

impl Rotation {
    /// Whether files have to be closed by the wall clock, whether a record comes or not.
    pub(crate) fn is_due(&mut self, rules: &Rules, now: i64) -> Option<Reason> {
        if let Some((interval, zone)) = &rules.schedule {
            let next = *self.next_schedule.get_or_insert_with(|| next_boundary(now, *interval, zone));
            if now >= next {
                self.next_schedule = Some(next_boundary(now, *interval, zone));
                if self.records > 0 {
                    return Some(Reason::Schedule);
                }
            }
        }
        let is_idle = |idle| self.records > 0 && now.saturating_sub(self.last_write) >= idle;
        rules.idle.is_some_and(is_idle).then_some(Reason::Idle)
    }

    /// Whether files have to be closed before a record is written. `time` is the partitioner's time of the record;
    /// `moves` whether its path is another than that of the record before.
    pub(crate) fn before(&self, rules: &Rules, time: Option<i64>, moves: bool) -> Option<Reason> {
        let interval = rules.interval?;
        let (base, time) = (self.base?, time?);
        if time.saturating_sub(base) >= interval {
            return Some(Reason::Interval);
        }
        (moves && rules.on_partition_change).then_some(Reason::PartitionChange)
    }

    /// A record was written; whether that closes the files.
    pub(crate) fn written(&mut self, rules: &Rules, time: Option<i64>, now: i64) -> Option<Reason> {
        self.records += 1;
        self.last_write = now;
        self.base = self.base.or(time);
        (self.records >= rules.flush_size).then_some(Reason::FlushSize)
    }

    /// The files were closed.
    pub(crate) fn reset(&mut self) {
        self.records = 0;
        self.base = None;
    }

    /// How many records were written since the last commit.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}

/// The next of the moments that lie at multiples of an interval after midnight; midnight itself is always one.
fn next_boundary(now: i64, interval: i64, zone: &Zone) -> i64 {
    let local = now.saturating_add(zone.offset(now));
    let midnight = local.div_euclid(DAY) * DAY;
    let next = midnight + ((local - midnight) / interval + 1) * interval;
    zone.to_earlier_moment(next.min(midnight + DAY)).max(now + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_formats::java_time::parse_zone;

    fn rules() -> Rules {
        Rules { flush_size: 3, interval: None, on_partition_change: true, schedule: None, idle: None, at_flush: false }
    }

    #[test]
    fn so_many_records_close_the_files() {
        let (mut rotation, rules) = (Rotation::default(), rules());
        assert_eq!(rotation.written(&rules, None, 0), None);
        assert_eq!(rotation.written(&rules, None, 0), None);
        assert_eq!(rotation.written(&rules, None, 0), Some(Reason::FlushSize));
        rotation.reset();
        assert_eq!(rotation.written(&rules, None, 0), None);
    }

    #[test]
    fn a_span_of_record_time_closes_the_files_before_the_record_that_ends_it() {
        let (mut rotation, rules) = (Rotation::default(), Rules { interval: Some(1000), ..rules() });
        assert_eq!(rotation.before(&rules, Some(0), true), None, "nothing is open");
        rotation.written(&rules, Some(5_000), 0);
        assert_eq!(rotation.before(&rules, Some(5_999), false), None);
        assert_eq!(rotation.before(&rules, Some(6_000), false), Some(Reason::Interval));
        assert_eq!(rotation.before(&rules, Some(1), false), None, "late records close nothing by themselves");
        assert_eq!(rotation.before(&rules, Some(1), true), Some(Reason::PartitionChange));
        let lax = Rules { on_partition_change: false, ..rules };
        assert_eq!(rotation.before(&lax, Some(1), true), None);
    }

    #[test]
    fn the_schedule_counts_from_local_midnight_and_starts_anew_there() {
        let zone = parse_zone("Europe/Berlin").unwrap();
        // 2023-11-14T22:13:20Z is 23:13:20 in Berlin.
        let now = 1_700_000_000_000;
        assert_eq!(next_boundary(now, 600_000, &zone), now + 400_000, "23:20");
        assert_eq!(next_boundary(now, 7 * 3_600_000, &zone), now + 2_800_000, "midnight comes before 28:00");
        let rules = Rules { schedule: Some((600_000, zone)), ..rules() };
        let mut rotation = Rotation::default();
        assert_eq!(rotation.is_due(&rules, now), None);
        rotation.written(&rules, None, now);
        assert_eq!(rotation.is_due(&rules, now + 399_999), None);
        assert_eq!(rotation.is_due(&rules, now + 400_000), Some(Reason::Schedule));
        rotation.reset();
        assert_eq!(rotation.is_due(&rules, now + 1_000_000), None, "nothing was written");
    }

    #[test]
    fn files_that_wait_in_vain_are_closed_where_that_is_asked_for() {
        let (mut rotation, rules) = (Rotation::default(), Rules { idle: Some(100), ..rules() });
        assert_eq!(rotation.is_due(&rules, 1_000), None);
        rotation.written(&rules, None, 1_000);
        assert_eq!(rotation.is_due(&rules, 1_099), None);
        assert_eq!(rotation.is_due(&rules, 1_100), Some(Reason::Idle));
    }
}
