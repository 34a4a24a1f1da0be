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
use tokio::sync::{Notify, Semaphore, SemaphorePermit, mpsc};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::config::Tags;
use crate::object::Rest;
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
    /// Room, in KiB, for what comes out of temporary files.
    room: Semaphore,
    room_size: u32,
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

/// What is done once an object is there.
#[derive(Default)]
pub(crate) struct After {
    /// Another object, which says what is in this one: its key and its bytes.
    pub(crate) manifest: Option<(String, Vec<u8>)>,
    pub(crate) tags: Vec<(String, String)>,
}

/// The last bytes of an object.
enum Waiting {
    Here(Counted),
    /// In a temporary file, until there is room for them.
    Elsewhere(Rest),
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
    Last { rest: Waiting, after: After, _counted: CountedUpload },
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
    ///
    /// # Errors
    /// Kind Fatal: the rest cannot be read.
    pub(crate) fn finish(self, rest: Rest, after: After) -> Result<Finished> {
        let rest = match rest.missing() {
            0 => Waiting::Here(Counted::new(rest.load()?, &self.ledger)),
            _ => Waiting::Elsewhere(rest),
        };
        let _counted = CountedUpload::new(&self.ledger);
        let _ = self.pieces.send(Piece::Last { rest, after, _counted });
        Ok(self.task)
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
    /// `room`: bytes out of temporary files that may be in memory at once.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        room: usize,
        retry_backoff: Duration,
        tags: Option<Tags>,
        cancelled: CancellationToken,
    ) -> Self {
        let room_size = u32::try_from(room / 1024).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3);
        let (requests, room) = (Semaphore::new(REQUESTS), Semaphore::new(room_size as usize));
        Self { store, ledger: Arc::default(), retry_backoff, tags, requests, room, room_size, cancelled }
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

/// A multipart upload that was begun.
struct Begun {
    upload: String,
    /// The entity tags of the parts that are there.
    parts: Vec<String>,
    /// The bytes of these parts.
    length: usize,
}

impl Job {
    /// Ends well if the object is there, and only then.
    async fn run(self, mut pieces: mpsc::UnboundedReceiver<Piece>) -> Result<()> {
        let mut begun = None;
        let outcome = self.upload(&mut pieces, &mut begun).await;
        if let (Err(_), Some(begun)) = (&outcome, &begun) {
            self.give_up(&begun.upload).await;
        }
        outcome
    }

    async fn upload(&self, pieces: &mut mpsc::UnboundedReceiver<Piece>, begun: &mut Option<Begun>) -> Result<()> {
        let (key, store) = (&self.key, &self.uploads.store);
        let url = store.url(key);
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                () = self.cancelled.cancelled() => None,
            };
            match (piece, begun.as_mut()) {
                (None, _) => return Err(given_up(&url)),
                (Some(Piece::Part(part)), Some(begun)) => self.part(begun, &part.bytes).await?,
                (Some(Piece::Part(part)), None) => {
                    let upload = self.persist(&format!("beginning the upload of {url}"), || store.begin(key)).await?;
                    let begun = begun.insert(Begun { upload, parts: Vec::new(), length: 0 });
                    self.part(begun, &part.bytes).await?;
                }
                (Some(Piece::Last { rest, after, _counted }), multipart) => {
                    let (bytes, _room) = self.load(rest).await?;
                    match multipart {
                        None => {
                            let put = || store.put(key, bytes.bytes.clone());
                            self.persist(&format!("writing {url}"), put).await?;
                        }
                        Some(begun) => {
                            if !bytes.bytes.is_empty() {
                                self.part(begun, &bytes.bytes).await?;
                            }
                            self.complete(begun).await?;
                        }
                    }
                    *begun = None;
                    if let Some((key, manifest)) = after.manifest {
                        let manifest = Bytes::from(manifest);
                        self.persist(&format!("writing {}", store.url(&key)), || store.put(&key, manifest.clone()))
                            .await?;
                    }
                    return self.set_tags(&after.tags).await;
                }
            }
        }
    }

    /// The last bytes in memory, with their share of the room for such bytes.
    async fn load(&self, rest: Waiting) -> Result<(Counted, Option<SemaphorePermit<'_>>)> {
        let Uploads { room, room_size, ledger, store, .. } = &*self.uploads;
        match rest {
            Waiting::Here(bytes) => Ok((bytes, None)),
            Waiting::Elsewhere(rest) => {
                let share = u32::try_from(rest.missing() / 1024 + 1).unwrap_or(u32::MAX).min(*room_size);
                let permit = tokio::select! {
                    permit = room.acquire_many(share) => permit,
                    () = self.cancelled.cancelled() => return Err(given_up(&store.url(&self.key))),
                };
                Ok((Counted::new(rest.load()?, ledger), permit.ok()))
            }
        }
    }

    async fn part(&self, begun: &mut Begun, bytes: &Bytes) -> Result<()> {
        let number = i32::try_from(begun.parts.len() + 1).unwrap_or(i32::MAX);
        let (key, store) = (&self.key, &self.uploads.store);
        let what = format!("uploading part {number} of {}", store.url(key));
        begun.parts.push(self.persist(&what, || store.part(key, &begun.upload, number, bytes.clone())).await?);
        begun.length += bytes.len();
        Ok(())
    }

    /// Completes a multipart upload. An answer that got lost leaves an upload that is not known any more, and the
    /// object in its place; the client tries again by itself, so this may be the first that is heard of it.
    async fn complete(&self, begun: &Begun) -> Result<()> {
        let (key, store) = (&self.key, &self.uploads.store);
        let complete = || async {
            match store.complete(key, &begun.upload, &begun.parts).await {
                Err(StoreError::NoSuchUpload(why)) => match store.size(key).await? {
                    Some(size) if usize::try_from(size) == Ok(begun.length) => Ok(()),
                    _ => Err(StoreError::NoSuchUpload(why)),
                },
                outcome => outcome,
            }
        };
        self.persist(&format!("completing the upload of {}", store.url(key)), complete).await
    }

    async fn set_tags(&self, tags: &[(String, String)]) -> Result<()> {
        if tags.is_empty() {
            return Ok(());
        }
        let (key, url) = (&self.key, self.uploads.store.url(&self.key));
        let is_required = self.uploads.tags.as_ref().is_some_and(|tags| tags.is_required);
        match self.uploads.store.tag(key, tags).await {
            Err(error) if is_required => Err(ConnectError::fatal(format!("tagging {url} failed: {error}"))),
            Err(error) => {
                tracing::warn!("tagging {url} failed, which is ignored: {error}");
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
        let (key, url) = (&self.key, self.uploads.store.url(&self.key));
        match tokio::time::timeout(ABORT_TIMEOUT, self.uploads.store.abort(key, upload)).await {
            Ok(Ok(()) | Err(StoreError::NoSuchUpload(_))) => {}
            Ok(Err(error)) => tracing::warn!("a multipart upload of {url} is left behind: {error}"),
            Err(_) => tracing::warn!("a multipart upload of {url} is left behind: the server does not answer"),
        }
    }
}

/// The error of an upload that nobody waits for any more: the task ends, or its partition has gone to another. The only
/// one of kind Retriable, as what it was to write is read again.
fn given_up(what: &str) -> ConnectError {
    ConnectError::retriable(format!("{what} was given up"))
}
