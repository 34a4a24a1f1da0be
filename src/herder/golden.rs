//! The worker that was recorded, for tests.

use longshore_test_recorded as recorded;

use crate::config::WorkerConfig;

/// A distributed worker's configuration with these settings.
pub(crate) fn worker(settings: &[(&str, &str)]) -> WorkerConfig {
    WorkerConfig::distributed(recorded::worker(settings).into_iter().collect()).unwrap()
}
