//! Objects on their way to the server.
//!
//! An upload is an async task of its own. It gets an object's bytes as they become ready, and ends with the object's
//! being there. What fails and may work later is tried again for as long as the connector's task lives; the bytes stay
//! until then, and [`Ledger`] counts them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use longshore_api::{ConnectError, Result};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::config::Tags;
use crate::store::{Store, StoreError};

/// Requests of a task that are under way at once.
const REQUESTS: usize = 16;
/// How long giving up a multipart upload may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all uploads of a task share.
pub(crate) struct Uploads {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Arc<Ledger>,
    retry_backoff: Duration,
    tags: Option<Tags>,
    requests: Semaphore,
    cancelled: CancellationToken,
}

/// What is on its way.
#[derive(Default)]
pub(crate) struct Ledger {
    bytes: AtomicUsize,
    uploads: AtomicUsize,
    changed: Notify,
    /// Why something has to be tried again; forgotten when something works.
    trouble: Mutex<Option<String>>,
}

impl Ledger {
    /// Bytes on their way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// Objects on their way that will get no more bytes.
    pub(crate) fn uploads(&self) -> usize {
        self.uploads.load(Ordering::Acquire)
    }

    /// Waits until there are fewer bytes or uploads.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Why uploads do not go on, if they do not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Bytes that the ledger counts until they are dropped.
struct Counted {
    bytes: Bytes,
    ledger: Arc<Ledger>,
}

impl Counted {
    fn new(bytes: Vec<u8>, ledger: &Arc<Ledger>) -> Self {
        ledger.bytes.fetch_add(bytes.len(), Ordering::AcqRel);
        Self { bytes: bytes.into(), ledger: Arc::clone(ledger) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.ledger.bytes.fetch_sub(self.bytes.len(), Ordering::AcqRel);
        self.ledger.changed.notify_one();
    }
}

/// An upload that the ledger counts until it is dropped.
struct CountedUpload(Arc<Ledger>);

impl CountedUpload {
    fn new(ledger: &Arc<Ledger>) -> Self {
        ledger.uploads.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(ledger))
    }
}

impl Drop for CountedUpload {
    fn drop(&mut self) {
        self.0.uploads.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

/// What an upload is told.
enum Piece {
    Part(Counted),
    Last { bytes: Counted, tags: Vec<(String, String)>, _counted: CountedUpload },
}

/// An object that is being uploaded. Dropped before [`finish`](Self::finish), it is given up.
pub(crate) struct Upload {
    pieces: mpsc::UnboundedSender<Piece>,
    task: JoinHandle<Result<()>>,
    ledger: Arc<Ledger>,
}

/// An object that has all its bytes; its end is awaited.
pub(crate) type Finished = JoinHandle<Result<()>>;

impl Upload {
    /// Uploads a part of the object, at least as large as S3 wants it.
    pub(crate) fn part(&self, bytes: Vec<u8>) {
        // An upload that has ended has its error to tell, which the commit asks for.
        let _ = self.pieces.send(Piece::Part(Counted::new(bytes, &self.ledger)));
    }

    /// Uploads the rest and makes the object of it.
    pub(crate) fn finish(self, bytes: Vec<u8>, tags: Vec<(String, String)>) -> Finished {
        let _counted = CountedUpload::new(&self.ledger);
        let _ = self.pieces.send(Piece::Last { bytes: Counted::new(bytes, &self.ledger), tags, _counted });
        self.task
    }

    /// Whether it has ended, which before its finish means that it has failed.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// How it has ended.
    ///
    /// # Errors
    /// Why the object is not there.
    pub(crate) async fn outcome(self) -> Result<()> {
        drop(self.pieces);
        self.task.await.unwrap_or_else(|error| Err(panicked(&error)))
    }
}

/// The error of an upload that panicked.
pub(crate) fn panicked(error: &JoinError) -> ConnectError {
    ConnectError::fatal(format!("an upload ended in a panic: {error}"))
}

impl Uploads {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        retry_backoff: Duration,
        tags: Option<Tags>,
        cancelled: CancellationToken,
    ) -> Self {
        let requests = Semaphore::new(REQUESTS);
        Self { store, ledger: Arc::default(), retry_backoff, tags, requests, cancelled }
    }

    /// Begins the upload of an object, to be given up when `cancelled` fires.
    pub(crate) fn begin(self: &Arc<Self>, key: &str, cancelled: &CancellationToken) -> Upload {
        let (pieces, received) = mpsc::unbounded_channel();
        let job = Job { uploads: Arc::clone(self), key: key.to_owned(), cancelled: cancelled.clone() };
        Upload { pieces, task: tokio::spawn(job.run(received)), ledger: Arc::clone(&self.ledger) }
    }

    /// The tags of an object that holds the records from one offset to another, both included.
    pub(crate) fn tags(&self, first: i64, last: i64, count: u64) -> Vec<(String, String)> {
        let Some(tags) = &self.tags else { return Vec::new() };
        let own =
            [("startOffset", first.to_string()), ("endOffset", last.to_string()), ("recordCount", count.to_string())];
        own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(tags.pairs.iter().cloned()).collect()
    }

    /// A token for the uploads of one partition.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.cancelled.child_token()
    }
}

/// The work of one upload.
struct Job {
    uploads: Arc<Uploads>,
    key: String,
    cancelled: CancellationToken,
}

/// A multipart upload that was begun: its id, and the entity tags of its parts.
type Begun = Option<(String, Vec<String>)>;

impl Job {
    /// Ends well if the object is there, and only then.
    async fn run(self, mut pieces: mpsc::UnboundedReceiver<Piece>) -> Result<()> {
        let mut begun = None;
        let outcome = self.upload(&mut pieces, &mut begun).await;
        if let (Err(_), Some((upload, _))) = (&outcome, &begun) {
            self.give_up(upload).await;
        }
        outcome
    }

