//! The status log with its state: writes in the background, so that nobody waits for a status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use longshore_api::{ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::status_log::{Status, StatusKey, StatusState, TopicUse};
use super::tail::Tail;
use super::{Log, LogEntry, LogWriter};
use crate::task::{State, TaskId, TopicTracker};

/// Pauses between attempts to write: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(10));

/// States of connectors and tasks, and the topics that connectors use.
///
/// Writing never waits: the newest status of each key is queued and written in the order in which the keys came, again
/// and again while the log cannot be reached. A status is seen here when it has been read back.
pub struct StatusStore {
    shared: Arc<Shared>,
    tail: Tail,
    writer: JoinHandle<()>,
    track: bool,
}

#[derive(Default)]
struct Shared {
    state: RwLock<StatusState>,
    queue: Mutex<Queue>,
    /// Whether something waits or is on its way.
    busy: watch::Sender<bool>,
}

/// One entry a key, so it is bounded by what there is to tell of.
type Queue = IndexMap<StatusKey, Pending>;

#[derive(Clone)]
struct Pending {
    entry: LogEntry,
    /// Worker and generation that say it, where another worker may know better.
    safe: Option<(Arc<str>, i32)>,
}

impl StatusStore {
    /// Reads the log from its beginning and follows it. `track` says whether used topics are recorded.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn open(log: Box<dyn Log>, track: bool) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let log_writer = log.writer();
        let reader = shared.clone();
        let tail = Tail::start(log, move |records| {
            let mut state = reader.state.write().unwrap_or_else(PoisonError::into_inner);
            records.iter().for_each(|record| state.apply(record));
        })
        .await?;
        let writer = tokio::spawn(write(shared.clone(), log_writer));
        Ok(Self { shared, tail, writer, track })
    }

    /// What is known. Do not hold it across an await.
    pub fn state(&self) -> RwLockReadGuard<'_, StatusState> {
        self.shared.state()
    }

    /// Tells the state of a connector or task; deletes it where the state is `Destroyed`. Never waits.
    ///
    /// `Failed` and `Unassigned` are dropped if another worker of a later generation has told something since.
    pub fn put(&self, key: StatusKey, status: &Status) {
        let safe = matches!(status.state, State::Failed | State::Unassigned);
        let entry = status.encode(&key);
        let safe = safe.then(|| (status.worker_id.clone(), status.generation));
        self.shared.push(key, Pending { entry, safe });
    }

    /// Deletes what is told of a connector, its tasks and its topics.
    pub fn remove_connector(&self, connector: &str) {
        let tasks: Vec<_> = self.state().tasks(connector).map(|(task, _)| task).collect();
        for task in tasks {
            self.remove(StatusKey::Task(TaskId { connector: connector.into(), task }));
        }
        self.remove(StatusKey::Connector(connector.into()));
        self.reset_topics(connector);
    }

    /// Deletes what is told of a key.
    pub fn remove(&self, key: StatusKey) {
        let entry = (key.encode(), None);
        self.shared.push(key, Pending { entry, safe: None });
    }

    /// Forgets which topics a connector uses.
    pub fn reset_topics(&self, connector: &str) {
        let topics: Vec<_> = self.state().topics(connector).map(|used| used.topic.clone()).collect();
        for topic in topics {
            self.remove(StatusKey::Topic { topic, connector: connector.into() });
        }
    }

    /// Waits until everything that was told before is written and read back. The caller sets a time limit.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn flush(&self) -> Result<()> {
        // The sender lives in `shared`: waiting cannot fail.
        self.shared.busy.subscribe().wait_for(|busy| !busy).await.ok();
        self.tail.refresh().await
    }
}

impl Drop for StatusStore {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl TopicTracker for StatusStore {
    fn active(&self, task: &TaskId, topic: &str) {
        if !self.track || self.state().uses(&task.connector, topic) {
            return;
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let discovered = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let used = TopicUse { topic: topic.into(), task: task.clone(), discovered };
        let key = StatusKey::Topic { topic: used.topic.clone(), connector: task.connector.clone() };
        self.shared.push(key, Pending { entry: used.encode(), safe: None });
    }
}

impl Shared {
    fn state(&self) -> RwLockReadGuard<'_, StatusState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, key: StatusKey, pending: Pending) {
        let mut queue = self.queue();
        // What is newer takes its place at the end, after what it may refer to.
        queue.shift_remove(&key);
        queue.insert(key, pending);
        self.busy.send_replace(true);
    }

    /// Everything that waits, without what another worker knows better.
    fn take(&self) -> Queue {
        let mut queue = std::mem::take(&mut *self.queue());
        let state = self.state();
        queue.retain(|key, pending| match &pending.safe {
            Some((worker_id, generation)) => state.may_replace(key, worker_id, *generation),
            None => true,
        });
        queue
    }

    /// Puts back what could not be written, before what came meanwhile; newer entries of a key stand.
    fn put_back(&self, mut failed: Queue) {
        let mut queue = self.queue();
        failed.retain(|key, _| !queue.contains_key(key));
        failed.extend(queue.drain(..));
        *queue = failed;
    }

    /// Nothing waits any more, unless something has come meanwhile.
    fn rest(&self) {
        let queue = self.queue();
        if queue.is_empty() {
            self.busy.send_replace(false);
        }
    }
}

async fn write(shared: Arc<Shared>, writer: Arc<dyn LogWriter>) {
    let mut busy = shared.busy.subscribe();
    let mut pause = PAUSES.0;
    // The sender lives in `shared`: waiting cannot fail.
    while busy.wait_for(|busy| *busy).await.is_ok() {
        let batch = shared.take();
        if batch.is_empty() {
            shared.rest();
            continue;
        }
        match writer.append(batch.values().map(|pending| pending.entry.clone()).collect()).await {
            Ok(()) => pause = PAUSES.0,
            Err(error) if error.kind == ErrorKind::Retriable => {
                tracing::warn!(%error, "statuses could not be written; they are written again");
                shared.put_back(batch);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            Err(error) => tracing::error!(%error, keys = ?batch.keys(), "statuses could not be written"),
        }
        shared.rest();
    }
}
