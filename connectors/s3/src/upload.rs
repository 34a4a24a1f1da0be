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

    /// Begins the upload of an object.
    pub(crate) fn begin(self: &Arc<Self>, key: &str) -> Upload {
        let (pieces, received) = mpsc::unbounded_channel();
        let (shared, key) = (Arc::clone(self), key.to_owned());
        let task = tokio::spawn(async move { shared.run(&key, received).await });
        Upload { pieces, task, ledger: Arc::clone(&self.ledger) }
    }

    /// The tags of an object that holds the records from one offset to another, both included.
    pub(crate) fn tags(&self, first: i64, last: i64, count: u64) -> Vec<(String, String)> {
        let Some(tags) = &self.tags else { return Vec::new() };
        let own =
            [("startOffset", first.to_string()), ("endOffset", last.to_string()), ("recordCount", count.to_string())];
        own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(tags.pairs.iter().cloned()).collect()
    }

    async fn run(&self, key: &str, mut pieces: mpsc::UnboundedReceiver<Piece>) -> Result<()> {
        let mut begun: Option<(String, Vec<String>)> = None;
        let outcome = self.upload(key, &mut pieces, &mut begun).await;
        if let (Err(_) | Ok(false), Some((upload, _))) = (&outcome, &begun) {
            self.give_up(key, upload).await;
        }
        outcome.map(|_| ())
    }

    /// Whether the object is there; it is not if nobody waits for it any more.
    async fn upload(
        &self,
        key: &str,
        pieces: &mut mpsc::UnboundedReceiver<Piece>,
        begun: &mut Option<(String, Vec<String>)>,
    ) -> Result<bool> {
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                () = self.cancelled.cancelled() => None,
            };
            match (piece, begun.as_mut()) {
                (None, _) => return Ok(false),
                (Some(Piece::Part(part)), Some((upload, parts))) => self.part(key, upload, parts, &part.bytes).await?,
                (Some(Piece::Part(part)), None) => {
                    let upload =
                        self.persist(&format!("beginning the upload of {key}"), || self.store.begin(key)).await?;
                    let (upload, parts) = begun.insert((upload, Vec::new()));
                    self.part(key, upload, parts, &part.bytes).await?;
                }
                (Some(Piece::Last { bytes, tags, _counted }), multipart) => {
                    match multipart {
                        None => {
                            let put = || self.store.put(key, bytes.bytes.clone());
                            self.persist(&format!("writing {key}"), put).await?;
                        }
                        Some((upload, parts)) => {
                            if !bytes.bytes.is_empty() {
                                self.part(key, upload, parts, &bytes.bytes).await?;
                            }
                            self.complete(key, upload, parts).await?;
                        }
                    }
                    *begun = None;
                    self.set_tags(key, &tags).await?;
                    return Ok(true);
                }
            }
        }
    }

    async fn part(&self, key: &str, upload: &str, parts: &mut Vec<String>, bytes: &Bytes) -> Result<()> {
        let number = i32::try_from(parts.len() + 1).unwrap_or(i32::MAX);
        let what = format!("uploading part {number} of {key}");
        parts.push(self.persist(&what, || self.store.part(key, upload, number, bytes.clone())).await?);
        Ok(())
    }

    /// Completes a multipart upload. An answer that got lost leaves an upload that is not known any more, and the
    /// object in its place.
    async fn complete(&self, key: &str, upload: &str, parts: &[String]) -> Result<()> {
        let what = format!("completing the upload of {key}");
        let attempts = AtomicUsize::new(0);
        let complete = || async {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            match self.store.complete(key, upload, parts).await {
                Err(StoreError::NoSuchUpload(why)) if attempt > 0 => match self.store.size(key).await? {
                    Some(_) => Ok(()),
                    None => Err(StoreError::NoSuchUpload(why)),
                },
                outcome => outcome,
            }
        };
        self.persist(&what, complete).await
    }

    async fn set_tags(&self, key: &str, tags: &[(String, String)]) -> Result<()> {
        if tags.is_empty() {
            return Ok(());
        }
        let is_required = self.tags.as_ref().is_some_and(|tags| tags.is_required);
        match self.store.tag(key, tags).await {
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
        loop {
            let outcome = {
                let _permit = self.requests.acquire().await;
                tokio::select! {
                    outcome = request() => outcome,
                    () = self.cancelled.cancelled() => return Err(ended(what)),
                }
            };
            match outcome {
                Ok(done) => {
                    self.ledger.set_trouble(None);
                    return Ok(done);
                }
                Err(error @ StoreError::Transient(_)) => {
                    let error = error.while_doing(what);
                    tracing::warn!("{error}; it is tried again in {} ms", self.retry_backoff.as_millis());
                    self.ledger.set_trouble(Some(error.to_string()));
                    tokio::select! {
                        () = tokio::time::sleep(self.retry_backoff) => {}
                        () = self.cancelled.cancelled() => return Err(ended(what)),
                    }
                }
                Err(error) => return Err(error.while_doing(what)),
            }
        }
    }

    async fn give_up(&self, key: &str, upload: &str) {
        match tokio::time::timeout(ABORT_TIMEOUT, self.store.abort(key, upload)).await {
            Ok(Ok(()) | Err(StoreError::NoSuchUpload(_))) => {}
            Ok(Err(error)) => tracing::warn!("a multipart upload of {key} is left behind: {error}"),
            Err(_) => tracing::warn!("a multipart upload of {key} is left behind: the server does not answer"),
        }
    }
}

fn ended(what: &str) -> ConnectError {
    ConnectError::retriable(format!("{what} was given up: the task ends"))
}
