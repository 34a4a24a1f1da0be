//! Follows a log in the background, so that a state is as new as its log.

use std::time::Duration;

use longshore_api::{ConnectError, Result};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Log, LogRecord};

/// Pause after a log could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// Calls of `refresh` that may wait for their turn; more wait for a place.
const WAITING: usize = 64;

/// A reader in the background; it ends when this is dropped.
pub(super) struct Tail {
    requests: mpsc::Sender<oneshot::Sender<Result<()>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    /// Reads the log to its end, then follows it; every record goes to `apply`, in order.
    pub(super) async fn start(
        mut log: Box<dyn Log>,
        mut apply: impl FnMut(Vec<LogRecord>) + Send + 'static,
    ) -> Result<Self> {
        apply(log.read_to_end().await?);
        let (requests, waiting) = mpsc::channel(WAITING);
        Ok(Self { requests, reader: tokio::spawn(follow(log, apply, waiting)) })
    }

    /// Returns when all that was written before the call is applied.
    pub(super) async fn refresh(&self) -> Result<()> {
        let ended = || ConnectError::fatal("the reader of the log has ended");
        let (done, answer) = oneshot::channel();
        self.requests.send(done).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn follow(
    mut log: Box<dyn Log>,
    mut apply: impl FnMut(Vec<LogRecord>),
    mut requests: mpsc::Receiver<oneshot::Sender<Result<()>>>,
) {
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return };
                let mut waiting = vec![request];
                while let Ok(request) = requests.try_recv() {
                    waiting.push(request);
                }
                let outcome = log.read_to_end().await.map(&mut apply);
                for done in waiting {
                    // Nobody waits any more: nothing is lost.
                    done.send(outcome.clone()).ok();
                }
            }
            records = log.next() => match records {
                Ok(records) => apply(records),
                Err(error) => {
                    tracing::warn!(%error, "the log could not be read; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