    async fn upload(&self, pieces: &mut mpsc::UnboundedReceiver<Piece>, begun: &mut Begun) -> Result<()> {
        let (key, store) = (&self.key, &self.uploads.store);
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                () = self.cancelled.cancelled() => None,
            };
            match (piece, begun.as_mut()) {
                (None, _) => return Err(given_up(key)),
                (Some(Piece::Part(part)), Some((upload, parts))) => self.part(upload, parts, &part.bytes).await?,
                (Some(Piece::Part(part)), None) => {
                    let upload = self.persist(&format!("beginning the upload of {key}"), || store.begin(key)).await?;
                    let (upload, parts) = begun.insert((upload, Vec::new()));
                    self.part(upload, parts, &part.bytes).await?;
                }
                (Some(Piece::Last { bytes, tags, _counted }), multipart) => {
                    match multipart {
                        None => {
                            let put = || store.put(key, bytes.bytes.clone());
                            self.persist(&format!("writing {key}"), put).await?;
                        }
                        Some((upload, parts)) => {
                            if !bytes.bytes.is_empty() {
                                self.part(upload, parts, &bytes.bytes).await?;
                            }
                            self.complete(upload, parts).await?;
                        }
                    }
                    *begun = None;
                    return self.set_tags(&tags).await;
                }
            }
        }
    }

    async fn part(&self, upload: &str, parts: &mut Vec<String>, bytes: &Bytes) -> Result<()> {
        let number = i32::try_from(parts.len() + 1).unwrap_or(i32::MAX);
        let (key, store) = (&self.key, &self.uploads.store);
        let what = format!("uploading part {number} of {key}");
        parts.push(self.persist(&what, || store.part(key, upload, number, bytes.clone())).await?);
        Ok(())
    }

    /// Completes a multipart upload. An answer that got lost leaves an upload that is not known any more, and the
    /// object in its place.
    async fn complete(&self, upload: &str, parts: &[String]) -> Result<()> {
        let (key, store) = (&self.key, &self.uploads.store);
        let what = format!("completing the upload of {key}");
        let attempts = AtomicUsize::new(0);
        let complete = || async {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            match store.complete(key, upload, parts).await {
                Err(StoreError::NoSuchUpload(why)) if attempt > 0 => match store.size(key).await? {
                    Some(_) => Ok(()),
                    None => Err(StoreError::NoSuchUpload(why)),
                },
                outcome => outcome,
            }
        };
        self.persist(&what, complete).await
    }

    async fn set_tags(&self, tags: &[(String, String)]) -> Result<()> {
        if tags.is_empty() {
            return Ok(());
        }
        let key = &self.key;
        let is_required = self.uploads.tags.as_ref().is_some_and(|tags| tags.is_required);
        match self.uploads.store.tag(key, tags).await {
            Err(error) if is_required => Err(ConnectError::fatal(format!("tagging {key} failed: {error}"))),
            Err(error) => {
                tracing::warn!("tagging {key} failed, which is ignored: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Does a request until it works, or cannot work.
    async fn persist<T, F>(&self, what: &str, mut request: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Uploads { requests, ledger, retry_backoff, .. } = &*self.uploads;
        loop {
            let outcome = {
                let _permit = requests.acquire().await;
                tokio::select! {
                    outcome = request() => outcome,
                    () = self.cancelled.cancelled() => return Err(given_up(what)),
                }
            };
            match outcome {
                Ok(done) => {
                    ledger.set_trouble(None);
                    return Ok(done);
                }
                Err(error @ StoreError::Transient(_)) => {
                    let error = error.while_doing(what);
                    tracing::warn!("{error}; it is tried again in {} ms", retry_backoff.as_millis());
                    ledger.set_trouble(Some(error.to_string()));
                    tokio::select! {
                        () = tokio::time::sleep(*retry_backoff) => {}
                        () = self.cancelled.cancelled() => return Err(given_up(what)),
                    }
                }
                Err(error) => return Err(error.while_doing(what)),
            }
        }
    }

    async fn give_up(&self, upload: &str) {
        let key = &self.key;
        match tokio::time::timeout(ABORT_TIMEOUT, self.uploads.store.abort(key, upload)).await {
            Ok(Ok(()) | Err(StoreError::NoSuchUpload(_))) => {}
            Ok(Err(error)) => tracing::warn!("a multipart upload of {key} is left behind: {error}"),
            Err(_) => tracing::warn!("a multipart upload of {key} is left behind: the server does not answer"),
        }
    }
}

/// The error of an upload that nobody waits for any more: the task ends, or its partition has gone to another. The only
/// one of kind Retriable, as what it was to write is read again.
fn given_up(what: &str) -> ConnectError {
    ConnectError::retriable(format!("{what} was given up"))
}
